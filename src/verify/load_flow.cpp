// The load flow of one site at one instant, for each contingency from scratch.
#include "verify/load_flow.h"

namespace penstock::verifier {
namespace {

struct Live {
  std::vector<char> elements, units;
};

bool any_live(const Live& live, const std::vector<Feed>& feeds) {
  return std::any_of(feeds.begin(), feeds.end(), [&](const Feed& feed) { return live.elements[feed.from] != 0; });
}

Live find_live(const Model& model, const Moment& moment, const Contingency& lost) {
  std::vector<char> element_out = moment.element_out;
  std::vector<char> unit_out = moment.unit_out;
  for (int element : lost.elements) element_out[element] = 1;
  for (int unit : lost.units) unit_out[unit] = 1;
  Live live{std::vector<char>(model.elements.size(), 0), std::vector<char>(model.units.size(), 0)};
  for (int i : model.downwards) {
    const Element& element = model.elements[i];
    live.elements[i] = !element_out[i] && (element.source || any_live(live, element.feeds));
  }
  for (std::size_t i = 0; i < model.units.size(); ++i) {
    const Unit& unit = model.units[i];
    live.units[i] = !unit_out[i] && (unit.feeds.empty() || any_live(live, unit.feeds));
  }
  return live;
}

// Whether the group's racks draw at all: without a network everything does, with one what has a live feed.
bool is_lit(const Model& model, const Live& live, const Group& group) {
  return !model.network || any_live(live, group.feeds);
}

// Gives a load to the live feeds by their shares, or all of it to the first live standby.
void give(const Live& live, const std::vector<Feed>& feeds, Exact load, std::vector<Exact>& out) {
  if (load == 0) return;
  std::int64_t shares = 0;
  for (const Feed& feed : feeds) shares += live.elements[feed.from] ? feed.share : 0;
  for (const Feed& feed : feeds) {
    if (!live.elements[feed.from]) continue;
    if (shares == 0) {
      out[feed.from] += load;
      return;
    }
    if (feed.share > 0) out[feed.from] += times_down(load, feed.share, shares);
  }
}

struct Flow {
  std::vector<Exact> output;  // of elements
  Exact import = 0;
};

Flow find_flow(const Model& model, const Live& live, const Load& load, bool own) {
  Flow flow{std::vector<Exact>(model.elements.size(), 0), 0};
  for (std::size_t g = 0; g < model.groups.size(); ++g) {
    if (!model.network) {
      flow.import += load.groups[g].draw;
    } else {
      give(live, model.groups[g].feeds, load.groups[g].draw, flow.output);
    }
  }
  for (std::size_t i = 0; own && i < model.units.size(); ++i) {
    if (!live.units[i]) continue;
    if (model.units[i].feeds.empty()) {
      flow.import += model.units[i].draw;
    } else {
      give(live, model.units[i].feeds, model.units[i].draw, flow.output);
    }
  }
  for (auto at = model.downwards.rbegin(); at != model.downwards.rend(); ++at) {
    if (!live.elements[*at]) continue;
    const Element& element = model.elements[*at];
    const Exact input = (own ? element.fixed : 0) + times_down(flow.output[*at], element.slope_num, element.slope_den);
    if (element.grid) flow.import += input;
    if (!element.source) give(live, element.feeds, input, flow.output);
  }
  return flow;
}

std::vector<ByMedium> find_capacity(const Model& model, const Moment& moment, const Live& live) {
  std::vector<ByMedium> capacity(model.loops.size(), ByMedium{});
  for (std::size_t l = 0; l < model.loops.size(); ++l) {
    for (int u : model.loops[l].units) {
      if (!live.units[u]) continue;
      for (int m = 0; m < kMedia; ++m) {
        capacity[l][m] += times_up(model.units[u].takes[m], moment.unit_left[u], kMillion);
      }
    }
  }
  return capacity;
}

std::vector<ByMedium> find_heat(const Model& model, const Live& live, const std::vector<ByMedium>& capacity,
                                const Load& load) {
  std::vector<ByMedium> heat(model.loops.size(), ByMedium{});
  for (std::size_t g = 0; g < model.groups.size(); ++g) {
    const Group& group = model.groups[g];
    if (!is_lit(model, live, group)) continue;
    for (int m = 0; m < kMedia; ++m) {
      const auto serves = [&](int l) { return capacity[l][m] > 0; };
      const auto serving = std::count_if(group.loops.begin(), group.loops.end(), serves);
      for (int l : group.loops) {
        if (serves(l)) heat[l][m] += load.groups[g].heat[m] / serving;
      }
    }
  }
  return heat;
}

std::int64_t capability(const Type& type, const std::vector<int>& supplies, const Live& live, const Group& group) {
  std::int64_t left = 0;
  for (std::size_t f = 0; f < group.feeds.size(); ++f) left += live.elements[group.feeds[f].from] ? supplies[f] : 0;
  return left >= type.needed ? type.max : type.max * left / type.needed;
}

// All rows of one contingency; the first contingency is the normal state.
class Comparison {
 public:
  Comparison(const Model& model, const Moment& moment, const Loads& loads, std::uint64_t& rows)
      : model_(model), moment_(moment), loads_(loads), rows_(rows) {
    for (const Group& group : model.groups) {
      supplies_.emplace_back();
      for (int type : group.types) supplies_.back().push_back(supplies_by_feed(group, model.types[type]));
    }
  }

