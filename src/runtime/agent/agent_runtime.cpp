// Orders, waiting syncs and log readings of agents.
#include "runtime/agent/agent_runtime.h"

#include <algorithm>

#include "engine/fleet/fleet.h"
#include "runtime/hardware/hardware_runtime.h"

namespace penstock {
namespace {

constexpr Duration kDefaultGrace = seconds(30);
constexpr Duration kMostWait = seconds(30);

std::string address_of(const State& state, const std::string& node) {
  const auto facts = state.facts().nodes.find(node);
  return facts == state.facts().nodes.end() ? node : facts->second.hello.address;
}

// A remedy that the node carries out on itself; only those devices are reset that something is wrong with, if it is known.
std::optional<RemedyOrder> remedy_for(const State& state, const std::string& node) {
  const auto care = state.facts().care.find(node);
  if (care == state.facts().care.end() || !care->second.remedy || for_hardware(state, node, *care->second.remedy)) return std::nullopt;
  RemedyOrder order{care->second.remedy->uid, care->second.remedy->action, {}};
  if (order.action != RemedyAction::kReset) return order;
  std::set<std::int32_t> devices;
  for (const Finding& finding : care->second.findings) {
    if (finding.device < 0) return order;
    devices.insert(finding.device);
  }
  order.devices.assign(devices.begin(), devices.end());
  return order;
}

}  // namespace

std::vector<TaskOrder> orders_for(const State& state, const std::string& node) {
  std::vector<TaskOrder> orders;
  const NodeIndex index = state.estate().find_node(node);
  if (index == kNowhere) return orders;
  for (const HeldTask& held : state.loads().tasks(index)) {
    const Job& job = *state.find_job(held.job);
    if (job.tasks[held.rank].phase == TaskPhase::kExited) continue;
    const Allocation& allocation = *job.allocation;
    const TaskPlacement& placement = allocation.tasks[held.rank];
    const TaskGroupSpec& group = job.spec.groups[placement.group];
    TaskOrder order;
    order.allocation = allocation.uid;
    order.rank = held.rank;
    order.action = job.phase == JobPhase::kStopping ? OrderAction::kStop : OrderAction::kRun;
    order.workload = job.name;
    order.group = group.name;
    order.world_size = static_cast<std::int32_t>(allocation.tasks.size());
    order.attempt = allocation.attempt;
    order.command = group.command;
    order.image = group.image;
    order.env = group.env;
    order.devices = placement.devices;
    order.gpus = placement.gpus;
    order.cpu = placement.cpu;
    order.memory = placement.memory;
    order.port = placement.port;
    for (const TaskPlacement& peer : allocation.tasks) {
      order.peers.push_back(fmt::format("{}:{}", address_of(state, peer.node), peer.port));
    }
    order.time_limit = job.spec.time_limit;
    order.stop_grace = job.grace.value_or(job.spec.stop_grace.value_or(kDefaultGrace));
    orders.push_back(std::move(order));
  }
  return orders;
}

SyncReply AgentRuntime::reply(const State& state, const std::string& node) {
  SyncReply out;
  out.epoch = state.facts().epoch;
  out.revision = state.revision(node);
  out.lease = lease_of(state, node);
  out.orders = orders_for(state, node);
  out.remedy = remedy_for(state, node);
  for (auto& [id, reading] : readings_) {
    if (reading.node != node) continue;
    reading.told = true;
    out.logs.push_back(reading.wanted);
  }
  return out;
}

void AgentRuntime::answer(const State& state, const std::string& node) {
  const auto found = waiting_.find(node);
  if (found == waiting_.end()) return;
  SyncDone done = std::move(found->second.done);
  deadlines_.erase({found->second.until, node});
  waiting_.erase(found);
  done(reply(state, node));
}

void AgentRuntime::recover(const State& state, Time) {
  std::vector<std::string> nodes;
  for (const auto& [node, waiting] : waiting_) nodes.push_back(node);
  for (const std::string& node : nodes) answer(state, node);
}

void AgentRuntime::committed(const State& state, std::span<const EventRecord> events, Time) {
  std::set<Uid> jobs;  // a gang that ends has an event for every task
  for (const EventRecord& record : events) {
    std::visit(
        [&](const auto& event) {
          if constexpr (requires { event.allocation.job; }) {
            jobs.insert(event.allocation.job);
          } else if constexpr (requires { event.job; }) {
            jobs.insert(event.job);
          }
        },
        record.event);
  }
  std::set<std::string> touched;
  for (const EventRecord& record : events) {
    if (const auto* ordered = std::get_if<RemedyOrdered>(&record.event); ordered != nullptr && waiting_.contains(ordered->node)) touched.insert(ordered->node);
    if (const auto* ended = std::get_if<RemedyEnded>(&record.event); ended != nullptr && waiting_.contains(ended->node)) touched.insert(ended->node);
  }
  for (Uid uid : jobs) {
    const Job* job = state.find_job(uid);
    if (job == nullptr || !job->allocation) continue;
    for (const TaskPlacement& task : job->allocation->tasks) {
      if (waiting_.contains(task.node)) touched.insert(task.node);
    }
  }
  for (const std::string& node : touched) {
    if (state.revision(node) != waiting_.at(node).revision) answer(state, node);
  }
}

std::optional<Time> AgentRuntime::next_due() const {
  return deadlines_.empty() ? std::nullopt : std::optional(deadlines_.begin()->first);
}

RuntimeReports AgentRuntime::advance(const State& state, Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::string node = deadlines_.begin()->second;
    answer(state, node);
  }
  return {};
}

void AgentRuntime::wait_for_orders(const State& state, const std::string& node, const SyncRequest& request, Time now,
                                   SyncDone done) {
  answer(state, node);
  const bool news = std::any_of(readings_.begin(), readings_.end(), [&](const auto& entry) {
    return entry.second.node == node && !entry.second.told;
  });
  if (request.revision != state.revision(node) || news || request.wait.count() == 0) {
    done(reply(state, node));
    return;
  }
  const Time until = now + std::min(request.wait, kMostWait);
  deadlines_.insert({until, node});
  waiting_[node] = {request.revision, until, std::move(done)};
}

std::uint64_t AgentRuntime::read_log(const State& state, const std::string& node, LogWanted wanted, LogSink sink) {
  wanted.id = ++last_reading_;
  readings_[wanted.id] = {node, wanted, std::move(sink)};
  answer(state, node);
  return wanted.id;
}

void AgentRuntime::end_log(std::uint64_t id) { readings_.erase(id); }

bool AgentRuntime::log_bytes(const std::string& node, std::uint64_t id, std::string_view bytes, std::int64_t offset, bool end) {
  const auto found = readings_.find(id);
  if (found == readings_.end() || found->second.node != node) return false;
  const bool more = found->second.sink(bytes, offset, end) && !end;
  if (!more) readings_.erase(id);
  return more;
}

}  // namespace penstock
