// Searches over the book.
#include "engine/contracts/quote.h"

#include <algorithm>

#include "engine/contracts/sale.h"

namespace penstock {
namespace {

constexpr std::size_t kMostDates = 500;

bool fits(const Ground& others, Sale sale, ContractSpec as) {
  sale.spec = std::move(as);
  Ground trial = others;
  return trial.lay(sale).missing.empty();
}

// When it first gives anything.
Time begin_of(const ContractSpec& contract) {
  const Time step = contract.ramp.front().from;
  return contract.from ? std::max(*contract.from, step) : step;
}

// It fits anew only when one of its dates meets one of the estate's.
std::optional<Time> earliest(const Ground& others, const Sale& sale) {
  std::set<Duration> shifts;
  const std::vector<Time> own = sale_dates(sale.spec);
  for (const Time date : others.dates(sale)) {
    for (const Time from : own) {
      if (from < date) shifts.insert(date - from);
    }
  }
  std::size_t tried = 0;
  for (const Duration shift : shifts) {
    const Time begins = begin_of(sale.spec) + shift;
    if (begins <= others.now()) continue;
    if (++tried > kMostDates) break;
    if (fits(others, sale, shifted(sale.spec, shift))) return begins;
  }
  return std::nullopt;
}

std::int64_t largest(const Ground& others, const Sale& sale) {
  std::int64_t good = 0, bad = 0;
  for (const RampStepSpec& step : sale.spec.ramp) bad = std::max(bad, step.gpus);
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (fits(others, sale, capped(sale.spec, middle)) ? good : bad) = middle;
  }
  return good;
}

// What was short already when it was told has not begun anew.
std::vector<Shortfall> since_told(const std::vector<Shortfall>& told, std::vector<Shortfall> missing, Time now) {
  for (Shortfall& piece : missing) {
    for (const Shortfall& known : told) {
      if (piece.from == now && known.from < now && known.spare == piece.spare && known.gpus == piece.gpus) piece.from = known.from;
    }
  }
  return missing;
}

// The words may differ while what is missing does not.
bool same(const std::vector<Shortfall>& a, const std::vector<Shortfall>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Shortfall& x, const Shortfall& y) {
    return std::tie(x.from, x.until, x.gpus, x.spare) == std::tie(y.from, y.until, y.gpus, y.spare);
  });
}

}  // namespace

std::string describe(const Shortfall& missing) {
  return fmt::format("{} {} missing from {}{}: {}", missing.gpus, missing.spare ? "GPUs of its spare nodes are" : missing.gpus == 1 ? "GPU is" : "GPUs are",
                     Text<Time>::format(missing.from),
                     missing.until ? " until " + Text<Time>::format(*missing.until) : std::string(" on"), missing.bound_by);
}

Quote quote(const Ground& others, const Sale& sale) {
  Quote out;
  out.contract = sale.name;
  Ground with = others;
  const Laid laid = with.lay(sale);
  out.entry = with.entry(laid);
  out.possible = laid.missing.empty();
  if (out.possible) {
    std::int64_t nodes = 0, spares = 0;
    std::set<std::string> sites;
    for (const BookLot& lot : out.entry.lots) {
      (lot.spare ? spares : nodes) += lot.nodes;
      sites.insert(lot.site);
    }
    out.message = fmt::format("{} can be sold: {} GPUs on {} nodes at {}{}", sale.name, out.entry.sold + out.entry.promised, nodes,
                              fmt::join(sites, ", "), spares > 0 ? fmt::format(", with {} spare nodes", spares) : std::string());
    return out;
  }
  out.earliest = earliest(others, sale);
  out.largest = largest(others, sale);
  out.message = fmt::format("{} cannot be sold: {}. {}; with the dates asked for, {} GPUs would fit", sale.name, describe(laid.missing.front()),
                            out.earliest ? fmt::format("All of it would fit from {}", Text<Time>::format(*out.earliest))
                                         : std::string("It fits at no date that is known"),
                            *out.largest);
  return out;
}

std::map<std::string, std::vector<Shortfall>> shortfalls(Ground ground, const std::vector<Sale>& sales) {
  std::map<std::string, std::vector<Shortfall>> out;
  for (const Sale& sale : sales) {
    Laid laid = ground.lay(sale);
    if (!sale.spec.oversold && !laid.missing.empty()) out[sale.name] = std::move(laid.missing);
  }
  return out;
}

std::vector<std::string> told_anew(const std::map<std::string, std::vector<Shortfall>>& told,
                                   const std::map<std::string, std::vector<Shortfall>>& missing, bool would) {
  std::vector<std::string> out;
  for (const auto& [name, pieces] : missing) {
    const auto before = told.find(name);
    if (before != told.end() && same(before->second, pieces)) continue;
    for (const Shortfall& piece : pieces) out.push_back(fmt::format("contract {}{}: {}", name, would ? " would be broken" : " is broken", describe(piece)));
  }
  for (const auto& [name, pieces] : told) {
    if (!missing.contains(name)) out.push_back(fmt::format("contract {}: nothing {} missing any more", name, would ? "would be" : "is"));
  }
  return out;
}

std::vector<std::string> tell_shortfalls(Step& step, const std::string& cause) {
  const Facts& facts = step.facts();
  const std::vector<Sale> sales = signed_sales(facts);
  if (sales.empty() && facts.breached.empty()) return {};
  auto missing = shortfalls(Ground(step.state(), step.now()), sales);
  const auto told = facts.breached;
  ContractsBreached breached{cause, {}};
  ContractsRestored restored;
  for (auto& [name, pieces] : missing) {
    const auto before = told.find(name);
    if (before != told.end()) pieces = since_told(before->second, std::move(pieces), step.now());
    if (before == told.end() || !same(before->second, pieces)) breached.contracts[name] = pieces;
  }
  for (const auto& [name, pieces] : told) {
    if (!missing.contains(name)) restored.contracts.push_back(name);
  }
  std::vector<std::string> lines = told_anew(told, missing, false);
  if (!breached.contracts.empty()) step.emit(std::move(breached));
  if (!restored.contracts.empty()) step.emit(std::move(restored));
  return lines;
}

}  // namespace penstock
