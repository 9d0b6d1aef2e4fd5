// The tasks of this node: their directories, their shims, and how they come to match the orders.
#pragma once

#include <map>
#include <set>

#include "agent/devices/devices.h"
#include "agent/directory_watch.h"
#include "agent/task_dir.h"

namespace penstock {

/// A task by its grant and its rank in the gang.
struct TaskKey {
  Uid allocation;
  std::int32_t rank = 0;
  auto operator<=>(const TaskKey&) const = default;
};

struct TasksOptions {
  std::string state_dir;
  std::string instance;                   ///< sets this agent's tasks apart from another's on the same machine
  std::vector<std::string> shim_command;  ///< the task directory is added as the last argument
  std::string podman;                     ///< path of the program; empty: not installed
  std::string user;                       ///< whom tasks run as; empty: the agent's own user
  CgroupPlace cgroups;
  LogLayout logs;
  Duration retention = hours(24);         ///< how long the directory of a settled task is kept
  Bytes retention_size = Bytes(1 << 30);  ///< and how much all of them may hold
};

/// Not thread-safe. A task is launched at most once: the making of its directory is the point of no return, and
/// nothing but an order makes one.
class Tasks {
 public:
  Tasks(TasksOptions options, const DeviceProvider& devices);

  /// Takes up what an agent before this one left. Nothing is stopped until an order says so.
  Status open();

  /// Brings the reports up to date with what the shims wrote. True if one has changed.
  bool scan();
  /// A descriptor that is readable when a scan would find something new; -1 if there is none.
  int descriptor() const { return watch_.descriptor(); }

  /// Makes the tasks match the orders. All tasks, also those launched now, may run until `lease` (time since boot).
  /// Exited tasks that are in `told` and no longer ordered are settled: not reported again, kept for their logs.
  /// True if there is something to report.
  bool reconcile(const std::vector<TaskOrder>& orders, Duration lease, const std::set<TaskKey>& told);

  /// All tasks that are not settled.
  std::vector<TaskReport> reports() const;

  struct LogSource {
    std::string directory;
    LogLayout layout;
    bool exited = false;
  };
  /// Where the log of a task is; nothing if the task is not known here.
  std::optional<LogSource> log_of(const TaskKey& key) const;

  /// Removes the directories of settled tasks that are over the limits.
  void tidy();
  /// Deletes for good what has been removed. May take long; needs no other call to wait.
  static void empty_trash(const std::string& state_dir);

 private:
  struct Task {
    TaskDir dir;
    std::optional<TaskPlan> plan;
    TaskReport report;
    pid_t shim = 0;  // our child, if we started it
    bool stopping = false;
    bool settled = false;
    std::int64_t size = 0;  // of its directory, once settled
  };

  std::string directory_of(const TaskKey& key) const;
  void launch(const TaskKey& key, const TaskOrder& order, Duration lease);
  Status start(Task& task, const TaskOrder& order, Duration lease);
  Result<TaskPlan> plan_for(const TaskOrder& order, const TaskDir& dir) const;
  Status spawn(Task& task);
  void stop(Task& task, Duration grace);
  void never_start(const TaskKey& key, const TaskOrder& order);
  void settle(Task& task);
  bool refresh(Task& task);
  bool bury_leftovers(const Task& task) const;
  void conclude(Task& task, const TaskExit& exit);
  void throw_away(const std::string& path);

  TasksOptions options_;
  const DeviceProvider& devices_;
  DirectoryWatch watch_;
  std::map<TaskKey, Task> tasks_;
  std::uint64_t thrown_away_ = 0;
};

}  // namespace penstock
