// What an OpenID provider is asked for, by the server and by the command line: its configuration, its keys, its tokens.
#pragma once

#include <functional>

#include "base/json.h"

namespace penstock {

/// OpenID Connect Discovery 1.0, section 3, as far as it is used.
struct ProviderConfig {
  std::string issuer;
  std::string jwks_uri;
  std::string token_endpoint;
  std::string device_authorization_endpoint;  ///< RFC 8628; empty: it cannot be done there
};

/// A JSON object, at most 1 MiB, within 10 s. Only https, and http on this machine; redirects are not followed.
Result<json::value> fetch_json(const std::string& url, const std::string& ca_file);

/// Reads what stands below `issuer` at /.well-known/openid-configuration. kInvalid unless it names that very issuer.
Result<ProviderConfig> discover(const std::string& issuer, const std::function<Result<json::value>(const std::string& url)>& fetch);

struct FormAnswer {
  int status = 0;
  json::object body;
};

/// Sends a form; the answer is a JSON object, whatever its status. As fetch_json otherwise.
Result<FormAnswer> post_form(const std::string& url, const std::map<std::string, std::string>& fields, const std::string& ca_file);

/// A text member of an object; empty if there is none.
std::string text_in(const json::object& object, std::string_view name);

}  // namespace penstock
