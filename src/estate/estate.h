// The compiled estate: templates expanded into sites, racks, nodes and electrical elements, all names resolved.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "estate/ratings.h"
#include "spec/document.h"

namespace penstock {

using NodeIndex = std::uint32_t;
using RackIndex = std::uint32_t;
using SiteIndex = std::uint32_t;
using TypeIndex = std::uint32_t;
using ElementIndex = std::uint32_t;
using UnitIndex = std::uint32_t;
using LoopIndex = std::uint32_t;
using RowIndex = std::uint32_t;
using HallIndex = std::uint32_t;
inline constexpr std::uint32_t kNowhere = ~0U;

struct EstateFeed {
  ElementIndex from = kNowhere;
  Ppm share;  ///< shares of one load add up to 1,000,000 exactly; 0 is a standby
  std::int32_t supplies = -1;  ///< of each node of a rack; -1: spread evenly
};

struct EstateElement {
  std::string name;  ///< site/element
  SiteIndex site = kNowhere;
  ElementKind kind = ElementKind::kBusway;
  Watts usable;    ///< for hours, when it is not derated
  Watts overload;  ///< until shedding has acted
  std::vector<Bearing> bearings;
  Transfer transfer;
  std::optional<Time> from;
  std::vector<EstateFeed> feeds;
  std::uint32_t spec = 0;  ///< place of its template in spec.network.elements
};

struct EstateCoolingUnit {
  std::string name;  ///< site/unit
  Watts liquid;
  Watts air;
  MillilitresPerMinute flow;
  Watts draw;
  std::vector<EstateFeed> feeds;
};

struct EstateLoop {
  std::string name;  ///< site/loop
  std::vector<UnitIndex> units;
  std::optional<Duration> hold;  ///< how long its coolant lasts without its units
  bool holds = false;            ///< long enough for shedding to act
  std::uint32_t spec = 0;  ///< place of its template in spec.cooling.loops
};

/// Elements and cooling units that may be lost at the same moment.
struct EstateLoss {
  std::string name;
  std::vector<ElementIndex> elements;
  std::vector<UnitIndex> units;
};

struct EstateRack {
  std::string name;  ///< site/hall/rack
  std::string hall;  ///< leaf names, for the fabric and for people
  std::string row;
  RowIndex in_row = kNowhere;
  SiteIndex site = kNowhere;
  NodeIndex first_node = 0;  ///< its nodes are first_node … first_node + nodes - 1
  std::uint32_t nodes = 0;
  std::optional<Time> from;  ///< when it is ready
  std::vector<EstateFeed> feeds;
  Redundancy redundancy = Redundancy::kNone;
  std::vector<LoopIndex> loops;
  std::int32_t position = 1;  ///< in its row
  std::uint32_t path = 0;     ///< what makes it: place in its site's rack_paths
  std::map<std::string, std::string> labels;
};

/// Racks of a row stand side by side, and so do the rows of a hall.
struct EstateRow {
  std::string name;  ///< site/hall/row
  HallIndex hall = kNowhere;
  RackIndex first_rack = 0;
  std::uint32_t racks = 0;
};

struct EstateHall {
  std::string name;  ///< site/hall
  SiteIndex site = kNowhere;
  RowIndex first_row = 0;
  std::uint32_t rows = 0;
};

struct EstateNode {
  std::string name;  ///< site/hall/rack/node
  RackIndex rack = kNowhere;
  SiteIndex site = kNowhere;
  TypeIndex type = kNowhere;
};

struct EstateSite {
  std::string name;
  std::string country;
  RuntimeKind runtime = RuntimeKind::kAgent;
  std::optional<GridSpec> grid;
  std::optional<FabricSpec> fabric;
  std::optional<FleetSpec> fleet;
  bool has_network = false;
  bool single_losses = true;
  std::vector<EstateLoss> losses;  ///< those of several at once
  std::vector<std::string> rack_paths;  ///< of racks and exceptions: spec.halls[0].rows[1].racks[0], spec.exceptions[2]
  NodeIndex first_node = 0;
  std::uint32_t nodes = 0;
  HallIndex first_hall = 0;
  std::uint32_t halls = 0;
  RowIndex first_row = 0;
  std::uint32_t rows = 0;
  RackIndex first_rack = 0;
  std::uint32_t racks = 0;
  ElementIndex first_element = 0;
  std::uint32_t elements = 0;
  UnitIndex first_unit = 0;
  std::uint32_t units = 0;
  LoopIndex first_loop = 0;
  std::uint32_t loops = 0;
  MilliGpu gpus;     ///< devices of all nodes
  Watts max_draw;    ///< Σ max of all nodes
};

struct EstateType {
  std::string name;
  NodeTypeSpec spec;
};

/// Supplies of a node on feed `i` of its rack: as the feed says, or spread evenly, the first feeds taking what is left over.
std::int32_t supplies_on(const std::vector<EstateFeed>& feeds, std::size_t i, const SuppliesSpec& supplies);

/// Whether claims of redundancy and the sums of supplies are judged: of what is stored already they are taken as they are,
/// so that stricter rules never keep a log from being read.
enum class Claims { kJudged, kTaken };

/// Everything that stands, in the order of the specs' names; sites in name order, their racks and nodes in the
/// order of the templates. Immutable: a change compiles a new one.
///
/// Templates: the name of a rack may use {hall} and {row}. What a rack hangs on (`feeds`, `loops`, also in an
/// exception) may use {hall}, {row}, {rack} and {1} {2} …: what stood for the ranges of the rack's own name. The feeds
/// of an element and the units of a loop may use {1} {2} … of that element's or loop's name.
class Estate {
 public:
  /// Compiles all node types and sites together. Refuses, with the path inside the site's document
  /// (`spec.halls[0].rows[1]…`, `Error::file` being `Site NAME`): unknown node types, elements, cooling units and
  /// loops, a unit that serves two loops, duplicate names, cycles in the network, an element that is no source and has no
  /// feed, a rack with nodes and no feed where the site has a network, shares that do not add up to 100 %, supplies that do
  /// not add up to those of the node type, a claim of redundancy that feeds or supplies do not keep, exceptions that name
  /// no rack, more than kMostNodes nodes.
  static Result<Estate> compile(const std::map<std::string, NodeTypeSpec>& types,
                                const std::map<std::string, SiteSpec>& sites, Claims claims = Claims::kJudged);
  static constexpr std::size_t kMostNodes = 1'000'000;

