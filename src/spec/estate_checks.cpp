// What node types and sites must satisfy by themselves; what depends on other objects is the estate compiler's.
#include <algorithm>

#include "spec/checks.h"
#include "spec/estate.h"

namespace penstock {
namespace {

void check_range_name(Problems& problems, std::string_view field, std::string_view pattern) {
  Status named = check_range(pattern);
  if (!named.ok()) problems.add(named.error().message, field);
}

// Rack names may use where the rack stands; any label will do to see their shape.
void check_rack_name(Problems& problems, std::string_view pattern) {
  Result<std::string> name = substitute(pattern, {{"hall", "h"}, {"row", "r"}});
  Status named = name.ok() ? check_range(*name) : Status(name.error());
  if (!named.ok()) problems.add(named.error().message, "name");
}

// Either a file or points; a file's name alone, since only what stands beside the document is sent.
void check_file_or_points(Problems& problems, const std::string& file, std::size_t points) {
  if (file.empty() == (points == 0)) {
    problems.add(file.empty() ? "expected a file or points, found neither" : "expected a file or points, found both", "file");
  } else if (!file.empty() && (!file.ends_with(".csv") || file.find('/') != std::string::npos)) {
    problems.add(fmt::format("expected the name of a .csv file beside the document, found '{}'", file), "file");
  }
  if (points > kMostPoints) problems.add(fmt::format("expected at most {} points, found {}", kMostPoints, points), "points");
}

template <class Point>
void check_rising(Problems& problems, const std::vector<Point>& points) {
  for (std::size_t i = 1; i < points.size() && !problems.full(); ++i) {
    if (points[i].from > points[i - 1].from) continue;
    problems.add(fmt::format("expected a time after the point before it ({}), found {}",
                             Text<Time>::format(points[i - 1].from), Text<Time>::format(points[i].from)),
                 fmt::format("points[{}].from", i));
  }
}

enum class FeedsOf { kRack, kOther };

void check_feeds(Problems& problems, const std::vector<FeedSpec>& feeds, FeedsOf of) {
  const auto telling = std::count_if(feeds.begin(), feeds.end(), [](const FeedSpec& feed) { return feed.supplies.has_value(); });
  if (of == FeedsOf::kRack && telling > 0 && telling < static_cast<std::ptrdiff_t>(feeds.size())) {
    problems.add("expected supplies on every feed or on none; without any they are spread evenly", "feeds");
  }
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    if (feeds[i].share) check_between(problems, fmt::format("feeds[{}].share", i), *feeds[i].share, Ppm{0}, kWhole);
    if (!feeds[i].supplies) continue;
    if (of == FeedsOf::kRack) {
      check_between(problems, fmt::format("feeds[{}].supplies", i), *feeds[i].supplies, 0, 64);
    } else {
      problems.add("only the feeds of a rack tell the supplies of its nodes", fmt::format("feeds[{}].supplies", i));
    }
  }
}

void check_rack_nodes(Problems& problems, const std::vector<RackNodesSpec>& nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    check_range_name(problems, fmt::format("nodes[{}].name", i), nodes[i].name);
    check_label(problems, fmt::format("nodes[{}].type", i), nodes[i].type);
  }
}

