// login, logout, whoami, token, audit: who acts, and who did.
#include <algorithm>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "base/csv.h"
#include "cli/cli.h"
#include "cli/pages.h"
#include "client/identity_provider.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

constexpr std::string_view kDeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

ApiClient client_of(const Context& context) {
  ApiClientOptions options;
  options.server = context.server;
  options.token = context.token;
  options.ca_file = context.ca_file;
  return ApiClient(std::move(options));
}

std::string words_of(const Binding& binding) {
  std::string out(name_of(binding.role));
  if (!binding.tenant.empty()) out += " of " + binding.tenant;
  if (!binding.project.empty()) out += "/" + binding.project;
  return out;
}

std::string words_of(const std::vector<Binding>& bindings) {
  std::string out;
  for (const Binding& binding : bindings) out += (out.empty() ? "" : ", ") + words_of(binding);
  return out.empty() ? "nothing granted" : out;
}

std::int64_t number_in(const json::object& object, std::string_view name, std::int64_t absent) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_int64() ? found->get_int64() : absent;
}

Error refused_by_provider(const json::object& answer) {
  const std::string why = text_in(answer, "error_description");
  return make_error(Code::kUnauthenticated, fmt::format("the identity provider refuses: {}", why.empty() ? text_in(answer, "error") : why));
}

