// Reading of small files that may vanish at any time.
#include "agent/kernel_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/files.h"

namespace penstock {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::optional<std::int64_t> number_at(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  std::int64_t number = 0;
  if (begin == std::string_view::npos || std::from_chars(text.data() + begin, text.data() + text.size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::optional<std::string> line_in(const std::string& path) {
  auto text = read_file(path, 1 << 20);
  if (!text.ok()) return std::nullopt;
  std::string line = text->substr(0, text->find('\n'));
  const std::size_t begin = line.find_first_not_of(kBlank);
  if (begin == std::string::npos) return std::nullopt;
  return line.substr(begin, line.find_last_not_of(kBlank) + 1 - begin);
}

std::optional<std::int64_t> number_in(const std::string& path) {
  auto text = read_file(path, 1 << 20);
  return text.ok() ? number_at(*text) : std::nullopt;
}

std::optional<std::int64_t> number_after(const std::string& path, std::string_view name) {
  auto text = read_file(path, 1 << 20);
  if (!text.ok()) return std::nullopt;
  std::size_t at = 0;
  while ((at = text->find(name, at)) != std::string::npos) {
    if (at == 0 || (*text)[at - 1] == '\n') return number_at(std::string_view(*text).substr(at + name.size()));
    ++at;
  }
  return std::nullopt;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string link_name(const std::string& path) {
  std::error_code failed;
  const auto target = std::filesystem::read_symlink(path, failed);
  return failed ? std::string() : target.filename().string();
}

}  // namespace penstock
