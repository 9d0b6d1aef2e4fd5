// Scenarios: what a simulation runs, as a YAML document of the kind Scenario.
#pragma once

#include <variant>

#include "engine/queue/settings.h"
#include "sim/traces/trace.h"
#include "spec/document.h"

namespace penstock {

/// An estate of one simulated site without network, cooling or grid: `nodes` of one type, or those that a trace lists.
struct PlainEstateSpec {
  std::string node_list;
  std::int64_t nodes = 0;
  std::int32_t gpus_per_node = 8;
  std::string model = "gpu";

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = PlainEstateSpec;
    return object("PlainEstate", "One simulated site without limits of power and cooling.",
                  field("nodeList", &S::node_list, optional, "file of a trace that lists its nodes"),
                  field("nodes", &S::nodes, optional, "or how many nodes it has, all alike"),
                  field("gpusPerNode", &S::gpus_per_node, optional, "of these; 8 if absent"),
                  field("model", &S::model, optional, "GPU model of these; gpu if absent"));
  }
};

/// The jobs of a trace.
struct TraceLoadSpec {
  std::string file;
  std::optional<TraceFormat> format;
  std::string contract;
  std::string spot_contract;
  std::int32_t gpus_per_task = 0;
  std::optional<Ppm> time_limit;
  std::optional<Ppm> speed;
  std::optional<Ppm> sample;
  std::optional<Duration> checkpoint;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = TraceLoadSpec;
    return object("TraceLoad", "The jobs of a trace, each in the project of its owner.",
                  field("file", &S::file, required, "the trace, relative to the scenario"),
                  field("format", &S::format, optional, "openb, philly, helios, acme, slurm, swf or penstock; found out if absent"),
                  field("contract", &S::contract, optional, "tenant/contract they run under; sim/main if absent"),
                  field("spotContract", &S::spot_contract, optional, "of those that may be preempted; the same if absent"),
                  field("gpusPerTask", &S::gpus_per_task, optional,
                        "where only the total is known: it is cut into tasks of so many; the largest node if absent"),
                  field("timeLimit", &S::time_limit, optional, "what users state, as a part of what it takes, such as 150%; none if absent"),
                  field("speed", &S::speed, optional, "how much faster they are submitted than they were, such as 200%; as they were if absent"),
                  field("sample", &S::sample, optional,
                        "instead of the trace's own times: jobs in random order, one a second, without end, until they ask for so "
                        "much of the GPUs, such as 130%"),
                  field("checkpoint", &S::checkpoint, optional, "how often they write one; never if absent"));
  }
};

/// One part of a synthetic mix.
struct MixSpec {
  std::int64_t weight = 1;
  std::int32_t tasks = 1;
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
  std::string contract;
  std::vector<std::string> gpu_models;
  Duration median = hours(1);
  std::optional<Ppm> spread;
  std::optional<Duration> checkpoint;
  std::int32_t restarts = 10;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = MixSpec;
    return object("Mix", "Jobs of one kind.", field("weight", &S::weight, optional, "how many of them, against the others; 1 if absent"),
                  field("tasks", &S::tasks, optional, "tasks of the gang; 1 if absent"),
                  field("gpus", &S::gpus, required, "GPUs of each task"), field("cpu", &S::cpu, optional, "cores of each task"),
                  field("memory", &S::memory, optional, "memory of each task"),
                  field("contract", &S::contract, optional, "tenant/contract; sim/main if absent"),
                  field("gpuModels", &S::gpu_models, optional, "models they may run on; any if absent"),
                  field("median", &S::median, optional, "half of them take no longer; PT1H if absent"),
                  field("spread", &S::spread, optional,
                        "of the logarithm of their durations: 100% means that one in six takes 2.7 times the median; 100% if absent"),
                  field("checkpoint", &S::checkpoint, optional, "how often they write one; never if absent"),
                  field("restarts", &S::restarts, optional, "how often they may start again after a failure; 10 if absent"));
  }
};

/// Jobs by chance.
struct SyntheticLoadSpec {
  std::int64_t per_hour = 0;
  std::optional<Ppm> swing;
  std::int32_t projects = 10;
  std::optional<Ppm> time_limit;
  std::vector<MixSpec> mix;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = SyntheticLoadSpec;
    return object("SyntheticLoad", "Jobs that arrive by chance (a Poisson process).",
                  field("perHour", &S::per_hour, required, "how many on average"),
                  field("swing", &S::swing, optional, "how far the rate rises by day and falls by night, such as 50%; not if absent"),
                  field("projects", &S::projects, optional, "projects that they belong to; 10 if absent"),
                  field("timeLimit", &S::time_limit, optional, "what users state, as a part of what it takes; none if absent"),
                  field("mix", &S::mix, required, "what they are"));
  }
};

