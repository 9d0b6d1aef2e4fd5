// Whether a node is what its type says it is.
#pragma once

#include "engine/fleet/report.h"
#include "estate/estate.h"

namespace penstock {

/// Refuses, with the field of the hello, a node that has other devices than its type, or fewer of anything: work would
/// be placed on what is not there.
Status check_hardware(const AgentHello& hello, const EstateType& type);

}  // namespace penstock
