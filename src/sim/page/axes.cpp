// Round values and round times.
#include "sim/page/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace penstock::page {
namespace {

using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kMonth = 2'629'746;  // on average
constexpr std::int64_t kMonday = 4 * kDay;  // the first after the beginning of 1970
constexpr std::int64_t kMostMarks = 8;

constexpr std::array<std::int64_t, 17> kSteps{1,    5,        15,        60,        300,       900,
                                              1800, kHour,    2 * kHour, 3 * kHour, 6 * kHour, 12 * kHour,
                                              kDay, 2 * kDay, 7 * kDay,  14 * kDay, 28 * kDay};
constexpr std::array<int, 8> kMonths{1, 3, 6, 12, 24, 60, 120, 600};

std::string clock_text(std::int64_t of_day, std::int64_t step) {
  const std::string text = fmt::format("{:02}:{:02}", of_day / kHour, of_day / 60 % 60);
  return step < 60 ? text + fmt::format(":{:02}", of_day % 60) : text;
}

year_month_day day_of(std::int64_t seconds) {
  return sys_days(std::chrono::floor<days>(std::chrono::seconds(seconds)));
}

std::vector<Mark> month_marks(std::int64_t from, std::int64_t span) {
  int step = kMonths.back();
  for (auto s = kMonths.rbegin(); s != kMonths.rend() && span <= *s * kMonth * kMostMarks; ++s) step = *s;
  std::vector<Mark> marks;
  const year_month_day first = day_of(from);
  for (auto at = first.year() / first.month() / 1;; at += months(1)) {
    const std::int64_t offset = sys_days(at).time_since_epoch().count() * kDay - from;
    if (offset > span) return marks;
    const auto number = static_cast<unsigned>(at.month());
    if (offset < 0 || (static_cast<int>(at.year()) * 12 + static_cast<int>(number) - 1) % step != 0) continue;
    marks.push_back({offset, fmt::format("{} {}", month(number), static_cast<int>(at.year()))});
  }
}

std::vector<Mark> date_marks(std::int64_t from, std::int64_t span, std::int64_t step) {
  const std::int64_t base = step % (7 * kDay) == 0 ? kMonday : 0;  // weeks begin on Mondays
  std::vector<Mark> marks;
  for (std::int64_t at = mul_div_ceil(from - base, 1, step) * step + base; at <= from + span; at += step) {
    const std::int64_t of_day = (at % kDay + kDay) % kDay;
    const year_month_day day = day_of(at);
    marks.push_back({at - from, of_day == 0 ? fmt::format("{} {}", static_cast<unsigned>(day.day()),
                                                          month(static_cast<unsigned>(day.month())))
                                            : clock_text(of_day, step)});
  }
  return marks;
}

}  // namespace

std::vector<Mark> value_marks(std::int64_t most, std::int64_t divisor) {
  if (most <= 0) return {{0, "0"}, {divisor, "1"}};
  // The smallest of 1, 2, 5, 10, 20, … of which five reach the top.
  std::int64_t step = 1;
  for (int i = 0; step * 5 < most; ++i) step = i % 3 == 1 ? step / 2 * 5 : step * 2;
  std::vector<Mark> marks;
  for (std::int64_t at = 0;; at += step) {
    int decimals = 0;
    for (std::int64_t rest = at % divisor; rest != 0; rest = rest * 10 % divisor) ++decimals;
    marks.push_back({at, fixed(at, divisor, decimals)});
    if (at >= most) return marks;
  }
}

std::vector<Mark> time_marks(const TimeAxis& axis) {
  const auto* step =
      std::find_if(kSteps.begin(), kSteps.end(), [&](std::int64_t s) { return axis.span <= s * kMostMarks; });
  if (axis.from) {
    const std::int64_t from = axis.from->ns / 1'000'000'000;
    return step >= kSteps.end() - 1 ? month_marks(from, axis.span) : date_marks(from, axis.span, *step);
  }
  std::int64_t elapsed = step == kSteps.end() ? kSteps.back() : *step;
  while (axis.span > elapsed * kMostMarks) elapsed *= 2;
  std::vector<Mark> marks;
  for (std::int64_t at = 0; at <= axis.span; at += elapsed) marks.push_back({at, at == 0 ? "0" : "+" + duration(at)});
  return marks;
}

}  // namespace penstock::page
