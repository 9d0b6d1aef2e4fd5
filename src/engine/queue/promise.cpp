// Looking ahead.
#include "engine/queue/promise.h"

#include <algorithm>

#include "engine/placement/booking.h"

#include "engine/contracts/contracts.h"

namespace penstock {
namespace {

constexpr Duration kDefaultGrace = seconds(30);

struct Running {
  const Job* job;
  const std::vector<NodeIndex>* nodes;  // by rank
  std::optional<Time> ends;
  Time from;
};

std::vector<Running> running_at(const State& state, SiteIndex site, Time now) {
  const std::set<Uid>& holders = state.holders(site);
  std::vector<Running> out;
  out.reserve(holders.size());
  for (const Uid uid : holders) {
    const Job& job = *state.find_job(uid);
    out.push_back({&job, &state.held_nodes(uid), ends_by(job, now), job.allocation->from});
  }
  return out;
}

void add_running(const State& state, const Running& running, std::vector<PowerLoads::Grant>& grants) {
  const Job& job = *running.job;
  for (std::size_t rank = 0; rank < running.nodes->size(); ++rank) {
    const NodeIndex node = (*running.nodes)[rank];
    const Draw draw = draw_of(state.estate().type_of(node).spec, job.allocation->tasks[rank], job.shed.has_value());
    grants.push_back({node, draw, job.allocation->until});
  }
}

// What has been promised to others and will have begun by then; a promise without a date may begin at any time.
void add_promised(const State& state, SiteIndex site, Time date, Uid except, std::vector<PowerLoads::Grant>& grants) {
  for (const auto& [turn, job] : state.promised()) {
    if (job->uid == except || site_of(state, *job) != site || (job->promise->at && *job->promise->at > date)) continue;
    const std::vector<NodeIndex>& nodes = state.promised_nodes(job->uid);
    for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
      if (nodes[rank] == kNowhere) continue;
      grants.push_back({nodes[rank], draw_of(state.estate().type_of(nodes[rank]).spec, job->promise->tasks[rank], false), std::nullopt});
    }
  }
}

// Whether anything at the site has a limit, now or later, that a picture of it could show.
bool limited(const State& state, SiteIndex site) {
  if (state.estate().sites()[site].has_network) return true;
  const auto& segments = state.power().segments(site);
  return std::any_of(segments.begin(), segments.end(), [](const auto& segment) { return !segment.limits->rows().empty(); });
}

// A site as it will be.
class Outlook {
 public:
  // `kept`: what is kept for others, if that has been worked out already.
  Outlook(const State& state, const SitePools& pools, Time now, const Job& job, KeptSites* kept)
      : state_(state), site_(pools.site), now_(now), running_(running_at(state, site_, now)), loads_(state.loads().site(site_)) {
    if (kept == nullptr) kept = &own_kept_.emplace(state, now, job.uid);
    kept_ = kept;
    if (job.promise && site_of(state, job) == site_) {  // to be given anew: what was kept for it is its own
      for (const NodeIndex node : state.promised_nodes(job.uid)) {
        if (node != kNowhere) loads_.set_aside(node, false);
      }
    }
    // Those without an end come last, the oldest first: nobody knows better who ends next.
    std::stable_sort(running_.begin(), running_.end(), [](const Running& a, const Running& b) {
      if (a.ends.has_value() != b.ends.has_value()) return a.ends.has_value();
      return a.ends ? *a.ends < *b.ends : a.from < b.from;
    });
    limited_ = static_cast<std::size_t>(
        std::find_if(running_.begin(), running_.end(), [](const Running& r) { return !r.ends; }) - running_.begin());
    free_.reserve(running_.size() + 1);
    // Nodes that are kept for it count in full.
    const std::size_t own = job.promise ? job.promise->tasks.size() : 0;
    free_.push_back(state.loads().site(site_).capacity(0, pools.pools, 1) + static_cast<std::int64_t>(own) * 64);
    for (const Running& running : running_) {
      std::int64_t devices = free_.back();
      for (const TaskPlacement& task : running.job->allocation->tasks) devices += static_cast<std::int64_t>(task.devices.size());
      free_.push_back(devices);
    }
    watched_ = limited(state, site_);
    const EstateSite& here = state.estate().sites()[site_];
    const auto& racks = state.estate().racks();
    grows_ = std::any_of(racks.begin() + here.first_rack, racks.begin() + here.first_rack + here.racks,
                         [&](const EstateRack& rack) { return rack.from && *rack.from > now_; });
  }

