// The output of a task in files of a fixed size, of which the newest are kept; positions count from its first byte.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"

namespace penstock {

/// File `log.N` holds the bytes from N × segment on. All but the newest are full.
struct LogLayout {
  std::int64_t segment = 16 << 20;  ///< bytes in one file
  std::int64_t keep = 4;            ///< files kept
};

/// Writes one task's log. Output that cannot be written (a full disk) is dropped rather than stopping the task,
/// and the log says how much was lost once it can be written again.
class LogWriter {
 public:
  LogWriter(std::string directory, LogLayout layout) : directory_(std::move(directory)), layout_(layout) {}
  void append(std::string_view bytes);

 private:
  bool write_some(std::string_view& bytes);

  std::string directory_;
  LogLayout layout_;
  Fd file_;
  std::int64_t at_ = 0;
  std::int64_t lost_ = 0;
};

struct LogPart {
  std::int64_t offset = 0;  ///< of the first byte; later than asked for if that one is no longer kept
  std::string bytes;
  bool at_end = false;  ///< nothing more has been written yet
};

/// Up to `most` bytes from `offset` on.
LogPart read_log(const std::string& directory, const LogLayout& layout, std::int64_t offset, std::size_t most);
/// The last bytes that were written, `most` of them.
std::string read_log_end(const std::string& directory, const LogLayout& layout, std::size_t most);

}  // namespace penstock
