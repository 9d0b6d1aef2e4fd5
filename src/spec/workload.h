// Specs of what runs: a Job is a gang of tasks that starts whole and ends.
#pragma once

#include "base/json.h"
#include "base/schema.h"
#include "spec/tenancy.h"

namespace penstock {

/// Tasks that are alike. All replicas of all groups of a job form its gang.
struct TaskGroupSpec {
  std::string name;
  std::int32_t replicas = 1;
  std::int32_t min_replicas = 0;
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
  Bytes disk;
  std::vector<std::string> command;
  std::string image;
  std::map<std::string, std::string> env;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("TaskGroup", "Tasks that are alike.",
                  field("name", &TaskGroupSpec::name, required, "its name, unique in the job"),
                  field("replicas", &TaskGroupSpec::replicas, required, "how many tasks, 1 to 65536"),
                  field("minReplicas", &TaskGroupSpec::min_replicas, optional,
                        "elastic: it may run with as few as this; all replicas if absent. One group of a job may be elastic"),
                  field("gpus", &TaskGroupSpec::gpus, required, "GPUs of one task: whole, or a share below one such as 0.5; with 0 it asks for cores alone"),
                  field("cpu", &TaskGroupSpec::cpu, optional, "cores of one task"),
                  field("memory", &TaskGroupSpec::memory, optional, "main memory of one task"),
                  field("disk", &TaskGroupSpec::disk, optional, "local disk of one task"),
                  field("command", &TaskGroupSpec::command, optional, "program and arguments; with an image, its arguments"),
                  field("image", &TaskGroupSpec::image, optional, "OCI image to run it in"),
                  field("env", &TaskGroupSpec::env, optional, "environment variables"));
  }
  bool operator==(const TaskGroupSpec&) const = default;
};

/// A wish about a tier: of the site's fabric (`leaf`), `nvlink`, or `node` `rack` `row` `hall`.
struct TierWishSpec {
  std::string tier;
  bool strict = false;

  static constexpr auto schema() {
    return object("TierWish", "A wish about the groups of a tier.",
                  field("tier", &TierWishSpec::tier, required,
                        "a tier of the site's fabric such as leaf, nvlink for the NVLink domain, or node, rack, row, hall"),
                  field("required", &TierWishSpec::strict, optional,
                        "true: rather wait than start otherwise, and never at a site without the tier"));
  }
  bool operator==(const TierWishSpec&) const = default;
};

/// Parts of a gang that talk among themselves most, such as the ranks of one tensor-parallel group.
struct SegmentSpec {
  std::int32_t tasks = 1;
  std::string tier;

  static constexpr auto schema() {
    return object("Segment", "Equal parts of each group, each inside one group of a tier.",
                  field("tasks", &SegmentSpec::tasks, required, "tasks of a segment; the replicas are a multiple of it"),
                  field("tier", &SegmentSpec::tier, required, "the tier that a segment stays inside, as in pack"));
  }
  bool operator==(const SegmentSpec&) const = default;
};

struct PlacementSpec {
  std::optional<TierWishSpec> pack;
  std::optional<TierWishSpec> spread;
  std::optional<SegmentSpec> segment;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Placement", "How the tasks lie to one another. Without it they lie as close as they can.",
                  field("pack", &PlacementSpec::pack, optional, "all tasks inside one group of the tier"),
                  field("spread", &PlacementSpec::spread, optional,
                        "tasks over as many groups of the tier as there are; required: each in a group of its own"),
                  field("segment", &PlacementSpec::segment, optional, "each segment inside one group of the tier"));
  }
  bool operator==(const PlacementSpec&) const = default;
};

enum class EnergyWish { kCost, kCarbon };
constexpr auto enum_names(EnergyWish) {
  return std::array{EnumName<EnergyWish>{EnergyWish::kCost, "cost"}, EnumName<EnergyWish>{EnergyWish::kCarbon, "carbon"}};
}

/// Where a job would rather run, of the places that it may.
struct PreferSpec {
  std::vector<std::string> sites;
  std::map<std::string, std::string> node_labels;
  std::optional<EnergyWish> energy;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Prefer", "Where a job would rather run, of the places that it may; sites first, then energy.",
                  field("sites", &PreferSpec::sites, optional, "the best first, such as where its data or its cache is"),
                  field("nodeLabels", &PreferSpec::node_labels, optional, "nodes with these labels are taken first"),
                  field("energy", &PreferSpec::energy, optional, "the site with the lowest cost or carbon of energy now"));
  }
  bool operator==(const PreferSpec&) const = default;
};

enum class DependencyKind { kOk, kAny };
constexpr auto enum_names(DependencyKind) {
  using K = DependencyKind;
  return std::array{EnumName<K>{K::kOk, "ok"}, EnumName<K>{K::kAny, "any"}};
}

