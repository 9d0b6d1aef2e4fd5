// Reading and writing quantities exactly: decimal text to integers and back, no floating point on the way.
#include "base/units.h"

#include <array>
#include <span>

#include <fmt/format.h>

namespace penstock {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;  // how many of the base unit
};

constexpr std::array kPower{Unit{"W", 1}, Unit{"kW", 1'000}, Unit{"MW", 1'000'000}, Unit{"GW", 1'000'000'000}};
constexpr std::array kEnergy{Unit{"J", 1}, Unit{"kJ", 1'000}, Unit{"MJ", 1'000'000}, Unit{"GJ", 1'000'000'000}};
constexpr std::array kEnergyWh{Unit{"Wh", 3'600}, Unit{"kWh", 3'600'000}, Unit{"MWh", 3'600'000'000},
                               Unit{"GWh", 3'600'000'000'000}};
constexpr std::array kCount{Unit{"", 1'000}};
constexpr std::array kBinary{Unit{"B", 1}, Unit{"KiB", 1LL << 10}, Unit{"MiB", 1LL << 20}, Unit{"GiB", 1LL << 30},
                             Unit{"TiB", 1LL << 40}, Unit{"PiB", 1LL << 50}};
constexpr std::array kDecimalBytes{Unit{"kB", 1'000}, Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000},
                                   Unit{"TB", 1'000'000'000'000}, Unit{"PB", 1'000'000'000'000'000}};
constexpr std::array kFlow{Unit{"mL/min", 1}, Unit{"L/min", 1'000}, Unit{"m3/min", 1'000'000}};
constexpr std::array kWeight{Unit{"g", 1}, Unit{"kg", 1'000}, Unit{"t", 1'000'000}};
constexpr std::array kCarbon{Unit{"mg", 1}, Unit{"g", 1'000}, Unit{"kg", 1'000'000}, Unit{"t", 1'000'000'000}};
constexpr std::array kPercent{Unit{"%", 10'000}};
constexpr std::array kGpuTime{Unit{"GPU-s", 1'000'000}};
constexpr std::array kGpuHours{Unit{"GPU-h", 3'600'000'000}};
constexpr std::array kApparent{Unit{"VA", 1}, Unit{"kVA", 1'000}, Unit{"MVA", 1'000'000}};
constexpr std::array kCurrent{Unit{"mA", 1}, Unit{"A", 1'000}, Unit{"kA", 1'000'000}};
constexpr std::array kVoltage{Unit{"V", 1}, Unit{"kV", 1'000}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Splits "12.5kW" into its number and its suffix; blanks between the two are allowed.
bool split(std::string_view text, std::string_view& number, std::string_view& suffix) {
  std::size_t i = 0;
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t digits = i;
  while (i < text.size() && (is_digit(text[i]) || text[i] == '.')) ++i;
  if (i == digits) return false;
  number = text.substr(0, i);
  suffix = text.substr(i);
  while (!suffix.empty() && suffix.front() == ' ') suffix.remove_prefix(1);
  return true;
}

// decimal × factor as an exact integer, or nothing if it is no whole number of base units or does not fit.
bool scaled(std::string_view number, std::int64_t factor, std::int64_t& out) {
  const bool negative = !number.empty() && number.front() == '-';
  if (negative) number.remove_prefix(1);
  __int128 mantissa = 0;
  __int128 scale = 1;
  bool point = false;
  bool digit = false;
  for (char c : number) {
    if (c == '.') {
      if (point) return false;
      point = true;
      continue;
    }
    digit = true;
    mantissa = mantissa * 10 + (c - '0');
    if (point) scale *= 10;
    if (mantissa > (__int128{1} << 80) || scale > (__int128{1} << 60)) return false;
  }
  if (!digit || number.back() == '.') return false;
  mantissa *= factor;
  if (mantissa % scale != 0) return false;
  mantissa /= scale;
  if (mantissa > std::numeric_limits<std::int64_t>::max()) return false;
  out = static_cast<std::int64_t>(negative ? -mantissa : mantissa);
  return true;
}

std::string decimal(std::int64_t count, std::int64_t factor) {
  const bool negative = count < 0;
  const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  const auto unit = static_cast<std::uint64_t>(factor);
  std::string text = fmt::format("{}{}", negative ? "-" : "", magnitude / unit);
  std::uint64_t rest = magnitude % unit;
  if (rest == 0) return text;
  text += '.';
  std::uint64_t step = unit;
  while (rest != 0) {
    step /= 10;
    text += static_cast<char>('0' + rest / step);
    rest %= step;
  }
  return text;
}

// The largest unit in which the value is short: a whole number, or one with at most three decimals.
std::string shortest(std::int64_t count, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    const std::int64_t grain = unit.factor >= 1'000 && unit.factor % 1'000 == 0 ? unit.factor / 1'000 : unit.factor;
    const bool fits = count == 0 ? unit.factor == 1 : (count >= unit.factor || count <= -unit.factor);
    if (fits && count % grain == 0) best = &unit;
  }
  return decimal(count, best->factor) + std::string(best->suffix);
}

// Sizes print whole, as a fraction of a power of two has a long decimal tail, and in the units that are shorter.
std::string size_text(std::int64_t count) {
  const auto whole = [&](std::span<const Unit> units, const Unit* best) {
    for (const Unit& unit : units) {
      if (count != 0 && count % unit.factor == 0) best = &unit;
    }
    return decimal(count / best->factor, 1) + std::string(best->suffix);
  };
  const std::string binary = whole(kBinary, &kBinary.front());
  const std::string thousands = whole(kDecimalBytes, &kBinary.front());
  return thousands.size() < binary.size() ? thousands : binary;
}

// What accounts hold, which are also corrected downwards.
template <class Q>
constexpr bool kSigned = std::is_same_v<Q, Joules> || std::is_same_v<Q, Milligrams>;

template <class Q>
Result<Q> parse_quantity(std::string_view text, std::initializer_list<std::span<const Unit>> families) {
  std::string_view number;
  std::string_view suffix;
  std::int64_t count = 0;
  if (split(text, number, suffix)) {
    for (const auto& family : families) {
      for (const Unit& unit : family) {
        if (unit.suffix == suffix && scaled(number, unit.factor, count) && (count >= 0 || kSigned<Q>)) return Q(count);
      }
    }
  }
  return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", Text<Q>::kExpected, text));
}

__int128 product(std::int64_t a, std::int64_t b) { return static_cast<__int128>(a) * b; }

std::int64_t narrow(__int128 value) {
  PENSTOCK_CHECK(value <= std::numeric_limits<std::int64_t>::max() && value >= std::numeric_limits<std::int64_t>::min());
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::int64_t mul_div_floor(std::int64_t a, std::int64_t b, std::int64_t c) {
  PENSTOCK_CHECK(c > 0);
  const __int128 p = product(a, b);
  __int128 q = p / c;
  if (p % c < 0) --q;
  return narrow(q);
}

std::int64_t mul_div_ceil(std::int64_t a, std::int64_t b, std::int64_t c) {
  PENSTOCK_CHECK(c > 0);
  const __int128 p = product(a, b);
  __int128 q = p / c;
  if (p % c > 0) ++q;
  return narrow(q);
}

std::int64_t mul_div_round(std::int64_t a, std::int64_t b, std::int64_t c) {
  PENSTOCK_CHECK(c > 0);
  const __int128 p = product(a, b);
  const __int128 half = p >= 0 ? c / 2 : -(c / 2);
  return narrow((p + half) / c);
}

#define PENSTOCK_DEFINE_TEXT(Type, printed, ...)                                                     \
  Result<Type> Text<Type>::parse(std::string_view text) { return parse_quantity<Type>(text, {__VA_ARGS__}); } \
  std::string Text<Type>::format(const Type& value) { return printed; }

PENSTOCK_DEFINE_TEXT(Watts, shortest(value.count(), kPower), kPower)
PENSTOCK_DEFINE_TEXT(Joules, shortest(value.count(), kEnergy), kEnergy, kEnergyWh)
PENSTOCK_DEFINE_TEXT(MilliGpu, decimal(value.count(), 1'000), kCount)
PENSTOCK_DEFINE_TEXT(MilliCpu, decimal(value.count(), 1'000), kCount)
PENSTOCK_DEFINE_TEXT(Bytes, size_text(value.count()), kBinary, kDecimalBytes)
PENSTOCK_DEFINE_TEXT(MillilitresPerMinute, shortest(value.count(), kFlow), kFlow)
PENSTOCK_DEFINE_TEXT(Grams, shortest(value.count(), kWeight), kWeight)
PENSTOCK_DEFINE_TEXT(Milligrams, decimal(value.count(), 1'000) + "g", kCarbon)
PENSTOCK_DEFINE_TEXT(Ppm, decimal(value.count(), 10'000) + "%", kPercent)
PENSTOCK_DEFINE_TEXT(GpuMicros, decimal(value.count(), 1'000'000) + "GPU-s", kGpuTime, kGpuHours)
PENSTOCK_DEFINE_TEXT(VoltAmps, shortest(value.count(), kApparent), kApparent)
PENSTOCK_DEFINE_TEXT(MilliAmps, shortest(value.count(), kCurrent), kCurrent)
PENSTOCK_DEFINE_TEXT(Volts, shortest(value.count(), kVoltage), kVoltage)

Money& Money::operator+=(const Money& other) {
  PENSTOCK_CHECK(currency.empty() || other.currency.empty() || currency == other.currency);
  if (currency.empty()) currency = other.currency;
  PENSTOCK_CHECK(!__builtin_add_overflow(micros, other.micros, &micros));
  return *this;
}

Result<Money> Text<Money>::parse(std::string_view text) {
  std::string_view number;
  std::string_view currency;
  Money money;
  if (split(text, number, currency) && scaled(number, 1'000'000, money.micros)) {
    if (currency.empty() && money.micros == 0) return money;
    bool capitals = currency.size() == 3;
    for (char c : currency) capitals = capitals && c >= 'A' && c <= 'Z';
    if (capitals) {
      money.currency = std::string(currency);
      return money;
    }
  }
  return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", kExpected, text));
}

std::string Text<Money>::format(const Money& value) {
  std::string number = decimal(value.micros, 1'000'000);
  const std::size_t point = number.find('.');
  if (point == std::string::npos) {
    number += ".00";
  } else if (number.size() - point == 2) {
    number += '0';
  }
  return value.currency.empty() ? number : number + " " + value.currency;
}

}  // namespace penstock
