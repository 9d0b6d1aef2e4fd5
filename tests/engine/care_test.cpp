// The fleet's rules: from a finding to a node that has been mended and tested, and where they stop.
#include "engine/fleet/lifecycle.h"
#include "engine/fleet/tend.h"
#include "world.h"

namespace penstock {
namespace {

const std::string kFirst = "north/h1/r1/n1";
const std::string kSecond = "north/h1/r1/n2";

class FleetRules : public testing::Test {
 protected:
  // Site `north` with rules: everything is automatic, tests take ten minutes under `ops/tests`, which costs nothing.
  void SetUp() override {
    world_.settle_usual();
    ContractSpec tests = contract();
    tests.service_class = ServiceClass::kSpot;
    tests.price_per_gpu_hour = {0, "USD"};
    world_.apply({document("ops", TenantSpec{}), document("ops/fleet", ProjectSpec{}), document("ops/tests", tests)});
    rules_.mode = FleetMode::kRemediate;
    rules_.test = NodeTestSpec{"ops/fleet", "ops/tests", {}, {}, {}, {}, {}};
    rules_.breaker = BreakerSpec{{}, BreakerLimitSpec{4, {}}, BreakerLimitSpec{2, {}}, BreakerLimitSpec{100, {}}};
    set_rules();
  }

  void set_rules(const std::string& racks = "r[1-2]") {
    SiteSpec spec = site("NO", "h200", racks, "n[1-2]");
    spec.fleet = rules_;
    world_.apply("north", spec);
    world_.said();
  }

  void find(const std::string& node, std::vector<Finding> findings) {
    world_.good(ReportFindings{node, std::move(findings)});
    world_.tick();
  }
  Finding xid(std::int32_t code, std::int32_t device = 3) const { return {NodeCheck::kXid, device, code, world_.now, "from the driver"}; }

  const Care& care(const std::string& node = kFirst) const { return world_.facts().care.at(node); }
  std::string state(const std::string& node = kFirst) const {
    const auto found = world_.facts().care.find(node);
    if (found == world_.facts().care.end()) return "untouched";
    return fmt::format("{} ({})", name_of(found->second.state), name_of(found->second.reason));
  }
  bool takes_work(const std::string& node = kFirst) const {
    return world_.state().usable(world_.state().estate().find_node(node), world_.now);
  }
  // What runs on nodes that are simulated here: remedies and tests.
  void remedy(bool done, const std::string& node = kFirst) {
    ASSERT_TRUE(care(node).remedy);
    world_.good(ReportTasks{{}, {{node, {care(node).remedy->uid, done, ""}}}});
    world_.tick();
  }
  void test(bool pass, const std::string& node = kFirst) {
    ASSERT_TRUE(care(node).test) << state(node);
    const std::string job = world_.state().find_job(care(node).test)->name;
    world_.begin(job);
    world_.report({world_.exited(job, 0, pass ? 0 : 1)});
    world_.tick();
  }

  JobSpec training(std::int32_t nodes, bool keeps = true) const {
    JobSpec spec = gang(nodes, 8000);
    spec.sites = {"north"};
    spec.max_restarts = 3;
    if (keeps) spec.checkpoint = CheckpointSpec{{}, true};
    return spec;
  }

