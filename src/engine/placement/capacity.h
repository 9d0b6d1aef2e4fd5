// What could start now: free GPUs, free GPUs that lie together, and free GPUs that power and cooling would carry; apart.
#pragma once

#include "engine/state.h"

namespace penstock {

/// The most that one group of a tier has free.
struct TierRoom {
  std::string tier;        ///< nvlink, then the fabric's tiers, then the site
  Grouping group = Grouping::kRack;
  std::int64_t groups = 0;
  std::int64_t gpus = 0;   ///< whole GPUs free in the best group
  std::int64_t nodes = 0;  ///< of them, on nodes that are wholly free
};

/// One model at one site.
struct Room {
  SiteIndex site = kNowhere;
  std::string gpu_model;
  std::int64_t free = 0;      ///< whole GPUs on ready nodes that nobody holds and none is kept for
  std::int64_t kept = 0;      ///< whole GPUs free and kept for promised starts
  std::int64_t feasible = 0;  ///< of the free ones, how many could start now at full power under a contract that sheds nothing
  std::string bound_by;       ///< the row that stops the rest; empty if nothing does
  std::vector<TierRoom> tiers;
};

/// Of every site and model, in their order.
std::vector<Room> room_now(State& state);

}  // namespace penstock
