// apply, get, describe, delete, watch.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "cli/cli.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

struct Column {
  std::string head;
  std::string path;  // into the object; "age:PATH" for an amount of time
};

struct KindInfo {
  std::string plural;
  std::vector<std::string> others;
  std::vector<Column> columns;
};

const std::vector<KindInfo>& kinds() {
  static const std::vector<KindInfo> all{
      {"nodetypes", {"nodetype"}, {{"NAME", "metadata.name"}, {"MODEL", "spec.devices.model"}, {"GPUS", "spec.devices.count"}, {"CPU", "spec.cpu"}, {"MEMORY", "spec.memory"}, {"IDLE", "spec.power.idle"}, {"MAX", "spec.power.max"}, {"AGE", "age:metadata.created"}}},
      {"sites", {"site"}, {{"NAME", "metadata.name"}, {"COUNTRY", "spec.country"}, {"RUNTIME", "spec.runtime"}, {"CONTRACTED", "spec.grid.contracted"}, {"VERSION", "metadata.version"}, {"AGE", "age:metadata.created"}}},
      {"tenants", {"tenant"}, {{"NAME", "metadata.name"}, {"DISPLAY NAME", "spec.displayName"}, {"JURISDICTIONS", "spec.jurisdictions"}, {"AGE", "age:metadata.created"}}},
      {"projects", {"project"}, {{"NAME", "metadata.name"}, {"DISPLAY NAME", "spec.displayName"}, {"GPU QUOTA", "spec.quota.gpus"}, {"AGE", "age:metadata.created"}}},
      {"contracts", {"contract"}, {{"NAME", "metadata.name"}, {"CLASS", "spec.class"}, {"PRICE/GPU-H", "spec.pricePerGpuHour"}, {"FROM", "spec.from"}, {"UNTIL", "spec.until"}, {"AGE", "age:metadata.created"}}},
      {"restrictions", {"restriction"}, {{"NAME", "metadata.name"}, {"CAUSE", "spec.cause"}, {"PARTS", "spec.parts"}, {"TO", "spec.to"}, {"IMPORT", "spec.import"}, {"FROM", "spec.from"}, {"UNTIL", "spec.until"}, {"AGE", "age:metadata.created"}}},
      {"jobs", {"job"}, {{"NAME", "metadata.name"}, {"PHASE", "status.phase"}, {"REASON", "status.reason"}, {"GPUS", "status.allocation.gpus"}, {"DEMAND", "status.allocation.demand"}, {"SITE", "status.allocation.site"}, {"COST", "status.usage.cost"}, {"AGE", "age:metadata.created"}}},
      {"nodes", {"node"}, {{"NAME", "name"}, {"TYPE", "type"}, {"STATUS", "status"}, {"REASON", "reason"}, {"SINCE", "age:since"}, {"MODEL", "gpuModel"}, {"GPUS", "gpus"}, {"FREE", "gpusFree"}, {"DEMAND", "demand"}, {"MAX", "max"}, {"RUNTIME", "runtime"}}},
      {"tickets", {"ticket"}, {{"TICKET", "uid"}, {"NODE", "node"}, {"REASON", "reason"}, {"TENANT", "tenant"}, {"AGE", "age:opened"}, {"CLOSED", "closed"}, {"SUMMARY", "summary"}}},
      {"incidents", {"incident"}, {{"INCIDENT", "uid"}, {"SCOPE", "scope"}, {"SITE", "site"}, {"PLACE", "place"}, {"NODES", "nodeCount"}, {"ENDED", "ended"}, {"CAPPED", "capped"}, {"LOST", "lost"}, {"AGE", "age:opened"}, {"CLOSED", "closed"}, {"CAUSE", "cause"}}},
      {"principals", {"principal"}, {{"NAME", "metadata.name"}, {"TYPE", "spec.type"}, {"GROUPS", "spec.groups"}, {"SUBJECT", "spec.subject"}, {"SUSPENDED", "spec.suspended"}, {"AGE", "age:metadata.created"}}},
      {"grants", {"grant"}, {{"NAME", "metadata.name"}, {"ROLE", "spec.role"}, {"PROJECT", "spec.project"}, {"PRINCIPALS", "spec.principals"}, {"GROUPS", "spec.groups"}, {"CLAIMS", "spec.claims"}, {"AGE", "age:metadata.created"}}},
      {"tokens", {"token"}, {{"ID", "id"}, {"NAME", "name"}, {"PRINCIPAL", "principal"}, {"ROLE", "role"}, {"TENANT", "tenant"}, {"PROJECT", "project"}, {"NODE", "node"}, {"EXPIRES", "expires"}, {"AGE", "age:created"}, {"USED", "age:lastUsed"}}},
      {"events", {"event"}, {{"POSITION", "position"}, {"AT", "at"}, {"EVENT", "event.type"}, {"BY", "by"}}},
      {"capacity", {}, {{"SITE", "site"}, {"MODEL", "gpuModel"}, {"NODES", "nodes"}, {"READY", "nodesReady"}, {"GPUS", "gpus"}, {"FREE", "gpusFree"}, {"HELD", "gpusHeld"}, {"DEMAND", "demand"}, {"MAX", "max"}}},
      {"usage", {}, {{"PROJECT", "project"}, {"GPU TIME", "usage.gpuTime"}, {"ENERGY", "usage.energy"}, {"SOURCE", "usage.energySource"}, {"COST", "usage.cost"}}},
  };
  return all;
}

