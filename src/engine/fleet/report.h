// What nodes tell: how an agent introduces its node, and what it knows of each task.
#pragma once

#include "base/json.h"
#include "base/uid.h"
#include "spec/fleet.h"

namespace penstock {

/// One part of a machine, as it was found.
struct PartFound {
  std::string kind;
  std::string slot;
  std::string model;
  std::string serial;
  std::string firmware;

  static constexpr auto schema() {
    return object("PartFound", "One part of a machine, as it was found.",
                  field("kind", &PartFound::kind, required, "machine, gpu, supply, nic, disk, cpu, memory or bmc"),
                  field("slot", &PartFound::slot, optional, "where it sits: a PCI address, a bay"),
                  field("model", &PartFound::model, optional, "its model"), field("serial", &PartFound::serial, optional, "its serial number or UUID"),
                  field("firmware", &PartFound::firmware, optional, "version of its firmware"));
  }
  bool operator==(const PartFound&) const = default;
};

/// An agent introduces the node it runs on.
struct AgentHello {
  std::string node;
  std::string address;
  std::string agent_version;
  std::string boot_id;
  std::string hostname;
  std::string device_vendor;
  std::string device_model;
  std::int32_t device_count = 0;
  MilliCpu cpu;
  Bytes memory;
  std::vector<std::string> capabilities;
  std::string power_source;
  std::vector<PartFound> parts;

  static constexpr auto schema() {
    return object("AgentHello", "An agent introduces the node it runs on.",
                  field("node", &AgentHello::node, required, "site/hall/rack/node that it claims to be"),
                  field("address", &AgentHello::address, required, "address that tasks on other nodes reach it by"),
                  field("agentVersion", &AgentHello::agent_version, required, "its version"),
                  field("bootId", &AgentHello::boot_id, required, "kernel's boot id"),
                  field("hostname", &AgentHello::hostname, optional, "its host name"),
                  field("deviceVendor", &AgentHello::device_vendor, required, "nvidia, amd or cpu"),
                  field("deviceModel", &AgentHello::device_model, required, "model found"),
                  field("deviceCount", &AgentHello::device_count, required, "devices found"),
                  field("cpu", &AgentHello::cpu, required, "cores found"),
                  field("memory", &AgentHello::memory, required, "memory found"),
                  field("capabilities", &AgentHello::capabilities, optional, "oci, cgroup-v1, cgroup-v2, …"),
                  field("powerSource", &AgentHello::power_source, required, "nvml, rapl or model"),
                  field("parts", &AgentHello::parts, optional, "parts found, with their serial numbers"));
  }
};

enum class TaskPhase { kAssigned, kRunning, kExited };
constexpr auto enum_names(TaskPhase) {
  using P = TaskPhase;
  return std::array{EnumName<P>{P::kAssigned, "assigned"}, EnumName<P>{P::kRunning, "running"},
                    EnumName<P>{P::kExited, "exited"}};
}

/// Why a task ended.
enum class TaskEnd { kNone, kExited, kSignaled, kTimeLimit, kStopped, kLeaseExpired, kLaunchFailed, kLost };
constexpr auto enum_names(TaskEnd) {
  using E = TaskEnd;
  return std::array{EnumName<E>{E::kNone, "none"},
                    EnumName<E>{E::kExited, "exited"},
                    EnumName<E>{E::kSignaled, "signaled"},
                    EnumName<E>{E::kTimeLimit, "time-limit"},
                    EnumName<E>{E::kStopped, "stopped"},
                    EnumName<E>{E::kLeaseExpired, "lease-expired"},
                    EnumName<E>{E::kLaunchFailed, "launch-failed"},
                    EnumName<E>{E::kLost, "lost"}};
}

enum class EnergySource { kModel, kRapl, kNvml };
constexpr auto enum_names(EnergySource) {
  using S = EnergySource;
  return std::array{EnumName<S>{S::kModel, "model"}, EnumName<S>{S::kRapl, "rapl"}, EnumName<S>{S::kNvml, "nvml"}};
}

/// What the node knows of one task. `pid` and `start_ticks` together name a process for the life of a boot.
struct TaskReport {
  Uid allocation;
  std::int32_t rank = 0;
  TaskPhase phase = TaskPhase::kAssigned;
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;
  std::optional<Time> started;
  std::optional<Time> ended;
  TaskEnd end = TaskEnd::kNone;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  std::string message;
  std::optional<Duration> cpu_time;
  std::optional<Bytes> peak_memory;
  std::optional<Joules> energy;
  EnergySource energy_source = EnergySource::kModel;

  static constexpr auto schema() {
    return object("TaskReport", "What the node knows of one task.",
                  field("allocation", &TaskReport::allocation, required, "the grant it runs under"),
                  field("rank", &TaskReport::rank, required, "its rank in the gang"),
                  field("phase", &TaskReport::phase, required, "assigned, running or exited"),
                  field("pid", &TaskReport::pid, optional, "process id of its first process"),
                  field("startTicks", &TaskReport::start_ticks, optional, "start time of that process, clock ticks since boot"),
                  field("started", &TaskReport::started, optional, "when it was started"),
                  field("ended", &TaskReport::ended, optional, "when it ended"),
                  field("end", &TaskReport::end, optional, "why it ended"),
                  field("exitCode", &TaskReport::exit_code, optional, "its exit status"),
                  field("signal", &TaskReport::signal, optional, "the signal that ended it"),
                  field("message", &TaskReport::message, optional, "a sentence, where there is more to say"),
                  field("cpuTime", &TaskReport::cpu_time, optional, "processor time used"),
                  field("peakMemory", &TaskReport::peak_memory, optional, "most memory used"),
                  field("energy", &TaskReport::energy, optional, "energy measured; absent if only modelled"),
                  field("energySource", &TaskReport::energy_source, optional, "where energy comes from"));
  }
  bool operator==(const TaskReport&) const = default;
};

/// Something that is wrong with a node, or may be. A node tells all that stand, every time; one that it no longer tells is over.
struct Finding {
  NodeCheck check = NodeCheck::kXid;
  std::int32_t device = -1;
  std::int32_t code = 0;
  Time since;
  std::string detail;

  static constexpr auto schema() {
    return object("Finding", "Something that is wrong with a node, or may be.", field("check", &Finding::check, required, "what it is about"),
                  field("device", &Finding::device, required, "index of the device; -1: the node"),
                  field("code", &Finding::code, optional, "number of an XID, errno, exit status …"),
                  field("since", &Finding::since, required, "when it was first seen"),
                  field("detail", &Finding::detail, optional, "evidence, in a sentence; at most 1000 characters"));
  }
  bool operator==(const Finding&) const = default;
  /// Findings are the same if they are about the same.
  auto key() const { return std::tuple(check, device, code); }
};

/// How a remedy went.
struct RemedyReport {
  Uid remedy;
  bool done = false;
  std::string message;

  static constexpr auto schema() {
    return object("RemedyReport", "How a remedy went.", field("remedy", &RemedyReport::remedy, required, "which"),
                  field("done", &RemedyReport::done, optional, "true: it was carried out; whether it mended anything the test will show"),
                  field("message", &RemedyReport::message, optional, "a sentence, where there is more to say"));
  }
  bool operator==(const RemedyReport&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(AgentHello);
PENSTOCK_JSON_ELSEWHERE(TaskReport);

}  // namespace penstock