  // The dates after `now` on which something may begin to fit.
  std::vector<Time> dates() const {
    std::set<Time> dates;
    for (std::size_t i = 0; i < limited_; ++i) dates.insert(*running_[i].ends);
    for (const PowerLoads::Segment& segment : state_.power().segments(site_)) dates.insert(segment.from);
    const EstateSite& here = state_.estate().sites()[site_];
    for (RackIndex r = here.first_rack; r < here.first_rack + here.racks; ++r) {
      if (const auto& from = state_.estate().racks()[r].from) dates.insert(*from);
    }
    dates.erase(dates.begin(), dates.upper_bound(now_));
    return {dates.begin(), dates.end()};
  }
  std::size_t unlimited() const { return running_.size() - limited_; }

  // How many of the dates come too early, as there cannot be devices enough by then however they lie.
  std::size_t too_early(const Job& job, const std::vector<Time>& dates) const {
    std::size_t gone = 0;
    std::size_t early = 0;
    while (gone < limited_ && too_few(job, gone)) {
      while (early < dates.size() && dates[early] < *running_[gone].ends) ++early;
      ++gone;
    }
    return too_few(job, gone) ? dates.size() : early;
  }

  // Where the gang would lie at `date`, if all that ends by then has ended and `ended` of the unlimited ones besides.
  std::optional<std::vector<TaskPlacement>> place(const Job& job, const SitePools& pools, Time date, std::size_t ended) {
    const Estate& estate = state_.estate();
    const EstateSite& here = estate.sites()[site_];
    const PoolsBySite alone{pools};
    PoolsBySite storage;
    const PoolsBySite& open = open_to(state_, job, alone, date, storage, site_);
    if (open.empty()) return std::nullopt;
    std::size_t gone = ended > 0 ? limited_ + ended : 0;
    while (gone < limited_ && *running_[gone].ends <= date) ++gone;
    if (too_few(job, gone)) return std::nullopt;
    turn_to(gone);
    for (RackIndex r = here.first_rack; r < here.first_rack + here.racks; ++r) {
      const EstateRack& rack = estate.racks()[r];
      if (!rack.from || *rack.from <= now_) continue;  // as ready as it is now
      for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) loads_.set_ready(node, state_.usable(node, date));
    }
    const auto [devices, tasks] = largest_tasks(job.spec);
    if (devices > 0 && loads_.capacity(0, open.front().pools, devices) < tasks) return std::nullopt;
    std::vector<PowerLoads::Grant> grants;
    if (watched_) {
      grants = granted_after(gone);
      add_promised(state_, site_, date, job.uid, grants);
    }
    PowerLoads power = PowerLoads::later(state_.power(), site_, date, grants);
    std::optional<Time> ends;
    if (job.spec.time_limit) ends = date + (*would_end_by(job, now_) - now_);
    return place_at(state_, loads_, power, kept_->between(site_, date, ends), job, open.front().pools, date);
  }

 private:
  // Whether there are fewer devices than the gang asks for, however they lie, once the first `gone` have ended.
  bool too_few(const Job& job, std::size_t gone) const {
    if (grows_) return false;
    std::int64_t devices = 0;
    for (const TaskGroupSpec& group : job.spec.groups) devices += group.gpus.count() / 1000 * group.replicas;
    return devices > free_[gone];
  }
  // What those hold that run once the first `gone` have ended.
  std::vector<PowerLoads::Grant> granted_after(std::size_t gone) {
    if (first_grant_.empty()) {
      for (const Running& running : running_) {
        first_grant_.push_back(grants_.size());
        add_running(state_, running, grants_);
      }
      first_grant_.push_back(grants_.size());
    }
    return {grants_.begin() + static_cast<std::ptrdiff_t>(first_grant_[gone]), grants_.end()};
  }
  // The first `gone` have ended, the others run.
  void turn_to(std::size_t gone) {
    while (gone_ < gone) lay(running_[gone_++], false);
    while (gone_ > gone) lay(running_[--gone_], true);
  }
  void lay(const Running& running, bool on) {
    for (std::size_t rank = 0; rank < running.nodes->size(); ++rank) {
      const NodeIndex node = (*running.nodes)[rank];
      const TaskPlacement& task = running.job->allocation->tasks[rank];
      const auto as = static_cast<std::int32_t>(rank);
      if (on) {
        loads_.reserve(node, task, running.job->uid, as);
      } else {
        loads_.release(node, task, running.job->uid, as);
      }
    }
  }

