// Answers about limits, put together from the same table and the same loads that placement asks.
#include "engine/power/outlook.h"

#include <algorithm>

#include "base/name.h"

namespace penstock {
namespace {

using Segment = PowerLoads::Segment;

constexpr std::size_t kWorstRows = 5;
// Later starts that maintenance_plan() tries.
constexpr std::size_t kMostStarts = 16;

// What a row carries of the limit that it is nearer to.
struct Use {
  std::uint32_t row = 0;
  MicroWatts load = 0;
  MicroWatts limit = 0;
};

bool fuller(MicroWatts load, MicroWatts limit, MicroWatts than_load, MicroWatts than_limit) {
  return static_cast<__int128>(load) * std::max<MicroWatts>(1, than_limit) >
         static_cast<__int128>(than_load) * std::max<MicroWatts>(1, limit);
}

Use use_of(const Segment& segment, std::uint32_t row) {
  const Segment::Load& load = segment.rows[row];
  if (load.demand_limit != kUnlimited && fuller(load.demand, load.demand_limit, load.firm, load.firm_limit)) {
    return {row, load.demand, load.demand_limit};
  }
  return {row, load.firm, load.firm_limit};
}

RowLoad row_load(const SiteLimits& limits, const Use& use) {
  const LimitRow& row = limits.rows()[use.row];
  return {limits.name(row), limits.name(row.after), whole_up(use.load), use.limit / kMicro};
}

using Subject = std::tuple<LimitRow::Kind, std::uint32_t, Medium>;
Subject subject_of(const LimitRow& row) { return {row.kind, row.subject, row.medium}; }

// The fullest row of every subject.
std::map<Subject, Use> fullest(const Segment& segment) {
  std::map<Subject, Use> out;
  for (std::uint32_t r = 0; r < segment.rows.size(); ++r) {
    const Use use = use_of(segment, r);
    const auto [known, fresh] = out.try_emplace(subject_of(segment.limits->rows()[r]), use);
    if (!fresh && fuller(use.load, use.limit, known->second.load, known->second.limit)) known->second = use;
  }
  return out;
}

// Output of every element, and import last, if all that is granted is drawn.
std::vector<MicroWatts> flows(const PowerLoads& power, SiteIndex site) {
  const SiteNetwork& network = power.network(site);
  const Routing routing(network, power.segments(site).front().limits->condition());
  std::vector<MicroWatts> out = routing.base();
  std::vector<std::int64_t> watts(network.groups().size());
  const EstateSite& here = network.site();
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    watts[network.group_of(network.estate().nodes()[node].rack)] += power.held(node).demand.count();
  }
  for (GroupIndex g = 0; g < watts.size(); ++g) {
    for (const Routing::Weight& weight : routing.weights(g)) out[weight.element] += weight.ppm * watts[g];
  }
  return out;
}

std::vector<ElementPower> elements_of(const PowerLoads& power, SiteIndex site) {
  const SiteNetwork& network = power.network(site);
  const Segment& now = power.segments(site).front();
  const SiteLimits& limits = *now.limits;
  const Routing routing(network, limits.condition());
  const std::vector<MicroWatts> loads = flows(power, site);
  const std::map<Subject, Use> worst = fullest(now);
  std::vector<MicroWatts> room(network.site().elements, kUnlimited);
  for (std::uint32_t r = 0; r < now.rows.size(); ++r) {
    const LimitRow& row = limits.rows()[r];
    if (row.kind != LimitRow::Kind::kElement) continue;
    room[row.subject] = std::min(room[row.subject], std::max<MicroWatts>(0, now.rows[r].firm_limit - now.rows[r].firm));
  }
  std::vector<ElementPower> out;
  for (std::uint32_t e : network.downwards()) {
    const EstateElement& element = network.element(e);
    ElementPower view;
    view.name = element.name;
    view.kind = element.kind;
    view.state = limits.condition().element_out[e] != 0 ? PartState::kOut : routing.live(e) ? PartState::kLive : PartState::kDark;
    for (const EstateFeed& feed : element.feeds) view.feeds.push_back(network.estate().elements()[feed.from].name);
    view.usable = usable_now(network, limits.condition(), e);
    view.load = Watts(whole_up(loads[e]));
    view.headroom = Watts(room[e] == kUnlimited ? 0 : room[e] / kMicro);
    if (const auto found = worst.find({LimitRow::Kind::kElement, e, Medium::kLiquid}); found != worst.end()) {
      view.worst = row_load(limits, found->second);
    }
    out.push_back(std::move(view));
  }
  return out;
}

StrandedCause cause_of(const PowerBlock& block, const SiteLimits& limits) {
  switch (block.kind) {
    case PowerBlock::Kind::kDark: return StrandedCause::kDark;
    case PowerBlock::Kind::kSupplies: return StrandedCause::kSupplies;
    case PowerBlock::Kind::kRow: break;
  }
  const LimitRow& row = limits.rows()[block.row];
  if (row.kind == LimitRow::Kind::kLoop) return StrandedCause::kCooling;
  return row.after.kind == Contingency::Kind::kNone ? StrandedCause::kElement : StrandedCause::kPair;
}

// Fills every node up to its max as far as the rows let it, and notes what refuses the rest. Import that is used up strands
// nothing.
struct Fill {
  Watts granted;
  struct Refused {
    Watts watts;
    std::map<std::uint32_t, Watts> by_row;
  };
  std::map<StrandedCause, Refused> refused;
};

Fill fill(PowerLoads& power, SiteIndex site) {
  Fill out;
  const SiteNetwork& network = power.network(site);
  const SiteLimits& limits = *power.segments(site).front().limits;
  const EstateSite& here = network.site();
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    if (!limits.ready(network.column_of(node))) continue;
    const Watts wanted = network.estate().type_of(node).spec.power.max - power.held(node).demand;
    Watts given = wanted;
    std::optional<PowerBlock> refusal;
    while (given > Watts()) {
      const auto block = power.block(node, {given, given}, std::nullopt);
      if (!block) break;
      refusal = block;
      given = std::min(given - Watts(1), block->headroom);
    }
    if (given > Watts()) {
      power.take(node, {given, given}, std::nullopt);
      out.granted += given;
    }
    if (!refusal) continue;
    const bool row = refusal->kind == PowerBlock::Kind::kRow;
    if (row && limits.rows()[refusal->row].kind == LimitRow::Kind::kImport) continue;
    Fill::Refused& refused = out.refused[cause_of(*refusal, limits)];
    refused.watts += wanted - given;
    if (row) refused.by_row[refusal->row] += wanted - given;
  }
  return out;
}

