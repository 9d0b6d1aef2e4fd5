// The overview and the floor: read off the counters and limits that the engine keeps, node by node and without a search.
#include "server/api/overview.h"

#include "base/name.h"
#include "estate/energy.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

bool stands(const Estate& estate, NodeIndex node, Time now) {
  const auto& from = estate.racks()[estate.nodes()[node].rack].from;
  return !from || *from <= now;
}

void add_gpus(const State& state, SiteIndex s, Time now, SiteOverview& out) {
  const Estate& estate = state.estate();
  const EstateSite& site = estate.sites()[s];
  const SiteLoads& loads = state.loads().site(s);
  std::map<std::string, ModelGpus> by_model;
  std::map<std::pair<Time, std::string>, std::int64_t> later;
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    const auto& devices = estate.type_of(node).spec.devices;
    if (!stands(estate, node, now)) {
      later[{*estate.racks()[estate.nodes()[node].rack].from, devices.model}] += devices.count;
      continue;
    }
    ModelGpus& row = by_model[devices.model];
    ++out.nodes;
    row.delivered += devices.count;
    if (!loads.ready(node)) continue;
    ++out.nodes_ready;
    row.healthy += devices.count;
    row.free += loads.whole_free(node);
  }
  state.for_each_held(s, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
    ModelGpus& row = by_model[estate.type_of(node).spec.devices.model];
    row.held += task.gpus;
    if (job.phase == JobPhase::kRunning) row.active += task.gpus;
  });
  for (auto& [model, row] : by_model) {
    row.model = model;
    out.gpus.push_back(std::move(row));
  }
  for (const auto& [key, gpus] : later) out.deliveries.push_back({key.first, key.second, gpus});
}

// Whether a load fills its limit more than another its own.
bool fuller(MicroWatts load, MicroWatts limit, MicroWatts than_load, MicroWatts than_limit) {
  return static_cast<__int128>(load) * than_limit > static_cast<__int128>(than_load) * limit;
}

std::optional<RowLoad> worst_of(const PowerLoads::Segment& now) {
  std::optional<std::uint32_t> worst;
  MicroWatts load = 0, limit = 1;
  for (std::uint32_t r = 0; r < now.rows.size(); ++r) {
    const auto& row = now.rows[r];
    for (const auto& [has, may] : {std::pair(row.firm, row.firm_limit), std::pair(row.demand, row.demand_limit)}) {
      if (may == kUnlimited || may <= 0 || !fuller(has, may, load, limit)) continue;
      worst = r;
      load = has;
      limit = may;
    }
  }
  if (!worst) return std::nullopt;
  const LimitRow& row = now.limits->rows()[*worst];
  return RowLoad{now.limits->name(row), now.limits->name(row.after), whole_up(load), limit / kMicro};
}

void add_power(const State& state, SiteIndex s, Time now, SiteOverview& out) {
  const EstateSite& site = state.estate().sites()[s];
  const PowerLoads& power = state.power();
  const SiteNetwork& network = power.network(s);
  const PowerLoads::Segment& segment = power.segments(s).front();
  std::vector<std::int64_t> watts(network.groups().size());
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    if (!segment.limits->ready(network.column_of(node))) continue;
    const Watts held = power.held(node).demand;
    out.held += held;
    out.max += network.estate().type_of(node).spec.power.max;
    watts[network.group_of(network.estate().nodes()[node].rack)] += held.count();
  }
  const Routing routing(network, segment.limits->condition());
  MicroWatts import = routing.base().back();
  for (GroupIndex g = 0; g < watts.size(); ++g) {
    for (const Routing::Weight& weight : routing.weights(g)) {
      if (weight.element == site.elements) import += weight.ppm * watts[g];
    }
  }
  out.import = Watts(whole_up(import));
  out.import_limit = segment.limits->condition().import;
  out.worst = worst_of(segment);
  if (!site.grid) return;
  out.contracted = site.grid->contracted;
  if (site.grid->phases.empty()) out.energised = site.grid->contracted;
  for (const GridPhaseSpec& phase : site.grid->phases) {
    if (now < phase.from) break;
    out.energised = phase.energised;
    out.built = phase.built;
  }
  const Joules hour(out.import.count() * 3600);
  out.cost_per_hour = cost_of(*site.grid, hour, now, now + hours(1));
  out.carbon_per_hour = carbon_of(*site.grid, hour, now, now + hours(1));
}

