// Whose turn it is, what is promised, what makes way, and what holds a job back.
#include "world.h"

#include "engine/queue/promise.h"
#include "engine/queue/shares.h"

namespace penstock {
namespace {

class Scheduling : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  void contracts(std::initializer_list<std::pair<const char*, ServiceClass>> list) {
    for (const auto& [name, service_class] : list) {
      ContractSpec spec = contract();
      spec.service_class = service_class;
      world_.apply(name, spec);
    }
  }
  static JobSpec under(const std::string& contract, JobSpec spec) {
    spec.contract = contract;
    return spec;
  }
  static JobSpec limited(JobSpec spec, Duration limit) {
    spec.time_limit = limit;
    spec.stop_grace = Duration();
    return spec;
  }
  std::optional<Time> promised(const std::string& name) {
    const auto& promise = world_.job(name).promise;
    return promise ? promise->at : std::nullopt;
  }
  // Work ends on time, as time passes.
  void pass_until(Time end) {
    while (world_.now < end) {
      Time next = end;
      std::vector<std::string> over;
      for (const auto& [uid, job] : world_.facts().jobs) {
        if (job.holds() && job.allocation->until) next = std::min(next, *job.allocation->until);
      }
      world_.now = std::max(world_.now, next);
      for (const auto& [uid, job] : world_.facts().jobs) {
        if (job.holds() && job.allocation->until && *job.allocation->until <= world_.now) over.push_back(job.name);
      }
      for (const std::string& name : over) world_.finish(name);
      world_.tick();
    }
  }

