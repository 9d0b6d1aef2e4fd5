// Nodes that fail by chance and come back repaired.
#pragma once

#include <queue>
#include <unordered_set>

#include "engine/state.h"
#include "sim/chance.h"
#include "sim/scenario.h"

namespace penstock {

/// Every simulated node fails as a Poisson process of its own, lemons more often; what is down does not fail again. Nodes are
/// known by their names: when the estate changes, those that are gone fail no more and new ones join the others.
class Faults {
 public:
  /// What happens to one node.
  struct Change {
    std::string node;
    bool lost = false;  ///< else it is back
  };

  Faults(const FaultSpec& spec, const State& state, Time from, std::uint64_t seed);

  std::optional<Time> next() const;
  /// When the next node comes back.
  std::optional<Time> next_repair() const { return repairs_.empty() ? std::nullopt : std::optional(repairs_.top().first); }
  /// All changes that are due at `now`, in their order.
  std::vector<Change> take(const State& state, Time now);

 private:
  void follow(const State& state);
  void plan_next();
  void lose(const State& state, NodeIndex node, std::vector<Change>& out);

  FaultSpec spec_;
  std::uint64_t seed_;
  Chance chance_;
  Time at_;
  std::shared_ptr<const Estate> of_;
  std::vector<NodeIndex> lemons_;
  std::vector<NodeIndex> others_;
  std::unordered_set<std::string> down_;  // by a fault
  using Repair = std::pair<Time, std::string>;
  std::priority_queue<Repair, std::vector<Repair>, std::greater<>> repairs_;
};

}  // namespace penstock
