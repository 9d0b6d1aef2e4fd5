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
/// `except` names the restriction itself if it stands already: its present form does not count.
std::vector<LimitBreak> maintenance_breaks(const State& state, SiteIndex site, const RestrictionSpec& spec, Time now,
                                           std::string_view except = {});

/// What would be above a limit at the site in `after`, another estate with the same grants, and is not now.
std::vector<LimitBreak> breaks_in(const State& state, std::shared_ptr<const Estate> after, SiteIndex site_after);

/// The breaks as a sentence: the worst first, at most three.
std::string describe(const std::vector<LimitBreak>& breaks);

/// Whole watts of a load, rounded up.
constexpr std::int64_t whole_up(MicroWatts micro) { return micro / kMicro + (micro % kMicro > 0 ? 1 : 0); }

/// Whether what the job holds now is still its own at a later time; nothing: now.
inline bool holds_at(const Job& job, std::optional<Time> later) {
  return !later || !job.allocation->until || *later < *job.allocation->until;
}

/// What a task gives when its job is shed. `power` follows.
void weigh_shed(PowerLoads& power, NodeIndex node, const NodeTypeSpec& type, const TaskPlacement& task, std::optional<Time> until);

/// A question: what if these parts were out and import were this low, besides what is so anyway?
struct WhatIf {
  std::optional<Time> later;  ///< nothing: now
  EstateLoss lost;
  std::optional<Watts> import;
};

/// One site by itself, with all that is granted then.
PowerLoads site_if(const State& state, SiteIndex site, const WhatIf& what, SiteLimits::Losses losses);

/// Jobs that would be shed, in order, so that `power`, which is of site_if(), comes within rules 1 and 2; and what would
/// still be above them. `power` follows.
struct ShedPlan {
  std::vector<Uid> jobs;
  std::vector<LimitBreak> left;
};
ShedPlan shed_plan(const State& state, SiteIndex site, const WhatIf& what, PowerLoads& power);

}  // namespace penstock
