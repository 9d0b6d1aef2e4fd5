// Gangs that change while they live: spares for lost nodes, other sizes, moves, and GPUs of a contract that are kept for them.
#include "world.h"

#include "engine/queue/promise.h"

namespace penstock {
namespace {

class Reshaping : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  // A site of agents: two racks of three nodes with four GPUs each.
  void settle_west() {
    world_.apply("west", site("NO", "a100", "r[1-2]", "n[1-3]", RuntimeKind::kAgent));
    for (const std::string& node : west_) world_.enrol(node);
  }
  static JobSpec western(JobSpec spec) {
    spec.sites = {"west"};
    spec.max_restarts = 3;
    return spec;
  }
  void sync_but(const std::string& lost) {
    for (const std::string& node : west_) {
      if (node != lost) world_.sync(node);
    }
  }
  // The lease of one node runs out while the others go on.
  void expire(const std::string& lost) {
    for (int half = 0; half < 2; ++half) {
      world_.now = world_.now + Duration((kNodeLease + kLeaseMargin).count() / 2) + milliseconds(1);
      sync_but(lost);
    }
    world_.tick();
  }
  // The same, and the others' tasks, which have not begun yet, end as told.
  void lose(const std::string& lost) {
    expire(lost);
    sync_but(lost);
  }
  static JobSpec elastic(std::int32_t least, std::int32_t most) {
    JobSpec spec = gang(most, 8000);
    spec.groups.front().min_replicas = least;
    spec.checkpoint = CheckpointSpec{std::nullopt, true};
    return spec;
  }
  std::size_t tasks(const std::string& name) { return world_.job(name).allocation->tasks.size(); }
  void stop(const std::string& name) {
    std::vector<TaskReport> reports;
    for (std::size_t rank = 0; rank < tasks(name); ++rank) {
      reports.push_back(world_.ended(name, static_cast<std::int32_t>(rank), TaskEnd::kStopped));
    }
    world_.report(std::move(reports));
  }
  void spot() {
    ContractSpec spec = contract();
    spec.service_class = ServiceClass::kSpot;
    world_.apply("acme/main", spec);
  }
  void contract_of(std::int64_t gpus) {
    ContractSpec spec = contract();
    spec.ramp = {{world_.now, gpus}};
    world_.apply("acme/main", spec);
  }
  static JobSpec limited(JobSpec spec, Duration limit) {
    spec.time_limit = limit;
    spec.stop_grace = Duration();
    return spec;
  }

  World world_;
  const std::vector<std::string> west_ = {"west/h1/r1/n1", "west/h1/r1/n2", "west/h1/r1/n3",
                                          "west/h1/r2/n1", "west/h1/r2/n2", "west/h1/r2/n3"};
};

// ---- spares

TEST_F(Reshaping, ALostNodeIsReplacedInsideItsRack) {
  settle_west();
  world_.start("acme/llm/a", western(gang(2, 4000)));
  ASSERT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2");
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n3 r1/n2");  // rank 1 lies where it lay
  EXPECT_EQ(world_.job("acme/llm/a").attempt, 2);
}

TEST_F(Reshaping, WithoutASpareInItsRackANodeIsReplacedFromTheNext) {
  settle_west();
  world_.start("acme/llm/a", western(gang(3, 4000)));
  ASSERT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2 r1/n3");
  lose("west/h1/r1/n2");
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r2/n1 r1/n3");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
}

TEST_F(Reshaping, ASpareLiesWithinWhatThePlacementRequires) {
  settle_west();
  JobSpec packed = western(gang(3, 4000));
  packed.placement = PlacementSpec{TierWishSpec{"rack", true}, std::nullopt, std::nullopt};
  world_.start("acme/llm/packed", packed);
  ASSERT_EQ(world_.nodes("acme/llm/packed"), "r1/n1 r1/n2 r1/n3");
  lose("west/h1/r1/n2");
  EXPECT_EQ(world_.phase("acme/llm/packed"), "pending(node-lost)");  // it goes through the line
  world_.tick();
  EXPECT_EQ(world_.nodes("acme/llm/packed"), "r2/n1 r2/n2 r2/n3");
}

TEST_F(Reshaping, TasksThatMustBeApartStayApart) {
  settle_west();
  JobSpec apart = western(gang(2, 1000));
  apart.placement = PlacementSpec{std::nullopt, TierWishSpec{"node", true}, std::nullopt};
  world_.start("acme/llm/apart", apart);
  const std::string before = world_.nodes("acme/llm/apart");
  ASSERT_EQ(before, "r1/n1 r1/n2");
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.nodes("acme/llm/apart"), "r1/n3 r1/n2");
}

