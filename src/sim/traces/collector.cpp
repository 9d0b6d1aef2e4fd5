// Gathers a trace: counts what became of each row, and sorts the jobs by submission.
#include "sim/traces/collector.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::traces {
namespace {

// Text that is nothing but line ends should not cost a job's room for each of them.
constexpr std::ptrdiff_t kMostRoom = 1'000'000;

}  // namespace

Collector::Collector(TraceFormat format, std::string_view table) {
  trace_.format = format;
  const auto room = static_cast<std::size_t>(std::min(std::count(table.begin(), table.end(), '\n'), kMostRoom));
  trace_.jobs.reserve(room);
  submitted_.reserve(room);
}

void Collector::job(Time submitted, TraceJob job) {
  submitted_.push_back(submitted);
  trace_.jobs.push_back(std::move(job));
}

void Collector::bad(std::size_t line, std::string why) {
  if (trace_.bad_rows++ < Trace::kMostBadRows) trace_.bad.push_back({line, std::move(why)});
}

void Collector::skip(std::string_view why) {
  for (SkippedRows& rows : trace_.skipped) {
    if (rows.why == why) {
      ++rows.count;
      return;
    }
  }
  trace_.skipped.push_back({std::string(why), 1});
}

Result<Trace> Collector::finish() && {
  trace_.rows = trace_.nodes.size() + trace_.jobs.size() + trace_.bad_rows;
  for (const SkippedRows& rows : trace_.skipped) trace_.rows += rows.count;
  if (trace_.jobs.empty() && trace_.nodes.empty()) {
    std::string why = trace_.rows == 0 ? "there is no row in the trace" : "no row of the trace is work that ran";
    for (const SkippedRows& rows : trace_.skipped) why += fmt::format("; {} {}", rows.count, rows.why);
    if (trace_.bad.empty()) return error_at(1, std::move(why));
    const BadRow& first = trace_.bad.front();
    return error_at(first.line,
                    fmt::format("{}; {} cannot be read, this one first: {}", why, trace_.bad_rows, first.why));
  }
  // Jobs are large: their places are sorted, and each is moved once.
  std::vector<std::pair<Time, std::size_t>> order;
  order.reserve(trace_.jobs.size());
  for (std::size_t i = 0; i < trace_.jobs.size(); ++i) order.emplace_back(submitted_[i], i);
  std::sort(order.begin(), order.end());
  std::vector<TraceJob> jobs;
  jobs.reserve(order.size());
  for (const auto& [submitted, place] : order) {
    TraceJob& job = jobs.emplace_back(std::move(trace_.jobs[place]));
    job.submitted = submitted - order.front().first;
  }
  trace_.jobs = std::move(jobs);
  return std::move(trace_);
}

}  // namespace penstock::traces
