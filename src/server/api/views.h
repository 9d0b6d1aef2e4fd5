// Objects as the API shows them: spec as it was given, status as it is.
#pragma once

#include "engine/engine.h"

namespace penstock {

struct ViewMetadata {
  std::string name;
  Uid uid;
  std::map<std::string, std::string> labels;
  Position version = 0;
  Time created;
  std::optional<Time> updated;

  static constexpr auto schema() {
    return object("ObjectMetadata", "Name, identity and age of an object.",
                  field("name", &ViewMetadata::name, required, "its name with its scope"),
                  field("uid", &ViewMetadata::uid, required, "its identity for all time"),
                  field("labels", &ViewMetadata::labels, optional, "free labels"),
                  field("version", &ViewMetadata::version, required, "changes with every change"),
                  field("created", &ViewMetadata::created, required, "when it came to be"),
                  field("updated", &ViewMetadata::updated, optional, "when it was last applied"));
  }
};

/// An applied object of any kind but Job.
struct ObjectView {
  std::string api_version{kApiVersion};
  std::string kind;
  ViewMetadata metadata;
  json::value spec;

  static constexpr auto schema() {
    return object("Object", "An applied object.",
                  field("apiVersion", &ObjectView::api_version, required, "penstock/v1"),
                  field("kind", &ObjectView::kind, required, "NodeType, Site, Tenant, Project or Contract"),
                  field("metadata", &ObjectView::metadata, required, "name, identity and age"),
                  field("spec", &ObjectView::spec, required, "as in docs/spec.md"));
  }
};

struct Condition {
  std::string type;
  bool status = false;
  std::string reason;
  std::string message;
  std::optional<Time> since;

  static constexpr auto schema() {
    return object("Condition", "One aspect of an object's status.",
                  field("type", &Condition::type, required, "Placed, Running or Ended"),
                  field("status", &Condition::status, required, "whether it holds"),
                  field("reason", &Condition::reason, optional, "from the closed vocabulary"),
                  field("message", &Condition::message, optional, "for people"),
                  field("since", &Condition::since, optional, "since when"));
  }
};

struct TaskView {
  std::int32_t rank = 0;
  std::string group;
  std::string node;
  DeviceSet devices;
  MilliGpu gpus;
  TaskPhase phase = TaskPhase::kAssigned;
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;
  std::optional<Time> started;
  std::optional<Time> ended;
  TaskEnd end = TaskEnd::kNone;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::string message;
  std::optional<Duration> cpu_time;
  std::optional<Bytes> peak_memory;
  std::optional<Joules> energy;
  std::string energy_source;

  static constexpr auto schema() {
    return object("Task", "One task of a gang.", field("rank", &TaskView::rank, required, "its rank, from 0"),
                  field("group", &TaskView::group, required, "its group"),
                  field("node", &TaskView::node, required, "site/hall/rack/node"),
                  field("devices", &TaskView::devices, optional, "device indexes on the node"),
                  field("gpus", &TaskView::gpus, required, "GPUs granted"),
                  field("phase", &TaskView::phase, required, "assigned, running or exited"),
                  field("pid", &TaskView::pid, optional, "process id on the node"),
                  field("startTicks", &TaskView::start_ticks, optional, "start time of that process in clock ticks since boot"),
                  field("started", &TaskView::started, optional, "when it was started"),
                  field("ended", &TaskView::ended, optional, "when it ended"),
                  field("end", &TaskView::end, optional, "why it ended"),
                  field("exitCode", &TaskView::exit_code, optional, "exit status"),
                  field("signal", &TaskView::signal, optional, "signal that ended it"),
                  field("message", &TaskView::message, optional, "more, where there is more to say"),
                  field("cpuTime", &TaskView::cpu_time, optional, "processor time used"),
                  field("peakMemory", &TaskView::peak_memory, optional, "most memory used"),
                  field("energy", &TaskView::energy, optional, "energy measured for it"),
                  field("energySource", &TaskView::energy_source, optional, "what measured it"));
  }
};

struct AllocationView {
  Uid uid;
  std::int32_t attempt = 1;
  Time from;
  std::optional<Time> until;
  MilliGpu gpus;
  Watts demand;
  Watts firm;
  std::uint64_t nodes = 0;
  std::string site;
  Money price_per_gpu_hour;

