// Sizes by spec, by command and as they are.
#include "engine/queue/sizes.h"

#include <algorithm>

namespace penstock {

std::optional<Sizes> sizes_of(const Job& job) {
  const auto group = elastic_group(job.spec);
  if (!group) return std::nullopt;
  const TaskGroupSpec& elastic = job.spec.groups[*group];
  Sizes sizes{*group, elastic.min_replicas, job.most == 0 ? elastic.replicas : job.most, 1};
  if (job.spec.placement && job.spec.placement->segment) sizes.step = job.spec.placement->segment->tasks;
  return sizes;
}

Job sized(const Job& job, const Sizes& sizes, std::int32_t replicas) {
  Job out = job;
  out.spec.groups[sizes.group].replicas = replicas;
  out.spec.groups[sizes.group].min_replicas = 0;
  return out;
}

const Job& at_least(const Job& job, std::optional<Job>& copy) {
  const auto sizes = sizes_of(job);
  if (!sizes) return job;
  copy = sized(job, *sizes, sizes->least);
  return *copy;
}

MilliGpu least_gpus(const JobSpec& spec) {
  const auto elastic = elastic_group(spec);
  if (!elastic) return total_gpus(spec);
  const TaskGroupSpec& group = spec.groups[*elastic];
  return total_gpus(spec) - group.gpus * (group.replicas - group.min_replicas);
}

std::int32_t size_of(const std::vector<TaskPlacement>& tasks, const Sizes& sizes) {
  return static_cast<std::int32_t>(std::count_if(tasks.begin(), tasks.end(), [&](const TaskPlacement& task) {
    return static_cast<std::size_t>(task.group) == sizes.group;
  }));
}

}  // namespace penstock
