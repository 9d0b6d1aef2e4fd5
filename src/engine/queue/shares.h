// Fair share: what tenants and projects hold and held lately, beside what belongs to them. docs/scheduler.md, "Fair share".
#pragma once

#include "engine/facts.h"

namespace penstock {

/// After this long without use, what was held before counts half.
inline constexpr Duration kShareHalfLife = hours(24);

/// 2^(-time / half-life) in units of 2^-32: a table of sixteenths and a short series between, in integers.
std::uint64_t decay(Duration time, Duration half_life);

/// The average at `now` of what was held: `held` ever since `use.as_of`. Solves a' = (held - a) · ln 2 / half-life.
ShareUse settled(const ShareUse& use, MilliGpu held, Time now);

/// Whose turn it is: the least comes first.
struct Standing {
  bool borrows = false;    ///< it holds what is guaranteed to it, or nothing is
  std::int64_t score = 0;  ///< what it holds now and held on average lately, by its weight; if it has a guarantee left: what
                           ///< it holds of that, in millionths
  auto operator<=>(const Standing&) const = default;
};
Standing standing_of(const std::optional<ShareSpec>& share, const ShareUse& use, MilliGpu held, Time now);

}  // namespace penstock
