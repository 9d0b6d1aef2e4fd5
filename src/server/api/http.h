// A request and its answer, free of sockets, so that the API can be driven by a server, a test or a fuzzer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/problem.h"

namespace penstock {

struct HttpRequest {
  std::string method;
  std::string target;                           ///< path and query as they came
  std::map<std::string, std::string> headers;   ///< names in lower case
  std::string body;
  std::string peer;                             ///< address of the caller, for the log
};

/// Bytes of an answer that has no end yet. The producer pushes from any thread, the connection takes.
class ByteStream {
 public:
  /// More than this unread, and the reader is too slow: the stream is cut.
  static constexpr std::size_t kMostUnread = 8 << 20;

  /// False once the reader has left or was cut off.
  bool push(std::string_view bytes);
  /// No more will come.
  void finish();

  /// What has come since the last call; `over` when nothing more will.
  std::string take(bool& over);
  /// Called (on the producer's thread) whenever there is something to take.
  void on_ready(std::function<void()> ready);
  /// The reader leaves; `on_left` is told once.
  void leave();
  void on_left(std::function<void()> left);
  bool left() const;

 private:
  mutable std::mutex mutex_;
  std::string unread_;
  bool finished_ = false;
  bool left_ = false;
  std::function<void()> ready_;
  std::function<void()> left_callback_;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<ByteStream> stream;  ///< if set, goes on after `body`
};

using Respond = std::function<void(HttpResponse)>;

HttpResponse problem_response(const Error& error);

/// Splits and decodes `a/b%2Fc` and `x=1&y=2`. kInvalid for a broken escape or a NUL.
Result<std::vector<std::string>> decode_path(std::string_view path);
Result<std::map<std::string, std::string>> decode_query(std::string_view query);

}  // namespace penstock
