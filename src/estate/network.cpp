// Liveness, splits and weights.
#include "estate/network.h"

#include <algorithm>

namespace penstock {
namespace {

bool is_source(ElementKind kind) { return kind == ElementKind::kGrid || kind == ElementKind::kGenerator; }

}  // namespace

SiteNetwork::SiteNetwork(const Estate& estate, SiteIndex site_index) : estate_(&estate), site_(site_index) {
  const EstateSite& here = site();
  // Racks that are alike, by everything that the network sees of them.
  using Likeness = std::tuple<std::optional<Time>, std::vector<std::tuple<ElementIndex, std::int64_t, std::int32_t>>,
                              std::vector<LoopIndex>>;
  std::map<Likeness, GroupIndex> known;
  std::map<std::pair<GroupIndex, TypeIndex>, ColumnIndex> columns;
  column_of_node_.resize(here.nodes);
  group_of_rack_.resize(here.racks);
  for (RackIndex r = here.first_rack; r < here.first_rack + here.racks; ++r) {
    const EstateRack& rack = estate.racks()[r];
    Likeness likeness{rack.from, {}, rack.loops};
    for (const EstateFeed& feed : rack.feeds) std::get<1>(likeness).emplace_back(feed.from, feed.share.count(), feed.supplies);
    const auto [at, fresh] = known.try_emplace(std::move(likeness), static_cast<GroupIndex>(groups_.size()));
    if (fresh) groups_.push_back({r, 0});
    ++groups_[at->second].racks;
    group_of_rack_[r - here.first_rack] = at->second;
    for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) {
      const TypeIndex type = estate.nodes()[n].type;
      const auto [column, first] = columns.try_emplace({at->second, type}, static_cast<ColumnIndex>(columns_.size()));
      if (first) columns_.push_back({at->second, type, 0});
      ++columns_[column->second].nodes;
      column_of_node_[n - here.first_node] = column->second;
    }
  }

  // Kahn's order over the feeds; the compiler has refused cycles.
  std::vector<std::vector<std::uint32_t>> below(here.elements);
  std::vector<std::uint32_t> open(here.elements);
  for (std::uint32_t e = 0; e < here.elements; ++e) {
    for (const EstateFeed& feed : element(e).feeds) below[feed.from - here.first_element].push_back(e);
    open[e] = static_cast<std::uint32_t>(element(e).feeds.size());
    if (open[e] == 0) downwards_.push_back(e);
  }
  for (std::size_t i = 0; i < downwards_.size(); ++i) {
    for (std::uint32_t e : below[downwards_[i]]) {
      if (--open[e] == 0) downwards_.push_back(e);
    }
  }
  PENSTOCK_CHECK(downwards_.size() == here.elements);

  above_.resize(groups_.size());
  std::vector<std::uint32_t> seen(here.elements, kNowhere);
  for (GroupIndex g = 0; g < groups_.size(); ++g) {
    std::vector<std::uint32_t> stack;
    const auto visit = [&](const std::vector<EstateFeed>& feeds) {
      for (const EstateFeed& feed : feeds) {
        const std::uint32_t e = feed.from - here.first_element;
        if (seen[e] == g) continue;
        seen[e] = g;
        stack.push_back(e);
      }
    };
    visit(rack_of(g).feeds);
    std::size_t found = 0;
    while (found < stack.size()) visit(element(stack[found++]).feeds);
    above_[g] = std::move(stack);
  }
  std::vector<std::uint32_t> rank(here.elements);
  for (std::uint32_t i = 0; i < downwards_.size(); ++i) rank[downwards_[i]] = i;
  for (auto& elements : above_) {
    std::sort(elements.begin(), elements.end(), [&](std::uint32_t a, std::uint32_t b) { return rank[a] > rank[b]; });
  }
}

