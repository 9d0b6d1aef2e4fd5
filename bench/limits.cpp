// What the limit table costs: compiling it, asking it, and what happens when a feed is lost. Prints the tables of
// docs/benchmarks.md:
//
//     examples/continental/generate | penstock_limits_bench compile
//     examples/continental/generate | penstock_limits_bench admit
//     penstock_limits_bench shed
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "engine/power/power.h"
#include "filling.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t nanos(Clock::time_point since) {
  return std::chrono::nanoseconds(Clock::now() - since).count();
}
double millis(std::int64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

// The value that a part `q` of them is below.
std::int64_t quantile(std::vector<std::int64_t> values, double q) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

struct Specs {
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;

  // Every `step`th site, so that each part has all designs.
  Specs part(std::size_t step) const {
    Specs out{types, {}};
    std::size_t i = 0;
    for (const auto& site : sites) {
      if (i++ % step == 0) out.sites.insert(site);
    }
    return out;
  }
};

Specs specs_from_input() {
  const std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  Specs specs;
  for (const Document& document : read_or_die(text)) {
    if (const auto* type = std::get_if<NodeTypeSpec>(&document.spec)) specs.types[document.metadata.name] = *type;
    if (const auto* site = std::get_if<SiteSpec>(&document.spec)) specs.sites[document.metadata.name] = *site;
  }
  return specs;
}

std::shared_ptr<const Estate> compiled(const Specs& specs) {
  auto estate = Estate::compile(specs.types, specs.sites);
  PENSTOCK_CHECK(estate.ok());
  return std::make_shared<const Estate>(std::move(*estate));
}

// The table of every site, at every date that the specs know.
PowerLoads tables_of(const std::shared_ptr<const Estate>& estate) {
  PowerLoads power(estate);
  for (SiteIndex site = 0; site < estate->sites().size(); ++site) {
    power.recut(site, SiteRestrictions(power.network(site), Facts{}), *Text<Time>::parse("2026-06-01T00:00:00Z"));
  }
  return power;
}

// Runs `work` in a process of its own, whose peak memory is its alone.
template <class Work>
void apart(Work work) {
  std::fflush(stdout);
  const pid_t child = fork();
  PENSTOCK_CHECK(child >= 0);
  if (child == 0) {
    work();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  PENSTOCK_CHECK(status == 0);
}

constexpr std::array<std::size_t, 4> kParts{8, 4, 2, 1};

void compile_bench() {
  const Specs all = specs_from_input();
  fmt::print(
      "| sites | GPUs | nodes | elements | rows now | of considered | estate, ms | tables, ms | peak memory, MiB |\n");
  fmt::print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (std::size_t step : kParts) {
    apart([&] {
      const Specs specs = all.part(step);
      const auto began = Clock::now();
      const auto estate = compiled(specs);
      const std::int64_t expanded = nanos(began);
      const PowerLoads power = tables_of(estate);
      const std::int64_t total = nanos(began);
      std::int64_t gpus = 0;
      std::size_t rows = 0, considered = 0;
      for (SiteIndex site = 0; site < estate->sites().size(); ++site) {
        gpus += estate->sites()[site].gpus.count() / 1000;
        rows += power.segments(site).front().limits->rows().size();
        considered += power.segments(site).front().limits->considered();
      }
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      fmt::print("| {} | {} | {} | {} | {} | {} | {:.0f} | {:.0f} | {:.0f} |\n", estate->sites().size(), gpus,
                 estate->nodes().size(), estate->elements().size(), rows, considered, millis(expanded),
                 millis(total - expanded), static_cast<double>(usage.ru_maxrss) / 1024);
    });
  }
}

// Fills every rack node by node, in an order by chance that is always the same, and times the checks of each rack.
void admit_bench() {
  const Specs all = specs_from_input();
  fmt::print(
      "| sites | nodes | rows of a column, mean | one node, median | p99 | all nodes of a rack, median | p99 |\n");
  fmt::print("|---:|---:|---:|---:|---:|---:|---:|\n");
  for (std::size_t step : kParts) {
    apart([&] {
      const auto estate = compiled(all.part(step));
      PowerLoads power = tables_of(estate);
      std::vector<RackIndex> racks(estate->racks().size());
      for (RackIndex r = 0; r < racks.size(); ++r) racks[r] = r;
      std::uint64_t chance = 1;
      for (std::size_t i = racks.size(); i > 1; --i) {
        chance = chance * 6364136223846793005ULL + 1442695040888963407ULL;
        std::swap(racks[i - 1], racks[(chance >> 33) % i]);
      }
      std::vector<std::int64_t> one, whole;
      std::size_t refused = 0, weights = 0;
      for (int round = 0; round < 8; ++round) {
        for (RackIndex r : racks) {
          const EstateRack& rack = estate->racks()[r];
          const NodePowerSpec& node = estate->type_of(rack.first_node).spec.power;
          const Draw draw{node.max - node.idle, node.max - node.idle};
          auto began = Clock::now();
          refused += power.fits(rack.first_node, draw, std::nullopt) ? 0 : 1;
          one.push_back(nanos(began));
          began = Clock::now();
          for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) {
            refused += power.fits(n, draw, std::nullopt) ? 0 : 1;
          }
          whole.push_back(nanos(began));
          for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) power.take(n, draw, std::nullopt);
          const SiteNetwork& network = power.network(rack.site);
          weights += power.segments(rack.site).front().limits->weights(network.column_of(rack.first_node)).size();
        }
        for (RackIndex r : racks) {
          const EstateRack& rack = estate->racks()[r];
          const NodePowerSpec& node = estate->type_of(rack.first_node).spec.power;
          const Draw draw{node.max - node.idle, node.max - node.idle};
          for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) power.give(n, draw, std::nullopt);
        }
      }
      PENSTOCK_CHECK(refused == 0);  // every site of the estate may be full
      fmt::print("| {} | {} | {:.0f} | {} ns | {} ns | {} ns | {} ns |\n", estate->sites().size(),
                 estate->nodes().size(), static_cast<double>(weights) / static_cast<double>(one.size()),
                 quantile(one, 0.5), quantile(one, 0.99), quantile(whole, 0.5), quantile(whole, 0.99));
    });
  }
}

