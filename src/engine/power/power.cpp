// Reactions to moving limits.
#include "engine/power/power.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "base/name.h"
#include "engine/ledger/ledger.h"

namespace penstock {
namespace {

// Every grant of a site weighs on `power`, whose time has been cut.
void take_all(const State& state, SiteIndex site, PowerLoads& power, const Estate& estate, std::optional<Time> later = {}) {
  state.for_each_held(site, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
    if (!holds_at(job, later)) return;
    const NodeIndex there = estate.find_node(state.estate().nodes()[node].name);
    power.take(there, draw_of(estate.type_of(there).spec, task, job.shed.has_value()), job.allocation->until);
  });
}

// The first to be shed first: class, then priority, then the youngest.
struct ShedKey {
  int service_class;
  std::int32_t priority;
  Uid uid;
  bool operator<(const ShedKey& other) const {
    return std::tuple(service_class, priority, other.uid) < std::tuple(other.service_class, other.priority, uid);
  }
};

int shed_rank(const State& state, const std::string& contract) {
  switch (state.facts().contracts.at(contract).spec.service_class) {
    case ServiceClass::kSpot: return 0;
    case ServiceClass::kOnDemand: return 1;
    case ServiceClass::kReserved: return 2;
  }
  return 2;
}

ShedKey shed_key(const State& state, const Job& job) { return {shed_rank(state, job.contract), job.spec.priority, job.uid}; }

// What the present state of a site is above: rows of the normal state, and nodes beyond their supplies.
class Pressure {
 public:
  Pressure(const PowerLoads& power, SiteIndex site)
      : power_(power), network_(power.network(site)), now_(power.segments(site).front()), rows_(now_.rows.size()),
        columns_(network_.columns().size()) {
    for (std::uint32_t r = 0; r < now_.rows.size(); ++r) {
      if (now_.limits->rows()[r].after.kind == Contingency::Kind::kNone && !fits(r)) press(r);
    }
    for (NodeIndex node : power.beyond_supplies(site, 0, false)) {
      if (!fits_supplies(node)) nodes_.insert(node);
    }
    look_at_columns();
  }

  bool none() const { return pressed_ == 0 && nodes_.empty(); }

  // Whether less draw on the node takes something off.
  bool weighs(NodeIndex node) const { return columns_[network_.column_of(node)] != 0 || nodes_.contains(node); }

  // The node draws less than before.
  void look_again(NodeIndex node) {
    const std::size_t before = pressed_;
    for (const RowWeight& weight : now_.limits->weights(network_.column_of(node))) {
      if (rows_[weight.row] == 0 || !fits(weight.row)) continue;
      rows_[weight.row] = 0;
      --pressed_;
    }
    if (pressed_ != before) look_at_columns();
    if (nodes_.contains(node) && fits_supplies(node)) nodes_.erase(node);
  }

 private:
  bool fits(std::uint32_t row) const { return now_.rows[row].demand <= now_.rows[row].demand_limit; }
  bool fits_supplies(NodeIndex node) const {
    return power_.held(node).demand <= now_.limits->capability(network_.column_of(node)).demand;
  }
  void press(std::uint32_t row) {
    rows_[row] = 1;
    ++pressed_;
  }
  void look_at_columns() {
    for (ColumnIndex c = 0; c < columns_.size(); ++c) {
      const auto weights = now_.limits->weights(c);
      columns_[c] = std::any_of(weights.begin(), weights.end(), [&](const RowWeight& weight) { return rows_[weight.row] != 0; });
    }
  }

  const PowerLoads& power_;
  const SiteNetwork& network_;
  const PowerLoads::Segment& now_;
  std::vector<char> rows_;
  std::vector<char> columns_;  // those that weigh on a row under pressure
  std::size_t pressed_ = 0;
  std::set<NodeIndex> nodes_;
};

// Jobs that can take something off what is under pressure, the first to be shed first, each with its tasks that do. Nodes
// that are not under pressure are not looked into: a large site has tens of thousands of tasks, and milliseconds count.
class Givers {
 public:
  struct Part {
    NodeIndex node;
    const TaskPlacement* task;
  };
  struct Giver {
    ShedKey key;
    const Job* job;
    std::span<const Part> parts;
  };

