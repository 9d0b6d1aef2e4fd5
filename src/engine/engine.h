// The engine: commands in, events out. Deterministic and single-threaded: no clock, no randomness, no I/O.
#pragma once

#include "engine/fleet/fleet.h"
#include "engine/fleet/tend.h"
#include "engine/queue/queue.h"
#include "engine/queue/settings.h"

namespace penstock {

class Scheduler;

class Engine {
 public:
  /// `store_country`: where the log and its archives lie; empty: nobody told.
  explicit Engine(Facts facts = {}, SchedulerSettings settings = {}, std::string store_country = {});
  ~Engine();

  /// Takes in an event that is already a fact: replay after a start. Nothing is decided.
  void replay(const EventRecord& record) { state_.fold(record); }

  /// Validates and carries out one command; its events wait in take_events(). A refused command leaves no event.
  /// A repeated idempotency key gives the stored reply again; with another request behind it, kConflict.
  Result<Reply> execute(const Command& command, const CommandMeta& meta);

  /// The events since the last call, in order, already folded into the state.
  std::vector<EventRecord> take_events();

  const State& state() const { return state_; }
  State& scratch_state() { return state_; }  ///< for questions that try a placement and undo it
  const Leases& leases() const { return leases_; }

  /// When a Tick is due even if nothing else happens.
  std::optional<Time> next_due() const;

 private:
  Result<Reply> dispatch(Step& step, const Command& command);
  void forget_finished(Step& step);

  State state_;
  const SchedulerSettings settings_;
  const std::string store_country_;
  Leases leases_;
  FleetWatch fleet_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<EventRecord> events_;
};

/// Finished jobs stay in memory this long, and at most this many; the archive keeps them for good.
inline constexpr Duration kFinishedAge = hours(1);
inline constexpr std::size_t kMostFinished = 20'000;

}  // namespace penstock