const KindInfo* find_kind(const std::string& name) {
  for (const KindInfo& kind : kinds()) {
    if (kind.plural == name || std::find(kind.others.begin(), kind.others.end(), name) != kind.others.end()) return &kind;
  }
  return nullptr;
}

CLI::Validator kind_validator() {
  return CLI::Validator(
      [](const std::string& name) -> std::string {
        if (find_kind(name) != nullptr) return {};
        return fmt::format("'{}' is no kind; kinds: {}", name, fmt::join(kind_names(), " "));
      },
      "KIND");
}

std::vector<std::string> cells_of(const KindInfo& kind, const json::value& object) {
  std::vector<std::string> cells;
  for (const Column& column : kind.columns) {
    cells.push_back(column.path.starts_with("age:") ? age(object, column.path.substr(4), utc_now()) : at(object, column.path));
  }
  return cells;
}

std::vector<std::string> heads_of(const KindInfo& kind) {
  std::vector<std::string> heads;
  for (const Column& column : kind.columns) heads.push_back(column.head);
  return heads;
}

int get(ApiClient& client, const KindInfo& kind, const std::string& name, const std::vector<std::string>& filters, std::size_t most, Format format) {
  if (!name.empty()) {
    auto response = client.request("GET", fmt::format("/v1/{}/{}", kind.plural, url_path(name)));
    if (!response.ok()) return fail(response.error());
    if (format != Format::kTable) {
      print_json(response->body, format);
      return 0;
    }
    Table table(heads_of(kind));
    table.row(cells_of(kind, json::parse(response->body)));
    fmt::print("{}", table.text());
    return 0;
  }
  json::array items;
  std::string cursor;
  do {
    std::string path = fmt::format("/v1/{}", kind.plural);
    const bool paged = kind.plural != "capacity" && kind.plural != "usage";
    std::string query;
    if (paged) query += fmt::format("limit={}", std::min<std::size_t>(1000, most - items.size()));
    if (!cursor.empty()) query += fmt::format("&{}={}", kind.plural == "events" ? "after" : "cursor", url_encode(cursor));
    for (const std::string& filter : filters) {
      const std::size_t equals = filter.find('=');
      query += fmt::format("{}{}={}", query.empty() ? "" : "&", url_encode(filter.substr(0, equals)),
                           url_encode(equals == std::string::npos ? "" : filter.substr(equals + 1)));
    }
    auto response = client.request("GET", query.empty() ? path : path + "?" + query);
    if (!response.ok()) return fail(response.error());
    const json::value page = json::parse(response->body);
    for (const json::value& item : page.at("items").as_array()) items.push_back(item);
    cursor = at(page, "next");
  } while (!cursor.empty() && items.size() < most);
  if (format != Format::kTable) {
    print_json(json::serialize(json::object{{"items", items}}), format);
    return 0;
  }
  if (items.empty()) {
    fmt::print(stderr, "no {}\n", kind.plural);
    return 0;
  }
  Table table(heads_of(kind));
  for (const json::value& item : items) table.row(cells_of(kind, item));
  fmt::print("{}", table.text());
  if (!cursor.empty()) fmt::print(stderr, "… and more; see --limit\n");
  return 0;
}

void line(std::string_view label, const std::string& value) {
  if (!value.empty()) fmt::print("{:<13}{}\n", label, value);
}

// The rows of an array in the object, if it is there.
void print_list(const json::value& object, const char* name, std::string_view title, const std::vector<Column>& columns) {
  const json::value* list = object.as_object().if_contains(name);
  if (list == nullptr || list->as_array().empty()) return;
  KindInfo kind;
  kind.columns = columns;
  Table table(heads_of(kind));
  for (const json::value& item : list->as_array()) table.row(cells_of(kind, item));
  fmt::print("\n{}\n{}", title, table.text());
}

