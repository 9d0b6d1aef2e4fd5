// What must hold after every command, computed from the facts alone.
#pragma once

#include "engine/state.h"

namespace penstock {

/// A sentence for everything that is wrong: a device with more than one holder's worth, a gang that is not whole, work
/// on a node that is gone or in a country that it may not be in, an index that a fresh start would build differently.
std::vector<std::string> broken_invariants(const State& state);

/// The same for the limits of what these events have started: contract and project must have had room.
std::vector<std::string> broken_limits(const State& state, const std::vector<EventRecord>& events);

}  // namespace penstock
