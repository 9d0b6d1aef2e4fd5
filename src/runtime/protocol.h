// What an agent and the server say to each other. The agent always calls; the server answers with the whole set
// of tasks that the node should hold, and the agent makes it so. Nothing depends on a message not being lost.
#pragma once

#include "base/json.h"
#include "base/uid.h"

namespace penstock {

/// POST /v1/agents/register, with a token of role `node` not yet bound to a node (a join token).
struct AgentHello {
  std::string node;
  std::string address;
  std::string agent_version;
  std::string boot_id;
  std::string hostname;
  std::string device_vendor;
  std::string device_model;
  std::int32_t device_count = 0;
  MilliCpu cpu;
  Bytes memory;
  std::vector<std::string> capabilities;
  std::string power_source;

  static constexpr auto schema() {
    return object("AgentHello", "An agent introduces the node it runs on.",
                  field("node", &AgentHello::node, required, "site/hall/rack/node that it claims to be"),
                  field("address", &AgentHello::address, required, "address that tasks on other nodes reach it by"),
                  field("agentVersion", &AgentHello::agent_version, required, "its version"),
                  field("bootId", &AgentHello::boot_id, required, "kernel's boot id"),
                  field("hostname", &AgentHello::hostname, optional, "its host name"),
                  field("deviceVendor", &AgentHello::device_vendor, required, "nvidia, amd or cpu"),
                  field("deviceModel", &AgentHello::device_model, required, "model found"),
                  field("deviceCount", &AgentHello::device_count, required, "devices found"),
                  field("cpu", &AgentHello::cpu, required, "cores found"),
                  field("memory", &AgentHello::memory, required, "memory found"),
                  field("capabilities", &AgentHello::capabilities, optional, "oci, cgroup-v1, cgroup-v2, …"),
                  field("powerSource", &AgentHello::power_source, required, "nvml, rapl or model"));
  }
};

struct AgentWelcome {
  std::string token;
  Uid registration;
  Epoch epoch = 0;

  static constexpr auto schema() {
    return object("AgentWelcome", "The server takes the node in.",
                  field("token", &AgentWelcome::token, required, "bearer token of this node, for all further calls"),
                  field("registration", &AgentWelcome::registration, required,
                        "identity of this registration; a later one of the same node ends it"),
                  field("epoch", &AgentWelcome::epoch, required, "the leader's epoch"));
  }
};

enum class TaskPhase { kAssigned, kRunning, kExited };
constexpr auto enum_names(TaskPhase) {
  using P = TaskPhase;
  return std::array{EnumName<P>{P::kAssigned, "assigned"}, EnumName<P>{P::kRunning, "running"},
                    EnumName<P>{P::kExited, "exited"}};
}

/// Why a task ended.
enum class TaskEnd { kNone, kExited, kSignaled, kTimeLimit, kStopped, kLeaseExpired, kLaunchFailed, kLost };
constexpr auto enum_names(TaskEnd) {
  using E = TaskEnd;
  return std::array{EnumName<E>{E::kNone, "none"},
                    EnumName<E>{E::kExited, "exited"},
                    EnumName<E>{E::kSignaled, "signaled"},
                    EnumName<E>{E::kTimeLimit, "time-limit"},
                    EnumName<E>{E::kStopped, "stopped"},
                    EnumName<E>{E::kLeaseExpired, "lease-expired"},
                    EnumName<E>{E::kLaunchFailed, "launch-failed"},
                    EnumName<E>{E::kLost, "lost"}};
}

enum class EnergySource { kModel, kRapl, kNvml };
constexpr auto enum_names(EnergySource) {
  using S = EnergySource;
  return std::array{EnumName<S>{S::kModel, "model"}, EnumName<S>{S::kRapl, "rapl"}, EnumName<S>{S::kNvml, "nvml"}};
}

/// What the node knows of one task. `pid` and `start_ticks` together name a process for the life of a boot.
struct TaskReport {
  Uid allocation;
  std::int32_t rank = 0;
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
  EnergySource energy_source = EnergySource::kModel;

  static constexpr auto schema() {
    return object("TaskReport", "What the node knows of one task.",
                  field("allocation", &TaskReport::allocation, required, "the grant it runs under"),
                  field("rank", &TaskReport::rank, required, "its rank in the gang"),
                  field("phase", &TaskReport::phase, required, "assigned, running or exited"),
                  field("pid", &TaskReport::pid, optional, "process id of its first process"),
                  field("startTicks", &TaskReport::start_ticks, optional, "start time of that process, clock ticks since boot"),
                  field("started", &TaskReport::started, optional, "when it was started"),
                  field("ended", &TaskReport::ended, optional, "when it ended"),
                  field("end", &TaskReport::end, optional, "why it ended"),
                  field("exitCode", &TaskReport::exit_code, optional, "its exit status"),
                  field("signal", &TaskReport::signal, optional, "the signal that ended it"),
                  field("message", &TaskReport::message, optional, "a sentence, where there is more to say"),
                  field("cpuTime", &TaskReport::cpu_time, optional, "processor time used"),
                  field("peakMemory", &TaskReport::peak_memory, optional, "most memory used"),
                  field("energy", &TaskReport::energy, optional, "energy measured; absent if only modelled"),
                  field("energySource", &TaskReport::energy_source, optional, "where energy comes from"));
  }
  bool operator==(const TaskReport&) const = default;
};

enum class OrderAction { kRun, kStop };
constexpr auto enum_names(OrderAction) {
  return std::array{EnumName<OrderAction>{OrderAction::kRun, "run"}, EnumName<OrderAction>{OrderAction::kStop, "stop"}};
}

/// One task that the node should hold.
struct TaskOrder {
  Uid allocation;
  std::int32_t rank = 0;
  OrderAction action = OrderAction::kRun;
  std::string workload;
  std::string group;
  std::int32_t world_size = 1;
  std::int32_t attempt = 1;
  std::vector<std::string> command;
  std::string image;
  std::map<std::string, std::string> env;
  std::vector<std::int32_t> devices;
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
  std::int32_t port = 0;
  std::vector<std::string> peers;
  std::optional<Duration> time_limit;
  Duration stop_grace = seconds(30);

