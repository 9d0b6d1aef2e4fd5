// A person's word goes before the rules', and is on record.
#include "engine/fleet/orders.h"

#include <algorithm>

#include "engine/fleet/burn_in.h"
#include "engine/fleet/lifecycle.h"
#include "engine/fleet/tend.h"
#include "engine/queue/queue.h"

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

// Whether a tenant's report of the node is open.
bool reported(const Facts& facts, const std::string& node) {
  return std::any_of(facts.tickets.begin(), facts.tickets.end(), [&](const auto& entry) {
    return !entry.second.closed && entry.second.node == node && entry.second.reason == NodeReason::kReported;
  });
}

// From now on nothing new starts there. What the tenant said stands in the ticket: the finding is told to all who have work there.
void take_report_of_tenant(Step& step, NodeIndex index, const std::string& node) {
  const std::string what = "a tenant reports a fault";
  const auto& rules = step.state().estate().site_of(index).fleet;
  if (rules && mode_of(*rules) != FleetMode::kObserve) {
    add_finding(step, node, {NodeCheck::kReported, -1, 0, step.now(), what});
    // Before the gang has ended, so that it does not come back to it.
    if (step.state().node_state(index, step.now()) == NodeState::kReady) {
      step.emit(NodeEntered{node, NodeState::kSuspect, NodeReason::kReported, what, true});
    }
    return;
  }
  const Care* care = step.state().care(index);
  if (care == nullptr || !care->cordon) step.emit(NodeCordoned{node, Cordon{step.meta().principal, what, step.now(), false}});
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
  if (!reported(step.facts(), node)) drop_findings(step, node, NodeCheck::kReported);
  const Care* care = index == kNowhere ? nullptr : step.state().care(index);
  if (care != nullptr && care->state == NodeState::kRepair && !care->remedy) {
    step.emit(NodeEntered{node, NodeState::kValidating, NodeReason::kRepaired, command.note, false});
  }
  return reply;
}

Result<Reply> replace_task(Step& step, const ReplaceTask& command) {
  PENSTOCK_TRY(job, live_job(step.state(), command.job, std::nullopt));
  if (job->phase != JobPhase::kStarting && job->phase != JobPhase::kRunning) {
    return make_error(Code::kFailedPrecondition, fmt::format("job '{}' is {} and has no place that could be replaced", job->name, name_of(job->phase)));
  }
  const auto tasks = static_cast<std::int32_t>(job->allocation->tasks.size());
  if (command.rank < 0 || command.rank >= tasks) {
    return make_error(Code::kInvalid, fmt::format("job '{}' has ranks 0 to {}, found {}", job->name, tasks - 1, command.rank), "rank");
  }
  if (tested_by(step.state(), *job)) {
    return make_error(Code::kFailedPrecondition, fmt::format("job '{}' is the test of its node: if it fails, the node is not given back", job->name));
  }
  const std::string tenant(tenant_of(job->name));
  const std::string node = job->allocation->tasks[static_cast<std::size_t>(command.rank)].node;
  int open = 0;
  bool known = false;
  for (const auto& [uid, ticket] : step.facts().tickets) {
    if (ticket.closed || ticket.tenant != tenant) continue;
    ++open;
    known = known || ticket.node == node;
  }
  if (!known && open >= kMostReports) {
    return make_error(Code::kLimitExceeded, fmt::format("tenant '{}' has {} reports open, {} may be: wait until some of those nodes have passed their tests",
                                                        tenant, open, kMostReports));
  }
  const Uid uid = job->uid;
  Reply reply = job_changed(step, uid, true);
  if (!known) {
    Ticket ticket;
    ticket.uid = step.mint();
    ticket.node = node;
    ticket.reason = NodeReason::kReported;
    ticket.summary = command.reason.empty() ? "a tenant reports a fault" : command.reason;
    if (const auto care = step.facts().care.find(node); care != step.facts().care.end()) ticket.evidence = care->second.findings;
    ticket.tenant = tenant;
    ticket.job = job->name;
    ticket.opened = step.now();
    reply.changes.push_back({"Ticket", Text<Uid>::format(ticket.uid), ticket.uid, Change::kAdded, 0});
    step.emit(TicketOpened{std::move(ticket)});
  }
  const NodeIndex index = step.state().estate().find_node(node);
  if (index != kNowhere) take_report_of_tenant(step, index, node);
  step.emit(JobStopping{uid, JobReason::kDrained, fmt::format("task {} on {} is replaced: {}", command.rank, node,
                                                              command.reason.empty() ? "its tenant reports a fault" : command.reason),
                        std::nullopt});
  reply.changes.front().version = step.facts().position;
  return reply;
}

}  // namespace penstock
