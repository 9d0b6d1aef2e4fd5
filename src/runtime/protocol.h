// What an agent and the server say to each other. The agent always calls; the server answers with the whole set
// of tasks that the node should hold, and the agent makes it so. Nothing depends on a message not being lost.
#pragma once

#include "engine/fleet/report.h"

namespace penstock {

/// The answer to AgentHello, which goes to POST /v1/agents/register with a token of role `node` that is not yet
/// bound to a node (a join token).
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
  DeviceSet devices;
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

/// A remedy that the node should carry out on itself. Told until it is reported; carried out once.
struct RemedyOrder {
  Uid remedy;
  RemedyAction action = RemedyAction::kReset;
  std::vector<std::int32_t> devices;

  static constexpr auto schema() {
    return object("RemedyOrder", "A remedy that the node should carry out on itself.", field("remedy", &RemedyOrder::remedy, required, "its identity"),
                  field("action", &RemedyOrder::action, required, "reset, reboot or reprovision"),
                  field("devices", &RemedyOrder::devices, optional, "of a reset: which; none: all"));
  }
  bool operator==(const RemedyOrder&) const = default;
};

/// POST /v1/agents/sync, with the node's token. Waits up to `wait` for orders newer than `revision`.
struct SyncRequest {
  Uid registration;
  Epoch epoch = 0;
  std::uint64_t revision = 0;
  Duration wait;
  std::vector<TaskReport> tasks;
  std::optional<Watts> power;
  std::vector<Finding> findings;
  std::vector<RemedyReport> remedies;

  static constexpr auto schema() {
    return object("SyncRequest", "The node renews its lease, says what it holds, and asks what it should hold.",
                  field("registration", &SyncRequest::registration, required, "from AgentWelcome"),
                  field("epoch", &SyncRequest::epoch, required, "highest epoch this agent has ever seen"),
                  field("revision", &SyncRequest::revision, required, "of the orders it has; 0 for none"),
                  field("wait", &SyncRequest::wait, required, "how long the server may hold the call, up to PT30S"),
                  field("tasks", &SyncRequest::tasks, optional, "all tasks that the node knows"),
                  field("power", &SyncRequest::power, optional, "measured draw of the node now"),
                  field("findings", &SyncRequest::findings, optional, "all that is wrong with the node as far as it knows"),
                  field("remedies", &SyncRequest::remedies, optional, "remedies that it was told and has ended"));
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
  std::optional<RemedyOrder> remedy;

  static constexpr auto schema() {
    return object("SyncReply", "The whole set of tasks that the node should hold.",
                  field("epoch", &SyncReply::epoch, required, "the leader's epoch; lower than one seen before: ignore"),
                  field("revision", &SyncReply::revision, required, "of these orders"),
                  field("lease", &SyncReply::lease, required,
                        "tasks may run this long after the moment this request was sent"),
                  field("orders", &SyncReply::orders, optional, "tasks to hold; a task not named is to be stopped"),
                  field("logs", &SyncReply::logs, optional, "logs to send"),
                  field("remedy", &SyncReply::remedy, optional, "what it should do to mend itself"));
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

PENSTOCK_JSON_ELSEWHERE(SyncRequest);
PENSTOCK_JSON_ELSEWHERE(SyncReply);

}  // namespace penstock
