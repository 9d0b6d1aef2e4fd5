// Rounding is half away from zero, everywhere.
#include "sim/page/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace penstock::page {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;

bool control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// The first byte of a character, not one of those that go on with it.
bool begins(char c) {
  return (c & 0xC0) != 0x80;
}

std::string two_units(std::int64_t large, std::string_view large_unit, std::int64_t small,
                      std::string_view small_unit) {
  if (small == 0) return fmt::format("{} {}", grouped(large), large_unit);
  return fmt::format("{} {} {} {}", grouped(large), large_unit, small, small_unit);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (control(c)) {
      out += c == '\n' || c == '\t' ? " " : "\uFFFD";
    } else {
      out += c;
    }
  }
  return out;
}

std::string plain(std::string_view text, std::size_t most) {
  std::string out;
  const bool cut = width(text) > most;
  std::size_t characters = 0;
  for (const char c : text) {
    if (begins(c) && ++characters > most - (cut ? 1 : 0)) break;
    out += control(c) ? '?' : c;
  }
  return cut ? out + "…" : out;
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > sign + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string fixed(std::int64_t number, std::int64_t divisor, int decimals) {
  std::int64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  const std::int64_t scaled = mul_div_round(number, scale, divisor);
  const std::string whole = (scaled < 0 ? "-" : "") + grouped(std::abs(scaled / scale));
  return decimals == 0 ? whole : fmt::format("{}.{:0{}}", whole, std::abs(scaled % scale), decimals);
}

std::string brief(std::int64_t number, std::int64_t divisor) {
  const bool large = mul_div_round(number, 10, divisor) >= 1000;
  std::string text = fixed(number, divisor, large ? 0 : 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string percent(Ppm ratio) {
  constexpr std::int64_t kAll = 1'000'000;
  const std::int64_t shown = ratio.count() < kAll ? std::min(ratio.count(), kAll - 1'000) : ratio.count();
  return fixed(shown, 10'000, 1) + "%";
}

std::string duration(std::int64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 600) return two_units(seconds / 60, "min", seconds % 60, "s");
  const std::int64_t minutes = (seconds + 30) / 60;
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < kDay / 60) return two_units(minutes / 60, "h", minutes % 60, "min");
  const std::int64_t hours = (seconds + kHour / 2) / kHour;
  return two_units(hours / 24, "d", hours % 24, "h");
}

std::string_view month(unsigned number) {
  constexpr std::array<std::string_view, 12> kNames{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return kNames[(number - 1) % 12];
}

std::string date(Time at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(at.ns));
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::int64_t minute = (seconds - day).count() / 60;
  std::string text = fmt::format("{} {} {}", static_cast<unsigned>(date.day()),
                                 month(static_cast<unsigned>(date.month())), static_cast<int>(date.year()));
  if (minute != 0) text += fmt::format(" {:02}:{:02}", minute / 60, minute % 60);
  return text;
}

std::string power(std::int64_t kilowatts) {
  return kilowatts < 10'000 ? grouped(kilowatts) + " kW" : fixed(kilowatts, 1'000, 1) + " MW";
}

std::string money(const Money& amount) {
  const std::string number = fixed(amount.micros, 1'000'000, std::abs(amount.micros) < 1'000'000'000 ? 2 : 0);
  return amount.currency.empty() ? number : number + " " + amount.currency;
}

}  // namespace penstock::page
