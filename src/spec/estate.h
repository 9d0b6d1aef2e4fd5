// Specs of what exists: hardware types and sites with their halls, electrical network, cooling and fabric.
#pragma once

#include "base/json.h"
#include "base/schema.h"
#include "base/time.h"
#include "base/units.h"
#include "spec/fleet.h"

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

/// How nodes of a type fail, by which spares are reckoned.
struct NodeFaultsSpec {
  std::int64_t per_million_node_days = 6'500;
  Duration repair = minutes(474);

  static constexpr auto schema() {
    return object("NodeFaults", "How nodes of the type fail, by which spares are reckoned.",
                  field("perMillionNodeDays", &NodeFaultsSpec::per_million_node_days, optional,
                        "failures of all kinds in a million node-days; 6500 if absent"),
                  field("repair", &NodeFaultsSpec::repair, optional,
                        "mean time until a failed node works again; PT7H54M if absent: 70% in an hour, 30% in a day"));
  }
  bool operator==(const NodeFaultsSpec&) const = default;
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
  std::optional<MillilitresPerMinute> flow;
  std::int32_t rails = 0;
  std::int32_t units = 0;
  std::optional<Grams> weight;
  std::optional<NodeFaultsSpec> faults;

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
                        "share of the heat that leaves by liquid; the rest leaves by air"),
                  field("flow", &NodeTypeSpec::flow, optional, "coolant flow that one node needs at its max draw"),
                  field("rails", &NodeTypeSpec::rails, optional, "fabric ports of one node, one a rail"),
                  field("units", &NodeTypeSpec::units, optional, "rack units that one node takes"),
                  field("weight", &NodeTypeSpec::weight, optional, "weight of one node"),
                  field("faults", &NodeTypeSpec::faults, optional, "how its nodes fail, by which spares are reckoned"));
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

/// Power that the grid operator may order off, which makes the order a contingency.
struct InterruptibleSpec {
  Watts power;
  Duration notice;

  static constexpr auto schema() {
    return object("Interruptible", "Import that the grid operator may order off at any time.",
                  field("power", &InterruptibleSpec::power, required, "by how much an order may lower the import"),
                  field("notice", &InterruptibleSpec::notice, required, "time between the order and its effect"));
  }
  bool operator==(const InterruptibleSpec&) const = default;
};

/// The price of energy from an instant on, until the next point.
struct TariffPointSpec {
  Time from;
  Money price;

  static constexpr auto schema() {
    return object("TariffPoint", "The price of energy from an instant on, until the next point.",
                  field("from", &TariffPointSpec::from, required, "when the price begins"),
                  field("price", &TariffPointSpec::price, required, "of one kWh; below 0 where one is paid to take it"));
  }
  bool operator==(const TariffPointSpec&) const = default;
};

/// What energy costs over time: its points, or a file that they stand in until the documents have been read.
struct TariffSpec {
  std::string file;
  std::vector<TariffPointSpec> points;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Tariff", "What energy costs over time. Either its points or a file of them.",
                  field("file", &TariffSpec::file, optional,
                        "a CSV file beside the document, headed from,price; its rows become the points"),
                  field("points", &TariffSpec::points, optional, "in rising order of time and in one currency"));
  }
  bool operator==(const TariffSpec&) const = default;
};

/// How much carbon dioxide energy stands for from an instant on, until the next point.
struct CarbonPointSpec {
  Time from;
  std::int64_t grams = 0;

  static constexpr auto schema() {
    return object("CarbonPoint", "The carbon intensity of energy from an instant on, until the next point.",
                  field("from", &CarbonPointSpec::from, required, "when it begins"),
                  field("grams", &CarbonPointSpec::grams, required, "whole grams of CO2 per kWh"));
  }
  bool operator==(const CarbonPointSpec&) const = default;
};

