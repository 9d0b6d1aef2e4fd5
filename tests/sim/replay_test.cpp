// Logs that were tampered with: each kind of damage is named, and a sound log adds up.
#include "sim/replay.h"

#include <gtest/gtest.h>

#include "sim/difference.h"
#include "sim/simulation.h"

namespace penstock {
namespace {

struct Log {
  std::vector<std::string> lines;              // events and checkpoints
  std::vector<std::size_t> checkpoints;        // their places
  std::map<Position, std::string> snapshots;   // at the checkpoints
};

// A day of small jobs and faults, with a checkpoint about every hundred events.
const Log& sound() {
  static const Log log = [] {
    Log out;
    const auto scenarios = read_scenario({"s.yaml", R"(apiVersion: penstock/v1
kind: Scenario
metadata: {name: small}
spec:
  plainEstate: {nodes: 4}
  for: PT12H
  loads: [{synthetic: {perHour: 10, timeLimit: 150%, mix: [{gpus: 4, median: PT30M, checkpoint: PT10M}]}}]
  faults: {perMillionNodeDays: 1000000}
)"});
    EXPECT_TRUE(scenarios.ok()) << to_string(scenarios.error());
    Position at = 0;
    std::uint64_t events = 0;
    const auto report = simulate(
        scenarios->front(), {}, {},
        [&](const EventRecord& record) {
          out.lines.push_back(to_json(record));
          events = events_hash(events, out.lines.back());
        },
        [&](const State& state, bool last) {
          if (state.facts().position == at || (!last && state.facts().position < at + 100)) return;
          at = state.facts().position;
          out.snapshots[at] = state.snapshot();
          out.checkpoints.push_back(out.lines.size());
          out.lines.push_back(checkpoint_line({at, hash_text(state.hash()), hash_text(std::exchange(events, 0))}));
        });
    EXPECT_TRUE(report.ok());
    EXPECT_GT(out.checkpoints.size(), 4u);
    return out;
  }();
  return log;
}

ReplayReport replayed(std::vector<std::string> lines, std::vector<ReplayInput::Known> known = {}, Facts before = {}) {
  const auto report = replay_log([&]() -> Result<ReplayInput> {
    ReplayInput input;
    input.before = std::move(before);
    input.known = std::move(known);
    input.lines = [&](const std::function<bool(std::string_view)>& take) {
      for (const std::string& line : lines) {
        if (!take(line)) break;
      }
      return ok_status();
    };
    return input;
  });
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? *report : ReplayReport{};
}

Position position_of(const std::string& line) { return from_json_text<EventRecord>(line)->position; }

// The place of the first event of that type after the second checkpoint.
std::size_t first_of(const Log& log, std::string_view type) {
  for (std::size_t i = log.checkpoints[1]; i < log.lines.size(); ++i) {
    if (log.lines[i].find(fmt::format(R"("type":"{}")", type)) != std::string::npos) return i;
  }
  ADD_FAILURE() << "no " << type;
  return 0;
}

void replace(std::string& in, std::string_view what, std::string_view with) {
  const std::size_t at = in.find(what);
  ASSERT_NE(at, std::string::npos) << in;
  in.replace(at, what.size(), with);
}

TEST(Replay, ASoundLogAddsUp) {
  const Log& log = sound();
  const ReplayReport report = replayed(log.lines);
  EXPECT_FALSE(report.fault) << report.fault->message;
  EXPECT_EQ(report.checkpoints, static_cast<std::int64_t>(log.checkpoints.size()));
  EXPECT_EQ(report.events, static_cast<std::int64_t>(log.lines.size() - log.checkpoints.size()));
  EXPECT_EQ(report.agreed, report.last);
}

TEST(Replay, GoesOnFromASnapshot) {
  const Log& log = sound();
  const auto begin = std::next(log.snapshots.begin());
  const std::vector<std::string> rest(log.lines.begin() + static_cast<std::ptrdiff_t>(log.checkpoints[1]) + 1, log.lines.end());
  const ReplayReport report = replayed(rest, {}, *from_json_text<Facts>(begin->second));
  EXPECT_FALSE(report.fault) << report.fault->message;
  EXPECT_EQ(report.first, begin->first + 1);
  const ReplayReport without = replayed(rest);
  ASSERT_TRUE(without.fault);
  EXPECT_NE(without.fault->message.find("the state before it is missing"), std::string::npos) << without.fault->message;
}

TEST(Replay, AChangedEventIsFoundAtTheNextCheckpoint) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  const std::size_t place = first_of(log, "job.submitted");
  const Position changed = position_of(lines[place]);
  replace(lines[place], R"("timeLimit":"PT)", R"("timeLimit":"P1DT)");
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->kind, ReplayFaultKind::kState);
  EXPECT_GT(report.fault->position, changed);
  EXPECT_EQ(report.fault->suspect, report.agreed + 1);
  EXPECT_LE(report.fault->suspect, changed);
  EXPECT_NE(report.fault->stated, report.fault->found);
  EXPECT_FALSE(report.fault->suspect_type.empty());
  EXPECT_EQ(report.fault->events_agree, false);