struct LoadSpec {
  std::optional<TraceLoadSpec> trace;
  std::optional<SyntheticLoadSpec> synthetic;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Load", "Where jobs come from: one of both.", field("trace", &LoadSpec::trace, optional, "jobs of a trace"),
                  field("synthetic", &LoadSpec::synthetic, optional, "jobs by chance"));
  }
};

/// An object as KIND NAME; nothing if the text is none.
std::optional<std::pair<Kind, std::string>> named_object(std::string_view text);

/// When something happens: so long after the beginning, or at a time.
struct Moment {
  std::variant<Duration, Time> when;

  bool operator==(const Moment&) const = default;
  Time from(Time beginning) const {
    const auto* after = std::get_if<Duration>(&when);
    return after != nullptr ? beginning + *after : std::get<Time>(when);
  }
};
PENSTOCK_DECLARE_TEXT(Moment, "a duration after the beginning such as PT3H, or a time such as 2026-06-01T14:00:00Z", false);

/// One way in which nodes fail, and what it takes to mend it. The fleet's rules of the site see what it shows and do the rest.
struct FaultKindSpec {
  std::string name;
  std::int64_t weight = 1;
  NodeCheck check = NodeCheck::kXid;
  std::int32_t code = 0;
  bool device = false;
  bool silent = false;
  RemedyAction mended_by = RemedyAction::kReset;
  std::optional<Ppm> hides;
  std::optional<Duration> passes;

  static constexpr auto schema() {
    using S = FaultKindSpec;
    return object("FaultKind", "One way in which nodes fail.", field("name", &S::name, required, "for the report"),
                  field("weight", &S::weight, optional, "how many of them, against the others; 1 if absent"),
                  field("check", &S::check, optional, "what it shows as; xid if absent"),
                  field("code", &S::code, optional, "the code that it shows, such as the number of an XID"),
                  field("device", &S::device, optional, "true: it is of one device, drawn by chance"),
                  field("silent", &S::silent, optional, "true: the node is gone at once, with its work"),
                  field("mendedBy", &S::mended_by, optional, "the lightest remedy that helps; reset if absent"),
                  field("hides", &S::hides, optional,
                        "in this part of the cases a lighter remedy makes it invisible, until the node's test fails; none if absent"),
                  field("passes", &S::passes, optional, "it goes by itself after so long"));
  }
};

/// A fault that strikes many nodes at a time: a leaf switch, telemetry that lies.
struct StrikeSpec {
  std::vector<std::string> nodes;
  FaultKindSpec fault;

  static constexpr auto schema() {
    return object("Strike", "A fault that strikes nodes at a time.", field("nodes", &StrikeSpec::nodes, required, "which; ranges make many"),
                  field("fault", &StrikeSpec::fault, required, "what"));
  }
};

/// Something that is applied, or taken away, at a time.
struct DatedSpec {
  Moment at;
  std::vector<json::value> apply;
  std::vector<std::string> remove;
  std::vector<std::string> lose;
  std::vector<std::string> give_back;
  std::vector<StrikeSpec> strike;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = DatedSpec;
    return object("Dated", "What happens at a time.", field("at", &S::at, required, "a duration after the beginning, or a time"),
                  field("apply", &S::apply, optional,
                        "documents: a Restriction (a lost element, an order of the grid, maintenance), a contract, racks that were delivered; jobs are submitted"),
                  field("remove", &S::remove, optional, "objects as KIND NAME, such as `Restriction loughton/ups-b3`"),
                  field("lose", &S::lose, optional, "nodes that fail; ranges make many, such as `loughton/h1/r1ak[01-10]/n[01-18]`"),
                  field("giveBack", &S::give_back, optional, "nodes that work again; ranges make many"),
                  field("strike", &S::strike, optional, "faults that the fleet's rules are left to find and mend"));
  }
};

