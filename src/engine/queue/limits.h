// Limits that do not depend on which nodes are free: a contract's and a project's GPUs.
#pragma once

#include "engine/state.h"

namespace penstock {

/// GPUs that others have been promised under the job's contract and in its project, and may need before it ends. If it has a
/// promise, those who were promised something later count only if they have a date, and with `before_it` not at all.
struct PromisedBeside {
  MilliGpu contract;
  MilliGpu project;
};
PromisedBeside promised_beside(const State& state, const Job& job, Time now, bool before_it = false);

/// Whether such a limit may be in the job's way at any time, as the specs stand: a contract with terms, a quota, a budget.
bool has_limits(const State& state, const Job& job);

/// Whether such a limit is in the job's way. What others have been promised counts as held, unless the job, starting at
/// `at`, ends before; a promise that is due has been reckoned with (`beside_others` = false).
bool over_limits(const State& state, const Job& job, Time at, bool beside_others = true);

/// A promise of GPUs to a job that its contract or its project has some for, but not enough: by when those that hold them
/// will have given back what it lacks; without a date if that is not known. Others under that contract or in that project
/// then leave it what it needs, so that a gang does not wait for ever behind smaller ones. Nothing if there are none to be
/// shared out, or someone else waits for them so already.
std::optional<Promise> plan_headroom(const State& state, const Job& job, Time now);

}  // namespace penstock
