// Files and descriptors over plain system calls.
#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace penstock {

void Fd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

std::string reason_of(int number) {
  std::string reason = std::system_category().message(number);
  if (reason.size() > 1 && reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] >= 'a') {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  return reason;
}

Error system_error(std::string_view what, int number) {
  Code code = Code::kInternal;
  if (number == ENOENT) code = Code::kNotFound;
  if (number == EEXIST) code = Code::kAlreadyExists;
  if (number == EACCES || number == EPERM) code = Code::kForbidden;
  if (number == ENOSPC || number == EDQUOT || number == EMFILE || number == ENFILE) code = Code::kUnavailable;
  return make_error(code, fmt::format("{}: {}", what, reason_of(number)));
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + path, errno);
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t size = read(fd.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("cannot read " + path, errno);
    if (size == 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
    if (text.size() > most) return make_error(Code::kTooLarge, fmt::format("{} is larger than {} bytes", path, most));
  }
}

Status write_file(const std::string& path, std::string_view text, Lasting lasting, mode_t mode) {
  const std::string beside = path + ".new";
  unlink(beside.c_str());  // left by a crash, perhaps with another mode
  Fd fd(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return system_error("cannot write " + path, errno);
  while (!text.empty()) {
    const ssize_t size = write(fd.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("cannot write " + path, errno);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  const bool lasts = lasting == Lasting::kPowerLoss;
  if (lasts && fsync(fd.get()) != 0) return system_error("cannot write " + path, errno);
  if (rename(beside.c_str(), path.c_str()) != 0) return system_error("cannot write " + path, errno);
  if (lasts) {
    const Fd directory(open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.get()) != 0) return system_error("cannot write " + path, errno);
  }
  return ok_status();
}

Status make_directories(const std::string& path, mode_t mode) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return system_error("cannot make the directory " + path, failed.value());
  if (chmod(path.c_str(), mode) != 0) return system_error("cannot set the mode of " + path, errno);
  return ok_status();
}

Result<Fd> lock_file(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return system_error("cannot open " + path, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return make_error(Code::kFailedPrecondition, path + " is locked by another process");
  return system_error("cannot lock " + path, errno);
}

}  // namespace penstock
