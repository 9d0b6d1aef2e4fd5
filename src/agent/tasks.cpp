// Launching, following, stopping and forgetting tasks.
#include "agent/tasks.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "agent/node_test.h"
#include "agent/processes.h"
#include "agent/shim.h"
#include "base/clock.h"

namespace penstock {
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// An exit seen this much later says nothing of the energy: the devices have done other things since.
constexpr Duration kEnergyFresh = seconds(2);
// A test's verdict is looked for in the end of its output, and told in so many bytes.
constexpr std::size_t kVerdictWithin = 64 << 10;
constexpr std::size_t kMostMessage = 1000;

std::string name_of_key(const TaskKey& key) {
  return fmt::format("{}-{}", Text<Uid>::format(key.allocation), key.rank);
}

std::optional<TaskKey> key_of_name(std::string_view name) {
  if (name.size() < 18 || name[16] != '-') return std::nullopt;
  auto allocation = Text<Uid>::parse(name.substr(0, 16));
  if (!allocation.ok()) return std::nullopt;
  TaskKey key{*allocation, 0};
  const std::string_view rank = name.substr(17);
  const auto [end, failed] = std::from_chars(rank.data(), rank.data() + rank.size(), key.rank);
  if (failed != std::errc() || end != rank.data() + rank.size() || key.rank < 0) return std::nullopt;
  return key;
}

std::int64_t size_of_directory(const std::string& path) {
  std::int64_t size = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
    const auto bytes = entry.file_size(failed);
    if (!failed) size += static_cast<std::int64_t>(bytes);
  }
  return size;
}

std::map<std::string, std::string> environment_for(const TaskOrder& order, const std::string& name,
                                                   const std::string& home) {
  std::map<std::string, std::string> env{{"PATH", kPath}, {"HOME", home}, {"LANG", "C.UTF-8"}};
  for (const auto& [key, value] : order.env) env[key] = value;
  const auto join = [](const auto& items) { return fmt::format("{}", fmt::join(items, ",")); };
  const std::string rank = fmt::format("{}", order.rank);
  const std::string world_size = fmt::format("{}", order.world_size);
  env[std::string(kTaskMark)] = name;
  env["PENSTOCK_WORKLOAD"] = order.workload;
  env["PENSTOCK_ALLOCATION"] = Text<Uid>::format(order.allocation);
  env["PENSTOCK_ATTEMPT"] = fmt::format("{}", order.attempt);
  env["PENSTOCK_RANK"] = env["RANK"] = rank;
  env["PENSTOCK_WORLD_SIZE"] = env["WORLD_SIZE"] = world_size;
  env["PENSTOCK_PEERS"] = join(order.peers);
  env["PENSTOCK_PORT"] = fmt::format("{}", order.port);
  if (!order.peers.empty()) {
    const std::string& master = order.peers.front();
    const std::size_t colon = master.rfind(':');
    env["MASTER_ADDR"] = master.substr(0, colon);
    env["MASTER_PORT"] = colon == std::string::npos ? "" : master.substr(colon + 1);
  }
  // An empty list hides all devices, which is what a task without any is to see. NVML, which the indexes come
  // from, counts in the order of the bus; CUDA does so only if told.
  env["PENSTOCK_DEVICES"] = env["CUDA_VISIBLE_DEVICES"] = join(order.devices);
  env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  return env;
}

}  // namespace

Tasks::Tasks(TasksOptions options, const DeviceProvider& devices) : options_(std::move(options)), devices_(devices) {}

std::string Tasks::directory_of(const TaskKey& key) const { return options_.state_dir + "/tasks/" + name_of_key(key); }

Status Tasks::open() {
  // Tasks run as another user: they must be able to pass through to their own working directory, no more.
  PENSTOCK_RETURN_IF_ERROR(make_directories(options_.state_dir + "/tasks", 0711));
  PENSTOCK_RETURN_IF_ERROR(make_directories(options_.state_dir + "/trash", 0700));
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(options_.state_dir + "/tasks", failed)) {
    const auto key = key_of_name(entry.path().filename().string());
    if (!key) continue;
    Task task;
    task.dir = TaskDir{entry.path()};
    task.report.allocation = key->allocation;
    task.report.rank = key->rank;
    if (auto plan = read_json_file<TaskPlan>(task.dir.plan()); plan.ok()) task.plan = std::move(*plan);
    if (auto report = read_json_file<TaskReport>(task.dir.report()); report.ok()) task.report = std::move(*report);
    task.stopping = exists(task.dir.stop());
    watch_.add(task.dir.path);
    refresh(task);
    tasks_.emplace(*key, std::move(task));
  }
  if (failed) return system_error("cannot read " + options_.state_dir + "/tasks", failed.value());
  return ok_status();
}

