// Names and printing of errors; the end of a broken invariant.
#include "base/result.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace penstock {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "penstock: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

std::string_view code_name(Code code) { return name_of(code); }

std::optional<Code> code_from_name(std::string_view name) { return enum_from_name<Code>(name); }

std::string to_string(const Error& error) {
  std::string text;
  if (!error.file.empty()) text += error.file + ":";
  if (error.line > 0) text += fmt::format("{}:{}:", error.line, error.column);
  if (!text.empty()) text += " ";
  if (!error.path.empty()) text += error.path + ": ";
  text += error.message;
  for (const Error& next : error.also) text += "\n" + to_string(next);
  return text;
}

}  // namespace penstock
