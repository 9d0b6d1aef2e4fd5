// The test of a node as a job of the operator's own: on all of its devices, before all others give way to it.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Starts the test of an idle node, whatever its state; false with a reason if it cannot start now: its project or contract
/// is not there, or its power does not fit. The job is never queued: it starts here and now, or is tried again later.
Result<bool> start_test(Step& step, NodeIndex node, const NodeTestSpec& test);

/// The node that a job tests; nothing if it is an ordinary job.
std::optional<std::string> tested_by(const State& state, const Job& job);

/// The job that tested the node has ended.
void end_test(Step& step, const std::string& node, Uid job, JobReason reason, const std::string& message);

}  // namespace penstock
