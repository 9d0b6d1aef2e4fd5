// The limit table of one site in one condition: every row that a watt can break, and for each column of nodes which
// rows it weighs on. docs/power.md has the rules; a row holds rule 1, 3, 4 or 5, a capability rule 2 or 6.
#pragma once

#include "estate/network.h"

namespace penstock {

/// Which loss a row belongs to: none, a single element or unit, several together, or the grid operator's order.
struct Contingency {
  enum class Kind { kNone, kElement, kUnit, kTogether, kOrder };
  Kind kind = Kind::kNone;
  std::uint32_t index = 0;  ///< local element or unit, or place in EstateSite::losses

  auto operator<=>(const Contingency&) const = default;
};

/// Σ weight × watts + base ≤ limit, once for firm power and once for demand.
struct LimitRow {
  enum class Kind { kElement, kImport, kLoop };
  Kind kind = Kind::kElement;
  std::uint32_t subject = 0;  ///< local element or loop
  Medium medium = Medium::kLiquid;
  Contingency after;
  MicroWatts base = 0;
  MicroWatts firm_limit = 0;
  MicroWatts demand_limit = kUnlimited;
};

/// One place where a column weighs.
struct RowWeight {
  std::uint32_t row = 0;
  std::int64_t ppm = 0;
};

/// How much a node of a column may hold by its power supplies.
struct Capability {
  Watts demand;         ///< with what is out now
  Watts firm;           ///< after the worst loss that leaves its rack live
  Contingency after;    ///< that loss
};

/// Immutable: another condition compiles another one. Refers to the network, which must outlive it.
class SiteLimits {
 public:
  enum class Losses { kAll, kNone };
  /// Rows that another row of the same subject covers whatever the nodes draw are left out. Without losses these are rules 1
  /// and 2 alone.
  SiteLimits(const SiteNetwork& network, SiteCondition condition, Losses losses = Losses::kAll);

  const SiteNetwork& network() const { return *network_; }
  const SiteCondition& condition() const { return condition_; }
  const std::vector<LimitRow>& rows() const { return rows_; }
  std::span<const RowWeight> weights(ColumnIndex column) const {
    return std::span(weights_).subspan(starts_[column], starts_[column + 1] - starts_[column]);
  }
  const Capability& capability(ColumnIndex column) const { return capabilities_[column]; }
  /// Whether nodes of the column are ready: they draw at least their idle power.
  bool ready(ColumnIndex column) const { return ready_[column] != 0; }
  /// Whether no live feed reaches them: they cannot run.
  bool dark(ColumnIndex column) const { return dark_[column] != 0; }
  /// What flows through each row when the nodes of column `c` together draw `watts[c]`. Nodes that are not ready draw
  /// nothing.
  std::vector<MicroWatts> loads(const std::vector<Watts>& watts) const;
  /// Rows before those covered by others were dropped.
  std::size_t considered() const { return considered_; }

  /// `loughton/ups-h1-1-a`, `loughton/water-h1 liquid`, `loughton import`.
  std::string name(const LimitRow& row) const;
  /// The full name of what is lost; empty for none.
  std::string name(const Contingency& contingency) const;

 private:
  friend class LimitCompiler;

  const SiteNetwork* network_;
  SiteCondition condition_;
  std::vector<LimitRow> rows_;
  std::vector<std::size_t> starts_;
  std::vector<RowWeight> weights_;
  std::vector<Capability> capabilities_;
  std::vector<char> ready_;
  std::vector<char> dark_;
  std::size_t considered_ = 0;
};

/// Every loss that rules 3–6 must survive in this condition: what can still be lost.
std::vector<Contingency> contingencies(const SiteNetwork& network, const SiteCondition& condition);
/// What is lost. The order loses nothing but import.
EstateLoss loss_of(const SiteNetwork& network, const Contingency& contingency);
/// Usable rating, and what is borne until shedding has acted, in this condition.
Watts usable_now(const SiteNetwork& network, const SiteCondition& condition, std::uint32_t element);
Watts overload_now(const SiteNetwork& network, const SiteCondition& condition, std::uint32_t element);

}  // namespace penstock
