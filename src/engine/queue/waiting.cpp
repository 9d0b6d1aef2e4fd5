// Why a job waits, when it may start, and what would let it start now.
#include <algorithm>

#include "base/month.h"
#include "base/name.h"
#include "engine/contracts/contracts.h"
#include "engine/ledger/budgets.h"
#include "engine/queue/queue.h"
#include "engine/queue/limits.h"
#include "engine/queue/promise.h"
#include "engine/queue/sizes.h"

namespace penstock {
namespace {

std::string gpus_text(MilliGpu gpus) { return Text<MilliGpu>::format(gpus); }

// Every limit in the job's way that does not depend on which nodes are free; over_limits() tells whether there is one.
void add_limits(const State& state, const Job& job, Time now, std::vector<WaitCause>& causes) {
  const MilliGpu needed = total_gpus(job.spec);
  const ContractSpec& contract = state.facts().contracts.at(job.contract).spec;
  const PromisedBeside promised = promised_beside(state, job, now);
  const auto add = [&](WaitReason reason, MilliGpu available, std::string message) {
    causes.push_back({reason, std::move(message), needed, std::max(available, MilliGpu())});
  };
  if (!contract_active(contract, now)) {
    add(WaitReason::kContract, MilliGpu(),
        contract.from && now < *contract.from
            ? fmt::format("contract {} begins {}", job.contract, Text<Time>::format(*contract.from))
            : fmt::format("contract {} ended {}", job.contract, Text<Time>::format(*contract.until)));
  } else if (const auto limit = contract_limit(contract, now)) {
    const MilliGpu held = state.held_by_contract(job.contract) + promised.contract;
    if (held + needed > *limit) {
      add(WaitReason::kContract, *limit - held,
          fmt::format("contract {} gives {} GPUs now and {} are in use{}; the job needs {}", job.contract, gpus_text(*limit),
                      gpus_text(held), promised.contract > MilliGpu() ? " or promised" : "", gpus_text(needed)));
    }
  }
  const std::string_view project = project_of(job.name);
  if (stopped_by_budget(state.facts(), job, now)) {
    const BudgetSpec& budget = *state.facts().projects.at(std::string(project)).spec.budget;
    add(WaitReason::kBudget, MilliGpu(),
        fmt::format("project {} has spent its budget of {} and starts nothing new until {}", project, Text<Money>::format(budget.per_month),
                    Text<Time>::format(next_month(now))));
  }
  const auto& quota = state.facts().projects.at(std::string(project)).spec.quota;
  if (quota && quota->gpus) {
    const MilliGpu held = state.held_by_project(project) + promised.project;
    if (held + needed > *quota->gpus) {
      add(WaitReason::kQuota, *quota->gpus - held,
          fmt::format("project {} may hold {} GPUs and holds {}{}; the job needs {}", project, gpus_text(*quota->gpus),
                      gpus_text(held), promised.project > MilliGpu() ? " or is promised them" : "", gpus_text(needed)));
    }
  }
}

// Whether the site has maintenance when the block begins.
bool under_maintenance(const State& state, const PowerBlock& block) {
  const std::string prefix = state.estate().sites()[block.site].name + "/";
  const auto& all = state.facts().restrictions;
  for (auto at = all.lower_bound(prefix); at != all.end() && at->first.starts_with(prefix); ++at) {
    const auto interval = interval_of(state.facts(), at->second);
    if (at->second.spec.cause == RestrictionCause::kMaintenance && interval && interval->holds(block.from)) return true;
  }
  return false;
}

// All nodes that promises keep, free for as long as this lives.
class Unkept {
 public:
  explicit Unkept(State& state) : state_(state) { keep(false); }
  Unkept(const Unkept&) = delete;
  Unkept& operator=(const Unkept&) = delete;
  ~Unkept() { keep(true); }

