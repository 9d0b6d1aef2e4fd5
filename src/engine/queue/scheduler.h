// The scheduler: works through the line, class by class and by fair share, starts what fits, and promises a start to what
// does not. docs/scheduler.md tells the rules.
#pragma once

#include <unordered_set>

#include "engine/queue/promise.h"
#include "engine/queue/settings.h"
#include "engine/step.h"

namespace penstock {

/// What is remembered of a group.
struct GroupMemory {
  std::uint64_t blocked_in = 0;                     ///< the last full pass in which it had no room; it gets none before the next
  std::uint64_t limited_as_of = ~std::uint64_t{0};  ///< State::bounds() of what follows
  bool limited = true;                              ///< see has_limits()
};
using KnownGroups = std::map<GroupKey, GroupMemory>;
using KnownGroup = KnownGroups::value_type;

/// The first of a group.
struct Head {
  QueueKey key;
  KnownGroup* group = nullptr;
  const Job* job = nullptr;
  bool operator>(const Head& other) const { return key > other.key; }
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerSettings settings = {}) : settings_(settings) {}

  /// Starts every pending job that may start now. Reserved work comes first, then on-demand, then spot; in a class whose
  /// turn it is by fair share; in a project the one that stands first. Whoever has no room is passed over, but up to
  /// kMostPromises of them have their start promised, and nobody who comes later delays that. Remembers what it has tried,
  /// so that a pass costs little when nothing changed.
  void pass(Step& step);
  /// When a pass should happen even though nothing changed; nothing if none is needed.
  std::optional<Time> next_due() const { return next_due_; }
  /// Forgets what was tried.
  void forget();

  /// Of places, and as many of GPUs of contracts and projects.
  static constexpr std::size_t kMostPromises = 16;
  /// Looking ahead takes milliseconds: so often in a pass, at most.
  static constexpr int kMostPlans = 2;

 private:
  enum class Outcome { kStarted, kLimited, kNoRoom, kPromised };
  // What binds a project's jobs of one need, worked out once.
  struct Bound {
    PoolsBySite pools;
    std::optional<Time> vain_until;  // no place was found to promise; it is not looked for again before then
    Duration vain_for;
  };

  void keep_promises(Step& step);
  void keep_reservations(Step& step);
  void walk(Step& step, bool full);
  bool any_chance(Step& step, const std::vector<Head>& heads);
  void backfill(Step& step);
  bool keep_promise(Step& step, const Job& job);
  Outcome try_to_start(Step& step, const Job& job, KnownGroup& of);
  std::optional<std::vector<TaskPlacement>> find_place(Step& step, const Job& job, const PoolsBySite& pools);
  bool place_and_start(Step& step, const Job& job, const PoolsBySite& pools);
  bool reclaim(Step& step, const Job& job, const PoolsBySite& pools);
  bool promise(Step& step, const Job& job, const PoolsBySite& pools);
  bool make_room(Step& step, const Job& job, const PoolsBySite& pools);
  void start(Step& step, const Job& job, std::vector<TaskPlacement> tasks);
  Bound& bound(const State& state, const Job& job, const GroupKey& group);
  bool limited(const State& state, const Job& job, GroupMemory& memory) const;
  bool possible(State& state, const Job& job, const PoolsBySite& pools, const GroupKey& group, Time now);
  void due(Time at) {
    if (!next_due_ || at < *next_due_) next_due_ = at;
  }

  SchedulerSettings settings_;
  std::uint64_t openings_ = ~std::uint64_t{0};  // State::openings() at the last full pass
  std::uint64_t bounds_ = ~std::uint64_t{0};    // State::bounds() of what is known of needs and shapes
  std::optional<Time> next_due_;
  std::unordered_map<std::uint64_t, Bound> bound_by_need_;
  std::unordered_map<std::uint64_t, bool> possible_by_shape_;  // whether it would fit if nothing ran
  KnownGroups known_;              // those that have stood in the line since the last full pass
  std::uint64_t full_passes_ = 0;  // so far
  std::unordered_set<std::uint64_t> full_;  // shapes for which there is no room, in whatever project
  std::vector<GroupKey> tried_; // of this pass, those without room, in the order of their turns
  std::optional<KeptSites> kept_;  // of this pass
  int plans_ = 0;                  // of this pass
};

}  // namespace penstock
