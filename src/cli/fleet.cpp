// cordon, uncordon, drain, verify-node, mend, node, replace, fleet, ticket, wave: the health of nodes, and who looks after it.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "server/api/fleet_bodies.h"

namespace penstock {
namespace {

template <class E>
std::vector<std::string> names_of() {
  std::vector<std::string> out;
  for (const auto& entry : enum_names(E{})) out.emplace_back(entry.name);
  return out;
}

std::string node_path(const std::string& node, std::string_view verb) { return fmt::format("/v1/nodes/{}/{}", url_path(node), verb); }

// Posts, and says in a word what came of it.
template <class Body>
int order(ApiClient& client, const std::string& path, const Body& body, std::string_view done, const std::string& what, Format format) {
  auto reply = client.post<Reply>(path, body);
  if (!reply.ok()) return fail(reply.error());
  if (format != Format::kTable) {
    print_json(to_json(*reply), format);
    return 0;
  }
  const bool changed = std::any_of(reply->changes.begin(), reply->changes.end(), [](const auto& change) { return change.change != Change::kUnchanged; });
  fmt::print("{} {}\n", changed ? done : "unchanged", what);
  for (const ObjectChange& change : reply->changes) {
    if (change.kind == "Ticket" && change.change == Change::kAdded) fmt::print("reported as ticket {}\n", change.name);
  }
  return 0;
}

std::string share_of(std::int64_t part, std::int64_t whole) { return fmt::format("{} of {}", grouped(part), grouped(whole)); }

void print_fleet(const FleetView& fleet) {
  Table table({"SITE", "MODE", "NODES", "READY", "SUSPECT", "DRAINING", "REPAIR", "TEST", "LOST", "CORDONED", "OUT", "LEFT", "REMEDIES", "TICKETS", "INCIDENTS", "AUTOMATION"});
  for (const SiteFleet& site : fleet.items) {
    std::int64_t nodes = 0;
    for (const auto& [state, count] : site.nodes) nodes += count;
    const auto in = [&](const char* state) { return grouped(site.nodes.contains(state) ? site.nodes.at(state) : 0); };
    std::optional<std::int64_t> left;
    for (const MarginView& margin : site.limits) left = std::min(left.value_or(margin.limit - margin.out), margin.limit - margin.out);
    const bool stopped = site.breaker || fleet.breaker;
    const std::string mode = site.mode ? fmt::format("{}{}", name_of(*site.mode), site.dry_run ? " (dry run)" : "") : "-";
    table.row({site.site, mode, grouped(nodes), in("ready"), in("suspect"), in("draining"), in("repair"), grouped(site.in_test), grouped(site.lost),
               grouped(site.cordoned), grouped(site.out), left ? grouped(*left) : "-", grouped(static_cast<std::int64_t>(site.remedies.size())),
               grouped(site.tickets), grouped(site.incidents), stopped ? "STOPPED" : site.mode ? "on" : "-"});
  }
  fmt::print("{}", table.text());
  const auto stopped = [](std::string_view where, const OpenBreaker& breaker) {
    fmt::print("\nAutomation has stopped {} since {}{}: {}\n", where, Text<Time>::format(breaker.since), breaker.by.empty() ? "" : " by " + breaker.by, breaker.reason);
  };
  if (fleet.breaker) stopped("everywhere", *fleet.breaker);
  for (const SiteFleet& site : fleet.items) {
    if (site.breaker) stopped("at " + site.site, *site.breaker);
  }
  Table margins({"SITE", "SCOPE", "PLACE", "OUT", "MAY BE"});
  Table remedies({"NODE", "REMEDY", "CAUSE", "BY", "UNTIL"});
  for (const SiteFleet& site : fleet.items) {
    for (const MarginView& margin : site.limits) {
      if (margin.out > 0) margins.row({site.site, std::string(name_of(margin.scope)), margin.place, share_of(margin.out, margin.nodes), grouped(margin.limit)});
    }
    for (const NodeRemedy& of : site.remedies) {
      remedies.row({of.node, std::string(name_of(of.remedy.action)), of.remedy.cause, of.remedy.by, Text<Time>::format(of.remedy.deadline)});
    }
  }
  if (!margins.empty()) fmt::print("\n{}", margins.text());
  if (!remedies.empty()) fmt::print("\n{}", remedies.text());
}

void print_rules(const FleetRules& rules) {
  const auto list = [](const std::vector<NodeState>& states) {
    std::string out;
    for (const NodeState state : states) out += (out.empty() ? "" : ", ") + std::string(name_of(state));
    return out;
  };
  Table states({"STATE", "WORK", "AT MOST", "RULES MOVE IT TO", "A PERSON MOVES IT TO"});
  for (const StateRow& row : rules.states) {
    states.row({std::string(name_of(row.state)), row.takes_work ? "yes" : "", row.limit ? Text<Duration>::format(*row.limit) : "", list(row.by_rules), list(row.by_operator)});
  }
  fmt::print("{}\n", states.text());
  Table meanings({"FINDING", "CODE", "WHAT FOLLOWS", "FIRST REMEDY"});
  for (const MeaningView& row : rules.meanings) {
    meanings.row({std::string(name_of(row.check)), row.code ? std::to_string(*row.code) : "others", std::string(name_of(row.health)),
                  row.remedy ? std::string(name_of(*row.remedy)) : "a person"});
  }
  fmt::print("{}", meanings.text());
}

template <class T, class Print>
int show(ApiClient& client, const std::string& path, Format format, Print print) {
  auto view = client.get<T>(path);
  if (!view.ok()) return fail(view.error());
  if (format == Format::kTable) {
    print(*view);
  } else {
    print_json(to_json(*view), format);
  }
  return 0;
}

void print_waves(const std::vector<Wave>& waves) {
  Table table({"WAVE", "SITE", "ACTION", "STATE", "DONE", "OUT", "LEFT", "FAILED", "SINCE", "REASON"});
  for (const Wave& wave : waves) {
    const auto count = [](const auto& nodes) { return grouped(static_cast<std::int64_t>(nodes.size())); };
    table.row({wave.name, wave.spec.site, std::string(name_of(wave.spec.action)), std::string(name_of(wave.state)), grouped(wave.done), count(wave.taken),
               count(wave.left), count(wave.failed), Text<Time>::format(wave.changed), wave.reason});
  }
  fmt::print("{}", table.text());
}

void print_wave(const Wave& wave) {
  print_waves({wave});
  if (!wave.taken.empty()) fmt::print("\nOut now: {}\n", fmt::join(wave.taken, ", "));
  if (!wave.failed.empty()) fmt::print("\nNot back well: {}\n", fmt::join(wave.failed, ", "));
}

struct Flags {
  WaveRequest wave;
  std::string wave_from, wave_until;
  std::string node, state, action, job, site, ticket, note;
  std::int32_t rank = 0;
  bool now = false, force = false;
};

}  // namespace

void add_fleet_verbs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<Flags>();
  const auto node_verb = [&](const char* verb, const char* help, const char* done) {
    auto* added = app.add_subcommand(verb, help);
    added->add_option("node", flags->node, "site/hall/rack/node")->required();
    added->callback([&cli, flags, verb, done] {
      cli.with_client([&](ApiClient& client) { return order(client, node_path(flags->node, verb), ReasonRequest{}, done, flags->node, cli.output()); });
    });
  };
  node_verb("cordon", "Let nothing new start on a node; what runs there goes on", "cordoned");
  node_verb("drain", "Cordon a node, and move what runs there as soon as that loses nothing", "draining");
  node_verb("uncordon", "Take a cordon or a drain back", "uncordoned");

