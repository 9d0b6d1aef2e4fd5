// Months through the days since 1970 (proleptic Gregorian calendar).
#include "base/month.h"

#include <chrono>

#include <fmt/format.h>

namespace penstock {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month;

constexpr std::int64_t kDay = hours(24).count();

year_month month_at(Time at) {
  const std::int64_t days = at.ns >= 0 ? at.ns / kDay : (at.ns - kDay + 1) / kDay;
  const std::chrono::year_month_day date{sys_days(std::chrono::days(days))};
  return date.year() / date.month();
}

Time start_of(year_month month) {
  return Time{sys_days(month / std::chrono::day(1)).time_since_epoch().count() * kDay};
}

}  // namespace

std::string month_of(Time at) {
  const year_month month = month_at(at);
  return fmt::format("{:04}-{:02}", static_cast<int>(month.year()), static_cast<unsigned>(month.month()));
}

Time next_month(Time at) { return start_of(month_at(at) + std::chrono::months(1)); }

Result<Time> month_start(std::string_view month) {
  auto start = Text<Time>::parse(std::string(month) + "-01");
  if (month.size() != 7 || !start.ok()) {
    return make_error(Code::kInvalid, fmt::format("expected a month such as 2026-07, found '{}'", month));
  }
  return start;
}

}  // namespace penstock
