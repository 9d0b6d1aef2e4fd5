// What every journal must do, asked of each implementation; and that they never differ.
#include <limits>
#include <random>

#include <fmt/format.h>

#include "fixtures.h"
#include "journal/memory/memory_journal.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {
namespace {

class JournalContract : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    journal_ = make();
    ASSERT_TRUE(journal_);
  }

  std::unique_ptr<Journal> make() {
    if (GetParam() == "memory") return std::make_unique<MemoryJournal>();
    auto opened = SqliteJournal::open(folder_.file("journal.db"));
    EXPECT_TRUE(opened.ok()) << to_string(opened.error());
    return opened.ok() ? std::move(*opened) : nullptr;
  }

  Recovered recover() {
    auto found = journal_->recover();
    EXPECT_TRUE(found.ok()) << to_string(found.error());
    return found.ok() ? *found : Recovered{};
  }

  // One test may not pass by the error of another rule.
  void expect_refused(const Status& status, Code code, const std::string& part) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, code) << to_string(status.error());
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
  }

  Folder folder_;
  std::unique_ptr<Journal> journal_;
};

INSTANTIATE_TEST_SUITE_P(Journals, JournalContract, testing::Values("memory", "sqlite"),
                         [](const auto& journal) { return journal.param; });

TEST_P(JournalContract, BeginsEmpty) {
  const Recovered found = recover();
  EXPECT_EQ(found.snapshot, std::nullopt);
  EXPECT_EQ(found.last, 0u);
  EXPECT_EQ(found.epoch, 0u);
  EXPECT_EQ(found.notice, "");
  EXPECT_EQ(journal_->first_kept(), 1u);
  EXPECT_TRUE(records_after(*journal_, 0).empty());
  EXPECT_TRUE(journal_->archived_list("", Uid{}, 10)->empty());
}

TEST_P(JournalContract, AnswersNothingBeforeRecover) {
  const std::string part = "recover() comes first";
  expect_refused(journal_->commit(batch_at(1)), Code::kUnavailable, part);
  expect_refused(journal_->save_snapshot(snapshot_at(0), 0), Code::kUnavailable, part);
  expect_refused(journal_->replay(0, [](const LogRecord&) { return ok_status(); }), Code::kUnavailable, part);
  EXPECT_EQ(journal_->snapshots().error().code, Code::kUnavailable);
  EXPECT_EQ(journal_->read_snapshot(1, 0, 1).error().code, Code::kUnavailable);
  EXPECT_EQ(journal_->archived_by_uid(Uid{1}).error().code, Code::kUnavailable);
  EXPECT_EQ(journal_->archived_by_name("a").error().code, Code::kUnavailable);
  EXPECT_EQ(journal_->archived_list("", Uid{}, 1).error().code, Code::kUnavailable);
}

TEST_P(JournalContract, GivesBackWhatWasCommitted) {
  recover();
  std::vector<LogRecord> written = {record_at(1), record_at(2, 3), record_at(5, 1, 7)};
  written[1].data = std::string("a\0b\xff\n\xc3", 6);
  written[2].data.clear();
  written[2].at = Time{-1};
  ASSERT_TRUE(journal_->commit({{written[0]}, {}}).ok());
  ASSERT_TRUE(journal_->commit({{written[1], written[2]}, {}}).ok());
  EXPECT_EQ(records_after(*journal_, 0), written);

  const Recovered found = recover();
  EXPECT_EQ(found.last, 5u);
  EXPECT_EQ(found.epoch, 7u);
  EXPECT_EQ(records_after(*journal_, 0), written);
}

TEST_P(JournalContract, ReplaysFromAnyEvent) {
  recover();
  const std::vector<LogRecord> written = {record_at(1, 2), record_at(3, 3), record_at(6), record_at(7, 2)};
  ASSERT_TRUE(journal_->commit({written, {}}).ok());
  for (Position after = 0; after <= 10; ++after) {
    std::vector<LogRecord> expected;
    for (const LogRecord& record : written) {
      if (record.last() > after) expected.push_back(record);
    }
    EXPECT_EQ(records_after(*journal_, after), expected) << after;
  }
  EXPECT_TRUE(records_after(*journal_, std::numeric_limits<Position>::max()).empty());
}

