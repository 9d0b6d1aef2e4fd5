// From state to what the API shows.
#include "server/api/views.h"

#include "engine/placement/capacity.h"

#include <algorithm>

#include "engine/fleet/lifecycle.h"
#include "engine/ledger/bookkeeping.h"
#include "engine/ledger/ledger.h"

namespace penstock {
namespace {

std::vector<Condition> conditions_of(const Job& job) {
  const bool placed = job.holds() || (is_final(job.phase) && job.allocation);
  Condition place{"Placed", placed, {}, {}, {}};
  if (placed) {
    place.since = job.allocation->from;
  } else {
    place.reason = name_of(job.reason);
    place.message = job.message;
  }
  Condition run{"Running", job.phase == JobPhase::kRunning, {}, {}, job.started};
  Condition end{"Ended", is_final(job.phase), {}, {}, job.ended};
  if (is_final(job.phase)) {
    end.reason = name_of(job.reason);
    end.message = job.message;
  }
  return {place, run, end};
}

MilliGpu held_on(const SiteLoads& loads, NodeIndex node) {
  std::int64_t used = 0;
  for (std::int32_t d = 0; d < loads.devices(node); ++d) used += loads.used(node, d);
  return MilliGpu(used);
}

std::string status_of(const NodeView& node) {
  std::string out(name_of(node.state));
  if (node.lost) out += ",lost";
  if (node.unregistered) out += ",unregistered";
  if (node.cordon) out += ",cordoned";
  if (!node.maintenance.empty()) out += ",maintenance";
  if (!node.test.empty()) out += ",test";
  if (node.overdue) out += ",overdue";
  return out;
}

}  // namespace

JobView job_view(const State& state, const Job& job, Detail detail, Time now) {
  JobView view;
  view.metadata = {job.name, job.uid, job.labels, job.version, job.submitted, std::nullopt};
  view.spec = job.spec;
  JobStatus& status = view.status;
  status.phase = job.phase;
  status.reason = job.reason;
  status.message = job.message;
  status.contract = job.contract;
  status.submitter = job.submitter;
  status.attempt = job.attempt;
  if (job.phase == JobPhase::kPending) status.not_before = job.not_before;
  status.held = job.held;
  status.displaced = job.displaced;
  status.saved = job.saved;
  if (job.promise) {
    std::set<std::string_view> nodes;
    for (const TaskPlacement& task : job.promise->tasks) nodes.insert(task.node);
    // GPUs of a contract are promised at no site.
    const std::string_view site = nodes.empty() ? std::string_view() : tenant_of(*nodes.begin());
    status.promise = PromiseView{job.promise->at, job.promise->since, std::string(site), nodes.size(), job.promise->cause};
  }
  status.started = job.started;
  status.ended = job.ended;
  status.conditions = conditions_of(job);
  if (job.allocation) {
    const Allocation& allocation = *job.allocation;
    AllocationView out;
    out.uid = allocation.uid;
    out.attempt = allocation.attempt;
    out.from = allocation.from;
    out.until = allocation.until;
    out.gpus = allocation.gpus;
    out.demand = allocation.demand;
    out.firm = allocation.firm;
    std::set<std::string_view> nodes;
    for (const TaskPlacement& task : allocation.tasks) nodes.insert(task.node);
    out.nodes = nodes.size();
    out.site = tenant_of(allocation.tasks.front().node);
    out.price_per_gpu_hour = allocation.price_per_gpu_hour;
    status.allocation = std::move(out);
    if (detail == Detail::kFull) {
      for (std::size_t rank = 0; rank < allocation.tasks.size(); ++rank) {
        const TaskPlacement& placed = allocation.tasks[rank];
        const TaskReport& report = job.tasks[rank];
        TaskView task;
        task.rank = static_cast<std::int32_t>(rank);
        task.group = job.spec.groups[placed.group].name;
        task.node = placed.node;
        task.devices = placed.devices;
        task.gpus = placed.gpus;
        task.phase = report.phase;
        task.pid = report.pid;
        task.start_ticks = report.start_ticks;
        task.started = report.started;
        task.ended = report.ended;
        task.end = report.end;
        task.exit_code = report.exit_code;
        task.signal = report.signal;
        task.message = report.message;
        task.cpu_time = report.cpu_time;
        task.peak_memory = report.peak_memory;
        task.energy = report.energy;
        if (report.energy) task.energy_source = name_of(report.energy_source);
        status.tasks.push_back(std::move(task));
      }
    }
  }
  if (job.usage || job.holds()) {
    UsageView usage;
    usage.energy_source = EnergySource::kModel;
    const auto add = [&usage](const Usage& part) {
      usage.gpu_time += part.gpu_time;
      usage.energy += part.energy;
      usage.cost += part.cost;
      usage.energy_source = part.energy_source;
      for (const Money& money : part.energy_cost) add_money(usage.energy_cost, money);
      usage.carbon += part.carbon;
    };
    if (job.usage) add(*job.usage);
    if (job.holds()) add(meter(state, job, std::max(now, state.facts().now)));
    status.usage = usage;
  }
  return view;
}

bool is_amiss(const NodeView& node) {
  return !takes_work(node.state) || node.lost || node.unregistered || node.cordon || !node.maintenance.empty() || !node.findings.empty() || node.wish ||
         node.overdue;
}

NodeView node_view(const State& state, const Leases& leases, NodeIndex index, Detail detail, Time now) {
  const Estate& estate = state.estate();
  const SiteLoads& loads = state.loads().site_of(index);
  const EstateNode& node = estate.nodes()[index];
  const EstateType& type = estate.type_of(index);
  const EstateRack& rack = estate.racks()[node.rack];
  NodeView view;
  view.name = node.name;
  view.type = type.name;
  view.row = rack.row;
  view.country = estate.site_of(index).country;
  view.runtime = estate.site_of(index).runtime;
  view.gpu_model = type.spec.devices.model;
  view.gpus = type.spec.devices.count;
  view.gpus_free = loads.whole_free(index);
  view.gpus_held = held_on(loads, index);
  view.cpu_free = loads.free_cpu(index);
  view.memory_free = loads.free_memory(index);
  view.demand = loads.demand(index);
  view.max = type.spec.power.max;
  view.labels = rack.labels;
  view.state = state.node_state(index, now);
  const auto facts = state.facts().nodes.find(node.name);
  view.lost = facts != state.facts().nodes.end() && facts->second.lost;
  if (view.runtime == RuntimeKind::kAgent) {
    view.unregistered = facts == state.facts().nodes.end();
    if (!view.unregistered) view.agent = facts->second.hello;
    view.seen = leases.seen(node.name);
    if (view.agent) view.parts = std::exchange(view.agent->parts, {});
    if (detail == Detail::kList) view.parts.clear();
  }
  if (const Care* care = state.care(index)) {
    view.reason = care->reason;
    view.message = care->message;
    view.since = care->since;
    view.faulty = care->faulty;
    view.overdue = care->overdue;
    view.findings = care->findings;
    view.cordon = care->cordon;
    view.maintenance = care->maintenance;
    view.wish = care->wish;
    view.remedy = care->remedy;
    view.withheld = care->withheld;
    if (const Job* test = care->test ? state.find_job(care->test) : nullptr) view.test = test->name;
    view.tested = care->tested;
    view.faults = care->faults;
  }
  if (const Uid incident = state.incident_of(node.name)) view.incident = incident;
  view.status = status_of(view);
  if (detail == Detail::kFull) {
    for (const HeldTask& held : loads.tasks(index)) {
      const Job& job = *state.find_job(held.job);
      const TaskPlacement& task = job.allocation->tasks[held.rank];
      view.tasks.push_back({job.name, held.rank, task.devices, task.gpus});
    }
  }
  return view;
}

std::vector<CapacityView> capacity_views(State& state) {
  const Estate& estate = state.estate();
  std::map<std::pair<std::string, std::string>, CapacityView> rows;
  for (SiteIndex site = 0; site < estate.sites().size(); ++site) {
    for (const Pool& pool : state.loads().site(site).pools()) {
      const NodeTypeSpec& type = estate.types()[pool.type].spec;
      CapacityView& row = rows[{estate.sites()[site].name, type.devices.model}];
      row.nodes += pool.nodes;
      row.nodes_ready += pool.ready;
      row.gpus += pool.devices;
      row.max += type.power.max * pool.nodes;
    }
  }
  for (NodeIndex i = 0; i < estate.nodes().size(); ++i) {
    CapacityView& row = rows[{estate.site_of(i).name, estate.type_of(i).spec.devices.model}];
    row.gpus_held += held_on(state.loads().site_of(i), i);
    row.demand += state.loads().site_of(i).demand(i);
  }
  for (const Room& room : room_now(state)) {
    CapacityView& row = rows[{estate.sites()[room.site].name, room.gpu_model}];
    row.gpus_free = room.free;
    row.gpus_kept = room.kept;
    row.gpus_feasible = room.feasible;
    row.bound_by = room.bound_by;
    for (const TierRoom& tier : room.tiers) row.tiers.push_back({tier.tier, tier.group, tier.groups, tier.gpus, tier.nodes});
  }
  std::vector<CapacityView> out;
  for (auto& [key, row] : rows) {
    std::tie(row.site, row.gpu_model) = key;
    out.push_back(std::move(row));
  }
  return out;
}

TokenView token_view(const TokenRecord& token, std::optional<Time> last_used) {
  return {token.id,      token.name,    token.role,   token.tenant,  token.project, token.node,
          token.principal, token.subject, token.issuer, token.created, token.expires, last_used};
}

}  // namespace penstock
