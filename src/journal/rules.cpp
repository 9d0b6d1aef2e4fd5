// The checks of batches and snapshots, and the answers that do not depend on the store.
#include "journal/rules.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace penstock {
namespace {

// Stores keep signed 64-bit integers.
constexpr std::uint64_t kHighest = std::numeric_limits<std::int64_t>::max();

}  // namespace

Status check_batch(const CommitBatch& batch, Position last, Epoch epoch) {
  for (const LogRecord& record : batch.records) {
    if (record.count == 0) {
      return make_error(Code::kInvalid, fmt::format("the record at event {} holds no event", record.first));
    }
    if (record.epoch < epoch) {
      return make_error(Code::kConflict, fmt::format("the journal has seen epoch {}, so the leader of epoch {} is "
                                                     "stale and must not write",
                                                     epoch, record.epoch));
    }
    if (record.first != last + 1) {
      return make_error(Code::kConflict,
                        fmt::format("the log ends at event {}, so event {} cannot be next", last, record.first));
    }
    if (record.epoch > kHighest || record.count > kHighest - last) {
      return make_error(Code::kInvalid, fmt::format("epoch {} or event {} is beyond what a journal can count",
                                                    record.epoch, record.first));
    }
    last = record.last();
    epoch = record.epoch;
  }
  return ok_status();
}

Status check_snapshot(const Snapshot& snapshot, Position last, Position newest) {
  if (snapshot.position > last) {
    return make_error(Code::kInvalid, fmt::format("a snapshot of event {} cannot be: the log ends at event {}",
                                                  snapshot.position, last));
  }
  if (snapshot.position < newest) {
    return make_error(Code::kConflict, fmt::format("a snapshot of event {} is stored, so one of event {} is stale",
                                                   newest, snapshot.position));
  }
  return ok_status();
}

Position droppable(const std::vector<Position>& snapshots, std::size_t most, Position keep_after) {
  return snapshots.size() < most ? 0 : std::min(snapshots.front(), keep_after);
}

Error not_recovered() {
  return make_error(Code::kUnavailable, "the journal does not know what is durable; recover() comes first");
}

Error gone(Position after, Position first_kept) {
  return make_error(Code::kGone,
                    fmt::format("events after {} are no longer all kept; the first one is {}", after, first_kept));
}

Error no_snapshot(Position position) {
  return make_error(Code::kGone, fmt::format("no snapshot of event {} is kept: list them again", position));
}

Error not_archived(std::string_view name_or_uid) {
  return make_error(Code::kNotFound, fmt::format("no finished workload '{}' is in the archive", name_or_uid));
}

}  // namespace penstock
