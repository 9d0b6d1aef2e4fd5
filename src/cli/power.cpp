// power, maintenance, repower: what limits carry, what losses would do, what may be out, and what a job's GPUs may draw.
#include <CLI/CLI.hpp>

#include "base/name.h"
#include "cli/cli.h"
#include "engine/power/outlook.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

constexpr std::size_t kMostNames = 12;  // of racks and jobs, before the rest is counted

std::string watts(std::int64_t amount) { return Text<Watts>::format(Watts(amount)); }
std::string watts(Watts amount) { return Text<Watts>::format(amount); }

std::string amount(const std::string& row, std::int64_t number) {
  return row.ends_with(" flow") ? Text<MillilitresPerMinute>::format(MillilitresPerMinute(number)) : watts(number);
}

std::string percent(std::int64_t load, std::int64_t limit) {
  return limit <= 0 ? "-" : fmt::format("{}%", mul_div_ceil(load, 100, limit));
}

// The name without its site.
std::string short_name(const std::string& name, const std::string& site) {
  return name.starts_with(site + "/") ? name.substr(site.size() + 1) : name;
}

std::string some_of(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kMostNames);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return shown == names.size() ? text : fmt::format("{} and {} more", text, names.size() - shown);
}

void print_rows(std::string_view title, const std::vector<RowLoad>& rows, const std::string& site) {
  if (rows.empty()) return;
  fmt::print("\n{}\n", title);
  Table table({"ROW", "AFTER THE LOSS OF", "LOAD", "LIMIT", "USED"});
  for (const RowLoad& row : rows) {
    table.row({short_name(row.row, site), short_name(row.contingency, site), amount(row.row, row.load), amount(row.row, row.limit), percent(row.load, row.limit)});
  }
  fmt::print("{}", table.text());
}

void print_breaks(std::string_view title, const std::vector<LimitBreak>& breaks) {
  if (breaks.empty()) return;
  fmt::print("\n{}\n", title);
  Table table({"ROW", "AFTER THE LOSS OF", "LOAD", "LIMIT"});
  for (const LimitBreak& row : breaks) table.row({row.row, row.contingency, amount(row.row, row.load), amount(row.row, row.limit)});
  fmt::print("{}", table.text());
}

// The network as a tree; an element with several feeds hangs on its first.
void print_tree(const SitePower& power) {
  if (power.elements.empty()) return;
  std::map<std::string, std::vector<const ElementPower*>> below;
  for (const ElementPower& element : power.elements) below[element.feeds.empty() ? "" : element.feeds.front()].push_back(&element);
  fmt::print("\nNetwork\n");
  Table table({"ELEMENT", "KIND", "STATE", "RATING", "LOAD", "WORST LOSS", "ITS LOAD", "OF", "FIRM HEADROOM"});
  const std::function<void(const std::string&, int)> add = [&](const std::string& above, int depth) {
    for (const ElementPower* element : below[above]) {
      const auto& worst = element->worst;
      std::string also;
      for (std::size_t i = 1; i < element->feeds.size(); ++i) also += " + " + short_name(element->feeds[i], power.site);
      table.row({std::string(2 * static_cast<std::size_t>(depth), ' ') + short_name(element->name, power.site) + also, std::string(name_of(element->kind)),
                 std::string(name_of(element->state)), watts(element->usable), watts(element->load),
                 worst ? short_name(worst->contingency, power.site) : "", worst ? watts(worst->load) : "", worst ? watts(worst->limit) : "", watts(element->headroom)});
      add(element->name, depth + 1);
    }
  };
  add("", 0);
  fmt::print("{}", table.text());
}

void print_power(const SitePower& power) {
  fmt::print("{} at {}\n", power.site, Text<Time>::format(power.at));
  if (power.contracted) fmt::print("contracted  {}\n", watts(*power.contracted));
  if (power.import_limit) fmt::print("import      {} of {} ({})\n", watts(power.import), watts(*power.import_limit), percent(power.import.count(), power.import_limit->count()));
  if (!power.import_limit) fmt::print("import      {}, without a limit\n", watts(power.import));
  fmt::print("nodes       hold {} of {}; {} more could be granted firm\n", watts(power.held), watts(power.max), watts(power.room));
  if (!power.changes.empty()) fmt::print("changes     limits change {} times, next {}\n", power.changes.size(), Text<Time>::format(power.changes.front()));
  print_tree(power);
  print_rows("Cooling", power.loops, power.site);
  print_rows("Worst rows", power.worst, power.site);
  if (!power.stranded.empty()) {
    fmt::print("\nStranded: contracted, and reaches no node\n");
    Table table({"CAUSE", "WATTS", "ROW"});
    for (const StrandedWatts& part : power.stranded) table.row({std::string(name_of(part.cause)), watts(part.watts), part.row});
    fmt::print("{}", table.text());
  }
  print_breaks("Above their limits", power.broken);
}