TEST_P(JournalContract, ReplayStopsAtTheFirstRefusal) {
  recover();
  commit_through(*journal_, 1, 5);
  int seen = 0;
  const Status stopped = journal_->replay(0, [&](const LogRecord&) -> Status {
    if (++seen == 2) return make_error(Code::kInvalid, "enough");
    return ok_status();
  });
  expect_refused(stopped, Code::kInvalid, "enough");
  EXPECT_EQ(seen, 2);
  commit_through(*journal_, 6, 6);
}

TEST_P(JournalContract, CommitsWhileReplaying) {
  recover();
  commit_through(*journal_, 1, 3);
  Position next = 4;
  const Status done = journal_->replay(
      0, [&](const LogRecord&) { return next > 6 ? ok_status() : journal_->commit(batch_at(next++)); });
  EXPECT_TRUE(done.ok()) << to_string(done.error());
  EXPECT_EQ(records_after(*journal_, 0).size(), 6u);
}

TEST_P(JournalContract, RefusesGapsAndOverlaps) {
  recover();
  commit_through(*journal_, 1, 2);
  expect_refused(journal_->commit(batch_at(4)), Code::kConflict, "the log ends at event 2");
  expect_refused(journal_->commit(batch_at(2)), Code::kConflict, "the log ends at event 2");
  expect_refused(journal_->commit({{record_at(3), record_at(5)}, {workload(9)}}), Code::kConflict, "ends at event 3");
  EXPECT_EQ(records_after(*journal_, 0).size(), 2u);
  EXPECT_EQ(journal_->archived_by_uid(Uid{9}).error().code, Code::kNotFound);
  commit_through(*journal_, 3, 3);
}

TEST_P(JournalContract, RefusesRecordsThatHoldNothingOrTooMuch) {
  recover();
  expect_refused(journal_->commit({{record_at(1, 0)}, {}}), Code::kInvalid, "holds no event");
  LogRecord endless = record_at(1);
  endless.epoch = std::numeric_limits<Epoch>::max();
  expect_refused(journal_->commit({{endless}, {}}), Code::kInvalid, "beyond what a journal can count");
  EXPECT_TRUE(journal_->commit({}).ok());
  EXPECT_EQ(recover().last, 0u);
}

TEST_P(JournalContract, FencesStaleLeaders) {
  recover();
  ASSERT_TRUE(journal_->commit(batch_at(1, 5)).ok());
  ASSERT_TRUE(journal_->commit(batch_at(2, 5)).ok());
  expect_refused(journal_->commit(batch_at(3, 4)), Code::kConflict, "stale");
  expect_refused(journal_->commit({{record_at(3, 1, 6), record_at(4, 1, 5)}, {}}), Code::kConflict, "stale");
  ASSERT_TRUE(journal_->commit(batch_at(3, 6)).ok());
  // Also when all records of that epoch are gone.
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(2), 3).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(3), 3).ok());
  ASSERT_TRUE(journal_->commit(batch_at(4, 6)).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(4), 4).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(4), 4).ok());
  EXPECT_EQ(recover().epoch, 6u);
  expect_refused(journal_->commit(batch_at(5, 5)), Code::kConflict, "stale");
}

TEST_P(JournalContract, KeepsTheLogThatTheSnapshotsNeed) {
  recover();
  commit_through(*journal_, 1, 30);
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(10), 100).ok());
  EXPECT_EQ(journal_->first_kept(), 1u) << "the only snapshot may be damaged; then all of the log is needed";
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(20), 100).ok());
  EXPECT_EQ(journal_->first_kept(), 11u);
  EXPECT_EQ(recover().snapshot, snapshot_at(20));
  EXPECT_EQ(journal_->first_kept(), 11u);
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(30), 15).ok());
  EXPECT_EQ(journal_->first_kept(), 16u) << "keep_after";
  EXPECT_EQ(records_after(*journal_, 15).size(), 15u);
  expect_refused(journal_->replay(14, [](const LogRecord&) { return ok_status(); }), Code::kGone, "first one is 16");
  EXPECT_EQ(recover().last, 30u);
  commit_through(*journal_, 31, 31);
  EXPECT_EQ(records_after(*journal_, 15).size(), 16u);
}