  void run(int contingency) {
    contingency_ = contingency;
    const Contingency& lost = model_.contingencies[contingency];
    const Live live = find_live(model_, moment_, lost);
    if (lost.order) return after_order(live);
    const std::vector<ByMedium> capacity = find_capacity(model_, moment_, live);
    const bool normal = contingency == 0;
    // In the normal state what is held must flow for hours; after a loss what is kept must, and what is held until
    // shedding has acted. At later times only what is kept counts. It is looked at in every state, so that later
    // comparisons know what it was.
    if (loads_.held != nullptr) {
      check_power(live, *loads_.held, false, normal);
      check_heat(live, capacity, *loads_.held, false, normal);
      if (normal) check_supplies(live, *loads_.held, false);
    }
    check_power(live, *loads_.firm, true, true);
    check_heat(live, capacity, *loads_.firm, true, true);
    check_supplies(live, *loads_.firm, true);
  }

  std::vector<Broken> broken;

 private:
  void compare(Part part, int index, Medium medium, bool firm, Exact load, Exact limit) {
    ++rows_;
    if (load > limit) broken.push_back({Row{part, index, medium, contingency_, firm}, load, limit});
  }

  void check_power(const Live& live, const Load& load, bool firm, bool for_hours) {
    const Flow flow = find_flow(model_, live, load, true);
    for (std::size_t i = 0; i < model_.elements.size(); ++i) {
      if (!live.elements[i]) continue;
      const Element& element = model_.elements[i];
      compare(Part::kElement, static_cast<int>(i), kLiquid, firm, flow.output[i],
              times_up(for_hours ? element.usable : element.overload, moment_.element_left[i], kMillion));
    }
    if (moment_.import) compare(Part::kImport, 0, kLiquid, firm, flow.import, *moment_.import);
  }

  void check_heat(const Live& live, const std::vector<ByMedium>& capacity, const Load& load, bool firm,
                  bool for_hours) {
    const std::vector<ByMedium> heat = find_heat(model_, live, capacity, load);
    for (std::size_t l = 0; l < model_.loops.size(); ++l) {
      if (!for_hours && model_.loops[l].holds) continue;
      for (int m = 0; m < kMedia; ++m) {
        if (!model_.loops[l].gives[m]) continue;
        compare(Part::kLoop, static_cast<int>(l), static_cast<Medium>(m), firm, heat[l][m], capacity[l][m]);
      }
    }
  }

  void check_supplies(const Live& live, const Load& load, bool firm) {
    if (!model_.network) return;
    for (std::size_t g = 0; g < model_.groups.size(); ++g) {
      const Group& group = model_.groups[g];
      if (!any_live(live, group.feeds)) continue;
      for (std::size_t t = 0; t < group.types.size(); ++t) {
        const Type& type = model_.types[group.types[t]];
        if (type.supplies == 0) continue;
        ++rows_;
        const std::int64_t most = capability(type, supplies_[g][t], live, group);
        if (load.peaks[g][t] > most) add_weak_nodes(static_cast<int>(g), group.types[t], load, firm, most);
      }
    }
  }

  void add_weak_nodes(int group, int type, const Load& load, bool firm, std::int64_t most) {
    for (std::size_t n = 0; n < model_.nodes.size(); ++n) {
      const Node& node = model_.nodes[n];
      if (node.type != type || model_.racks[node.rack].group != group || load.nodes[n] <= most) continue;
      broken.push_back(
          {Row{Part::kNode, static_cast<int>(n), kLiquid, contingency_, firm}, kOne * load.nodes[n], kOne * most});
    }
  }

  // The notice is time enough to shed, and nothing is out that was not out before.
  void after_order(const Live& live) {
    if (!moment_.import || !model_.grid || !model_.grid->interruptible) return;
    const Exact left = *moment_.import - kOne * model_.grid->interruptible->power.count();
    compare(Part::kImport, 0, kLiquid, true, find_flow(model_, live, *loads_.firm, true).import,
            std::max<Exact>(0, left));
  }