void describe_node(const json::value& node) {
  line("Node", at(node, "name"));
  line("Type", fmt::format("{}, {} x {}", at(node, "type"), at(node, "gpus"), at(node, "gpuModel")));
  line("Row", at(node, "row"));
  line("Status", at(node, "status"));
  if (at(node, "reason") != "none") line("Reason", at(node, "reason"));
  line("Message", at(node, "message"));
  line("Since", at(node, "since"));
  line("Seen", at(node, "seen"));
  line("Host", at(node, "agent.hostname"));
  line("Address", at(node, "agent.address"));
  if (!at(node, "cordon.by").empty()) {
    line("Cordon", fmt::format("by {} since {}{}: {}", at(node, "cordon.by"), at(node, "cordon.since"), at(node, "cordon.drain") == "true" ? ", to drain" : "", at(node, "cordon.reason")));
  }
  line("Maintenance", at(node, "maintenance"));
  if (!at(node, "wish.action").empty()) line("Wanted", fmt::format("{} by {}, once it is idle", at(node, "wish.action"), at(node, "wish.by")));
  if (!at(node, "remedy.action").empty()) line("Remedy", fmt::format("{} until {}: {}", at(node, "remedy.action"), at(node, "remedy.deadline"), at(node, "remedy.cause")));
  line("Withheld", at(node, "withheld"));
  line("Test", at(node, "test"));
  line("Tested", at(node, "tested"));
  line("Incident", at(node, "incident"));
  if (const json::value* faults = node.as_object().if_contains("faults")) {
    std::string text;
    for (const json::value& time : faults->as_array()) text += (text.empty() ? "" : ", ") + std::string(time.as_string());
    line("Failed", text);
  }
  line("GPUs", fmt::format("{} free, {} held", at(node, "gpusFree"), at(node, "gpusHeld")));
  print_list(node, "findings", "Findings", {{"CHECK", "check"}, {"CODE", "code"}, {"DEVICE", "device"}, {"SINCE", "since"}, {"DETAIL", "detail"}});
  print_list(node, "tasks", "Tasks", {{"WORKLOAD", "workload"}, {"RANK", "rank"}, {"DEVICES", "devices"}, {"GPUS", "gpus"}});
  print_list(node, "parts", "Parts", {{"KIND", "kind"}, {"SLOT", "slot"}, {"MODEL", "model"}, {"SERIAL", "serial"}, {"FIRMWARE", "firmware"}});
}

void describe_incident(const json::value& incident) {
  line("Incident", at(incident, "uid"));
  line("Scope", fmt::format("{} {}", at(incident, "scope"), at(incident, "place")));
  line("Site", at(incident, "site"));
  line("Cause", at(incident, "cause"));
  line("Opened", at(incident, "opened"));
  line("Closed", at(incident, "closed"));
  line("Nodes", at(incident, "nodeCount"));
  line("Lost", fmt::format("{} by {} attempts that ended; power was taken from {} jobs", at(incident, "lost"), at(incident, "ended"), at(incident, "capped")));
  print_list(incident, "hits", "Work", {{"PROJECT", "project"}, {"CONTRACT", "contract"}, {"ENDED", "ended"}, {"CAPPED", "capped"}, {"LOST", "lost"}, {"JOBS", "jobs"}});
  print_list(incident, "timeline", "Timeline", {{"AT", "at"}, {"WHAT", "what"}});
}

