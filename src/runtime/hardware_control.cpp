// The text of temperatures.
#include "runtime/hardware_control.h"

namespace penstock {

Result<MilliCelsius> Text<MilliCelsius>::parse(std::string_view text) {
  const auto wrong = [text] { return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", kExpected, text)); };
  if (!text.ends_with('C')) return wrong();
  double degrees = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [at, failed] = std::from_chars(text.data(), end, degrees, std::chars_format::fixed);
  // From absolute zero to what no sensor survives; neither infinity nor NaN is between them.
  if (failed != std::errc() || at != end || !(degrees >= -273.15 && degrees <= 10'000)) return wrong();
  return MilliCelsius(static_cast<std::int64_t>(degrees * 1000 + (degrees < 0 ? -0.5 : 0.5)));
}

std::string Text<MilliCelsius>::format(const MilliCelsius& value) { return fmt::format("{}C", static_cast<double>(value.count()) / 1000); }

}  // namespace penstock
