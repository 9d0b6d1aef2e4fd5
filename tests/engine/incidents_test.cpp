// What one cause did is one incident, and tenants report what they see of their nodes.
#include "engine/fleet/incidents.h"
#include "engine/fleet/lifecycle.h"
#include "engine/fleet/orders.h"
#include "power_hall.h"

namespace penstock {
namespace {

std::vector<const Incident*> incidents_of(const World& world, bool open = true) {
  std::vector<const Incident*> out;
  for (const auto& [uid, incident] : world.facts().incidents) {
    if (!open || !incident.closed) out.push_back(&incident);
  }
  return out;
}

std::string told(const Incident& incident) {
  return fmt::format("{} {}: {}", name_of(incident.scope), incident.place, fmt::join(incident.nodes, " "));
}

// --- nodes -----------------------------------------------------------------------------------------------------------

class Incidents : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }
  void lose(const std::string& node) { world_.good(LoseNode{"north/h1/" + node, "a fault"}); }
  void give_back(const std::string& node) { world_.good(GiveBackNode{"north/h1/" + node}); }
  const Incident& only() {
    const auto open = incidents_of(world_);
    EXPECT_EQ(open.size(), 1U);
    return *open.front();
  }

  World world_;
};

TEST_F(Incidents, ANodeThatFailsIsOneAndClosesWhenItWorksAgain) {
  lose("r1/n1");
  EXPECT_EQ(told(only()), "node north/h1/r1/n1: north/h1/r1/n1");
  EXPECT_EQ(only().timeline.front().what, "north/h1/r1/n1: it is lost");
  world_.wait(minutes(10));
  EXPECT_EQ(incidents_of(world_).size(), 1U);
  give_back("r1/n1");
  EXPECT_TRUE(incidents_of(world_).empty());
  const Incident& closed = *incidents_of(world_, false).front();
  EXPECT_EQ(closed.timeline.back().what, "its nodes work again or are out of service");
  EXPECT_EQ(*closed.closed, world_.now);
}

TEST_F(Incidents, NodesOfARackThatFailTogetherAreOneAndThoseOfARowToo) {
  lose("r1/n1");
  world_.wait(seconds(90));
  lose("r1/n2");
  EXPECT_EQ(told(only()), "rack north/h1/r1: north/h1/r1/n1 north/h1/r1/n2");
  world_.wait(kSameCause);  // counted from the last that it hit
  lose("r2/n2");
  EXPECT_EQ(only().scope, IncidentScope::kRow);
  EXPECT_EQ(only().node_count, 3);
  give_back("r1/n1");
  give_back("r1/n2");
  EXPECT_EQ(incidents_of(world_).size(), 1U) << "one of its nodes is still lost";
  give_back("r2/n2");
  EXPECT_TRUE(incidents_of(world_).empty());
}

TEST_F(Incidents, WhatFailsLaterIsAnother) {
  lose("r1/n1");
  world_.wait(kSameCause + seconds(1));
  lose("r1/n2");
  EXPECT_EQ(incidents_of(world_).size(), 2U);
}

TEST_F(Incidents, TellsWhatWasLostSinceTheLastCheckpoint) {
  JobSpec spec = gang(2, 8000);
  spec.sites = {"north"};
  spec.max_restarts = 3;
  spec.checkpoint = CheckpointSpec{minutes(30), false};
  world_.start("acme/llm/a", spec);
  world_.begin("acme/llm/a");
  world_.wait(minutes(40));
  const std::string node = world_.job("acme/llm/a").allocation->tasks.front().node;
  world_.good(LoseNode{node, "a fault"});
  ASSERT_EQ(only().hits.size(), 1U);
  const IncidentHit& hit = only().hits.front();
  EXPECT_EQ(hit.project, "acme/llm");
  EXPECT_EQ(hit.contract, "acme/main");
  EXPECT_EQ(hit.ended, 1);
  EXPECT_EQ(hit.capped, 0);
  EXPECT_EQ(hit.jobs, std::vector<std::string>{"acme/llm/a"});
  // 16 GPUs for the ten minutes after the checkpoint at half an hour.
  EXPECT_EQ(hit.lost, GpuMicros(std::int64_t{16} * 600 * 1'000'000));
}

