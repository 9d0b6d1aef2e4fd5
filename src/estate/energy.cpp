// Series of dated points, of which the last that has begun counts.
#include "estate/energy.h"

#include <algorithm>

namespace penstock {
namespace {

template <class Points>
auto after(const Points& points, Time now) {
  return std::upper_bound(points.begin(), points.end(), now, [](Time at, const auto& point) { return at < point.from; });
}

template <class Points>
auto last_of(const Points& points, Time now) -> decltype(points.data()) {
  const auto next = after(points, now);
  return next == points.begin() ? nullptr : &*(next - 1);
}

// ∫ value dt over [from, to), by the points and before the first by `before`, times energy ÷ (time × kWh).
template <class Points, class Value>
std::int64_t integral(const Points& points, std::int64_t before, Value value, Joules energy, Time from, Time to) {
  __int128 sum = 0;
  auto next = after(points, from);
  std::int64_t present = next == points.begin() ? before : value(*(next - 1));
  for (Time at = from; at < to;) {
    const Time end = next == points.end() ? to : std::min(to, next->from);
    sum += static_cast<__int128>(present) * ((end - at).count() / 1'000'000);
    at = end;
    if (next != points.end() && at == next->from) present = value(*next++);
  }
  const __int128 whole = static_cast<__int128>(std::max<std::int64_t>(1, (to - from).count() / 1'000'000)) * kJoulesPerKwh;
  const __int128 product = sum * energy.count();
  return static_cast<std::int64_t>((product + (product >= 0 ? whole / 2 : -(whole / 2))) / whole);
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

std::optional<Money> cost_of(const GridSpec& grid, Joules energy, Time from, Time to) {
  static const std::vector<TariffPointSpec> kNone;
  const auto& points = grid.tariff ? grid.tariff->points : kNone;
  if (points.empty() && !grid.price_per_kwh) return std::nullopt;
  const std::string& currency = points.empty() ? grid.price_per_kwh->currency : points.front().price.currency;
  const bool same = grid.price_per_kwh && grid.price_per_kwh->currency == currency;
  const std::int64_t before = same ? grid.price_per_kwh->micros : 0;
  return Money{integral(points, before, [](const TariffPointSpec& point) { return point.price.micros; }, energy, from, to), currency};
}

std::optional<Milligrams> carbon_of(const GridSpec& grid, Joules energy, Time from, Time to) {
  if (!grid.carbon || grid.carbon->points.empty()) return std::nullopt;
  return Milligrams(integral(grid.carbon->points, 0, [](const CarbonPointSpec& point) { return point.grams * 1000; }, energy, from, to));
}

}  // namespace penstock
