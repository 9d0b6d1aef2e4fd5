// The durable facts: what the event log adds up to. Everything else in the engine is derived from them.
#pragma once

#include <deque>

#include "engine/access/token.h"
#include "engine/fleet/care.h"
#include "engine/fleet/incident.h"
#include "engine/fleet/report.h"
#include "engine/ledger/books.h"
#include "engine/reply.h"
#include "spec/document.h"

namespace penstock {

/// An applied object.
template <class Spec>
struct Object {
  Uid uid;
  std::string name;
  std::map<std::string, std::string> labels;
  Spec spec;
  Position version = 0;
  Time created;
  Time updated;

  static constexpr auto schema() {
    return object("StoredObject", "An applied object.", field("uid", &Object::uid, required, ""),
                  field("name", &Object::name, required, ""), field("labels", &Object::labels, optional, ""),
                  field("spec", &Object::spec, required, ""), field("version", &Object::version, required, ""),
                  field("created", &Object::created, required, ""), field("updated", &Object::updated, required, ""));
  }
};

template <class Spec>
using ObjectMap = std::map<std::string, Object<Spec>>;

enum class JobPhase { kPending, kStarting, kRunning, kStopping, kSucceeded, kFailed, kCancelled };
constexpr auto enum_names(JobPhase) {
  using P = JobPhase;
  return std::array{EnumName<P>{P::kPending, "pending"},     EnumName<P>{P::kStarting, "starting"},
                    EnumName<P>{P::kRunning, "running"},     EnumName<P>{P::kStopping, "stopping"},
                    EnumName<P>{P::kSucceeded, "succeeded"}, EnumName<P>{P::kFailed, "failed"},
                    EnumName<P>{P::kCancelled, "cancelled"}};
}
constexpr bool is_final(JobPhase phase) {
  return phase == JobPhase::kSucceeded || phase == JobPhase::kFailed || phase == JobPhase::kCancelled;
}

/// Why a job is in its phase; a closed vocabulary.
enum class JobReason { kNone, kCompleted, kTaskFailed, kLaunchFailed, kTimeLimit, kCancelled, kNodeLost, kLeaseExpired, kShed,
                       kPreempted, kSuspended, kDependency, kMoved, kResized, kDrained };
constexpr auto enum_names(JobReason) {
  using R = JobReason;
  return std::array{EnumName<R>{R::kNone, "none"},
                    EnumName<R>{R::kCompleted, "completed"},
                    EnumName<R>{R::kTaskFailed, "task-failed"},
                    EnumName<R>{R::kLaunchFailed, "launch-failed"},
                    EnumName<R>{R::kTimeLimit, "time-limit"},
                    EnumName<R>{R::kCancelled, "cancelled"},
                    EnumName<R>{R::kNodeLost, "node-lost"},
                    EnumName<R>{R::kLeaseExpired, "lease-expired"},
                    EnumName<R>{R::kShed, "shed"},
                    EnumName<R>{R::kPreempted, "preempted"},
                    EnumName<R>{R::kSuspended, "suspended"},
                    EnumName<R>{R::kDependency, "dependency"},
                    EnumName<R>{R::kMoved, "moved"},
                    EnumName<R>{R::kResized, "resized"},
                    EnumName<R>{R::kDrained, "drained"}};
}

/// Whether such an attempt ended without a failure, for others or for its size, and no restart is used up.
constexpr bool is_displaced(JobReason reason) {
  return reason == JobReason::kShed || reason == JobReason::kPreempted || reason == JobReason::kSuspended ||
         reason == JobReason::kMoved || reason == JobReason::kResized || reason == JobReason::kDrained;
}

/// Where one task of a gang was placed. Its rank is its place in the allocation.
struct TaskPlacement {
  std::string node;
  std::int32_t group = 0;
  DeviceSet devices;
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
  Bytes disk;
  std::int32_t port = 0;
  Watts demand;
  Watts firm;

