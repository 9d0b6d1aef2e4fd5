// The journal of one machine: one SQLite file that people can read with sqlite3.
#pragma once

#include <map>

#include "journal/sqlite/log_audit.h"

namespace penstock {

struct SqliteOptions {
  std::string vfs;                 ///< the SQLite VFS to write through; empty: the system's own
  int checkpoint_pages = 1000;     ///< pages in the write-ahead file at which it is folded into the database
  std::size_t snapshots_kept = 2;  ///< at least 2: one to use and one to fall back to
};

/// A journal in one file, held by this process alone until it is destroyed. A commit costs one sync of the
/// write-ahead file. docs/journal.md describes the tables.
class SqliteJournal final : public Journal {
 public:
  /// Opens the journal in the file at `path`, created with mode 0600 if there is none. kUnavailable if another
  /// process holds it or the file cannot be opened; kUnsupported for a newer format; kFailedPrecondition for a file
  /// of another program; kInternal if it is damaged. A journal that open() or recover() refuses is left as it was.
  static Result<std::unique_ptr<Journal>> open(const std::string& path, const SqliteOptions& options = {});

  Result<Recovered> recover() override;
  Status replay(Position after, const std::function<Status(const LogRecord&)>& each) override;
  Status commit(const CommitBatch& batch) override;
  Status save_snapshot(const Snapshot& snapshot, Position keep_after) override;
  Result<std::vector<SnapshotInfo>> snapshots() override;
  Result<std::string> read_snapshot(Position position, std::uint64_t offset, std::size_t most) override;
  Position first_kept() const override { return bounds_.dropped + 1; }
  Result<std::string> archived_by_name(const std::string& name) override;
  Result<std::string> archived_by_uid(Uid uid) override;
  Result<std::vector<std::string>> archived_list(const std::string& scope, Uid before, std::size_t most) override;
  Result<std::vector<std::string>> audit_list(const AuditQuery& query) override;

 private:
  // What every commit runs, prepared once.
  struct Writes {
    Statement begin;
    Statement record;
    Statement workload;
    Statement audited;
    Statement bounds;
    Statement commit;
  };

  SqliteJournal(std::string path, SqliteOptions options) : path_(std::move(path)), options_(std::move(options)) {}

  Status connect();
  Status identify();
  // Brings the tables of an earlier format up to this one.
  Status upgrade();
  Status prepare_writes();
  Result<LogBounds> read_bounds();
  // Returns the newest intact one and notes the positions of all intact ones.
  Result<std::optional<Snapshot>> read_snapshots(const LogBounds& bounds);
  // Runs `change` and stores the bounds in one transaction; on failure nothing of it is kept.
  Status write(const LogBounds& bounds, const std::function<Status()>& change);
  // The bounds after dropping the records that end at or before `through`.
  Result<LogBounds> bounds_without(Position through);
  Status change_snapshots(const Snapshot& snapshot, const std::vector<Position>& kept, Position dropped);
  bool keeps_snapshot(Position position) const;
  Result<std::string> document(std::string_view sql, const std::string& key);
  // A kInternal error about this journal: what is damaged, and what to do.
  Error damaged(std::string_view what, std::string_view remedy = "Restore a backup") const;

  const std::string path_;
  const SqliteOptions options_;
  bool fresh_ = false;      // connected and not yet recovered
  bool recovered_ = false;  // and no write has failed since
  std::string notice_;
  LogBounds bounds_;
  std::vector<Position> snapshots_;  // intact ones, ascending
  std::optional<Database> database_;
  // These after the connection, so that they go first.
  std::optional<Writes> writes_;
  std::map<Position, Blob> reading_;      // snapshots that someone reads in pieces
  std::size_t commits_since_piece_ = 0;
};

}  // namespace penstock
