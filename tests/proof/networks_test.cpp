// Random networks: the limit table against the checker's load flow, which shares no line with it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>
#include <set>

#include "estate/limits.h"
#include "verify/load_flow.h"

namespace penstock {
namespace {

constexpr int kNetworks = 50'000;
const Time kNow = *Text<Time>::parse("2026-06-01T00:00:00Z");

/// A site, and in which condition it is.
struct Network {
  std::map<std::string, NodeTypeSpec> types;
  SiteSpec site;
  std::set<std::string> out;
  std::map<std::string, std::int64_t> left;  // ppm
  std::optional<std::int64_t> order;         // W
};

/// Watts by node of the site: what each holds and what it keeps.
struct Watched {
  std::vector<std::int64_t> held, firm;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

/// Sites of every kind of part that a spec can name, small enough to make thousands.
class Maker {
 public:
  Maker(Dice& dice, int size) : dice_(dice), size_(size) {}

  Network make() {
    make_types();
    if (!dice_.one_in(12)) make_network();
    if (!dice_.one_in(3)) make_cooling();
    make_halls();
    make_contingencies();
    if (!dice_.one_in(4)) make_grid();
    make_condition();
    return std::move(network_);
  }

 private:
  std::string name(const char* prefix, std::size_t i) { return fmt::format("{}{}", prefix, i); }
  Ppm part(std::int64_t low, std::int64_t high) { return Ppm(dice_.between(low, high)); }
  Time date() { return kNow + hours(dice_.one_in(2) ? -24 : 24); }