// Exactly one of the three ways to give a rating, with what belongs to it.
void check_rating(Problems& problems, const ElementSpec& element) {
  const int ways = (element.rating ? 1 : 0) + (element.apparent ? 1 : 0) + (element.current ? 1 : 0);
  if (ways != 1) {
    problems.add(fmt::format("expected one of rating (watts), apparent (volt-amperes) and current with voltage, found {}",
                             ways == 0 ? "none" : "several"),
                 "rating");
  }
  if (element.rating) check_between(problems, "rating", *element.rating, Watts{1}, kMostPower);
  if (element.apparent) check_between(problems, "apparent", *element.apparent, VoltAmps{1}, VoltAmps{kMostPower.count()});
  if (element.current) {
    check_between(problems, "current", *element.current, MilliAmps{1}, MilliAmps{100'000'000});
    if (!element.voltage) problems.add("expected the voltage that belongs to the current", "voltage");
  }
  if (element.voltage) {
    check_between(problems, "voltage", *element.voltage, Volts{1}, Volts{1'000'000});
    if (!element.current) problems.add("a voltage belongs to a current; there is none", "voltage");
  }
  if (element.phases) {
    if (*element.phases != 1 && *element.phases != 3) {
      problems.add(fmt::format("expected 1 or 3, found {}", *element.phases), "phases");
    } else if (!element.current) {
      problems.add("phases belong to a current; there is none", "phases");
    }
  }
  if (element.power_factor) {
    check_between(problems, "powerFactor", *element.power_factor, Ppm{1}, kWhole);
    if (element.rating) problems.add("a rating in watts has no power factor", "powerFactor");
  }
  if (element.continuous) check_between(problems, "continuous", *element.continuous, Ppm{1}, kWhole);
  if (element.reserve) check_between(problems, "reserve", *element.reserve, Ppm{0}, kWhole - Ppm{1});
  if (element.modules) {
    check_between(problems, "modules.count", element.modules->count, 1, 1000);
    check_between(problems, "modules.redundant", element.modules->redundant, 0, std::max(0, element.modules->count - 1));
  }
}

void check_efficiency(Problems& problems, const ElementSpec& element) {
  if (element.efficiency) check_between(problems, "efficiency", *element.efficiency, Ppm{1}, kWhole);
  const std::vector<EfficiencyPointSpec>& curve = element.efficiency_curve;
  if (curve.empty()) return;
  if (element.efficiency) problems.add("expected efficiency or efficiencyCurve, found both", "efficiencyCurve");
  Watts before{0};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const std::string at = fmt::format("efficiencyCurve[{}]", i);
    check_between(problems, at + ".load", curve[i].load, Ppm{1}, kWhole);
    check_between(problems, at + ".efficiency", curve[i].efficiency, Ppm{1}, kWhole);
    if (i > 0 && curve[i].load <= curve[i - 1].load) {
      problems.add(fmt::format("expected more than the load of the point before it ({}), found {}",
                               Text<Ppm>::format(curve[i - 1].load), Text<Ppm>::format(curve[i].load)),
                   at + ".load");
    }
    if (curve[i].efficiency <= Ppm{0}) continue;
    const Watts input{mul_div_ceil(curve[i].load.count(), kWhole.count(), curve[i].efficiency.count())};
    if (input <= before) problems.add("expected a greater input at a greater load", at + ".efficiency");
    before = input;
  }
  if (curve.back().load != kWhole) {
    problems.add(fmt::format("expected the last point at a load of 100%, found {}", Text<Ppm>::format(curve.back().load)),
                 fmt::format("efficiencyCurve[{}].load", curve.size() - 1));
  }
}

void check_overload(Problems& problems, const std::vector<OverloadPointSpec>& curve) {
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const std::string at = fmt::format("overload[{}]", i);
    check_between(problems, at + ".load", curve[i].load, kWhole, kWhole * 100);
    check_between(problems, at + ".time", curve[i].time, milliseconds(1), hours(24 * 365));
    if (i == 0) continue;
    if (curve[i].load <= curve[i - 1].load) {
      problems.add(fmt::format("expected more than the load of the point before it ({}), found {}",
                               Text<Ppm>::format(curve[i - 1].load), Text<Ppm>::format(curve[i].load)),
                   at + ".load");
    }
    if (curve[i].time > curve[i - 1].time) {
      problems.add(fmt::format("expected at most {}, the time of the lesser load before it, found {}",
                               Text<Duration>::format(curve[i - 1].time), Text<Duration>::format(curve[i].time)),
                   at + ".time");
    }
  }
}

