// Damaged journals: never used as if they were whole, and each remedy that a message offers works.
#include <fstream>
#include <regex>

#include <fmt/format.h>

#include "fixtures.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {
namespace {

// Ten events of one record each, with snapshots after 4 and 8 and one finished workload.
class DamagedJournal : public testing::Test {
 protected:
  void SetUp() override {
    auto journal = recovered(path_);
    commit_through(*journal, 1, 4);
    ASSERT_TRUE(journal->save_snapshot(snapshot_at(4), 0).ok());
    commit_through(*journal, 5, 8);
    ASSERT_TRUE(journal->save_snapshot(snapshot_at(8), 0).ok());
    commit_through(*journal, 9, 9);
    ASSERT_TRUE(journal->commit({{record_at(10, 1, 3)}, {workload(7)}}).ok());
  }

  // What open() or recover() says against the file as it is now; empty if it is taken.
  std::string refusal(Code code = Code::kInternal) {
    auto opened = SqliteJournal::open(path_);
    if (opened.ok()) {
      const auto found = (*opened)->recover();
      if (found.ok()) return {};
      opened = found.error();
    }
    EXPECT_EQ(opened.error().code, code) << to_string(opened.error());
    return opened.error().message;
  }

  void expect_damage(const std::string& sql, const std::string& part) {
    SCOPED_TRACE(sql);
    const std::string whole = read_file(path_);
    run_sql(path_, sql);
    const std::string damaged = read_file(path_);
    const std::string message = refusal();
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find("Restore a backup"), std::string::npos) << message;
    EXPECT_EQ(read_file(path_), damaged) << "a refused journal is left as it was";
    write_file(path_, whole);
  }

  // Runs the statements that the refusal offers.
  void follow_advice(const std::string& message) {
    std::smatch found;
    ASSERT_TRUE(std::regex_search(message, found, std::regex("sqlite3 '([^']*)' '([^']*)'"))) << message;
    EXPECT_EQ(found[1], path_);
    run_sql(path_, found[2]);
  }

  Folder folder_;
  const std::string path_ = folder_.file("journal.db");
};

TEST_F(DamagedJournal, IsTakenWhileWhole) {
  EXPECT_EQ(refusal(), "");
}

TEST_F(DamagedJournal, IsRefusedWithTheEventsNamed) {
  expect_damage("UPDATE log SET data = replace(data, '6', '7') WHERE first = 6",
                "the record of event 6 differs from what was written");
  expect_damage("UPDATE log SET data = replace(data, '10', '11') WHERE first = 10", "the record of event 10 differs");
  expect_damage("UPDATE log SET at_ns = at_ns + 1 WHERE first = 3", "the record of event 3 differs");
  expect_damage("UPDATE log SET epoch = epoch + 1 WHERE first = 3", "the record of event 3 differs");
  expect_damage("UPDATE log SET count = 2 WHERE first = 3", "the record of events 3 to 4 differs");
  expect_damage("UPDATE log SET checksum = checksum + 1 WHERE first = 3", "the record of event 3 differs");
  expect_damage("DELETE FROM log WHERE first = 5", "event 5 is missing");
  expect_damage("DELETE FROM log WHERE first BETWEEN 5 AND 7", "events 5 to 7 are missing");
  expect_damage("DELETE FROM log WHERE first = 1", "event 1 is missing");
  expect_damage("DELETE FROM log WHERE first = 10", "event 10 is missing");
  expect_damage("DELETE FROM log", "events 1 to 10 are missing");
}

TEST_F(DamagedJournal, IsRefusedWhenReordered) {
  expect_damage(
      "UPDATE log SET first = -3 WHERE first = 3; UPDATE log SET first = 3 WHERE first = 4; "
      "UPDATE log SET first = 4 WHERE first = -3",
      "the record of event 3 differs");
  expect_damage(
      "CREATE TEMP TABLE pair AS SELECT * FROM log WHERE first IN (6, 7); "
      "UPDATE log SET (at_ns, epoch, checksum, data) = (SELECT at_ns, epoch, checksum, data FROM pair WHERE "
      "pair.first = 13 - log.first) WHERE first IN (6, 7)",
      "the record of event 6 differs");
  expect_damage("UPDATE log SET first = -1 WHERE first = 3", "the record of event -1 stands where event 1 belongs");
}