// One site of 2N with 3,125 nodes a hall, 8 GPUs and 10 kW each. Every part may carry 84 % of what hangs on it when the
// other side is lost, and half as much again for a minute: with all nodes at work a lost side means shedding.
std::string halls(int count) {
  return fmt::format(R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {{name: box}}
spec: {{devices: {{model: b1, count: 8}}, cpu: 128, memory: 2TiB, power: {{idle: 2kW, max: 10kW}}}}
---
apiVersion: penstock/v1
kind: Site
metadata: {{name: big}}
spec:
  country: NO
  runtime: simulated
  grid: {{contracted: {0}MW}}
  network:
    elements:
    - {{name: grid, kind: grid, rating: {0}MW}}
    - {{name: "main-[a,b]", kind: transformer, rating: {1}kW, overload: &curve [{{load: 150%, time: PT1M}}], feeds: [{{from: grid}}]}}
    - {{name: "hall-h[01-{2:02}]-[a,b]", kind: switchboard, rating: 26250kW, overload: *curve, feeds: [{{from: "main-{{2}}"}}]}}
    - {{name: "tx-h[01-{2:02}]-r[01-25]-[a,b]", kind: transformer, rating: 1050kW, overload: *curve, feeds: [{{from: "hall-h{{1}}-{{3}}"}}]}}
    - {{name: "ups-h[01-{2:02}]-r[01-25]-[a,b]", kind: ups, rating: 1050kW, overload: *curve, feeds: [{{from: "tx-h{{1}}-r{{2}}-{{3}}"}}]}}
    - {{name: "busway-h[01-{2:02}]-r[01-25]-[a,b]", kind: busway, rating: 1050kW, overload: *curve, feeds: [{{from: "ups-h{{1}}-r{{2}}-{{3}}"}}]}}
  halls:
  - name: h[01-{2:02}]
    rows:
    - name: r[01-25]
      racks:
      - name: "{{row}}k[01-25]"
        nodes: [{{name: "n[1-5]", type: box}}]
        feeds: [{{from: "busway-{{hall}}-{{row}}-a"}}, {{from: "busway-{{hall}}-{{row}}-b"}}]
        redundancy: 2n
)",
                     count * 40, count * 26250, count);
}

void shed_bench() {
  fmt::print("| nodes | jobs | lost | jobs shed | plan, ms | recorded as a failure, ms |\n");
  fmt::print("|---:|---:|---|---:|---:|---:|\n");
  for (int count : {1, 2, 5, 10}) {
    for (std::int32_t replicas : {8, 1}) {
      apart([&] {
        Filling filling(halls(count));
        const State& state = filling.state();
        const auto wanted = state.estate().nodes().size() / static_cast<std::size_t>(replicas);
        const std::size_t jobs = filling.fill(wanted, replicas, 8, {"sixty", "firm", "sixty"});
        for (const char* part : {"busway-h01-r01-a", "hall-h01-a", "main-a"}) {
          const auto lost = state.estate().find_parts(0, {part});
          PENSTOCK_CHECK(lost.ok());
          std::vector<std::int64_t> times;
          std::size_t shed = 0;
          for (int i = 0; i < 9; ++i) {
            const auto began = Clock::now();
            const WhatIf what{std::nullopt, *lost, std::nullopt};
            PowerLoads power = site_if(state, 0, what, SiteLimits::Losses::kNone);
            const ShedPlan plan = shed_plan(state, 0, what, power);
            times.push_back(nanos(began));
            PENSTOCK_CHECK(plan.left.empty());
            shed = plan.jobs.size();
          }
          Document failure;
          failure.kind = Kind::kRestriction;
          failure.metadata.name = "big/failed";
          RestrictionSpec spec;
          spec.cause = RestrictionCause::kFailure;
          spec.parts = {part};
          failure.spec = spec;
          const auto began = Clock::now();
          filling.run(ApplyDocuments{{failure}, false});
          const std::int64_t recorded = nanos(began);
          fmt::print("| {} | {} | {} | {} | {:.1f} | {:.0f} |\n", state.estate().nodes().size(), jobs, part, shed,
                     millis(quantile(times, 0.5)), millis(recorded));
          filling.run(DeleteObject{Kind::kRestriction, "big/failed", {}});
          filling.run(Tick{});
        }
      });
    }
  }
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  const std::string what = argc == 2 ? argv[1] : "";
  if (what == "compile") {
    penstock::compile_bench();
  } else if (what == "admit") {
    penstock::admit_bench();
  } else if (what == "shed") {
    penstock::shed_bench();
  } else {
    fmt::print(stderr, "usage: {} compile|admit|shed; the first two read an estate from standard input\n", argv[0]);
    return 2;
  }
}
