// Gathers what a trace holds, and hands it out in order.
#pragma once

#include "sim/traces/rows.h"

namespace penstock::traces {

class Collector {
 public:
  /// With the text of a table there is room for a job a line from the start.
  explicit Collector(TraceFormat format, std::string_view table = {});

  /// `submitted` on any clock of the trace's own; that of the job is set at the end.
  void job(Time submitted, TraceJob job);
  void node(TraceNode node) { trace_.nodes.push_back(std::move(node)); }
  void bad(std::size_t line, std::string why);
  void skip(std::string_view why);

  /// The trace, its jobs in order and their times since the first of them. An error if nothing can be used.
  Result<Trace> finish() &&;

 private:
  Trace trace_;
  std::vector<Time> submitted_;  // of each job
};

}  // namespace penstock::traces