  static constexpr auto schema() {
    return object("TaskPlacement", "Where one task of a gang was placed.",
                  field("node", &TaskPlacement::node, required, "site/hall/rack/node"),
                  field("group", &TaskPlacement::group, optional, "index of its group in the job"),
                  field("devices", &TaskPlacement::devices, optional, "device indexes on the node"),
                  field("gpus", &TaskPlacement::gpus, required, "GPUs granted; below 1 a share of one device"),
                  field("cpu", &TaskPlacement::cpu, required, "cores granted"),
                  field("memory", &TaskPlacement::memory, required, "memory granted"),
                  field("disk", &TaskPlacement::disk, optional, "local disk granted"),
                  field("port", &TaskPlacement::port, required, "port on the node that is the task's own"),
                  field("demand", &TaskPlacement::demand, required, "watts that it may draw, with its part of the node's idle"),
                  field("firm", &TaskPlacement::firm, required, "watts that it keeps after shedding"));
  }
  bool operator==(const TaskPlacement&) const = default;
};

/// GPUs and watts bound to a workload for an interval.
struct Allocation {
  Uid uid;
  Uid job;
  std::int32_t attempt = 1;
  Time from;
  std::optional<Time> until;
  MilliGpu gpus;
  Watts demand;
  Watts firm;
  Money price_per_gpu_hour;
  std::string contract;
  std::vector<TaskPlacement> tasks;

  static constexpr auto schema() {
    return object("Allocation", "GPUs and watts bound to a workload for an interval.",
                  field("uid", &Allocation::uid, required, "its identity"),
                  field("job", &Allocation::job, required, "the workload it is bound to"),
                  field("attempt", &Allocation::attempt, required, "which start of the workload this is"),
                  field("from", &Allocation::from, required, "when it was granted"),
                  field("until", &Allocation::until, optional, "when its time limit ends it"),
                  field("gpus", &Allocation::gpus, required, "GPUs of all tasks"),
                  field("demand", &Allocation::demand, required, "watts that it may draw"),
                  field("firm", &Allocation::firm, required, "watts that it keeps after shedding"),
                  field("pricePerGpuHour", &Allocation::price_per_gpu_hour, required, "price when it was granted"),
                  field("contract", &Allocation::contract, required, "contract it runs under"),
                  field("tasks", &Allocation::tasks, required, "its tasks by rank"));
  }
  bool operator==(const Allocation&) const = default;
};

/// A row of metering: a stretch of one allocation in which nothing that prices it changed. Rows are cut at the end of a month,
/// where terms change, where power is taken or given back, and at the end. Where several are added up, what is not a sum is that of the
/// latest.
struct Usage {
  Uid allocation;
  Uid job;
  std::string workload;
  std::string contract;
  std::string gpu_model;
  std::string site;
  Time from;
  Time to;
  MilliGpu gpus;
  GpuMicros gpu_time;
  Joules energy;
  EnergySource energy_source = EnergySource::kModel;
  Money price;
  Money cost;
  bool shed = false;
  Money rebate;
  std::vector<Money> energy_cost;
  Milligrams carbon;
  Joules imported;
  bool continues = false;

  static constexpr auto schema() {
    return object("Usage", "What one allocation used.",
                  field("allocation", &Usage::allocation, required, "the allocation"),
                  field("job", &Usage::job, required, "the workload's uid"),
                  field("workload", &Usage::workload, required, "tenant/project/job"),
                  field("contract", &Usage::contract, required, "contract it ran under"),
                  field("gpuModel", &Usage::gpu_model, required, "GPU models used, joined by '+'"),
                  field("site", &Usage::site, optional, "where"),
                  field("from", &Usage::from, required, "when it began"),
                  field("to", &Usage::to, required, "when it ended"),
                  field("gpus", &Usage::gpus, required, "GPUs held"),
                  field("gpuTime", &Usage::gpu_time, required, "GPUs times seconds, to the millisecond"),
                  field("energy", &Usage::energy, required,
                        "energy used at the nodes; below 0 where a meter has shown less than rows before it had by the model"),
                  field("energySource", &Usage::energy_source, required, "measured by nvml or rapl, or by the model"),
                  field("price", &Usage::price, optional, "of one GPU for one hour"),
                  field("cost", &Usage::cost, required,
                        "GPU time times the price, rounded half up to a millionth; 0 where the contract is paid for by capacity"),
                  field("shed", &Usage::shed, optional, "true: its power was taken from it"),
                  field("rebate", &Usage::rebate, optional, "what the contract gives back for that"),
                  field("energyCost", &Usage::energy_cost, optional, "the energy by the site's prices, by currency; asked or not"),
                  field("carbon", &Usage::carbon, optional, "carbon dioxide that the energy stands for"),
                  field("imported", &Usage::imported, optional,
                        "what it added to the site's import by the model: the energy above its nodes' idle power, and its losses on the way"),
                  field("continues", &Usage::continues, optional, "true: the allocation goes on, and so does its next row"));
  }
  bool operator==(const Usage&) const = default;
};

/// What of a running allocation has been metered.
struct Metered {
  Time until;
  Money price;
  Joules energy;