TEST_F(Incidents, SurviveARestartAndAreForgottenWhenTheyAreOldAndMany) {
  world_.watchful = false;
  world_.prove_every = 1000;
  for (std::size_t i = 0; i < kMostIncidentsKept + 5; ++i) {
    lose("r1/n1");
    give_back("r1/n1");
    world_.now = world_.now + hours(1);
  }
  lose("r2/n1");
  EXPECT_EQ(world_.facts().incidents.size(), kMostIncidentsKept + 1);
  world_.restart();
  world_.good(TakeLeadership{world_.facts().epoch + 1, "1.0"});
  EXPECT_EQ(told(only()), "node north/h1/r2/n1: north/h1/r2/n1");
  give_back("r2/n1");
  EXPECT_TRUE(incidents_of(world_).empty());
  EXPECT_EQ(world_.facts().incidents.size(), kMostIncidentsKept);
}

TEST_F(Incidents, ALongTimelineKeepsItsBeginningAndItsEnd) {
  std::vector<IncidentNote> timeline;
  for (std::int64_t i = 0; i < 500; ++i) add_note(timeline, {Time{i}, std::to_string(i)});
  EXPECT_EQ(timeline.size(), kMostIncidentNotes);
  EXPECT_EQ(timeline.front().what, "0");
  EXPECT_EQ(timeline.back().what, "499");
}

TEST_F(Incidents, ANodeWithATicketIsInTheHandsOfAPerson) {
  lose("r1/n1");
  world_.good(MendNode{"north/h1/r1/n1", RemedyAction::kRepair, false, false, "its board is dead"});
  EXPECT_EQ(incidents_of(world_).size(), 1U);
  world_.tick();
  EXPECT_EQ(world_.facts().tickets.size(), 1U);
  EXPECT_TRUE(incidents_of(world_).empty());
  EXPECT_EQ(incidents_of(world_, false).front()->timeline.back().what, "1 of its nodes has a ticket, the others work again");
}

// --- parts of the plant ----------------------------------------------------------------------------------------------

constexpr std::string_view kOneSide = "feeds: [{from: ups-a}]}\n      - {name: \"m[1-2]\", nodes: [{name: \"n[1-2]\", type: box}], feeds: [{from: ups-b}]}";

class PlantIncidents : public Power {
 protected:
  // Racks k hang on side a alone, racks m on side b.
  void settle_sides() { settle(with(kHall, "feeds: [{from: ups-a}, {from: ups-b}]}", kOneSide)); }
  const Incident& only() {
    const auto open = incidents_of(world);
    EXPECT_EQ(open.size(), 1U);
    return *open.front();
  }
};

TEST_F(PlantIncidents, AFailedPartIsOneWithAllThatHungOnIt) {
  settle_sides();
  JobSpec spec = job("spot", 1);
  for (const char* name : {"j1", "j2", "j3"}) start(name, spec);
  std::int64_t on_a = 0;
  for (const char* name : {"j1", "j2", "j3"}) on_a += world.nodes(std::string("acme/llm/") + name).starts_with("k") ? 1 : 0;
  ASSERT_GT(on_a, 0);
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  EXPECT_EQ(told(only()), "part p/ups-a-failed: p/h/k1/n1 p/h/k1/n2 p/h/k2/n1 p/h/k2/n2");
  EXPECT_EQ(only().cause, "ups-a has failed");
  ASSERT_EQ(only().hits.size(), 1U);
  EXPECT_EQ(only().hits.front().ended, on_a);
  // A node of it that is lost now has the same cause, however late.
  world.wait(minutes(6));
  world.good(LoseNode{"p/h/k1/n1", "its power is gone"});
  EXPECT_EQ(incidents_of(world).size(), 1U);
  lift("ups-a-failed");
  EXPECT_EQ(incidents_of(world).size(), 1U) << "the node has not come back";
  world.good(GiveBackNode{"p/h/k1/n1"});
  EXPECT_TRUE(incidents_of(world).empty());
}

TEST_F(PlantIncidents, NodesThatWereSeenToFailBeforeThePartAreItsOwn) {
  settle_sides();
  world.good(LoseNode{"p/h/k1/n1", "?"});
  world.good(LoseNode{"p/h/k1/n2", "?"});
  EXPECT_EQ(told(only()), "rack p/h/k1: p/h/k1/n1 p/h/k1/n2");
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  EXPECT_EQ(only().scope, IncidentScope::kPart);
  EXPECT_EQ(only().node_count, 4);
  EXPECT_EQ(incidents_of(world, false).front()->timeline.back().what, "ups-a has failed: it is a part of that");
}

