// The queue as its users see it: what they ask of it, and why a job waits.
#pragma once

#include "engine/step.h"

namespace penstock {

/// Accepts or refuses each job of the batch.
Result<Reply> submit_jobs(Step& step, const SubmitJobs& command);
Result<Reply> cancel_job(Step& step, const CancelJob& command);
Result<Reply> hold_job(Step& step, const HoldJob& command);
Result<Reply> suspend_job(Step& step, const SuspendJob& command);
Result<Reply> resize_job(Step& step, const ResizeJob& command);

/// The job, if it is of that version and has not ended.
Result<const Job*> live_job(const State& state, const std::string& name, std::optional<Position> version);
/// The answer to a command that changed a job, or `really` did not.
Reply job_changed(const Step& step, Uid job, bool really);

/// Why a job does not start; a closed vocabulary.
enum class WaitReason {
  kContract,      ///< not active, or its GPUs are all in use
  kQuota,         ///< the project's quota is in use
  kBudget,        ///< the project has spent its budget of the month
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
  kMaintenance,   ///< maintenance would begin before it ends
  kReserved,      ///< GPUs are free and belong to reserved contracts
  kHold,          ///< someone holds it back
  kDependency,    ///< another job has to end first
  kReservation,   ///< it starts at a date to come
  kShare,         ///< nodes are kept for a job of another project, whose turn came first
  kAheadInQueue,  ///< nodes are kept for a job of the same project that stands before it
};
constexpr auto enum_names(WaitReason) {
  using R = WaitReason;
  return std::array{EnumName<R>{R::kContract, "contract"},     EnumName<R>{R::kQuota, "quota"},
                    EnumName<R>{R::kBudget, "budget"},
                    EnumName<R>{R::kGpuModel, "gpu-model"},    EnumName<R>{R::kJurisdiction, "jurisdiction"},
                    EnumName<R>{R::kLabels, "labels"},         EnumName<R>{R::kCapability, "capability"},
                    EnumName<R>{R::kTooLarge, "too-large"},    EnumName<R>{R::kHealth, "health"},
                    EnumName<R>{R::kGpusBusy, "gpus-busy"},    EnumName<R>{R::kFragmented, "fragmented"},
                    EnumName<R>{R::kPower, "power"},
                    EnumName<R>{R::kCooling, "cooling"},       EnumName<R>{R::kBackOff, "back-off"},
                    EnumName<R>{R::kMaintenance, "maintenance"},
                    EnumName<R>{R::kReserved, "reserved"},
                    EnumName<R>{R::kHold, "hold"},
                    EnumName<R>{R::kDependency, "dependency"},
                    EnumName<R>{R::kReservation, "reservation"},
                    EnumName<R>{R::kShare, "share"},
                    EnumName<R>{R::kAheadInQueue, "ahead-in-queue"}};
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

/// When a pending job is promised to start, or could be promised to as things stand now; see plan_promise().
std::optional<Time> promised_start(const State& state, const Job& job, Time now);

/// Changes of a pending job, each by itself, with which it would start now: less power, fewer tasks, another site. Sentences
/// for people; nothing if none helps or what keeps it waiting is not room.
std::vector<std::string> alternatives(State& state, const Job& job, Time now);

/// Every cause that keeps a pending job waiting, nothing if it could start now.
std::vector<WaitCause> why_waiting(State& state, const Job& job, Time now);

}  // namespace penstock
