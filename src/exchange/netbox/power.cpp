// Building the electrical network of a site out of NetBox's objects.
#include "exchange/netbox/power.h"

#include <algorithm>

#include "estate/ratings.h"
#include "spec/checks.h"

namespace penstock {
namespace {

using namespace netbox;

constexpr const char* kAssumedGrid = "";  // the kind of the part that stands for the grid

// What a kind of electrical node is here. Storage and what the plugin calls custom have no counterpart.
std::optional<ElementKind> element_of(std::string_view kind) {
  using K = ElementKind;
  static const std::map<std::string_view, K> kinds{{"utility_service", K::kGrid},
                                                   {"generator", K::kGenerator},
                                                   {"paralleling_gear", K::kSwitchboard},
                                                   {"mv_switchgear", K::kSwitchboard},
                                                   {"lv_switchboard", K::kSwitchboard},
                                                   {"panelboard", K::kSwitchboard},
                                                   {"maintenance_bypass", K::kSwitchboard},
                                                   {"dc_distribution_panel", K::kSwitchboard},
                                                   {"transformer", K::kTransformer},
                                                   {"ats", K::kSts},
                                                   {"sts", K::kSts},
                                                   {"ups", K::kUps},
                                                   {"rectifier", K::kUps},
                                                   {"inverter", K::kUps},
                                                   {"pdu", K::kPdu},
                                                   {"rpp", K::kPdu},
                                                   {"rack_pdu", K::kPdu},
                                                   {"busway_run", K::kBusway},
                                                   {"tap_off_box", K::kBusway},
                                                   {"rack_circuit_terminator", K::kBusway}};
  const auto found = kinds.find(kind);
  if (found == kinds.end()) return std::nullopt;
  return found->second;
}

// Gives the element a rating by current; false if the numbers make none.
bool rate(ElementSpec& spec, std::optional<std::int64_t> milliamps, std::optional<std::int64_t> volts,
          bool three_phase) {
  if (!milliamps || !volts) return false;
  const std::int64_t voltage = *volts < 0 ? -*volts : *volts;  // a DC plant may be at -48 V
  if (*milliamps < 1 || *milliamps > 100'000'000 || voltage < 1 || voltage > 1'000'000) return false;
  ElementSpec rated = spec;
  rated.current = MilliAmps{*milliamps};
  rated.voltage = Volts{voltage};
  rated.phases = three_phase ? 3 : 1;
  if (plate(rated) < Watts{1}) return false;
  spec = std::move(rated);
  return true;
}

bool rate(ElementSpec& spec, std::optional<std::int64_t> watts) {
  if (!watts || *watts < 1 || *watts > kMostPower.count()) return false;
  spec.rating = Watts{*watts};
  return true;
}

std::optional<std::int64_t> first_of(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) {
  return a ? a : b;
}

std::optional<std::int64_t> least_of(const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) {
  return a && b ? std::min(*a, *b) : first_of(a, b);
}

// A part of the whole in ppm, where it is one.
std::optional<Ppm> part_of_whole(std::optional<std::int64_t> ppm) {
  if (!ppm || *ppm < 1 || *ppm >= kWhole.count()) return std::nullopt;
  return Ppm{*ppm};
}

}  // namespace

NetboxPower::NetboxPower(const NetboxData& data, std::int64_t site, ImportLedger& ledger)
    : data_(data), site_(site), ledger_(ledger) {
  add_panels_and_feeds();
  add_plant();
}

NetboxPower::Part NetboxPower::part_of(const std::string& kind, std::int64_t id) const {
  const auto found = index_.find({kind, id});
  return found == index_.end() ? kNone : found->second;
}

NetboxPower::Part NetboxPower::add(const std::string& kind, std::int64_t id, const std::string& name,
                                   ElementKind element) {
  const Labels::Made made = labels_.make(name, id);
  if (kind != kAssumedGrid && !made.instead_of.empty()) {
    ledger_.rename(kind, id, fmt::format("its element is called '{}', as '{}' was taken", made.label, made.instead_of));
  }
  PartData& part = parts_.emplace_back();
  part.kind = kind;
  part.id = id;
  part.spec.name = made.label;
  part.spec.kind = element;
  if (kind != kAssumedGrid) ledger_.mapped(kind, id);
  index_[{kind, id}] = parts_.size() - 1;
  return parts_.size() - 1;
}

bool NetboxPower::energised(const std::string& kind, std::int64_t id, const json::object& object,
                            std::string_view field) {
  const std::string state = choice_of(object, field);
  if (state.empty() || state == "active") return true;
  if (state == "failed" || state == "offline") {
    ledger_.assume(
        kind, id,
        fmt::format("taken as in service, though NetBox says it is {}; apply a Restriction if it is out", state));
    return true;
  }
  ledger_.not_mapped(
      kind, id, fmt::format("it is {} and NetBox has no date for it; add it with `from` when one is known", state));
  return false;
}

void NetboxPower::add_panels_and_feeds() {
  for (const auto& [id, panel] : data_.of(kPanels)) {
    if (reference_of(panel, "site") != site_) continue;
    PartData& part = parts_[add(kPanels, id, name_in(panel), ElementKind::kSwitchboard)];
    part.rated = rate(part.spec, decimal_of(custom_of(panel, "rating_kw"), 3));
  }
  for (const auto& [id, feed] : data_.of(kFeeds)) {
    const Part panel = part_of(kPanels, reference_of(feed, "power_panel"));
    if (panel == kNone || !energised(kFeeds, id, feed, "status")) continue;
    PartData& part = parts_[add(kFeeds, id, name_in(feed), ElementKind::kPdu)];
    part.edges.push_back({panel, false, 0, 0});
    part.rated = rate(part.spec, decimal_of(text_of(feed, "amperage"), 3), decimal_of(text_of(feed, "voltage"), 0),
                      choice_of(feed, "phase") == "three-phase");
    if (!part.rated) continue;
    const auto most = decimal_of(text_of(feed, "max_utilization"), 4);
    part.spec.continuous = part_of_whole(most);
    if (choice_of(feed, "supply") != "dc") ledger_.assume(kFeeds, id, "a power factor of 100%; NetBox has none");
  }
}

void NetboxPower::add_plant() {
  for (const auto& [id, terminal] : data_.of(kTerminals))
    terminals_of_node_.emplace(reference_of(terminal, "node"), id);
  for (const auto& [id, node] : data_.of(kPlantNodes)) {
    if (reference_of(node, "site") == site_) add_node(id, node);
  }
  for (const auto& [id, segment] : data_.of(kSegments)) {
    const json::object* system = nullptr;
    const auto found = data_.of(kSystems).find(reference_of(segment, "power_system"));
    if (found != data_.of(kSystems).end()) system = &found->second;
    if (system != nullptr && reference_of(*system, "site") == site_) add_segment(id, segment);
  }
}

void NetboxPower::add_node(std::int64_t id, const json::object& node) {
  if (!energised(kPlantNodes, id, node, "topology_state")) return;
  const std::string kind = choice_of(node, "node_kind");
  const std::optional<ElementKind> element = element_of(kind);
  if (!element) {
    ledger_.not_mapped(kPlantNodes, id,
                       kind == "battery_system" || kind == "bess"
                           ? fmt::format("a {} stores energy, which has no counterpart", kind)
                           : fmt::format("the kind '{}' has no counterpart", kind));
    return;
  }
  const Part part = add(kPlantNodes, id, name_in(node), *element);
  ElementSpec& spec = parts_[part].spec;
  const auto installed = decimal_of(text_of(node, "installed_capacity_kw"), 3);
  const auto usable_kw = decimal_of(text_of(node, "usable_capacity_kw"), 3);
  if (rate(spec, first_of(installed, usable_kw))) {
    parts_[part].rated = true;
    spec.continuous = part_of_whole(decimal_of(text_of(node, "derating_factor"), 6));
    if (!spec.continuous && installed && usable_kw && *usable_kw > 0 && *usable_kw < *installed) {
      spec.continuous = part_of_whole(mul_div_floor(*usable_kw, kWhole.count(), *installed));
    }
    spec.reserve = part_of_whole(decimal_of(text_of(node, "reserve_margin_pct"), 4));
  } else {
    rate_by_terminals(part, node, id);
  }
  if (const std::int64_t system = reference_of(node, "power_system"); data_.of(kSystems).contains(system))
    ledger_.mapped(kSystems, system);
}

// What the modules of a UPS give, or the one terminal that says what it carries.
void NetboxPower::rate_by_terminals(Part part, const json::object& node, std::int64_t id) {
  ElementSpec& spec = parts_[part].spec;
  for (const auto& [detail_id, detail] : data_.of(kUpsDetails)) {
    if (reference_of(detail, "node") != id) continue;
    const auto modules = decimal_of(text_of(detail, "module_count"), 0);
    const auto each = decimal_of(text_of(detail, "module_rating_kw"), 3);
    if (!modules || !each || *modules < 1 || *modules > 1000 || *each > kMostPower.count() / 1000) continue;
    parts_[part].rated = rate(spec, *modules * *each);
    if (parts_[part].rated) ledger_.mapped(kUpsDetails, detail_id);
    return;
  }
  std::vector<std::pair<std::int64_t, const json::object*>> telling;
  const auto [first, last] = terminals_of_node_.equal_range(id);
  for (auto of_node = first; of_node != last; ++of_node) {
    const json::object& terminal = data_.of(kTerminals).at(of_node->second);
    const bool tells = !text_of(terminal, "amperage_rating").empty() && !text_of(terminal, "voltage_nominal").empty();
    if (tells) telling.emplace_back(of_node->second, &terminal);
  }
  if (telling.size() == 1) {
    const json::object& terminal = *telling.front().second;
    parts_[part].rated =
        rate(spec, decimal_of(text_of(terminal, "amperage_rating"), 3),
             decimal_of(text_of(terminal, "voltage_nominal"), 0), choice_of(node, "phase_mode") == "3ph");
    if (parts_[part].rated) ledger_.mapped(kTerminals, telling.front().first);
  } else if (telling.size() > 1) {
    ledger_.assume(
        kPlantNodes, id,
        "its terminals have several ratings and it has none of its own; those of the terminals are not mapped");
  }
}

void NetboxPower::add_segment(std::int64_t id, const json::object& segment) {
  if (!energised(kSegments, id, segment, "path_state")) return;
  if (choice_of(segment, "segment_kind") == "internal_tie") {
    ledger_.not_mapped(
        kSegments, id,
        "a tie is open in normal operation; name it as a feed with share: 0% if it takes over by itself");
    return;
  }
  const auto end = [&](std::string_view field) -> const json::object* {
    const auto found = data_.of(kTerminals).find(reference_of(segment, field));
    return found == data_.of(kTerminals).end() ? nullptr : &found->second;
  };
  const json::object* from = end("from_terminal");
  const json::object* to = end("to_terminal");
  const Part above = from == nullptr ? kNone : part_of(kPlantNodes, reference_of(*from, "node"));
  const Part below = to == nullptr ? kNone : part_of(kPlantNodes, reference_of(*to, "node"));
  if (above == kNone || below == kNone) {
    ledger_.not_mapped(kSegments, id,
                       fmt::format("what stands at its {} end is not mapped", above == kNone ? "upper" : "lower"));
    return;
  }
  Edge edge{above, false, 0, id};
  if (const auto domain = data_.of(kDomains).find(reference_of(segment, "power_domain"));
      domain != data_.of(kDomains).end()) {
    const std::string kind = choice_of(domain->second, "kind");
    edge.standby = kind == "maintenance" || kind == "catcher";
    edge.priority = decimal_of(text_of(domain->second, "priority"), 0).value_or(0);
    ledger_.mapped(kDomains, domain->first);
  }
  if (choice_of(*to, "terminal_role") == "bypass") edge.standby = true;
  ledger_.mapped(kTerminals, reference_of(segment, "from_terminal"));
  ledger_.mapped(kTerminals, reference_of(segment, "to_terminal"));
  ledger_.mapped(kSegments, id);

  // Its conductor and its breaker are limits as well: then it is an element between its ends.
  const auto ampacity =
      first_of(decimal_of(text_of(segment, "derated_ampacity_a"), 3), decimal_of(text_of(segment, "ampacity_a"), 3));
  const auto amps = least_of(decimal_of(text_of(segment, "breaker_size_a"), 3), ampacity);
  const auto volts =
      first_of(decimal_of(text_of(segment, "voltage_nominal"), 0), decimal_of(text_of(*to, "voltage_nominal"), 0));
  const auto node = data_.of(kPlantNodes).find(reference_of(*to, "node"));
  ElementSpec limits;
  if (rate(limits, amps, volts, choice_of(node->second, "phase_mode") == "3ph")) {
    const Part part = add(kSegments, id, name_in(segment), ElementKind::kBusway);
    ElementSpec& spec = parts_[part].spec;
    spec.current = limits.current;
    spec.voltage = limits.voltage;
    spec.phases = limits.phases;
    parts_[part].rated = true;
    parts_[part].edges.push_back({above, false, 0, id});
    edge.above = part;
  } else if (amps) {
    ledger_.assume(kSegments, id, "no limit of its own, as it has amperes but no voltage");
  }
  parts_[below].edges.push_back(edge);
}

NetworkSpec NetboxPower::finish() {
  cut_circles();
  feed_the_unfed();
  settle_standbys();
  rate_the_unrated();
  write_feeds();
  NetworkSpec network;
  for (PartData& part : parts_) {
    if (part.rated) network.elements.push_back(std::move(part.spec));
  }
  // The reader of a network begins at its top.
  std::stable_partition(network.elements.begin(), network.elements.end(),
                        [](const ElementSpec& element) { return is_source(element.kind); });
  return network;
}

std::vector<std::vector<NetboxPower::Part>> NetboxPower::below() const {
  std::vector<std::vector<Part>> below(parts_.size());
  for (Part part = 0; part < parts_.size(); ++part) {
    for (const Edge& edge : parts_[part].edges) below[edge.above].push_back(part);
  }
  return below;
}

// Depth first, upwards: the parts and edges of a circle, if there is one.
std::vector<std::pair<NetboxPower::Part, std::size_t>> NetboxPower::circle() const {
  enum class Mark : char { kNew, kOpen, kDone };
  std::vector<Mark> marks(parts_.size(), Mark::kNew);
  std::vector<std::pair<Part, std::size_t>> path;
  for (Part start = 0; start < parts_.size(); ++start) {
    if (marks[start] != Mark::kNew) continue;
    path.assign(1, {start, 0});
    marks[start] = Mark::kOpen;
    while (!path.empty()) {
      const auto [at, next] = path.back();
      if (next == parts_[at].edges.size()) {
        marks[at] = Mark::kDone;
        path.pop_back();
        if (!path.empty()) ++path.back().second;
        continue;
      }
      const Part above = parts_[at].edges[next].above;
      if (marks[above] == Mark::kOpen) {
        return {std::find_if(path.begin(), path.end(), [&](const auto& step) { return step.first == above; }),
                path.end()};
      }
      if (marks[above] == Mark::kDone) {
        ++path.back().second;
        continue;
      }
      marks[above] = Mark::kOpen;
      path.emplace_back(above, 0);
    }
  }
  return {};
}

// Of a circle, the segment goes that leads farthest back towards the sources.
void NetboxPower::cut_circles() {
  constexpr std::int64_t kFar = 1'000'000'000;
  std::vector<std::int64_t> depth(parts_.size(), kFar);
  std::vector<Part> reached;
  for (Part part = 0; part < parts_.size(); ++part) {
    if (!is_source(parts_[part].spec.kind)) continue;
    depth[part] = 0;
    reached.push_back(part);
  }
  const std::vector<std::vector<Part>> lower = below();
  for (std::size_t next = 0; next < reached.size(); ++next) {
    for (const Part part : lower[reached[next]]) {
      if (depth[part] != kFar) continue;
      depth[part] = depth[reached[next]] + 1;
      reached.push_back(part);
    }
  }
  for (auto steps = circle(); !steps.empty(); steps = circle()) {
    const auto back = [&](const std::pair<Part, std::size_t>& step) {
      return depth[parts_[step.first].edges[step.second].above] - depth[step.first];
    };
    const auto worst =
        std::max_element(steps.begin(), steps.end(), [&](const auto& a, const auto& b) { return back(a) < back(b); });
    std::vector<Edge>& edges = parts_[worst->first].edges;
    const Edge edge = edges[worst->second];
    ledger_.not_mapped(kSegments, edge.segment, "it closes a circle in the network");
    // A segment with limits of its own is never cut off above itself: that leads away from the sources.
    if (parts_[edge.above].kind == kSegments) parts_[edge.above].rated = false;
    edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(worst->second));
  }
}

