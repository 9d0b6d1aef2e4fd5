// Which plots the page has, and what they show.
#include "sim/page/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/page/plot.h"

namespace penstock::page {
namespace {

using Reports = std::vector<SimReport>;
using Labels = std::vector<std::string>;
using Value = std::optional<std::int64_t>;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMostReferences = 4;  // more would hide the lines that they are for

// A value of a sample, as plots and the page's samples name it.
struct Curve {
  std::string_view key;
  std::string_view name;
  Value (*of)(const Sample&);
};

constexpr Curve kGpus{"gpus", "fit for work", [](const Sample& s) -> Value { return s.gpus; }};
constexpr Curve kUsed{"used", "in use", [](const Sample& s) -> Value { return s.used; }};
constexpr Curve kUseful{"useful", "useful", [](const Sample& s) -> Value { return s.useful; }};
constexpr Curve kGranted{"granted", "granted", [](const Sample& s) -> Value { return s.granted_kw; }};
constexpr Curve kLimit{"limit", "limit",
                       [](const Sample& s) { return s.limit_kw > 0 ? Value(s.limit_kw) : std::nullopt; }};
constexpr Curve kWaitingGpus{"waitingGpus", "waiting", [](const Sample& s) -> Value { return s.waiting_gpus; }};
constexpr Curve kWaitingJobs{"waitingJobs", "waiting", [](const Sample& s) -> Value { return s.waiting_jobs; }};
constexpr Curve kDown{"down", "down", [](const Sample& s) -> Value { return s.nodes_down; }};
constexpr std::array kCurves{kGpus, kUsed, kUseful, kGranted, kLimit, kWaitingGpus, kWaitingJobs, kDown};

enum class Unit { kGpus, kPower, kNumber };

struct Chart {
  std::string_view id;
  std::string_view title;
  Unit unit;
  std::string_view unit_name;
  Curve curve;
  std::optional<Curve> reference;
  bool reference_of_each = true;  // whether it is drawn for each of several runs where they differ in it
};

const std::array kCharts{
    Chart{"gpus", "GPUs in use", Unit::kGpus, "GPUs", kUsed, kGpus},
    Chart{"power", "Power granted", Unit::kPower, "", kGranted, kLimit},
    Chart{"goodput", "Goodput", Unit::kGpus, "GPUs whose work was not lost later", kUseful, kUsed, false},
    Chart{"waiting-gpus", "GPUs asked for by waiting jobs", Unit::kGpus, "GPUs", kWaitingGpus, std::nullopt},
    Chart{"waiting-jobs", "Jobs waiting", Unit::kNumber, "jobs", kWaitingJobs, std::nullopt},
    Chart{"down", "Nodes down", Unit::kNumber, "nodes", kDown, std::nullopt},
};

std::int64_t offset(const SimReport& report, const Sample& sample) {
  return (sample.at.ns - report.from.ns) / kSecond;
}

std::vector<Point> points(const SimReport& report, const Curve& curve) {
  std::vector<Point> out;
  for (const Sample& sample : report.samples) out.push_back({offset(report, sample), curve.of(sample)});
  return out;
}

bool known(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(), [](const Point& p) { return p.value.has_value(); });
}

std::int64_t most_power(const Reports& reports) {
  std::int64_t most = 0;
  for (const SimReport& report : reports) {
    for (const Sample& sample : report.samples) most = std::max({most, sample.granted_kw, sample.limit_kw});
  }
  return most;
}

TimeAxis time_axis(const Reports& reports) {
  TimeAxis axis;
  axis.from = reports.front().from;
  for (const SimReport& report : reports) {
    axis.span = std::max(axis.span, (report.until.ns - report.from.ns) / kSecond);
    if (report.from != reports.front().from) axis.from.reset();
  }
  return axis;
}

// What happened in any of the runs, once where it happened in several.
std::vector<Mark> marks(const Reports& reports) {
  std::vector<Mark> out;
  for (const SimReport& report : reports) {
    for (const Happening& happening : report.happenings) {
      const std::int64_t at = (happening.at.ns - report.from.ns) / kSecond;
      const bool known = std::any_of(out.begin(), out.end(), [&](const Mark& mark) { return mark.at == at && mark.label == happening.what; });
      if (!known) out.push_back({at, happening.what});
    }
  }
  return out;
}

// What the lines of the runs are compared with. What all runs have alike is drawn once, and in grey.
std::vector<Series> references(const Chart& chart, const Reports& reports, const Labels& labels) {
  std::vector<Series> out;
  bool alike = true;
  for (std::size_t run = 0; run < reports.size(); ++run) {
    out.push_back({.name = fmt::format("{}, {}", labels[run], chart.reference->name),
                   .run = run,
                   .key = chart.reference->key,
                   .colour = run + 1,
                   .reference = true,
                   .points = points(reports[run], *chart.reference)});
    alike = alike && out.back().points == out.front().points;
  }
  if (alike) {
    out.resize(1);
    out.front().colour = 0;
    out.front().name = chart.reference->name;
  } else if (!chart.reference_of_each || out.size() > kMostReferences) {
    out.clear();
  }
  std::erase_if(out, [](const Series& series) { return !known(series); });
  return out;
}

Plot plot_of(const Chart& chart, const Reports& reports, const Labels& labels) {
  Plot plot{.id = chart.id, .title = chart.title, .unit = chart.unit_name};
  const bool several = reports.size() > 1;
  for (std::size_t run = 0; run < reports.size(); ++run) {
    plot.series.push_back({.name = several ? labels[run] : std::string(chart.curve.name),
                           .run = run,
                           .key = chart.curve.key,
                           .colour = run + 1,
                           .filled = !several,
                           .points = points(reports[run], chart.curve)});
  }
  if (chart.unit == Unit::kGpus) plot.divisor = 1'000;
  if (chart.unit == Unit::kPower) {
    plot.divisor = most_power(reports) < 10'000 ? 1 : 1'000;
    plot.unit = plot.divisor == 1 ? "kW" : "MW";
  }
  if (chart.reference) {
    std::vector<Series> more = references(chart, reports, labels);
    std::move(more.begin(), more.end(), std::back_inserter(plot.series));
  }
  plot.marks = marks(reports);
  return plot;
}

}  // namespace

std::string plots_html(const Reports& reports, const Labels& labels) {
  std::string out = "<section>\n<h2 id=\"over-time\">Over time</h2>\n<div class=\"plots\">\n";
  const TimeAxis axis = time_axis(reports);
  for (const Chart& chart : kCharts) out += plot_html(plot_of(chart, reports, labels), axis);
  return out + "</div>\n</section>\n";
}

// Whole numbers and our own words only, so that nothing in it needs escaping.
std::string samples_json(const Reports& reports) {
  const TimeAxis axis = time_axis(reports);
  std::string out =
      fmt::format("{{\"base\":{},\"runs\":[", axis.from ? std::to_string(axis.from->ns / kSecond) : "null");
  for (const SimReport& report : reports) {
    if (&report != &reports.front()) out += ",\n";
    out += "{\"at\":[";
    for (const Sample& sample : report.samples) {
      out += fmt::format("{}{}", out.back() == '[' ? "" : ",", offset(report, sample));
    }
    for (const Curve& curve : kCurves) {
      out += fmt::format("],\n\"{}\":[", curve.key);
      for (const Sample& sample : report.samples) {
        const Value value = curve.of(sample);
        out += fmt::format("{}{}", out.back() == '[' ? "" : ",", value ? std::to_string(*value) : "null");
      }
    }
    out += "]}";
  }
  return out + "]}";
}

}  // namespace penstock::page
