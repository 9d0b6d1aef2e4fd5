// libcurl behind ApiClient. The multi interface is used for one handle, because its wait can be woken.
#include "client/api_client.h"

#include <curl/curl.h>
#include <sys/random.h>

#include <atomic>
#include <cstring>

#include "base/problem.h"

namespace penstock {
namespace {

// Bounds what a hostile or broken server can make us keep, apart from the body.
constexpr std::size_t kMaxHeaderBytes = 256 << 10;
// How much of an answer that is no problem body is shown in the error.
constexpr std::size_t kShownBody = 200;

void start_curl_once() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  PENSTOCK_CHECK(started == CURLE_OK);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::strchr(" \t\r\n", text.front()) != nullptr) text.remove_prefix(1);
  while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.remove_suffix(1);
  return text;
}

bool is_write(std::string_view method) { return method != "GET" && method != "HEAD"; }

Error error_of_answer(int status, const Headers& headers, std::string_view body) {
  const auto type = headers.find("content-type");
  if (type != headers.end() && type->second.substr(0, kProblemType.size()) == kProblemType) {
    auto problem = from_json_text<Problem>(body);
    if (problem.ok()) return to_error(*problem);
  }
  const std::string_view shown = trim(body.substr(0, kShownBody));
  return make_error(code_of_status(status),
                    shown.empty() ? fmt::format("the server answered with HTTP status {}", status)
                                  : fmt::format("the server answered with HTTP status {}: {}", status, shown));
}

}  // namespace

struct ApiClient::Connection {
  ApiClientOptions options;
  CURL* easy = nullptr;
  CURLM* multi = nullptr;
  std::atomic<bool> cancelled{false};
  char detail[CURL_ERROR_SIZE] = {};

  // The answer being read.
  const std::function<bool(std::string_view)>* on_bytes = nullptr;
  ApiResponse response;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool reader_done = false;

  explicit Connection(ApiClientOptions given) : options(std::move(given)) {
    start_curl_once();
    while (!options.server.empty() && options.server.back() == '/') options.server.pop_back();
    easy = curl_easy_init();
    multi = curl_multi_init();
    PENSTOCK_CHECK(easy != nullptr && multi != nullptr);
  }
  ~Connection() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& c = *static_cast<Connection*>(self);
    c.header_bytes += size;
    if (c.header_bytes > kMaxHeaderBytes) {
      c.too_large = true;
      return 0;
    }
    const std::string_view line(data, size);
    // An interim answer (100 Continue) comes first: what counts is the last one.
    if (line.substr(0, 5) == "HTTP/") c.response.headers.clear();
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      c.response.headers[lower(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
    }
    return size;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& c = *static_cast<Connection*>(self);
    long status = 0;
    curl_easy_getinfo(c.easy, CURLINFO_RESPONSE_CODE, &status);
    if (c.on_bytes != nullptr && status >= 200 && status < 300) {
      if ((*c.on_bytes)(std::string_view(data, size))) return size;
      c.reader_done = true;
      return 0;
    }
    if (c.response.body.size() + size > c.options.max_response) {
      c.too_large = true;
      return 0;
    }
    c.response.body.append(data, size);
    return size;
  }