void describe_job(ApiClient& client, const json::value& job) {
  const auto pair = [](const std::string& first, const std::string& second) { return second.empty() ? first : first + "  " + second; };
  line("Job", at(job, "metadata.name"));
  line("Uid", at(job, "metadata.uid"));
  const std::string reason = at(job, "status.reason");
  line("Phase", pair(at(job, "status.phase"), reason == "none" ? "" : "(" + reason + ")"));
  line("Message", at(job, "status.message"));
  line("Contract", at(job, "status.contract"));
  line("Submitted", at(job, "metadata.created"));
  line("Started", at(job, "status.started"));
  line("Ended", at(job, "status.ended"));
  line("Attempt", at(job, "status.attempt"));
  const std::string gpus = at(job, "status.allocation.gpus");
  if (!gpus.empty()) {
    line("Allocation", fmt::format("{} GPUs on {} node(s) at {}", gpus, at(job, "status.allocation.nodes"), at(job, "status.allocation.site")));
    line("Watts", fmt::format("{} demand, {} firm", at(job, "status.allocation.demand"), at(job, "status.allocation.firm")));
    line("Price", at(job, "status.allocation.pricePerGpuHour") + " per GPU-hour");
  }
  if (!at(job, "status.usage").empty()) {
    line("GPU time", at(job, "status.usage.gpuTime"));
    line("Energy", fmt::format("{} ({})", at(job, "status.usage.energy"), at(job, "status.usage.energySource")));
    line("Cost", at(job, "status.usage.cost"));
    if (const json::value* costs = job.at("status").at("usage").as_object().if_contains("energyCost")) {
      std::string text;
      for (const json::value& cost : costs->as_array()) text += (text.empty() ? "" : ", ") + std::string(cost.as_string());
      line("Energy cost", text);
    }
    if (at(job, "status.usage.carbon") != "0g") line("Carbon", at(job, "status.usage.carbon"));
  }
  const auto* status = job.at("status").if_object();
  if (const auto* tasks = status->if_contains("tasks")) {
    Table table({"RANK", "NODE", "DEVICES", "PHASE", "END", "EXIT", "PID", "CPU TIME", "PEAK MEMORY", "MESSAGE"});
    for (const json::value& task : tasks->as_array()) {
      const std::string end = at(task, "end");
      const bool exited = at(task, "phase") == "exited";
      const std::string signal = at(task, "signal"), code = at(task, "exitCode");
      std::string exit;
      if (end == "launch-failed" || end == "lost") {
        exit = "-";  // nothing ran, or nobody saw how it ended
      } else if (exited) {
        exit = !signal.empty() ? "signal " + signal : code.empty() ? "0" : code;
      }
      table.row({at(task, "rank"), at(task, "node"), at(task, "devices"), at(task, "phase"), exited ? end : "", exit, at(task, "pid"),
                 at(task, "cpuTime"), at(task, "peakMemory"), at(task, "message")});
    }
    fmt::print("\n{}", table.text());
  }
  if (at(job, "status.phase") == "pending") {
    auto why = client.get<Explanation>(fmt::format("/v1/jobs/{}/explain", url_path(at(job, "metadata.name"))));
    if (why.ok()) {
      fmt::print("\nWaits because\n");
      for (const WaitCause& cause : why->causes) fmt::print("  {:<15}{}\n", name_of(cause.reason), cause.message);
    }
  }
}

int describe(ApiClient& client, const KindInfo& kind, const std::string& name, Format format) {
  auto response = client.request("GET", fmt::format("/v1/{}/{}", kind.plural, url_path(name)));
  if (!response.ok()) return fail(response.error());
  if (format == Format::kTable && kind.plural == "jobs") {
    describe_job(client, json::parse(response->body));
  } else if (format == Format::kTable && kind.plural == "nodes") {
    describe_node(json::parse(response->body));
  } else if (format == Format::kTable && kind.plural == "incidents") {
    describe_incident(json::parse(response->body));
  } else {
    print_json(response->body, format == Format::kTable ? Format::kYaml : format);
  }
  return 0;
}

void print_changes(const Reply& reply) {
  for (const ObjectChange& change : reply.changes) {
    if (change.kind == "Job") continue;  // left alone, as an effect says
    fmt::print("{:<10}{} {}\n", name_of(change.change), change.kind, change.name);
  }
  for (const std::string& effect : reply.effects) fmt::print("          {}\n", effect);
  for (const ProblemItem& warning : reply.warnings) fmt::print(stderr, "warning: {}\n", to_string(to_error(warning, Code::kInvalid)));
}

int apply(ApiClient& client, const std::vector<std::string>& files, bool dry_run, bool yes, Format format) {
  auto sources = read_sources(files);
  if (!sources.ok()) return fail(sources.error());
  ApplyRequest request{std::move(*sources), true};
  // A first apply of a large estate compiles it: give it time.
  client.set_timeout(minutes(5));
  const bool ask = !dry_run && !yes && isatty(STDIN_FILENO) == 1 && format == Format::kTable;
  if (dry_run || ask) {
    auto plan = client.post<Reply>("/v1/apply", request);
    if (!plan.ok()) return fail(plan.error());
    if (format != Format::kTable) {
      print_json(to_json(*plan), format);
      return 0;
    }
    print_changes(*plan);
    if (dry_run) {
      fmt::print("nothing was changed (--dry-run)\n");
      return 0;
    }
    const bool changes = std::any_of(plan->changes.begin(), plan->changes.end(), [](const auto& c) { return c.change != Change::kUnchanged; });
    if (!changes) return 0;
    fmt::print("Apply? [y/N] ");
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") {
      fmt::print("nothing was changed\n");
      return 1;
    }
  }
  request.dry_run = false;
  auto reply = client.post<Reply>("/v1/apply", request);
  if (!reply.ok()) return fail(reply.error());
  if (format != Format::kTable) {
    print_json(to_json(*reply), format);
  } else if (ask) {
    fmt::print("applied\n");
  } else {
    print_changes(*reply);
  }
  return 0;
}

