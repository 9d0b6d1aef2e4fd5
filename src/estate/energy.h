// What energy costs and weighs at a site, by its price, its tariff and its carbon series.
#pragma once

#include "spec/estate.h"

namespace penstock {

inline constexpr std::int64_t kJoulesPerKwh = 3'600'000;

/// Of a kWh: by the tariff, or where it has not begun or there is none by the price. Nothing if nobody told.
std::optional<Money> price_at(const GridSpec& grid, Time now);
/// Grams of a kWh; nothing if nobody told or the series has not begun.
std::optional<std::int64_t> carbon_at(const GridSpec& grid, Time now);

/// What energy that flows evenly from `from` to `to` costs, and the carbon dioxide that it stands for: exact over all points of the
/// series, rounded once, half away from 0. A time of which nobody told costs nothing. Nothing if nobody told of any. Requires from < to.
std::optional<Money> cost_of(const GridSpec& grid, Joules energy, Time from, Time to);
std::optional<Milligrams> carbon_of(const GridSpec& grid, Joules energy, Time from, Time to);

}  // namespace penstock
