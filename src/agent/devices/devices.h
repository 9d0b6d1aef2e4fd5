// The accelerators of this machine behind one interface: NVIDIA's by NVML, AMD's by the kernel's files, or slots of its cores.
#pragma once

#include <memory>

#include "base/time.h"
#include "spec/estate.h"

namespace penstock {

using Celsius = Quantity<struct CelsiusTag>;      ///< temperature
using Megahertz = Quantity<struct MegahertzTag>;  ///< clock frequency

/// One device as it was found. What the driver does not tell is absent.
struct Device {
  std::string name;  ///< the maker's
  std::string uuid;
  std::optional<Bytes> memory;
  std::optional<Watts> power_limit_min;
  std::optional<Watts> power_limit_max;
  std::string serial;
  std::string firmware;  ///< version of its VBIOS
  std::string slot;      ///< PCI address: 0000:3b:00.0
};

/// One link between devices. The counters only grow while the driver stays loaded.
struct DeviceLink {
  bool up = false;
  std::int64_t errors = 0;  ///< replays, recoveries and CRC errors together
};

/// How a device is now. What the driver does not tell is absent; counters are since the driver was loaded unless they say otherwise.
struct DeviceReading {
  bool lost = false;  ///< it has fallen off the bus: nothing else is told of it
  std::optional<Watts> power;
  std::optional<Watts> power_limit;
  std::optional<std::int64_t> energy_mj;
  std::optional<Celsius> temperature;
  std::optional<Celsius> memory_temperature;
  std::optional<Megahertz> sm_clock;
  std::optional<Megahertz> sm_clock_most;
  std::optional<Megahertz> memory_clock;
  std::optional<bool> thermal_slowdown;  ///< clocks are held down by heat
  std::optional<bool> power_brake;       ///< clocks are held down because the supply asked for it
  std::optional<bool> power_capped;      ///< clocks are held down by the power limit or by a setting: no fault
  std::optional<Ppm> utilisation;
  std::optional<Ppm> memory_utilisation;
  std::optional<Bytes> memory_used;
  std::optional<Bytes> memory_free;
  std::optional<std::int64_t> ecc_corrected;
  std::optional<std::int64_t> ecc_uncorrected;
  std::optional<std::int64_t> ecc_corrected_ever;  ///< in its life
  std::optional<std::int64_t> ecc_uncorrected_ever;
  std::optional<std::int64_t> rows_remapped_corrected;  ///< in its life
  std::optional<std::int64_t> rows_remapped_uncorrected;
  std::optional<bool> row_remap_pending;  ///< memory waits for a reset to be mended; of older devices: to be retired
  std::optional<bool> row_remap_failed;
  std::optional<std::int64_t> pages_retired;  ///< of older devices, in its life
  std::vector<DeviceLink> links;
  std::optional<std::int32_t> pcie_generation;
  std::optional<std::int32_t> pcie_generation_most;  ///< that device and slot could have
  std::optional<std::int32_t> pcie_width;
  std::optional<std::int32_t> pcie_width_most;
  std::optional<std::int64_t> pcie_replays;
  std::optional<Duration> power_violation;  ///< time for which clocks were held down
  std::optional<Duration> thermal_violation;
};

/// An error that the driver told of, as it happened.
struct DeviceFault {
  std::int32_t device = -1;  ///< -1: of which one is not known
  std::int32_t xid = 0;
};

/// All devices of one kind. Indexes are those of `devices()`; the calls may be made from any thread.
class DeviceProvider {
 public:
  virtual ~DeviceProvider() = default;
  virtual Vendor vendor() const = 0;
  /// The model that workloads name: `h200`, `cpu-slot`.
  virtual std::string model() const = 0;
  virtual const std::vector<Device>& devices() const = 0;
  /// What a device draws now; nothing if it cannot be measured.
  virtual std::optional<Watts> power(std::int32_t index) const = 0;
  /// A counter of the energy a device has used, in millijoules; only differences mean anything.
  virtual std::optional<std::int64_t> energy_mj(std::int32_t index) const = 0;
  /// All that the driver tells of a device now. May take some milliseconds.
  virtual DeviceReading read(std::int32_t index) const = 0;
  /// Whether `wait_fault` will ever tell of anything.
  virtual bool tells_faults() const { return false; }
  /// The next error that the driver tells of, within `most`; one caller at a time.
  virtual std::optional<DeviceFault> wait_fault(Duration) const { return std::nullopt; }
  /// Limits what a device may draw. kInvalid outside of what it allows, kUnsupported where that cannot be done.
  Status set_power_limit(std::int32_t index, Watts limit) const;
  /// Lets go of the driver, so that devices can be reset; until `resume` nothing can be read.
  virtual void pause() {}
  virtual void resume() {}

 protected:
  virtual Status limit_power(std::int32_t index, Watts limit) const;
};

inline constexpr const char* kNvmlLibrary = "libnvidia-ml.so.1";
inline constexpr const char* kSysfs = "/sys";

/// NVIDIA's devices through the library of that name or path. kUnsupported if it cannot be loaded or finds no
/// device, with the reason.
Result<std::unique_ptr<DeviceProvider>> open_nvml(const std::string& library = kNvmlLibrary);

/// AMD's devices that the driver amdgpu runs, by its files below `sysfs`. kUnsupported if there is none.
/// What the files mean: https://docs.kernel.org/gpu/amdgpu/
Result<std::unique_ptr<DeviceProvider>> open_amdgpu(const std::string& sysfs = kSysfs);

/// `count` slots of the machine's own cores, so that a machine without a GPU takes the same path.
std::unique_ptr<DeviceProvider> make_cpu_slots(std::int32_t count);

/// NVIDIA's devices if there are any, else AMD's, else a slot a core.
std::unique_ptr<DeviceProvider> find_devices(const std::string& nvml_library, std::int32_t cores, const std::string& sysfs = kSysfs);

/// The short model in a maker's name: "NVIDIA H100 80GB HBM3" → h100, "NVIDIA GeForce RTX 4090" → rtx-4090.
std::string short_model(std::string_view name);

}  // namespace penstock