  static constexpr auto schema() {
    return object("AllocationView", "What a workload holds, or last held.",
                  field("uid", &AllocationView::uid, required, "its identity"),
                  field("attempt", &AllocationView::attempt, required, "which start of the workload"),
                  field("from", &AllocationView::from, required, "when it was granted"),
                  field("until", &AllocationView::until, optional, "when its time limit ends it"),
                  field("gpus", &AllocationView::gpus, required, "GPUs"),
                  field("demand", &AllocationView::demand, required, "watts that it may draw"),
                  field("firm", &AllocationView::firm, required, "watts that it keeps after shedding"),
                  field("nodes", &AllocationView::nodes, required, "nodes it is on"),
                  field("site", &AllocationView::site, required, "site it is on"),
                  field("pricePerGpuHour", &AllocationView::price_per_gpu_hour, required, "price when it was granted"));
  }
};

struct UsageView {
  GpuMicros gpu_time;
  Joules energy;
  EnergySource energy_source = EnergySource::kModel;
  Money cost;
  std::vector<Money> energy_cost;
  Milligrams carbon;

  static constexpr auto schema() {
    return object("UsageView", "What was used, up to now if it still runs.",
                  field("gpuTime", &UsageView::gpu_time, required, "GPUs times seconds"),
                  field("energy", &UsageView::energy, required, "energy used"),
                  field("energySource", &UsageView::energy_source, required, "measured (nvml, rapl) or model"),
                  field("cost", &UsageView::cost, required, "what it costs by GPU time"),
                  field("energyCost", &UsageView::energy_cost, optional, "the energy by the site's prices, by currency; asked or not"),
                  field("carbon", &UsageView::carbon, required, "carbon dioxide that the energy stands for"));
  }
};

struct PromiseView {
  std::optional<Time> at;
  Time since;
  std::string site;
  std::uint64_t nodes = 0;
  std::string cause;

  static constexpr auto schema() {
    return object("PromiseView", "A start that nobody who comes later may delay.",
                  field("at", &PromiseView::at, optional, "at the latest then; none: when its nodes or GPUs become free"),
                  field("since", &PromiseView::since, required, "when it was given; GPUs that are promised anew keep their turn"),
                  field("site", &PromiseView::site, optional,
                        "where its place is kept; absent while only GPUs of its contract or its project are"),
                  field("nodes", &PromiseView::nodes, required, "nodes that are kept"),
                  field("cause", &PromiseView::cause, optional, "why it was given anew, or what makes way for it"));
  }
};

struct JobStatus {
  JobPhase phase = JobPhase::kPending;
  JobReason reason = JobReason::kNone;
  std::string message;
  std::string contract;
  std::string submitter;
  std::int32_t attempt = 1;
  bool held = false;
  std::optional<Time> not_before;
  std::optional<PromiseView> promise;
  std::int32_t displaced = 0;
  Duration saved;
  std::optional<Time> started;
  std::optional<Time> ended;
  std::vector<Condition> conditions;
  std::optional<AllocationView> allocation;
  std::vector<TaskView> tasks;
  std::optional<UsageView> usage;