  World world_;
  FleetSpec rules_;
};

TEST_F(FleetRules, ADeadDeviceIsResetAndTestedBeforeItsNodeTakesWork) {
  find(kFirst, {xid(79)});
  EXPECT_EQ(state(), "suspect (finding)");
  EXPECT_FALSE(takes_work());
  EXPECT_FALSE(care().remedy) << "it has not settled";
  world_.wait(seconds(30));
  EXPECT_EQ(state(), "repair (finding)");
  ASSERT_TRUE(care().remedy);
  EXPECT_EQ(care().remedy->action, RemedyAction::kReboot) << "79 has fallen off the bus: no reset brings it back";
  EXPECT_EQ(care().remedy->cause, "xid 79 on device 3: from the driver");
  find(kFirst, {});
  remedy(true);
  EXPECT_EQ(state(), "burn-in (remedy-done)");
  EXPECT_FALSE(takes_work());
  test(true);
  EXPECT_EQ(state(), "ready (test-passed)");
  EXPECT_TRUE(takes_work());
  EXPECT_FALSE(care().faulty);
}

TEST_F(FleetRules, WhatHasNotHelpedIsNotTriedAgain) {
  find(kFirst, {xid(95)});
  world_.wait(seconds(30));
  EXPECT_EQ(care().remedy->action, RemedyAction::kReset);
  remedy(true);  // and it still stands
  world_.wait(minutes(5));
  EXPECT_EQ(care().remedy->action, RemedyAction::kReboot);
  remedy(false);
  EXPECT_EQ(care().remedy->action, RemedyAction::kReprovision);
  find(kFirst, {});
  remedy(true);
  EXPECT_EQ(state(), "burn-in (remedy-done)");
  test(false);
  EXPECT_EQ(state(), "repair (test-failed)");
  EXPECT_FALSE(care().remedy) << "only a person is left";
  ASSERT_EQ(world_.facts().tickets.size(), 1U);
  const Ticket ticket = world_.facts().tickets.begin()->second;
  EXPECT_EQ(ticket.node, kFirst);
  EXPECT_FALSE(ticket.closed);
  world_.good(CloseTicket{ticket.uid, "replaced GPU 3"});
  world_.tick();
  EXPECT_EQ(state(), "burn-in (repaired)");
  test(true);
  EXPECT_TRUE(takes_work());
  EXPECT_EQ(world_.facts().tickets.begin()->second.note, "replaced GPU 3");
}

TEST_F(FleetRules, ARemedyThatIsNotReportedHasFailed) {
  find(kFirst, {xid(95)});
  world_.wait(seconds(30));
  world_.wait(time_of(RemedyAction::kReset));
  EXPECT_EQ(care().remedy->action, RemedyAction::kReboot);
}

TEST_F(FleetRules, AFindingThatGoesByItselfIsForgivenAfterAWhile) {
  find(kFirst, {xid(74)});
  find(kFirst, {});
  EXPECT_EQ(state(), "suspect (finding)");
  world_.wait(kClearFor);
  EXPECT_EQ(state(), "ready (cleared)");
  EXPECT_TRUE(takes_work());
}

TEST_F(FleetRules, WorkOnADeadDeviceGoesOnWithASpare) {
  rules_.breaker.reset();
  set_rules();
  world_.start("acme/llm/a", training(3));
  world_.begin("acme/llm/a");
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2 r2/n1");
  find(kFirst, {xid(79)});
  EXPECT_EQ(world_.phase("acme/llm/a"), "running") << "it has not settled";
  world_.wait(seconds(30));
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(node-lost)");
  for (std::int32_t rank = 0; rank < 3; ++rank) world_.report({world_.ended("acme/llm/a", rank, TaskEnd::kStopped)});
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r2/n2 r1/n2 r2/n1") << "the others keep their places";
  world_.tick();
  EXPECT_TRUE(care().remedy);
}

TEST_F(FleetRules, WorkOnOtherDevicesOfTheNodeIsNotEnded) {
  JobSpec spec = training(1, false);
  spec.groups.front().gpus = MilliGpu(2000);
  world_.start("acme/llm/a", spec);
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  EXPECT_EQ(world_.job("acme/llm/a").allocation->tasks.front().devices, (DeviceSet{0, 1}));
  find(node, {xid(79, 5)});
  world_.wait(minutes(10));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
  EXPECT_EQ(state(node), "draining (finding)");
  EXPECT_FALSE(care(node).remedy) << "a reboot would end it";
  world_.finish("acme/llm/a");
  world_.tick();
  EXPECT_TRUE(care(node).remedy);
}

TEST_F(FleetRules, ALesserFaultNeverCostsWork) {
  world_.start("acme/llm/a", training(1, false));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  find(node, {xid(74)});
  world_.wait(hours(5));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running") << "it keeps nothing when it is stopped";
  EXPECT_EQ(state(node), "draining (finding)");
}

TEST_F(FleetRules, WorkThatLosesNothingMovesToASpare) {
  world_.start("acme/llm/a", training(1));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  find(node, {xid(74)});
  world_.wait(minutes(1));
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(drained)");
  world_.report({world_.ended("acme/llm/a", 0, TaskEnd::kStopped)});
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_NE(world_.job("acme/llm/a").allocation->tasks.front().node, node);
  EXPECT_EQ(world_.job("acme/llm/a").displaced, 1) << "no restart is used up";
}

TEST_F(FleetRules, WorkStaysWhereThereIsNoSpare) {
  world_.start("acme/llm/a", training(4));
  world_.begin("acme/llm/a");
  find(kFirst, {xid(74)});
  world_.wait(minutes(10));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
}

TEST_F(FleetRules, AReservedContractKeepsItsGpus) {
  rules_.breaker.reset();
  set_rules();
  ContractSpec reserved = contract();
  reserved.service_class = ServiceClass::kReserved;
  reserved.ramp = {{world_.now - hours(24), 32}};
  reserved.sla = SlaSpec{};
  reserved.sla->availability = Ppm(990'000);
  reserved.oversold = true;
  world_.apply("acme/floor", reserved);
  JobSpec spec = training(1);
  spec.contract = "acme/floor";
  world_.start("acme/llm/a", spec);
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  find(node, {xid(74)});
  world_.wait(minutes(10));
  EXPECT_EQ(state(node), "suspect (finding)");
  EXPECT_EQ(care(node).withheld, "not drained, as a reserved contract would lack its GPUs: xid 74 on device 3: from the driver");
}

TEST_F(FleetRules, ALemonGoesToAPerson) {
  for (int i = 0; i < 3; ++i) {
    find(kFirst, {xid(95)});
    world_.wait(seconds(30));
    if (i == 2) break;
    find(kFirst, {});
    remedy(true);
    test(true);
    world_.wait(hours(1));
  }
  EXPECT_EQ(state(), "repair (lemon)");
  EXPECT_FALSE(care().remedy);
  ASSERT_EQ(world_.facts().tickets.size(), 1U);
  EXPECT_EQ(world_.facts().tickets.begin()->second.reason, NodeReason::kLemon);
}

TEST_F(FleetRules, EachModeGoesAsFarAsItSays) {
  const auto after = [&](std::optional<FleetMode> mode, bool dry_run = false) {
    rules_.mode = mode;
    rules_.dry_run = dry_run;
    set_rules();
    find(kFirst, {xid(79)});
    world_.wait(minutes(10));
    const std::string where = state();
    find(kFirst, {});
    world_.wait(minutes(10));
    return where;
  };
  EXPECT_EQ(after(FleetMode::kObserve), "ready (none)");
  EXPECT_EQ(after(std::nullopt), "suspect (finding)");
  EXPECT_EQ(state(), "ready (cleared)");
  EXPECT_EQ(after(FleetMode::kRemediate, true), "suspect (finding)");
  EXPECT_EQ(after(FleetMode::kDrain), "draining (finding)");
}

TEST_F(FleetRules, TheBreakerOpensBeforeManyAreTouched) {
  const std::vector<std::string> nodes{kFirst, kSecond, "north/h1/r2/n1", "north/h1/r2/n2"};
  world_.start("acme/llm/a", training(4));
  world_.begin("acme/llm/a");
  for (const std::string& node : nodes) world_.good(ReportFindings{node, {xid(79)}});
  world_.wait(seconds(30));
  world_.wait(seconds(30));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running") << "four of four with the same fault are no faults of four nodes";
  ASSERT_TRUE(world_.facts().breakers.contains("north"));
  EXPECT_EQ(world_.facts().breakers.at("north").reason, "4 nodes of site north are out of work, 2 may be");
  for (const std::string& node : nodes) {
    EXPECT_EQ(state(node), "suspect (finding)");
    EXPECT_FALSE(care(node).remedy);
  }
  EXPECT_EQ(world_.bad(SwitchBreaker{"north", false, ""}).message,
            "4 nodes of site north are still out of work and 2 may be: mend some by hand, or raise spec.fleet.breaker.site of the Site");
  // What was told goes away: the nodes are trusted again, and the breaker still waits for a person.
  for (const std::string& node : nodes) world_.good(ReportFindings{node, {}});
  world_.wait(kClearFor);
  for (const std::string& node : nodes) EXPECT_EQ(state(node), "ready (cleared)");
  EXPECT_TRUE(world_.facts().breakers.contains("north"));
  find(kFirst, {xid(79)});
  world_.wait(minutes(1));
  EXPECT_EQ(state(), "suspect (finding)") << "nothing is done while it is open";
  world_.good(SwitchBreaker{"north", false, ""});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(node-lost)");
}

TEST_F(FleetRules, NodesThatAreOutForMaintenanceOrInTestCountForTheBreaker) {
  find(kFirst, {xid(95)});
  world_.wait(seconds(30));
  find(kFirst, {});
  remedy(true);
  EXPECT_EQ(state(), "burn-in (remedy-done)");
  find(kSecond, {xid(95)});
  find("north/h1/r2/n1", {xid(95)});
  world_.wait(seconds(30));
  EXPECT_TRUE(world_.facts().breakers.contains("north"));
}

TEST_F(FleetRules, NotMoreThanSoManyRemediesAtOnce) {
  rules_.breaker->site = BreakerLimitSpec{4, {}};
  rules_.at_once = 1;
  set_rules();
  find(kFirst, {xid(95)});
  find(kSecond, {xid(95)});
  world_.wait(minutes(1));
  world_.wait(minutes(1));
  EXPECT_TRUE(care(kFirst).remedy);
  EXPECT_FALSE(care(kSecond).remedy);
  find(kFirst, {});
  remedy(true);
  world_.wait(minutes(1));
  EXPECT_TRUE(care(kSecond).remedy);
}

TEST_F(FleetRules, ATestNeedsItsPowerAndNeverWaitsInTheQueue) {
  JobSpec spec = training(3);
  world_.start("acme/llm/a", spec);
  find("north/h1/r2/n2", {xid(95)});
  world_.wait(seconds(30));
  find("north/h1/r2/n2", {});
  remedy(true, "north/h1/r2/n2");
  ASSERT_TRUE(care("north/h1/r2/n2").test);
  const Job& job = *world_.state().find_job(care("north/h1/r2/n2").test);
  EXPECT_EQ(job.phase, JobPhase::kStarting);
  EXPECT_EQ(job.allocation->tasks.front().node, "north/h1/r2/n2");
  EXPECT_EQ(job.allocation->gpus, MilliGpu(8000));
  EXPECT_TRUE(world_.state().pending().empty());
}

TEST_F(FleetRules, ATestThatIsCutOffIsRunAgain) {
  find(kFirst, {xid(95)});
  world_.wait(seconds(30));
  find(kFirst, {});
  remedy(true);
  const Uid first = care().test;
  const std::string job = world_.state().find_job(first)->name;
  world_.good(CancelJob{job, {}});
  world_.report({world_.ended(job, 0, TaskEnd::kStopped)});
  world_.wait(minutes(1));
  EXPECT_NE(care().test, first);
  EXPECT_EQ(state(), "burn-in (remedy-done)");
  test(true);
  EXPECT_TRUE(takes_work());
}

TEST_F(FleetRules, IdleNodesAreTestedByTurns) {
  rules_.test->every = hours(4);
  set_rules();
  world_.tick();
  for (int i = 0; i < 4; ++i) {
    world_.wait(hours(1));
    std::vector<std::string> jobs;
    for (const auto& [name, care] : world_.facts().care) {
      if (care.test) jobs.push_back(world_.state().find_job(care.test)->name);
    }
    ASSERT_EQ(jobs.size(), 1U);
    world_.begin(jobs.front());
    world_.report({world_.exited(jobs.front(), 0, i == 3 ? 1 : 0)});
    world_.tick();
  }
  int passed = 0, suspect = 0;
  for (const auto& [name, care] : world_.facts().care) {
    passed += care.tested ? 1 : 0;
    suspect += care.state == NodeState::kSuspect ? 1 : 0;
  }
  EXPECT_EQ(passed, 3);
  EXPECT_EQ(suspect, 1) << "the one that failed takes no more work";
}

TEST_F(FleetRules, APersonDrainsANodeAndGivesItBack) {
  world_.start("acme/llm/a", training(1));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  world_.good(CordonNode{node, true, true, "new firmware"});
  world_.tick();
  EXPECT_EQ(state(node), "draining (operator)");
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(drained)");
  world_.report({world_.ended("acme/llm/a", 0, TaskEnd::kStopped)});
  world_.tick();
  EXPECT_FALSE(takes_work(node));
  world_.good(CordonNode{node, false, false, ""});
  world_.tick();
  EXPECT_EQ(state(node), "ready (operator)");
  EXPECT_TRUE(takes_work(node));
}

TEST_F(FleetRules, ACordonLeavesWorkAlone) {
  world_.start("acme/llm/a", training(1));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  world_.good(CordonNode{node, true, false, "a look at it"});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
  EXPECT_FALSE(takes_work(node));
}

TEST_F(FleetRules, APersonMendsANodeOnceItIsIdle) {
  world_.start("acme/llm/a", training(1, false));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  EXPECT_EQ(world_.bad(MendNode{node, RemedyAction::kReboot, true, false, ""}).message,
            fmt::format("acme/llm/a runs on '{}' and would be lost: leave `now` away to wait for its end, or force it", node));
  world_.good(MendNode{node, RemedyAction::kReboot, false, false, "new kernel"});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
  EXPECT_EQ(state(node), "draining (operator)");
  world_.finish("acme/llm/a");
  world_.tick();
  ASSERT_TRUE(care(node).remedy);
  EXPECT_EQ(care(node).remedy->by, "token:test");
  EXPECT_EQ(world_.bad(MendNode{node, RemedyAction::kReset, false, false, ""}).code, Code::kFailedPrecondition) << "one at a time";
  remedy(true, node);
  test(true, node);
  EXPECT_TRUE(takes_work(node));
}

TEST_F(FleetRules, APersonMovesANodeAlongTheTableOnly) {
  EXPECT_EQ(world_.bad(MoveNode{kFirst, NodeState::kDelivered, ""}).message,
            "node 'north/h1/r1/n1' is ready, from where a person may move it to suspect, draining, validating");
  world_.good(CordonNode{kFirst, true, true, "out for good"});
  world_.tick();
  world_.good(MoveNode{kFirst, NodeState::kRetired, "out for good"});
  world_.tick();
  EXPECT_EQ(state(), "retired (operator)");
  EXPECT_FALSE(takes_work());
  world_.good(MoveNode{kFirst, NodeState::kDelivered, ""});
  world_.good(MoveNode{kFirst, NodeState::kRacked, ""});
  world_.good(MoveNode{kFirst, NodeState::kProvisioning, ""});
  world_.good(MoveNode{kFirst, NodeState::kValidating, ""});
  world_.tick();
  EXPECT_EQ(state(), "burn-in (operator)");
}

TEST_F(FleetRules, ASimulatedNodeThatIsLostIsRebootedAndTested) {
  world_.start("acme/llm/a", training(1));
  world_.begin("acme/llm/a");
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  world_.good(LoseNode{node, "a fault"});
  world_.tick();
  EXPECT_EQ(state(node), "suspect (unreachable)");
  world_.wait(seconds(30));
  ASSERT_TRUE(care(node).remedy);
  EXPECT_EQ(care(node).remedy->action, RemedyAction::kReboot);
  world_.good(GiveBackNode{node});
  remedy(true, node);
  test(true, node);
  EXPECT_TRUE(takes_work(node));
}

TEST_F(FleetRules, LongStaysAreTold) {
  find(kFirst, {xid(13)});  // of no row of its own: no new work, and nothing more follows
  world_.said();
  world_.wait(hours(1));
  EXPECT_EQ(world_.said(), "node.overdue");
  world_.wait(hours(1));
  EXPECT_EQ(world_.said(), "");
}

TEST_F(FleetRules, GoOnAfterARestart) {
  find(kFirst, {xid(95)});
  world_.restart();
  world_.good(TakeLeadership{world_.facts().epoch + 1, "2"});
  world_.wait(seconds(30));
  ASSERT_TRUE(care().remedy);
  world_.restart();
  world_.good(TakeLeadership{world_.facts().epoch + 1, "2"});
  find(kFirst, {});
  remedy(true);
  test(true);
  EXPECT_TRUE(takes_work());
}

TEST_F(FleetRules, AWaveTakesAFewAtATimeAndGivesThemBackTested) {
  rules_.breaker->site = BreakerLimitSpec{4, {}};
  set_rules();
  world_.start("acme/llm/a", training(1));
  world_.begin("acme/llm/a");
  const std::string busy = world_.job("acme/llm/a").allocation->tasks.front().node;
  WaveSpec spec;
  spec.site = "north";
  spec.nodes = {"h1/r[1-2]/n[1-2]"};
  spec.at_once = 2;
  spec.per_rack = 1;
  world_.good(BeginWave{"firmware", spec});
  world_.tick();
  std::set<std::string> seen;
  for (int round = 0; round < 20 && world_.facts().waves.at("firmware").state == WaveState::kRunning; ++round) {
    const Wave wave = world_.facts().waves.at("firmware");
    EXPECT_LE(wave.taken.size(), 2U);
    if (wave.taken.size() == 2) EXPECT_NE(wave.taken[0].substr(0, 12), wave.taken[1].substr(0, 12)) << "one of a rack";
    if (round == 0) EXPECT_EQ(std::count(wave.taken.begin(), wave.taken.end(), busy), 0) << "idle ones first";
    for (const std::string& node : wave.taken) {
      seen.insert(node);
      if (care(node).remedy) remedy(true, node);
      if (care(node).test) test(true, node);
    }
    if (world_.phase("acme/llm/a") == "stopping(drained)") world_.report({world_.ended("acme/llm/a", 0, TaskEnd::kStopped)});
    world_.wait(minutes(1));
  }
  const Wave& wave = world_.facts().waves.at("firmware");
  EXPECT_EQ(wave.state, WaveState::kDone);
  EXPECT_EQ(wave.done, 4);
  EXPECT_EQ(seen.size(), 4U);
  EXPECT_TRUE(wave.failed.empty());
  EXPECT_EQ(world_.job("acme/llm/a").displaced, 1) << "its work moved and lost nothing";
}

TEST_F(FleetRules, AWavePausesWhenNodesDoNotComeBackWell) {
  rules_.breaker->site = BreakerLimitSpec{4, {}};
  set_rules();
  WaveSpec spec;
  spec.site = "north";
  spec.nodes = {"h1/r1/n1", "h1/r1/n2", "h1/r2/n1"};
  world_.good(BeginWave{"firmware", spec});
  world_.tick();
  ASSERT_EQ(world_.facts().waves.at("firmware").taken, std::vector<std::string>{kFirst});
  remedy(true);
  test(false);
  world_.tick();
  const Wave& wave = world_.facts().waves.at("firmware");
  EXPECT_EQ(wave.state, WaveState::kPaused);
  EXPECT_EQ(wave.reason, "1 nodes have not come back well, 0 may: north/h1/r1/n1");
  EXPECT_EQ(wave.left.size(), 2U);
  EXPECT_EQ(world_.bad(SwitchWave{"firmware", WaveState::kRunning, ""}).code, Code::kFailedPrecondition);
  world_.good(SwitchWave{"firmware", WaveState::kStopped, "a bad image"});
  world_.wait(hours(1));
  EXPECT_TRUE(takes_work(kSecond));
}

TEST_F(FleetRules, AWaveWaitsForTheBreakerTheContractAndTheGang) {
  WaveSpec spec;
  spec.site = "north";
  spec.nodes = {"h1/r[1-2]/n[1-2]"};
  spec.at_once = 4;
  world_.start("acme/llm/a", training(4));
  world_.begin("acme/llm/a");
  world_.good(BeginWave{"firmware", spec});
  world_.tick();
  EXPECT_EQ(world_.facts().waves.at("firmware").taken.size(), 1U) << "never two nodes of one gang";
  world_.finish("acme/llm/a");
  world_.wait(minutes(1));
  EXPECT_EQ(world_.facts().waves.at("firmware").taken.size(), 2U) << "the breaker's limit, and the breaker is not tripped";
  EXPECT_TRUE(world_.facts().breakers.empty());
  world_.good(SwitchWave{"firmware", WaveState::kPaused, "lunch"});
  world_.wait(hours(2));
  EXPECT_EQ(world_.facts().waves.at("firmware").left.size(), 2U);
}

TEST_F(FleetRules, AHeldNodeIsGivenBackByAPerson) {
  WaveSpec spec;
  spec.site = "north";
  spec.nodes = {"h1/r1/n1"};
  spec.action = WaveAction::kHold;
  world_.good(BeginWave{"cables", spec});
  world_.tick();
  EXPECT_EQ(state(), "draining (maintenance)");
  world_.wait(hours(2));
  EXPECT_EQ(state(), "draining (maintenance)");
  EXPECT_EQ(world_.bad(ReleaseNode{kSecond}).code, Code::kFailedPrecondition);
  world_.good(ReleaseNode{kFirst});
  world_.tick();
  test(true);
  world_.tick();
  EXPECT_TRUE(takes_work());
  EXPECT_EQ(world_.facts().waves.at("cables").state, WaveState::kDone);
}

// Random faults, reports, orders and restarts; a model of its own watches every event.
TEST(FleetWalk, NeverLeavesTheTableNorMendsTwiceNorReturnsUntested) {
  int mended = 0, returned = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::uint64_t chance = seed * 0x9E3779B97F4A7C15ULL;
    const auto below = [&](std::uint64_t n) {
      chance ^= chance << 13;
      chance ^= chance >> 7;
      chance ^= chance << 17;
      return chance % n;
    };
    World world;
    world.prove_every = 50;
    world.settle_usual();
    ContractSpec tests = contract();
    tests.service_class = ServiceClass::kSpot;
    SiteSpec spec = site("NO", "h200", "r[1-3]", "n[1-4]");
    spec.fleet = FleetSpec{};
    spec.fleet->mode = FleetMode::kRemediate;
    spec.fleet->test = NodeTestSpec{"ops/fleet", "ops/tests", {}, {}, {}, {}, {}};
    spec.fleet->breaker = BreakerSpec{{}, {}, BreakerLimitSpec{6, {}}, {}};
    world.apply({document("ops", TenantSpec{}), document("ops/fleet", ProjectSpec{}), document("ops/tests", tests), document("north", spec)});
    std::vector<std::string> nodes;
    for (const EstateNode& node : world.state().estate().nodes()) {
      if (node.name.starts_with("north/")) nodes.push_back(node.name);
    }
    // The model: the states that the life allows, what is under way, and who owes a test.
    std::map<std::string, std::string> at;
    std::map<std::string, std::int64_t> under_way;
    std::set<std::string> owes;
    std::size_t read = world.events().size();
    const std::map<std::string, std::set<std::string>> follows{
        {"planned", {"delivered", "racked", "validating", "retired"}},
        {"delivered", {"racked", "validating", "retired"}},
        {"racked", {"provisioning", "validating", "retired"}},
        {"provisioning", {"validating", "repair", "retired"}},
        {"validating", {"burn-in", "ready", "repair", "retired"}},
        {"burn-in", {"ready", "repair", "validating", "retired"}},
        {"ready", {"suspect", "draining", "validating"}},
        {"suspect", {"ready", "draining", "validating"}},
        {"draining", {"ready", "validating", "repair", "retired"}},
        {"repair", {"validating", "provisioning", "retired"}},
        {"retired", {"delivered"}}};
    const auto judge = [&] {
      for (; read < world.events().size(); ++read) {
        const Event& event = world.events()[read].event;
        if (const auto* entered = std::get_if<NodeEntered>(&event)) {
          const std::string to(name_of(entered->state));
          std::string& from = at.try_emplace(entered->node, "ready").first->second;
          EXPECT_TRUE(follows.at(from).contains(to)) << entered->node << " from " << from << " to " << to << ", seed " << seed;
          if (to == "ready") {
            EXPECT_FALSE(owes.contains(entered->node)) << entered->node << " came back untested, seed " << seed;
            ++returned;
          }
          from = to;
        } else if (const auto* ordered = std::get_if<RemedyOrdered>(&event)) {
          EXPECT_EQ(++under_way[ordered->node], 1) << ordered->node << ", seed " << seed;
          owes.insert(ordered->node);
          ++mended;
        } else if (const auto* ended = std::get_if<RemedyEnded>(&event)) {
          --under_way[ended->node];
        } else if (const auto* opened = std::get_if<TicketOpened>(&event)) {
          owes.insert(opened->ticket.node);
        } else if (const auto* tested = std::get_if<NodeTested>(&event); tested != nullptr && tested->outcome == TestOutcome::kPassed) {
          owes.erase(tested->node);
        }
      }
    };
    for (int turn = 0; turn < 400; ++turn) {
      const std::string& node = nodes[below(nodes.size())];
      const auto care = world.facts().care.find(node);
      switch (below(14)) {
        case 0: case 1: {
          constexpr std::int32_t kCodes[] = {13, 48, 63, 64, 74, 79, 94, 95, 119};
          world.good(ReportFindings{node, {{NodeCheck::kXid, static_cast<std::int32_t>(below(8)), kCodes[below(9)], world.now, ""}}});
          break;
        }
        case 2: case 3: world.good(ReportFindings{node, {}}); break;
        case 4: world.good(LoseNode{node, "a fault"}); break;
        case 5: case 6: world.good(GiveBackNode{node}); break;
        case 7: case 8:
          if (care != world.facts().care.end() && care->second.remedy) {
            world.good(ReportTasks{{}, {{node, {care->second.remedy->uid, below(3) != 0, ""}}}});
          }
          break;
        case 9: case 10: {
          std::vector<std::string> jobs;
          for (const auto& [uid, job] : world.facts().jobs) {
            if (job.holds()) jobs.push_back(job.name);
          }
          if (jobs.empty()) break;
          const std::string job = jobs[below(jobs.size())];
          const auto ranks = static_cast<std::int32_t>(world.job(job).tasks.size());
          const bool stopping = world.job(job).phase == JobPhase::kStopping;
          std::vector<TaskReport> reports;
          for (std::int32_t rank = 0; rank < ranks; ++rank) {
            reports.push_back(stopping ? world.ended(job, rank, TaskEnd::kStopped) : world.exited(job, rank, below(6) == 0 ? 1 : 0));
          }
          world.report(std::move(reports));
          break;
        }
        case 11: {
          JobSpec job = gang(1 + static_cast<std::int32_t>(below(3)), 8000);
          job.sites = {"north"};
          job.max_restarts = 3;
          if (below(2) == 0) job.checkpoint = CheckpointSpec{{}, true};
          static_cast<void>(world.run(SubmitJobs{{{Metadata{fmt::format("acme/llm/j{}", turn), {}, {}}, job}}}));
          break;
        }
        case 12:
          switch (below(6)) {
            case 0: static_cast<void>(world.run(CordonNode{node, true, below(2) == 0, ""})); break;
            case 1: static_cast<void>(world.run(CordonNode{node, false, false, ""})); break;
            case 2: static_cast<void>(world.run(MendNode{node, RemedyAction::kReboot, below(2) == 0, below(2) == 0, ""})); break;
            case 3: static_cast<void>(world.run(MoveNode{node, static_cast<NodeState>(below(11)), ""})); break;
            case 4: static_cast<void>(world.run(SwitchBreaker{"north", below(3) == 0, ""})); break;
            default:
              for (const auto& [uid, ticket] : world.facts().tickets) {
                if (ticket.closed) continue;
                world.good(CloseTicket{uid, ""});
                break;
              }
          }
          break;
        default: world.restart(); world.good(TakeLeadership{world.facts().epoch + 1, "2"});
      }
      world.wait(seconds(static_cast<std::int64_t>(below(600))));
      judge();
    }
  }
  EXPECT_GT(mended, 50);
  EXPECT_GT(returned, 50);
}

TEST(Lifecycle, HasNoStateThatCannotBeReachedOrLeft) {
  for (int i = 0; i <= static_cast<int>(NodeState::kRetired); ++i) {
    const auto state = static_cast<NodeState>(i);
    const auto rows = transitions();
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const Transition& row) { return row.from == state; })) << name_of(state);
    if (state == NodeState::kPlanned) continue;
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const Transition& row) { return row.to == state; })) << name_of(state);
  }
  for (const Transition& row : transitions()) EXPECT_TRUE(row.rules || row.operators);
}