  void make_types() {
    for (std::size_t i = 0; i < 2; ++i) {
      NodeTypeSpec type;
      type.devices.model = "g";
      type.devices.count = 4;
      type.cpu = MilliCpu(1000);
      type.memory = Bytes(1);
      type.power.max = Watts(dice_.between(1'000, 20'000));
      type.power.idle = Watts(dice_.between(0, type.power.max.count() / 3));
      if (dice_.one_in(2)) {
        type.supplies.emplace();
        type.supplies->count = static_cast<std::int32_t>(dice_.between(1, 6));
        type.supplies->needed = static_cast<std::int32_t>(dice_.between(1, type.supplies->count));
      }
      if (!dice_.one_in(3)) type.liquid_share = part(0, 1'000'000);
      if (!dice_.one_in(3)) type.flow = MillilitresPerMinute(dice_.between(0, 20'000));
      network_.types[name("t", i)] = type;
    }
  }

  // Feeds from some of the elements that are there already.
  std::vector<FeedSpec> feeds(std::size_t most, bool of_rack) {
    std::vector<std::string> from;
    for (const ElementSpec& element : network_.site.network->elements) from.push_back(element.name);
    std::vector<FeedSpec> out;
    for (std::size_t i = 1 + dice_.below(most); i > 0 && !from.empty(); --i) {
      // The younger ones more often, so that networks grow deep.
      const std::size_t at = std::max(dice_.below(from.size()), dice_.below(from.size()));
      out.push_back({from[at], std::nullopt, std::nullopt});
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (dice_.one_in(2)) {
      std::int64_t rest = 1'000'000;
      for (std::size_t i = 0; i + 1 < out.size(); ++i) {
        out[i].share = dice_.one_in(3) ? Ppm(0) : part(0, rest);
        rest -= out[i].share->count();
      }
      out.back().share = Ppm(rest);
    }
    for (FeedSpec& feed : out) {
      if (of_rack && dice_.one_in(3)) feed.supplies = static_cast<std::int32_t>(dice_.between(0, 4));
    }
    return out;
  }

  void rate(ElementSpec& element, std::int64_t watts) {
    if (dice_.one_in(3)) {
      element.apparent = VoltAmps(watts);
      if (dice_.one_in(2)) element.power_factor = part(700'000, 1'000'000);
    } else if (dice_.one_in(2)) {
      element.voltage = Volts(dice_.one_in(2) ? 230 : 415);
      element.current = MilliAmps(1 + watts * 1000 / element.voltage->count());
      if (dice_.one_in(2)) element.phases = dice_.one_in(2) ? 1 : 3;
      if (dice_.one_in(2)) element.power_factor = part(700'000, 1'000'000);
    } else {
      element.rating = Watts(watts);
    }
    if (dice_.one_in(4)) element.continuous = part(600'000, 1'000'000);
    if (dice_.one_in(4)) element.reserve = part(0, 200'000);
    if (dice_.one_in(4)) {
      element.modules.emplace();
      element.modules->count = static_cast<std::int32_t>(dice_.between(2, 9));
      element.modules->redundant = static_cast<std::int32_t>(dice_.between(0, 1));
    }
    if (dice_.one_in(2)) {
      const std::int64_t second = dice_.between(1, 15);
      element.overload = {{part(1'000'000, 1'300'000), seconds(20)}, {part(1'300'001, 1'700'000), seconds(second)}};
    }
  }

  void lose(ElementSpec& element) {
    if (dice_.one_in(3)) return;
    if (dice_.one_in(2)) {
      element.efficiency = part(880'000, 1'000'000);
      return;
    }
    // Steps so large that the input rises with the load, whatever the efficiencies.
    std::int64_t load = dice_.one_in(4) ? 1'000'000 : dice_.between(50'000, 400'000);
    while (true) {
      element.efficiency_curve.push_back({Ppm(load), part(900'000, 990'000)});
      if (load == 1'000'000) break;
      load += dice_.between(load / 5 + 100'000, 290'000);
      if (load > 850'000) load = 1'000'000;
    }
  }

  void make_network() {
    network_.site.network.emplace();
    std::vector<ElementSpec>& elements = network_.site.network->elements;
    const std::size_t count = 2 + dice_.below(static_cast<std::size_t>(size_) + 1);
    for (std::size_t i = 0; i < count; ++i) {
      ElementSpec element;
      element.name = name("e", i);
      const bool source = i == 0 || dice_.one_in(6);
      constexpr std::array kBelow{ElementKind::kTransformer, ElementKind::kUps,    ElementKind::kSwitchboard,
                                  ElementKind::kSts,         ElementKind::kBusway, ElementKind::kPdu};
      element.kind = !source           ? kBelow[dice_.below(kBelow.size())]
                     : dice_.one_in(3) ? ElementKind::kGenerator
                                       : ElementKind::kGrid;
      if (!source) element.feeds = feeds(3, false);
      rate(element, dice_.between(3'000, 15'000) * (source ? 6 : dice_.between(1, 5)));
      lose(element);
      if (dice_.one_in(10)) element.from = date();
      elements.push_back(std::move(element));
    }
  }

  void make_cooling() {
    CoolingSpec cooling;
    const std::size_t units = 1 + dice_.below(4);
    std::vector<std::string> free;
    for (std::size_t i = 0; i < units; ++i) {
      CoolingUnitSpec unit;
      unit.name = name("u", i);
      if (!dice_.one_in(3)) unit.liquid = Watts(dice_.between(1'000, 40'000));
      if (!dice_.one_in(3)) unit.air = Watts(dice_.between(1'000, 40'000));
      if (!dice_.one_in(3)) unit.flow = MillilitresPerMinute(dice_.between(1'000, 40'000));
      if (!dice_.one_in(3)) unit.draw = Watts(dice_.between(0, 2'000));
      if (network_.site.network && !dice_.one_in(3)) unit.feeds = feeds(2, false);
      free.push_back(unit.name);
      cooling.units.push_back(std::move(unit));
    }
    for (std::size_t i = 0; !free.empty() && i < 3; ++i) {
      CoolingLoopSpec loop;
      loop.name = name("l", i);
      for (std::size_t n = 1 + dice_.below(free.size()); n > 0; --n) {
        loop.units.push_back(free.back());
        free.pop_back();
      }
      if (dice_.one_in(3)) loop.hold = seconds(dice_.between(1, 20));
      cooling.loops.push_back(std::move(loop));
    }
    network_.site.cooling = std::move(cooling);
  }

  void make_halls() {
    network_.site.country = "GB";
    for (std::size_t h = 0; h < 2; ++h) {
      HallSpec hall;
      hall.name = name("h", h);
      if (h == 1 && dice_.one_in(2)) hall.from = date();
      RowSpec row;
      row.name = "r";
      for (std::size_t k = 1 + dice_.below(2); k > 0; --k) {
        RackSpec rack;
        rack.name = name("k", k);
        rack.nodes.push_back({fmt::format("n[1-{}]", dice_.between(1, 3)), name("t", dice_.below(2))});
        if (dice_.one_in(3)) rack.nodes.push_back({"m", name("t", dice_.below(2))});
        if (network_.site.network) rack.feeds = feeds(3, true);
        if (network_.site.cooling) {
          for (const CoolingLoopSpec& loop : network_.site.cooling->loops) {
            if (!dice_.one_in(3)) rack.loops.push_back(loop.name);
          }
        }
        row.racks.push_back(std::move(rack));
      }
      hall.rows.push_back(std::move(row));
      network_.site.halls.push_back(std::move(hall));
    }
  }

  std::vector<std::string> parts() {
    std::vector<std::string> out;
    if (network_.site.network) {
      for (const ElementSpec& element : network_.site.network->elements) out.push_back(element.name);
    }
    if (network_.site.cooling) {
      for (const CoolingUnitSpec& unit : network_.site.cooling->units) out.push_back(unit.name);
    }
    return out;
  }

  void make_contingencies() {
    const std::vector<std::string> all = parts();
    if (dice_.one_in(2) || all.empty()) return;
    ContingenciesSpec spec;
    if (dice_.one_in(4)) spec.singles = SingleLosses::kNone;
    if (dice_.one_in(2)) spec.shed_within = seconds(dice_.between(1, 15));
    for (std::size_t i = dice_.below(3); i > 0; --i) {
      spec.together.push_back({name("both", i), {all[dice_.below(all.size())], all[dice_.below(all.size())]}});
    }
    network_.site.contingencies = std::move(spec);
  }

  void make_grid() {
    GridSpec grid;
    grid.contracted = Watts(dice_.between(10'000, 120'000));
    const auto within = [&] { return Watts(dice_.between(grid.contracted.count() / 3, grid.contracted.count())); };
    if (dice_.one_in(3)) {
      grid.phases.push_back({kNow - hours(48), within(), std::nullopt, Confidence::kLive});
      grid.phases.push_back({date(), within(), within(), Confidence::kLive});
    }
    // Of every import some is left: of nothing, the rounding of an idle site's losses would be the whole load.
    if (dice_.one_in(3)) grid.interruptible = InterruptibleSpec{Watts(grid.contracted.count() / 8), minutes(5)};
    network_.site.grid = std::move(grid);
  }

  void make_condition() {
    for (const std::string& part : parts()) {
      if (dice_.one_in(10)) network_.out.insert(part);
      // An element of which nothing is left is as good as out, but for the watts of rounding that it is then above.
      const bool unit = part.front() == 'u';
      if (dice_.one_in(8)) network_.left[part] = unit && dice_.one_in(4) ? 0 : dice_.between(300'000, 1'000'000);
    }
    const std::int64_t most = network_.site.grid ? network_.site.grid->contracted.count() : 100'000;
    if (dice_.one_in(5)) network_.order = dice_.between(most / 4, most);
  }

  Dice& dice_;
  const int size_;
  Network network_;
};

/// What is above its limit: of the whole, and by what is lost.
struct Verdict {
  using Rows = std::map<std::string, std::string>;  // and how far above
  Rows all;
  std::map<std::string, Rows> after;  // rows of elements and of the import only
};

/// Whether the first finds nothing that the second does not find. Names what it finds alone.
std::string beyond(const Verdict& first, const Verdict& second) {
  std::string out;
  for (const auto& [row, amount] : first.all) {
    if (!second.all.contains(row)) out += fmt::format("{}, {}; ", row, amount);
  }
  for (const auto& [loss, rows] : first.after) {
    const auto known = second.after.find(loss);
    for (const auto& [row, amount] : rows) {
      if (known == second.after.end() || !known->second.contains(row)) {
        out += fmt::format("{} after '{}', {}; ", row, loss, amount);
      }
    }
  }
  return out;
}

/// The verdict of the product: of the compiled table, and of the routing that it is made from.
class Product {
 public:
  explicit Product(const Network& network) {
    auto compiled = Estate::compile(network.types, {{"s", network.site}}, Claims::kTaken);
    RC_ASSERT(compiled.ok());
    estate_ = std::make_unique<Estate>(std::move(*compiled));
    site_ = std::make_unique<SiteNetwork>(*estate_, 0);
    SiteCondition condition = site_->condition(kNow);
    for (const std::string& part : network.out) {
      for (ElementIndex e : parts(part).elements) condition.element_out[e] = 1;
      for (UnitIndex u : parts(part).units) condition.unit_out[u] = 1;
    }
    for (const auto& [part, left] : network.left) {
      for (ElementIndex e : parts(part).elements) condition.element_left[e] = Ppm(left);
      for (UnitIndex u : parts(part).units) condition.unit_left[u] = Ppm(left);
    }
    if (network.order)
      condition.import = std::min(Watts(*network.order), condition.import.value_or(Watts(*network.order)));
    limits_ = std::make_unique<SiteLimits>(*site_, condition);
    for (const Contingency& loss : contingencies(*site_, condition)) {
      if (loss.kind == Contingency::Kind::kOrder) continue;
      const EstateLoss lost = loss_of(*site_, loss);
      add_state(limits_->name(loss), Routing(*site_, condition, &lost));
    }
    add_state("", Routing(*site_, condition));
  }

  const SiteLimits& limits() const { return *limits_; }
  const SiteNetwork& site() const { return *site_; }
  bool ready(NodeIndex node) const { return limits_->ready(site_->column_of(node)); }

  /// Σ weight × watts + base of a row of the table.
  MicroWatts load(std::uint32_t row, const std::vector<std::int64_t>& watts) const {
    MicroWatts sum = limits_->rows()[row].base;
    for (NodeIndex node = 0; node < watts.size(); ++node) {
      if (ready(node)) sum += weight(row, node) * watts[node];
    }
    return sum;
  }
  std::int64_t weight(std::uint32_t row, NodeIndex node) const {
    for (const RowWeight& at : limits_->weights(site_->column_of(node))) {
      if (at.row == row) return at.ppm;
    }
    return 0;
  }

  Verdict verdict(const Watched& watts, bool later) const {
    Verdict out;
    for (std::uint32_t r = 0; r < limits_->rows().size(); ++r) {
      const LimitRow& row = limits_->rows()[r];
      const bool broken = load(r, watts.firm) > row.firm_limit ||
                          (!later && row.demand_limit != kUnlimited && load(r, watts.held) > row.demand_limit);
      if (!broken) continue;
      out.all.emplace(limits_->name(row),
                      fmt::format("after '{}': {} firm of {}, {} held of {}", limits_->name(row.after),
                                  load(r, watts.firm), row.firm_limit, load(r, watts.held), row.demand_limit));
    }
    for (NodeIndex node = 0; node < watts.held.size(); ++node) {
      const ColumnIndex column = site_->column_of(node);
      const Capability& able = limits_->capability(column);
      if (!limits_->ready(column) || limits_->dark(column)) continue;
      const bool broken = watts.firm[node] > std::min(able.firm, able.demand).count() ||
                          (!later && watts.held[node] > able.demand.count());
      if (broken) out.all.emplace(estate_->nodes()[node].name + " supplies", "");
    }
    for (const State& state : states_) judge(state, watts, later, out.after[state.loss]);
    return out;
  }

 private:
  // The routing with something lost, and what of every group weighs where.
  struct State {
    std::string loss;
    std::vector<char> live;
    std::vector<MicroWatts> base;
    std::vector<std::vector<Routing::Weight>> weights;
  };

  EstateLoss parts(const std::string& name) const { return *estate_->find_parts(0, {name}); }

  void add_state(const std::string& loss, const Routing& routing) {
    State state{loss, {}, routing.base(), {}};
    for (std::uint32_t e = 0; e < site_->site().elements; ++e) state.live.push_back(routing.live(e));
    for (GroupIndex g = 0; g < site_->groups().size(); ++g) state.weights.push_back(routing.weights(g));
    states_.push_back(std::move(state));
  }

  void judge(const State& state, const Watched& watts, bool later, Verdict::Rows& out) const {
    std::vector<MicroWatts> held = state.base, firm = state.base;
    for (NodeIndex node = 0; node < watts.held.size(); ++node) {
      if (!ready(node)) continue;
      for (const auto& [element, ppm] : state.weights[site_->columns()[site_->column_of(node)].group]) {
        held[element] += ppm * watts.held[node];
        firm[element] += ppm * watts.firm[node];
      }
    }
    const SiteCondition& condition = limits_->condition();
    const std::uint32_t elements = site_->site().elements;
    for (std::uint32_t e = 0; e < elements; ++e) {
      if (!state.live[e]) continue;
      const Watts usable = usable_now(*site_, condition, e);
      const Watts most = state.loss.empty() ? usable : overload_now(*site_, condition, e);
      if (firm[e] > usable.count() * kMicro || (!later && held[e] > most.count() * kMicro)) {
        out.emplace(site_->element(e).name, fmt::format("{} firm, {} held of {}", firm[e], held[e], usable.count()));
      }
    }
    if (!condition.import) return;
    const MicroWatts most = condition.import->count() * kMicro;
    if (firm[elements] > most || (!later && held[elements] > most)) out.emplace("s import", "");
  }

  std::unique_ptr<Estate> estate_;
  std::unique_ptr<SiteNetwork> site_;
  std::unique_ptr<SiteLimits> limits_;
  std::vector<State> states_;
};

/// The verdict of the checker.
class Checker {
 public:
  explicit Checker(const Network& network) {
    auto model = verifier::build_model("s", network.site, network.types);
    RC_ASSERT(model.ok());
    model_ = std::move(*model);
    moment_ = verifier::moment_of(model_, kNow);
    for (const std::string& part : network.out) part_of(moment_.element_out, moment_.unit_out, part) = 1;
    for (const auto& [part, left] : network.left) part_of(moment_.element_left, moment_.unit_left, part) = left;
    if (network.order) {
      const verifier::Exact order = verifier::kOne * *network.order;
      moment_.import = std::min(order, moment_.import.value_or(order));
    }
  }

  /// Lowers every limit by what rounding may cost the product: ratings, losses at no load and limits are whole watts,
  /// and every load rounds up by a millionth on each of its ways to the grid.
  void tighten(std::int64_t watts) {
    const std::int64_t rounding = 5 + 5 * static_cast<std::int64_t>(model_.elements.size()) + watts / 5'000;
    // A derating takes its part of what is lowered here too.
    const auto lower = [&](verifier::Exact& limit, std::int64_t left, verifier::Exact least) {
      limit = std::max(least, limit - verifier::kOne * rounding * verifier::kMillion / std::max<std::int64_t>(left, 1));
    };
    for (std::size_t e = 0; e < model_.elements.size(); ++e) {
      lower(model_.elements[e].usable, moment_.element_left[e], 0);
      lower(model_.elements[e].overload, moment_.element_left[e], 0);
    }
    for (std::size_t u = 0; u < model_.units.size(); ++u) {
      // What gives nothing splits otherwise.
      for (verifier::Exact& takes : model_.units[u].takes) lower(takes, moment_.unit_left[u], takes > 0 ? 4 : 0);
    }
    if (moment_.import) lower(*moment_.import, 1'000'000, 0);
    if (model_.grid && model_.grid->interruptible) model_.grid->interruptible->power += Watts(rounding);
  }

  Verdict verdict(const Watched& watts, bool later) const {
    const auto load_of = [&](const std::vector<std::int64_t>& of) {
      verifier::NodeWatts added(of);
      for (std::size_t n = 0; n < added.size(); ++n) added[n] -= model_.types[model_.nodes[n].type].idle;
      return verifier::sum_up(model_, moment_, added, true);
    };
    const verifier::Load held = load_of(watts.held);
    const verifier::Load firm = load_of(watts.firm);
    std::uint64_t rows = 0;
    Verdict out;
    for (const verifier::Broken& broken :
         verifier::broken_rows(model_, moment_, {later ? nullptr : &held, &firm}, rows)) {
      const std::string row = verifier::row_name(model_, broken.row);
      const verifier::Contingency& loss = model_.contingencies[broken.row.contingency];
      const std::string amount = fmt::format("after '{}': {} of {}", loss.name, verifier::whole_up(broken.load),
                                             verifier::whole_down(broken.limit));
      out.all.emplace(row, amount);
      const bool of_power = broken.row.part == verifier::Part::kElement || broken.row.part == verifier::Part::kImport;
      if (of_power && !loss.order && !is_out(loss)) out.after[loss.name].emplace(row, amount);
    }
    return out;
  }

 private:
  template <class List>
  typename List::reference part_of(List& elements, List& units, const std::string& part) const {
    const auto element = model_.element_by_name.find(part);
    return element != model_.element_by_name.end() ? elements[element->second] : units[model_.unit_by_name.at(part)];
  }

  // What is out already cannot be lost: the product asks nothing of it.
  bool is_out(const verifier::Contingency& loss) const {
    if (loss.elements.size() + loss.units.size() != 1) return false;
    return loss.elements.empty() ? moment_.unit_out[loss.units[0]] != 0 : moment_.element_out[loss.elements[0]] != 0;
  }

  verifier::Model model_;
  verifier::Moment moment_;
};

struct Tally {
  std::int64_t networks = 0, verdicts = 0, within = 0, above = 0;
};

// Watts that bring one row of the table to its limit within a watt of one node, and then some watts more or less.
Watched near_a_limit(Dice& dice, const Product& product, bool& on_firm) {
  const SiteNetwork& site = product.site();
  const auto nodes = static_cast<std::size_t>(site.site().nodes);
  std::vector<std::int64_t> idle, most;
  for (NodeIndex node = 0; node < nodes; ++node) {
    const NodePowerSpec& power = site.type_of(site.column_of(node)).power;
    idle.push_back(power.idle.count());
    most.push_back(dice.between(power.idle.count(), power.max.count()));
  }
  std::vector<std::int64_t> watts = most;
  const auto& rows = product.limits().rows();
  const std::uint32_t row = rows.empty() ? 0 : static_cast<std::uint32_t>(dice.below(rows.size()));
  on_firm = rows.empty() || rows[row].demand_limit == kUnlimited || dice.one_in(2);
  if (!rows.empty()) {
    const MicroWatts limit = on_firm ? rows[row].firm_limit : rows[row].demand_limit;
    const MicroWatts low = product.load(row, idle), high = product.load(row, most);
    if (low <= limit && limit < high) {
      for (std::size_t n = 0; n < nodes; ++n)
        watts[n] = idle[n] + mul_div_floor(most[n] - idle[n], limit - low, high - low);
      const auto node = static_cast<NodeIndex>(dice.below(nodes));
      const std::int64_t weight = product.weight(row, node);
      if (weight > 0 && product.ready(node)) {
        watts[node] += (limit - product.load(row, watts)) / weight;
        constexpr std::array<std::int64_t, 8> kSteps{-20, -2, -1, 0, 1, 1, 2, 20};
        watts[node] += kSteps[dice.below(kSteps.size())];
      }
    }
  }
  for (std::size_t n = 0; n < nodes; ++n) {
    const std::int64_t max = site.type_of(site.column_of(static_cast<NodeIndex>(n))).power.max.count();
    watts[n] = std::clamp(watts[n], idle[n], max);
  }
  Watched out{watts, watts};
  if (dice.one_in(3)) return out;
  for (std::size_t n = 0; n < nodes; ++n) {
    const std::int64_t max = site.type_of(site.column_of(static_cast<NodeIndex>(n))).power.max.count();
    if (on_firm) {
      out.held[n] = dice.between(watts[n], max);
    } else {
      out.firm[n] = dice.between(idle[n], watts[n]);
    }
  }
  return out;
}

void compare(std::uint64_t seed, int size, Tally& tally) {
  Dice dice(seed);
  const Network network = Maker(dice, size).make();
  const Product product(network);
  const Checker checker(network);
  std::int64_t most = 0;
  for (NodeIndex node = 0; node < product.site().site().nodes; ++node) {
    most += product.site().type_of(product.site().column_of(node)).power.max.count();
  }
  Checker tight = checker;
  tight.tighten(most);
  ++tally.networks;
  for (int i = 0; i < 3; ++i) {
    bool on_firm = true;
    const Watched watts = near_a_limit(dice, product, on_firm);
    const bool later = on_firm && dice.one_in(3);
    const Verdict is = product.verdict(watts, later);
    const Verdict exact = checker.verdict(watts, later);
    // Whatever the checker finds, the product refuses; what it refuses besides, it does by rounding.
    RC_ASSERT(beyond(exact, is) == "");
    RC_ASSERT(beyond(is, tight.verdict(watts, later)) == "");
    ++tally.verdicts;
    ++(exact.all.empty() ? tally.within : tally.above);
  }
}

TEST(Networks, HaveTheSameVerdictByTableAndByLoadFlow) {
  Tally tally;
  rc::detail::TestMetadata metadata;
  metadata.id = "networks";
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = kNetworks;
  const auto result = rc::detail::checkTestable(
      [&] {
        const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
        compare(seed, *rc::gen::inRange(0, 9), tally);
      },
      metadata, params);
  if (!result.is<rc::detail::SuccessResult>()) {
    std::ostringstream text;
    rc::detail::printResultMessage(result, text);
    FAIL() << text.str();
  }
  std::cout << fmt::format("{} networks, {} verdicts: {} within all limits, {} not\n", tally.networks, tally.verdicts,
                           tally.within, tally.above);
  EXPECT_GE(tally.networks, kNetworks);
  EXPECT_GT(tally.within, tally.verdicts / 10);
  EXPECT_GT(tally.above, tally.verdicts / 10);
}

}  // namespace
}  // namespace penstock