TEST_F(DamagedJournal, IsRefusedWhenItsBoundsDisagree) {
  expect_damage("UPDATE meta SET last = 11", "event 11 is missing");
  expect_damage("UPDATE meta SET last = 9", "the end of the log is not what was written last");
  expect_damage("UPDATE meta SET last_checksum = 1", "the end of the log is not what was written last");
  expect_damage("UPDATE meta SET dropped = 2", "the record of event 1 stands where event 3 belongs");
  expect_damage("UPDATE meta SET dropped_checksum = 1", "the record of event 1 differs");
  expect_damage("UPDATE meta SET epoch = 2", "remembers only epoch 2");
  expect_damage("DELETE FROM meta", "its table meta is empty");
  expect_damage(
      "DELETE FROM log WHERE first > 6; UPDATE meta SET last = 6, last_checksum = (SELECT checksum FROM log "
      "WHERE first = 6)",
      "a snapshot of event 8 but the log ends at event 6");
}

TEST_F(DamagedJournal, IsRefusedWhenAPageIsNotSound) {
  // In an index of the archive, which no start would read.
  const std::size_t page = std::stoul(query(path_,
                                            "SELECT rootpage FROM sqlite_schema WHERE name = "
                                            "'workloads_by_name'")[0]);
  std::string bytes = read_file(path_);
  bytes[(page - 1) * 4096 + 8] = 0x7f;  // where its first entry stands
  write_file(path_, bytes);
  const std::string message = refusal();
  EXPECT_NE(message.find("out of range"), std::string::npos) << message;
  EXPECT_EQ(read_file(path_), bytes);
}

TEST_F(DamagedJournal, GoesOnWithoutLossFromASnapshotBehindTheDamage) {
  run_sql(path_, "UPDATE log SET data = 'x' WHERE first IN (2, 6)");
  const std::string message = refusal();
  EXPECT_NE(message.find("with no loss of state"), std::string::npos) << message;
  follow_advice(message);
  auto journal = SqliteJournal::open(path_);
  ASSERT_TRUE(journal.ok());
  const auto found = (*journal)->recover();
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->snapshot, snapshot_at(8));
  EXPECT_EQ(found->last, 10u);
  EXPECT_EQ((*journal)->first_kept(), 7u);
  EXPECT_EQ(records_after(**journal, 8), (std::vector<LogRecord>{record_at(9), record_at(10, 1, 3)}));
  EXPECT_TRUE((*journal)->commit(batch_at(11, 3)).ok());
}

TEST_F(DamagedJournal, KeepsWhatPrecedesTheDamage) {
  run_sql(path_, "UPDATE log SET data = 'x' WHERE first = 10");
  const std::string message = refusal();
  EXPECT_NE(message.find("keep what was before event 10 and lose event 10"), std::string::npos) << message;
  follow_advice(message);
  auto journal = SqliteJournal::open(path_);
  ASSERT_TRUE(journal.ok());
  const auto found = (*journal)->recover();
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->snapshot, snapshot_at(8));
  EXPECT_EQ(found->last, 9u);
  EXPECT_EQ(found->epoch, 3u) << "a leader that was fenced stays fenced";
  EXPECT_EQ((*journal)->commit(batch_at(10, 2)).error().code, Code::kConflict);
  EXPECT_TRUE((*journal)->commit(batch_at(10, 3)).ok());
}

TEST_F(DamagedJournal, KeepsWhatPrecedesAGapAlsoWithoutSnapshots) {
  for (const Position missing : {1, 5, 10}) {
    SCOPED_TRACE(missing);
    const std::string whole = read_file(path_);
    run_sql(path_, fmt::format("DELETE FROM snapshots; DELETE FROM log WHERE first = {}", missing));
    follow_advice(refusal());
    auto journal = recovered(path_);
    ASSERT_TRUE(journal);
    EXPECT_EQ(records_after(*journal, 0).size(), missing - 1);
    EXPECT_TRUE(journal->commit(batch_at(missing, 3)).ok());
    journal.reset();
    write_file(path_, whole);
  }
}