int watch(ApiClient& client, const KindInfo& kind, const std::string& from, Format format) {
  std::string path = fmt::format("/v1/{}?watch=1", kind.plural);
  if (!from.empty()) path += fmt::format("&{}={}", kind.plural == "events" ? "after" : "from", url_encode(from));
  Status status = client.watch(path, [&](const SseEvent& event) {
    if (event.event == "position") return true;
    if (format != Format::kTable) {
      fmt::print("{}\n", event.data);
    } else {
      std::string line = fmt::format("{:<10}{:<9}", event.id, event.event);
      for (const std::string& cell : cells_of(kind, json::parse(event.data))) line += " " + (cell.empty() ? std::string("-") : cell);
      fmt::print("{}\n", line);
    }
    std::fflush(stdout);
    return true;
  });
  return status.ok() ? 0 : fail(status.error());
}

}  // namespace

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const KindInfo& kind : kinds()) names.push_back(kind.plural);
  return names;
}

void add_object_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::vector<std::string> files;
    std::vector<std::string> filters;
    std::string kind, name, version, from;
    std::size_t limit = 500;
    bool dry_run = false, yes = false;
  };
  auto flags = std::make_shared<Flags>();

  auto* apply_verb = app.add_subcommand("apply", "Add or change objects from files: shows the plan, then acts, all or none");
  apply_verb->add_option("-f,--file", flags->files, "file, directory, or - for standard input; may repeat")->required();
  apply_verb->add_flag("--dry-run", flags->dry_run, "only show what would change");
  apply_verb->add_flag("-y,--yes", flags->yes, "do not ask (a pipe is not asked either)");
  apply_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return apply(client, flags->files, flags->dry_run, flags->yes, cli.output()); });
  });

  auto* get_verb = app.add_subcommand("get", "List objects, or show one");
  get_verb->add_option("kind", flags->kind, fmt::format("{}", fmt::join(kind_names(), ", ")))->required()->check(kind_validator());
  get_verb->add_option("name", flags->name, "its name; none for all");
  get_verb->add_option("--limit", flags->limit, "at most this many")->check(CLI::PositiveNumber);
  get_verb->add_option("--filter", flags->filters, "key=value, e.g. site=loughton, phase=pending; may repeat");
  get_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return get(client, *find_kind(flags->kind), flags->name, flags->filters, flags->limit, cli.output()); });
  });

  auto* describe_verb = app.add_subcommand("describe", "Everything about one object");
  describe_verb->add_option("kind", flags->kind, "its kind")->required()->check(kind_validator());
  describe_verb->add_option("name", flags->name, "its name")->required();
  describe_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return describe(client, *find_kind(flags->kind), flags->name, cli.output()); });
  });

  auto* delete_verb = app.add_subcommand("delete", "Delete an object that nothing uses any more");
  delete_verb->add_option("kind", flags->kind, "nodetypes, sites, tenants, projects, contracts, restrictions, principals or grants")->required()->check(kind_validator());
  delete_verb->add_option("name", flags->name, "its name")->required();
  delete_verb->add_option("--if-version", flags->version, "only if it still has this version");
  delete_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      std::string path = fmt::format("/v1/{}/{}", find_kind(flags->kind)->plural, url_path(flags->name));
      if (!flags->version.empty()) path += "?version=" + url_encode(flags->version);
      auto reply = client.call<Reply>("DELETE", path);
      if (!reply.ok()) return fail(reply.error());
      if (cli.output() == Format::kTable) {
        print_changes(*reply);
      } else {
        print_json(to_json(*reply), cli.output());
      }
      return 0;
    });
  });

  auto* watch_verb = app.add_subcommand("watch", "Follow changes as they happen");
  watch_verb->add_option("kind", flags->kind, "jobs, nodes, events, sites, …")->required()->check(kind_validator());
  watch_verb->add_option("--from", flags->from, "begin after this position instead of now");
  watch_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return watch(client, *find_kind(flags->kind), flags->from, cli.output()); });
  });
}

}  // namespace penstock
