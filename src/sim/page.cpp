// The page: what was run, the figures, the plots, the tables, and the samples for the script.
#include "sim/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/page/charts.h"
#include "sim/page/style.h"
#include "sim/page/table.h"

namespace penstock {
namespace page {
namespace {

using Reports = std::vector<SimReport>;
using Labels = std::vector<std::string>;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string tiles_html(const SimReport& report, Tile size) {
  std::string out = size == Tile::kLarge ? "<dl class=\"tiles large\">\n" : "<dl class=\"tiles\">\n";
  for (const Headline& headline : headlines(report)) {
    if (headline.tile != size) continue;
    const std::string bar = size == Tile::kLarge ? bar_html(headline.figure, 0) : "";
    out += fmt::format("<div class=\"tile\"><dt>{}</dt><dd>{}{}</dd><dd>{}</dd></div>\n", headline.name,
                       escaped(headline.figure.text), bar, escaped(headline.note));
  }
  return out + "</dl>\n";
}

// Headlines or facts of all runs, one row each.
std::string headline_table(std::string_view id, std::string_view title, const Reports& reports, const Labels& labels,
                           std::vector<Headline> (*of)(const SimReport&)) {
  Table table{.id = id, .title = title, .slim = true, .keys = {""}, .heads = {{""}}};
  for (std::size_t run = 0; run < reports.size(); ++run) {
    for (const Headline& headline : of(reports[run])) {
      table.row({headline.name}, reports.size()).of_runs[run] = {headline.figure};
    }
  }
  return table_html(table, labels);
}

std::vector<Column<Cohort>> spread_columns(Spread Cohort::*spread) {
  const auto column = [&](std::string_view name, std::int64_t Spread::*which) {
    return Column<Cohort>{name, [=](const Cohort& cohort) { return lasting(cohort.*spread, which); }};
  };
  return {column("Mean", &Spread::mean), column("p50", &Spread::p50), column("p90", &Spread::p90),
          column("p99", &Spread::p99)};
}

std::string cohort_table(Table table, const Reports& reports, const Labels& labels, Spread Cohort::*spread,
                         std::vector<Column<Cohort>> columns) {
  table.keys = {"Class", "GPUs"};
  for (Column<Cohort>& column : spread_columns(spread)) columns.push_back(std::move(column));
  const auto keys = [](const Cohort& cohort) { return std::vector{cohort.service_class, cohort.size}; };
  fill<Cohort>(table, reports, &SimReport::cohorts, keys, columns);
  return table_html(table, labels);
}

std::string utilisation_table(Table table, const Reports& reports, const Labels& labels,
                              std::vector<Utilisation> SimReport::*rows) {
  using U = Utilisation;
  const auto keys = [](const U& row) { return std::vector{row.name}; };
  fill<U>(table, reports, rows, keys,
          {{"GPUs", [](const U& u) { return count(u.gpus); }},
           {"GPU-hours fit for work", [](const U& u) { return count(u.capacity_gpu_hours); }},
           {"GPU-hours used", [](const U& u) { return count(u.used_gpu_hours, Better::kMore); }},
           {"Utilisation", [](const U& u) { return ratio(u.ratio, Better::kMore); }, true}});
  return table_html(table, labels);
}

std::string energy_table(const Reports& reports, const Labels& labels) {
  using E = SiteEnergy;
  Table table{.id = "energy",
              .title = "Energy by site",
              .hint = "Near the limit: the part of the time above 95% of it. Overhead: losses and cooling at the end, PUE less 1.",
              .keys = {"Site"}};
  const auto keys = [](const E& row) { return std::vector{row.site}; };
  fill<E>(table, reports, &SimReport::energy, keys,
          {{"Energy", [](const E& e) { return megawatt_hours(e.megawatt_hours); }},
           {"Cost", [](const E& e) { return cost(e.cost); }},
           {"Carbon", [](const E& e) { return carbon(e.carbon_kg); }},
           {"Most granted", [](const E& e) { return kilowatts(e.most_kw); }},
           {"Limit", [](const E& e) { return e.limit_kw > 0 ? kilowatts(e.limit_kw) : Figure(); }},
           {"Near the limit", [](const E& e) { return ratio(e.near_limit, Better::kLess); }},
           {"Overhead", [](const E& e) { return e.overhead ? ratio(*e.overhead, Better::kLess) : Figure(); }}});
  return table_html(table, labels);
}

// Only what some run has something to say of.
std::string right_tables(const Reports& reports, const Labels& labels) {
  std::string out;
  const auto any = [&](auto rows) { return std::any_of(reports.begin(), reports.end(), [&](const SimReport& r) { return !(r.*rows).empty(); }); };
  if (any(&SimReport::breaches)) {
    Table table{.id = "breaches",
                .title = "Reserved contracts that lacked GPUs",
                .hint = "GPU-hours that waited although the contract gives a right to them.",
                .keys = {"Contract"}};
    fill<Breach>(table, reports, &SimReport::breaches, [](const Breach& b) { return std::vector{b.contract}; },
                 {{"GPU-hours", [](const Breach& b) { return count(b.gpu_hours, Better::kLess); }},
                  {"Most at once", [](const Breach& b) { return count(b.most_gpus, Better::kLess); }},
                  {"Worth", [](const Breach& b) { return cost(b.worth); }}});
    out += table_html(table, labels);
  }
  if (any(&SimReport::billed)) {
    Table table{.id = "billed",
                .title = "Bills",
                .hint = "What was asked for the months that were over, without tax, and what was given back.",
                .keys = {"Currency"}};
    fill<Billed>(table, reports, &SimReport::billed, [](const Billed& b) { return std::vector{b.charged.currency}; },
                 {{"Invoices", [](const Billed& b) { return count(b.invoices); }},
                  {"Charged", [](const Billed& b) { return cost(b.charged); }},
                  {"SLA credits", [](const Billed& b) { return cost(b.sla_credits); }},
                  {"Rebates for shed power", [](const Billed& b) { return cost(b.shed_rebates); }}});
    out += table_html(table, labels);
  }
  if (any(&SimReport::stranded)) {
    Table table{.id = "stranded",
                .title = "Stranded watts",
                .hint = "Contracted power that reaches no node at the end, by what stands in the way.",
                .slim = true,
                .keys = {"Site", "Cause"}};
    fill<Stranded>(table, reports, &SimReport::stranded, [](const Stranded& s) { return std::vector{s.site, s.cause}; },
                   {{"Power", [](const Stranded& s) { return kilowatts(s.kw, Better::kLess); }}});
    out += table_html(table, labels);
  }
  return out;
}

std::string tables_html(const Reports& reports, const Labels& labels) {
  const auto counted = [](std::string_view name, std::int64_t Cohort::*which, Better better = Better::kNeither) {
    return Column<Cohort>{name, [=](const Cohort& cohort) { return count(cohort.*which, better); }};
  };
  std::vector<Column<Cohort>> queued{counted("Waiting", &Cohort::waiting, Better::kLess)};
  if (reports.size() == 1) {
    queued.insert(queued.begin(), {counted("Submitted", &Cohort::submitted), counted("Started", &Cohort::started)});
  }
  return cohort_table({.id = "queueing",
                       .title = "Queueing",
                       .hint = "From submission to the first start, of jobs that started."},
                      reports, labels, &Cohort::queueing, std::move(queued)) +
         cohort_table(
             {.id = "completion", .title = "Completion", .hint = "From submission to the end, of jobs that ended."},
             reports, labels, &Cohort::completion, {counted("Ended", &Cohort::ended, Better::kMore)}) +
         "<div class=\"pair\">\n" +
         utilisation_table({.id = "models", .title = "Utilisation by GPU model", .keys = {"Model"}}, reports, labels,
                           &SimReport::models) +
         utilisation_table({.id = "sites", .title = "Utilisation by site", .keys = {"Site"}}, reports, labels,
                           &SimReport::by_site) +
         "</div>\n" + energy_table(reports, labels) + right_tables(reports, labels);
}

std::string notes_html(const Reports& reports, const Labels& labels) {
  std::string out = "<section>\n<h2 id=\"notes\">Notes</h2>\n";
  bool none = true;
  for (std::size_t run = 0; run < reports.size(); ++run) {
    if (reports[run].notes.empty() && reports[run].happenings.empty()) continue;
    none = false;
    if (reports.size() > 1) out += fmt::format("<h3>{}</h3>\n", escaped(labels[run]));
    out += "<ul class=\"notes\" tabindex=\"0\">\n";
    for (const Happening& happening : reports[run].happenings) {
      out += fmt::format("<li>{}: {}</li>\n", date(happening.at), escaped(happening.what));
    }
    for (const std::string& note : reports[run].notes) out += fmt::format("<li>{}</li>\n", escaped(note));
    out += "</ul>\n";
  }
  return out + (none ? "<p class=\"nothing\">None.</p>\n</section>\n" : "</section>\n");
}

std::string number_of(std::int64_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", grouped(number), number == 1 ? one : many);
}

std::string header_html(const Reports& reports, const std::string& title) {
  const SimReport& first = reports.front();
  const std::int64_t seconds = (first.until.ns - first.from.ns) / kSecond;
  if (reports.size() > 1) {
    return fmt::format(
        "<header>\n<h1>{}</h1>\n<p>Differences are to the first run, in percent, or in percentage points (pt) where "
        "the figure is a percentage itself.</p>\n</header>\n",
        escaped(title));
  }
  const std::string variant =
      first.variant.empty() ? "" : fmt::format(" <span class=\"variant\">{}</span>", escaped(first.variant));
  return fmt::format("<header>\n<h1>{}{}</h1>\n<p>{} to {} ({}) · {} · {} · {} · {} · seed {}</p>\n</header>\n",
                     escaped(first.scenario), variant, date(first.from), date(first.until), duration(seconds),
                     number_of(first.sites, "site", "sites"), number_of(first.nodes, "node", "nodes"),
                     number_of(first.gpus, "GPU", "GPUs"), number_of(first.jobs, "job", "jobs"), first.seed);
}

std::string figures_html(const Reports& reports, const Labels& labels) {
  if (reports.size() > 1) {
    return "<div class=\"beside\">\n" + headline_table("figures", "Figures", reports, labels, headlines) +
           headline_table("runs", "Runs", reports, labels, facts) + "</div>\n";
  }
  return "<section>\n<h2 id=\"figures\">Figures</h2>\n" + tiles_html(reports.front(), Tile::kLarge) +
         tiles_html(reports.front(), Tile::kSmall) + "</section>\n";
}

std::string footer_html(const Reports& reports) {
  if (reports.size() > 1) return {};
  const SimReport& report = reports.front();
  const std::string hash = report.log_hash.empty() ? "" : ", hash " + escaped(report.log_hash);
  return fmt::format("<footer>{} in the log{} · computed in {} s with {} MiB</footer>\n",
                     number_of(report.events, "event", "events"), hash, fixed(report.wall_ms, 1'000, 1),
                     grouped(report.memory_mib));
}

std::string title_of(const Reports& reports) {
  if (reports.empty()) return "No runs";
  const SimReport& first = reports.front();
  if (reports.size() == 1) return first.variant.empty() ? first.scenario : first.scenario + ", " + first.variant;
  const bool one =
      std::all_of(reports.begin(), reports.end(), [&](const SimReport& r) { return r.scenario == first.scenario; });
  return fmt::format("{}{} runs compared", one ? first.scenario + ": " : "", reports.size());
}

}  // namespace
}  // namespace page

std::string report_page(const std::vector<SimReport>& reports) {
  const std::string title = page::title_of(reports);
  // The policy keeps the page from fetching anything, whatever a report holds.
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'\">\n<title>{}</title>\n<style>{}</style>\n</head>\n",
      page::escaped(title), page::kStyle);
  if (reports.empty()) return out + "<body>\n<main>\n<h1>No runs</h1>\n</main>\n</body>\n</html>\n";
  const std::vector<std::string> labels = page::run_labels(reports);
  out += reports.size() > 1 ? "<body class=\"compared\">\n<main>\n" : "<body>\n<main>\n";
  out += page::header_html(reports, title) + page::figures_html(reports, labels) + page::plots_html(reports, labels) +
         page::tables_html(reports, labels) + page::notes_html(reports, labels) + page::footer_html(reports);
  out += fmt::format(
      "</main>\n<script type=\"application/json\" id=\"samples\">{}</script>\n<script>{}</script>\n</body>\n</html>\n",
      page::samples_json(reports), page::kScript);
  return out;
}

}  // namespace penstock
