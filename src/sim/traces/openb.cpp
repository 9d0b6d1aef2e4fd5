// Alibaba's GPU cluster of 2023 (openb): lists of nodes and of pods, each pod one task.
#include "sim/traces/readers.h"

namespace penstock::traces {
namespace {

constexpr std::int64_t kMebi = 1 << 20;
constexpr std::int64_t kMostMebi = kMostBytes / kMebi;

std::vector<std::string> models_in(std::string_view text) {
  std::vector<std::string> models;
  while (!text.empty()) {
    const std::string_view model = trim(next_part(text, '|'));
    if (!model.empty()) models.emplace_back(model);
  }
  return models;
}

Result<Trace> read_nodes(Table& table) {
  PENSTOCK_RETURN_IF_ERROR(table.needs(TraceFormat::kOpenb, {"sn", "cpu_milli", "memory_mib", "gpu", "model"}));
  const Column name = table.column("sn");
  const Column cpu = table.column("cpu_milli");
  const Column memory = table.column("memory_mib");
  const Column gpus = table.column("gpu");
  const Column model = table.column("model");
  Collector out(TraceFormat::kOpenb);
  while (table.next()) {
    Row& row = table.row();
    TraceNode node;
    node.name = row.text(name);
    node.cpu = MilliCpu(row.count(cpu, 0, kMostMilli));
    node.memory = Bytes(row.count(memory, 0, kMostMebi) * kMebi);
    node.gpus = static_cast<std::int32_t>(row.count(gpus));
    node.model = row.text(model);
    if (node.name.empty()) row.expected(name, "a name");
    if (row.bad()) {
      out.bad(table.line(), row.fault());
    } else {
      out.node(std::move(node));
    }
  }
  return std::move(out).finish();
}

// From two devices on they are whole; of one it may be a share.
MilliGpu gpus_of(Row& row, const Column& number, const Column& share) {
  const std::int64_t gpus = row.count(number);
  return MilliGpu(gpus == 1 ? row.count(share, 1, 1000) : gpus * 1000);
}

Result<Trace> read_pods(Table& table, std::string_view text) {
  PENSTOCK_RETURN_IF_ERROR(
      table.needs(TraceFormat::kOpenb, {"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"}));
  const Column name = table.column("name");
  const Column cpu = table.column("cpu_milli");
  const Column memory = table.column("memory_mib");
  const Column gpus = table.column("num_gpu");
  const Column share = table.column("gpu_milli");
  const Column models = table.column("gpu_spec");
  const Column qos = table.column("qos");
  const Column phase = table.column("pod_phase");
  const Column created = table.column("creation_time");
  const Column deleted = table.column("deletion_time");
  const Column scheduled = table.column("scheduled_time");
  // A list may leave the times out, but no end means anything without a beginning.
  if (deleted) PENSTOCK_RETURN_IF_ERROR(table.needs(TraceFormat::kOpenb, {"creation_time"}));
  Collector out(TraceFormat::kOpenb, text);
  while (table.next()) {
    Row& row = table.row();
    TraceJob job;
    job.name = row.text(name);
    job.cpu = MilliCpu(row.count(cpu, 0, kMostMilli));
    job.memory = Bytes(row.count(memory, 0, kMostMebi) * kMebi);
    job.gpus = gpus_of(row, gpus, share);
    job.gpu_models = models_in(row.text(models));
    job.preemptible = row.text(qos) == "BE";
    job.outcome = row.text(phase);
    const Duration submitted = created ? row.seconds(created) : Duration();
    const Duration from = row.seconds_if_known(scheduled).value_or(submitted);
    if (const std::optional<Duration> until = row.seconds_if_known(deleted)) {
      job.runs = *until - from;
      if (job.runs < Duration()) row.expected(deleted, "a time after it was scheduled or created");
    }
    if (job.name.empty()) row.expected(name, "a name");
    if (row.bad()) {
      out.bad(table.line(), row.fault());
    } else {
      out.job(Time{submitted.count()}, std::move(job));
    }
  }
  return std::move(out).finish();
}

}  // namespace

Result<Trace> read_openb(std::string_view text) {
  Table table(text, Divided::kByCommas);
  return table.column("sn") ? read_nodes(table) : read_pods(table, text);
}

}  // namespace penstock::traces
