// Each question is asked of the limit table on every date from now on, the last first; what holds on one is no warning.
#include "estate/warnings.h"

#include <algorithm>
#include <functional>

#include "base/name.h"
#include "estate/limits.h"

namespace penstock {
namespace {

// One warning for all that the same template makes: the first is named, the others are counted.
class Told {
 public:
  // `message` is only asked for the first.
  void add(const std::string& path, const std::string& cause, const std::function<std::string()>& message) {
    const auto [known, fresh] = place_.try_emplace({path, cause}, told_.size());
    if (fresh) told_.push_back({{path, message()}, 0});
    ++told_[known->second].count;
  }
  std::vector<Warning> take() {
    std::vector<Warning> out;
    for (Entry& entry : told_) {
      if (entry.count > 1) entry.warning.message += fmt::format("; the same holds for {} more", entry.count - 1);
      out.push_back(std::move(entry.warning));
    }
    return out;
  }

 private:
  struct Entry {
    Warning warning;
    std::size_t count;
  };
  std::map<std::pair<std::string, std::string>, std::size_t> place_;
  std::vector<Entry> told_;
};

std::string watts(Watts amount) {
  return Text<Watts>::format(amount);
}

std::string amount(const LimitRow& row, std::int64_t whole) {
  const bool flow = row.kind == LimitRow::Kind::kLoop && row.medium == Medium::kFlow;
  return flow ? Text<MillilitresPerMinute>::format(MillilitresPerMinute(whole)) : watts(Watts(whole));
}

// "north/ups-a would carry 7kW of 6kW after the loss of north/ups-b"
std::string overload_of(const SiteLimits& limits, const LimitRow& row, MicroWatts load) {
  const std::string lost = limits.name(row.after);
  return fmt::format("{} would carry {} of {}{}", limits.name(row), amount(row, mul_div_ceil(load, 1, kMicro)),
                     amount(row, row.firm_limit / kMicro), lost.empty() ? "" : " after the loss of " + lost);
}

std::string_view can_never(bool demand_fits) {
  return demand_fits ? "can be full only with work that may be shed" : "can never be full";
}

// A rating that is never used. What hangs on the grid is let be: plant is bought larger than the connection.
void tell_ratings(const SiteNetwork& network, Told& told) {
  for (std::uint32_t e : network.downwards()) {
    const EstateElement& element = network.element(e);
    if (is_source(element.kind)) continue;
    Watts together, alone;
    bool on_grid = false;
    for (const EstateFeed& feed : element.feeds) {
      const EstateElement& above = network.estate().elements()[feed.from];
      on_grid = on_grid || above.kind == ElementKind::kGrid;
      if (feed.share > Ppm()) together += above.usable;
      if (feed.share == Ppm()) alone = std::max(alone, above.usable);
    }
    const Watts given = std::max(together, alone);
    const Transfer& transfer = element.transfer;
    const Watts needed = transfer.fixed + Watts(mul_div_ceil(element.usable.count(), transfer.slope.count(), kMicro));
    if (on_grid || needed <= given) continue;
    told.add(fmt::format("spec.network.elements[{}]", element.spec), "rating", [&] {
      return fmt::format("{} may carry {} and takes {} for it, but all that feeds it gives {}", element.name,
                         watts(element.usable), watts(needed), watts(given));
    });
  }
}

// Racks that hang alike and hold the same nodes.
struct RackClass {
  std::vector<std::pair<ColumnIndex, std::uint32_t>> nodes;  // by column
  std::vector<RackIndex> racks;
};

std::vector<RackClass> classes_of(const SiteNetwork& network) {
  const EstateSite& site = network.site();
  std::map<std::vector<std::pair<ColumnIndex, std::uint32_t>>, std::vector<RackIndex>> known;
  for (RackIndex r = site.first_rack; r < site.first_rack + site.racks; ++r) {
    const EstateRack& rack = network.estate().racks()[r];
    std::map<ColumnIndex, std::uint32_t> nodes;
    for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) ++nodes[network.column_of(n)];
    if (!nodes.empty()) known[{nodes.begin(), nodes.end()}].push_back(r);
  }
  std::vector<RackClass> out;
  for (auto& [nodes, racks] : known) out.push_back({nodes, std::move(racks)});
  std::sort(out.begin(), out.end(), [](const RackClass& a, const RackClass& b) { return a.racks < b.racks; });
  return out;
}

// Loads of all rows with every ready node at idle, and with every one at full work.
struct Loads {
  std::vector<MicroWatts> idle;
  std::vector<MicroWatts> full;
};

Loads loads_of(const SiteLimits& limits) {
  const SiteNetwork& network = limits.network();
  std::vector<Watts> idle, full;
  for (ColumnIndex c = 0; c < network.columns().size(); ++c) {
    idle.push_back(network.type_of(c).power.idle * network.columns()[c].nodes);
    full.push_back(network.type_of(c).power.max * network.columns()[c].nodes);
  }
  return {limits.loads(idle), limits.loads(full)};
}

// Why something cannot be full, and whether it could with work that may be shed.
struct Shortfall {
  std::string why;
  bool demand_fits = true;
};

// Of `full` on a row between idle and its limit, in ppm; below kMicro where the row is too small.
std::int64_t part_that_fits(MicroWatts idle, MicroWatts full, MicroWatts limit) {
  if (full <= limit) return kMicro;
  return limit <= idle ? 0 : mul_div_floor(limit - idle, kMicro, full - idle);
}

// What keeps one rack of the class from full work while all others idle: its supplies, or the tightest row.
std::optional<Shortfall> alone(const SiteLimits& limits, const Loads& loads, const RackClass& alike) {
  const SiteNetwork& network = limits.network();
  std::map<std::uint32_t, MicroWatts> more;
  for (const auto& [column, count] : alike.nodes) {
    const NodePowerSpec& power = network.type_of(column).power;
    const Capability& able = limits.capability(column);
    if (const Watts least = std::min(able.demand, able.firm); least < power.max) {
      const std::string lost = limits.name(able.after);
      return Shortfall{fmt::format("the supplies of a node of type '{}' carry {} of {}{}",
                                   network.estate().types()[network.columns()[column].type].name, watts(least),
                                   watts(power.max), lost.empty() ? "" : " after the loss of " + lost),
                       able.demand == power.max};
    }
    for (const RowWeight& weight : limits.weights(column)) {
      more[weight.row] += weight.ppm * (power.max - power.idle).count() * count;
    }
  }
  std::optional<Shortfall> worst;
  std::int64_t least = kMicro;
  bool demand_fits = true;
  for (const auto& [r, load] : more) {
    const LimitRow& row = limits.rows()[r];
    const MicroWatts full = loads.idle[r] + load;
    demand_fits = demand_fits && full <= row.demand_limit;
    const std::int64_t part = part_that_fits(loads.idle[r], full, row.firm_limit);
    if (part >= least) continue;
    least = part;
    worst = Shortfall{overload_of(limits, row, full)};
  }
  if (worst) worst->demand_fits = demand_fits;
  return worst;
}

std::string path_of(const SiteNetwork& network, const LimitRow& row) {
  switch (row.kind) {
    case LimitRow::Kind::kElement:
      return fmt::format("spec.network.elements[{}]", network.element(row.subject).spec);
    case LimitRow::Kind::kImport:
      return "spec.grid";
    case LimitRow::Kind::kLoop:
      return fmt::format("spec.cooling.loops[{}]", network.loop(row.subject).spec);
  }
  return {};
}

// What keeps all racks from full work at once: the tightest row, and how many of its nodes it lets work.
std::optional<Warning> together(const SiteLimits& limits, const Loads& loads) {
  const SiteNetwork& network = limits.network();
  std::optional<std::uint32_t> worst;
  std::int64_t least = kMicro;
  bool demand_fits = true;
  for (std::uint32_t r = 0; r < limits.rows().size(); ++r) {
    const LimitRow& row = limits.rows()[r];
    demand_fits = demand_fits && loads.full[r] <= row.demand_limit;
    const std::int64_t part = part_that_fits(loads.idle[r], loads.full[r], row.firm_limit);
    if (part >= least) continue;
    least = part;
    worst = r;
  }
  if (!worst) return std::nullopt;
  const LimitRow& row = limits.rows()[*worst];
  std::int64_t nodes = 0;
  for (ColumnIndex c = 0; c < network.columns().size(); ++c) {
    const auto weights = limits.weights(c);
    const bool weighs =
        std::any_of(weights.begin(), weights.end(), [&](const RowWeight& weight) { return weight.row == *worst; });
    if (weighs) nodes += network.columns()[c].nodes;
  }
  const std::int64_t fit = mul_div_floor(nodes, least, kMicro);
  return Warning{path_of(network, row),
                 fmt::format("all racks together {}: {}, which leaves full work to {} of its {} nodes",
                             can_never(demand_fits), overload_of(limits, row, loads.full[*worst]), fit, nodes)};
}

}  // namespace

