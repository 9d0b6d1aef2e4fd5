// A node under test: a scripted server side, an agent in a thread or in a process of its own, real tasks.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "agent/agent.h"
#include "agent/processes.h"
#include "base/clock.h"

namespace penstock {

template <class Condition>
bool wait_for(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(15)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::string text_of(const std::string& path) {
  auto text = read_file(path);
  return text.ok() ? *text : std::string();
}

inline bool is_alive(pid_t pid) {
  const auto info = read_process(pid);
  return info && info->state != 'Z' && info->state != 'X';
}

/// What the server would do, as the test sets it.
class Script {
 public:
  void order(std::vector<TaskOrder> orders) {
    change([&](SyncReply& reply) { reply.orders = std::move(orders); });
  }
  void want_logs(std::vector<LogWanted> logs) {
    change([&](SyncReply& reply) { reply.logs = std::move(logs); });
  }
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f(reply_);
    ++reply_.revision;
    changed_.notify_all();
  }
  /// The next call fails so, once.
  void fail_next(Code code) {
    const std::lock_guard lock(mutex_);
    failure_ = code;
    ++reply_.revision;
    changed_.notify_all();
  }

  /// Whether the agent has followed the script as it is now.
  bool is_taken() {
    const std::lock_guard lock(mutex_);
    return last_.revision == reply_.revision;
  }

  SyncRequest last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::optional<TaskReport> report(std::uint64_t allocation, std::int32_t rank = 0) {
    for (const TaskReport& report : last().tasks) {
      if (report.allocation.value == allocation && report.rank == rank) return report;
    }
    return std::nullopt;
  }
  std::optional<TaskReport> wait_phase(std::uint64_t allocation, TaskPhase phase) {
    std::optional<TaskReport> found;
    wait_for([&] { return (found = report(allocation)) && found->phase == phase; });
    return found && found->phase == phase ? found : std::nullopt;
  }
  /// When the server first heard of the exit of a task.
  std::optional<Time> heard_exit(std::uint64_t allocation) {
    const std::lock_guard lock(mutex_);
    const auto found = heard_.find(allocation);
    return found == heard_.end() ? std::nullopt : std::optional(found->second);
  }

  struct Log {
    std::int64_t first = -1;
    std::string bytes;
    bool end = false;
    int ends = 0;
  };
  Log log(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    return logs_[id];
  }

  std::atomic<int> syncs{0};
  std::atomic<int> registrations{0};
  std::atomic<bool> readers_gone{false};
  Result<AgentWelcome> welcome = AgentWelcome{"node-token", Uid{77}, 1};
  AgentHello hello;

 private:
  friend class ScriptedControl;
  std::mutex mutex_;
  std::condition_variable changed_;
  SyncReply reply_{1, 1, seconds(60), {}, {}};
  std::optional<Code> failure_;
  SyncRequest last_;
  std::map<std::uint64_t, Time> heard_;
  std::map<std::uint64_t, Log> logs_;
  bool interrupted_ = false;
  bool closed_ = false;
};

class ScriptedControl final : public Control {
 public:
  explicit ScriptedControl(Script& script) : script_(script) {
    script_.interrupted_ = false;
    script_.closed_ = false;
  }

  Result<AgentWelcome> register_node(const AgentHello& hello, const std::string& token) override {
    const std::lock_guard lock(script_.mutex_);
    ++script_.registrations;
    script_.hello = hello;
    if (token.empty()) return make_error(Code::kUnauthenticated, "no token");
    return script_.welcome;
  }

  Result<SyncReply> sync(const SyncRequest& request, const std::string& token) override {
    std::unique_lock lock(script_.mutex_);
    ++script_.syncs;
    if (token != "node-token") return make_error(Code::kUnauthenticated, "wrong token");
    script_.last_ = request;
    for (const TaskReport& report : request.tasks) {
      if (report.phase == TaskPhase::kExited) script_.heard_.try_emplace(report.allocation.value, utc_now());
    }
    script_.changed_.wait_for(lock, std::chrono::nanoseconds(request.wait.count()), [&] {
      return script_.reply_.revision != request.revision || script_.interrupted_ || script_.closed_;
    });
    if (std::exchange(script_.interrupted_, false) || script_.closed_) {
      return make_error(Code::kUnavailable, "interrupted");
    }
    if (const auto failure = std::exchange(script_.failure_, std::nullopt)) return make_error(*failure, "as scripted");
    return script_.reply_;
  }

