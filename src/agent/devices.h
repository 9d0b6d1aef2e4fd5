// The accelerators of this machine: NVIDIA GPUs by NVML, or slots made of its cores.
#pragma once

#include <memory>

#include "spec/estate.h"

namespace penstock {

/// One device as it was found. What the driver does not tell is absent.
struct Device {
  std::string name;  ///< the maker's
  std::string uuid;
  std::optional<Bytes> memory;
  std::optional<Watts> power_limit_min;
  std::optional<Watts> power_limit_max;
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
};

inline constexpr const char* kNvmlLibrary = "libnvidia-ml.so.1";

/// NVIDIA's devices through the library of that name or path. kUnsupported if it cannot be loaded or finds no
/// device, with the reason.
Result<std::unique_ptr<DeviceProvider>> open_nvml(const std::string& library = kNvmlLibrary);

/// `count` slots of the machine's own cores, so that a machine without a GPU takes the same path.
std::unique_ptr<DeviceProvider> make_cpu_slots(std::int32_t count);

/// NVIDIA's devices if there are any, else a slot a core.
std::unique_ptr<DeviceProvider> find_devices(const std::string& nvml_library, std::int32_t cores);

/// The short model in a maker's name: "NVIDIA H100 80GB HBM3" → h100, "NVIDIA GeForce RTX 4090" → rtx-4090.
std::string short_model(std::string_view name);

}  // namespace penstock
