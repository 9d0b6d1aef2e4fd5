// What one cause did is one incident: a dead busway with all that hung on it, the nodes of a rack or a row that failed together.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Takes in what the events of this command tell: opens incidents, adds nodes and work to them, and closes those whose nodes work
/// again or have a ticket and whose part of the plant is back.
void group_incidents(Step& step);

/// Nodes of a rack or a row that fail within so long of one another have one cause.
inline constexpr Duration kSameCause = minutes(2);

}  // namespace penstock
