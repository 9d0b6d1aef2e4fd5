// Can this be sold, from when, and how much of it; and whom a change of the estate leaves short.
#pragma once

#include "engine/contracts/book.h"
#include "engine/step.h"

namespace penstock {

/// The answer to a contract that is asked for.
struct Quote {
  std::string contract;
  bool possible = false;
  std::string message;
  std::optional<Time> earliest;
  std::optional<std::int64_t> largest;
  BookEntry entry;

  static constexpr auto schema() {
    return object("Quote", "The answer to a contract that is asked for.",
                  field("contract", &Quote::contract, required, "tenant/contract"),
                  field("possible", &Quote::possible, required, "whether all of it can be sold"),
                  field("message", &Quote::message, required, "the answer in a sentence: how many, or what binds"),
                  field("earliest", &Quote::earliest, optional,
                        "if not: when it could begin, all its dates later by as much; absent: at no date that is known"),
                  field("largest", &Quote::largest, optional, "if not: GPUs that its ramp could reach with the dates asked for"),
                  field("entry", &Quote::entry, required, "where it would lie, and what is missing"));
  }
};

/// `others` has laid all that is signed but the contract itself.
Quote quote(const Ground& others, const Sale& sale);

/// What the book says of all signed contracts: by name, those of which something is missing. The oversold are left out.
std::map<std::string, std::vector<Shortfall>> shortfalls(Ground ground, const std::vector<Sale>& sales);

/// How `missing` differs from what was told, as sentences; one a contract.
std::vector<std::string> told_anew(const std::map<std::string, std::vector<Shortfall>>& told,
                                   const std::map<std::string, std::vector<Shortfall>>& missing, bool would);

/// After sites, restrictions or contracts have changed: tells which contracts lack GPUs now, or no longer do, as events and
/// as sentences.
std::vector<std::string> tell_shortfalls(Step& step, const std::string& cause);

/// `3,000 GPUs are missing from … until …: …`.
std::string describe(const Shortfall& missing);

}  // namespace penstock