QueueOverview queue_of(const State& state) {
  QueueOverview out;
  for (const auto& [uid, job] : state.facts().jobs) {
    switch (job.phase) {
      case JobPhase::kPending:
        ++out.waiting;
        out.held_back += job.held ? 1 : 0;
        out.promised += job.promise ? 1 : 0;
        out.gpus_waiting += total_gpus(job.spec);
        break;
      case JobPhase::kStarting: ++out.starting; break;
      case JobPhase::kRunning: ++out.running; break;
      case JobPhase::kStopping: ++out.stopping; break;
      case JobPhase::kSucceeded: ++out.succeeded; break;
      case JobPhase::kFailed: ++out.failed; break;
      case JobPhase::kCancelled: ++out.cancelled; break;
    }
  }
  return out;
}

}  // namespace

Overview overview(const State& state, Time now) {
  const Estate& estate = state.estate();
  const Facts& facts = state.facts();
  Overview out;
  out.at = now;
  out.position = facts.position;
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const EstateSite& site = estate.sites()[s];
    SiteOverview view;
    view.site = site.name;
    view.country = site.country;
    view.runtime = site.runtime;
    view.racks = site.racks;
    view.jobs = std::ssize(state.holders(s));
    add_gpus(state, s, now, view);
    add_power(state, s, now, view);
    if (const auto told = facts.broken.find(site.name); told != facts.broken.end()) view.broken = told->second;
    for (auto at = facts.restrictions.lower_bound(site.name + "/"); at != facts.restrictions.end() && tenant_of(at->first) == site.name; ++at) {
      const auto interval = interval_of(facts, at->second);
      if (interval && interval->holds(now)) view.restrictions.push_back(at->first);
    }
    out.sites.push_back(std::move(view));
  }
  out.queue = queue_of(state);
  for (const auto& [contract, missing] : facts.breached) out.breached.push_back({contract, missing});
  return out;
}

Floor floor_of(const State& state, SiteIndex s, Time now) {
  const Estate& estate = state.estate();
  const EstateSite& site = estate.sites()[s];
  const SiteLoads& loads = state.loads().site(s);
  const SiteNetwork& network = state.power().network(s);
  const SiteLimits& limits = *state.power().segments(s).front().limits;
  std::map<RackIndex, std::map<std::string, MilliGpu>> holders;
  state.for_each_held(s, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
    holders[estate.nodes()[node].rack][job.contract] += task.gpus;
  });
  Floor out{site.name, now, state.facts().position, {}};
  for (HallIndex h = site.first_hall; h < site.first_hall + site.halls; ++h) {
    const EstateHall& hall = estate.halls()[h];
    FloorHall hall_view{std::string(leaf_of(hall.name)), {}};
    for (RowIndex r = hall.first_row; r < hall.first_row + hall.rows; ++r) {
      const EstateRow& row = estate.rows()[r];
      FloorRow row_view{std::string(leaf_of(row.name)), {}};
      for (RackIndex k = row.first_rack; k < row.first_rack + row.racks; ++k) {
        const EstateRack& rack = estate.racks()[k];
        FloorRack view;
        view.name = leaf_of(rack.name);
        if (rack.from && now < *rack.from) view.from = rack.from;
        view.nodes = rack.nodes;
        if (rack.nodes > 0) view.type = estate.type_of(rack.first_node).name;
        for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) {
          const NodeTypeSpec& type = estate.type_of(node).spec;
          view.gpus += type.devices.count;
          view.max += type.power.max;
          view.draw += state.power().held(node).demand;
          view.dark = view.dark || limits.dark(network.column_of(node));
          if (loads.ready(node)) {
            view.free += loads.whole_free(node);
          } else {
            ++view.unready;
          }
        }
        if (const auto held = holders.find(k); held != holders.end()) {
          for (const auto& [contract, gpus] : held->second) view.holders.push_back({contract, gpus});
        }
        row_view.racks.push_back(std::move(view));
      }
      hall_view.rows.push_back(std::move(row_view));
    }
    out.halls.push_back(std::move(hall_view));
  }
  return out;
}

void Api::overview(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) { call->respond(json_response(penstock::overview(view.state, view.now))); });
}

void Api::floor(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const SiteIndex site = view.state.estate().find_site(call->name());
    if (site == kNowhere) return refuse(call, unknown("Site", call->name()));
    call->respond(json_response(floor_of(view.state, site, view.now)));
  });
}

}  // namespace penstock