/// The carbon intensity over time: its points, or a file that they stand in until the documents have been read.
struct CarbonSpec {
  std::string file;
  std::vector<CarbonPointSpec> points;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Carbon", "The carbon intensity of energy over time. Either its points or a file of them.",
                  field("file", &CarbonSpec::file, optional,
                        "a CSV file beside the document, headed from,grams; its rows become the points"),
                  field("points", &CarbonSpec::points, optional, "in rising order of time"));
  }
  bool operator==(const CarbonSpec&) const = default;
};

struct GridSpec {
  Watts contracted;
  std::vector<GridPhaseSpec> phases;
  std::optional<InterruptibleSpec> interruptible;
  std::optional<Watts> ramp_per_second;
  std::optional<Money> price_per_kwh;
  std::optional<TariffSpec> tariff;
  std::optional<CarbonSpec> carbon;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Grid", "The site's connection to the grid.",
                  field("contracted", &GridSpec::contracted, required, "import capacity in the connection agreement"),
                  field("phases", &GridSpec::phases, optional, "dated phases, in order; none means all of it, always"),
                  field("interruptible", &GridSpec::interruptible, optional, "part of it that may be ordered off"),
                  field("rampPerSecond", &GridSpec::ramp_per_second, optional,
                        "the most by which synchronised load may change in a second"),
                  field("pricePerKwh", &GridSpec::price_per_kwh, optional,
                        "price of one kWh of energy; with a tariff, before its first point"),
                  field("tariff", &GridSpec::tariff, optional, "price of one kWh over time"),
                  field("carbon", &GridSpec::carbon, optional, "carbon intensity over time"));
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

/// Sources need no feed, and the loss of one is never held against a claim of redundancy: all sides may share it.
constexpr bool is_source(ElementKind kind) { return kind == ElementKind::kGrid || kind == ElementKind::kGenerator; }

/// An edge of the electrical network, drawn at its lower end.
struct FeedSpec {
  std::string from;
  std::optional<Ppm> share;
  std::optional<std::int32_t> supplies;

  static constexpr auto schema() {
    return object("Feed", "One supply of an element, a cooling unit or a rack.",
                  field("from", &FeedSpec::from, required,
                        "the element above; {1} {2} stand for the ranges of the name, and in a rack {hall} {row} {rack}"),
                  field("share", &FeedSpec::share, optional,
                        "share of the load in normal operation, on every feed or on standbys only; feeds without one "
                        "are equal. 0% is a standby: it carries the load only when every feed with a share is dead, the "
                        "first live one all of it"),
                  field("supplies", &FeedSpec::supplies, optional,
                        "in a rack: supplies of each node that hang on this feed, on every feed or on none; spread "
                        "evenly if absent"));
  }
  bool operator==(const FeedSpec&) const = default;
};

struct EfficiencyPointSpec {
  Ppm load;
  Ppm efficiency;

  static constexpr auto schema() {
    return object("EfficiencyPoint", "One point of an efficiency curve.",
                  field("load", &EfficiencyPointSpec::load, required, "output, as a share of the rating"),
                  field("efficiency", &EfficiencyPointSpec::efficiency, required, "output over input at that load"));
  }
  bool operator==(const EfficiencyPointSpec&) const = default;
};

struct OverloadPointSpec {
  Ppm load;
  Duration time;

  static constexpr auto schema() {
    return object("OverloadPoint", "One point of an overload curve.",
                  field("load", &OverloadPointSpec::load, required, "load, as a share of the rating; above 100%"),
                  field("time", &OverloadPointSpec::time, required, "how long it is borne"));
  }
  bool operator==(const OverloadPointSpec&) const = default;
};

struct ModulesSpec {
  std::int32_t count = 1;
  std::int32_t redundant = 0;

  static constexpr auto schema() {
    return object("Modules", "The modules that an element is made of.",
                  field("count", &ModulesSpec::count, required, "modules installed; together they make the rating"),
                  field("redundant", &ModulesSpec::redundant, optional, "modules whose loss must not matter"));
  }
  bool operator==(const ModulesSpec&) const = default;
};

