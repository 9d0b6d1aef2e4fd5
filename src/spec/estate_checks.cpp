// What node types and sites must satisfy by themselves; what depends on other objects is the estate compiler's.
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

void check_feeds(Problems& problems, const std::vector<FeedSpec>& feeds) {
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    if (feeds[i].share) check_between(problems, fmt::format("feeds[{}].share", i), *feeds[i].share, Ppm{0}, kWhole);
  }
}

void check_rack_nodes(Problems& problems, const std::vector<RackNodesSpec>& nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    check_range_name(problems, fmt::format("nodes[{}].name", i), nodes[i].name);
    check_label(problems, fmt::format("nodes[{}].type", i), nodes[i].type);
  }
}

void check_network(Problems& problems, const NetworkSpec& network) {
  Problems::Step at_network(problems, "network");
  Problems::Step at_elements(problems, "elements");
  for (std::size_t i = 0; i < network.elements.size(); ++i) {
    Problems::Step at_element(problems, i);
    const ElementSpec& element = network.elements[i];
    check_range_name(problems, "name", element.name);
    check_between(problems, "rating", element.rating, Watts{1}, kMostPower);
    if (element.efficiency) check_between(problems, "efficiency", *element.efficiency, Ppm{1}, kWhole);
    check_feeds(problems, element.feeds);
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
    if (unit.draw) check_between(problems, "draw", *unit.draw, Watts{0}, kMostPower);
  }
  for (std::size_t i = 0; i < cooling.loops.size(); ++i) {
    Problems::Step at_loops(problems, "loops");
    Problems::Step at_loop(problems, i);
    check_range_name(problems, "name", cooling.loops[i].name);
    if (cooling.loops[i].units.empty()) problems.add("expected at least one cooling unit", "units");
  }
}

void check_fabric(Problems& problems, const FabricSpec& fabric) {
  Problems::Step at_fabric(problems, "fabric");
  for (std::size_t i = 0; i < fabric.tiers.size(); ++i) {
    check_label(problems, fmt::format("tiers[{}].name", i), fabric.tiers[i].name);
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
        check_feeds(problems, rack.feeds);
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
    if (exception.absent && !(exception.nodes.empty() && exception.feeds.empty() && exception.labels.empty())) {
      problems.add("an absent rack can have no nodes, feeds or labels", "absent");
    }
    check_rack_nodes(problems, exception.nodes);
    check_feeds(problems, exception.feeds);
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
  if (price_per_kwh) check_price(problems, "pricePerKwh", *price_per_kwh);
}

void SiteSpec::check(Problems& problems) const {
  check_country(problems, "country", country);
  if (network) check_network(problems, *network);
  if (cooling) check_cooling(problems, *cooling);
  if (fabric) check_fabric(problems, *fabric);
  check_halls(problems, halls);
  check_exceptions(problems, exceptions);
}

}  // namespace penstock
