// What a task may draw and what it keeps after shedding: docs/power.md, "What a node holds".
#pragma once

#include "engine/facts.h"
#include "estate/estate.h"

namespace penstock {

/// What the contract lets a task keep; kWhole if it may not be shed.
Ppm shed_to(const ContractSpec& contract);

/// Fills in `demand` and `firm` of a task on a node of the type, whose `gpus` and `cpu` are known.
void set_draw(TaskPlacement& task, const NodeTypeSpec& type, const ContractSpec& contract, std::optional<Watts> gpu_power);

/// The part of the node's idle power that is the task's.
Watts idle_part(const NodeTypeSpec& type, const TaskPlacement& task);

/// What a task adds to what its node holds anyway.
struct Draw {
  Watts demand;
  Watts firm;
  bool operator==(const Draw&) const = default;
};
/// `shed`: its job has been shed, so that it draws its firm power only.
Draw draw_of(const NodeTypeSpec& type, const TaskPlacement& task, bool shed);

/// What a gang may take up or let go at once, as its tasks work in step.
Watts swing_of(const Estate& estate, const std::vector<TaskPlacement>& tasks);

}  // namespace penstock
