// One pass through the line.
#include "engine/queue/scheduler.h"

#include <algorithm>

#include "base/name.h"
#include "engine/queue/gang.h"
#include "engine/queue/limits.h"
#include "engine/queue/reclaim.h"
#include "engine/queue/reshape.h"

namespace penstock {
namespace {

// How often the line is looked through for what the calendar changes.
constexpr Duration kCalendar = minutes(1);
// After how long a place is looked for again that was looked for in vain; twice as long each time, so that those for whom
// there is none do not keep others from being planned for.
constexpr Duration kPlanAgain = seconds(10);
constexpr Duration kPlanAtLast = minutes(10);
// Of needs and shapes; then all are forgotten. Whoever states a time limit of his own has a shape of his own.
constexpr std::size_t kMostRemembered = 20'000;
// Within which lent GPUs come back if the contract does not say.
constexpr Duration kReclaim = minutes(2);

// The groups that have their turn, by tenant and project. Their names stay the caller's.
class Turns {
 public:
  Turns(const State& state, Time now, QueueOrder order) : state_(state), now_(now), fair_(order == QueueOrder::kFair) {}

  void add(const Head& head) {
    const std::string_view name = fair_ ? std::string_view(head.group->first.project) : std::string_view();  // else all stand in one line
    Project& project = projects_[name];
    if (project.heads.empty()) {
      Tenant& tenant = tenants_[tenant_of(name)];
      if (tenant.order.empty()) {
        if (fair_) tenant.standing = standing_of_tenant(tenant_of(name));
        order_.insert({tenant.standing, tenant_of(name)});
      }
      if (fair_) project.standing = standing_of_project(name);
      tenant.order.insert({project.standing, name});
    }
    project.heads.push_back(head);
    std::push_heap(project.heads.begin(), project.heads.end(), std::greater<>());
  }

  bool empty() const { return order_.empty(); }

  // Whose turn it is; it leaves.
  Head take() {
    Tenant& tenant = tenants_.at(order_.begin()->second);
    Project& project = projects_.at(tenant.order.begin()->second);
    std::pop_heap(project.heads.begin(), project.heads.end(), std::greater<>());
    const Head turn = project.heads.back();
    project.heads.pop_back();
    if (project.heads.empty()) tenant.order.erase(tenant.order.begin());
    if (tenant.order.empty()) order_.erase(order_.begin());
    return turn;
  }

  // What the project and its tenant hold has changed.
  void look_again(std::string_view name) {
    if (!fair_) return;
    const auto of_tenant = tenants_.find(tenant_of(name));
    if (of_tenant == tenants_.end() || of_tenant->second.order.empty()) return;
    Tenant& tenant = of_tenant->second;
    order_.erase({tenant.standing, of_tenant->first});
    tenant.standing = standing_of_tenant(of_tenant->first);
    order_.insert({tenant.standing, of_tenant->first});
    const auto of_project = projects_.find(name);
    if (of_project == projects_.end() || of_project->second.heads.empty()) return;
    tenant.order.erase({of_project->second.standing, of_project->first});
    of_project->second.standing = standing_of_project(of_project->first);
    tenant.order.insert({of_project->second.standing, of_project->first});
  }

 private:
  using Order = std::set<std::pair<Standing, std::string_view>>;
  struct Project {
    Standing standing;
    std::vector<Head> heads;  // a heap, the first on top; a job stands in one group only
  };
  struct Tenant {
    Standing standing;
    Order order;  // of its projects that have heads
  };

  ShareUse use(const std::string& name) const {
    const auto found = state_.facts().shares.find(name);
    return found == state_.facts().shares.end() ? ShareUse{} : found->second;
  }
  Standing standing_of_project(std::string_view of) const {
    const std::string name(of);
    return standing_of(state_.facts().projects.at(name).spec.share, use(name), state_.held_by_project(name) + state_.promised_to(name), now_);
  }
  Standing standing_of_tenant(std::string_view of) const {
    const std::string name(of);
    return standing_of(state_.facts().tenants.at(name).spec.share, use(name), state_.held_by_tenant(name) + state_.promised_to(name), now_);
  }

