// Chance from a seed: the same numbers in every build that uses the same mathematical library.
#pragma once

#include <cmath>

#include "base/time.h"

namespace penstock {

/// SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA'14).
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  /// Another stream of the same seed, so that what one part draws does not shift what another does.
  Chance(std::uint64_t seed, std::uint64_t stream) : state_(seed ^ (stream + 1) * 0xD1B54A32D192ED03) { next(); }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// 0 to n - 1, evenly (Lemire's multiplication; its bias is below 2^-32 for the n that occur here).
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
  /// 0 to 1, neither of them.
  double part() { return (static_cast<double>(next() >> 12) + 0.5) / 4503599627370496.0; }
  /// Exponentially distributed, to the millisecond; at least one.
  Duration wait(double mean_seconds) { return of(-std::log(part()) * mean_seconds); }
  /// Log-normally distributed about `median`, to the second; at least one (Box and Muller's method).
  Duration around(Duration median, double sigma) {
    const double far = std::sqrt(-2.0 * std::log(part()));
    const double normal = far * std::cos(6.283185307179586 * part());
    const auto seconds = static_cast<std::int64_t>(std::exp(sigma * normal) * (static_cast<double>(median.count()) / 1e9));
    return penstock::seconds(std::clamp<std::int64_t>(seconds, 1, kMostSeconds));
  }

 private:
  static constexpr std::int64_t kMostSeconds = 10L * 365 * 86'400;
  static Duration of(double seconds) {
    const double most = static_cast<double>(kMostSeconds);
    return milliseconds(std::max<std::int64_t>(1, static_cast<std::int64_t>((seconds < most ? seconds : most) * 1000.0)));
  }
  std::uint64_t state_;
};

}  // namespace penstock
