// The agent and its shims end to end, with real processes; each test with cgroups and without.
#include <dlfcn.h>

#include <set>

#include "fixture.h"

namespace penstock {
namespace {

using AgentTest = NodeTest;
INSTANTIATE_TEST_SUITE_P(Hold, AgentTest, testing::Values(Hold::kCgroup, Hold::kTree),
                         [](const auto& held) { return held.param == Hold::kCgroup ? "Cgroup" : "Tree"; });

TEST_P(AgentTest, RunsATaskAndTellsHowItEnded) {
  script_.order({shell(1, "echo out; echo err >&2; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exit 3")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kExited);
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_EQ(report->signal, 0);
  EXPECT_GT(report->pid, 0);
  EXPECT_GT(report->start_ticks, 0);
  ASSERT_TRUE(report->started && report->ended && report->cpu_time && report->peak_memory);
  EXPECT_LE(*report->started, *report->ended);
  EXPECT_GT(*report->cpu_time, milliseconds(1));
  EXPECT_GT(report->peak_memory->count(), 100'000);
  EXPECT_FALSE(report->energy) << "nothing measures it here";
  EXPECT_EQ(log(1), "out\nerr\n");
}

TEST_P(AgentTest, TellsOfAnExitAtOnce) {
  options_.heartbeat = seconds(10);
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  Duration best = seconds(100);
  for (std::uint64_t i = 1; i <= 5 && best >= milliseconds(200); ++i) {
    script_.order({shell(i, "sleep 0.3")});
    const auto report = script_.wait_phase(i, TaskPhase::kExited);
    ASSERT_TRUE(report);
    best = std::min(best, *script_.heard_exit(i) - *report->ended);
  }
  EXPECT_LT(best, milliseconds(200));
}

TEST_P(AgentTest, TellsOfADeathBySignal) {
  script_.order({shell(1, "kill -SEGV $$")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kSignaled);
  EXPECT_EQ(report->signal, SIGSEGV);
  EXPECT_EQ(report->message, "ended by signal 11 (Segmentation fault)");
}

TEST_P(AgentTest, SaysWhyATaskCannotBeLaunched) {
  std::ofstream(state_dir_ + "/plain-file") << "not a program";
  TaskOrder missing = shell(1, "");
  missing.command = {"no-such-program", "x"};
  TaskOrder forbidden = shell(2, "");
  forbidden.command = {state_dir_ + "/plain-file"};
  TaskOrder empty = shell(3, "");
  empty.command.clear();
  TaskOrder image = shell(4, "true");
  image.image = "registry.example/train:1";
  script_.order({missing, forbidden, empty, image});
  start_agent();
  const auto message = [&](std::uint64_t id) {
    const auto report = script_.wait_phase(id, TaskPhase::kExited);
    EXPECT_TRUE(report && report->end == TaskEnd::kLaunchFailed);
    return report ? report->message : "";
  };
  EXPECT_EQ(message(1), "cannot run 'no-such-program': there is no such program in PATH");
  EXPECT_NE(message(2).find("plain-file'"), std::string::npos);
  EXPECT_NE(message(2).find("permission denied"), std::string::npos);
  EXPECT_EQ(message(3), "the task has no command");
  EXPECT_EQ(message(4), "the image 'registry.example/train:1' cannot be run: podman is not installed on this node");
}

TEST_P(AgentTest, AnUnknownUserIsALaunchFailure) {
  options_.task_user = "no-such-user";
  script_.order({shell(1, "true")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kLaunchFailed);
  EXPECT_EQ(report->message, "there is no user 'no-such-user' on this node");
}

TEST_P(AgentTest, GivesAnImageToPodman) {
  const std::string podman = state_dir_ + "/podman";
  std::ofstream(podman) << "#!/bin/sh\necho \"$@\"\nwhile [ \"$1\" != --env-file ]; do shift; done\ncat \"$2\"\n";
  chmod(podman.c_str(), 0755);
  options_.podman = podman;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  TaskOrder order = shell(1, "");
  order.image = "registry.example/train:1";
  order.command = {"--epochs", "3"};
  order.env = {{"WANDB_KEY", "hush"}};
  order.devices = {1};
  order.gpus = MilliGpu(1000);
  script_.order({order});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->exit_code, 0);
  const std::string output = log(1);
  const std::string arguments = output.substr(0, output.find('\n'));
  EXPECT_NE(arguments.find("run --rm --network=host --cgroups=disabled --name penstock-"), std::string::npos);
  EXPECT_NE(arguments.find(" --device nvidia.com/gpu=1 registry.example/train:1 --epochs 3"), std::string::npos);
  EXPECT_EQ(arguments.find("hush"), std::string::npos) << "arguments can be read by everyone on the machine";
  EXPECT_NE(output.find("\nWANDB_KEY=hush\n"), std::string::npos);
  EXPECT_NE(output.find("\nPENSTOCK_RANK=0\n"), std::string::npos);
}

TEST_P(AgentTest, EndsATaskAtItsTimeLimit) {
  TaskOrder order = shell(1, "sleep 1000");
  order.time_limit = milliseconds(300);
  script_.order({order});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kTimeLimit);
  EXPECT_EQ(report->signal, SIGTERM);
  EXPECT_EQ(report->message, "stopped at its time limit of PT0.3S");
  EXPECT_GE(*report->ended - *report->started, milliseconds(300));
}

TEST_P(AgentTest, AStoppedTaskMayEndInItsOwnWay) {
  script_.order({shell(1, "trap 'echo bye; exit 5' TERM; echo ready; while :; do :; done")});
  start_agent();
  ASSERT_TRUE(wait_for([&] { return log(1) == "ready\n"; }));
  TaskOrder stop = shell(1, "");
  stop.action = OrderAction::kStop;
  script_.order({stop});
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kStopped);
  EXPECT_EQ(report->exit_code, 5);
  EXPECT_EQ(log(1), "ready\nbye\n");
}

// A task that does all it can to survive: it ignores TERM and has children in other sessions without a parent.
constexpr const char* kStubborn =
    "trap '' TERM; setsid sh -c 'trap \"\" TERM; (trap \"\" TERM; echo $$ > a; exec >&- 2>&-; sleep 1000) & "
    "sleep 1000' & (setsid sh -c 'trap \"\" TERM; sh -c \"echo \\$\\$ > b; exec sleep 1000\"' &) ; "
    "echo $$ > first; sleep 1000";

TEST_P(AgentTest, KillsTheWholeTreeThatIgnoresTerm) {
  script_.order({shell(1, kStubborn)});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  const std::vector<pid_t> pids{pid_in(work(1, "a")), pid_in(work(1, "b")), pid_in(work(1, "first"))};
  for (const pid_t pid : pids) ASSERT_TRUE(is_alive(pid));
  TaskOrder stop = shell(1, "");
  stop.action = OrderAction::kStop;
  stop.stop_grace = milliseconds(300);
  const Time asked = utc_now();
  script_.order({stop});
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kStopped);
  EXPECT_EQ(report->signal, SIGKILL);
  EXPECT_GE(*report->ended - asked, milliseconds(300));
  for (const pid_t pid : pids) EXPECT_FALSE(is_alive(pid));
}

TEST_P(AgentTest, WhatATaskLeavesBehindEndsWithIt) {
  script_.order({shell(1, "(setsid sleep 1000 & echo $! > a); while [ ! -s a ]; do :; done; exit 0")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kExited);
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_FALSE(is_alive(pid_in(work(1, "a"))));
}

TEST_P(AgentTest, ATaskThatWritesWithoutEndCanBeStopped) {
  script_.order({shell(1, "yes & yes & yes & exec yes")});
  options_.logs = {1 << 20, 2};
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  ASSERT_TRUE(wait_for([&] { return read_log(dir(1).path, options_.logs, 0, 1).offset >= 2 << 20; }));
  script_.order({});
  ASSERT_TRUE(wait_for([&] { return exists(dir(1).exit()); }));
  EXPECT_FALSE(exists(dir(1).path + "/log.1")) << "only the newest are kept";
}

TEST_P(AgentTest, ATaskThatIsNoLongerOrderedIsStoppedAndSettled) {
  script_.order({shell(1, "touch scratch; sleep 1000"), shell(2, "sleep 1000")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  ASSERT_TRUE(script_.wait_phase(2, TaskPhase::kRunning));
  ASSERT_TRUE(wait_for([&] { return exists(work(1, "scratch")); }));
  script_.order({shell(2, "sleep 1000")});
  ASSERT_TRUE(wait_for([&] { return script_.heard_exit(1).has_value(); }));
  ASSERT_TRUE(wait_for([&] { return !script_.report(1); })) << "a settled task is not told of again";
  EXPECT_FALSE(exists(dir(1).work())) << "its disk is free for the next";
  EXPECT_TRUE(exists(dir(1).path));
  EXPECT_EQ(script_.report(2)->phase, TaskPhase::kRunning);
}

TEST_P(AgentTest, AnExitIsToldBeforeATaskIsSettled) {
  // The reply that no longer orders the task was on its way when the task ended: the server cannot know of it yet.
  const auto slots = make_cpu_slots(1);
  TasksOptions options;
  options.state_dir = options_.state_dir;
  options.instance = "0123abcd";
  options.shim_command = options_.shim_command;
  options.cgroups = CgroupPlace::find(options_.cgroups);
  Tasks tasks(options, *slots);
  ASSERT_TRUE(tasks.open().ok());
  const Duration lease = since_boot() + seconds(60);
  EXPECT_TRUE(tasks.reconcile({shell(1, "exit 3")}, lease, {}));
  ASSERT_TRUE(wait_for([&] {
    tasks.scan();
    return tasks.reports().at(0).phase == TaskPhase::kExited;
  }));
  tasks.reconcile({}, lease, {});
  ASSERT_EQ(tasks.reports().size(), 1u);
  EXPECT_EQ(tasks.reports()[0].exit_code, 3);
  tasks.reconcile({}, lease, {{Uid{1}, 0}});
  EXPECT_TRUE(tasks.reports().empty());
}

TEST_P(AgentTest, SettledTasksAreForgottenOldestFirst) {
  options_.log_retention_size = Bytes(60'000);
  start_agent();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    script_.order({shell(i, "head -c 25000 /dev/zero")});
    ASSERT_TRUE(wait_for([&] { return script_.heard_exit(i).has_value(); }));
    script_.order({});
    ASSERT_TRUE(wait_for([&] { return !script_.report(i); }));
  }
  EXPECT_TRUE(wait_for([&] { return !exists(dir(1).path); }));
  EXPECT_TRUE(exists(dir(2).path));
  EXPECT_TRUE(exists(dir(3).path));
}

TEST_P(AgentTest, AnOrderToStopWhatNeverRanEndsToo) {
  TaskOrder stop = shell(1, "touch ran");
  stop.action = OrderAction::kStop;
  script_.order({stop});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kStopped);
  // A late order to run it does not bring it to life.
  script_.order({shell(1, "touch ran")});
  ASSERT_TRUE(wait_for([&] { return script_.is_taken(); }));
  EXPECT_FALSE(exists(dir(1).plan()));
  EXPECT_FALSE(exists(work(1, "ran")));
}

TEST_P(AgentTest, TheEnvironmentIsExactlyWhatTheOrderSays) {
  setenv("PENSTOCK_TOKEN", "secret-of-the-agent", 1);
  TaskOrder order = shell(1, "env | sort");
  order.env = {{"LR", "0.1"}, {"RANK", "17"}};
  order.rank = 1;
  order.world_size = 2;
  order.attempt = 4;
  order.peers = {"10.0.0.1:4000", "10.0.0.2:4001"};
  order.port = 4001;
  order.devices = {2, 5};
  script_.order({order});
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.heard_exit(1).has_value(); }));
  unsetenv("PENSTOCK_TOKEN");
  std::map<std::string, std::string> env;
  std::istringstream lines(read_log(dir(1, 1).path, options_.logs, 0, 1 << 20).bytes);
  for (std::string line; std::getline(lines, line);)
    env[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  env.erase("PWD");  // of the shell
  env.erase("_");
  env.erase("SHLVL");
  EXPECT_EQ(env["PENSTOCK_TASK"].substr(8), "-0000000000000001-1");
  env.erase("PENSTOCK_TASK");
  EXPECT_EQ(env, (std::map<std::string, std::string>{
                     {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"},
                     {"CUDA_VISIBLE_DEVICES", "2,5"},
                     {"HOME", dir(1, 1).work()},
                     {"LANG", "C.UTF-8"},
                     {"LR", "0.1"},
                     {"MASTER_ADDR", "10.0.0.1"},
                     {"MASTER_PORT", "4000"},
                     {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                     {"PENSTOCK_ALLOCATION", "0000000000000001"},
                     {"PENSTOCK_ATTEMPT", "4"},
                     {"PENSTOCK_DEVICES", "2,5"},
                     {"PENSTOCK_PEERS", "10.0.0.1:4000,10.0.0.2:4001"},
                     {"PENSTOCK_PORT", "4001"},
                     {"PENSTOCK_RANK", "1"},
                     {"PENSTOCK_WORKLOAD", "acme/llm/train"},
                     {"PENSTOCK_WORLD_SIZE", "2"},
                     {"RANK", "1"},
                     {"WORLD_SIZE", "2"},
                 }));
}

TEST_P(AgentTest, ATaskInheritsNoDescriptors) {
  const int opened = open("/dev/null", O_RDONLY);
  const int kept = fcntl(opened, F_DUPFD, 40);  // without close-on-exec, as careless libraries do
  script_.order({shell(1, "ls /proc/self/fd | wc -l")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kExited));
  close(opened);
  close(kept);
  EXPECT_EQ(log(1), "4\n") << "0, 1, 2 and the directory that ls reads";
}

TEST_P(AgentTest, ATaskOfRootsAgentRunsAsNobody) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a task to another user";
  script_.order({shell(1,
                       "id -un; id -Gn; grep NoNewPrivs /proc/self/status; echo x > /dev/stderr; touch here && "
                       "cat ../plan.json ../../../agent.json")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_NE(report->exit_code, 0);
  const std::string output = log(1);
  EXPECT_EQ(output.substr(0, output.find("cat:")), "nobody\nnogroup\nNoNewPrivs:\t1\nx\n");
  EXPECT_EQ(output.find("node-token"), std::string::npos);
  EXPECT_TRUE(exists(work(1, "here")));
  struct stat info {};
  ASSERT_EQ(stat((options_.state_dir + "/agent.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_P(AgentTest, RunningWorkSurvivesTheAgent) {
  script_.order({shell(1, "echo x >> launches; while [ ! -e go ]; do sleep 0.02; done; exit 7")});
  fork_agent();
  ASSERT_TRUE(wait_for([&] { return exists(dir(1).state()); }));
  auto state = read_json_file<TaskState>(dir(1).state());
  ASSERT_TRUE(state.ok());
  kill_agent();

  start_agent();
  auto report = script_.wait_phase(1, TaskPhase::kRunning);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->pid, state->pid);
  EXPECT_EQ(report->start_ticks, state->start_ticks);
  EXPECT_EQ(read_process(static_cast<pid_t>(report->pid))->start_ticks, report->start_ticks);
  stop_agent();

  // It ends while no agent is there to see it.
  std::ofstream(work(1, "go")) << "";
  ASSERT_TRUE(wait_for([&] { return exists(dir(1).exit()); }));
  start_agent();
  report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kExited);
  EXPECT_EQ(report->exit_code, 7);
  EXPECT_EQ(report->pid, state->pid);
  EXPECT_EQ(text_of(work(1, "launches")), "x\n");
}

TEST_P(AgentTest, ARestartedAgentStopsNothingBeforeItHasOrders) {
  script_.order({shell(1, "sleep 1000")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  stop_agent();
  script_.welcome = make_error(Code::kUnavailable, "away");
  std::filesystem::remove(options_.state_dir + "/agent.json");
  const int before = script_.registrations;
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.registrations > before + 3; }));
  EXPECT_FALSE(exists(dir(1).stop()));
  EXPECT_FALSE(exists(dir(1).exit()));
}

TEST_P(AgentTest, ATaskEndsWhenItsLeaseIsNotRenewed) {
  script_.change([&](SyncReply& reply) { reply.lease = milliseconds(1500); });
  script_.order({shell(1, kStubborn)});
  fork_agent();
  ASSERT_TRUE(wait_for([&] { return exists(work(1, "first")); }));
  const std::vector<pid_t> pids{pid_in(work(1, "a")), pid_in(work(1, "b")), pid_in(work(1, "first"))};
  const auto lease = read_duration(dir(1).lease());
  ASSERT_TRUE(lease);
  kill_agent();
  ASSERT_TRUE(wait_for([&] { return exists(dir(1).exit()); }));
  EXPECT_GE(since_boot(), *lease);
  for (const pid_t pid : pids) EXPECT_FALSE(is_alive(pid));
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kLeaseExpired);
  EXPECT_EQ(report->message, "killed because the node could not renew its lease in time");
}

TEST_P(AgentTest, ARenewedLeaseKeepsATaskRunning) {
  options_.heartbeat = milliseconds(100);
  script_.change([&](SyncReply& reply) { reply.lease = milliseconds(1000); });
  script_.order({shell(1, "sleep 2.5")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kExited);
}

pid_t shim_of(const TaskReport& report) {
  const auto info = read_process(static_cast<pid_t>(report.pid));
  return info ? info->parent : 0;
}

TEST_P(AgentTest, ATaskWhoseShimDiedIsLostAndBuried) {
  script_.order({shell(1, kStubborn)});
  start_agent();
  const auto running = script_.wait_phase(1, TaskPhase::kRunning);
  ASSERT_TRUE(running);
  const std::vector<pid_t> pids{pid_in(work(1, "a")), pid_in(work(1, "b")), pid_in(work(1, "first"))};
  const pid_t shim = shim_of(*running);
  ASSERT_GT(shim, 1);
  kill(shim, SIGKILL);
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kLost);
  EXPECT_NE(report->message, "");
  for (const pid_t pid : pids) EXPECT_FALSE(is_alive(pid));

  // Once lost, lost for good: an agent after this one says the same and starts nothing.
  stop_agent();
  start_agent();
  const auto again = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *report);
}

TEST_P(AgentTest, ATaskIsNeverLaunchedTwice) {
  // As if an agent had died right after it committed to the launch.
  ASSERT_TRUE(make_directories(dir(1).path, 0711).ok());
  script_.order({shell(1, "touch ran")});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kLost);
  EXPECT_EQ(report->message, "the task was not started before the agent or its helper died");
  EXPECT_FALSE(exists(work(1, "ran")));
}

TEST_P(AgentTest, ASecondShimRefuses) {
  script_.order({shell(1, "echo x >> launches; while [ ! -e go ]; do sleep 0.02; done")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  const std::string second = std::string(PENSTOCK_TEST_SHIM) + " " + dir(1).path + " 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(std::system(second.c_str())), 1) << "while the first is at work";
  std::ofstream(work(1, "go")) << "";
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kExited));
  EXPECT_EQ(WEXITSTATUS(std::system(second.c_str())), 1) << "and after it";
  EXPECT_EQ(text_of(work(1, "launches")), "x\n");
}

TEST_P(AgentTest, AStaleLeaderIsIgnored) {
  script_.change([](SyncReply& reply) { reply.epoch = 5; });
  script_.order({shell(1, "sleep 1000")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  EXPECT_EQ(script_.last().epoch, 5u);
  int syncs = script_.syncs;
  script_.change([](SyncReply& reply) {
    reply.epoch = 4;
    reply.orders.clear();
  });
  ASSERT_TRUE(wait_for([&] { return script_.syncs > syncs + 2; }));
  const auto lease = text_of(dir(1).lease());
  syncs = script_.syncs;
  ASSERT_TRUE(wait_for([&] { return script_.syncs > syncs + 5; }));
  EXPECT_FALSE(exists(dir(1).stop()));
  EXPECT_EQ(text_of(dir(1).lease()), lease) << "nor does it renew anything";

  // Nor by an agent that was restarted in between.
  stop_agent();
  start_agent();
  syncs = script_.syncs;
  ASSERT_TRUE(wait_for([&] { return script_.syncs > syncs + 5; }));
  EXPECT_EQ(script_.last().epoch, 5u);
  EXPECT_FALSE(exists(dir(1).stop()));
}

TEST_P(AgentTest, AnEpochThatCannotBeKeptIsNotFollowed) {
  script_.order({shell(1, "sleep 1000")});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  // A directory in the way of the new file makes every write of agent.json fail.
  ASSERT_TRUE(make_directories(options_.state_dir + "/agent.json.new", 0700).ok());
  const int syncs = script_.syncs;
  script_.change([](SyncReply& reply) {
    reply.epoch = 9;
    reply.orders.clear();
  });
  ASSERT_TRUE(wait_for([&] { return script_.syncs > syncs + 3; }));
  EXPECT_FALSE(exists(dir(1).stop()));
  std::filesystem::remove(options_.state_dir + "/agent.json.new");
  EXPECT_TRUE(wait_for([&] { return exists(dir(1).stop()); }));
}

TEST_P(AgentTest, RegistersOnceAndAgainWhenTheServerForgot) {
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  EXPECT_EQ(script_.registrations, 1);
  EXPECT_EQ(script_.hello.node, "site/h1/r1/n1");
  EXPECT_EQ(script_.hello.address, "127.0.0.1");
  EXPECT_EQ(script_.hello.device_vendor, "cpu");
  EXPECT_EQ(script_.hello.boot_id.size(), 36u);
  EXPECT_EQ(script_.last().registration, Uid{77});
  stop_agent();

  // The registration outlasts the process, so the join token is not needed any more.
  options_.join_token.clear();
  int syncs = script_.syncs;
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > syncs; }));
  EXPECT_EQ(script_.registrations, 1);
  stop_agent();

