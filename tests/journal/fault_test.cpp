// Disks that fail at every possible moment: each commit is refused or durable, never half, never forgotten.
#include <set>

#include <fmt/format.h>

#include "fault_vfs.h"
#include "fixtures.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {
namespace {

// A small life of a journal: commits of several records with archived workloads, snapshots, restarts. It keeps what
// was acknowledged and what was tried, and holds the journal to both.
class Life {
 public:
  Life(std::string path, FaultVfs& vfs) : path_(std::move(path)), vfs_(vfs) {}

  /// Lives to the end; when something fails, heals the disk, recovers and goes on.
  void live_through() {
    while (!ended_) {
      if (step()) {
        if (failures_ > 0 && ++steps_since_ <= 4) check_power_cut(0);
        continue;
      }
      ASSERT_EQ(failure_.code, Code::kUnavailable) << to_string(failure_);
      if (journal_) {
        // No write may pass before it is known what the disk holds.
        const Status early = journal_->commit(batch_at(acked_ + 1));
        ASSERT_FALSE(early.ok());
        ASSERT_EQ(early.error().code, Code::kUnavailable);
        // Often in vain while the disk is what it is.
        const auto found = journal_->recover();
        ASSERT_TRUE(found.ok() || found.error().code == Code::kUnavailable) << to_string(found.error());
      }
      vfs_.heal();
      ++failures_;
      ASSERT_LT(failures_, 5);
    }
  }

  /// Lives until the first failure, as a process that ends with its machine.
  void live_until_failure() {
    while (!ended_ && step()) {
    }
    journal_.reset();
  }

  /// Holds that a power cut now would lose nothing.
  void check_power_cut(unsigned seed) const {
    SCOPED_TRACE(fmt::format("power cut {} in step {}", seed, steps_));
    Folder after;
    for (const auto& [path, bytes] : vfs_.power_cut(seed)) {
      write_file(after.file(std::filesystem::path(path).filename().string()), bytes);
    }
    auto journal = SqliteJournal::open(after.file("journal.db"));
    ASSERT_TRUE(journal.ok()) << to_string(journal.error());
    const auto found = (*journal)->recover();
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    check(**journal, *found);
  }

  int failures() const { return failures_; }
  Position acked() const { return acked_; }

  /// Holds that everything acknowledged is in `journal`, once and in order, and nothing that was never tried.
  void check(Journal& journal, const Recovered& found) const {
    ASSERT_GE(found.last, acked_) << "an acknowledged commit is lost";
    ASSERT_LE(found.last, std::max(acked_, tried_));
    ASSERT_TRUE(found.last == acked_ || found.last == tried_) << "half a commit";
    ASSERT_TRUE(!found.snapshot || found.snapshot == snapshot_at(found.snapshot->position));
    ASSERT_GE(found.snapshot ? found.snapshot->position : 0, snapshot_);
    Position next = journal.first_kept();
    for (const LogRecord& record : records_after(journal, next - 1)) {
      ASSERT_EQ(record, record_at(next, record.count));
      next = record.last() + 1;
    }
    ASSERT_EQ(next, found.last + 1);
    const auto archived = journal.archived_list("", Uid{}, 1000);
    ASSERT_TRUE(archived.ok());
    std::set<std::string> documents(archived->begin(), archived->end());
    for (Position at = 1; at <= found.last; ++at) {
      ASSERT_EQ(documents.count(workload(at).document), 1u) << at;
    }
    ASSERT_EQ(documents.size(), found.last) << "a workload was archived without its events";
  }

 private:
  static constexpr int kSteps = 10;
  static constexpr int kRestart = 5;

  // One step; false if it failed, and then it is to be tried again.
  bool step() {
    if (!ready_) return start();
    if (steps_ == kSteps || steps_ == kRestart) {
      ended_ = steps_++ == kSteps;
      journal_.reset();
      ready_ = false;
      return true;
    }
    const Status done = steps_ % 5 == 3 ? snapshot() : commit();
    if (done.ok()) {
      ++steps_;
      return true;
    }
    failure_ = done.error();
    ready_ = false;
    return false;
  }

  bool start() {
    if (!journal_) {
      auto opened = SqliteJournal::open(path_, {.vfs = vfs_.name(), .checkpoint_pages = 12});
      if (!opened.ok()) {
        failure_ = opened.error();
        return false;
      }
      journal_ = std::move(*opened);
    }
    const auto found = journal_->recover();
    if (!found.ok()) {
      failure_ = found.error();
      return false;
    }
    check(*journal_, *found);
    acked_ = tried_ = found->last;
    ready_ = true;
    return true;
  }

  Status commit() {
    CommitBatch batch;
    tried_ = acked_;
    for (int i = 0; i <= steps_ % 3; ++i) {
      batch.records.push_back(record_at(tried_ + 1, 2));
      for (; tried_ < batch.records.back().last(); ++tried_) batch.archived.push_back(workload(tried_ + 1));
    }
    const Status done = journal_->commit(batch);
    if (done.ok()) acked_ = tried_;
    return done;
  }

