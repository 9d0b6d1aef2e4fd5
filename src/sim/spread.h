// Percentiles of durations.
#pragma once

#include "sim/report.h"

namespace penstock {

/// Of durations in seconds.
Spread spread_of(std::vector<std::int64_t> values);

}  // namespace penstock
