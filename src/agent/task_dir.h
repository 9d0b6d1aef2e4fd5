// The directory of one task: what the agent and the shim tell each other in files, so that either may die.
//   plan.json    agent: everything the shim needs; written before it starts, never changed
//   lock         flocked by the shim as long as it lives
//   lease        agent: until when the task may run, renewed
//   stop         agent: end the task, with the grace
//   state.json   shim: the task runs
//   exit.json    shim: the task has ended and nothing of it is left
//   report.json  agent: the last word on it, as reported
//   log.N        its output; work/ its working directory; shim.log what the shim has to say
#pragma once

#include <algorithm>

#include "agent/cgroup.h"
#include "agent/log_files.h"
#include "base/files.h"
#include "runtime/protocol.h"

namespace penstock {

/// What to run and how. The shim follows it to the letter.
struct TaskPlan {
  TaskOrder order;
  std::string name;                        ///< unique on this machine; names the cgroup and marks the processes
  std::vector<std::string> argv;           ///< program and arguments
  std::map<std::string, std::string> env;  ///< the whole environment
  std::string user;                        ///< empty: the shim's own
  CgroupKind cgroup = CgroupKind::kNone;
  std::int64_t log_segment = 0;
  std::int64_t log_keep = 0;
  std::vector<std::int64_t> energy_start;  ///< mJ counter of each device in order.devices; empty if not measured

  LogLayout logs() const { return {std::max<std::int64_t>(log_segment, 1), std::max<std::int64_t>(log_keep, 1)}; }

  static constexpr auto schema() {
    return object("TaskPlan", "What a shim runs and how.",
                  field("order", &TaskPlan::order, required, "the order it came from"),
                  field("name", &TaskPlan::name, required, "unique on this machine"),
                  field("argv", &TaskPlan::argv, required, "program and arguments"),
                  field("env", &TaskPlan::env, required, "the whole environment"),
                  field("user", &TaskPlan::user, optional, "whom it runs as; the shim's own user if absent"),
                  field("cgroup", &TaskPlan::cgroup, required, "what kind of cgroup holds it"),
                  field("logSegment", &TaskPlan::log_segment, required, "bytes in one log file"),
                  field("logKeep", &TaskPlan::log_keep, required, "log files kept"),
                  field("energyStart", &TaskPlan::energy_start, optional, "energy counters of its devices before it"));
  }
};

struct TaskState {
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;
  Time started;

  static constexpr auto schema() {
    return object("TaskState", "A task that runs.", field("pid", &TaskState::pid, required, "its first process"),
                  field("startTicks", &TaskState::start_ticks, required, "clock ticks from boot to its start"),
                  field("started", &TaskState::started, required, "when it was started"));
  }
};

struct TaskExit {
  TaskEnd end = TaskEnd::kExited;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::string message;
  Time ended;
  std::optional<Duration> cpu_time;
  std::optional<Bytes> peak_memory;

  static constexpr auto schema() {
    return object("TaskExit", "How a task ended.", field("end", &TaskExit::end, required, "why it ended"),
                  field("exitCode", &TaskExit::exit_code, optional, "exit status of its first process"),
                  field("signal", &TaskExit::signal, optional, "the signal that ended its first process"),
                  field("message", &TaskExit::message, optional, "a sentence, where there is more to say"),
                  field("ended", &TaskExit::ended, required, "when nothing of it was left"),
                  field("cpuTime", &TaskExit::cpu_time, optional, "processor time used"),
                  field("peakMemory", &TaskExit::peak_memory, optional, "most memory used"));
  }
};

/// The paths in a task's directory.
struct TaskDir {
  std::string path;

  std::string plan() const { return path + "/plan.json"; }
  std::string lock() const { return path + "/lock"; }
  std::string lease() const { return path + "/lease"; }
  std::string stop() const { return path + "/stop"; }
  std::string state() const { return path + "/state.json"; }
  std::string exit() const { return path + "/exit.json"; }
  std::string report() const { return path + "/report.json"; }
  std::string work() const { return path + "/work"; }
  std::string shim_log() const { return path + "/shim.log"; }
};

/// The mark that all processes of a task carry in their environment.
inline constexpr std::string_view kTaskMark = "PENSTOCK_TASK";

/// A file that holds one duration in nanoseconds: `lease` (time since boot) and `stop` (grace).
Status write_duration(const std::string& path, Duration duration);
std::optional<Duration> read_duration(const std::string& path);

}  // namespace penstock
