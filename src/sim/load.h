// Jobs in the order in which they are submitted, out of traces and by chance.
#pragma once

#include "engine/command.h"
#include "sim/chance.h"
#include "sim/scenario.h"

namespace penstock {

/// A GPU model as estates write it: small.
std::string model_name(std::string_view text);

/// One stream of submissions. What it holds of the future is bounded by what its trace holds.
class Load {
 public:
  virtual ~Load() = default;
  /// When the next job is submitted; nothing if there is none.
  virtual std::optional<Time> next() const = 0;
  virtual SubmitJobs::Item take() = 0;
  /// Projects that its jobs are of, as tenant/project.
  virtual const std::vector<std::string>& projects() const = 0;
  /// Contracts that its jobs run under.
  virtual std::vector<std::string> contracts() const = 0;
  /// The one of those that may be preempted; empty if there is none.
  virtual std::string spot_contract() const { return {}; }
};

/// `gpus`: of the estate; `largest`: devices of its largest node; `models`: GPU models that it has.
/// `place`: its own among the loads of the scenario; its jobs are called PROJECT/wPLACE-NUMBER.
std::unique_ptr<Load> trace_load(const TraceLoadSpec& spec, Trace trace, std::size_t place, Time from, std::uint64_t seed,
                                 MilliGpu gpus, std::int32_t largest, const std::vector<std::string>& models);
std::unique_ptr<Load> synthetic_load(const SyntheticLoadSpec& spec, std::size_t place, Time from, std::uint64_t seed);

}  // namespace penstock
