// Finding damage in the log and saying what it leaves.
#include "journal/sqlite/log_audit.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <xxhash.h>

namespace penstock {
namespace {

std::uint64_t hash(std::string_view data, std::initializer_list<std::uint64_t> fields) {
  std::array<unsigned char, 8 * 5> bytes{};
  PENSTOCK_CHECK(fields.size() * 8 <= bytes.size());
  std::size_t size = 0;
  for (std::uint64_t field : fields) {
    for (int shift = 0; shift < 64; shift += 8) bytes[size++] = static_cast<unsigned char>(field >> shift);
  }
  return XXH3_64bits_withSeed(data.data(), data.size(), XXH3_64bits(bytes.data(), size));
}

std::string events(Position first, Position last) {
  return first == last ? fmt::format("event {}", first) : fmt::format("events {} to {}", first, last);
}

std::string missing(Position first, Position last) {
  return fmt::format("{} {} missing", events(first, last), first == last ? "is" : "are");
}

// What is wrong with a record that does not follow event `last`.
std::string fault_of(const LogRecord& record, Position last) {
  const auto first = static_cast<std::int64_t>(record.first);  // a damaged one may be negative
  const auto expected = static_cast<std::int64_t>(last + 1);
  if (first > expected) return missing(last + 1, record.first - 1);
  if (first < expected) return fmt::format("the record of event {} stands where event {} belongs", first, expected);
  return fmt::format("the record of {} differs from what was written",
                     events(record.first, std::max(record.first, record.last())));
}

struct Damage {
  std::string what;        // empty while all is well
  std::string behind;      // the condition of SQL that only what comes after the last intact record fulfils
  LogBounds before;        // as the bounds would be if the log ended there
  std::int64_t worst = 0;  // `first` of the last record that is damaged
  LogBounds after;         // as the bounds would be if the log began behind that record
};

// Prefers what loses nothing: if an intact snapshot covers all that is damaged, only history goes.
std::string remedy(const Damage& damage, const LogBounds& bounds, bool end_is_intact,
                   const std::vector<Position>& snapshots, const std::string& path) {
  const std::string command = fmt::format("sqlite3 '{}' 'BEGIN; ", path);
  const bool covered = !snapshots.empty() && snapshots.back() >= damage.after.dropped;
  if (end_is_intact && covered) {
    return fmt::format(
        "; or, as the snapshot of event {} is intact and so is all that follows it, go on from there "
        "with no loss of state: {}DELETE FROM log WHERE first <= {}; DELETE FROM snapshots WHERE "
        "position < {}; UPDATE meta SET dropped = {}, dropped_checksum = {}; COMMIT;'",
        snapshots.back(), command, damage.worst, damage.after.dropped, damage.after.dropped,
        static_cast<std::int64_t>(damage.after.dropped_checksum));
  }
  const bool reachable = bounds.dropped == 0 || std::any_of(snapshots.begin(), snapshots.end(), [&](Position position) {
                           return position >= bounds.dropped && position <= damage.before.last;
                         });
  if (reachable) {
    return fmt::format(
        "; or keep what was before event {} and lose {}: {}DELETE FROM log WHERE {}; DELETE "
        "FROM snapshots WHERE position > {}; UPDATE meta SET last = {}, last_checksum = {}; COMMIT;'",
        damage.before.last + 1, events(damage.before.last + 1, bounds.last), command, damage.behind, damage.before.last,
        damage.before.last, static_cast<std::int64_t>(damage.before.last_checksum));
  }
  return {};
}

}  // namespace

std::uint64_t checksum_of(const LogRecord& record, std::uint64_t before) {
  return hash(record.data,
              {before, record.first, record.count, static_cast<std::uint64_t>(record.at.ns), record.epoch});
}

std::uint64_t checksum_of(const Snapshot& snapshot) {
  return hash(snapshot.data, {snapshot.position, static_cast<std::uint64_t>(snapshot.at.ns), snapshot.state_hash});
}

StoredRecord StoredRecord::read(const Statement& row) {
  StoredRecord stored;
  stored.record.first = static_cast<Position>(row.integer(0));
  stored.record.count = static_cast<std::uint32_t>(row.integer(1));
  stored.record.at.ns = row.integer(2);
  stored.record.epoch = static_cast<Epoch>(row.integer(3));
  stored.checksum = static_cast<std::uint64_t>(row.integer(4));
  stored.record.data = std::string(row.text(5));
  return stored;
}

bool StoredRecord::follows(Position last, std::uint64_t before) const {
  return record.first == last + 1 && record.count >= 1 && checksum == checksum_of(record, before);
}

Status audit_log(Database& database, const LogBounds& bounds, const std::vector<Position>& snapshots,
                 const std::string& path) {
  PENSTOCK_TRY(rows, database.prepare(fmt::format("SELECT {} FROM log ORDER BY first", kLogColumns)));
  Damage damage;
  LogBounds seen = bounds;
  seen.last = bounds.dropped;
  seen.last_checksum = bounds.dropped_checksum;
  std::string behind = "true";
  Epoch epoch = 0;
  while (true) {
    PENSTOCK_TRY(more, rows.step());
    if (!more) break;
    const StoredRecord stored = StoredRecord::read(rows);
    const LogRecord& record = stored.record;
    if (!stored.follows(seen.last, seen.last_checksum)) {
      if (damage.what.empty()) {
        damage.behind = behind;
        damage.before = seen;
        damage.what = fault_of(record, seen.last);
      }
      damage.worst = static_cast<std::int64_t>(record.first);
      damage.after.dropped = record.last();
      damage.after.dropped_checksum = stored.checksum;
    }
    seen.last = record.last();
    seen.last_checksum = stored.checksum;
    if (damage.what.empty()) behind = fmt::format("first > {}", record.first);
    epoch = std::max(epoch, record.epoch);
  }
  const bool end_is_intact = seen == bounds;
  if (!end_is_intact && damage.what.empty()) {
    damage.behind = behind;
    damage.before = seen;
    damage.what = seen.last < bounds.last ? missing(seen.last + 1, bounds.last)
                                          : "the end of the log is not what was written last";
  }
  if (damage.what.empty() && epoch > bounds.epoch) {
    return make_error(Code::kInternal,
                      fmt::format("the journal {} is damaged: it holds events of epoch {} but remembers only epoch {}, "
                                  "which would let a stale leader write. Restore a backup; or set it right: sqlite3 "
                                  "'{}' 'UPDATE meta SET epoch = {};'",
                                  path, epoch, bounds.epoch, path, epoch));
  }
  if (damage.what.empty()) return ok_status();
  return make_error(Code::kInternal, fmt::format("the journal {} is damaged: {}. Restore a backup{}", path, damage.what,
                                                 remedy(damage, bounds, end_is_intact, snapshots, path)));
}

}  // namespace penstock
