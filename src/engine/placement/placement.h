// Placement: where a whole gang would go now, or nothing. Decides, changes nothing.
#pragma once

#include "engine/state.h"

namespace penstock {

/// Pools that a job may use at all, by contract, jurisdiction, site, model, node type and labels, grouped by site: a gang
/// is never spread over sites. Sites that it may use for nothing are not in it.
struct SitePools {
  SiteIndex site = kNowhere;
  PoolMask pools;  ///< by their place among the site's pools
  bool operator==(const SitePools&) const = default;
};
using PoolsBySite = std::vector<SitePools>;
PoolsBySite candidate_pools(const State& state, const Job& job);

/// The most demanding of a gang's tasks: the whole devices of each, and how many of them there are.
std::pair<std::int32_t, std::int32_t> largest_tasks(const JobSpec& spec);

/// What stood in the way of a gang that would have had its devices.
struct PowerObstacle {
  std::optional<PowerBlock> block;       ///< the row or node that refused most tasks
  std::optional<Watts> ramp;             ///< the site's ramp, which the gang's swing is above
  Watts swing;                           ///< by how much the gang may swing at once
};

/// Pictures of a site's watts at later dates, with what will run and has been promised by then. What is placed must fit
/// beside that as well, and weighs on it.
using Pictures = std::vector<PowerLoads*>;
using PicturesOf = std::function<Pictures(SiteIndex)>;

/// Places every task of the gang on one site, or returns nothing and leaves no trace. Every task keeps within the limits
/// of power and cooling until the job's time limit. Substitutes of the contract are used only where its own models have no
/// room anywhere. Of the sites that it may use, the preferred ones come first, then the
/// one with the least room that still holds it; docs/scheduler.md tells how it lies inside a site.
/// The result is in rank order: groups in their order, replicas within a group.
std::optional<std::vector<TaskPlacement>> place(State& state, const Job& job, const PoolsBySite& pools, Time now,
                                                PowerObstacle* obstacle = nullptr, const PicturesOf& kept = {});

/// The same at one site, on any picture of it.
std::optional<std::vector<TaskPlacement>> place_at(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept,
                                                   const Job& job, const PoolMask& pools, Time now,
                                                   PowerObstacle* obstacle = nullptr);

/// Whether place() would succeed if every node were ready and nothing ran.
bool fits_when_empty(State& state, const Job& job, const PoolsBySite& pools, Time now, PowerObstacle* obstacle = nullptr);

/// Whether a rack carries all of the labels.
bool carries(const EstateRack& rack, const std::map<std::string, std::string>& labels);
/// Whether the node can run what the job asks to run. Of a node that has never registered this is not known: it counts
/// as able, and is not ready.
bool capable(const State& state, const Job& job, NodeIndex node);

}  // namespace penstock
