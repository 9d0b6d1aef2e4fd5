// What all providers share, and the slots that a machine without accelerators has.
#include "agent/devices/devices.h"

#include <fmt/format.h>

namespace penstock {
namespace {

// At most so many devices make a node (DeviceSpec).
constexpr std::int32_t kMostSlots = 64;

class CpuSlots final : public DeviceProvider {
 public:
  explicit CpuSlots(std::int32_t count) : devices_(static_cast<std::size_t>(count)) {
    for (Device& device : devices_) device.name = "CPU slot";
  }

  Vendor vendor() const override { return Vendor::kCpu; }
  std::string model() const override { return "cpu-slot"; }
  const std::vector<Device>& devices() const override { return devices_; }
  std::optional<Watts> power(std::int32_t) const override { return std::nullopt; }
  std::optional<std::int64_t> energy_mj(std::int32_t) const override { return std::nullopt; }
  DeviceReading read(std::int32_t) const override { return {}; }

 private:
  std::vector<Device> devices_;
};

}  // namespace

Status DeviceProvider::set_power_limit(std::int32_t index, Watts limit) const {
  if (index < 0 || static_cast<std::size_t>(index) >= devices().size()) {
    return make_error(Code::kNotFound, fmt::format("there is no device {}; this node has {}", index, devices().size()));
  }
  const Device& device = devices()[static_cast<std::size_t>(index)];
  if (!device.power_limit_min || !device.power_limit_max) {
    return make_error(Code::kUnsupported, fmt::format("the driver tells no power limits of device {}", index));
  }
  if (limit < *device.power_limit_min || limit > *device.power_limit_max) {
    return make_error(Code::kInvalid, fmt::format("device {} takes a power limit of {} to {}, not {}", index, Text<Watts>::format(*device.power_limit_min),
                                                  Text<Watts>::format(*device.power_limit_max), Text<Watts>::format(limit)));
  }
  return limit_power(index, limit);
}

Status DeviceProvider::limit_power(std::int32_t index, Watts) const {
  return make_error(Code::kUnsupported, fmt::format("the power of device {} cannot be limited", index));
}

std::unique_ptr<DeviceProvider> make_cpu_slots(std::int32_t count) {
  return std::make_unique<CpuSlots>(std::min(std::max(count, 1), kMostSlots));
}

std::unique_ptr<DeviceProvider> find_devices(const std::string& nvml_library, std::int32_t cores, const std::string& sysfs) {
  if (auto nvml = open_nvml(nvml_library); nvml.ok()) return std::move(*nvml);
  if (auto amd = open_amdgpu(sysfs); amd.ok()) return std::move(*amd);
  return make_cpu_slots(cores);
}

std::string short_model(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      words.back() += capital ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  std::string model;
  for (const std::string& word : words) {
    if (word.empty() || word == "nvidia" || word == "tesla" || word == "geforce" || word == "amd" || word == "instinct") continue;
    // A data centre GPU is named by its first word; memory size and form factor come behind it.
    if (model.empty() && word.find_first_of("0123456789") != std::string::npos) return word;
    model += (model.empty() ? "" : "-") + word;
  }
  return model.empty() ? "gpu" : model;
}

}  // namespace penstock
