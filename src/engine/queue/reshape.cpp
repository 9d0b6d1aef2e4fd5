// Spares, and changes of size.
#include "engine/queue/reshape.h"

#include <algorithm>

#include "engine/placement/attempt.h"
#include "engine/placement/booking.h"
#include "engine/queue/gang.h"
#include "engine/queue/limits.h"
#include "engine/queue/queue.h"

namespace penstock {
namespace {

// The search for spares at the site of a gang.
class Spares {
 public:
  Spares(const State& state, SiteLoads& loads, Booking& booking, const Closeness& closeness, const std::vector<TaskPlacement>& before)
      : state_(state), loads_(loads), booking_(booking), closeness_(closeness), before_(before) {
    if (closeness.pack && closeness.pack_required) widest_ = std::min(widest_, *closeness.pack);
    if (closeness.segment) widest_ = std::min(widest_, *closeness.segment);
  }

  // From the rack of the node upwards; at each level the nodes with the fewest devices free that suffice.
  bool find(const TaskPlacement& lost, NodeIndex from) {
    if (widest_ == Grouping::kNode) return false;
    const TypeIndex type = state_.estate().nodes()[from].type;
    DomainIndex domain = loads_.rack_of(from);
    std::optional<DomainIndex> tried;
    while (true) {
      const Domain& here = loads_.domains()[domain];
      if (here.level > widest_) return false;
      if (in(domain, tried, lost, type)) return true;
      if (here.level == Grouping::kSite) return false;
      tried = domain;
      domain = here.parent;
    }
  }

 private:
  static constexpr std::size_t kTries = 64;  // at each level: what a limit refuses, it mostly refuses next door too

  bool in(DomainIndex domain, std::optional<DomainIndex> tried, const TaskPlacement& lost, TypeIndex type) {
    const Domain& here = loads_.domains()[domain];
    std::vector<std::pair<std::int32_t, NodeIndex>> spares;
    for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
      if (tried) {
        const Domain& done = loads_.domains()[*tried];
        if (node >= done.first_node && node < done.first_node + done.nodes) continue;
      }
      const std::int32_t free = loads_.whole_free(node);
      if (!loads_.counted(node) || (lost.gpus >= MilliGpu(1000) && free < static_cast<std::int32_t>(lost.devices.size()))) continue;
      if (!apart(node, lost.group)) continue;
      spares.emplace_back(free, node);
    }
    std::sort(spares.begin(), spares.end());
    if (spares.size() > kTries) spares.resize(kTries);
    return std::any_of(spares.begin(), spares.end(), [&](const auto& spare) { return booking_.add_anywhere(spare.second, type, lost); });
  }

  // Where tasks of a group must be apart, whether no other lies in the same part.
  bool apart(NodeIndex node, std::int32_t group) const {
    if (!closeness_.spread || !closeness_.spread_required) return true;
    const auto taken = [&](NodeIndex other) { return other != kNowhere && part(other) == part(node); };
    for (const TaskPlacement& task : before_) {
      const NodeIndex other = state_.estate().find_node(task.node);
      if (task.group == group && other != kNowhere && loads_.ready(other) && taken(other)) return false;
    }
    return std::none_of(booking_.nodes().begin(), booking_.nodes().end(), taken);
  }

  std::uint32_t part(NodeIndex node) const {
    if (*closeness_.spread == Grouping::kNode) return node;
    DomainIndex domain = loads_.rack_of(node);
    while (loads_.domains()[domain].level < *closeness_.spread) domain = loads_.domains()[domain].parent;
    return domain;
  }

  const State& state_;
  SiteLoads& loads_;
  Booking& booking_;
  const Closeness& closeness_;
  const std::vector<TaskPlacement>& before_;
  Grouping widest_ = Grouping::kSite;
};

}  // namespace

std::optional<std::vector<TaskPlacement>> with_spares(State& state, KeptSites& kept, const Job& job,
                                                      const std::vector<TaskPlacement>& before, const PoolsBySite& pools, Time now) {
  const Estate& estate = state.estate();
  const NodeIndex first = before.empty() ? kNowhere : estate.find_node(before.front().node);
  if (first == kNowhere) return std::nullopt;
  const SiteIndex site = estate.nodes()[first].site;
  const auto open = std::find_if(pools.begin(), pools.end(), [&](const SitePools& of_site) { return of_site.site == site; });
  const auto closeness = closeness_of(estate, site, job.spec);
  if (open == pools.end() || !closeness) return std::nullopt;

  SiteLoads& loads = state.scratch_loads().site(site);
  Booking booking(state, loads, state.scratch_power(), kept.between(site, now, would_end_by(job, now)), job, open->pools, now);
  Spares spares(state, loads, booking, *closeness, before);
  // First all that stay, so that no spare is taken from them. What others are promised after it is no longer its own.
  std::vector<std::size_t> ranks, lost;
  NodeIndex node = kNowhere - 1;
  for (std::size_t rank = 0; rank < before.size(); ++rank) {
    node = estate.find_node_after(node, before[rank].node);
    if (node == kNowhere) return std::nullopt;
    if (!state.usable(node, now)) {
      lost.push_back(rank);
    } else if (!loads.aside(node) && booking.add(node, before[rank])) {
      ranks.push_back(rank);
    } else {
      return std::nullopt;
    }
  }
  const auto sizes = sizes_of(job);
  std::int32_t left = sizes ? size_of(before, *sizes) : 0;
  for (const std::size_t rank : lost) {
    if (spares.find(before[rank], estate.find_node(before[rank].node))) {
      ranks.push_back(rank);
      continue;
    }
    const bool elastic = sizes && sizes->step == 1 && static_cast<std::size_t>(before[rank].group) == sizes->group;
    if (!elastic || --left < sizes->least) return std::nullopt;
  }
  if (!booking.within_ramp()) return std::nullopt;
  // By rank again; those behind one that went move up.
  const std::vector<TaskPlacement>& booked = booking.tasks();
  std::map<std::size_t, TaskPlacement> by_rank;
  for (std::size_t i = 0; i < booked.size(); ++i) by_rank.emplace(ranks[i], booked[i]);
  std::vector<TaskPlacement> out;
  for (auto& [rank, task] : by_rank) out.push_back(std::move(task));
  return out;
}

