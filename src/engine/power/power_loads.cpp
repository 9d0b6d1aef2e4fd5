// Bookkeeping of watts over rows and time.
#include "engine/power/power_loads.h"

#include <algorithm>

namespace penstock {
namespace {

// A node holds its idle power and what its tasks add, at most its max.
Draw hold_of(const NodeTypeSpec& type, const Draw& added) {
  return {std::min(type.power.max, type.power.idle + added.demand), std::min(type.power.max, type.power.idle + added.firm)};
}

bool covers(const PowerLoads::Segment& segment, std::size_t k, std::optional<Time> until) {
  return k == 0 || !until || segment.from < *until;
}

}  // namespace

PowerLoads::PowerLoads(std::shared_ptr<const Estate> estate) : estate_(std::move(estate)) {
  for (SiteIndex i = 0; i < estate_->sites().size(); ++i) {
    sites_.push_back({std::make_shared<const SiteNetwork>(*estate_, i), {}});
  }
}

PowerLoads PowerLoads::of(std::shared_ptr<const Estate> estate, SiteIndex site) {
  PowerLoads out;
  out.sites_.resize(estate->sites().size());
  out.sites_[site].network = std::make_shared<const SiteNetwork>(*estate, site);
  out.estate_ = std::move(estate);
  return out;
}

PowerLoads PowerLoads::like(const PowerLoads& other, SiteIndex site) {
  PowerLoads out;
  out.estate_ = other.estate_;
  out.sites_.resize(other.sites_.size());
  out.sites_[site].network = other.sites_[site].network;
  return out;
}

PowerLoads PowerLoads::later(const PowerLoads& other, SiteIndex index, Time date, const std::vector<Grant>& grants) {
  PowerLoads out = like(other, index);
  Site& site = out.sites_[index];
  const std::vector<Segment>& segments = other.sites_[index].segments;
  std::size_t first = 0;
  while (first + 1 < segments.size() && segments[first + 1].from <= date) ++first;
  for (std::size_t k = first; k < segments.size(); ++k) {
    Segment& segment = site.segments.emplace_back();
    segment.from = std::max(segments[k].from, date);
    segment.limits = segments[k].limits;
    std::vector<Draw> nodes(site.network->site().nodes);
    for (const Grant& grant : grants) {
      if (!covers(segment, k - first, grant.until)) continue;
      Draw& node = nodes[grant.node - site.network->site().first_node];
      node.demand += grant.draw.demand;
      node.firm += grant.draw.firm;
    }
    out.lay_on_all(site, segment, std::move(nodes));
  }
  return out;
}

void PowerLoads::recut(SiteIndex index, const SiteRestrictions& restrictions, Time as_of) {
  Site& site = sites_[index];
  std::vector<Time> starts = restrictions.dates(as_of);
  starts.insert(starts.begin(), as_of);
  site.segments.clear();
  for (Time start : starts) {
    Segment segment;
    segment.from = start;
    segment.limits = std::make_shared<const SiteLimits>(*site.network, restrictions.condition(start));
    site.segments.push_back(std::move(segment));
  }
  lay_idle(site);
}

void PowerLoads::recut_to(SiteIndex index, SiteCondition condition, SiteLimits::Losses losses, std::vector<Draw> nodes) {
  Site& site = sites_[index];
  Segment segment;
  segment.from = condition.at;
  segment.limits = std::make_shared<const SiteLimits>(*site.network, std::move(condition), losses);
  nodes.resize(site.network->site().nodes);
  lay_on_all(site, segment, std::move(nodes));
  site.segments.clear();
  site.segments.push_back(std::move(segment));
}

void PowerLoads::recut_like(SiteIndex index, const PowerLoads& other) {
  Site& site = sites_[index];
  site = other.sites_[index];
  lay_idle(site);
}

void PowerLoads::lay_idle(Site& site) {
  for (Segment& segment : site.segments) lay_on_all(site, segment, std::vector<Draw>(site.network->site().nodes));
}

void PowerLoads::lay_on_all(const Site& site, Segment& segment, std::vector<Draw> nodes) const {
  const SiteNetwork& network = *site.network;
  std::vector<Watts> firm(network.columns().size());
  std::vector<Watts> demand(network.columns().size());
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    const ColumnIndex column = network.column_of(network.site().first_node + n);
    const Draw held = hold_of(network.type_of(column), nodes[n]);
    firm[column] += held.firm;
    demand[column] += held.demand;
  }
  const std::vector<MicroWatts> firm_loads = segment.limits->loads(firm);
  const std::vector<MicroWatts> demand_loads = segment.limits->loads(demand);
  segment.nodes = std::move(nodes);
  segment.rows.resize(firm_loads.size());
  for (std::size_t r = 0; r < firm_loads.size(); ++r) {
    const LimitRow& row = segment.limits->rows()[r];
    segment.rows[r] = {firm_loads[r], demand_loads[r], row.firm_limit, row.demand_limit};
  }
}

