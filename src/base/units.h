// Quantities as integer strong types, each with the text a person writes and reads.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

/// An integer that carries its unit in its type. Arithmetic is checked: overflow is a bug and aborts.
template <class Tag>
class Quantity {
 public:
  using Rep = std::int64_t;
  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}
  constexpr Rep count() const { return count_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-count_); }
  constexpr Quantity& operator+=(Quantity other) {
    PENSTOCK_CHECK(!__builtin_add_overflow(count_, other.count_, &count_));
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    PENSTOCK_CHECK(!__builtin_sub_overflow(count_, other.count_, &count_));
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, Rep n) {
    PENSTOCK_CHECK(!__builtin_mul_overflow(a.count_, n, &a.count_));
    return a;
  }
  friend constexpr Quantity operator*(Rep n, Quantity a) { return a * n; }

 private:
  Rep count_ = 0;
};

using Watts = Quantity<struct WattsTag>;                ///< electrical or thermal power
using Joules = Quantity<struct JoulesTag>;              ///< energy; below 0 where an account is corrected
using MilliGpu = Quantity<struct MilliGpuTag>;          ///< 1000 = one whole device
using MilliCpu = Quantity<struct MilliCpuTag>;          ///< 1000 = one core
using Bytes = Quantity<struct BytesTag>;                ///< memory and storage
using MillilitresPerMinute = Quantity<struct FlowTag>;  ///< coolant flow
using Grams = Quantity<struct GramsTag>;                ///< weight
using Milligrams = Quantity<struct MilligramsTag>;      ///< of carbon dioxide; below 0 where an account is corrected
using Ppm = Quantity<struct PpmTag>;                    ///< a ratio in parts per million; text is a percentage
using GpuMicros = Quantity<struct GpuMicrosTag>;        ///< GPU time in micro-GPU-seconds = milli-GPU × ms
using VoltAmps = Quantity<struct VoltAmpsTag>;          ///< apparent power
using MilliAmps = Quantity<struct MilliAmpsTag>;        ///< current, per phase
using Volts = Quantity<struct VoltsTag>;                ///< line-to-line voltage

/// a × b ÷ c in 128 bits, rounded down / up / half away from zero. Requires c > 0; the result must fit.
std::int64_t mul_div_floor(std::int64_t a, std::int64_t b, std::int64_t c);
std::int64_t mul_div_ceil(std::int64_t a, std::int64_t b, std::int64_t c);
std::int64_t mul_div_round(std::int64_t a, std::int64_t b, std::int64_t c);

/// How a type is written and read as one piece of text. `kExpected` completes "expected …".
template <class T>
struct Text;

template <class T>
concept TextType = requires(std::string_view text, const T& value) {
  { Text<T>::parse(text) } -> std::same_as<Result<T>>;
  { Text<T>::format(value) } -> std::same_as<std::string>;
  { Text<T>::kExpected } -> std::convertible_to<std::string_view>;
};

#define PENSTOCK_DECLARE_TEXT(Type, expected_text, bare_number)      \
  template <>                                                        \
  struct Text<Type> {                                                \
    static constexpr std::string_view kExpected = expected_text;     \
    static constexpr bool kBareNumber = bare_number;                 \
    static Result<Type> parse(std::string_view text);                \
    static std::string format(const Type& value);                    \
  }

/// `kBareNumber`: whether a plain number is accepted too, because the unit is a count.
PENSTOCK_DECLARE_TEXT(Watts, "a power such as 700W, 132kW or 90MW", false);
PENSTOCK_DECLARE_TEXT(Joules, "an energy such as 500J, 3.6MJ or 2kWh", false);
PENSTOCK_DECLARE_TEXT(MilliGpu, "a number of GPUs such as 8, or a share of one such as 0.5", true);
PENSTOCK_DECLARE_TEXT(MilliCpu, "a number of cores such as 64 or 0.5", true);
PENSTOCK_DECLARE_TEXT(Bytes, "a size such as 512MiB, 2TiB or 80GB", false);
PENSTOCK_DECLARE_TEXT(MillilitresPerMinute, "a flow such as 80L/min or 250mL/min", false);
PENSTOCK_DECLARE_TEXT(Grams, "a weight such as 65kg or 1.36t", false);
PENSTOCK_DECLARE_TEXT(Milligrams, "a mass such as 420g, 1.2kg or 3t", false);
PENSTOCK_DECLARE_TEXT(Ppm, "a percentage such as 50% or 33.3333%", false);
PENSTOCK_DECLARE_TEXT(GpuMicros, "a GPU time such as 12.5GPU-s", false);
PENSTOCK_DECLARE_TEXT(VoltAmps, "an apparent power such as 500VA, 1250kVA or 2.5MVA", false);
PENSTOCK_DECLARE_TEXT(MilliAmps, "a current such as 63A or 250mA", false);
PENSTOCK_DECLARE_TEXT(Volts, "a voltage such as 230V, 400V or 11kV", false);

/// An amount of one currency in millionths of its unit (1 USD = 1,000,000). Never converted, never floating.
struct Money {
  std::int64_t micros = 0;
  std::string currency;  ///< ISO 4217, three capital letters; empty only for a zero amount not yet priced

  bool operator==(const Money&) const = default;
  /// Adds an amount of the same currency (either side may be an unpriced zero).
  Money& operator+=(const Money& other);
};

PENSTOCK_DECLARE_TEXT(Money, "an amount and a currency such as 2.49 USD", false);

}  // namespace penstock
