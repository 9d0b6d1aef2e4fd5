// Maintenance that goes through nodes: each is taken when it harms nobody, drained, seen to, tested, and given back.
#pragma once

#include "engine/step.h"

namespace penstock {

Result<Reply> begin_wave(Step& step, const BeginWave& command);
/// Nodes that are out for it come back whatever becomes of the wave.
Result<Reply> switch_wave(Step& step, const SwitchWave& command);
/// A node that was held for a person has been seen to: it is tested and given back.
Result<Reply> release_node(Step& step, const ReleaseNode& command);

/// Takes the next nodes of all waves that run, and lets those go that are back. Returns when to look again even if nothing changes.
/// A node is taken only while it works; those that are idle first; never two of one gang; within the wave's bounds and those
/// of the breaker; and only if no reserved contract lacks its GPUs for it.
std::optional<Time> drive_waves(Step& step);

/// What is done with a node once it is idle; nothing: a person has it.
std::optional<RemedyAction> action_of(const Wave& wave);

}  // namespace penstock
