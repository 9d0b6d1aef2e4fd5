// The queue: who waits, in which order, who may start now, and why the others may not.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Accepts or refuses each job of the batch.
Result<Reply> submit_jobs(Step& step, const SubmitJobs& command);
Result<Reply> cancel_job(Step& step, const CancelJob& command);

/// Why a job does not start; a closed vocabulary.
enum class WaitReason {
  kContract,      ///< not active, or its GPUs are all in use
  kQuota,         ///< the project's quota is in use
  kGpuModel,      ///< no node of an allowed model, type or site exists
  kJurisdiction,  ///< nodes exist, but in no allowed country
  kLabels,        ///< no node carries the labels
  kCapability,    ///< no node can run what it asks to run
  kTooLarge,      ///< more than all nodes could hold if they were empty
  kHealth,        ///< nodes that are not ready would be needed
  kGpusBusy,      ///< too few GPUs are free
  kFragmented,    ///< enough GPUs are free, but not together as the tasks need them
  kPower,         ///< an element, the import, the ramp or power supplies would be above a limit
  kCooling,       ///< a cooling loop would be above a limit
  kBackOff,       ///< it failed a moment ago
  kAheadInQueue,  ///< a job of higher priority waits for the same nodes
};
constexpr auto enum_names(WaitReason) {
  using R = WaitReason;
  return std::array{EnumName<R>{R::kContract, "contract"},     EnumName<R>{R::kQuota, "quota"},
                    EnumName<R>{R::kGpuModel, "gpu-model"},    EnumName<R>{R::kJurisdiction, "jurisdiction"},
                    EnumName<R>{R::kLabels, "labels"},         EnumName<R>{R::kCapability, "capability"},
                    EnumName<R>{R::kTooLarge, "too-large"},    EnumName<R>{R::kHealth, "health"},
                    EnumName<R>{R::kGpusBusy, "gpus-busy"},    EnumName<R>{R::kFragmented, "fragmented"},
                    EnumName<R>{R::kPower, "power"},
                    EnumName<R>{R::kCooling, "cooling"},       EnumName<R>{R::kBackOff, "back-off"},      EnumName<R>{R::kAheadInQueue, "ahead-in-queue"}};
}

struct WaitCause {
  WaitReason reason = WaitReason::kGpusBusy;
  std::string message;
  MilliGpu needed;
  MilliGpu available;

  static constexpr auto schema() {
    return object("WaitCause", "One thing that keeps a workload waiting.",
                  field("reason", &WaitCause::reason, required, "from the closed vocabulary"),
                  field("message", &WaitCause::message, required, "for people, with numbers"),
                  field("needed", &WaitCause::needed, required, "GPUs that it needs"),
                  field("available", &WaitCause::available, required, "GPUs that this would allow it"));
  }
};

/// When a pending job that waits for room could start at the earliest, as far as it is known now; see earliest_start().
std::optional<Time> promised_start(const State& state, const Job& job, Time now);

/// Changes of a pending job, each by itself, with which it would start now: less power, fewer tasks, another site. Sentences
/// for people; nothing if none helps or what keeps it waiting is not room.
std::vector<std::string> alternatives(State& state, const Job& job, Time now);

/// Every cause that keeps a pending job waiting, nothing if it could start now.
std::vector<WaitCause> why_waiting(State& state, const Job& job, Time now);

/// Works through the queue. Remembers what it has already tried, so that a pass costs little when nothing changed.
class Scheduler {
 public:
  /// Starts every pending job that may start now: in order of priority, then age. One that does not fit is passed
  /// over by its equals, but jobs of lower priority do not get any node of a site and type that it could use.
  void pass(Step& step);
  /// When a pass should happen even though nothing changed; nothing if none is needed.
  std::optional<Time> next_due() const { return next_due_; }
  /// Forgets what was tried.
  void forget() { openings_ = ~std::uint64_t{0}; }

 private:
  void try_to_start(Step& step, const Job& job);

  std::uint64_t openings_ = ~std::uint64_t{0};  // State::openings() at the last full pass
  Uid newest_;                                  // the youngest job that has been looked at
  std::optional<Time> next_due_;
  // Of jobs that did not fit since the last full pass; what has no room does not get any before the next opening.
  std::map<std::int32_t, std::set<PoolIndex>, std::greater<>> blocked_;  // by priority: pools that they want
  std::set<std::pair<std::int32_t, std::uint64_t>> hopeless_;            // priorities and shapes of their gangs
};

}  // namespace penstock