SiteCondition SiteNetwork::condition(Time at) const {
  const EstateSite& here = site();
  SiteCondition out;
  out.at = at;
  out.element_out.resize(here.elements);
  out.unit_out.resize(here.units);
  out.element_left.assign(here.elements, Ppm(kMicro));
  out.unit_left.assign(here.units, Ppm(kMicro));
  for (std::uint32_t e = 0; e < here.elements; ++e) out.element_out[e] = element(e).from && at < *element(e).from;
  if (here.grid) {
    Watts import = here.grid->contracted;
    if (!here.grid->phases.empty()) {
      Watts energised;
      for (const GridPhaseSpec& phase : here.grid->phases) {
        if (phase.from <= at) energised = std::min(phase.energised, phase.built.value_or(phase.energised));
      }
      import = std::min(import, energised);
    }
    out.import = import;
  }
  return out;
}

std::vector<Time> SiteNetwork::dates(Time after) const {
  const EstateSite& here = site();
  std::set<Time> dates;
  if (here.grid) {
    for (const GridPhaseSpec& phase : here.grid->phases) dates.insert(phase.from);
  }
  for (std::uint32_t e = 0; e < here.elements; ++e) {
    if (element(e).from) dates.insert(*element(e).from);
  }
  for (GroupIndex g = 0; g < groups_.size(); ++g) {
    if (rack_of(g).from) dates.insert(*rack_of(g).from);
  }
  return {dates.upper_bound(after), dates.end()};
}

Routing::Routing(const SiteNetwork& network, const SiteCondition& condition, const EstateLoss* lost)
    : network_(network), live_(condition.element_out.size()), unit_live_(condition.unit_out.size()) {
  const EstateSite& here = network.site();
  std::vector<char> out = condition.element_out;
  std::vector<char> unit_out = condition.unit_out;
  if (lost != nullptr) {
    for (ElementIndex e : lost->elements) out[e - here.first_element] = 1;
    for (UnitIndex u : lost->units) unit_out[u - here.first_unit] = 1;
  }
  const auto fed = [&](const std::vector<EstateFeed>& feeds) {
    return std::any_of(feeds.begin(), feeds.end(), [&](const EstateFeed& feed) { return live_[feed.from - here.first_element] != 0; });
  };
  for (std::uint32_t e : network.downwards()) {
    const EstateElement& element = network.element(e);
    live_[e] = out[e] == 0 && (is_source(element.kind) || fed(element.feeds));
  }
  for (std::uint32_t u = 0; u < unit_live_.size(); ++u) {
    const EstateCoolingUnit& unit = network.unit(u);
    unit_live_[u] = unit_out[u] == 0 && (unit.feeds.empty() || fed(unit.feeds));
  }
}

std::vector<LiveFeed> Routing::split(const std::vector<EstateFeed>& feeds) const {
  const ElementIndex first = network_.site().first_element;
  std::vector<LiveFeed> out;
  std::int64_t whole = 0;
  for (const EstateFeed& feed : feeds) {
    if (feed.share <= Ppm(0) || !live(feed.from - first)) continue;
    out.push_back({feed.from - first, feed.share.count(), 0});
    whole += feed.share.count();
  }
  for (LiveFeed& feed : out) feed.whole = whole;
  if (!out.empty()) return out;
  for (const EstateFeed& feed : feeds) {
    if (live(feed.from - first)) return {{feed.from - first, 1, 1}};
  }
  return {};
}

bool Routing::dark(GroupIndex group) const {
  return network_.site().has_network && split(network_.rack_of(group).feeds).empty();
}

