// The files of a task that hold a single number.
#include "agent/task_dir.h"

#include <charconv>

namespace penstock {

Status write_duration(const std::string& path, Duration duration) {
  return write_file(path, fmt::format("{}\n", duration.count()), Lasting::kProcess);
}

std::optional<Duration> read_duration(const std::string& path) {
  auto text = read_file(path);
  std::int64_t count = 0;
  if (!text.ok() || std::from_chars(text->data(), text->data() + text->size(), count).ec != std::errc()) {
    return std::nullopt;
  }
  return Duration(count);
}

}  // namespace penstock
