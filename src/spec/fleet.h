// Specs of how a site's fleet is kept healthy: how far automation may go, what findings mean, and how nodes are tested.
#pragma once

#include "base/json.h"
#include "base/schema.h"
#include "base/time.h"
#include "base/units.h"

namespace penstock {

/// What a finding is about; a closed vocabulary.
enum class NodeCheck {
  kUnreachable, kHardware, kXid, kEcc, kRowRemap, kThermal, kPower, kNvlink, kClocks, kKernel, kDisk, kMemory, kNetwork, kTime, kSlow, kTest,
  kBmc, kReported
};
constexpr auto enum_names(NodeCheck) {
  using C = NodeCheck;
  return std::array{EnumName<C>{C::kUnreachable, "unreachable"}, EnumName<C>{C::kHardware, "hardware"},
                    EnumName<C>{C::kXid, "xid"},                 EnumName<C>{C::kEcc, "ecc"},
                    EnumName<C>{C::kRowRemap, "row-remap"},      EnumName<C>{C::kThermal, "thermal"},
                    EnumName<C>{C::kPower, "power"},             EnumName<C>{C::kNvlink, "nvlink"},
                    EnumName<C>{C::kClocks, "clocks"},           EnumName<C>{C::kKernel, "kernel"},
                    EnumName<C>{C::kDisk, "disk"},               EnumName<C>{C::kMemory, "memory"},
                    EnumName<C>{C::kNetwork, "network"},         EnumName<C>{C::kTime, "time"},
                    EnumName<C>{C::kSlow, "slow"},               EnumName<C>{C::kTest, "test"},
                    EnumName<C>{C::kBmc, "bmc"},                 EnumName<C>{C::kReported, "reported"}};
}

/// What follows from a finding, from the mildest to the hardest.
enum class HealthClass { kNote, kNoNewWork, kDrainWhenIdle, kDrain, kKill };
constexpr auto enum_names(HealthClass) {
  using C = HealthClass;
  return std::array{EnumName<C>{C::kNote, "note"}, EnumName<C>{C::kNoNewWork, "no-new-work"},
                    EnumName<C>{C::kDrainWhenIdle, "drain-when-idle"}, EnumName<C>{C::kDrain, "drain"},
                    EnumName<C>{C::kKill, "kill"}};
}

/// What mends, from the lightest to the heaviest; `repair` is a ticket for a person.
enum class RemedyAction { kReset, kReboot, kReprovision, kRepair };
constexpr auto enum_names(RemedyAction) {
  using A = RemedyAction;
  return std::array{EnumName<A>{A::kReset, "reset"}, EnumName<A>{A::kReboot, "reboot"},
                    EnumName<A>{A::kReprovision, "reprovision"}, EnumName<A>{A::kRepair, "repair"}};
}

/// Where a node is between its order and its end. docs/fleet.md has the table of what follows what.
enum class NodeState {
  kPlanned, kDelivered, kRacked, kProvisioning, kValidating, kBurnIn, kReady, kSuspect, kDraining, kRepair, kRetired
};
constexpr auto enum_names(NodeState) {
  using S = NodeState;
  return std::array{EnumName<S>{S::kPlanned, "planned"},       EnumName<S>{S::kDelivered, "delivered"},
                    EnumName<S>{S::kRacked, "racked"},         EnumName<S>{S::kProvisioning, "provisioning"},
                    EnumName<S>{S::kValidating, "validating"}, EnumName<S>{S::kBurnIn, "burn-in"},
                    EnumName<S>{S::kReady, "ready"},           EnumName<S>{S::kSuspect, "suspect"},
                    EnumName<S>{S::kDraining, "draining"},     EnumName<S>{S::kRepair, "repair"},
                    EnumName<S>{S::kRetired, "retired"}};
}

/// How far automation goes at a site; each includes those before it.
enum class FleetMode { kObserve, kCordon, kDrain, kRemediate };
constexpr auto enum_names(FleetMode) {
  using M = FleetMode;
  return std::array{EnumName<M>{M::kObserve, "observe"}, EnumName<M>{M::kCordon, "cordon"}, EnumName<M>{M::kDrain, "drain"},
                    EnumName<M>{M::kRemediate, "remediate"}};
}

/// What a check means at this site, in place of what docs/fleet.md says.
struct CheckRuleSpec {
  NodeCheck check = NodeCheck::kXid;
  std::optional<std::int32_t> code;
  HealthClass health = HealthClass::kNote;
  std::optional<RemedyAction> remedy;

