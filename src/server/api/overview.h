// What an operator looks at first: all sites in one answer, and one site rack by rack.
#pragma once

#include "engine/power/outlook.h"

namespace penstock {

/// GPUs of one model at one site, now.
struct ModelGpus {
  std::string model;
  std::int64_t delivered = 0;
  std::int64_t healthy = 0;
  MilliGpu held;
  MilliGpu active;
  std::int64_t free = 0;

  static constexpr auto schema() {
    return object("ModelGpus", "GPUs of one model at one site, now.", field("model", &ModelGpus::model, required, "the model"),
                  field("delivered", &ModelGpus::delivered, required, "GPUs whose hall is there"),
                  field("healthy", &ModelGpus::healthy, required, "of them on nodes that can take work"),
                  field("held", &ModelGpus::held, required, "held by allocations"),
                  field("active", &ModelGpus::active, required, "held by work that runs"),
                  field("free", &ModelGpus::free, required, "whole GPUs that nobody holds, on nodes that can take work"));
  }
};

/// GPUs that come with a hall later.
struct Delivery {
  Time at;
  std::string model;
  std::int64_t gpus = 0;

  static constexpr auto schema() {
    return object("Delivery", "GPUs that come with a hall later.", field("at", &Delivery::at, required, "when"),
                  field("model", &Delivery::model, required, "the model"), field("gpus", &Delivery::gpus, required, "how many"));
  }
};

/// One site in the overview.
struct SiteOverview {
  std::string site;
  std::string country;
  RuntimeKind runtime = RuntimeKind::kAgent;
  std::int64_t racks = 0;
  std::int64_t nodes = 0;
  std::int64_t nodes_ready = 0;
  std::vector<ModelGpus> gpus;
  std::vector<Delivery> deliveries;
  std::int64_t jobs = 0;
  std::optional<Watts> contracted;
  std::optional<Watts> energised;
  std::optional<Watts> built;
  std::optional<Watts> import_limit;
  Watts import;
  Watts held;
  Watts max;
  std::optional<RowLoad> worst;
  std::vector<LimitBreak> broken;
  std::vector<std::string> restrictions;
  std::optional<Money> cost_per_hour;
  std::optional<Milligrams> carbon_per_hour;

  static constexpr auto schema() {
    return object("SiteOverview", "One site: what it has, holds and draws by what is granted.",
                  field("site", &SiteOverview::site, required, "the site"),
                  field("country", &SiteOverview::country, required, "where it stands"),
                  field("runtime", &SiteOverview::runtime, required, "agent or simulated"),
                  field("racks", &SiteOverview::racks, required, "racks"),
                  field("nodes", &SiteOverview::nodes, required, "nodes whose hall is there"),
                  field("nodesReady", &SiteOverview::nodes_ready, required, "of them that can take work"),
                  field("gpus", &SiteOverview::gpus, required, "GPUs by model"),
                  field("deliveries", &SiteOverview::deliveries, optional, "GPUs that come later, by date and model"),
                  field("jobs", &SiteOverview::jobs, required, "jobs that hold something there"),
                  field("contracted", &SiteOverview::contracted, optional, "what the grid connection is contracted for"),
                  field("energised", &SiteOverview::energised, optional, "what may be imported by the phase of now"),
                  field("built", &SiteOverview::built, optional, "what the plant can carry by the phase of now, where that is told"),
                  field("importLimit", &SiteOverview::import_limit, optional, "what the grid may give now, by phase and order"),
                  field("import", &SiteOverview::import, required, "what it gives if all that is granted is drawn"),
                  field("held", &SiteOverview::held, required, "what all nodes hold, idle power included"),
                  field("max", &SiteOverview::max, required, "what they would draw at full work"),
                  field("worst", &SiteOverview::worst, optional, "the limit that is used most, with its worst loss"),
                  field("broken", &SiteOverview::broken, optional, "what is above its limit and was told"),
                  field("restrictions", &SiteOverview::restrictions, optional, "restrictions in force"),
                  field("costPerHour", &SiteOverview::cost_per_hour, optional, "what the import of the next hour costs, if it stays as it is"),
                  field("carbonPerHour", &SiteOverview::carbon_per_hour, optional, "and the carbon dioxide it stands for"));
  }
};

/// The jobs in memory.
struct QueueOverview {
  std::int64_t waiting = 0;
  std::int64_t held_back = 0;
  std::int64_t promised = 0;
  MilliGpu gpus_waiting;
  std::int64_t starting = 0;
  std::int64_t running = 0;
  std::int64_t stopping = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;