  Givers(const State& state, SiteIndex site, std::optional<Time> later, const Pressure& pressure) {
    std::vector<std::pair<HeldTask, NodeIndex>> held;
    const EstateSite& here = state.estate().sites()[site];
    for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
      if (!pressure.weighs(node)) continue;
      for (const HeldTask& task : state.loads().tasks(node)) held.emplace_back(task, node);
    }
    std::sort(held.begin(), held.end());
    parts_.reserve(held.size());  // so that spans of it stay good
    const auto& jobs = state.facts().jobs;
    auto at = jobs.begin();
    std::unordered_map<std::string_view, int> ranks;  // of few contracts, for many jobs
    const auto rank_of = [&](const Job& job) {
      const auto [known, fresh] = ranks.try_emplace(job.contract, 0);
      if (fresh) known->second = shed_rank(state, job.contract);
      return known->second;
    };
    for (std::size_t i = 0; i < held.size();) {
      const Uid uid = held[i].first.job;
      if (at != jobs.end() && at->first < uid) ++at;  // most are neighbours
      if (at == jobs.end() || at->first != uid) at = jobs.find(uid);
      const Job& job = at->second;
      const std::size_t first = parts_.size();
      for (; i < held.size() && held[i].first.job == uid; ++i) {
        const TaskPlacement& task = job.allocation->tasks[static_cast<std::size_t>(held[i].first.rank)];
        if (!job.shed && task.firm < task.demand && holds_at(job, later)) parts_.push_back({held[i].second, &task});
      }
      if (parts_.size() > first) all_.push_back({{rank_of(job), job.spec.priority, uid}, &job, std::span<const Part>(parts_).subspan(first)});
    }
    std::sort(all_.begin(), all_.end(), [](const Giver& a, const Giver& b) { return a.key < b.key; });
  }

  const std::vector<Giver>& all() const { return all_; }

 private:
  std::vector<Part> parts_;
  std::vector<Giver> all_;
};

// Sheds job after job by `shed`, which makes `power` follow, until nothing is under pressure or nobody can give.
template <class Shed>
void relieve(const State& state, const PowerLoads& power, SiteIndex site, std::optional<Time> later, Shed shed) {
  Pressure pressure(power, site);
  if (pressure.none()) return;
  const Givers givers(state, site, later, pressure);
  for (const Givers::Giver& giver : givers.all()) {
    const auto weighs = [&](const Givers::Part& part) { return pressure.weighs(part.node); };
    if (std::none_of(giver.parts.begin(), giver.parts.end(), weighs)) continue;
    shed(giver);
    for (const Givers::Part& part : giver.parts) pressure.look_again(part.node);
    if (pressure.none()) return;
  }
}

// Work on racks that no live feed reaches has ended with their power.
void stop_dark(Step& step, SiteIndex site, const std::string& cause) {
  const State& state = step.state();
  const SiteNetwork& network = state.power().network(site);
  const SiteLimits& limits = *state.power().segments(site).front().limits;
  std::map<Uid, std::string> dark;
  state.for_each_held(site, [&](NodeIndex node, const HeldTask& held, const Job&, const TaskPlacement&) {
    if (limits.dark(network.column_of(node))) dark.try_emplace(held.job, state.estate().nodes()[node].name);
  });
  for (const auto& [uid, node] : dark) {
    if (state.find_job(uid)->phase == JobPhase::kStopping) continue;
    step.emit(JobStopping{uid, JobReason::kNodeLost, fmt::format("no live feed reaches {}: {}", node, cause), std::nullopt});
  }
}

// Tells what is above its limits now, if that has changed.
void tell_breaks(Step& step, SiteIndex site, const std::string& cause) {
  const std::string& name = step.state().estate().sites()[site].name;
  std::vector<LimitBreak> now = breaks_of(step.state().power(), site, 0, false);
  const auto told = step.facts().broken.find(name);
  const auto same = [](const LimitBreak& a, const LimitBreak& b) { return a.row == b.row && a.contingency == b.contingency; };
  if (told == step.facts().broken.end() ? now.empty()
                                        : std::equal(now.begin(), now.end(), told->second.begin(), told->second.end(), same)) {
    return;
  }
  if (now.empty()) {
    step.emit(LimitsRestored{name});
  } else {
    step.emit(LimitsBroken{name, cause, std::move(now)});
  }
}

