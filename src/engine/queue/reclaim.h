// Reclaim: spot work makes way for reserved and on-demand work, the least of it, and only as far as that helps.
#pragma once

#include "engine/queue/promise.h"

namespace penstock {

/// What a running job would lose if it ended now: GPU time since its last checkpoint, in micro-GPU-seconds; `told`: it is told to
/// stop and may write one.
GpuMicros lost_work(const Job& job, Time now, bool told = true);
/// Of its work, what checkpoints keep if it stops now; `told`: it is told to and may write one.
Duration saved_work(const Job& job, Time now, bool told);

/// Between TERM and KILL of a job that makes way: its own, but no longer than `most`.
Duration grace_of(const Job& job, Duration most);

struct Reclaim {
  std::vector<Uid> victims;           ///< in the order in which they were chosen
  std::vector<TaskPlacement> tasks;   ///< where the gang will lie once they have gone
  Duration within;                    ///< until then at the latest
  GpuMicros lost;                     ///< work of all victims since their checkpoints
};

/// Which spot gangs of one site give way so that `job` has its place: those that lose least work first, then those that
/// hold fewer GPUs, then the youngest; of these, as few as suffice. Of several sites, where the least work is lost. Nothing
/// if all of them would not be enough, or it is not they who are in the way. Their grace is their own, but no longer than
/// `most`. What is promised to others stays theirs.
std::optional<Reclaim> plan_reclaim(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now,
                                    Duration most);

/// The same for a gang that would fit if other spot gangs lay elsewhere: those that give way have kMoveAfter behind them and a
/// place at the site to go on at once beside it, and lose no more GPU time than the gang has waited for. So nobody is moved
/// for a trifle, nobody again and again, and whoever waits long enough is worth a move.
std::optional<Reclaim> plan_moves(State& state, KeptSites& kept, const Job& job, const PoolsBySite& pools, Time now);
inline constexpr Duration kMoveAfter = minutes(10);
/// They get their own grace, but no longer than this: what moves keeps nobody else waiting.
inline constexpr Duration kMoveGrace = minutes(2);

}  // namespace penstock
