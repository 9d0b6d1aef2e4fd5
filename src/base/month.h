// Calendar months of UTC, by which accounts are closed: `2026-07`.
#pragma once

#include "base/time.h"

namespace penstock {

/// The month that holds the instant.
std::string month_of(Time at);
/// When the month after the one that holds the instant begins.
Time next_month(Time at);
/// When a month begins; kInvalid unless it is written as `2026-07`.
Result<Time> month_start(std::string_view month);

}  // namespace penstock
