// A step: one command on its way to events. Each event is folded at once, so what follows decides on its result.
#pragma once

#include "engine/command.h"
#include "engine/fleet/signs.h"
#include "engine/queue/settings.h"
#include "engine/state.h"

namespace penstock {

class Step {
 public:
  Step(State& state, const CommandMeta& meta, const SchedulerSettings& settings, std::vector<EventRecord>& out)
      : state_(state), meta_(meta), settings_(settings), out_(out) {}

  State& state() { return state_; }
  const Facts& facts() const { return state_.facts(); }
  Time now() const { return meta_.now; }
  const CommandMeta& meta() const { return meta_; }
  const SchedulerSettings& settings() const { return settings_; }

  /// A fresh identity. It counts only once an event carries it.
  Uid mint() {
    minted_ = std::max(minted_, state_.facts().last_uid) + 1;
    return Uid{minted_};
  }

  void emit(Event event);
  /// What the events since the last call tell of things that fail.
  Signs take_signs() { return std::exchange(signs_, {}); }

 private:
  State& state_;
  const CommandMeta& meta_;
  const SchedulerSettings& settings_;
  std::vector<EventRecord>& out_;
  std::uint64_t minted_ = 0;
  Signs signs_;
};

}  // namespace penstock
