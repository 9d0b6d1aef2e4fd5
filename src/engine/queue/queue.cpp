// Submission, cancellation, and the order in which jobs start.
#include "engine/queue/queue.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/name.h"
#include "engine/contracts/contracts.h"
#include "engine/ledger/ledger.h"
#include "engine/placement/placement.h"

namespace penstock {
namespace {

constexpr std::size_t kMostSubmissions = 100'000;
// How often the queue is looked through for what the calendar changes.
constexpr Duration kCalendar = minutes(1);

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
  if (quota && quota->gpus && total_gpus(item.spec) > *quota->gpus) {
    return make_error(Code::kLimitExceeded,
                      fmt::format("the job needs {} GPUs, more than the quota of project '{}' ({})",
                                  Text<MilliGpu>::format(total_gpus(item.spec)), project, Text<MilliGpu>::format(*quota->gpus)),
                      "spec.groups");
  }
  PENSTOCK_TRY(resolved, resolve_contract(facts, tenant_of(item.metadata.name), item.spec.contract));
  contract = resolved;
  return ok_status();
}

// Jobs that ask for the same thing have the same shape: where one does not fit, neither does the next.
std::uint64_t shape_of(const Job& job) {
  std::string text = job.contract;
  const auto add = [&text](const auto& value) {
    text += '\n';
    write_json(text, value);
  };
  for (const TaskGroupSpec& group : job.spec.groups) {
    add(group.replicas);
    add(group.gpus);
    add(group.cpu);
    add(group.memory);
    add(!group.image.empty());
  }
  add(job.spec.gpu_models);
  add(job.spec.node_types);
  add(job.spec.node_labels);
  add(job.spec.sites);
  add(job.spec.jurisdictions);
  add(job.spec.gpu_power);
  add(job.spec.time_limit);
  text += tenant_of(job.name);
  return XXH3_64bits(text.data(), text.size());
}

std::string gpus_text(MilliGpu gpus) { return Text<MilliGpu>::format(gpus); }

// Whether a limit that does not depend on which nodes are free is in the job's way; with `causes`, every one that is.
bool over_limits(const State& state, const Job& job, Time now, std::vector<WaitCause>* causes = nullptr) {
  const MilliGpu needed = total_gpus(job.spec);
  const ContractSpec& contract = state.facts().contracts.at(job.contract).spec;
  bool over = false;
  const auto add = [&](WaitReason reason, MilliGpu available, const auto& message) {
    over = true;
    if (causes != nullptr) causes->push_back({reason, message(), needed, std::max(available, MilliGpu())});
  };
  if (!contract_active(contract, now)) {
    add(WaitReason::kContract, MilliGpu(), [&] {
      return contract.from && now < *contract.from
                 ? fmt::format("contract {} begins {}", job.contract, Text<Time>::format(*contract.from))
                 : fmt::format("contract {} ended {}", job.contract, Text<Time>::format(*contract.until));
    });
  } else if (const auto limit = contract_limit(contract, now)) {
    const MilliGpu held = state.held_by_contract(job.contract);
    if (held + needed > *limit) {
      add(WaitReason::kContract, *limit - held, [&] {
        return fmt::format("contract {} gives {} GPUs now and {} are in use; the job needs {}", job.contract,
                           gpus_text(*limit), gpus_text(held), gpus_text(needed));
      });
    }
  }
  const std::string_view project = project_of(job.name);
  const auto& quota = state.facts().projects.at(std::string(project)).spec.quota;
  if (quota && quota->gpus) {
    const MilliGpu held = state.held_by_project(project);
    if (held + needed > *quota->gpus) {
      add(WaitReason::kQuota, *quota->gpus - held, [&] {
        return fmt::format("project {} may hold {} GPUs and holds {}; the job needs {}", project, gpus_text(*quota->gpus),
                           gpus_text(held), gpus_text(needed));
      });
    }
  }
  return over;
}

bool backing_off(const Job& job, Time now) { return job.not_before && now < *job.not_before; }

// What is left to a job when it may not touch the pools that others wait for.
PoolsBySite without(const PoolsBySite& pools, const std::set<PoolIndex>& wanted) {
  PoolsBySite left;
  for (const auto& [site, of_site] : pools) {
    for (PoolIndex pool : of_site) {
      if (!wanted.contains(pool)) left[site].push_back(pool);
    }
  }
  return left;
}

void add_pools(std::set<PoolIndex>& to, const PoolsBySite& pools) {
  for (const auto& [site, of_site] : pools) to.insert(of_site.begin(), of_site.end());
}

std::vector<Uid> all_pending(const State& state) {
  std::vector<Uid> jobs;
  for (const QueueKey& key : state.pending()) jobs.push_back(key.job);
  return jobs;
}

// Without an opening, only jobs younger than the last one looked at can have become startable.
std::vector<Uid> fresh_pending(const State& state, Uid newest) {
  std::set<QueueKey> fresh;
  for (auto at = state.facts().jobs.upper_bound(newest); at != state.facts().jobs.end(); ++at) {
    if (at->second.phase == JobPhase::kPending) fresh.insert({at->second.spec.priority, at->first});
  }
  std::vector<Uid> jobs;
  for (const QueueKey& key : fresh) jobs.push_back(key.job);
  return jobs;
}

// Names the row or node that stands in the way, and what it would still take.
void add_power(const State& state, const PowerObstacle& obstacle, MilliGpu needed, std::string_view when,
               std::vector<WaitCause>& causes) {
  const auto watts = [](Watts w) { return Text<Watts>::format(w); };
  if (obstacle.ramp) {
    causes.push_back({WaitReason::kPower,
                      fmt::format("{}the gang may swing by {} at once and the site allows {} a second; a lower gpuPower makes "
                                  "it swing less",
                                  when, watts(obstacle.swing), watts(*obstacle.ramp)),
                      needed, MilliGpu()});
    return;
  }
  const PowerBlock& block = *obstacle.block;
  const SiteLimits& limits = *state.power().segments(block.site)[block.segment].limits;
  const std::string from = block.segment == 0 ? "" : fmt::format(" from {} on", Text<Time>::format(block.from));
  std::string text;
  WaitReason reason = WaitReason::kPower;
  switch (block.kind) {
    case PowerBlock::Kind::kDark:
      text = fmt::format("no live feed reaches the racks that are free{}", from);
      break;
    case PowerBlock::Kind::kSupplies:
      text = fmt::format("the power supplies of a node would carry {} more{}{}; a lower gpuPower or a contract that may be "
                         "shed helps",
                         watts(block.headroom), from, block.demand ? "" : " after the loss of one feed");
      break;
    case PowerBlock::Kind::kRow: {
      const LimitRow& row = limits.rows()[block.row];
      if (row.kind == LimitRow::Kind::kLoop) reason = WaitReason::kCooling;
      const std::string after = limits.name(row.after);
      const std::string unit = row.kind == LimitRow::Kind::kLoop && row.medium == Medium::kFlow ? " of flow" : "";
      text = fmt::format("{} would take {}{} more of such work{}{}", limits.name(row), watts(block.headroom), unit,
                         after.empty() ? "" : fmt::format(" after the loss of {}", after), from);
      break;
    }
  }
  causes.push_back({reason, std::string(when) + text, needed, MilliGpu()});
}

void start(Step& step, const Job& job, std::vector<TaskPlacement> tasks) {
  Allocation allocation;
  allocation.uid = step.mint();
  allocation.job = job.uid;
  allocation.attempt = job.attempt;
  allocation.from = step.now();
  if (job.spec.time_limit) allocation.until = step.now() + *job.spec.time_limit;
  allocation.gpus = total_gpus(job.spec);
  for (const TaskPlacement& task : tasks) {
    allocation.demand += task.demand;
    allocation.firm += task.firm;
  }
  allocation.contract = job.contract;
  allocation.price_per_gpu_hour = step.facts().contracts.at(job.contract).spec.price_per_gpu_hour;
  allocation.tasks = std::move(tasks);
  step.emit(JobStarted{std::move(allocation)});
}

}  // namespace

