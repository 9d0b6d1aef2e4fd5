// A Penstock server: journal, core, API and HTTP front put together.
#pragma once

#include "server/auth/oidc.h"
#include "server/webhooks.h"
#include "server/http/http_server.h"

namespace penstock {

inline constexpr std::string_view kVersion = PENSTOCK_VERSION;

struct ServerOptions {
  std::string state_dir = "var";  ///< holds the journal and the operator's first token
  std::string store_country;      ///< where that directory and its archives lie; empty: nobody told
  HttpOptions http;
  std::string console;  ///< directory of the console's built assets; empty: a page says how to build them
  std::optional<WebhookOptions> webhook;  ///< who is told of usage, budgets and invoices
  std::optional<OidcOptions> oidc;  ///< where people log in; none: by tokens only
  /// Makes what reaches management controllers, which calls `on_results` from any thread when it has some; empty: nothing does.
  std::function<std::unique_ptr<HardwareControl>(std::function<void()> on_results)> hardware;
};

class Server {
 public:
  /// Opens or makes the state, recovers, takes leadership, listens. On the very first start an operator token is
  /// made and saved beside the journal (mode 0600); its path is operator_token_file().
  static Result<std::unique_ptr<Server>> start(ServerOptions options);
  ~Server();

  std::string url() const { return http_->url(); }
  Core& core() { return *core_; }
  std::string operator_token_file() const;

 private:
  explicit Server(ServerOptions options) : options_(std::move(options)) {}
  Status first_token();

  ServerOptions options_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<HardwareControl> hardware_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Oidc> oidc_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Webhooks> webhooks_;
};

/// Carries out a command and waits for its outcome. Not from the core's own thread.
Result<Reply> execute_and_wait(Core& core, Command command, std::string principal);

}  // namespace penstock