void check_network(Problems& problems, const NetworkSpec& network) {
  Problems::Step at_network(problems, "network");
  Problems::Step at_elements(problems, "elements");
  for (std::size_t i = 0; i < network.elements.size(); ++i) {
    Problems::Step at_element(problems, i);
    const ElementSpec& element = network.elements[i];
    check_range_name(problems, "name", element.name);
    check_rating(problems, element);
    check_efficiency(problems, element);
    check_overload(problems, element.overload);
    check_feeds(problems, element.feeds, FeedsOf::kOther);
  }
}

void check_cooling(Problems& problems, const CoolingSpec& cooling) {
  Problems::Step at_cooling(problems, "cooling");
  for (std::size_t i = 0; i < cooling.units.size(); ++i) {
    const CoolingUnitSpec& unit = cooling.units[i];
    Problems::Step at_units(problems, "units");
    Problems::Step at_unit(problems, i);
    check_range_name(problems, "name", unit.name);
    if (unit.liquid) check_between(problems, "liquid", *unit.liquid, Watts{0}, kMostPower);
    if (unit.air) check_between(problems, "air", *unit.air, Watts{0}, kMostPower);
    if (unit.flow) check_between(problems, "flow", *unit.flow, MillilitresPerMinute{0}, kMostFlow);
    if (unit.draw) check_between(problems, "draw", *unit.draw, Watts{0}, kMostPower);
    check_feeds(problems, unit.feeds, FeedsOf::kOther);
  }
  for (std::size_t i = 0; i < cooling.loops.size(); ++i) {
    Problems::Step at_loops(problems, "loops");
    Problems::Step at_loop(problems, i);
    check_range_name(problems, "name", cooling.loops[i].name);
    if (cooling.loops[i].units.empty()) problems.add("expected at least one cooling unit", "units");
    if (cooling.loops[i].hold) check_between(problems, "hold", *cooling.loops[i].hold, Duration{}, hours(24));
  }
}

void check_contingencies(Problems& problems, const ContingenciesSpec& contingencies) {
  Problems::Step at_contingencies(problems, "contingencies");
  if (contingencies.shed_within) check_between(problems, "shedWithin", *contingencies.shed_within, Duration{}, hours(1));
  for (std::size_t i = 0; i < contingencies.together.size(); ++i) {
    const LossSpec& loss = contingencies.together[i];
    Problems::Step at_together(problems, "together");
    Problems::Step at_loss(problems, i);
    check_label(problems, "name", loss.name);
    if (loss.lose.empty()) problems.add("expected at least one element or cooling unit", "lose");
    for (std::size_t k = 0; k < loss.lose.size(); ++k) check_range_name(problems, fmt::format("lose[{}]", k), loss.lose[k]);
  }
}

void check_fabric(Problems& problems, const FabricSpec& fabric) {
  Problems::Step at_fabric(problems, "fabric");
  for (std::size_t i = 0; i < fabric.tiers.size(); ++i) {
    check_label(problems, fmt::format("tiers[{}].name", i), fabric.tiers[i].name);
    check_between(problems, fmt::format("tiers[{}].planes", i), fabric.tiers[i].planes, 0, 64);
    if (i > 0 && fabric.tiers[i].group < fabric.tiers[i - 1].group) {
      problems.add(fmt::format("expected {} or wider: tiers go from the nearest to the farthest",
                               name_of(fabric.tiers[i - 1].group)),
                   fmt::format("tiers[{}].group", i));
    }
  }
}