TEST_F(Reshaping, ASpareIsNotTakenFromAPromise) {
  settle_west();
  world_.start("acme/llm/a", western(gang(2, 4000)));
  // All other nodes are kept for one that waits for a node more than there are.
  world_.start("acme/llm/large", western(gang(5, 4000)));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending(node-lost)");
}

TEST_F(Reshaping, AGangStartsAgainWithinWhatTheGridBears) {
  settle_west();
  world_.start("acme/llm/a", western(gang(2, 4000)));
  SiteSpec spec = world_.facts().sites.at("west").spec;
  spec.grid.emplace();
  spec.grid->contracted = Watts(1'000'000);
  spec.grid->ramp_per_second = Watts(5'000);  // it swings by up to 8 kW
  world_.apply("west", spec);
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending(node-lost)");
}

TEST_F(Reshaping, AGangDoesNotGoOnWhereOthersArePromisedToFollow) {
  settle_west();
  world_.start("acme/llm/a", western(limited(gang(2, 4000), hours(24))));
  world_.start("acme/llm/b", western(limited(gang(4, 4000), hours(1))));
  world_.start("acme/llm/all", western(gang(6, 4000)));
  ASSERT_EQ(world_.job("acme/llm/all").promise->at, world_.now + hours(24) + kStopMargin);
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending(node-lost)");
}

TEST_F(Reshaping, TwoTasksOfALostNodeEndOnce) {
  settle_west();
  JobSpec spec = western(gang(8, 4000));
  spec.groups.front().gpus = MilliGpu(2000);  // two on a node
  spec.groups.front().min_replicas = 1;
  world_.start("acme/llm/a", spec);
  const std::vector<TaskPlacement> placed = world_.job("acme/llm/a").allocation->tasks;
  ASSERT_EQ(placed[0].node, placed[1].node);
  // All but one of them have ended well; that one is lost with its node, and its neighbour is of an attempt that has ended.
  for (std::size_t rank = 1; rank < placed.size(); ++rank) {
    world_.sync(placed[rank].node, {world_.exited("acme/llm/a", static_cast<std::int32_t>(rank))});
  }
  lose(placed[0].node);
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.job("acme/llm/a").attempt, 2);
}

