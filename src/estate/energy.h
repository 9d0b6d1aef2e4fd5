// What energy costs and weighs at a site, by its price, its tariff and its carbon series.
#pragma once

#include "spec/estate.h"

namespace penstock {

/// Of a kWh: by the tariff, or where it has not begun or there is none by the price. Nothing if nobody told.
std::optional<Money> price_at(const GridSpec& grid, Time now);
/// Grams of a kWh; nothing if nobody told or the series has not begun.
std::optional<std::int64_t> carbon_at(const GridSpec& grid, Time now);

}  // namespace penstock