Result<Reply> submit_jobs(Step& step, const SubmitJobs& command) {
  if (command.items.size() > kMostSubmissions) {
    return make_error(Code::kLimitExceeded, fmt::format("a batch holds at most {} jobs", kMostSubmissions));
  }
  if (command.all_or_none) {
    std::set<std::string> names;
    std::map<std::string, std::int64_t> before;
    std::string contract;
    for (std::size_t i = 0; i < command.items.size(); ++i) {
      const SubmitJobs::Item& item = command.items[i];
      Status admitted = admit(step.state(), item, before[std::string(project_of(item.metadata.name))]++, contract);
      if (admitted.ok() && !names.insert(item.metadata.name).second) {
        admitted = make_error(Code::kAlreadyExists, fmt::format("job '{}' stands twice in this input", item.metadata.name), "metadata.name");
      }
      if (!admitted.ok()) {
        Error error = std::move(admitted).error();
        if (command.items.size() > 1) error.message = fmt::format("{}: {}", item.metadata.name, error.message);
        return error;
      }
    }
  }
  Reply reply;
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const SubmitJobs::Item& item = command.items[i];
    JobSubmitted event;
    Status admitted = admit(step.state(), item, 0, event.contract);
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
  const Job* job = step.state().find_job(command.name);
  if (job == nullptr) return make_error(Code::kNotFound, fmt::format("there is no job '{}'", command.name));
  if (command.version && *command.version != job->version) {
    return make_error(Code::kConflict, fmt::format("job '{}' has version {}, not {}", job->name, job->version,
                                                   *command.version));
  }
  if (is_final(job->phase)) {
    return make_error(Code::kFailedPrecondition, fmt::format("job '{}' has {} already", job->name, name_of(job->phase)));
  }
  const Uid uid = job->uid;
  const std::string message = fmt::format("cancelled by {}", step.meta().principal);
  Reply reply;
  if (job->phase == JobPhase::kPending) {
    step.emit(JobFinished{uid, JobPhase::kCancelled, JobReason::kCancelled, message});
    reply.changes.push_back({"Job", command.name, uid, Change::kChanged, step.facts().position});
  } else if (job->phase == JobPhase::kStopping && job->reason == JobReason::kCancelled) {
    reply.changes.push_back({"Job", command.name, uid, Change::kUnchanged, job->version});
  } else {
    step.emit(JobStopping{uid, JobReason::kCancelled, message});
    reply.changes.push_back({"Job", command.name, uid, Change::kChanged, step.facts().position});
  }
  return reply;
}

