// How the tasks of a gang lie to one another, and which site they prefer.
#include "world.h"

namespace penstock {
namespace {

// Two halls with two rows of two racks, two nodes of 8 GPUs each: 16 nodes.
SiteSpec campus(const std::string& country, const std::string& halls = "h[1-2]") {
  SiteSpec spec = site(country, "h200", "{row}k[1-2]", "n[1-2]");
  spec.halls[0].name = halls;
  spec.halls[0].rows[0].name = "r[1-2]";
  spec.fabric = FabricSpec{Grouping::kRack, {{"leaf", Grouping::kRow, 0}, {"spine", Grouping::kSite, 0}}};
  return spec;
}

class Closeness : public testing::Test {
 protected:
  void SetUp() override {
    world_.apply({document("h200", node_type("h200", 8)), document("campus", campus("NO")), document("acme", TenantSpec{}),
                  document("acme/llm", ProjectSpec{}), document("acme/main", contract())});
  }
  // Racks of the job's tasks by rank, as hall/rack.
  std::string racks(const std::string& job) {
    std::string out;
    for (const TaskPlacement& task : world_.job(job).allocation->tasks) {
      const std::string rack = task.node.substr(task.node.find('/') + 1, task.node.rfind('/') - task.node.find('/') - 1);
      out += (out.empty() ? "" : " ") + rack;
    }
    return out;
  }
  JobSpec wish(JobSpec spec, PlacementSpec placement) {
    spec.placement = std::move(placement);
    return spec;
  }