struct DependencySpec {
  std::string job;
  DependencyKind when = DependencyKind::kOk;

  static constexpr auto schema() {
    return object("Dependency", "A job that must have ended first.",
                  field("job", &DependencySpec::job, required, "tenant/project/job, of the same project"),
                  field("when", &DependencySpec::when, optional,
                        "ok: it must have succeeded, else this one is cancelled; any: however it ended"));
  }
  bool operator==(const DependencySpec&) const = default;
};

/// What a job keeps when it is stopped and starts again.
struct CheckpointSpec {
  std::optional<Duration> every;
  bool on_stop = false;

  static constexpr auto schema() {
    return object("Checkpoint", "What it keeps of its work when it is stopped and starts again.",
                  field("every", &CheckpointSpec::every, optional, "how often it writes a checkpoint"),
                  field("onStop", &CheckpointSpec::on_stop, optional, "true: it writes one within stopGrace of TERM"));
  }
  bool operator==(const CheckpointSpec&) const = default;
};

struct JobSpec {
  std::string contract;
  std::int32_t priority = 0;
  std::vector<TaskGroupSpec> groups;
  std::vector<std::string> gpu_models;
  std::vector<std::string> node_types;
  std::map<std::string, std::string> node_labels;
  std::vector<std::string> sites;
  std::vector<std::string> jurisdictions;
  std::optional<PlacementSpec> placement;
  std::optional<PreferSpec> prefer;
  bool hold = false;
  std::optional<Time> start_at;
  std::vector<DependencySpec> after;
  std::int32_t array = 0;
  std::optional<CheckpointSpec> checkpoint;
  std::optional<Duration> time_limit;
  std::optional<Duration> estimate;
  std::optional<Duration> stop_grace;
  std::optional<Watts> gpu_power;
  std::int32_t max_restarts = 0;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("JobSpec", "A gang of tasks that starts whole or not at all, and ends.",
                  field("contract", &JobSpec::contract, optional,
                        "tenant/contract it runs under; may be absent if the tenant has just one"),
                  field("priority", &JobSpec::priority, optional, "-1000 to 1000, among the jobs of its project; each point is worth ten minutes of waiting"),
                  field("groups", &JobSpec::groups, required, "its tasks"),
                  field("gpuModels", &JobSpec::gpu_models, optional, "GPU models it may run on; none means any"),
                  field("nodeTypes", &JobSpec::node_types, optional, "node types it may run on; none means any"),
                  field("nodeLabels", &JobSpec::node_labels, optional, "labels that its nodes must carry"),
                  field("sites", &JobSpec::sites, optional, "sites it may run on; none means any"),
                  field("jurisdictions", &JobSpec::jurisdictions, optional, "countries it may run in; none means any"),
                  field("placement", &JobSpec::placement, optional, "how its tasks lie to one another"),
                  field("prefer", &JobSpec::prefer, optional, "where it would rather run"),
                  field("hold", &JobSpec::hold, optional, "true: it waits until it is released"),
                  field("startAt", &JobSpec::start_at, optional,
                        "a reservation: it starts then and not before, and its place is kept from as early as it is known"),
                  field("after", &JobSpec::after, optional, "jobs that must have ended first"),
                  field("array", &JobSpec::array, optional,
                        "so many jobs alike, NAME-0, NAME-1 …, each with PENSTOCK_ARRAY_INDEX; at most 100000"),
                  field("checkpoint", &JobSpec::checkpoint, optional, "what it keeps when it is stopped; nothing if absent"),
                  field("timeLimit", &JobSpec::time_limit, optional, "it is stopped after this long"),
                  field("estimate", &JobSpec::estimate, optional,
                        "how long it will probably take; simulated nodes take exactly this long"),
                  field("stopGrace", &JobSpec::stop_grace, optional, "between TERM and KILL; 30 s if absent"),
                  field("gpuPower", &JobSpec::gpu_power, optional,
                        "power limit of each GPU, within the range of its node type; the highest if absent"),
                  field("maxRestarts", &JobSpec::max_restarts, optional, "times it is started again after a failure, 0 to 100"));
  }
  bool operator==(const JobSpec&) const = default;
};

/// The group that may run with fewer tasks than its replicas; its place among the groups, nothing if there is none.
std::optional<std::size_t> elastic_group(const JobSpec& spec);
/// Tasks in the gang: Σ replicas.
std::int64_t task_count(const JobSpec& spec);
/// GPUs of the whole gang.
MilliGpu total_gpus(const JobSpec& spec);

PENSTOCK_JSON_ELSEWHERE(JobSpec);

}  // namespace penstock