  const State& state_;
  SiteIndex site_;
  Time now_;
  std::vector<Running> running_;  // in the order of their ends, those that have none at the end
  std::size_t limited_ = 0;       // have one
  std::size_t gone_ = 0;          // of them, not in the picture
  std::vector<PowerLoads::Grant> grants_;  // of all that run, one after the other
  std::vector<std::size_t> first_grant_;   // of each
  std::vector<std::int64_t> free_;         // devices that are free at the most once the first so many have ended
  bool watched_ = false;                   // what is granted may matter to others
  bool grows_ = false;                     // racks are yet to come, with more of them
  std::optional<KeptSites> own_kept_;
  KeptSites* kept_ = nullptr;
  SiteLoads loads_;  // the picture
};

}  // namespace

std::optional<Time> ends_by(const Job& job, Time now) {
  const Duration grace = job.grace.value_or(job.spec.stop_grace.value_or(kDefaultGrace)) + kStopMargin;
  if (job.phase == JobPhase::kStopping) return now + grace;
  if (!job.allocation->until) return std::nullopt;
  return std::max(now, *job.allocation->until) + grace;
}

std::optional<Time> would_end_by(const Job& job, Time now) {
  if (!job.spec.time_limit) return std::nullopt;
  return now + *job.spec.time_limit + job.spec.stop_grace.value_or(kDefaultGrace) + kStopMargin;
}

std::vector<Kept>& KeptSites::at(SiteIndex site) {
  const auto [found, fresh] = sites_.try_emplace(site);
  if (!fresh || state_->promised().empty() || !limited(*state_, site)) return found->second;
  std::set<Time> dates;
  for (const auto& [turn, job] : state_->promised()) {
    if (job->uid != except_ && site_of(*state_, *job) == site) dates.insert(std::max(now_, job->promise->at.value_or(now_)));
  }
  if (dates.empty()) return found->second;
  const std::vector<Running> running = running_at(*state_, site, now_);
  for (const Time date : dates) {
    std::vector<PowerLoads::Grant> grants;
    for (const Running& other : running) {
      if (!other.ends || *other.ends > date) add_running(*state_, other, grants);
    }
    add_promised(*state_, site, date, except_, grants);
    found->second.push_back({date, PowerLoads::later(state_->power(), site, date, grants)});
  }
  return found->second;
}

Pictures KeptSites::between(SiteIndex site, Time from, std::optional<Time> ends) {
  Pictures out;
  for (Kept& kept : at(site)) {
    if (kept.from >= from && (!ends || kept.from < *ends)) out.push_back(&kept.power);
  }
  return out;
}

PicturesOf KeptSites::against(const Job& job) {
  if (state_->promised().empty()) return {};
  return [this, ends = would_end_by(job, now_)](SiteIndex site) { return between(site, now_, ends); };
}

void KeptSites::add(const Job& job, const std::vector<TaskPlacement>& tasks) {
  const Estate& estate = state_->estate();
  const auto found = sites_.find(estate.nodes()[estate.find_node(tasks.front().node)].site);
  if (found == sites_.end()) return;
  std::optional<Time> until;
  if (job.spec.time_limit) until = now_ + *job.spec.time_limit;
  const auto ends = would_end_by(job, now_);
  for (Kept& kept : found->second) {
    if (ends && *ends <= kept.from) continue;
    for (const TaskPlacement& task : tasks) {
      const NodeIndex node = estate.find_node(task.node);
      kept.power.take(node, draw_of(estate.type_of(node).spec, task, false), until);
    }
  }
}

SiteIndex site_of(const State& state, const Job& promised) {
  const std::vector<NodeIndex>& nodes = state.promised_nodes(promised.uid);
  if (nodes.empty() || nodes.front() == kNowhere) return kNowhere;
  return state.estate().nodes()[nodes.front()].site;
}

