// The journal's contract over tables: one transaction a commit, checksums throughout.
#include "journal/sqlite/sqlite_journal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "journal/rules.h"
#include "journal/sqlite/wal.h"

namespace penstock {
namespace {

constexpr std::int64_t kApplication = 0x50534a4c;  // "PSJL", shown by file(1)
constexpr std::int64_t kFormat = 2;

// Who has read no piece of a snapshot for so many commits has gone: then the write-ahead file may be folded in again.
constexpr std::size_t kMostCommitsBetweenPieces = 1000;

constexpr const char* kSchema = R"sql(
BEGIN IMMEDIATE;
PRAGMA application_id = 1347635788;
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last INTEGER NOT NULL,
  last_checksum INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  dropped_checksum INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE log (
  first INTEGER PRIMARY KEY,
  count INTEGER NOT NULL CHECK (count BETWEEN 1 AND 4294967295),
  at_ns INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
  position INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  state_hash INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE TABLE workloads (
  uid TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  tenant TEXT NOT NULL,
  project TEXT NOT NULL,
  contract TEXT NOT NULL,
  phase TEXT NOT NULL,
  reason TEXT NOT NULL,
  submitter TEXT NOT NULL,
  submitted TEXT NOT NULL,
  started TEXT,
  ended TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  gpus_milli INTEGER NOT NULL,
  gpu_microseconds INTEGER NOT NULL,
  energy_joules INTEGER NOT NULL,
  energy_source TEXT NOT NULL,
  cost_micros INTEGER NOT NULL,
  currency TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX workloads_by_name ON workloads (name, uid);
CREATE INDEX workloads_by_tenant ON workloads (tenant, uid);
CREATE INDEX workloads_by_project ON workloads (project, ended);
CREATE INDEX workloads_by_end ON workloads (ended);
CREATE VIEW finished AS
  SELECT uid, name, tenant, project, contract, phase, reason, submitter,
         strftime('%Y-%m-%dT%H:%M:%SZ', submitted) AS submitted,
         strftime('%Y-%m-%dT%H:%M:%SZ', started) AS started,
         strftime('%Y-%m-%dT%H:%M:%SZ', ended) AS ended,
         attempts, gpus_milli / 1e3 AS gpus, gpu_microseconds / 3.6e9 AS gpu_hours,
         energy_joules / 3.6e6 AS energy_kwh, energy_source, cost_micros / 1e6 AS cost, currency
  FROM workloads;
COMMIT;
)sql";

// What format 2 has besides.
constexpr const char* kAuditSchema = R"sql(
BEGIN IMMEDIATE;
PRAGMA user_version = 2;
CREATE TABLE audit (
  position INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  tenant TEXT NOT NULL,
  who TEXT NOT NULL,
  operation TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant, position);
CREATE INDEX audit_by_who ON audit (who, position);
COMMIT;
)sql";

// RFC 3339 with all nine digits, so that text order is time order.
std::string sortable(Time time) {
  std::string text = Text<Time>::format(time);
  text.pop_back();
  const std::size_t point = text.find('.');
  const std::size_t digits = point == std::string::npos ? 0 : text.size() - point - 1;
  if (digits == 0) text += '.';
  return text + std::string(9 - digits, '0') + "Z";
}

// SQLite itself would give a new file the mode of the umask.
Status create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno != EEXIST) {
    return make_error(Code::kUnavailable, fmt::format("{} could not be created: {}", path, std::strerror(errno)));
  }
  if (file >= 0) ::close(file);
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<Journal>> SqliteJournal::open(const std::string& path, const SqliteOptions& options) {
  if (options.snapshots_kept < 2 || options.checkpoint_pages < 1) {
    return make_error(Code::kInvalid, "a journal keeps at least 2 snapshots and folds in after at least 1 page");
  }
  std::unique_ptr<SqliteJournal> journal(new SqliteJournal(path, options));
  PENSTOCK_RETURN_IF_ERROR(journal->connect());
  return std::unique_ptr<Journal>(std::move(journal));
}

Error SqliteJournal::damaged(std::string_view what, std::string_view remedy) const {
  return make_error(Code::kInternal, fmt::format("the journal {} is damaged: {}. {}", path_, what, remedy));
}

Status SqliteJournal::connect() {
  recovered_ = false;
  fresh_ = false;
  notice_.clear();
  writes_.reset();
  reading_.clear();
  database_.reset();
  PENSTOCK_RETURN_IF_ERROR(create_private(path_));
  PENSTOCK_TRY(database, Database::open(path_, options_.vfs));
  database_ = std::move(database);
  database_->checkpoint_on_close(false);
  PENSTOCK_RETURN_IF_ERROR(database_->execute("PRAGMA locking_mode = EXCLUSIVE"));
  PENSTOCK_RETURN_IF_ERROR(identify());
  PENSTOCK_TRY(mode, database_->text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return make_error(Code::kUnavailable,
                      fmt::format("{} cannot have a write-ahead file: SQLite offers '{}'", path_, mode));
  }
  PENSTOCK_RETURN_IF_ERROR(
      database_->execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; "
                         "PRAGMA journal_size_limit = 67108864"));
  PENSTOCK_RETURN_IF_ERROR(
      database_->execute(fmt::format("PRAGMA wal_autocheckpoint = {}", options_.checkpoint_pages).c_str()));
  PENSTOCK_TRY(objects, database_->integer("SELECT count(*) FROM sqlite_schema"));
  if (objects == 0) {
    PENSTOCK_RETURN_IF_ERROR(database_->execute(kSchema));
    PENSTOCK_RETURN_IF_ERROR(database_->execute(kAuditSchema));
  }
  fresh_ = true;
  return ok_status();
}

