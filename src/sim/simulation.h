// One run: the production engine with virtual time, simulated nodes and everything that happens to them.
#pragma once

#include <functional>

#include "engine/engine.h"
#include "runtime/simulated/simulated_runtime.h"
#include "sim/faults.h"
#include "sim/metrics.h"

namespace penstock {

/// What a scenario names and its caller has read.
struct SimulationInput {
  std::vector<Document> documents;          ///< the estate and who runs there
  std::vector<TraceNode> node_list;         ///< of the plain estate, if it names one
  std::vector<std::shared_ptr<const Trace>> traces;  ///< of the loads that have one, in their order
  std::shared_ptr<const Facts> fork;        ///< goes on from these, at the scenario's beginning, instead of from nothing
};

/// Told now and then: how far it is, and of what.
using Progress = std::function<void(Time now, Time from, std::optional<Time> until, std::int64_t jobs)>;
/// Takes the events of the log in their order.
using LogSink = std::function<void(const EventRecord& record)>;
/// Shown the state now and then: what all events add up to that the log has taken. `last`: none will follow.
using StateSink = std::function<void(const State& state, bool last)>;

/// kInvalid, with the place in the scenario, if the estate or what happens to it is refused by the engine.
Result<SimReport> simulate(const Scenario& scenario, SimulationInput input, const Progress& progress = {}, const LogSink& log = {},
                           const StateSink& states = {});

}  // namespace penstock