std::size_t PowerLoads::covered(SiteIndex index, std::optional<Time> until) const {
  const std::vector<Segment>& segments = sites_[index].segments;
  std::size_t k = 0;
  while (k < segments.size() && covers(segments[k], k, until)) ++k;
  return k;
}

std::optional<PowerBlock> PowerLoads::block(NodeIndex node, const Draw& draw, std::optional<Time> until) const {
  PowerBlock why;
  if (room(node, draw, until, 1, &why) == 1) return std::nullopt;
  return why;
}

std::size_t PowerLoads::room(NodeIndex node, const Draw& draw, std::optional<Time> until, std::size_t most,
                             PowerBlock* why) const {
  const Site& site = site_of(node);
  const NodeTypeSpec& type = estate_->type_of(node).spec;
  const ColumnIndex column = site.network->column_of(node);
  const std::size_t local = node - site.network->site().first_node;
  auto fit = static_cast<std::int64_t>(most);
  // What stands in the way so far; told in full only at the end, and only if someone asks.
  struct Worst {
    PowerBlock::Kind kind = PowerBlock::Kind::kRow;
    std::size_t segment = 0;
    std::uint32_t row = 0;
    bool demand = false;
    Watts headroom;
  } worst;
  const auto lower = [&](std::int64_t to, const Worst& by) {
    fit = to;
    worst = by;
    return fit == 0;
  };
  const auto answer = [&] {
    if (why != nullptr && fit < static_cast<std::int64_t>(most)) {
      *why = PowerBlock{worst.kind, estate_->nodes()[node].site, worst.segment, site.segments[worst.segment].from,
                        worst.row, worst.demand, worst.headroom};
    }
    return static_cast<std::size_t>(fit);
  };
  for (std::size_t k = 0; k < site.segments.size(); ++k) {
    const Segment& segment = site.segments[k];
    if (!covers(segment, k, until)) break;
    const SiteLimits& limits = *segment.limits;
    if (limits.dark(column)) {
      lower(0, {PowerBlock::Kind::kDark, k, 0, false, Watts()});
      return answer();
    }
    const Draw before = hold_of(type, segment.nodes[local]);
    const Draw after =
        hold_of(type, {segment.nodes[local].demand + draw.demand, segment.nodes[local].firm + draw.firm});
    const Watts more_firm = after.firm - before.firm;
    const Watts more_demand = k == 0 ? after.demand - before.demand : more_firm;
    const Capability& capability = limits.capability(column);
    const Watts able = std::min(capability.firm, capability.demand);
    if ((more_firm > Watts() && after.firm > able) || (more_demand > Watts() && k == 0 && after.demand > capability.demand)) {
      const bool demand = after.firm <= able;
      lower(0, {PowerBlock::Kind::kSupplies, k, 0, demand,
                std::max(Watts(), demand ? capability.demand - before.demand : able - before.firm)});
      return answer();
    }
    const bool asks_firm = more_firm > Watts();
    const bool asks_demand = k == 0 && more_demand > Watts();
    if (!asks_firm && !asks_demand) continue;
    for (const RowWeight& weight : limits.weights(column)) {
      const Segment::Load& load = segment.rows[weight.row];
      const MicroWatts firm = weight.ppm * more_firm.count();
      const MicroWatts demand = weight.ppm * more_demand.count();
      const auto stop = [&](MicroWatts left, MicroWatts each, bool of_demand) {
        left = std::max<MicroWatts>(0, left);
        return lower(left / each, {PowerBlock::Kind::kRow, k, weight.row, of_demand, Watts(left / weight.ppm)});
      };
      if (asks_firm && load.firm + firm * fit > load.firm_limit && stop(load.firm_limit - load.firm, firm, false)) {
        return answer();
      }
      if (asks_demand && load.demand_limit != kUnlimited && load.demand + demand * fit > load.demand_limit &&
          stop(load.demand_limit - load.demand, demand, true)) {
        return answer();
      }
    }
  }
  return answer();
}

