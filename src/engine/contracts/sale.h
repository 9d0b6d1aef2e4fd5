// What a reserved contract sells by date, whether a change of it sells more, and what of it has begun and stays.
#pragma once

#include "engine/facts.h"

namespace penstock {

/// Whether GPUs are kept for the contract: it is reserved and its ramp says how many.
bool is_sold(const ContractSpec& contract);

/// GPUs that the contract is to be given at `t`, as known at `as_of`: those of its ramp, and of options that have not lapsed
/// by then, which may still be taken up for good. 0 outside its term.
std::int64_t sold_at(const ContractSpec& contract, Time t, Time as_of);

/// Every date on which sold_at() or the terms may change, in order.
std::vector<Time> sale_dates(const ContractSpec& contract);

/// Whether `after` asks more of the estate from `as_of` on than `before` did (nothing: there was none): more GPUs at any
/// time, other places or models, other shedding, another SLA, or an end of being oversold.
bool sells_more(const ContractSpec* before, const ContractSpec& after, Time as_of);

/// What of a stored contract has begun before `now` and would be changed or removed, or what would begin in the past;
/// as a refusal with its path.
Status check_begun(const ContractSpec& before, const ContractSpec& after, Time now);

/// The contract with all its dates later by as much.
ContractSpec shifted(ContractSpec contract, Duration by);

/// The contract with no step of its ramp above `gpus`.
ContractSpec capped(ContractSpec contract, std::int64_t gpus);

}  // namespace penstock
