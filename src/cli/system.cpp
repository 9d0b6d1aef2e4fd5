// top, login, whoami, token, version.
#include <iostream>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "cli/cli.h"
#include "server/api/bodies.h"
#include "server/server.h"

namespace penstock {
namespace {

int top(ApiClient& client, Format format) {
  auto response = client.request("GET", "/v1/capacity");
  if (!response.ok()) return fail(response.error());
  if (format != Format::kTable) {
    print_json(response->body, format);
    return 0;
  }
  auto capacity = from_json_text<CapacityList>(response->body);
  if (!capacity.ok()) return fail(capacity.error());
  Table table({"SITE", "MODEL", "NODES", "READY", "GPUS", "FREE", "HELD", "USED", "DEMAND", "MAX"});
  for (const CapacityView& row : capacity->items) {
    const std::int64_t percent = row.gpus == 0 ? 0 : row.gpus_held.count() / (10 * row.gpus);
    table.row({row.site, row.gpu_model, grouped(row.nodes), grouped(row.nodes_ready), grouped(row.gpus), grouped(row.gpus_free),
               Text<MilliGpu>::format(row.gpus_held), fmt::format("{}%", percent), Text<Watts>::format(row.demand), Text<Watts>::format(row.max)});
  }
  fmt::print("{}", table.text());
  return 0;
}

// Free, together, and with power: a gang needs all three at once.
int top_capacity(ApiClient& client, Format format) {
  auto list = client.get<CapacityList>("/v1/capacity");
  if (!list.ok()) return fail(list.error());
  if (format != Format::kTable) {
    print_json(to_json(*list), format);
    return 0;
  }
  Table table({"SITE", "MODEL", "GPUS", "FREE", "KEPT", "WITH POWER", "TOGETHER", "BOUND BY"});
  for (const CapacityView& row : list->items) {
    std::string together;
    for (const TierRoomView& tier : row.tiers) together += fmt::format("{}{} {}", together.empty() ? "" : ", ", tier.tier, grouped(tier.gpus));
    table.row({row.site, row.gpu_model, grouped(row.gpus), grouped(row.gpus_free), grouped(row.gpus_kept),
               grouped(row.gpus_feasible), together, row.bound_by.empty() ? "-" : row.bound_by});
  }
  fmt::print("{}", table.text());
  return 0;
}

int login(const GlobalFlags& flags, const std::string& name, const std::string& token_file) {
  Context context;
  context.server = flags.server;
  context.ca_file = flags.ca_file;
  if (token_file.empty()) {
    fmt::print(stderr, "token: ");
    std::string token;
    std::getline(std::cin, token);
    context.token = token.substr(0, token.find_last_not_of(" \r\n\t") + 1);
  } else {
    auto token = read_token(token_file);
    if (!token.ok()) return fail(token.error());
    context.token = std::move(*token);
  }
  ApiClientOptions options;
  options.server = context.server;
  options.token = context.token;
  options.ca_file = context.ca_file;
  ApiClient client(std::move(options));
  auto who = client.get<Identity>("/v1/whoami");
  if (!who.ok()) return fail(who.error());
  auto config = load_config();
  if (!config.ok()) return fail(config.error());
  config->contexts[name] = context;
  config->current = name;
  if (Status saved = save_config(*config); !saved.ok()) return fail(saved.error());
  fmt::print("logged in to {} as {} ({}); context '{}' saved in {}\n", context.server, who->name, name_of(who->role), name, config_path());
  return 0;
}

}  // namespace

void add_system_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::string what, name = "default", token_file, id, tenant, role, valid_for;
  };
  auto flags = std::make_shared<Flags>();

  auto* top_verb = app.add_subcommand("top", "GPUs and watts by site and model");
  top_verb->add_option("what", flags->what, "capacity: what is free, lies together, and has power")->check(CLI::IsMember({"capacity"}));
  top_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return flags->what.empty() ? top(client, cli.output()) : top_capacity(client, cli.output()); });
  });

  auto* login_verb = app.add_subcommand("login", "Check a token and keep it as a context (asks for it on standard input)");
  login_verb->add_option("--name", flags->name, "name of the context");
  login_verb->add_option("--token-file", flags->token_file, "read the token from this file instead");
  login_verb->callback([&cli, flags] {
    if (cli.flags.server.empty()) cli.flags.server = "http://127.0.0.1:7440";
    cli.exit_code = login(cli.flags, flags->name, flags->token_file);
  });

  app.add_subcommand("whoami", "Who the server takes you for")->callback([&cli] {
    cli.with_client([&](ApiClient& client) {
      auto response = client.request("GET", "/v1/whoami");
      if (!response.ok()) return fail(response.error());
      if (cli.output() != Format::kTable) {
        print_json(response->body, cli.output());
        return 0;
      }
      const json::value who = json::parse(response->body);
      fmt::print("{} ({}{}{}) at {}\n", at(who, "name"), at(who, "role"), at(who, "tenant").empty() ? "" : " of ", at(who, "tenant"), client.server());
      return 0;
    });
  });

  auto* token = app.add_subcommand("token", "Issue, list and revoke tokens")->require_subcommand(1);
  auto* issue = token->add_subcommand("issue", "Issue a token; its text is shown this once");
  issue->add_option("name", flags->id, "what people call it")->required();
  issue->add_option("--role", flags->role, "operator, auditor, tenant-admin, member, viewer, or node (to join nodes)")
      ->required()
      ->check(CLI::IsMember({"operator", "auditor", "tenant-admin", "member", "viewer", "node"}));
  issue->add_option("--tenant", flags->tenant, "for tenant roles: which");
  issue->add_option("--valid-for", flags->valid_for, "ISO 8601 duration, e.g. P30D; without it, until revoked");
  issue->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      TokenRequest request{flags->id, *enum_from_name<Role>(flags->role), flags->tenant, std::nullopt};
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
      Table table({"ID", "NAME", "ROLE", "TENANT", "NODE", "EXPIRES", "AGE"});
      const json::value page = json::parse(response->body);
      for (const json::value& item : page.at("items").as_array()) {
        table.row({at(item, "id"), at(item, "name"), at(item, "role"), at(item, "tenant"), at(item, "node"), at(item, "expires"), age(item, "created", utc_now())});
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

  app.add_subcommand("version", "Version of this command and of the server")->callback([&cli] {
    fmt::print("penstock {}\n", kVersion);
    auto client = connect(cli.flags);
    if (!client.ok()) return;
    auto server = client->get<VersionInfo>("/v1/version");
    if (server.ok()) {
      fmt::print("server   {} at {}\n", server->version, client->server());
    } else {
      fmt::print("server   not reached: {}\n", server.error().message);
    }
  });
}

}  // namespace penstock
