// Budgets of projects: alerts where a part is spent, and a stop where its owner wants one.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Raises every alert whose part of the budget has been spent by now; with the whole of a budget that stops, nothing new of the
/// project starts until the next month.
void watch_budgets(Step& step);
/// When the next alert is due if all that runs goes on; nothing if none is this month.
std::optional<Time> next_alert(const State& state);

/// Whether the budget of the job's project is spent and stops it at `at`. What has started before goes on, also after a fault.
bool stopped_by_budget(const Facts& facts, const Job& job, Time at);

}  // namespace penstock