  static constexpr auto schema() {
    return object("JobStatus", "How a job is.", field("phase", &JobStatus::phase, required, "where it is in its life"),
                  field("reason", &JobStatus::reason, required, "why, from the closed vocabulary"),
                  field("message", &JobStatus::message, optional, "why, for people"),
                  field("contract", &JobStatus::contract, required, "contract it runs under"),
                  field("submitter", &JobStatus::submitter, optional, "who submitted it"),
                  field("attempt", &JobStatus::attempt, required, "which start this is, from 1"),
                  field("held", &JobStatus::held, optional, "true: it waits until it is released"),
                  field("notBefore", &JobStatus::not_before, optional, "end of its back-off"),
                  field("promise", &JobStatus::promise, optional, "its start, while it waits"),
                  field("displaced", &JobStatus::displaced, optional,
                        "attempts that ended because others needed their place or power"),
                  field("saved", &JobStatus::saved, optional, "of its work, in checkpoints"),
                  field("started", &JobStatus::started, optional, "when all tasks first ran"),
                  field("ended", &JobStatus::ended, optional, "when it ended"),
                  field("conditions", &JobStatus::conditions, optional, "Placed, Running, Ended"),
                  field("allocation", &JobStatus::allocation, optional, "what it holds or last held"),
                  field("tasks", &JobStatus::tasks, optional, "its tasks; not in lists"),
                  field("usage", &JobStatus::usage, optional, "what it used so far"));
  }
};

struct JobView {
  std::string api_version{kApiVersion};
  std::string kind = "Job";
  ViewMetadata metadata;
  JobSpec spec;
  JobStatus status;

  static constexpr auto schema() {
    return object("Job", "A gang of tasks that starts whole and ends.",
                  field("apiVersion", &JobView::api_version, required, "penstock/v1"),
                  field("kind", &JobView::kind, required, "Job"),
                  field("metadata", &JobView::metadata, required, "name, identity and age"),
                  field("spec", &JobView::spec, required, "as it was submitted"),
                  field("status", &JobView::status, required, "how it is"));
  }
};

struct NodeTaskView {
  std::string workload;
  std::int32_t rank = 0;
  DeviceSet devices;
  MilliGpu gpus;

  static constexpr auto schema() {
    return object("NodeTask", "A task on a node.", field("workload", &NodeTaskView::workload, required, "tenant/project/job"),
                  field("rank", &NodeTaskView::rank, required, "its rank"),
                  field("devices", &NodeTaskView::devices, optional, "device indexes"),
                  field("gpus", &NodeTaskView::gpus, required, "GPUs it holds"));
  }
};

struct NodeView {
  std::string name;
  std::string type;
  std::string row;
  std::string country;
  RuntimeKind runtime = RuntimeKind::kAgent;
  NodeState state = NodeState::kReady;
  std::string status;
  NodeReason reason = NodeReason::kNone;
  std::string message;
  std::optional<Time> since;
  bool lost = false;
  bool unregistered = false;
  bool faulty = false;
  bool overdue = false;
  std::vector<Finding> findings;
  std::optional<Cordon> cordon;
  std::string maintenance;
  std::optional<Wish> wish;
  std::optional<Remedy> remedy;
  std::string withheld;
  std::string test;
  std::optional<Time> tested;
  std::vector<Time> faults;
  std::optional<Uid> incident;
  std::string gpu_model;
  std::int64_t gpus = 0;
  std::int64_t gpus_free = 0;
  MilliGpu gpus_held;
  MilliCpu cpu_free;
  Bytes memory_free;
  Watts demand;
  Watts max;
  std::map<std::string, std::string> labels;
  std::optional<AgentHello> agent;
  std::optional<Time> seen;
  std::vector<PartFound> parts;
  std::vector<NodeTaskView> tasks;