std::vector<StrandedWatts> stranded(const SitePower& view, const SiteNetwork& network, const SiteLimits& limits, const Fill& filled,
                                    Watts import_when_full) {
  std::vector<StrandedWatts> out;
  const auto add = [&](StrandedCause cause, Watts watts, std::string row = {}) {
    if (watts > Watts()) out.push_back({cause, watts, std::move(row)});
  };
  if (view.contracted) {
    const Watts by_phase = std::min(*view.contracted, network.condition(view.at).import.value_or(*view.contracted));
    add(StrandedCause::kPhase, *view.contracted - by_phase);
    add(StrandedCause::kOrder, by_phase - *view.import_limit);
  }
  for (const auto& [cause, refused] : filled.refused) {
    const auto most = std::max_element(refused.by_row.begin(), refused.by_row.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    std::string row;
    if (most != refused.by_row.end()) {
      const LimitRow& binding = limits.rows()[most->first];
      row = limits.name(binding);
      if (binding.after.kind != Contingency::Kind::kNone) row += " after the loss of " + limits.name(binding.after);
    }
    add(cause, refused.watts, std::move(row));
  }
  // What the grid would still give when every node has what the rows let it have, less what those refusals account for.
  if (view.import_limit) {
    Watts left = *view.import_limit - import_when_full;
    for (const auto& [cause, refused] : filled.refused) left -= refused.watts;
    add(StrandedCause::kSpace, left);
  }
  return out;
}

Watts import_of(const PowerLoads& power, SiteIndex site) { return Watts(whole_up(flows(power, site).back())); }

// What the units of a loop give in one state.
std::int64_t given_by(const SiteNetwork& network, const SiteCondition& condition, const Routing& routing, LoopIndex loop, Medium medium) {
  std::int64_t sum = 0;
  for (UnitIndex unit : network.estate().loops()[loop].units) {
    const std::uint32_t local = unit - network.site().first_unit;
    if (!routing.unit_live(local)) continue;
    sum += mul_div_floor(capacity(network.unit(local), medium), condition.unit_left[local].count(), kMicro);
  }
  return sum;
}

Overload overload_of(const SiteLimits& limits, const RowBreak& broken) {
  const SiteNetwork& network = limits.network();
  const LimitRow& row = limits.rows()[broken.row];
  Overload out{limits.name(row), whole_up(broken.load), broken.limit / kMicro, std::nullopt};
  if (row.kind == LimitRow::Kind::kElement) {
    out.borne = Duration();
    const Ppm left = limits.condition().element_left[row.subject];
    for (const Bearing& bearing : network.element(row.subject).bearings) {
      if (mul_div_floor(bearing.load.count(), left.count(), kMicro) >= out.load) out.borne = std::max(*out.borne, bearing.time);
    }
  } else if (row.kind == LimitRow::Kind::kLoop) {
    out.borne = network.loop(row.subject).hold.value_or(Duration());
  }
  return out;
}

Shedding shedding_of(const State& state, const Job& job) {
  const bool stop = shed_to(state.facts().contracts.at(job.contract).spec) == Ppm(0);
  return {job.name, job.allocation->demand, job.allocation->firm, stop};
}

// Racks that are lit without the loss and dark with it, by rack of the site.
std::vector<RackIndex> darkened(const SiteNetwork& network, const Routing& before, const Routing& after) {
  std::vector<RackIndex> out;
  const EstateSite& site = network.site();
  for (RackIndex rack = site.first_rack; rack < site.first_rack + site.racks; ++rack) {
    const GroupIndex group = network.group_of(rack);
    if (!before.dark(group) && after.dark(group)) out.push_back(rack);
  }
  return out;
}

class LossReader {
 public:
  LossReader(const State& state, SiteIndex site, const WhatIf& what) : state_(state), site_(site), what_(what) {}

  LossOutlook read(Time now) {
    WhatIf without = what_;
    without.lost = {};
    without.import.reset();
    const PowerLoads before = site_if(state_, site_, without, SiteLimits::Losses::kNone);
    PowerLoads power = site_if(state_, site_, what_, SiteLimits::Losses::kNone);
    out_.site = power.network(site_).site().name;
    out_.at = what_.later.value_or(now);
    const Estate& estate = state_.estate();
    for (ElementIndex e : what_.lost.elements) out_.lost.push_back(estate.elements()[e].name);
    for (UnitIndex u : what_.lost.units) out_.lost.push_back(estate.units()[u].name);
    if (what_.import) out_.lost.push_back(fmt::format("{} import above {}", out_.site, Text<Watts>::format(*what_.import)));
    look_at_racks(*before.segments(site_).front().limits, *power.segments(site_).front().limits);
    for (const RowBreak& broken : power.broken(site_, 0, false)) {
      out_.overloads.push_back(overload_of(*power.segments(site_).front().limits, broken));
    }
    ShedPlan plan = shed_plan(state_, site_, what_, power);
    for (Uid uid : plan.jobs) {
      const Job& job = *state_.find_job(uid);
      out_.shed.push_back(shedding_of(state_, job));
      hit(job);
    }
    out_.left = std::move(plan.left);
    look_further(plan.jobs);
    for (auto& [tenant, taken] : hits_) out_.tenants.push_back(std::move(taken));
    return std::move(out_);
  }

 private:
  void look_at_racks(const SiteLimits& before, const SiteLimits& after) {
    const SiteNetwork& network = before.network();
    const Routing lit(network, before.condition()), left(network, after.condition());
    const EstateSite& site = network.site();
    std::set<std::string> stopped;
    for (RackIndex r = site.first_rack; r < site.first_rack + site.racks; ++r) {
      const EstateRack& rack = network.estate().racks()[r];
      const GroupIndex group = network.group_of(r);
      if (rack.nodes == 0 || (rack.from && out_.at < *rack.from) || lit.dark(group)) continue;
      const bool lost_feed = std::any_of(rack.feeds.begin(), rack.feeds.end(), [&](const EstateFeed& feed) {
        const std::uint32_t local = feed.from - site.first_element;
        return lit.live(local) && !left.live(local);
      });
      const bool warm = std::any_of(kMedia.begin(), kMedia.end(), [&](Medium medium) {
        const auto gives = [&](const SiteLimits& limits, const Routing& routing) {
          return std::any_of(rack.loops.begin(), rack.loops.end(), [&](LoopIndex loop) {
            return given_by(network, limits.condition(), routing, loop, medium) > 0;
          });
        };
        return gives(before, lit) && !gives(after, left);
      });
      if (left.dark(group)) {
        out_.dark.push_back(rack.name);
        for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) {
          for (const HeldTask& held : state_.loads().tasks(node)) {
            const Job& job = *state_.find_job(held.job);
            if (!holds_at(job, what_.later)) continue;
            if (stopped.insert(job.name).second) hit(job);
          }
        }
        continue;
      }
      if (warm) out_.uncooled.push_back(rack.name);
      if (lost_feed) {
        out_.degraded.push_back(rack.name);
      } else {
        ++out_.racks_live;
      }
    }
    out_.stopped.assign(stopped.begin(), stopped.end());
  }

  // What a second loss would overload when those of the plan have given way.
  void look_further(const std::vector<Uid>& shed) {
    PowerLoads power = site_if(state_, site_, what_, SiteLimits::Losses::kAll);
    for (Uid uid : shed) {
      const Job& job = *state_.find_job(uid);
      for (const TaskPlacement& task : job.allocation->tasks) {
        const NodeIndex node = state_.estate().find_node(task.node);
        weigh_shed(power, node, state_.estate().type_of(node).spec, task, job.allocation->until);
      }
    }
    for (LimitBreak& found : breaks_of(power, site_, 0, false)) {
      if (!found.contingency.empty()) out_.next.push_back(std::move(found));
    }
  }

  void hit(const Job& job) {
    TenantHit& taken = hits_[std::string(tenant_of(job.name))];
    taken.tenant = tenant_of(job.name);
    ++taken.jobs;
    taken.gpus += job.allocation->gpus;
  }

  const State& state_;
  const SiteIndex site_;
  const WhatIf& what_;
  LossOutlook out_;
  std::map<std::string, TenantHit> hits_;
};

