// The tables themselves.
#include "engine/fleet/lifecycle.h"

#include <algorithm>

namespace penstock {
namespace {

using S = NodeState;

constexpr bool kYes = true;
constexpr bool kNo = false;

constexpr Transition kTransitions[] = {
    // from, to, by the rules, by a person
    {S::kPlanned, S::kDelivered, kNo, kYes},
    {S::kPlanned, S::kRacked, kNo, kYes},
    {S::kDelivered, S::kRacked, kNo, kYes},
    {S::kRacked, S::kProvisioning, kNo, kYes},
    {S::kPlanned, S::kValidating, kYes, kNo},  // its agent has registered
    {S::kDelivered, S::kValidating, kYes, kNo},
    {S::kRacked, S::kValidating, kYes, kNo},
    {S::kProvisioning, S::kValidating, kYes, kYes},
    {S::kProvisioning, S::kRepair, kYes, kYes},
    {S::kValidating, S::kBurnIn, kYes, kNo},
    {S::kValidating, S::kReady, kYes, kNo},  // there is no test
    {S::kValidating, S::kRepair, kYes, kYes},
    {S::kBurnIn, S::kReady, kYes, kNo},
    {S::kBurnIn, S::kRepair, kYes, kYes},
    {S::kBurnIn, S::kValidating, kYes, kNo},  // it has booted anew
    {S::kReady, S::kSuspect, kYes, kYes},
    {S::kReady, S::kDraining, kYes, kYes},
    {S::kReady, S::kValidating, kYes, kYes},
    {S::kSuspect, S::kReady, kYes, kNo},
    {S::kSuspect, S::kDraining, kYes, kYes},
    {S::kSuspect, S::kValidating, kYes, kNo},
    {S::kDraining, S::kReady, kYes, kNo},
    {S::kDraining, S::kValidating, kYes, kYes},
    {S::kDraining, S::kRepair, kYes, kYes},
    {S::kRepair, S::kValidating, kYes, kYes},
    {S::kRepair, S::kProvisioning, kYes, kYes},
    {S::kPlanned, S::kRetired, kNo, kYes},
    {S::kDelivered, S::kRetired, kNo, kYes},
    {S::kRacked, S::kRetired, kNo, kYes},
    {S::kProvisioning, S::kRetired, kNo, kYes},
    {S::kValidating, S::kRetired, kNo, kYes},
    {S::kBurnIn, S::kRetired, kNo, kYes},
    {S::kDraining, S::kRetired, kNo, kYes},
    {S::kRepair, S::kRetired, kNo, kYes},
    {S::kRetired, S::kDelivered, kNo, kYes},
};

using C = NodeCheck;
using H = HealthClass;
using A = RemedyAction;

constexpr MeaningRow kMeanings[] = {
    {C::kUnreachable, kSilent, {H::kNoNewWork, std::nullopt}},
    {C::kUnreachable, kLost, {H::kKill, A::kReboot}},
    {C::kHardware, std::nullopt, {H::kDrain, A::kReboot}},
    {C::kXid, 48, {H::kKill, A::kReset}},    // double-bit ECC error
    {C::kXid, 62, {H::kKill, A::kReset}},    // internal micro-controller halt
    {C::kXid, 63, {H::kDrainWhenIdle, A::kReset}},  // row remapping or page retirement recorded; takes effect at a reset
    {C::kXid, 64, {H::kDrain, A::kRepair}},  // row remapping or page retirement failed
    {C::kXid, 74, {H::kDrain, A::kReset}},   // NVLink error
    {C::kXid, 79, {H::kKill, A::kReboot}},   // fallen off the bus
    {C::kXid, 92, {H::kDrainWhenIdle, A::kReset}},  // high rate of single-bit ECC errors
    {C::kXid, 94, {H::kDrainWhenIdle, A::kReset}},  // contained ECC error: its application alone has ended
    {C::kXid, 95, {H::kKill, A::kReset}},    // uncontained ECC error
    {C::kXid, 119, {H::kKill, A::kReset}},   // GSP does not answer
    {C::kXid, 120, {H::kKill, A::kReset}},   // GSP error
    {C::kXid, 140, {H::kDrain, A::kReset}},  // unrecovered ECC error
    {C::kXid, std::nullopt, {H::kNoNewWork, A::kReset}},
    {C::kEcc, std::nullopt, {H::kDrain, A::kReset}},
    {C::kRowRemap, 0, {H::kDrainWhenIdle, A::kReset}},  // pending
    {C::kRowRemap, std::nullopt, {H::kDrain, A::kRepair}},
    {C::kThermal, std::nullopt, {H::kNoNewWork, std::nullopt}},
    {C::kPower, std::nullopt, {H::kNote, std::nullopt}},
    {C::kNvlink, std::nullopt, {H::kDrain, A::kReset}},
    {C::kClocks, std::nullopt, {H::kDrainWhenIdle, A::kReset}},
    {C::kKernel, std::nullopt, {H::kDrain, A::kReboot}},
    {C::kDisk, std::nullopt, {H::kNoNewWork, A::kRepair}},
    {C::kMemory, std::nullopt, {H::kDrain, A::kRepair}},
    {C::kNetwork, std::nullopt, {H::kDrain, A::kReboot}},
    {C::kTime, std::nullopt, {H::kNoNewWork, A::kReboot}},
    {C::kSlow, std::nullopt, {H::kDrain, A::kReset}},
    {C::kTest, std::nullopt, {H::kDrain, A::kReboot}},
    {C::kBmc, std::nullopt, {H::kNote, std::nullopt}},
    {C::kReported, std::nullopt, {H::kDrain, A::kReset}},
};

}  // namespace

std::span<const Transition> transitions() { return kTransitions; }

bool may_follow(NodeState from, NodeState to) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions), [&](const Transition& row) { return row.from == from && row.to == to; });
}