  options_.join_token = "join-token";
  start_agent();
  for (const Code code : {Code::kUnauthenticated, Code::kGone}) {
    const int registrations = script_.registrations;
    syncs = script_.syncs;
    script_.fail_next(code);
    ASSERT_TRUE(wait_for([&] { return script_.registrations > registrations && script_.syncs > syncs + 1; }));
  }
}

TEST_P(AgentTest, KeepsTryingUntilTheServerTakesIt) {
  script_.welcome = make_error(Code::kNotFound, "no such node yet");
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.registrations >= 3; }));
  EXPECT_EQ(script_.syncs, 0);
}

TEST_P(AgentTest, TwoAgentsDoNotShareADirectory) {
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  Script other;
  Agent second(options_, std::make_unique<ScriptedControl>(other));
  const std::atomic<bool> stop{true};
  const Status refused = second.run(stop);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(refused.error().message,
            "another agent is at work in " + options_.state_dir + "; give each its own directory");
}

TEST_P(AgentTest, SendsLogsFromAnyOffsetAndFollows) {
  options_.logs = {4096, 2};
  // 20000 bytes in lines of ten, then a pause until told, then the end.
  script_.order({shell(1,
                       "i=10000; while [ $i -lt 12000 ]; do echo line-$((i%10000+1000)); i=$((i+1)); done; "
                       "touch written; while [ ! -e go ]; do sleep 0.02; done; echo the-end")});
  start_agent();
  ASSERT_TRUE(wait_for([&] { return exists(work(1, "written")); }));
  const auto wanted = [](std::uint64_t id, std::int64_t offset, bool follow) {
    return LogWanted{id, Uid{1}, 0, offset, follow};
  };
  // What the task has written is in the log once its shim has taken it up: the follower sees the last line come.
  script_.want_logs({wanted(2, 19'990, true)});
  ASSERT_TRUE(wait_for([&] { return script_.log(2).bytes.size() == 10; }));
  script_.want_logs({wanted(1, 0, false), wanted(2, 19'990, true), wanted(3, 50'000, false)});
  ASSERT_TRUE(wait_for([&] { return script_.log(1).end && script_.log(3).end; }));
  EXPECT_EQ(script_.log(1).first, 12'288) << "what is no longer kept is left out";
  std::string expected;
  for (int i = 1000; i < 3000; ++i) expected += fmt::format("line-{}\n", i);
  EXPECT_EQ(script_.log(1).bytes, expected.substr(12'288));
  EXPECT_EQ(script_.log(2).bytes, expected.substr(19'990));
  EXPECT_FALSE(script_.log(2).end) << "a follower waits for more";
  EXPECT_EQ(script_.log(3).bytes, "");

  std::ofstream(work(1, "go")) << "";
  ASSERT_TRUE(wait_for([&] { return script_.log(2).end; }));
  EXPECT_EQ(script_.log(2).bytes, expected.substr(19'990) + "the-end\n");
  // A reading that is done is not begun again while the server still names it.
  script_.want_logs({wanted(1, 0, false), wanted(2, 19'990, true), wanted(4, 0, false)});
  ASSERT_TRUE(wait_for([&] { return script_.log(4).end; }));
  EXPECT_EQ(script_.log(1).ends, 1);
  EXPECT_EQ(script_.log(2).ends, 1);
  EXPECT_EQ(script_.log(4).bytes, (expected + "the-end\n").substr(12'288));

  // The log of a task that nobody has heard of is empty.
  script_.want_logs({LogWanted{5, Uid{99}, 0, 0, true}});
  ASSERT_TRUE(wait_for([&] { return script_.log(5).end; }));
}

TEST_P(AgentTest, ManyShortTasksAreAllToldOf) {
  std::vector<TaskOrder> orders;
  for (std::uint64_t i = 1; i <= 24; ++i) orders.push_back(shell(i, fmt::format("exit {}", i)));
  script_.order(orders);
  start_agent();
  for (std::uint64_t i = 1; i <= 24; ++i) {
    const auto report = script_.wait_phase(i, TaskPhase::kExited);
    ASSERT_TRUE(report) << i;
    EXPECT_EQ(report->exit_code, static_cast<int>(i));
  }
}

TEST_P(AgentTest, MeasuresTheEnergyOfWholeDevices) {
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  void* nvml = dlopen(PENSTOCK_FAKE_NVML, RTLD_NOW);
  ASSERT_NE(nvml, nullptr);
  const auto use_energy = reinterpret_cast<void (*)(unsigned, unsigned long long)>(dlsym(nvml, "fake_nvml_use_energy"));
  TaskOrder whole = shell(1, "echo $CUDA_VISIBLE_DEVICES; while [ ! -e go ]; do sleep 0.02; done");
  whole.devices = {0, 1};
  whole.gpus = MilliGpu(2000);
  TaskOrder part = shell(2, "while [ ! -e go ]; do sleep 0.02; done");
  part.devices = {0};
  part.gpus = MilliGpu(500);
  script_.order({whole, part});
  start_agent();
  ASSERT_TRUE(script_.wait_phase(1, TaskPhase::kRunning));
  ASSERT_TRUE(script_.wait_phase(2, TaskPhase::kRunning));
  EXPECT_EQ(script_.hello.device_vendor, "nvidia");
  EXPECT_EQ(script_.hello.device_model, "h100");
  EXPECT_EQ(script_.hello.device_count, 2);
  EXPECT_EQ(script_.hello.power_source, "nvml");
  ASSERT_TRUE(script_.last().power);
  EXPECT_EQ(*script_.last().power, Watts(246));
  use_energy(0, 30'000);
  use_energy(1, 12'499);
  std::ofstream(work(1, "go")) << "";
  std::ofstream(work(2, "go")) << "";
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  const auto shared = script_.wait_phase(2, TaskPhase::kExited);
  dlclose(nvml);
  ASSERT_TRUE(report && shared);
  ASSERT_TRUE(report->energy);
  EXPECT_EQ(*report->energy, Joules(42));
  EXPECT_EQ(report->energy_source, EnergySource::kNvml);
  EXPECT_FALSE(shared->energy) << "a shared device has one counter for all";
  EXPECT_EQ(log(1), "0,1\n");
}

TEST_P(AgentTest, MemoryIsLimitedWhereThereAreCgroups) {
  const bool limited = CgroupPlace::find(options_.cgroups).kind != CgroupKind::kNone;
  // tail keeps what it may have to print: all of it.
  TaskOrder order = shell(1, "head -c 100000000 /dev/zero | tail -c 100000000 | wc -c");
  order.memory = Bytes(64 << 20);
  order.cpu = MilliCpu(500);
  script_.order({order});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(script_.hello.capabilities.front() == "cgroup-none", !limited);
  EXPECT_EQ(log(1) == "100000000\n", !limited);
  EXPECT_EQ(report->peak_memory->count() <= 64 << 20, limited);
}

TEST_P(AgentTest, ATaskKilledForItsMemoryIsToldSo) {
  if (CgroupPlace::find(options_.cgroups).kind == CgroupKind::kNone) return;  // nothing is limited, see above
  TaskOrder order = shell(1, "exec tail /dev/zero");
  order.memory = Bytes(64 << 20);
  script_.order({order});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->end, TaskEnd::kSignaled);
  EXPECT_EQ(report->signal, SIGKILL);
  EXPECT_EQ(report->message, "killed because it needed more than the 64MiB of memory that it was granted");
}

}  // namespace
}  // namespace penstock
