// The system's clocks. Not for what decides: there, time is an argument.
#pragma once

#include "base/time.h"

namespace penstock {

/// UTC now. It may jump when somebody sets it.
Time utc_now();
/// Time since boot, sleep included (CLOCK_BOOTTIME): what leases are measured in. Nobody can set it.
Duration since_boot();

}  // namespace penstock
