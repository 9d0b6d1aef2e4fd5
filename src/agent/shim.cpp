// Launches one task and waits for its end. One thread, one poll loop, state in files.
#include "agent/shim.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "agent/directory_watch.h"
#include "agent/processes.h"
#include "agent/task_dir.h"
#include "base/clock.h"

namespace penstock {
namespace {

// Where directory watches are not to be had, the files are looked at this often.
constexpr Duration kLook = milliseconds(500);
// Between two passes of killing, for what the kernel has not let go yet; in microseconds.
constexpr useconds_t kKillPause = 5'000;
constexpr useconds_t kLongestKillPause = 500'000;

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// What the child reports when it could not become the task.
enum class Step : int { kDirectory, kUser, kProgram };
struct LaunchFault {
  Step step;
  int number;
};

void write_environment(const std::map<std::string, std::string>& env, std::vector<std::string>& lines,
                       std::vector<char*>& pointers) {
  for (const auto& [name, value] : env) lines.push_back(name + "=" + value);
  for (std::string& line : lines) pointers.push_back(line.data());
  pointers.push_back(nullptr);
}

class Shim {
 public:
  explicit Shim(std::string path) : dir_{std::move(path)} {}

  int run() {
    if (!claim()) return 1;
    prepare_process();
    auto plan = read_json_file<TaskPlan>(dir_.plan());
    if (!plan.ok()) return finish(launch_failed(to_string(plan.error())));
    plan_ = std::move(*plan);
    log_ = LogWriter(dir_.path, plan_.logs());
    watch_.emplace().add(dir_.path);
    cgroup_.emplace(CgroupPlace::find(plan_.cgroup), plan_.name);
    if (auto launched = launch(); !launched.ok()) return finish(launch_failed(launched.error().message));
    watch_over();
    kill_tree();
    return finish(verdict());
  }

 private:
  // Only one shim ever runs a task: the lock keeps out a second one now, the files keep out a later one.
  bool claim() {
    struct stat inherited {};
    struct stat lock {};
    const bool given = fstat(kShimLockFd, &inherited) == 0 && stat(dir_.lock().c_str(), &lock) == 0 &&
                       inherited.st_dev == lock.st_dev && inherited.st_ino == lock.st_ino;
    if (!given) {
      auto taken = lock_file(dir_.lock());
      if (!taken.ok()) {
        std::fprintf(stderr, "penstock shim: %s\n", taken.error().message.c_str());
        return false;
      }
      if (taken->get() != kShimLockFd) dup2(taken->get(), kShimLockFd);
    }
    lock_.reset(kShimLockFd);
    fcntl(kShimLockFd, F_SETFD, FD_CLOEXEC);
    if (exists(dir_.state()) || exists(dir_.exit())) {
      std::fprintf(stderr, "penstock shim: the task of %s has been run before\n", dir_.path.c_str());
      return false;
    }
    return true;
  }

  void prepare_process() {
    // Whatever else the starter had open is not the task's business, and must not be kept open by it.
    syscall(SYS_close_range, static_cast<unsigned>(kShimLockFd + 1), ~0U, 0U);
    setsid();
    // Orphans of the task become our children, so none escapes by forking twice.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
      signal(number, SIG_IGN);
    }
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    children_.reset(signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC));
  }

  Result<User> find_user() const {
    User user{plan_.user, geteuid(), getegid()};
    if (plan_.user.empty()) return user;
    const passwd* entry = getpwnam(plan_.user.c_str());
    if (entry == nullptr) {
      return make_error(Code::kNotFound, fmt::format("there is no user '{}' on this node", plan_.user));
    }
    user.uid = entry->pw_uid;
    user.gid = entry->pw_gid;
    return user;
  }

