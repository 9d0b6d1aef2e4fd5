// Metering: what an allocation used and costs, in exact integers, row by row.
#pragma once

#include "engine/step.h"

namespace penstock {

/// The job's next row: from the end of the one before, or its grant, to `to`. Requires that it holds something.
/// GPU time = milli-GPU × whole milliseconds. Energy of the last row = what nodes measured for their tasks, less what rows before it had;
/// else, and for tasks without a measurement, the task's demand × time (an upper bound), or what shedding left of it. One modelled task
/// makes the source `model`. A measurement below 0 or above kIncredible times what the whole node can draw is not believed. The price is that of the
/// grant, and for later rows that of the contract's terms when the row begins. Cost = GPU time × price ÷ 1 h, half up.
Usage meter(const State& state, const Job& job, Time to);

/// Ends the job's row now, because something that prices it changes. Nothing if the row would be shorter than a millisecond.
void cut_row(Step& step, const Job& job);
/// Ends all rows that run through the end of a month, or through a date of their contract's terms, that has come.
void cut_books(Step& step);

inline constexpr std::int64_t kIncredible = 10;

}  // namespace penstock