 private:
  void keep(bool kept) {
    for (const auto& [turn, job] : state_.promised()) state_.keep_promised(*job, kept);
  }
  State& state_;
};

// Whose promise is in the way: the oldest at a site that the job may use.
const Job* first_promised(const State& state, const Job& job, const PoolsBySite& pools) {
  for (const auto& [turn, promised] : state.promised()) {
    const Job& other = *promised;
    if (other.uid == job.uid) continue;
    const SiteIndex site = site_of(state, other);
    if (std::any_of(pools.begin(), pools.end(), [&](const SitePools& of_site) { return of_site.site == site; })) return &other;
  }
  return nullptr;
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
      if (under_maintenance(state, block)) reason = WaitReason::kMaintenance;
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

// Why there is no pool at all that a job may use: the first bound, of those that it may move least, that leaves none.
template <class Add>
void add_no_pools(const State& state, const Job& job, Add add) {
  const Estate& estate = state.estate();
  const Bounds bounds(state.facts(), job);
  bool typed = false, at_home = false;
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    if (!bounds.site(estate.sites()[s])) continue;
    for (const Pool& pool : state.loads().site(s).pools()) {
      if (!bounds.type(estate.types()[pool.type])) continue;
      typed = true;
      at_home = at_home || bounds.country(estate.sites()[s]);
    }
  }
  if (!typed) {
    add(WaitReason::kGpuModel, MilliGpu(), "no node of a model, type and site that contract and job allow exists");
  } else if (!at_home) {
    add(WaitReason::kJurisdiction, MilliGpu(),
        "nodes that would do stand only in countries that tenant, contract or job exclude");
  } else {
    add(WaitReason::kLabels, MilliGpu(), "no allowed node carries all labels that the job asks for");
  }
}

// Whether it would not start even if there were room.
bool out_of_line(const Job& job, Time now) {
  return job.held || !job.awaits.empty() || (job.not_before && now < *job.not_before) ||
         (job.spec.start_at && now < *job.spec.start_at);
}

bool would_start(State& state, const Job& job, const PoolsBySite& pools, Time now) {
  // What is kept for it is its own.
  KeptSites kept(state, now, job.uid);
  if (job.promise && take_up(state, kept, job, pools, now)) return true;
  if (job.promise) state.keep_promised(job, false);
  const bool starts = place_beside(state, kept, job, pools, now).has_value();
  if (job.promise) state.keep_promised(job, true);
  return starts;
}

}  // namespace

std::vector<WaitCause> why_waiting(State& state, const Job& asked, Time now) {
  std::optional<Job> copy;
  const Job& job = at_least(asked, copy);
  std::vector<WaitCause> causes;
  const MilliGpu needed = total_gpus(job.spec);
  const auto add = [&](WaitReason reason, MilliGpu available, std::string message) {
    causes.push_back({reason, std::move(message), needed, available});
  };
  if (job.held) add(WaitReason::kHold, MilliGpu(), "it is held back until someone releases it");
  for (const Awaited& awaited : job.awaits) {
    add(WaitReason::kDependency, MilliGpu(),
        fmt::format("{} has to {} first", state.find_job(awaited.job)->name,
                    awaited.when == DependencyKind::kOk ? "succeed" : "end"));
  }
  if (job.spec.start_at && now < *job.spec.start_at) {
    add(WaitReason::kReservation, MilliGpu(),
        fmt::format("it starts at {}{}", Text<Time>::format(*job.spec.start_at),
                    job.promise ? ", and its place is kept" : "; no place is kept for it yet"));
  }
  if (job.not_before && now < *job.not_before) {
    add(WaitReason::kBackOff, MilliGpu(),
        fmt::format("attempt {} may start from {}", job.attempt, Text<Time>::format(*job.not_before)));
  }
  add_limits(state, job, now, causes);

  const Estate& estate = state.estate();
  const PoolsBySite pools = candidate_pools(state, job);
  if (pools.empty()) {
    add_no_pools(state, job, add);
    return causes;
  }

  // The best single site, since a gang is never spread over sites.
  std::int64_t allowed = 0, able = 0, ready = 0;
  MilliGpu able_best, ready_best, free_best;
  for (const SitePools& of_site : pools) {
    MilliGpu able_here, ready_here, free_here;
    const SiteLoads& loads = state.loads().site(of_site.site);
    const EstateSite& site = estate.sites()[of_site.site];
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      if (of_site.pools[loads.pool_of(node)] == 0) continue;
      ++allowed;
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
  PoolsBySite open;
  const bool fits = fits_when_empty(state, job, pools, now, &when_empty);
  if (able == 0) {
    add(WaitReason::kCapability, MilliGpu(), "no allowed node can run OCI images: podman is not installed on them");
  } else if (able < allowed && !fits) {
    add(WaitReason::kCapability, able_best,
        fmt::format("{} of {} allowed nodes can run OCI images, with {} GPUs at the best site", able, allowed,
                    gpus_text(able_best)));
  } else if (!fits && (when_empty.block || when_empty.ramp)) {
    add_power(state, when_empty, needed, "also if nothing else ran: ", causes);
  } else if (!fits) {
    add(WaitReason::kTooLarge, able_best,
        job.spec.placement ? "no site that it may use could hold the gang as its placement asks for it, if all its nodes were empty"
                           : "the gang is larger than any one site that it may use could hold if all its nodes were empty");
  } else if (ready_best < needed) {
    add(WaitReason::kHealth, ready_best, fmt::format("{} of {} allowed nodes are ready, with {} GPUs at the best site", ready,
                                                     able, gpus_text(ready_best)));
  } else if (free_best < needed) {
    add(WaitReason::kGpusBusy, free_best, fmt::format("{} GPUs are free at the best site; the job needs {} at once",
                                                      gpus_text(free_best), gpus_text(needed)));
  } else if (!would_start(state, job, pools, now)) {
    // Were nothing kept for others, neither by promise nor by contract: is there room then?
    const Unkept unkept(state);
    if (!place(state, job, pools, now, &obstacle)) {
      if (obstacle.block || obstacle.ramp) {
        add_power(state, obstacle, needed, "", causes);
      } else {
        add(WaitReason::kFragmented, free_best,
            fmt::format("{} GPUs are free at the best site, but not {}", gpus_text(free_best),
                        job.spec.placement ? "as its placement asks for them" : "as whole tasks with their cores and memory"));
      }
    } else if (!place(state, job, open_to(state, job, pools, now, open), now)) {
      add(WaitReason::kReserved, MilliGpu(), "what is free belongs to reserved contracts, which may ask for it at any time");
    } else if (const Job* other = first_promised(state, job, pools)) {
      const auto& at = other->promise->at;
      const bool own = project_of(other->name) == project_of(job.name);
      add(own ? WaitReason::kAheadInQueue : WaitReason::kShare, MilliGpu(),
          fmt::format("{} {}, and its {} GPUs and their watts are kept for it", own ? other->name : "a job whose turn came first",
                      at ? "starts at the latest " + Text<Time>::format(*at) : std::string("starts when its nodes become free"),
                      gpus_text(least_gpus(other->spec))));
    }
  }
  return causes;
}

std::vector<std::string> alternatives(State& state, const Job& asked, Time now) {
  std::optional<Job> copy;
  const Job& job = at_least(asked, copy);
  std::vector<std::string> out;
  if (out_of_line(job, now) || over_limits(state, job, now)) return out;
  const auto starts = [&](const Job& other) { return would_start(state, other, candidate_pools(state, other), now); };
  if (starts(job)) return out;

  Watts lowest, highest;
  for (const SitePools& of_site : candidate_pools(state, job)) {
    for (std::uint32_t p = 0; p < of_site.pools.size(); ++p) {
      if (of_site.pools[p] == 0) continue;
      const TypeIndex type = state.loads().site(of_site.site).pools()[p].type;
      const DeviceSpec& devices = state.estate().types()[type].spec.devices;
      if (!devices.power_limit_min || !devices.power_limit_max) continue;
      lowest = std::max(lowest, *devices.power_limit_min);
      highest = std::max(highest, *devices.power_limit_max);
    }
  }
  highest = std::min(highest, job.spec.gpu_power.value_or(highest));
  Job weaker = job;
  weaker.spec.gpu_power = lowest;
  if (lowest > Watts() && lowest < highest && starts(weaker)) {
    constexpr Watts kStep(10);  // nobody sets a limit more finely
    while (highest - lowest > kStep) {
      weaker.spec.gpu_power = Watts((lowest.count() + highest.count()) / 2 / kStep.count() * kStep.count());
      if (*weaker.spec.gpu_power <= lowest) break;
      (starts(weaker) ? lowest : highest) = *weaker.spec.gpu_power;
    }
    out.push_back(fmt::format("with gpuPower {} it would start now", Text<Watts>::format(lowest)));
  }

  Job smaller = job;
  std::int32_t& tasks = smaller.spec.groups.front().replicas;
  if (smaller.spec.groups.size() == 1 && tasks > 1) {
    std::int32_t fits = 0, too_many = tasks;
    while (too_many - fits > 1) {
      tasks = fits + (too_many - fits) / 2;
      (starts(smaller) ? fits : too_many) = tasks;
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
  // Another model that the contract covers.
  Job other = job;
  other.spec.gpu_models.clear();
  other.spec.node_types.clear();
  if (!job.spec.gpu_models.empty() || !job.spec.node_types.empty()) {
    PoolsBySite open;
    if (const auto placed = place(state, other, open_to(state, other, candidate_pools(state, other), now, open), now)) {
      const NodeIndex node = state.estate().find_node(placed->front().node);
      out.push_back(fmt::format("on {} it would start now", state.estate().type_of(node).spec.devices.model));
    }
  }
  return out;
}

std::optional<Time> promised_start(const State& state, const Job& asked, Time now) {
  std::optional<Job> copy;
  const Job& job = at_least(asked, copy);
  if (job.promise) return job.promise->tasks.empty() ? std::nullopt : job.promise->at;
  if (job.held || !job.awaits.empty() || over_limits(state, job, now)) return std::nullopt;
  const auto plan = plan_promise(state, job, candidate_pools(state, job), now);
  return plan && plan->at && !over_limits(state, job, *plan->at) ? plan->at : std::nullopt;
}

}  // namespace penstock