  Status launch() {
    if (plan_.argv.empty()) return make_error(Code::kInvalid, "the task has no command");
    PENSTOCK_TRY(user, find_user());
    if (mkdir(dir_.work().c_str(), 0700) != 0 && errno != EEXIST) {
      return system_error("cannot make " + dir_.work(), errno);
    }
    if (!user.name.empty() && chown(dir_.work().c_str(), user.uid, user.gid) != 0) {
      return system_error("cannot give " + dir_.work() + " to " + user.name, errno);
    }
    PENSTOCK_RETURN_IF_ERROR(cgroup_->create({plan_.order.cpu, plan_.order.memory}));

    int output[2];
    int go[2];
    int fault[2];
    if (pipe2(output, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
    output_ = Fd(output[0]);
    const Fd output_end(output[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    // So that the task may open /dev/stdout and /dev/stderr.
    if (!user.name.empty() && fchown(output[1], user.uid, user.gid) != 0) {
      return system_error("cannot give the output pipe to " + user.name, errno);
    }
    if (pipe2(go, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
    const Fd go_end(go[0]);
    Fd go_start(go[1]);
    if (pipe2(fault, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
    const Fd fault_end(fault[0]);
    Fd fault_start(fault[1]);

    const pid_t shim = getpid();
    first_ = fork();
    if (first_ < 0) return system_error("cannot fork", errno);
    if (first_ == 0) {
      go_start.reset();
      become_task(shim, user, go_end.get(), output_end.get(), fault_start.get());
    }
    fault_start.reset();
    if (auto added = cgroup_->add(first_); !added.ok()) {
      kill(first_, SIGKILL);
      return added;
    }
    const auto info = read_process(first_);
    started_ = utc_now();
    started_since_boot_ = since_boot();
    if (write(go_start.get(), "g", 1) != 1) return system_error("cannot start the task", errno);

    LaunchFault failed{};
    ssize_t size = 0;
    do {
      size = read(fault_end.get(), &failed, sizeof failed);
    } while (size < 0 && errno == EINTR);
    if (size == sizeof failed) return explain(failed, user);

    TaskState state;
    state.pid = first_;
    state.start_ticks = info ? info->start_ticks : 0;
    state.started = started_;
    return write_file(dir_.state(), to_json(state), Lasting::kPowerLoss);
  }

  // The rest of the child's life before it is the task.
  [[noreturn]] void become_task(pid_t shim, const User& user, int go, int output, int fault) {
    const auto give_up = [&](Step step) {
      const LaunchFault failed{step, errno};
      static_cast<void>(!write(fault, &failed, sizeof failed));
      _exit(127);
    };
    setsid();
    char byte = 0;
    if (read(go, &byte, 1) != 1) _exit(127);  // the shim died before it could put us into the cgroup
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (nothing > 2) close(nothing);
    umask(022);
    // Before the user changes: the way here may lead through directories that are closed to the task.
    if (chdir(dir_.work().c_str()) != 0) give_up(Step::kDirectory);
    if (!user.name.empty()) {
      if (initgroups(user.name.c_str(), user.gid) != 0 || setgid(user.gid) != 0 || setuid(user.uid) != 0) {
        give_up(Step::kUser);
      }
      // No set-user-id program may give back what was just taken.
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
    // A task without its shim would have nobody to keep it to its lease.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim) _exit(127);

    std::vector<std::string> lines;
    std::vector<char*> env;
    write_environment(plan_.env, lines, env);
    environ = env.data();  // execvp looks for the program in the PATH of the task
    std::vector<char*> argv;
    for (std::string& argument : plan_.argv) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execvp(argv.front(), argv.data());
    give_up(Step::kProgram);
    _exit(127);
  }

  Error explain(const LaunchFault& failed, const User& user) const {
    const std::string who = user.name.empty() ? "" : fmt::format(" as user '{}'", user.name);
    switch (failed.step) {
      case Step::kUser:
        return make_error(Code::kForbidden, fmt::format("cannot run{}: {}", who, reason_of(failed.number)));
      case Step::kDirectory:
        return make_error(Code::kForbidden, fmt::format("cannot enter the working directory {}{}: {}", dir_.work(), who,
                                                        reason_of(failed.number)));
      case Step::kProgram: break;
    }
    const std::string& program = plan_.argv.front();
    if (failed.number == ENOENT && program.find('/') == std::string::npos) {
      return make_error(Code::kNotFound, fmt::format("cannot run '{}': there is no such program in PATH", program));
    }
    return make_error(Code::kNotFound, fmt::format("cannot run '{}'{}: {}", program, who, reason_of(failed.number)));
  }

  // Until the first process has ended, by itself or by us.
  void watch_over() {
    while (!first_status_) {
      take_output();
      reap();
      if (first_status_) return;
      const Duration now = since_boot();
      const Duration next = std::min(act(now), now + kLook);
      pollfd watched[] = {{children_.get(), POLLIN, 0}, {watch_->descriptor(), POLLIN, 0}, {output_.get(), POLLIN, 0}};
      const std::int64_t wait = (next - now).count();
      poll(watched, std::size(watched), wait <= 0 ? 0 : static_cast<int>(wait / 1'000'000 + 1));
      signalfd_siginfo noted;
      while (read(children_.get(), &noted, sizeof noted) > 0) {
      }
      watch_->drain();
    }
  }

  // Does what is due, and says when it wants to be asked again.
  Duration act(Duration now) {
    if (!why_) {
      if (const auto grace = read_duration(dir_.stop())) {
        begin_stop(TaskEnd::kStopped, now, *grace);
      } else if (plan_.order.time_limit && now >= started_since_boot_ + *plan_.order.time_limit) {
        begin_stop(TaskEnd::kTimeLimit, now, plan_.order.stop_grace);
      }
    }
    // What cannot be read is no renewal: the last deadline stands, and without any the task has no right to run.
    lease_ = read_duration(dir_.lease()).value_or(lease_);
    if (now >= lease_) {
      if (!why_) why_ = TaskEnd::kLeaseExpired;
      kill_at_ = now;
    }
    if (kill_at_ && now >= *kill_at_) {
      kill_tree();
      return now;
    }
    Duration next = lease_;
    if (kill_at_) next = std::min(next, *kill_at_);
    if (!why_ && plan_.order.time_limit) next = std::min(next, started_since_boot_ + *plan_.order.time_limit);
    return next;
  }

  void begin_stop(TaskEnd why, Duration now, Duration grace) {
    why_ = why;
    kill_at_ = now + grace;
    for (const pid_t pid : tree()) {
      kill(pid, SIGTERM);
      kill(pid, SIGCONT);
    }
  }

  std::vector<pid_t> tree() const {
    std::vector<pid_t> pids = descendants_of(getpid());
    for (const pid_t pid : cgroup_->members()) {
      if (std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
    }
    return pids;
  }

  // Returns only when nothing is left: a task that cannot die has not ended.
  void kill_tree() {
    for (useconds_t pause = kKillPause;; pause = std::min(2 * pause, kLongestKillPause)) {
      cgroup_->kill();
      // Who moved out of the cgroup is still below us.
      for (const pid_t pid : tree()) kill(pid, SIGKILL);
      take_output();
      reap();
      if (tree().empty()) break;
      usleep(pause);
    }
    reap();
    take_output();
  }

  void reap() {
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid == first_) first_status_ = status;
    }
  }

  // A bounded part of what there is: a task that writes without end must still hear of its end. The bound is
  // what a pipe can hold, so that nothing is left behind once all writers are dead.
  void take_output() {
    char buffer[65536];
    for (int i = 0; i < 16 && output_; ++i) {
      const ssize_t size = read(output_.get(), buffer, sizeof buffer);
      if (size == 0) output_.reset();  // all its writers have closed it
      if (size <= 0) return;
      log_.append(std::string_view(buffer, static_cast<std::size_t>(size)));
    }
  }

  static TaskExit launch_failed(std::string message) {
    TaskExit exit;
    exit.end = TaskEnd::kLaunchFailed;
    exit.message = std::move(message);
    return exit;
  }

  TaskExit verdict() const {
    TaskExit exit;
    const int status = *first_status_;
    if (WIFSIGNALED(status)) {
      exit.signal = WTERMSIG(status);
      exit.end = TaskEnd::kSignaled;
      exit.message = fmt::format("ended by signal {} ({})", exit.signal, strsignal(exit.signal));
    } else {
      exit.exit_code = WEXITSTATUS(status);
      exit.end = TaskEnd::kExited;
    }
    const CgroupUsage usage = cgroup_->usage();
    exit.cpu_time = usage.cpu_time;
    exit.peak_memory = usage.peak_memory;
    if (plan_.cgroup == CgroupKind::kNone) {
      // All of the tree that was waited for; of memory the most that a single process of it held.
      rusage used{};
      getrusage(RUSAGE_CHILDREN, &used);
      const auto duration = [](const timeval& t) { return seconds(t.tv_sec) + nanoseconds(t.tv_usec * 1000); };
      exit.cpu_time = duration(used.ru_utime) + duration(used.ru_stime);
      exit.peak_memory = Bytes(used.ru_maxrss * 1024);
    }
    if (exit.signal == SIGKILL && !why_ && usage.out_of_memory > 0) {
      exit.message = fmt::format("killed because it needed more than the {} of memory that it was granted",
                                 Text<Bytes>::format(plan_.order.memory));
    }
    if (why_) {
      exit.end = *why_;
      exit.message = *why_ == TaskEnd::kTimeLimit      ? fmt::format("stopped at its time limit of {}",
                                                                     Text<Duration>::format(*plan_.order.time_limit))
                     : *why_ == TaskEnd::kLeaseExpired ? "killed because the node could not renew its lease in time"
                                                       : "";
    }
    return exit;
  }

  int finish(TaskExit exit) {
    if (cgroup_) {
      if (exit.end == TaskEnd::kLaunchFailed) kill_tree();
      if (auto removed = cgroup_->remove(); !removed.ok()) {
        std::fprintf(stderr, "penstock shim: %s\n", removed.error().message.c_str());
      }
    }
    exit.ended = utc_now();
    // Nobody else can tell how the task ended, so this must not fail for long.
    while (true) {
      auto written = write_file(dir_.exit(), to_json(exit), Lasting::kPowerLoss);
      if (written.ok()) return 0;
      std::fprintf(stderr, "penstock shim: %s\n", written.error().message.c_str());
      usleep(1'000'000);
    }
  }

  TaskDir dir_;
  TaskPlan plan_;
  Fd lock_;
  Fd children_;
  Fd output_;
  std::optional<DirectoryWatch> watch_;
  LogWriter log_{{}, {}};
  std::optional<Cgroup> cgroup_;

  pid_t first_ = 0;
  std::optional<int> first_status_;
  Time started_;
  Duration started_since_boot_;
  Duration lease_;
  std::optional<TaskEnd> why_;
  std::optional<Duration> kill_at_;
};

}  // namespace

int shim_main(const std::string& task_dir) { return Shim(task_dir).run(); }

}  // namespace penstock