std::vector<Routing::Weight> Routing::weights(GroupIndex group) const {
  const auto import = static_cast<std::uint32_t>(live_.size());
  if (!network_.site().has_network) return {{import, kMicro}};
  carried_.resize(live_.size());
  for (const LiveFeed& feed : split(network_.rack_of(group).feeds)) {
    carried_[feed.from] += mul_div_ceil(kMicro, feed.part, feed.whole);
  }
  std::vector<Weight> out;
  std::int64_t imported = 0;
  for (std::uint32_t e : network_.above(group)) {
    if (carried_[e] == 0) continue;
    const std::int64_t output = std::exchange(carried_[e], 0);
    out.push_back({e, output});
    const EstateElement& element = network_.element(e);
    const std::int64_t input = mul_div_ceil(output, element.transfer.slope.count(), kMicro);
    if (element.kind == ElementKind::kGrid) imported += input;
    for (const LiveFeed& feed : split(element.feeds)) carried_[feed.from] += mul_div_ceil(input, feed.part, feed.whole);
  }
  if (imported > 0) out.push_back({import, imported});
  return out;
}

std::vector<MicroWatts> Routing::base() const {
  const EstateSite& here = network_.site();
  std::vector<MicroWatts> carried(live_.size() + 1);
  MicroWatts& import = carried.back();
  const auto lay_on = [&](MicroWatts load, const std::vector<EstateFeed>& feeds) {
    for (const LiveFeed& feed : split(feeds)) carried[feed.from] += mul_div_ceil(load, feed.part, feed.whole);
  };
  for (std::uint32_t u = 0; u < here.units; ++u) {
    if (!unit_live(u)) continue;
    const EstateCoolingUnit& unit = network_.unit(u);
    if (unit.feeds.empty()) {
      import += unit.draw.count() * kMicro;
    } else {
      lay_on(unit.draw.count() * kMicro, unit.feeds);
    }
  }
  const std::vector<std::uint32_t>& downwards = network_.downwards();
  for (auto at = downwards.rbegin(); at != downwards.rend(); ++at) {
    if (!live(*at)) continue;
    const EstateElement& element = network_.element(*at);
    const MicroWatts input =
        element.transfer.fixed.count() * kMicro + mul_div_ceil(carried[*at], element.transfer.slope.count(), kMicro);
    if (element.kind == ElementKind::kGrid) import += input;
    lay_on(input, element.feeds);
  }
  return carried;
}

Watts Routing::capability(GroupIndex group, const NodeTypeSpec& type) const {
  const std::vector<EstateFeed>& feeds = network_.rack_of(group).feeds;
  const ElementIndex first = network_.site().first_element;
  // Feeds that do not say how many hang on them share what the others leave.
  std::int64_t rest = type.supplies->count;
  std::int64_t open = 0;
  for (const EstateFeed& feed : feeds) {
    rest -= std::max(feed.supplies, 0);
    open += feed.supplies < 0 ? 1 : 0;
  }
  rest = std::max<std::int64_t>(rest, 0);
  std::int64_t extra = open == 0 ? 0 : rest % open;
  std::int64_t alive = 0;
  for (const EstateFeed& feed : feeds) {
    const std::int64_t here = feed.supplies >= 0 ? feed.supplies : rest / open + (extra-- > 0 ? 1 : 0);
    if (live(feed.from - first)) alive += here;
  }
  if (alive >= type.supplies->needed) return type.power.max;
  return Watts(mul_div_floor(type.power.max.count(), alive, type.supplies->needed));
}

std::int64_t capacity(const EstateCoolingUnit& unit, Medium medium) {
  switch (medium) {
    case Medium::kLiquid: return unit.liquid.count();
    case Medium::kAir: return unit.air.count();
    case Medium::kFlow: return unit.flow.count();
  }
  return 0;
}

std::int64_t heat_of(const NodeTypeSpec& type, Medium medium) {
  const std::int64_t liquid = type.liquid_share.value_or(Ppm()).count();
  switch (medium) {
    case Medium::kLiquid: return liquid;
    case Medium::kAir: return kMicro - liquid;
    case Medium::kFlow: return type.flow ? mul_div_ceil(type.flow->count(), kMicro, type.power.max.count()) : 0;
  }
  return 0;
}

}  // namespace penstock
