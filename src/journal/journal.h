// The durable event log: what is appended and committed is never lost; what is refused was never there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/uid.h"

namespace penstock {

/// The events of one engine step, as they are written: opaque to the journal but for their positions.
struct LogRecord {
  Position first = 0;       ///< position of its first event; follows the last record without a gap
  std::uint32_t count = 0;  ///< events in it, at least 1
  Time at;
  Epoch epoch = 0;
  std::string data;         ///< one event a line

  bool operator==(const LogRecord&) const = default;
  Position last() const { return first + count - 1; }
};

/// A finished workload, kept for people who ask with SQL long after the engine forgot it.
struct ArchivedWorkload {
  Uid uid;
  std::string name;
  std::string tenant;
  std::string project;
  std::string contract;
  std::string phase;
  std::string reason;
  std::string submitter;
  Time submitted;
  std::optional<Time> started;
  Time ended;
  int attempts = 0;
  MilliGpu gpus;
  GpuMicros gpu_time;
  Joules energy;
  std::string energy_source;
  Money cost;
  std::string document;  ///< the workload as the API shows it, JSON

  bool operator==(const ArchivedWorkload&) const = default;
};

/// One entry of the audit log, kept for good.
struct AuditRow {
  Position position = 0;  ///< of its event
  Time at;
  std::string tenant;     ///< whose objects it is about; empty: the provider's
  std::string who;        ///< the principal, or the token where it stands for itself
  std::string operation;
  std::string document;   ///< the entry as the API shows it, JSON

  bool operator==(const AuditRow&) const = default;
};

/// Which entries of the audit log are wanted.
struct AuditQuery {
  std::optional<std::string> tenant;  ///< only about this one; empty text: about the provider's own objects
  std::string who;                    ///< only of this one, if not empty
  std::string operation;              ///< only this one, if not empty
  Position before = 0;                ///< only those before this position; 0: from the newest
  std::size_t most = 0;
};

struct Snapshot {
  Position position = 0;  ///< state after this event
  Time at;
  std::uint64_t state_hash = 0;
  std::string data;

  bool operator==(const Snapshot&) const = default;
};

/// What is known of a stored snapshot without reading it.
struct SnapshotInfo {
  Position position = 0;
  Time at;
  std::uint64_t state_hash = 0;
  std::uint64_t size = 0;  ///< bytes of its data

  bool operator==(const SnapshotInfo&) const = default;
};

/// What one commit makes durable, all of it or nothing.
struct CommitBatch {
  std::vector<LogRecord> records;
  std::vector<ArchivedWorkload> archived;
  std::vector<AuditRow> audited;
};

/// What a start finds.
struct Recovered {
  std::optional<Snapshot> snapshot;
  Position last = 0;   ///< the last durable event; 0 for an empty log
  Epoch epoch = 0;     ///< the highest epoch seen
  std::string notice;  ///< what was repaired (a torn tail), for the log; empty if nothing
};

/// A store of one cluster's log. Not thread-safe: the engine's thread owns it. Every failure leaves the store as
/// it was before the call.
class Journal {
 public:
  virtual ~Journal() = default;

  /// Reads the newest intact snapshot and checks every record after it; called once, first, and again after a
  /// failed commit (it closes and opens the store anew, so that what is durable is known).
  /// kInternal with the remedy in words if a record in the middle is damaged or missing.
  virtual Result<Recovered> recover() = 0;

  /// Calls `each` for every record that holds an event after `after`, in order. kGone if those are no longer kept.
  virtual Status replay(Position after, const std::function<Status(const LogRecord&)>& each) = 0;

  /// Makes the batch durable. kConflict if the store has seen a higher epoch (this leader is stale) or the first
  /// position does not follow the last; kUnavailable if the store cannot be written (disk full, I/O error):
  /// then nothing of it is kept, unless recover() says otherwise.
  virtual Status commit(const CommitBatch& batch) = 0;

  /// Stores a snapshot and drops log records that neither it, the snapshot before it, nor `keep_after` need.
  virtual Status save_snapshot(const Snapshot& snapshot, Position keep_after) = 0;

  /// The snapshots that are kept and intact, the oldest first.
  virtual Result<std::vector<SnapshotInfo>> snapshots() = 0;

  /// At most `most` bytes of a snapshot's data from `offset` on; none from its end on. kGone if it is not kept. A piece
  /// takes as long wherever it lies, if pieces are read one after the other.
  virtual Result<std::string> read_snapshot(Position position, std::uint64_t offset, std::size_t most) = 0;

  /// The first event that replay() can still give (so replay(first_kept() - 1) works); last + 1 for an empty log.
  virtual Position first_kept() const = 0;

  /// A finished workload by its name (the latest of that name) or uid, as JSON; kNotFound if there is none.
  virtual Result<std::string> archived_by_name(const std::string& name) = 0;
  virtual Result<std::string> archived_by_uid(Uid uid) = 0;

  /// Finished workloads as JSON, newest first, of `scope` (a tenant or a tenant/project; empty: all), with uid below
  /// `before` (0: from the top).
  virtual Result<std::vector<std::string>> archived_list(const std::string& scope, Uid before, std::size_t most) = 0;

  /// Entries of the audit log as JSON, newest first.
  virtual Result<std::vector<std::string>> audit_list(const AuditQuery& query) = 0;
};

}  // namespace penstock