bool may_follow(NodeState from, NodeState to, Mover by) {
  return std::any_of(std::begin(kTransitions), std::end(kTransitions), [&](const Transition& row) {
    return row.from == from && row.to == to && (by == Mover::kRules ? row.rules : row.operators);
  });
}

std::span<const MeaningRow> meanings() { return kMeanings; }

Meaning meaning_of(const Finding& finding, const FleetSpec* site) {
  const auto better = [&](const std::optional<std::int32_t>& code, bool found) { return code ? *code == finding.code : !found; };
  if (site != nullptr) {
    const CheckRuleSpec* best = nullptr;
    for (const CheckRuleSpec& rule : site->checks) {
      if (rule.check == finding.check && better(rule.code, best != nullptr)) best = &rule;
    }
    if (best != nullptr) return {best->health, best->remedy};
  }
  Meaning best;
  bool found = false;
  for (const MeaningRow& row : kMeanings) {
    if (row.check != finding.check || !better(row.code, found)) continue;
    best = row.meaning;
    found = true;
  }
  return best;
}

FleetMode mode_of(const FleetSpec& fleet) { return fleet.mode.value_or(FleetMode::kCordon); }
Duration settle_of(const FleetSpec& fleet) { return fleet.settle.value_or(seconds(30)); }
Duration lease_of(const FleetSpec* fleet) { return fleet != nullptr && fleet->lease ? *fleet->lease : kNodeLease; }

std::optional<Duration> limit_of(const FleetSpec& fleet, NodeState state) {
  for (const StateLimitSpec& limit : fleet.limits) {
    if (limit.state == state) return limit.within;
  }
  switch (state) {
    case S::kDelivered: return hours(24 * 14);
    case S::kRacked: return hours(24 * 7);
    case S::kProvisioning: return hours(4);
    case S::kValidating: return hours(1);
    case S::kBurnIn: return hours(8);
    case S::kSuspect: return hours(1);
    case S::kDraining: return hours(24 * 3);
    case S::kRepair: return hours(24 * 5);
    case S::kPlanned:
    case S::kReady:
    case S::kRetired: return std::nullopt;
  }
  return std::nullopt;
}

Duration time_of(RemedyAction action) {
  switch (action) {
    case A::kReset: return minutes(10);
    case A::kReboot: return minutes(30);
    case A::kReprovision: return hours(2);
    case A::kRepair: break;
  }
  return hours(24 * 30);
}

}  // namespace penstock
