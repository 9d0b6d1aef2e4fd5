// Best-fit placement of gangs over the free-device index.
#include "engine/placement/placement.h"

#include <algorithm>
#include <numeric>

#include "engine/contracts/contracts.h"

namespace penstock {
namespace {

bool needs_images(const JobSpec& spec) {
  return std::any_of(spec.groups.begin(), spec.groups.end(), [](const auto& group) { return !group.image.empty(); });
}

// Devices for one task on this node, or nothing if its devices, cores, memory or ports do not suffice.
std::optional<TaskPlacement> fit(const NodeLoads& loads, const TaskGroupSpec& group, std::int32_t index, NodeIndex node) {
  if (loads.free_cpu(node) < group.cpu || loads.free_memory(node) < group.memory) return std::nullopt;
  TaskPlacement task;
  task.group = index;
  task.gpus = group.gpus;
  task.cpu = group.cpu;
  task.memory = group.memory;
  task.port = loads.free_port(node);
  if (task.port == 0) return std::nullopt;
  const std::int64_t milli = group.gpus.count();
  if (milli >= 1000) {
    const auto whole = static_cast<std::size_t>(milli / 1000);
    for (std::int32_t d = 0; d < loads.devices(node) && task.devices.size() < whole; ++d) {
      if (loads.used(node, d) == 0) task.devices.push_back(d);
    }
    if (task.devices.size() < whole) return std::nullopt;
  } else {
    std::int32_t best = -1;
    for (std::int32_t d = 0; d < loads.devices(node); ++d) {
      const std::int32_t used = loads.used(node, d);
      if (used + milli <= 1000 && (best < 0 || used > loads.used(node, best))) best = d;
    }
    if (best < 0) return std::nullopt;
    task.devices.push_back(best);
  }
  return task;
}

// A gang on its way into `loads` and `power`; what it has taken is given back when this ends.
class Attempt {
 public:
  Attempt(const State& state, NodeLoads& loads, PowerLoads& power, const Job& job, Time now)
      : state_(state),
        loads_(loads),
        power_(power),
        job_(job),
        contract_(state.facts().contracts.at(job.contract).spec),
        picky_(!job.spec.node_labels.empty() || needs_images(job.spec)) {
    if (job.spec.time_limit) until_ = now + *job.spec.time_limit;
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    for (const auto& [node, rank] : taken_) {
      loads_.release(node, tasks_[rank], {job_.uid, rank});
      power_.give(node, draw_of(state_.estate().type_of(node).spec, tasks_[rank], false), until_);
    }
  }

  bool place_all(const std::vector<PoolIndex>& pools) {
    const std::vector<TaskGroupSpec>& groups = job_.spec.groups;
    std::int64_t whole = 0;
    std::int64_t free = 0;
    for (const TaskGroupSpec& group : groups) whole += group.gpus.count() / 1000 * group.replicas;
    for (PoolIndex p : pools) free += loads_.pools()[p].free_devices;
    if (whole > free) return false;

    // Largest tasks first: small ones fit into what they leave. Ranks keep the order of the spec.
    std::vector<std::int32_t> order(groups.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return groups[a].gpus > groups[b].gpus; });
    std::vector<std::int32_t> first_rank;
    std::int32_t ranks = 0;
    for (const TaskGroupSpec& group : groups) {
      first_rank.push_back(ranks);
      ranks += group.replicas;
    }
    tasks_.resize(static_cast<std::size_t>(ranks));
    for (std::int32_t index : order) {
      refused_racks_.clear();
      for (std::int32_t replica = 0; replica < groups[index].replicas; ++replica) {
        if (!place_one(index, first_rank[index] + replica, pools)) return false;
      }
    }
    return within_ramp();
  }

  const std::vector<TaskPlacement>& tasks() const { return tasks_; }

  /// Why place_all() failed, if power had a part in it.
  PowerObstacle obstacle() const {
    PowerObstacle out = ramp_;
    std::size_t most = 0;
    for (const auto& [key, blocks] : blocks_) {
      if (blocks.second <= most) continue;
      most = blocks.second;
      out.block = blocks.first;
    }
    return out;
  }

