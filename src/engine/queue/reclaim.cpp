// Choosing victims.
#include "engine/queue/reclaim.h"

#include <algorithm>

#include "engine/placement/booking.h"
#include "engine/queue/sizes.h"

namespace penstock {
namespace {

constexpr Duration kDefaultGrace = seconds(30);

// Victims on trial: out of loads and power while this lives.
class Gone {
 public:
  Gone(State& state, std::vector<Kept>& kept, Time now) : state_(state), kept_(kept), now_(now) {}
  Gone(const Gone&) = delete;
  Gone& operator=(const Gone&) = delete;
  ~Gone() {
    while (!jobs_.empty()) bring_back(jobs_.size() - 1);
  }

  void send_away(const Job& job) {
    lay(job, false);
    jobs_.push_back(&job);
  }
  void bring_back(std::size_t i) {
    lay(*jobs_[i], true);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  const std::vector<const Job*>& jobs() const { return jobs_; }

 private:
  void lay(const Job& job, bool on) {
    const auto ends = ends_by(job, now_);
    const std::vector<NodeIndex>& nodes = state_.held_nodes(job.uid);
    for (std::size_t rank = 0; rank < job.allocation->tasks.size(); ++rank) {
      const TaskPlacement& task = job.allocation->tasks[rank];
      const NodeIndex node = nodes[rank];
      SiteLoads& loads = state_.scratch_loads().site_of(node);
      const Draw draw = draw_of(state_.estate().type_of(node).spec, task, job.shed.has_value());
      if (on) {
        loads.reserve(node, task, job.uid, static_cast<std::int32_t>(rank));
        state_.scratch_power().take(node, draw, job.allocation->until);
      } else {
        loads.release(node, task, job.uid, static_cast<std::int32_t>(rank));
        state_.scratch_power().give(node, draw, job.allocation->until);
      }
      for (Kept& kept : kept_) {
        if (ends && *ends <= kept.from) continue;
        if (on) {
          kept.power.take(node, draw, job.allocation->until);
        } else {
          kept.power.give(node, draw, job.allocation->until);
        }
      }
    }
  }

  State& state_;
  std::vector<Kept>& kept_;
  Time now_;
  std::vector<const Job*> jobs_;
};

// Whether the gang lies at `tasks` and each of those that have gone has a place beside it and one another.
bool all_find_places(State& state, const SitePools& of_site, const Pictures& promised, const Job& job,
                     const std::vector<TaskPlacement>& tasks, const std::vector<const Job*>& gone, Time now) {
  SiteLoads& loads = state.scratch_loads().site(of_site.site);
  std::vector<std::unique_ptr<Booking>> booked;
  const auto book = [&](const Job& who, const PoolMask& pools, const std::vector<TaskPlacement>& where) {
    booked.push_back(std::make_unique<Booking>(state, loads, state.scratch_power(), promised, who, pools, now));
    return std::all_of(where.begin(), where.end(), [&](const TaskPlacement& task) {
      return booked.back()->add(state.estate().find_node(task.node), task);
    });
  };
  bool all = book(job, of_site.pools, tasks);
  std::vector<PoolMask> masks;
  masks.reserve(gone.size());
  for (std::size_t i = 0; all && i < gone.size(); ++i) {
    std::optional<Job> copy;
    const Job& least = at_least(*gone[i], copy);
    const PoolsBySite pools = candidate_pools(state, least);
    const auto here = std::find_if(pools.begin(), pools.end(), [&](const SitePools& p) { return p.site == of_site.site; });
    all = here != pools.end();
    if (!all) break;
    masks.push_back(here->pools);
    const auto where = place_at(state, loads, state.scratch_power(), promised, least, masks.back(), now);
    all = where && book(*gone[i], masks.back(), *where);
  }
  while (!booked.empty()) booked.pop_back();  // the last first
  loads.opened();  // what was found full was so beside what is gone again
  return all;
}

// `moving`: those that give way must have places elsewhere at the site.
std::optional<Reclaim> reclaim_at(State& state, KeptSites& kept, const Job& job, const SitePools& of_site, Time now, Duration most,
                                  bool moving) {
  std::vector<const Job*> spot;
  for (const Uid uid : state.spot(of_site.site)) {
    const Job& other = *state.find_job(uid);
    if (!moving || (other.phase == JobPhase::kRunning && other.allocation->from + kMoveAfter <= now)) spot.push_back(&other);
  }
  std::sort(spot.begin(), spot.end(), [&](const Job* a, const Job* b) {
    return std::tuple(lost_work(*a, now), a->allocation->gpus, b->uid) < std::tuple(lost_work(*b, now), b->allocation->gpus, a->uid);
  });
  Gone gone(state, kept.at(of_site.site), now);
  const Pictures promised = kept.between(of_site.site, now, would_end_by(job, now));
  std::optional<std::vector<TaskPlacement>> tasks;
  const auto fits = [&] {
    auto placed = place_at(state, state.scratch_loads().site(of_site.site), state.scratch_power(), promised, job,
                           of_site.pools, now);
    if (placed) tasks = std::move(placed);
    return tasks.has_value();
  };
  // Twice as many each time until it fits, so that a large site is not tried gang by gang.
  std::size_t next = 0;
  for (std::size_t lot = 1; next < spot.size() && !tasks; lot *= 2) {
    for (std::size_t i = 0; i < lot && next < spot.size(); ++i) gone.send_away(*spot[next++]);
    fits();
  }
  if (!tasks) return std::nullopt;
  // Back come those that are not in the way after all, the most costly first.
  const auto try_without = [&](std::size_t i) {
    const Job& back = *gone.jobs()[i];
    gone.bring_back(i);
    const auto before = tasks;
    tasks.reset();
    if (fits()) return;
    tasks = before;
    gone.send_away(back);
  };
  constexpr std::size_t kOneByOne = 64;
  if (gone.jobs().size() > kOneByOne) {
    // Of many, first all that hold none of its nodes, together.
    std::set<std::string> nodes;
    for (const TaskPlacement& task : *tasks) nodes.insert(task.node);
    std::vector<const Job*> others;
    for (std::size_t i = gone.jobs().size(); i-- > 0;) {
      const auto& held = gone.jobs()[i]->allocation->tasks;
      if (std::any_of(held.begin(), held.end(), [&](const TaskPlacement& task) { return nodes.contains(task.node); })) continue;
      others.push_back(gone.jobs()[i]);
      gone.bring_back(i);
    }
    const auto before = tasks;
    tasks.reset();
    if (!fits()) {
      tasks = before;
      for (const Job* other : others) gone.send_away(*other);
    }
  }
  for (std::size_t i = std::min(gone.jobs().size(), kOneByOne); i-- > 0;) try_without(i);

  if (gone.jobs().empty()) return std::nullopt;
  if (moving && !all_find_places(state, of_site, promised, job, *tasks, gone.jobs(), now)) return std::nullopt;
  Reclaim out;
  out.tasks = std::move(*tasks);
  for (const Job* victim : gone.jobs()) {
    out.victims.push_back(victim->uid);
    out.lost += lost_work(*victim, now);
    out.within = std::max(out.within, grace_of(*victim, most));
  }
  return out;
}

}  // namespace

Duration grace_of(const Job& job, Duration most) { return std::min(most, job.spec.stop_grace.value_or(kDefaultGrace)); }

Duration saved_work(const Job& job, Time now, bool told) {
  if (!job.spec.checkpoint || !job.started) return job.saved;
  const Duration ran = now - job.allocation->from;
  if (told && job.spec.checkpoint->on_stop) return job.saved + ran;
  if (!job.spec.checkpoint->every) return job.saved;
  return job.saved + *job.spec.checkpoint->every * (ran.count() / job.spec.checkpoint->every->count());
}

GpuMicros lost_work(const Job& job, Time now, bool told) {
  const Duration ran = now - job.allocation->from;
  const Duration lost = ran - (saved_work(job, now, told) - job.saved);
  return GpuMicros((job.allocation->gpus * (lost.count() / 1'000'000)).count());
}

namespace {

// At the site where the least work is lost.
std::optional<Reclaim> cheapest(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now, Duration most, bool moving) {
  std::optional<Reclaim> best;
  for (const SitePools& of_site : pools) {
    if (state.spot(of_site.site).empty()) continue;
    const SiteLoads& loads = state.loads().site(of_site.site);
    if (moving && loads.capacity(0, of_site.pools, 1) * 1000 < total_gpus(job.spec).count()) continue;
    auto here = reclaim_at(state, kept, job, of_site, now, most, moving);
    if (here && (!best || here->lost < best->lost)) best = std::move(here);
  }
  return best;
}

}  // namespace

std::optional<Reclaim> plan_moves(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now) {
  auto plan = cheapest(state, kept, job, pools, now, kMoveGrace, true);
  const Time since = std::max(job.submitted, job.not_before.value_or(job.submitted));  // it may have run before
  const GpuMicros waited((total_gpus(job.spec) * ((now - since).count() / 1'000'000)).count());
  return plan && plan->lost <= waited ? std::move(plan) : std::nullopt;
}

std::optional<Reclaim> plan_reclaim(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now,
                                    Duration most) {
  return cheapest(state, kept, job, pools, now, most, false);
}

}  // namespace penstock
