// Values of traces out of text, without copies and without floating point.
#include "sim/traces/values.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace penstock::traces {
namespace {

constexpr std::int64_t kNanos = 1'000'000'000;
constexpr std::int64_t kYear2100 = 4'102'444'800;  // in seconds since 1970

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_of_zone(char c) {
  return c == 'Z' || c == 'z' || c == '+' || c == '-';
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view shown(std::string_view text) {
  return text.substr(0, 60);
}

std::string_view next_part(std::string_view& text, char divider) {
  const std::size_t at = text.find(divider);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

std::optional<std::int64_t> product(std::int64_t a, std::int64_t b, std::int64_t most) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out) || out < 0 || out > most) return std::nullopt;
  return out;
}

std::optional<std::int64_t> decimal(std::string_view text, std::int64_t factor) {
  std::uint64_t units = 0;
  const char* const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, units);
  if (failed != std::errc()) return std::nullopt;
  __int128 out = static_cast<__int128>(units) * factor;
  if (at != end) {
    if (*at != '.' || at + 1 == end) return std::nullopt;
    // Each digit is worth a tenth of the one before it. What is left over after 18 of them is below any unit of ours.
    __int128 digits = 0;
    __int128 scale = 1;
    for (const char* digit = at + 1; digit != end; ++digit) {
      if (!is_digit(*digit)) return std::nullopt;
      if (scale == __int128{kNanos} * kNanos) continue;
      digits = digits * 10 + (*digit - '0');
      scale *= 10;
    }
    out += digits * factor / scale;
  }
  if (out > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(out);
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
  const bool plain = at == end;
  const bool with_zeros =
      !plain && *at == '.' && at + 1 != end && std::all_of(at + 1, end, [](char c) { return c == '0'; });
  return plain || with_zeros ? std::optional(number) : std::nullopt;
}

std::optional<Duration> seconds_in(std::string_view text) {
  const std::optional<std::int64_t> nanos = decimal(text, kNanos);
  return nanos && *nanos <= kLongest.count() ? std::optional(Duration(*nanos)) : std::nullopt;
}

std::optional<Time> time_in(std::string_view text) {
  const bool number =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  std::optional<Time> time;
  if (number) {
    if (const auto nanos = decimal(text, kNanos)) time = Time{*nanos};
  } else {
    constexpr std::size_t kDate = std::string_view("2017-10-09").size();
    constexpr std::size_t kToSecond = std::string_view("2017-10-09 07:01:55").size();
    std::array<char, 40> zoned;
    const bool without_zone = text.size() >= kToSecond && text.size() < zoned.size() &&
                              std::none_of(text.begin() + kDate, text.end(), is_of_zone);
    if (without_zone) {
      *std::copy(text.begin(), text.end(), zoned.begin()) = 'Z';
      text = std::string_view(zoned.data(), text.size() + 1);
    }
    if (const Result<Time> parsed = Text<Time>::parse(text); parsed.ok()) time = *parsed;
  }
  return time && is_in_range(*time) ? time : std::nullopt;
}

bool is_in_range(Time time) {
  return time >= Time{} && time < Time{kYear2100 * kNanos};
}

bool is_unknown(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords = {"", "None", "Unknown", "NaT", "nan", "NaN", "null", "N/A"};
  return std::find(kWords.begin(), kWords.end(), text) != kWords.end();
}

void share_out(TraceJob& job, const Amounts& amounts) {
  const std::int64_t nodes = std::max<std::int64_t>(1, amounts.nodes);
  const std::int64_t tasks = amounts.gpus % nodes == 0 ? nodes : 1;
  job.tasks = static_cast<std::int32_t>(tasks);
  job.gpus = MilliGpu(amounts.gpus / tasks * 1000);
  job.cpu = MilliCpu(amounts.cpu.count() / tasks);
  job.memory = Bytes(amounts.memory.count() / tasks);
  job.divisible = amounts.gpus > 1 && tasks != amounts.nodes;
}

}  // namespace penstock::traces