 private:
  bool place_one(std::int32_t index, std::int32_t rank, const std::vector<PoolIndex>& pools) {
    const std::int64_t milli = job_.spec.groups[index].gpus.count();
    // A share goes to a device that is shared already, if one has room.
    if (milli < 1000) {
      for (PoolIndex p : pools) {
        if (place_on_any(index, rank, loads_.pools()[p].shared)) return true;
      }
    }
    for (PoolIndex p : pools) {
      const Pool& pool = loads_.pools()[p];
      for (auto free = static_cast<std::size_t>(std::max<std::int64_t>(1, milli / 1000)); free < pool.by_free.size(); ++free) {
        if (place_on_any(index, rank, pool.by_free[free])) return true;
      }
    }
    return false;
  }

  bool place_on_any(std::int32_t index, std::int32_t rank, const std::set<NodeIndex>& nodes) {
    const Estate& estate = state_.estate();
    for (auto at = nodes.begin(); at != nodes.end();) {
      const NodeIndex node = *at;
      const std::pair rack{estate.nodes()[node].type, estate.nodes()[node].rack};
      // Rows only get fuller on the way: where one refused a task, it refuses the next of its kind.
      if (const auto refused = refused_racks_.find(rack); refused != refused_racks_.end()) {
        at = nodes.lower_bound(refused->second);
        continue;
      }
      ++at;
      if (picky_ && (!labels_match(state_, job_, node) || !capable(state_, job_, node))) continue;
      auto task = fit(loads_, job_.spec.groups[index], index, node);
      if (!task) continue;
      const NodeTypeSpec& type = estate.type_of(node).spec;
      set_draw(*task, type, contract_, job_.spec.gpu_power);
      const Draw draw = draw_of(type, *task, false);
      if (const auto block = power_.block(node, draw, until_)) {
        refuse(*block, rack);
        if (block->kind != PowerBlock::Kind::kSupplies) at = nodes.lower_bound(refused_racks_.at(rack));
        continue;
      }
      task->node = estate.nodes()[node].name;
      tasks_[rank] = std::move(*task);
      loads_.reserve(node, tasks_[rank], {job_.uid, rank});
      power_.take(node, draw, until_);
      taken_.emplace_back(node, rank);
      return true;
    }
    return false;
  }

  // Notes a refusal. What refuses one node by a row or for want of a feed refuses its neighbours in the racks that hang on
  // the network alike, as far as they stand side by side.
  void refuse(const PowerBlock& block, std::pair<TypeIndex, RackIndex> at) {
    const auto [type, rack] = at;
    const auto key = std::tuple(block.site, block.segment, block.kind, block.row, block.demand);
    auto& [first, times] = blocks_.try_emplace(key, block, 0).first->second;
    ++times;
    if (block.kind == PowerBlock::Kind::kSupplies) return;
    const auto& racks = state_.estate().racks();
    const SiteNetwork& network = power_.network(block.site);
    const GroupIndex group = network.group_of(rack);
    const RackIndex end = network.site().first_rack + network.site().racks;
    RackIndex last = rack;
    while (last + 1 < end && network.group_of(last + 1) == group) ++last;
    for (RackIndex r = rack; r <= last; ++r) refused_racks_[{type, r}] = racks[last].first_node + racks[last].nodes;
  }

  bool within_ramp() {
    if (taken_.empty()) return true;
    const auto& grid = state_.estate().site_of(taken_.front().first).grid;
    if (!grid || !grid->ramp_per_second) return true;
    ramp_.swing = swing_of(state_.estate(), tasks_);
    if (ramp_.swing <= *grid->ramp_per_second) return true;
    ramp_.ramp = grid->ramp_per_second;
    return false;
  }

  const State& state_;
  NodeLoads& loads_;
  PowerLoads& power_;
  const Job& job_;
  const ContractSpec& contract_;
  const bool picky_;
  std::optional<Time> until_;
  std::vector<TaskPlacement> tasks_;
  std::vector<std::pair<NodeIndex, std::int32_t>> taken_;
  std::map<std::pair<TypeIndex, RackIndex>, NodeIndex> refused_racks_;  // and the first node behind their like
  std::map<std::tuple<SiteIndex, std::size_t, PowerBlock::Kind, std::uint32_t, bool>, std::pair<PowerBlock, std::size_t>> blocks_;
  PowerObstacle ramp_;
};

// Dates that earliest_start() tries at a site.
constexpr std::size_t kMostDates = 64;

}  // namespace

