// From task reports to the end of a job.
#include "engine/queue/gang.h"

#include <algorithm>

#include "engine/fleet/burn_in.h"
#include "engine/ledger/ledger.h"
#include "engine/queue/reclaim.h"
#include "engine/queue/reshape.h"

namespace penstock {
namespace {

bool succeeded(const TaskReport& report) { return report.end == TaskEnd::kExited && report.exit_code == 0; }

JobReason reason_of(const TaskReport& report) {
  switch (report.end) {
    case TaskEnd::kTimeLimit: return JobReason::kTimeLimit;
    case TaskEnd::kLeaseExpired: return JobReason::kLeaseExpired;
    case TaskEnd::kLaunchFailed: return JobReason::kLaunchFailed;
    case TaskEnd::kLost: return JobReason::kNodeLost;
    default: return JobReason::kTaskFailed;
  }
}

std::string describe(const Job& job, const TaskReport& report) {
  const std::string& node = job.allocation->tasks[report.rank].node;
  std::string text = fmt::format("task {} on {}: ", report.rank, node);
  switch (report.end) {
    case TaskEnd::kExited: text += fmt::format("exit status {}", report.exit_code); break;
    case TaskEnd::kSignaled: text += fmt::format("ended by signal {}", report.signal); break;
    default: text += name_of(report.end); break;
  }
  if (!report.message.empty()) text += ": " + report.message;
  return text;
}

// The attempt is over: every task has ended.
void conclude(Step& step, Uid uid) {
  const Job& job = *step.state().find_job(uid);
  step.emit(UsageRecorded{meter(step.state(), job, step.now())});
  const JobReason reason = job.phase == JobPhase::kStopping ? job.reason : JobReason::kCompleted;
  const std::string message = job.message;
  const bool may_restart = reason == JobReason::kTaskFailed || reason == JobReason::kLaunchFailed ||
                           reason == JobReason::kNodeLost || reason == JobReason::kLeaseExpired;
  if (const auto tested = tested_by(step.state(), job)) {
    const JobPhase phase = reason == JobReason::kCompleted ? JobPhase::kSucceeded : is_displaced(reason) ? JobPhase::kCancelled : JobPhase::kFailed;
    finish_job(step, uid, reason == JobReason::kCancelled ? JobPhase::kCancelled : phase, reason, message);
    end_test(step, *tested, uid, reason, message);
    return;
  }
  const Duration saved = saved_work(job, step.now(), is_displaced(reason));
  const std::int32_t failures = job.attempt - job.displaced;
  if (is_displaced(reason) || (may_restart && failures <= job.spec.max_restarts)) {
    Time not_before = step.now();
    if (!is_displaced(reason) && !starts_again(reason)) {
      Duration wait = kFirstBackOff;
      for (std::int32_t i = 1; i < failures && wait < kMostBackOff; ++i) wait = wait * 2;
      not_before = not_before + std::min(wait, kMostBackOff);
    }
    const bool at_once = starts_again(reason) && !step.settings().queue_again;
    const std::vector<TaskPlacement> before = at_once ? job.allocation->tasks : std::vector<TaskPlacement>();
    step.emit(JobRequeued{uid, reason, message, not_before, saved});
    if (at_once) start_again(step, uid, before);
    return;
  }
  const JobPhase phase = reason == JobReason::kCompleted   ? JobPhase::kSucceeded
                         : reason == JobReason::kCancelled ? JobPhase::kCancelled
                                                           : JobPhase::kFailed;
  finish_job(step, uid, phase, reason, message);
}

}  // namespace

void start_job(Step& step, const Job& job, std::vector<TaskPlacement> tasks) {
  Allocation allocation;
  allocation.uid = step.mint();
  allocation.job = job.uid;
  allocation.attempt = job.attempt;
  allocation.from = step.now();
  if (job.spec.time_limit) allocation.until = step.now() + *job.spec.time_limit;
  for (const TaskPlacement& task : tasks) {
    allocation.gpus += task.gpus;
    allocation.demand += task.demand;
    allocation.firm += task.firm;
  }
  allocation.contract = job.contract;
  allocation.price_per_gpu_hour = terms_at(step.facts().contracts.at(job.contract).spec, step.now()).price_per_gpu_hour;
  allocation.tasks = std::move(tasks);
  step.emit(JobStarted{std::move(allocation)});
}

void finish_job(Step& step, Uid uid, JobPhase phase, JobReason reason, const std::string& message) {
  step.emit(JobFinished{uid, phase, reason, message});
  // Chains may be long: a list, not a recursion.
  std::vector<Uid> ended;
  if (phase != JobPhase::kSucceeded) ended.push_back(uid);
  while (!ended.empty()) {
    const Job& cause = *step.state().find_job(ended.back());
    ended.pop_back();
    for (const Uid other : step.state().line().awaiting(cause.uid)) {
      step.emit(JobFinished{other, JobPhase::kCancelled, JobReason::kDependency,
                            fmt::format("{} has {}", cause.name, name_of(cause.phase))});
      ended.push_back(other);
    }
  }
}

void take_report(Step& step, const TaskReport& report, const std::string* node) {
  const Job* job = step.state().job_of_allocation(report.allocation);
  if (job == nullptr || report.rank < 0 || report.rank >= static_cast<std::int32_t>(job->tasks.size())) return;
  if (node != nullptr && job->allocation->tasks[report.rank].node != *node) return;
  if (report.phase <= job->tasks[report.rank].phase) return;

  const Uid uid = job->uid;
  step.emit(TaskChanged{uid, report});
  if (report.phase != TaskPhase::kExited) return;
  if (!succeeded(report) && job->phase != JobPhase::kStopping) {
    step.emit(JobStopping{uid, reason_of(report), describe(*job, report), std::nullopt});
  }
  if (step.state().all_ended(uid)) conclude(step, uid);
}

}  // namespace penstock
