// What the checks of all specs share: bounds and the shapes of names, each fault with what was expected.
#pragma once

#include "base/json.h"
#include "base/name.h"

namespace penstock {

/// Bounds on what one object may claim, far beyond any machine, so that sums over a fleet stay within 64 bits.
inline constexpr std::int32_t kMostDevices = 64;
inline constexpr std::int64_t kMostTasks = 65'536;
inline constexpr Watts kMostNodePower{1'000'000};
inline constexpr Watts kMostPower{1'000'000'000'000};
inline constexpr MillilitresPerMinute kMostFlow{1'000'000'000'000};
inline constexpr Grams kMostWeight{1'000'000'000};
inline constexpr MilliCpu kMostCores{65'536'000};
inline constexpr Bytes kMostMemory{1LL << 46};
inline constexpr Bytes kMostDisk{1LL << 50};
inline constexpr std::int64_t kMostContractGpus = 10'000'000;
inline constexpr std::int64_t kMostPriceMicros = 1'000'000'000'000;
inline constexpr std::int64_t kMostSumMicros = 1'000'000'000'000'000'000;
inline constexpr std::size_t kMostPoints = 100'000;
inline constexpr std::int64_t kMostGrams = 100'000;
inline constexpr Ppm kWhole{1'000'000};

/// Adds a fault at `field` unless least <= value <= most.
template <class Q>
void check_between(Problems& problems, std::string_view field, const Q& value, const Q& least, const Q& most) {
  if (value >= least && value <= most) return;
  if constexpr (TextType<Q>) {
    problems.add(fmt::format("expected {} to {}, found {}", Text<Q>::format(least), Text<Q>::format(most),
                             Text<Q>::format(value)),
                 field);
  } else {
    problems.add(fmt::format("expected {} to {}, found {}", least, most, value), field);
  }
}

/// Adds a fault for every entry that is no country code (two capitals) or is named twice.
void check_countries(Problems& problems, std::string_view field, const std::vector<std::string>& countries);
void check_country(Problems& problems, std::string_view field, std::string_view country);

/// Adds a fault for every entry that is no label.
void check_labels(Problems& problems, std::string_view field, const std::vector<std::string>& names);
void check_label(Problems& problems, std::string_view field, std::string_view name);

/// Adds a fault unless the price names a currency and is not negative.
void check_price(Problems& problems, std::string_view field, const Money& price);

/// Adds a fault unless the sum names a currency and is from 0 to kMostSumMicros.
void check_sum(Problems& problems, std::string_view field, const Money& sum);

/// Fails unless the price names a currency and stands within the bounds on both sides of 0.
Status check_series_price(const Money& price);

}  // namespace penstock
