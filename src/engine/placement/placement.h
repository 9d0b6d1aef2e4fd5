// Placement: where a whole gang would go now, or nothing. Decides, changes nothing.
#pragma once

#include "engine/state.h"

namespace penstock {

/// Pools that a job may use at all, by contract, jurisdiction, site, model and node type, grouped by site: a gang
/// is never spread over sites.
using PoolsBySite = std::map<SiteIndex, std::vector<PoolIndex>>;
PoolsBySite candidate_pools(const State& state, const Job& job);

/// What stood in the way of a gang that would have had its devices.
struct PowerObstacle {
  std::optional<PowerBlock> block;       ///< the row or node that refused most tasks
  std::optional<Watts> ramp;             ///< the site's ramp, which the gang's swing is above
  Watts swing;                           ///< by how much the gang may swing at once
};

/// Places every task of the gang on one site, or returns nothing and leaves no trace. Every task keeps within the limits
/// of power and cooling until the job's time limit. Best fit: the node with the fewest whole devices free that still holds
/// the task, so that whole nodes stay whole for gangs that need them; a share of a device goes first to one that is shared
/// already.
/// The result is in rank order: groups in their order, replicas within a group.
std::optional<std::vector<TaskPlacement>> place(State& state, const Job& job, const PoolsBySite& pools, Time now,
                                                PowerObstacle* obstacle = nullptr);

/// Whether place() would succeed if every node were ready and nothing ran.
bool fits_when_empty(State& state, const Job& job, const PoolsBySite& pools, Time now, PowerObstacle* obstacle = nullptr);

/// The first date on which the gang would fit, if what runs ends at its time limit or goes on for good: the dates on which
/// limits change and those on which time limits end. Nothing if on none of them. A date, not a reservation: others may
/// take it first.
std::optional<Time> earliest_start(const State& state, const Job& job, const PoolsBySite& pools, Time now);

/// Whether the node carries all labels that the job asks for.
bool labels_match(const State& state, const Job& job, NodeIndex node);
/// Whether the node can run what the job asks to run. Of a node that has never registered this is not known: it counts
/// as able, and is not ready.
bool capable(const State& state, const Job& job, NodeIndex node);

}  // namespace penstock