bool Tasks::scan() {
  watch_.drain();
  bool changed = false;
  for (auto& [key, task] : tasks_) changed |= refresh(task);
  return changed;
}

// True if the report has changed.
bool Tasks::refresh(Task& task) {
  if (task.shim > 0 && waitpid(task.shim, nullptr, WNOHANG) == task.shim) task.shim = 0;
  if (task.report.phase == TaskPhase::kExited) return false;
  bool changed = false;
  // The lock is looked at first: a shim writes how it went before it lets go.
  const bool shim_dead = lock_file(task.dir.lock()).ok();
  if (task.report.phase == TaskPhase::kAssigned) {
    if (auto state = read_json_file<TaskState>(task.dir.state()); state.ok()) {
      task.report.phase = TaskPhase::kRunning;
      task.report.pid = state->pid;
      task.report.start_ticks = state->start_ticks;
      task.report.started = state->started;
      changed = true;
    }
  }
  auto exit = read_json_file<TaskExit>(task.dir.exit());
  if (!exit.ok()) {
    if (!shim_dead || !bury_leftovers(task)) return changed;
    TaskExit lost;
    lost.end = TaskEnd::kLost;
    lost.message = task.report.phase == TaskPhase::kRunning
                       ? "the process that watched over the task died, so what was left of the task was killed"
                       : "the task was not started before the agent or its helper died";
    lost.ended = utc_now();
    exit = std::move(lost);
  }
  conclude(task, *exit);
  return true;
}

// Kills what a dead shim left behind. True once nothing is left.
bool Tasks::bury_leftovers(const Task& task) const {
  if (!task.plan) return true;
  CgroupPlace place = options_.cgroups;
  if (task.plan->cgroup != place.kind) place = CgroupPlace::find(task.plan->cgroup);
  Cgroup cgroup(place, task.plan->name);
  if (!cgroup.members().empty()) cgroup.kill();
  if (!cgroup.members().empty()) return false;
  // Without a cgroup the mark in the environment is all there is to go by.
  if (place.kind == CgroupKind::kNone) {
    const std::string mark = fmt::format("{}={}", kTaskMark, task.plan->name);
    for (const pid_t pid : processes_with(mark)) kill(pid, SIGKILL);
    if (!processes_with(mark).empty()) return false;
  }
  static_cast<void>(cgroup.remove());
  return true;
}

void Tasks::conclude(Task& task, const TaskExit& exit) {
  TaskReport& report = task.report;
  report.phase = TaskPhase::kExited;
  report.ended = exit.ended;
  report.end = exit.end;
  report.exit_code = exit.exit_code;
  report.signal = exit.signal;
  report.message = exit.message;
  if (exit.end == TaskEnd::kExited && task.plan) {
    const auto& env = task.plan->order.env;
    const auto mark = env.find(kNodeTestMark);
    const bool tests = mark != env.end() && mark->second == "1";
    const auto verdict = tests ? verdict_line(read_log_end(task.dir.path, task.plan->logs(), kVerdictWithin)) : std::nullopt;
    if (verdict) report.message = shortened(*verdict, kMostMessage);
  }
  report.cpu_time = exit.cpu_time;
  report.peak_memory = exit.peak_memory;
  if (task.plan && !task.plan->energy_start.empty() && utc_now() - exit.ended < kEnergyFresh) {
    const auto& devices = task.plan->order.devices;
    std::int64_t used = 0;
    bool measured = true;
    auto before = task.plan->energy_start.begin();
    for (const std::int32_t device : devices) {
      const auto now = devices_.energy_mj(device);
      // A counter that went back belongs to a driver that was loaded anew.
      measured = measured && now && *now >= *before;
      if (measured) used += *now - *before;
      ++before;
    }
    if (measured) {
      report.energy = Joules((used + 500) / 1000);
      report.energy_source = EnergySource::kNvml;
    }
  }
  // If this cannot be written, an agent after this one comes to the same end without the energy.
  if (auto written = write_file(task.dir.report(), to_json(report), Lasting::kPowerLoss); !written.ok()) {
    spdlog::warn("event=report-not-kept task={} error=\"{}\"", task.dir.path, written.error().message);
  }
  spdlog::info("event=task-ended allocation={} rank={} end={} exit_code={} signal={} message=\"{}\"",
               Text<Uid>::format(report.allocation), report.rank, name_of(report.end), report.exit_code, report.signal,
               report.message);
}