Status SqliteJournal::identify() {
  // The first read takes the lock; from here on the files belong to this process.
  PENSTOCK_TRY(format, database_->integer("PRAGMA user_version"));
  PENSTOCK_TRY(wal, inspect_wal(path_ + "-wal", *database_));
  if (!wal.damage.empty()) {
    const std::string remedy =
        wal.intact_bytes == 0
            ? "Restore a backup"
            : fmt::format(
                  "Restore a backup; or keep what was before it and lose those commits (the next start checks "
                  "what is left): truncate -s {} '{}-wal'",
                  wal.intact_bytes, path_);
    return damaged(fmt::format("{} of its write-ahead file {}-wal differs from what was written, and durable commits "
                               "follow it",
                               wal.damage, path_),
                   remedy);
  }
  if (wal.unfinished > 0) {
    notice_ = fmt::format(
        "the write-ahead file ended in a commit that was cut off ({} pages); it was never "
        "acknowledged and is dropped",
        wal.unfinished);
  }
  PENSTOCK_TRY(application, database_->integer("PRAGMA application_id"));
  PENSTOCK_TRY(objects, database_->integer("SELECT count(*) FROM sqlite_schema"));
  if (application == 0 && format == 0 && objects == 0) return ok_status();
  if (application != kApplication) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("{} is a database of another program; give the journal a file of its own", path_));
  }
  if (format > kFormat) {
    return make_error(Code::kUnsupported,
                      fmt::format("{} has journal format {} and this Penstock knows format {}: start the version that "
                                  "wrote it, or a later one, or restore a backup from before the upgrade",
                                  path_, format, kFormat));
  }
  return ok_status();
}

Status SqliteJournal::upgrade() {
  PENSTOCK_TRY(format, database_->integer("PRAGMA user_version"));
  return format == kFormat ? ok_status() : database_->execute(kAuditSchema);
}

