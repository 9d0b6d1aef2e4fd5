// Metering of allocations.
#include "engine/ledger/ledger.h"

namespace penstock {

Usage meter(const State& state, const Job& job, Time to) {
  const Allocation& allocation = *job.allocation;
  Usage usage;
  usage.allocation = allocation.uid;
  usage.job = job.uid;
  usage.workload = job.name;
  usage.contract = allocation.contract;
  usage.from = allocation.from;
  usage.to = to;
  usage.gpus = allocation.gpus;
  const std::int64_t millis = (to - allocation.from).count() / 1'000'000;
  usage.gpu_time = GpuMicros((allocation.gpus * millis).count());

  bool modelled = false;
  EnergySource measured = EnergySource::kModel;
  std::set<std::string> models;
  const std::vector<NodeIndex>& nodes = state.held_nodes(job.uid);
  const NodeTypeSpec* last = nullptr;  // of the task before: mostly it is the same
  for (std::size_t rank = 0; rank < allocation.tasks.size(); ++rank) {
    const TaskPlacement& task = allocation.tasks[rank];
    const NodeTypeSpec& type = state.estate().type_of(nodes[rank]).spec;
    if (&type != last) models.insert(type.devices.model);
    last = &type;
    const TaskReport& report = job.tasks[rank];
    const Joules most(mul_div_ceil(type.power.max.count() * kIncredible, millis + 1000, 1000));
    if (report.energy && *report.energy <= most) {
      usage.energy += *report.energy;
      measured = report.energy_source;
    } else {
      modelled = true;
      usage.energy += Joules(mul_div_round(task.demand.count(), millis, 1000));
    }
  }
  usage.energy_source = modelled ? EnergySource::kModel : measured;
  for (const std::string& model : models) usage.gpu_model += usage.gpu_model.empty() ? model : "+" + model;

  constexpr std::int64_t kMicrosPerHour = 3'600'000'000;
  usage.cost.currency = allocation.price_per_gpu_hour.currency;
  usage.cost.micros = mul_div_round(usage.gpu_time.count(), allocation.price_per_gpu_hour.micros, kMicrosPerHour);
  return usage;
}

}  // namespace penstock
