// What jobs must satisfy by themselves, and the size of their gangs.
#include <algorithm>

#include "spec/checks.h"
#include "spec/workload.h"

namespace penstock {
namespace {

constexpr Duration kLongest = hours(24 * 3650);

bool is_variable(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name.front())) return false;
  for (char c : name) {
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

// A zero byte would end the text early where it is handed to a process.
void check_no_zero(Problems& problems, std::string_view field, const std::string& text) {
  if (text.find('\0') != std::string::npos) problems.add("expected text without zero bytes", field);
}

}  // namespace

void TaskGroupSpec::check(Problems& problems) const {
  check_label(problems, "name", name);
  check_between<std::int64_t>(problems, "replicas", replicas, 1, kMostTasks);
  if (min_replicas != 0) check_between<std::int64_t>(problems, "minReplicas", min_replicas, 1, std::max(1, replicas));
  const bool share = gpus > MilliGpu{0} && gpus < MilliGpu{1000};
  const bool whole = gpus >= MilliGpu{1000} && gpus <= MilliGpu{kMostDevices * 1000} && gpus.count() % 1000 == 0;
  if (!share && !whole && gpus != MilliGpu{0}) {
    problems.add(fmt::format("expected a whole number from 0 to {}, or a share of one GPU such as 0.5, found {}",
                             kMostDevices, Text<MilliGpu>::format(gpus)),
                 "gpus");
  }
  check_between(problems, "cpu", cpu, gpus == MilliGpu{0} ? MilliCpu{1} : MilliCpu{0}, kMostCores);
  check_between(problems, "memory", memory, Bytes{0}, kMostMemory);
  check_between(problems, "disk", disk, Bytes{0}, kMostDisk);
  for (std::size_t i = 0; i < command.size(); ++i) check_no_zero(problems, fmt::format("command[{}]", i), command[i]);
  if (image.empty() && !command.empty() && command.front().empty()) {
    problems.add("expected the name of a program, found nothing", "command[0]");
  }
  check_no_zero(problems, "image", image);
  for (const auto& [key, value] : env) {
    if (!is_variable(key)) {
      problems.add(fmt::format("expected the name of a variable (letters, digits and '_'), found '{}'", key),
                   "env." + key);
    }
    check_no_zero(problems, "env." + key, value);
  }
}

void PlacementSpec::check(Problems& problems) const {
  if (pack) check_label(problems, "pack.tier", pack->tier);
  if (spread) check_label(problems, "spread.tier", spread->tier);
  if (segment) {
    check_label(problems, "segment.tier", segment->tier);
    check_between<std::int64_t>(problems, "segment.tasks", segment->tasks, 1, kMostTasks);
  }
  if (spread && (pack || segment)) {
    problems.add("expected no spread beside pack or segment: they ask for the opposite", "spread");
  }
}

void PreferSpec::check(Problems& problems) const { check_labels(problems, "sites", sites); }

void JobSpec::check(Problems& problems) const {
  if (!contract.empty()) {
    Status named = check_path(contract, 2, 2, "contract");
    if (!named.ok()) problems.add(named.error().message, "contract");
  }
  check_between(problems, "priority", priority, -1000, 1000);
  if (groups.empty()) problems.add("expected at least one group of tasks", "groups");
  std::map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto [first, fresh] = names.try_emplace(groups[i].name, i);
    if (!fresh) {
      problems.add(fmt::format("'{}' is also the name of groups[{}]; expected another", groups[i].name, first->second),
                   fmt::format("groups[{}].name", i));
    }
  }
  if (task_count(*this) > kMostTasks) {
    problems.add(
        fmt::format("expected at most {} tasks in all groups together, found {}", kMostTasks, task_count(*this)),
        "groups");
  }
  if (placement && placement->segment) {
    const std::int32_t tasks = placement->segment->tasks;
    const auto check_multiple = [&](std::int32_t TaskGroupSpec::*count, std::string_view field) {
      for (std::size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].*count % std::max(1, tasks) == 0) continue;
        problems.add(fmt::format("expected a multiple of placement.segment.tasks ({}), found {}", tasks, groups[i].*count),
                     fmt::format("groups[{}].{}", i, field));
      }
    };
    check_multiple(&TaskGroupSpec::replicas, "replicas");
    check_multiple(&TaskGroupSpec::min_replicas, "minReplicas");
  }
  if (const auto elastic = elastic_group(*this)) {
    for (std::size_t i = *elastic + 1; i < groups.size(); ++i) {
      if (groups[i].min_replicas == 0 || groups[i].min_replicas == groups[i].replicas) continue;
      problems.add(fmt::format("expected it in one group alone, and groups[{}] has it", *elastic), fmt::format("groups[{}].minReplicas", i));
    }
  }
  check_labels(problems, "gpuModels", gpu_models);
  check_labels(problems, "nodeTypes", node_types);
  check_labels(problems, "sites", sites);
  check_countries(problems, "jurisdictions", jurisdictions);
  if (time_limit) check_between(problems, "timeLimit", *time_limit, milliseconds(1), kLongest);
  if (estimate) check_between(problems, "estimate", *estimate, milliseconds(1), kLongest);
  if (stop_grace) check_between(problems, "stopGrace", *stop_grace, Duration{}, hours(1));
  if (checkpoint && checkpoint->every) check_between(problems, "checkpoint.every", *checkpoint->every, seconds(1), kLongest);
  check_between(problems, "array", array, 0, 100'000);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const Status named = check_path(after[i].job, 3, 3, "job");
    if (!named.ok()) problems.add(named.error().message, fmt::format("after[{}].job", i));
  }
  if (after.size() > 100) problems.add(fmt::format("expected at most 100, found {}", after.size()), "after");
  if (gpu_power) check_between(problems, "gpuPower", *gpu_power, Watts{1}, kMostNodePower);
  check_between(problems, "maxRestarts", max_restarts, 0, 100);
}

std::optional<std::size_t> elastic_group(const JobSpec& spec) {
  for (std::size_t i = 0; i < spec.groups.size(); ++i) {
    if (spec.groups[i].min_replicas > 0 && spec.groups[i].min_replicas < spec.groups[i].replicas) return i;
  }
  return std::nullopt;
}

std::int64_t task_count(const JobSpec& spec) {
  std::int64_t count = 0;
  for (const TaskGroupSpec& group : spec.groups) count += group.replicas;
  return count;
}

MilliGpu total_gpus(const JobSpec& spec) {
  MilliGpu total;
  for (const TaskGroupSpec& group : spec.groups) total += group.gpus * group.replicas;
  return total;
}

}  // namespace penstock
