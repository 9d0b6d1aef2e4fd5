// Promises: when and where a gang that has no room now starts at the latest, and what is kept for it until then.
#pragma once

#include "engine/placement/placement.h"

namespace penstock {

/// What nodes need to stop a task after its grace and to say so.
inline constexpr Duration kStopMargin = seconds(10);
/// When a running job will have given its nodes back: at its time limit, the grace to stop and the margin, or nobody knows.
std::optional<Time> ends_by(const Job& job, Time now);
/// The same for a job that would start now.
std::optional<Time> would_end_by(const Job& job, Time now);

/// One date at which something that was promised begins at a site, with all that runs or has begun by then.
struct Kept {
  Time from;
  PowerLoads power;
};

/// What promises keep at all sites, worked out as it is asked for: at each date that is promised, and now if a promise has no
/// date. Holds until promises, limits or what runs change; whoever starts a job meanwhile has it weigh on its site.
class KeptSites {
 public:
  /// `except`: a job whose own promise does not count.
  KeptSites(const State& state, Time now, Uid except = {}) : state_(&state), now_(now), except_(except) {}
  /// By date; empty if nothing is promised there.
  std::vector<Kept>& at(SiteIndex site);
  /// The pictures that a job which starts at `from` and ends by `ends` must fit into.
  Pictures between(SiteIndex site, Time from, std::optional<Time> ends);
  /// The same for a job that starts now, at any site.
  PicturesOf against(const Job& job);
  /// What has just started weighs on what it outlasts.
  void add(const Job& job, const std::vector<TaskPlacement>& tasks);

 private:
  const State* state_;
  Time now_;
  Uid except_;
  std::map<SiteIndex, std::vector<Kept>> sites_;
};

/// Whether there are devices enough for the gang's largest tasks at any site, those of its own promise counted in: if not,
/// nothing more needs to be tried.
bool may_have_room(const State& state, const Job& job, const PoolsBySite& pools);

/// Looks ahead at a site: what runs ends when ends_by() says, what is promised to others stays theirs. The first date at
/// which the gang has its place, found among those on which work ends or limits change, from where there are devices enough; if work without a limit
/// is in the way, the place that is free once the oldest of it has ended, without a date. Tried at the kPlanSites sites
/// with the most GPUs that it may use and nobody has been promised; the earliest counts. Nothing if it has no place even so.
/// `at`: just at that date, for a reservation. `kept`: what is kept for others, of now, if the job holds no promise.
std::optional<Promise> plan_promise(const State& state, const Job& job, const PoolsBySite& pools, Time now,
                                    std::optional<Time> at = {}, KeptSites* kept = nullptr);
inline constexpr std::size_t kPlanSites = 4;

/// The site of what a job is promised; kNowhere if it has left the estate, or no nodes are promised.
SiteIndex site_of(const State& state, const Job& promised);
/// Whether all nodes of its promise are ready and have as many devices free as it is promised: if not, nothing more needs to be tried there.
bool may_take_up(const State& state, const Job& job, const PoolsBySite& pools);
/// Whether the job can lie now just where its promise says, with ports that are free now, on pools that it may use now, and
/// beside what `others` are promised before its own date. It needs no more: those who came later left room for it.
std::optional<std::vector<TaskPlacement>> take_up(State& state, KeptSites& others, const Job& job, const PoolsBySite& pools, Time now);

/// Nodes of each pool of each site that on-demand work may still take, so that reserved contracts have theirs: what they
/// give, and what they ramp up to until `until`, at most kRampAhead from `at`, less what is held under them. Nothing: no
/// reserved contract covers the pool. A contract without a ramp reserves nothing. Nodes that are promised to on-demand work
/// other than `job` are taken. With `later`, work that has ended by `at` at the site is gone.
using SpareNodes = std::vector<std::vector<std::optional<std::int64_t>>>;
SpareNodes spare_nodes(const State& state, const Job& job, Time at, std::optional<Time> until, std::optional<SiteIndex> later = {});
inline constexpr Duration kRampAhead = hours(24 * 7);
/// The pools of them that are open to the job's class: on-demand work leaves to reserved contracts what is theirs, lent or
/// not.
/// Returns `pools` themselves if all are, else `open`, made so.
const PoolsBySite& open_to(const State& state, const Job& job, const PoolsBySite& pools, Time at, PoolsBySite& open,
                           std::optional<SiteIndex> later = {});
/// Places the gang now on what is open to it, beside what others have been promised.
std::optional<std::vector<TaskPlacement>> place_beside(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now);

}  // namespace penstock