  Estate() = default;
  Estate(Estate&&) = default;
  Estate& operator=(Estate&&) = default;
  Estate(const Estate&) = delete;  // node_by_name_ looks into nodes_
  Estate& operator=(const Estate&) = delete;

  const std::vector<EstateType>& types() const { return types_; }
  const std::vector<EstateSite>& sites() const { return sites_; }
  const std::vector<EstateHall>& halls() const { return halls_; }
  const std::vector<EstateRow>& rows() const { return rows_; }
  const std::vector<EstateRack>& racks() const { return racks_; }
  const std::vector<EstateNode>& nodes() const { return nodes_; }
  const std::vector<EstateElement>& elements() const { return elements_; }
  const std::vector<EstateCoolingUnit>& units() const { return units_; }
  const std::vector<EstateLoop>& loops() const { return loops_; }

  const EstateType& type_of(NodeIndex node) const { return types_[nodes_[node].type]; }
  const EstateSite& site_of(NodeIndex node) const { return sites_[nodes_[node].site]; }

  /// kNowhere if there is no node of that name (site/hall/rack/node).
  NodeIndex find_node(std::string_view name) const;
  /// The same where names come in the order of the estate: `before` is the node of the name before this one.
  NodeIndex find_node_after(NodeIndex before, std::string_view name) const {
    if (before < nodes_.size() && nodes_[before].name == name) return before;
    if (before + 1 < nodes_.size() && nodes_[before + 1].name == name) return before + 1;
    return find_node(name);
  }
  /// kNowhere if there is no site of that name.
  SiteIndex find_site(std::string_view name) const;
  /// What a tier of the site's fabric (`leaf`), its NVLink domain (`nvlink`) or a grouping (`rack`) spans there; nothing
  /// if the site has no tier of that name.
  std::optional<Grouping> tier(SiteIndex site, std::string_view name) const;
  /// The elements and cooling units of a site that the names stand for; ranges make many.
  Result<EstateLoss> find_parts(SiteIndex site, const std::vector<std::string>& patterns) const;

 private:
  friend class EstateCompiler;

  std::vector<EstateType> types_;
  std::vector<EstateSite> sites_;
  std::vector<EstateHall> halls_;
  std::vector<EstateRow> rows_;
  std::vector<EstateRack> racks_;
  std::vector<EstateNode> nodes_;
  std::vector<EstateElement> elements_;
  std::vector<EstateCoolingUnit> units_;
  std::vector<EstateLoop> loops_;
  std::unordered_map<std::string_view, NodeIndex> node_by_name_;  // views into nodes_
};

}  // namespace penstock