TEST_F(DamagedJournal, RemembersTheEpochAgainOnAdvice) {
  run_sql(path_, "UPDATE meta SET epoch = 1");
  follow_advice(refusal());
  auto journal = recovered(path_);
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->commit(batch_at(11, 2)).error().code, Code::kConflict);
}

TEST_F(DamagedJournal, OffersNothingThatCannotWork) {
  // The log begins at 5, only the snapshot of 8 is intact, and both 6 and the end are damaged.
  auto journal = recovered(path_);
  ASSERT_TRUE(journal->save_snapshot(snapshot_at(8), 100).ok());
  EXPECT_EQ(journal->first_kept(), 5u);
  journal.reset();
  run_sql(path_, "UPDATE snapshots SET data = 'x' WHERE position = 4; DELETE FROM log WHERE first IN (6, 10)");
  const std::string message = refusal();
  EXPECT_NE(message.find("event 6 is missing"), std::string::npos) << message;
  EXPECT_EQ(message.find("sqlite3"), std::string::npos) << message;
}

TEST_F(DamagedJournal, FallsBackToTheOlderSnapshot) {
  for (const char* change : {"data = data || ' '", "state_hash = state_hash + 1", "at_ns = at_ns + 1"}) {
    SCOPED_TRACE(change);
    const std::string whole = read_file(path_);
    run_sql(path_, fmt::format("UPDATE snapshots SET {} WHERE position = 8", change));
    auto journal = SqliteJournal::open(path_);
    ASSERT_TRUE(journal.ok());
    auto found = (*journal)->recover();
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    EXPECT_EQ(found->snapshot, snapshot_at(4));
    EXPECT_EQ(found->last, 10u);
    EXPECT_EQ(found->notice, "the snapshot of event 8 is damaged and passed over");
    EXPECT_EQ(records_after(**journal, 4).size(), 6u);
    // The next good one takes its place.
    ASSERT_TRUE((*journal)->save_snapshot(snapshot_at(10), 0).ok());
    found = (*journal)->recover();
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->snapshot, snapshot_at(10));
    EXPECT_EQ(found->notice, "");
    (*journal).reset();
    EXPECT_EQ(query(path_, "SELECT position FROM snapshots"), (std::vector<std::string>{"4", "10"}));
    write_file(path_, whole);
  }
}

TEST_F(DamagedJournal, BeginsWithTheWholeLogWhereNoSnapshotIsIntact) {
  run_sql(path_, "UPDATE snapshots SET data = 'x'");
  auto journal = SqliteJournal::open(path_);
  ASSERT_TRUE(journal.ok());
  const auto found = (*journal)->recover();
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->snapshot, std::nullopt);
  EXPECT_EQ(records_after(**journal, 0).size(), 10u);
}

TEST_F(DamagedJournal, IsRefusedWhenNothingReachesBackToTheSnapshot) {
  auto journal = recovered(path_);
  ASSERT_TRUE(journal->save_snapshot(snapshot_at(8), 100).ok());
  journal.reset();
  expect_damage("UPDATE snapshots SET data = 'x'",
                "events up to 4 were dropped and no intact snapshot covers them (the snapshot of event 4 is damaged");
  expect_damage("DELETE FROM snapshots", "no intact snapshot covers them (none is there)");
}

TEST_F(DamagedJournal, NoticesDamageWhileInUse) {
  auto journal = recovered(path_);
  // More than SQLite caches, so that the first pages are read again.
  CommitBatch batch;
  for (Position at = 11; at <= 4000; ++at) {
    batch.records.push_back(record_at(at, 1, 3));
    batch.records.back().data.resize(2000, ' ');
  }
  ASSERT_TRUE(journal->commit(batch).ok());
  ASSERT_TRUE(journal->recover().ok());
  // Another process cannot write here, but a disk can.
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  const std::size_t at = read_file(path_).find("{\"event\":6}");
  ASSERT_NE(at, std::string::npos);
  file.seekp(static_cast<std::streamoff>(at) + 9);
  file.put('5');
  file.flush();
  Position seen = 0;
  const Status done = journal->replay(3, [&](const LogRecord& record) {
    seen = record.last();
    return ok_status();
  });
  ASSERT_FALSE(done.ok()) << "a changed event was given as if it were whole";
  EXPECT_EQ(done.error().code, Code::kInternal);
  EXPECT_NE(done.error().message.find("event 6 is not as it was"), std::string::npos) << done.error().message;
  EXPECT_EQ(seen, 5u);
}

