// Watts of tasks in integers.
#include "engine/power/draw.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr std::int64_t kAll = 1'000'000;

// The task's part of the node, as a fraction.
struct Part {
  std::int64_t part;
  std::int64_t whole;
};

Part part_of(const NodeTypeSpec& type, const TaskPlacement& task) {
  if (task.gpus > MilliGpu(0)) return {task.gpus.count(), std::int64_t{1000} * type.devices.count};
  return {task.cpu.count(), std::max<std::int64_t>(1, type.cpu.count())};
}

// The node's most when each of its devices is held to `limit`.
Watts most_at(const NodeTypeSpec& type, Watts limit) {
  if (!type.devices.power_limit_max) return type.power.max;
  const Watts saved = std::max(Watts(), *type.devices.power_limit_max - limit) * type.devices.count;
  return std::max(type.power.idle, type.power.max - saved);
}

}  // namespace

Ppm shed_to(const ContractSpec& contract) {
  if (contract.shed) return contract.shed->to;
  return Ppm(contract.service_class == ServiceClass::kSpot ? 0 : kAll);
}

Watts idle_part(const NodeTypeSpec& type, const TaskPlacement& task) {
  if (task.gpus == MilliGpu(0)) return Watts();
  const Part part = part_of(type, task);
  return Watts(mul_div_floor(type.power.idle.count(), part.part, part.whole));
}

void set_draw(TaskPlacement& task, const NodeTypeSpec& type, const ContractSpec& contract, std::optional<Watts> gpu_power) {
  const Part part = part_of(type, task);
  const Watts idle = idle_part(type, task);
  const Ppm to = shed_to(contract);
  Watts floor;
  if (task.gpus > MilliGpu(0)) {
    const Watts top = gpu_power ? most_at(type, *gpu_power) : type.power.max;
    task.demand = Watts(mul_div_ceil(top.count(), part.part, part.whole));
    if (to > Ppm(0) && type.devices.power_limit_min) {
      floor = Watts(mul_div_ceil(most_at(type, *type.devices.power_limit_min).count(), part.part, part.whole));
    }
  } else {
    task.demand = Watts(mul_div_ceil((type.power.max - type.power.idle).count(), part.part, part.whole));
  }
  const Watts kept(mul_div_ceil(task.demand.count(), to.count(), kAll));
  task.firm = std::min(task.demand, std::max({idle, kept, floor}));
}

Draw draw_of(const NodeTypeSpec& type, const TaskPlacement& task, bool shed) {
  const Watts idle = idle_part(type, task);
  const Watts firm = std::max(Watts(), task.firm - idle);
  return {shed ? firm : std::max(Watts(), task.demand - idle), firm};
}

Watts swing_of(const Estate& estate, const std::vector<TaskPlacement>& tasks) {
  Watts swing;
  for (const TaskPlacement& task : tasks) {
    swing += draw_of(estate.type_of(estate.find_node(task.node)).spec, task, false).demand;
  }
  return swing;
}

}  // namespace penstock
