// Registration, sync and loss of nodes.
#include "engine/fleet/fleet.h"

#include "engine/fleet/hardware.h"
#include "engine/queue/gang.h"

namespace penstock {
namespace {

// The node, if work reaches it by an agent.
Result<NodeIndex> agent_node(const State& state, const std::string& name) {
  const NodeIndex index = state.estate().find_node(name);
  if (index == kNowhere) {
    return make_error(Code::kNotFound, fmt::format("no site has a node '{}'; apply its Site first", name), "node");
  }
  if (state.estate().site_of(index).runtime != RuntimeKind::kAgent) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("'{}' is a simulated node; its Site says runtime: simulated", name), "node");
  }
  return index;
}

// Ends the tasks of one node that satisfy `gone`.
template <class Gone>
void end_tasks(Step& step, const std::string& node, TaskEnd end, const std::string& message, Gone gone) {
  const NodeIndex index = step.state().estate().find_node(node);
  if (index == kNowhere) return;
  // The end of one may be the end of its gang, which may start again at once, on this node as well.
  std::vector<std::pair<HeldTask, Uid>> held;
  for (const HeldTask& task : step.state().loads().tasks(index)) {
    held.emplace_back(task, step.state().find_job(task.job)->allocation->uid);
  }
  for (const auto& [task, allocation] : held) {
    const Job* job = step.state().job_of_allocation(allocation);
    if (job == nullptr || !gone(*job, job->tasks[task.rank])) continue;
    TaskReport report = job->tasks[task.rank];
    report.phase = TaskPhase::kExited;
    report.end = end;
    report.message = message;
    report.ended = step.now();
    take_report(step, report, &node);
  }
}

bool live(const TaskReport& report) { return report.phase != TaskPhase::kExited; }

// The node, if it is a simulated one.
Result<NodeIndex> simulated_node(const State& state, const std::string& name) {
  const NodeIndex index = state.estate().find_node(name);
  if (index == kNowhere) return make_error(Code::kNotFound, fmt::format("no site has a node '{}'", name), "node");
  if (state.estate().site_of(index).runtime != RuntimeKind::kSimulated) {
    return make_error(Code::kFailedPrecondition, fmt::format("'{}' is no simulated node: its agent tells how it is", name), "node");
  }
  return index;
}

}  // namespace

void Leases::restart(const Facts& facts, Time now) {
  seen_.clear();
  oldest_.clear();
  for (const auto& [name, node] : facts.nodes) {
    if (!node.lost) renew(name, now);
  }
}

void Leases::renew(const std::string& node, Time now) {
  const auto [at, fresh] = seen_.try_emplace(node, now);
  if (!fresh) oldest_.erase({at->second, node});
  at->second = now;
  oldest_.insert({now, node});
}

void Leases::drop(const std::string& node) {
  const auto found = seen_.find(node);
  if (found == seen_.end()) return;
  oldest_.erase({found->second, node});
  seen_.erase(found);
}

std::optional<Time> Leases::seen(const std::string& node) const {
  const auto found = seen_.find(node);
  return found == seen_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Leases::expired(Time now) const {
  std::vector<std::string> out;
  for (const auto& [seen, node] : oldest_) {
    if (now < seen + kNodeLease + kLeaseMargin) break;
    out.push_back(node);
  }
  return out;
}

std::optional<Time> Leases::next_due() const {
  if (oldest_.empty()) return std::nullopt;
  return oldest_.begin()->first + kNodeLease + kLeaseMargin;
}

Result<Reply> register_node(Step& step, Leases& leases, const RegisterNode& command) {
  const AgentHello& hello = command.hello;
  PENSTOCK_TRY(index, agent_node(step.state(), hello.node));
  PENSTOCK_RETURN_IF_ERROR(check_hardware(hello, step.state().estate().type_of(index)));
  if (step.facts().tokens.contains(command.token.id)) {
    return make_error(Code::kAlreadyExists, "this token id is taken", "token");
  }
  const Uid registration = step.mint();
  step.emit(NodeRegistered{registration, hello, command.token});
  leases.renew(hello.node, step.now());
  Reply reply;
  reply.changes.push_back({"Node", hello.node, registration, Change::kChanged, step.facts().position});
  return reply;
}

Result<Reply> sync_node(Step& step, Leases& leases, const SyncNode& command) {
  const auto found = step.facts().nodes.find(command.node);
  if (found == step.facts().nodes.end() || found->second.registration != command.registration) {
    return make_error(Code::kUnauthenticated,
                      fmt::format("this registration of node '{}' has ended; register again", command.node), "registration");
  }
  PENSTOCK_TRY(index, agent_node(step.state(), command.node));
  static_cast<void>(index);
  if (found->second.lost) step.emit(NodeReturned{command.node});
  leases.renew(command.node, step.now());

  std::set<std::pair<Uid, std::int32_t>> known;
  for (const TaskReport& report : command.tasks) {
    known.insert({report.allocation, report.rank});
    take_report(step, report, &command.node);
  }
  end_tasks(step, command.node, TaskEnd::kLost, "the node no longer knows of it", [&](const Job&, const TaskReport& task) {
    return task.phase == TaskPhase::kRunning && !known.contains({task.allocation, task.rank});
  });
  // A task that was told to stop before the node ever started it.
  const bool current = command.revision == step.state().revision(command.node);
  end_tasks(step, command.node, TaskEnd::kStopped, "stopped before it was started", [&](const Job& job, const TaskReport& task) {
    return current && job.phase == JobPhase::kStopping && live(task) && !known.contains({task.allocation, task.rank});
  });
  return Reply{};
}

Result<Reply> lose_node(Step& step, const LoseNode& command) {
  PENSTOCK_TRY(index, simulated_node(step.state(), command.node));
  if (!step.state().usable(index, step.now())) return Reply{};
  step.emit(NodeLost{command.node});
  end_tasks(step, command.node, TaskEnd::kLost, command.cause, [](const Job&, const TaskReport& task) { return live(task); });
  return Reply{};
}

Result<Reply> give_back_node(Step& step, const GiveBackNode& command) {
  PENSTOCK_TRY(index, simulated_node(step.state(), command.node));
  static_cast<void>(index);
  const auto lost = step.facts().nodes.find(command.node);
  if (lost != step.facts().nodes.end() && lost->second.registration == Uid{}) step.emit(NodeReturned{command.node});
  return Reply{};
}

void expire_leases(Step& step, Leases& leases) {
  for (const std::string& node : leases.expired(step.now())) {
    leases.drop(node);
    step.emit(NodeLost{node});
    if (!agent_node(step.state(), node).ok()) continue;  // its site is simulated now, and what runs there goes on
    end_tasks(step, node, TaskEnd::kLost, "the node's lease ran out",
              [](const Job&, const TaskReport& task) { return live(task); });
  }
}

}  // namespace penstock