void NetboxPower::feed_the_unfed() {
  Part grid = kNone;
  std::int64_t unfed = 0;
  const std::size_t before = parts_.size();
  for (Part part = 0; part < before; ++part) {
    if (!parts_[part].edges.empty() || is_source(parts_[part].spec.kind) || parts_[part].kind == kSegments) continue;
    if (grid == kNone) grid = add(kAssumedGrid, 0, "grid", ElementKind::kGrid);
    parts_[part].edges.push_back({grid, false, 0, 0});
    ++unfed;
  }
  if (unfed > 0) {
    ledger_.assume(
        kSites, site_,
        fmt::format("{} element(s) that nothing feeds in NetBox hang on a grid element '{}', which is never too small",
                    unfed, parts_[grid].spec.name));
  }
}

std::vector<NetboxPower::Part> NetboxPower::from_the_top() const {
  std::vector<std::size_t> open(parts_.size(), 0);
  const std::vector<std::vector<Part>> lower = below();
  std::vector<Part> order;
  for (Part part = 0; part < parts_.size(); ++part) {
    open[part] = parts_[part].edges.size();
    if (open[part] == 0) order.push_back(part);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const Part part : lower[order[next]]) {
      if (--open[part] == 0) order.push_back(part);
    }
  }
  return order;
}

