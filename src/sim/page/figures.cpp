// What a run came to, and how two runs differ.
#include "sim/page/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace penstock::page {
namespace {

const Cohort& all_jobs(const SimReport& report) {
  static const Cohort kNobody;
  for (const Cohort& cohort : report.cohorts) {
    if (cohort.service_class == "all" && cohort.size == "all") return cohort;
  }
  return kNobody;
}

// Of all sites. Amounts of several currencies are told, but not added and not compared.
Figure total_cost(const SimReport& report) {
  std::map<std::string, Money> sums;
  for (const SiteEnergy& site : report.energy) {
    if (site.cost) sums[site.cost->currency] += *site.cost;
  }
  if (sums.empty()) return {};
  if (sums.size() == 1) return cost(sums.begin()->second);
  Figure figure;
  figure.text.clear();
  for (const auto& [currency, sum] : sums) figure.text += (figure.text.empty() ? "" : " + ") + money(sum);
  return figure;
}

std::string per_megawatt_hour(const Figure& cost, std::int64_t megawatt_hours) {
  if (!cost.number || megawatt_hours <= 0) return {};
  return money({mul_div_round(*cost.number, 1, megawatt_hours), cost.unit}) + " a MWh";
}

std::string most_power(const SimReport& report) {
  const auto most = std::max_element(report.samples.begin(), report.samples.end(),
                                     [](const Sample& a, const Sample& b) { return a.granted_kw < b.granted_kw; });
  return most == report.samples.end() ? std::string() : "at most " + power(most->granted_kw) + " granted";
}

std::string late_text(const SimReport& report) {
  if (report.promises == 0) return "no start was promised";
  if (report.promises_late == 0) return fmt::format("all {} starts", grouped(report.promises));
  return fmt::format("{} of {} late, p90 {}", grouped(report.promises_late), grouped(report.promises),
                     lasting(report.lateness, &Spread::p90).text);
}

std::string jobs_text(const SimReport& report, const Cohort& all) {
  std::string text = fmt::format("{} ended, {} waiting", grouped(all.ended), grouped(all.waiting));
  if (report.given_up > 0) text += fmt::format(", {} given up", grouped(report.given_up));
  return text;
}

}  // namespace

Figure words(std::string_view text) {
  return {.text = text.empty() ? std::string(kNone) : std::string(text)};
}

Figure count(std::int64_t number, Better better) {
  return {.text = grouped(number), .number = number, .better = better};
}

Figure ratio(Ppm value, Better better) {
  return {.text = percent(value), .number = value.count(), .better = better, .ratio = true};
}

Figure lasting(std::int64_t seconds, Better better) {
  return {.text = duration(seconds), .number = seconds, .better = better};
}

Figure lasting(const Spread& spread, std::int64_t Spread::*which) {
  return spread.count == 0 ? Figure() : lasting(spread.*which, Better::kLess);
}

Figure megawatt_hours(std::int64_t number) {
  return {.text = grouped(number) + " MWh", .number = number, .better = Better::kLess};
}

Figure kilowatts(std::int64_t number, Better better) {
  return {.text = power(number), .number = number, .better = better};
}

