// The core over a real store: snapshots are made beside the work and are what the log adds up to.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "base/clock.h"
#include "journal/sqlite/sqlite_journal.h"
#include "server/server.h"

namespace penstock {
namespace {

class CoreOnDisk : public testing::Test {
 protected:
  CoreOnDisk() {
    char pattern[] = "/tmp/penstock-core-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(pattern) != nullptr);
    folder_ = pattern;
  }
  ~CoreOnDisk() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Journal> open() {
    auto journal = SqliteJournal::open(folder_ + "/penstock.db");
    EXPECT_TRUE(journal.ok()) << to_string(journal.error());
    return std::move(*journal);
  }

  std::unique_ptr<Core> start() {
    CoreOptions options;
    options.clock = utc_now;
    options.server_version = "test";
    options.snapshot_events = 20;
    auto core = std::make_unique<Core>(std::move(options), open());
    const Status started = core->start();
    EXPECT_TRUE(started.ok()) << to_string(started.error());
    return core;
  }

  std::string folder_;
};

TEST_F(CoreOnDisk, SnapshotsAreWhatTheLogAddsUpTo) {
  auto core = start();
  std::size_t issued = 0;
  for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
       core->counters().snapshots < 3 && std::chrono::steady_clock::now() < deadline; ++issued) {
    const NewToken token = make_token(Role::kAuditor, "somebody", core->now());
    ASSERT_TRUE(execute_and_wait(*core, IssueToken{token.record}, "test").ok());
  }
  EXPECT_GE(core->counters().snapshots, 3u);
  core.reset();
  {
    auto journal = open();
    auto found = journal->recover();
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    ASSERT_TRUE(found->snapshot.has_value());
    EXPECT_GE(found->snapshot->position, 40u);
    Engine engine;
    ASSERT_TRUE(journal->replay(0, [&](const LogRecord& record) -> Status {
      for (std::string_view lines = record.data; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
        auto event = from_json_text<EventRecord>(lines.substr(0, lines.find('\n')));
        if (!event.ok()) return event.error();
        if (event->position <= found->snapshot->position) engine.replay(*event);
      }
      return ok_status();
    }).ok());
    EXPECT_EQ(engine.state().hash(), found->snapshot->state_hash);
    EXPECT_EQ(engine.state().snapshot(), found->snapshot->data);
  }
  core = start();
  std::promise<std::size_t> tokens;
  core->read([&](Core::View& view) { tokens.set_value(view.state.facts().tokens.size()); });
  EXPECT_EQ(tokens.get_future().get(), issued);
}

// Nobody waits for a snapshot that can be made when nobody asks for anything.
TEST_F(CoreOnDisk, SnapshotsWaitForAQuietMoment) {
  auto core = start();
  for (int i = 0; i < 25; ++i) {
    const NewToken token = make_token(Role::kAuditor, "somebody", core->now());
    ASSERT_TRUE(execute_and_wait(*core, IssueToken{token.record}, "test").ok());
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (core->counters().snapshots == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(core->counters().snapshots, 1u);
}

}  // namespace
}  // namespace penstock