bool labels_match(const State& state, const Job& job, NodeIndex node) {
  const EstateRack& rack = state.estate().racks()[state.estate().nodes()[node].rack];
  for (const auto& [key, value] : job.spec.node_labels) {
    const auto found = rack.labels.find(key);
    if (found == rack.labels.end() || found->second != value) return false;
  }
  return true;
}

bool capable(const State& state, const Job& job, NodeIndex node) {
  if (!needs_images(job.spec) || state.estate().site_of(node).runtime == RuntimeKind::kSimulated) return true;
  const auto facts = state.facts().nodes.find(state.estate().nodes()[node].name);
  if (facts == state.facts().nodes.end()) return true;
  const auto& capabilities = facts->second.hello.capabilities;
  return std::find(capabilities.begin(), capabilities.end(), "oci") != capabilities.end();
}

PoolsBySite candidate_pools(const State& state, const Job& job) {
  PoolsBySite out;
  const Estate& estate = state.estate();
  const Bounds bounds(state.facts(), job);
  const auto& pools = state.loads().pools();
  for (PoolIndex i = 0; i < pools.size(); ++i) {
    const EstateSite& site = estate.sites()[pools[i].site];
    if (bounds.country(site) && bounds.site(site) && bounds.type(estate.types()[pools[i].type])) {
      out[pools[i].site].push_back(i);
    }
  }
  return out;
}

std::optional<std::vector<TaskPlacement>> place(State& state, const Job& job, const PoolsBySite& pools, Time now,
                                                PowerObstacle* obstacle) {
  for (const auto& [site, of_site] : pools) {
    Attempt attempt(state, state.scratch_loads(), state.scratch_power(), job, now);
    if (attempt.place_all(of_site)) return attempt.tasks();
    if (obstacle != nullptr && !obstacle->block && !obstacle->ramp) *obstacle = attempt.obstacle();
  }
  return std::nullopt;
}

bool fits_when_empty(State& state, const Job& job, const PoolsBySite& pools, Time now, PowerObstacle* obstacle) {
  return std::any_of(pools.begin(), pools.end(), [&](const auto& of_site) {
    Attempt attempt(state, state.scratch_empty(), state.scratch_empty_power(), job, now);
    if (attempt.place_all(of_site.second)) return true;
    if (obstacle != nullptr && !obstacle->block && !obstacle->ramp) *obstacle = attempt.obstacle();
    return false;
  });
}

std::optional<Time> earliest_start(const State& state, const Job& job, const PoolsBySite& pools, Time now) {
  const Estate& estate = state.estate();
  std::optional<Time> earliest;
  for (const auto& [site, of_site] : pools) {
    const EstateSite& here = estate.sites()[site];
    std::set<Time> dates;
    for (const PowerLoads::Segment& segment : state.power().segments(site)) dates.insert(segment.from);
    state.for_each_held(site, [&](NodeIndex, const HeldTask&, const Job& other, const TaskPlacement&) {
      if (other.allocation->until) dates.insert(*other.allocation->until);
    });
    dates.erase(dates.begin(), dates.upper_bound(now));
    std::size_t tried = 0;
    for (Time date : dates) {
      if (++tried > kMostDates || (earliest && *earliest <= date)) break;
      NodeLoads loads(estate);
      PowerLoads power = PowerLoads::like(state.power(), site);
      power.recut(site, SiteRestrictions(power.network(site), state.facts()), date);
      for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
        loads.set_ready(node, state.usable(node, date));
      }
      state.for_each_held(site, [&](NodeIndex node, const HeldTask& held, const Job& other, const TaskPlacement& task) {
        if (other.allocation->until && *other.allocation->until <= date) return;
        loads.reserve(node, task, held);
        power.take(node, draw_of(estate.type_of(node).spec, task, other.shed.has_value()), other.allocation->until);
      });
      if (Attempt(state, loads, power, job, date).place_all(of_site)) earliest = date;
    }
  }
  return earliest;
}

}  // namespace penstock
