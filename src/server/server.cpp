// Putting a server together, and taking it apart in the right order.
#include "server/server.h"

#include <filesystem>
#include <future>

#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/files.h"
#include "journal/sqlite/sqlite_journal.h"

namespace penstock {

Result<Reply> execute_and_wait(Core& core, Command command, std::string principal) {
  std::promise<Result<Reply>> promise;
  auto future = promise.get_future();
  CommandMeta meta;
  meta.principal = std::move(principal);
  core.execute(std::move(command), std::move(meta), [&promise](Result<Reply> reply) { promise.set_value(std::move(reply)); });
  return future.get();
}

std::string Server::operator_token_file() const { return options_.state_dir + "/operator.token"; }

Status Server::first_token() {
  bool none = true;
  std::promise<void> looked;
  core_->read([&](Core::View& view) {
    for (const auto& [id, token] : view.state.facts().tokens) none = none && token.role != Role::kOperator;
    looked.set_value();
  });
  looked.get_future().wait();
  if (!none) return ok_status();
  NewToken token = make_token(Role::kOperator, "first operator", core_->now());
  token.record.issuer = "server";
  // The file first: a crash between the two leaves a useless file, not an operator token that nobody holds.
  PENSTOCK_RETURN_IF_ERROR(write_file(operator_token_file(), token.text + "\n", Lasting::kPowerLoss));
  PENSTOCK_TRY(issued, execute_and_wait(*core_, IssueToken{token.record}, "server"));
  static_cast<void>(issued);
  spdlog::info("operator token made file={}", operator_token_file());
  return ok_status();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  std::error_code failed;
  std::filesystem::create_directories(options.state_dir, failed);
  if (failed) return make_error(Code::kUnavailable, fmt::format("cannot make {}: {}", options.state_dir, failed.message()), "state");
  // Others may pass through to a task's directory that is theirs, and see nothing on the way.
  using std::filesystem::perms;
  std::filesystem::permissions(options.state_dir, perms::owner_all | perms::group_exec | perms::others_exec, failed);

  std::unique_ptr<Server> server(new Server(std::move(options)));
  PENSTOCK_TRY(journal, SqliteJournal::open(server->options_.state_dir + "/penstock.db"));
  CoreOptions core;
  core.clock = utc_now;
  core.server_version = kVersion;
  core.store_country = server->options_.store_country;
  if (server->options_.hardware) {
    // Only the core gives orders, so that it is there when the first result is.
    server->hardware_ = server->options_.hardware([server = server.get()] { server->core_->read([](Core::View&) {}); });
    core.hardware = server->hardware_.get();
  }
  server->core_ = std::make_unique<Core>(std::move(core), std::move(journal));
  PENSTOCK_RETURN_IF_ERROR(server->core_->start());
  if (!server->core_->recovery_notice().empty()) spdlog::warn("recovered notice=\"{}\"", server->core_->recovery_notice());
  PENSTOCK_RETURN_IF_ERROR(server->first_token());
  server->metrics_ = std::make_unique<Metrics>();
  server->metrics_->follow(*server->core_);
  if (server->options_.oidc) server->oidc_ = std::make_unique<Oidc>(*server->options_.oidc, utc_now);
  server->api_ = std::make_unique<Api>(*server->core_, *server->metrics_, std::string(kVersion), server->oidc_.get());
  const auto& oidc = server->options_.oidc;
  PENSTOCK_TRY(console, StaticFiles::read({server->options_.console, oidc ? oidc->issuer : std::string()}));
  server->http_ = std::make_unique<HttpServer>(server->options_.http, *server->api_, *server->metrics_, std::move(console));
  PENSTOCK_RETURN_IF_ERROR(server->http_->start());
  if (auto& webhook = server->options_.webhook) {
    webhook->state_file = server->options_.state_dir + "/webhook.json";
    webhook->source = server->url();
    PENSTOCK_TRY(webhooks, Webhooks::start(*server->core_, *webhook));
    server->webhooks_ = std::move(webhooks);
  }
  return server;
}

Server::~Server() {
  webhooks_.reset();
  if (http_) http_->stop();
  oidc_.reset();
  if (core_) core_->stop();
  hardware_.reset();
}

}  // namespace penstock