  static constexpr auto schema() {
    using S = CheckRuleSpec;
    return object("CheckRule", "What a finding means at this site, in place of what docs/fleet.md says.",
                  field("check", &S::check, required, "which check"),
                  field("code", &S::code, optional, "of findings with this code, such as the number of an XID; of all without a rule of their own if absent"),
                  field("health", &S::health, required, "what follows for the node and its work"),
                  field("remedy", &S::remedy, optional, "what is tried first: reset, reboot, reprovision, or repair by a person; nothing if absent"));
  }
  bool operator==(const CheckRuleSpec&) const = default;
};

/// How many nodes may be out at once before automation stops.
struct BreakerLimitSpec {
  std::optional<std::int32_t> nodes;
  std::optional<Ppm> share;

  static constexpr auto schema() {
    using S = BreakerLimitSpec;
    return object("BreakerLimit", "How many nodes may be out of work at once; beyond either limit automation stops. One may always be.",
                  field("nodes", &S::nodes, optional, "a count"), field("share", &S::share, optional, "a share of the nodes"));
  }
  bool operator==(const BreakerLimitSpec&) const = default;
};

struct BreakerSpec {
  std::optional<BreakerLimitSpec> rack;
  std::optional<BreakerLimitSpec> row;
  std::optional<BreakerLimitSpec> site;
  std::optional<BreakerLimitSpec> fleet;

  static constexpr auto schema() {
    using S = BreakerSpec;
    return object("Breaker", "Where automation stops and calls a person. Nodes with findings, in repair, in test and in maintenance count together.",
                  field("rack", &S::rack, optional, "in one rack; no limit if absent"),
                  field("row", &S::row, optional, "in one row; 30% if absent"),
                  field("site", &S::site, optional, "at the site; 200 nodes or 5% if absent"),
                  field("fleet", &S::fleet, optional, "at all sites together; 1000 nodes or 3% if absent"));
  }
  bool operator==(const BreakerSpec&) const = default;
};

/// The test that a node passes before it takes work, as a job of the operator's own.
struct NodeTestSpec {
  std::string project;
  std::string contract;
  std::vector<std::string> command;
  std::string image;
  std::optional<Duration> time_limit;
  std::optional<Duration> estimate;
  std::optional<Duration> every;

  static constexpr auto schema() {
    using S = NodeTestSpec;
    return object("NodeTest", "The test that a node passes before it takes work: a job on all of its devices, which gives way to every other.",
                  field("project", &S::project, required, "tenant/project that it runs in"),
                  field("contract", &S::contract, required, "tenant/contract that it runs under, of class spot"),
                  field("command", &S::command, optional, "program and arguments, passed if its exit status is 0; `penstock node-test` if absent"),
                  field("image", &S::image, optional, "OCI image to run it in"),
                  field("timeLimit", &S::time_limit, optional, "failed if it takes longer; PT30M if absent"),
                  field("estimate", &S::estimate, optional, "how long it will probably take; simulated nodes take exactly this long; PT10M if absent"),
                  field("every", &S::every, optional, "idle nodes are tested again after so long; never if absent"));
  }
  bool operator==(const NodeTestSpec&) const = default;
};

/// Faults of a node that are remembered, the latest.
inline constexpr std::int32_t kMostFaultsKept = 16;

/// Nodes that fail again and again.
struct LemonSpec {
  std::optional<std::int32_t> faults;
  std::optional<Duration> within;

  static constexpr auto schema() {
    using S = LemonSpec;
    return object("Lemon", "When a node is a lemon, which goes to repair by a person whatever is wrong this time.",
                  field("faults", &S::faults, optional, "so many faults; 3 if absent, 0 for never"),
                  field("within", &S::within, optional, "in so long; P30D if absent"));
  }
  bool operator==(const LemonSpec&) const = default;
};

/// How the machines' management controllers are reached.
struct BmcSpec {
  std::string address;
  std::string credentials;

  static constexpr auto schema() {
    using S = BmcSpec;
    return object("Bmc", "How the nodes' management controllers are reached, by Redfish.",
                  field("address", &S::address, required, "https address; {site} {hall} {row} {rack} {node} stand for the node's place"),
                  field("credentials", &S::credentials, required, "where the server finds them: env:NAME or file:/PATH; never the credentials themselves"));
  }
  bool operator==(const BmcSpec&) const = default;
};

/// How long a node may stay in a state before someone is told.
struct StateLimitSpec {
  NodeState state = NodeState::kRepair;
  Duration within;