TEST_F(PlantIncidents, ANodeOfTheOtherSideIsAnother) {
  settle_sides();
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  world.good(LoseNode{"p/h/m1/n1", "by itself"});
  EXPECT_EQ(incidents_of(world).size(), 2U);
}

TEST_F(PlantIncidents, ANodeThatStillHasPowerFailsByItself) {
  settle();  // racks hang on both sides
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  world.good(LoseNode{"p/h/k1/n1", "by itself"});
  EXPECT_EQ(incidents_of(world).size(), 2U);
}

TEST_F(PlantIncidents, WorkThatIsCappedForALossIsToldAndNothingIsLost) {
  settle();
  for (const char* name : {"j1", "j2", "j3", "j4"}) start(name, job("half"));
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  EXPECT_EQ(only().node_count, 0) << "no rack is dark";
  ASSERT_EQ(only().hits.size(), 1U);
  EXPECT_EQ(only().hits.front().capped, 2);
  EXPECT_EQ(only().hits.front().ended, 0);
  EXPECT_EQ(only().hits.front().lost, GpuMicros());
  lift("ups-a-failed");
  EXPECT_TRUE(incidents_of(world).empty());
}

TEST_F(PlantIncidents, AnOrderOfTheGridIsNone) {
  settle();
  RestrictionSpec order;
  order.cause = RestrictionCause::kOrder;
  order.import = Watts(50'000);
  restrict("order", order);
  EXPECT_TRUE(incidents_of(world, false).empty());
}

// --- reports of tenants ----------------------------------------------------------------------------------------------

class Reports : public testing::Test {
 protected:
  void settle(std::optional<FleetSpec> rules) {
    world_.settle_usual();
    ContractSpec tests = contract();
    tests.service_class = ServiceClass::kSpot;
    world_.apply({document("ops", TenantSpec{}), document("ops/fleet", ProjectSpec{}), document("ops/tests", tests)});
    SiteSpec spec = site("NO", "h200", "r[1-2]", "n[1-2]");
    spec.fleet = std::move(rules);
    world_.apply("north", spec);
    JobSpec training = gang(2, 8000);
    training.sites = {"north"};
    world_.start("acme/llm/a", training);
    world_.begin("acme/llm/a");
    node_ = world_.job("acme/llm/a").allocation->tasks[1].node;
  }
  FleetSpec rules() const {
    FleetSpec out;
    out.mode = FleetMode::kRemediate;
    out.test = NodeTestSpec{"ops/fleet", "ops/tests", {}, {}, {}, {}, {}};
    out.breaker = BreakerSpec{{}, BreakerLimitSpec{4, {}}, BreakerLimitSpec{4, {}}, BreakerLimitSpec{100, {}}};
    return out;
  }
  void end_attempt() {
    for (std::int32_t rank = 0; rank < 2; ++rank) world_.report({world_.ended("acme/llm/a", rank, TaskEnd::kStopped)});
  }
  const Ticket& ticket() { return world_.facts().tickets.begin()->second; }
  const Care& care() { return world_.facts().care.at(node_); }

  World world_;
  std::string node_;
};

TEST_F(Reports, TheGangGoesOnWithASpareAndTheNodeIsTested) {
  settle(rules());
  const Reply reply = world_.good(ReplaceTask{"acme/llm/a", 1, "NCCL hangs on rank 1"});
  ASSERT_EQ(reply.changes.size(), 2U);
  EXPECT_EQ(reply.changes[1].kind, "Ticket");
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(drained)");
  EXPECT_EQ(ticket().tenant, "acme");
  EXPECT_EQ(ticket().job, "acme/llm/a");
  EXPECT_EQ(ticket().node, node_);
  EXPECT_EQ(ticket().summary, "NCCL hangs on rank 1");
  EXPECT_EQ(care().state, NodeState::kSuspect);
  EXPECT_EQ(incidents_of(world_).size(), 1U);
  end_attempt();  // before the rules have looked at the node
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  const auto& tasks = world_.job("acme/llm/a").allocation->tasks;
  EXPECT_NE(tasks[1].node, node_);
  EXPECT_EQ(world_.job("acme/llm/a").displaced, 1) << "no restart is used up";
  // What others may read of it names neither the tenant nor what it said.
  ASSERT_EQ(care().findings.size(), 1U);
  EXPECT_EQ(care().findings.front().check, NodeCheck::kReported);
  EXPECT_EQ(care().findings.front().detail, "a tenant reports a fault");

  world_.wait(seconds(30));
  ASSERT_TRUE(care().remedy);
  EXPECT_EQ(care().remedy->action, RemedyAction::kReset);
  EXPECT_FALSE(ticket().closed);
  world_.good(ReportTasks{{}, {{node_, {care().remedy->uid, true, ""}}}});
  world_.tick();
  const std::string test = world_.state().find_job(care().test)->name;
  world_.begin(test);
  world_.report({world_.exited(test, 0, 0)});
  world_.tick();
  EXPECT_EQ(care().state, NodeState::kReady);
  EXPECT_TRUE(care().findings.empty());
  EXPECT_TRUE(incidents_of(world_).empty());
  ASSERT_TRUE(ticket().closed);
  EXPECT_EQ(ticket().note, "the node has passed its test");
}

TEST_F(Reports, WithoutRulesTheNodeIsCordonedForAPerson) {
  settle(std::nullopt);
  world_.good(ReplaceTask{"acme/llm/a", 1, "it is slow"});
  ASSERT_TRUE(care().cordon);
  EXPECT_EQ(care().cordon->reason, "a tenant reports a fault");
  EXPECT_TRUE(care().findings.empty());
  end_attempt();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_NE(world_.job("acme/llm/a").allocation->tasks[1].node, node_);
  world_.good(CloseTicket{ticket().uid, "nothing found"});
  EXPECT_TRUE(care().cordon) << "a person takes it back";
}

TEST_F(Reports, AClosedReportIsNoFindingAnyMore) {
  FleetSpec only_cordon = rules();
  only_cordon.mode = FleetMode::kCordon;
  settle(only_cordon);
  world_.good(ReplaceTask{"acme/llm/a", 1, "it is slow"});
  end_attempt();
  world_.wait(hours(1));
  EXPECT_EQ(care().state, NodeState::kSuspect);
  world_.good(CloseTicket{ticket().uid, "nothing found"});
  EXPECT_TRUE(care().findings.empty());
  world_.wait(kClearFor);
  EXPECT_EQ(care().state, NodeState::kReady);
}

TEST_F(Reports, RefuseWhatCannotBeReplaced) {
  settle(rules());
  EXPECT_EQ(world_.bad(ReplaceTask{"acme/llm/a", 2, ""}).message, "job 'acme/llm/a' has ranks 0 to 1, found 2");
  EXPECT_EQ(world_.bad(ReplaceTask{"acme/llm/a", -1, ""}).path, "rank");
  EXPECT_EQ(world_.bad(ReplaceTask{"acme/llm/none", 0, ""}).code, Code::kNotFound);
  JobSpec waits = gang(4, 8000);
  waits.sites = {"north"};
  world_.start("acme/llm/b", waits);
  EXPECT_EQ(world_.bad(ReplaceTask{"acme/llm/b", 0, ""}).message, "job 'acme/llm/b' is pending and has no place that could be replaced");
}

TEST_F(Reports, ATenantHasSoManyOpenAtMost) {
  world_.settle_usual();
  SiteSpec spec = site("NO", "h200", "r[1-3]", "n[1-4]");
  world_.apply("north", spec);
  for (int i = 0; i <= kMostReports; ++i) {
    const std::string name = fmt::format("acme/llm/j{}", i);
    JobSpec one = gang(1, 8000);
    one.sites = {"north"};
    world_.start(name, one);
    world_.begin(name);
    if (i < kMostReports) {
      world_.good(ReplaceTask{name, 0, "bad"});
      continue;
    }
    const Error refused = world_.bad(ReplaceTask{name, 0, "bad"});
    EXPECT_EQ(refused.code, Code::kLimitExceeded);
    world_.good(CloseTicket{ticket().uid, ""});
    world_.good(ReplaceTask{name, 0, "bad"});
  }
}

}  // namespace
}  // namespace penstock
