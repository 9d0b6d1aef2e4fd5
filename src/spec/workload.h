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
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
  std::vector<std::string> command;
  std::string image;
  std::map<std::string, std::string> env;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("TaskGroup", "Tasks that are alike.",
                  field("name", &TaskGroupSpec::name, required, "its name, unique in the job"),
                  field("replicas", &TaskGroupSpec::replicas, required, "how many tasks, 1 to 65536"),
                  field("gpus", &TaskGroupSpec::gpus, required, "GPUs of one task: whole, or a share below one such as 0.5"),
                  field("cpu", &TaskGroupSpec::cpu, optional, "cores of one task"),
                  field("memory", &TaskGroupSpec::memory, optional, "main memory of one task"),
                  field("command", &TaskGroupSpec::command, optional, "program and arguments; with an image, its arguments"),
                  field("image", &TaskGroupSpec::image, optional, "OCI image to run it in"),
                  field("env", &TaskGroupSpec::env, optional, "environment variables"));
  }
  bool operator==(const TaskGroupSpec&) const = default;
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
                  field("priority", &JobSpec::priority, optional, "-1000 to 1000; higher is tried first"),
                  field("groups", &JobSpec::groups, required, "its tasks"),
                  field("gpuModels", &JobSpec::gpu_models, optional, "GPU models it may run on; none means any"),
                  field("nodeTypes", &JobSpec::node_types, optional, "node types it may run on; none means any"),
                  field("nodeLabels", &JobSpec::node_labels, optional, "labels that its nodes must carry"),
                  field("sites", &JobSpec::sites, optional, "sites it may run on; none means any"),
                  field("jurisdictions", &JobSpec::jurisdictions, optional, "countries it may run in; none means any"),
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

/// Tasks in the gang: Σ replicas.
std::int64_t task_count(const JobSpec& spec);
/// GPUs of the whole gang.
MilliGpu total_gpus(const JobSpec& spec);

PENSTOCK_JSON_ELSEWHERE(JobSpec);

}  // namespace penstock
