// Traces of real clusters: what was submitted when, what it asked for and how long it ran, out of seven formats.
#pragma once

#include "base/time.h"

namespace penstock {

enum class TraceFormat {
  kOpenb,     ///< Alibaba's cluster-trace-gpu-v2023: a list of pods, or one of nodes
  kPhilly,    ///< one row a job with timestamp, duration, num_gpus; only the total of GPUs is known
  kHelios,    ///< SenseTime's Helios: job_id, user, vc, gpu_num, cpu_num, node_num, state, submit_time …
  kAcme,      ///< Shanghai AI Lab's AcmeTrace: as Helios, with type, gpu_time and, of Kalos, mem_per_pod_GB
  kSlurm,     ///< `sacct --parsable2` or `--parsable`; each part of a heterogeneous job counts as a job
  kSwf,       ///< the standard workload format of the Parallel Workloads Archive; its processors are taken as GPUs
  kPenstock,  ///< our own event log, one JSON event a line
};
constexpr auto enum_names(TraceFormat) {
  using F = TraceFormat;
  return std::array{EnumName<F>{F::kOpenb, "openb"},      EnumName<F>{F::kPhilly, "philly"},
                    EnumName<F>{F::kHelios, "helios"},    EnumName<F>{F::kAcme, "acme"},
                    EnumName<F>{F::kSlurm, "slurm"},      EnumName<F>{F::kSwf, "swf"},
                    EnumName<F>{F::kPenstock, "penstock"}};
}

/// One gang of equal tasks. Amounts are bounded: durations by 100 years, counts by a million, times by the years 1970
/// to 2099, so that sums of a few of them overflow nothing.
struct TraceJob {
  std::string name;    ///< the trace's own id, or `row N` with N the line it stands on; not always unique
  std::string owner;   ///< what fair share goes by: virtual cluster, account, project, group or user; may be empty
  Duration submitted;  ///< since the earliest submission of the trace
  Duration runs;       ///< how long it ran; 0 too where the trace does not tell
  std::optional<Duration> time_limit;
  std::int32_t tasks = 1;
  MilliGpu gpus;           ///< of each task; 0: none
  bool divisible = false;  ///< only the total of GPUs is known (tasks = 1): it may be cut into tasks as large as a node
  MilliCpu cpu;            ///< of each task; 0: not told
  Bytes memory;            ///< of each task; 0: not told
  std::vector<std::string> gpu_models;  ///< allowed ones; empty: any
  bool preemptible = false;             ///< best-effort work
  std::string outcome;                  ///< as the trace says it (Failed, COMPLETED, …); may be empty

  bool operator==(const TraceJob&) const = default;
};

struct TraceNode {
  std::string name;
  MilliCpu cpu;
  Bytes memory;
  std::int32_t gpus = 0;
  std::string model;  ///< of its GPUs; may be empty

  bool operator==(const TraceNode&) const = default;
};

/// A row that could not be read, and why.
struct BadRow {
  std::size_t line = 0;
  std::string why;

  bool operator==(const BadRow&) const = default;
};

/// Rows that are in order and no work that ran: steps of jobs, jobs that never started …
struct SkippedRows {
  std::string why;
  std::size_t count = 0;

  bool operator==(const SkippedRows&) const = default;
};

/// What a trace holds. Every row became a node, a job, a bad row or a skipped one: the four add up to `rows`.
struct Trace {
  static constexpr std::size_t kMostBadRows = 1000;  ///< that `bad` keeps

  TraceFormat format = TraceFormat::kOpenb;
  std::vector<TraceNode> nodes;
  std::vector<TraceJob> jobs;  ///< by submission; those of one instant as in the file
  std::size_t rows = 0;        ///< of an event log: the jobs and the lines that cannot be read
  std::vector<BadRow> bad;     ///< the first of them
  std::size_t bad_rows = 0;
  std::vector<SkippedRows> skipped;  ///< by reason, in the order in which they were met
};

/// Reads a trace. Its format is told by its first line unless it is named. kInvalid, with line and column, if it cannot
/// be told, if the header lacks a column, or if no row can be used. Times without a zone count as UTC; decimals are
/// exact to the nanosecond, what is finer is cut off.
Result<Trace> read_trace(std::string_view text, std::optional<TraceFormat> format = {});

}  // namespace penstock
