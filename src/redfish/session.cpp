// Sessions, links and errors of Redfish (DMTF DSP0266) over ApiClient.
#include "redfish/session.h"

#include <sodium.h>

#include <cmath>
#include <set>
#include <thread>

#include "base/problem.h"
#include "redfish/address.h"

namespace penstock {
namespace {

constexpr std::string_view kRoot = "/redfish/v1/";  // the one path that the specification fixes
constexpr std::size_t kMostBytes = 4 << 20;
constexpr std::size_t kMostDepth = 32;
constexpr std::size_t kMostMembers = 500;
constexpr std::size_t kMostText = 256;
constexpr int kMostRequests = 1000;
constexpr int kMostRedirects = 3;
constexpr int kMostBusy = 5;
constexpr int kFarewellSeconds = 2;

ApiClientOptions client_options(const RedfishOptions& options, const std::string& server) {
  ApiClientOptions out;
  out.server = server;
  out.ca_file = options.ca_file;
  out.pinned_key = options.pinned_key;
  out.peer = "the BMC";
  out.any_status = true;
  out.once = true;
  out.connect_timeout = options.connect_timeout;
  out.max_response = kMostBytes;
  return out;
}

bool good(int status) { return status >= 200 && status < 300; }

std::string header(const ApiResponse& answer, const std::string& name) {
  const auto found = answer.headers.find(name);
  return found == answer.headers.end() ? std::string() : found->second;
}

// One line of at most `most` bytes, cut between characters.
std::string one_line(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text.substr(0, most)) out += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
  if (text.size() > most) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
    out += "…";
  }
  return out;
}

// Text at a path as it is.
std::string raw_text(const json::object& object, std::string_view path) {
  const json::value* found = member(object, path);
  return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string())) : std::string();
}

// The messages of error.@Message.ExtendedInfo, or error.message (DSP0266, error responses), as they are.
std::string messages_in(const std::string& body) {
  auto value = parse_json(body, kMostDepth);
  const json::object* object = value.ok() ? value->if_object() : nullptr;
  const json::value* error = object == nullptr ? nullptr : object->if_contains("error");
  if (error == nullptr || !error->is_object()) return {};
  std::string out;
  const json::value* list = error->get_object().if_contains("@Message.ExtendedInfo");
  if (list != nullptr && list->is_array()) {
    for (const json::value& entry : list->get_array()) {
      if (!entry.is_object()) continue;
      std::string message = raw_text(entry.get_object(), "Message");
      if (message.empty()) message = raw_text(entry.get_object(), "MessageId");
      if (!message.empty()) out += (out.empty() ? "" : " ") + message;
      if (out.size() > kMostText) break;
    }
  }
  return out.empty() ? raw_text(error->get_object(), "message") : out;
}

