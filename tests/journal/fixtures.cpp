// Helpers of the journal's tests.
#include "fixtures.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/sqlite/sqlite_journal.h"

namespace penstock {

Folder::Folder() {
  // In memory where that is offered: what tests of durability need to know of a disk, FaultVfs knows.
  const std::filesystem::path memory = "/dev/shm";
  const bool usable = access(memory.c_str(), W_OK) == 0;
  std::string pattern = (usable ? memory : std::filesystem::temp_directory_path()) / "penstock-journal-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

LogRecord record_at(Position first, std::uint32_t count, Epoch epoch) {
  LogRecord record;
  record.first = first;
  record.count = count;
  record.at = Time{static_cast<std::int64_t>(first) * 1'000'000'007};
  record.epoch = epoch;
  for (std::uint32_t i = 0; i < count; ++i) record.data += fmt::format("{{\"event\":{}}}\n", first + i);
  return record;
}

CommitBatch batch_at(Position first, Epoch epoch) {
  return {{record_at(first, 1, epoch)}, {}, {}};
}

Snapshot snapshot_at(Position position) {
  Snapshot snapshot;
  snapshot.position = position;
  snapshot.at = Time{static_cast<std::int64_t>(position) * 1'000'000'009};
  snapshot.state_hash = 0x9e3779b97f4a7c15 * (position + 1);
  snapshot.data = fmt::format("{{\"after\":{}}}", position);
  return snapshot;
}

ArchivedWorkload workload(std::uint64_t uid, const std::string& name, const std::string& tenant) {
  ArchivedWorkload w;
  w.uid = Uid{uid};
  w.name = name;
  w.tenant = tenant;
  w.project = tenant + "/llm";
  w.contract = "reserved-1";
  w.phase = "succeeded";
  w.reason = "Completed";
  w.submitter = "user:ada";
  w.submitted = Time{1'780'000'000'000'000'000};
  w.started = Time{1'780'000'060'500'000'000};
  w.ended = Time{1'780'003'660'000'000'000};
  w.attempts = 1;
  w.gpus = MilliGpu(8'000);
  w.gpu_time = GpuMicros(8 * 3'600'000'000LL);
  w.energy = Joules(7'200'000);
  w.energy_source = "measured";
  w.cost = Money{19'920'000, "USD"};
  w.document = fmt::format("{{\"name\":\"{}\",\"uid\":{}}}", name, uid);
  return w;
}

AuditRow audit_row(Position position, const std::string& tenant, const std::string& who, const std::string& operation) {
  return {position, Time{static_cast<std::int64_t>(position)}, tenant, who, operation, fmt::format("{{\"position\":{}}}", position)};
}

std::vector<LogRecord> records_after(Journal& journal, Position after) {
  std::vector<LogRecord> records;
  const Status done = journal.replay(after, [&](const LogRecord& record) {
    records.push_back(record);
    return ok_status();
  });
  EXPECT_TRUE(done.ok()) << to_string(done.error());
  return records;
}

void commit_through(Journal& journal, Position first, Position last) {
  for (Position at = first; at <= last; ++at) {
    const Status done = journal.commit(batch_at(at));
    ASSERT_TRUE(done.ok()) << to_string(done.error());
  }
}

std::unique_ptr<Journal> recovered(const std::string& path) {
  auto journal = SqliteJournal::open(path);
  EXPECT_TRUE(journal.ok()) << to_string(journal.error());
  if (!journal.ok()) return nullptr;
  const auto found = (*journal)->recover();
  EXPECT_TRUE(found.ok()) << to_string(found.error());
  return found.ok() ? std::move(*journal) : nullptr;
}

OtherProcess::OtherProcess(const std::string& path) {
  PENSTOCK_CHECK(pipe(go_) == 0);
  child_ = fork();
  PENSTOCK_CHECK(child_ >= 0);
  if (child_ == 0) {
    char go = 0;
    _exit(read(go_[0], &go, 1) == 1 && SqliteJournal::open(path).ok() ? 0 : 1);
  }
}

bool OtherProcess::can_open() {
  EXPECT_EQ(write(go_[1], "!", 1), 1);
  int status = 0;
  EXPECT_EQ(waitpid(child_, &status, 0), child_);
  close(go_[0]);
  close(go_[1]);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == 0;
}

std::vector<std::string> query(const std::string& path, const std::string& sql) {
  std::vector<std::string> rows;
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
  const auto collect = [](void* into, int columns, char** values, char**) {
    std::string row;
    for (int i = 0; i < columns; ++i) row += (i == 0 ? "" : "|") + std::string(values[i] == nullptr ? "" : values[i]);
    static_cast<std::vector<std::string>*>(into)->push_back(row);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), collect, &rows, nullptr), SQLITE_OK) << sqlite3_errmsg(connection);
  EXPECT_EQ(sqlite3_close(connection), SQLITE_OK);
  return rows;
}

void run_sql(const std::string& path, const std::string& sql) {
  query(path, sql);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace penstock