void check_halls(Problems& problems, const std::vector<HallSpec>& halls) {
  Problems::Step at_halls(problems, "halls");
  for (std::size_t h = 0; h < halls.size(); ++h) {
    Problems::Step at_hall(problems, h);
    check_range_name(problems, "name", halls[h].name);
    Problems::Step at_rows(problems, "rows");
    for (std::size_t r = 0; r < halls[h].rows.size(); ++r) {
      Problems::Step at_row(problems, r);
      check_range_name(problems, "name", halls[h].rows[r].name);
      Problems::Step at_racks(problems, "racks");
      for (std::size_t k = 0; k < halls[h].rows[r].racks.size(); ++k) {
        const RackSpec& rack = halls[h].rows[r].racks[k];
        Problems::Step at_rack(problems, k);
        check_rack_name(problems, rack.name);
        check_rack_nodes(problems, rack.nodes);
        check_feeds(problems, rack.feeds, FeedsOf::kRack);
        check_between(problems, "units", rack.units, 0, 100);
        check_between(problems, "position", rack.position, 0, 10'000);
        if (rack.weight) check_between(problems, "weight", *rack.weight, Grams{0}, kMostWeight);
      }
    }
  }
}

void check_exceptions(Problems& problems, const std::vector<RackExceptionSpec>& exceptions) {
  Problems::Step at_exceptions(problems, "exceptions");
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    const RackExceptionSpec& exception = exceptions[i];
    Problems::Step at_exception(problems, i);
    const auto parts = split_path(exception.rack);
    if (parts.size() != 2) {
      problems.add(fmt::format("expected hall/rack, found '{}'", exception.rack), "rack");
    } else {
      for (std::string_view part : parts) check_range_name(problems, "rack", part);
    }
    if (exception.absent && !(exception.nodes.empty() && exception.feeds.empty() && exception.labels.empty() &&
                              exception.loops.empty() && !exception.redundancy)) {
      problems.add("an absent rack can have no nodes, feeds, loops, redundancy or labels", "absent");
    }
    check_rack_nodes(problems, exception.nodes);
    check_feeds(problems, exception.feeds, FeedsOf::kRack);
  }
}

}  // namespace

void DeviceSpec::check(Problems& problems) const {
  check_label(problems, "model", model);
  check_between(problems, "count", count, 1, kMostDevices);
  if (memory) check_between(problems, "memory", *memory, Bytes{1}, kMostMemory);
  if (power_limit_min) check_between(problems, "powerLimitMin", *power_limit_min, Watts{0}, kMostNodePower);
  if (power_limit_max) check_between(problems, "powerLimitMax", *power_limit_max, Watts{1}, kMostNodePower);
  if (power_limit_min && power_limit_max && *power_limit_min > *power_limit_max) {
    problems.add(fmt::format("expected at most powerLimitMax ({}), found {}", Text<Watts>::format(*power_limit_max),
                             Text<Watts>::format(*power_limit_min)),
                 "powerLimitMin");
  }
}

void NodePowerSpec::check(Problems& problems) const {
  check_between(problems, "max", max, Watts{1}, kMostNodePower);
  if (max > Watts{0} && idle > max) {
    problems.add(
        fmt::format("expected at most max ({}), found {}", Text<Watts>::format(max), Text<Watts>::format(idle)),
        "idle");
  }
}

void SuppliesSpec::check(Problems& problems) const {
  check_between(problems, "count", count, 1, 64);
  if (count >= 1) check_between(problems, "needed", needed, 1, count);
}

void NodeTypeSpec::check(Problems& problems) const {
  check_between(problems, "cpu", cpu, MilliCpu{1}, kMostCores);
  check_between(problems, "memory", memory, Bytes{1}, kMostMemory);
  if (disk) check_between(problems, "disk", *disk, Bytes{0}, kMostDisk);
  if (liquid_share) check_between(problems, "liquidShare", *liquid_share, Ppm{0}, kWhole);
  if (flow) check_between(problems, "flow", *flow, MillilitresPerMinute{0}, kMostFlow);
  check_between(problems, "rails", rails, 0, 64);
  check_between(problems, "units", units, 0, 100);
  if (weight) check_between(problems, "weight", *weight, Grams{0}, kMostWeight);
  if (faults) {
    check_between<std::int64_t>(problems, "faults.perMillionNodeDays", faults->per_million_node_days, 0, 1'000'000);
    check_between(problems, "faults.repair", faults->repair, seconds(0), hours(24 * 365));
  }
}

