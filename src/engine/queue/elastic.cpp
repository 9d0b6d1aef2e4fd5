// As many tasks as have room.
#include "engine/queue/elastic.h"

#include <algorithm>

#include "engine/queue/limits.h"

namespace penstock {
namespace {

// The largest number of steps in [0, most] for which `holds` says yes, which it does for 0; what holds more holds less.
template <class Holds>
std::int32_t most_that(std::int32_t most, Holds holds) {
  if (most <= 0 || holds(most)) return std::max(0, most);
  std::int32_t fits = 0, too_many = most;
  while (too_many - fits > 1) {
    const std::int32_t middle = fits + (too_many - fits) / 2;
    (holds(middle) ? fits : too_many) = middle;
  }
  return fits;
}

}  // namespace

std::optional<std::vector<TaskPlacement>> place_largest(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools,
                                                        Time now) {
  const auto place_as = [&](const Job& asked) -> std::optional<std::vector<TaskPlacement>> {
    if (over_limits(state, asked, now)) return std::nullopt;
    return place_beside(state, kept, asked, pools, now);
  };
  const auto sizes = sizes_of(job);
  if (!sizes) return place_as(job);
  auto best = place_as(sized(job, *sizes, sizes->least));
  if (!best) return std::nullopt;
  most_that((sizes->most - sizes->least) / sizes->step, [&](std::int32_t steps) {
    auto larger = place_as(sized(job, *sizes, sizes->least + steps * sizes->step));
    if (!larger) return false;
    if (larger->size() > best->size()) best = std::move(larger);
    return true;
  });
  return best;
}

std::int32_t room_to_grow(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now) {
  const auto sizes = sizes_of(job);
  if (!sizes) return 0;
  if (const auto& wish = job.spec.placement) {
    if (wish->segment || (wish->pack && wish->pack->strict) || (wish->spread && wish->spread->strict)) return 0;
  }
  if (job.shed) return 0;  // it would start again with all its watts
  const Estate& estate = state.estate();
  const std::vector<NodeIndex>& nodes = state.held_nodes(job.uid);
  const SiteIndex site = estate.nodes()[nodes.front()].site;
  const SiteLoads& loads = state.loads().site(site);
  for (const NodeIndex node : nodes) {
    if (loads.aside(node)) return 0;  // others have been promised what it leaves
  }
  const auto& grid = estate.sites()[site].grid;
  PoolsBySite here = pools;
  std::erase_if(here, [&](const SitePools& of_site) { return of_site.site != site; });
  return most_that(sizes->most - size_of(job.allocation->tasks, *sizes), [&](std::int32_t more) {
    Job extra = job;
    extra.uid = Uid{};
    extra.spec.groups = {job.spec.groups[sizes->group]};
    extra.spec.groups.front().replicas = more;
    extra.spec.groups.front().min_replicas = 0;
    if (over_limits(state, extra, now)) return false;
    auto tasks = place_beside(state, kept, extra, here, now);
    if (!tasks || !grid || !grid->ramp_per_second) return tasks.has_value();
    tasks->insert(tasks->end(), job.allocation->tasks.begin(), job.allocation->tasks.end());
    return swing_of(estate, *tasks) <= *grid->ramp_per_second;
  });
}

}  // namespace penstock
