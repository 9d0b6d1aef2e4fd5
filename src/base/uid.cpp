// Text of a Uid.
#include "base/uid.h"

#include <charconv>

#include <fmt/format.h>

namespace penstock {

Result<Uid> Text<Uid>::parse(std::string_view text) {
  Uid uid;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid.value, 16);
  if (text.size() == 16 && error == std::errc() && end == text.data() + text.size()) return uid;
  return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", kExpected, text));
}

std::string Text<Uid>::format(const Uid& value) {
  std::string text(16, '0');
  std::uint64_t rest = value.value;
  for (std::size_t at = text.size(); rest != 0; rest >>= 4) text[--at] = "0123456789abcdef"[rest & 15];
  return text;
}

}  // namespace penstock