  static constexpr auto schema() {
    return object("TaskOrder", "One task that the node should hold.",
                  field("allocation", &TaskOrder::allocation, required, "the grant it runs under"),
                  field("rank", &TaskOrder::rank, required, "its rank in the gang, from 0"),
                  field("action", &TaskOrder::action, required, "run, or stop"),
                  field("workload", &TaskOrder::workload, required, "tenant/project/job"),
                  field("group", &TaskOrder::group, required, "its group in the job"),
                  field("worldSize", &TaskOrder::world_size, required, "tasks in the gang"),
                  field("attempt", &TaskOrder::attempt, required, "which start of the job this is, from 1"),
                  field("command", &TaskOrder::command, optional, "program and arguments"),
                  field("image", &TaskOrder::image, optional, "OCI image"),
                  field("env", &TaskOrder::env, optional, "environment asked for"),
                  field("devices", &TaskOrder::devices, optional, "device indexes on the node"),
                  field("gpus", &TaskOrder::gpus, required, "GPUs granted"),
                  field("cpu", &TaskOrder::cpu, required, "cores granted; 0 means no limit"),
                  field("memory", &TaskOrder::memory, required, "memory granted; 0 means no limit"),
                  field("port", &TaskOrder::port, required, "port on this node that is the task's own"),
                  field("peers", &TaskOrder::peers, required, "address:port of every rank, in order"),
                  field("timeLimit", &TaskOrder::time_limit, optional, "stop it after this long"),
                  field("stopGrace", &TaskOrder::stop_grace, required, "between TERM and KILL"));
  }
  bool operator==(const TaskOrder&) const = default;
};

/// POST /v1/agents/sync, with the node's token. Waits up to `wait` for orders newer than `revision`.
struct SyncRequest {
  Uid registration;
  Epoch epoch = 0;
  std::uint64_t revision = 0;
  Duration wait;
  std::vector<TaskReport> tasks;
  std::optional<Watts> power;

  static constexpr auto schema() {
    return object("SyncRequest", "The node renews its lease, says what it holds, and asks what it should hold.",
                  field("registration", &SyncRequest::registration, required, "from AgentWelcome"),
                  field("epoch", &SyncRequest::epoch, required, "highest epoch this agent has ever seen"),
                  field("revision", &SyncRequest::revision, required, "of the orders it has; 0 for none"),
                  field("wait", &SyncRequest::wait, required, "how long the server may hold the call, up to PT30S"),
                  field("tasks", &SyncRequest::tasks, optional, "all tasks that the node knows"),
                  field("power", &SyncRequest::power, optional, "measured draw of the node now"));
  }
};

/// Someone wants the log of a task: the agent answers with POST /v1/agents/logs/{id}.
struct LogWanted {
  std::uint64_t id = 0;
  Uid allocation;
  std::int32_t rank = 0;
  std::int64_t offset = 0;
  bool follow = false;

  static constexpr auto schema() {
    return object("LogWanted", "Someone reads the log of a task.",
                  field("id", &LogWanted::id, required, "identity of the reading"),
                  field("allocation", &LogWanted::allocation, required, "which grant"),
                  field("rank", &LogWanted::rank, required, "which task"),
                  field("offset", &LogWanted::offset, required, "first byte wanted, counted over all rotated files"),
                  field("follow", &LogWanted::follow, optional, "go on until the task ends"));
  }
};

struct SyncReply {
  Epoch epoch = 0;
  std::uint64_t revision = 0;
  Duration lease;
  std::vector<TaskOrder> orders;
  std::vector<LogWanted> logs;

  static constexpr auto schema() {
    return object("SyncReply", "The whole set of tasks that the node should hold.",
                  field("epoch", &SyncReply::epoch, required, "the leader's epoch; lower than one seen before: ignore"),
                  field("revision", &SyncReply::revision, required, "of these orders"),
                  field("lease", &SyncReply::lease, required,
                        "tasks may run this long after the moment this request was sent"),
                  field("orders", &SyncReply::orders, optional, "tasks to hold; a task not named is to be stopped"),
                  field("logs", &SyncReply::logs, optional, "logs to send"));
  }
};

/// POST /v1/agents/logs/{id}?offset=N&end=0|1 carries raw bytes. The reply says whether to go on.
struct LogAccepted {
  bool more = false;

  static constexpr auto schema() {
    return object("LogAccepted", "Whether the reader still wants more.",
                  field("more", &LogAccepted::more, optional, "false: stop sending"));
  }
};

}  // namespace penstock