// A generator waits for the grid to fail, and a transfer switch takes one of its inputs.
void NetboxPower::settle_standbys() {
  std::vector<bool> of_generators(parts_.size(), false);
  for (const Part part : from_the_top()) {
    PartData& at = parts_[part];
    const auto generated = [&](const Edge& edge) { return of_generators[edge.above]; };
    if (at.edges.empty()) {
      of_generators[part] = at.spec.kind == ElementKind::kGenerator;
      continue;
    }
    of_generators[part] = std::all_of(at.edges.begin(), at.edges.end(), generated);
    if (at.edges.size() == 1) {
      at.edges.front().standby = false;
      continue;
    }
    if (!of_generators[part] && std::any_of(at.edges.begin(), at.edges.end(), generated)) {
      for (Edge& edge : at.edges) edge.standby = edge.standby || generated(edge);
      ledger_.assume(at.kind, at.id, "its generators are standby");
    }
    const auto carries = [](const Edge& edge) { return !edge.standby; };
    const auto carrying = std::count_if(at.edges.begin(), at.edges.end(), carries);
    if (at.spec.kind == ElementKind::kSts && carrying > 1) {
      std::stable_sort(at.edges.begin(), at.edges.end(), [](const Edge& a, const Edge& b) {
        return std::pair(a.standby, a.priority) < std::pair(b.standby, b.priority);
      });
      for (std::size_t i = 1; i < at.edges.size(); ++i) at.edges[i].standby = true;
      ledger_.assume(at.kind, at.id,
                     fmt::format("it takes '{}' in normal operation", parts_[at.edges.front().above].spec.name));
    } else if (carrying == 0) {
      for (Edge& edge : at.edges) edge.standby = false;
    }
  }
}

