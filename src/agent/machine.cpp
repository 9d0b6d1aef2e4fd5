// Reads what the kernel says about the machine.
#include "agent/machine.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "agent/kernel_files.h"
#include "base/clock.h"

namespace penstock {
namespace {

constexpr Watts kUnknownGpu{400};

}  // namespace

Machine read_machine() {
  Machine machine;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  machine.cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0
                      ? CPU_COUNT(&allowed)
                      : static_cast<std::int32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  struct sysinfo info {};
  if (sysinfo(&info) == 0) machine.memory = Bytes(static_cast<std::int64_t>(info.totalram) * info.mem_unit);
  machine.boot_id = line_in("/proc/sys/kernel/random/boot_id").value_or("");
  char hostname[256] = {};
  if (gethostname(hostname, sizeof hostname - 1) == 0) machine.hostname = hostname;
  return machine;
}

RaplMeter::RaplMeter(const std::string& root) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(root, failed)) {
    // intel-rapl:0 is a package (AMD's are called so too); intel-rapl:0:0 is a part of it.
    const std::string name = entry.path().filename();
    if (name.rfind("intel-rapl:", 0) != 0 || std::count(name.begin(), name.end(), ':') != 1) continue;
    Package package;
    package.energy = entry.path() / "energy_uj";
    package.range = number_in(entry.path() / "max_energy_range_uj").value_or(0);
    if (number_in(package.energy)) packages_.push_back(std::move(package));
  }
}

std::optional<Watts> RaplMeter::read() {
  const Duration now = since_boot();
  std::int64_t used = 0;
  for (Package& package : packages_) {
    const auto counter = number_in(package.energy);
    if (!counter) return std::nullopt;
    used += *counter >= package.last ? *counter - package.last : *counter + package.range - package.last;
    package.last = *counter;
  }
  const std::optional<Duration> before = std::exchange(last_read_, now);
  if (packages_.empty() || !before || now <= *before) return std::nullopt;
  return Watts(mul_div_round(used, 1000, (now - *before).count()));
}

Document node_type_document(const Machine& machine, const DeviceProvider& devices) {
  NodeTypeSpec spec;
  const std::vector<Device>& found = devices.devices();
  const bool gpus = devices.vendor() != Vendor::kCpu;
  spec.devices.vendor = devices.vendor();
  spec.devices.model = devices.model();
  spec.devices.count = static_cast<std::int32_t>(found.size());
  spec.devices.memory = found.front().memory;
  spec.devices.power_limit_min = found.front().power_limit_min;
  spec.devices.power_limit_max = found.front().power_limit_max;

  const std::int32_t kept_cores = machine.cores / 16;
  spec.cpu = MilliCpu(1000) * (machine.cores - kept_cores);
  const Bytes kept = std::clamp(Bytes(machine.memory.count() / 16), Bytes(512 << 20), Bytes(8LL << 30));
  constexpr std::int64_t kMiB = 1 << 20;
  spec.memory = Bytes(std::max((machine.memory - kept).count() / kMiB, std::int64_t{1}) * kMiB);

  spec.power.idle = Watts(25) + Watts(2) * machine.cores;
  spec.power.max = Watts(40) + Watts(8) * machine.cores;
  for (std::size_t i = 0; gpus && i < found.size(); ++i) {
    const Watts limit = found[i].power_limit_max.value_or(kUnknownGpu);
    spec.power.idle += Watts(limit.count() / 10);
    spec.power.max += limit;
  }

  Document document;
  document.kind = Kind::kNodeType;
  document.metadata.name = "this-machine";
  document.metadata.labels["power-source"] = "estimate";
  document.spec = spec;
  return document;
}

}  // namespace penstock
