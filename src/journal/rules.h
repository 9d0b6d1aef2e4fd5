// The rules that every journal keeps, whatever it writes to.
#pragma once

#include "journal/journal.h"

namespace penstock {

/// Whether `batch` may follow a log that ends at `last` and has seen `epoch`. kConflict for a lower epoch or a first
/// position that does not follow; kInvalid for a record without events or with numbers beyond 63 bits.
Status check_batch(const CommitBatch& batch, Position last, Epoch epoch);

/// Whether `snapshot` may be stored: its events are in the log (kInvalid) and none stored is newer (kConflict).
/// `newest` is the position of the newest snapshot, 0 if there is none.
Status check_snapshot(const Snapshot& snapshot, Position last, Position newest);

/// The last event that the log may drop while snapshots of these positions (ascending) are kept. While there are
/// fewer than `most`, the empty state at 0 is the one to fall back to, so nothing may go.
Position droppable(const std::vector<Position>& snapshots, std::size_t most, Position keep_after);

/// The answer to calls before recover(), and between a failed write and recover().
Error not_recovered();

/// The answer to replay() from before what is kept.
Error gone(Position after, Position first_kept);

/// The answer where no intact snapshot of this position is kept.
Error no_snapshot(Position position);

/// The answer where no finished workload has this name or uid.
Error not_archived(std::string_view name_or_uid);

}  // namespace penstock
