// Clocks by clock_gettime.
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

namespace penstock {
namespace {

Duration read_clock(clockid_t clock) {
  timespec now{};
  PENSTOCK_CHECK(clock_gettime(clock, &now) == 0);
  return seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

}  // namespace

Time utc_now() { return Time{read_clock(CLOCK_REALTIME).count()}; }

Duration since_boot() { return read_clock(CLOCK_BOOTTIME); }

}  // namespace penstock
