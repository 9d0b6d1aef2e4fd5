// What the engine does when limits move: dated limits, shedding, restoring, maintenance, power limits of jobs.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Takes in dated limits whose time has come: phases, halls, elements, restrictions. Maintenance that would break a limit
/// after all is revoked first.
void take_in_dates(Step& step);

/// After limits of a site may have fallen: sheds within the contracts until the present state is within them, stops work on
/// dark racks, revokes later maintenance that no longer holds, and tells what stays above a limit. `cause` is for people.
void mend(Step& step, SiteIndex site, const std::string& cause);

/// Gives shed jobs their power back where there is room again, and tells sites that have come back within their limits.
/// The jobs shed last come first.
void restore_shed(Step& step);

/// Changes the power limit of a job's GPUs; for a running one only within all limits.
Result<Reply> set_gpu_power(Step& step, const SetGpuPower& command);

/// Rows of one site above their limits, each subject once with its worst contingency: now, or in a later segment with the
/// firm power of what runs then.
std::vector<LimitBreak> breaks_of(const PowerLoads& power, SiteIndex site, std::size_t segment, bool firm_only);

/// What would be above a limit if the parts were out in that window, given what is granted; nothing: it may be done.
/// `name` is the restriction's own, whose present form does not count.
std::vector<LimitBreak> maintenance_breaks(const State& state, const std::string& name, const RestrictionSpec& spec, Time now);

/// What would be above a limit at the site in `after`, another estate with the same grants, and is not now.
std::vector<LimitBreak> breaks_in(const State& state, std::shared_ptr<const Estate> after, SiteIndex site_after);

/// The breaks as a sentence: the worst first, at most three.
std::string describe(const std::vector<LimitBreak>& breaks);

/// Jobs that would be shed, in order, so that the present state of the site with `lost` out is within its limits; and what
/// would still be above them. Changes nothing.
struct ShedPlan {
  std::vector<Uid> jobs;
  std::vector<LimitBreak> left;
};
ShedPlan shed_plan(const State& state, SiteIndex site, const EstateLoss& lost);

}  // namespace penstock
