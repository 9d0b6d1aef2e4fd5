// The checks of a node: they keep the set of findings that stand, out of readings, faults and kernel records.
#pragma once

#include <map>
#include <set>

#include "agent/checks/readings.h"
#include "engine/fleet/report.h"

namespace penstock {

/// How bad something has to be, and for how long. The defaults stand in docs/fleet-checks.md.
struct CheckLimits {
  Duration held = seconds(60);        ///< a slowdown, a narrow link or low clocks are told after so long
  Duration unsynchronised = minutes(15);
  Duration clear = minutes(5);        ///< what was well for so long is over
  Duration keep_event = hours(1);     ///< what the kernel said once stands so long, unless it stands until the next boot
  Ppm disk_free = Ppm(50'000);
  Duration disk_slow = seconds(10);
  std::int64_t link_errors_per_minute = 100;
  std::int64_t network_errors_per_minute = 100;
  std::int64_t memory_errors_per_hour = 100;
  Ppm memory_least = Ppm(980'000);    ///< of what there was
  Ppm load = Ppm(800'000);            ///< a device that is used so much is under load
  Ppm clock_least = Ppm(500'000);     ///< of its highest clock, under load
  Duration clock_error = milliseconds(100);
  Duration clock_jump = seconds(1);
};

/// What must outlast the agent, so that a restart neither forgets a fault nor tells one again that a reset has mended (`checks.json`).
struct CheckMemory {
  std::string boot_id;
  std::uint64_t kernel_next = 0;
  std::vector<Finding> findings;

  static constexpr auto schema() {
    return object("CheckMemory", "What an agent must not forget of its node's faults.",
                  field("bootId", &CheckMemory::boot_id, required, "the boot that all of it is about"),
                  field("kernelNext", &CheckMemory::kernel_next, optional, "records of the kernel before this one have been seen to"),
                  field("findings", &CheckMemory::findings, optional, "those that stand until the device is reset or the node has booted"));
  }
  bool operator==(const CheckMemory&) const = default;
};

/// Single-threaded and without a clock: the same readings at the same moments give the same findings.
///
/// A finding is told once its cause has held for as long as its check asks, and is over once its cause has been gone for
/// `CheckLimits::clear`. XIDs, machine checks and damaged file systems stand until the device is reset or the node has booted.
/// `since` and `detail` are those of the beginning and do not change while it stands.
class Checks {
 public:
  /// `memory` is what a former agent kept; of another boot it counts for nothing. `memory_before` is what the machine had when the
  /// node registered, 0 if that is not known.
  Checks(std::string boot_id, CheckMemory memory, Bytes memory_before, CheckLimits limits = {});

  void take(const NodeReading& reading, Moment now);
  void take(const DeviceFault& fault, Moment now);
  /// Of `devices` the PCI addresses are used, by which the kernel names them.
  void take(const KernelRecord& record, const std::vector<Device>& devices, Moment now);
  /// Reset devices start anew; -1: all of them.
  void device_was_reset(std::int32_t device);

  /// All that stand, by check, device and code.
  std::vector<Finding> findings() const;
  const CheckMemory& memory() const { return memory_; }
  /// The last XID of a device, 0 if there was none; -1 is the node's.
  std::int32_t last_xid(std::int32_t device) const;

 private:
  using Key = std::tuple<NodeCheck, std::int32_t, std::int32_t>;
  enum class Until { kWell, kEvent, kReset };
  struct Standing {
    Finding finding;
    Duration first;  // of this spell
    Duration last;
    Duration clear;
    bool told = false;
    bool latched = false;
  };
  // A counter at the beginning of the stretch over which its growth is judged.
  struct Growth {
    std::int64_t count = 0;
    Duration at;
  };

  void bad(Key key, std::string detail, Moment now, Duration hold = Duration(), Until until = Until::kWell);
  void judge(bool is_bad, Key key, std::string detail, Moment now, Duration hold = Duration());
  bool grows(const std::string& counter, std::int64_t count, std::int64_t most, Duration stretch, Moment now);
  void clear(Moment now);
  void remember();
  void xid(std::int32_t device, std::int32_t number, std::string detail, Moment now);

  void judge_device(std::int32_t index, const DeviceReading& reading, const std::vector<DeviceReading>& all, Moment now);
  void judge_links(std::int32_t index, const DeviceReading& reading, const std::vector<DeviceReading>& all, Moment now);
  void judge_disk(const DiskReading& disk, Moment now);
  void judge_memory(const MemoryReading& memory, Moment now);
  void judge_network(const NetworkReading& network, Moment now);
  void judge_clock(const ClockReading& clock, Moment now);

  CheckLimits limits_;
  CheckMemory memory_;
  std::map<Key, Standing> standing_;
  std::map<std::string, Growth> growth_;
  std::map<std::int32_t, std::int32_t> last_xids_;
  std::map<std::int32_t, std::size_t> most_links_;  // that a device has had up
  std::optional<Moment> last_;
  Bytes memory_before_;
  std::string interface_;
  std::int64_t most_megabits_ = 0;
};

}  // namespace penstock
