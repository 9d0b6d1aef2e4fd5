// Nodes that fail by chance, and what mends them: time alone, or the fleet's remedies and persons.
#pragma once

#include <queue>
#include <unordered_set>

#include "engine/state.h"
#include "sim/chance.h"
#include "sim/scenario.h"

namespace penstock {

/// Every simulated node fails as a Poisson process of its own, lemons more often; what is down does not fail again. Nodes are
/// known by their names: when the estate changes, those that are gone fail no more and new ones join the others.
///
/// Without kinds of faults a node is lost and comes back after a while. With kinds it shows a finding, or is gone, until the
/// right remedy has been carried out or a person has closed its ticket, which takes `repair` on average; persons replace what
/// makes a lemon.
class Faults {
 public:
  /// What happens to one node.
  struct Change {
    std::string node;
    bool lost = false;
    bool back = false;
    std::optional<std::vector<Finding>> findings;  ///< all that it shows from now on
    Uid ticket;                                    ///< that a person closes
  };

  Faults(const FaultSpec& spec, const State& state, Time from, std::uint64_t seed);

  std::optional<Time> next() const;
  /// When the next node comes back, or is repaired.
  std::optional<Time> next_repair() const { return repairs_.empty() ? std::nullopt : std::optional(repairs_.top().at); }
  /// All changes that are due at `now`, in their order.
  std::vector<Change> take(const State& state, Time now);

  /// A fault strikes a node that has none.
  std::optional<Change> strike(const State& state, const std::string& node, const FaultKindSpec& kind, Time now);
  /// A remedy has been carried out.
  std::optional<Change> mended(const std::string& node, RemedyAction action);
  /// Someone is called to a node.
  void call(const Ticket& ticket, Time now);
  /// Whether a node has a fault, whatever it shows.
  bool broken(const std::string& node) const { return truth_.contains(node); }
  /// Faults so far, by kind.
  const std::map<std::string, std::int64_t>& struck() const { return struck_; }

 private:
  struct Truth {
    FaultKindSpec kind;
    std::int32_t device = -1;
    bool shows = true;
  };
  struct Repair {
    Time at;
    std::string node;
    Uid ticket;        // none: it comes back by itself
    bool lemon = false;
    bool operator>(const Repair& other) const { return std::tie(at, node, ticket) > std::tie(other.at, other.node, other.ticket); }
  };

  void follow(const State& state);
  void plan_next();
  void fail(const State& state, NodeIndex node, Time now, std::vector<Change>& out);
  Change shown(const std::string& node, Time now) const;
  void take_repair(const State& state, const Repair& repair, std::vector<Change>& out);
  const FaultKindSpec& any_kind();

  FaultSpec spec_;
  std::uint64_t seed_;
  Chance chance_;
  Time at_;
  std::shared_ptr<const Estate> of_;
  std::vector<NodeIndex> lemons_;
  std::vector<NodeIndex> others_;
  std::unordered_set<std::string> cured_;  // lemons no more
  std::unordered_set<std::string> down_;   // by a fault that time mends
  std::map<std::string, Truth> truth_;     // by a fault that it does not
  std::map<std::string, std::int64_t> struck_;
  std::priority_queue<Repair, std::vector<Repair>, std::greater<>> repairs_;
};

}  // namespace penstock
