// Writing a site out: ranges, templates, exceptions, ratings, contingencies.
#include "verify/site_model.h"

#include <set>

#include "base/name.h"

namespace penstock::verifier {
namespace {

using Keys = std::vector<Substitution>;

Keys keys_of(const RangeName& name) {
  Keys keys;
  for (const std::string& capture : name.captures) keys.push_back({std::to_string(keys.size() + 1), capture});
  return keys;
}

Error unknown(std::string_view what, std::string_view name) {
  return make_error(Code::kInvalid, fmt::format("there is no {} '{}'", what, name));
}

Exact plate_of(const ElementSpec& spec) {
  if (spec.rating) return kOne * spec.rating->count();
  const Exact factor = spec.power_factor ? spec.power_factor->count() : 1'000'000;
  if (spec.apparent) return times_up(kOne * spec.apparent->count(), factor, kMillion);
  const Exact root = spec.phases.value_or(3) == 3 ? 1'732'050 : 1'000'000;
  const Exact milliwatts = Exact(spec.current ? spec.current->count() : 0) * (spec.voltage ? spec.voltage->count() : 0);
  return times_up(times_up(milliwatts * (kOne / 1000), factor, kMillion), root, kMillion);
}

void rate(Element& element, const ElementSpec& spec, Exact plate, Duration shed_within) {
  const ModulesSpec modules = spec.modules.value_or(ModulesSpec{});
  const Exact present = times_up(plate, modules.count - modules.redundant, modules.count);
  element.usable = times_up(present, spec.continuous ? spec.continuous->count() : 1'000'000, kMillion);
  element.usable = times_up(element.usable, 1'000'000 - (spec.reserve ? spec.reserve->count() : 0), kMillion);
  element.overload = element.usable;
  for (const OverloadPointSpec& point : spec.overload) {
    if (point.time < shed_within) continue;
    element.overload = std::max(element.overload, times_up(present, point.load.count(), kMillion));
  }
}

// The straight line that is exact at full load and nowhere below the curve. Slopes are in 10⁻¹²; the two roundings make
// the line lie a little low, never high.
void lose(Element& element, const ElementSpec& spec, Exact plate) {
  constexpr Exact kSlope = 1'000'000'000'000;
  const std::vector<EfficiencyPointSpec>& curve = spec.efficiency_curve;
  if (curve.size() < 2) {
    element.slope_num = kMillion;
    element.slope_den = !curve.empty()    ? curve[0].efficiency.count()
                        : spec.efficiency ? spec.efficiency->count()
                                          : 1'000'000;
    return;
  }
  const Exact full = curve.back().efficiency.count();
  Exact low = kMost;
  Exact high = kMost;
  const auto consider = [&](Exact num, Exact den) {
    num = std::max<Exact>(0, num);
    low = std::min(low, times_down(num, kSlope, den));
    high = std::min(high, times_up(num, kSlope, den));
  };
  for (const EfficiencyPointSpec& point : curve) {
    if (point.load.count() >= kMillion) continue;
    const Exact load = point.load.count();
    const Exact efficiency = point.efficiency.count();
    consider(kMillion * (kMillion * efficiency - load * full), full * efficiency * (kMillion - load));
  }
  // The input without load: on the line through the first two points, and not below nothing.
  consider(kMillion, full);
  const Exact l0 = curve[0].load.count(), e0 = curve[0].efficiency.count();
  const Exact l1 = curve[1].load.count(), e1 = curve[1].efficiency.count();
  consider(kMillion * e0 * e1 * (l1 - l0) - full * l0 * l1 * (e1 - e0), full * e0 * e1 * (l1 - l0));
  element.slope_num = low;
  element.slope_den = kSlope;
  element.fixed = std::max<Exact>(0, times_down(plate, kMillion, full) - times_up(plate, high, kSlope));
}

class Builder {
 public:
  Builder(const std::string& name, const SiteSpec& site, const std::map<std::string, NodeTypeSpec>& types)
      : site_(site), types_(types) {
    model_.name = name;
    model_.network = site.network.has_value();
    model_.grid = site.grid;
    if (site.contingencies && site.contingencies->shed_within) shed_within_ = *site.contingencies->shed_within;
  }

