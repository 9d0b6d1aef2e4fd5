// Runs of small scenarios: what they count, that chance comes from the seed alone, and that faults of a text are told.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "sim/simulation.h"
#include "verify/verify.h"

namespace penstock {
namespace {

constexpr std::string_view kHead = "apiVersion: penstock/v1\nkind: Scenario\nmetadata: {name: small}\nspec:\n";

std::vector<Scenario> scenarios(const std::string& spec) {
  auto read = read_scenario({"s.yaml", std::string(kHead) + spec});
  EXPECT_TRUE(read.ok()) << to_string(read.error());
  return read.ok() ? *read : std::vector<Scenario>{};
}

std::string fault(const std::string& spec) {
  const auto read = read_scenario({"s.yaml", std::string(kHead) + spec});
  return read.ok() ? "none" : to_string(read.error());
}

// One row a job: submitted at second, for so long, with so many GPUs, by whom.
std::shared_ptr<const Trace> trace_of(std::vector<std::tuple<int, int, int, std::string>> rows) {
  Trace out;
  out.format = TraceFormat::kPhilly;
  for (const auto& [at, runs, gpus, owner] : rows) {
    TraceJob job;
    job.owner = owner;
    job.submitted = seconds(at);
    job.runs = seconds(runs);
    job.gpus = MilliGpu(gpus * 1000);
    job.divisible = true;
    out.jobs.push_back(std::move(job));
  }
  out.rows = rows.size();
  return std::make_shared<const Trace>(std::move(out));
}

struct Done {
  SimReport report;
  std::vector<std::string> log;
};

Done run(const Scenario& scenario, SimulationInput input = {}) {
  Done out;
  auto report = simulate(scenario, std::move(input), {}, [&](const EventRecord& record) { out.log.push_back(to_json(record)); });
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  if (report.ok()) out.report = std::move(*report);
  return out;
}

const Cohort& all_of(const SimReport& report) { return report.cohorts.back(); }

constexpr std::string_view kChance = R"(  plainEstate: {nodes: 16}
  for: P2D
  loads:
  - synthetic:
      perHour: 30
      swing: 50%
      timeLimit: 150%
      mix:
      - {weight: 6, gpus: 0.5, cpu: 2, median: PT20M}
      - {weight: 3, tasks: 2, gpus: 8, median: PT1H, checkpoint: PT10M}
      - {weight: 1, tasks: 6, gpus: 8, median: PT3H, checkpoint: PT30M}
  faults: {perMillionNodeDays: 300000, wholeDomain: 10%}
)";

TEST(Simulation, WorksOffATrace) {
  const auto one = scenarios("  plainEstate: {nodes: 2}\n  loads: [{trace: {file: t.csv}}]\n");
  ASSERT_EQ(one.size(), 1u);
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 100, 16, "a"}, {10, 50, 8, "b"}, {20, 60, 8, "A"}, {30, 40, 20, "c"}}));
  const Done done = run(one[0], std::move(input));
  EXPECT_EQ(done.report.jobs, 4);
  EXPECT_EQ(done.report.gpus, 16);
  EXPECT_EQ(all_of(done.report).ended, 3);   // 20 GPUs there never are
  EXPECT_EQ(all_of(done.report).waiting, 1);
  EXPECT_EQ(all_of(done.report).queueing.most, 90);
  EXPECT_EQ(all_of(done.report).queueing.mean, (0 + 90 + 80) / 3);
  EXPECT_EQ(all_of(done.report).completion.most, 140);
  EXPECT_EQ(done.report.models.size(), 1u);
  EXPECT_EQ(done.report.goodput, Ppm(1'000'000));
  EXPECT_EQ(done.report.events, static_cast<std::int64_t>(done.log.size()));
  const auto proof = verify_log(done.log, {}, {});
  ASSERT_TRUE(proof.ok()) << to_string(proof.error());
  EXPECT_TRUE(proof->proved);
}

