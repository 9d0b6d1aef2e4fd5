// What Penstock tells Prometheus. Names and meanings stand in docs/api.md.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "server/core/core.h"

namespace penstock {

class Metrics {
 public:
  Metrics();

  /// One request was answered. Any thread.
  void request(std::string_view operation, int status, double seconds);
  void connection_opened() { connections_.Increment(); }
  void connection_closed() { connections_.Decrement(); }
  void connection_refused(std::string_view why);
  /// Counts remedies and tests by how they went, from now on until the core stops.
  void follow(Core& core);

  /// The exposition text, with the estate and the queue as they are in `view`.
  std::string text(const Core::View& view, const CoreCounters& counters, bool degraded);

 private:
  void count(const EventRecord& record);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Histogram>& request_seconds_;
  prometheus::Gauge& connections_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& remedies_;
  prometheus::Family<prometheus::Counter>& tests_;
  std::map<std::string, RemedyAction> under_way_;  // by node
};

}  // namespace penstock
