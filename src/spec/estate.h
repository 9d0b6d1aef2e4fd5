// Specs of what exists: hardware types and sites with their halls, electrical network, cooling and fabric.
#pragma once

#include "base/json.h"
#include "base/schema.h"
#include "base/time.h"
#include "base/units.h"

namespace penstock {

enum class Vendor { kNvidia, kAmd, kCpu };
constexpr auto enum_names(Vendor) {
  return std::array{EnumName<Vendor>{Vendor::kNvidia, "nvidia"}, EnumName<Vendor>{Vendor::kAmd, "amd"},
                    EnumName<Vendor>{Vendor::kCpu, "cpu"}};
}

/// The accelerators of a node. Vendor `cpu` makes slots of the node's own cores, so that a machine without a
/// GPU takes the same path.
struct DeviceSpec {
  Vendor vendor = Vendor::kNvidia;
  std::string model;
  std::int32_t count = 0;
  std::optional<Bytes> memory;
  std::optional<Watts> power_limit_min;
  std::optional<Watts> power_limit_max;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Devices", "The accelerators of one node.",
                  field("vendor", &DeviceSpec::vendor, optional, "who makes them; cpu for slots without a GPU"),
                  field("model", &DeviceSpec::model, required, "model that workloads and contracts name, e.g. gb200"),
                  field("count", &DeviceSpec::count, required, "devices in a node, 1 to 64"),
                  field("memory", &DeviceSpec::memory, optional, "memory of one device"),
                  field("powerLimitMin", &DeviceSpec::power_limit_min, optional, "lowest power limit of one device"),
                  field("powerLimitMax", &DeviceSpec::power_limit_max, optional, "highest power limit of one device"));
  }
  bool operator==(const DeviceSpec&) const = default;
};

struct NodePowerSpec {
  Watts idle;
  Watts max;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("NodePower", "What one node draws at its supplies' input.",
                  field("idle", &NodePowerSpec::idle, required, "draw of a powered node without work"),
                  field("max", &NodePowerSpec::max, required, "the most it draws at full work"));
  }
  bool operator==(const NodePowerSpec&) const = default;
};

struct SuppliesSpec {
  std::int32_t count = 2;
  std::int32_t needed = 1;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Supplies", "Power supply units of a node: how many it has and how many carry full power.",
                  field("count", &SuppliesSpec::count, required, "supplies installed"),
                  field("needed", &SuppliesSpec::needed, required, "supplies that carry full power"));
  }
  bool operator==(const SuppliesSpec&) const = default;
};

/// A type of hardware that many nodes share.
struct NodeTypeSpec {
  DeviceSpec devices;
  MilliCpu cpu;
  Bytes memory;
  std::optional<Bytes> disk;
  NodePowerSpec power;
  std::optional<SuppliesSpec> supplies;
  std::optional<Ppm> liquid_share;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("NodeTypeSpec", "A type of hardware that many nodes share.",
                  field("devices", &NodeTypeSpec::devices, required, "accelerators of one node"),
                  field("cpu", &NodeTypeSpec::cpu, required, "cores that workloads may use"),
                  field("memory", &NodeTypeSpec::memory, required, "main memory that workloads may use"),
                  field("disk", &NodeTypeSpec::disk, optional, "local disk that workloads may use"),
                  field("power", &NodeTypeSpec::power, required, "electrical draw of one node"),
                  field("supplies", &NodeTypeSpec::supplies, optional, "power supply units"),
                  field("liquidShare", &NodeTypeSpec::liquid_share, optional,
                        "share of the heat that leaves by liquid; the rest leaves by air"));
  }
  bool operator==(const NodeTypeSpec&) const = default;
};

enum class Confidence { kPlanned, kFirm, kLive };
constexpr auto enum_names(Confidence) {
  return std::array{EnumName<Confidence>{Confidence::kPlanned, "planned"},
                    EnumName<Confidence>{Confidence::kFirm, "firm"}, EnumName<Confidence>{Confidence::kLive, "live"}};
}

