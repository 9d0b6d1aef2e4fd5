// Sorted once, then read off.
#include "sim/spread.h"

#include <algorithm>

namespace penstock {

Spread spread_of(std::vector<std::int64_t> values) {
  Spread out;
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  const auto at = [&](std::size_t percent) { return values[(values.size() * percent + 99) / 100 - 1]; };
  out.count = static_cast<std::int64_t>(values.size());
  out.mean = sum / out.count;
  out.p50 = at(50);
  out.p90 = at(90);
  out.p99 = at(99);
  out.most = values.back();
  return out;
}

}  // namespace penstock