  // With the whole state at hand the event itself is named.
  std::vector<ReplayInput::Known> known;
  const std::string& text = log.snapshots.at(report.fault->position);
  known.push_back({report.fault->position, hash_text(state_hash(text)), text});
  const ReplayReport exact = replayed(lines, known);
  ASSERT_TRUE(exact.fault);
  EXPECT_EQ(exact.fault->concerns, changed);
  EXPECT_NE(exact.fault->path.find("spec.timeLimit"), std::string::npos) << exact.fault->path;
  EXPECT_NE(exact.fault->path_stated, exact.fault->path_found);
}

// What a job did before it was forgotten is in no state any more.
TEST(Replay, AChangeThatLeavesNoTraceInTheStateIsFound) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  const std::size_t place = first_of(log, "task.changed");
  replace(lines[place], R"("by":"simulation")", R"("by":"nobody")");
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->kind, ReplayFaultKind::kText);
  EXPECT_EQ(report.checkpoints, 2);
  EXPECT_EQ(report.fault->suspect, report.agreed + 1);
  EXPECT_NE(report.fault->events_agree, true);
}

TEST(Replay, AnUntouchedLogIsToldFromAWrongHash) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  replace(lines[log.checkpoints[2]], R"("stateHash":")", R"("stateHash":"x)");
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->kind, ReplayFaultKind::kState);
  EXPECT_EQ(report.fault->events_agree, true);
}

TEST(Replay, AMissingLineIsNamed) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  const std::size_t place = first_of(log, "task.changed");
  const Position gone = position_of(lines[place]);
  lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(place));
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->kind, ReplayFaultKind::kEvent);
  EXPECT_EQ(report.fault->message, fmt::format("event {} follows event {}", gone + 1, gone - 1));
  EXPECT_EQ(report.fault->line, static_cast<std::int64_t>(place) + 1);
}

TEST(Replay, ASwappedPairIsNamed) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  const std::size_t place = first_of(log, "job.started");
  std::swap(lines[place], lines[place + 1]);
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->line, static_cast<std::int64_t>(place) + 1);
  EXPECT_EQ(report.fault->position, position_of(log.lines[place + 1]));
}

TEST(Replay, AChangedHashIsToldFromAChangedEvent) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  lines[log.checkpoints[2]] = checkpoint_line({std::next(log.snapshots.begin(), 2)->first, "0123456789abcdef", {}});
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->line, static_cast<std::int64_t>(log.checkpoints[2]) + 1);
  EXPECT_EQ(report.fault->stated, "0123456789abcdef");
  EXPECT_TRUE(report.fault->later_agrees);
  EXPECT_EQ(report.checkpoints, 2);
}

TEST(Replay, AnEventAboutNothingIsNamed) {
  const Log& log = sound();
  for (const auto& [type, what, with, says] : std::vector<std::array<std::string, 4>>{
           {"job.started", R"("job":"0)", R"("job":"f)", "does not exist"},
           {"job.started", R"("node":")", R"("node":"no)", "does not exist"},
           {"job.submitted", R"("contract":"sim/main"}})", R"("contract":"sim/other"}})", "does not exist"},
           {"task.changed", R"("rank":0)", R"("rank":7)", "task 7 of a gang of 1"},
           {"usage.recorded", R"("position":)", R"("posture":)", "this line is no event"}}) {
    std::vector<std::string> lines = log.lines;
    const std::size_t place = first_of(log, type);
    replace(lines[place], what, with);
    const ReplayReport report = replayed(lines);
    ASSERT_TRUE(report.fault) << type;
    EXPECT_EQ(report.fault->line, static_cast<std::int64_t>(place) + 1) << report.fault->message;
    EXPECT_NE(report.fault->message.find(says), std::string::npos) << report.fault->message;
  }
}

// Nobody looks for devices that are held twice before the fold does, and the fold stops its process.
TEST(Replay, AnEventThatBreaksAnInvariantIsNamed) {
  const Log& log = sound();
  std::vector<std::string> lines = log.lines;
  const std::size_t place = first_of(log, "job.started");
  replace(lines[place], R"("devices":[)", R"("devices":[63,)");
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_EQ(report.fault->position, position_of(log.lines[place]));
  EXPECT_EQ(report.fault->line, static_cast<std::int64_t>(place) + 1);
  EXPECT_EQ(report.checkpoints, 2);
  EXPECT_EQ(report.agreed, std::next(log.snapshots.begin())->first);
  EXPECT_NE(report.fault->message.find("breaks an invariant"), std::string::npos);
}

TEST(Replay, WithoutACheckpointNothingIsProved) {
  std::vector<std::string> lines;
  for (const std::string& line : sound().lines) {
    if (!is_checkpoint(line)) lines.push_back(line);
  }
  const ReplayReport report = replayed(lines);
  ASSERT_TRUE(report.fault);
  EXPECT_NE(report.fault->message.find("nothing was compared"), std::string::npos);
}

TEST(Differences, TellCausesBeforeSums) {
  const auto left = *parse_json(R"({"now":"a","shares":{"acme":1},"jobs":{"0c":{"name":"acme/llm/x","phase":"running","allocation":{"uid":"0d"}}}})");
  const auto right = *parse_json(R"({"now":"b","shares":{"acme":2},"jobs":{"0c":{"name":"acme/llm/x","phase":"pending"}}})");
  const auto found = first_difference(left, right);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "jobs.0c.phase");
  EXPECT_EQ(found->left, R"("running")");
  EXPECT_EQ(found->names, (std::vector<std::string>{R"("0c")", R"("acme/llm/x")", R"("0d")", R"("acme/llm/x")"}));
  EXPECT_TRUE(names_any(R"({"allocation":"0d"})", found->names));
  EXPECT_FALSE(names_any(R"({"allocation":"0e"})", found->names));
  const auto sums = first_difference(*parse_json(R"({"shares":{"acme":1}})"), *parse_json(R"({"shares":{}})"));
  ASSERT_TRUE(sums);
  EXPECT_EQ(sums->path, "shares.acme");
  EXPECT_EQ(sums->right, "nothing");
  EXPECT_FALSE(first_difference(left, left));
}

}  // namespace
}  // namespace penstock
