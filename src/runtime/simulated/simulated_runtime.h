// Simulated nodes: tasks start at once and end by the clock they are given.
#pragma once

#include <set>

#include "runtime/runtime.h"

namespace penstock {

/// A task on a simulated node runs for its job's estimate, or one minute if there is none, unless its time limit
/// or a stop comes first. It succeeds. A remedy is carried out in a quarter of the time that it may take.
class SimulatedRuntime : public Runtime {
 public:
  static constexpr Duration kDefaultRun = minutes(1);

  void recover(const State& state, Time now) override;
  void committed(const State& state, std::span<const EventRecord> events, Time now) override;
  std::optional<Time> next_due() const override;
  RuntimeReports advance(const State& state, Time now) override;

 private:
  void watch(const State& state, const Job& job, Time now);

  void watch(const State& state, const std::string& node, const Remedy& remedy);

  std::set<std::pair<Time, Uid>> due_;  // when the job behind this allocation needs attention
  std::map<std::pair<Time, Uid>, std::string> remedies_;  // when a remedy is carried out, and of which node
};

}  // namespace penstock