// Bit rot anywhere in the file: refused, or what is given is what was written.
TEST_F(DamagedJournal, NeverGivesWhatWasNotWritten) {
  const std::string whole = read_file(path_);
  std::vector<LogRecord> written;
  for (Position at = 1; at <= 9; ++at) written.push_back(record_at(at));
  written.push_back(record_at(10, 1, 3));
  int refused = 0;
  int taken = 0;
  for (std::size_t at = 0; at < whole.size(); at += at < 4096 ? 13 : 61) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    write_file(path_, bytes);
    auto opened = SqliteJournal::open(path_);
    const auto found = opened.ok() ? (*opened)->recover() : Result<Recovered>(opened.error());
    if (!found.ok()) {
      EXPECT_EQ(read_file(path_), bytes) << "byte " << at << ": " << to_string(found.error());
      ++refused;
    } else {
      ASSERT_EQ(found->last, 10u) << at;
      ASSERT_GE(found->epoch, 3u) << at;
      ASSERT_TRUE(found->snapshot == snapshot_at(8) || (found->snapshot == snapshot_at(4) && !found->notice.empty()))
          << at;
      ASSERT_EQ(records_after(**opened, 0), written) << at;
      ++taken;
    }
    if (opened.ok()) (*opened).reset();
    std::filesystem::remove(path_ + "-wal");
    std::filesystem::remove(path_ + "-journal");
  }
  EXPECT_GT(refused, 20);
  EXPECT_GT(taken, 20);
}

// The write-ahead file of a journal that was killed after `commits` commits.
class KilledJournal : public testing::Test {
 protected:
  static constexpr Position kCommits = 6;

  void SetUp() override {
    auto journal = recovered(folder_.file("live.db"));
    commit_through(*journal, 1, kCommits);
    base_ = read_file(folder_.file("live.db"));
    wal_ = read_file(folder_.file("live.db-wal"));
    frames_ = (wal_.size() - 32) / kFrame;
    ASSERT_GE(frames_, 2 * kCommits);
  }

  // Puts the files as the kill left them, but for the write-ahead file.
  Result<Recovered> recover_with(const std::string& wal) {
    journal_.reset();
    write_file(path_, base_);
    write_file(path_ + "-wal", wal);
    return recover_again();
  }

  Result<Recovered> recover_again() {
    journal_.reset();
    auto opened = SqliteJournal::open(path_);
    if (!opened.ok()) return opened.error();
    journal_ = std::move(*opened);
    return journal_->recover();
  }

  static constexpr std::size_t kFrame = 24 + 4096;
  Folder folder_;
  const std::string path_ = folder_.file("journal.db");
  std::string base_;
  std::string wal_;
  std::size_t frames_ = 0;
  std::unique_ptr<Journal> journal_;
};

TEST_F(KilledJournal, KeepsEveryCommit) {
  const auto found = recover_with(wal_);
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->last, kCommits);
  EXPECT_EQ(found->notice, "");
}

TEST_F(KilledJournal, DropsATornTailBackToACommit) {
  Position most = 0;
  for (std::size_t size = 0; size < wal_.size(); size += 509) {
    SCOPED_TRACE(size);
    const auto found = recover_with(wal_.substr(0, size));
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    EXPECT_GE(found->last, most);
    most = found->last;
    EXPECT_LT(most, kCommits);
    EXPECT_EQ(records_after(*journal_, 0).size(), most);
    const std::size_t whole_frames = size < 32 ? 0 : (size - 32) / kFrame;
    if (size > 32 && (size - 32) % kFrame != 0) {
      EXPECT_NE(found->notice.find("cut off"), std::string::npos) << whole_frames;
    }
    commit_through(*journal_, most + 1, most + 2);
    EXPECT_EQ(recover_again()->last, most + 2);
  }
  EXPECT_EQ(most, kCommits - 1);
}

