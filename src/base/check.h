// PENSTOCK_CHECK: invariants that hold in every build; a broken one stops the process before harm spreads.
#pragma once

namespace penstock {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define PENSTOCK_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::penstock::check_failed(#condition, __FILE__, __LINE__))
