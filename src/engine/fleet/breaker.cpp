// Counts against limits.
#include "engine/fleet/breaker.h"

#include <algorithm>

namespace penstock {
namespace {

const std::optional<BreakerLimitSpec>& said(const FleetSpec& rules, OutScope scope) {
  static const std::optional<BreakerLimitSpec> kNothing;
  if (!rules.breaker) return kNothing;
  switch (scope) {
    case OutScope::kRack: return rules.breaker->rack;
    case OutScope::kRow: return rules.breaker->row;
    case OutScope::kSite: return rules.breaker->site;
    case OutScope::kFleet: break;
  }
  return rules.breaker->fleet;
}

std::optional<BreakerLimitSpec> otherwise(OutScope scope) {
  switch (scope) {
    case OutScope::kRack: return std::nullopt;  // an NVLink domain fails as a whole
    case OutScope::kRow: return BreakerLimitSpec{std::nullopt, Ppm(300'000)};
    case OutScope::kSite: return BreakerLimitSpec{200, Ppm(50'000)};
    case OutScope::kFleet: break;
  }
  return BreakerLimitSpec{1000, Ppm(30'000)};
}

// One may always be out: else nothing would ever be mended where few are.
std::optional<std::int64_t> limit_of(const FleetSpec& rules, OutScope scope, std::int64_t nodes) {
  const std::optional<BreakerLimitSpec> limit = said(rules, scope) ? said(rules, scope) : otherwise(scope);
  if (!limit) return std::nullopt;
  std::int64_t most = nodes;
  if (limit->nodes) most = std::min<std::int64_t>(most, *limit->nodes);
  if (limit->share) most = std::min(most, mul_div_floor(nodes, limit->share->count(), 1'000'000));
  return std::max<std::int64_t>(most, 1);
}

std::string place_of(const Estate& estate, NodeIndex node, OutScope scope) {
  const EstateRack& rack = estate.racks()[estate.nodes()[node].rack];
  switch (scope) {
    case OutScope::kRack: return rack.name;
    case OutScope::kRow: return estate.rows()[rack.in_row].name;
    case OutScope::kSite: return estate.site_of(node).name;
    case OutScope::kFleet: break;
  }
  return {};
}

}  // namespace

std::optional<Beyond> beyond_around(const State& state, NodeIndex node, const FleetSpec& rules, std::int64_t more) {
  for (const OutScope scope : kOutScopes) {
    const auto limit = limit_of(rules, scope, state.outs().nodes_around(state.estate(), node, scope));
    const std::int64_t out = state.outs().out_around(state.estate(), node, scope) + more;
    if (limit && out > *limit) return Beyond{scope, place_of(state.estate(), node, scope), out, *limit};
  }
  return std::nullopt;
}

std::vector<Margin> margins_of(const State& state, SiteIndex site, const FleetSpec& rules) {
  const Estate& estate = state.estate();
  const EstateSite& here = estate.sites()[site];
  std::map<OutScope, Margin> worst;
  for (RackIndex index = here.first_rack; index < here.first_rack + here.racks; ++index) {
    const EstateRack& rack = estate.racks()[index];
    if (rack.nodes == 0) continue;
    for (const OutScope scope : kOutScopes) {
      const std::int64_t nodes = state.outs().nodes_around(estate, rack.first_node, scope);
      const auto limit = limit_of(rules, scope, nodes);
      if (!limit) continue;
      Margin margin{scope, place_of(estate, rack.first_node, scope), nodes, state.outs().out_around(estate, rack.first_node, scope), *limit};
      const auto [known, fresh] = worst.try_emplace(scope, margin);
      if (!fresh && margin.limit - margin.out < known->second.limit - known->second.out) known->second = std::move(margin);
    }
  }
  std::vector<Margin> out;
  for (auto& [scope, margin] : worst) out.push_back(std::move(margin));
  return out;
}

bool may_act(Step& step, NodeIndex node, const FleetSpec& rules) {
  const std::string& site = step.state().estate().site_of(node).name;
  const auto& open = step.facts().breakers;
  if (open.contains(site) || open.contains("")) return false;
  const auto beyond = beyond_around(step.state(), node, rules);
  if (!beyond) return true;
  OpenBreaker breaker;
  breaker.since = step.now();
  breaker.reason = beyond->scope == OutScope::kFleet
                       ? fmt::format("{} nodes of the fleet are out of work, {} may be", beyond->out, beyond->limit)
                       : fmt::format("{} nodes of {} {} are out of work, {} may be", beyond->out, name_of(beyond->scope), beyond->place, beyond->limit);
  breaker.out = beyond->out;
  breaker.limit = beyond->limit;
  step.emit(BreakerOpened{beyond->scope == OutScope::kFleet ? std::string() : site, std::move(breaker)});
  return false;
}

Result<Reply> switch_breaker(Step& step, const SwitchBreaker& command) {
  const Estate& estate = step.state().estate();
  const SiteIndex site = command.site.empty() ? kNowhere : estate.find_site(command.site);
  if (!command.site.empty() && site == kNowhere) return make_error(Code::kNotFound, fmt::format("there is no site '{}'", command.site), "site");
  Reply reply;
  const bool is_open = step.facts().breakers.contains(command.site);
  reply.changes.push_back({"Breaker", command.site.empty() ? "fleet" : command.site, Uid{}, is_open == command.open ? Change::kUnchanged : Change::kChanged, 0});
  if (is_open == command.open) return reply;
  if (command.open) {
    step.emit(BreakerOpened{command.site, {step.now(), step.meta().principal, command.reason.empty() ? "stopped by hand" : command.reason, 0, 0}});
    return reply;
  }
  for (const NodeIndex node : step.state().amiss()) {
    const EstateSite& here = estate.site_of(node);
    if (!here.fleet || (site != kNowhere && estate.nodes()[node].site != site)) continue;
    const auto beyond = beyond_around(step.state(), node, *here.fleet);
    if (!beyond || (site == kNowhere) != (beyond->scope == OutScope::kFleet)) continue;
    return make_error(Code::kFailedPrecondition,
                      fmt::format("{} nodes of {} {} are still out of work and {} may be: mend some by hand, or raise spec.fleet.breaker.{} of the Site",
                                  beyond->out, name_of(beyond->scope), beyond->place, beyond->limit, name_of(beyond->scope)),
                      "site");
  }
  step.emit(BreakerClosed{command.site});
  return reply;
}

}  // namespace penstock
