// A gang starts again where it lay: with spares for the nodes that it lost, or in another size.
#pragma once

#include "engine/queue/elastic.h"
#include "engine/step.h"

namespace penstock {

/// Where the gang lies if every task stays where it was (`before`, by rank) and those on nodes that are gone move to spares of
/// the same type, as near as there are any: in the same rack, the same group of each tier above, at the same site, and within
/// what its placement requires. An elastic gang goes on without those for which there is no spare, as long as it has its
/// least. Nothing if that is not to be had; no trace is left.
std::optional<std::vector<TaskPlacement>> with_spares(State& state, KeptSites& kept, const Job& job,
                                                      const std::vector<TaskPlacement>& before, const PoolsBySite& pools, Time now);

/// Starts a job that has just gone back to the line, before anyone else may take its place: with spares if it lost nodes, as
/// large as there is room for if it was resized. Whoever does not fit so waits like everyone.
void start_again(Step& step, Uid job, const std::vector<TaskPlacement>& before);

/// Whether an attempt that ends so starts again at once.
constexpr bool starts_again(JobReason reason) {
  return reason == JobReason::kNodeLost || reason == JobReason::kLeaseExpired || reason == JobReason::kResized ||
         reason == JobReason::kDrained;
}

/// Running elastic gangs that have fewer tasks than they may are stopped to start again with more, if they fit so beside
/// themselves, write a checkpoint when they are told to stop, and gain by it: a quarter more tasks or all that they may have,
/// at least kGrowAfter after their last start. For when nobody waits for room. Returns when one may be due next.
std::optional<Time> grow(Step& step, KeptSites& kept);
inline constexpr Duration kGrowAfter = minutes(30);

}  // namespace penstock
