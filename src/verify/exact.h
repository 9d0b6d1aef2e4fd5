// Exact enough amounts: whole numbers of 10⁻⁹ units, where loads round down and limits up, so that no doubt accuses.
#pragma once

#include <algorithm>
#include <cstdint>

namespace penstock::verifier {

/// An amount of watts, or of mL/min, in thousand-millionths. A site has some hundred divisions on the way from a node
/// to the grid, so what the roundings lose stays far below one watt.
using Exact = __int128;

inline constexpr Exact kOne = 1'000'000'000;
inline constexpr Exact kMillion = 1'000'000;
/// Nothing grows beyond this, however absurd the efficiencies of a spec.
inline constexpr Exact kMost = Exact(1) << 100;

/// x × num ÷ den, rounded down or up. Requires x, num >= 0 and den > 0.
inline Exact times_down(Exact x, Exact num, Exact den) {
  if (num == den) return x;
  Exact product = 0;
  if (!__builtin_mul_overflow(x, num, &product)) return std::min(kMost, product / den);
  return __builtin_mul_overflow(x / den, num, &product) ? kMost : std::min(kMost, product);
}
inline Exact times_up(Exact x, Exact num, Exact den) {
  if (num == den) return x;
  Exact product = 0;
  if (__builtin_mul_overflow(x, num, &product)) return kMost;
  return std::min(kMost, (product + den - 1) / den);
}

inline std::int64_t whole_up(Exact x) {
  return static_cast<std::int64_t>((x + kOne - 1) / kOne);
}
inline std::int64_t whole_down(Exact x) {
  return static_cast<std::int64_t>(x / kOne);
}

}  // namespace penstock::verifier
