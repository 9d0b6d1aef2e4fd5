// SenseTime's Helios and Shanghai AI Lab's Acme: Slurm's accounting as tables with columns of their own.
#include <fmt/format.h>

#include <algorithm>

#include "sim/traces/readers.h"

namespace penstock::traces {
namespace {

constexpr std::int64_t kGiga = 1'000'000'000;

}  // namespace

Result<Trace> read_helios(std::string_view text, TraceFormat format) {
  Table table(text, Divided::kByCommas);
  PENSTOCK_RETURN_IF_ERROR(table.needs(format, {"gpu_num", "submit_time", "duration"}));
  const Column name = table.column("job_id");
  const Column owner = table.column({"vc", "user"});
  const Column gpus = table.column("gpu_num");
  const Column cpus = table.column("cpu_num");
  const Column nodes = table.column("node_num");
  const Column gigabytes = table.column("mem_per_pod_GB");
  const Column state = table.column("state");
  const Column submit = table.column("submit_time");
  const Column start = table.column("start_time");
  const Column end = table.column("end_time");
  const Column duration = table.column("duration");
  Collector out(format, text);
  while (table.next()) {
    Row& row = table.row();
    const Time submitted = row.time(submit);
    const std::optional<Time> started = row.time_if_known(start);
    const std::optional<Time> ended = row.time_if_known(end);
    TraceJob job;
    job.outcome = row.text(state);
    const std::optional<Duration> told = row.seconds_if_known(duration);
    // In the trace of Kalos the duration counts from the submission on. The times themselves are right everywhere.
    if (started && ended) {
      job.runs = *ended - *started;
      if (job.runs < Duration() || job.runs > kLongest)
        row.expected(end, "a time after the start, by 100 years at most");
    } else if (told) {
      job.runs = *told;
    } else if (ended && !start) {
      row.expected(duration, "seconds, where no column start_time stands beside it");
    }
    Amounts amounts;
    amounts.gpus = row.count(gpus);
    if (cpus) amounts.cpu = MilliCpu(row.count(cpus) * 1000);
    std::string_view no_work;
    if (start && !started) {
      no_work = "never started";
    } else if (!told && !ended) {
      no_work = "had not ended";
    } else if (job.outcome == "CANCELLED" && job.runs == Duration()) {
      no_work = "cancelled before they ran";
    }
    if (nodes) amounts.nodes = row.count(nodes, no_work.empty() ? 1 : 0);
    if (gigabytes && !is_unknown(row.text(gigabytes))) {
      const std::optional<std::int64_t> each = decimal(row.text(gigabytes), kGiga);
      const auto all = product(each.value_or(-1), std::max<std::int64_t>(1, amounts.nodes), kMostBytes);
      if (!all) row.expected(gigabytes, "gigabytes such as 1000 or 62.5");
      amounts.memory = Bytes(all.value_or(0));
    }
    if (row.bad()) {
      out.bad(table.line(), row.fault());
    } else if (!no_work.empty()) {
      out.skip(no_work);
    } else {
      share_out(job, amounts);
      job.name = row.text(name);
      if (job.name.empty()) job.name = fmt::format("row {}", table.line());
      job.owner = row.text(owner);
      out.job(submitted, std::move(job));
    }
  }
  return std::move(out).finish();
}

}  // namespace penstock::traces