  static constexpr auto schema() {
    using S = StateLimitSpec;
    return object("StateLimit", "How long a node may be in a state before that is told.", field("state", &S::state, required, "the state"),
                  field("within", &S::within, required, "so long"));
  }
  bool operator==(const StateLimitSpec&) const = default;
};

/// How a site's fleet is kept healthy.
struct FleetSpec {
  std::optional<FleetMode> mode;
  bool dry_run = false;
  std::optional<BreakerSpec> breaker;
  std::optional<std::int32_t> at_once;
  std::optional<Duration> settle;
  std::optional<Duration> lease;
  std::optional<LemonSpec> lemon;
  std::optional<NodeTestSpec> test;
  std::vector<CheckRuleSpec> checks;
  std::vector<StateLimitSpec> limits;
  std::optional<BmcSpec> bmc;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = FleetSpec;
    return object("Fleet", "How the site's nodes are kept healthy.",
                  field("mode", &S::mode, optional, "how far automation goes: observe, cordon, drain or remediate; cordon if absent"),
                  field("dryRun", &S::dry_run, optional, "true: it says what it would do, and does it not"),
                  field("breaker", &S::breaker, optional, "where it stops and calls a person"),
                  field("atOnce", &S::at_once, optional, "remedies under way at once at the site; 20 if absent"),
                  field("settle", &S::settle, optional, "a finding stands so long before anything is done about it; PT30S if absent"),
                  field("lease", &S::lease, optional, "how long nodes work on without a word from the server, and are not given up; PT5M if absent, PT1M to PT1H"),
                  field("lemon", &S::lemon, optional, "when a node has failed too often"),
                  field("test", &S::test, optional, "what a node passes before it takes work; none if absent"),
                  field("checks", &S::checks, optional, "what findings mean here; else as in docs/fleet.md"),
                  field("limits", &S::limits, optional, "how long a node may be in a state; else as in docs/fleet.md"),
                  field("bmc", &S::bmc, optional, "management controllers of the nodes"));
  }
  bool operator==(const FleetSpec&) const = default;
};

/// What a wave of maintenance does with each node once it is idle.
enum class WaveAction { kHold, kReset, kReboot, kReprovision };
constexpr auto enum_names(WaveAction) {
  using A = WaveAction;
  return std::array{EnumName<A>{A::kHold, "hold"}, EnumName<A>{A::kReset, "reset"}, EnumName<A>{A::kReboot, "reboot"},
                    EnumName<A>{A::kReprovision, "reprovision"}};
}

/// Maintenance that goes through many nodes, a few at a time.
struct WaveSpec {
  std::string site;
  std::vector<std::string> nodes;
  WaveAction action = WaveAction::kReboot;
  std::int32_t at_once = 1;
  std::optional<std::int32_t> per_rack;
  std::optional<std::int32_t> per_row;
  std::optional<Time> from;
  std::optional<Time> until;
  std::int32_t most_failed = 0;
  std::string note;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    using S = WaveSpec;
    return object("WaveSpec", "Maintenance that goes through nodes of a site, a few at a time; each is drained, seen to, tested, and given back.",
                  field("site", &S::site, required, "where"),
                  field("nodes", &S::nodes, required, "which, without the site; ranges make many, such as h1/r1k[01-10]/n[01-18]"),
                  field("action", &S::action, optional, "what is done with an idle node: reset, reboot, reprovision, or hold it for a person; reboot if absent"),
                  field("atOnce", &S::at_once, optional, "nodes out at once, 1 to 10000; 1 if absent"),
                  field("perRack", &S::per_rack, optional, "of one rack at once; as atOnce if absent"),
                  field("perRow", &S::per_row, optional, "of one row at once; as atOnce if absent"),
                  field("from", &S::from, optional, "no node is taken before; at once if absent"),
                  field("until", &S::until, optional, "no node is taken after; never if absent"),
                  field("mostFailed", &S::most_failed, optional, "it pauses when more nodes than this have not come back well; 0 if absent"),
                  field("note", &S::note, optional, "what for, for people"));
  }
  bool operator==(const WaveSpec&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(FleetSpec);
PENSTOCK_JSON_ELSEWHERE(WaveSpec);

}  // namespace penstock
