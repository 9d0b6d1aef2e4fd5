// Whether an event can be a fact after those before it. The fold itself trusts its log and asks nothing.
#pragma once

#include "engine/state.h"

namespace penstock {

/// kInvalid, with a sentence that names what is amiss: the event does not follow the one before it, or it speaks of what
/// does not exist or is in no state for it. Not all that could be wrong is seen. Requires a settled state.
Status foldable(const State& state, const EventRecord& record);

}  // namespace penstock
