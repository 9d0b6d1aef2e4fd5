// OpenID providers over ApiClient, one connection a question.
#include "client/identity_provider.h"

#include "client/api_client.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr Duration kPatience = seconds(10);

struct Url {
  std::string server;
  std::string path;
};

Result<Url> split(const std::string& url) {
  const std::size_t scheme = url.find("://");
  // What stands before an @ would pass for the host.
  const bool plain = scheme != std::string::npos && url.find_first_of("@\\ \r\n\t#") == std::string::npos;
  if (!plain || (!url.starts_with("https://") && !(url.starts_with("http://") && is_loopback_server(url)))) {
    return make_error(Code::kInvalid, fmt::format("expected an https URL (http is for this machine only), found '{}'", url));
  }
  const std::size_t path = url.find('/', scheme + 3);
  if (path == std::string::npos) return Url{url, "/"};
  return Url{url.substr(0, path), url.substr(path)};
}

Result<ApiResponse> ask(const std::string& method, const std::string& url, const std::string& body, const Headers& headers,
                        const std::string& ca_file) {
  PENSTOCK_TRY(at, split(url));
  ApiClientOptions options;
  options.server = at.server;
  options.ca_file = ca_file;
  options.peer = "the identity provider";
  options.timeout = kPatience;
  options.max_response = kMostBytes;
  options.any_status = true;
  return ApiClient(std::move(options)).request(method, at.path, body, headers);
}

Error no_json(const std::string& url) {
  return make_error(Code::kUnavailable, fmt::format("the identity provider's answer at {} is no JSON object", url));
}

}  // namespace

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string())) : std::string();
}

Result<json::value> fetch_json(const std::string& url, const std::string& ca_file) {
  PENSTOCK_TRY(answer, ask("GET", url, {}, {{"accept", "application/json"}}, ca_file));
  if (answer.status != 200) {
    return make_error(Code::kUnavailable, fmt::format("the identity provider answers {} with HTTP status {}", url, answer.status));
  }
  auto value = parse_json(answer.body);
  if (!value.ok() || !value->is_object()) return no_json(url);
  return value;
}

Result<FormAnswer> post_form(const std::string& url, const std::map<std::string, std::string>& fields, const std::string& ca_file) {
  std::string form;
  for (const auto& [name, value] : fields) form += (form.empty() ? "" : "&") + url_encode(name) + "=" + url_encode(value);
  PENSTOCK_TRY(answer, ask("POST", url, form, {{"accept", "application/json"}, {"content-type", "application/x-www-form-urlencoded"}}, ca_file));
  auto value = parse_json(answer.body);
  if (!value.ok() || !value->is_object()) return no_json(url);
  return FormAnswer{answer.status, std::move(value->as_object())};
}

Result<ProviderConfig> discover(const std::string& issuer, const std::function<Result<json::value>(const std::string& url)>& fetch) {
  std::string base = issuer;
  if (base.ends_with('/')) base.pop_back();
  const std::string url = base + "/.well-known/openid-configuration";
  PENSTOCK_TRY(document, fetch(url));
  if (!document.is_object()) return no_json(url);
  const json::object& found = document.as_object();
  ProviderConfig config{text_in(found, "issuer"), text_in(found, "jwks_uri"), text_in(found, "token_endpoint"),
                        text_in(found, "device_authorization_endpoint")};
  if (config.issuer != issuer) {
    return make_error(Code::kInvalid, fmt::format("{} names the issuer '{}', not '{}'", url, config.issuer, issuer));
  }
  if (config.jwks_uri.empty() || config.token_endpoint.empty()) {
    return make_error(Code::kInvalid, fmt::format("{} names no jwks_uri or no token_endpoint", url));
  }
  return config;
}

}  // namespace penstock