void Scheduler::pass(Step& step) {
  State& state = step.state();
  const bool full = openings_ != state.openings() || (next_due_ && step.now() >= *next_due_);
  const std::vector<Uid> candidates = full ? all_pending(state) : fresh_pending(state, newest_);
  if (full) {
    blocked_.clear();
    hopeless_.clear();
    next_due_.reset();
  }
  for (Uid uid : candidates) try_to_start(step, *state.find_job(uid));
  newest_ = Uid{state.facts().last_uid};
  openings_ = state.openings();
  // Contracts begin, ramp and end by the calendar.
  if (!state.pending().empty()) {
    const Time soon = step.now() + kCalendar;
    if (!next_due_ || soon < *next_due_) next_due_ = soon;
  }
}

void Scheduler::try_to_start(Step& step, const Job& job) {
  State& state = step.state();
  if (backing_off(job, step.now())) {
    if (!next_due_ || *job.not_before < *next_due_) next_due_ = job.not_before;
    return;
  }
  if (over_limits(state, job, step.now())) return;
  const std::pair<std::int32_t, std::uint64_t> kind{job.spec.priority, hopeless_.empty() ? 0 : shape_of(job)};
  if (hopeless_.contains(kind)) return;

  const PoolsBySite pools = candidate_pools(state, job);
  std::set<PoolIndex> wanted_above;
  for (const auto& [priority, wanted] : blocked_) {
    if (priority <= job.spec.priority) break;
    wanted_above.insert(wanted.begin(), wanted.end());
  }
  if (auto tasks = place(state, job, wanted_above.empty() ? pools : without(pools, wanted_above), step.now())) {
    start(step, job, std::move(*tasks));
    return;
  }
  hopeless_.insert({job.spec.priority, shape_of(job)});
  if (fits_when_empty(state, job, pools, step.now())) add_pools(blocked_[job.spec.priority], pools);
}

