// Tasks put on trial at places that are named, not searched for.
#pragma once

#include "engine/placement/placement.h"

namespace penstock {

/// What it has booked is given back when it ends.
class Booking {
 public:
  /// `kept`: pictures of later dates that it must fit into as well. `pools`: those that the job may use at the site.
  Booking(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept, const Job& job, const PoolMask& pools, Time now);
  Booking(const Booking&) = delete;
  Booking& operator=(const Booking&) = delete;
  ~Booking();

  /// The task just there, on the same devices, with a port that is free; false if that is not to be had. A node that is set
  /// aside counts: who comes with a place of its own knows for whom.
  bool add(NodeIndex node, TaskPlacement task);
  /// The task on devices of that node that are free, if it is of `type` and not set aside.
  bool add_anywhere(NodeIndex node, TypeIndex type, TaskPlacement task);

  /// Whether the site's grid bears that all of it begins or ends at once.
  bool within_ramp() const;
  /// What has been booked, in the order in which it was.
  const std::vector<TaskPlacement>& tasks() const { return tasks_; }
  const std::vector<NodeIndex>& nodes() const { return nodes_; }

 private:
  const State& state_;
  SiteLoads& loads_;
  Pictures pictures_;
  const Job& job_;
  const PoolMask& pools_;
  std::optional<Time> until_;
  std::vector<NodeIndex> nodes_;
  std::vector<TaskPlacement> tasks_;
};

}  // namespace penstock
