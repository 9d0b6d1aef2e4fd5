// A client of the Penstock API: typed calls, problems as errors, event streams, over one kept connection.
#pragma once

#include <functional>

#include "base/json.h"
#include "client/sse.h"

namespace penstock {

struct ApiClientOptions {
  std::string server;   ///< http://host:port or https://host:port
  std::string token;    ///< bearer token; empty: none is sent
  std::string ca_file;  ///< PEM file of the authorities to trust; empty: the system's
  std::string pinned_key;  ///< sha256//… of the server's public key, which then is all that is trusted; empty: authorities decide
  std::string reason;   ///< why, for the audit log: sent with every write, if not empty
  bool any_status = false;  ///< an answer of any status is an answer, and writes carry no key: for other servers than Penstock
  bool once = false;  ///< a write is sent at most once: over a new connection, since libcurl repeats what a kept one has lost
  std::string peer = "the Penstock server";  ///< what errors call it
  Duration connect_timeout = seconds(5);
  Duration timeout = seconds(30);       ///< of a whole call, streams excepted
  std::size_t max_response = 64 << 20;  ///< bytes of one answer, streams excepted
};

/// Names in lower case.
using Headers = std::map<std::string, std::string>;

struct ApiResponse {
  int status = 0;  ///< 200 to 299; everything else is an Error, unless any status is asked for
  Headers headers;
  std::string body;
};

/// One connection to one server. Not thread-safe (make one per thread), except for `cancel`.
///
/// An answer that is not a success becomes the Error that the server meant. A server that cannot be reached
/// is kUnavailable, one that does not answer in time kTimeout. Redirects are not followed, so that the token
/// goes nowhere else.
class ApiClient {
 public:
  explicit ApiClient(ApiClientOptions options);
  ~ApiClient();
  ApiClient(ApiClient&&) noexcept;
  ApiClient& operator=(ApiClient&&) noexcept;

  const std::string& server() const;
  void set_token(std::string token);
  void set_timeout(Duration timeout);

  /// One call. `path` begins with '/'. A body is JSON unless `headers` has a content-type. Every write carries
  /// an idempotency key: the one in `headers`, else a random one.
  Result<ApiResponse> request(std::string_view method, std::string_view path, std::string_view body = {},
                              const Headers& headers = {});

  /// Reads an answer of any length as it comes. Ends well at its end, or when `on_bytes` returns false.
  Status stream(std::string_view path, const std::function<bool(std::string_view)>& on_bytes,
                const Headers& headers = {});

  /// Reads server-sent events from after `last_id` (empty: as the path says). Ends as `stream` does.
  Status watch(std::string_view path, const std::function<bool(const SseEvent&)>& on_event, std::string last_id = {});

  /// Ends the running call, or the next one if none is running, with kUnavailable. From any thread.
  void cancel();

  /// A call whose answer is a described type. An empty `body` sends none.
  template <class T>
  Result<T> call(std::string_view method, std::string_view path, std::string_view body = {},
                 const Headers& headers = {}) {
    PENSTOCK_TRY(response, request(method, path, body, headers));
    auto decoded = from_json_text<T>(response.body);
    if (!decoded.ok()) return not_understood(method, path, std::move(decoded).error());
    return decoded;
  }
  template <class T>
  Result<T> get(std::string_view path) {
    return call<T>("GET", path);
  }
  template <class T, class Body>
  Result<T> post(std::string_view path, const Body& body, const Headers& headers = {}) {
    return call<T>("POST", path, to_json(body), headers);
  }

 private:
  static Error not_understood(std::string_view method, std::string_view path, Error why);

  struct Connection;
  std::unique_ptr<Connection> connection_;
};

/// Whether the server at this address runs on this machine, by its name alone.
bool is_loopback_server(std::string_view server);

/// 128 random bits as 32 hexadecimal digits.
std::string random_key();

/// `text` with everything but unreserved characters percent-encoded, for one segment or one query value.
std::string url_encode(std::string_view text);

}  // namespace penstock
