// Nodes with agents: registration, leases, and what follows when a lease runs out.
#pragma once

#include <unordered_map>

#include "engine/fleet/lifecycle.h"
#include "engine/step.h"

namespace penstock {

/// A node that has not been heard of for so long is told to be silent, where the site's fleet has rules. Agents call every ten
/// seconds.
inline constexpr Duration kSilentAfter = minutes(1);
/// How much longer the engine waits before it gives the node's work to others.
inline constexpr Duration kLeaseMargin = seconds(30);

/// Leases are soft: they are not in the log. A new leader grants every node a fresh one, counted from its start,
/// which is never shorter than what the node itself believes.
class Leases {
 public:
  void restart(const State& state, Time now);
  void renew(const State& state, const std::string& node, Time now);
  void drop(const std::string& node);
  std::optional<Time> seen(const std::string& node) const;
  /// Nodes whose lease and margin have run out, the first of them first; so many at most.
  std::vector<std::string> expired(Time now) const;
  /// Nodes that have been silent for kSilentAfter and have not been asked for since they were last heard of; so many at most.
  std::vector<std::string> fallen_silent(Time now);
  std::optional<Time> next_due() const;

 private:
  static constexpr std::size_t kAtOnce = 500;
  struct Entry {
    Time seen;
    Time ends;
    bool heard = false;
  };
  std::unordered_map<std::string, Entry> entries_;
  std::set<std::pair<Time, std::string>> ends_;   // all
  std::set<std::pair<Time, std::string>> heard_;  // by when they were, of those that are not silent, where the fleet has rules
};

/// How long the node may work after its last sync; then its agent has stopped its tasks by itself.
Duration lease_of(const State& state, const std::string& node);

/// Refuses a node that no site has, that is simulated, or that is not what its type says.
Result<Reply> register_node(Step& step, Leases& leases, const RegisterNode& command);
/// kUnauthenticated if the registration is not the node's present one: another agent has taken it on.
Result<Reply> sync_node(Step& step, Leases& leases, const SyncNode& command);
Result<Reply> lose_node(Step& step, const LoseNode& command);
Result<Reply> give_back_node(Step& step, const GiveBackNode& command);
/// What a simulated node would say of itself.
Result<Reply> report_findings(Step& step, const ReportFindings& command);
void expire_leases(Step& step, Leases& leases);

}  // namespace penstock
