// Who feeds whom at one site, in any state of its network: docs/power.md, "Who feeds whom" and "Heat".
#pragma once

#include <span>

#include "estate/estate.h"

namespace penstock {

/// Loads are kept in millionths of a watt (or of a millilitre a minute), so that a coefficient in ppm times whole watts
/// is exact. 2^63 of them are more than all power of kMostNodes nodes.
using MicroWatts = std::int64_t;
inline constexpr std::int64_t kMicro = 1'000'000;
inline constexpr MicroWatts kUnlimited = std::numeric_limits<MicroWatts>::max();

using GroupIndex = std::uint32_t;
using ColumnIndex = std::uint32_t;

/// Racks that hang on the network alike: same feeds, supplies, loops and date.
struct RackGroup {
  RackIndex example = kNowhere;  ///< one of them
  std::uint32_t racks = 0;
};

/// Nodes of one type in the racks of one group: whatever one of them draws, weighs on the same rows in the same way.
struct NodeColumn {
  GroupIndex group = 0;
  TypeIndex type = 0;
  std::uint32_t nodes = 0;
};

/// What is out, derated and ordered at one site at one time. Elements and units by their place in the site.
struct SiteCondition {
  Time at;
  std::vector<char> element_out;
  std::vector<char> unit_out;
  std::vector<Ppm> element_left;  ///< part of the rating that a derating leaves
  std::vector<Ppm> unit_left;
  std::optional<Watts> import;  ///< nothing: no limit

  bool operator==(const SiteCondition&) const = default;
};

/// The network of one site, prepared for questions. Refers to the estate, which must outlive it. Elements, units and loops
/// are named by their place in the site, from 0.
class SiteNetwork {
 public:
  SiteNetwork(const Estate& estate, SiteIndex site);

  const Estate& estate() const { return *estate_; }
  const EstateSite& site() const { return estate_->sites()[site_]; }
  const EstateElement& element(std::uint32_t local) const { return estate_->elements()[site().first_element + local]; }
  const EstateCoolingUnit& unit(std::uint32_t local) const { return estate_->units()[site().first_unit + local]; }
  const EstateLoop& loop(std::uint32_t local) const { return estate_->loops()[site().first_loop + local]; }
  const EstateRack& rack_of(GroupIndex group) const { return estate_->racks()[groups_[group].example]; }
  const NodeTypeSpec& type_of(ColumnIndex column) const { return estate_->types()[columns_[column].type].spec; }

  const std::vector<RackGroup>& groups() const { return groups_; }
  const std::vector<NodeColumn>& columns() const { return columns_; }
  ColumnIndex column_of(NodeIndex node) const { return column_of_node_[node - site().first_node]; }
  GroupIndex group_of(RackIndex rack) const { return group_of_rack_[rack - site().first_rack]; }

  /// Everything in service as the specs date it at `at`, with the grid's limit of then.
  SiteCondition condition(Time at) const;
  /// When specs alone change the condition, after `after`: phases, dated elements and halls; in order.
  std::vector<Time> dates(Time after) const;

  /// Elements from the sources downwards: each after all that feed it.
  const std::vector<std::uint32_t>& downwards() const { return downwards_; }
  /// All elements that can carry load of the group, each before all that feed it.
  std::span<const std::uint32_t> above(GroupIndex group) const { return above_[group]; }

 private:
  const Estate* estate_;
  SiteIndex site_;
  std::vector<RackGroup> groups_;
  std::vector<NodeColumn> columns_;
  std::vector<ColumnIndex> column_of_node_;
  std::vector<GroupIndex> group_of_rack_;
  std::vector<std::uint32_t> downwards_;
  std::vector<std::vector<std::uint32_t>> above_;
};

/// Part of a load that one live feed carries: `part` of `whole`.
struct LiveFeed {
  std::uint32_t from = 0;  ///< local element
  std::int64_t part = 0;
  std::int64_t whole = 1;
};

/// How the load flows in one state of the network.
class Routing {
 public:
  /// With what `condition` says out, and `lost` besides.
  Routing(const SiteNetwork& network, const SiteCondition& condition, const EstateLoss* lost = nullptr);

  bool live(std::uint32_t element) const { return live_[element] != 0; }
  bool unit_live(std::uint32_t unit) const { return unit_live_[unit] != 0; }
  /// The feeds that carry a load now; none: it is dark.
  std::vector<LiveFeed> split(const std::vector<EstateFeed>& feeds) const;
  bool dark(GroupIndex group) const;

  /// What one watt of the group adds to an element's output, in ppm, from the rack upwards; the import's comes last, with the
  /// number of elements for its place. Empty if the group is dark.
  struct Weight {
    std::uint32_t element;
    std::int64_t ppm;
  };
  std::vector<Weight> weights(GroupIndex group) const;
  /// What flows without any node: losses at no load and the draw of cooling units; the import's stands last.
  std::vector<MicroWatts> base() const;

  /// Part of a node's supplies that is on live feeds: capability of max, or less. `type` has supplies.
  Watts capability(GroupIndex group, const NodeTypeSpec& type) const;

 private:
  const SiteNetwork& network_;
  std::vector<char> live_;
  std::vector<char> unit_live_;
  mutable std::vector<std::int64_t> carried_;  // by element, all 0 between calls
};

enum class Medium { kLiquid, kAir, kFlow };
constexpr auto enum_names(Medium) {
  return std::array{EnumName<Medium>{Medium::kLiquid, "liquid"}, EnumName<Medium>{Medium::kAir, "air"},
                    EnumName<Medium>{Medium::kFlow, "flow"}};
}
inline constexpr std::array kMedia{Medium::kLiquid, Medium::kAir, Medium::kFlow};

/// What a unit takes of a medium: watts of heat, or millilitres a minute.
std::int64_t capacity(const EstateCoolingUnit& unit, Medium medium);
/// What one watt of a node of the type brings into a medium, in ppm; rounded up.
std::int64_t heat_of(const NodeTypeSpec& type, Medium medium);

}  // namespace penstock
