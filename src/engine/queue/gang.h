// The life of a gang once it has started: tasks report, one failure ends all, the whole ends once.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Takes in what a runtime says of one task. Reports of unknown or ended allocations and reports that tell nothing
/// new are ignored: runtimes repeat themselves. With `node`, only tasks placed there are accepted.
void take_report(Step& step, const TaskReport& report, const std::string* node);

/// The first back-off after a failed attempt; doubled each time up to the most.
inline constexpr Duration kFirstBackOff = seconds(5);
inline constexpr Duration kMostBackOff = minutes(10);

}  // namespace penstock