struct GridPhaseSpec {
  Time from;
  Watts energised;
  std::optional<Watts> built;
  Confidence confidence = Confidence::kLive;

  static constexpr auto schema() {
    return object("GridPhase", "What the grid connection gives from a date on.",
                  field("from", &GridPhaseSpec::from, required, "when this phase begins"),
                  field("energised", &GridPhaseSpec::energised, required, "power that may be imported from then on"),
                  field("built", &GridPhaseSpec::built, optional, "power that the site's own plant can carry"),
                  field("confidence", &GridPhaseSpec::confidence, optional, "planned, firm or live"));
  }
  bool operator==(const GridPhaseSpec&) const = default;
};

struct GridSpec {
  Watts contracted;
  std::vector<GridPhaseSpec> phases;
  std::optional<Money> price_per_kwh;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Grid", "The site's connection to the grid.",
                  field("contracted", &GridSpec::contracted, required, "import capacity in the connection agreement"),
                  field("phases", &GridSpec::phases, optional, "dated phases, in order; none means all of it, always"),
                  field("pricePerKwh", &GridSpec::price_per_kwh, optional, "price of one kWh of energy"));
  }
  bool operator==(const GridSpec&) const = default;
};

enum class ElementKind { kGrid, kTransformer, kGenerator, kUps, kSwitchboard, kSts, kBusway, kPdu };
constexpr auto enum_names(ElementKind) {
  using K = ElementKind;
  return std::array{EnumName<K>{K::kGrid, "grid"},       EnumName<K>{K::kTransformer, "transformer"},
                    EnumName<K>{K::kGenerator, "generator"}, EnumName<K>{K::kUps, "ups"},
                    EnumName<K>{K::kSwitchboard, "switchboard"}, EnumName<K>{K::kSts, "sts"},
                    EnumName<K>{K::kBusway, "busway"},   EnumName<K>{K::kPdu, "pdu"}};
}

/// An edge of the electrical network, drawn at its lower end.
struct FeedSpec {
  std::string from;
  std::optional<Ppm> share;

  static constexpr auto schema() {
    return object("Feed", "One supply of an element or a rack.",
                  field("from", &FeedSpec::from, required,
                        "the element above; {1} {2} stand for the ranges of the name, and in a rack {hall} {row} {rack}"),
                  field("share", &FeedSpec::share, optional, "share of the load in normal operation; equal if absent"));
  }
  bool operator==(const FeedSpec&) const = default;
};

/// One element of the electrical network, or many by a range in the name.
struct ElementSpec {
  std::string name;
  ElementKind kind = ElementKind::kBusway;
  Watts rating;
  std::optional<Ppm> efficiency;
  std::vector<FeedSpec> feeds;

  static constexpr auto schema() {
    return object("Element", "A node of the electrical network; a range in the name makes many.",
                  field("name", &ElementSpec::name, required, "its name, e.g. ups-[1-4][a,b]"),
                  field("kind", &ElementSpec::kind, required, "what it is"),
                  field("rating", &ElementSpec::rating, required, "power it may carry continuously"),
                  field("efficiency", &ElementSpec::efficiency, optional, "output over input; 100% if absent"),
                  field("feeds", &ElementSpec::feeds, optional, "what supplies it; none only for grid and generator"));
  }
  bool operator==(const ElementSpec&) const = default;
};

struct NetworkSpec {
  std::vector<ElementSpec> elements;

  static constexpr auto schema() {
    return object("Network", "The electrical network from the grid down to what racks hang on.",
                  field("elements", &NetworkSpec::elements, required, "its elements"));
  }
  bool operator==(const NetworkSpec&) const = default;
};

enum class CoolingKind { kCdu, kCrah, kChiller, kDryCooler };
constexpr auto enum_names(CoolingKind) {
  using K = CoolingKind;
  return std::array{EnumName<K>{K::kCdu, "cdu"}, EnumName<K>{K::kCrah, "crah"}, EnumName<K>{K::kChiller, "chiller"},
                    EnumName<K>{K::kDryCooler, "dry-cooler"}};
}

