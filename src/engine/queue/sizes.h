// Sizes of gangs: an elastic one may run with fewer tasks in one of its groups than it asks for.
#pragma once

#include "engine/facts.h"

namespace penstock {

/// How many tasks the elastic group of a job may have: from `least` to `most`, in steps of a segment.
struct Sizes {
  std::size_t group = 0;
  std::int32_t least = 1;
  std::int32_t most = 1;
  std::int32_t step = 1;
};
/// Nothing if the gang is rigid.
std::optional<Sizes> sizes_of(const Job& job);

/// The job as if it had asked for just so many.
Job sized(const Job& job, const Sizes& sizes, std::int32_t replicas);
/// The job as if it had asked for as few as it may run with: itself if it is rigid, else `copy`, made so.
const Job& at_least(const Job& job, std::optional<Job>& copy);
/// GPUs of the gang with as few tasks as it may run with.
MilliGpu least_gpus(const JobSpec& spec);
/// How many of the tasks are of its elastic group.
std::int32_t size_of(const std::vector<TaskPlacement>& tasks, const Sizes& sizes);


}  // namespace penstock