// RFC 8628: a code is shown here and entered in a browser anywhere. Gives the ID token.
Result<std::string> device_login(const LoginInfo& info, const std::string& ca_file) {
  const auto fetch = [&](const std::string& url) { return fetch_json(url, ca_file); };
  PENSTOCK_TRY(config, discover(info.issuer, fetch));
  if (config.device_authorization_endpoint.empty()) {
    return make_error(Code::kUnsupported, fmt::format("{} does not let devices log in; get a token from your admin", info.issuer));
  }
  const std::string scope = fmt::format("{}", fmt::join(info.scopes, " "));
  PENSTOCK_TRY(start, post_form(config.device_authorization_endpoint, {{"client_id", info.client_id}, {"scope", scope}}, ca_file));
  const std::string device = text_in(start.body, "device_code");
  if (start.status != 200 || device.empty()) return refused_by_provider(start.body);
  const std::string complete = text_in(start.body, "verification_uri_complete");
  fmt::print(stderr, "open {} and confirm the code {}\n", complete.empty() ? text_in(start.body, "verification_uri") : complete, text_in(start.body, "user_code"));

  std::int64_t interval = std::clamp<std::int64_t>(number_in(start.body, "interval", 5), 1, 300);
  const Time until = utc_now() + seconds(std::clamp<std::int64_t>(number_in(start.body, "expires_in", 600), 1, 86'400));
  while (utc_now() < until) {
    std::this_thread::sleep_for(std::chrono::seconds(interval));
    auto answer = post_form(config.token_endpoint, {{"grant_type", std::string(kDeviceGrant)}, {"device_code", device}, {"client_id", info.client_id}}, ca_file);
    if (!answer.ok()) {
      if (answer.error().code != Code::kTimeout) return answer.error();
      interval *= 2;
      continue;
    }
    if (answer->status == 200) {
      std::string token = text_in(answer->body, "id_token");
      if (token.empty()) return make_error(Code::kUnauthenticated, "the identity provider gave no ID token; is the scope openid allowed?");
      return token;
    }
    const std::string why = text_in(answer->body, "error");
    if (why == "slow_down") {
      interval += 5;
    } else if (why == "access_denied") {
      return make_error(Code::kUnauthenticated, "the login was denied in the browser");
    } else if (why == "expired_token") {
      break;
    } else if (why != "authorization_pending") {
      return refused_by_provider(answer->body);
    }
  }
  return make_error(Code::kTimeout, "nobody confirmed the code in time; log in again");
}

Result<std::string> typed_token() {
  fmt::print(stderr, "token: ");
  std::string token;
  std::getline(std::cin, token);
  return token.substr(0, token.find_last_not_of(" \r\n\t") + 1);
}

Result<std::string> session_token(const Context& context, const std::string& ca_file) {
  ApiClient client = client_of(context);
  PENSTOCK_TRY(info, client.get<LoginInfo>("/v1/login"));
  PENSTOCK_TRY(id_token, device_login(info, ca_file));
  PENSTOCK_TRY(session, client.post<LoggedIn>("/v1/login", LoginRequest{id_token}));
  return session.token;
}

int login(const GlobalFlags& flags, const std::string& name, const std::string& token_file, bool oidc, const std::string& oidc_ca_file) {
  Context context;
  context.server = flags.server;
  context.ca_file = flags.ca_file;
  auto token = oidc ? session_token(context, oidc_ca_file) : token_file.empty() ? typed_token() : read_token(token_file);
  if (!token.ok()) return fail(token.error());
  context.token = std::move(*token);
  auto who = client_of(context).get<Identity>("/v1/whoami");
  if (!who.ok()) return fail(who.error());
  auto config = load_config();
  if (!config.ok()) return fail(config.error());
  config->contexts[name] = context;
  config->current = name;
  if (Status saved = save_config(*config); !saved.ok()) return fail(saved.error());
  fmt::print("logged in to {} as {} ({}); context '{}' saved in {}\n", context.server, who->name, words_of(who->grants), name, config_path());
  return 0;
}

// The token ends at the server first: one that is only forgotten here would go on.
int logout(ApiClient& client, const GlobalFlags& flags) {
  auto gone = client.call<Reply>("POST", "/v1/logout");
  if (!gone.ok()) return fail(gone.error());
  auto config = load_config();
  if (!config.ok()) return fail(config.error());
  const auto context = config->contexts.find(flags.context.empty() ? config->current : flags.context);
  const auto used = resolve_context(flags);
  if (used.ok() && context != config->contexts.end() && context->second.token == used->token) {
    context->second.token.clear();
    if (Status saved = save_config(*config); !saved.ok()) return fail(saved.error());
  }
  fmt::print("logged out of {}\n", client.server());
  return 0;
}

int whoami(ApiClient& client, Format format) {
  auto who = client.get<Identity>("/v1/whoami");
  if (!who.ok()) return fail(who.error());
  if (format != Format::kTable) {
    print_json(to_json(*who), format);
    return 0;
  }
  const std::string stands_for = who->principal.empty() ? "" : fmt::format(" for {}", who->principal);
  fmt::print("{}{} ({}{}) at {}\n", who->name, stands_for, words_of(who->grants), who->node.empty() ? "" : " " + who->node, client.server());
  return 0;
}

struct AuditFlags {
  std::string tenant, principal, operation, export_as;
  std::size_t limit = 100;
};

std::string objects_in(const json::value& item) {
  std::string out;
  for (const json::value& object : item.at("entry").at("objects").as_array()) {
    out += fmt::format("{}{} {} {}", out.empty() ? "" : "; ", at(object, "change"), at(object, "kind"), at(object, "name"));
  }
  const std::string more = at(item, "entry.more");
  return more.empty() ? out : fmt::format("{}; and {} more", out, more);
}

// A spreadsheet would take what begins like a formula for one.
std::string csv(std::string cell) {
  if (!cell.empty() && std::string_view("=+-@").find(cell.front()) != std::string_view::npos) cell.insert(0, "'");
  return csv_quoted(cell);
}

std::vector<std::string> cells_of(const json::value& item) {
  return {at(item, "position"), at(item, "at"), at(item, "entry.who"), at(item, "entry.principal"), at(item, "by"), at(item, "entry.tenant"),
          at(item, "entry.operation"), objects_in(item), at(item, "entry.reason"), at(item, "entry.from")};
}

int audit(ApiClient& client, const AuditFlags& flags, Format format) {
  const std::vector<std::string> heads{"POSITION", "AT", "WHO", "PRINCIPAL", "BY", "TENANT", "OPERATION", "OBJECTS", "REASON", "FROM"};
  Table table(heads);
  json::array items;
  if (flags.export_as == "csv") fmt::print("{}\r\n", fmt::join(heads, ","));
  std::size_t left = flags.export_as.empty() ? flags.limit : std::numeric_limits<std::size_t>::max();
  std::string cursor;
  do {
    const std::string path = "/v1/audit" + query_text({{"limit", std::to_string(std::min<std::size_t>(1000, left))},
                                                       {"tenant", flags.tenant},
                                                       {"principal", flags.principal},
                                                       {"operation", flags.operation},
                                                       {"cursor", cursor}});
    auto response = client.request("GET", path);
    if (!response.ok()) return fail(response.error());
    const json::value page = json::parse(response->body);
    for (const json::value& item : page.at("items").as_array()) {
      --left;
      if (flags.export_as == "jsonl") {
        fmt::print("{}\n", json::serialize(item));
      } else if (flags.export_as == "csv") {
        std::vector<std::string> cells = cells_of(item);
        for (std::string& cell : cells) cell = csv(std::move(cell));
        fmt::print("{}\r\n", fmt::join(cells, ","));
      } else if (format == Format::kTable) {
        table.row(cells_of(item));
      } else {
        items.push_back(item);
      }
    }
    cursor = at(page, "next");
  } while (!cursor.empty() && left > 0);
  if (!flags.export_as.empty()) return 0;
  if (format == Format::kTable) {
    fmt::print("{}", table.text());
    if (!cursor.empty()) fmt::print(stderr, "… and more; see --limit\n");
  } else {
    print_json(json::serialize(json::object{{"items", items}}), format);
  }
  return 0;
}

void add_token_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::string id, tenant, project, principal, role, valid_for;
  };
  auto flags = std::make_shared<Flags>();
  auto* token = app.add_subcommand("token", "Issue, list and revoke tokens")->require_subcommand(1);
  auto* issue = token->add_subcommand("issue", "Issue a token; its text is shown this once");
  issue->add_option("name", flags->id, "what people call it")->required();
  issue->add_option("--role", flags->role, "operator, auditor, tenant-admin, member, viewer, or node (to join nodes); with --principal, at most this")
      ->check(CLI::IsMember({"operator", "auditor", "tenant-admin", "member", "viewer", "node"}));
  issue->add_option("--tenant", flags->tenant, "for tenant roles: which");
  issue->add_option("--project", flags->project, "for member and viewer: only this project of the tenant");
  issue->add_option("--principal", flags->principal, "whom it stands for: tenant/name, or name of the provider's own");
  issue->add_option("--valid-for", flags->valid_for, "ISO 8601 duration, e.g. P30D; without it, until revoked");
  issue->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      TokenRequest request;
      request.name = flags->id;
      if (!flags->role.empty()) request.role = enum_from_name<Role>(flags->role);
      request.tenant = flags->tenant;
      request.project = flags->project;
      request.principal = flags->principal;
      if (!flags->valid_for.empty()) {
        auto duration = Text<Duration>::parse(flags->valid_for);
        if (!duration.ok()) return fail(duration.error(), kUsage);
        request.valid_for = *duration;
      }
      auto issued = client.post<IssuedToken>("/v1/tokens", request);
      if (!issued.ok()) return fail(issued.error());
      if (cli.output() != Format::kTable) {
        print_json(to_json(*issued), cli.output());
      } else {
        fmt::print("{}\n", issued->token);
      }
      return 0;
    });
  });
  token->add_subcommand("list", "List tokens")->callback([&cli] {
    cli.with_client([&](ApiClient& client) {
      auto response = client.request("GET", "/v1/tokens?limit=1000");
      if (!response.ok()) return fail(response.error());
      if (cli.output() != Format::kTable) {
        print_json(response->body, cli.output());
        return 0;
      }
      Table table({"ID", "NAME", "PRINCIPAL", "ROLE", "TENANT", "PROJECT", "NODE", "EXPIRES", "AGE", "USED"});
      const json::value page = json::parse(response->body);
      const Time now = utc_now();
      for (const json::value& item : page.at("items").as_array()) {
        table.row({at(item, "id"), at(item, "name"), at(item, "principal"), at(item, "role"), at(item, "tenant"), at(item, "project"), at(item, "node"), at(item, "expires"),
                   age(item, "created", now), age(item, "lastUsed", now)});
      }
      fmt::print("{}", table.text());
      return 0;
    });
  });
  auto* revoke = token->add_subcommand("revoke", "Revoke a token, at once");
  revoke->add_option("id", flags->id, "its id, from `token list`")->required();
  revoke->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      auto reply = client.call<Reply>("DELETE", "/v1/tokens/" + url_encode(flags->id));
      if (!reply.ok()) return fail(reply.error());
      fmt::print("revoked {}\n", flags->id);
      return 0;
    });
  });
}

}  // namespace

