// Instants and durations: UTC nanoseconds, given in as arguments, never read from a clock here.
#pragma once

#include "base/units.h"

namespace penstock {

using Duration = Quantity<struct DurationTag>;  ///< nanoseconds

constexpr Duration nanoseconds(std::int64_t n) { return Duration(n); }
constexpr Duration milliseconds(std::int64_t n) { return Duration(n * 1'000'000); }
constexpr Duration seconds(std::int64_t n) { return Duration(n * 1'000'000'000); }
constexpr Duration minutes(std::int64_t n) { return seconds(n * 60); }
constexpr Duration hours(std::int64_t n) { return seconds(n * 3600); }

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
struct Time {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const Time&) const = default;
  friend constexpr Time operator+(Time t, Duration d) { return Time{(Duration(t.ns) + d).count()}; }
  friend constexpr Time operator-(Time t, Duration d) { return Time{(Duration(t.ns) - d).count()}; }
  friend constexpr Duration operator-(Time a, Time b) { return Duration(a.ns) - Duration(b.ns); }
};

/// ISO 8601 durations of days, hours, minutes and seconds: PT3H, P1DT12H, PT0.5S.
/// Months and years are refused: they have no fixed length.
PENSTOCK_DECLARE_TEXT(Duration, "an ISO 8601 duration such as PT30S, PT3H or P1DT12H", false);
/// RFC 3339 in UTC or with an offset; a bare date is its midnight in UTC. Written in UTC.
PENSTOCK_DECLARE_TEXT(Time, "an RFC 3339 time such as 2026-06-01T00:00:00Z, or a date", false);

}  // namespace penstock
