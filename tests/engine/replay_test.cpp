// Determinism and recovery: random streams of commands give the same events every time, and the events the same state.
#include <cstdlib>

#include "stream.h"
#include "world.h"

namespace penstock {
namespace {

constexpr int kSteps = 250;

std::uint64_t seeds() {
  const char* given = std::getenv("PENSTOCK_SEEDS");
  return given == nullptr ? 15 : std::strtoull(given, nullptr, 10);
}

struct Recorded {
  std::vector<std::string> lines;               // the events as JSON
  std::map<Position, std::uint64_t> hashes;     // of the state after each command that changed it
};

// Plays the stream of a seed, with restarts on the way.
Recorded play(std::uint64_t seed, World& world) {
  Recorded out;
  Stream stream(seed);
  world.now = Stream::begin();
  for (int i = 0; i < kSteps && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("seed {}, step {}", seed, i));
    if (stream.one_in(60)) {
      world.restart();
      world.good(TakeLeadership{world.facts().epoch + 1, "1.0"});
    }
    const Stream::Step step = stream.next(world.state());
    world.now = world.now + step.pause;
    world.asked = step.key.empty() ? std::nullopt : std::optional(Asked{"tryIt", "ann", "", "", "a whim", "127.0.0.1"});
    static_cast<void>(world.run(step.command, step.key, step.fingerprint));
    out.hashes[world.facts().position] = world.state().hash();
  }
  for (const EventRecord& record : world.events()) out.lines.push_back(to_json(record));
  return out;
}

class Streams : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Streams, GiveTheSameEventsAndStatesAlways) {
  World world;
  const Recorded first = play(GetParam(), world);
  ASSERT_FALSE(HasFailure());
  ASSERT_GT(first.lines.size(), 50u);

  World again;
  again.watchful = false;
  const Recorded second = play(GetParam(), again);
  EXPECT_EQ(first.lines, second.lines);
  EXPECT_EQ(first.hashes, second.hashes);

  // Every event survives its own text, and a replay from text passes through the same states.
  Engine replayed;
  std::map<Position, std::string> snapshots;
  for (const std::string& line : first.lines) {
    auto record = from_json_text<EventRecord>(line);
    ASSERT_TRUE(record.ok()) << to_string(record.error()) << "\n" << line;
    ASSERT_EQ(to_json(*record), line);
    replayed.replay(*record);
    const auto expected = first.hashes.find(record->position);
    if (expected == first.hashes.end()) continue;
    ASSERT_EQ(replayed.state().hash(), expected->second) << "at " << record->position;
    if (snapshots.empty() || record->position >= snapshots.rbegin()->first + first.lines.size() / 8) {
      snapshots[record->position] = replayed.state().snapshot();
    }
  }

  // A log cut anywhere goes on from its snapshot.
  for (const auto& [position, snapshot] : snapshots) {
    auto facts = from_json_text<Facts>(snapshot);
    ASSERT_TRUE(facts.ok()) << to_string(facts.error());
    Engine resumed(std::move(*facts));
    ASSERT_EQ(resumed.state().snapshot(), snapshot);
    for (std::size_t i = position; i < world.events().size(); ++i) resumed.replay(world.events()[i]);
    EXPECT_EQ(resumed.state().hash(), world.state().hash()) << "cut at " << position;
    const std::vector<EventRecord> rest(world.events().begin() + static_cast<std::ptrdiff_t>(position), world.events().end());
    if (!rest.empty()) EXPECT_EQ(violations_of(proof_of(rest, snapshot)), "") << "cut at " << position;
  }
}

TEST_P(Streams, LeaveNobodyWaitingWithoutACause) {
  World world;
  world.watchful = false;
  play(GetParam(), world);
  // Until nothing happens any more: leases and back-offs have ended, contracts have begun or ended.
  std::size_t before = 0;
  for (int quiet = 0, minute = 0; quiet < 130 && minute < 2'000; ++quiet, ++minute) {
    world.wait(minutes(1));
    if (std::exchange(before, world.events().size()) != world.events().size()) quiet = 0;
  }
  for (const QueueKey& key : world.state().pending()) {
    const std::string name = world.state().find_job(key.job)->name;
    EXPECT_NE(world.reasons(name), "") << name << " waits for nothing";
  }
}

// Streams that say little would prove little.
TEST(StreamsTogether, ReachEverything) {
  std::map<std::string, int> seen;
  for (const auto& entry : enum_names(WaitReason{})) seen["waits for " + std::string(entry.name)];
  for (const auto& entry : enum_names(JobReason{})) seen["ends as " + std::string(entry.name)];
  seen.erase("ends as none");
  for (const char* displaced : {"shed", "preempted", "suspended", "moved", "resized", "drained"}) seen.erase(fmt::format("ends as {}", displaced));
  seen.erase("waits for maintenance");  // of a rack's only feed: see Waiting.ForMaintenance…
  [&]<class... E>(std::variant<E...>*) { (seen[std::string(E::kType)], ...); }(static_cast<Event*>(nullptr));
  // An event that needs a promise and then the failure of the very other side: see Power.MaintenanceIsRefused….
  seen.erase("maintenance.revoked");
  for (std::uint64_t seed = 1; seed <= 90; ++seed) {
    World world;
    world.watchful = false;
    play(seed, world);
    for (const EventRecord& record : world.events()) {
      std::visit([&](const auto& event) { ++seen[std::string(event.kType)]; }, record.event);
      if (const auto* finished = std::get_if<JobFinished>(&record.event)) {
        ++seen["ends as " + std::string(name_of(finished->reason))];
      }
    }
    for (const QueueKey& key : world.state().pending()) {
      for (const WaitCause& cause : world.why(world.state().find_job(key.job)->name)) {
        ++seen["waits for " + std::string(name_of(cause.reason))];
      }
    }
  }
  for (const auto& [what, times] : seen) {
    EXPECT_GT(times, 0) << what;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Streams, testing::Range<std::uint64_t>(1, seeds() + 1),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace penstock