// Racks that some single further loss darkens.
std::set<RackIndex> exposed(const SiteNetwork& network, const SiteCondition& condition) {
  std::set<RackIndex> out;
  const Routing before(network, condition);
  for (const Contingency& contingency : contingencies(network, condition)) {
    const EstateLoss lost = loss_of(network, contingency);
    if (lost.elements.empty()) continue;
    for (RackIndex rack : darkened(network, before, Routing(network, condition, &lost))) out.insert(rack);
  }
  return out;
}

std::string with_range(Time from, Time until) {
  return fmt::format("from {} until {}", Text<Time>::format(from), Text<Time>::format(until));
}

}  // namespace

SitePower site_power(const State& state, SiteIndex site, const WhatIf& what, Time now) {
  PowerLoads power = site_if(state, site, what, SiteLimits::Losses::kAll);
  const SiteNetwork& network = power.network(site);
  const EstateSite& here = network.site();
  const SiteLimits& limits = *power.segments(site).front().limits;
  SitePower out;
  out.site = here.name;
  out.at = what.later.value_or(now);
  if (here.grid) out.contracted = here.grid->contracted;
  out.import_limit = limits.condition().import;
  out.import = import_of(power, site);
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    if (!limits.ready(network.column_of(node))) continue;
    out.held += power.held(node).demand;
    out.max += network.estate().type_of(node).spec.power.max;
  }
  out.elements = elements_of(power, site);
  std::vector<Use> uses;
  for (const auto& [subject, use] : fullest(power.segments(site).front())) {
    uses.push_back(use);
    if (std::get<LimitRow::Kind>(subject) == LimitRow::Kind::kLoop) out.loops.push_back(row_load(limits, use));
  }
  std::stable_sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) { return fuller(a.load, a.limit, b.load, b.limit); });
  uses.resize(std::min(uses.size(), kWorstRows));
  for (const Use& use : uses) out.worst.push_back(row_load(limits, use));
  if (const auto told = state.facts().broken.find(here.name); told != state.facts().broken.end()) out.broken = told->second;
  out.changes = SiteRestrictions(network, state.facts()).dates(out.at);
  const Fill filled = fill(power, site);
  out.room = filled.granted;
  out.stranded = stranded(out, network, limits, filled, import_of(power, site));
  return out;
}

