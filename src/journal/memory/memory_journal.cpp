// The journal's contract over plain containers.
#include "journal/memory/memory_journal.h"

#include "journal/rules.h"

namespace penstock {

MemoryJournal::MemoryJournal(std::size_t snapshots_kept) : snapshots_kept_(snapshots_kept) {
  PENSTOCK_CHECK(snapshots_kept >= 2);
}

Result<Recovered> MemoryJournal::recover() {
  recovered_ = true;
  Recovered found;
  if (!snapshots_.empty()) found.snapshot = snapshots_.rbegin()->second;
  found.last = last_;
  found.epoch = epoch_;
  return found;
}

Status MemoryJournal::replay(Position after, const std::function<Status(const LogRecord&)>& each) {
  if (!recovered_) return not_recovered();
  if (after < first_kept() - 1) return gone(after, first_kept());
  for (const LogRecord& record : records_) {
    if (record.last() > after) PENSTOCK_RETURN_IF_ERROR(each(record));
  }
  return ok_status();
}

Status MemoryJournal::commit(const CommitBatch& batch) {
  if (!recovered_) return not_recovered();
  PENSTOCK_RETURN_IF_ERROR(check_batch(batch, last_, epoch_));
  for (const LogRecord& record : batch.records) {
    records_.push_back(record);
    last_ = record.last();
    epoch_ = record.epoch;
  }
  for (const ArchivedWorkload& workload : batch.archived) archived_[workload.uid] = workload;
  for (const AuditRow& row : batch.audited) audited_[row.position] = row;
  return ok_status();
}

Status MemoryJournal::save_snapshot(const Snapshot& snapshot, Position keep_after) {
  if (!recovered_) return not_recovered();
  PENSTOCK_RETURN_IF_ERROR(check_snapshot(snapshot, last_, snapshots_.empty() ? 0 : snapshots_.rbegin()->first));
  snapshots_[snapshot.position] = snapshot;
  while (snapshots_.size() > snapshots_kept_) snapshots_.erase(snapshots_.begin());
  std::vector<Position> kept;
  for (const auto& [position, stored] : snapshots_) kept.push_back(position);
  const Position through = droppable(kept, snapshots_kept_, keep_after);
  while (!records_.empty() && records_.front().last() <= through) records_.pop_front();
  return ok_status();
}

Result<std::vector<SnapshotInfo>> MemoryJournal::snapshots() {
  if (!recovered_) return not_recovered();
  std::vector<SnapshotInfo> out;
  for (const auto& [position, stored] : snapshots_) out.push_back({position, stored.at, stored.state_hash, stored.data.size()});
  return out;
}

Result<std::string> MemoryJournal::read_snapshot(Position position, std::uint64_t offset, std::size_t most) {
  if (!recovered_) return not_recovered();
  const auto found = snapshots_.find(position);
  if (found == snapshots_.end()) return no_snapshot(position);
  const std::string& data = found->second.data;
  return offset >= data.size() ? std::string() : data.substr(offset, most);
}

Position MemoryJournal::first_kept() const {
  return records_.empty() ? last_ + 1 : records_.front().first;
}

Result<std::string> MemoryJournal::archived_by_name(const std::string& name) {
  if (!recovered_) return not_recovered();
  for (auto entry = archived_.rbegin(); entry != archived_.rend(); ++entry) {
    if (entry->second.name == name) return entry->second.document;
  }
  return not_archived(name);
}

Result<std::string> MemoryJournal::archived_by_uid(Uid uid) {
  if (!recovered_) return not_recovered();
  const auto found = archived_.find(uid);
  if (found == archived_.end()) return not_archived(Text<Uid>::format(uid));
  return found->second.document;
}

Result<std::vector<std::string>> MemoryJournal::archived_list(const std::string& scope, Uid before, std::size_t most) {
  if (!recovered_) return not_recovered();
  std::vector<std::string> documents;
  for (auto entry = archived_.rbegin(); entry != archived_.rend() && documents.size() < most; ++entry) {
    if (before && entry->first >= before) continue;
    if (scope.empty() || entry->second.tenant == scope || entry->second.project == scope) documents.push_back(entry->second.document);
  }
  return documents;
}

Result<std::vector<std::string>> MemoryJournal::audit_list(const AuditQuery& query) {
  if (!recovered_) return not_recovered();
  std::vector<std::string> documents;
  for (auto entry = audited_.rbegin(); entry != audited_.rend() && documents.size() < query.most; ++entry) {
    const AuditRow& row = entry->second;
    if (query.before > 0 && row.position >= query.before) continue;
    if (query.tenant && row.tenant != *query.tenant) continue;
    if (!query.who.empty() && row.who != query.who) continue;
    if (query.operation.empty() || row.operation == query.operation) documents.push_back(row.document);
  }
  return documents;
}

}  // namespace penstock
