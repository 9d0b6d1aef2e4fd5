// What is a fault of the node itself: disk, memory, network, clock.
#include "agent/checks/checks.h"
#include "agent/checks/codes.h"
#include "base/files.h"

namespace penstock {

void Checks::judge_disk(const DiskReading& disk, Moment now) {
  const auto scarce = [&](std::int64_t available, std::int64_t all) {
    return all > 0 && available < mul_div_ceil(all, limits_.disk_free.count(), 1'000'000);
  };
  judge(scarce(disk.available.count(), disk.size.count()) || scarce(disk.files_available, disk.files), {NodeCheck::kDisk, -1, code::kDiskFull},
        fmt::format("the agent's state directory has {} and {} files left of {} and {}", Text<Bytes>::format(disk.available), disk.files_available,
                    Text<Bytes>::format(disk.size), disk.files),
        now);
  judge(disk.read_only, {NodeCheck::kDisk, -1, code::kDiskReadOnly}, "the agent's state directory is mounted read-only", now);
  if (!disk.probed) return;
  judge(disk.probe_error != 0, {NodeCheck::kDisk, -1, code::kDiskFailed},
        fmt::format("a small file in the agent's state directory cannot be written, synced and read back: {}", reason_of(disk.probe_error)), now);
  judge(disk.probe_time >= limits_.disk_slow, {NodeCheck::kDisk, -1, code::kDiskSlow},
        fmt::format("writing and syncing a small file took {}", Text<Duration>::format(disk.probe_time)), now);
}

void Checks::judge_memory(const MemoryReading& memory, Moment now) {
  const std::int64_t uncorrected = memory.uncorrected.value_or(0);
  judge(uncorrected > 0, {NodeCheck::kMemory, -1, code::kMemoryUncorrected}, fmt::format("{} memory errors could not be corrected", uncorrected), now);
  if (memory.corrected && grows("memory", *memory.corrected, limits_.memory_errors_per_hour, hours(1), now)) {
    bad({NodeCheck::kMemory, -1, code::kMemoryCorrected}, fmt::format("more than {} memory errors were corrected within an hour", limits_.memory_errors_per_hour),
        now, {}, Until::kEvent);
  }
  if (memory_before_.count() == 0) memory_before_ = memory.total;
  judge(memory.total.count() < mul_div_floor(memory_before_.count(), limits_.memory_least.count(), 1'000'000), {NodeCheck::kMemory, -1, code::kMemoryLess},
        fmt::format("{} of memory, where there were {}", Text<Bytes>::format(memory.total), Text<Bytes>::format(memory_before_)), now);
}

void Checks::judge_network(const NetworkReading& network, Moment now) {
  if (interface_.empty()) interface_ = network.interface;
  // A node that never had a default route needs none.
  judge(!interface_.empty() && (network.interface.empty() || !network.up), {NodeCheck::kNetwork, -1, code::kNetworkDown},
        network.interface.empty() ? fmt::format("the default route is gone; it went by {}", interface_) : fmt::format("{} has no link", network.interface), now);
  if (network.interface.empty()) return;
  if (network.interface != interface_) {
    interface_ = network.interface;
    most_megabits_ = 0;
  }
  if (grows("network-" + interface_, network.errors, limits_.network_errors_per_minute, minutes(1), now)) {
    bad({NodeCheck::kNetwork, -1, code::kNetworkErrors}, fmt::format("{} had more than {} errors within a minute", interface_, limits_.network_errors_per_minute),
        now);
  }
  most_megabits_ = std::max(most_megabits_, network.megabits);
  judge(network.megabits > 0 && network.megabits < most_megabits_, {NodeCheck::kNetwork, -1, code::kNetworkSlow},
        fmt::format("{} runs at {} Mbit/s and has run at {} Mbit/s", interface_, network.megabits, most_megabits_), now, limits_.held);
}

void Checks::judge_clock(const ClockReading& clock, Moment now) {
  judge(!clock.synchronised, {NodeCheck::kTime, -1, code::kClockUnsynchronised}, "nothing keeps the clock synchronised", now, limits_.unsynchronised);
  judge(clock.synchronised && clock.error > limits_.clock_error, {NodeCheck::kTime, -1, code::kClockInaccurate},
        fmt::format("the clock may be wrong by {}", Text<Duration>::format(clock.error)), now, limits_.held);
  if (!last_) return;
  // A clock that stands still falls behind by all the time that passes.
  const Duration behind = (now.since_boot - last_->since_boot) - (now.utc - last_->utc);
  const Duration off = behind < Duration() ? -behind : behind;
  if (off > limits_.clock_jump) {
    bad({NodeCheck::kTime, -1, code::kClockJumped},
        fmt::format("the clock was put {} by {}, or did not run", behind < Duration() ? "forward" : "back", Text<Duration>::format(off)), now);
  }
}

}  // namespace penstock