TEST_F(Reshaping, ARestartKeepsWithinTheQuotaOfToday) {
  settle_west();
  JobSpec spec = western(gang(4, 4000));
  spec.groups.front().min_replicas = 1;
  world_.start("acme/llm/a", spec);
  ASSERT_EQ(tasks("acme/llm/a"), 4u);
  ProjectSpec project;
  project.quota = QuotaSpec{};
  project.quota->gpus = MilliGpu(8'000);
  world_.apply("acme/llm", project);
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(tasks("acme/llm/a"), 2u);
}

TEST_F(Reshaping, ANewSizeCountsAlsoWhenANodeIsLostMeanwhile) {
  settle_west();
  JobSpec spec = western(gang(4, 4000));
  spec.groups.front().min_replicas = 1;
  world_.start("acme/llm/a", spec);
  expire("west/h1/r1/n1");
  ASSERT_EQ(world_.phase("acme/llm/a"), "stopping(node-lost)");
  world_.good(ResizeJob{"acme/llm/a", 2, {}});
  sync_but("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(tasks("acme/llm/a"), 2u);
}

TEST_F(Reshaping, WithoutRestartsNothingIsReplaced) {
  settle_west();
  JobSpec once = western(gang(2, 4000));
  once.max_restarts = 0;
  world_.start("acme/llm/a", once);
  lose("west/h1/r1/n1");
  EXPECT_EQ(world_.phase("acme/llm/a"), "failed(node-lost)");
}

TEST_F(Reshaping, AnElasticGangGoesOnWithoutASpare) {
  settle_west();
  JobSpec spec = western(gang(6, 4000));
  spec.groups.front().min_replicas = 4;
  world_.start("acme/llm/a", spec);
  ASSERT_EQ(tasks("acme/llm/a"), 6u);
  lose("west/h1/r2/n2");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2 r1/n3 r2/n1 r2/n3");
}

// ---- sizes

TEST_F(Reshaping, AnElasticGangStartsAsLargeAsThereIsRoom) {
  world_.start("acme/llm/other", gang(1, 8000));
  world_.start("acme/llm/a", elastic(2, 4));
  EXPECT_EQ(tasks("acme/llm/a"), 3u);
  EXPECT_EQ(world_.job("acme/llm/a").allocation->gpus, MilliGpu(24'000));
  EXPECT_EQ(world_.state().held_by_contract("acme/main"), MilliGpu(32'000));
}

TEST_F(Reshaping, AnElasticGangKeepsWithinItsContract) {
  contract_of(20);
  world_.start("acme/llm/a", elastic(1, 4));
  EXPECT_EQ(tasks("acme/llm/a"), 2u);
}

TEST_F(Reshaping, AnElasticGangIsNotHeldUpByARigidOneOfItsSize) {
  JobSpec rigid = gang(5, 8000);  // of four
  rigid.checkpoint = CheckpointSpec{std::nullopt, true};
  world_.start("acme/llm/rigid", rigid);
  world_.start("acme/llm/a", elastic(1, 5));
  EXPECT_EQ(world_.phase("acme/llm/rigid"), "pending");
  EXPECT_EQ(tasks("acme/llm/a"), 4u);
}

TEST_F(Reshaping, BelowItsLeastAnElasticGangWaits) {
  for (int i = 0; i < 3; ++i) world_.start(fmt::format("acme/llm/o{}", i), gang(1, 8000));
  world_.start("acme/llm/a", elastic(2, 4));
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending");
  ASSERT_TRUE(world_.job("acme/llm/a").promise);
  EXPECT_EQ(world_.job("acme/llm/a").promise->tasks.size(), 2u);
  EXPECT_EQ(world_.why("acme/llm/a").front().needed, MilliGpu(16'000));
  world_.finish("acme/llm/o0");
  world_.finish("acme/llm/o1");
  world_.tick();
  EXPECT_EQ(tasks("acme/llm/a"), 3u);  // more than it was promised
}

TEST_F(Reshaping, AGangGrowsWhenThereIsRoomAndNobodyWaits) {
  world_.start("acme/llm/other", gang(1, 8000));
  world_.start("acme/llm/a", elastic(2, 4));
  world_.begin("acme/llm/a");
  world_.finish("acme/llm/other");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");  // it has only just started
  world_.wait(minutes(30));
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(resized)");
  stop("acme/llm/a");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(tasks("acme/llm/a"), 4u);
  EXPECT_EQ(world_.job("acme/llm/a").saved, minutes(30));
  EXPECT_EQ(world_.job("acme/llm/a").attempt - world_.job("acme/llm/a").displaced, 1);  // no restart is used up
}

TEST_F(Reshaping, AGangDoesNotGrowWhileOthersWait) {
  world_.start("acme/llm/other", gang(2, 8000));
  world_.start("acme/llm/a", elastic(1, 4));
  ASSERT_EQ(tasks("acme/llm/a"), 2u);
  world_.begin("acme/llm/a");
  world_.start("acme/llm/waits", gang(3, 8000));
  world_.finish("acme/llm/other");
  world_.wait(hours(1));
  EXPECT_EQ(world_.phase("acme/llm/waits"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
}

TEST_F(Reshaping, AGangThatLosesItsWorkDoesNotGrow) {
  world_.start("acme/llm/other", gang(2, 8000));
  JobSpec forgetful = elastic(1, 4);
  forgetful.checkpoint.reset();
  world_.start("acme/llm/a", forgetful);
  world_.begin("acme/llm/a");
  world_.finish("acme/llm/other");
  world_.wait(hours(1));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
}

TEST_F(Reshaping, ResizesOnDemand) {
  world_.start("acme/llm/a", elastic(1, 4));
  world_.begin("acme/llm/a");
  world_.start("acme/llm/waits", gang(2, 8000));
  EXPECT_EQ(world_.phase("acme/llm/waits"), "pending");
  world_.good(ResizeJob{"acme/llm/a", 2, {}});
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(resized)");
  stop("acme/llm/a");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(tasks("acme/llm/a"), 2u);
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/waits"), "starting");
  EXPECT_EQ(world_.good(ResizeJob{"acme/llm/a", 2, {}}).changes[0].change, Change::kUnchanged);
  // It does not grow beyond what it was told.
  world_.begin("acme/llm/a");
  world_.finish("acme/llm/waits");
  world_.wait(hours(2));
  EXPECT_EQ(world_.phase("acme/llm/a"), "running");
}

TEST_F(Reshaping, RefusesSizesThatTheJobCannotHave) {
  world_.start("acme/llm/a", elastic(2, 4));
  EXPECT_EQ(world_.bad(ResizeJob{"acme/llm/a", 1, {}}).message, "expected 2 to 4 tasks of group 'worker', found 1");
  EXPECT_EQ(world_.bad(ResizeJob{"acme/llm/a", 5, {}}).path, "replicas");
  EXPECT_EQ(world_.bad(ResizeJob{"acme/llm/a", 3, Position(1)}).code, Code::kConflict);
  world_.start("acme/llm/rigid", gang(1, 1000));
  EXPECT_EQ(world_.bad(ResizeJob{"acme/llm/rigid", 1, {}}).code, Code::kFailedPrecondition);
}

// ---- moves

// Every node has four GPUs in use and four free.
void scatter(World& world, const JobSpec& half) {
  for (int i = 0; i < 8; ++i) world.start(fmt::format("acme/llm/s{}", i), half);
  std::set<std::string> nodes;
  for (int i = 0; i < 8; ++i) {
    const std::string name = fmt::format("acme/llm/s{}", i);
    world.begin(name);
    if (!nodes.insert(world.nodes(name)).second) world.finish(name);
  }
}

TEST_F(Reshaping, SpotWorkMovesForAGangThatFitsThenAndTheCostIsTold) {
  spot();
  JobSpec half = gang(1, 4000);
  half.checkpoint = CheckpointSpec{minutes(1), false};
  scatter(world_, half);
  world_.start("acme/llm/whole", gang(1, 8000));
  EXPECT_EQ(world_.reasons("acme/llm/whole"), "fragmented");
  world_.wait(minutes(9));
  EXPECT_FALSE(world_.job("acme/llm/whole").promise);  // they have only just started
  world_.wait(minutes(1) + seconds(30));
  ASSERT_TRUE(world_.job("acme/llm/whole").promise);
  EXPECT_EQ(world_.job("acme/llm/whole").promise->cause, "1 spot gang moves at a cost of 120 GPU-seconds of work since their checkpoints");
  std::string moved;
  for (const auto& [uid, job] : world_.facts().jobs) {
    if (job.reason == JobReason::kMoved) moved = job.name;
  }
  ASSERT_EQ(world_.phase(moved), "stopping(moved)");
  EXPECT_EQ(world_.job(moved).message,
            "moves so that acme/llm/whole has room; it loses 120 GPU-seconds of work since its checkpoint and has a place elsewhere");
  stop(moved);
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/whole"), "starting");
  EXPECT_EQ(world_.phase(moved), "starting");
}

TEST_F(Reshaping, AVictimIsNotToldWhatOthersRun) {
  ContractSpec lent = contract();
  lent.service_class = ServiceClass::kSpot;
  world_.apply({document("globex", TenantSpec{}), document("globex/lab", ProjectSpec{}), document("globex/spot", lent)});
  JobSpec all = gang(4, 8000);
  all.contract = "globex/spot";
  world_.start("globex/lab/a", all);
  world_.begin("globex/lab/a");
  world_.start("acme/llm/secret", gang(1, 8000));
  ASSERT_EQ(world_.phase("globex/lab/a"), "stopping(preempted)");
  EXPECT_EQ(world_.job("globex/lab/a").message.find("acme"), std::string::npos) << world_.job("globex/lab/a").message;
}

TEST_F(Reshaping, NobodyMovesAtACostThatTheWaitIsNotWorth) {
  spot();
  scatter(world_, gang(1, 4000));  // nothing is kept of what it did
  world_.wait(hours(2));
  world_.start("acme/llm/whole", gang(1, 8000));
  world_.wait(minutes(30));
  EXPECT_FALSE(world_.job("acme/llm/whole").promise);
  world_.wait(hours(2));  // 8 GPUs × 2.5 h are more than 4 GPUs × 4.5 h
  EXPECT_TRUE(world_.job("acme/llm/whole").promise);
}

TEST_F(Reshaping, NobodyMovesWhoHasNoOtherPlace) {
  spot();
  JobSpec half = gang(1, 4000);
  half.checkpoint = CheckpointSpec{minutes(1), false};
  half.groups.front().cpu = MilliCpu(40'000);  // of 64: no node holds two of them
  for (int i = 0; i < 4; ++i) {
    world_.start(fmt::format("acme/llm/s{}", i), half);
    world_.begin(fmt::format("acme/llm/s{}", i));
  }
  world_.start("acme/llm/whole", gang(1, 8000));
  EXPECT_EQ(world_.reasons("acme/llm/whole"), "fragmented");
  world_.wait(hours(1));
  EXPECT_FALSE(world_.job("acme/llm/whole").promise);
}

// ---- GPUs of a contract

TEST_F(Reshaping, AGangIsNotStarvedBySmallerOnesUnderItsContract) {
  contract_of(16);
  for (int i = 0; i < 3; ++i) world_.start(fmt::format("acme/llm/s{}", i), limited(gang(1, 4000), hours(1)));
  world_.start("acme/llm/large", gang(2, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_TRUE(world_.job("acme/llm/large").promise->tasks.empty());
  EXPECT_EQ(world_.job("acme/llm/large").promise->cause, "its contract has 4 of the 16 GPUs that it needs");
  EXPECT_EQ(world_.job("acme/llm/large").promise->at, world_.now + hours(1) + kStopMargin);
  EXPECT_EQ(world_.reasons("acme/llm/large"), "contract");
  world_.start("acme/llm/long", limited(gang(1, 4000), hours(2)));
  EXPECT_EQ(world_.phase("acme/llm/long"), "pending");
  EXPECT_EQ(world_.reasons("acme/llm/long"), "contract");
  world_.start("acme/llm/short", limited(gang(1, 4000), hours(1)));  // ends before
  EXPECT_EQ(world_.phase("acme/llm/short"), "starting");
  world_.now = world_.now + hours(1);
  for (const char* name : {"s0", "s1", "s2", "short"}) world_.finish(fmt::format("acme/llm/{}", name));
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/long"), "pending");
}

TEST_F(Reshaping, WhoWasPromisedLaterAndEndsBeforeTakesNoPromiseAway) {
  contract_of(16);
  world_.apply({document("globex", TenantSpec{}), document("globex/lab", ProjectSpec{}), document("globex/main", contract())});
  JobSpec other = limited(gang(1, 8000), minutes(30));
  other.contract = "globex/main";
  world_.start("acme/llm/s", limited(gang(1, 8000), hours(1)));
  for (int i = 0; i < 3; ++i) world_.start(fmt::format("globex/lab/o{}", i), other);
  world_.start("acme/llm/large", gang(2, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  const Promise given = *world_.job("acme/llm/large").promise;
  EXPECT_EQ(given.at, world_.now + hours(1) + kStopMargin);
  world_.wait(minutes(1));
  world_.start("acme/llm/short", limited(gang(1, 8000), minutes(10)));
  ASSERT_TRUE(world_.job("acme/llm/short").promise);
  EXPECT_EQ(world_.job("acme/llm/short").promise->tasks.size(), 1u);
  world_.wait(minutes(1));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_EQ(*world_.job("acme/llm/large").promise, given);
}

TEST_F(Reshaping, AGangIsNotStarvedBySmallerOnesInItsProject) {
  ProjectSpec project;
  project.quota = QuotaSpec{};
  project.quota->gpus = MilliGpu(16'000);
  world_.apply("acme/llm", project);
  for (int i = 0; i < 3; ++i) world_.start(fmt::format("acme/llm/s{}", i), gang(1, 4000));
  world_.start("acme/llm/large", gang(2, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_FALSE(world_.job("acme/llm/large").promise->at);  // nobody knows when
  for (int i = 0; i < 3; ++i) {
    world_.start(fmt::format("acme/llm/t{}", i), gang(1, 4000));
    world_.finish(fmt::format("acme/llm/s{}", i));
    world_.tick();
  }
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
}

TEST_F(Reshaping, WhatAContractWillNeverGiveIsPromisedToNobody) {
  contract_of(16);
  world_.start("acme/llm/s", gang(1, 4000));
  world_.start("acme/llm/large", gang(2, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  contract_of(8);
  world_.wait(minutes(1));
  EXPECT_FALSE(world_.job("acme/llm/large").promise);
  world_.start("acme/llm/t", gang(1, 4000));
  EXPECT_EQ(world_.phase("acme/llm/t"), "starting");
}

TEST_F(Reshaping, OnceItsGpusAreThereAGangIsPromisedNodes) {
  contract_of(24);
  world_.apply({document("globex", TenantSpec{}), document("globex/lab", ProjectSpec{}), document("globex/main", contract())});
  JobSpec other = limited(gang(1, 8000), hours(3));
  other.contract = "globex/main";
  world_.start("globex/lab/o", other);
  for (int i = 0; i < 2; ++i) world_.start(fmt::format("acme/llm/s{}", i), limited(gang(1, 8000), hours(1)));
  world_.start("globex/lab/p", other);
  world_.start("acme/llm/large", gang(3, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_TRUE(world_.job("acme/llm/large").promise->tasks.empty());
  world_.finish("acme/llm/s0");
  world_.finish("acme/llm/s1");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/large"), "pending");
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_EQ(world_.job("acme/llm/large").promise->tasks.size(), 3u);
}

}  // namespace
}  // namespace penstock