struct CoolingUnitSpec {
  std::string name;
  CoolingKind kind = CoolingKind::kCdu;
  std::optional<Watts> liquid;
  std::optional<Watts> air;
  std::optional<MillilitresPerMinute> flow;
  std::optional<Watts> draw;

  static constexpr auto schema() {
    return object("CoolingUnit", "A CDU, CRAH or chiller; a range in the name makes many.",
                  field("name", &CoolingUnitSpec::name, required, "its name, e.g. cdu-[1-8]"),
                  field("kind", &CoolingUnitSpec::kind, required, "what it is"),
                  field("liquid", &CoolingUnitSpec::liquid, optional, "heat it takes by liquid"),
                  field("air", &CoolingUnitSpec::air, optional, "heat it takes by air"),
                  field("flow", &CoolingUnitSpec::flow, optional, "coolant flow it gives"),
                  field("draw", &CoolingUnitSpec::draw, optional, "electrical draw of its pumps and fans"));
  }
  bool operator==(const CoolingUnitSpec&) const = default;
};

struct CoolingLoopSpec {
  std::string name;
  std::vector<std::string> units;

  static constexpr auto schema() {
    return object("CoolingLoop", "What a group of cooling units serves together; a range in the name makes many.",
                  field("name", &CoolingLoopSpec::name, required, "its name, e.g. loop-[1-4]"),
                  field("units", &CoolingLoopSpec::units, required, "its units; {1} {2} stand for the name's ranges"));
  }
  bool operator==(const CoolingLoopSpec&) const = default;
};

struct CoolingSpec {
  std::vector<CoolingUnitSpec> units;
  std::vector<CoolingLoopSpec> loops;

  static constexpr auto schema() {
    return object("Cooling", "The site's cooling.", field("units", &CoolingSpec::units, required, "its units"),
                  field("loops", &CoolingSpec::loops, required, "its loops, which racks name"));
  }
  bool operator==(const CoolingSpec&) const = default;
};

enum class Grouping { kNode, kRack, kRow, kHall, kSite };
constexpr auto enum_names(Grouping) {
  using G = Grouping;
  return std::array{EnumName<G>{G::kNode, "node"}, EnumName<G>{G::kRack, "rack"}, EnumName<G>{G::kRow, "row"},
                    EnumName<G>{G::kHall, "hall"}, EnumName<G>{G::kSite, "site"}};
}

struct FabricTierSpec {
  std::string name;
  Grouping group = Grouping::kRack;

  static constexpr auto schema() {
    return object("FabricTier", "One tier of the fabric.",
                  field("name", &FabricTierSpec::name, required, "leaf, pod, spine …"),
                  field("group", &FabricTierSpec::group, required, "which part of the site one switch group serves"));
  }
  bool operator==(const FabricTierSpec&) const = default;
};

struct FabricSpec {
  std::optional<Grouping> nvlink_domain;
  std::vector<FabricTierSpec> tiers;

  static constexpr auto schema() {
    return object("Fabric", "How nodes reach one another.",
                  field("nvlinkDomain", &FabricSpec::nvlink_domain, optional, "what one NVLink domain spans"),
                  field("tiers", &FabricSpec::tiers, optional, "tiers from the nearest to the farthest"));
  }
  bool operator==(const FabricSpec&) const = default;
};

struct RackNodesSpec {
  std::string name;
  std::string type;

  static constexpr auto schema() {
    return object("RackNodes", "Nodes of one type in a rack.",
                  field("name", &RackNodesSpec::name, required, "their names, e.g. n[01-18]"),
                  field("type", &RackNodesSpec::type, required, "the NodeType they are of"));
  }
  bool operator==(const RackNodesSpec&) const = default;
};

