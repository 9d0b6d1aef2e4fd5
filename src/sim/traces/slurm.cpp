// Slurm's accounting as `sacct` prints it with bars between.
#include <fmt/format.h>

#include <array>

#include "sim/traces/readers.h"

namespace penstock::traces {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::string_view kGpu = "gres/gpu";

// [D-]HH:MM:SS[.fraction] or MM:SS.
std::optional<Duration> clock_in(std::string_view text) {
  std::int64_t whole_part = 0;  // in hours, then in minutes
  const bool with_days = text.find('-') != std::string_view::npos;
  if (with_days) {
    const auto days = whole(next_part(text, '-'));
    if (!days || *days > kMostCount) return std::nullopt;
    whole_part = *days * 24;
  }
  std::array<std::string_view, 3> parts;
  std::size_t count = 0;
  while (!text.empty()) {
    if (count == parts.size()) return std::nullopt;
    parts[count++] = next_part(text, ':');
  }
  if (count < (with_days ? 3 : 2)) return std::nullopt;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const auto part = whole(parts[i]);
    if (!part || *part > (i == 0 ? kMostCount : kMinute - 1)) return std::nullopt;
    whole_part = i == 0 ? whole_part + *part : whole_part * kMinute + *part;
  }
  const auto last = seconds_in(parts[count - 1]);
  if (!last || *last >= minutes(1)) return std::nullopt;
  const auto nanos = product(whole_part, minutes(1).count(), kLongest.count());
  if (!nanos || Duration(*nanos) + *last > kLongest) return std::nullopt;
  return Duration(*nanos) + *last;
}

// 500M, 187.50G, 2T; megabytes if it has no unit.
std::optional<std::int64_t> bytes_in(std::string_view text) {
  constexpr std::string_view kUnits = "KMGTPE";
  std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  if (unit == std::string_view::npos) {
    unit = 1;
  } else {
    text.remove_suffix(1);
  }
  const auto bytes = decimal(text, std::int64_t{1} << (10 * (unit + 1)));
  return bytes && *bytes <= kMostBytes ? bytes : std::nullopt;
}

// What a job holds, and of which models its GPUs are.
struct Held {
  Amounts amounts;
  std::vector<std::string> models;
};

// `billing=8,cpu=64,gres/gpu:a100=4,gres/gpu=4,mem=500G,node=1`. Models are told beside the sum of all, or in place of
// it.
Held read_tres(Row& row, const Column& column) {
  Held held;
  std::optional<std::int64_t> gpus;
  std::int64_t by_model = 0;
  for (std::string_view rest = row.text(column); !rest.empty();) {
    const std::string_view entry = trim(next_part(rest, ','));
    std::string_view value = entry;
    const std::string_view key = next_part(value, '=');
    const bool of_model = key.starts_with(kGpu) && key.substr(kGpu.size()).starts_with(':');
    if (key == "mem") {
      const auto bytes = bytes_in(value);
      if (!bytes) row.expected(column, "mem= with a size such as 500G");
      held.amounts.memory = Bytes(bytes.value_or(0));
      continue;
    }
    if (key != "cpu" && key != "node" && key != kGpu && !of_model) continue;
    const std::optional<std::int64_t> number = whole(value);
    if (!number || *number > kMostCount) {
      row.wrong(
          fmt::format("{}: expected a whole number from 0 to {}, found '{}'", column.name, kMostCount, shown(entry)));
      continue;
    }
    if (key == "cpu") held.amounts.cpu = MilliCpu(*number * 1000);
    if (key == "node") held.amounts.nodes = *number;
    if (key == kGpu) gpus = *number;
    if (!of_model || *number == 0) continue;
    by_model += *number;
    held.models.emplace_back(key.substr(kGpu.size() + 1));
  }
  held.amounts.gpus = gpus.value_or(by_model);
  if (held.amounts.gpus > kMostCount) row.expected(column, fmt::format("at most {} GPUs", kMostCount));
  return held;
}

class Reader {
 public:
  Reader(Table& table, std::string_view text)
      : table_(table),
        id_(table.column({"JobID", "JobIDRaw"})),
        owner_{table.column("Account"), table.column("User"), table.column("Partition")},
        submit_(table.column("Submit")),
        start_(table.column("Start")),
        end_(table.column("End")),
        elapsed_(table.column("Elapsed")),
        elapsed_seconds_(table.column("ElapsedRaw")),
        limit_(table.column("Timelimit")),
        limit_minutes_(table.column("TimelimitRaw")),
        state_(table.column("State")),
        allocated_(table.column("AllocTRES")),
        requested_(table.column("ReqTRES")),
        nodes_(table.column({"NNodes", "AllocNodes"})),
        cpus_(table.column({"AllocCPUS", "NCPUS", "ReqCPUS"})),
        out_(TraceFormat::kSlurm, text) {}

