// Invariant 1, from a list of holders for every device.
#include "verify/devices.h"

namespace penstock::verifier {
namespace {

constexpr std::int64_t kDevice = 1000;

// What a task holds of each of its devices.
std::int64_t share_of(const GrantedTask& task) {
  return std::min(task.gpus, kDevice);
}

std::string fault_of(const GrantedTask& task, const Model* site) {
  const auto node =
      site == nullptr ? std::unordered_map<std::string, int>::const_iterator() : site->node_by_name.find(task.node);
  if (site == nullptr || node == site->node_by_name.end()) return fmt::format("there is no node {}", task.node);
  const std::int32_t count = site->types[site->nodes[node->second].type].devices;
  for (std::int32_t device : task.devices) {
    if (device < 0 || device >= count)
      return fmt::format("{} has {} devices and no device {}", task.node, count, device);
  }
  return {};
}

}  // namespace

void Devices::take(const Grant& grant, const Model* site, const Place& place) {
  for (const GrantedTask& task : grant.tasks) {
    if (std::string fault = fault_of(task, site); !fault.empty()) {
      findings_.violation(1, place, grant.site, fmt::format("{} was placed where {}", grant.job, fault));
    }
    const std::int64_t held = static_cast<std::int64_t>(task.devices.size()) * share_of(task);
    if (held != task.gpus) {
      findings_.violation(
          1, place, grant.site,
          fmt::format("{} was granted {} GPUs on {} and names devices for {}", grant.job,
                      Text<MilliGpu>::format(MilliGpu(task.gpus)), task.node, Text<MilliGpu>::format(MilliGpu(held))));
    }
    for (std::int32_t device : task.devices) {
      std::vector<Holder>& holders = nodes_[task.node][device];
      holders.push_back({grant.uid, grant.job, share_of(task)});
      std::int64_t sum = 0;
      std::string names;
      for (const Holder& holder : holders) {
        sum += holder.milli;
        names += (names.empty() ? "" : ", ") + holder.job;
      }
      if (sum > kDevice) {
        findings_.violation(1, place, grant.site,
                            fmt::format("device {} of {} is held {} times over, by {}", device, task.node,
                                        Text<MilliGpu>::format(MilliGpu(sum)), names));
      }
    }
  }
}

void Devices::give_back(const Grant& grant) {
  for (const GrantedTask& task : grant.tasks) {
    const auto node = nodes_.find(task.node);
    if (node == nodes_.end()) continue;
    for (std::int32_t device : task.devices) {
      std::erase_if(node->second[device], [&](const Holder& holder) { return holder.uid == grant.uid; });
    }
  }
}

void Devices::recheck(const Grant& grant, const Model* site, const Place& place) {
  for (const GrantedTask& task : grant.tasks) {
    const std::string fault = fault_of(task, site);
    if (fault.empty()) continue;
    findings_.violation(1, place, grant.site, fmt::format("{} runs where {} any more", grant.job, fault));
    return;
  }
}

}  // namespace penstock::verifier