bool may_take_up(const State& state, const Job& job, const PoolsBySite& pools) {
  const SiteIndex site = site_of(state, job);
  if (std::none_of(pools.begin(), pools.end(), [&](const SitePools& of_site) { return of_site.site == site; })) return false;
  const SiteLoads& loads = state.loads().site(site);
  const std::vector<NodeIndex>& nodes = state.promised_nodes(job.uid);
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    const TaskPlacement& task = job.promise->tasks[rank];
    if (nodes[rank] == kNowhere || !loads.ready(nodes[rank])) return false;
    if (task.gpus >= MilliGpu(1000) && static_cast<std::size_t>(loads.whole_free(nodes[rank])) < task.devices.size()) return false;
  }
  return true;
}

std::optional<std::vector<TaskPlacement>> take_up(State& state, KeptSites& others, const Job& job, const PoolsBySite& pools, Time now) {
  if (!may_take_up(state, job, pools)) return std::nullopt;
  const SiteIndex site = site_of(state, job);
  const auto allowed = std::find_if(pools.begin(), pools.end(), [&](const SitePools& of_site) { return of_site.site == site; });
  const std::vector<NodeIndex>& nodes = state.promised_nodes(job.uid);
  Pictures beside;
  if (job.promise->at && *job.promise->at > now) beside = others.between(site, now, *job.promise->at);
  Booking booking(state, state.scratch_loads().site(site), state.scratch_power(), std::move(beside), job, allowed->pools, now);
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    if (!booking.add(nodes[rank], job.promise->tasks[rank])) return std::nullopt;
  }
  return booking.within_ramp() ? std::optional(booking.tasks()) : std::nullopt;
}

bool may_have_room(const State& state, const Job& job, const PoolsBySite& pools) {
  const auto [devices, tasks] = largest_tasks(job.spec);
  if (devices == 0) return true;
  const SiteIndex own = site_of(state, job);
  for (const SitePools& of_site : pools) {
    const SiteLoads& loads = state.loads().site(of_site.site);
    std::int64_t room = loads.capacity(0, of_site.pools, devices);
    if (of_site.site == own) {
      for (const NodeIndex node : state.promised_nodes(job.uid)) {
        if (node != kNowhere && loads.ready(node)) room += loads.whole_free(node) / devices;
      }
    }
    if (room >= tasks) return true;
  }
  return false;
}

