// A person's word goes before the rules', and is on record.
#include "engine/fleet/orders.h"

#include "engine/fleet/lifecycle.h"

namespace penstock {
namespace {

Result<NodeIndex> node_named(const State& state, const std::string& name) {
  const NodeIndex index = state.estate().find_node(name);
  if (index == kNowhere) return make_error(Code::kNotFound, fmt::format("no site has a node '{}'", name), "node");
  return index;
}

Reply node_changed(const Step& step, const std::string& node, bool really) {
  Reply reply;
  reply.changes.push_back({"Node", node, Uid{}, really ? Change::kChanged : Change::kUnchanged, step.facts().position});
  return reply;
}

// A job that runs on the node; none if it is idle.
const Job* job_on(const State& state, NodeIndex node) {
  const auto tasks = state.loads().tasks(node);
  return tasks.empty() ? nullptr : state.find_job(tasks.front().job);
}

}  // namespace

Result<Reply> cordon_node(Step& step, const CordonNode& command) {
  PENSTOCK_TRY(index, node_named(step.state(), command.node));
  const Care* care = step.state().care(index);
  const bool is = care != nullptr && care->cordon;
  if (!command.cordon) {
    if (!is) return node_changed(step, command.node, false);
    step.emit(NodeCordoned{command.node, std::nullopt});
    if (care->wish) step.emit(RemedyWanted{command.node, std::nullopt});
    return node_changed(step, command.node, true);
  }
  if (is && care->cordon->drain == command.drain && care->cordon->reason == command.reason) return node_changed(step, command.node, false);
  step.emit(NodeCordoned{command.node, Cordon{step.meta().principal, command.reason, step.now(), command.drain}});
  return node_changed(step, command.node, true);
}

Result<Reply> move_node(Step& step, const MoveNode& command) {
  PENSTOCK_TRY(index, node_named(step.state(), command.node));
  const NodeState from = step.state().node_state(index, step.now());
  if (from == command.state) return node_changed(step, command.node, false);
  if (!may_follow(from, command.state, Mover::kOperator)) {
    std::vector<std::string_view> may;
    for (const Transition& row : transitions()) {
      if (row.from == from && row.operators) may.push_back(name_of(row.to));
    }
    return make_error(Code::kFailedPrecondition,
                      fmt::format("node '{}' is {}, from where a person may move it to {}", command.node, name_of(from),
                                  may.empty() ? std::string("nothing") : fmt::format("{}", fmt::join(may, ", "))),
                      "state");
  }
  const Job* job = job_on(step.state(), index);
  if (job != nullptr && command.state != NodeState::kSuspect && command.state != NodeState::kDraining) {
    return make_error(Code::kFailedPrecondition, fmt::format("{} runs on '{}': drain it first", job->name, command.node), "node");
  }
  const Care* care = step.state().care(index);
  if (care != nullptr && care->remedy) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("a {} of '{}' is under way until {} at the latest: wait for its end", name_of(care->remedy->action), command.node,
                                  Text<Time>::format(care->remedy->deadline)),
                      "node");
  }
  step.emit(NodeEntered{command.node, command.state, NodeReason::kOperator, command.reason, false});
  return node_changed(step, command.node, true);
}

Result<Reply> mend_node(Step& step, const MendNode& command) {
  PENSTOCK_TRY(index, node_named(step.state(), command.node));
  const NodeState state = step.state().node_state(index, step.now());
  const bool reachable = state == NodeState::kReady || state == NodeState::kSuspect || state == NodeState::kDraining || state == NodeState::kRepair;
  if (!reachable) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("node '{}' is {}: what is ready, suspect, draining or in repair can be mended", command.node, name_of(state)), "node");
  }
  const Care* care = step.state().care(index);
  if (care != nullptr && care->remedy) {
    return make_error(Code::kFailedPrecondition, fmt::format("a {} of '{}' is under way already", name_of(care->remedy->action), command.node), "node");
  }
  const Job* job = job_on(step.state(), index);
  if (command.now && job != nullptr && !command.force) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("{} runs on '{}' and would be lost: leave `now` away to wait for its end, or force it", job->name, command.node), "now");
  }
  step.emit(RemedyWanted{command.node, Wish{command.action, step.meta().principal, command.reason}});
  if (command.now && command.force) {
    std::set<Uid> jobs;
    for (const HeldTask& task : step.state().loads().tasks(index)) jobs.insert(task.job);
    for (const Uid uid : jobs) {
      if (step.state().find_job(uid)->phase == JobPhase::kStopping) continue;
      step.emit(JobStopping{uid, JobReason::kDrained, fmt::format("{} is mended by {}", command.node, step.meta().principal), std::nullopt});
    }
  }
  return node_changed(step, command.node, true);
}

Result<Reply> close_ticket(Step& step, const CloseTicket& command) {
  const auto found = step.facts().tickets.find(command.ticket);
  if (found == step.facts().tickets.end()) return make_error(Code::kNotFound, fmt::format("there is no ticket '{}'", Text<Uid>::format(command.ticket)));
  Reply reply;
  reply.changes.push_back({"Ticket", Text<Uid>::format(command.ticket), command.ticket, found->second.closed ? Change::kUnchanged : Change::kChanged, 0});
  if (found->second.closed) return reply;
  const std::string node = found->second.node;
  step.emit(TicketClosed{command.ticket, step.meta().principal, command.note});
  const NodeIndex index = step.state().estate().find_node(node);
  const Care* care = index == kNowhere ? nullptr : step.state().care(index);
  if (care != nullptr && care->state == NodeState::kRepair && !care->remedy) {
    step.emit(NodeEntered{node, NodeState::kValidating, NodeReason::kRepaired, command.note, false});
  }
  return reply;
}

}  // namespace penstock