// What of a running job would draw more or less, by rank; nothing changes. The block, if a limit is in the way.
template <class DrawAfter>
std::optional<PowerBlock> block_of_change(PowerLoads& power, const Estate& estate, const Job& job, DrawAfter after) {
  const std::vector<TaskPlacement>& tasks = job.allocation->tasks;
  std::vector<std::pair<NodeIndex, Draw>> changes;
  std::optional<PowerBlock> block;
  for (std::size_t rank = 0; rank < tasks.size(); ++rank) {
    const NodeIndex node = estate.find_node(tasks[rank].node);
    const NodeTypeSpec& type = estate.type_of(node).spec;
    const Draw is = draw_of(type, tasks[rank], job.shed.has_value());
    const Draw becomes = after(rank, type);
    const Draw change{becomes.demand - is.demand, becomes.firm - is.firm};
    block = power.block(node, change, job.allocation->until);
    if (block) break;
    power.take(node, change, job.allocation->until);
    changes.emplace_back(node, change);
  }
  for (const auto& [node, change] : changes) power.give(node, change, job.allocation->until);
  return block;
}

// Takes back the word for maintenance that has not begun and would break a limit now. `now` may be its very beginning.
void revoke(Step& step, SiteIndex site, Time now) {
  const std::string prefix = step.state().estate().sites()[site].name + "/";
  const auto& all = step.facts().restrictions;
  std::vector<std::string> doomed;
  for (auto at = all.lower_bound(prefix); at != all.end() && at->first.starts_with(prefix); ++at) {
    const RestrictionSpec& spec = at->second.spec;
    const auto interval = interval_of(step.facts(), at->second);
    const bool ahead = spec.cause == RestrictionCause::kMaintenance && interval && step.facts().limits_as_of < interval->from;
    if (ahead && now < *interval->until) doomed.push_back(at->first);
  }
  for (const std::string& name : doomed) {
    const auto breaks = maintenance_breaks(step.state(), site, all.at(name).spec, now, name);
    if (!breaks.empty()) step.emit(MaintenanceRevoked{name, describe(breaks)});
  }
}

// What breaks_of() finds, and every rack that holds work and would be dark.
std::vector<LimitBreak> breaks_and_dark(const PowerLoads& power, SiteIndex site, std::size_t segment, bool firm_only) {
  std::vector<LimitBreak> out = breaks_of(power, site, segment, firm_only);
  const Estate& estate = power.network(site).estate();
  for (NodeIndex node : power.dark_holders(site, segment)) {
    out.push_back({estate.racks()[estate.nodes()[node].rack].name + " dark", {}, 1, 0});
  }
  return out;
}

// All that is above a limit in a segment, in millionths: by row, loss, and whether it is the firm power that is.
using Excesses = std::map<std::tuple<std::string, std::string, bool>, MicroWatts>;

Excesses excesses(const PowerLoads& power, SiteIndex site, std::size_t segment, bool firm_only) {
  Excesses out;
  const PowerLoads::Segment& at = power.segments(site)[segment];
  for (std::size_t r = 0; r < at.rows.size(); ++r) {
    const PowerLoads::Segment::Load& load = at.rows[r];
    const LimitRow& row = at.limits->rows()[r];
    const bool demand = !firm_only && load.demand > load.demand_limit;
    if (load.firm > load.firm_limit) out[{at.limits->name(row), at.limits->name(row.after), true}] = load.firm;
    if (demand) out[{at.limits->name(row), at.limits->name(row.after), false}] = load.demand;
  }
  const Estate& estate = power.network(site).estate();
  for (NodeIndex node : power.beyond_supplies(site, segment, firm_only)) {
    const Draw held = power.held(node, segment);
    const Capability& able = at.limits->capability(power.network(site).column_of(node));
    const std::string name = estate.nodes()[node].name + " supplies";
    if (held.firm > std::min(able.firm, able.demand)) out[{name, {}, true}] = held.firm.count();
    if (!firm_only && held.demand > able.demand) out[{name, {}, false}] = held.demand.count();
  }
  for (NodeIndex node : power.dark_holders(site, segment)) {
    out[{estate.racks()[estate.nodes()[node].rack].name + " dark", {}, true}] = 1;
  }
  return out;
}

}  // namespace

