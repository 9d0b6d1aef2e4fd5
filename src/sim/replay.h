// Replay for audit: a log folded anew, and its state held against the hashes that were taken when it was written.
#pragma once

#include <map>

#include "engine/state.h"

namespace penstock {

/// What a state was after an event.
struct Checkpoint {
  Position position = 0;
  std::string state_hash;   ///< 16 hexadecimal digits
  std::string events_hash;  ///< the same; empty if nobody has taken it

  static constexpr auto schema() {
    return object("Checkpoint", "What the state was after an event.",
                  field("position", &Checkpoint::position, required, "the event"),
                  field("stateHash", &Checkpoint::state_hash, required, "XXH3-64 of the canonical JSON of all facts"),
                  field("eventsHash", &Checkpoint::events_hash, optional, "of the lines since the checkpoint before"));
  }
};

std::string hash_text(std::uint64_t hash);

/// Goes on with the hash of events by one more line: what an event says is in it even where later events undo what it did.
std::uint64_t events_hash(std::uint64_t before, std::string_view line);

/// A checkpoint as it stands in a log between its events, without the end of the line.
std::string checkpoint_line(const Checkpoint& checkpoint);
/// Whether a line of a log is one. It is no event: who reads events passes over it.
bool is_checkpoint(std::string_view line);

enum class ReplayFaultKind { kEvent, kState, kText };
constexpr auto enum_names(ReplayFaultKind) {
  using K = ReplayFaultKind;
  return std::array{EnumName<K>{K::kEvent, "event"}, EnumName<K>{K::kState, "state"}, EnumName<K>{K::kText, "text"}};
}

/// What is wrong with a log.
struct ReplayFault {
  ReplayFaultKind kind = ReplayFaultKind::kEvent;
  Position position = 0;
  std::optional<Time> at;
  std::int64_t line = 0;
  std::string message;
  std::string stated;
  std::string found;
  Position suspect = 0;
  std::string suspect_type;
  std::optional<Position> concerns;
  std::string path;
  std::string path_stated;
  std::string path_found;
  std::optional<bool> events_agree;
  bool later_agrees = false;

  static constexpr auto schema() {
    using F = ReplayFault;
    return object("ReplayFault", "What is wrong with a log.",
                  field("kind", &F::kind, required, "event: one cannot be folded; state: a checkpoint does not agree; text: only what the events say does not"),
                  field("position", &F::position, required, "the event, or the one that the checkpoint follows"),
                  field("at", &F::at, optional, "its time"), field("line", &F::line, optional, "in the log, from 1"),
                  field("message", &F::message, required, "a sentence for a person"),
                  field("stated", &F::stated, optional, "the hash that was written down"),
                  field("found", &F::found, optional, "the hash of what the events add up to"),
                  field("suspect", &F::suspect, optional, "the first event that can have done it"),
                  field("suspectType", &F::suspect_type, optional, "what it is"),
                  field("concerns", &F::concerns, optional, "the first event from there on that names what differs"),
                  field("path", &F::path, optional, "the first field that differs, where both states are known"),
                  field("pathStated", &F::path_stated, optional, "what it was"),
                  field("pathFound", &F::path_found, optional, "what the events make it"),
                  field("eventsAgree", &F::events_agree, optional,
                        "whether the events since the last checkpoint are as they were written, if that is known; then the hash of the "
                        "state was changed, or another version folded them otherwise"),
                  field("laterAgrees", &F::later_agrees, optional,
                        "true: the checkpoint after it agrees: the hash was written down wrong, or what an event did has passed"));
  }
};

struct ReplayReport {
  Position first = 0;
  Position last = 0;
  std::int64_t events = 0;
  std::int64_t checkpoints = 0;
  Position agreed = 0;
  std::optional<Time> agreed_at;
  std::int64_t wall_ms = 0;
  std::optional<ReplayFault> fault;

  static constexpr auto schema() {
    using R = ReplayReport;
    return object("ReplayReport", "A log that was folded anew.", field("first", &R::first, required, "its first event"),
                  field("last", &R::last, required, "the last that was folded"),
                  field("events", &R::events, required, "how many"),
                  field("checkpoints", &R::checkpoints, required, "checkpoints that agree"),
                  field("agreed", &R::agreed, required, "the event of the last of them"),
                  field("agreedAt", &R::agreed_at, optional, "its time"),
                  field("wallMs", &R::wall_ms, required, "how long it took"),
                  field("fault", &R::fault, optional, "what is wrong; nothing if all agrees"));
  }
};

/// Folds a log line by line. What is wrong is in the report; the first fault counts, and after a checkpoint that does not
/// agree the next one is looked at too, because it may.
class Replay {
 public:
  /// `before`: the state before the first event.
  explicit Replay(Facts before = {});

  /// The state after `position` is known from elsewhere: its hash, or with it the whole text. Said before that event comes.
  void expect(Position position, std::string state_hash, std::string text = {});
  /// An event or a checkpoint. False once nothing that follows matters.
  bool take(std::string_view line);
  /// No more will come.
  void finish();

  const State& state() const { return state_; }
  const ReplayReport& report() const { return report_; }
  std::int64_t line() const { return line_; }  ///< lines taken

 private:
  struct Known {
    std::string hash;
    std::string text;
  };
  bool take_event(std::string_view line);
  bool take_checkpoint(std::string_view line);
  bool check(const Known& known, std::int64_t line);
  ReplayFault disagreement(ReplayFaultKind kind, std::string stated, std::string found, std::int64_t line) const;
  bool refuse(std::string message, std::optional<Position> position, std::optional<Time> at);
  void compare(const std::string& stated, const std::string& found, ReplayFault& fault) const;

  State state_;
  ReplayReport report_;
  std::map<Position, Known> known_;
  std::vector<std::string> since_;  // events since the last checkpoint that agreed
  std::uint64_t events_hash_ = 0;   // of those since the last checkpoint in the log
  std::int64_t line_ = 0;
};

/// Gives the lines of a log in their order, until `take` returns false.
using LogLines = std::function<Status(const std::function<bool(std::string_view)>& take)>;

/// A log, and the states that are known.
struct ReplayInput {
  struct Known {
    Position position = 0;
    std::string state_hash;
    std::string text;
  };
  Facts before;
  std::vector<Known> known;  ///< as Replay::expect wants them
  LogLines lines;
};

/// Replays what `open` gives in a process of its own, where `open` runs too. The fold stops its process where an event breaks
/// an invariant that nobody looked at before; here that event is told like any other fault. Requires that no thread runs
/// besides the caller.
Result<ReplayReport> replay_log(const std::function<Result<ReplayInput>()>& open);

}  // namespace penstock
