// What became of the fleet: faults, remedies, tests, tickets, and how long nodes were out of work.
#pragma once

#include <span>
#include <unordered_map>

#include "engine/state.h"
#include "sim/report.h"

namespace penstock {

class FleetMetrics {
 public:
  explicit FleetMetrics(Time from) : as_of_(from) {}

  /// What has just been folded into `state`.
  void observe(const State& state, std::span<const EventRecord> events);
  /// Nothing if the fleet's rules had nothing to do.
  std::optional<FleetFigures> report(const State& state, Time until, const std::map<std::string, std::int64_t>& struck);

 private:
  void pass(std::int64_t out, Time now);

  Time as_of_;
  std::int64_t out_ = 0;           // nodes
  std::int64_t out_seconds_ = 0;   // node-seconds
  std::int64_t most_out_ = 0;
  std::unordered_map<std::string, Time> failed_;  // by node: when it did
  std::vector<std::int64_t> mending_;             // seconds from a fault to work
  std::map<std::string, RemedyFigures> remedies_;
  FleetFigures sums_;
  bool any_ = false;
};

}  // namespace penstock