std::vector<LimitBreak> breaks_of(const PowerLoads& power, SiteIndex site, std::size_t segment, bool firm_only) {
  const PowerLoads::Segment& at = power.segments(site)[segment];
  const SiteNetwork& network = power.network(site);
  std::map<std::string, LimitBreak> worst;
  const auto add = [&](LimitBreak found) {
    const auto [known, fresh] = worst.try_emplace(found.row, found);
    if (!fresh && found.load - found.limit > known->second.load - known->second.limit) known->second = std::move(found);
  };
  for (const RowBreak& broken : power.broken(site, segment, firm_only)) {
    const LimitRow& row = at.limits->rows()[broken.row];
    add({at.limits->name(row), at.limits->name(row.after), whole_up(broken.load), broken.limit / kMicro});
  }
  for (NodeIndex node : power.beyond_supplies(site, segment, firm_only)) {
    const Capability& able = at.limits->capability(network.column_of(node));
    const Draw held = power.held(node, segment);
    const bool later = able.firm < able.demand && held.firm > able.firm;
    add({network.estate().nodes()[node].name + " supplies", later ? at.limits->name(able.after) : std::string(),
         later ? held.firm.count() : held.demand.count(), later ? able.firm.count() : able.demand.count()});
  }
  std::vector<LimitBreak> out;
  for (auto& [row, found] : worst) out.push_back(std::move(found));
  return out;
}

std::string describe(const std::vector<LimitBreak>& breaks) {
  std::vector<const LimitBreak*> order;
  for (const LimitBreak& found : breaks) order.push_back(&found);
  std::stable_sort(order.begin(), order.end(), [](const LimitBreak* a, const LimitBreak* b) {
    return a->load - a->limit > b->load - b->limit;
  });
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, order.size()); ++i) {
    const LimitBreak& found = *order[i];
    const bool flow = found.row.ends_with(" flow");
    const auto amount = [&](std::int64_t n) {
      return flow ? Text<MillilitresPerMinute>::format(MillilitresPerMinute(n)) : Text<Watts>::format(Watts(n));
    };
    text += i == 0 ? "" : "; ";
    if (found.row.ends_with(" dark")) {
      text += fmt::format("no live feed would reach {}, which holds work", found.row.substr(0, found.row.size() - 5));
    } else {
      text += fmt::format("{} would carry {} of {}{}", found.row, amount(found.load), amount(found.limit),
                          found.contingency.empty() ? "" : fmt::format(" after the loss of {}", found.contingency));
    }
  }
  if (order.size() > kShown) text += fmt::format("; and {} more", order.size() - kShown);
  return text;
}

std::vector<LimitBreak> maintenance_breaks(const State& state, SiteIndex site, const RestrictionSpec& spec, Time now,
                                           std::string_view except) {
  PowerLoads power = PowerLoads::like(state.power(), site);
  SiteRestrictions restrictions(power.network(site), state.facts(), except);
  restrictions.add(spec, {*spec.from, spec.until});
  const Time begin = std::max(now, *spec.from);
  std::vector<Time> starts = restrictions.dates(begin);
  starts.insert(starts.begin(), begin);
  for (Time start : starts) {
    if (*spec.until <= start) break;
    const std::optional<Time> later = now < start ? std::optional(start) : std::nullopt;
    power.recut_to(site, restrictions.condition(start), SiteLimits::Losses::kAll);
    take_all(state, site, power, state.estate(), later);
    std::vector<LimitBreak> breaks = breaks_and_dark(power, site, 0, true);
    if (!breaks.empty()) return breaks;
  }
  return {};
}

