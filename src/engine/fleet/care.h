// What is kept of a node that is not simply at work: where it stands in its life, what is wrong, and what is done about it.
#pragma once

#include <algorithm>

#include "base/uid.h"
#include "engine/fleet/report.h"
#include "spec/fleet.h"

namespace penstock {

/// Why a node is in its state; a closed vocabulary.
enum class NodeReason {
  kNone, kOperator, kFinding, kUnreachable, kCleared, kRegistered, kHardware, kNoTest, kTestPassed, kTestFailed, kRemedyDone, kRemedyFailed,
  kLemon, kReported, kRepaired, kMaintenance, kHall
};
constexpr auto enum_names(NodeReason) {
  using R = NodeReason;
  return std::array{EnumName<R>{R::kNone, "none"},
                    EnumName<R>{R::kOperator, "operator"},
                    EnumName<R>{R::kFinding, "finding"},
                    EnumName<R>{R::kUnreachable, "unreachable"},
                    EnumName<R>{R::kCleared, "cleared"},
                    EnumName<R>{R::kRegistered, "registered"},
                    EnumName<R>{R::kHardware, "hardware"},
                    EnumName<R>{R::kNoTest, "no-test"},
                    EnumName<R>{R::kTestPassed, "test-passed"},
                    EnumName<R>{R::kTestFailed, "test-failed"},
                    EnumName<R>{R::kRemedyDone, "remedy-done"},
                    EnumName<R>{R::kRemedyFailed, "remedy-failed"},
                    EnumName<R>{R::kLemon, "lemon"},
                    EnumName<R>{R::kReported, "reported"},
                    EnumName<R>{R::kRepaired, "repaired"},
                    EnumName<R>{R::kMaintenance, "maintenance"},
                    EnumName<R>{R::kHall, "hall"}};
}

/// Someone said that nothing new may start on a node.
struct Cordon {
  std::string by;
  std::string reason;
  Time since;
  bool drain = false;

  static constexpr auto schema() {
    return object("Cordon", "Someone said that nothing new may start on a node.", field("by", &Cordon::by, required, "who"),
                  field("reason", &Cordon::reason, optional, "why"), field("since", &Cordon::since, required, "since when"),
                  field("drain", &Cordon::drain, optional, "true: and that what runs there is to move as soon as that loses nothing"));
  }
  bool operator==(const Cordon&) const = default;
};

/// Something that is being done to mend a node. One at a time on each.
struct Remedy {
  Uid uid;
  RemedyAction action = RemedyAction::kReset;
  std::string cause;
  std::string by;
  Time ordered;
  Time deadline;

  static constexpr auto schema() {
    return object("Remedy", "Something that is being done to mend a node.", field("uid", &Remedy::uid, required, "its identity"),
                  field("action", &Remedy::action, required, "reset, reboot or reprovision; repair is a ticket"),
                  field("cause", &Remedy::cause, required, "what it is to mend"),
                  field("by", &Remedy::by, optional, "who asked for it; nobody: the fleet's rules"),
                  field("ordered", &Remedy::ordered, required, "when"),
                  field("deadline", &Remedy::deadline, required, "failed if it has not ended by then"));
  }
  bool operator==(const Remedy&) const = default;
};

/// A person wants a node mended as soon as it is idle.
struct Wish {
  RemedyAction action = RemedyAction::kReset;
  std::string by;
  std::string reason;

  static constexpr auto schema() {
    return object("Wish", "A person wants a node mended as soon as it is idle.", field("action", &Wish::action, required, "how"),
                  field("by", &Wish::by, required, "who"), field("reason", &Wish::reason, optional, "why"));
  }
  bool operator==(const Wish&) const = default;
};

/// All that is kept of a node besides what its agent says of itself.
struct Care {
  NodeState state = NodeState::kReady;
  NodeReason reason = NodeReason::kNone;
  std::string message;
  Time since;
  bool faulty = false;                      ///< out of work for a fault, and not yet tested since
  std::vector<Finding> findings;            ///< that stand, by check, device and code
  Time found;                               ///< when they last changed
  std::optional<Cordon> cordon;
  std::string maintenance;                  ///< the wave that has it
  bool seen_to = false;                     ///< and what it wanted is done
  std::optional<Wish> wish;
  std::optional<Remedy> remedy;             ///< under way
  std::optional<RemedyAction> tried;        ///< the heaviest that has not mended the present fault
  Uid test;                                 ///< the job that tests it
  std::optional<Time> tested;               ///< when it last passed
  std::vector<Time> faults;                 ///< when it failed, the latest kMostFaultsKept
  bool overdue = false;                     ///< it has been told that it is too long in its state
  std::string withheld;                     ///< what has been told that is not done, and why
  Position version = 0;