/// One element of the electrical network, or many by a range in the name. Its rating is given in one of three ways:
/// in watts; as apparent power with a power factor; as current and voltage with phases and a power factor.
struct ElementSpec {
  std::string name;
  ElementKind kind = ElementKind::kBusway;
  std::optional<Watts> rating;
  std::optional<VoltAmps> apparent;
  std::optional<MilliAmps> current;
  std::optional<Volts> voltage;
  std::optional<std::int32_t> phases;
  std::optional<Ppm> power_factor;
  std::optional<Ppm> continuous;
  std::optional<Ppm> reserve;
  std::optional<ModulesSpec> modules;
  std::optional<Ppm> efficiency;
  std::vector<EfficiencyPointSpec> efficiency_curve;
  std::vector<OverloadPointSpec> overload;
  std::optional<Time> from;
  std::vector<FeedSpec> feeds;

  static constexpr auto schema() {
    return object("Element", "A node of the electrical network; a range in the name makes many.",
                  field("name", &ElementSpec::name, required, "its name, e.g. ups-[1-4][a,b]"),
                  field("kind", &ElementSpec::kind, required, "what it is"),
                  field("rating", &ElementSpec::rating, optional, "power that its plate allows; or apparent; or current"),
                  field("apparent", &ElementSpec::apparent, optional, "apparent power that its plate allows"),
                  field("current", &ElementSpec::current, optional, "current of one phase that its plate allows"),
                  field("voltage", &ElementSpec::voltage, optional, "with current: between phases, or to neutral if one phase"),
                  field("phases", &ElementSpec::phases, optional, "with current: 1 or 3; 3 if absent"),
                  field("powerFactor", &ElementSpec::power_factor, optional, "with apparent or current; 100% if absent"),
                  field("continuous", &ElementSpec::continuous, optional,
                        "part of the rating that may be carried for hours, e.g. 80% for a breaker; 100% if absent"),
                  field("reserve", &ElementSpec::reserve, optional, "part of what is usable that is held back"),
                  field("modules", &ElementSpec::modules, optional, "modules, of which some are redundant"),
                  field("efficiency", &ElementSpec::efficiency, optional, "output over input; 100% if absent"),
                  field("efficiencyCurve", &ElementSpec::efficiency_curve, optional,
                        "efficiency by load, in rising order up to 100%, instead of one efficiency"),
                  field("overload", &ElementSpec::overload, optional,
                        "what it bears above its rating and for how long, in rising order of load; none: nothing"),
                  field("from", &ElementSpec::from, optional, "when it is energised; it is dead before"),
                  field("feeds", &ElementSpec::feeds, optional, "what supplies it; none only for grid and generator"));
  }
  bool operator==(const ElementSpec&) const = default;
};

/// Losses that must be survived together, besides every single one.
struct LossSpec {
  std::string name;
  std::vector<std::string> lose;

  static constexpr auto schema() {
    return object("Loss", "Elements or cooling units that may be lost at the same moment.",
                  field("name", &LossSpec::name, required, "its name"),
                  field("lose", &LossSpec::lose, required, "elements and cooling units; ranges make many"));
  }
  bool operator==(const LossSpec&) const = default;
};

enum class SingleLosses { kAll, kNone };
constexpr auto enum_names(SingleLosses) {
  return std::array{EnumName<SingleLosses>{SingleLosses::kAll, "all"}, EnumName<SingleLosses>{SingleLosses::kNone, "none"}};
}

struct ContingenciesSpec {
  SingleLosses singles = SingleLosses::kAll;
  std::optional<Duration> shed_within;
  std::vector<LossSpec> together;

  static constexpr auto schema() {
    return object("Contingencies", "The losses that no placement may turn into an overload.",
                  field("singles", &ContingenciesSpec::singles, optional,
                        "all: every single element and cooling unit, also during maintenance; none: only those named"),
                  field("shedWithin", &ContingenciesSpec::shed_within, optional,
                        "time in which shedding acts after a loss; until then elements bear what their overload curve "
                        "allows for so long. 10 s if absent"),
                  field("together", &ContingenciesSpec::together, optional, "losses of several at once"));
  }
  bool operator==(const ContingenciesSpec&) const = default;
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
  std::vector<FeedSpec> feeds;

