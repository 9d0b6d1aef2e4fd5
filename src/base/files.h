// Files and descriptors over plain system calls: whole reads, atomic writes, locks. Not for what decides.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace penstock {

/// A file descriptor that is closed with its owner.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset(int fd = -1);

 private:
  int fd_;
};

/// "what: reason of errno" with the code that fits errno.
Error system_error(std::string_view what, int number);
/// The reason of errno in lower case: "no such file or directory".
std::string reason_of(int number);

bool exists(const std::string& path);

/// The whole file. kNotFound if there is none, kTooLarge over `most` bytes.
Result<std::string> read_file(const std::string& path, std::size_t most = 16 << 20);

/// Whether a write must outlast a loss of power, or only the death of the process.
enum class Lasting { kPowerLoss, kProcess };

/// Replaces the file at once: a reader sees the old text or the new one, never a part. The new file has `mode`, less
/// the umask, from its first byte on, so it may hold a secret.
Status write_file(const std::string& path, std::string_view text, Lasting lasting, mode_t mode = 0600);

template <class T>
Result<T> read_json_file(const std::string& path) {
  PENSTOCK_TRY(text, read_file(path));
  return from_json_text<T>(text);
}

/// Makes `path` and what is missing above it; only `path` itself gets `mode`.
Status make_directories(const std::string& path, mode_t mode);

/// Takes the lock of a file, made if missing, until the Fd is closed (by the last process that holds it).
/// kFailedPrecondition if another holds it.
Result<Fd> lock_file(const std::string& path);

}  // namespace penstock
