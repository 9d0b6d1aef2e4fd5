// Averages that decay, in integers.
#include "engine/queue/shares.h"

namespace penstock {
namespace {

constexpr std::int64_t kOne = std::int64_t{1} << 32;
constexpr std::int64_t kLn2 = 2977044472;  // round(2^32 · ln 2)
constexpr std::int64_t kSixteenths = 16;
// round(2^32 · 2^(-i/16))
constexpr std::array<std::int64_t, 16> kTable{4294967296, 4112874773, 3938502376, 3771522796, 3611622603, 3458501653,
                                               3311872529, 3171459999, 3037000500, 2908241642, 2784941738, 2666869345,
                                               2553802834, 2445529972, 2341847524, 2242560872};

}  // namespace

std::uint64_t decay(Duration time, Duration half_life) {
  const std::int64_t halvings = time.count() / half_life.count();
  if (halvings >= 32) return 0;
  const std::int64_t rest = time.count() % half_life.count();
  const std::int64_t i = std::min(mul_div_floor(rest, kSixteenths, half_life.count()), kSixteenths - 1);
  // y = what is left of a sixteenth, times ln 2; exp(-y) by its first terms, of which the next is below 2^-24.
  const std::int64_t left = rest - mul_div_floor(half_life.count(), i, kSixteenths);
  const std::int64_t y = mul_div_round(left, kLn2, half_life.count());
  const std::int64_t square = mul_div_round(y, y, kOne);
  const std::int64_t factor = kOne - y + square / 2 - mul_div_round(square, y, kOne) / 6;
  return static_cast<std::uint64_t>(mul_div_round(kTable[static_cast<std::size_t>(i)], factor, kOne)) >> halvings;
}

ShareUse settled(const ShareUse& use, MilliGpu held, Time now) {
  if (now <= use.as_of) return use;
  const auto left = static_cast<std::int64_t>(decay(now - use.as_of, kShareHalfLife));
  const std::int64_t micro = held.count() * 1000;
  return {now, micro + mul_div_round(use.average - micro, left, kOne)};
}

Standing standing_of(const std::optional<ShareSpec>& share, const ShareUse& use, MilliGpu held, Time now) {
  if (share && share->guaranteed && held < *share->guaranteed) {
    return {false, mul_div_floor(held.count(), 1'000'000, share->guaranteed->count())};
  }
  const std::int64_t weight = share ? share->weight : 1;
  return {true, (settled(use, held, now).average + held.count() * 1000) / weight};
}

}  // namespace penstock
