// Where automation stops and calls a person.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Whether the fleet's rules may act on a node. If more nodes around it are out than may be, the breaker of its site, or that of
/// all sites, opens here and now, and stays so until a person closes it.
bool may_act(Step& step, NodeIndex node, const FleetSpec& rules);

/// What is beyond its limit around a node; nothing if all is within.
struct Beyond {
  OutScope scope = OutScope::kSite;
  std::string place;  ///< rack, row or site; empty: all sites
  std::int64_t out = 0;
  std::int64_t limit = 0;
};
/// `more`: if so many more nodes around it were out.
std::optional<Beyond> beyond_around(const State& state, NodeIndex node, const FleetSpec& rules, std::int64_t more = 0);

/// How near a rack, a row, a site or the fleet is to where automation stops.
struct Margin {
  OutScope scope = OutScope::kSite;
  std::string place;  ///< rack, row or site; empty: all sites
  std::int64_t nodes = 0;
  std::int64_t out = 0;
  std::int64_t limit = 0;
};
/// Of a site's racks and of its rows the ones with the least left, the site, and all sites together; without what has no limit.
std::vector<Margin> margins_of(const State& state, SiteIndex site, const FleetSpec& rules);

/// Opens or closes the breaker of a site (none named: of all). It does not close while more nodes are out than may be.
Result<Reply> switch_breaker(Step& step, const SwitchBreaker& command);

}  // namespace penstock
