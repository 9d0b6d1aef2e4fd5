// How granted work reaches nodes: one interface for agents, simulated nodes, and what is still to come.
#pragma once

#include <span>

#include "engine/state.h"

namespace penstock {

/// What nodes report.
struct RuntimeReports {
  std::vector<TaskReport> tasks;
  std::vector<std::pair<std::string, RemedyReport>> remedies;  ///< by node
  bool empty() const { return tasks.empty() && remedies.empty(); }
};

/// Hears of events once they are durable, never before, and answers with what the nodes report. Lives on the
/// engine's thread; time is given in.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// A leader starts from this state: whatever the runtime knew before is void.
  virtual void recover(const State& state, Time now) = 0;
  /// These events are durable and folded into `state`.
  virtual void committed(const State& state, std::span<const EventRecord> events, Time now) = 0;
  /// When advance() has something to do; nothing if never.
  virtual std::optional<Time> next_due() const = 0;
  /// What has become due; the reports go to the engine as one command.
  virtual RuntimeReports advance(const State& state, Time now) = 0;
};

}  // namespace penstock