TEST_F(KilledJournal, DropsALastCommitThatWasHalfWritten) {
  std::string torn = wal_;
  torn[torn.size() - 100] = static_cast<char>(torn[torn.size() - 100] ^ 1);
  const auto found = recover_with(torn);
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->last, kCommits - 1);
  EXPECT_NE(found->notice.find("cut off"), std::string::npos) << found->notice;
}

// SQLite alone would take the first two for a torn tail and lose commits that were acknowledged.
TEST_F(KilledJournal, IsRefusedWhenDurableCommitsFollowTheDamage) {
  for (std::size_t frame = 0; frame < 2 * (kCommits - 1); ++frame) {
    for (const std::size_t offset : {9u, 17u, 24u + 1000u}) {
      SCOPED_TRACE(fmt::format("frame {} offset {}", frame + 1, offset));
      std::string damaged = wal_;
      char& byte = damaged[32 + frame * kFrame + offset];
      byte = static_cast<char>(byte ^ 4);
      const auto found = recover_with(damaged);
      ASSERT_FALSE(found.ok()) << "recovered to " << found->last;
      EXPECT_EQ(found.error().code, Code::kInternal);
      EXPECT_NE(found.error().message.find("durable commits follow it"), std::string::npos) << found.error().message;
      EXPECT_EQ(read_file(path_ + "-wal"), damaged);
      EXPECT_EQ(read_file(path_), base_);

      std::smatch advice;
      const std::string message = found.error().message;
      ASSERT_TRUE(std::regex_search(message, advice, std::regex("truncate -s ([0-9]+) '([^']*)'"))) << message;
      EXPECT_EQ(advice[2], path_ + "-wal");
      std::filesystem::resize_file(std::string(advice[2]), std::stoul(advice[1]));
      const auto kept = recover_again();
      ASSERT_TRUE(kept.ok()) << to_string(kept.error());
      EXPECT_EQ(kept->last, frame / 2);
      EXPECT_EQ(records_after(*journal_, 0).size(), kept->last);
    }
  }
}

TEST_F(KilledJournal, IsRefusedWhenTheHeadOfTheWriteAheadFileIsDamaged) {
  for (const std::size_t offset : {0u, 9u, 17u, 25u}) {
    std::string damaged = wal_;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 4);
    const auto found = recover_with(damaged);
    ASSERT_FALSE(found.ok()) << "byte " << offset << ": recovered to " << found->last;
    EXPECT_NE(found.error().message.find("the header of its write-ahead file"), std::string::npos)
        << found.error().message;
    EXPECT_EQ(read_file(path_ + "-wal"), damaged);
  }
}

TEST_F(KilledJournal, TakesATornHeadOfAWriteAheadFileThatWasToBeUsedAnew) {
  // The fold-in is complete right after the commit that reaches the limit; only then is the header written anew.
  auto live = SqliteJournal::open(folder_.file("folded.db"), {.checkpoint_pages = 2});
  ASSERT_TRUE(live.ok() && (*live)->recover().ok());
  commit_through(**live, 1, 3);
  base_ = read_file(folder_.file("folded.db"));
  std::string torn = read_file(folder_.file("folded.db-wal"));
  OtherProcess other(path_);
  torn[15] = static_cast<char>(torn[15] + 1);  // the count of fold-ins, which comes before the salt
  const auto found = recover_with(torn);
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->last, 3u);
  EXPECT_FALSE(other.can_open()) << "looking at the files must not give up the lock";
}

TEST_F(KilledJournal, TakesAWriteAheadFileThatWasUsedBefore) {
  // After a fold-in the file is written anew from its start and frames of the time before stay behind.
  auto live = SqliteJournal::open(folder_.file("again.db"), {.checkpoint_pages = 30});
  ASSERT_TRUE(live.ok() && (*live)->recover().ok());
  for (Position at = 1; at <= 40; ++at) {
    commit_through(**live, at, at);
    base_ = read_file(folder_.file("again.db"));
    const auto found = recover_with(read_file(folder_.file("again.db-wal")));
    ASSERT_TRUE(found.ok()) << at << ": " << to_string(found.error());
    ASSERT_EQ(found->last, at);
    ASSERT_EQ(found->notice, "");
  }
}

}  // namespace
}  // namespace penstock