std::vector<WaitCause> why_waiting(State& state, const Job& job, Time now) {
  std::vector<WaitCause> causes;
  const MilliGpu needed = total_gpus(job.spec);
  const auto add = [&](WaitReason reason, MilliGpu available, std::string message) {
    causes.push_back({reason, std::move(message), needed, available});
  };
  if (backing_off(job, now)) {
    add(WaitReason::kBackOff, MilliGpu(),
        fmt::format("attempt {} may start from {}", job.attempt, Text<Time>::format(*job.not_before)));
  }
  over_limits(state, job, now, &causes);

  const Estate& estate = state.estate();
  const NodeLoads& loads = state.loads();
  const PoolsBySite pools = candidate_pools(state, job);
  if (pools.empty()) {
    const Bounds bounds(state.facts(), job);
    const bool elsewhere = std::any_of(loads.pools().begin(), loads.pools().end(), [&](const Pool& pool) {
      return bounds.site(estate.sites()[pool.site]) && bounds.type(estate.types()[pool.type]);
    });
    if (elsewhere) {
      add(WaitReason::kJurisdiction, MilliGpu(),
          "nodes that would do stand only in countries that tenant, contract or job exclude");
    } else {
      add(WaitReason::kGpuModel, MilliGpu(), "no node of a model, type and site that contract and job allow exists");
    }
    return causes;
  }

  // The best single site, since a gang is never spread over sites.
  std::int64_t labelled = 0, able = 0, ready = 0;
  MilliGpu able_best, ready_best, free_best;
  for (const auto& [site_index, of_site] : pools) {
    MilliGpu able_here, ready_here, free_here;
    const EstateSite& site = estate.sites()[site_index];
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      const bool in_pool = std::any_of(of_site.begin(), of_site.end(), [&](PoolIndex p) {
        return loads.pools()[p].type == estate.nodes()[node].type;
      });
      if (!in_pool || !labels_match(state, job, node)) continue;
      ++labelled;
      if (!capable(state, job, node)) continue;
      ++able;
      able_here += MilliGpu(std::int64_t{1000} * loads.devices(node));
      if (!loads.ready(node)) continue;
      ++ready;
      ready_here += MilliGpu(std::int64_t{1000} * loads.devices(node));
      for (std::int32_t d = 0; d < loads.devices(node); ++d) free_here += MilliGpu(1000 - loads.used(node, d));
    }
    able_best = std::max(able_best, able_here);
    ready_best = std::max(ready_best, ready_here);
    free_best = std::max(free_best, free_here);
  }
  PowerObstacle when_empty, obstacle;
  const bool fits = fits_when_empty(state, job, pools, now, &when_empty);
  if (labelled == 0) {
    add(WaitReason::kLabels, MilliGpu(), "no allowed node carries all labels that the job asks for");
  } else if (able == 0) {
    add(WaitReason::kCapability, MilliGpu(), "no allowed node can run OCI images: podman is not installed on them");
  } else if (able < labelled && !fits) {
    add(WaitReason::kCapability, able_best,
        fmt::format("{} of {} allowed nodes can run OCI images, with {} GPUs at the best site", able, labelled,
                    gpus_text(able_best)));
  } else if (!fits && (when_empty.block || when_empty.ramp)) {
    add_power(state, when_empty, needed, "also if nothing else ran: ", causes);
  } else if (!fits) {
    add(WaitReason::kTooLarge, able_best,
        "the gang is larger than any one site that it may use could hold if all its nodes were empty");
  } else if (ready_best < needed) {
    add(WaitReason::kHealth, ready_best, fmt::format("{} of {} allowed nodes are ready, with {} GPUs at the best site", ready,
                                                     able, gpus_text(ready_best)));
  } else if (free_best < needed) {
    add(WaitReason::kGpusBusy, free_best, fmt::format("{} GPUs are free at the best site; the job needs {} at once",
                                                      gpus_text(free_best), gpus_text(needed)));
  } else if (!place(state, job, pools, now, &obstacle)) {
    if (obstacle.block || obstacle.ramp) {
      add_power(state, obstacle, needed, "", causes);
    } else {
      add(WaitReason::kFragmented, free_best,
          fmt::format("{} GPUs are free at the best site, but not as whole tasks with their cores and memory",
                      gpus_text(free_best)));
    }
  }

  std::set<PoolIndex> wanted;
  std::set<std::uint64_t> seen;
  std::string first;
  for (const QueueKey& key : state.pending()) {
    if (key.priority <= job.spec.priority) break;
    const Job& ahead = *state.find_job(key.job);
    if (backing_off(ahead, now) || over_limits(state, ahead, now) || !seen.insert(shape_of(ahead)).second) continue;
    const PoolsBySite theirs = candidate_pools(state, ahead);
    if (!fits_when_empty(state, ahead, theirs, now)) continue;
    add_pools(wanted, theirs);
    if (first.empty() && without(pools, wanted) != pools) {
      first = fmt::format("{} has priority {} and waits for {} GPUs on the same nodes", ahead.name, key.priority,
                          gpus_text(total_gpus(ahead.spec)));
    }
  }
  if (!first.empty() && !place(state, job, without(pools, wanted), now)) add(WaitReason::kAheadInQueue, MilliGpu(), first);
  return causes;
}