Figure carbon(std::int64_t kilograms) {
  return {.text = brief(kilograms, 1'000) + " t", .number = kilograms, .better = Better::kLess};
}

Figure cost(const std::optional<Money>& amount) {
  if (!amount) return {};
  return {.text = money(*amount), .number = amount->micros, .better = Better::kLess, .unit = amount->currency};
}

Difference difference(const Figure& first, const Figure& other) {
  if (!first.number || !other.number || first.unit != other.unit) return {};
  const std::int64_t a = *first.number;
  const std::int64_t b = *other.number;
  if (a == b) return {"=", Verdict::kSame};
  Difference result;
  if (first.better != Better::kNeither) {
    result.verdict = (b > a) == (first.better == Better::kMore) ? Verdict::kBetter : Verdict::kWorse;
  }
  if (a == 0 && !first.ratio) {
    result.text = "from 0";
    return result;
  }
  // In tenths of a point or of a percent.
  const std::int64_t tenths =
      mul_div_round(std::abs(b - a), first.ratio ? 1 : 1'000, first.ratio ? 1'000 : std::abs(a));
  if (tenths == 0) return {"≈", Verdict::kSame};
  result.text =
      fmt::format("{}{}{}", b > a ? "+" : "-", fixed(tenths, 10, tenths < 10'000 ? 1 : 0), first.ratio ? " pt" : "%");
  return result;
}

std::vector<Headline> headlines(const SimReport& report) {
  const Cohort& all = all_jobs(report);
  const Spread& queueing = all.queueing;
  std::int64_t energy = 0;
  std::int64_t carbon_kg = 0;
  for (const SiteEnergy& site : report.energy) {
    energy += site.megawatt_hours;
    carbon_kg += site.carbon_kg;
  }
  std::int64_t lacking = 0;
  for (const Breach& breach : report.breaches) lacking += breach.gpu_hours;
  const Figure spent = total_cost(report);
  Figure kept;
  if (report.promises > 0) {
    kept = ratio(Ppm(mul_div_round(report.promises - report.promises_late, 1'000'000, report.promises)), Better::kMore);
  }
  Figure full;  // if there ever was such a moment
  if (report.allocation_when_asked.count() > 0) full = ratio(report.allocation_when_asked, Better::kMore);
  const auto spread = [](std::string_view name, const Spread& of, std::int64_t Spread::*which) {
    return fmt::format("{} {}", name, lasting(of, which).text);
  };
  return {
      {"Allocation", ratio(report.allocation, Better::kMore), Tile::kLarge, "GPU time held, of what there was"},
      {"Goodput", ratio(report.goodput, Better::kMore), Tile::kLarge, "of that, for work that was not lost later"},
      {"ETTR", ratio(report.ettr, Better::kMore), Tile::kLarge, "effective training time ratio of gangs"},
      {"Promises kept", kept, Tile::kLarge, late_text(report)},
      {"Queueing p50", lasting(queueing, &Spread::p50), Tile::kSmall, spread("mean", queueing, &Spread::mean)},
      {"Queueing p90", lasting(queueing, &Spread::p90), Tile::kSmall, spread("longest", queueing, &Spread::most)},
      {"Completion p50", lasting(all.completion, &Spread::p50)},
      {"Completion p90", lasting(all.completion, &Spread::p90)},
      {"Allocated at full demand", full, Tile::kSmall, "before more than all GPUs were asked for"},
      {"Allocated at the end", ratio(report.allocation_at_end, Better::kMore), Tile::kSmall, "of all GPUs"},
      {"Jobs", count(report.jobs), Tile::kSmall, jobs_text(report, all)},
      {"Jobs ended", count(all.ended, Better::kMore)},
      {"Jobs waiting at the end", count(all.waiting, Better::kLess)},
      {"Jobs given up", count(report.given_up, Better::kLess)},
      {"Preemptions", count(report.preemptions, Better::kLess), Tile::kSmall, grouped(report.requeues) + " requeued"},
      {"Requeues", count(report.requeues, Better::kLess)},
      {"Faults", count(report.faults), Tile::kSmall, grouped(report.lost_gpu_hours) + " GPU-hours of work lost"},
      {"GPU-hours lost", count(report.lost_gpu_hours, Better::kLess)},
      {"Reserved GPU-h lacking", count(lacking, Better::kLess)},
      {"Energy", megawatt_hours(energy), Tile::kSmall, most_power(report)},
      {"Cost of energy", spent, Tile::kSmall, per_megawatt_hour(spent, energy)},
      {"Carbon", carbon(carbon_kg), Tile::kSmall, energy > 0 ? brief(carbon_kg, energy) + " kg a MWh" : ""},
      {"Fragmented", ratio(report.fragmented, Better::kLess), Tile::kSmall,
       "of GPUs free at the end: no typical task fits"},
  };
}

std::vector<Headline> facts(const SimReport& report) {
  const std::int64_t seconds = (report.until.ns - report.from.ns) / 1'000'000'000;
  return {
      {"Scenario", words(report.scenario)},
      {"Variant", words(report.variant)},
      {"Seed", words(std::to_string(report.seed))},
      {"From", words(date(report.from))},
      {"Until", words(date(report.until))},
      {"Span", lasting(seconds, Better::kNeither)},
      {"Sites", count(report.sites)},
      {"Nodes", count(report.nodes)},
      {"GPUs", count(report.gpus)},
      {"Jobs", count(report.jobs)},
      {"Events", count(report.events)},
      {"Hash of the log", words(report.log_hash)},
      {"Computed in",
       {.text = fixed(report.wall_ms, 1'000, 1) + " s", .number = report.wall_ms, .better = Better::kLess}},
      {"Memory", {.text = grouped(report.memory_mib) + " MiB", .number = report.memory_mib, .better = Better::kLess}},
  };
}

std::vector<std::string> run_labels(const std::vector<SimReport>& reports) {
  const bool one_scenario = std::all_of(reports.begin(), reports.end(),
                                        [&](const SimReport& r) { return r.scenario == reports.front().scenario; });
  std::vector<std::string> labels;
  for (const SimReport& report : reports) {
    std::string label = one_scenario ? report.variant : report.scenario;
    if (!one_scenario && !report.variant.empty()) label += " / " + report.variant;
    labels.push_back(std::move(label));
  }
  // Whatever is not told apart yet gets one word more: the seed, then its number.
  const auto tell_apart = [&](auto more) {
    std::map<std::string, int> uses;
    for (const std::string& label : labels) ++uses[label];
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (uses[labels[i]] > 1) labels[i] += (labels[i].empty() ? "" : ", ") + more(i);
    }
  };
  tell_apart([&](std::size_t i) { return fmt::format("seed {}", reports[i].seed); });
  tell_apart([&](std::size_t i) { return fmt::format("run {}", i + 1); });
  for (std::string& label : labels) {
    if (label.empty()) label = reports.front().scenario.empty() ? "unnamed" : reports.front().scenario;
  }
  return labels;
}

}  // namespace penstock::page