/// How nodes fail. The rates that are taken if none are given: 2.3 to 6.5 node failures in 1,000 node-days, of which the
/// higher is of the largest jobs' GPUs (Kokolis et al., "Revisiting Reliability in Large-Scale Machine Learning Research
/// Clusters", HPCA'25, RSC-1 6.5 and RSC-2 2.34); 419 unexpected stops in 54 days on 16,384 GPUs, 148 by GPUs and 72 by their
/// memory (Dubey et al., "The Llama 3 Herd of Models", 2024); 1.2 % to 1.7 % of nodes being lemons (Kokolis et al.).
struct FaultSpec {
  std::int64_t per_million_node_days = 6'500;
  std::optional<Ppm> lemons;
  std::int32_t lemon_factor = 20;
  std::optional<Ppm> whole_domain;
  Duration repair = hours(24);
  Duration quick_repair = hours(1);
  std::optional<Ppm> quick;
  std::vector<FaultKindSpec> kinds;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = FaultSpec;
    return object("Faults", "How nodes fail, each by itself, and come back.",
                  field("perMillionNodeDays", &S::per_million_node_days, optional, "failures of all kinds in a million node-days; 6500 if absent"),
                  field("lemons", &S::lemons, optional, "part of the nodes that fail far more often; 1.5% if absent"),
                  field("lemonFactor", &S::lemon_factor, optional, "how much more often; 20 if absent"),
                  field("wholeDomain", &S::whole_domain, optional, "part of the failures that take the whole rack, as that of an NVLink switch does; 2% if absent"),
                  field("repair", &S::repair, optional, "mean time to repair by hand; P1D if absent"),
                  field("quickRepair", &S::quick_repair, optional, "mean time of a reset or a reboot with its checks; PT1H if absent"),
                  field("quick", &S::quick, optional, "part of the failures that such a one mends; 70% if absent"),
                  field("kinds", &S::kinds, optional,
                        "ways in which they fail, which the sites' rules mend, and persons who close tickets after `repair`; without any, nodes are lost and come back by themselves"));
  }
};

/// One run of several: what differs.
struct VariantSpec {
  std::string name;
  json::value set;

  static constexpr auto schema() {
    return object("Variant", "A run that differs.", field("name", &VariantSpec::name, required, "for the report"),
                  field("set", &VariantSpec::set, required, "what is changed in the spec: a merge patch (RFC 7396)"));
  }
};

struct ScenarioSpec {
  std::vector<std::string> estate;
  std::optional<PlainEstateSpec> plain_estate;
  std::optional<Time> from;
  std::optional<Duration> length;
  std::uint64_t seed = 1;
  std::int32_t seeds = 1;
  std::vector<LoadSpec> loads;
  SchedulerSettings scheduler;
  bool give_up = false;
  std::optional<FaultSpec> faults;
  std::optional<FleetSpec> fleet;
  std::vector<DatedSpec> events;
  std::vector<VariantSpec> variants;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = ScenarioSpec;
    return object("ScenarioSpec", "What a simulation runs.",
                  field("estate", &S::estate, optional, "files and folders of documents, relative to the scenario"),
                  field("plainEstate", &S::plain_estate, optional, "an estate without limits of power, made for a trace"),
                  field("from", &S::from, optional, "when it begins; 2026-01-01 if absent"),
                  field("for", &S::length, optional, "how long it runs; until all work has ended if absent"),
                  field("seed", &S::seed, optional, "of all chance; 1 if absent"),
                  field("seeds", &S::seeds, optional, "how many runs, with this seed and those after it; 1 if absent"),
                  field("loads", &S::loads, optional, "where jobs come from; a fork needs none"),
                  field("scheduler", &S::scheduler, optional, "how the queue is worked off"),
                  field("giveUp", &S::give_up, optional, "true: a job that cannot start at once is withdrawn"),
                  field("faults", &S::faults, optional, "how nodes fail; they do not if absent"),
                  field("fleet", &S::fleet, optional, "how every site keeps its nodes healthy, in place of its own rules"),
                  field("events", &S::events, optional, "what happens at which time"),
                  field("variants", &S::variants, optional, "several runs side by side; each changes the spec"));
  }
};

struct Scenario {
  std::string name;
  std::string variant;
  ScenarioSpec spec;
};

/// The runs of one scenario document: every variant with every seed. Faults name file, line and path.
Result<std::vector<Scenario>> read_scenario(const SourceText& source);

/// What a scenario for the state of a server cannot say itself.
struct ForkGround {
  Time from;
  std::optional<Duration> length;  ///< instead of the scenario's own
};
/// The runs of a scenario that goes on from the state of a server: as it is, that is without the scenario's events; and with
/// them, or every variant. It names no estate, and perhaps no loads.
Result<std::vector<Scenario>> read_scenario(const SourceText& source, const ForkGround& ground);

}  // namespace penstock