TEST(Simulation, SamplesUntilSoMuchIsAskedFor) {
  const auto one = scenarios("  plainEstate: {nodes: 4}\n  giveUp: true\n  scheduler: {strict: true}\n  for: PT1H\n"
                             "  loads: [{trace: {file: t.csv, sample: 150%}}]\n");
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 100, 4, "a"}, {10, 50, 2, "b"}}));
  const Done done = run(one[0], std::move(input));
  EXPECT_EQ(done.report.jobs, 16);  // 48 GPUs in fours and twos, each drawn as often
  EXPECT_EQ(done.report.allocation_at_end, Ppm(1'000'000));
  EXPECT_GE(done.report.allocation_when_asked, Ppm(875'000));  // the next would have asked for more than all
  EXPECT_LE(done.report.allocation_when_asked, Ppm(1'000'000));
  EXPECT_GT(done.report.given_up, 0);
  EXPECT_EQ(all_of(done.report).waiting, 0);
}

TEST(Simulation, TheSeedIsAllChance) {
  const auto one = scenarios(std::string(kChance) + "  seeds: 2\n");
  ASSERT_EQ(one.size(), 2u);
  const Done first = run(one[0]);
  const Done again = run(one[0]);
  const Done other = run(one[1]);
  EXPECT_EQ(first.log, again.log);
  EXPECT_EQ(to_json(first.report), to_json(again.report));
  EXPECT_NE(first.log, other.log);
  EXPECT_GT(first.report.faults, 3);
  EXPECT_GT(first.report.requeues, 0);
  EXPECT_LT(first.report.goodput, Ppm(1'000'000));
  EXPECT_GT(first.report.goodput, Ppm(500'000));
  EXPECT_GT(first.report.jobs, 1'000);
  EXPECT_LT(first.report.jobs, 2'000);
  const auto proof = verify_log(first.log, {}, {});
  ASSERT_TRUE(proof.ok()) << to_string(proof.error());
  EXPECT_TRUE(proof->proved);
}

TEST(Simulation, ThingsHappenAtTheirTime) {
  const auto one = scenarios(R"(  plainEstate: {nodes: 2}
  for: PT2H
  loads: [{trace: {file: t.csv}}]
  events:
  - {at: PT30M, lose: [sim/h1/k1/n1]}
  - {at: PT1H, giveBack: [sim/h1/k1/n1]}
)");
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 3000, 16, "a"}}));
  const Done done = run(one[0], std::move(input));
  EXPECT_EQ(done.report.faults, 1);
  EXPECT_EQ(done.report.requeues, 1);
  EXPECT_EQ(done.report.lost_gpu_hours, 8);       // 16 for half an hour
  EXPECT_EQ(all_of(done.report).completion.most, 3600 + 3000);
  EXPECT_NE(to_json(done.report).find("\"nodesDown\":1"), std::string::npos);
}

TEST(Simulation, TellsWhatAReservedContractLacked) {
  const auto one = scenarios(R"(  plainEstate: {nodes: 2}
  loads: [{trace: {file: t.csv, contract: acme/reserved}}]
  events:
  - {at: PT5S, lose: [sim/h1/k1/n1]}
  - {at: PT2H, giveBack: [sim/h1/k1/n1]}
)");
  SimulationInput input;
  ContractSpec contract;
  contract.service_class = ServiceClass::kReserved;
  contract.ramp = {{*Text<Time>::parse("2025-01-01T00:00:00Z"), 16}};
  contract.price_per_gpu_hour = Money{2'000'000, "USD"};
  input.documents = {{Kind::kTenant, {}, TenantSpec{}, {}}, {Kind::kContract, {}, contract, {}}};
  input.documents[0].metadata.name = "acme";
  input.documents[1].metadata.name = "acme/reserved";
  // Two gangs hold what the contract gives once both nodes work; the third has no right to more.
  input.traces.push_back(trace_of({{0, 20'000, 8, "a"}, {10, 20'000, 8, "a"}, {20, 100, 8, "a"}}));
  const Done done = run(one[0], std::move(input));
  ASSERT_EQ(done.report.breaches.size(), 1u);
  const Breach& breach = done.report.breaches.front();
  EXPECT_EQ(breach.contract, "acme/reserved");
  EXPECT_EQ(breach.gpu_hours, 15) << "eight GPUs from the tenth second to the second hour";
  EXPECT_EQ(breach.most_gpus, 8);
  EXPECT_EQ(breach.worth, (Money{31'955'555, "USD"}));
  ASSERT_EQ(done.report.happenings.size(), 2u);
  EXPECT_EQ(done.report.happenings[1].what, "sim/h1/k1/n1 given back");
}

TEST(Simulation, JobsMayBeAmongWhatHappens) {
  const auto one = scenarios(R"(  plainEstate: {nodes: 2}
  for: PT2H
  loads: [{trace: {file: t.csv}}]
  events:
  - at: PT30M
    apply:
    - apiVersion: penstock/v1
      kind: Job
      metadata: {name: sim/a/one}
      spec: {groups: [{name: main, replicas: 1, gpus: 4, command: ["true"]}], estimate: PT10M, array: 3}
  - at: 2026-01-01T01:00:00Z
    lose: ["sim/h1/k1/n[1-2]"]
)");
  ASSERT_EQ(one.size(), 1u);
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 60, 1, "a"}}));
  const Done done = run(one[0], std::move(input));
  EXPECT_EQ(done.report.jobs, 4);
  EXPECT_EQ(all_of(done.report).ended, 4);
  EXPECT_EQ(done.report.faults, 2);
}

