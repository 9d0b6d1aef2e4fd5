// The standard workload format (Feitelson and others): 18 numbers a job, -1 where one is not known.
#include <fmt/format.h>

#include "sim/traces/readers.h"

namespace penstock::traces {
namespace {

constexpr std::size_t kFields = 18;

constexpr Column kNumber{"job number (1)", 0};
constexpr Column kSubmitted{"submit time (2)", 1};
constexpr Column kRunTime{"run time (4)", 3};
constexpr Column kAllocated{"allocated processors (5)", 4};
constexpr Column kUsedMemory{"used memory (7)", 6};
constexpr Column kRequested{"requested processors (8)", 7};
constexpr Column kRequestedTime{"requested time (9)", 8};
constexpr Column kRequestedMemory{"requested memory (10)", 9};
constexpr Column kStatus{"status (11)", 10};
constexpr Column kUser{"user (12)", 11};
constexpr Column kGroup{"group (13)", 12};
constexpr Column kQueue{"queue (15)", 14};

constexpr std::int64_t kKibi = 1024;

// -1 is what the format says; some logs write it as a decimal.
bool told(const Row& row, const Column& column) {
  const std::string_view text = row.text(column);
  return !text.starts_with('-') || whole(text.substr(1)) != 1;
}

// The first of two fields that says more than nothing.
const Column& first_told(const Row& row, const Column& one, const Column& other) {
  const std::string_view text = row.text(one);
  return told(row, one) && text != "0" ? one : other;
}

std::string owner_of(const Row& row) {
  if (told(row, kGroup)) return fmt::format("group {}", row.text(kGroup));
  if (told(row, kUser)) return fmt::format("user {}", row.text(kUser));
  return told(row, kQueue) ? fmt::format("queue {}", row.text(kQueue)) : std::string();
}

// Where work was swapped out, the format has a line for each part beside that of the whole; those have these codes.
bool is_part(std::string_view status) {
  return status == "2" || status == "3" || status == "4";
}

std::string_view outcome_of(std::string_view status) {
  return status == "1" ? "completed" : status == "0" ? "failed" : status == "5" ? "cancelled" : "";
}

void take(Row& row, std::size_t line, Collector& out) {
  if (row.size() != kFields) row.wrong(fmt::format("expected {} fields, found {}", kFields, row.size()));
  const std::string_view status = row.text(kStatus);
  if (!row.bad() && is_part(status)) return out.skip("parts of jobs");
  TraceJob job;
  job.outcome = outcome_of(status);
  const Duration submitted = row.seconds(kSubmitted);
  if (told(row, kRunTime)) job.runs = row.seconds(kRunTime);
  const bool ran = told(row, kRunTime) && (job.runs > Duration() || job.outcome != "cancelled");
  const Column& processors = first_told(row, kAllocated, kRequested);
  Amounts amounts;
  if (ran || told(row, processors)) amounts.gpus = row.count(processors, ran ? 1 : 0);
  if (told(row, kRequestedTime)) {
    job.time_limit = row.seconds(kRequestedTime);
    if (*job.time_limit == Duration()) job.time_limit.reset();
  }
  const Column& memory = first_told(row, kRequestedMemory, kUsedMemory);
  if (told(row, memory)) {
    // Kilobytes of each processor; a few logs have them as decimals.
    const std::optional<std::int64_t> each = decimal(row.text(memory), kKibi);
    const auto all = product(each.value_or(-1), amounts.gpus, kMostBytes);
    if (!all) row.expected(memory, "kilobytes of a processor");
    amounts.memory = Bytes(all.value_or(0));
  }
  if (row.bad()) return out.bad(line, row.fault());
  if (!ran) return out.skip(job.outcome == "cancelled" ? "cancelled before they ran" : "without a run time");
  share_out(job, amounts);
  job.name = row.text(kNumber);
  job.owner = owner_of(row);
  out.job(Time{submitted.count()}, std::move(job));
}

}  // namespace

Result<Trace> read_swf(std::string_view text) {
  Collector out(TraceFormat::kSwf, text);
  Row row;
  for (Lines lines(text); lines.next();) {
    if (lines.line().starts_with(';')) continue;
    row.take(lines.line(), Divided::kByBlanks);
    take(row, lines.number(), out);
  }
  return std::move(out).finish();
}

}  // namespace penstock::traces
