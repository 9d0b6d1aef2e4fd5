// Processes killed at any moment: whatever they acknowledged is there afterwards, once.
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {
namespace {

// Commits without end, with a snapshot now and then, and writes each acknowledged position to `acks`.
[[noreturn]] void commit_for_ever(const std::string& path, int acks, unsigned seed) {
  std::mt19937 random(seed);
  auto journal = SqliteJournal::open(path, {.checkpoint_pages = seed % 2 == 0 ? 10 : 1000});
  if (!journal.ok()) _exit(2);
  const auto found = (*journal)->recover();
  if (!found.ok()) _exit(3);
  for (Position next = found->last + 1;;) {
    CommitBatch batch;
    for (std::uint32_t n = 1 + random() % 3; n > 0; --n) {
      batch.records.push_back(record_at(next, 1 + random() % 3));
      next = batch.records.back().last() + 1;
    }
    batch.archived.push_back(workload(next - 1));
    if (!(*journal)->commit(batch).ok()) _exit(4);
    const Position acknowledged = next - 1;
    if (write(acks, &acknowledged, sizeof acknowledged) != sizeof acknowledged) _exit(5);
    if (random() % 40 == 0 && !(*journal)->save_snapshot(snapshot_at(next - 1), next - 20).ok()) _exit(6);
  }
}

TEST(Crash, LosesNothingAcknowledged) {
  Folder folder;
  const std::string path = folder.file("journal.db");
  Position last = 0;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    int acks[2];
    ASSERT_EQ(pipe(acks), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(acks[0]);
      commit_for_ever(path, acks[1], seed);
    }
    close(acks[1]);
    // A full pipe would hold the child back, so it is drained until the moment has come.
    // Every other time the moment counts from the first acknowledgement, however slow the start was.
    std::mt19937 random(seed);
    Position acknowledged = 0;
    if (seed % 2 == 0) {
      ASSERT_EQ(read(acks[0], &acknowledged, sizeof acknowledged), static_cast<ssize_t>(sizeof acknowledged));
    }
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 40'000));
      kill(child, SIGKILL);
    });
    for (Position position = 0; read(acks[0], &position, sizeof position) == sizeof position;) acknowledged = position;
    killer.join();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    close(acks[0]);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up by itself: " << WEXITSTATUS(status);

    auto journal = SqliteJournal::open(path);
    ASSERT_TRUE(journal.ok()) << to_string(journal.error());
    const auto found = (*journal)->recover();
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    ASSERT_GE(found->last, std::max(acknowledged, last));
    last = found->last;
    Position next = (*journal)->first_kept();
    for (const LogRecord& record : records_after(**journal, next - 1)) {
      ASSERT_EQ(record, record_at(next, record.count));
      next = record.last() + 1;
    }
    ASSERT_EQ(next, last + 1);
    ASSERT_TRUE(last == 0 || (*journal)->archived_by_uid(Uid{last}).ok()) << "the archive is part of the commit";
  }
  EXPECT_GT(last, 100u);
}

}  // namespace
}  // namespace penstock
