// The watch over a node's health: reads the machine at intervals, and tells when what stands has changed.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "agent/checks/checks.h"
#include "agent/checks/reader.h"

namespace penstock {

struct HealthOptions {
  std::string state_dir;
  MachinePaths paths;
  Duration every = seconds(10);        ///< devices, disk, memory, network, clock
  Duration kernel_every = seconds(1);  ///< the kernel's log
  Duration probe_every = seconds(60);  ///< of the disk
  CheckLimits limits;
};

/// `run` and `watch_faults` take a thread each, and end after `stop`; the rest may be called from any.
class HealthWatch {
 public:
  /// `changed` is called, from a thread of the watch, whenever the findings are others than before.
  HealthWatch(HealthOptions options, const DeviceProvider& devices, const std::string& boot_id, Bytes memory_before, std::function<void()> changed);

  void run();
  /// Ends at once where devices tell no faults.
  void watch_faults();
  void stop();

  std::vector<Finding> findings() const;
  std::int32_t last_xid(std::int32_t device) const;
  /// Reset devices start anew; -1: all.
  void device_was_reset(std::int32_t device);

 private:
  NodeReading read(bool probe) const;
  template <class Change>
  void change(Change change);
  std::string path() const { return options_.state_dir + "/checks.json"; }

  HealthOptions options_;
  const DeviceProvider& devices_;
  std::function<void()> changed_;
  std::mutex writing_;  // held by whoever writes checks.json

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  bool stopping_ = false;
  Checks checks_;
};

}  // namespace penstock
