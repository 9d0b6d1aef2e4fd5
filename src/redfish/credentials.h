// Credentials by reference: read where they are used, wiped behind it, and never part of a message.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

/// Text that is overwritten in memory when it goes. Moves leave nothing behind; it is not copied.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  ~Secret() { wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) : text_(other.text_) { other.wipe(); }
  Secret& operator=(Secret&& other);

  bool empty() const { return text_.empty(); }
  std::string_view text() const { return text_; }
  /// Replaces every occurrence of it in `message` by three dots. Texts of fewer than 4 bytes are no secret.
  std::string hidden_in(std::string message) const;

 private:
  void wipe();
  std::string text_;
};

struct Credentials {
  std::string user;
  Secret password;
};

/// What `env:NAME` or `file:/path` holds: user:password in one line. A file must be a regular one of at most 4 KiB that only
/// its owner may read (kForbidden otherwise, with the fix), and the owner is this user or root.
Result<Credentials> read_credentials(const std::string& reference);

}  // namespace penstock
