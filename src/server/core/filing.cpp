// Which events the books keep, and under which names.
#include "server/core/filing.h"

#include "base/month.h"
#include "base/name.h"

namespace penstock {
namespace {

FiledRow row_of(const EventRecord& record, std::string shelf, std::string month, std::string document) {
  FiledRow row;
  row.position = record.position;
  row.shelf = std::move(shelf);
  row.month = std::move(month);
  row.document = std::move(document);
  return row;
}

}  // namespace

std::vector<FiledRow> filed_rows(const EventRecord& record) {
  std::vector<FiledRow> rows;
  if (const auto* used = std::get_if<UsageRecorded>(&record.event)) {
    FiledRow& row = rows.emplace_back(row_of(record, "usage", month_of(used->usage.from), to_json(used->usage)));
    row.project = parent_of(used->usage.workload);
    row.tenant = tenant_of(row.project);
    row.contract = used->usage.contract;
    row.name = used->usage.workload;
  } else if (const auto* issued = std::get_if<InvoiceIssued>(&record.event)) {
    FiledRow& row = rows.emplace_back(row_of(record, "invoice", issued->invoice.month, to_json(issued->invoice)));
    row.tenant = issued->invoice.tenant;
    row.name = issued->invoice.name;
    rows.push_back(row_of(record, "entries", issued->invoice.month, to_json(std::vector<Entry>{issued->entry})));
  } else if (const auto* closed = std::get_if<MonthClosed>(&record.event)) {
    rows.push_back(row_of(record, "month", closed->month, to_json(*closed)));
    if (!closed->entries.empty()) rows.push_back(row_of(record, "entries", closed->month, to_json(closed->entries)));
  }
  return rows;
}

}  // namespace penstock