std::vector<LimitBreak> breaks_in(const State& state, std::shared_ptr<const Estate> after, SiteIndex site_after) {
  const SiteIndex site = state.estate().find_site(after->sites()[site_after].name);
  if (site == kNowhere) return {};
  PowerLoads power = PowerLoads::of(after, site_after);
  power.recut(site_after, SiteRestrictions(power.network(site_after), state.facts()), state.facts().limits_as_of);
  take_all(state, site, power, *after);
  // What is above its limit anyway may stay so, at no greater load.
  const auto& stretches = state.power().segments(site);
  std::size_t then = 0;
  for (std::size_t k = 0; k < power.segments(site_after).size(); ++k) {
    while (then + 1 < stretches.size() && stretches[then + 1].from <= power.segments(site_after)[k].from) ++then;
    const Excesses before = excesses(state.power(), site, then, k > 0);
    std::set<std::string> worse;
    for (const auto& [what, load] : excesses(power, site_after, k, k > 0)) {
      const auto known = before.find(what);
      if (known == before.end() || load > known->second) worse.insert(std::get<0>(what));
    }
    if (worse.empty()) continue;
    std::vector<LimitBreak> breaks = breaks_and_dark(power, site_after, k, k > 0);
    std::erase_if(breaks, [&](const LimitBreak& found) { return !worse.contains(found.row); });
    return breaks;
  }
  return {};
}

void mend(Step& step, SiteIndex site, const std::string& cause) {
  const State& state = step.state();
  const std::string& name = state.estate().sites()[site].name;
  stop_dark(step, site, cause);
  relieve(state, state.power(), site, {}, [&](const Givers::Giver& giver) {
    const Uid uid = giver.key.uid;
    const bool stop = shed_to(state.facts().contracts.at(giver.job->contract).spec) == Ppm(0);
    cut_row(step, *state.find_job(uid));
    step.emit(JobShed{uid, name, cause, stop});
    if (stop && state.find_job(uid)->phase != JobPhase::kStopping) {
      step.emit(JobStopping{uid, JobReason::kShed, fmt::format("its power was needed at {}: {}", name, cause), std::nullopt});
    }
  });
  revoke(step, site, step.now());
  tell_breaks(step, site, cause);
}

void take_in_dates(Step& step) {
  const State& state = step.state();
  const auto next = state.power().next_date();
  if (!next || step.now() < *next) return;
  std::vector<SiteIndex> sites;
  for (SiteIndex site = 0; site < state.estate().sites().size(); ++site) {
    const auto& segments = state.power().segments(site);
    if (segments.size() < 2 || step.now() < segments[1].from) continue;
    sites.push_back(site);
    revoke(step, site, step.now());
  }
  step.emit(LimitsChanged{});
  for (SiteIndex site : sites) mend(step, site, "a dated limit took effect");
}

void restore_shed(Step& step) {
  State& state = step.state();
  std::vector<const Job*> jobs;
  for (Uid uid : state.shed()) {
    const Job* job = state.find_job(uid);
    if (!job->shed->stop && job->phase != JobPhase::kStopping) jobs.push_back(job);
  }
  std::stable_sort(jobs.begin(), jobs.end(), [&](const Job* a, const Job* b) {
    return a->shed->since != b->shed->since ? b->shed->since < a->shed->since : shed_key(state, *b) < shed_key(state, *a);
  });
  for (const Job* job : jobs) {
    const auto block = block_of_change(state.scratch_power(), state.estate(), *job, [&](std::size_t rank, const NodeTypeSpec& type) {
      return draw_of(type, job->allocation->tasks[rank], false);
    });
    if (block) continue;
    cut_row(step, *job);
    step.emit(JobRestored{job->uid});
  }
  std::vector<std::string> sites;
  for (const auto& [site, rows] : step.facts().broken) sites.push_back(site);
  for (const std::string& site : sites) tell_breaks(step, state.estate().find_site(site), "some of it was mended");
}

