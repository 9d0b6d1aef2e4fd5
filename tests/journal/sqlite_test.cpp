// The file itself: who may read and hold it, what is refused, what people can ask it with SQL.
#include <fmt/format.h>
#include <sys/stat.h>

#include "fixtures.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {
namespace {

class SqliteFile : public testing::Test {
 protected:
  static std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  }

  void expect_refused(Code code, const std::string& part) {
    const auto opened = SqliteJournal::open(path_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, code) << to_string(opened.error());
    EXPECT_NE(opened.error().message.find(part), std::string::npos) << opened.error().message;
  }

  Folder folder_;
  const std::string path_ = folder_.file("journal.db");
};

TEST_F(SqliteFile, IsForItsOwnerOnly) {
  const mode_t before = umask(0);
  auto journal = recovered(path_);
  commit_through(*journal, 1, 2);
  umask(before);
  for (const std::string& file : {path_, path_ + "-wal"}) {
    struct stat status {};
    ASSERT_EQ(stat(file.c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(SqliteFile, IsOneFileAfterACleanEnd) {
  auto journal = recovered(path_);
  commit_through(*journal, 1, 20);
  journal.reset();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) files += entry.is_regular_file();
  EXPECT_EQ(files, 1);
  EXPECT_EQ(records_after(*recovered(path_), 0).size(), 20u);
}

TEST_F(SqliteFile, HasOneHolder) {
  OtherProcess other(path_);
  OtherProcess later(path_);
  auto journal = recovered(path_);
  commit_through(*journal, 1, 1);
  expect_refused(Code::kUnavailable, "another Penstock server holds");
  EXPECT_FALSE(other.can_open()) << "nor may the refusal above have loosened the lock";
  commit_through(*journal, 2, 2);
  journal.reset();
  EXPECT_TRUE(later.can_open());
  EXPECT_EQ(records_after(*recovered(path_), 0).size(), 2u);
}

TEST_F(SqliteFile, RefusesWhatItDoesNotKnow) {
  run_sql(path_, "CREATE TABLE cats (name TEXT)");
  expect_refused(Code::kFailedPrecondition, "a database of another program");
  EXPECT_EQ(query(path_, "SELECT count(*) FROM sqlite_schema"), std::vector<std::string>{"1"});
  write_file(path_, std::string(10'000, 'x'));
  expect_refused(Code::kInternal, "no journal");
  EXPECT_EQ(read_file(path_), std::string(10'000, 'x'));
}

TEST_F(SqliteFile, RefusesANewerFormat) {
  commit_through(*recovered(path_), 1, 1);
  run_sql(path_, "PRAGMA user_version = 3");
  const std::string before = read_file(path_);
  expect_refused(Code::kUnsupported, "has journal format 3 and this Penstock knows format 2: start the version");
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(SqliteFile, TakesOverTheFormatBefore) {
  commit_through(*recovered(path_), 1, 3);
  run_sql(path_, "DROP TABLE audit; DROP TABLE filed; PRAGMA user_version = 1");
  auto journal = recovered(path_);
  EXPECT_EQ(records_after(*journal, 0).size(), 3u);
  CommitBatch batch = batch_at(4, 1);
  batch.audited.push_back(audit_row(4));
  ASSERT_TRUE(journal->commit(batch).ok());
  journal.reset();
  EXPECT_EQ(query(path_, "PRAGMA user_version"), std::vector<std::string>{"2"});
  EXPECT_EQ(recovered(path_)->audit_list({.most = 10})->size(), 1u);
}

TEST_F(SqliteFile, SaysWhyItCannotBeOpened) {
  const auto nowhere = SqliteJournal::open(folder_.file("missing/journal.db"));
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code, Code::kUnavailable);
  EXPECT_NE(nowhere.error().message.find("No such file or directory"), std::string::npos) << nowhere.error().message;
  EXPECT_EQ(SqliteJournal::open(path_, {.snapshots_kept = 1}).error().code, Code::kInvalid);
  EXPECT_EQ(SqliteJournal::open(path_, {.checkpoint_pages = 0}).error().code, Code::kInvalid);
}

TEST_F(SqliteFile, AnEmptyFileIsAnEmptyJournal) {
  write_file(path_, "");
  auto journal = recovered(path_);
  commit_through(*journal, 1, 1);
}

TEST_F(SqliteFile, ReopensWithoutLeaks) {
  auto journal = recovered(path_);
  commit_through(*journal, 1, 1);
  // SQLite keeps one descriptor of those that were refused in this process, until the lock is given up.
  expect_refused(Code::kUnavailable, "another Penstock server holds");
  const std::ptrdiff_t before = open_descriptors();
  for (Position at = 2; at <= 40; ++at) {
    ASSERT_TRUE(journal->recover().ok());
    commit_through(*journal, at, at);
    expect_refused(Code::kUnavailable, "another Penstock server holds");
  }
  EXPECT_EQ(open_descriptors(), before);
  journal.reset();
  EXPECT_LT(open_descriptors(), before);
}

TEST_F(SqliteFile, KeepsAsManySnapshotsAsAsked) {
  auto journal = SqliteJournal::open(path_, {.snapshots_kept = 3});
  ASSERT_TRUE(journal.ok() && (*journal)->recover().ok());
  commit_through(**journal, 1, 50);
  for (Position at = 10; at <= 50; at += 10) ASSERT_TRUE((*journal)->save_snapshot(snapshot_at(at), 50).ok());
  EXPECT_EQ((*journal)->first_kept(), 31u);
  (*journal).reset();
  EXPECT_EQ(query(path_, "SELECT position FROM snapshots"), (std::vector<std::string>{"30", "40", "50"}));
  EXPECT_EQ(query(path_, "SELECT min(first), count(*) FROM log"), std::vector<std::string>{"31|20"});
}

TEST_F(SqliteFile, FoldsTheWriteAheadFileInAsItGrows) {
  auto journal = SqliteJournal::open(path_, {.checkpoint_pages = 20});
  ASSERT_TRUE(journal.ok() && (*journal)->recover().ok());
  commit_through(**journal, 1, 500);
  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), 40u * 4200u);
  EXPECT_GT(std::filesystem::file_size(path_), 20'000u);
}

TEST_F(SqliteFile, AnswersPeopleInSql) {
  auto journal = recovered(path_);
  ArchivedWorkload whole_second = workload(1, "acme/llm/a");
  whole_second.ended = Time{1'780'003'660'000'000'000};
  ArchivedWorkload half_later = workload(2, "acme/llm/b");
  half_later.ended = Time{1'780'003'660'500'000'000};
  half_later.started.reset();
  ASSERT_TRUE(journal->commit({{record_at(1)}, {half_later, whole_second}}).ok());
  journal.reset();
  using Rows = std::vector<std::string>;
  EXPECT_EQ(query(path_, "SELECT name FROM workloads ORDER BY ended"), (Rows{"acme/llm/a", "acme/llm/b"}));
  EXPECT_EQ(query(path_,
                  "SELECT uid, started, ended, gpus_milli, gpu_microseconds, energy_joules, cost_micros, "
                  "currency FROM workloads WHERE name = 'acme/llm/a'"),
            Rows{"0000000000000001|2026-05-28T20:27:40.500000000Z|2026-05-28T21:27:40.000000000Z|8000|28800000000|"
                 "7200000|19920000|USD"});
  EXPECT_EQ(
      query(path_, "SELECT started, ended, gpus, gpu_hours, energy_kwh, cost FROM finished ORDER BY uid"),
      (Rows{"2026-05-28T20:27:40Z|2026-05-28T21:27:40Z|8.0|8.0|2.0|19.92", "|2026-05-28T21:27:40Z|8.0|8.0|2.0|19.92"}));
  EXPECT_EQ(query(path_,
                  "SELECT project, currency, sum(gpu_hours), sum(cost) FROM finished WHERE tenant = 'acme' AND "
                  "ended >= '2026-05-01' AND ended < '2026-06-01' GROUP BY project, currency"),
            Rows{"acme/llm|USD|16.0|39.84"});
  EXPECT_EQ(query(path_, "SELECT json_extract(document, '$.name') FROM workloads WHERE uid = '0000000000000002'"),
            Rows{"acme/llm/b"});
  EXPECT_EQ(query(path_, "SELECT data FROM log WHERE first <= 1 AND first + count > 1"), Rows{"{\"event\":1}\n"});
}

}  // namespace
}  // namespace penstock