  World world_;
};

TEST_F(Closeness, AGangLiesInTheSmallestDomainThatHoldsIt) {
  world_.start("acme/llm/one", gang(1, 8000));
  world_.start("acme/llm/rack", gang(2, 8000));
  EXPECT_EQ(racks("acme/llm/rack"), "h1/r1k2 h1/r1k2");  // not half of two racks
  world_.start("acme/llm/row", gang(4, 8000));
  EXPECT_EQ(racks("acme/llm/row"), "h1/r2k1 h1/r2k1 h1/r2k2 h1/r2k2");
  world_.start("acme/llm/hall", gang(8, 8000));
  EXPECT_EQ(racks("acme/llm/hall"), "h2/r1k1 h2/r1k1 h2/r1k2 h2/r1k2 h2/r2k1 h2/r2k1 h2/r2k2 h2/r2k2");
  world_.start("acme/llm/last", gang(1, 8000));
  EXPECT_EQ(racks("acme/llm/last"), "h1/r1k1");  // what was left over beside the first
}

TEST_F(Closeness, PackWaitsForATierIfItMust) {
  for (const char* name : {"a", "b", "c", "d"}) world_.start(fmt::format("acme/llm/{}", name), wish(gang(1, 8000), {{}, TierWishSpec{"leaf", false}, {}}));
  world_.start("acme/llm/more", gang(3, 8000));
  // Spread over rows they take one node of each at least, so that no row is whole.
  world_.start("acme/llm/must", wish(gang(4, 8000), {TierWishSpec{"leaf", true}, {}, {}}));
  const bool started = world_.phase("acme/llm/must") == "starting";
  if (started) {
    const auto& tasks = world_.job("acme/llm/must").allocation->tasks;
    for (const TaskPlacement& task : tasks) EXPECT_EQ(task.node.substr(0, 12), tasks[0].node.substr(0, 12));
  }
  world_.start("acme/llm/huge", wish(gang(5, 8000), {TierWishSpec{"leaf", true}, {}, {}}));
  EXPECT_EQ(world_.reasons("acme/llm/huge"), "too-large");
  world_.start("acme/llm/unknown", wish(gang(1, 8000), {TierWishSpec{"pod", true}, {}, {}}));
  EXPECT_EQ(world_.phase("acme/llm/unknown"), "pending");
  world_.start("acme/llm/wish", wish(gang(5, 8000), {TierWishSpec{"leaf", false}, {}, {}}));
  EXPECT_EQ(world_.phase("acme/llm/wish"), "starting");
}

TEST_F(Closeness, SegmentsStayTogetherAndInOrder) {
  world_.start("acme/llm/one", gang(1, 8000));
  world_.start("acme/llm/a", wish(gang(8, 8000), {{}, {}, SegmentSpec{2, "nvlink"}}));
  ASSERT_EQ(world_.phase("acme/llm/a"), "starting");
  const auto& tasks = world_.job("acme/llm/a").allocation->tasks;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < tasks.size(); i += 2) {
    const auto rack = [&](std::size_t t) { return tasks[t].node.substr(0, tasks[t].node.rfind('/')); };
    EXPECT_EQ(rack(i), rack(i + 1));
    EXPECT_TRUE(seen.insert(rack(i)).second);
  }
  // Seven whole racks were left for four segments; now three, so eight tasks in segments do not fit.
  world_.start("acme/llm/b", wish(gang(8, 8000), {{}, {}, SegmentSpec{2, "nvlink"}}));
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  EXPECT_EQ(world_.reasons("acme/llm/b"), "gpus-busy");
  world_.start("acme/llm/c", wish(gang(6, 8000), {{}, {}, SegmentSpec{2, "nvlink"}}));
  EXPECT_EQ(world_.phase("acme/llm/c"), "pending");  // what is left is kept for b
}

TEST_F(Closeness, SpreadPutsEachTaskElsewhere) {
  world_.start("acme/llm/a", wish(gang(4, 1000), {{}, TierWishSpec{"leaf", true}, {}}));
  std::set<std::string> rows;
  for (const TaskPlacement& task : world_.job("acme/llm/a").allocation->tasks) rows.insert(task.node.substr(0, 12));
  EXPECT_EQ(rows.size(), 4u);
  world_.start("acme/llm/five", wish(gang(5, 1000), {{}, TierWishSpec{"leaf", true}, {}}));
  EXPECT_EQ(world_.reasons("acme/llm/five"), "too-large");
  world_.start("acme/llm/wish", wish(gang(5, 1000), {{}, TierWishSpec{"leaf", false}, {}}));
  EXPECT_EQ(world_.phase("acme/llm/wish"), "starting");
  world_.start("acme/llm/nodes", wish(gang(16, 1000), {{}, TierWishSpec{"node", true}, {}}));
  std::set<std::string> nodes;
  for (const TaskPlacement& task : world_.job("acme/llm/nodes").allocation->tasks) nodes.insert(task.node);
  EXPECT_EQ(nodes.size(), 16u);
}

TEST_F(Closeness, TasksStrandAsLittleAsTheyCan) {
  JobSpec hungry = gang(1, 1000);
  hungry.groups[0].cpu = MilliCpu(36'000);  // 8 cores are one device's part
  world_.start("acme/llm/hungry", hungry);
  JobSpec lean = gang(1, 1000);
  world_.start("acme/llm/plain", gang(1, 8000));
  world_.start("acme/llm/lean", lean);
  // On the node that has more devices than cores for them, not on a whole one.
  EXPECT_EQ(world_.job("acme/llm/lean").allocation->tasks[0].node, world_.job("acme/llm/hungry").allocation->tasks[0].node);
}

TEST_F(Closeness, DiskIsALimitToo) {
  NodeTypeSpec type = node_type("h200", 8);
  type.disk = Bytes(1000);
  world_.apply("h200", type);
  JobSpec deep = gang(16, 1000);
  deep.groups[0].disk = Bytes(600);
  world_.start("acme/llm/a", deep);
  ASSERT_EQ(world_.phase("acme/llm/a"), "starting");
  std::set<std::string> nodes;
  for (const TaskPlacement& task : world_.job("acme/llm/a").allocation->tasks) nodes.insert(task.node);
  EXPECT_EQ(nodes.size(), 16u);
  deep.groups[0].replicas = 1;
  world_.start("acme/llm/b", deep);
  EXPECT_EQ(world_.reasons("acme/llm/b"), "fragmented");
  type.disk = Bytes(500);
  EXPECT_EQ(world_.bad(ApplyDocuments{{document("h200", type)}, false}).code, Code::kFailedPrecondition);
}

TEST_F(Closeness, PrefersSitesThenEnergyThenTheFullest) {
  SiteSpec dear = campus("SE", "h1");
  dear.grid = GridSpec{};
  dear.grid->contracted = Watts(1'000'000);
  dear.grid->price_per_kwh = Money{90'000, "EUR"};
  dear.grid->carbon = CarbonSpec{{}, {{world_.now, 10}, {world_.now + hours(1), 500}}};
  SiteSpec cheap = dear;
  cheap.country = "FI";
  cheap.grid->price_per_kwh = Money{30'000, "EUR"};
  cheap.grid->carbon = CarbonSpec{{}, {{world_.now, 200}}};
  world_.apply({document("dear", dear), document("cheap", cheap)});
  const auto site = [&](const char* name, std::optional<PreferSpec> prefer) {
    JobSpec spec = gang(1, 8000);
    spec.prefer = std::move(prefer);
    world_.start(name, spec);
    return std::string(tenant_of(world_.job(name).allocation->tasks[0].node));
  };
  EXPECT_EQ(site("acme/llm/a", std::nullopt), "cheap");  // as large as dear, and before it; campus is larger
  EXPECT_EQ(site("acme/llm/b", PreferSpec{{"campus", "dear"}, {}, {}}), "campus");
  EXPECT_EQ(site("acme/llm/c", PreferSpec{{}, {}, EnergyWish::kCost}), "cheap");
  EXPECT_EQ(site("acme/llm/d", PreferSpec{{}, {}, EnergyWish::kCarbon}), "dear");
  world_.wait(hours(2));
  EXPECT_EQ(site("acme/llm/e", PreferSpec{{}, {}, EnergyWish::kCarbon}), "cheap");
}

TEST_F(Closeness, PrefersLabels) {
  SiteSpec labelled = campus("NO");
  labelled.exceptions.push_back({});
  labelled.exceptions.back().rack = "h2/r2k2";
  labelled.exceptions.back().labels = {{"cache", "warm"}};
  world_.apply("campus", labelled);
  JobSpec spec = gang(1, 8000);
  spec.prefer = PreferSpec{{}, {{"cache", "warm"}}, {}};
  for (const auto& [name, rack] : {std::pair{"a", "h2/r2k2"}, std::pair{"b", "h2/r2k2"}}) {
    world_.start(fmt::format("acme/llm/{}", name), spec);
    EXPECT_EQ(racks(fmt::format("acme/llm/{}", name)), rack);
  }
  world_.start("acme/llm/c", spec);
  EXPECT_EQ(world_.phase("acme/llm/c"), "starting");  // elsewhere: it was a wish
}

}  // namespace
}  // namespace penstock
