// Series of dated points, of which the last that has begun counts.
#include "estate/energy.h"

namespace penstock {
namespace {

template <class Points>
auto last_of(const Points& points, Time now) -> decltype(points.data()) {
  decltype(points.data()) last = nullptr;
  for (const auto& point : points) {
    if (point.from > now) break;
    last = &point;
  }
  return last;
}

}  // namespace

std::optional<Money> price_at(const GridSpec& grid, Time now) {
  if (grid.tariff) {
    if (const TariffPointSpec* point = last_of(grid.tariff->points, now)) return point->price;
  }
  return grid.price_per_kwh;
}

std::optional<std::int64_t> carbon_at(const GridSpec& grid, Time now) {
  if (!grid.carbon) return std::nullopt;
  const CarbonPointSpec* point = last_of(grid.carbon->points, now);
  return point == nullptr ? std::nullopt : std::optional(point->grams);
}

}  // namespace penstock