void PowerLoads::lay_on(std::span<const NodeIndex> nodes, const Draw& draw, std::optional<Time> until, std::int64_t sign) {
  Site& site = sites_[estate_->nodes()[nodes.front()].site];
  const NodeTypeSpec& type = estate_->type_of(nodes.front()).spec;
  const ColumnIndex column = site.network->column_of(nodes.front());
  for (std::size_t k = 0; k < site.segments.size(); ++k) {
    Segment& segment = site.segments[k];
    if (!covers(segment, k, until)) break;
    std::int64_t demand = 0;
    std::int64_t firm = 0;
    for (const NodeIndex node : nodes) {
      Draw& added = segment.nodes[node - site.network->site().first_node];
      const Draw before = hold_of(type, added);
      added.demand += sign * draw.demand;
      added.firm += sign * draw.firm;
      PENSTOCK_CHECK(added.demand >= Watts() && added.firm >= Watts());
      const Draw after = hold_of(type, added);
      demand += (after.demand - before.demand).count();
      firm += (after.firm - before.firm).count();
    }
    for (const RowWeight& weight : segment.limits->weights(column)) {
      Segment::Load& load = segment.rows[weight.row];
      load.firm += weight.ppm * firm;
      load.demand += weight.ppm * demand;
    }
  }
}

Draw PowerLoads::held(NodeIndex node, std::size_t k) const {
  const Site& site = site_of(node);
  const Segment& segment = site.segments[k];
  const ColumnIndex column = site.network->column_of(node);
  if (!segment.limits->ready(column) || segment.limits->dark(column)) return {};
  return hold_of(estate_->type_of(node).spec, segment.nodes[node - site.network->site().first_node]);
}

std::vector<RowBreak> PowerLoads::broken(SiteIndex index, std::size_t k, bool firm_only) const {
  const Segment& segment = sites_[index].segments[k];
  std::vector<RowBreak> out;
  for (std::uint32_t r = 0; r < segment.rows.size(); ++r) {
    const Segment::Load& load = segment.rows[r];
    const bool firm = load.firm > load.firm_limit;
    const bool demand = !firm_only && load.demand > load.demand_limit;
    if (demand && (!firm || load.demand - load.demand_limit >= load.firm - load.firm_limit)) {
      out.push_back({r, load.demand, load.demand_limit});
    } else if (firm) {
      out.push_back({r, load.firm, load.firm_limit});
    }
  }
  return out;
}

std::vector<NodeIndex> PowerLoads::beyond_supplies(SiteIndex index, std::size_t k, bool firm_only) const {
  const SiteNetwork& network = *sites_[index].network;
  const SiteLimits& limits = *sites_[index].segments[k].limits;
  std::vector<NodeIndex> out;
  for (NodeIndex node = network.site().first_node; node < network.site().first_node + network.site().nodes; ++node) {
    const Capability& able = limits.capability(network.column_of(node));
    const Draw holds = held(node, k);
    if (holds.firm > std::min(able.firm, able.demand) || (!firm_only && holds.demand > able.demand)) out.push_back(node);
  }
  return out;
}

std::vector<NodeIndex> PowerLoads::dark_holders(SiteIndex index, std::size_t k) const {
  const SiteNetwork& network = *sites_[index].network;
  const Segment& segment = sites_[index].segments[k];
  std::vector<NodeIndex> out;
  for (NodeIndex node = network.site().first_node; node < network.site().first_node + network.site().nodes; ++node) {
    const Draw& added = segment.nodes[node - network.site().first_node];
    if (added == Draw{} || !segment.limits->dark(network.column_of(node))) continue;
    if (out.empty() || estate_->nodes()[out.back()].rack != estate_->nodes()[node].rack) out.push_back(node);
  }
  return out;
}

std::optional<Time> PowerLoads::next_date() const {
  std::optional<Time> next;
  for (const Site& site : sites_) {
    if (site.segments.size() > 1 && (!next || site.segments[1].from < *next)) next = site.segments[1].from;
  }
  return next;
}

}  // namespace penstock