  static constexpr auto schema() {
    return object("Node", "A node of the estate.", field("name", &NodeView::name, required, "site/hall/rack/node"),
                  field("type", &NodeView::type, required, "its NodeType"),
                  field("row", &NodeView::row, required, "row that its rack stands in"),
                  field("country", &NodeView::country, required, "where it stands"),
                  field("runtime", &NodeView::runtime, required, "agent or simulated"),
                  field("state", &NodeView::state, required, "where it is in its life; see /v1/fleet/rules"),
                  field("status", &NodeView::status, required, "that, and in a word each what else there is: lost, unregistered, cordoned, maintenance, test, overdue"),
                  field("reason", &NodeView::reason, required, "why it is in that state"),
                  field("message", &NodeView::message, optional, "why, for people"),
                  field("since", &NodeView::since, optional, "since when it is in that state; absent: since it stands there"),
                  field("lost", &NodeView::lost, optional, "true: its agent has not been heard of since its lease ran out"),
                  field("unregistered", &NodeView::unregistered, optional, "true: no agent has ever taken it on"),
                  field("faulty", &NodeView::faulty, optional, "true: it is out of work for a fault, and not tested since"),
                  field("overdue", &NodeView::overdue, optional, "true: it has been in that state for too long"),
                  field("findings", &NodeView::findings, optional, "what is wrong with it"),
                  field("cordon", &NodeView::cordon, optional, "who said that nothing new may start there"),
                  field("maintenance", &NodeView::maintenance, optional, "the wave that has it"),
                  field("wish", &NodeView::wish, optional, "what is to be done once it is idle"),
                  field("remedy", &NodeView::remedy, optional, "what is being done to mend it"),
                  field("withheld", &NodeView::withheld, optional, "what is not done for it, and why"),
                  field("test", &NodeView::test, optional, "the job that tests it"),
                  field("tested", &NodeView::tested, optional, "when it last passed its test"),
                  field("faults", &NodeView::faults, optional, "when it failed lately"),
                  field("incident", &NodeView::incident, optional, "that it is in"),
                  field("gpuModel", &NodeView::gpu_model, required, "model of its devices"),
                  field("gpus", &NodeView::gpus, required, "devices"),
                  field("gpusFree", &NodeView::gpus_free, required, "whole devices that nobody holds"),
                  field("gpusHeld", &NodeView::gpus_held, required, "GPUs held, in shares too"),
                  field("cpuFree", &NodeView::cpu_free, required, "cores free"),
                  field("memoryFree", &NodeView::memory_free, required, "memory free"),
                  field("demand", &NodeView::demand, required, "watts that its allocations may draw"),
                  field("max", &NodeView::max, required, "watts it draws at most"),
                  field("labels", &NodeView::labels, optional, "labels of its rack"),
                  field("agent", &NodeView::agent, optional, "what its agent told"),
                  field("seen", &NodeView::seen, optional, "when its agent last synced"),
                  field("parts", &NodeView::parts, optional, "parts of the machine with their serial numbers; not in lists"),
                  field("tasks", &NodeView::tasks, optional, "tasks on it; not in lists"));
  }
};

struct TierRoomView {
  std::string tier;
  Grouping group = Grouping::kRack;
  std::int64_t groups = 0;
  std::int64_t gpus = 0;
  std::int64_t nodes = 0;

  static constexpr auto schema() {
    return object("TierRoom", "The most that one group of a tier has free.",
                  field("tier", &TierRoomView::tier, required, "nvlink, a tier of the fabric, or site"),
                  field("group", &TierRoomView::group, required, "which part of the site a group of it serves"),
                  field("groups", &TierRoomView::groups, required, "how many groups there are"),
                  field("gpus", &TierRoomView::gpus, required, "whole GPUs free in the best group"),
                  field("nodes", &TierRoomView::nodes, required, "nodes wholly free there"));
  }
};

/// One site and model in `penstock top`.
struct CapacityView {
  std::string site;
  std::string gpu_model;
  std::int64_t nodes = 0;
  std::int64_t nodes_ready = 0;
  std::int64_t gpus = 0;
  std::int64_t gpus_free = 0;
  std::int64_t gpus_kept = 0;
  std::int64_t gpus_feasible = 0;
  std::string bound_by;
  std::vector<TierRoomView> tiers;
  MilliGpu gpus_held;
  Watts demand;
  Watts max;

