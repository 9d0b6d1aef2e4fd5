// Folding with open eyes: what the fold takes for granted is looked at first.
#include "sim/replay.h"

#include "sim/difference.h"
#include "sim/foldable.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock {
namespace {

struct CheckpointLine {
  Checkpoint checkpoint;

  static constexpr auto schema() {
    return object("CheckpointLine", "A checkpoint in a log.", field("checkpoint", &CheckpointLine::checkpoint, required, "which"));
  }
};

constexpr std::string_view kCheckpoint = R"({"checkpoint":)";
constexpr std::size_t kMostShown = 200;  // of a line, and of a value

std::string shown(std::string_view text) {
  return text.size() <= kMostShown ? std::string(text) : std::string(text.substr(0, kMostShown)) + "…";
}

std::string type_of(const EventRecord& record) {
  return std::visit([]<class E>(const E&) { return std::string(E::kType); }, record.event);
}

}  // namespace

std::string hash_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

std::uint64_t events_hash(std::uint64_t before, std::string_view line) { return XXH3_64bits_withSeed(line.data(), line.size(), before); }

std::string checkpoint_line(const Checkpoint& checkpoint) { return to_json(CheckpointLine{checkpoint}); }

bool is_checkpoint(std::string_view line) { return line.starts_with(kCheckpoint); }

Replay::Replay(Facts before) : state_(std::move(before)) {
  report_.agreed = report_.last = state_.facts().position;
  if (report_.agreed > 0) report_.agreed_at = state_.facts().now;
}

void Replay::expect(Position position, std::string hash, std::string text) {
  known_[position] = {std::move(hash), std::move(text)};
}

bool Replay::refuse(std::string message, std::optional<Position> position, std::optional<Time> at) {
  if (report_.fault) return false;  // what follows a state that does not agree need not fold
  ReplayFault fault;
  fault.position = position.value_or(state_.facts().position + 1);
  fault.at = at;
  fault.line = line_;
  fault.message = std::move(message);
  report_.fault = std::move(fault);
  return false;
}

bool Replay::take(std::string_view line) {
  ++line_;
  if (line.empty()) return true;
  return is_checkpoint(line) ? take_checkpoint(line) : take_event(line);
}

bool Replay::take_checkpoint(std::string_view line) {
  const auto read = from_json_text<CheckpointLine>(line);
  if (!read.ok()) return refuse(fmt::format("this line is no checkpoint: {}", to_string(read.error())), state_.facts().position, state_.facts().now);
  const Checkpoint& stated = read->checkpoint;
  if (stated.position != state_.facts().position) {
    return refuse(fmt::format("a checkpoint of event {} stands after event {}: lines are missing or out of order", stated.position, state_.facts().position),
                  stated.position, {});
  }
  const std::string events = hash_text(std::exchange(events_hash_, 0));
  const bool clean = !report_.fault;
  if (clean && !stated.events_hash.empty() && stated.events_hash != events && stated.state_hash == hash_text(state_.hash())) {
    report_.fault = disagreement(ReplayFaultKind::kText, stated.events_hash, events, line_);
    report_.fault->message = fmt::format("the events up to {} add up to the right state and are not those that were written", stated.position);
    return false;
  }
  const bool more = check({stated.state_hash, {}}, line_);
  if (clean && report_.fault && !stated.events_hash.empty()) report_.fault->events_agree = stated.events_hash == events;
  return more;
}

bool Replay::take_event(std::string_view line) {
  const auto record = from_json_text<EventRecord>(line);
  if (!record.ok()) {
    return refuse(fmt::format("this line is no event: {}; it reads {}", to_string(record.error()), shown(line)), {}, {});
  }
  state_.settle();
  if (Status fits = foldable(state_, *record); !fits.ok()) return refuse(fits.error().message, record->position, record->at);
  state_.fold(*record);
  since_.emplace_back(line);
  events_hash_ = events_hash(events_hash_, line);
  if (report_.events++ == 0) report_.first = record->position;
  report_.last = record->position;
  const auto known = known_.find(record->position);
  return known == known_.end() || check(known->second, 0);
}

bool Replay::check(const Known& known, std::int64_t line) {
  const std::string text = state_.snapshot();
  const std::string found = hash_text(state_hash(text));
  if (found == known.hash) {
    if (report_.fault) {
      report_.fault->later_agrees = true;
      return false;
    }
    ++report_.checkpoints;
    report_.agreed = state_.facts().position;
    report_.agreed_at = state_.facts().now;
    since_.clear();
    return true;
  }
  if (report_.fault) return false;
  ReplayFault fault = disagreement(ReplayFaultKind::kState, known.hash, found, line);
  fault.message = fmt::format("the events up to {} do not add up to the state that was written down", fault.position);
  if (!known.text.empty()) compare(known.text, text, fault);
  report_.fault = std::move(fault);
  return true;
}

ReplayFault Replay::disagreement(ReplayFaultKind kind, std::string stated, std::string found, std::int64_t line) const {
  ReplayFault fault;
  fault.kind = kind;
  fault.position = state_.facts().position;
  fault.at = state_.facts().now;
  fault.line = line;
  fault.stated = std::move(stated);
  fault.found = std::move(found);
  if (!since_.empty()) {
    fault.suspect = fault.position + 1 - since_.size();
    fault.suspect_type = type_of(*from_json_text<EventRecord>(since_.front()));
  }
  return fault;
}

void Replay::compare(const std::string& stated, const std::string& found, ReplayFault& fault) const {
  const auto theirs = parse_json(stated);
  const auto ours = parse_json(found);
  if (!theirs.ok() || !ours.ok()) return;
  const auto difference = first_difference(*theirs, *ours);
  if (!difference) return;
  fault.path = difference->path;
  fault.path_stated = shown(difference->left);
  fault.path_found = shown(difference->right);
  for (std::size_t i = 0; i < since_.size(); ++i) {
    if (!names_any(since_[i], difference->names)) continue;
    fault.concerns = fault.suspect + i;
    return;
  }
}

void Replay::finish() {
  if (report_.fault || report_.checkpoints > 0) return;
  // Nothing has been held against anything: that must not pass for a proof.
  line_ = 0;
  refuse("no checkpoint follows an event of this log, so that nothing was compared", state_.facts().position, state_.facts().now);
}

}  // namespace penstock