Result<Reply> set_gpu_power(Step& step, const SetGpuPower& command) {
  State& state = step.state();
  const Job* job = state.find_job(command.name);
  if (job == nullptr) return make_error(Code::kNotFound, fmt::format("there is no job '{}'", command.name));
  if (command.version && *command.version != job->version) {
    return make_error(Code::kConflict, fmt::format("job '{}' has version {}, not {}", job->name, job->version, *command.version));
  }
  if (is_final(job->phase) || job->phase == JobPhase::kStopping) {
    return make_error(Code::kFailedPrecondition, fmt::format("job '{}' is {}; its power no longer matters", job->name, name_of(job->phase)));
  }
  JobRepowered event{job->uid, command.gpu_power, {}, {}, {}};
  if (job->holds()) {
    if (job->shed) {
      return make_error(Code::kFailedPrecondition,
                        fmt::format("job '{}' is shed ({}); wait until its power is restored", job->name, job->shed->cause));
    }
    const ContractSpec& contract = step.facts().contracts.at(job->contract).spec;
    std::vector<TaskPlacement> tasks = job->allocation->tasks;
    for (TaskPlacement& task : tasks) {
      const EstateType& type = state.estate().type_of(state.estate().find_node(task.node));
      if (command.gpu_power && type.spec.devices.power_limit_min.value_or(Watts()) > *command.gpu_power) {
        return make_error(Code::kInvalid,
                          fmt::format("the GPUs of {} take a limit of at least {}, found {}", type.name,
                                      Text<Watts>::format(*type.spec.devices.power_limit_min),
                                      Text<Watts>::format(*command.gpu_power)),
                          "gpuPower");
      }
      set_draw(task, type.spec, contract, command.gpu_power);
      event.demand += task.demand;
      event.firm += task.firm;
      event.tasks.push_back({task.demand, task.firm});
    }
    const auto& grid = state.estate().site_of(state.estate().find_node(tasks.front().node)).grid;
    const Watts swing = swing_of(state.estate(), tasks);
    if (grid && grid->ramp_per_second && swing > *grid->ramp_per_second &&
        swing > swing_of(state.estate(), job->allocation->tasks)) {
      return make_error(Code::kLimitExceeded,
                        fmt::format("the gang would swing by {} at once and the site allows {} a second; nothing was changed",
                                    Text<Watts>::format(swing), Text<Watts>::format(*grid->ramp_per_second)),
                        "gpuPower");
    }
    const auto block = block_of_change(state.scratch_power(), state.estate(), *job, [&](std::size_t rank, const NodeTypeSpec& type) {
      return draw_of(type, tasks[rank], false);
    });
    if (block) {
      const SiteLimits& limits = *state.power().segments(block->site)[block->segment].limits;
      const std::string what = block->kind == PowerBlock::Kind::kRow ? limits.name(limits.rows()[block->row]) : "its power supplies";
      return make_error(Code::kLimitExceeded,
                        fmt::format("{} would take {} more of such work; nothing was changed", what, Text<Watts>::format(block->headroom)),
                        "gpuPower");
    }
  }
  const Uid uid = job->uid;
  if (job->holds()) cut_row(step, *job);
  step.emit(std::move(event));
  Reply reply;
  reply.changes.push_back({"Job", command.name, uid, Change::kChanged, step.facts().position});
  return reply;
}

PowerLoads site_if(const State& state, SiteIndex site, const WhatIf& what, SiteLimits::Losses losses) {
  PowerLoads power = PowerLoads::like(state.power(), site);
  const SiteNetwork& network = power.network(site);
  SiteCondition condition = what.later ? SiteRestrictions(network, state.facts()).condition(*what.later)
                                       : state.power().segments(site).front().limits->condition();
  for (ElementIndex e : what.lost.elements) condition.element_out[e - network.site().first_element] = 1;
  for (UnitIndex u : what.lost.units) condition.unit_out[u - network.site().first_unit] = 1;
  if (what.import) condition.import = std::min(*what.import, condition.import.value_or(*what.import));
  if (what.later) {
    power.recut_to(site, std::move(condition), losses);
    take_all(state, site, power, state.estate(), what.later);
  } else {
    power.recut_to(site, std::move(condition), losses, state.power().segments(site).front().nodes);
  }
  return power;
}

void weigh_shed(PowerLoads& power, NodeIndex node, const NodeTypeSpec& type, const TaskPlacement& task, std::optional<Time> until) {
  const Draw is = draw_of(type, task, false);
  const Draw becomes = draw_of(type, task, true);
  power.take(node, {becomes.demand - is.demand, becomes.firm - is.firm}, until);
}

ShedPlan shed_plan(const State& state, SiteIndex site, const WhatIf& what, PowerLoads& power) {
  ShedPlan plan;
  relieve(state, power, site, what.later, [&](const Givers::Giver& giver) {
    plan.jobs.push_back(giver.key.uid);
    // What the job gives elsewhere takes nothing off a row that is above its limit.
    for (const Givers::Part& part : giver.parts) {
      weigh_shed(power, part.node, state.estate().type_of(part.node).spec, *part.task, giver.job->allocation->until);
    }
  });
  plan.left = breaks_of(power, site, 0, false);
  return plan;
}

}  // namespace penstock