  static constexpr auto schema() {
    return object("Capacity", "What one site has of one GPU model.",
                  field("site", &CapacityView::site, required, "the site"),
                  field("gpuModel", &CapacityView::gpu_model, required, "the model"),
                  field("nodes", &CapacityView::nodes, required, "nodes"),
                  field("nodesReady", &CapacityView::nodes_ready, required, "nodes that can take work"),
                  field("gpus", &CapacityView::gpus, required, "GPUs"),
                  field("gpusFree", &CapacityView::gpus_free, required, "whole GPUs free on ready nodes and kept for nobody"),
                  field("gpusKept", &CapacityView::gpus_kept, required, "whole GPUs free and kept for promised starts"),
                  field("gpusFeasible", &CapacityView::gpus_feasible, required,
                        "of the free ones, how many power and cooling would let start now at full power"),
                  field("boundBy", &CapacityView::bound_by, optional, "the limit that stops the rest"),
                  field("tiers", &CapacityView::tiers, required, "free GPUs that lie together, the nearest tier first"),
                  field("gpusHeld", &CapacityView::gpus_held, required, "GPUs held"),
                  field("demand", &CapacityView::demand, required, "watts that allocations may draw"),
                  field("max", &CapacityView::max, required, "watts that all nodes draw at most"));
  }
};

/// A token as lists show it: never its hash.
struct TokenView {
  std::string id;
  std::string name;
  std::optional<Role> role;
  std::string tenant;
  std::string project;
  std::string node;
  std::string principal;
  std::string subject;
  std::string issuer;
  Time created;
  std::optional<Time> expires;
  std::optional<Time> last_used;

  static constexpr auto schema() {
    return object("Token", "A token, without its secret.", field("id", &TokenView::id, required, "its public part"),
                  field("name", &TokenView::name, optional, "what people call it"),
                  field("role", &TokenView::role, optional, "what it may do; of a principal or a session, at most"),
                  field("tenant", &TokenView::tenant, optional, "tenant it is bound to"),
                  field("project", &TokenView::project, optional, "project of that tenant it is bound to"),
                  field("node", &TokenView::node, optional, "node it is bound to"),
                  field("principal", &TokenView::principal, optional, "principal it stands for"),
                  field("subject", &TokenView::subject, optional, "of a session: who logged in, as the identity provider names it"),
                  field("issuer", &TokenView::issuer, optional, "who issued it"),
                  field("created", &TokenView::created, required, "when"),
                  field("expires", &TokenView::expires, optional, "when it stops being valid"),
                  field("lastUsed", &TokenView::last_used, optional, "when it was last accepted since the server started"));
  }
};

/// An entry of the audit log.
struct AuditView {
  Position position = 0;
  Time at;
  std::string by;
  AuditRecorded entry;

  static constexpr auto schema() {
    return object("AuditEntry", "One request that changed something.", field("position", &AuditView::position, required, "of its event"),
                  field("at", &AuditView::at, required, "when"),
                  field("by", &AuditView::by, optional, "token that asked for it; not told to a tenant of others"),
                  field("entry", &AuditView::entry, required, "who, what, why and from where"));
  }
};

enum class Detail { kList, kFull };

template <class Spec>
ObjectView object_view(Kind kind, const Object<Spec>& object) {
  ObjectView view;
  view.kind = name_of(kind);
  view.metadata = {object.name, object.uid, object.labels, object.version, object.created, object.updated};
  view.spec = json::parse(to_json(object.spec));
  return view;
}
JobView job_view(const State& state, const Job& job, Detail detail, Time now);
NodeView node_view(const State& state, const Leases& leases, NodeIndex node, Detail detail, Time now);
/// Whether a node is anything but simply at work.
bool is_amiss(const NodeView& node);
std::vector<CapacityView> capacity_views(State& state);
TokenView token_view(const TokenRecord& token, std::optional<Time> last_used);

PENSTOCK_JSON_ELSEWHERE(ObjectView);
PENSTOCK_JSON_ELSEWHERE(JobView);
PENSTOCK_JSON_ELSEWHERE(NodeView);

}  // namespace penstock