bool Tasks::reconcile(const std::vector<TaskOrder>& orders, Duration lease, const std::set<TaskKey>& told) {
  std::set<TaskKey> ordered;
  const std::size_t before = tasks_.size();
  for (auto& [key, task] : tasks_) {
    if (task.report.phase == TaskPhase::kExited) continue;
    if (auto written = write_duration(task.dir.lease(), lease); !written.ok()) {
      spdlog::error("event=lease-not-renewed task={} error=\"{}\"", task.dir.path, written.error().message);
    }
  }
  for (const TaskOrder& order : orders) {
    const TaskKey key{order.allocation, order.rank};
    ordered.insert(key);
    const auto known = tasks_.find(key);
    if (known == tasks_.end()) {
      order.action == OrderAction::kRun ? launch(key, order, lease) : never_start(key, order);
    } else if (order.action == OrderAction::kStop) {
      stop(known->second, order.stop_grace);
    }
  }
  for (auto& [key, task] : tasks_) {
    if (ordered.contains(key)) continue;
    stop(task, task.plan ? task.plan->order.stop_grace : Duration());
    if (task.report.phase == TaskPhase::kExited && !task.settled && told.contains(key)) settle(task);
  }
  return tasks_.size() != before;
}

void Tasks::launch(const TaskKey& key, const TaskOrder& order, Duration lease) {
  const std::string path = directory_of(key);
  if (mkdir(path.c_str(), 0711) != 0) {
    // Nothing has been committed to: the next reply brings the order again.
    spdlog::error("event=launch-put-off task={} error=\"{}\"", path, reason_of(errno));
    return;
  }
  Task& task = tasks_[key];
  task.dir = TaskDir{path};
  task.report.allocation = key.allocation;
  task.report.rank = key.rank;
  watch_.add(path);
  spdlog::info("event=task-launched allocation={} rank={} workload={} attempt={}", Text<Uid>::format(key.allocation),
               key.rank, order.workload, order.attempt);
  if (auto started = start(task, order, lease); !started.ok()) {
    TaskExit exit;
    exit.end = TaskEnd::kLaunchFailed;
    exit.message = started.error().message;
    exit.ended = utc_now();
    static_cast<void>(write_file(task.dir.exit(), to_json(exit), Lasting::kPowerLoss));
    conclude(task, exit);
  }
}

Status Tasks::start(Task& task, const TaskOrder& order, Duration lease) {
  PENSTOCK_TRY(plan, plan_for(order, task.dir));
  PENSTOCK_RETURN_IF_ERROR(write_duration(task.dir.lease(), lease));
  PENSTOCK_RETURN_IF_ERROR(write_file(task.dir.plan(), to_json(plan), Lasting::kPowerLoss));
  task.plan = std::move(plan);
  return spawn(task);
}

Result<TaskPlan> Tasks::plan_for(const TaskOrder& order, const TaskDir& dir) const {
  TaskPlan plan;
  plan.order = order;
  plan.name = fmt::format("{}-{}", options_.instance, name_of_key({order.allocation, order.rank}));
  plan.cgroup = options_.cgroups.kind;
  plan.user = options_.user;
  plan.log_segment = options_.logs.segment;
  plan.log_keep = options_.logs.keep;
  plan.env = environment_for(order, plan.name, dir.work());
  plan.argv = order.command;
  if (!order.image.empty()) {
    if (options_.podman.empty()) {
      return make_error(Code::kUnsupported,
                        fmt::format("the image '{}' cannot be run: podman is not installed on this node", order.image));
    }
    // By file, because the arguments of a process can be read by everyone on the machine.
    std::string env_file;
    for (const auto& [name, value] : plan.env) {
      if (name == "PATH" || name == "HOME") continue;  // the image has its own
      if (value.find('\n') != std::string::npos) {
        return make_error(Code::kInvalid,
                          fmt::format("the variable '{}' holds a line break, which cannot be given to an image", name));
      }
      env_file += name + "=" + value + "\n";
    }
    PENSTOCK_RETURN_IF_ERROR(write_file(dir.path + "/env", env_file, Lasting::kProcess));
    // cgroups=disabled leaves the container in the task's own cgroup, with its limits and its end.
    plan.argv = {
        options_.podman,         "run",        "--rm",           "--network=host", "--cgroups=disabled", "--name",
        "penstock-" + plan.name, "--env-file", dir.path + "/env"};
    if (devices_.vendor() == Vendor::kNvidia) {
      for (const std::int32_t device : order.devices) {
        plan.argv.insert(plan.argv.end(), {"--device", fmt::format("nvidia.com/gpu={}", device)});
      }
    }
    plan.argv.push_back(order.image);
    plan.argv.insert(plan.argv.end(), order.command.begin(), order.command.end());
    plan.env = {{"PATH", kPath}, {"HOME", dir.work()}, {std::string(kTaskMark), plan.name}};
    plan.user.clear();  // podman sets the container up with the agent's rights
  }
  // A device that is shared has one counter for all who share it.
  if (order.gpus == MilliGpu(1000) * static_cast<std::int64_t>(order.devices.size())) {
    for (const std::int32_t device : order.devices) {
      const auto counter = devices_.energy_mj(device);
      if (!counter) {
        plan.energy_start.clear();
        break;
      }
      plan.energy_start.push_back(*counter);
    }
  }
  return plan;
}