Status SqliteJournal::prepare_writes() {
  PENSTOCK_TRY(begin, database_->prepare("BEGIN IMMEDIATE"));
  PENSTOCK_TRY(record, database_->prepare(fmt::format("INSERT INTO log ({}) VALUES (?, ?, ?, ?, ?, ?)", kLogColumns)));
  PENSTOCK_TRY(workload, database_->prepare("INSERT OR REPLACE INTO workloads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                            "?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  PENSTOCK_TRY(audited, database_->prepare("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)"));
  PENSTOCK_TRY(bounds, database_->prepare("UPDATE meta SET last = ?, last_checksum = ?, epoch = ?, dropped = ?, "
                                          "dropped_checksum = ?"));
  PENSTOCK_TRY(commit, database_->prepare("COMMIT"));
  writes_.emplace(
      Writes{std::move(begin), std::move(record), std::move(workload), std::move(audited), std::move(bounds), std::move(commit)});
  return ok_status();
}

Result<LogBounds> SqliteJournal::read_bounds() {
  PENSTOCK_TRY(row, database_->prepare("SELECT last, last_checksum, epoch, dropped, dropped_checksum FROM meta"));
  PENSTOCK_TRY(found, row.step());
  if (!found) return damaged("its table meta is empty");
  LogBounds bounds;
  bounds.last = static_cast<Position>(row.integer(0));
  bounds.last_checksum = static_cast<std::uint64_t>(row.integer(1));
  bounds.epoch = static_cast<Epoch>(row.integer(2));
  bounds.dropped = static_cast<Position>(row.integer(3));
  bounds.dropped_checksum = static_cast<std::uint64_t>(row.integer(4));
  return bounds;
}

Result<std::optional<Snapshot>> SqliteJournal::read_snapshots(const LogBounds& bounds) {
  PENSTOCK_TRY(rows, database_->prepare("SELECT position, at_ns, state_hash, checksum, data FROM snapshots "
                                        "ORDER BY position"));
  std::optional<Snapshot> newest;
  std::string damage;
  snapshots_.clear();
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) break;
    Snapshot snapshot;
    snapshot.position = static_cast<Position>(rows.integer(0));
    snapshot.at.ns = rows.integer(1);
    snapshot.state_hash = static_cast<std::uint64_t>(rows.integer(2));
    snapshot.data = std::string(rows.text(4));
    if (static_cast<std::uint64_t>(rows.integer(3)) != checksum_of(snapshot)) {
      damage += fmt::format("{}the snapshot of event {} is damaged and passed over", damage.empty() ? "" : "; ",
                            snapshot.position);
      continue;
    }
    snapshots_.push_back(snapshot.position);
    newest = std::move(snapshot);
  }
  if (!damage.empty()) notice_ += (notice_.empty() ? "" : "; ") + damage;
  if (newest && newest->position > bounds.last) {
    return damaged(
        fmt::format("it has a snapshot of event {} but the log ends at event {}", newest->position, bounds.last));
  }
  if (newest ? newest->position < bounds.dropped : bounds.dropped > 0) {
    return damaged(fmt::format("events up to {} were dropped and no intact snapshot covers them ({})", bounds.dropped,
                               damage.empty() ? "none is there" : damage));
  }
  return newest;
}

Result<Recovered> SqliteJournal::recover() {
  if (!fresh_) PENSTOCK_RETURN_IF_ERROR(connect());
  fresh_ = false;
  PENSTOCK_TRY(check, database_->text("PRAGMA quick_check(1)"));
  if (check != "ok") return damaged(check);
  PENSTOCK_TRY(bounds, read_bounds());
  Recovered found;
  PENSTOCK_TRY(snapshot, read_snapshots(bounds));
  PENSTOCK_RETURN_IF_ERROR(audit_log(*database_, bounds, snapshots_, path_));
  // Only what is durable may be folded in and reported.
  PENSTOCK_RETURN_IF_ERROR(database_->rewrite_wal());
  PENSTOCK_TRY(busy, database_->integer("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy != 0) {
    return make_error(Code::kUnavailable, fmt::format("the write-ahead file of {} could not be folded in", path_));
  }
  database_->checkpoint_on_close(true);
  PENSTOCK_RETURN_IF_ERROR(upgrade());
  PENSTOCK_RETURN_IF_ERROR(prepare_writes());
  bounds_ = bounds;
  recovered_ = true;
  found.snapshot = std::move(snapshot);
  found.last = bounds_.last;
  found.epoch = bounds_.epoch;
  found.notice = notice_;
  return found;
}

Status SqliteJournal::replay(Position after, const std::function<Status(const LogRecord&)>& each) {
  if (!recovered_) return not_recovered();
  if (after < bounds_.dropped) return gone(after, first_kept());
  if (after >= bounds_.last) return ok_status();
  // From the record before the first one wanted, for its checksum.
  PENSTOCK_TRY(rows, database_->prepare(fmt::format(
                         "SELECT {} FROM log WHERE first >= coalesce((SELECT min(first) FROM (SELECT first FROM log "
                         "WHERE first <= ? ORDER BY first DESC LIMIT 2)), 0) ORDER BY first",
                         kLogColumns)));
  rows.bind(after + 1);
  Position last = bounds_.dropped;
  std::uint64_t checksum = bounds_.dropped_checksum;
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) return ok_status();
    const StoredRecord stored = StoredRecord::read(rows);
    if (stored.record.last() > after) {
      if (!stored.follows(last, checksum)) {
        return damaged(fmt::format("event {} is not as it was at the start", last + 1),
                       "Restart the server for a full check");
      }
      PENSTOCK_RETURN_IF_ERROR(each(stored.record));
    }
    last = stored.record.last();
    checksum = stored.checksum;
  }
}