TEST(Meanings, AreSaidOnceAndASiteHasTheLastWord) {
  std::set<std::pair<NodeCheck, std::optional<std::int32_t>>> seen;
  for (const MeaningRow& row : meanings()) EXPECT_TRUE(seen.insert({row.check, row.code}).second) << name_of(row.check);
  EXPECT_EQ(meaning_of({NodeCheck::kXid, 0, 79, {}, ""}, nullptr).health, HealthClass::kKill);
  EXPECT_EQ(meaning_of({NodeCheck::kXid, 0, 4711, {}, ""}, nullptr).health, HealthClass::kNoNewWork);
  FleetSpec site;
  site.checks.push_back({NodeCheck::kXid, std::nullopt, HealthClass::kNote, std::nullopt});
  site.checks.push_back({NodeCheck::kXid, 79, HealthClass::kDrain, RemedyAction::kRepair});
  EXPECT_EQ(meaning_of({NodeCheck::kXid, 0, 79, {}, ""}, &site).health, HealthClass::kDrain);
  EXPECT_EQ(meaning_of({NodeCheck::kXid, 0, 95, {}, ""}, &site).health, HealthClass::kNote);
  EXPECT_EQ(meaning_of({NodeCheck::kDisk, -1, 0, {}, ""}, &site).health, HealthClass::kNoNewWork);
}

}  // namespace
}  // namespace penstock