  Result<Model> build() {
    if (site_.network) PENSTOCK_RETURN_IF_ERROR(add_elements(site_.network->elements));
    if (site_.cooling) PENSTOCK_RETURN_IF_ERROR(add_cooling(*site_.cooling));
    PENSTOCK_RETURN_IF_ERROR(add_halls());
    PENSTOCK_RETURN_IF_ERROR(add_contingencies());
    if (site_.grid) {
      for (const GridPhaseSpec& phase : site_.grid->phases) dates_.insert(phase.from);
    }
    model_.dates.assign(dates_.begin(), dates_.end());
    return std::move(model_);
  }

 private:
  std::string full(std::string_view name) const { return model_.name + "/" + std::string(name); }

  // Feeds without a share have equal parts of what the others leave, in whole ppm, the first taking what is left over.
  Result<std::vector<Feed>> feeds_of(const std::vector<FeedSpec>& specs, const Keys& keys) {
    std::int64_t rest = 1'000'000;
    std::int64_t open = 0;
    for (const FeedSpec& spec : specs) {
      rest -= spec.share ? spec.share->count() : 0;
      open += spec.share ? 0 : 1;
    }
    std::int64_t extra = open == 0 ? 0 : rest % open;
    std::vector<Feed> feeds;
    for (const FeedSpec& spec : specs) {
      PENSTOCK_TRY(from, substitute(spec.from, keys));
      const auto found = model_.element_by_name.find(from);
      if (found == model_.element_by_name.end()) return unknown("element", from);
      Feed feed{found->second, spec.share ? spec.share->count() : 0, spec.supplies};
      if (!spec.share) feed.share = rest / open + (extra-- > 0 ? 1 : 0);
      feeds.push_back(feed);
    }
    return feeds;
  }

  Status add_elements(const std::vector<ElementSpec>& specs) {
    std::vector<std::pair<const ElementSpec*, Keys>> made;
    for (const ElementSpec& spec : specs) {
      PENSTOCK_TRY(names, expand_range(spec.name));
      const Exact plate = plate_of(spec);
      for (const RangeName& name : names) {
        Element element;
        element.name = full(name.name);
        element.grid = spec.kind == ElementKind::kGrid;
        element.source = element.grid || spec.kind == ElementKind::kGenerator;
        element.from = spec.from;
        if (spec.from) dates_.insert(*spec.from);
        rate(element, spec, plate, shed_within_);
        lose(element, spec, plate);
        model_.element_by_name.emplace(name.name, static_cast<int>(model_.elements.size()));
        model_.elements.push_back(std::move(element));
        made.emplace_back(&spec, keys_of(name));
      }
    }
    for (std::size_t i = 0; i < made.size(); ++i) {
      PENSTOCK_TRY(feeds, feeds_of(made[i].first->feeds, made[i].second));
      model_.elements[i].feeds = std::move(feeds);
    }
    return sort_downwards();
  }

  Status sort_downwards() {
    std::vector<char> placed(model_.elements.size(), 0);
    while (model_.downwards.size() < model_.elements.size()) {
      const std::size_t before = model_.downwards.size();
      for (std::size_t i = 0; i < model_.elements.size(); ++i) {
        const std::vector<Feed>& feeds = model_.elements[i].feeds;
        if (placed[i] ||
            !std::all_of(feeds.begin(), feeds.end(), [&](const Feed& feed) { return placed[feed.from]; })) {
          continue;
        }
        placed[i] = 1;
        model_.downwards.push_back(static_cast<int>(i));
      }
      if (model_.downwards.size() == before) {
        return make_error(Code::kInvalid, fmt::format("the network of site '{}' feeds itself", model_.name));
      }
    }
    return ok_status();
  }