  Status snapshot() {
    const Status done = journal_->save_snapshot(snapshot_at(acked_), acked_ - 1);
    if (done.ok()) snapshot_ = acked_;
    return done;
  }

  const std::string path_;
  FaultVfs& vfs_;
  std::unique_ptr<Journal> journal_;
  Error failure_;
  bool ready_ = false;
  bool ended_ = false;
  int steps_ = 0;
  int failures_ = 0;
  int steps_since_ = 0;
  Position acked_ = 0;
  Position tried_ = 0;
  Position snapshot_ = 0;
};

// How many operations the whole life takes when nothing fails.
int operations_of_a_life() {
  Folder folder;
  FaultVfs vfs;
  Life life(folder.file("journal.db"), vfs);
  life.live_through();
  EXPECT_EQ(life.failures(), 0);
  EXPECT_GT(life.acked(), 20u);
  return vfs.operations();
}

struct Plan {
  std::string name;
  Fault fault;
  bool lasting;
};
class FaultSweep : public testing::TestWithParam<Plan> {};

INSTANTIATE_TEST_SUITE_P(Faults, FaultSweep,
                         testing::Values(Plan{"FullLasting", Fault::kFull, true},
                                         Plan{"ShortOnce", Fault::kShort, false},
                                         Plan{"ShortLasting", Fault::kShort, true},
                                         Plan{"ErrorOnce", Fault::kError, false},
                                         Plan{"ErrorLasting", Fault::kError, true}),
                         [](const auto& plan) { return plan.param.name; });

TEST_P(FaultSweep, EveryCommitIsRefusedOrDurable) {
  const auto& [name, fault, lasting] = GetParam();
  const int operations = operations_of_a_life();
  ASSERT_GT(operations, 100);
  int noticed = 0;
  for (int at = 1; at <= operations; ++at) {
    SCOPED_TRACE(fmt::format("operation {} of {}", at, operations));
    Folder folder;
    FaultVfs vfs;
    vfs.fail_at(at, fault, lasting);
    Life life(folder.file("journal.db"), vfs);
    life.live_through();
    if (HasFatalFailure()) return;
    noticed += life.failures() > 0;
    vfs.heal();
    auto journal = SqliteJournal::open(folder.file("journal.db"));
    ASSERT_TRUE(journal.ok()) << to_string(journal.error());
    const auto found = (*journal)->recover();
    ASSERT_TRUE(found.ok()) << to_string(found.error());
    life.check(**journal, *found);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(noticed, operations / 2);
}

// Power cuts keep only what was synced, and any part of the rest.
TEST(PowerCut, KeepsEveryAcknowledgedCommit) {
  const int operations = operations_of_a_life();
  for (int at = 1; at <= operations; ++at) {
    Folder folder;
    FaultVfs vfs;
    vfs.fail_at(at, Fault::kError, true);
    Life life(folder.file("journal.db"), vfs);
    life.live_until_failure();
    if (testing::Test::HasFatalFailure()) return;
    for (unsigned seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(fmt::format("operation {} of {}", at, operations));
      life.check_power_cut(seed);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(DiskFull, RefusesThenResumesWhenThereIsSpace) {
  Folder folder;
  FaultVfs vfs;
  auto opened = SqliteJournal::open(folder.file("journal.db"), {.vfs = vfs.name()});
  ASSERT_TRUE(opened.ok() && (*opened)->recover().ok());
  Journal& journal = **opened;
  commit_through(journal, 1, 3);
  vfs.fail_at(vfs.operations() + 1, Fault::kFull, true);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Status refused = journal.commit({{record_at(4)}, {workload(4)}});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
    if (attempt == 0) {
      EXPECT_NE(refused.error().message.find("the disk is full"), std::string::npos) << refused.error().message;
    }
    const auto found = journal.recover();
    if (found.ok()) {
      EXPECT_EQ(found->last, 3u);
    } else {
      EXPECT_EQ(found.error().code, Code::kUnavailable);
    }
  }
  vfs.heal();
  const auto found = journal.recover();
  ASSERT_TRUE(found.ok()) << to_string(found.error());
  EXPECT_EQ(found->last, 3u);
  EXPECT_TRUE(journal.archived_list("", Uid{}, 10)->empty());
  commit_through(journal, 4, 6);
  EXPECT_EQ(records_after(journal, 0).size(), 6u);
}

// One commit, one sync: what group commit counts on.
TEST(Cost, OneSyncACommit) {
  Folder folder;
  FaultVfs vfs;
  auto opened = SqliteJournal::open(folder.file("journal.db"), {.vfs = vfs.name()});
  ASSERT_TRUE(opened.ok() && (*opened)->recover().ok());
  commit_through(**opened, 1, 5);
  const int before = vfs.syncs();
  commit_through(**opened, 6, 15);
  EXPECT_EQ(vfs.syncs() - before, 10);
}

}  // namespace
}  // namespace penstock
