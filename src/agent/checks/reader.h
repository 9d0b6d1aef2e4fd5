// The thin part of the checks that looks at the machine: file systems, EDAC, network, clock, and the kernel's log.
#pragma once

#include "agent/checks/readings.h"
#include "base/files.h"

namespace penstock {

/// Where the kernel's files are; a test has its own.
struct MachinePaths {
  std::string sys = kSysfs;
  std::string proc = "/proc";
  std::string kernel_log = "/dev/kmsg";
};

/// `state_dir` is the directory whose file system is looked at. With `probe` a small file in it is written, synced and read back, which
/// takes as long as the disk takes.
DiskReading read_disk(const std::string& state_dir, bool probe);
MemoryReading read_memory(const MachinePaths& paths);
NetworkReading read_network(const MachinePaths& paths);
ClockReading read_clock();
/// UTC and the time since boot, together.
Moment moment_now();

/// The records of /dev/kmsg, or of a file like it, as they come; from the oldest that the kernel still has.
class KernelLog {
 public:
  explicit KernelLog(const std::string& path);
  /// Why it cannot be read: a sentence; empty if it can.
  const std::string& why_not() const { return why_not_; }
  /// The next record of the kernel's own, without waiting; nothing if there is none yet.
  std::optional<KernelRecord> next();

 private:
  Fd file_;
  std::string why_not_;
  std::string buffer_;
};

}  // namespace penstock
