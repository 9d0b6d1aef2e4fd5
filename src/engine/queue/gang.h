// The life of a gang once it has started: tasks report, one failure ends all, the whole ends once.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Takes in what a runtime says of one task. Reports of unknown or ended allocations and reports that tell nothing
/// new are ignored: runtimes repeat themselves. With `node`, only tasks placed there are accepted.
void take_report(Step& step, const TaskReport& report, const std::string* node);

/// Grants a waiting job its places, by rank, and starts it.
void start_job(Step& step, const Job& job, std::vector<TaskPlacement> tasks);

/// Ends a job for good; jobs that needed it to succeed end with it if it has not.
void finish_job(Step& step, Uid job, JobPhase phase, JobReason reason, const std::string& message);

/// The first back-off after a failed attempt; doubled each time up to the most. A job whose node was lost does not wait.
inline constexpr Duration kFirstBackOff = seconds(5);
inline constexpr Duration kMostBackOff = minutes(10);

}  // namespace penstock