  World world_;
};

// ---- promises

TEST_F(Scheduling, PromisesALargeGangTheDateAtWhichItsNodesAreFree) {
  world_.start("acme/llm/a", limited(gang(1, 8000), hours(2)));
  world_.start("acme/llm/b", limited(gang(1, 8000), hours(1)));
  world_.start("acme/llm/large", gang(4, 8000));
  EXPECT_EQ(promised("acme/llm/large"), world_.now + hours(2) + kStopMargin);
  EXPECT_EQ(world_.reasons("acme/llm/large"), "gpus-busy");
}

TEST_F(Scheduling, BackfillEndsBeforeThePromise) {
  world_.start("acme/llm/a", limited(gang(1, 8000), hours(2)));
  world_.start("acme/llm/large", gang(4, 8000));
  const Time promise = *promised("acme/llm/large");
  world_.start("acme/llm/long", limited(gang(1, 8000), hours(3)));
  world_.start("acme/llm/endless", gang(1, 1000));
  world_.start("acme/llm/short", limited(gang(1, 8000), hours(2)));
  EXPECT_EQ(world_.phase("acme/llm/long"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/endless"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/short"), "starting");
  EXPECT_EQ(world_.reasons("acme/llm/endless"), "ahead-in-queue");
  pass_until(promise);
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
  EXPECT_LE(world_.job("acme/llm/large").allocation->from, promise);
}

TEST_F(Scheduling, APromisedJobStartsEarlierIfItCan) {
  world_.start("acme/llm/a", limited(gang(1, 8000), hours(2)));
  world_.start("acme/llm/large", gang(4, 8000));
  world_.wait(minutes(10));
  world_.finish("acme/llm/a");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
  EXPECT_FALSE(world_.job("acme/llm/large").promise);
}

TEST_F(Scheduling, ALargeGangIsNotStarvedBySmallJobsWithoutALimit) {
  for (int i = 0; i < 4; ++i) world_.start(fmt::format("acme/llm/s{}", i), gang(1, 8000));
  world_.start("acme/llm/large", gang(4, 8000));
  ASSERT_TRUE(world_.job("acme/llm/large").promise);
  EXPECT_FALSE(promised("acme/llm/large"));  // nobody knows when
  for (int i = 0; i < 4; ++i) {
    world_.start(fmt::format("acme/llm/t{}", i), gang(1, 8000));
    world_.finish(fmt::format("acme/llm/s{}", i));
    world_.tick();
  }
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(world_.phase(fmt::format("acme/llm/t{}", i)), "pending");
}

TEST_F(Scheduling, APromiseThatCannotBeKeptIsGivenAnew) {
  world_.enrol("south/h1/r1/n1");
  world_.enrol("south/h1/r1/n2");
  JobSpec southern = limited(gang(1, 4000), hours(2));
  southern.sites = {"south"};
  world_.start("acme/llm/a", southern);
  JobSpec both = gang(2, 4000);
  both.sites = {"south"};
  world_.start("acme/llm/large", both);
  ASSERT_EQ(promised("acme/llm/large"), world_.now + hours(2) + kStopMargin);
  world_.said();
  world_.wait(kNodeLease + kLeaseMargin);  // both nodes are lost, and what ran there
  EXPECT_EQ(world_.phase("acme/llm/a"), "failed(node-lost)");
  EXPECT_FALSE(world_.job("acme/llm/large").promise);
  EXPECT_NE(world_.said().find("job.unpromised"), std::string::npos);
  world_.sync("south/h1/r1/n1");
  world_.sync("south/h1/r1/n2");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/large"), "starting");
}

TEST_F(Scheduling, PromisesSurviveARestart) {
  world_.start("acme/llm/a", limited(gang(1, 8000), hours(2)));
  world_.start("acme/llm/large", gang(4, 8000));
  const auto promise = promised("acme/llm/large");
  world_.restart();
  world_.start("acme/llm/long", limited(gang(1, 8000), hours(3)));
  EXPECT_EQ(world_.phase("acme/llm/long"), "pending");
  EXPECT_EQ(promised("acme/llm/large"), promise);
}

TEST_F(Scheduling, SpotWorkIsPromisedNothing) {
  contracts({{"acme/spot", ServiceClass::kSpot}});
  world_.start("acme/llm/a", under("acme/main", limited(gang(1, 8000), hours(2))));
  world_.start("acme/llm/large", under("acme/spot", gang(4, 8000)));
  EXPECT_FALSE(world_.job("acme/llm/large").promise);
  world_.start("acme/llm/b", under("acme/main", gang(3, 8000)));
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
}

// ---- turns

TEST_F(Scheduling, PriorityIsWaitingTime) {
  world_.start("acme/llm/all", gang(4, 8000));
  world_.start("acme/llm/old", gang(4, 8000));
  world_.wait(minutes(25));
  world_.submit("acme/llm/two", gang(4, 8000, 2));
  world_.submit("acme/llm/three", gang(4, 8000, 3));
  world_.good(CancelJob{"acme/llm/old", {}});  // its promise goes with it
  world_.submit("acme/llm/later", gang(4, 8000, 2));
  world_.finish("acme/llm/all");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/three"), "starting");
  const auto since = [&](const char* name) { return queue_key(world_.job(name)).since; };
  EXPECT_LT(since("acme/llm/three"), since("acme/llm/two"));
  EXPECT_LT(queue_key(*world_.state().find_job("acme/llm/old")).since, since("acme/llm/two") + minutes(0));
}

TEST_F(Scheduling, TenantsTakeTurnsByWhatTheyHold) {
  world_.apply({document("zeta", TenantSpec{}), document("zeta/llm", ProjectSpec{}), document("zeta/main", contract())});
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("acme/llm/j{}", i), gang(1, 4000));
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("zeta/llm/j{}", i), gang(1, 4000));
  world_.tick();
  EXPECT_EQ(world_.state().held_by_tenant("acme"), MilliGpu(16'000));
  EXPECT_EQ(world_.state().held_by_tenant("zeta"), MilliGpu(16'000));
}

TEST_F(Scheduling, AHeavierWeightGetsMore) {
  TenantSpec heavy;
  heavy.share = ShareSpec{3, std::nullopt};
  world_.apply({document("zeta", heavy), document("zeta/llm", ProjectSpec{}), document("zeta/main", contract())});
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("acme/llm/j{}", i), gang(1, 4000));
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("zeta/llm/j{}", i), gang(1, 4000));
  world_.tick();
  EXPECT_EQ(world_.state().held_by_tenant("acme"), MilliGpu(8'000));
  EXPECT_EQ(world_.state().held_by_tenant("zeta"), MilliGpu(24'000));
}

TEST_F(Scheduling, WhatIsGuaranteedComesFirst) {
  TenantSpec sure;
  sure.share = ShareSpec{1, MilliGpu(24'000)};
  world_.apply({document("zeta", sure), document("zeta/llm", ProjectSpec{}), document("zeta/main", contract())});
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("acme/llm/j{}", i), gang(1, 4000));
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("zeta/llm/j{}", i), gang(1, 4000));
  world_.tick();
  EXPECT_EQ(world_.state().held_by_tenant("zeta"), MilliGpu(24'000));
}

TEST_F(Scheduling, WhatWasUsedLatelyCounts) {
  world_.apply({document("zeta", TenantSpec{}), document("zeta/llm", ProjectSpec{}), document("zeta/main", contract())});
  world_.start("acme/llm/past", gang(4, 8000));
  world_.wait(hours(24));
  world_.finish("acme/llm/past");
  for (const char* name : {"acme/llm/a", "acme/llm/b"}) world_.submit(name, gang(1, 8000));
  for (int i = 0; i < 8; ++i) world_.submit(fmt::format("zeta/llm/j{}", i), gang(1, 4000));
  world_.tick();
  // acme held 16 GPUs on average of the last day: zeta holds as many before acme has its turn again.
  EXPECT_GE(world_.state().held_by_tenant("zeta"), MilliGpu(16'000));
  EXPECT_GT(world_.facts().shares.at("acme").average, 15'900'000);
  EXPECT_LT(world_.facts().shares.at("acme").average, 16'100'000);
}

TEST(Shares, HalveInAHalfLife) {
  const std::uint64_t one = std::uint64_t{1} << 32;
  EXPECT_EQ(decay(Duration(), hours(24)), one);
  EXPECT_EQ(decay(hours(24), hours(24)), one / 2);
  EXPECT_EQ(decay(hours(240), hours(24)), one / 1024);
  EXPECT_EQ(decay(hours(24 * 40), hours(24)), 0u);
  // In many steps as in one, within a thousandth.
  std::uint64_t steps = one;
  for (int i = 0; i < 24 * 60; ++i) steps = steps * (decay(minutes(1), hours(24)) >> 1) / (one / 2);
  EXPECT_NEAR(static_cast<double>(steps), static_cast<double>(one / 2), static_cast<double>(one) / 1000);
}

// ---- classes

TEST_F(Scheduling, ReservedWorkReclaimsWhatLosesLeast) {
  contracts({{"acme/gold", ServiceClass::kReserved}, {"acme/spot", ServiceClass::kSpot}});
  JobSpec spot = under("acme/spot", gang(1, 8000));
  spot.checkpoint = CheckpointSpec{hours(1), false};
  world_.start("acme/llm/early", spot);
  world_.begin("acme/llm/early");
  world_.wait(minutes(50));
  world_.start("acme/llm/middle", spot);
  world_.begin("acme/llm/middle");
  world_.wait(minutes(15));  // early wrote a checkpoint five minutes ago, middle has none
  world_.start("acme/llm/late", under("acme/spot", gang(2, 8000)));
  world_.begin("acme/llm/late");
  world_.wait(minutes(10));
  world_.start("acme/llm/gold", under("acme/gold", gang(1, 8000)));
  EXPECT_EQ(world_.phase("acme/llm/early"), "stopping(preempted)");  // it loses 8 GPUs × 15 min
  EXPECT_EQ(world_.phase("acme/llm/middle"), "running");             // 8 × 25 min
  EXPECT_EQ(world_.phase("acme/llm/late"), "running");               // 16 × 10 min
  EXPECT_EQ(world_.job("acme/llm/early").message,
            "acme/llm/gold needs its place; of 3 gangs that could make way it was among those that lose least: 7200 "
            "GPU-seconds since its checkpoint");
  world_.finish("acme/llm/early");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/gold"), "starting");
}

TEST_F(Scheduling, VictimsComeBackWithTheirProgress) {
  contracts({{"acme/gold", ServiceClass::kReserved}, {"acme/spot", ServiceClass::kSpot}});
  JobSpec spot = under("acme/spot", gang(4, 8000));
  spot.checkpoint = CheckpointSpec{minutes(30), false};
  spot.stop_grace = minutes(10);
  world_.start("acme/llm/spot", spot);
  world_.begin("acme/llm/spot");
  world_.wait(minutes(70));
  world_.start("acme/llm/gold", under("acme/gold", gang(1, 8000)));
  ASSERT_EQ(world_.phase("acme/llm/spot"), "stopping(preempted)");
  EXPECT_EQ(world_.job("acme/llm/spot").grace, minutes(2) - kStopMargin);  // not its own ten minutes
  EXPECT_EQ(promised("acme/llm/gold"), world_.now + minutes(2));
  world_.start("acme/llm/other", under("acme/main", gang(1, 8000)));
  world_.finish("acme/llm/spot");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/gold"), "starting");
  const Job& back = world_.job("acme/llm/spot");
  EXPECT_EQ(back.saved, minutes(60));
  EXPECT_EQ(back.displaced, 1);
  EXPECT_EQ(back.attempt, 2);
  EXPECT_EQ(back.phase, JobPhase::kPending);
}

TEST_F(Scheduling, OnlyAsManyMakeWayAsAreNeeded) {
  contracts({{"acme/gold", ServiceClass::kReserved}, {"acme/spot", ServiceClass::kSpot}});
  for (int i = 0; i < 32; ++i) world_.start(fmt::format("acme/llm/s{}", i), under("acme/spot", gang(1, 1000)));
  world_.start("acme/llm/gold", under("acme/gold", gang(1, 8000)));
  int victims = 0;
  for (int i = 0; i < 32; ++i) victims += world_.phase(fmt::format("acme/llm/s{}", i)) == "stopping(preempted)";
  EXPECT_EQ(victims, 8);
}

TEST_F(Scheduling, OnDemandWorkLeavesReservedGpusAlone) {
  contracts({{"acme/spot", ServiceClass::kSpot}});
  ContractSpec gold = contract();
  gold.service_class = ServiceClass::kReserved;
  gold.ramp = {{world_.now, 24}};
  gold.sites = {"north"};
  world_.apply("acme/gold", gold);
  world_.start("acme/llm/a", under("acme/main", gang(1, 8000)));
  world_.start("acme/llm/b", under("acme/main", gang(1, 1000)));
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  EXPECT_EQ(world_.reasons("acme/llm/b"), "reserved");
  // Spot work may use it meanwhile, and makes way.
  world_.start("acme/llm/spot", under("acme/spot", gang(3, 8000)));
  EXPECT_EQ(world_.phase("acme/llm/spot"), "starting");
  world_.start("acme/llm/gold", under("acme/gold", gang(3, 8000)));
  world_.finish("acme/llm/spot");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/gold"), "starting");
  world_.finish("acme/llm/a");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
}

TEST_F(Scheduling, TheClassOfAContractStaysWhileWorkRunsUnderIt) {
  world_.start("acme/llm/a", gang(1, 1000));
  ContractSpec spot = contract();
  spot.service_class = ServiceClass::kSpot;
  EXPECT_EQ(world_.bad(ApplyDocuments{{document("acme/main", spot)}, false}).path, "spec.class");
  world_.finish("acme/llm/a");
  world_.start("acme/llm/all", gang(4, 8000));
  world_.submit("acme/llm/waits", gang(4, 8000));
  world_.finish("acme/llm/all");
  world_.apply("acme/main", spot);
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/waits"), "starting");
}

// ---- holds, dependencies, reservations, arrays, suspension

TEST_F(Scheduling, HoldsAndReleases) {
  JobSpec spec = gang(1, 1000);
  spec.hold = true;
  world_.start("acme/llm/a", spec);
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending");
  EXPECT_EQ(world_.reasons("acme/llm/a"), "hold");
  EXPECT_EQ(world_.good(HoldJob{"acme/llm/a", true, {}}).changes[0].change, Change::kUnchanged);
  world_.good(HoldJob{"acme/llm/a", false, {}});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.bad(HoldJob{"acme/llm/a", true, {}}).code, Code::kFailedPrecondition);
  EXPECT_EQ(world_.bad(HoldJob{"acme/llm/none", true, {}}).code, Code::kNotFound);
  EXPECT_EQ(world_.bad(HoldJob{"acme/llm/a", true, 1}).code, Code::kConflict);
}

TEST_F(Scheduling, SuspendsAndResumesWithWhatItsCheckpointsKeep) {
  JobSpec spec = gang(1, 8000);
  spec.checkpoint = CheckpointSpec{std::nullopt, true};
  world_.start("acme/llm/a", spec);
  world_.begin("acme/llm/a");
  world_.wait(minutes(20));
  world_.good(SuspendJob{"acme/llm/a", {}});
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(suspended)");
  EXPECT_EQ(world_.good(SuspendJob{"acme/llm/a", {}}).changes[0].change, Change::kUnchanged);
  world_.report({world_.ended("acme/llm/a", 0, TaskEnd::kStopped)});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending(suspended)");
  EXPECT_EQ(world_.job("acme/llm/a").saved, minutes(20));
  EXPECT_EQ(world_.reasons("acme/llm/a"), "hold");
  world_.good(HoldJob{"acme/llm/a", false, {}});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
}

TEST_F(Scheduling, WaitsForAnotherJobToSucceed) {
  world_.start("acme/llm/first", gang(1, 1000));
  JobSpec second = gang(1, 1000);
  second.after = {{"acme/llm/first", DependencyKind::kOk}};
  world_.start("acme/llm/second", second);
  EXPECT_EQ(world_.reasons("acme/llm/second"), "dependency");
  JobSpec third = gang(1, 1000);
  third.after = {{"acme/llm/second", DependencyKind::kOk}, {"acme/llm/first", DependencyKind::kAny}};
  world_.start("acme/llm/third", third);
  world_.finish("acme/llm/first");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/second"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/third"), "pending");
  world_.finish("acme/llm/second");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/third"), "starting");
}

TEST_F(Scheduling, WhatNeededAJobToSucceedEndsWithIt) {
  world_.start("acme/llm/a", gang(1, 1000));
  for (const auto& [name, after, when] : {std::tuple{"b", "a", DependencyKind::kOk}, std::tuple{"c", "b", DependencyKind::kOk},
                                          std::tuple{"d", "a", DependencyKind::kAny}}) {
    JobSpec spec = gang(1, 1000);
    spec.after = {{fmt::format("acme/llm/{}", after), when}};
    world_.start(fmt::format("acme/llm/{}", name), spec);
  }
  world_.report({world_.exited("acme/llm/a", 0, 1)});
  EXPECT_EQ(world_.phase("acme/llm/a"), "failed(task-failed)");
  EXPECT_EQ(world_.phase("acme/llm/b"), "cancelled(dependency)");
  EXPECT_EQ(world_.phase("acme/llm/c"), "cancelled(dependency)");
  EXPECT_EQ(world_.job("acme/llm/c").message, "acme/llm/b has cancelled");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/d"), "starting");
  JobSpec late = gang(1, 1000);
  late.after = {{"acme/llm/a", DependencyKind::kOk}};
  EXPECT_EQ(world_.refused("acme/llm/e", late), "failed-precondition: job 'acme/llm/a' has failed");
  late.after = {{"acme/llm/none", DependencyKind::kOk}};
  EXPECT_EQ(world_.refused("acme/llm/e", late),
            "not-found: there is no job 'acme/llm/none'; submit it first, or in the same request before this one");
  late.after = {{"acme/web/x", DependencyKind::kOk}};
  EXPECT_EQ(world_.refused("acme/llm/e", late), "invalid: 'acme/web/x' is not of the same project");
}

TEST_F(Scheduling, AReservationStartsAtItsDateAndKeepsItsPlace) {
  JobSpec later = gang(4, 8000);
  later.start_at = world_.now + hours(5);
  world_.start("acme/llm/later", later);
  EXPECT_EQ(promised("acme/llm/later"), later.start_at);
  EXPECT_EQ(world_.reasons("acme/llm/later"), "reservation");
  world_.start("acme/llm/endless", gang(1, 8000));
  world_.start("acme/llm/short", limited(gang(1, 8000), hours(4)));
  EXPECT_EQ(world_.phase("acme/llm/endless"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/short"), "starting");
  pass_until(*later.start_at);
  EXPECT_EQ(world_.phase("acme/llm/later"), "starting");
  EXPECT_EQ(world_.job("acme/llm/later").allocation->from, later.start_at);
}

TEST_F(Scheduling, AnArrayIsManyJobs) {
  JobSpec spec = gang(1, 1000);
  spec.array = 40;
  SubmitJobs submit;
  submit.items.push_back({Metadata{"acme/llm/sweep", {}, {}}, spec});
  const Reply reply = world_.good(submit);
  ASSERT_EQ(reply.changes.size(), 40u);
  EXPECT_EQ(reply.changes[39].name, "acme/llm/sweep-39");
  world_.tick();
  EXPECT_EQ(world_.state().held_by_project("acme/llm"), MilliGpu(32'000));
  EXPECT_EQ(world_.job("acme/llm/sweep-7").spec.groups[0].env.at("PENSTOCK_ARRAY_INDEX"), "7");
  EXPECT_EQ(world_.phase("acme/llm/sweep-31"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/sweep-32"), "pending");
  spec.array = 100'000;
  submit.items = {{Metadata{"acme/llm/big", {}, {}}, spec}, {Metadata{"acme/llm/one", {}, {}}, gang(1, 1000)}};
  EXPECT_EQ(world_.bad(submit).code, Code::kLimitExceeded);
}

}  // namespace
}  // namespace penstock
