// RFC 3339 and ISO 8601 text for Time and Duration.
#include "base/time.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace penstock {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Reads exactly `digits` digits at `at` and moves on.
bool take(std::string_view text, std::size_t& at, int digits, int& out) {
  if (at + digits > text.size()) return false;
  out = 0;
  for (int i = 0; i < digits; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  at += digits;
  return true;
}

bool take(std::string_view text, std::size_t& at, char expected) {
  if (at >= text.size() || text[at] != expected) return false;
  ++at;
  return true;
}

// Reads ".123456789" as nanoseconds; absent means zero.
bool take_fraction(std::string_view text, std::size_t& at, std::int64_t& nanos) {
  nanos = 0;
  if (at >= text.size() || text[at] != '.') return true;
  ++at;
  std::int64_t scale = kSecond;
  const std::size_t start = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    if (scale == 1) return false;
    scale /= 10;
    nanos += (text[at] - '0') * scale;
    ++at;
  }
  return at > start;
}

// Written into every event and every snapshot, so without the detour of a format string.
void put(std::string& out, std::int64_t number, int digits) {
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(digits));
  for (std::size_t at = out.size(); at > begin; number /= 10) out[--at] = static_cast<char>('0' + number % 10);
}

std::string fraction(std::int64_t nanos) {
  if (nanos == 0) return {};
  std::string text = ".";
  put(text, nanos, 9);
  while (text.back() == '0') text.pop_back();
  return text;
}

bool parse_time(std::string_view text, Time& out) {
  std::size_t at = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, at, 4, year) || !take(text, at, '-') || !take(text, at, 2, month) || !take(text, at, '-') ||
      !take(text, at, 2, day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2261) return false;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  std::int64_t nanos = 0;
  std::int64_t offset = 0;
  if (at < text.size()) {
    if (text[at] != 'T' && text[at] != 't' && text[at] != ' ') return false;
    ++at;
    if (!take(text, at, 2, hour) || !take(text, at, ':') || !take(text, at, 2, minute) || !take(text, at, ':') ||
        !take(text, at, 2, second) || !take_fraction(text, at, nanos)) {
      return false;
    }
    if (hour > 23 || minute > 59 || second > 59 || at >= text.size()) return false;
    const char zone = text[at++];
    if (zone == '+' || zone == '-') {
      int zone_hours = 0, zone_minutes = 0;
      if (!take(text, at, 2, zone_hours) || !take(text, at, ':') || !take(text, at, 2, zone_minutes)) return false;
      if (zone_hours > 23 || zone_minutes > 59) return false;
      offset = (zone_hours * 3600 + zone_minutes * 60) * (zone == '-' ? -1 : 1);
    } else if (zone != 'Z' && zone != 'z') {
      return false;
    }
    if (at != text.size()) return false;
  }
  out.ns = (days * 86400 + hour * 3600 + minute * 60 + second - offset) * kSecond + nanos;
  return true;
}

bool parse_duration(std::string_view text, Duration& out) {
  std::size_t at = 0;
  if (!take(text, at, 'P')) return false;
  __int128 total = 0;
  bool in_time = false;
  bool any = false;
  std::string_view order = "DHMS";
  while (at < text.size()) {
    if (text[at] == 'T') {
      if (in_time || at + 1 == text.size()) return false;
      in_time = true;
      ++at;
      continue;
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return false;
    at = static_cast<std::size_t>(end - text.data());
    std::int64_t nanos = 0;
    const std::size_t before = at;
    if (!take_fraction(text, at, nanos) || at >= text.size()) return false;
    const bool fractional = at != before;
    const char unit = text[at++];
    const std::size_t rank = order.find(unit);
    if (rank == std::string_view::npos || (unit == 'D') == in_time || (fractional && unit != 'S')) return false;
    order.remove_prefix(rank + 1);
    const std::int64_t factor = unit == 'D' ? 86400 : unit == 'H' ? 3600 : unit == 'M' ? 60 : 1;
    total += static_cast<__int128>(number) * factor * kSecond + nanos;
    if (total > std::numeric_limits<std::int64_t>::max()) return false;
    any = true;
  }
  out = Duration(static_cast<std::int64_t>(total));
  return any;
}

}  // namespace

Result<Time> Text<Time>::parse(std::string_view text) {
  Time time;
  if (parse_time(text, time)) return time;
  return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", kExpected, text));
}

std::string Text<Time>::format(const Time& value) {
  std::int64_t secs = value.ns / kSecond;
  std::int64_t nanos = value.ns % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --secs;
  }
  const std::int64_t days = secs >= 0 ? secs / 86400 : (secs - 86399) / 86400;
  const std::int64_t rest = secs - days * 86400;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  std::string text;
  text.reserve(30);
  put(text, static_cast<int>(date.year()), 4);
  text += '-';
  put(text, static_cast<unsigned>(date.month()), 2);
  text += '-';
  put(text, static_cast<unsigned>(date.day()), 2);
  text += 'T';
  put(text, rest / 3600, 2);
  text += ':';
  put(text, rest / 60 % 60, 2);
  text += ':';
  put(text, rest % 60, 2);
  text += fraction(nanos);
  text += 'Z';
  return text;
}

Result<Duration> Text<Duration>::parse(std::string_view text) {
  Duration duration;
  if (parse_duration(text, duration)) return duration;
  return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", kExpected, text));
}

std::string Text<Duration>::format(const Duration& value) {
  PENSTOCK_CHECK(value.count() >= 0);
  const std::int64_t secs = value.count() / kSecond;
  const std::int64_t nanos = value.count() % kSecond;
  std::string text = "P";
  if (secs >= 86400) text += fmt::format("{}D", secs / 86400);
  const std::int64_t rest = secs % 86400;
  if (rest == 0 && nanos == 0) return secs == 0 ? "PT0S" : text;
  text += 'T';
  if (rest >= 3600) text += fmt::format("{}H", rest / 3600);
  if (rest / 60 % 60 != 0) text += fmt::format("{}M", rest / 60 % 60);
  if (rest % 60 != 0 || nanos != 0) text += fmt::format("{}{}S", rest % 60, fraction(nanos));
  return text;
}

}  // namespace penstock
