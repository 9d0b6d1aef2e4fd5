// The chain of checksums through the log: made with every record, followed at every start.
#pragma once

#include "journal/journal.h"
#include "journal/sqlite/database.h"

namespace penstock {

/// Where the kept log begins and ends, stored beside it so that nothing can go missing at either end.
struct LogBounds {
  Position last = 0;                   ///< the last durable event
  std::uint64_t last_checksum = 0;     ///< of the record that holds it
  Epoch epoch = 0;                     ///< the highest ever seen
  Position dropped = 0;                ///< the last event that was dropped behind a snapshot
  std::uint64_t dropped_checksum = 0;  ///< of the record that held it

  bool operator==(const LogBounds&) const = default;
};

/// XXH3-64 over the checksum of the record before, every field and the data: finds damage, not forgery.
std::uint64_t checksum_of(const LogRecord& record, std::uint64_t before);
std::uint64_t checksum_of(const Snapshot& snapshot);

/// One row of `log`, read from a statement that selects kLogColumns.
inline constexpr std::string_view kLogColumns = "first, count, at_ns, epoch, checksum, data";
struct StoredRecord {
  LogRecord record;
  std::uint64_t checksum = 0;

  static StoredRecord read(const Statement& row);
  /// Whether it stands where it should and is as it was written, given the last event and checksum before it.
  bool follows(Position last, std::uint64_t before) const;
};

/// Follows the whole chain. kInternal if a record is damaged, missing or moved; the message names the events and the
/// statements that keep the most of the log. `snapshots`: positions of those that are intact, ascending.
Status audit_log(Database& database, const LogBounds& bounds, const std::vector<Position>& snapshots,
                 const std::string& path);

}  // namespace penstock