void TariffSpec::check(Problems& problems) const {
  check_file_or_points(problems, file, points.size());
  check_rising(problems, points);
  for (std::size_t i = 0; i < points.size() && !problems.full(); ++i) {
    const Money& price = points[i].price;
    Status good = check_series_price(price);
    if (good.ok() && price.currency != points.front().price.currency) {
      good = make_error(Code::kInvalid, fmt::format("expected a price in {}, as in the points before it, found {}",
                                                    points.front().price.currency, Text<Money>::format(price)));
    }
    if (!good.ok()) problems.add(good.error().message, fmt::format("points[{}].price", i));
  }
}

void CarbonSpec::check(Problems& problems) const {
  check_file_or_points(problems, file, points.size());
  check_rising(problems, points);
  for (std::size_t i = 0; i < points.size() && !problems.full(); ++i) {
    if (points[i].grams >= 0 && points[i].grams <= kMostGrams) continue;
    problems.add(fmt::format("expected 0 to {}, found {}", kMostGrams, points[i].grams), fmt::format("points[{}].grams", i));
  }
}

void GridSpec::check(Problems& problems) const {
  check_between(problems, "contracted", contracted, Watts{1}, kMostPower);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const GridPhaseSpec& phase = phases[i];
    if (i > 0 && phase.from <= phases[i - 1].from) {
      problems.add(fmt::format("expected a time after the phase before it ({}), found {}",
                               Text<Time>::format(phases[i - 1].from), Text<Time>::format(phase.from)),
                   fmt::format("phases[{}].from", i));
    }
    if (contracted > Watts{0} && phase.energised > contracted) {
      problems.add(fmt::format("expected at most the contracted {}, found {}", Text<Watts>::format(contracted),
                               Text<Watts>::format(phase.energised)),
                   fmt::format("phases[{}].energised", i));
    }
    if (phase.built) check_between(problems, fmt::format("phases[{}].built", i), *phase.built, Watts{0}, kMostPower);
  }
  if (interruptible) {
    check_between(problems, "interruptible.power", interruptible->power, Watts{1}, std::max(Watts{1}, contracted));
    check_between(problems, "interruptible.notice", interruptible->notice, Duration{}, hours(24 * 365));
  }
  if (ramp_per_second) check_between(problems, "rampPerSecond", *ramp_per_second, Watts{1}, kMostPower);
  if (price_per_kwh) check_price(problems, "pricePerKwh", *price_per_kwh);
}

void RestrictionSpec::check(Problems& problems) const {
  for (std::size_t i = 0; i < parts.size(); ++i) check_range_name(problems, fmt::format("parts[{}]", i), parts[i]);
  const bool order = cause == RestrictionCause::kOrder;
  if (order && !parts.empty()) problems.add("an order limits the import of the site and has no parts", "parts");
  if (!order && parts.empty()) problems.add("expected at least one element or cooling unit", "parts");
  if (order && !import) problems.add("expected the import that the order allows", "import");
  if (!order && import) problems.add("only an order limits the import", "import");
  if (import) check_between(problems, "import", *import, Watts{0}, kMostPower);
  const bool derating = cause == RestrictionCause::kDerating;
  if (derating && !to) problems.add("expected what is left, such as 80%", "to");
  if (!derating && to) problems.add("only a derating leaves a part; with failure and maintenance nothing is left", "to");
  if (to) check_between(problems, "to", *to, Ppm{0}, kWhole);
  if (cause == RestrictionCause::kMaintenance) {
    if (!from) problems.add("expected when the maintenance begins", "from");
    if (!until) problems.add("expected when the maintenance ends", "until");
  }
  if (from && until && *from >= *until) {
    problems.add(
        fmt::format("expected a time after from ({}), found {}", Text<Time>::format(*from), Text<Time>::format(*until)),
        "until");
  }
}

void SiteSpec::check(Problems& problems) const {
  check_country(problems, "country", country);
  if (network) check_network(problems, *network);
  if (cooling) check_cooling(problems, *cooling);
  if (contingencies) check_contingencies(problems, *contingencies);
  if (fabric) check_fabric(problems, *fabric);
  check_halls(problems, halls);
  check_exceptions(problems, exceptions);
}

}  // namespace penstock
