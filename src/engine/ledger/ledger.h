// Metering: what an allocation used and costs, in exact integers.
#pragma once

#include "engine/state.h"

namespace penstock {

/// Meters the job's present allocation from its grant to `to`.
/// GPU time = milli-GPU × whole milliseconds. Energy = what nodes measured for their tasks, else the task's demand ×
/// time (an upper bound); one modelled task makes the source `model`. A measurement above kIncredible times what the
/// whole node can draw is not believed. Cost = GPU time × price ÷ 1 h, half up.
/// Requires that the job has an allocation.
Usage meter(const State& state, const Job& job, Time to);

inline constexpr std::int64_t kIncredible = 10;

}  // namespace penstock