TEST(Simulation, WhatTheEngineRefusesIsTold) {
  const auto one = scenarios("  plainEstate: {nodes: 2}\n  for: PT2H\n  loads: [{trace: {file: t.csv}}]\n"
                             "  events: [{at: PT1M, remove: [Contract sim/other]}]\n");
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 3000, 16, "a"}}));
  const auto report = simulate(one[0], std::move(input));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().path, "spec.events[0]");
}

TEST(Simulation, WaitsForWhatIsStillToCome) {
  const auto one = scenarios("  plainEstate: {nodes: 2}\n  loads: [{trace: {file: t.csv}}]\n  faults: {perMillionNodeDays: 1000000}\n");
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 100, 20, "a"}, {200'000, 50, 8, "a"}, {300'000, 50, 8, "a"}}));  // the first never fits
  const Done done = run(one[0], std::move(input));
  EXPECT_EQ(done.report.jobs, 3);
  EXPECT_EQ(all_of(done.report).ended, 2);
  ASSERT_FALSE(done.report.notes.empty());
  EXPECT_EQ(done.report.notes.back(), "1 jobs still wait and nothing is left to come that lets them start");
}

TEST(Simulation, FaultsFollowAnEstateThatChanges) {
  const auto one = scenarios(R"(  plainEstate: {nodes: 4}
  for: P3D
  loads: [{synthetic: {perHour: 10, mix: [{gpus: 8, median: PT30M}]}}]
  faults: {perMillionNodeDays: 20000000, wholeDomain: 100%}
  events:
  - at: PT6H
    apply:
    - apiVersion: penstock/v1
      kind: Site
      metadata: {name: another}
      spec:
        country: NO
        runtime: simulated
        halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-8]", type: t1}]}]}]}]
)");
  const Done done = run(one[0]);
  EXPECT_GT(done.report.faults, 10);
  ASSERT_EQ(done.report.by_site.size(), 2u);
  EXPECT_EQ(done.report.by_site[0].name, "another");
  EXPECT_EQ(done.report.gpus, 96);
  EXPECT_GT(done.report.by_site[1].used_gpu_hours, 0);
  EXPECT_TRUE(verify_log(done.log, {}, {})->proved);
}