  Error error_of(CURLcode code) const {
    const auto unavailable = [&](std::string_view why) {
      return make_error(Code::kUnavailable,
                        fmt::format("cannot reach {} at {}: {}", options.peer, options.server, why));
    };
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return make_error(Code::kInvalid, fmt::format("the server's address must look like http://host:port or "
                                                      "https://host:port, found '{}'",
                                                      options.server));
      case CURLE_OPERATION_TIMEDOUT: {
        double connected = 0;  // of a reused connection too
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &connected);
        return make_error(Code::kTimeout,
                          connected > 0 ? fmt::format("{} at {} did not answer within {}",
                                                      options.peer, options.server, Text<Duration>::format(options.timeout))
                                        : fmt::format("no connection to {} at {} within {}",
                                                      options.peer, options.server, Text<Duration>::format(options.connect_timeout)));
      }
      case CURLE_COULDNT_RESOLVE_HOST: return unavailable("its host name is not known");
      case CURLE_COULDNT_CONNECT: {
        long number = 0;
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
        std::string why = number == 0 ? detail : std::strerror(static_cast<int>(number));
        if (!why.empty() && why.front() >= 'A' && why.front() <= 'Z') why = lower(why.substr(0, 1)) + why.substr(1);
        return unavailable(why);
      }
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_SSL_CACERT_BADFILE: return unavailable(detail[0] != 0 ? detail : curl_easy_strerror(code));
      case CURLE_GOT_NOTHING:
      case CURLE_RECV_ERROR:
      case CURLE_SEND_ERROR:
      case CURLE_PARTIAL_FILE:
        return make_error(Code::kUnavailable,
                          fmt::format("{} at {} broke off the connection", options.peer, options.server));
      default: return unavailable(detail[0] != 0 ? detail : curl_easy_strerror(code));
    }
  }

  Result<ApiResponse> perform(std::string_view method, std::string_view path, std::string_view body, Headers headers) {
    response = {};
    header_bytes = 0;
    too_large = reader_done = false;
    detail[0] = 0;

    if (!body.empty()) headers.try_emplace("content-type", "application/json");
    if (is_write(method) && !options.any_status) headers.try_emplace("idempotency-key", random_key());
    if (is_write(method) && !options.reason.empty()) headers.try_emplace("penstock-reason", options.reason);
    if (!options.token.empty()) headers["authorization"] = "Bearer " + options.token;
    headers["expect"] = "";  // no pause of a second before a long body
    curl_slist* list = nullptr;
    for (const auto& [name, value] : headers) {
      // A line break in a value would begin another header.
      if (value.find_first_of("\r\n") != std::string::npos) {
        curl_slist_free_all(list);
        return make_error(Code::kInvalid, fmt::format("the header '{}' holds a line break", name));
      }
      list = curl_slist_append(list, (name + ": " + value).c_str());
    }

    const std::string url = options.server + std::string(path);
    const std::string method_text(method);
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "penstock");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count() / 1'000'000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     on_bytes != nullptr ? 0L : static_cast<long>(options.timeout.count() / 1'000'000));
    if (options.once && is_write(method)) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.pinned_key.empty()) {
      curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, options.pinned_key.c_str());
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (is_loopback_server(options.server)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data() == nullptr ? "" : body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }
    if (method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_text.c_str());

    curl_multi_add_handle(multi, easy);
    std::optional<CURLcode> ended;
    bool was_cancelled = cancelled.exchange(false);  // a fast answer must not outrun it
    while (!ended && !was_cancelled) {
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg == CURLMSG_DONE) ended = message->data.result;
      }
      if (ended) break;
      was_cancelled = cancelled.exchange(false);
      if (!was_cancelled) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
    curl_multi_remove_handle(multi, easy);
    curl_slist_free_all(list);

    if (was_cancelled) return make_error(Code::kUnavailable, "the call was cancelled");
    if (too_large) {
      return make_error(Code::kTooLarge,
                        fmt::format("the answer to {} {} is larger than {} bytes", method, path, options.max_response));
    }
    if (reader_done) return std::move(response);
    if (*ended != CURLE_OK) return error_of(*ended);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    if (!options.any_status && (status < 200 || status > 299)) return error_of_answer(response.status, response.headers, response.body);
    return std::move(response);
  }
};

ApiClient::ApiClient(ApiClientOptions options) : connection_(std::make_unique<Connection>(std::move(options))) {}
ApiClient::~ApiClient() = default;
ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;

const std::string& ApiClient::server() const { return connection_->options.server; }
void ApiClient::set_token(std::string token) { connection_->options.token = std::move(token); }
void ApiClient::set_timeout(Duration timeout) { connection_->options.timeout = timeout; }

Result<ApiResponse> ApiClient::request(std::string_view method, std::string_view path, std::string_view body,
                                       const Headers& headers) {
  connection_->on_bytes = nullptr;
  return connection_->perform(method, path, body, headers);
}

Status ApiClient::stream(std::string_view path, const std::function<bool(std::string_view)>& on_bytes,
                         const Headers& headers) {
  connection_->on_bytes = &on_bytes;
  auto response = connection_->perform("GET", path, {}, headers);
  connection_->on_bytes = nullptr;
  if (!response.ok()) return std::move(response).error();
  return ok_status();
}

Status ApiClient::watch(std::string_view path, const std::function<bool(const SseEvent&)>& on_event,
                        std::string last_id) {
  Headers headers{{"accept", "text/event-stream"}};
  if (!last_id.empty()) headers["last-event-id"] = std::move(last_id);
  SseParser parser;
  std::optional<Error> broken;
  PENSTOCK_RETURN_IF_ERROR(stream(
      path,
      [&](std::string_view bytes) {
        auto events = parser.feed(bytes);
        if (!events.ok()) {
          broken = std::move(events).error();
          return false;
        }
        for (const SseEvent& event : *events) {
          if (!on_event(event)) return false;
        }
        return true;
      },
      headers));
  if (broken) return std::move(*broken);
  return ok_status();
}

void ApiClient::cancel() {
  connection_->cancelled = true;
  curl_multi_wakeup(connection_->multi);
}

Error ApiClient::not_understood(std::string_view method, std::string_view path, Error why) {
  why.code = Code::kInternal;
  why.message = fmt::format("the server's answer to {} {} is not understood: {}", method, path, why.message);
  return why;
}

bool is_loopback_server(std::string_view server) {
  const std::size_t scheme = server.find("://");
  std::string_view host = scheme == std::string_view::npos ? server : server.substr(scheme + 3);
  if (host.substr(0, 5) == "[::1]") return true;
  host = host.substr(0, host.find_first_of(":/"));
  return host == "localhost" ||
         (host.substr(0, 4) == "127." && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::string random_key() {
  unsigned char bytes[16];
  PENSTOCK_CHECK(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace penstock