void print_loss(const LossOutlook& loss) {
  fmt::print("{} at {} without {}\n", loss.site, Text<Time>::format(loss.at), fmt::join(loss.lost, ", "));
  fmt::print("racks       {} live, {} degraded, {} dark{}\n", loss.racks_live, loss.degraded.size(), loss.dark.size(),
             loss.uncooled.empty() ? "" : fmt::format(", {} without cooling", loss.uncooled.size()));
  if (!loss.degraded.empty()) fmt::print("degraded    {}\n", some_of(loss.degraded));
  if (!loss.dark.empty()) fmt::print("dark        {}\n", some_of(loss.dark));
  if (!loss.uncooled.empty()) fmt::print("uncooled    {}\n", some_of(loss.uncooled));
  if (!loss.stopped.empty()) fmt::print("stopped     {}\n", some_of(loss.stopped));
  if (loss.overloads.empty()) {
    fmt::print("overloads   none\n");
  } else {
    fmt::print("\nOverloaded until shedding has acted\n");
    Table table({"ROW", "LOAD", "LIMIT", "USED", "BORNE FOR"});
    for (const Overload& row : loss.overloads) {
      table.row({row.row, amount(row.row, row.load), amount(row.row, row.limit), percent(row.load, row.limit), row.borne ? Text<Duration>::format(*row.borne) : "-"});
    }
    fmt::print("{}", table.text());
  }
  if (!loss.shed.empty()) {
    fmt::print("\nShed, in this order\n");
    Table table({"JOB", "DEMAND", "KEEPS", "HOW"});
    for (const Shedding& job : loss.shed) table.row({job.job, watts(job.demand), job.stop ? "0W" : watts(job.firm), job.stop ? "stopped and queued again" : "capped"});
    fmt::print("{}", table.text());
  }
  if (!loss.tenants.empty()) {
    fmt::print("\nTenants hit\n");
    Table table({"TENANT", "JOBS", "GPUS"});
    for (const TenantHit& hit : loss.tenants) table.row({hit.tenant, grouped(hit.jobs), Text<MilliGpu>::format(hit.gpus)});
    fmt::print("{}", table.text());
  }
  print_breaks("Still above their limits then", loss.left);
  print_breaks("Above their limits after one more loss", loss.next);
}

void print_contingencies(const ContingencyList& list) {
  if (list.items.empty()) {
    fmt::print("no loss at {} would darken a rack, overload anything or shed a job\n", list.site);
    return;
  }
  Table table({"LOSS", "DARK RACKS", "OVERLOADS", "FREED", "LEFT", "SHED SET"});
  for (const ContingencyOutlook& item : list.items) {
    table.row({short_name(item.contingency, list.site), grouped(item.dark), grouped(item.overloads), watts(item.freed), grouped(item.left), some_of(item.shed)});
  }
  fmt::print("{}", table.text());
}

template <class T, class Print>
int show(ApiClient& client, const std::string& path, Format format, Print print) {
  auto response = client.request("GET", path);
  if (!response.ok()) return fail(response.error());
  if (format != Format::kTable) {
    print_json(response->body, format);
    return 0;
  }
  auto view = from_json_text<T>(response->body);
  if (!view.ok()) return fail(view.error());
  print(*view);
  return 0;
}

struct Flags {
  std::string site, at, lose, import, from, until, lasts, job, version, gpu_power;
  std::vector<std::string> parts;
  bool contingencies = false;
};

int power(ApiClient& client, const Flags& flags, Format format) {
  const std::string path = fmt::format("/v1/sites/{}/power", url_path(flags.site));
  const bool loss = !flags.lose.empty() || !flags.import.empty();
  if (flags.contingencies) return show<ContingencyList>(client, path + "/contingencies", format, print_contingencies);
  const std::string query = fmt::format("?at={}&parts={}&import={}", url_encode(flags.at), url_encode(flags.lose), url_encode(flags.import));
  if (loss) return show<LossOutlook>(client, path + "/loss" + query, format, print_loss);
  return show<SitePower>(client, path + query, format, print_power);
}

