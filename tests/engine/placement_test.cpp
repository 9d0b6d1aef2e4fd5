// Where gangs go: whole or not at all, on one site, inside their bounds, packed.
#include "world.h"

#include "engine/placement/placement.h"

namespace penstock {
namespace {

class Placement : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  const TaskPlacement& task(const std::string& job, std::size_t rank = 0) {
    return world_.job(job).allocation->tasks.at(rank);
  }
  bool starts(const std::string& name, const JobSpec& spec) {
    world_.start(name, spec);
    return world_.phase(name) == "starting";
  }

  World world_;
};

TEST_F(Placement, PlacesAGangWhole) {
  ASSERT_TRUE(starts("acme/llm/a", gang(4, 8000)));
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2 r2/n1 r2/n2");
  const Allocation& allocation = *world_.job("acme/llm/a").allocation;
  EXPECT_EQ(allocation.gpus, MilliGpu(32'000));
  EXPECT_EQ(allocation.demand, Watts(32'000));
  EXPECT_EQ(allocation.firm, allocation.demand);
  EXPECT_EQ(allocation.from, world_.now);
  EXPECT_EQ(allocation.price_per_gpu_hour, (Money{2'000'000, "USD"}));
  EXPECT_EQ(allocation.contract, "acme/main");
  EXPECT_EQ(task("acme/llm/a", 3).devices, (DeviceSet{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(Placement, LeavesNoTraceOfAGangThatDoesNotFit) {
  world_.start("acme/llm/one", gang(1, 8000));
  world_.said();
  ASSERT_FALSE(starts("acme/llm/a", gang(4, 8000)));
  EXPECT_EQ(world_.said(), "job.submitted job.promised");
  world_.good(CancelJob{"acme/llm/a", {}});
  // The rest is as free as before: the indexes are compared with fresh ones after every command.
  ASSERT_TRUE(starts("acme/llm/b", gang(3, 8000)));
}

// Enough devices in all, but not side by side: the first task finds a node and the second does not.
TEST_F(Placement, LeavesNoTraceOfATaskWhoseGangDoesNotFit) {
  ASSERT_TRUE(starts("acme/llm/one", gang(1, 8000)));
  ASSERT_TRUE(starts("acme/llm/two", gang(1, 5000)));
  ASSERT_TRUE(starts("acme/llm/three", gang(1, 5000)));
  ASSERT_FALSE(starts("acme/llm/a", gang(2, 6000)));
  world_.good(CancelJob{"acme/llm/a", {}});
  ASSERT_TRUE(starts("acme/llm/b", gang(1, 8000)));
}

TEST_F(Placement, NeverSpreadsAGangOverSites) {
  world_.apply("east", site("NO", "h200", "r1", "n[1-2]"));
  EXPECT_FALSE(starts("acme/llm/a", gang(5, 8000)));
  EXPECT_TRUE(starts("acme/llm/b", gang(3, 8000)));  // east has but two
  EXPECT_EQ(task("acme/llm/b").node, "north/h1/r1/n1");
}

TEST_F(Placement, BestFitKeepsWholeNodesWhole) {
  ASSERT_TRUE(starts("acme/llm/a", gang(1, 5000)));
  ASSERT_TRUE(starts("acme/llm/b", gang(1, 2000)));
  EXPECT_EQ(world_.nodes("acme/llm/b"), "r1/n1");
  EXPECT_EQ(task("acme/llm/b").devices, (DeviceSet{5, 6}));
  ASSERT_TRUE(starts("acme/llm/c", gang(1, 2000)));
  EXPECT_EQ(world_.nodes("acme/llm/c"), "r1/n2");
  ASSERT_TRUE(starts("acme/llm/d", gang(1, 1000)));
  EXPECT_EQ(world_.nodes("acme/llm/d"), "r1/n1");
  EXPECT_TRUE(starts("acme/llm/e", gang(2, 8000)));
}

TEST_F(Placement, PlacesLargeTasksFirstAndKeepsRanks) {
  JobSpec spec = gang(3, 1000);
  spec.groups.push_back(spec.groups[0]);
  spec.groups[1].name = "trainer";
  spec.groups[1].gpus = MilliGpu(8000);
  spec.groups[1].replicas = 3;
  ASSERT_TRUE(starts("acme/llm/a", spec));
  const auto& tasks = world_.job("acme/llm/a").allocation->tasks;
  ASSERT_EQ(tasks.size(), 6u);
  for (int rank : {0, 1, 2}) EXPECT_EQ(tasks[rank].group, 0);
  for (int rank : {3, 4, 5}) EXPECT_EQ(tasks[rank].group, 1);
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r2/n2 r2/n2 r2/n2 r1/n1 r1/n2 r2/n1");
}

TEST_F(Placement, SharesFillADeviceAndNoMore) {
  ASSERT_TRUE(starts("acme/llm/a", gang(1, 600)));
  ASSERT_TRUE(starts("acme/llm/b", gang(1, 500)));
  EXPECT_EQ(task("acme/llm/b").devices, (DeviceSet{1}));
  ASSERT_TRUE(starts("acme/llm/c", gang(1, 400)));  // the fullest device that has room
  EXPECT_EQ(task("acme/llm/c").devices, (DeviceSet{0}));
  ASSERT_TRUE(starts("acme/llm/d", gang(1, 500)));
  EXPECT_EQ(task("acme/llm/d").devices, (DeviceSet{1}));
  ASSERT_TRUE(starts("acme/llm/e", gang(1, 1)));
  EXPECT_EQ(task("acme/llm/e").devices, (DeviceSet{2}));
  EXPECT_EQ(world_.job("acme/llm/e").allocation->demand, Watts(1));
  ASSERT_TRUE(starts("acme/llm/f", gang(1, 6000)));  // a device in shares is not whole
  EXPECT_EQ(world_.nodes("acme/llm/f"), "r1/n2");
}

TEST_F(Placement, SharesGoToSharedDevicesBeforeTheyOpenAnother) {
  ASSERT_TRUE(starts("acme/llm/share", gang(1, 500)));
  EXPECT_EQ(world_.nodes("acme/llm/share"), "r1/n1");
  ASSERT_TRUE(starts("acme/llm/most", gang(1, 7000)));
  world_.start("acme/llm/more", gang(1, 7000));
  EXPECT_EQ(world_.nodes("acme/llm/more"), "r1/n2");
  world_.finish("acme/llm/most");
  ASSERT_TRUE(starts("acme/llm/other", gang(1, 500)));
  EXPECT_EQ(world_.nodes("acme/llm/other"), "r1/n1");  // although n2 has fewer devices free
  EXPECT_EQ(task("acme/llm/other").devices, (DeviceSet{0}));
}

TEST_F(Placement, SharesOfManyTasksNeverOverfillADevice) {
  ASSERT_TRUE(starts("acme/llm/a", gang(64, 450)));
  EXPECT_FALSE(starts("acme/llm/b", gang(1, 600)));
  world_.good(CancelJob{"acme/llm/b", {}});
  EXPECT_TRUE(starts("acme/llm/c", gang(32, 100)));
  EXPECT_FALSE(starts("acme/llm/d", gang(1, 1)));
}

TEST_F(Placement, CoresAndMemoryLimit) {
  JobSpec wide = gang(1, 1000);
  wide.groups[0].cpu = MilliCpu(33'000);
  for (const char* name : {"acme/llm/a", "acme/llm/b", "acme/llm/c", "acme/llm/d"}) ASSERT_TRUE(starts(name, wide));
  EXPECT_EQ(world_.nodes("acme/llm/d"), "r2/n2");
  EXPECT_FALSE(starts("acme/llm/e", wide));
  EXPECT_EQ(world_.reasons("acme/llm/e"), "fragmented");
  JobSpec deep = gang(1, 1000);
  deep.groups[0].memory = Bytes(512LL << 30);
  EXPECT_TRUE(starts("acme/llm/f", deep));
  deep.groups[0].memory = Bytes((512LL << 30) + 1);
  EXPECT_FALSE(starts("acme/llm/g", deep));
  EXPECT_EQ(world_.reasons("acme/llm/g"), "too-large");
}

TEST_F(Placement, PortsAreOneTasksOwnAndUsedAgain) {
  ASSERT_TRUE(starts("acme/llm/a", gang(3, 1000)));
  EXPECT_EQ(task("acme/llm/a", 0).port, 20'000);
  EXPECT_EQ(task("acme/llm/a", 2).port, 20'002);
  ASSERT_TRUE(starts("acme/llm/b", gang(1, 1000)));
  EXPECT_EQ(task("acme/llm/b").port, 20'003);
  world_.finish("acme/llm/a");
  ASSERT_TRUE(starts("acme/llm/c", gang(1, 1000)));
  EXPECT_EQ(world_.nodes("acme/llm/c"), "r1/n1");
  EXPECT_EQ(task("acme/llm/c").port, 20'000);
}

TEST_F(Placement, StaysInTheCountriesOfTenantContractAndJob) {
  world_.apply("west", site("GB", "h200", "r1", "n1"));
  JobSpec british = gang(1, 1000);
  british.jurisdictions = {"GB"};
  ASSERT_TRUE(starts("acme/llm/job", british));
  EXPECT_EQ(task("acme/llm/job").node, "west/h1/r1/n1");

  ContractSpec bound = contract();
  bound.jurisdictions = {"GB", "SE"};
  world_.apply("acme/main", bound);
  ASSERT_TRUE(starts("acme/llm/contract", gang(1, 1000)));
  EXPECT_EQ(task("acme/llm/contract").node, "west/h1/r1/n1");
  world_.apply("acme/main", contract());

  TenantSpec tenant;
  tenant.jurisdictions = {"GB"};
  world_.apply("acme", tenant);
  ASSERT_TRUE(starts("acme/llm/tenant", gang(1, 1000)));
  EXPECT_EQ(task("acme/llm/tenant").node, "west/h1/r1/n1");

  JobSpec norwegian = gang(1, 1000);
  norwegian.jurisdictions = {"NO"};
  EXPECT_FALSE(starts("acme/llm/none", norwegian));
  EXPECT_FALSE(starts("acme/llm/large", gang(6, 1000)));  // west is full, and north is no way out
}

TEST_F(Placement, StaysOnTheSitesModelsAndTypesThatAreAllowed) {
  world_.apply({document("h200-air", node_type("h200", 8)), document("west", site("GB", "h200-air", "r1", "n1"))});
  const auto node = [&](const std::string& name, const JobSpec& spec) {
    return starts(name, spec) ? task(name).node : "nowhere";
  };
  JobSpec sited = gang(1, 1000);
  sited.sites = {"west"};
  EXPECT_EQ(node("acme/llm/site", sited), "west/h1/r1/n1");
  JobSpec typed = gang(1, 1000);
  typed.node_types = {"h200-air"};
  EXPECT_EQ(node("acme/llm/type", typed), "west/h1/r1/n1");
  world_.enrol("south/h1/r1/n2");
  JobSpec modelled = gang(1, 1000);
  modelled.gpu_models = {"a100"};
  EXPECT_EQ(node("acme/llm/model", modelled), "south/h1/r1/n2");

  ContractSpec only = contract();
  only.sites = {"west"};
  world_.apply("acme/main", only);
  EXPECT_EQ(node("acme/llm/contract-site", gang(1, 1000)), "west/h1/r1/n1");
  only.sites = {};
  only.gpu_models = {"a100"};
  world_.apply("acme/main", only);
  EXPECT_EQ(node("acme/llm/contract-model", gang(1, 1000)), "south/h1/r1/n2");
  EXPECT_EQ(node("acme/llm/neither", sited), "nowhere");
}

TEST_F(Placement, NodesCarryTheLabelsOfTheirRack) {
  SiteSpec labelled = site("NO", "h200", "r[1-2]", "n[1-2]");
  labelled.halls[0].rows[0].racks[0].labels = {{"pool", "train"}, {"tier", "2"}};
  labelled.exceptions.push_back({.rack = "h1/r2", .labels = {{"tier", "1"}}});
  world_.apply("north", labelled);
  JobSpec spec = gang(1, 1000);
  spec.node_labels = {{"pool", "train"}, {"tier", "1"}};
  ASSERT_TRUE(starts("acme/llm/a", spec));
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r2/n1");
  spec.node_labels["tier"] = "3";
  EXPECT_FALSE(starts("acme/llm/b", spec));
  spec.node_labels = {{"tier", "1"}};
  spec.groups[0].replicas = 3;
  spec.groups[0].gpus = MilliGpu(7000);
  EXPECT_FALSE(starts("acme/llm/c", spec));  // two nodes have the label, and two others do not help
}

TEST_F(Placement, ImagesNeedNodesThatCanRunThem) {
  JobSpec boxed = gang(1, 1000);
  boxed.gpu_models = {"a100"};
  boxed.groups[0].image = "registry/train:1";
  world_.enrol("south/h1/r1/n1");
  EXPECT_FALSE(starts("acme/llm/a", boxed));
  world_.enrol("south/h1/r1/n2", true);
  world_.tick();
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n2");
}

TEST_F(Placement, OnlyReadyNodesTakeWork) {
  JobSpec southern = gang(1, 1000);
  southern.sites = {"south"};
  EXPECT_FALSE(starts("acme/llm/a", southern));
  world_.enrol("south/h1/r1/n2");
  world_.tick();
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n2");
}

TEST_F(Placement, AQuestionTakesNothing) {
  world_.start("acme/llm/a", gang(1, 500));
  world_.submit("acme/llm/b", gang(3, 8000));
  const Job& job = world_.job("acme/llm/b");
  State& state = world_.engine().scratch_state();
  const auto first = place(state, job, candidate_pools(state, job), world_.now);
  ASSERT_TRUE(first);
  EXPECT_EQ(place(state, job, candidate_pools(state, job), world_.now), first);
  EXPECT_TRUE(fits_when_empty(state, job, candidate_pools(state, job), world_.now));
  EXPECT_EQ(world_.reasons("acme/llm/b"), "");
}

using PlacementDeathTest = Placement;

TEST_F(PlacementDeathTest, ALogThatSellsADeviceTwiceStopsTheEngine) {
  world_.start("acme/llm/a", gang(1, 600));
  world_.submit("acme/llm/b", gang(1, 500));
  EventRecord forged;
  forged.position = world_.facts().position + 1;
  forged.at = world_.now;
  JobStarted started{*world_.job("acme/llm/a").allocation};
  started.allocation.uid = Uid{world_.facts().last_uid + 1};
  started.allocation.job = world_.job("acme/llm/b").uid;
  started.allocation.tasks[0].gpus = MilliGpu(500);
  started.allocation.tasks[0].port = 20'001;
  forged.event = started;
  EXPECT_DEATH(world_.engine().replay(forged), "broken invariant: used >= 0 && used <= 1000");
}

}  // namespace
}  // namespace penstock