LossOutlook loss_outlook(const State& state, SiteIndex site, const WhatIf& what, Time now) {
  return LossReader(state, site, what).read(now);
}

ContingencyList contingency_outlook(const State& state, SiteIndex site) {
  const SiteNetwork& network = state.power().network(site);
  const SiteLimits& now = *state.power().segments(site).front().limits;
  const Routing lit(network, now.condition());
  ContingencyList out;
  out.site = network.site().name;
  for (const Contingency& contingency : contingencies(network, now.condition())) {
    WhatIf what;
    what.lost = loss_of(network, contingency);
    if (contingency.kind == Contingency::Kind::kOrder) {
      if (!now.condition().import) continue;
      what.import = std::max(Watts(), *now.condition().import - network.site().grid->interruptible->power);
    }
    PowerLoads power = site_if(state, site, what, SiteLimits::Losses::kNone);
    ContingencyOutlook view;
    view.contingency = now.name(contingency);
    view.dark = std::ssize(darkened(network, lit, Routing(network, power.segments(site).front().limits->condition())));
    view.overloads = std::ssize(power.broken(site, 0, false));
    const ShedPlan plan = shed_plan(state, site, what, power);
    for (Uid uid : plan.jobs) {
      const Job& job = *state.find_job(uid);
      view.shed.push_back(job.name);
      view.freed += job.allocation->demand - job.allocation->firm;
    }
    view.left = std::ssize(plan.left);
    if (view.dark > 0 || view.overloads > 0 || !view.shed.empty() || view.left > 0) out.items.push_back(std::move(view));
  }
  return out;
}