TEST_P(JournalContract, DropsWholeRecordsOnly) {
  recover();
  ASSERT_TRUE(journal_->commit({{record_at(1, 4), record_at(5, 4), record_at(9, 4)}, {}}).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(7), 12).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(12), 12).ok());
  EXPECT_EQ(journal_->first_kept(), 5u);
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(12), 12).ok());
  EXPECT_EQ(journal_->first_kept(), 5u) << "the same position again is the same snapshot";
  EXPECT_EQ(recover().snapshot, snapshot_at(12));
}

TEST_P(JournalContract, GivesSnapshotsInPieces) {
  recover();
  EXPECT_TRUE(journal_->snapshots()->empty());
  commit_through(*journal_, 1, 3);
  Snapshot large = snapshot_at(2);
  large.data.clear();
  for (int i = 0; large.data.size() < 1'000'000; ++i) large.data += fmt::format("{};ø\n", i);
  ASSERT_TRUE(journal_->save_snapshot(large, 0).ok());
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(3), 0).ok());
  const auto listed = journal_->snapshots();
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(*listed, (std::vector<SnapshotInfo>{{2, large.at, large.state_hash, large.data.size()},
                                                {3, snapshot_at(3).at, snapshot_at(3).state_hash, snapshot_at(3).data.size()}}));
  // Other things go on between the pieces, and so does another reader.
  std::string read;
  Position next = 4;
  for (bool more = true; more;) {
    const auto piece = journal_->read_snapshot(2, read.size(), 70'001);
    ASSERT_TRUE(piece.ok()) << to_string(piece.error());
    more = !piece->empty();
    read += *piece;
    ASSERT_TRUE(journal_->commit(batch_at(next++)).ok());
    EXPECT_EQ(*journal_->read_snapshot(3, 0, 1000), snapshot_at(3).data);
  }
  EXPECT_EQ(read, large.data);
  EXPECT_EQ(*journal_->read_snapshot(2, 500'000, 3), large.data.substr(500'000, 3));
  EXPECT_EQ(*journal_->read_snapshot(3, 1, 3), snapshot_at(3).data.substr(1, 3));
  EXPECT_EQ(*journal_->read_snapshot(3, 1'000'000, 3), "");
  // One that is being read goes when its time has come.
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(5), 0).ok());
  EXPECT_EQ(journal_->read_snapshot(2, 500'003, 3).error().code, Code::kGone);
  EXPECT_EQ(journal_->read_snapshot(4, 0, 3).error().code, Code::kGone);
  EXPECT_EQ(*journal_->read_snapshot(3, 0, 3), snapshot_at(3).data.substr(0, 3));
  recover();  // in the midst of reading
  EXPECT_EQ(*journal_->read_snapshot(3, 3, 3), snapshot_at(3).data.substr(3, 3));
}

TEST_P(JournalContract, RefusesSnapshotsThatCannotBe) {
  recover();
  commit_through(*journal_, 1, 5);
  expect_refused(journal_->save_snapshot(snapshot_at(6), 0), Code::kInvalid, "the log ends at event 5");
  ASSERT_TRUE(journal_->save_snapshot(snapshot_at(5), 0).ok());
  expect_refused(journal_->save_snapshot(snapshot_at(4), 0), Code::kConflict, "stale");
  Snapshot again = snapshot_at(5);
  again.data = "another text of the same state";
  ASSERT_TRUE(journal_->save_snapshot(again, 0).ok());
  EXPECT_EQ(recover().snapshot, again);
}

TEST_P(JournalContract, FindsFinishedWorkloads) {
  recover();
  ASSERT_TRUE(journal_->commit({{record_at(1)}, {workload(3), workload(0x10, "acme/llm/eval")}}).ok());
  ASSERT_TRUE(journal_->commit({{}, {workload(0xfedcba9876543210), workload(5, "b/x/y", "b")}}).ok());
  recover();
  EXPECT_EQ(*journal_->archived_by_uid(Uid{3}), workload(3).document);
  EXPECT_EQ(*journal_->archived_by_name("acme/llm/train"), workload(0xfedcba9876543210).document);
  EXPECT_EQ(journal_->archived_by_name("acme/llm").error().code, Code::kNotFound);
  EXPECT_EQ(journal_->archived_by_uid(Uid{4}).error().code, Code::kNotFound);

  const auto list = [&](const std::string& tenant, std::uint64_t before, std::size_t most) {
    return *journal_->archived_list(tenant, Uid{before}, most);
  };
  using Documents = std::vector<std::string>;
  const std::string last = workload(0xfedcba9876543210).document, eval = workload(0x10, "acme/llm/eval").document;
  const std::string other = workload(5, "b/x/y", "b").document, first = workload(3).document;
  EXPECT_EQ(list("", 0, 10), (Documents{last, eval, other, first}));
  EXPECT_EQ(list("acme", 0, std::numeric_limits<std::size_t>::max()), (Documents{last, eval, first}));
  EXPECT_EQ(list("", 0x10, 1), (Documents{other}));
  EXPECT_EQ(list("b", 5, 10), Documents{});
  EXPECT_EQ(list("", 0, 0), Documents{});
  EXPECT_EQ(list("acme/llm", 0, 10), (Documents{last, eval, first}));
  EXPECT_EQ(list("acme/web", 0, 10), Documents{});
}

TEST_P(JournalContract, LaterWordOnAFinishedWorkloadReplacesTheEarlier) {
  recover();
  ASSERT_TRUE(journal_->commit({{}, {workload(3)}}).ok());
  ArchivedWorkload corrected = workload(3);
  corrected.started.reset();
  corrected.document = "{\"corrected\":true}";
  ASSERT_TRUE(journal_->commit({{}, {corrected}}).ok());
  EXPECT_EQ(*journal_->archived_list("", Uid{}, 10), std::vector<std::string>{corrected.document});
}

TEST_P(JournalContract, KeepsTheAuditLogAndFindsInIt) {
  recover();
  CommitBatch batch = {{record_at(1, 9, 1)}, {}, {audit_row(2), audit_row(4, "", "token:1"), audit_row(5, "acme", "acme/bob"),
                                                  audit_row(7, "rival", "token:1", "deleteGrant"), audit_row(8)}};
  ASSERT_TRUE(journal_->commit(batch).ok());
  CommitBatch stale = batch_at(10, 0);
  stale.audited.push_back(audit_row(10));
  ASSERT_FALSE(journal_->commit(stale).ok());
  using Positions = std::vector<Position>;
  const auto found = [&](const AuditQuery& query) {
    Positions out;
    const auto rows = journal_->audit_list(query);
    for (const std::string& document : *rows) out.push_back(std::stoull(document.substr(document.find(':') + 1)));
    return out;
  };
  EXPECT_EQ(found({.most = 100}), (Positions{8, 7, 5, 4, 2}));
  EXPECT_EQ(found({.most = 2}), (Positions{8, 7}));
  EXPECT_EQ(found({.before = 7, .most = 2}), (Positions{5, 4}));
  EXPECT_EQ(found({.tenant = "acme", .most = 100}), (Positions{8, 5, 2}));
  EXPECT_EQ(found({.tenant = "", .most = 100}), Positions{4});
  EXPECT_EQ(found({.tenant = "acme", .who = "acme/ada", .before = 8, .most = 100}), Positions{2});
  EXPECT_EQ(found({.who = "token:1", .most = 100}), (Positions{7, 4}));
  EXPECT_EQ(found({.operation = "deleteGrant", .most = 100}), Positions{7});
}

TEST_P(JournalContract, KeepsTheBooksAndFindsInThem) {
  recover();
  const auto row = [](Position position, std::string shelf, std::string month, std::string tenant, std::string name) {
    return FiledRow{position, shelf, month, tenant, tenant + "/llm", tenant + "/main", name, fmt::format(R"({{"at":{}}})", position)};
  };
  CommitBatch batch = {{record_at(1, 9, 1)}, {}, {}, {row(2, "usage", "2026-06", "acme", "acme/llm/a"), row(3, "usage", "2026-06", "rival", "rival/llm/a"),
                                                      row(5, "invoice", "2026-06", "acme", "acme-2026-06-usd"), row(5, "entries", "2026-06", "", ""),
                                                      row(8, "usage", "2026-07", "acme", "acme/llm/b")}};
  ASSERT_TRUE(journal_->commit(batch).ok());
  CommitBatch stale = batch_at(10, 0);
  stale.filed.push_back(row(10, "usage", "2026-07", "acme", "acme/llm/c"));
  ASSERT_FALSE(journal_->commit(stale).ok());
  const auto found = [&](FileQuery query) {
    std::vector<Position> out;
    const auto rows = journal_->filed(query);
    for (const FiledDocument& document : *rows) {
      EXPECT_EQ(document.document, fmt::format(R"({{"at":{}}})", document.position));
      out.push_back(document.position);
    }
    return out;
  };
  using Positions = std::vector<Position>;
  EXPECT_EQ(found({.shelf = "usage", .most = 100}), (Positions{2, 3, 8}));
  EXPECT_EQ(found({.shelf = "usage", .after = 2, .most = 1}), Positions{3});
  EXPECT_EQ(found({.shelf = "usage", .month = "2026-06", .tenant = "acme", .most = 100}), Positions{2});
  EXPECT_EQ(found({.shelf = "usage", .project = "rival/llm", .contract = "rival/main", .most = 100}), Positions{3});
  EXPECT_EQ(found({.shelf = "invoice", .name = "acme-2026-06-usd", .most = 1}), Positions{5});
  EXPECT_EQ(found({.shelf = "entries", .most = 100}), Positions{5});
}

// Random histories with mistakes in them: both journals answer alike at every step.
TEST(JournalDifferential, ImplementationsAgree) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t n) { return static_cast<std::uint64_t>(random()) % n; };
    Folder folder;
    MemoryJournal memory;
    auto sqlite = SqliteJournal::open(folder.file("journal.db"));
    ASSERT_TRUE(sqlite.ok()) << to_string(sqlite.error());
    const auto alike = [](const Status& a, const Status& b) {
      ASSERT_EQ(a.ok() ? "" : to_string(a.error()), b.ok() ? "" : to_string(b.error()));
    };
    Position last = 0;
    Position snapshot = 0;
    Epoch epoch = 1;
    for (int step = 0; step < 80; ++step) {
      const std::uint64_t action = below(10);
      if (action <= 4) {
        CommitBatch batch;
        Position next = last + 1 + (below(12) == 0 ? 1 : 0);
        for (std::uint64_t n = below(4); n > 0; --n) {
          batch.records.push_back(record_at(next, 1 + static_cast<std::uint32_t>(below(5)), epoch - below(8) / 7));
          next = batch.records.back().last() + 1;
        }
        for (std::uint64_t n = below(3); n > 0; --n) batch.archived.push_back(workload(1 + below(40)));
        const Status done = memory.commit(batch);
        alike(done, (*sqlite)->commit(batch));
        if (done.ok()) last = next - 1 > last && !batch.records.empty() ? next - 1 : last;
      } else if (action == 5) {
        snapshot = std::max(snapshot, below(last + 3));
        const Position keep = below(last + 10);
        alike(memory.save_snapshot(snapshot_at(snapshot), keep), (*sqlite)->save_snapshot(snapshot_at(snapshot), keep));
        if (snapshot > last) snapshot = 0;
      } else if (action == 6) {
        ++epoch;
      } else {
        const auto a = memory.recover();
        const auto b = (*sqlite)->recover();
        ASSERT_TRUE(a.ok() && b.ok()) << (b.ok() ? "" : to_string(b.error()));
        ASSERT_EQ(a->snapshot, b->snapshot);
        ASSERT_EQ(a->last, b->last);
        ASSERT_EQ(a->epoch, b->epoch);
        ASSERT_EQ(b->notice, "");
      }
      ASSERT_EQ(memory.first_kept(), (*sqlite)->first_kept());
    }
    ASSERT_TRUE(memory.recover().ok() && (*sqlite)->recover().ok());
    const Position from = memory.first_kept() - 1;
    ASSERT_EQ(records_after(memory, from), records_after(**sqlite, from));
    ASSERT_EQ(*memory.archived_list("", Uid{}, 100), *(*sqlite)->archived_list("", Uid{}, 100));
  }
}

}  // namespace
}  // namespace penstock
