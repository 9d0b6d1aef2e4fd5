// Closing a month: where each site's energy went, what each tenant is asked, and how that stands in the ledger.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Takes a reading in. The same again changes nothing; another one from the same instant on replaces it. kInvalid for a stretch that is
/// not within one month or overlaps another, kFailedPrecondition for a month that is closed, kNotFound for an unknown site.
Result<Reply> read_meter(Step& step, const ReadMeter& command);

/// Charges or credits a project this month. kInvalid for an amount of another currency than the contract's, or 0.
Result<Reply> adjust(Step& step, const Adjust& command);

/// Closes a month. kFailedPrecondition if it is not over, is closed already, or an earlier one is open.
///
/// Energy. A site has imported what its meter shows, and where that shows nothing what the model says. From that the energy of the work
/// is taken; the rest (idle power, cooling, losses) is shared out by GPU time: to those who held GPUs, to reserved contracts for what
/// they reserved at the site and did not hold (over several sites, by what was free there), and for all other delivered GPUs to the provider. Whole
/// joules go by the largest remainder, so that the parts add up to the meter.
///
/// Money. Lines follow from rows and terms; docs/billing.md has the rules. What is rounded is rounded once, half away from 0, to a
/// millionth.
Result<Reply> close_month(Step& step, const CloseMonth& command);

/// Shares `whole` out by `weights`, which are not negative: whole units, the largest remainders first, then in order. If all weights are 0
/// the last takes all. Requires a weight.
std::vector<std::int64_t> share_out(std::int64_t whole, const std::vector<std::int64_t>& weights);

}  // namespace penstock
