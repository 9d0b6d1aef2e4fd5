// The life of a node as one table, and what findings mean. docs/fleet.md shows both to people.
#pragma once

#include <span>

#include "engine/fleet/care.h"

namespace penstock {

/// Who moves a node from one state to the next.
enum class Mover { kRules, kOperator };
constexpr auto enum_names(Mover) {
  return std::array{EnumName<Mover>{Mover::kRules, "rules"}, EnumName<Mover>{Mover::kOperator, "operator"}};
}

struct Transition {
  NodeState from;
  NodeState to;
  bool rules;     ///< the fleet's own rules may
  bool operators; ///< a person may
};

/// All that there are.
std::span<const Transition> transitions();
bool may_follow(NodeState from, NodeState to);
bool may_follow(NodeState from, NodeState to, Mover by);

/// Whether a node in this state takes new work, if nothing else is in the way.
constexpr bool takes_work(NodeState state) { return state == NodeState::kReady; }

/// What a finding means.
struct Meaning {
  HealthClass health = HealthClass::kNote;
  std::optional<RemedyAction> remedy;  ///< tried first; none: it needs a person
};
struct MeaningRow {
  NodeCheck check;
  std::optional<std::int32_t> code;  ///< none: of those without a row of their own
  Meaning meaning;
};

/// What findings mean where a site does not say otherwise. XIDs as in NVIDIA's "XID Errors" catalogue and its recommended
/// actions; those of applications do not reach this table.
std::span<const MeaningRow> meanings();
Meaning meaning_of(const Finding& finding, const FleetSpec* site);

/// Codes of `unreachable`.
inline constexpr std::int32_t kSilent = 0;  ///< not heard of for a while; its lease runs
inline constexpr std::int32_t kLost = 1;    ///< its lease has run out, and what ran there has ended

/// A site's rules, with what it does not say filled in.
FleetMode mode_of(const FleetSpec& fleet);
Duration settle_of(const FleetSpec& fleet);
/// How long a node works after its last sync; then its agent stops its tasks by itself.
Duration lease_of(const FleetSpec* fleet);
inline constexpr Duration kNodeLease = minutes(5);  ///< where a site does not say
/// How long a node may be in a state before that is told; none: for ever.
std::optional<Duration> limit_of(const FleetSpec& fleet, NodeState state);
/// How long a remedy may take.
Duration time_of(RemedyAction action);

/// A finding that has gone must stay gone for so long before its node is trusted again.
inline constexpr Duration kClearFor = minutes(5);

}  // namespace penstock