MaintenancePlan maintenance_plan(const State& state, SiteIndex site, const RestrictionSpec& spec, Time now) {
  MaintenancePlan out;
  out.site = state.estate().sites()[site].name;
  out.parts = spec.parts;
  out.from = *spec.from;
  out.until = *spec.until;
  out.breaks = maintenance_breaks(state, site, spec, now);
  out.possible = out.breaks.empty();
  if (out.possible) {
    out.message = fmt::format("{} may be out {}: every limit holds, also after any further loss",
                              fmt::join(spec.parts, ", "), with_range(out.from, out.until));
    WhatIf what;
    if (now < out.from) what.later = out.from;
    what.lost = *state.estate().find_parts(site, spec.parts);
    PowerLoads power = site_if(state, site, what, SiteLimits::Losses::kNone);
    const SiteNetwork& network = power.network(site);
    std::set<RackIndex> bare = exposed(network, power.segments(site).front().limits->condition());
    for (RackIndex rack : exposed(network, state.power().segments(site).front().limits->condition())) bare.erase(rack);
    out.exposed = std::ssize(bare);
    for (Uid uid : shed_plan(state, site, what, power).jobs) out.shed.push_back(shedding_of(state, *state.find_job(uid)));
    return out;
  }
  out.message = fmt::format("{} may not be out {}: {}", fmt::join(spec.parts, ", "), with_range(out.from, out.until), describe(out.breaks));
  const std::vector<Time> dates = SiteRestrictions(state.power().network(site), state.facts()).dates(out.from);
  std::set<Time> starts(dates.begin(), dates.end());
  state.for_each_held(site, [&](NodeIndex, const HeldTask&, const Job& job, const TaskPlacement&) {
    if (job.allocation->until && out.from < *job.allocation->until) starts.insert(*job.allocation->until);
  });
  std::size_t tried = 0;
  for (Time start : starts) {
    if (++tried > kMostStarts) break;
    RestrictionSpec later = spec;
    later.from = start;
    later.until = start + (out.until - out.from);
    if (!maintenance_breaks(state, site, later, now).empty()) continue;
    out.earliest = start;
    break;
  }
  return out;
}

}  // namespace penstock