  static constexpr auto schema() {
    return object("Care", "What is kept of a node that is not simply at work.", field("state", &Care::state, required, ""),
                  field("reason", &Care::reason, required, ""), field("message", &Care::message, optional, ""),
                  field("since", &Care::since, required, ""), field("faulty", &Care::faulty, optional, ""),
                  field("findings", &Care::findings, optional, ""), field("found", &Care::found, required, ""), field("cordon", &Care::cordon, optional, ""),
                  field("maintenance", &Care::maintenance, optional, ""), field("seenTo", &Care::seen_to, optional, ""), field("wish", &Care::wish, optional, ""),
                  field("remedy", &Care::remedy, optional, ""),
                  field("tried", &Care::tried, optional, ""),
                  field("test", &Care::test, required, ""), field("tested", &Care::tested, optional, ""),
                  field("faults", &Care::faults, optional, ""), field("overdue", &Care::overdue, optional, ""),
                  field("withheld", &Care::withheld, optional, ""),
                  field("version", &Care::version, required, ""));
  }
};

/// Someone must act on a node with their hands.
struct Ticket {
  Uid uid;
  std::string node;
  NodeReason reason = NodeReason::kFinding;
  std::string summary;
  std::vector<Finding> evidence;
  std::vector<PartFound> parts;
  std::string tenant;
  std::string job;
  Time opened;
  std::optional<Time> closed;
  std::string closed_by;
  std::string note;

  static constexpr auto schema() {
    return object("Ticket", "Someone must act on a node with their hands.", field("uid", &Ticket::uid, required, "its identity"),
                  field("node", &Ticket::node, required, "site/hall/rack/node"), field("reason", &Ticket::reason, required, "why"),
                  field("summary", &Ticket::summary, required, "what is wrong, in a sentence"),
                  field("evidence", &Ticket::evidence, optional, "the findings that stood"),
                  field("parts", &Ticket::parts, optional, "the machine, and the devices that the findings are about: serial number and slot"),
                  field("tenant", &Ticket::tenant, optional, "who reported it, if a tenant did"),
                  field("job", &Ticket::job, optional, "of which job's task, then"),
                  field("opened", &Ticket::opened, required, "when"), field("closed", &Ticket::closed, optional, "when it was done"),
                  field("closedBy", &Ticket::closed_by, optional, "by whom"), field("note", &Ticket::note, optional, "what was done"));
  }
  bool operator==(const Ticket&) const = default;
};

/// Closed tickets that are remembered, the latest; the log has them all.
inline constexpr std::size_t kMostTicketsKept = 1000;

enum class WaveState { kRunning, kPaused, kStopped, kDone };
constexpr auto enum_names(WaveState) {
  using S = WaveState;
  return std::array{EnumName<S>{S::kRunning, "running"}, EnumName<S>{S::kPaused, "paused"}, EnumName<S>{S::kStopped, "stopped"},
                    EnumName<S>{S::kDone, "done"}};
}

/// A wave of maintenance, and how far it has come.
struct Wave {
  std::string name;
  WaveSpec spec;
  WaveState state = WaveState::kRunning;
  std::string reason;
  std::string by;
  Time begun;
  Time changed;
  std::vector<std::string> left;    ///< nodes that are still to come, in their order
  std::vector<std::string> taken;   ///< that are out for it
  std::int64_t done = 0;
  std::vector<std::string> failed;  ///< that did not come back well

  static constexpr auto schema() {
    return object("Wave", "A wave of maintenance, and how far it has come.", field("name", &Wave::name, required, "its name"),
                  field("spec", &Wave::spec, required, "what was asked"), field("state", &Wave::state, required, "running, paused, stopped or done"),
                  field("reason", &Wave::reason, optional, "why it is so"), field("by", &Wave::by, required, "who asked for it"),
                  field("begun", &Wave::begun, required, "when"), field("changed", &Wave::changed, required, "when it last changed"),
                  field("left", &Wave::left, optional, "nodes that are still to come"), field("taken", &Wave::taken, optional, "nodes that are out for it"),
                  field("done", &Wave::done, required, "nodes that have come back"),
                  field("failed", &Wave::failed, optional, "nodes that did not come back well"));
  }
};

/// Waves that are over and remembered, the latest.
inline constexpr std::size_t kMostWavesKept = 100;

/// Automation has stopped somewhere and waits for a person.
struct OpenBreaker {
  Time since;
  std::string by;
  std::string reason;
  std::int64_t out = 0;
  std::int64_t limit = 0;

  static constexpr auto schema() {
    return object("OpenBreaker", "Automation has stopped and waits for a person.", field("since", &OpenBreaker::since, required, "since when"),
                  field("by", &OpenBreaker::by, optional, "who stopped it; nobody: its limit"),
                  field("reason", &OpenBreaker::reason, required, "why"),
                  field("out", &OpenBreaker::out, optional, "nodes that were out of work then"),
                  field("limit", &OpenBreaker::limit, optional, "that may be"));
  }
  bool operator==(const OpenBreaker&) const = default;
};

}  // namespace penstock