  static constexpr auto schema() {
    return object("QueueOverview", "Jobs by phase: live ones, and those that ended lately.",
                  field("waiting", &QueueOverview::waiting, required, "jobs that wait"),
                  field("heldBack", &QueueOverview::held_back, required, "of them until someone releases them"),
                  field("promised", &QueueOverview::promised, required, "of them with a promised start"),
                  field("gpusWaiting", &QueueOverview::gpus_waiting, required, "GPUs that they ask for"),
                  field("starting", &QueueOverview::starting, required, "jobs that start"),
                  field("running", &QueueOverview::running, required, "jobs that run"),
                  field("stopping", &QueueOverview::stopping, required, "jobs that are being stopped"),
                  field("succeeded", &QueueOverview::succeeded, required, "jobs that ended well lately"),
                  field("failed", &QueueOverview::failed, required, "jobs that failed lately"),
                  field("cancelled", &QueueOverview::cancelled, required, "jobs that were cancelled lately"));
  }
};

/// A contract that lacks GPUs.
struct BreachedContract {
  std::string contract;
  std::vector<Shortfall> missing;

  static constexpr auto schema() {
    return object("BreachedContract", "A contract that lacks GPUs, as it was told.",
                  field("contract", &BreachedContract::contract, required, "tenant/contract"),
                  field("missing", &BreachedContract::missing, required, "what is missing of it"));
  }
};

struct Overview {
  Time at;
  Position position = 0;
  std::vector<SiteOverview> sites;
  QueueOverview queue;
  std::vector<BreachedContract> breached;

  static constexpr auto schema() {
    return object("Overview", "All sites, the queue, and what is amiss.", field("at", &Overview::at, required, "the time it is of"),
                  field("position", &Overview::position, required, "the last event"),
                  field("sites", &Overview::sites, required, "by name"), field("queue", &Overview::queue, required, "jobs by phase"),
                  field("breached", &Overview::breached, optional, "contracts that lack GPUs"));
  }
};

struct RackHolder {
  std::string contract;
  MilliGpu gpus;

  static constexpr auto schema() {
    return object("RackHolder", "Who holds GPUs of a rack.", field("contract", &RackHolder::contract, required, "tenant/contract"),
                  field("gpus", &RackHolder::gpus, required, "GPUs held under it"));
  }
};

/// One rack on the floor. What is 0 is left out.
struct FloorRack {
  std::string name;
  std::string type;
  std::optional<Time> from;
  std::int64_t nodes = 0;
  std::int64_t unready = 0;
  bool dark = false;
  std::int64_t gpus = 0;
  std::int64_t free = 0;
  Watts draw;
  Watts max;
  std::vector<RackHolder> holders;

  static constexpr auto schema() {
    return object("FloorRack", "One rack on the floor. What is 0 is left out.", field("name", &FloorRack::name, required, "its name in its hall"),
                  field("type", &FloorRack::type, optional, "node type of its first node"),
                  field("from", &FloorRack::from, optional, "when it is ready, if that lies ahead"),
                  field("nodes", &FloorRack::nodes, optional, "nodes"),
                  field("unready", &FloorRack::unready, optional, "of them that cannot take work"),
                  field("dark", &FloorRack::dark, optional, "true: no live feed reaches it"),
                  field("gpus", &FloorRack::gpus, optional, "GPUs"), field("free", &FloorRack::free, optional, "whole GPUs that nobody holds, on nodes that can take work"),
                  field("draw", &FloorRack::draw, optional, "what its nodes hold, idle power included"),
                  field("max", &FloorRack::max, optional, "what they draw at full work"),
                  field("holders", &FloorRack::holders, optional, "who holds its GPUs, by contract"));
  }
};

struct FloorRow {
  std::string name;
  std::vector<FloorRack> racks;

  static constexpr auto schema() {
    return object("FloorRow", "A row of racks.", field("name", &FloorRow::name, required, "its name in its hall"),
                  field("racks", &FloorRow::racks, required, "racks, as they stand"));
  }
};

struct FloorHall {
  std::string name;
  std::vector<FloorRow> rows;

  static constexpr auto schema() {
    return object("FloorHall", "A hall.", field("name", &FloorHall::name, required, "its name"), field("rows", &FloorHall::rows, required, "rows, side by side"));
  }
};

struct Floor {
  std::string site;
  Time at;
  Position position = 0;
  std::vector<FloorHall> halls;

  static constexpr auto schema() {
    return object("Floor", "A site rack by rack.", field("site", &Floor::site, required, "the site"), field("at", &Floor::at, required, "the time it is of"),
                  field("position", &Floor::position, required, "the last event"), field("halls", &Floor::halls, required, "halls"));
  }
};

Overview overview(const State& state, Time now);
Floor floor_of(const State& state, SiteIndex site, Time now);

}  // namespace penstock
