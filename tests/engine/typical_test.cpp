// Where parts of nodes go: so that others still find room of the kind that they typically need. And work without GPUs.
#include "world.h"

#include "engine/placement/typical.h"

namespace penstock {
namespace {

JobSpec with_cores(JobSpec spec, std::int64_t milli) {
  spec.groups[0].cpu = MilliCpu(milli);
  return spec;
}

class Typical : public testing::Test {
 protected:
  void SetUp() override {
    world_.settle_usual();
    ContractSpec open = contract();
    open.cpu_jobs = true;
    world_.apply("acme/main", open);
  }
  std::string node_of(const std::string& name, const JobSpec& spec) {
    world_.start(name, spec);
    return world_.phase(name) == "starting" ? world_.nodes(name) : world_.phase(name);
  }
  World world_;
};

TEST_F(Typical, PartsGoWhereTheyBreakUpNothingThatOthersNeed) {
  // One node with 7 devices left, one with 2. Others typically ask for 2.
  ASSERT_EQ(node_of("acme/llm/a", gang(1, 1000)), "r1/n1");
  ASSERT_EQ(node_of("acme/llm/b", gang(1, 6000)), "r1/n1");
  ASSERT_EQ(node_of("acme/llm/c", gang(1, 6000)), "r1/n2");
  for (int i = 0; i < 8; ++i) {
    JobSpec pair = gang(1, 2000);
    pair.hold = true;
    world_.start(fmt::format("acme/llm/w{}", i), pair);
  }
  // On n1 one device is of no use for pairs, on n2 it would break one up.
  EXPECT_EQ(node_of("acme/llm/one", gang(1, 1000)), "r1/n1");
}

TEST_F(Typical, CoresThatGpusNeedAreLeftToThem) {
  NodeTypeSpec rich = node_type("h200", 8);
  rich.cpu = MilliCpu(256'000);  // four times as many for each device as the others have
  world_.apply("rich", rich);
  world_.apply("north", [] {
    SiteSpec out = site("NO", "h200", "r[1-2]", "n[1-2]");
    out.halls[0].rows[0].racks.push_back(out.halls[0].rows[0].racks[0]);
    out.halls[0].rows[0].racks[1].name = "rich";
    out.halls[0].rows[0].racks[1].nodes = {{"n1", "rich"}};
    return out;
  }());
  for (int i = 0; i < 4; ++i) {
    JobSpec usual = with_cores(gang(1, 1000), 8'000);
    usual.hold = true;
    world_.start(fmt::format("acme/llm/w{}", i), usual);
  }
  ASSERT_EQ(node_of("acme/llm/small", with_cores(gang(1, 1000), 1000)).substr(0, 1), "r");
  EXPECT_EQ(node_of("acme/llm/hungry", with_cores(gang(1, 1000), 32'000)), "rich/n1");
}

TEST_F(Typical, ModelsThatOthersMustHaveAreLeftToThem) {
  NodeTypeSpec other = node_type("a100", 8);
  world_.apply("a100x8", other);
  SiteSpec spec = site("NO", "h200", "r[1-2]", "n[1-2]");
  spec.halls[0].rows[0].racks.push_back(spec.halls[0].rows[0].racks[0]);
  spec.halls[0].rows[0].racks[1].name = "other";
  spec.halls[0].rows[0].racks[1].nodes = {{"n[1-4]", "a100x8"}};
  world_.apply("north", spec);
  JobSpec any = gang(1, 1000);
  any.sites = {"north"};
  for (int i = 0; i < 16; ++i) {
    JobSpec picky = gang(1, 1000);
    picky.gpu_models = {"h200"};
    picky.hold = true;
    world_.start(fmt::format("acme/llm/w{}", i), picky);
  }
  EXPECT_EQ(node_of("acme/llm/any", any).substr(0, 5), "other");
}

TEST_F(Typical, CountsWhatWaitsAndRunsAndNothingElse) {
  const TypicalWork none;
  EXPECT_TRUE(world_.state().typical() == none);
  world_.start("acme/llm/a", gang(2, 8000));
  EXPECT_FALSE(world_.state().typical() == none);
  world_.begin("acme/llm/a");
  world_.finish("acme/llm/a");
  EXPECT_TRUE(world_.state().typical() == none);
  world_.start("acme/llm/b", gang(2, 8000));
  ContractSpec other = contract();
  other.gpu_models = {"h200"};
  world_.apply("acme/main", other);  // counted anew: the indexes are compared after every command
  world_.good(CancelJob{"acme/llm/b", {}});
  world_.wait(minutes(1));
}

TEST_F(Typical, WorkWithoutGpusRunsBesideFullDevices) {
  ASSERT_EQ(node_of("acme/llm/all", with_cores(gang(3, 8000), 32'000)), "r1/n1 r1/n2 r2/n1");
  JobSpec cores = with_cores(gang(2, 0), 16'000);
  EXPECT_EQ(node_of("acme/llm/cores", cores), "r1/n1 r1/n1");  // 32 of 64 cores are left, and no device
  const Allocation& held = *world_.job("acme/llm/cores").allocation;
  EXPECT_EQ(held.gpus, MilliGpu());
  EXPECT_TRUE(held.tasks[0].devices.empty());
  EXPECT_NE(held.tasks[0].port, held.tasks[1].port);
  EXPECT_GT(held.demand, Watts());
  EXPECT_EQ(node_of("acme/llm/more", with_cores(gang(1, 0), 48'000)), "r2/n2");
  EXPECT_EQ(node_of("acme/llm/most", with_cores(gang(1, 0), 65'000)), "pending");
  world_.begin("acme/llm/cores");
  world_.wait(hours(1));
  world_.finish("acme/llm/cores");
  EXPECT_EQ(world_.phase("acme/llm/cores"), "succeeded(completed)");
}

// 3³ + 4³ + 5³ = 6³: rooms that must not be taken for one another.
TEST_F(Typical, TwoNodesWithOtherSharesAreNotTakenForOneAnother) {
  for (const std::int64_t milli : {700, 600, 500}) world_.start(fmt::format("acme/llm/a{}", milli), gang(1, milli));
  ASSERT_EQ(world_.nodes("acme/llm/a500"), "r1/n1");
  world_.start("acme/llm/b", gang(1, 5000));
  ASSERT_EQ(world_.nodes("acme/llm/b"), "r1/n1");
  world_.start("acme/llm/c", gang(1, 7000));
  ASSERT_EQ(world_.nodes("acme/llm/c"), "r1/n2");
  JobSpec there = gang(1, 400);
  world_.start("acme/llm/rest", gang(2, 8000));
  world_.start("acme/llm/d", gang(8, 300));
  EXPECT_NE(world_.phase("acme/llm/d"), "");
}

TEST_F(Typical, ASpareForATaskWithoutGpusIsGivenNone) {
  JobSpec spec = gang(1, 8000);
  spec.groups.push_back(with_cores(gang(1, 0), 1000).groups[0]);
  spec.groups[1].name = "helper";
  spec.max_restarts = 3;
  world_.start("acme/llm/full", gang(2, 8000));
  world_.start("acme/llm/helped", spec);
  world_.begin("acme/llm/helped");
  const std::string helper = world_.job("acme/llm/helped").allocation->tasks[1].node;
  const std::string main = world_.job("acme/llm/helped").allocation->tasks[0].node;
  world_.good(LoseNode{helper == main ? main : helper, "a fault"});
  world_.tick();
  if (world_.job("acme/llm/helped").allocation) {
    EXPECT_TRUE(world_.job("acme/llm/helped").allocation->tasks[1].devices.empty());
  }
}

TEST_F(Typical, AClassCannotChangeWhileWorkWithoutGpusRuns) {
  world_.start("acme/llm/cores", with_cores(gang(1, 0), 1000));
  ContractSpec spot = contract();
  spot.cpu_jobs = true;
  spot.service_class = ServiceClass::kSpot;
  EXPECT_EQ(world_.bad(ApplyDocuments{{document("acme/main", spot)}, false}).code, Code::kFailedPrecondition);
}

TEST_F(Typical, WorkWithoutGpusWaitsForNoLimitOfThem) {
  ContractSpec small = contract();
  small.cpu_jobs = true;
  small.ramp = {{world_.now, 8}};
  world_.apply("acme/main", small);
  world_.start("acme/llm/a", gang(1, 8000));
  world_.start("acme/llm/b", gang(1, 4000));
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  world_.start("acme/llm/cores", with_cores(gang(1, 0), 1000));
  EXPECT_EQ(world_.phase("acme/llm/cores"), "starting");
}

TEST_F(Typical, TasksWithoutGpusSpreadOverNodesAsRequired) {
  JobSpec apart = with_cores(gang(3, 0), 1000);
  apart.placement = PlacementSpec{};
  apart.placement->spread = TierWishSpec{"node", true};
  world_.start("acme/llm/apart", apart);
  std::set<std::string> nodes;
  for (const TaskPlacement& task : world_.job("acme/llm/apart").allocation->tasks) nodes.insert(task.node);
  EXPECT_EQ(nodes.size(), 3u);
  JobSpec wished = with_cores(gang(9, 0), 1000);  // more than there are nodes: in rounds
  wished.placement = PlacementSpec{};
  wished.placement->spread = TierWishSpec{"node", false};
  EXPECT_NE(node_of("acme/llm/wished", wished), "pending");
}

TEST_F(Typical, WorkWithoutGpusNeedsAContractThatAllowsIt) {
  world_.apply("acme/main", contract());
  EXPECT_EQ(world_.refused("acme/llm/cores", with_cores(gang(1, 0), 1000)),
            "failed-precondition: the job asks for no GPU, which contract 'acme/main' does not allow: ask for one, or have cpuJobs set there");
  JobSpec helper = gang(1, 8000);  // beside GPUs it is allowed
  helper.groups.push_back(with_cores(gang(1, 0), 1000).groups[0]);
  helper.groups[1].name = "helper";
  EXPECT_NE(node_of("acme/llm/helped", helper), "pending");
}

// ---- plain rules, to compare with

TEST(Settings, GreedilyWhoeverFitsStartsAndNobodyIsPromisedAnything) {
  Engine engine({}, SchedulerSettings{QueueOrder::kFifo, false, true});
  const Time now = *Text<Time>::parse("2026-06-01T00:00:00Z");
  const auto run = [&](const Command& command) {
    const auto reply = engine.execute(command, CommandMeta{now, "test", {}, 0});
    ASSERT_TRUE(reply.ok()) << to_string(reply.error());
  };
  run(ApplyDocuments{{document("h200", node_type("h200", 8)), document("north", site("NO", "h200", "r1", "n[1-2]")),
                      document("acme", TenantSpec{}), document("acme/llm", ProjectSpec{}), document("acme/main", contract())},
                     false});
  for (const auto& [name, replicas] : {std::pair("first", 1), std::pair("large", 2), std::pair("second", 1)}) {
    run(SubmitJobs{{{Metadata{fmt::format("acme/llm/{}", name), {}, {}}, gang(replicas, 8000)}}});
    run(Tick{});
  }
  EXPECT_FALSE(engine.state().find_job("acme/llm/large")->promise);
  EXPECT_EQ(engine.state().find_job("acme/llm/second")->phase, JobPhase::kStarting);
}

TEST(Settings, StrictlyInOrderNobodyPassesWhoeverIsNext) {
  for (const QueueOrder order : {QueueOrder::kFifo, QueueOrder::kFair}) {
    for (const bool strict : {false, true}) {
      Engine engine({}, SchedulerSettings{order, strict, false});
      Time now = *Text<Time>::parse("2026-06-01T00:00:00Z");
      const auto run = [&](const Command& command) {
        const auto reply = engine.execute(command, CommandMeta{now, "test", {}, 0});
        ASSERT_TRUE(reply.ok()) << to_string(reply.error());
      };
      run(ApplyDocuments{{document("h200", node_type("h200", 8)), document("north", site("NO", "h200", "r1", "n[1-2]")),
                          document("acme", TenantSpec{}), document("acme/llm", ProjectSpec{}), document("acme/vision", ProjectSpec{}),
                          document("acme/main", contract())},
                         false});
      const auto submit = [&](const std::string& name, JobSpec spec) {
        now = now + seconds(1);
        run(SubmitJobs{{{Metadata{name, {}, {}}, std::move(spec)}}});
        run(Tick{});
      };
      submit("acme/llm/first", gang(1, 8000));
      submit("acme/llm/large", gang(2, 8000));
      submit("acme/vision/small", gang(1, 1000));
      EXPECT_EQ(engine.state().find_job("acme/llm/large")->phase, JobPhase::kPending);
      EXPECT_EQ(engine.state().find_job("acme/llm/large")->promise.has_value(), !strict);
      // By shares it is the turn of the project that holds less.
      const bool passes = strict && order == QueueOrder::kFair;
      EXPECT_EQ(engine.state().find_job("acme/vision/small")->phase == JobPhase::kStarting, passes) << name_of(order) << strict;
    }
  }
}

}  // namespace
}  // namespace penstock