std::optional<Promise> plan_promise(const State& state, const Job& job, const PoolsBySite& pools, Time now,
                                    std::optional<Time> at, KeptSites* kept) {
  PENSTOCK_CHECK(kept == nullptr || !job.promise);  // of which its own is part
  // Those first that have most which nobody has been promised: there most ends, and soonest.
  std::vector<std::pair<std::int64_t, const SitePools*>> sites;
  for (const SitePools& of_site : pools) {
    std::int64_t devices = 0;
    const std::vector<Pool>& here = state.loads().site(of_site.site).pools();
    for (std::size_t p = 0; p < here.size(); ++p) {
      if (of_site.pools[p] != 0) devices += here[p].devices;
    }
    for (const auto& [turn, other] : state.promised()) {
      if (other->uid == job.uid || site_of(state, *other) != of_site.site) continue;
      for (const TaskPlacement& task : other->promise->tasks) devices -= static_cast<std::int64_t>(task.devices.size());
    }
    sites.emplace_back(-devices, &of_site);
  }
  std::stable_sort(sites.begin(), sites.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (sites.size() > kPlanSites) sites.resize(kPlanSites);

  std::optional<Promise> best;
  for (const auto& ranked : sites) {
    const SitePools* of_site = ranked.second;
    Outlook outlook(state, *of_site, now, job, kept);
    std::optional<Promise> here;
    const auto try_at = [&](Time date, std::size_t ended) {
      auto tasks = outlook.place(job, *of_site, date, ended);
      if (!tasks) return false;
      here = Promise{ended == 0 ? std::optional(date) : std::nullopt, now, {}, std::move(*tasks)};
      return true;
    };
    if (at) {
      if (try_at(*at, 0)) return here;
      continue;
    }
    std::vector<Time> dates = outlook.dates();
    const bool dated = best && best->at;  // then it must be earlier here
    if (dated) dates.erase(std::lower_bound(dates.begin(), dates.end(), *best->at), dates.end());
    if (dated && dates.empty()) continue;
    // Work ends and nothing begins, so that a later date mostly holds what an earlier one does; where a limit falls on the
    // way, the date that is found is one that holds it all the same. It is mostly soon after there are devices enough.
    std::size_t fails = outlook.too_early(job, dates);
    std::size_t holds = fails;
    for (std::size_t step = 1; holds < dates.size() && !try_at(dates[holds], 0); step *= 2) {
      fails = holds + 1;
      holds = fails == dates.size() ? fails : std::min(holds + step, dates.size() - 1);
    }
    if (holds < dates.size()) {
      while (fails < holds) {
        const std::size_t middle = fails + (holds - fails) / 2;
        if (try_at(dates[middle], 0)) {
          holds = middle;
        } else {
          fails = middle + 1;
        }
      }
    } else if (!dated) {
      const Time date = dates.empty() ? now : dates.back();
      std::size_t few = 1, many = outlook.unlimited();
      if (many == 0 || !try_at(date, many)) continue;
      while (few < many) {
        const std::size_t middle = few + (many - few) / 2;
        if (try_at(date, middle)) {
          many = middle;
        } else {
          few = middle + 1;
        }
      }
    }
    const auto sooner = [](const Promise& a, const Promise& b) { return a.at && (!b.at || *a.at < *b.at); };
    if (here && (!best || sooner(*here, *best))) best = std::move(here);
  }
  return best;
}

const PoolsBySite& open_to(const State& state, const Job& job, const PoolsBySite& pools, Time at, PoolsBySite& open_pools,
                           std::optional<SiteIndex> later) {
  if (class_rank(state.facts().contracts.at(job.contract).spec.service_class) != 1) return pools;
  const auto& contracts = state.facts().contracts;
  const bool rights = std::any_of(contracts.begin(), contracts.end(), [](const auto& contract) {
    return contract.second.spec.service_class == ServiceClass::kReserved && !contract.second.spec.ramp.empty();
  });
  if (!rights) return pools;
  const SpareNodes spare = spare_nodes(state, job, at, would_end_by(job, at), later);
  open_pools.clear();
  for (const SitePools& of_site : pools) {
    const SiteLoads& loads = state.loads().site(of_site.site);
    SitePools open = of_site;
    bool any = false;
    for (std::uint32_t p = 0; p < open.pools.size(); ++p) {
      if (open.pools[p] == 0) continue;
      // How many nodes it will touch anew is not known before it lies there; so many at the most.
      std::int64_t nodes = 0;
      for (const TaskGroupSpec& group : job.spec.groups) {
        const NodeTypeSpec& type = state.estate().types()[loads.pools()[p].type].spec;
        const auto holds = [](std::int64_t has, std::int64_t asked) { return asked == 0 ? std::numeric_limits<std::int64_t>::max() : has / asked; };
        const std::int64_t per_node = std::max<std::int64_t>(
            1, std::min({holds(loads.most_devices(p) * std::int64_t{1000}, group.gpus.count()), holds(type.cpu.count(), group.cpu.count()),
                         holds(type.memory.count(), group.memory.count())}));
        nodes += (group.replicas + per_node - 1) / per_node;
      }
      if (spare[of_site.site][p] && nodes > *spare[of_site.site][p]) open.pools[p] = 0;
      any = any || open.pools[p] != 0;
    }
    if (any) open_pools.push_back(std::move(open));
  }
  return open_pools;
}

namespace {

// Which nodes work that stays lies on or will, and how much is held under each contract.
struct InUse {
  std::vector<std::vector<std::int64_t>> nodes;  // by site and pool
  std::map<std::string, std::int64_t> gone;      // thousandths of a GPU, by contract, that have ended
};

InUse in_use(const State& state, const Job& job, Time at, std::optional<SiteIndex> later) {
  const Estate& estate = state.estate();
  InUse out;
  out.nodes.resize(estate.sites().size());
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const std::size_t pools = state.loads().site(s).pools().size();
    for (std::uint32_t p = 0; p < pools; ++p) {
      out.nodes[s].push_back(later == s ? 0 : state.staying_nodes(s, p));
    }
  }
  std::set<NodeIndex> counted;
  const auto count = [&](NodeIndex node) {
    const SiteLoads& loads = state.loads().site_of(node);
    if (counted.insert(node).second) ++out.nodes[loads.site()][loads.pool_of(node)];
  };
  if (later) {
    std::set<Uid> ended;
    state.for_each_held(*later, [&](NodeIndex node, const HeldTask&, const Job& other, const TaskPlacement&) {
      if (state.class_of(other) == ServiceClass::kSpot) return;
      const auto ends = ends_by(other, state.facts().now);
      if (!ends || *ends > at) {
        count(node);
      } else if (ended.insert(other.uid).second) {
        out.gone[other.contract] += other.allocation->gpus.count();
      }
    });
  }
  for (const auto& [turn, promised] : state.promised()) {
    const Job& other = *promised;
    if (other.uid == job.uid || state.class_of(other) != ServiceClass::kOnDemand) continue;
    for (const NodeIndex node : state.promised_nodes(other.uid)) {
      if (node == kNowhere) continue;
      const SiteIndex site = estate.nodes()[node].site;
      // Where such work lies there already, the node is counted.
      if (later == site || !state.staying(node)) count(node);
    }
  }
  return out;
}

}  // namespace

