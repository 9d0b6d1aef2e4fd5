// Simulated tasks: a timetable of allocations.
#include "runtime/simulated/simulated_runtime.h"

#include <algorithm>

namespace penstock {
namespace {

bool on_simulated_node(const State& state, const TaskPlacement& task) {
  const NodeIndex node = state.estate().find_node(task.node);
  return node != kNowhere && state.estate().site_of(node).runtime == RuntimeKind::kSimulated;
}

// A gang is never spread over sites, so one task speaks for all.
bool simulated(const State& state, const Job& job) {
  return job.allocation && !job.allocation->tasks.empty() && on_simulated_node(state, job.allocation->tasks.front());
}

Time end_of(const Job& job, TaskEnd& end) {
  const Duration all = job.spec.estimate.value_or(job.spec.time_limit.value_or(SimulatedRuntime::kDefaultRun));
  const Duration run = std::max(milliseconds(1), all - job.saved);  // it goes on from its checkpoint
  const bool cut = job.spec.time_limit && *job.spec.time_limit < run;
  end = cut ? TaskEnd::kTimeLimit : TaskEnd::kExited;
  return job.allocation->from + (cut ? *job.spec.time_limit : run);
}

}  // namespace

void SimulatedRuntime::watch(const State& state, const Job& job, Time now) {
  if (!job.holds() || !simulated(state, job)) return;
  TaskEnd end;
  const bool at_once = job.phase != JobPhase::kRunning;
  due_.insert({at_once ? now : end_of(job, end), job.allocation->uid});
}

void SimulatedRuntime::recover(const State& state, Time now) {
  due_.clear();
  remedies_.clear();
  for (const auto& [uid, job] : state.facts().jobs) watch(state, job, now);
  for (const auto& [node, care] : state.facts().care) {
    if (care.remedy) watch(state, node, *care.remedy);
  }
}

void SimulatedRuntime::watch(const State& state, const std::string& node, const Remedy& remedy) {
  const NodeIndex index = state.estate().find_node(node);
  if (index == kNowhere || state.estate().site_of(index).runtime != RuntimeKind::kSimulated) return;
  remedies_[{remedy.ordered + Duration((remedy.deadline - remedy.ordered).count() / 4), remedy.uid}] = node;
}

void SimulatedRuntime::committed(const State& state, std::span<const EventRecord> events, Time now) {
  for (const EventRecord& record : events) {
    Uid uid;
    if (const auto* started = std::get_if<JobStarted>(&record.event)) uid = started->allocation.job;
    if (const auto* stopping = std::get_if<JobStopping>(&record.event)) uid = stopping->job;
    if (const auto* ordered = std::get_if<RemedyOrdered>(&record.event)) watch(state, ordered->node, ordered->remedy);
    if (const Job* job = uid ? state.find_job(uid) : nullptr) watch(state, *job, now);
  }
}

std::optional<Time> SimulatedRuntime::next_due() const {
  std::optional<Time> next;
  if (!due_.empty()) next = due_.begin()->first;
  if (!remedies_.empty() && (!next || remedies_.begin()->first.first < *next)) next = remedies_.begin()->first.first;
  return next;
}

RuntimeReports SimulatedRuntime::advance(const State& state, Time now) {
  RuntimeReports reports;
  while (!remedies_.empty() && remedies_.begin()->first.first <= now) {
    reports.remedies.emplace_back(remedies_.begin()->second, RemedyReport{remedies_.begin()->first.second, true, ""});
    remedies_.erase(remedies_.begin());
  }
  while (!due_.empty() && due_.begin()->first <= now) {
    const Uid allocation = due_.begin()->second;
    due_.erase(due_.begin());
    const Job* job = state.job_of_allocation(allocation);
    if (job == nullptr) continue;
    TaskEnd end = TaskEnd::kStopped;
    const Time ends = end_of(*job, end);
    const bool over = job->phase == JobPhase::kStopping || ends <= now;
    if (job->phase == JobPhase::kStopping) end = TaskEnd::kStopped;
    for (const TaskReport& task : job->tasks) {
      if (task.phase == TaskPhase::kExited) continue;
      TaskReport report = task;
      report.phase = over ? TaskPhase::kExited : TaskPhase::kRunning;
      if (!report.started) report.started = now;
      if (over) {
        report.ended = now;
        report.end = end;
      }
      reports.tasks.push_back(std::move(report));
    }
    if (!over) due_.insert({ends, allocation});
  }
  return reports;
}

}  // namespace penstock