Status Tasks::spawn(Task& task) {
  // The shim inherits the lock already taken: from here on a free lock means that there is no shim any more.
  PENSTOCK_TRY(lock, lock_file(task.dir.lock()));
  std::vector<std::string> command = options_.shim_command;
  command.push_back(task.dir.path);
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string path = fmt::format("PATH={}", kPath);
  char* env[] = {path.data(), nullptr};

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, lock.get(), kShimLockFd);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, task.dir.shim_log().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = posix_spawn(&task.shim, argv.front(), &files, &attributes, argv.data(), env);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) {
    task.shim = 0;
    return system_error("cannot start the task's helper " + command.front(), failed);
  }
  return ok_status();
}

void Tasks::stop(Task& task, Duration grace) {
  if (task.stopping || task.report.phase == TaskPhase::kExited) return;
  auto written = write_duration(task.dir.stop(), grace);
  task.stopping = written.ok();
  if (written.ok()) {
    spdlog::info("event=task-stopping allocation={} rank={} grace={}", Text<Uid>::format(task.report.allocation),
                 task.report.rank, Text<Duration>::format(grace));
  } else {
    spdlog::error("event=stop-put-off task={} error=\"{}\"", task.dir.path, written.error().message);
  }
}

// An order to stop what was never started still has to end in an exit that the server hears of, and the
// directory keeps a late order to run it from being followed.
void Tasks::never_start(const TaskKey& key, const TaskOrder& order) {
  const std::string path = directory_of(key);
  if (mkdir(path.c_str(), 0711) != 0) return;
  Task& task = tasks_[key];
  task.dir = TaskDir{path};
  task.report.allocation = order.allocation;
  task.report.rank = order.rank;
  TaskExit exit;
  exit.end = TaskEnd::kStopped;
  exit.message = "stopped before it was started";
  exit.ended = utc_now();
  static_cast<void>(write_file(task.dir.exit(), to_json(exit), Lasting::kPowerLoss));
  conclude(task, exit);
}

void Tasks::settle(Task& task) {
  task.settled = true;
  // The grant is over and so is the task's right to the disk; only what is left to read stays.
  throw_away(task.dir.work());
  task.size = size_of_directory(task.dir.path);
}

std::vector<TaskReport> Tasks::reports() const {
  std::vector<TaskReport> reports;
  for (const auto& [key, task] : tasks_) {
    if (!task.settled) reports.push_back(task.report);
  }
  return reports;
}

std::optional<Tasks::LogSource> Tasks::log_of(const TaskKey& key) const {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return std::nullopt;
  const Task& task = found->second;
  return LogSource{task.dir.path, task.plan ? task.plan->logs() : options_.logs,
                   task.report.phase == TaskPhase::kExited};
}

void Tasks::tidy() {
  std::int64_t total = 0;
  std::vector<std::pair<Time, TaskKey>> settled;
  for (const auto& [key, task] : tasks_) {
    if (!task.settled) continue;
    total += task.size;
    settled.emplace_back(task.report.ended.value_or(Time{}), key);
  }
  std::sort(settled.begin(), settled.end());
  const Time oldest = utc_now() - options_.retention;
  for (const auto& [ended, key] : settled) {
    if (ended >= oldest && total <= options_.retention_size.count()) break;
    total -= tasks_[key].size;
    throw_away(tasks_[key].dir.path);
    tasks_.erase(key);
  }
}

void Tasks::throw_away(const std::string& path) {
  const std::string there = fmt::format("{}/trash/{}-{}", options_.state_dir, utc_now().ns, ++thrown_away_);
  if (rename(path.c_str(), there.c_str()) != 0 && errno != ENOENT) {
    spdlog::warn("event=not-removed path={} error=\"{}\"", path, reason_of(errno));
  }
}

void Tasks::empty_trash(const std::string& state_dir) {
  std::error_code failed;
  std::vector<std::filesystem::path> entries;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir + "/trash", failed)) {
    entries.push_back(entry.path());
  }
  for (const auto& path : entries) {
    std::filesystem::remove_all(path, failed);
    if (failed) spdlog::warn("event=not-removed path={} error=\"{}\"", path.string(), failed.message());
  }
}

}  // namespace penstock
