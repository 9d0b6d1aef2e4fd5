// Nodes that fail by chance and come back repaired.
#pragma once

#include <queue>

#include "estate/estate.h"
#include "sim/chance.h"
#include "sim/scenario.h"

namespace penstock {

/// Every node fails as a Poisson process of its own, lemons more often; what is down does not fail again.
class Faults {
 public:
  /// What happens to one node.
  struct Change {
    NodeIndex node = kNowhere;
    bool lost = false;  ///< else it is back
  };

  Faults(const FaultSpec& spec, const Estate& estate, Time from, std::uint64_t seed);

  std::optional<Time> next() const;
  /// All changes that are due at `now`, in their order.
  std::vector<Change> take(const Estate& estate, Time now);

 private:
  void plan_next();
  void lose(NodeIndex node, std::vector<Change>& out);

  FaultSpec spec_;
  Chance chance_;
  Time at_;
  std::vector<NodeIndex> nodes_;   // simulated ones
  std::size_t lemons_ = 0;         // the first of them, in an order by chance
  std::vector<char> down_;         // by node
  using Repair = std::pair<Time, NodeIndex>;
  std::priority_queue<Repair, std::vector<Repair>, std::greater<>> repairs_;
};

}  // namespace penstock