  Result<LogAccepted> send_log(std::uint64_t id, std::int64_t offset, std::string_view bytes, bool end,
                               const std::string&) override {
    const std::lock_guard lock(script_.mutex_);
    if (script_.readers_gone) return make_error(Code::kNotFound, "nobody reads it");
    Script::Log& log = script_.logs_[id];
    if (log.first < 0) log.first = offset;
    log.bytes.resize(static_cast<std::size_t>(offset - log.first));
    log.bytes += bytes;
    log.end |= end;
    log.ends += end;
    return LogAccepted{!end};
  }

  void interrupt() override {
    const std::lock_guard lock(script_.mutex_);
    script_.interrupted_ = true;
    script_.changed_.notify_all();
  }
  void close() override {
    const std::lock_guard lock(script_.mutex_);
    script_.closed_ = true;
    script_.changed_.notify_all();
  }

 private:
  Script& script_;
};

/// Whether tasks are held by cgroups where this machine gives them, or only by the tree of their processes.
enum class Hold { kCgroup, kTree };

class NodeTest : public testing::TestWithParam<Hold> {
 protected:
  NodeTest() {
    char path[] = "/tmp/penstock-agent-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    chmod(path, 0711);
    state_dir_ = path;
    options_.server = "http://127.0.0.1:1";
    options_.node = "site/h1/r1/n1";
    options_.join_token = "join-token";
    options_.state_dir = state_dir_ + "/state";
    options_.nvml_library = "/nonexistent";
    options_.shim_command = {PENSTOCK_TEST_SHIM};
    options_.podman = "";
    options_.retry_first = milliseconds(10);
    options_.retry_most = milliseconds(50);
    if (GetParam() == Hold::kTree) options_.cgroups = CgroupKind::kNone;
  }

  ~NodeTest() override {
    stop_agent();
    kill_agent();
    // A shim whose lease is over ends its task and itself.
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(options_.state_dir + "/tasks", failed)) {
      const TaskDir dir{entry.path()};
      if (exists(dir.plan())) static_cast<void>(write_duration(dir.lease(), Duration()));
      wait_for([&] { return lock_file(dir.lock()).ok(); });
    }
    std::filesystem::remove_all(state_dir_, failed);
  }

  void start_agent() {
    stop_ = false;
    agent_ = std::thread([this] {
      Agent agent(options_, std::make_unique<ScriptedControl>(script_));
      result_ = agent.run(stop_);
    });
  }
  void stop_agent() {
    stop_ = true;
    if (agent_.joinable()) agent_.join();
  }

  /// An agent that can be killed. It has its own copy of the script, as it is now.
  void fork_agent() {
    agent_pid_ = fork();
    if (agent_pid_ != 0) return;
    Agent agent(options_, std::make_unique<ScriptedControl>(script_));
    stop_ = false;
    static_cast<void>(agent.run(stop_));
    _exit(0);
  }
  void kill_agent() {
    if (agent_pid_ <= 0) return;
    kill(agent_pid_, SIGKILL);
    waitpid(agent_pid_, nullptr, 0);
    agent_pid_ = 0;
  }

  static TaskOrder shell(std::uint64_t allocation, std::string script) {
    TaskOrder order;
    order.allocation = Uid{allocation};
    order.workload = "acme/llm/train";
    order.group = "workers";
    order.command = {"sh", "-c", std::move(script)};
    order.peers = {"127.0.0.1:4000"};
    order.port = 4000;
    order.stop_grace = seconds(10);
    return order;
  }

  TaskDir dir(std::uint64_t allocation, std::int32_t rank = 0) const {
    return {fmt::format("{}/tasks/{:016x}-{}", options_.state_dir, allocation, rank)};
  }
  std::string work(std::uint64_t allocation, const std::string& name) const {
    return dir(allocation).work() + "/" + name;
  }
  std::string log(std::uint64_t allocation) const {
    return read_log(dir(allocation).path, options_.logs, 0, 1 << 20).bytes;
  }
  /// The number in a file that a task writes; waits for it.
  pid_t pid_in(const std::string& path) const {
    wait_for([&] { return text_of(path).find('\n') != std::string::npos; });
    return std::atoi(text_of(path).c_str());
  }

  Script script_;
  AgentOptions options_;
  std::string state_dir_;
  std::optional<Status> result_;

 private:
  std::atomic<bool> stop_{false};
  std::thread agent_;
  pid_t agent_pid_ = 0;
};

}  // namespace penstock
