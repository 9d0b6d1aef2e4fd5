// The protocol's paths and how long each call may take.
#include "agent/control.h"

namespace penstock {
namespace {

// A server that holds a call for `wait` gets this much more to answer it.
constexpr Duration kSlack = seconds(10);
constexpr Duration kShortCall = seconds(10);

}  // namespace

HttpControl::HttpControl(const ApiClientOptions& options) : orders_(options), logs_(options) {
  logs_.set_timeout(kShortCall);
}

Result<AgentWelcome> HttpControl::register_node(const AgentHello& hello, const std::string& token) {
  orders_.set_token(token);
  orders_.set_timeout(kShortCall);
  return orders_.post<AgentWelcome>("/v1/agents/register", hello);
}

Result<SyncReply> HttpControl::sync(const SyncRequest& request, const std::string& token) {
  orders_.set_token(token);
  orders_.set_timeout(request.wait + kSlack);
  return orders_.post<SyncReply>("/v1/agents/sync", request);
}

Result<LogAccepted> HttpControl::send_log(std::uint64_t id, std::int64_t offset, std::string_view bytes, bool end,
                                          const std::string& token) {
  logs_.set_token(token);
  return logs_.call<LogAccepted>("POST", fmt::format("/v1/agents/logs/{}?offset={}&end={:d}", id, offset, end), bytes,
                                 {{"content-type", "application/octet-stream"}});
}

void HttpControl::interrupt() { orders_.cancel(); }

void HttpControl::close() {
  orders_.cancel();
  logs_.cancel();
}

}  // namespace penstock