  static constexpr auto schema() {
    return object("Metered", "What of a running allocation has been metered.",
                  field("until", &Metered::until, required, "end of its last row"),
                  field("price", &Metered::price, required, "of the next row"),
                  field("energy", &Metered::energy, required, "of its rows together"));
  }
  bool operator==(const Metered&) const = default;
};

/// Power that was taken from running work within its contract.
struct ShedState {
  Time since;
  std::string cause;
  bool stop = false;

  static constexpr auto schema() {
    return object("ShedState", "Power that was taken from running work within its contract.",
                  field("since", &ShedState::since, required, "since when"),
                  field("cause", &ShedState::cause, required, "what made it necessary"),
                  field("stop", &ShedState::stop, optional, "true: it is being stopped and will be queued again"));
  }
  bool operator==(const ShedState&) const = default;
};

/// A start that nobody who comes later may delay: nodes and watts are kept for it, or, while its contract or its project
/// has too few GPUs left, only those.
struct Promise {
  std::optional<Time> at;
  Time since;
  std::string cause;
  std::vector<TaskPlacement> tasks;

  static constexpr auto schema() {
    return object("Promise", "A start that nobody who comes later may delay.",
                  field("at", &Promise::at, optional, "when it starts at the latest, if all that runs keeps its time limit; "
                                                      "none: when its nodes become free, of which nobody knows"),
                  field("since", &Promise::since, required, "when it was given; GPUs that are promised anew keep their turn"),
                  field("cause", &Promise::cause, optional, "why it had to be given anew, or what was reclaimed for it"),
                  field("tasks", &Promise::tasks, required,
                        "what is kept for it, and it may start elsewhere earlier; none: GPUs of its contract and its project"));
  }
  bool operator==(const Promise&) const = default;
};

/// A job that must have ended before another starts.
struct Awaited {
  Uid job;
  DependencyKind when = DependencyKind::kOk;

  static constexpr auto schema() {
    return object("Awaited", "A job that must have ended first.", field("job", &Awaited::job, required, "which"),
                  field("when", &Awaited::when, required, "how"));
  }
  bool operator==(const Awaited&) const = default;
};

/// What a tenant or project held on average lately: the mean decays by half every kShareHalfLife.
struct ShareUse {
  Time as_of;
  std::int64_t average = 0;  ///< millionths of a GPU

  static constexpr auto schema() {
    return object("ShareUse", "What was held on average lately.", field("asOf", &ShareUse::as_of, required, ""),
                  field("average", &ShareUse::average, required, ""));
  }
  bool operator==(const ShareUse&) const = default;
};

struct Job {
  Uid uid;
  std::string name;
  std::map<std::string, std::string> labels;
  JobSpec spec;
  std::string contract;
  std::string submitter;
  JobPhase phase = JobPhase::kPending;
  JobReason reason = JobReason::kNone;
  std::string message;
  std::int32_t attempt = 1;
  Time submitted;
  std::optional<Time> not_before;
  std::optional<Time> started;
  std::optional<Time> ended;
  std::optional<Allocation> allocation;  ///< of the present or last attempt
  std::vector<TaskReport> tasks;         ///< by rank, of that allocation; empty before the first
  std::optional<Usage> usage;            ///< of all rows together
  std::optional<Metered> metered;        ///< while it holds something that has rows
  std::optional<ShedState> shed;         ///< while its power is taken from it
  std::int32_t displaced = 0;            ///< attempts that ended because others needed their place or power; no restart is used up
  std::int32_t most = 0;                 ///< tasks of its elastic group, as it was resized to; 0: as its spec says
  bool held = false;                     ///< waits until someone releases it
  std::vector<Awaited> awaits;           ///< jobs that have not ended yet
  std::optional<Promise> promise;        ///< while it waits
  std::optional<Duration> grace;         ///< while it is being stopped: between TERM and KILL, if not its own
  Duration saved;                        ///< of its work, in checkpoints of attempts that have ended
  Position version = 0;

