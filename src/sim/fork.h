// Forks: the state of a server as a simulation goes on from it.
#pragma once

#include "engine/state.h"

namespace penstock {

/// How long work takes that does not say so itself.
struct ForkOptions {
  Ppm time_limit_used = Ppm(1'000'000);  ///< part of its time limit that a job uses on average
  Duration assume = hours(24);           ///< a job without an estimate and without a time limit
};

/// The facts as they are at `now`, with simulated nodes only. Nodes that an agent had ready are ready; those that were lost,
/// or that no agent ever took on, are lost until they are given back. All work has an estimate: what it states, else a part
/// of its time limit, else what is assumed. What has run longer than that goes on to its time limit, or for the assumed time.
/// Credentials and answers to keyed requests stay behind.
Facts forked(Facts facts, const ForkOptions& options, Time now);

}  // namespace penstock
