// Submission, cancellation, holding and suspending.
#include "engine/queue/queue.h"

#include <algorithm>

#include "base/name.h"
#include "engine/contracts/contracts.h"
#include "engine/queue/gang.h"
#include "engine/queue/sizes.h"

namespace penstock {
namespace {

constexpr std::size_t kMostSubmissions = 100'000;

// `before`: jobs of the same project that stand before this one in the same request and wait already.
Status admit(const State& state, const SubmitJobs::Item& item, std::int64_t before, std::string& contract) {
  const Facts& facts = state.facts();
  PENSTOCK_RETURN_IF_ERROR(check_name(Kind::kJob, item.metadata.name));
  const std::string project(project_of(item.metadata.name));
  const auto found = facts.projects.find(project);
  if (found == facts.projects.end()) {
    return make_error(Code::kNotFound, fmt::format("there is no project '{}'", project), "metadata.name");
  }
  const Job* other = state.find_job(item.metadata.name);
  if (other != nullptr && !is_final(other->phase)) {
    return make_error(Code::kAlreadyExists,
                      fmt::format("job '{}' is {} already; choose another name, or cancel it first", other->name,
                                  name_of(other->phase)),
                      "metadata.name");
  }
  const auto& quota = found->second.spec.quota;
  if (quota && quota->pending && state.pending_of_project(project) + before >= *quota->pending) {
    return make_error(Code::kLimitExceeded, fmt::format("project '{}' has {} workloads waiting, its quota", project,
                                                        *quota->pending));
  }
  const MilliGpu needed = least_gpus(item.spec);
  if (quota && quota->gpus && needed > *quota->gpus) {
    return make_error(Code::kLimitExceeded,
                      fmt::format("the job needs {} GPUs, more than the quota of project '{}' ({})",
                                  Text<MilliGpu>::format(needed), project, Text<MilliGpu>::format(*quota->gpus)),
                      "spec.groups");
  }
  PENSTOCK_TRY(resolved, resolve_contract(facts, tenant_of(item.metadata.name), item.spec.contract));
  if (total_gpus(item.spec) == MilliGpu() && !facts.contracts.at(resolved).spec.cpu_jobs) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("the job asks for no GPU, which contract '{}' does not allow: ask for one, or have cpuJobs set there", resolved),
                      "spec.groups");
  }
  contract = resolved;
  return ok_status();
}

// Arrays become their jobs, each with its number in its environment.
std::vector<SubmitJobs::Item> spread_out(const std::vector<SubmitJobs::Item>& items) {
  std::vector<SubmitJobs::Item> out;
  for (const SubmitJobs::Item& item : items) {
    if (item.spec.array == 0) {
      out.push_back(item);
      continue;
    }
    for (std::int32_t i = 0; i < item.spec.array; ++i) {
      SubmitJobs::Item& one = out.emplace_back(item);
      one.spec.array = 0;
      one.metadata.name = fmt::format("{}-{}", item.metadata.name, i);
      for (TaskGroupSpec& group : one.spec.groups) group.env["PENSTOCK_ARRAY_INDEX"] = std::to_string(i);
    }
  }
  return out;
}

std::size_t jobs_in(const std::vector<SubmitJobs::Item>& items) {
  std::size_t count = 0;
  for (const SubmitJobs::Item& item : items) count += static_cast<std::size_t>(std::max(1, item.spec.array));
  return count;
}

// The jobs that one must wait for; a name is that of its latest bearer.
Result<std::vector<Awaited>> resolve_awaited(const State& state, const SubmitJobs::Item& item) {
  std::vector<Awaited> out;
  for (std::size_t i = 0; i < item.spec.after.size(); ++i) {
    const DependencySpec& after = item.spec.after[i];
    const std::string path = fmt::format("spec.after[{}].job", i);
    if (parent_of(after.job) != parent_of(item.metadata.name)) {
      return make_error(Code::kInvalid, fmt::format("'{}' is not of the same project", after.job), path);
    }
    const Job* other = state.find_job(after.job);
    if (other == nullptr) {
      return make_error(Code::kNotFound,
                        fmt::format("there is no job '{}'; submit it first, or in the same request before this one", after.job), path);
    }
    if (!is_final(other->phase)) {
      out.push_back({other->uid, after.when});
    } else if (after.when == DependencyKind::kOk && other->phase != JobPhase::kSucceeded) {
      return make_error(Code::kFailedPrecondition, fmt::format("job '{}' has {}", other->name, name_of(other->phase)), path);
    }
  }
  return out;
}

}  // namespace