  Status add_cooling(const CoolingSpec& cooling) {
    for (const CoolingUnitSpec& spec : cooling.units) {
      PENSTOCK_TRY(names, expand_range(spec.name));
      for (const RangeName& name : names) {
        Unit unit;
        unit.name = full(name.name);
        unit.takes[kLiquid] = spec.liquid ? kOne * spec.liquid->count() : 0;
        unit.takes[kAir] = spec.air ? kOne * spec.air->count() : 0;
        unit.takes[kFlow] = spec.flow ? kOne * spec.flow->count() : 0;
        unit.draw = spec.draw ? kOne * spec.draw->count() : 0;
        PENSTOCK_TRY(feeds, feeds_of(spec.feeds, keys_of(name)));
        unit.feeds = std::move(feeds);
        model_.unit_by_name.emplace(name.name, static_cast<int>(model_.units.size()));
        model_.units.push_back(std::move(unit));
      }
    }
    for (const CoolingLoopSpec& spec : cooling.loops) {
      PENSTOCK_TRY(names, expand_range(spec.name));
      for (const RangeName& name : names) {
        Loop loop;
        loop.name = full(name.name);
        loop.holds = spec.hold.value_or(Duration()) >= shed_within_;
        for (const std::string& pattern : spec.units) {
          PENSTOCK_TRY(filled, substitute(pattern, keys_of(name)));
          PENSTOCK_TRY(units, expand_range(filled));
          for (const RangeName& unit : units) {
            const auto found = model_.unit_by_name.find(unit.name);
            if (found == model_.unit_by_name.end()) return unknown("cooling unit", unit.name);
            loop.units.push_back(found->second);
            for (int m = 0; m < kMedia; ++m) loop.gives[m] = loop.gives[m] || model_.units[found->second].takes[m] > 0;
          }
        }
        loop_by_name_.emplace(name.name, static_cast<int>(model_.loops.size()));
        model_.loops.push_back(std::move(loop));
      }
    }
    return ok_status();
  }

  Status add_halls() {
    std::map<std::string, const RackExceptionSpec*> exceptions;
    for (const RackExceptionSpec& exception : site_.exceptions) {
      PENSTOCK_TRY(racks, expand_range(exception.rack));
      for (const RangeName& rack : racks) exceptions[rack.name] = &exception;
    }
    for (const HallSpec& hall : site_.halls) {
      if (hall.from) dates_.insert(*hall.from);
      PENSTOCK_TRY(halls, expand_range(hall.name));
      for (const RangeName& hall_name : halls) {
        for (const RowSpec& row : hall.rows) {
          PENSTOCK_TRY(rows, expand_range(row.name));
          for (const RangeName& row_name : rows) {
            for (const RackSpec& rack : row.racks) {
              PENSTOCK_RETURN_IF_ERROR(add_racks(rack, hall.from, hall_name.name, row_name.name, exceptions));
            }
          }
        }
      }
    }
    return ok_status();
  }

  Status add_racks(const RackSpec& spec, std::optional<Time> from, const std::string& hall, const std::string& row,
                   const std::map<std::string, const RackExceptionSpec*>& exceptions) {
    PENSTOCK_TRY(pattern, substitute(spec.name, {{"hall", hall}, {"row", row}}));
    PENSTOCK_TRY(names, expand_range(pattern));
    for (const RangeName& name : names) {
      const auto found = exceptions.find(hall + "/" + name.name);
      static const RackExceptionSpec kNone;
      const RackExceptionSpec& exception = found == exceptions.end() ? kNone : *found->second;
      if (exception.absent) continue;
      Keys keys = keys_of(name);
      keys.push_back({"hall", hall});
      keys.push_back({"row", row});
      keys.push_back({"rack", name.name});
      Group group;
      PENSTOCK_TRY(feeds, feeds_of(exception.feeds.empty() ? spec.feeds : exception.feeds, keys));
      group.feeds = std::move(feeds);
      for (const std::string& loop : exception.loops.empty() ? spec.loops : exception.loops) {
        PENSTOCK_TRY(filled, substitute(loop, keys));
        const auto known = loop_by_name_.find(filled);
        if (known == loop_by_name_.end()) return unknown("cooling loop", filled);
        group.loops.push_back(known->second);
      }
      Rack rack{group_like(std::move(group)), from};
      PENSTOCK_RETURN_IF_ERROR(
          add_nodes(exception.nodes.empty() ? spec.nodes : exception.nodes, full(hall + "/" + name.name), rack.group));
      model_.racks.push_back(rack);
    }
    return ok_status();
  }

  int group_like(Group group) {
    std::string key;
    for (const Feed& feed : group.feeds)
      key += fmt::format("{}:{}:{} ", feed.from, feed.share, feed.supplies.value_or(-1));
    for (int loop : group.loops) key += fmt::format("/{}", loop);
    const auto [at, fresh] = group_by_key_.emplace(key, static_cast<int>(model_.groups.size()));
    if (fresh) model_.groups.push_back(std::move(group));
    return at->second;
  }