  const Model& model_;
  const Moment& moment_;
  const Loads& loads_;
  std::uint64_t& rows_;
  int contingency_ = 0;
  std::vector<std::vector<std::vector<int>>> supplies_;  // by group, type of it, feed
};

}  // namespace

Moment moment_of(const Model& model, Time at) {
  Moment out;
  out.at = at;
  out.element_out.assign(model.elements.size(), 0);
  out.unit_out.assign(model.units.size(), 0);
  out.element_left.assign(model.elements.size(), 1'000'000);
  out.unit_left.assign(model.units.size(), 1'000'000);
  for (std::size_t i = 0; i < model.elements.size(); ++i) {
    out.element_out[i] = model.elements[i].from && *model.elements[i].from > at;
  }
  for (const Rack& rack : model.racks) out.rack_ready.push_back(!rack.from || *rack.from <= at);
  if (model.grid) {
    std::int64_t import = model.grid->contracted.count();
    if (!model.grid->phases.empty()) {
      const GridPhaseSpec* phase = nullptr;
      for (const GridPhaseSpec& next : model.grid->phases) {
        if (next.from <= at && (phase == nullptr || next.from > phase->from)) phase = &next;
      }
      import = phase == nullptr ? 0 : std::min(import, phase->energised.count());
      if (phase != nullptr && phase->built) import = std::min(import, phase->built->count());
    }
    out.import = kOne * import;
  }
  return out;
}

std::string row_name(const Model& model, const Row& row) {
  switch (row.part) {
    case Part::kElement:
      return model.elements[row.index].name;
    case Part::kImport:
      return model.name + " import";
    case Part::kNode:
      return model.nodes[row.index].name + " supplies";
    case Part::kLoop:
      break;
  }
  constexpr std::array<std::string_view, kMedia> kNames{" liquid", " air", " flow"};
  return model.loops[row.index].name + std::string(kNames[row.medium]);
}

Load sum_up(const Model& model, const Moment& moment, const NodeWatts& added, bool idle) {
  Load load;
  load.groups.resize(model.groups.size());
  load.peaks.resize(model.groups.size());
  load.nodes.assign(model.nodes.size(), 0);
  // Watts by group and type first: heat and flow are proportional to them.
  std::vector<std::vector<std::int64_t>> watts(model.groups.size());
  for (std::size_t g = 0; g < model.groups.size(); ++g) {
    load.peaks[g].assign(model.groups[g].types.size(), 0);
    watts[g].assign(model.groups[g].types.size(), 0);
  }
  for (std::size_t n = 0; n < model.nodes.size(); ++n) {
    const Node& node = model.nodes[n];
    if (!moment.rack_ready[node.rack]) continue;
    const Type& type = model.types[node.type];
    const std::int64_t holds = idle ? std::min(type.max, type.idle + added[n]) : added[n];
    const int g = model.racks[node.rack].group;
    const std::vector<int>& types = model.groups[g].types;
    const std::size_t t = std::find(types.begin(), types.end(), node.type) - types.begin();
    watts[g][t] += holds;
    load.nodes[n] = holds;
    load.peaks[g][t] = std::max(load.peaks[g][t], holds);
  }
  for (std::size_t g = 0; g < model.groups.size(); ++g) {
    for (std::size_t t = 0; t < watts[g].size(); ++t) {
      const Type& type = model.types[model.groups[g].types[t]];
      const Exact sum = kOne * watts[g][t];
      load.groups[g].draw += sum;
      load.groups[g].heat[kLiquid] += sum / kMillion * type.liquid_ppm;
      load.groups[g].heat[kAir] += sum / kMillion * (1'000'000 - type.liquid_ppm);
      load.groups[g].heat[kFlow] += times_down(sum, type.flow, type.max);
    }
  }
  return load;
}

std::vector<Broken> broken_rows(const Model& model, const Moment& moment, const Loads& loads, std::uint64_t& rows) {
  Comparison comparison(model, moment, loads, rows);
  for (std::size_t c = 0; c < model.contingencies.size(); ++c) comparison.run(static_cast<int>(c));
  return std::move(comparison.broken);
}

Exact load_of(const Model& model, const Moment& moment, const Load& load, const Row& row, bool own) {
  if (row.part == Part::kNode) return kOne * load.nodes[row.index];
  const Live live = find_live(model, moment, model.contingencies[row.contingency]);
  if (row.part == Part::kLoop) {
    return find_heat(model, live, find_capacity(model, moment, live), load)[row.index][row.medium];
  }
  const Flow flow = find_flow(model, live, load, own);
  return row.part == Part::kImport ? flow.import : flow.output[row.index];
}

}  // namespace penstock::verifier