Result<const Job*> live_job(const State& state, const std::string& name, std::optional<Position> version) {
  const Job* job = state.find_job(name);
  if (job == nullptr) return make_error(Code::kNotFound, fmt::format("there is no job '{}'", name));
  if (version && *version != job->version) {
    return make_error(Code::kConflict, fmt::format("job '{}' has version {}, not {}", job->name, job->version, *version));
  }
  if (is_final(job->phase)) {
    return make_error(Code::kFailedPrecondition, fmt::format("job '{}' has {} already", job->name, name_of(job->phase)));
  }
  return job;
}

Reply job_changed(const Step& step, Uid uid, bool really) {
  Reply reply;
  reply.changes.push_back({"Job", step.facts().jobs.at(uid).name, uid, really ? Change::kChanged : Change::kUnchanged,
                           step.facts().jobs.at(uid).version});
  return reply;
}

Result<Reply> submit_jobs(Step& step, const SubmitJobs& command) {
  if (jobs_in(command.items) > kMostSubmissions) {
    return make_error(Code::kLimitExceeded, fmt::format("a request holds at most {} jobs, those of arrays counted", kMostSubmissions));
  }
  const std::vector<SubmitJobs::Item> items = spread_out(command.items);
  if (command.all_or_none) {
    std::set<std::string> names;
    std::map<std::string, std::int64_t> before;
    std::string contract;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const SubmitJobs::Item& item = items[i];
      Status admitted = admit(step.state(), item, before[std::string(project_of(item.metadata.name))]++, contract);
      if (admitted.ok() && !names.insert(item.metadata.name).second) {
        admitted = make_error(Code::kAlreadyExists, fmt::format("job '{}' stands twice in this input", item.metadata.name), "metadata.name");
      }
      if (!admitted.ok()) {
        Error error = std::move(admitted).error();
        if (items.size() > 1) error.message = fmt::format("{}: {}", item.metadata.name, error.message);
        return error;
      }
    }
  }
  Reply reply;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const SubmitJobs::Item& item = items[i];
    JobSubmitted event;
    Status admitted = admit(step.state(), item, 0, event.contract);
    if (admitted.ok()) {
      auto awaits = resolve_awaited(step.state(), item);
      if (awaits.ok()) {
        event.awaits = std::move(*awaits);
      } else {
        admitted = std::move(awaits).error();
      }
    }
    if (!admitted.ok()) {
      const Error& error = admitted.error();
      reply.refused.push_back({i, std::string(code_name(error.code)), error.message, error.path});
      continue;
    }
    event.uid = step.mint();
    event.name = item.metadata.name;
    event.labels = item.metadata.labels;
    event.spec = item.spec;
    const Uid uid = event.uid;
    step.emit(std::move(event));
    reply.changes.push_back({"Job", item.metadata.name, uid, Change::kAdded, step.facts().position});
  }
  return reply;
}

Result<Reply> cancel_job(Step& step, const CancelJob& command) {
  PENSTOCK_TRY(job, live_job(step.state(), command.name, command.version));
  const Uid uid = job->uid;
  const std::string message = fmt::format("cancelled by {}", step.meta().principal);
  if (job->phase == JobPhase::kStopping && job->reason == JobReason::kCancelled) return job_changed(step, uid, false);
  if (job->phase == JobPhase::kPending) {
    finish_job(step, uid, JobPhase::kCancelled, JobReason::kCancelled, message);
  } else {
    step.emit(JobStopping{uid, JobReason::kCancelled, message, std::nullopt});
  }
  return job_changed(step, uid, true);
}

Result<Reply> hold_job(Step& step, const HoldJob& command) {
  PENSTOCK_TRY(job, live_job(step.state(), command.name, command.version));
  const Uid uid = job->uid;
  if (job->phase != JobPhase::kPending) {
    if (!command.hold) return job_changed(step, uid, false);
    return make_error(Code::kFailedPrecondition,
                      fmt::format("job '{}' is {} already; suspend it instead", job->name, name_of(job->phase)));
  }
  if (job->held == command.hold) return job_changed(step, uid, false);
  step.emit(JobHeld{uid, command.hold});
  return job_changed(step, uid, true);
}

Result<Reply> suspend_job(Step& step, const SuspendJob& command) {
  PENSTOCK_TRY(job, live_job(step.state(), command.name, command.version));
  const Uid uid = job->uid;
  if (job->phase == JobPhase::kPending) {
    if (job->held) return job_changed(step, uid, false);
    step.emit(JobHeld{uid, true});
    return job_changed(step, uid, true);
  }
  if (job->phase == JobPhase::kStopping) {
    if (job->reason == JobReason::kSuspended) return job_changed(step, uid, false);
    return make_error(Code::kFailedPrecondition,
                      fmt::format("job '{}' is being stopped already: {}", job->name, name_of(job->reason)));
  }
  step.emit(JobStopping{uid, JobReason::kSuspended, fmt::format("suspended by {}", step.meta().principal), std::nullopt});
  return job_changed(step, uid, true);
}

}  // namespace penstock
