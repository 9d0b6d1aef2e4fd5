// Registration, sync and loss of nodes.
#include "engine/fleet/fleet.h"

#include "engine/fleet/hardware.h"
#include "engine/fleet/lifecycle.h"
#include "engine/fleet/tend.h"
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

// Where the fleet has rules, they look after whoever is not heard of.
void tell_unreachable(Step& step, const std::string& node, std::int32_t code, const std::string& detail) {
  const NodeIndex index = step.state().estate().find_node(node);
  if (index == kNowhere || !step.state().estate().site_of(index).fleet) return;
  add_finding(step, node, {NodeCheck::kUnreachable, -1, code, step.now(), detail});
}

// A machine that is new, or has booted, is looked at before it takes work, where the fleet has rules.
void validate(Step& step, NodeIndex index, bool fresh, bool booted) {
  const auto& rules = step.state().estate().site_of(index).fleet;
  if (!rules || rules->mode == FleetMode::kObserve || (!fresh && !booted)) return;
  const NodeState state = step.state().node_state(index, step.now());
  // What is being mended is told when that has ended.
  if (state == NodeState::kRepair || !may_follow(state, NodeState::kValidating, Mover::kRules)) return;
  step.emit(NodeEntered{step.state().estate().nodes()[index].name, NodeState::kValidating, NodeReason::kRegistered,
                        booted ? "it has booted" : "its agent has registered", false});
}

}  // namespace

Duration lease_of(const State& state, const std::string& node) {
  const NodeIndex index = state.estate().find_node(node);
  const auto* rules = index == kNowhere || !state.estate().site_of(index).fleet ? nullptr : &*state.estate().site_of(index).fleet;
  return lease_of(rules);
}

void Leases::restart(const State& state, Time now) {
  entries_.clear();
  ends_.clear();
  heard_.clear();
  for (const auto& [name, node] : state.facts().nodes) {
    if (!node.lost) renew(state, name, now);
  }
}

void Leases::renew(const State& state, const std::string& node, Time now) {
  drop(node);
  const Time ends = now + lease_of(state, node) + kLeaseMargin;
  const NodeIndex index = state.estate().find_node(node);
  const bool watched = index != kNowhere && state.estate().site_of(index).fleet.has_value();
  entries_[node] = {now, ends, watched};
  ends_.insert({ends, node});
  if (watched) heard_.insert({now, node});
}

void Leases::drop(const std::string& node) {
  const auto found = entries_.find(node);
  if (found == entries_.end()) return;
  ends_.erase({found->second.ends, node});
  if (found->second.heard) heard_.erase({found->second.seen, node});
  entries_.erase(found);
}

std::optional<Time> Leases::seen(const std::string& node) const {
  const auto found = entries_.find(node);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.seen);
}

std::vector<std::string> Leases::expired(Time now) const {
  std::vector<std::string> out;
  for (const auto& [ends, node] : ends_) {
    if (now < ends || out.size() == kAtOnce) break;
    out.push_back(node);
  }
  return out;
}

std::vector<std::string> Leases::fallen_silent(Time now) {
  std::vector<std::string> out;
  while (!heard_.empty() && heard_.begin()->first + kSilentAfter <= now && out.size() < kAtOnce) {
    out.push_back(heard_.begin()->second);
    entries_.at(out.back()).heard = false;
    heard_.erase(heard_.begin());
  }
  return out;
}

std::optional<Time> Leases::next_due() const {
  if (ends_.empty()) return std::nullopt;
  const Time end = ends_.begin()->first;
  return heard_.empty() ? end : std::min(end, heard_.begin()->first + kSilentAfter);
}

Result<Reply> register_node(Step& step, Leases& leases, const RegisterNode& command) {
  const AgentHello& hello = command.hello;
  PENSTOCK_TRY(index, agent_node(step.state(), hello.node));
  PENSTOCK_RETURN_IF_ERROR(check_hardware(hello, step.state().estate().type_of(index)));
  if (step.facts().tokens.contains(command.token.id)) {
    return make_error(Code::kAlreadyExists, "this token id is taken", "token");
  }
  const auto before = step.facts().nodes.find(hello.node);
  const bool fresh = before == step.facts().nodes.end();
  const bool booted = !fresh && before->second.hello.boot_id != hello.boot_id;
  const Uid registration = step.mint();
  step.emit(NodeRegistered{registration, hello, command.token});
  leases.renew(step.state(), hello.node, step.now());
  validate(step, index, fresh, booted);
  drop_findings(step, hello.node, NodeCheck::kUnreachable);
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
  leases.renew(step.state(), command.node, step.now());
  take_findings(step, command.node, command.findings);
  for (const RemedyReport& report : command.remedies) take_remedy_report(step, command.node, report);

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
  const auto facts = step.facts().nodes.find(command.node);
  if (facts != step.facts().nodes.end() && facts->second.lost) return Reply{};
  if (step.state().care(index) == nullptr && !step.state().usable(index, step.now())) return Reply{};
  step.emit(NodeLost{command.node});
  tell_unreachable(step, command.node, kLost, command.cause);
  end_tasks(step, command.node, TaskEnd::kLost, command.cause, [](const Job&, const TaskReport& task) { return live(task); });
  return Reply{};
}

Result<Reply> give_back_node(Step& step, const GiveBackNode& command) {
  PENSTOCK_TRY(index, simulated_node(step.state(), command.node));
  static_cast<void>(index);
  const auto lost = step.facts().nodes.find(command.node);
  if (lost == step.facts().nodes.end() || lost->second.registration != Uid{}) return Reply{};
  step.emit(NodeReturned{command.node});
  drop_findings(step, command.node, NodeCheck::kUnreachable);
  return Reply{};
}

Result<Reply> report_findings(Step& step, const ReportFindings& command) {
  PENSTOCK_TRY(index, simulated_node(step.state(), command.node));
  static_cast<void>(index);
  take_findings(step, command.node, command.findings);
  return Reply{};
}

void expire_leases(Step& step, Leases& leases) {
  for (const std::string& node : leases.fallen_silent(step.now())) {
    tell_unreachable(step, node, kSilent, fmt::format("silent since {}", Text<Time>::format(*leases.seen(node))));
  }
  for (const std::string& node : leases.expired(step.now())) {
    leases.drop(node);
    step.emit(NodeLost{node});
    tell_unreachable(step, node, kLost, "its lease has run out");
    if (!agent_node(step.state(), node).ok()) continue;  // its site is simulated now, and what runs there goes on
    end_tasks(step, node, TaskEnd::kLost, "the node's lease ran out",
              [](const Job&, const TaskReport& task) { return live(task); });
  }
}

}  // namespace penstock