  static constexpr auto schema() {
    return object("StoredJob", "A job.", field("uid", &Job::uid, required, ""), field("name", &Job::name, required, ""),
                  field("labels", &Job::labels, optional, ""), field("spec", &Job::spec, required, ""),
                  field("contract", &Job::contract, required, ""), field("submitter", &Job::submitter, optional, ""),
                  field("phase", &Job::phase, required, ""), field("reason", &Job::reason, required, ""),
                  field("message", &Job::message, optional, ""), field("attempt", &Job::attempt, required, ""),
                  field("submitted", &Job::submitted, required, ""), field("notBefore", &Job::not_before, optional, ""),
                  field("started", &Job::started, optional, ""), field("ended", &Job::ended, optional, ""),
                  field("allocation", &Job::allocation, optional, ""), field("tasks", &Job::tasks, optional, ""),
                  field("usage", &Job::usage, optional, ""), field("metered", &Job::metered, optional, ""), field("shed", &Job::shed, optional, ""),
                  field("displaced", &Job::displaced, optional, ""), field("most", &Job::most, optional, ""),
                  field("held", &Job::held, optional, ""),
                  field("awaits", &Job::awaits, optional, ""), field("promise", &Job::promise, optional, ""),
                  field("grace", &Job::grace, optional, ""), field("saved", &Job::saved, optional, ""),
                  field("version", &Job::version, required, ""));
  }

  /// Whether its allocation holds resources now.
  bool holds() const {
    return phase == JobPhase::kStarting || phase == JobPhase::kRunning || phase == JobPhase::kStopping;
  }
};

/// What a node that is not simulated has told about itself.
struct NodeFacts {
  std::string name;
  Uid registration;
  bool lost = false;  ///< its lease ran out; it holds nothing until it syncs again
  AgentHello hello;
  std::string token_id;
  Time registered;
  Time changed;
  Position version = 0;

  static constexpr auto schema() {
    return object("StoredNode", "A registered node.", field("name", &NodeFacts::name, required, ""),
                  field("registration", &NodeFacts::registration, required, ""),
                  field("lost", &NodeFacts::lost, optional, ""), field("hello", &NodeFacts::hello, required, ""),
                  field("tokenId", &NodeFacts::token_id, required, ""),
                  field("registered", &NodeFacts::registered, required, ""),
                  field("changed", &NodeFacts::changed, required, ""), field("version", &NodeFacts::version, required, ""));
  }
};

/// A row that is above its limit, in watts or millilitres a minute.
struct LimitBreak {
  std::string row;
  std::string contingency;
  std::int64_t load = 0;
  std::int64_t limit = 0;

  static constexpr auto schema() {
    return object("LimitBreak", "A row that is above its limit.",
                  field("row", &LimitBreak::row, required, "element, loop and medium, `SITE import`, or `NODE supplies`"),
                  field("contingency", &LimitBreak::contingency, optional, "the loss after which it is; none: now"),
                  field("load", &LimitBreak::load, required, "watts, or millilitres a minute, rounded up"),
                  field("limit", &LimitBreak::limit, required, "watts, or millilitres a minute"));
  }
  bool operator==(const LimitBreak&) const = default;
};

/// GPUs of a signed contract that the estate does not give, for a stretch of time.
struct Shortfall {
  Time from;
  std::optional<Time> until;
  std::int64_t gpus = 0;
  bool spare = false;
  std::string bound_by;

  static constexpr auto schema() {
    return object("Shortfall", "GPUs of a contract that the estate does not give, for a stretch of time.",
                  field("from", &Shortfall::from, required, "from when they are missing"),
                  field("until", &Shortfall::until, optional, "until when; absent: to the contract's end"),
                  field("gpus", &Shortfall::gpus, required, "how many are missing"),
                  field("spare", &Shortfall::spare, optional, "true: of its spares, not of what it was sold"),
                  field("boundBy", &Shortfall::bound_by, required, "the limit that binds, in a sentence"));
  }
  bool operator==(const Shortfall&) const = default;
};

/// The answer to a keyed request, kept so that a repeat gets it again.
struct StoredReply {
  std::string principal;
  std::string key;
  std::uint64_t fingerprint = 0;
  Time at;
  Reply reply;