// Exits 1 if the parts may not be out.
int plan(ApiClient& client, const Flags& flags, Format format) {
  std::string until = flags.until;
  if (!flags.lasts.empty()) {
    auto from = Text<Time>::parse(flags.from);
    auto lasts = Text<Duration>::parse(flags.lasts);
    if (!from.ok()) return fail(from.error(), kUsage);
    if (!lasts.ok()) return fail(lasts.error(), kUsage);
    until = Text<Time>::format(*from + *lasts);
  }
  bool possible = false;
  const int shown = show<MaintenancePlan>(
      client, fmt::format("/v1/sites/{}/maintenance?parts={}&from={}&until={}", url_path(flags.site), url_encode(fmt::format("{}", fmt::join(flags.parts, ","))),
                          url_encode(flags.from), url_encode(until)),
      format, [&](const MaintenancePlan& plan) {
        possible = plan.possible;
        fmt::print("{}\n", plan.message);
        print_breaks("Would be above their limits", plan.breaks);
        if (plan.exposed > 0) fmt::print("In that time one further loss would darken {} racks that nothing single darkens now.\n", grouped(plan.exposed));
        if (!plan.shed.empty()) {
          fmt::print("\nGive way when it begins\n");
          Table table({"JOB", "DEMAND", "KEEPS"});
          for (const Shedding& job : plan.shed) table.row({job.job, watts(job.demand), job.stop ? "0W" : watts(job.firm)});
          fmt::print("{}", table.text());
        }
        if (plan.earliest) fmt::print("\nThe same may be done from {} on.\n", Text<Time>::format(*plan.earliest));
        if (!plan.possible) return;
        fmt::print("\nTo be given the window, apply:\n\napiVersion: penstock/v1\nkind: Restriction\nmetadata: {{name: {}/NAME}}\n"
                   "spec: {{cause: maintenance, parts: [{}], from: {}, until: {}}}\n",
                   plan.site, fmt::join(plan.parts, ", "), Text<Time>::format(plan.from), Text<Time>::format(plan.until));
      });
  return shown != 0 || format != Format::kTable || possible ? shown : 1;
}

int repower(ApiClient& client, const Flags& flags) {
  RepowerRequest request;
  if (flags.gpu_power != "max") {
    auto limit = Text<Watts>::parse(flags.gpu_power);
    if (!limit.ok()) return fail(limit.error(), kUsage);
    request.gpu_power = *limit;
  }
  if (!flags.version.empty()) request.version = std::stoull(flags.version);
  auto reply = client.post<Reply>(fmt::format("/v1/jobs/{}/power", url_path(flags.job)), request);
  if (!reply.ok()) return fail(reply.error());
  fmt::print("each GPU of {} may draw {}\n", flags.job, request.gpu_power ? watts(*request.gpu_power) : "its most");
  return 0;
}

}  // namespace

void add_power_verbs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<Flags>();
  auto* power_verb = app.add_subcommand("power", "What a site's limits carry and leave; what a loss would do");
  power_verb->add_option("site", flags->site, "site")->required();
  power_verb->add_option("--at", flags->at, "at a later time, RFC 3339");
  power_verb->add_option("--lose", flags->lose, "what if these elements and cooling units were lost, joined by commas");
  power_verb->add_option("--import", flags->import, "what if the grid's operator ordered import below this, e.g. 30MW");
  power_verb->add_flag("--contingencies", flags->contingencies, "every credible loss with its shed set");
  power_verb->callback([&cli, flags] { cli.with_client([&](ApiClient& client) { return power(client, *flags, cli.output()); }); });

  auto* maintenance = app.add_subcommand("maintenance", "Ask whether parts may be out")->require_subcommand(1);
  auto* plan_verb = maintenance->add_subcommand("plan", "Whether parts of a site may be out in a window; exit 1 if not");
  plan_verb->add_option("site", flags->site, "site")->required();
  plan_verb->add_option("--parts", flags->parts, "elements and cooling units; ranges may be used")->required()->expected(1, -1);
  plan_verb->add_option("--from", flags->from, "when it begins, RFC 3339")->required();
  auto* until = plan_verb->add_option("--until", flags->until, "when it ends, RFC 3339");
  auto* lasts = plan_verb->add_option("--for", flags->lasts, "or how long it lasts, e.g. PT8H")->excludes(until);
  plan_verb->callback([&cli, flags, until, lasts] {
    if (until->empty() && lasts->empty()) throw CLI::RequiredError("--until or --for");
    cli.with_client([&](ApiClient& client) { return plan(client, *flags, cli.output()); });
  });

  auto* repower_verb = app.add_subcommand("repower", "Change the power limit of a job's GPUs, within all limits");
  repower_verb->add_option("job", flags->job, "tenant/project/job")->required();
  repower_verb->add_option("limit", flags->gpu_power, "watts of each GPU, e.g. 500W; max: their most")->required();
  repower_verb->add_option("--if-version", flags->version, "only if the job still has this version")->check(CLI::NonNegativeNumber);
  repower_verb->callback([&cli, flags] { cli.with_client([&](ApiClient& client) { return repower(client, *flags); }); });
}

}  // namespace penstock
