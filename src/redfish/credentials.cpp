// References to credentials, followed.
#include "redfish/credentials.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBytes = 4096;
constexpr std::size_t kShortestSecret = 4;

Result<Secret> read_private_file(const std::string& path) {
  // O_NONBLOCK: a pipe of this name must not hold us up.
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat found {};
  if (!file || fstat(file.get(), &found) != 0) return system_error(fmt::format("cannot read the credentials in {}", path), errno);
  if (!S_ISREG(found.st_mode)) return make_error(Code::kInvalid, fmt::format("the credentials' file {} is no regular file", path));
  if ((found.st_mode & 077) != 0) {
    return make_error(Code::kForbidden, fmt::format("others than its owner may use {} (mode {:04o}); run `chmod 600 {}`", path,
                                                    found.st_mode & 07777, path));
  }
  if (found.st_uid != geteuid() && found.st_uid != 0) {
    return make_error(Code::kForbidden, fmt::format("{} belongs to another user; run `chown {} {}`", path, geteuid(), path));
  }
  char buffer[kMostBytes + 1];
  const ssize_t size = read(file.get(), buffer, sizeof buffer);
  const int failed = errno;
  Secret text(std::string_view(buffer, size > 0 ? static_cast<std::size_t>(size) : 0));
  explicit_bzero(buffer, sizeof buffer);
  if (size < 0) return system_error(fmt::format("cannot read the credentials in {}", path), failed);
  if (text.text().size() > kMostBytes) return make_error(Code::kTooLarge, fmt::format("{} is larger than {} bytes", path, kMostBytes));
  return text;
}

}  // namespace

Secret& Secret::operator=(Secret&& other) {
  if (this == &other) return *this;
  wipe();
  text_ = other.text_;
  other.wipe();
  return *this;
}

void Secret::wipe() {
  explicit_bzero(text_.data(), text_.size());
  text_.clear();
}

std::string Secret::hidden_in(std::string message) const {
  if (text_.size() < kShortestSecret) return message;
  for (std::size_t at = message.find(text_); at != std::string::npos; at = message.find(text_, at)) message.replace(at, text_.size(), "…");
  return message;
}

Result<Credentials> read_credentials(const std::string& reference) {
  Secret text;
  if (reference.starts_with("env:")) {
    const std::string name = reference.substr(4);
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return make_error(Code::kNotFound, fmt::format("the environment has no variable '{}' for the BMC's credentials", name));
    text = Secret(value);
  } else if (reference.starts_with("file:/")) {
    auto read = read_private_file(reference.substr(5));
    if (!read.ok()) return std::move(read).error();
    text = std::move(*read);
  } else {
    // What stands here instead may be the secret itself, so it is not shown.
    return make_error(Code::kInvalid, "credentials are given by reference: env:NAME or file:/path, where user:password stands");
  }
  const std::string_view line = text.text().substr(0, text.text().find_first_of("\r\n"));
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == line.size()) {
    return make_error(Code::kInvalid, fmt::format("expected user:password in one line in {}", reference));
  }
  return Credentials{std::string(line.substr(0, colon)), Secret(line.substr(colon + 1))};
}

}  // namespace penstock
