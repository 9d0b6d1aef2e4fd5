// What this machine is: cores, memory, identity, power.
#pragma once

#include "agent/devices/devices.h"
#include "base/time.h"
#include "spec/document.h"

namespace penstock {

struct Machine {
  std::int32_t cores = 0;  ///< that this process may use
  Bytes memory;
  std::string boot_id;
  std::string hostname;
};

Machine read_machine();

/// The draw of the processor packages by RAPL. Where it cannot be read (no such hardware, a virtual machine, not
/// allowed) `usable` is false.
class RaplMeter {
 public:
  explicit RaplMeter(const std::string& root = "/sys/class/powercap");
  bool usable() const { return !packages_.empty(); }
  /// The mean draw since the last call; nothing the first time.
  std::optional<Watts> read();

 private:
  struct Package {
    std::string energy;      // file with a counter in microjoules
    std::int64_t range = 0;  // where it wraps
    std::int64_t last = 0;
  };
  std::vector<Package> packages_;
  std::optional<Duration> last_read_;
};

/// A NodeType document for this machine, named `this-machine`: what `penstock agent --probe` prints.
///
/// Workloads get all cores but one of every sixteen, and all memory but a sixteenth (at least 512 MiB, at most
/// 8 GiB), rounded down to MiB; the rest is the system's. Power is an estimate, and the label
/// `power-source: estimate` says so: 25 W + 2 W a core + a tenth of each GPU's highest power limit when idle,
/// 40 W + 8 W a core + the whole of it at most. Where a limit is not known a GPU counts as 400 W.
Document node_type_document(const Machine& machine, const DeviceProvider& devices);

}  // namespace penstock