Duration wait_of(const ApiResponse& answer, Duration otherwise) {
  const std::string text = header(answer, "retry-after");
  int count = 0;
  const auto [at, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool number = failed == std::errc() && at == text.data() + text.size() && count >= 0 && count <= 3600;
  return number ? std::max(seconds(count), milliseconds(100)) : otherwise;
}

Secret basic_header(const Credentials& credentials) {
  const Secret joined(fmt::format("{}:{}", credentials.user, credentials.password.text()));
  const std::string_view plain = joined.text();
  std::string out(sodium_base64_ENCODED_LEN(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.resize(out.find('\0'));
  return Secret("Basic " + out);
}

}  // namespace

const json::value* member(const json::object& object, std::string_view path) {
  const json::object* at = &object;
  while (true) {
    const std::size_t dot = path.find('.');
    // Annotations have dots in their names: @odata.id, PowerLimit@Redfish.AllowableValues.
    const bool annotation = path.substr(0, dot).find('@') != std::string_view::npos || path.starts_with('#');
    const json::value* found = at->if_contains(annotation ? path : path.substr(0, dot));
    if (found == nullptr || annotation || dot == std::string_view::npos) return found;
    at = found->if_object();
    if (at == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

std::string text_at(const json::object& object, std::string_view path) {
  return one_line(raw_text(object, path), kMostText);
}

std::optional<double> number_at(const json::object& object, std::string_view path) {
  const json::value* found = member(object, path);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const double number = found->to_number<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string link_at(const json::object& object, std::string_view path) {
  const json::value* found = member(object, path);
  const json::value* id = found != nullptr && found->is_object() ? found->get_object().if_contains("@odata.id") : nullptr;
  return id != nullptr && id->is_string() ? std::string(std::string_view(id->get_string())) : std::string();
}

std::vector<std::string> links_at(const json::object& object, std::string_view path) {
  std::vector<std::string> out;
  const json::value* found = member(object, path);
  if (found == nullptr || !found->is_array()) return out;
  for (const json::value& entry : found->get_array()) {
    const json::value* id = entry.is_object() ? entry.get_object().if_contains("@odata.id") : nullptr;
    if (id != nullptr && id->is_string()) out.emplace_back(std::string_view(id->get_string()));
  }
  return out;
}

RedfishSession::RedfishSession(RedfishOptions options) : options_(std::move(options)), client_(ApiClientOptions{}) {
  auto server = bmc_server(options_.url);
  if (!server.ok()) {
    wrong_ = std::move(server).error();
  } else {
    server_ = std::move(*server);
    const bool pinned = !options_.pinned_key.empty();
    if (pinned && (!options_.pinned_key.starts_with("sha256//") || !server_.starts_with("https://"))) {
      wrong_ = make_error(Code::kInvalid, "a pinned key looks like sha256//… in base64 and needs an https address");
    }
  }
  if (!options_.sleep) {
    options_.sleep = [](Duration duration) {
      std::this_thread::sleep_for(std::chrono::nanoseconds(duration.count()));
      return true;
    };
  }
  client_ = ApiClient(client_options(options_, server_));
  begin(options_.deadline);
}

RedfishSession::~RedfishSession() { log_out(); }

void RedfishSession::begin(Duration deadline) {
  ends_ = options_.now() + deadline;
  requests_ = 0;
}

Duration RedfishSession::left() const { return std::max(ends_ - options_.now(), Duration{}); }

Status RedfishSession::pause(Duration duration) {
  if (duration >= left()) return make_error(Code::kTimeout, fmt::format("the BMC at {} did not get ready before the deadline", server_));
  if (!options_.sleep(duration)) return make_error(Code::kUnavailable, fmt::format("the work at the BMC at {} was stopped", server_));
  return ok_status();
}

// One request and its answer, whatever the status.
Result<ApiResponse> RedfishSession::once(const Ask& ask) {
  if (wrong_) return *wrong_;
  if (++requests_ > kMostRequests) {
    return make_error(Code::kTooLarge, fmt::format("the BMC at {} needs more than {} requests for one operation", server_, kMostRequests));
  }
  const Duration rest = left();
  if (rest < milliseconds(1)) return make_error(Code::kTimeout, fmt::format("the deadline passed before the BMC at {} was done", server_));
  client_.set_timeout(std::min(options_.request_timeout, rest));
  Headers headers{{"accept", "application/json"}, {"odata-version", "4.0"}};
  if (!ask.etag.empty()) headers["if-match"] = ask.etag;
  if (!ask.open && !basic_.empty()) headers["authorization"] = std::string(basic_.text());
  if (!ask.open && !token_.empty()) headers["x-auth-token"] = std::string(token_.text());
  return client_.request(ask.method, ask.path, ask.body, headers);
}

Result<ApiResponse> RedfishSession::ask(Ask ask) {
  bool again = false;  // with a new session
  int redirects = 0, busy = 0;
  while (true) {
    if (!ask.open && basic_.empty() && token_.empty()) PENSTOCK_RETURN_IF_ERROR(log_in());
    PENSTOCK_TRY(answer, once(ask));
    if (good(answer.status)) return std::move(answer);
    if (answer.status == 401 && !ask.open && basic_.empty() && !again) {
      again = true;
      token_ = Secret();
      session_.clear();
      continue;
    }
    const bool moved = answer.status == 301 || answer.status == 302 || answer.status == 307 || answer.status == 308;
    if (moved && ask.method == "GET" && ++redirects <= kMostRedirects) {
      PENSTOCK_TRY(path, path_on(server_, header(answer, "location")));
      ask.path = std::move(path);
      continue;
    }
    if ((answer.status == 503 || answer.status == 429) && ++busy <= kMostBusy) {
      const Duration wait = wait_of(answer, options_.poll);
      if (wait < left()) {
        PENSTOCK_RETURN_IF_ERROR(pause(wait));
        continue;
      }
    }
    return refused(ask, answer);
  }
}

Error RedfishSession::refused(const Ask& ask, const ApiResponse& answer) const {
  Code code = code_of_status(answer.status);
  if (answer.status == 405) code = Code::kUnsupported;
  if (answer.status == 409) code = Code::kFailedPrecondition;
  if (answer.status >= 500 && code == Code::kInternal) code = Code::kUnavailable;
  if (answer.status < 400) code = Code::kUnsupported;
  // Hidden before it is cut: half a password would not be found any more.
  const std::string why = hidden(messages_in(answer.body));
  std::string message = fmt::format("the BMC at {} answers {} {} with HTTP status {}{}{}", server_, ask.method, ask.path, answer.status,
                                    why.empty() ? "" : ": ", one_line(why, kMostText));
  if (answer.status == 401) message += fmt::format("; check the credentials in {}", options_.credentials);
  return make_error(code, std::move(message));
}

std::string RedfishSession::hidden(std::string message) const {
  return token_.hidden_in(basic_.hidden_in(credentials_.password.hidden_in(std::move(message))));
}

Result<RedfishResource> RedfishSession::read(std::string_view link, bool open) {
  if (wrong_) return *wrong_;
  PENSTOCK_TRY(path, path_on(server_, link));
  PENSTOCK_TRY(answer, ask({"GET", path, {}, {}, open}));
  auto value = parse_json(answer.body, kMostDepth);
  if (!value.ok() || !value->is_object()) {
    return make_error(Code::kUnavailable, fmt::format("the answer of the BMC at {} to GET {} is no JSON object of at most {} levels",
                                                      server_, path, kMostDepth));
  }
  RedfishResource resource{path, header(answer, "etag"), std::move(value->get_object())};
  if (resource.etag.empty()) resource.etag = text_at(resource.body, "@odata.etag");
  return resource;
}

Result<const RedfishResource*> RedfishSession::root() {
  if (!root_) {
    PENSTOCK_TRY(found, read(kRoot, true));
    root_ = std::move(found);
  }
  return &*root_;
}

Result<RedfishResource> RedfishSession::get(std::string_view link) { return read(link, false); }

Result<std::vector<RedfishResource>> RedfishSession::members(std::string_view link) {
  std::vector<RedfishResource> out;
  std::set<std::string> seen;
  std::string next(link);
  while (!next.empty()) {
    PENSTOCK_TRY(page, get(next));
    if (!seen.insert(page.path).second) {
      return make_error(Code::kInvalid, fmt::format("the pages of {} on the BMC at {} lead in a circle", link, server_));
    }
    for (const std::string& one : links_at(page.body, "Members")) {
      if (out.size() == kMostMembers) {
        return make_error(Code::kTooLarge, fmt::format("{} on the BMC at {} has more than {} members", link, server_, kMostMembers));
      }
      PENSTOCK_TRY(found, get(one));
      out.push_back(std::move(found));
    }
    next = raw_text(page.body, "Members@odata.nextLink");
  }
  return out;
}

Result<std::string> RedfishSession::post(std::string_view link, const json::object& body) {
  if (wrong_) return *wrong_;
  PENSTOCK_TRY(path, path_on(server_, link));
  PENSTOCK_TRY(answer, ask({"POST", path, json::serialize(body), {}}));
  return header(answer, "location");
}

Status RedfishSession::patch(const RedfishResource& resource, const json::object& body) {
  auto answer = ask({"PATCH", resource.path, json::serialize(body), resource.etag});
  if (!answer.ok()) return std::move(answer).error();
  return ok_status();
}

Status RedfishSession::remove(std::string_view link) {
  if (wrong_) return *wrong_;
  PENSTOCK_TRY(path, path_on(server_, link));
  auto answer = ask({"DELETE", path, {}, {}});
  if (!answer.ok()) return std::move(answer).error();
  return ok_status();
}

Status RedfishSession::log_in() {
  PENSTOCK_TRY(found, root());
  PENSTOCK_TRY(credentials, read_credentials(options_.credentials));
  credentials_ = std::move(credentials);
  const std::string sessions = link_at(found->body, "Links.Sessions");
  if (sessions.empty()) {
    basic_ = basic_header(credentials_);
    return ok_status();
  }
  PENSTOCK_TRY(path, path_on(server_, sessions));
  std::string body = json::serialize(json::object{{"UserName", credentials_.user}, {"Password", credentials_.password.text()}});
  Ask login{"POST", path, body, {}, true};
  sodium_memzero(body.data(), body.size());
  PENSTOCK_TRY(answer, once(login));
  sodium_memzero(login.body.data(), login.body.size());
  // All sessions may be taken, by others who do not log out; a request with basic authentication needs none.
  const bool none = answer.status == 404 || answer.status == 405 || answer.status == 501 ||
                    answer.body.find("SessionLimitExceeded") != std::string::npos;
  if (!good(answer.status)) {
    if (!none) return refused(login, answer);
    basic_ = basic_header(credentials_);
    return ok_status();
  }
  token_ = Secret(header(answer, "x-auth-token"));
  if (token_.empty()) {
    return make_error(Code::kUnavailable, fmt::format("the BMC at {} made a session and gave no X-Auth-Token", server_));
  }
  auto location = path_on(server_, header(answer, "location"));
  if (location.ok()) session_ = std::move(*location);
  return ok_status();
}

void RedfishSession::log_out() {
  if (token_.empty() || session_.empty()) return;
  begin(seconds(kFarewellSeconds));
  // Best effort: a session that stays ends by itself after the service's SessionTimeout.
  static_cast<void>(once({"DELETE", session_, {}, {}}));
}

}  // namespace penstock