  const State& state_;
  Time now_;
  bool fair_;
  std::unordered_map<std::string_view, Project> projects_;
  std::unordered_map<std::string_view, Tenant> tenants_;
  Order order_;  // of those that have projects with heads
};

// What the one is told of the other: whose it is stays in its tenant.
std::string_view told_to(const Job& job, const Job& other) {
  return tenant_of(job.name) == tenant_of(other.name) ? std::string_view(other.name) : "another job";
}

// The first of a group that has no promise; those have been seen to already.
const Job* first_of(const State& state, const Line::Group& group) {
  for (const QueueKey& waiting : group) {
    const Job* job = state.find_job(waiting.job);
    if (!job->promise) return job;
  }
  return nullptr;
}
// The same of the group as it is now: it has left the line with its last job.
const Job* first_of(const State& state, const GroupKey& key) {
  const auto group = state.line().groups().find(key);
  return group == state.line().groups().end() ? nullptr : first_of(state, group->second);
}

}  // namespace

void Scheduler::forget() {
  openings_ = ~std::uint64_t{0};
  bounds_ = ~std::uint64_t{0};
}

void Scheduler::pass(Step& step) {
  State& state = step.state();
  plans_ = 0;
  const bool plain = settings_.strict || settings_.greedy;  // nothing but starts
  state.wake(step.now());
  if (bounds_ != state.bounds() || bound_by_need_.size() + possible_by_shape_.size() > kMostRemembered) {
    bound_by_need_.clear();
    possible_by_shape_.clear();
  }
  bounds_ = state.bounds();
  // What starts may free what was kept for it, so that there is more to look at: as long as something does.
  do {
    const bool full = openings_ != state.openings() || (next_due_ && step.now() >= *next_due_);
    openings_ = state.openings();
    tried_.clear();
    kept_.emplace(state, step.now());
    if (full) {
      ++full_passes_;
      full_.clear();
      next_due_.reset();
      keep_promises(step);
      if (!plain) keep_reservations(step);
    }
    walk(step, full);
    if (!plain) backfill(step);
    if (!plain && full && tried_.empty() && !state.undersized().empty()) {
      if (const auto next = grow(step, *kept_)) due(*next);
    }
  } while (openings_ != state.openings());

  for (const auto& [turn, job] : state.promised()) {
    const auto& at = job->promise->at;
    if (at && *at > step.now()) due(*at);
  }
  if (const auto next = state.line().next_due()) due(*next);
  // Contracts begin, ramp and end by the calendar.
  if (!state.pending().empty()) due(step.now() + kCalendar);
}

void Scheduler::keep_promises(Step& step) {
  State& state = step.state();
  const std::vector<std::pair<std::pair<Time, Uid>, const Job*>> promised(state.promised().begin(), state.promised().end());
  for (const auto& [turn, waits] : promised) {
    const Job& job = *waits;
    if (!job.promise || job.promise->since != turn.first) continue;
    if (keep_promise(step, job)) kept_.emplace(state, step.now());
  }
}

// Whether anything came of it.
bool Scheduler::keep_promise(Step& step, const Job& job) {
  State& state = step.state();
  const Uid uid = job.uid;
  const Promise& promise = *job.promise;
  std::optional<Job> copy;
  const Job& least = at_least(job, copy);
  const GroupKey& group = state.line().group_of(uid);
  const PoolsBySite& pools = bound(state, job, group).pools;
  const bool reserved = job.spec.start_at && step.now() < *job.spec.start_at;  // it keeps its place until then
  const auto over = [&] {
    return limited(state, job, known_[group]) && over_limits(state, job, step.now(), !promise.at || *promise.at > step.now());
  };
  // Mostly there is no room, which is soon told.
  if (!reserved && (may_take_up(state, least, pools) || may_have_room(state, least, pools)) && !over()) {
    KeptSites others(state, step.now(), uid);
    auto tasks = take_up(state, others, least, pools, step.now());
    if ((!tasks || copy) && may_have_room(state, least, pools)) {
      // Perhaps elsewhere, and what is kept for it is its own; an elastic gang perhaps with more tasks.
      state.keep_promised(job, false);
      if (copy) {
        if (auto larger = place_largest(state, others, job, pools, step.now())) tasks = std::move(larger);
      } else {
        PoolsBySite storage;
        const PoolsBySite& open = open_to(state, job, pools, step.now(), storage);
        if (place(state, job, open, step.now())) tasks = place(state, job, open, step.now(), nullptr, others.against(job));
      }
      state.keep_promised(job, true);
    }
    if (tasks) {
      start(step, job, std::move(*tasks));  // with which the promise ends
      return true;
    }
  }
  const bool late = promise.at && *promise.at <= step.now();
  const bool spot = state.class_of(job) == ServiceClass::kSpot;  // which is promised only what its like leave to it
  std::optional<Promise> other;
  std::string cause;
  if (promise.tasks.empty()) {
    // Once its GPUs are there it needs nodes. Until then they are kept, as long as they can come at all.
    const bool limited = over();
    auto again = limited ? plan_headroom(state, job, step.now()) : std::nullopt;
    if (limited && again && !late) return false;
    cause = limited ? "its GPUs have not been given back by the date that was promised" : "its GPUs are there, its nodes are not free";
    if (limited) {
      other = std::move(again);
    } else if (!spot && state.promised_places() < kMostPromises) {
      PoolsBySite storage;
      if (reclaim(step, least, open_to(state, least, pools, step.now(), storage))) return true;
      other = plan_promise(state, least, pools, step.now());
    }
  } else {
    const std::vector<NodeIndex>& nodes = state.promised_nodes(uid);
    const auto lost = std::find_if(nodes.begin(), nodes.end(), [&](NodeIndex node) {
      return node == kNowhere || !state.usable(node, std::max(step.now(), promise.at.value_or(step.now())));
    });
    if (lost == nodes.end() && !late) return false;
    cause = lost != nodes.end() ? fmt::format("node {} cannot be kept for it", promise.tasks[static_cast<std::size_t>(lost - nodes.begin())].node)
                                : "its place is not free at the date that was promised";
    if (!spot) other = plan_promise(state, least, pools, step.now(), reserved ? job.spec.start_at : std::nullopt);
  }
  if (other && other->tasks == promise.tasks && other->at == promise.at) return false;  // as it stands
  if (other) {
    other->cause = cause;
    step.emit(JobPromised{uid, std::move(*other)});
  } else {
    step.emit(JobUnpromised{uid, cause});
  }
  return true;
}

// Jobs that start at a date to come have their place kept from as early as there is one.
void Scheduler::keep_reservations(Step& step) {
  State& state = step.state();
  for (const Uid uid : std::set<Uid>(state.line().reserved())) {
    if (state.promised_places() >= kMostPromises) return;
    const Job& job = *state.find_job(uid);
    if (job.promise || state.class_of(job) == ServiceClass::kSpot || over_limits(state, job, *job.spec.start_at)) continue;
    std::optional<Job> copy;
    auto promise = plan_promise(state, at_least(job, copy), bound(state, job, state.line().group_of(uid)).pools, step.now(), job.spec.start_at);
    if (!promise) continue;
    step.emit(JobPromised{uid, std::move(*promise)});
    kept_.emplace(state, step.now());
  }
}

// `full`: those that had no room are looked at too.
void Scheduler::walk(Step& step, bool full) {
  State& state = step.state();
  std::vector<Head> heads;  // in the order of the line, which is that of what is known
  auto known = known_.begin();
  for (const auto& [group, waiting] : state.line().groups()) {
    while (known != known_.end() && known->first < group) known = full ? known_.erase(known) : std::next(known);
    if (known == known_.end() || group < known->first) known = known_.emplace_hint(known, group, GroupMemory{});
    if (known->second.blocked_in != full_passes_) {
      if (const Job* first = first_of(state, waiting)) heads.push_back({queue_key(*first), &*known, first});
    }
    ++known;
  }
  if (!any_chance(step, heads)) {
    for (const Head& head : heads) {
      head.group->second.blocked_in = full_passes_;
      tried_.push_back(head.group->first);
    }
    return;
  }
  for (auto at = heads.begin(); at != heads.end();) {
    Turns turns(state, step.now(), settings_.order);
    const int rank = at->group->first.rank;
    for (; at != heads.end() && at->group->first.rank == rank; ++at) turns.add(*at);
    while (!turns.empty()) {
      const Head turn = turns.take();
      auto& [group, memory] = *turn.group;
      const Outcome outcome = try_to_start(step, *turn.job, *turn.group);
      if (outcome == Outcome::kStarted || outcome == Outcome::kPromised) {
        if (outcome == Outcome::kPromised) tried_.push_back(group);
        if (const Job* next = first_of(state, group)) turns.add({queue_key(*next), turn.group, next});
        turns.look_again(group.project);
        continue;
      }
      if (settings_.strict && outcome == Outcome::kNoRoom) return;
      memory.blocked_in = full_passes_;
      if (outcome == Outcome::kNoRoom) tried_.push_back(group);
    }
  }
}

// Whether it matters whose turn it is: not if none of them has room and nothing more can be promised.
bool Scheduler::any_chance(Step& step, const std::vector<Head>& heads) {
  State& state = step.state();
  if (settings_.strict) return true;
  if (!settings_.greedy) {
    if (state.promised_places() < kMostPromises) return true;
    // Who may be put before them is looked for in the order of their turns.
    const auto& promised = state.promised();
    if (std::any_of(promised.begin(), promised.end(), [](const auto& other) { return other.second->promise->at.has_value(); })) return true;
  }
  std::vector<std::uint64_t> full;
  for (const Head& head : heads) {
    const GroupKey& group = head.group->first;
    const Job& job = *head.job;
    if (limited(state, job, head.group->second)) return true;
    Bound& bound = this->bound(state, job, group);
    if (!full_.contains(group.shape) && std::find(full.begin(), full.end(), group.shape) == full.end()) {
      if (heads.size() == 1 || find_place(step, job, bound.pools)) return true;  // of one alone the turn is clear
      full.push_back(group.shape);
    }
  }
  for (const Head& head : heads) {
    std::optional<Job> copy;
    possible(state, at_least(*head.job, copy), bound(state, *head.job, head.group->first).pools, head.group->first, step.now());
  }
  full_.insert(full.begin(), full.end());
  return false;
}

Scheduler::Outcome Scheduler::try_to_start(Step& step, const Job& job, KnownGroup& of) {
  State& state = step.state();
  const GroupKey& group = of.first;
  if (limited(state, job, of.second) && over_limits(state, job, step.now())) {
    if (settings_.strict || settings_.greedy || state.promised().size() - state.promised_places() >= kMostPromises) return Outcome::kLimited;
    auto headroom = plan_headroom(state, job, step.now());
    if (!headroom) return Outcome::kLimited;
    step.emit(JobPromised{job.uid, std::move(*headroom)});
    return Outcome::kPromised;
  }
  Bound& bound = this->bound(state, job, group);
  if (!full_.contains(group.shape) && place_and_start(step, job, bound.pools)) return Outcome::kStarted;
  full_.insert(group.shape);
  std::optional<Job> copy;
  const Job& least = at_least(job, copy);
  const bool possible = this->possible(state, least, bound.pools, group, step.now());
  if (settings_.strict) return possible ? Outcome::kNoRoom : Outcome::kLimited;
  if (settings_.greedy) return Outcome::kNoRoom;
  if (!possible || state.promised_places() >= kMostPromises) return Outcome::kNoRoom;
  PoolsBySite storage;
  const PoolsBySite& pools = open_to(state, least, bound.pools, step.now(), storage);
  // Spot work uses what is idle and is promised nothing but what others of its kind leave to it.
  if (group.rank > 1) return make_room(step, least, pools) ? Outcome::kPromised : Outcome::kNoRoom;
  if (plans_ == kMostPlans || (bound.vain_until && step.now() < *bound.vain_until)) return Outcome::kNoRoom;
  ++plans_;
  if (reclaim(step, least, pools) || promise(step, least, bound.pools)) return Outcome::kPromised;
  bound.vain_for = std::min(std::max(kPlanAgain, bound.vain_for * 2), kPlanAtLast);
  bound.vain_until = step.now() + bound.vain_for;
  return Outcome::kNoRoom;
}

// `pools`: those that the job may use at all.
std::optional<std::vector<TaskPlacement>> Scheduler::find_place(Step& step, const Job& job, const PoolsBySite& pools) {
  State& state = step.state();
  return sizes_of(job) ? place_largest(state, *kept_, job, pools, step.now()) : place_beside(state, *kept_, job, pools, step.now());
}

bool Scheduler::place_and_start(Step& step, const Job& job, const PoolsBySite& pools) {
  auto tasks = find_place(step, job, pools);
  if (!tasks) return false;
  start(step, job, std::move(*tasks));
  return true;
}

void Scheduler::start(Step& step, const Job& job, std::vector<TaskPlacement> tasks) {
  kept_->add(job, tasks);
  start_job(step, job, std::move(tasks));
}

bool Scheduler::reclaim(Step& step, const Job& job, const PoolsBySite& pools) {
  State& state = step.state();
  const ContractSpec& contract = state.facts().contracts.at(job.contract).spec;
  Duration most = hours(1);
  if (contract.service_class == ServiceClass::kReserved) {
    const Duration within = contract.reclaim.value_or(kReclaim);
    most = std::max(within - kStopMargin, Duration(within.count() / 2));
  }
  if (over_limits(state, job, step.now() + most)) return false;
  const auto plan = plan_reclaim(state, *kept_, job, pools, step.now(), most);
  if (!plan) return false;
  const std::string cause =
      fmt::format("{} spot gang{} making way; they lose {} GPU-seconds of work since their checkpoints", plan->victims.size(),
                  plan->victims.size() == 1 ? " is" : "s are", plan->lost.count() / 1'000'000);
  for (const Uid victim : plan->victims) {
    const Job& gone = *state.find_job(victim);
    step.emit(JobStopping{victim, JobReason::kPreempted,
                          fmt::format("{} needs its place; of {} gangs that could make way it was among those that lose least: "
                                      "{} GPU-seconds since its checkpoint",
                                      told_to(gone, job), state.spot(state.estate().nodes()[state.held_nodes(victim).front()].site).size(),
                                      lost_work(gone, step.now()).count() / 1'000'000),
                          grace_of(gone, most)});
  }
  step.emit(JobPromised{job.uid, Promise{step.now() + plan->within + kStopMargin, step.now(), cause, plan->tasks}});
  kept_.emplace(state, step.now());
  return true;
}

// For a spot gang that would fit if others of its kind lay elsewhere.
bool Scheduler::make_room(Step& step, const Job& job, const PoolsBySite& pools) {
  State& state = step.state();
  // Those before it in class come first, and what is free must suffice.
  const bool others = std::any_of(tried_.begin(), tried_.end(), [](const GroupKey& group) { return group.rank <= 1; });
  if (others || plans_ == kMostPlans) return false;
  ++plans_;
  const auto plan = plan_moves(state, *kept_, job, pools, step.now());
  if (!plan) return false;
  for (const Uid moved : plan->victims) {
    const Job& gone = *state.find_job(moved);
    step.emit(JobStopping{moved, JobReason::kMoved,
                          fmt::format("moves so that {} has room; it loses {} GPU-seconds of work since its checkpoint and has a place elsewhere",
                                      told_to(gone, job), lost_work(gone, step.now()).count() / 1'000'000),
                          grace_of(gone, kMoveGrace)});
  }
  step.emit(JobPromised{job.uid, Promise{step.now() + plan->within + kStopMargin, step.now(),
                                         fmt::format("{} spot gang{} at a cost of {} GPU-seconds of work since their checkpoints",
                                                     plan->victims.size(), plan->victims.size() == 1 ? " moves" : "s move", plan->lost.count() / 1'000'000),
                                         plan->tasks}});
  kept_.emplace(state, step.now());
  return true;
}

bool Scheduler::promise(Step& step, const Job& job, const PoolsBySite& pools) {
  auto promise = plan_promise(step.state(), job, pools, step.now(), std::nullopt, &*kept_);
  if (!promise || over_limits(step.state(), job, promise->at.value_or(step.now()))) return false;
  step.emit(JobPromised{job.uid, std::move(*promise)});
  kept_.emplace(step.state(), step.now());
  return true;
}

// Whoever ends before the first promise at a site may use the nodes that wait for it.
void Scheduler::backfill(Step& step) {
  State& state = step.state();
  if (tried_.empty()) return;
  std::map<SiteIndex, std::vector<const Job*>> by_site;
  for (const auto& [turn, job] : state.promised()) {
    const SiteIndex site = site_of(state, *job);
    if (job->promise->at && site != kNowhere) by_site[site].push_back(job);
  }
  for (const auto& of_site : by_site) {
    const SiteIndex site = of_site.first;
    const std::vector<const Job*>& promised = of_site.second;
    const Time first = *(*std::min_element(promised.begin(), promised.end(), [](const Job* a, const Job* b) {
                          return *a->promise->at < *b->promise->at;
                        }))->promise->at;
    if (first <= step.now()) continue;
    bool open = false;
    for (const GroupKey& group : tried_) {
      while (const Job* head = first_of(state, group)) {
        const Job& job = *head;
        const auto ends = would_end_by(job, step.now());
        if (!ends || *ends > first || over_limits(state, job, step.now())) break;
        PoolsBySite here = bound(state, job, group).pools;
        std::erase_if(here, [&](const SitePools& pools) { return pools.site != site; });
        if (here.empty()) break;
        if (!open) {
          for (const Job* other : promised) state.keep_promised(*other, false);
          open = true;
        }
        if (!place_and_start(step, job, here)) break;
      }
    }
    if (open) {
      for (const Job* other : promised) state.keep_promised(*other, true);
    }
  }
}

Scheduler::Bound& Scheduler::bound(const State& state, const Job& job, const GroupKey& group) {
  const auto [found, fresh] = bound_by_need_.try_emplace(group.need);
  if (fresh) found->second.pools = candidate_pools(state, job);
  return found->second;
}

// Whether contract, quota or budget may ever be in the way of a job of the group.
bool Scheduler::limited(const State& state, const Job& job, GroupMemory& memory) const {
  if (memory.limited_as_of != bounds_) memory = {memory.blocked_in, bounds_, has_limits(state, job)};
  return memory.limited;
}

bool Scheduler::possible(State& state, const Job& job, const PoolsBySite& pools, const GroupKey& group, Time now) {
  const auto [found, fresh] = possible_by_shape_.try_emplace(group.shape);
  if (fresh) found->second = fits_when_empty(state, job, pools, now);
  return found->second;
}

}  // namespace penstock
