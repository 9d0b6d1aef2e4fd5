// Elastic gangs find their size.
#pragma once

#include "engine/queue/promise.h"
#include "engine/queue/sizes.h"

namespace penstock {

/// Places the gang now, with as many tasks as have room within `pools` and within the limits of its contract and its project.
std::optional<std::vector<TaskPlacement>> place_largest(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools,
                                                        Time now);

/// With how many more tasks a running elastic gang would fit beside itself at its site, as things stand; 0 if none, or if its
/// tasks must lie to one another in a way that more of them, looked at alone, would not tell.
std::int32_t room_to_grow(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now);

}  // namespace penstock