Status SqliteJournal::write(const LogBounds& bounds, const std::function<Status()>& change) {
  const auto run = [&]() -> Status {
    PENSTOCK_RETURN_IF_ERROR(writes_->begin.run());
    PENSTOCK_RETURN_IF_ERROR(change());
    PENSTOCK_RETURN_IF_ERROR(
        writes_->bounds.run(bounds.last, bounds.last_checksum, bounds.epoch, bounds.dropped, bounds.dropped_checksum));
    return writes_->commit.run();
  };
  const Status done = run();
  if (done.ok()) {
    bounds_ = bounds;
    return done;
  }
  // After a failed sync nobody knows what the disk holds; recover() finds out, over a new connection.
  recovered_ = false;
  return done;
}

Status SqliteJournal::commit(const CommitBatch& batch) {
  if (!recovered_) return not_recovered();
  PENSTOCK_RETURN_IF_ERROR(check_batch(batch, bounds_.last, bounds_.epoch));
  if (batch.records.empty() && batch.archived.empty() && batch.audited.empty()) return ok_status();
  LogBounds next = bounds_;
  std::vector<std::uint64_t> checksums;
  for (const LogRecord& record : batch.records) {
    next.last = record.last();
    next.last_checksum = checksum_of(record, next.last_checksum);
    next.epoch = record.epoch;
    checksums.push_back(next.last_checksum);
  }
  if (!reading_.empty() && ++commits_since_piece_ > kMostCommitsBetweenPieces) reading_.clear();
  return write(next, [&]() -> Status {
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const LogRecord& record = batch.records[i];
      PENSTOCK_RETURN_IF_ERROR(
          writes_->record.run(record.first, record.count, record.at.ns, record.epoch, checksums[i], record.data));
    }
    for (const ArchivedWorkload& w : batch.archived) {
      const std::optional<std::string> started = w.started ? std::optional(sortable(*w.started)) : std::nullopt;
      PENSTOCK_RETURN_IF_ERROR(writes_->workload.run(
          Text<Uid>::format(w.uid), w.name, w.tenant, w.project, w.contract, w.phase, w.reason, w.submitter,
          sortable(w.submitted), started, sortable(w.ended), w.attempts, w.gpus.count(), w.gpu_time.count(),
          w.energy.count(), w.energy_source, w.cost.micros, w.cost.currency, w.document));
    }
    for (const AuditRow& row : batch.audited) {
      PENSTOCK_RETURN_IF_ERROR(writes_->audited.run(row.position, sortable(row.at), row.tenant, row.who, row.operation, row.document));
    }
    return ok_status();
  });
}

Status SqliteJournal::save_snapshot(const Snapshot& snapshot, Position keep_after) {
  if (!recovered_) return not_recovered();
  PENSTOCK_RETURN_IF_ERROR(check_snapshot(snapshot, bounds_.last, snapshots_.empty() ? 0 : snapshots_.back()));
  std::vector<Position> kept = snapshots_;
  if (kept.empty() || kept.back() != snapshot.position) kept.push_back(snapshot.position);
  if (kept.size() > options_.snapshots_kept) kept.erase(kept.begin());
  reading_.clear();  // what is read may go now
  PENSTOCK_TRY(next, bounds_without(droppable(kept, options_.snapshots_kept, keep_after)));
  PENSTOCK_RETURN_IF_ERROR(write(next, [&] { return change_snapshots(snapshot, kept, next.dropped); }));
  snapshots_ = std::move(kept);
  return ok_status();
}

bool SqliteJournal::keeps_snapshot(Position position) const {
  return std::find(snapshots_.begin(), snapshots_.end(), position) != snapshots_.end();
}

Result<std::vector<SnapshotInfo>> SqliteJournal::snapshots() {
  if (!recovered_) return not_recovered();
  PENSTOCK_TRY(rows, database_->prepare("SELECT position, at_ns, state_hash FROM snapshots ORDER BY position"));
  std::vector<SnapshotInfo> out;
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) return out;
    SnapshotInfo info{static_cast<Position>(rows.integer(0)), Time{rows.integer(1)}, static_cast<std::uint64_t>(rows.integer(2)), 0};
    if (!keeps_snapshot(info.position)) continue;
    // SQL would read the whole text to tell its length.
    PENSTOCK_TRY(data, database_->open_value("snapshots", "data", rows.integer(0)));
    info.size = data.size();
    out.push_back(info);
  }
}

Result<std::string> SqliteJournal::read_snapshot(Position position, std::uint64_t offset, std::size_t most) {
  if (!recovered_) return not_recovered();
  if (!keeps_snapshot(position)) return no_snapshot(position);
  auto open = reading_.find(position);
  if (open == reading_.end()) {
    PENSTOCK_TRY(data, database_->open_value("snapshots", "data", static_cast<std::int64_t>(position)));
    open = reading_.emplace(position, std::move(data)).first;
  }
  commits_since_piece_ = 0;
  auto piece = open->second.read(offset, most);
  if (!piece.ok() || offset + piece->size() >= open->second.size()) reading_.erase(open);
  return piece;
}