void add_access_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::string name = "default", token_file, oidc_ca_file;
    bool oidc = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* login_verb = app.add_subcommand("login", "Check a token and keep it as a context (asks for it on standard input), or log in at the identity provider");
  login_verb->add_option("--name", flags->name, "name of the context");
  login_verb->add_option("--token-file", flags->token_file, "read the token from this file instead");
  login_verb->add_flag("--oidc", flags->oidc, "log in at the server's identity provider, with a browser on any device");
  login_verb->add_option("--oidc-ca-file", flags->oidc_ca_file, "PEM file of authorities to trust for the identity provider");
  login_verb->callback([&cli, flags] {
    if (cli.flags.server.empty()) cli.flags.server = "http://127.0.0.1:7440";
    cli.exit_code = login(cli.flags, flags->name, flags->token_file, flags->oidc, flags->oidc_ca_file);
  });
  app.add_subcommand("logout", "Revoke the token of the context and forget it")->callback([&cli] {
    cli.with_client([&](ApiClient& client) { return logout(client, cli.flags); });
  });
  app.add_subcommand("whoami", "Who the server takes you for")->callback([&cli] {
    cli.with_client([&](ApiClient& client) { return whoami(client, cli.output()); });
  });
  add_token_verbs(app, cli);

  auto audited = std::make_shared<AuditFlags>();
  auto* audit_verb = app.add_subcommand("audit", "Who changed what, newest first");
  audit_verb->add_option("--tenant", audited->tenant, "only what is about this tenant");
  audit_verb->add_option("--principal", audited->principal, "only of this principal, or of token:ID");
  audit_verb->add_option("--operation", audited->operation, "only this operation, e.g. cancelJob");
  audit_verb->add_option("--limit", audited->limit, "at most this many")->check(CLI::PositiveNumber);
  audit_verb->add_option("--export", audited->export_as, "all of it, one entry a line: jsonl or csv")->check(CLI::IsMember({"jsonl", "csv"}));
  audit_verb->callback([&cli, audited] {
    cli.with_client([&](ApiClient& client) { return audit(client, *audited, cli.output()); });
  });
}

}  // namespace penstock