  static constexpr auto schema() {
    return object("StoredReply", "The answer to a keyed request.", field("principal", &StoredReply::principal, required, ""),
                  field("key", &StoredReply::key, required, ""),
                  field("fingerprint", &StoredReply::fingerprint, required, ""),
                  field("at", &StoredReply::at, required, ""), field("reply", &StoredReply::reply, required, ""));
  }
};

/// All of it. Its canonical JSON is the snapshot, and the XXH3-64 of that is the state hash.
struct Facts {
  Position position = 0;
  Time now;  ///< time of the last event
  Epoch epoch = 0;
  std::uint64_t last_uid = 0;
  ObjectMap<NodeTypeSpec> node_types;
  ObjectMap<SiteSpec> sites;
  ObjectMap<TenantSpec> tenants;
  ObjectMap<ProjectSpec> projects;
  ObjectMap<ContractSpec> contracts;
  ObjectMap<RestrictionSpec> restrictions;
  ObjectMap<PrincipalSpec> principals;
  ObjectMap<GrantSpec> grants;
  std::map<std::string, std::string> revoked;  ///< maintenance that does not take effect, and why
  Time limits_as_of;                           ///< up to when dated limits have been taken in
  std::map<std::string, std::vector<LimitBreak>> broken;  ///< by site: what has been told and not mended
  std::map<std::string, Position> signed_at;  ///< by contract: when what it sells last grew; the book lays in this order
  std::map<std::string, std::vector<Shortfall>> breached;  ///< by contract: what has been told and not mended
  std::map<Uid, Job> jobs;
  std::map<std::string, NodeFacts> nodes;
  std::map<std::string, Care> care;                  ///< by node: of those that are not simply at work, or have failed before
  std::map<std::string, OpenBreaker> breakers;       ///< by site; none named: all sites
  std::map<std::string, Wave> waves;                 ///< of maintenance, and the latest that are over
  std::map<Uid, Ticket> tickets;                     ///< open ones, and the latest that were closed
  std::map<Uid, Incident> incidents;                 ///< open ones, and the latest that were closed
  std::map<std::string, TokenRecord> tokens;
  std::map<std::string, Usage> usage_by_project;  ///< totals of ended allocations; one currency a project
  Books books;                                      ///< what has been earned, owed and used since the last month that was closed
  std::map<std::string, ShareUse> shares;         ///< of tenants and of tenant/project
  std::map<std::uint64_t, StoredReply> replies;   ///< by position, oldest first

  static constexpr auto schema() {
    return object("Facts", "The durable facts.", field("position", &Facts::position, required, ""),
                  field("now", &Facts::now, required, ""), field("epoch", &Facts::epoch, required, ""),
                  field("lastUid", &Facts::last_uid, required, ""), field("nodeTypes", &Facts::node_types, optional, ""),
                  field("sites", &Facts::sites, optional, ""), field("tenants", &Facts::tenants, optional, ""),
                  field("projects", &Facts::projects, optional, ""), field("contracts", &Facts::contracts, optional, ""),
                  field("restrictions", &Facts::restrictions, optional, ""),
                  field("principals", &Facts::principals, optional, ""), field("grants", &Facts::grants, optional, ""),
                  field("revoked", &Facts::revoked, optional, ""),
                  field("limitsAsOf", &Facts::limits_as_of, required, ""), field("broken", &Facts::broken, optional, ""),
                  field("signedAt", &Facts::signed_at, optional, ""), field("breached", &Facts::breached, optional, ""),
                  field("jobs", &Facts::jobs, optional, ""), field("nodes", &Facts::nodes, optional, ""),
                  field("care", &Facts::care, optional, ""), field("breakers", &Facts::breakers, optional, ""),
                  field("tickets", &Facts::tickets, optional, ""), field("waves", &Facts::waves, optional, ""),
                  field("incidents", &Facts::incidents, optional, ""),
                  field("tokens", &Facts::tokens, optional, ""),
                  field("usageByProject", &Facts::usage_by_project, optional, ""),
                  field("books", &Facts::books, required, ""),
                  field("shares", &Facts::shares, optional, ""),
                  field("replies", &Facts::replies, optional, ""));
  }
};

PENSTOCK_JSON_ELSEWHERE(Allocation);
PENSTOCK_JSON_ELSEWHERE(Usage);
PENSTOCK_JSON_ELSEWHERE(Job);
PENSTOCK_JSON_ELSEWHERE(Facts);

}  // namespace penstock
