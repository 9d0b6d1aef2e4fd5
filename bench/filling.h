// An engine with an estate of its own that is filled with work, for the benchmarks.
#pragma once

#include "engine/engine.h"

namespace penstock {

/// Reads documents; ends the program with their faults if they have any.
std::vector<Document> read_or_die(const std::string& text);

class Filling {
 public:
  /// Applies the documents of a text, and a tenant with three contracts: `firm`, `sixty` (may be shed to 60 %) and
  /// `spot`.
  explicit Filling(const std::string& text);

  /// Submits `jobs` gangs of `replicas` nodes with `gpus` GPUs each, under the contracts in turn, and lets the engine
  /// place them. Returns how many were placed.
  std::size_t fill(std::size_t jobs, std::int32_t replicas, std::int64_t gpus,
                   const std::vector<std::string>& contracts);

  Reply run(const Command& command);
  const State& state() const { return engine_.state(); }

 private:
  Engine engine_;
  Time now_;
  std::size_t submitted_ = 0;
};

}  // namespace penstock
