// Which site a gang goes to, and whether it would fit if nothing ran.
#include "engine/placement/placement.h"

#include <algorithm>

#include "engine/contracts/contracts.h"
#include "engine/placement/attempt.h"
#include "estate/energy.h"

namespace penstock {
namespace {

// What energy costs or weighs at a site now, in millionths of its currency or grams a kWh; the most if nobody told.
std::int64_t energy_of(const EstateSite& site, EnergyWish wish, Time now) {
  constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();
  if (!site.grid) return kUnknown;
  if (wish == EnergyWish::kCarbon) return carbon_at(*site.grid, now).value_or(kUnknown);
  const auto price = price_at(*site.grid, now);
  return price ? price->micros : kUnknown;
}

// One site that a gang may go to. The least comes first.
struct Choice {
  std::size_t wish = 0;         // its place among the preferred sites
  std::int64_t energy = 0;
  std::int64_t room = 0;        // tasks like the largest that it holds
  const SitePools* pools = nullptr;
  bool operator<(const Choice& other) const {
    return std::tuple(wish, energy, room, pools->site) < std::tuple(other.wish, other.energy, other.room, other.pools->site);
  }
};

std::vector<Choice> choices(const Estate& estate, const NodeLoads& loads, const Job& job, const PoolsBySite& pools, Time now) {
  const std::int32_t largest = std::max(1, largest_tasks(job.spec).first);
  std::vector<Choice> out;
  out.reserve(pools.size());
  for (const SitePools& of_site : pools) {
    Choice choice;
    choice.pools = &of_site;
    choice.room = loads.site(of_site.site).capacity(0, of_site.pools, largest);
    if (job.spec.prefer) {
      const EstateSite& site = estate.sites()[of_site.site];
      const auto& sites = job.spec.prefer->sites;
      choice.wish = static_cast<std::size_t>(std::find(sites.begin(), sites.end(), site.name) - sites.begin());
      if (job.spec.prefer->energy) choice.energy = energy_of(site, *job.spec.prefer->energy, now);
    }
    out.push_back(choice);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The pools of them that carry the labels which the job prefers; nothing if it prefers none or all do.
std::optional<PoolMask> preferred(const Estate& estate, const SiteLoads& loads, const Job& job, const PoolMask& pools) {
  if (!job.spec.prefer || job.spec.prefer->node_labels.empty()) return std::nullopt;
  PoolMask out = pools;
  for (std::uint32_t p = 0; p < pools.size(); ++p) {
    if (!carries(estate.racks()[loads.pools()[p].example], job.spec.prefer->node_labels)) out[p] = 0;
  }
  return out == pools ? std::nullopt : std::optional(std::move(out));
}

// The pools of them whose models the contract names, without its substitutes; nothing if that leaves none or all.
std::optional<PoolsBySite> without_substitutes(const State& state, const Job& job, const PoolsBySite& pools) {
  const Bounds bounds(state.facts(), job);
  PoolsBySite out;
  bool fewer = false;
  for (const SitePools& of_site : pools) {
    const std::vector<Pool>& there = state.loads().site(of_site.site).pools();
    SitePools own = of_site;
    for (std::size_t p = 0; p < own.pools.size(); ++p) {
      if (own.pools[p] == 0 || !bounds.substitute(state.estate().types()[there[p].type])) continue;
      own.pools[p] = 0;
      fewer = true;
    }
    if (std::any_of(own.pools.begin(), own.pools.end(), [](char may) { return may != 0; })) out.push_back(std::move(own));
  }
  return fewer && !out.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::vector<TaskPlacement>> place_on(const State& state, NodeLoads& loads, PowerLoads& power, const Job& job,
                                                   const PoolsBySite& pools, Time now, PowerObstacle* obstacle,
                                                   const PicturesOf& kept) {
  const auto [devices, replicas] = largest_tasks(job.spec);
  for (const Choice& choice : choices(state.estate(), loads, job, pools, now)) {
    const SiteIndex site = choice.pools->site;
    if (devices > 0 && choice.room < replicas) continue;
    auto tasks = place_at(state, loads.site(site), power, kept ? kept(site) : Pictures(), job, choice.pools->pools, now, obstacle);
    if (tasks) return tasks;
  }
  return std::nullopt;
}

}  // namespace

std::pair<std::int32_t, std::int32_t> largest_tasks(const JobSpec& spec) {
  const TaskGroupSpec& largest =
      *std::max_element(spec.groups.begin(), spec.groups.end(), [](const auto& a, const auto& b) { return a.gpus < b.gpus; });
  return {static_cast<std::int32_t>(largest.gpus.count() / 1000), largest.replicas};
}

std::optional<std::vector<TaskPlacement>> place_at(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept,
                                                   const Job& job, const PoolMask& pools, Time now, PowerObstacle* obstacle) {
  const auto closeness = closeness_of(state.estate(), loads.site(), job.spec);
  if (!closeness) return std::nullopt;
  if (const auto better = preferred(state.estate(), loads, job, pools)) {
    Attempt attempt(state, loads, power, kept, job, *closeness, now, false);
    if (attempt.place_all(*better)) return attempt.tasks();
  }
  Attempt attempt(state, loads, power, kept, job, *closeness, now, obstacle != nullptr);
  if (attempt.place_all(pools)) return attempt.tasks();
  if (obstacle != nullptr && !obstacle->block && !obstacle->ramp) *obstacle = attempt.obstacle();
  return std::nullopt;
}

bool carries(const EstateRack& rack, const std::map<std::string, std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto found = rack.labels.find(label.first);
    return found != rack.labels.end() && found->second == label.second;
  });
}

bool capable(const State& state, const Job& job, NodeIndex node) {
  const bool images = std::any_of(job.spec.groups.begin(), job.spec.groups.end(), [](const auto& g) { return !g.image.empty(); });
  if (!images || state.estate().site_of(node).runtime == RuntimeKind::kSimulated) return true;
  const auto facts = state.facts().nodes.find(state.estate().nodes()[node].name);
  if (facts == state.facts().nodes.end()) return true;
  const auto& capabilities = facts->second.hello.capabilities;
  return std::find(capabilities.begin(), capabilities.end(), "oci") != capabilities.end();
}

PoolsBySite candidate_pools(const State& state, const Job& job) {
  PoolsBySite out;
  const Estate& estate = state.estate();
  const Bounds bounds(state.facts(), job);
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    if (!bounds.country(estate.sites()[s]) || !bounds.site(estate.sites()[s])) continue;
    const std::vector<Pool>& pools = state.loads().site(s).pools();
    SitePools of_site{s, PoolMask(pools.size())};
    bool any = false;
    for (std::size_t p = 0; p < pools.size(); ++p) {
      if (!bounds.type(estate.types()[pools[p].type])) continue;
      if (!carries(estate.racks()[pools[p].example], job.spec.node_labels)) continue;
      of_site.pools[p] = 1;
      any = true;
    }
    if (any) out.push_back(std::move(of_site));
  }
  return out;
}

std::optional<std::vector<TaskPlacement>> place(State& state, const Job& job, const PoolsBySite& pools, Time now,
                                                PowerObstacle* obstacle, const PicturesOf& kept) {
  if (!state.facts().contracts.at(job.contract).spec.substitutes.empty()) {
    if (const auto own = without_substitutes(state, job, pools)) {
      auto tasks = place_on(state, state.scratch_loads(), state.scratch_power(), job, *own, now, nullptr, kept);
      if (tasks) return tasks;
    }
  }
  return place_on(state, state.scratch_loads(), state.scratch_power(), job, pools, now, obstacle, kept);
}

bool fits_when_empty(State& state, const Job& job, const PoolsBySite& pools, Time now, PowerObstacle* obstacle) {
  return place_on(state, state.scratch_empty(), state.scratch_empty_power(), job, pools, now, obstacle, {}).has_value();
}

}  // namespace penstock