TEST(Simulation, EnergyIsWhatStoodHowLong) {
  const auto one = scenarios("  plainEstate: {nodes: 1}\n  for: PT10H\n  loads: [{trace: {file: t.csv}}]\n");
  SimulationInput input;
  input.traces.push_back(trace_of({{0, 18'000, 8, "a"}}));  // five hours at 4.5 kW, five at 680 W
  const Done done = run(one[0], std::move(input));
  ASSERT_EQ(done.report.energy.size(), 1u);
  EXPECT_EQ(done.report.energy[0].most_kw, 4);
  EXPECT_EQ(done.report.allocation, Ppm(500'000));
  EXPECT_EQ(done.report.ettr, Ppm(1'000'000));
}

TEST(Scenarios, EveryVariantWithEverySeed) {
  const auto all = scenarios(std::string(kChance) + R"(  seed: 7
  seeds: 2
  variants:
  - {name: usual, set: {}}
  - {name: larger, set: {plainEstate: {nodes: 32}, faults: null}}
)");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].variant, "usual");
  EXPECT_EQ(all[1].spec.seed, 8u);
  EXPECT_EQ(all[2].spec.plain_estate->nodes, 32);
  EXPECT_FALSE(all[3].spec.faults);
  EXPECT_TRUE(all[1].spec.faults);
}

TEST(Scenarios, TheExamplesCanBeRead) {
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(PENSTOCK_SOURCE_DIR) + "/examples/scenarios")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto text = read_file(entry.path().string());
    ASSERT_TRUE(text.ok());
    const SourceText source{entry.path().filename().string(), *text};
    const bool fork = text->find("simulate --fork") != std::string::npos;
    const auto runs = fork ? read_scenario(source, ForkGround{Time{}, hours(72)}) : read_scenario(source);
    EXPECT_TRUE(runs.ok()) << to_string(runs.error());
    ++read;
  }
  EXPECT_GE(read, 4u);
}

TEST(Scenarios, FaultsNameTheirPlace) {
  EXPECT_NE(fault("  loads: []\n").find("s.yaml:4:1: spec.estate: expected either estate or plainEstate"), std::string::npos) << fault("  loads: []\n");
  EXPECT_NE(fault("  plainEstate: {nodes: 1}\n  loads: [{trace: {file: a}, synthetic: {perHour: 1, mix: []}}]\n").find("expected either trace or synthetic"),
            std::string::npos);
  EXPECT_NE(fault("  plainEstate: {nodes: 1, colour: red}\n  loads: [{trace: {file: a}}]\n").find("s.yaml:5:"), std::string::npos);
  EXPECT_NE(fault("  plainEstate: {nodes: 1}\n  loads: [{synthetic: {perHour: 5, mix: [{gpus: 1}]}}]\n").find("spec.for: expected how long it runs"),
            std::string::npos);
  EXPECT_NE(fault("  plainEstate: {nodes: 1}\n  loads: [{trace: {file: a}}]\n  variants: [{name: x, set: {seeds: none}}]\n").find("with variant x"),
            std::string::npos);
  const std::string mix = "  plainEstate: {nodes: 1}\n  for: P1D\n  loads: [{synthetic: {perHour: 5, mix: [{gpus: 1.5}]}}]\n";
  EXPECT_NE(fault(mix).find("spec.loads[0].synthetic.mix[0].gpus"), std::string::npos) << fault(mix);
  for (const char* wrong : {"plainEstate: {nodes: -5}", "plainEstate: {nodes: 1, gpusPerNode: 100}", "plainEstate: {nodes: 1}\n  faults: {lemons: 200%}",
                            "plainEstate: {nodes: 1}\n  events: [{at: PT1H, remove: [nonsense]}]",
                            "plainEstate: {nodes: 1}\n  events: [{at: PT1H, apply: [{kind: Site}]}]"}) {
    EXPECT_NE(fault(fmt::format("  {}\n  loads: [{{trace: {{file: a}}}}]\n", wrong)), "none") << wrong;
  }
  EXPECT_NE(to_string(read_scenario({"s.yaml", "kind: Scenario\n"}).error()).find("apiVersion"), std::string::npos);
}

}  // namespace
}  // namespace penstock
