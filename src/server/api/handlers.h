// What several groups of handlers share.
#pragma once

#include "server/api/api.h"
#include "server/api/bodies.h"

namespace penstock {

template <class T>
HttpResponse json_response(const T& body, int status = 200) {
  HttpResponse response;
  response.status = status;
  write_json(response.body, body);
  return response;
}

inline void refuse(const std::shared_ptr<Call>& call, const Error& error) { call->respond(problem_response(error)); }

/// The body as a described type.
template <class T>
Result<T> body_of(const Call& call) {
  const auto type = call.request.headers.find("content-type");
  if (type != call.request.headers.end() && !type->second.starts_with("application/json")) {
    return make_error(Code::kInvalid, fmt::format("the body must be application/json, not {}", type->second), "Content-Type");
  }
  return from_json_text<T>(call.request.body);
}

inline bool flag(const Call& call, const std::string& name) {
  const auto found = call.query.find(name);
  return found != call.query.end() && (found->second == "1" || found->second == "true");
}

inline std::string text(const Call& call, const std::string& name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string() : found->second;
}

/// A number in the query, or `absent`.
Result<std::uint64_t> number(const Call& call, const std::string& name, std::uint64_t absent, std::uint64_t most);

inline Result<std::uint64_t> page_limit(const Call& call) { return number(call, "limit", 100, 1000); }

/// The same answer for what does not exist and for what the caller may not know of.
inline Error unknown(std::string_view kind, std::string_view name) {
  return make_error(Code::kNotFound, fmt::format("there is no {} '{}'", kind, name));
}

/// What of `tenant` (empty: of all) the caller has the operation's right over: tenants as a whole, else each project; for the provider
/// `tenant` itself. None: the tenant is answered as what does not exist.
std::set<std::string> scopes_of(const Call& call, const std::string& tenant);

/// One server-sent event.
std::string sse(std::string_view event, Position position, std::string_view data);

}  // namespace penstock
