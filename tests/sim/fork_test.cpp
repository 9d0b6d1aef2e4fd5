// Forks: nodes, durations and jobs of a server as a simulation goes on from them.
#include "sim/fork.h"

#include <gtest/gtest.h>

#include "sim/simulation.h"
#include "spec/yaml.h"
#include "verify/verify.h"

namespace penstock {
namespace {

constexpr std::string_view kEstate = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: hgx}
spec: {devices: {model: h200, count: 8}, cpu: 64, memory: 512GiB, power: {idle: 800W, max: 8kW}}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: lab}
spec:
  country: GB
  runtime: agent
  halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-4]", type: hgx}]}]}]}]
---
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: acme/llm}
spec: {}
---
apiVersion: penstock/v1
kind: Contract
metadata: {name: acme/main}
spec: {class: on-demand, pricePerGpuHour: 2 USD}
)";

const Time kStart = *Text<Time>::parse("2026-06-01T00:00:00Z");

// A server whose nodes 1 and 2 an agent has ready, 3 was lost, and 4 nobody ever took on.
class Server {
 public:
  Server() {
    const auto documents = read_documents({{"estate.yaml", std::string(kEstate)}});
    EXPECT_TRUE(documents.ok()) << to_string(documents.error());
    good(TakeLeadership{1, "test"});
    good(ApplyDocuments{*documents, false});
    for (int i : {1, 2, 3}) {
      const std::string node = fmt::format("lab/h1/k1/n{}", i);
      AgentHello hello;
      hello.node = node;
      hello.address = "127.0.0.1";
      hello.device_vendor = "nvidia";
      hello.device_model = "h200";
      hello.device_count = 8;
      hello.cpu = MilliCpu(64'000);
      hello.memory = Bytes(std::int64_t{512} << 30);
      hello.power_source = "model";
      TokenRecord token;
      token.id = fmt::format("token{}", i);
      token.hash = "secret";
      good(RegisterNode{hello, token});
    }
    wait(kNodeLease + kLeaseMargin + seconds(1), {"lab/h1/k1/n1", "lab/h1/k1/n2"});
  }

  void good(const Command& command) {
    const auto reply = engine.execute(command, CommandMeta{now, "test", {}, 0});
    EXPECT_TRUE(reply.ok()) << to_string(reply.error());
  }

  // Time passes, and those nodes stay in touch.
  void wait(Duration time, const std::vector<std::string>& nodes) {
    const Time until = now + time;
    while (now < until) {
      now = std::min(until, now + minutes(1));
      for (const std::string& node : nodes) {
        SyncNode sync{node, engine.state().facts().nodes.at(node).registration, engine.state().revision(node), {}};
        for (const HeldTask& held : engine.state().loads().tasks(engine.state().estate().find_node(node))) {
          TaskReport report = engine.state().find_job(held.job)->tasks[static_cast<std::size_t>(held.rank)];
          report.phase = TaskPhase::kRunning;
          if (!report.started) report.started = now;
          sync.tasks.push_back(report);
        }
        good(sync);
      }
      good(Tick{});
    }
  }

  void submit(const std::string& name, std::int32_t tasks, std::optional<Duration> limit, std::optional<Duration> estimate = {}) {
    SubmitJobs submit;
    SubmitJobs::Item item{Metadata{"acme/llm/" + name, {}, {}}, {}};
    TaskGroupSpec group;
    group.name = "main";
    group.replicas = tasks;
    group.gpus = MilliGpu(8000);
    group.command = {"true"};
    item.spec.groups.push_back(group);
    item.spec.contract = "acme/main";
    item.spec.time_limit = limit;
    item.spec.estimate = estimate;
    submit.items.push_back(std::move(item));
    good(submit);
    good(Tick{});
  }

  const Job& job(const std::string& name) const { return *engine.state().find_job("acme/llm/" + name); }

  Engine engine;
  Time now = kStart;
};

const std::vector<std::string> kReady{"lab/h1/k1/n1", "lab/h1/k1/n2"};

SimReport run(const Server& server, const Scenario& scenario, const ForkOptions& options = {}, std::vector<std::string>* log = nullptr,
              std::string* snapshot = nullptr) {
  SimulationInput input;
  input.fork = std::make_shared<const Facts>(forked(server.engine.state().facts(), options, server.now));
  if (snapshot != nullptr) *snapshot = to_json(*input.fork);
  LogSink sink;
  if (log != nullptr) sink = [log](const EventRecord& record) { log->push_back(to_json(record)); };
  const auto report = simulate(scenario, std::move(input), {}, sink);
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? *report : SimReport{};
}

Scenario plain(Time from, Duration length) {
  Scenario out;
  out.name = "fork";
  out.spec.from = from;
  out.spec.length = length;
  return out;
}

TEST(Forks, NodesAreAsTheirAgentsHadThem) {
  const Server server;
  const Facts facts = forked(server.engine.state().facts(), {}, server.now);
  const State state(facts);
  std::vector<bool> usable;
  for (NodeIndex node = 0; node < 4; ++node) usable.push_back(state.usable(node, server.now));
  EXPECT_EQ(usable, (std::vector<bool>{true, true, false, false}));
  EXPECT_TRUE(facts.tokens.empty());
  EXPECT_EQ(to_json(facts).find("secret"), std::string::npos);
  const SimReport report = run(server, plain(server.now, hours(72)));
  EXPECT_EQ(report.faults, 0);  // no lease runs out, though no agent reports
  EXPECT_EQ(report.by_site[0].capacity_gpu_hours, 16 * 72);
  EXPECT_EQ(report.samples[0].nodes_down, 2);
}

TEST(Forks, LostNodesMayBeGivenBackAndReadyOnesLost) {
  const Server server;
  Scenario scenario = plain(server.now, hours(20));
  DatedSpec back;
  back.at = Moment{hours(10)};
  back.give_back = {"lab/h1/k1/n[3-4]"};
  DatedSpec gone;
  gone.at = Moment{server.now + hours(15)};
  gone.lose = {"lab/h1/k1/n1"};
  scenario.spec.events = {back, gone};
  const SimReport report = run(server, scenario);
  EXPECT_EQ(report.by_site[0].capacity_gpu_hours, 16 * 10 + 32 * 5 + 24 * 5);
}

TEST(Forks, WorkGoesOnAsLongAsItProbablyTakes) {
  Server server;
  server.submit("stated", 1, hours(10), hours(4));
  server.submit("limited", 1, hours(10));
  server.submit("unknown", 1, {});  // waits for one of them
  server.wait(hours(2), kReady);
  ASSERT_EQ(server.job("stated").phase, JobPhase::kRunning);
  ASSERT_EQ(server.job("unknown").phase, JobPhase::kPending);
  const Facts facts = forked(server.engine.state().facts(), {Ppm(700'000), hours(5)}, server.now);
  EXPECT_EQ(facts.jobs.at(server.job("stated").uid).spec.estimate, hours(4));
  EXPECT_EQ(facts.jobs.at(server.job("limited").uid).spec.estimate, hours(7));
  EXPECT_EQ(facts.jobs.at(server.job("unknown").uid).spec.estimate, hours(5));

  std::vector<std::string> log;
  std::string snapshot;
  const SimReport report = run(server, plain(server.now, hours(24)), {Ppm(700'000), hours(5)}, &log, &snapshot);
  const Cohort& all = report.cohorts.back();
  EXPECT_EQ(report.jobs, 3);
  EXPECT_EQ(all.submitted, 3);
  EXPECT_EQ(all.started, 3);
  EXPECT_EQ(all.ended, 3);
  EXPECT_NEAR(static_cast<double>(all.queueing.most), 4 * 3600, 2);     // since its submission
  EXPECT_NEAR(static_cast<double>(all.completion.most), 9 * 3600, 2);   // 4 and its own 5
  EXPECT_EQ(report.samples[0].used, 16'000);
  EXPECT_EQ(report.samples[0].waiting_jobs, 1);
  EXPECT_EQ(report.ettr, Ppm(1'000'000));
  const auto proof = verify_log(log, snapshot, {});
  ASSERT_TRUE(proof.ok()) << to_string(proof.error());
  EXPECT_TRUE(proof->proved);
}

TEST(Forks, WhatTakesLongerThanThoughtGoesOn) {
  Server server;
  server.submit("limited", 1, hours(10));
  server.submit("unknown", 1, {});
  server.wait(hours(8), kReady);
  const Facts facts = forked(server.engine.state().facts(), {Ppm(500'000), hours(3)}, server.now);
  EXPECT_EQ(facts.jobs.at(server.job("limited").uid).spec.estimate, hours(10));
  EXPECT_EQ(facts.jobs.at(server.job("unknown").uid).spec.estimate, hours(8) + hours(3));
}

TEST(Forks, AreTheSameForTheSameState) {
  Server server;
  server.submit("a", 2, hours(10));
  server.submit("b", 2, hours(10));
  std::vector<std::string> first, again;
  const std::string one = to_json(run(server, plain(server.now, hours(30)), {}, &first));
  EXPECT_EQ(one, to_json(run(server, plain(server.now, hours(30)), {}, &again)));
  EXPECT_EQ(first, again);
  EXPECT_EQ(one, to_json(run(server, plain(server.now, hours(30)))));  // whether a log is written or not
}

constexpr std::string_view kHead = "apiVersion: penstock/v1\nkind: Scenario\nmetadata: {name: what-if}\nspec:\n";

TEST(ForkScenarios, StandBesideWhatWouldComeAnyway) {
  const ForkGround ground{kStart, hours(72)};
  const auto two = read_scenario({"s.yaml", std::string(kHead) + "  events: [{at: PT1H, lose: [lab/h1/k1/n1]}]\n"}, ground);
  ASSERT_TRUE(two.ok()) << to_string(two.error());
  ASSERT_EQ(two->size(), 2u);
  EXPECT_EQ((*two)[0].variant, "as it is");
  EXPECT_TRUE((*two)[0].spec.events.empty());
  EXPECT_EQ((*two)[0].spec.length, hours(72));
  EXPECT_EQ((*two)[1].variant, "with events");
  EXPECT_EQ((*two)[1].spec.events.size(), 1u);
  EXPECT_EQ((*two)[1].spec.from, kStart);
  const auto three = read_scenario({"s.yaml", std::string(kHead) + "  for: P1D\n  variants: [{name: x, set: {}}, {name: y, set: {scheduler: {order: fifo}}}]\n"},
                                   ForkGround{kStart, {}});
  ASSERT_TRUE(three.ok()) << to_string(three.error());
  EXPECT_EQ(three->size(), 3u);
  EXPECT_EQ((*three)[2].spec.length, hours(24));
  const auto fault = [&](const std::string& spec, ForkGround on) {
    const auto read = read_scenario({"s.yaml", std::string(kHead) + spec}, on);
    return read.ok() ? "none" : to_string(read.error());
  };
  EXPECT_NE(fault("  events: []\n", {kStart, {}}).find("spec.for: expected how long it runs"), std::string::npos);
  EXPECT_NE(fault("  plainEstate: {nodes: 1}\n", ground).find("a fork has the estate of its server"), std::string::npos);
  EXPECT_NE(fault("  from: 2026-01-01\n", ground).find("--at"), std::string::npos);
  EXPECT_NE(fault("  events: [{at: soon}]\n", ground).find("s.yaml:5:"), std::string::npos) << fault("  events: [{at: soon}]\n", ground);
  EXPECT_NE(fault("  events: [{at: PT1H, lose: [\"n[5-1]\"]}]\n", ground).find("spec.events[0].lose[0]"), std::string::npos);
}

TEST(ForkScenarios, NothingHappensBeforeTheBeginning) {
  const Server server;
  Scenario scenario = plain(server.now, hours(20));
  DatedSpec early;
  early.at = Moment{kStart};
  scenario.spec.events = {early};
  SimulationInput input;
  input.fork = std::make_shared<const Facts>(forked(server.engine.state().facts(), {}, server.now));
  const auto report = simulate(scenario, std::move(input));
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().path, "spec.events[0].at");
}

}  // namespace
}  // namespace penstock
