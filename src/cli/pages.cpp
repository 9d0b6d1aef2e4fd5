// Names and values as they stand in a URL.
#include "cli/pages.h"

#include <fmt/format.h>

namespace penstock {

std::string query_text(const QueryValues& values) {
  std::string text;
  for (const auto& [name, value] : values) {
    if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? "?" : "&", name, url_encode(value));
  }
  return text;
}

}  // namespace penstock
