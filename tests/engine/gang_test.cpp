// The life of a gang: it starts whole, one failure ends all, it ends once.
#include "world.h"

#include "engine/queue/gang.h"

namespace penstock {
namespace {

class Gang : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  void start(JobSpec spec, std::int32_t restarts = 0) {
    spec.max_restarts = restarts;
    world_.start("acme/llm/a", std::move(spec));
    ASSERT_EQ(phase(), "starting");
    world_.said();
  }
  std::string phase() const { return world_.phase("acme/llm/a"); }
  const Job& job() const { return world_.job("acme/llm/a"); }
  TaskReport running(std::int32_t rank) const { return world_.running("acme/llm/a", rank); }
  TaskReport exited(std::int32_t rank, std::int32_t code = 0) const { return world_.exited("acme/llm/a", rank, code); }
  TaskReport ended(std::int32_t rank, TaskEnd end) const { return world_.ended("acme/llm/a", rank, end); }

  World world_;
};

TEST_F(Gang, RunsWhenEveryTaskRunsAndSucceedsWhenEveryTaskHas) {
  start(gang(3, 1000));
  world_.now = world_.now + seconds(1);
  world_.report({running(0), running(2)});
  EXPECT_EQ(phase(), "starting");
  EXPECT_EQ(job().started, std::nullopt);
  world_.now = world_.now + seconds(1);
  world_.report({running(1)});
  EXPECT_EQ(phase(), "running");
  EXPECT_EQ(job().started, world_.now);
  world_.report({exited(1), exited(0)});
  EXPECT_EQ(phase(), "running");
  EXPECT_EQ(world_.state().held_by_project("acme/llm"), MilliGpu(3000));
  world_.now = world_.now + seconds(1);
  world_.report({exited(2)});
  EXPECT_EQ(phase(), "succeeded(completed)");
  EXPECT_EQ(job().message, "");
  EXPECT_EQ(job().ended, world_.now);
  EXPECT_EQ(world_.state().held_by_project("acme/llm"), MilliGpu());
  EXPECT_EQ(world_.said(),
            "task.changed task.changed task.changed task.changed task.changed task.changed usage.recorded job.finished");
}

TEST_F(Gang, ATaskMayEndBeforeItWasSeenToRun) {
  start(gang(1, 1000));
  world_.report({exited(0)});
  EXPECT_EQ(phase(), "succeeded(completed)");
}

TEST_F(Gang, OneFailureStopsTheOthers) {
  start(gang(3, 1000));
  world_.begin("acme/llm/a");
  world_.said();
  TaskReport failure = exited(1, 3);
  failure.message = "out of tokens";
  world_.report({failure});
  EXPECT_EQ(phase(), "stopping(task-failed)");
  EXPECT_EQ(job().message, "task 1 on north/h1/r1/n1: exit status 3: out of tokens");
  EXPECT_EQ(world_.said(), "task.changed job.stopping");
  // What the others say while they are being stopped does not change the reason.
  TaskReport killed = ended(0, TaskEnd::kSignaled);
  killed.signal = 9;
  world_.report({killed});
  EXPECT_EQ(phase(), "stopping(task-failed)");
  world_.report({ended(2, TaskEnd::kStopped)});
  EXPECT_EQ(phase(), "failed(task-failed)");
  EXPECT_EQ(job().message, "task 1 on north/h1/r1/n1: exit status 3: out of tokens");
  EXPECT_EQ(world_.said(), "task.changed task.changed usage.recorded job.finished");
}

TEST_F(Gang, NamesWhatEndedIt) {
  const std::map<TaskEnd, std::string> ends = {
      {TaskEnd::kSignaled, "failed(task-failed) ended by signal 0"}, {TaskEnd::kTimeLimit, "failed(time-limit) time-limit"},
      {TaskEnd::kLaunchFailed, "failed(launch-failed) launch-failed"}, {TaskEnd::kLost, "failed(node-lost) lost"},
      {TaskEnd::kLeaseExpired, "failed(lease-expired) lease-expired"}, {TaskEnd::kStopped, "failed(task-failed) stopped"}};
  for (const auto& [end, expected] : ends) {
    start(gang(1, 1000));
    world_.report({ended(0, end)});
    EXPECT_EQ(phase() + job().message.substr(job().message.rfind(": ") + 1), expected);
  }
}

TEST_F(Gang, StartsAgainAfterAGrowingBackOff) {
  start(gang(2, 1000), 3);
  Duration wait = kFirstBackOff;
  for (std::int32_t attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(job().attempt, attempt);
    EXPECT_EQ(job().allocation->attempt, attempt);
    world_.report({exited(0, 1), ended(1, TaskEnd::kStopped)});
    EXPECT_EQ(phase(), "pending(task-failed)");
    EXPECT_EQ(job().not_before, world_.now + wait);
    world_.wait(wait - nanoseconds(1));
    EXPECT_EQ(phase(), "pending(task-failed)");
    EXPECT_EQ(world_.engine().next_due(), job().not_before);
    world_.wait(nanoseconds(1));
    EXPECT_EQ(phase(), "starting");
    wait = wait * 2;
  }
  world_.report({exited(0, 1), ended(1, TaskEnd::kStopped)});
  EXPECT_EQ(phase(), "failed(task-failed)");
  EXPECT_EQ(job().attempt, 4);
}

TEST_F(Gang, TheBackOffHasALongest) {
  start(gang(1, 1000), 100);
  for (int i = 0; i < 20; ++i) {
    world_.report({exited(0, 1)});
    ASSERT_LE(*job().not_before, world_.now + kMostBackOff);
    world_.wait(*job().not_before - world_.now);
    ASSERT_EQ(phase(), "starting");
  }
  world_.report({exited(0, 1)});
  EXPECT_EQ(job().not_before, world_.now + kMostBackOff);
}

TEST_F(Gang, ATimeLimitIsNotTriedAgain) {
  JobSpec spec = gang(2, 1000);
  spec.time_limit = hours(1);
  start(spec, 3);
  EXPECT_EQ(job().allocation->until, world_.now + hours(1));
  world_.report({ended(0, TaskEnd::kTimeLimit), ended(1, TaskEnd::kTimeLimit)});
  EXPECT_EQ(phase(), "failed(time-limit)");
}

TEST_F(Gang, AFailedLaunchIsTriedAgain) {
  start(gang(1, 1000), 1);
  world_.report({ended(0, TaskEnd::kLaunchFailed)});
  EXPECT_EQ(phase(), "pending(launch-failed)");
}

TEST_F(Gang, RepeatedAndLateReportsChangeNothing) {
  start(gang(2, 1000));
  world_.report({running(0), running(0)});
  world_.report({running(0)});
  EXPECT_EQ(world_.said(), "task.changed");
  world_.report({exited(0)});
  world_.report({exited(0, 1), running(0)});
  EXPECT_EQ(world_.said(), "task.changed");
  EXPECT_EQ(job().tasks[0].exit_code, 0);
  TaskReport assigned = running(1);
  assigned.phase = TaskPhase::kAssigned;
  world_.report({assigned});
  EXPECT_EQ(world_.said(), "");
}

TEST_F(Gang, ReportsOfNoTaskChangeNothing) {
  start(gang(2, 1000), 1);
  TaskReport stranger = exited(0, 1);
  stranger.allocation = Uid{9999};
  TaskReport beyond = exited(0, 1);
  beyond.rank = 2;
  TaskReport negative = exited(0, 1);
  negative.rank = -1;
  TaskReport pending = exited(0, 1);
  pending.allocation = Uid{};
  world_.report({stranger, beyond, negative, pending});
  EXPECT_EQ(world_.said(), "");
  EXPECT_EQ(phase(), "starting");
}

TEST_F(Gang, ReportsOfAnEndedAllocationChangeNothing) {
  start(gang(1, 1000), 1);
  const TaskReport late = exited(0, 1);
  world_.report({late});
  world_.wait(kFirstBackOff);
  ASSERT_EQ(phase(), "starting");
  world_.said();
  world_.report({late});
  EXPECT_EQ(world_.said(), "");
  EXPECT_EQ(phase(), "starting");
  world_.finish("acme/llm/a");
  world_.said();
  world_.report({exited(0, 1), late});
  EXPECT_EQ(world_.said(), "");
}

TEST_F(Gang, CancelBeforeTheNodeLaunchedIt) {
  world_.enrol("south/h1/r1/n1");
  JobSpec spec = gang(1, 1000);
  spec.sites = {"south"};
  start(spec);
  const std::uint64_t before = world_.state().revision("south/h1/r1/n1");
  world_.good(CancelJob{"acme/llm/a", {}});
  ASSERT_NE(world_.state().revision("south/h1/r1/n1"), before);
  const Uid registration = world_.facts().nodes.at("south/h1/r1/n1").registration;
  // The node has not taken in that it should stop: it may be launching the task at this moment.
  world_.good(SyncNode{"south/h1/r1/n1", registration, before, {}});
  EXPECT_EQ(phase(), "stopping(cancelled)");
  world_.sync("south/h1/r1/n1");
  EXPECT_EQ(phase(), "cancelled(cancelled)");
  EXPECT_EQ(job().tasks[0].end, TaskEnd::kStopped);
}

TEST_F(Gang, ANodeThatLaunchedItStopsItFirst) {
  world_.enrol("south/h1/r1/n1");
  JobSpec spec = gang(1, 1000);
  spec.sites = {"south"};
  start(spec);
  world_.good(CancelJob{"acme/llm/a", {}});
  world_.sync("south/h1/r1/n1", {running(0)});
  EXPECT_EQ(phase(), "stopping(cancelled)");
  world_.sync("south/h1/r1/n1", {ended(0, TaskEnd::kStopped)});
  EXPECT_EQ(phase(), "cancelled(cancelled)");
}

}  // namespace
}  // namespace penstock
