// Keeping the account of an import.
#include "exchange/netbox/ledger.h"

namespace penstock {

bool ImportLedger::read(const std::string& kind, std::int64_t id, const std::string& name) {
  return entries_[kind].try_emplace(id, Entry{name, Verdict::kNone, {}}).second;
}

void ImportLedger::give(const std::string& kind, std::int64_t id, Verdict verdict, std::string why) {
  const auto of_kind = entries_.find(kind);
  PENSTOCK_CHECK(of_kind != entries_.end() && of_kind->second.contains(id));
  Entry& entry = of_kind->second.at(id);
  if (entry.verdict == Verdict::kNotMapped || entry.verdict == Verdict::kLeftOut) return;
  if (entry.verdict == Verdict::kMapped && verdict == Verdict::kNone) return;
  entry.verdict = verdict;
  entry.why = std::move(why);
}

const std::string& ImportLedger::name_of_object(const std::string& kind, std::int64_t id) const {
  return entries_.at(kind).at(id).name;
}

void ImportLedger::assume(const std::string& kind, std::int64_t id, std::string what) {
  assumed_.push_back({kind, id, name_of_object(kind, id), std::move(what)});
}

void ImportLedger::rename(const std::string& kind, std::int64_t id, std::string how) {
  renamed_.push_back({kind, id, name_of_object(kind, id), std::move(how)});
}

ImportReport ImportLedger::report() const {
  ImportReport report;
  report.assumed = assumed_;
  report.renamed = renamed_;
  for (const auto& [kind, entries] : entries_) {
    ImportCount& count = report.counts.emplace_back();
    count.kind = kind;
    for (const auto& [id, entry] : entries) {
      ++count.read;
      switch (entry.verdict) {
        case Verdict::kMapped:
          ++count.mapped;
          break;
        case Verdict::kLeftOut:
          ++count.left_out;
          break;
        case Verdict::kNone:
        case Verdict::kNotMapped:
          ++count.not_mapped;
          report.not_mapped.push_back(
              {kind, id, entry.name, entry.why.empty() ? "nothing that was mapped refers to it" : entry.why});
      }
    }
  }
  return report;
}

}  // namespace penstock