void NetboxPower::rate_the_unrated() {
  const std::vector<Part> order = from_the_top();
  std::vector<Watts> carried(parts_.size());
  for (auto part = order.rbegin(); part != order.rend(); ++part) {
    PartData& at = parts_[*part];
    if (at.kind == kSegments && !at.rated) continue;
    if (!at.rated) {
      at.rated = rate(at.spec, std::min(carried[*part] + at.load, kMostPower).count());
      if (!at.rated) {
        if (at.kind != kAssumedGrid)
          ledger_.not_mapped(at.kind, at.id,
                             "it has no rating, and nothing hangs on it from which one could be guessed");
        continue;
      }
      if (at.kind != kAssumedGrid) {
        ledger_.assume(at.kind, at.id,
                       fmt::format("a rating of {}, all that hangs on it, as NetBox has none",
                                   Text<Watts>::format(*at.spec.rating)));
      }
    }
    for (const Edge& edge : at.edges) carried[edge.above] += plate(at.spec);
  }
}

void NetboxPower::write_feeds() {
  for (PartData& part : parts_) {
    for (const Edge& edge : part.edges) {
      const std::string& from = parts_[edge.above].spec.name;
      const auto known = std::find_if(part.spec.feeds.begin(), part.spec.feeds.end(),
                                      [&](const FeedSpec& feed) { return feed.from == from; });
      if (known == part.spec.feeds.end()) {
        part.spec.feeds.push_back({from, edge.standby ? std::optional(Ppm{0}) : std::nullopt, std::nullopt});
      } else if (!edge.standby) {
        known->share.reset();  // two parallel segments, one of which carries
      }
    }
  }
}

}  // namespace penstock
