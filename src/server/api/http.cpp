// Streams, problems and the decoding of targets.
#include "server/api/http.h"

#include "base/name.h"

namespace penstock {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) {
      return make_error(Code::kInvalid, fmt::format("'{}' holds a broken percent escape", text));
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

bool ByteStream::push(std::string_view bytes) {
  bool taken = false;
  std::function<void()> ready;
  std::function<void()> left;
  {
    std::lock_guard lock(mutex_);
    if (left_ || finished_) return false;
    if (unread_.size() + bytes.size() > kMostUnread) {
      finished_ = true;
      left_ = true;
      left = std::exchange(left_callback_, nullptr);
    } else {
      unread_ += bytes;
      taken = true;
    }
    ready = ready_;
  }
  if (left) left();
  if (ready) ready();
  return taken;
}

void ByteStream::finish() {
  std::function<void()> ready;
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
    ready = ready_;
  }
  if (ready) ready();
}

std::string ByteStream::take(bool& over) {
  std::lock_guard lock(mutex_);
  over = finished_;
  return std::exchange(unread_, {});
}

void ByteStream::on_ready(std::function<void()> ready) {
  bool now = false;
  {
    std::lock_guard lock(mutex_);
    ready_ = ready;
    now = finished_ || !unread_.empty();
  }
  if (now && ready) ready();
}

void ByteStream::leave() {
  std::function<void()> left;
  {
    std::lock_guard lock(mutex_);
    left_ = true;
    ready_ = nullptr;
    left = std::exchange(left_callback_, nullptr);
  }
  if (left) left();
}

void ByteStream::on_left(std::function<void()> left) {
  {
    std::lock_guard lock(mutex_);
    if (!left_) {
      left_callback_ = std::move(left);
      return;
    }
  }
  left();
}

bool ByteStream::left() const {
  std::lock_guard lock(mutex_);
  return left_;
}

HttpResponse problem_response(const Error& error) {
  HttpResponse response;
  response.status = http_status(error.code);
  response.content_type = kProblemType;
  response.body = to_json(to_problem(error));
  if (error.code == Code::kUnauthenticated) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.code == Code::kUnavailable) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Result<std::vector<std::string>> decode_path(std::string_view path) {
  std::vector<std::string> out;
  if (path.empty() || path.front() != '/') return make_error(Code::kInvalid, "the target must begin with '/'");
  path.remove_prefix(1);
  for (std::string_view part : split_path(path)) {
    PENSTOCK_TRY(decoded, unescape(part));
    out.push_back(std::move(decoded));
  }
  return out;
}

Result<std::map<std::string, std::string>> decode_query(std::string_view query) {
  std::map<std::string, std::string> out;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    PENSTOCK_TRY(key, unescape(pair.substr(0, equals)));
    PENSTOCK_TRY(value, unescape(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1)));
    if (!pair.empty() && !out.emplace(key, value).second) {
      return make_error(Code::kInvalid, fmt::format("query parameter '{}' stands twice", key), key);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace penstock