  static constexpr auto schema() {
    return object("CoolingUnit", "A CDU, CRAH or chiller; a range in the name makes many.",
                  field("name", &CoolingUnitSpec::name, required, "its name, e.g. cdu-[1-8]"),
                  field("kind", &CoolingUnitSpec::kind, required, "what it is"),
                  field("liquid", &CoolingUnitSpec::liquid, optional, "heat it takes by liquid"),
                  field("air", &CoolingUnitSpec::air, optional, "heat it takes by air"),
                  field("flow", &CoolingUnitSpec::flow, optional, "coolant flow it gives"),
                  field("draw", &CoolingUnitSpec::draw, optional, "electrical draw of its pumps and fans"),
                  field("feeds", &CoolingUnitSpec::feeds, optional,
                        "elements that supply it; without any it draws from the grid and dies of its own loss only"));
  }
  bool operator==(const CoolingUnitSpec&) const = default;
};

struct CoolingLoopSpec {
  std::string name;
  std::vector<std::string> units;
  std::optional<Duration> hold;

  static constexpr auto schema() {
    return object("CoolingLoop", "What a group of cooling units serves together; a range in the name makes many.",
                  field("name", &CoolingLoopSpec::name, required, "its name, e.g. loop-[1-4]"),
                  field("units", &CoolingLoopSpec::units, required, "its units; {1} {2} stand for the name's ranges"),
                  field("hold", &CoolingLoopSpec::hold, optional,
                        "how long the coolant takes up the heat that lost units leave; nothing if absent"));
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
  std::int32_t planes = 0;

  static constexpr auto schema() {
    return object("FabricTier", "One tier of the fabric.",
                  field("name", &FabricTierSpec::name, required, "leaf, pod, spine …"),
                  field("group", &FabricTierSpec::group, required, "which part of the site one switch group serves"),
                  field("planes", &FabricTierSpec::planes, optional, "parallel planes of the tier, where known"));
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

/// What a rack claims to survive; a claim is checked when the estate is compiled.
enum class Redundancy { kNone, kN1, k2N, kDistributed, kBlock };
constexpr auto enum_names(Redundancy) {
  using R = Redundancy;
  return std::array{EnumName<R>{R::kNone, "none"}, EnumName<R>{R::kN1, "n+1"}, EnumName<R>{R::k2N, "2n"},
                    EnumName<R>{R::kDistributed, "distributed"}, EnumName<R>{R::kBlock, "block"}};
}

struct RackSpec {
  std::string name;
  std::vector<RackNodesSpec> nodes;
  std::vector<FeedSpec> feeds;
  Redundancy redundancy = Redundancy::kNone;
  std::vector<std::string> loops;
  std::int32_t units = 0;
  std::optional<Grams> weight;
  std::int32_t position = 0;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("Rack", "A rack, or many alike by a range in the name; unique in its hall.",
                  field("name", &RackSpec::name, required, "its name, e.g. {row}k[01-10]"),
                  field("nodes", &RackSpec::nodes, optional, "what stands in it"),
                  field("feeds", &RackSpec::feeds, optional, "what supplies it"),
                  field("redundancy", &RackSpec::redundancy, optional,
                        "what it claims to survive: n+1, distributed or block (3N/2, 4N/3, catcher) the loss of any one "
                        "element below the sources, with enough supplies left for full power; 2n also that its feeds "
                        "have two sides that share nothing below the sources"),
                  field("loops", &RackSpec::loops, optional, "cooling loops that serve it"),
                  field("units", &RackSpec::units, optional, "rack units it offers; 0: not told"),
                  field("weight", &RackSpec::weight, optional, "weight of nodes that it may carry"),
                  field("position", &RackSpec::position, optional,
                        "place in the row of the first rack of the name, from 1; after the one before if absent"),
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
  std::optional<Time> from;
  std::vector<RowSpec> rows;

  static constexpr auto schema() {
    return object("Hall", "A hall, or many alike by a range in the name.",
                  field("name", &HallSpec::name, required, "its name, e.g. h[1-4]"),
                  field("from", &HallSpec::from, optional, "when its racks are ready; they draw and do nothing before"),
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
  std::optional<Redundancy> redundancy;
  std::vector<std::string> loops;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("RackException", "A rack that differs from its template; what is given replaces it.",
                  field("rack", &RackExceptionSpec::rack, required, "hall/rack, or many by a range"),
                  field("absent", &RackExceptionSpec::absent, optional, "true: the position is empty"),
                  field("nodes", &RackExceptionSpec::nodes, optional, "what stands in it instead"),
                  field("feeds", &RackExceptionSpec::feeds, optional, "what supplies it instead"),
                  field("redundancy", &RackExceptionSpec::redundancy, optional, "what it claims to survive instead"),
                  field("loops", &RackExceptionSpec::loops, optional, "cooling loops that serve it instead"),
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
  std::optional<ContingenciesSpec> contingencies;
  std::optional<FabricSpec> fabric;
  std::optional<FleetSpec> fleet;
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
                  field("contingencies", &SiteSpec::contingencies, optional,
                        "the losses that no placement may turn into an overload; every single one if absent"),
                  field("fabric", &SiteSpec::fabric, optional, "network between nodes"),
                  field("fleet", &SiteSpec::fleet, optional, "how its nodes are kept healthy"),
                  field("halls", &SiteSpec::halls, required, "halls with rows, racks and nodes"),
                  field("exceptions", &SiteSpec::exceptions, optional, "racks that differ from their template"));
  }
  bool operator==(const SiteSpec&) const = default;
};

/// Why a part of a site gives less than its plate says. A failure, a derating and an order are facts: they are taken
/// in whatever they break. Maintenance is a wish: it is refused where it would break a limit.
enum class RestrictionCause { kFailure, kDerating, kOrder, kMaintenance };
constexpr auto enum_names(RestrictionCause) {
  using C = RestrictionCause;
  return std::array{EnumName<C>{C::kFailure, "failure"}, EnumName<C>{C::kDerating, "derating"},
                    EnumName<C>{C::kOrder, "order"}, EnumName<C>{C::kMaintenance, "maintenance"}};
}

/// Something of a site that gives less for a time. Named site/label.
struct RestrictionSpec {
  RestrictionCause cause = RestrictionCause::kFailure;
  std::vector<std::string> parts;
  std::optional<Ppm> to;
  std::optional<Watts> import;
  std::optional<Time> from;
  std::optional<Time> until;
  std::string note;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("RestrictionSpec", "Something of a site that gives less for a time.",
                  field("cause", &RestrictionSpec::cause, required, "failure, derating, order or maintenance"),
                  field("parts", &RestrictionSpec::parts, optional,
                        "elements and cooling units; ranges make many. With failure and maintenance they are out"),
                  field("to", &RestrictionSpec::to, optional, "derating: what is left of their rating or capacity"),
                  field("import", &RestrictionSpec::import, optional, "order: what the site may import at most"),
                  field("from", &RestrictionSpec::from, optional,
                        "when it begins; when it was applied if absent. Maintenance must say"),
                  field("until", &RestrictionSpec::until, optional,
                        "when it ends; when it is deleted if absent. Maintenance must say"),
                  field("note", &RestrictionSpec::note, optional, "why, for people"));
  }
  bool operator==(const RestrictionSpec&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(NodeTypeSpec);
PENSTOCK_JSON_ELSEWHERE(RestrictionSpec);
PENSTOCK_JSON_ELSEWHERE(SiteSpec);

}  // namespace penstock
