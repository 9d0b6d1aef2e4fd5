// Writing and reading of segmented logs.
#include "agent/log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace penstock {
namespace {

std::string segment_path(const std::string& directory, std::int64_t number) {
  return fmt::format("{}/log.{}", directory, number);
}

// The lowest and the highest number of a segment that is there.
std::optional<std::pair<std::int64_t, std::int64_t>> segments_in(const std::string& directory) {
  std::optional<std::pair<std::int64_t, std::int64_t>> range;
  DIR* entries = opendir(directory.c_str());
  if (entries == nullptr) return range;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    std::int64_t number = 0;
    if (name.substr(0, 4) != "log." ||
        std::from_chars(name.data() + 4, name.data() + name.size(), number).ec != std::errc()) {
      continue;
    }
    if (!range) range = {number, number};
    range = {std::min(range->first, number), std::max(range->second, number)};
  }
  closedir(entries);
  return range;
}

}  // namespace

bool LogWriter::write_some(std::string_view& bytes) {
  const std::int64_t number = at_ / layout_.segment;
  if (!file_) {
    file_.reset(open(segment_path(directory_, number).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file_) return false;
    if (number >= layout_.keep) unlink(segment_path(directory_, number - layout_.keep).c_str());
  }
  const std::int64_t room = (number + 1) * layout_.segment - at_;
  const ssize_t size = write(file_.get(), bytes.data(), std::min(bytes.size(), static_cast<std::size_t>(room)));
  if (size <= 0) return size < 0 && errno == EINTR;
  bytes.remove_prefix(static_cast<std::size_t>(size));
  at_ += size;
  if (size == room) file_.reset();
  return true;
}

void LogWriter::append(std::string_view bytes) {
  const auto write_all = [this](std::string_view rest) {
    while (!rest.empty()) {
      if (!write_some(rest)) break;
    }
    return static_cast<std::int64_t>(rest.size());
  };
  if (lost_ > 0) {
    if (write_all(fmt::format("\n[penstock: {} bytes of output could not be written and are lost]\n", lost_)) > 0) {
      lost_ += static_cast<std::int64_t>(bytes.size());
      return;
    }
    lost_ = 0;
  }
  lost_ += write_all(bytes);
}

LogPart read_log(const std::string& directory, const LogLayout& layout, std::int64_t offset, std::size_t most) {
  LogPart part;
  part.offset = std::max<std::int64_t>(offset, 0);
  while (true) {
    const auto range = segments_in(directory);
    if (!range) {
      part.at_end = true;
      return part;
    }
    part.offset = std::max(part.offset, range->first * layout.segment);
    const std::int64_t number = part.offset / layout.segment;
    if (number > range->second) {
      part.at_end = true;
      return part;
    }
    const Fd file(open(segment_path(directory, number).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) {  // rotated away since we looked
      part.offset = (number + 1) * layout.segment;
      continue;
    }
    part.bytes.resize(most);
    const ssize_t size = file ? pread(file.get(), part.bytes.data(), most, part.offset % layout.segment) : 0;
    part.bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    // A full segment ends, but the log goes on in the next one, which may not be there yet.
    const bool full = (part.offset + static_cast<std::int64_t>(part.bytes.size())) % layout.segment == 0;
    part.at_end = part.bytes.size() < most && !(full && number < range->second);
    return part;
  }
}

std::string read_log_end(const std::string& directory, const LogLayout& layout, std::size_t most) {
  std::string bytes;
  const auto range = segments_in(directory);
  struct stat last {};
  if (!range || stat(segment_path(directory, range->second).c_str(), &last) != 0) return bytes;
  std::int64_t at = range->second * layout.segment + last.st_size - static_cast<std::int64_t>(most);
  while (bytes.size() < most) {
    const LogPart part = read_log(directory, layout, at, most - bytes.size());
    bytes += part.bytes;
    at = part.offset + static_cast<std::int64_t>(part.bytes.size());
    if (part.at_end || part.bytes.empty()) break;
  }
  return bytes;
}

}  // namespace penstock