  const auto move = [&cli, flags](NodeState state, const char* done) {
    cli.with_client([&](ApiClient& client) {
      MoveRequest request;
      request.state = state;
      return order(client, node_path(flags->node, "move"), request, done, flags->node, cli.output());
    });
  };
  auto* verify = app.add_subcommand("verify-node", "Have an idle node looked at and tested before it takes work again");
  verify->add_option("node", flags->node, "site/hall/rack/node")->required();
  verify->callback([move] { move(NodeState::kValidating, "validating"); });

  auto* mend = app.add_subcommand("mend", "Mend a node once it is idle");
  mend->add_option("node", flags->node, "site/hall/rack/node")->required();
  mend->add_option("action", flags->action, "reset, reboot, reprovision, or repair by a person")->required()->check(CLI::IsMember(names_of<RemedyAction>()));
  mend->add_flag("--now", flags->now, "at once; refused while work runs there");
  mend->add_flag("--force", flags->force, "with --now: and what runs there is stopped");
  mend->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      MendRequest request;
      request.action = *enum_from_name<RemedyAction>(flags->action);
      request.now = flags->now;
      request.force = flags->force;
      return order(client, node_path(flags->node, "mend"), request, flags->now ? "mending" : "to be mended:", flags->node, cli.output());
    });
  });

  auto* node = app.add_subcommand("node", "Move nodes along their life")->require_subcommand(1);
  auto* move_verb = node->add_subcommand("move", "Move a node to another state, as `penstock fleet rules` allows");
  move_verb->add_option("node", flags->node, "site/hall/rack/node")->required();
  move_verb->add_option("state", flags->state, "where to")->required()->check(CLI::IsMember(names_of<NodeState>()));
  move_verb->callback([flags, move] { move(*enum_from_name<NodeState>(flags->state), "moved"); });

  auto* replace = app.add_subcommand("replace", "Report a fault of a task's node; the job goes on with another");
  replace->add_option("job", flags->job, "tenant/project/job")->required();
  replace->add_option("rank", flags->rank, "of the task")->required();
  replace->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      ReplaceRequest request;
      request.rank = flags->rank;
      return order(client, fmt::format("/v1/jobs/{}/replace", url_path(flags->job)), request, "replacing the node of a task of", flags->job, cli.output());
    });
  });

  auto* fleet = app.add_subcommand("fleet", "How the nodes are, and how near automation is to its limits")->require_subcommand(0, 1);
  const auto switch_verb = [&](const char* verb, const char* help, const char* done) {
    auto* added = fleet->add_subcommand(verb, help);
    added->add_option("site", flags->site, "only at this site; everywhere if absent");
    added->callback([&cli, flags, verb, done] {
      cli.with_client([&](ApiClient& client) {
        SwitchRequest request;
        request.site = flags->site;
        return order(client, fmt::format("/v1/fleet/{}", verb), request, done, flags->site.empty() ? "everywhere" : "at " + flags->site, cli.output());
      });
    });
  };
  switch_verb("stop", "Stop automation at a site, or everywhere", "automation stops");
  switch_verb("resume", "Let automation go on", "automation goes on");
  fleet->add_subcommand("rules", "The life of a node as one table, and what findings mean")->callback([&cli] {
    cli.with_client([&](ApiClient& client) { return show<FleetRules>(client, "/v1/fleet/rules", cli.output(), print_rules); });
  });
  fleet->callback([&cli, fleet] {
    if (!fleet->get_subcommands().empty()) return;
    cli.with_client([&](ApiClient& client) { return show<FleetView>(client, "/v1/fleet", cli.output(), print_fleet); });
  });

  auto* ticket = app.add_subcommand("ticket", "Work with tickets; see also `get tickets`")->require_subcommand(1);
  auto* close = ticket->add_subcommand("close", "Say that a ticket is done: its node is looked at and tested");
  close->add_option("ticket", flags->ticket, "its uid")->required();
  close->add_option("--note", flags->note, "what was done");
  close->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      CloseRequest request;
      request.note = flags->note;
      return order(client, fmt::format("/v1/tickets/{}/close", url_path(flags->ticket)), request, "closed", flags->ticket, cli.output());
    });
  });

  auto* waves = app.add_subcommand("wave", "Maintenance that goes through nodes, a few at a time")->require_subcommand(0, 1);
  auto* begin = waves->add_subcommand("begin", "Drain, see to, test and give back nodes of a site, one after the other");
  begin->add_option("wave", flags->wave.name, "its name, a label such as firmware-12")->required();
  begin->add_option("--site", flags->wave.spec.site, "where")->required();
  begin->add_option("--nodes", flags->wave.spec.nodes, "hall/rack/node; ranges make many, such as h1/r1k[01-10]/n[01-18]")->required()->delimiter(' ');
  begin->add_option("--action", flags->action, "reset, reboot, reprovision, or hold for a person; reboot if absent")->check(CLI::IsMember(names_of<WaveAction>()));
  begin->add_option("--at-once", flags->wave.spec.at_once, "nodes out at once; 1 if absent");
  begin->add_option("--per-rack", flags->wave.spec.per_rack, "of one rack");
  begin->add_option("--per-row", flags->wave.spec.per_row, "of one row");
  begin->add_option("--from", flags->wave_from, "no node is taken before");
  begin->add_option("--until", flags->wave_until, "no node is taken after");
  begin->add_option("--most-failed", flags->wave.spec.most_failed, "it pauses when more have not come back well; 0 if absent");
  begin->add_option("--note", flags->wave.spec.note, "what for");
  begin->callback([&cli, flags] {
    const auto read = [](const std::string& text, std::optional<Time>& into, const char* flag) -> Status {
      if (text.empty()) return ok_status();
      auto parsed = Text<Time>::parse(text);
      if (!parsed.ok()) return make_error(Code::kInvalid, parsed.error().message, flag);
      into = *parsed;
      return ok_status();
    };
    cli.with_client([&](ApiClient& client) {
      if (auto status = read(flags->wave_from, flags->wave.spec.from, "--from"); !status.ok()) return fail(status.error());
      if (auto status = read(flags->wave_until, flags->wave.spec.until, "--until"); !status.ok()) return fail(status.error());
      if (!flags->action.empty()) flags->wave.spec.action = *enum_from_name<WaveAction>(flags->action);
      return order(client, "/v1/waves", flags->wave, "begun", flags->wave.name, cli.output());
    });
  });
  const auto wave_verb = [&](const char* verb, const char* help, WaveState state, const char* done) {
    auto* added = waves->add_subcommand(verb, help);
    added->add_option("wave", flags->wave.name, "its name")->required();
    added->callback([&cli, flags, state, done] {
      cli.with_client([&](ApiClient& client) {
        WaveSwitch request;
        request.state = state;
        return order(client, fmt::format("/v1/waves/{}/switch", url_path(flags->wave.name)), request, done, flags->wave.name, cli.output());
      });
    });
  };
  wave_verb("pause", "Take no more nodes for now", WaveState::kPaused, "paused");
  wave_verb("resume", "Go on", WaveState::kRunning, "goes on:");
  wave_verb("stop", "Take no more nodes; those that are out come back", WaveState::kStopped, "stopped");
  auto* of_one = waves->add_subcommand("show", "One wave, and which nodes are out for it");
  of_one->add_option("wave", flags->wave.name, "its name")->required();
  of_one->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return show<Wave>(client, "/v1/waves/" + url_path(flags->wave.name), cli.output(), print_wave); });
  });
  auto* release = waves->add_subcommand("release", "Say that a node which a wave holds has been seen to");
  release->add_option("node", flags->node, "site/hall/rack/node")->required();
  release->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return order(client, node_path(flags->node, "release"), ReasonRequest{}, "released", flags->node, cli.output()); });
  });
  waves->callback([&cli, waves] {
    if (!waves->get_subcommands().empty()) return;
    cli.with_client([&](ApiClient& client) {
      return show<WaveList>(client, "/v1/waves", cli.output(), [](const WaveList& list) { print_waves(list.items); });
    });
  });
}

}  // namespace penstock
