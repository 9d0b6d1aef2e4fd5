// bmc: one machine's hardware over Redfish, without a server.
#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "redfish/client.h"

namespace penstock {
namespace {

struct Flags {
  std::string url, credentials, system, pinned_key, wait = "PT5M", type, limit, part;
};

struct BmcView {
  PowerState power = PowerState::kUnknown;
  std::vector<EnvironmentReading> readings;

  static constexpr auto schema() {
    return object("BmcView", "What a machine does and draws.", field("power", &BmcView::power, required, "its main power"),
                  field("readings", &BmcView::readings, required, "of its chassis and processors"));
  }
};

Result<RedfishOptions> options_of(const GlobalFlags& global, const Flags& flags) {
  RedfishOptions options;
  options.url = flags.url;
  options.credentials = flags.credentials;
  options.system = flags.system;
  options.pinned_key = flags.pinned_key;
  options.ca_file = global.ca_file;
  PENSTOCK_TRY(wait, Text<Duration>::parse(flags.wait));
  if (wait <= Duration{}) return make_error(Code::kInvalid, fmt::format("expected a duration above 0, found {}", flags.wait), "--wait");
  options.deadline = wait;
  return options;
}

template <class Q>
std::string shown(const std::optional<Q>& value) {
  return value ? Text<Q>::format(*value) : "-";
}

std::string range(const EnvironmentReading& reading) {
  return reading.limit_min && reading.limit_max ? fmt::format("{} to {}", Text<Watts>::format(*reading.limit_min), Text<Watts>::format(*reading.limit_max)) : "-";
}

Status show(RedfishClient& client, Format format) {
  BmcView view;
  PENSTOCK_TRY(power, client.power_state());
  view.power = power;
  PENSTOCK_TRY(readings, client.environment());
  view.readings = std::move(readings);
  if (format != Format::kTable) {
    print_json(to_json(view), format);
    return ok_status();
  }
  fmt::print("power {}\n", name_of(view.power));
  Table table({"OF", "POWER", "TEMPERATURE", "ENERGY", "LIMIT", "LIMITS ALLOWED"});
  for (const EnvironmentReading& one : view.readings) {
    table.row({one.of, shown(one.power), shown(one.temperature), shown(one.energy), shown(one.limit), range(one)});
  }
  if (!table.empty()) fmt::print("\n{}", table.text());
  return ok_status();
}

void add_parts(Table& table, std::string_view kind, const std::vector<HardwarePart>& parts) {
  for (const HardwarePart& part : parts) {
    table.row({std::string(kind), part.name, part.slot, part.manufacturer, part.model, part.serial, part.firmware, part.health});
  }
}

Status inventory(RedfishClient& client, Format format) {
  PENSTOCK_TRY(found, client.inventory());
  if (format != Format::kTable) {
    print_json(to_json(found), format);
    return ok_status();
  }
  Table table({"KIND", "NAME", "SLOT", "MANUFACTURER", "MODEL", "SERIAL", "FIRMWARE", "HEALTH"});
  add_parts(table, "machine", {found.machine});
  add_parts(table, "processor", found.processors);
  add_parts(table, "gpu", found.gpus);
  add_parts(table, "power supply", found.power_supplies);
  add_parts(table, "firmware", found.firmware);
  fmt::print("{}", table.text());
  return ok_status();
}

Status reset(RedfishClient& client, const std::string& type) {
  PENSTOCK_TRY(outcome, client.reset(*enum_from_name<ResetType>(type)));
  fmt::print("{}; power {}\n", outcome.sent.empty() ? "nothing to do" : fmt::format("sent {}", fmt::join(outcome.sent, ", then ")),
             name_of(outcome.power));
  return ok_status();
}

Status limit(RedfishClient& client, const Flags& flags) {
  PENSTOCK_TRY(watts, Text<Watts>::parse(flags.limit));
  PENSTOCK_RETURN_IF_ERROR(client.set_power_limit(watts, flags.part));
  fmt::print("{} draws at most {}\n", flags.part.empty() ? "the machine" : flags.part, Text<Watts>::format(watts));
  return ok_status();
}

}  // namespace

void add_bmc_verbs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<Flags>();
  auto* bmc = app.add_subcommand("bmc", "One machine's hardware over Redfish, by its BMC; needs no server")->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& what, const std::function<Status(RedfishClient&)>& run) {
    auto* verb = bmc->add_subcommand(name, what);
    verb->add_option("url", flags->url, "address of the BMC, e.g. https://10.0.0.5")->required();
    verb->add_option("--credentials", flags->credentials, "where user:password stands: env:NAME, or file:/path that only you may read")->required();
    verb->add_option("--system", flags->system, "Id of the machine, where the BMC has several");
    verb->add_option("--pinned-key", flags->pinned_key, "sha256//… of the BMC's public key, where no authority signed it; docs/hardware.md says how to get it");
    verb->add_option("--wait", flags->wait, "how long all of it may take")->capture_default_str();
    verb->callback([&cli, flags, run] {
      auto options = options_of(cli.flags, *flags);
      if (!options.ok()) {
        cli.exit_code = fail(options.error(), kUsage);
        return;
      }
      RedfishClient client(std::move(*options));
      const Status status = run(client);
      cli.exit_code = status.ok() ? 0 : fail(status.error());
    });
    return verb;
  };
  add("show", "Power state, readings and power limits", [&cli](RedfishClient& client) { return show(client, cli.output()); });
  add("inventory", "What it is made of: serial numbers, GPUs, power supplies, firmware",
      [&cli](RedfishClient& client) { return inventory(client, cli.output()); });
  std::vector<std::string> types;
  for (const auto& entry : enum_names(ResetType{})) types.emplace_back(entry.name);
  add("reset", "Turn it on, off or around, and wait until it is", [flags](RedfishClient& client) { return reset(client, flags->type); })
      ->add_option("--type", flags->type, "On, ForceOff, GracefulShutdown, GracefulRestart, ForceRestart or PowerCycle")
      ->required()
      ->check(CLI::IsMember(types));
  auto* limit_verb = add("limit", "Set how much it may draw", [flags](RedfishClient& client) { return limit(client, *flags); });
  limit_verb->add_option("watts", flags->limit, "e.g. 8kW")->required();
  limit_verb->add_option("--part", flags->part, "only this chassis or processor, by its Id or slot, e.g. GPU3");
}

}  // namespace penstock
