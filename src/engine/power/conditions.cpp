// Restrictions over the specs' own dates.
#include "engine/power/conditions.h"

#include <algorithm>

namespace penstock {

std::optional<Interval> interval_of(const Facts& facts, const Object<RestrictionSpec>& restriction) {
  if (facts.revoked.contains(restriction.name)) return std::nullopt;
  return Interval{restriction.spec.from.value_or(restriction.created), restriction.spec.until};
}

SiteRestrictions::SiteRestrictions(const SiteNetwork& network, const Facts& facts, std::string_view except)
    : network_(network) {
  const std::string prefix = network.site().name + "/";
  for (auto at = facts.restrictions.lower_bound(prefix);
       at != facts.restrictions.end() && at->first.starts_with(prefix); ++at) {
    if (at->first == except) continue;
    if (const auto interval = interval_of(facts, at->second)) add(at->second.spec, *interval);
  }
}

void SiteRestrictions::add(const RestrictionSpec& spec, Interval interval) {
  auto parts = network_.estate().find_parts(network_.estate().find_site(network_.site().name), spec.parts);
  PENSTOCK_CHECK(parts.ok());  // the catalog has looked them up, and keeps them from vanishing
  entries_.push_back({spec, interval, std::move(*parts)});
}

SiteCondition SiteRestrictions::condition(Time at) const {
  SiteCondition condition = network_.condition(at);
  const EstateSite& site = network_.site();
  for (const Entry& entry : entries_) {
    if (!entry.interval.holds(at)) continue;
    if (entry.spec.import) condition.import = std::min(*entry.spec.import, condition.import.value_or(*entry.spec.import));
    for (ElementIndex e : entry.parts.elements) {
      const std::uint32_t local = e - site.first_element;
      if (entry.spec.to) {
        condition.element_left[local] = std::min(condition.element_left[local], *entry.spec.to);
      } else {
        condition.element_out[local] = 1;
      }
    }
    for (UnitIndex u : entry.parts.units) {
      const std::uint32_t local = u - site.first_unit;
      if (entry.spec.to) {
        condition.unit_left[local] = std::min(condition.unit_left[local], *entry.spec.to);
      } else {
        condition.unit_out[local] = 1;
      }
    }
  }
  return condition;
}

std::vector<Time> SiteRestrictions::dates(Time after) const {
  const std::vector<Time> by_spec = network_.dates(after);
  std::set<Time> dates(by_spec.begin(), by_spec.end());
  for (const Entry& entry : entries_) {
    if (after < entry.interval.from) dates.insert(entry.interval.from);
    if (entry.interval.until && after < *entry.interval.until) dates.insert(*entry.interval.until);
  }
  return {dates.begin(), dates.end()};
}

}  // namespace penstock
