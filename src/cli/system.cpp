// top and version.
#include <CLI/CLI.hpp>

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

}  // namespace

void add_system_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::string what;
  };
  auto flags = std::make_shared<Flags>();

  auto* top_verb = app.add_subcommand("top", "GPUs and watts by site and model");
  top_verb->add_option("what", flags->what, "capacity: what is free, lies together, and has power")->check(CLI::IsMember({"capacity"}));
  top_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return flags->what.empty() ? top(client, cli.output()) : top_capacity(client, cli.output()); });
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
