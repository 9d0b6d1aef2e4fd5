// What is out, derated and ordered at a site through time, by the specs' dates and the restrictions in force.
#pragma once

#include "engine/facts.h"
#include "estate/limits.h"

namespace penstock {

/// The interval in which a restriction takes effect; nothing if it has been revoked.
struct Interval {
  Time from;
  std::optional<Time> until;
  bool holds(Time t) const { return from <= t && (!until || t < *until); }
};
std::optional<Interval> interval_of(const Facts& facts, const Object<RestrictionSpec>& restriction);

/// The restrictions of one site that are not revoked, with the parts that they name.
class SiteRestrictions {
 public:
  /// All of the facts but one, if `except` names it.
  SiteRestrictions(const SiteNetwork& network, const Facts& facts, std::string_view except = {});
  /// Adds one that is only asked about.
  void add(const RestrictionSpec& spec, Interval interval);

  SiteCondition condition(Time at) const;
  /// When the condition changes after `after`, by the specs or by a restriction, in order.
  std::vector<Time> dates(Time after) const;

 private:
  struct Entry {
    RestrictionSpec spec;
    Interval interval;
    EstateLoss parts;
  };
  const SiteNetwork& network_;
  std::vector<Entry> entries_;
};

}  // namespace penstock
