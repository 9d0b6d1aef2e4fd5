// What the checks are given: a picture of the node at one moment, without a judgement.
#pragma once

#include "agent/devices/devices.h"

namespace penstock {

/// One moment on both clocks: UTC, which people read, and the time since boot, which nobody can set.
struct Moment {
  Time utc;
  Duration since_boot;
};

/// The file system that holds the agent's state, and a small file written to it, synced and read back.
struct DiskReading {
  Bytes size;
  Bytes available;  ///< to those who are not root
  std::int64_t files = 0;  ///< that it can hold; 0: no such limit
  std::int64_t files_available = 0;
  bool read_only = false;
  bool probed = false;              ///< the probe's result is of now
  std::int32_t probe_error = 0;     ///< errno; 0: what was written was read back
  Duration probe_time;
};

struct MemoryReading {
  Bytes total;
  std::optional<std::int64_t> corrected;  ///< errors since the kernel's EDAC driver was loaded
  std::optional<std::int64_t> uncorrected;
};

/// The interface of the default route.
struct NetworkReading {
  std::string interface;  ///< empty: there is no default route
  bool up = false;
  std::int64_t errors = 0;    ///< received and sent, since it came up
  std::int64_t megabits = 0;  ///< a second; 0: not told
};

/// The kernel's view of its own clock (adjtimex).
struct ClockReading {
  bool synchronised = false;
  Duration error;  ///< estimated
};

/// What is absent could not be read, and is not judged.
struct NodeReading {
  std::vector<DeviceReading> devices;
  std::optional<DiskReading> disk;
  std::optional<MemoryReading> memory;
  std::optional<NetworkReading> network;
  std::optional<ClockReading> clock;
};

/// One record of the kernel's log.
struct KernelRecord {
  std::uint64_t sequence = 0;  ///< unique for a boot, rising
  Duration at;                 ///< since boot
  std::string text;
};

}  // namespace penstock