  Result<Trace> read() && {
    while (table_.next()) take();
    return std::move(out_).finish();
  }

 private:
  void take() {
    Row& row = table_.row();
    const std::string_view id = row.text(id_);
    if (!row.bad() && id.find('.') != std::string_view::npos) return out_.skip("steps of jobs");
    if (id.empty()) row.expected(id_, "the number of a job");
    // "CANCELLED by 1000" tells the user as well.
    std::string_view state = row.text(state_);
    state = next_part(state, ' ');
    const Time submitted = row.time(submit_);
    const std::optional<Time> started = row.time_if_known(start_);
    const std::optional<Time> ended = row.time_if_known(end_);
    TraceJob job;
    job.runs = elapsed(row, started, ended);
    job.time_limit = limit(row);
    Held held = what_it_holds(row);
    const bool going_on = end_ ? !ended : state == "RUNNING" || state == "SUSPENDED" || state == "COMPLETING";
    std::string_view no_work;
    if (!started) {
      no_work = "never started";
    } else if (going_on) {
      no_work = "had not ended";
    } else if (state == "CANCELLED" && job.runs == Duration()) {
      no_work = "cancelled before they ran";
    } else if (held.amounts.nodes == 0 && !row.text(nodes_).empty()) {
      row.expected(nodes_, "at least 1 node of a job that ran");
    }
    if (row.bad()) return out_.bad(table_.line(), row.fault());
    if (!no_work.empty()) return out_.skip(no_work);
    share_out(job, held.amounts);
    job.name = id;
    for (const Column& column : owner_) {
      if (job.owner.empty()) job.owner = row.text(column);
    }
    job.gpu_models = std::move(held.models);
    job.outcome = state;
    out_.job(submitted, std::move(job));
  }

  // Times are local and without a zone, so that their difference is wrong by an hour where summer time begins or ends.
  Duration elapsed(Row& row, std::optional<Time> started, std::optional<Time> ended) const {
    if (!started) return {};
    if (elapsed_seconds_) return row.seconds(elapsed_seconds_);
    if (elapsed_) return clock(row, elapsed_);
    if (!ended) return {};
    const Duration between = *ended - *started;
    if (between < Duration() || between > kLongest) row.expected(end_, "a time after the start, by 100 years at most");
    return between;
  }

  std::optional<Duration> limit(Row& row) const {
    std::optional<Duration> out;
    const Column& column = limit_ ? limit_ : limit_minutes_;
    const std::string_view text = row.text(column);
    if (is_unknown(text) || text == "UNLIMITED" || text == "Partition_Limit") return out;
    if (limit_) {
      out = clock(row, limit_);
    } else {
      out = minutes(row.count(limit_minutes_, 0, kLongest.count() / minutes(1).count()));
    }
    return *out > Duration() ? out : std::nullopt;  // 0 asks for none
  }

  static Duration clock(Row& row, const Column& column) {
    const std::optional<Duration> duration = clock_in(row.text(column));
    if (!duration) row.expected(column, "[D-]HH:MM:SS of at most 100 years");
    return duration.value_or(Duration());
  }

  Held what_it_holds(Row& row) const {
    Held held = read_tres(row, row.text(allocated_).empty() ? requested_ : allocated_);
    if (held.amounts.nodes == 0 && !row.text(nodes_).empty()) held.amounts.nodes = row.count(nodes_);
    if (held.amounts.cpu == MilliCpu() && !row.text(cpus_).empty())
      held.amounts.cpu = MilliCpu(row.count(cpus_) * 1000);
    return held;
  }

  Table& table_;
  Column id_;
  std::array<Column, 3> owner_;
  Column submit_, start_, end_;
  Column elapsed_, elapsed_seconds_;
  Column limit_, limit_minutes_;
  Column state_;
  Column allocated_, requested_, nodes_, cpus_;
  Collector out_;
};

}  // namespace

Result<Trace> read_slurm(std::string_view text) {
  Table table(text, Divided::kByBars);
  PENSTOCK_RETURN_IF_ERROR(
      table.needs(TraceFormat::kSlurm, {"JobID|JobIDRaw", "Submit", "Start", "End|Elapsed|ElapsedRaw",
                                        "AllocTRES|ReqTRES|NNodes|AllocNodes|AllocCPUS|NCPUS|ReqCPUS"}));
  return Reader(table, text).read();
}

}  // namespace penstock::traces
