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

// A gang on its way into `loads`; what it has taken is given back when this ends.
class Attempt {
 public:
  Attempt(const State& state, NodeLoads& loads, const Job& job)
      : state_(state), loads_(loads), job_(job), picky_(!job.spec.node_labels.empty() || needs_images(job.spec)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    for (const auto& [node, rank] : taken_) loads_.release(node, tasks_[rank], {job_.uid, rank});
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
      for (std::int32_t replica = 0; replica < groups[index].replicas; ++replica) {
        if (!place_one(index, first_rank[index] + replica, pools)) return false;
      }
    }
    return true;
  }

  const std::vector<TaskPlacement>& tasks() const { return tasks_; }

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
    for (NodeIndex node : nodes) {
      if (picky_ && (!labels_match(state_, job_, node) || !capable(state_, job_, node))) continue;
      auto task = fit(loads_, job_.spec.groups[index], index, node);
      if (!task) continue;
      task->node = state_.estate().nodes()[node].name;
      tasks_[rank] = std::move(*task);
      loads_.reserve(node, tasks_[rank], {job_.uid, rank});
      taken_.emplace_back(node, rank);
      return true;
    }
    return false;
  }

  const State& state_;
  NodeLoads& loads_;
  const Job& job_;
  const bool picky_;
  std::vector<TaskPlacement> tasks_;
  std::vector<std::pair<NodeIndex, std::int32_t>> taken_;
};

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

std::optional<std::vector<TaskPlacement>> place(State& state, const Job& job, const PoolsBySite& pools) {
  for (const auto& [site, of_site] : pools) {
    Attempt attempt(state, state.scratch_loads(), job);
    if (attempt.place_all(of_site)) return attempt.tasks();
  }
  return std::nullopt;
}

bool fits_when_empty(State& state, const Job& job, const PoolsBySite& pools) {
  return std::any_of(pools.begin(), pools.end(), [&](const auto& of_site) {
    return Attempt(state, state.scratch_empty(), job).place_all(of_site.second);
  });
}

}  // namespace penstock
