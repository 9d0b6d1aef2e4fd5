// Tables as derived from Microsoft's Philly traces: a job a row, with the total of its GPUs.
#include <fmt/format.h>

#include "sim/traces/readers.h"

namespace penstock::traces {

Result<Trace> read_philly(std::string_view text) {
  Table table(text, Divided::kByCommas);
  PENSTOCK_RETURN_IF_ERROR(table.needs(TraceFormat::kPhilly, {"timestamp", "duration", "num_gpus"}));
  const Column name = table.column({"jobid", "job_id"});
  const Column owner = table.column({"vc", "cluster", "user"});
  const Column timestamp = table.column("timestamp");
  const Column duration = table.column("duration");
  const Column gpus = table.column("num_gpus");
  const Column status = table.column({"status", "state"});
  Collector out(TraceFormat::kPhilly, text);
  while (table.next()) {
    Row& row = table.row();
    TraceJob job;
    const Time submitted = row.time(timestamp);
    job.runs = row.seconds(duration);
    share_out(job, {.gpus = row.count(gpus)});
    if (row.bad()) {
      out.bad(table.line(), row.fault());
      continue;
    }
    job.name = row.text(name);
    if (job.name.empty()) job.name = fmt::format("row {}", table.line());
    job.owner = row.text(owner);
    job.outcome = row.text(status);
    out.job(submitted, std::move(job));
  }
  return std::move(out).finish();
}

}  // namespace penstock::traces