SpareNodes spare_nodes(const State& state, const Job& job, Time at, std::optional<Time> until, std::optional<SiteIndex> later) {
  const Estate& estate = state.estate();
  const Time last = std::min(until.value_or(at + kRampAhead), at + kRampAhead);
  const InUse used = in_use(state, job, at, later);
  // What is neither on-demand's nor taken by reserved work: idle, lent to spot work, or theirs to come.
  SpareNodes left(estate.sites().size()), spare(estate.sites().size());
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const std::vector<Pool>& pools = state.loads().site(s).pools();
    spare[s].resize(pools.size());
    for (std::uint32_t p = 0; p < pools.size(); ++p) {
      left[s].push_back(std::max<std::int64_t>(0, pools[p].ready - used.nodes[s][p]));
    }
  }
  for (const auto& [name, contract] : state.facts().contracts) {
    const ContractSpec& spec = contract.spec;
    if (spec.service_class != ServiceClass::kReserved || spec.ramp.empty()) continue;
    const std::optional<Time> end = contract_end(spec, at);
    if ((end && *end <= at) || (spec.from && *spec.from > last)) continue;
    MilliGpu gpus = ramp_gpus(spec, at).value_or(MilliGpu());
    for (const RampStepSpec& step : spec.ramp) {
      if (step.from > at && step.from <= last) gpus = std::max(gpus, MilliGpu(step.gpus * 1000));
    }
    const auto gone = used.gone.find(name);
    const std::int64_t held = state.held_by_contract(name).count() - (gone == used.gone.end() ? 0 : gone->second);
    std::int64_t devices = std::max<std::int64_t>(0, (gpus.count() - held + 999) / 1000);
    const std::vector<std::string> models = models_of(spec);
    for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
      if (!allows(spec.sites, estate.sites()[s].name) || !allows(spec.jurisdictions, estate.sites()[s].country)) continue;
      const std::vector<Pool>& pools = state.loads().site(s).pools();
      for (std::size_t p = 0; p < pools.size(); ++p) {
        const DeviceSpec& of = estate.types()[pools[p].type].spec.devices;
        if (!allows(models, of.model)) continue;
        const std::int64_t nodes = std::min(*left[s][p], (devices + of.count - 1) / of.count);
        devices = std::max<std::int64_t>(0, devices - nodes * of.count);
        *left[s][p] -= nodes;
        spare[s][p] = 0;  // bounded; how far is told once all contracts have had theirs
      }
    }
  }
  for (SiteIndex s = 0; s < spare.size(); ++s) {
    for (std::size_t p = 0; p < spare[s].size(); ++p) {
      if (spare[s][p]) spare[s][p] = left[s][p];
    }
  }
  return spare;
}

std::optional<std::vector<TaskPlacement>> place_beside(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now) {
  PoolsBySite open;
  return place(state, job, open_to(state, job, pools, now, open), now, nullptr, kept.against(job));
}

}  // namespace penstock