struct RackSpec {
  std::string name;
  std::vector<RackNodesSpec> nodes;
  std::vector<FeedSpec> feeds;
  std::vector<std::string> loops;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("Rack", "A rack, or many alike by a range in the name; unique in its hall.",
                  field("name", &RackSpec::name, required, "its name, e.g. {row}k[01-10]"),
                  field("nodes", &RackSpec::nodes, optional, "what stands in it"),
                  field("feeds", &RackSpec::feeds, optional, "what supplies it"),
                  field("loops", &RackSpec::loops, optional, "cooling loops that serve it"),
                  field("labels", &RackSpec::labels, optional, "labels that its nodes carry"));
  }
  bool operator==(const RackSpec&) const = default;
};

struct RowSpec {
  std::string name;
  std::vector<RackSpec> racks;

  static constexpr auto schema() {
    return object("Row", "A row of racks, or many alike by a range in the name.",
                  field("name", &RowSpec::name, required, "its name, e.g. r[1-8]"),
                  field("racks", &RowSpec::racks, required, "its racks"));
  }
  bool operator==(const RowSpec&) const = default;
};

struct HallSpec {
  std::string name;
  std::vector<RowSpec> rows;

  static constexpr auto schema() {
    return object("Hall", "A hall, or many alike by a range in the name.",
                  field("name", &HallSpec::name, required, "its name, e.g. h[1-4]"),
                  field("rows", &HallSpec::rows, required, "its rows"));
  }
  bool operator==(const HallSpec&) const = default;
};

/// A rack that differs from its template. What is given replaces what the template says.
struct RackExceptionSpec {
  std::string rack;
  bool absent = false;
  std::vector<RackNodesSpec> nodes;
  std::vector<FeedSpec> feeds;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("RackException", "A rack that differs from its template; what is given replaces it.",
                  field("rack", &RackExceptionSpec::rack, required, "hall/rack, or many by a range"),
                  field("absent", &RackExceptionSpec::absent, optional, "true: the position is empty"),
                  field("nodes", &RackExceptionSpec::nodes, optional, "what stands in it instead"),
                  field("feeds", &RackExceptionSpec::feeds, optional, "what supplies it instead"),
                  field("labels", &RackExceptionSpec::labels, optional, "labels added to its nodes"));
  }
  bool operator==(const RackExceptionSpec&) const = default;
};

enum class RuntimeKind { kAgent, kSimulated };
constexpr auto enum_names(RuntimeKind) {
  return std::array{EnumName<RuntimeKind>{RuntimeKind::kAgent, "agent"},
                    EnumName<RuntimeKind>{RuntimeKind::kSimulated, "simulated"}};
}

struct SiteSpec {
  std::string country;
  RuntimeKind runtime = RuntimeKind::kAgent;
  std::optional<GridSpec> grid;
  std::optional<NetworkSpec> network;
  std::optional<CoolingSpec> cooling;
  std::optional<FabricSpec> fabric;
  std::vector<HallSpec> halls;
  std::vector<RackExceptionSpec> exceptions;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("SiteSpec", "A data centre: where it is, what feeds it, and what stands in it.",
                  field("country", &SiteSpec::country, required, "ISO 3166-1 alpha-2 code, e.g. GB"),
                  field("runtime", &SiteSpec::runtime, optional, "how work reaches its nodes: agent or simulated"),
                  field("grid", &SiteSpec::grid, optional, "connection to the grid"),
                  field("network", &SiteSpec::network, optional, "electrical network"),
                  field("cooling", &SiteSpec::cooling, optional, "cooling units and loops"),
                  field("fabric", &SiteSpec::fabric, optional, "network between nodes"),
                  field("halls", &SiteSpec::halls, required, "halls with rows, racks and nodes"),
                  field("exceptions", &SiteSpec::exceptions, optional, "racks that differ from their template"));
  }
  bool operator==(const SiteSpec&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(NodeTypeSpec);
PENSTOCK_JSON_ELSEWHERE(SiteSpec);

}  // namespace penstock