Result<LogBounds> SqliteJournal::bounds_without(Position through) {
  // Of the last two records that begin there, the later one may reach beyond; then the one before it is the last to go.
  PENSTOCK_TRY(ends, database_->prepare("SELECT first + count - 1, checksum FROM log WHERE first <= ? "
                                        "ORDER BY first DESC LIMIT 2"));
  ends.bind(through);
  while (true) {
    PENSTOCK_TRY(more, ends.step());
    if (!more) return bounds_;
    if (static_cast<Position>(ends.integer(0)) > through) continue;
    LogBounds bounds = bounds_;
    bounds.dropped = static_cast<Position>(ends.integer(0));
    bounds.dropped_checksum = static_cast<std::uint64_t>(ends.integer(1));
    return bounds;
  }
}

Status SqliteJournal::change_snapshots(const Snapshot& snapshot, const std::vector<Position>& kept, Position dropped) {
  PENSTOCK_TRY(insert, database_->prepare("INSERT OR REPLACE INTO snapshots (position, at_ns, state_hash, checksum, "
                                          "data) VALUES (?, ?, ?, ?, ?)"));
  PENSTOCK_RETURN_IF_ERROR(
      insert.run(snapshot.position, snapshot.at.ns, snapshot.state_hash, checksum_of(snapshot), snapshot.data));
  // Damaged ones go now too, that there is a newer one to stand in for them.
  PENSTOCK_TRY(remove, database_->prepare(
                           fmt::format("DELETE FROM snapshots WHERE position NOT IN ({})", fmt::join(kept, ", "))));
  PENSTOCK_RETURN_IF_ERROR(remove.run());
  PENSTOCK_TRY(drop, database_->prepare("DELETE FROM log WHERE first <= ?"));
  return drop.run(dropped);
}

Result<std::string> SqliteJournal::document(std::string_view sql, const std::string& key) {
  if (!recovered_) return not_recovered();
  PENSTOCK_TRY(row, database_->prepare(sql));
  row.bind(key);
  PENSTOCK_TRY(found, row.step());
  if (!found) return not_archived(key);
  return std::string(row.text(0));
}

Result<std::string> SqliteJournal::archived_by_name(const std::string& name) {
  return document("SELECT document FROM workloads WHERE name = ? ORDER BY uid DESC LIMIT 1", name);
}

Result<std::string> SqliteJournal::archived_by_uid(Uid uid) {
  return document("SELECT document FROM workloads WHERE uid = ?", Text<Uid>::format(uid));
}

Result<std::vector<std::string>> SqliteJournal::archived_list(const std::string& scope, Uid before, std::size_t most) {
  if (!recovered_) return not_recovered();
  const std::string below = before ? Text<Uid>::format(before) : "g";  // above every hexadecimal digit
  const std::string_view of = scope.empty() ? "" : scope.find('/') == std::string::npos ? "AND tenant = ?3" : "AND project = ?3";
  PENSTOCK_TRY(rows, database_->prepare(fmt::format("SELECT document FROM workloads WHERE uid < ?1 {} ORDER BY uid DESC LIMIT ?2", of)));
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, std::numeric_limits<std::int64_t>::max()));
  if (scope.empty()) {
    rows.bind(below, limit);
  } else {
    rows.bind(below, limit, scope);
  }
  std::vector<std::string> documents;
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) return documents;
    documents.emplace_back(rows.text(0));
  }
}

Result<std::vector<std::string>> SqliteJournal::audit_list(const AuditQuery& query) {
  if (!recovered_) return not_recovered();
  std::string where;
  if (query.tenant) where += " AND tenant = ?3";
  if (!query.who.empty()) where += " AND who = ?4";
  if (!query.operation.empty()) where += " AND operation = ?5";
  PENSTOCK_TRY(rows, database_->prepare(fmt::format("SELECT document, ?3, ?4, ?5 FROM audit WHERE position < ?1{} ORDER BY position DESC LIMIT ?2", where)));
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(query.most, std::numeric_limits<std::int64_t>::max()));
  const std::int64_t before = query.before > 0 ? static_cast<std::int64_t>(query.before) : std::numeric_limits<std::int64_t>::max();
  rows.bind(before, limit, query.tenant.value_or(""), query.who, query.operation);
  std::vector<std::string> documents;
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) return documents;
    documents.emplace_back(rows.text(0));
  }
}

}  // namespace penstock
