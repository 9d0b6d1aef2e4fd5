// Admission, limits, and the order in which jobs start.
#include "world.h"

namespace penstock {
namespace {

class Queue : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  void set_quota(std::optional<MilliGpu> gpus, std::optional<std::int64_t> pending) {
    world_.apply("acme/llm", ProjectSpec{{}, QuotaSpec{gpus, pending}});
  }

  World world_;
};

TEST_F(Queue, RefusesEachJobByItself) {
  SubmitJobs batch;
  for (const char* name : {"acme/llm/a", "acme/web/b", "acme/llm/a", "acme/c", "acme/llm/d"}) {
    batch.items.push_back({Metadata{name, {}, {}}, gang(1, 1000)});
  }
  const Reply reply = world_.good(batch);
  ASSERT_EQ(reply.changes.size(), 2u);
  EXPECT_EQ(reply.changes[0].name, "acme/llm/a");
  EXPECT_EQ(reply.changes[1].name, "acme/llm/d");
  ASSERT_EQ(reply.refused.size(), 3u);
  EXPECT_EQ(reply.refused[0].index, 1u);
  EXPECT_EQ(reply.refused[0].code, "not-found");
  EXPECT_EQ(reply.refused[0].message, "there is no project 'acme/web'");
  EXPECT_EQ(reply.refused[0].path, "metadata.name");
  EXPECT_EQ(reply.refused[1].code, "already-exists");
  EXPECT_EQ(reply.refused[2].code, "invalid");
  EXPECT_EQ(world_.said(), "job.submitted job.submitted");
}

TEST_F(Queue, ANameIsFreeAgainWhenItsJobHasEnded) {
  const Uid first = world_.start("acme/llm/a", gang(1, 1000));
  EXPECT_EQ(world_.refused("acme/llm/a", gang(1, 1000)),
            "already-exists: job 'acme/llm/a' is starting already; choose another name, or cancel it first");
  world_.finish("acme/llm/a");
  const Uid second = world_.submit("acme/llm/a", gang(1, 1000));
  EXPECT_LT(first, second);
  EXPECT_EQ(world_.job("acme/llm/a").uid, second);
  EXPECT_EQ(world_.state().find_job(first)->phase, JobPhase::kSucceeded);
}

TEST_F(Queue, FindsTheContract) {
  const auto under = [](const std::string& name) {
    JobSpec spec = gang(1, 1000);
    spec.contract = name;
    return spec;
  };
  world_.submit("acme/llm/only", gang(1, 1000));
  EXPECT_EQ(world_.job("acme/llm/only").contract, "acme/main");

  world_.apply({document("acme/spot", contract()), document("zeta", TenantSpec{}), document("zeta/web", ProjectSpec{})});
  EXPECT_EQ(world_.refused("acme/llm/a", gang(1, 1000)),
            "invalid: tenant 'acme' has 2 contracts; name one of: acme/main, acme/spot");
  EXPECT_EQ(world_.refused("zeta/web/a", gang(1, 1000)), "invalid: tenant 'zeta' has no contract; apply a Contract first");
  EXPECT_EQ(world_.refused("zeta/web/a", under("acme/spot")), "not-found: tenant 'zeta' has no contract 'acme/spot'");
  EXPECT_EQ(world_.refused("acme/llm/a", under("acme/none")), "not-found: tenant 'acme' has no contract 'acme/none'");
  world_.submit("acme/llm/named", under("acme/spot"));
  EXPECT_EQ(world_.job("acme/llm/named").contract, "acme/spot");
}

TEST_F(Queue, APrefixIsNotATenant) {
  world_.apply({document("acm", TenantSpec{}), document("acm/web", ProjectSpec{})});
  EXPECT_EQ(world_.refused("acm/web/a", gang(1, 1000)), "invalid: tenant 'acm' has no contract; apply a Contract first");
}

TEST_F(Queue, QuotaOfWaitingJobs) {
  set_quota({}, 2);
  world_.submit("acme/llm/a", gang(5, 8000));
  world_.submit("acme/llm/b", gang(5, 8000));
  EXPECT_EQ(world_.refused("acme/llm/c", gang(1, 1000)), "limit-exceeded: project 'acme/llm' has 2 workloads waiting, its quota");
  world_.good(CancelJob{"acme/llm/a", {}});
  world_.start("acme/llm/c", gang(1, 1000));  // starts, so it does not wait
  world_.submit("acme/llm/d", gang(1, 1000));
}

TEST_F(Queue, QuotaOfGpus) {
  set_quota(MilliGpu(12'000), {});
  EXPECT_EQ(world_.refused("acme/llm/a", gang(13, 1000)),
            "limit-exceeded: the job needs 13 GPUs, more than the quota of project 'acme/llm' (12)");
  world_.start("acme/llm/a", gang(1, 8000));
  world_.start("acme/llm/b", gang(5, 1000));
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  world_.start("acme/llm/c", gang(4, 1000));  // there is room for it, but then b would wait for it as well
  EXPECT_EQ(world_.phase("acme/llm/c"), "pending");
  EXPECT_EQ(world_.reasons("acme/llm/c"), "quota");
  world_.finish("acme/llm/a");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/c"), "starting");
}

TEST_F(Queue, AContractGivesMoreGpusByDate) {
  ContractSpec ramping = contract();
  ramping.ramp = {{world_.now + hours(1), 4}, {world_.now + hours(2), 8}};
  world_.apply("acme/main", ramping);
  for (const char* name : {"acme/llm/a", "acme/llm/b"}) world_.start(name, gang(1, 4000));
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending");
  world_.wait(minutes(59));
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending");
  world_.wait(minutes(1));
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  world_.wait(hours(1));
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
}

TEST_F(Queue, TheCalendarIsLookedAtWithoutAnyOtherCause) {
  ContractSpec later = contract();
  later.from = world_.now + seconds(90);
  world_.apply("acme/main", later);
  world_.start("acme/llm/a", gang(1, 1000));
  // As the server does it: a tick whenever one is due.
  for (int i = 0; i < 2; ++i) {
    const auto due = world_.engine().next_due();
    ASSERT_TRUE(due);
    EXPECT_GT(*due, world_.now);
    world_.wait(*due - world_.now);
  }
  EXPECT_NE(world_.phase("acme/llm/a"), "pending");
}

TEST_F(Queue, AContractHasATerm) {
  ContractSpec term = contract();
  term.from = world_.now + hours(1);
  term.until = world_.now + hours(2);
  world_.apply("acme/main", term);
  world_.start("acme/llm/a", gang(1, 1000));
  EXPECT_EQ(world_.phase("acme/llm/a"), "pending");
  world_.wait(hours(1));
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  world_.now = world_.now + hours(1);
  world_.start("acme/llm/b", gang(1, 1000));
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");  // what runs is not taken away
}

TEST_F(Queue, StartsByPriorityAndThenByAge) {
  world_.start("acme/llm/all", gang(4, 8000));
  for (const auto& [name, priority] : std::map<std::string, int>{{"a", 0}, {"b", 5}, {"c", 0}, {"d", 5}}) {
    world_.submit("acme/llm/" + name, gang(2, 8000, priority));
  }
  world_.tick();
  world_.finish("acme/llm/all");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/d"), "starting");
  world_.finish("acme/llm/b");
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/c"), "pending");
}

TEST_F(Queue, NobodyOvertakesAPromisedJob) {
  world_.start("acme/llm/one", gang(1, 8000));
  world_.start("acme/llm/high", gang(4, 8000, 10));
  EXPECT_TRUE(world_.job("acme/llm/high").promise);
  for (const auto& [name, priority] : {std::pair{"low", 9}, std::pair{"equal", 10}, std::pair{"higher", 11}}) {
    world_.start(fmt::format("acme/llm/{}", name), gang(1, 1000, priority));
    EXPECT_EQ(world_.phase(fmt::format("acme/llm/{}", name)), "pending");
  }
  world_.good(CancelJob{"acme/llm/high", {}});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/low"), "starting");
}

TEST_F(Queue, LowerPriorityMayUseWhatTheHigherCannot) {
  world_.enrol("south/h1/r1/n1");
  world_.start("acme/llm/one", gang(1, 8000));
  JobSpec northern = gang(4, 8000, 10);
  northern.sites = {"north"};
  world_.start("acme/llm/high", northern);
  world_.start("acme/llm/low", gang(1, 1000));
  EXPECT_EQ(world_.phase("acme/llm/high"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/low"), "starting");
  EXPECT_EQ(world_.job("acme/llm/low").allocation->tasks[0].node, "south/h1/r1/n1");
}

TEST_F(Queue, WhatCanNeverStartHoldsNobodyBack) {
  world_.start("acme/llm/huge", gang(5, 8000, 10));
  // Each group would fit alone, but not both.
  JobSpec pair = gang(3, 8000, 10);
  pair.groups.push_back(pair.groups[0]);
  pair.groups[1].name = "other";
  world_.start("acme/llm/pair", pair);
  world_.start("acme/llm/low", gang(1, 1000));
  EXPECT_EQ(world_.phase("acme/llm/huge"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/pair"), "pending");
  EXPECT_EQ(world_.phase("acme/llm/low"), "starting");
}

TEST_F(Queue, WhatALimitStopsHoldsNobodyBack) {
  world_.apply({document("acme/small", ProjectSpec{{}, QuotaSpec{MilliGpu(8000), {}}})});
  world_.start("acme/small/one", gang(1, 8000));
  world_.start("acme/small/two", gang(1, 8000, 10));
  EXPECT_EQ(world_.phase("acme/small/two"), "pending");
  world_.start("acme/llm/low", gang(1, 8000));
  EXPECT_EQ(world_.phase("acme/llm/low"), "starting");
}

TEST_F(Queue, CancelsInEveryPhase) {
  EXPECT_EQ(world_.bad(CancelJob{"acme/llm/none", {}}).code, Code::kNotFound);
  world_.submit("acme/llm/pending", gang(1, 1000));
  EXPECT_EQ(world_.bad(CancelJob{"acme/llm/pending", 1}).code, Code::kConflict);
  world_.good(CancelJob{"acme/llm/pending", world_.job("acme/llm/pending").version});
  EXPECT_EQ(world_.phase("acme/llm/pending"), "cancelled(cancelled)");
  EXPECT_EQ(world_.job("acme/llm/pending").message, "cancelled by token:test");
  EXPECT_EQ(world_.bad(CancelJob{"acme/llm/pending", {}}).code, Code::kFailedPrecondition);
  EXPECT_EQ(world_.said(), "job.submitted job.finished");

  world_.start("acme/llm/starting", gang(2, 1000));
  world_.good(CancelJob{"acme/llm/starting", {}});
  EXPECT_EQ(world_.phase("acme/llm/starting"), "stopping(cancelled)");
  const Reply again = world_.good(CancelJob{"acme/llm/starting", {}});
  EXPECT_EQ(again.changes[0].change, Change::kUnchanged);
  world_.report({world_.ended("acme/llm/starting", 0, TaskEnd::kStopped), world_.ended("acme/llm/starting", 1, TaskEnd::kStopped)});
  EXPECT_EQ(world_.phase("acme/llm/starting"), "cancelled(cancelled)");

  world_.start("acme/llm/running", gang(1, 1000));
  world_.begin("acme/llm/running");
  world_.good(CancelJob{"acme/llm/running", {}});
  world_.finish("acme/llm/running");
  EXPECT_EQ(world_.phase("acme/llm/running"), "cancelled(cancelled)");
  EXPECT_EQ(world_.bad(CancelJob{"acme/llm/running", {}}).message, "job 'acme/llm/running' has cancelled already");
}

TEST_F(Queue, ACancelledJobIsNotStartedAgainAfterItsFailure) {
  JobSpec spec = gang(2, 1000);
  spec.max_restarts = 3;
  world_.start("acme/llm/a", spec);
  world_.report({world_.exited("acme/llm/a", 0, 1)});
  EXPECT_EQ(world_.phase("acme/llm/a"), "stopping(task-failed)");
  world_.good(CancelJob{"acme/llm/a", {}});
  world_.report({world_.ended("acme/llm/a", 1, TaskEnd::kStopped)});
  EXPECT_EQ(world_.phase("acme/llm/a"), "cancelled(cancelled)");
}

TEST_F(Queue, FinishedJobsLeaveMemory) {
  world_.start("acme/llm/a", gang(1, 1000));
  world_.finish("acme/llm/a");
  EXPECT_EQ(*world_.engine().next_due(), world_.now + kFinishedAge + minutes(1));
  world_.wait(kFinishedAge);
  EXPECT_EQ(world_.phase("acme/llm/a"), "succeeded(completed)");
  world_.wait(minutes(1));
  EXPECT_EQ(world_.state().find_job("acme/llm/a"), nullptr);
  EXPECT_TRUE(world_.facts().jobs.empty());
  EXPECT_EQ(world_.facts().usage_by_project.size(), 1u);
  EXPECT_EQ(world_.engine().next_due(), world_.state().next_cut());
}

TEST_F(Queue, OnlySoManyFinishedJobsStayInMemory) {
  world_.watchful = false;
  SubmitJobs batch;
  for (std::size_t i = 0; i < kMostFinished + 999; ++i) {
    batch.items.push_back({Metadata{fmt::format("acme/llm/j{}", i), {}, {}}, gang(1, 1000)});
  }
  world_.good(batch);
  for (const auto& item : batch.items) world_.good(CancelJob{item.metadata.name, {}});
  world_.tick();
  EXPECT_EQ(world_.facts().jobs.size(), kMostFinished + 999);
  world_.submit("acme/llm/last", gang(1, 1000));
  world_.good(CancelJob{"acme/llm/last", {}});
  world_.tick();
  EXPECT_EQ(world_.facts().jobs.size(), kMostFinished);
  EXPECT_EQ(world_.state().find_job("acme/llm/j0"), nullptr);
  EXPECT_NE(world_.state().find_job("acme/llm/j1000"), nullptr);
}

TEST_F(Queue, ABatchHasAMostSize) {
  SubmitJobs batch;
  batch.items.resize(100'001);
  EXPECT_EQ(world_.bad(batch).code, Code::kLimitExceeded);
}

}  // namespace
}  // namespace penstock
