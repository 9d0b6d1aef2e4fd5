// Which trace a text is, and whose reader takes it.
#include "sim/traces/trace.h"

#include <fmt/format.h>

#include "sim/traces/readers.h"

namespace penstock {
namespace {

using namespace traces;

bool has(const Row& row, std::string_view name) {
  for (std::size_t at = 0; at < row.size(); ++at) {
    if (row.field(at) == name) return true;
  }
  return false;
}

std::optional<TraceFormat> format_of(std::string_view line) {
  if (line.starts_with('{')) return TraceFormat::kPenstock;
  if (line.starts_with(';')) return TraceFormat::kSwf;
  Row row;
  row.take(line, Divided::kByBars);
  if (has(row, "JobID") || has(row, "JobIDRaw")) return TraceFormat::kSlurm;
  row.take(line, Divided::kByCommas);
  if ((has(row, "sn") && has(row, "cpu_milli")) || has(row, "gpu_milli")) return TraceFormat::kOpenb;
  if (has(row, "timestamp") && has(row, "num_gpus")) return TraceFormat::kPhilly;
  if (has(row, "submit_time") && has(row, "gpu_num")) {
    return has(row, "type") || has(row, "gpu_time") ? TraceFormat::kAcme : TraceFormat::kHelios;
  }
  row.take(line, Divided::kByBlanks);
  if (row.size() == 18 && seconds_in(row.field(1))) return TraceFormat::kSwf;
  return std::nullopt;
}

Result<TraceFormat> format_in(std::string_view text) {
  Lines lines(text);
  if (!lines.next()) return error_at(1, "the trace is empty");
  if (const std::optional<TraceFormat> format = format_of(lines.line())) return *format;
  return error_at(
      lines.number(),
      fmt::format("what trace is this? Expected a header with the columns name and gpu_milli (openb), sn and "
                  "cpu_milli (nodes of openb), timestamp and num_gpus (philly), submit_time and gpu_num "
                  "(helios, acme) or JobID between bars (slurm), 18 numbers or a ; (swf), or an event as "
                  "JSON (penstock); found '{}'",
                  lines.line().substr(0, 300)));
}

}  // namespace

Result<Trace> read_trace(std::string_view text, std::optional<TraceFormat> format) {
  if (!format) {
    PENSTOCK_TRY(told, format_in(text));
    format = told;
  }
  switch (*format) {
    case TraceFormat::kOpenb:
      return read_openb(text);
    case TraceFormat::kPhilly:
      return read_philly(text);
    case TraceFormat::kHelios:
    case TraceFormat::kAcme:
      return read_helios(text, *format);
    case TraceFormat::kSlurm:
      return read_slurm(text);
    case TraceFormat::kSwf:
      return read_swf(text);
    case TraceFormat::kPenstock:
      return read_event_log(text);
  }
  return make_error(Code::kInternal, "a format of traces without a reader");
}

}  // namespace penstock