  Status add_nodes(const std::vector<RackNodesSpec>& specs, const std::string& rack, int group) {
    for (const RackNodesSpec& spec : specs) {
      PENSTOCK_TRY(type, type_named(spec.type));
      std::vector<int>& types = model_.groups[group].types;
      if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
      PENSTOCK_TRY(names, expand_range(spec.name));
      for (const RangeName& name : names) {
        model_.node_by_name.emplace(rack + "/" + name.name, static_cast<int>(model_.nodes.size()));
        model_.nodes.push_back({rack + "/" + name.name, static_cast<int>(model_.racks.size()), type});
      }
    }
    return ok_status();
  }

  Result<int> type_named(const std::string& name) {
    if (const auto known = type_by_name_.find(name); known != type_by_name_.end()) return known->second;
    const auto found = types_.find(name);
    if (found == types_.end()) return unknown("NodeType", name);
    const NodeTypeSpec& spec = found->second;
    Type type;
    type.idle = spec.power.idle.count();
    type.max = spec.power.max.count();
    type.devices = spec.devices.count;
    if (spec.supplies) {
      type.supplies = spec.supplies->count;
      type.needed = spec.supplies->needed;
    }
    type.liquid_ppm = spec.liquid_share ? spec.liquid_share->count() : 0;
    type.flow = spec.flow ? spec.flow->count() : 0;
    const int index = static_cast<int>(model_.types.size());
    model_.types.push_back(type);
    type_by_name_.emplace(name, index);
    return index;
  }

  Status add_contingencies() {
    model_.contingencies.emplace_back();
    const ContingenciesSpec spec = site_.contingencies.value_or(ContingenciesSpec{});
    if (spec.singles == SingleLosses::kAll) {
      for (std::size_t i = 0; i < model_.elements.size(); ++i) {
        model_.contingencies.push_back({model_.elements[i].name, {static_cast<int>(i)}, {}, false});
      }
      for (std::size_t i = 0; i < model_.units.size(); ++i) {
        model_.contingencies.push_back({model_.units[i].name, {}, {static_cast<int>(i)}, false});
      }
    }
    for (const LossSpec& loss : spec.together) {
      Contingency contingency{full(loss.name), {}, {}, false};
      for (const std::string& pattern : loss.lose) {
        PENSTOCK_TRY(names, expand_range(pattern));
        for (const RangeName& name : names) {
          const auto element = model_.element_by_name.find(name.name);
          const auto unit = model_.unit_by_name.find(name.name);
          if (element != model_.element_by_name.end()) {
            contingency.elements.push_back(element->second);
          } else if (unit != model_.unit_by_name.end()) {
            contingency.units.push_back(unit->second);
          } else {
            return unknown("element or cooling unit", name.name);
          }
        }
      }
      model_.contingencies.push_back(std::move(contingency));
    }
    if (site_.grid && site_.grid->interruptible) model_.contingencies.push_back({full("order"), {}, {}, true});
    return ok_status();
  }

  const SiteSpec& site_;
  const std::map<std::string, NodeTypeSpec>& types_;
  Duration shed_within_ = seconds(10);
  Model model_;
  std::set<Time> dates_;
  std::map<std::string, int> loop_by_name_, type_by_name_, group_by_key_;
};

}  // namespace

Result<Model> build_model(const std::string& name, const SiteSpec& site,
                          const std::map<std::string, NodeTypeSpec>& types) {
  return Builder(name, site, types).build();
}

std::vector<int> supplies_by_feed(const Group& group, const Type& type) {
  int left = type.supplies;
  int open = 0;
  for (const Feed& feed : group.feeds) {
    left -= feed.supplies.value_or(0);
    open += feed.supplies ? 0 : 1;
  }
  left = std::max(left, 0);
  int extra = open == 0 ? 0 : left % open;
  std::vector<int> out;
  for (const Feed& feed : group.feeds)
    out.push_back(feed.supplies ? *feed.supplies : left / open + (extra-- > 0 ? 1 : 0));
  return out;
}

}  // namespace penstock::verifier
