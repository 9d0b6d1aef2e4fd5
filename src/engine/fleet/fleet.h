// Nodes with agents: registration, leases, and what follows when a lease runs out.
#pragma once

#include <unordered_map>

#include "engine/step.h"

namespace penstock {

/// How long a node may work after its last sync; then the agent has stopped its tasks by itself.
inline constexpr Duration kNodeLease = minutes(5);
/// How much longer the engine waits before it gives the node's work to others.
inline constexpr Duration kLeaseMargin = seconds(30);

/// Leases are soft: they are not in the log. A new leader grants every node a fresh one, counted from its start,
/// which is never shorter than what the node itself believes.
class Leases {
 public:
  void restart(const Facts& facts, Time now);
  void renew(const std::string& node, Time now);
  void drop(const std::string& node);
  std::optional<Time> seen(const std::string& node) const;
  /// Nodes whose lease and margin have run out, the oldest first.
  std::vector<std::string> expired(Time now) const;
  std::optional<Time> next_due() const;

 private:
  std::unordered_map<std::string, Time> seen_;
  std::set<std::pair<Time, std::string>> oldest_;
};

/// Refuses a node that no site has, that is simulated, or that is not what its type says.
Result<Reply> register_node(Step& step, Leases& leases, const RegisterNode& command);
/// kUnauthenticated if the registration is not the node's present one: another agent has taken it on.
Result<Reply> sync_node(Step& step, Leases& leases, const SyncNode& command);
Result<Reply> lose_node(Step& step, const LoseNode& command);
Result<Reply> give_back_node(Step& step, const GiveBackNode& command);
void expire_leases(Step& step, Leases& leases);

}  // namespace penstock