std::vector<std::string> alternatives(State& state, const Job& job, Time now) {
  std::vector<std::string> out;
  if (backing_off(job, now) || over_limits(state, job, now)) return out;
  const auto would_start = [&](const Job& other) { return place(state, other, candidate_pools(state, other), now).has_value(); };
  if (would_start(job)) return out;

  Watts lowest, highest;
  for (const auto& [site, pools] : candidate_pools(state, job)) {
    for (PoolIndex pool : pools) {
      const DeviceSpec& devices = state.estate().types()[state.loads().pools()[pool].type].spec.devices;
      if (!devices.power_limit_min || !devices.power_limit_max) continue;
      lowest = std::max(lowest, *devices.power_limit_min);
      highest = std::max(highest, *devices.power_limit_max);
    }
  }
  highest = std::min(highest, job.spec.gpu_power.value_or(highest));
  Job weaker = job;
  weaker.spec.gpu_power = lowest;
  if (lowest > Watts() && lowest < highest && would_start(weaker)) {
    constexpr Watts kStep(10);  // nobody sets a limit more finely
    while (highest - lowest > kStep) {
      weaker.spec.gpu_power = Watts((lowest.count() + highest.count()) / 2 / kStep.count() * kStep.count());
      if (*weaker.spec.gpu_power <= lowest) break;
      (would_start(weaker) ? lowest : highest) = *weaker.spec.gpu_power;
    }
    out.push_back(fmt::format("with gpuPower {} it would start now", Text<Watts>::format(lowest)));
  }

  Job smaller = job;
  std::int32_t& tasks = smaller.spec.groups.front().replicas;
  if (smaller.spec.groups.size() == 1 && tasks > 1) {
    std::int32_t fits = 0, too_many = tasks;
    while (too_many - fits > 1) {
      tasks = fits + (too_many - fits) / 2;
      (would_start(smaller) ? fits : too_many) = tasks;
    }
    if (fits > 0) out.push_back(fmt::format("with {} of its {} tasks it would start now", fits, job.spec.groups.front().replicas));
  }

  Job anywhere = job;
  anywhere.spec.sites.clear();
  if (!job.spec.sites.empty()) {
    if (const auto placed = place(state, anywhere, candidate_pools(state, anywhere), now)) {
      out.push_back(fmt::format("at site {} it would start now", tenant_of(placed->front().node)));
    }
  }
  return out;
}

std::optional<Time> promised_start(const State& state, const Job& job, Time now) {
  if (over_limits(state, job, now)) return std::nullopt;
  const PoolsBySite pools = candidate_pools(state, job);
  const auto start = earliest_start(state, job, pools, now);
  return start && !over_limits(state, job, *start) ? start : std::nullopt;
}

}  // namespace penstock
