// How much more a hall can sell when contracts may be shed: the table of docs/power.md. Two halls of the same eight
// UPS, as 2N and as 4N/3, get as many racks as can all work at once, under one mix of contracts after the other.
#include <algorithm>
#include <cstdio>

#include "base/name.h"
#include "filling.h"

namespace penstock {
namespace {

// The plant of examples/loughton from the transformers downwards, and its racks of 135 kW. Cooling, boards and grid are
// taken to be bought for what the UPS can do.
constexpr std::string_view kPlant = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: tray}
spec: {devices: {model: gb200, count: 4}, cpu: 144, memory: 960GB, power: {idle: 1.9kW, max: 7.5kW}}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: s}
spec:
  country: GB
  runtime: simulated
  contingencies: {shedWithin: PT$withinS}
  network:
    elements:
    - {name: grid, kind: grid, rating: 90MW}
    - {name: "tx-[1-$groups]-[$systems]", kind: transformer, apparent: 3150kVA, powerFactor: 95%, efficiency: 99%,
       overload: [{load: 120%, time: PT30M}, {load: 150%, time: PT1M}], feeds: [{from: grid}]}
    - name: "ups-[1-$groups]-[$systems]"
      kind: ups
      rating: 3.2MW
      modules: {count: 8, redundant: 1}
      efficiencyCurve: [{load: 25%, efficiency: 95.5%}, {load: 50%, efficiency: 97%}, {load: 75%, efficiency: 97%}, {load: 100%, efficiency: 96.5%}]
      overload: [{load: 110%, time: PT10M}, {load: 125%, time: PT1M}, {load: 150%, time: PT10S}]
      feeds: [{from: "tx-{1}-{2}"}]
$busways
  halls:
  - name: h
    rows:
$rows
)";

struct Design {
  const char* name;
  int groups;  // of systems that back one another
  const char* systems;
  std::vector<std::string> pairs;  // of systems, one a row and group
  int rows_per_pair;
};

const std::array kDesigns{Design{"2N", 4, "a,b", {"ab"}, 2},
                          Design{"4N/3", 2, "a-d", {"ab", "cd", "ac", "bd", "ad", "bc"}, 1}};

void replace(std::string& text, std::string_view key, std::string_view value) {
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + value.size())) {
    text.replace(at, key.size(), value);
  }
}

// The hall with racks dealt to its rows in turn.
std::string hall(const Design& design, int racks, int shed_within) {
  std::string busways, rows;
  const int count = static_cast<int>(design.pairs.size()) * design.rows_per_pair * design.groups;
  int row = 0;
  for (int i = 0; i < design.rows_per_pair; ++i) {
    for (const std::string& pair : design.pairs) {
      for (int group = 1; group <= design.groups; ++group, ++row) {
        for (char side : pair) {
          busways += fmt::format(
              "    - {{name: bw-{0}-{1}, kind: busway, current: 2500A, voltage: 415V, powerFactor: 98%, continuous: "
              "80%, overload: "
              "[{{load: 105%, time: PT1H}}, {{load: 150%, time: PT1M}}], feeds: [{{from: ups-{2}-{1}}}]}}\n",
              row, side, group);
        }
        const int here = racks / count + (row < racks % count ? 1 : 0);
        if (here == 0) continue;
        rows += fmt::format(
            "    - {{name: r{0}, racks: [{{name: \"r{0}k[1-{1}]\", nodes: [{{name: \"n[01-18]\", type: tray}}], feeds: "
            "[{{from: "
            "bw-{0}-{2}}}, {{from: bw-{0}-{3}}}]}}]}}\n",
            row, here, pair[0], pair[1]);
      }
    }
  }
  std::string text(kPlant);
  replace(text, "$within", fmt::format("{}", shed_within));
  replace(text, "$groups", fmt::format("{}", design.groups));
  replace(text, "$systems", design.systems);
  replace(text, "$busways", busways);
  replace(text, "$rows", rows);
  return text;
}

bool all_work(const Design& design, int racks, int shed_within, const std::vector<std::string>& contracts) {
  Filling filling(hall(design, racks, shed_within));
  return filling.fill(static_cast<std::size_t>(racks), 18, 4, contracts) == static_cast<std::size_t>(racks);
}

// The most racks that may all be at full work, and the row that is nearest to its limit then.
struct Sold {
  int racks = 0;
  std::string binds;
};

// "ups" of "ups-1-a".
std::string_view unit_of(std::string_view name) { return name.substr(0, name.find('-')); }

std::string tightest(const Filling& filling) {
  const PowerLoads::Segment& now = filling.state().power().segments(0).front();
  std::int64_t most = -1;
  std::string text;
  for (std::size_t r = 0; r < now.rows.size(); ++r) {
    const PowerLoads::Segment::Load& load = now.rows[r];
    const LimitRow& row = now.limits->rows()[r];
    for (const bool firm : {true, false}) {
      const MicroWatts limit = firm ? load.firm_limit : load.demand_limit;
      if (limit == kUnlimited) continue;
      const std::int64_t part = mul_div_floor(firm ? load.firm : load.demand, kMicro, limit);
      if (part <= most) continue;
      most = part;
      const bool normal = row.after.kind == Contingency::Kind::kNone;
      text = fmt::format("{} {}", unit_of(leaf_of(now.limits->name(row))),
                         normal ? "in the normal state"
                         : firm ? "after a loss, firm"
                                : "after a loss, until shed");
    }
  }
  return text;
}

Sold most_racks(const Design& design, int shed_within, const std::vector<std::string>& contracts) {
  int fits = 1, too_many = 400;
  while (too_many - fits > 1) {
    const int racks = (fits + too_many) / 2;
    (all_work(design, racks, shed_within, contracts) ? fits : too_many) = racks;
  }
  Filling filling(hall(design, fits, shed_within));
  filling.fill(static_cast<std::size_t>(fits), 18, 4, contracts);
  return {fits, tightest(filling)};
}

int run() {
  struct Mix {
    const char* name;
    std::vector<std::string> contracts;
  };
  const std::vector<Mix> mixes{{"firm", {"firm"}},
                               {"half firm, half to 60%", {"firm", "sixty"}},
                               {"all to 60%", {"sixty"}},
                               {"half firm, half spot", {"firm", "spot"}},
                               {"all spot", {"spot"}}};
  fmt::print(
      "| hall | shed within | contracts | racks | MW | more than firm | what binds "
      "|\n|---|---:|---|---:|---:|---:|---|\n");
  for (const Design& design : kDesigns) {
    for (const int within : {10, 60}) {
      int firm = 0;
      for (const Mix& mix : mixes) {
        const Sold sold = most_racks(design, within, mix.contracts);
        if (firm == 0) firm = sold.racks;
        fmt::print("| {} | {} s | {} | {} | {:.1f} | {} | {} |\n", design.name, within, mix.name, sold.racks,
                   sold.racks * 0.135,
                   sold.racks == firm ? "" : fmt::format("{:+.0f}%", 100.0 * (sold.racks - firm) / firm), sold.binds);
        std::fflush(stdout);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace penstock

int main() {
  return penstock::run();
}
