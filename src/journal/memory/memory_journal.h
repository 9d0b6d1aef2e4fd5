// A journal that lives and dies with the process: for simulation, fuzzing and tests.
#pragma once

#include <deque>
#include <map>

#include "journal/journal.h"

namespace penstock {

/// Keeps the whole contract of Journal except that nothing outlives the object. recover() finds all that was
/// committed, so a restart can be played on the same object.
class MemoryJournal final : public Journal {
 public:
  /// Keeps the newest `snapshots_kept` snapshots, at least 2.
  explicit MemoryJournal(std::size_t snapshots_kept = 2);

  Result<Recovered> recover() override;
  Status replay(Position after, const std::function<Status(const LogRecord&)>& each) override;
  Status commit(const CommitBatch& batch) override;
  Status save_snapshot(const Snapshot& snapshot, Position keep_after) override;
  Result<std::vector<SnapshotInfo>> snapshots() override;
  Result<std::string> read_snapshot(Position position, std::uint64_t offset, std::size_t most) override;
  Position first_kept() const override;
  Result<std::string> archived_by_name(const std::string& name) override;
  Result<std::string> archived_by_uid(Uid uid) override;
  Result<std::vector<std::string>> archived_list(const std::string& scope, Uid before, std::size_t most) override;
  Result<std::vector<std::string>> audit_list(const AuditQuery& query) override;

 private:
  std::size_t snapshots_kept_;
  bool recovered_ = false;
  Position last_ = 0;
  Epoch epoch_ = 0;
  std::deque<LogRecord> records_;
  std::map<Position, Snapshot> snapshots_;
  std::map<Uid, ArchivedWorkload> archived_;
  std::map<Position, AuditRow> audited_;
};

}  // namespace penstock