void start_again(Step& step, Uid uid, const std::vector<TaskPlacement>& before) {
  State& state = step.state();
  const Job& job = *state.find_job(uid);
  if (job.phase != JobPhase::kPending || job.held || over_limits(state, job, step.now())) return;
  KeptSites kept(state, step.now());
  PoolsBySite pools = candidate_pools(state, job);
  const auto sizes = sizes_of(job);
  if (job.reason != JobReason::kResized && (!sizes || size_of(before, *sizes) <= sizes->most)) {
    std::optional<Job> copy;
    PoolsBySite open;
    auto tasks = with_spares(state, kept, job, before, open_to(state, at_least(job, copy), pools, step.now(), open), step.now());
    const bool over = tasks && sizes && over_limits(state, sized(job, *sizes, size_of(*tasks, *sizes)), step.now());
    if (tasks && !over) start_job(step, job, std::move(*tasks));
    if (!over) return;
  }
  // Where it was, if it fits there in any size.
  PoolsBySite here = pools;
  const NodeIndex first = state.estate().find_node(before.front().node);
  std::erase_if(here, [&](const SitePools& of_site) { return first == kNowhere || of_site.site != state.estate().nodes()[first].site; });
  for (const PoolsBySite* where : {&here, &pools}) {
    if (auto tasks = place_largest(state, kept, job, *where, step.now())) return start_job(step, job, std::move(*tasks));
  }
}

Result<Reply> resize_job(Step& step, const ResizeJob& command) {
  PENSTOCK_TRY(job, live_job(step.state(), command.name, command.version));
  const auto group = elastic_group(job->spec);
  if (!group) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("job '{}' has one size: none of its groups has minReplicas below its replicas", job->name), "replicas");
  }
  const TaskGroupSpec& elastic = job->spec.groups[*group];
  const Sizes sizes = *sizes_of(*job);
  if (command.replicas < elastic.min_replicas || command.replicas > elastic.replicas || command.replicas % sizes.step != 0) {
    return make_error(Code::kInvalid,
                      fmt::format("expected {} to {} tasks of group '{}'{}, found {}", elastic.min_replicas, elastic.replicas, elastic.name,
                                  sizes.step > 1 ? fmt::format(", a multiple of {}", sizes.step) : "", command.replicas),
                      "replicas");
  }
  const Uid uid = job->uid;
  if (command.replicas == sizes.most) return job_changed(step, uid, false);
  step.emit(JobResized{uid, command.replicas});
  if ((job->phase == JobPhase::kStarting || job->phase == JobPhase::kRunning) && size_of(job->allocation->tasks, sizes) != command.replicas) {
    step.emit(JobStopping{uid, JobReason::kResized,
                          fmt::format("resized from {} to {} tasks by {}", size_of(job->allocation->tasks, sizes), command.replicas, step.meta().principal),
                          std::nullopt});
  }
  return job_changed(step, uid, true);
}

std::optional<Time> grow(Step& step, KeptSites& kept) {
  State& state = step.state();
  std::optional<Time> due;
  // One at a time at each site: others would be stopped for the same room.
  const auto site_of = [&](const Job& job) { return state.estate().nodes()[state.held_nodes(job.uid).front()].site; };
  std::set<SiteIndex> busy;
  for (const Uid uid : state.undersized()) {
    const Job& job = *state.find_job(uid);
    if (job.phase != JobPhase::kRunning) busy.insert(site_of(job));
  }
  for (const Uid uid : std::set<Uid>(state.undersized())) {
    const Job& job = *state.find_job(uid);
    if (busy.contains(site_of(job))) continue;
    if (job.phase != JobPhase::kRunning || !job.spec.checkpoint || !job.spec.checkpoint->on_stop) continue;
    const Time from = job.allocation->from + kGrowAfter;
    if (step.now() < from) {
      if (!due || from < *due) due = from;
      continue;
    }
    const Sizes sizes = *sizes_of(job);
    const std::int32_t size = size_of(job.allocation->tasks, sizes);
    const std::int32_t more = room_to_grow(state, kept, job, candidate_pools(state, job), step.now());
    if (more == 0 || (size + more < sizes.most && more * 4 < size)) continue;
    step.emit(JobStopping{uid, JobReason::kResized, fmt::format("grows from {} to {} tasks: there is room and nobody waits for it", size, size + more),
                          std::nullopt});
    busy.insert(site_of(job));
  }
  return due;
}

}  // namespace penstock