std::vector<Warning> warnings(const Estate& estate, SiteIndex site, Time now) {
  const SiteNetwork network(estate, site);
  Told told;
  tell_ratings(network, told);

  // From the last date backwards, as most are full in the end. The last one's words are told.
  std::vector<Time> dates = network.dates(now);
  dates.insert(dates.begin(), now);
  const std::vector<RackClass> classes = classes_of(network);
  std::vector<std::optional<Shortfall>> short_alone(classes.size());
  std::optional<Warning> short_together;
  for (auto date = dates.rbegin(); date != dates.rend(); ++date) {
    const bool last = date == dates.rbegin();
    const SiteLimits limits(network, network.condition(*date));
    const Loads loads = loads_of(limits);
    bool all_stand = true;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const ColumnIndex column = classes[i].nodes.front().first;
      const bool stands = limits.ready(column) && !limits.dark(column);
      all_stand = all_stand && stands;
      if (stands && (last || short_alone[i])) {
        auto found = alone(limits, loads, classes[i]);
        if (last || !found) short_alone[i] = std::move(found);
      }
    }
    if (all_stand && (last || short_together)) {
      auto found = together(limits, loads);
      if (last || !found) short_together = std::move(found);
    }
    const bool any = std::any_of(short_alone.begin(), short_alone.end(), [](const auto& s) { return s.has_value(); });
    if (!any && !short_together) break;
  }
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (!short_alone[i]) continue;
    for (RackIndex r : classes[i].racks) {
      const EstateRack& rack = estate.racks()[r];
      told.add(network.site().rack_paths[rack.path], "alone", [&] {
        return fmt::format("rack {} {}, even alone: {}", rack.name, can_never(short_alone[i]->demand_fits),
                           short_alone[i]->why);
      });
    }
  }
  std::vector<Warning> out = told.take();
  if (short_together) out.push_back(std::move(*short_together));
  return out;
}

}  // namespace penstock
