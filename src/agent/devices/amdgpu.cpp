// AMD's devices: what the driver amdgpu shows in sysfs and hwmon, so that no library of AMD's is needed.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "agent/devices/devices.h"
#include "agent/kernel_files.h"
#include "base/files.h"

namespace penstock {
namespace {

constexpr std::string_view kAmd = "0x1002";
constexpr std::int64_t kMicro = 1'000'000;

std::optional<Watts> watts_in(const std::string& path) {
  const auto microwatts = number_in(path);
  return microwatts ? std::optional(Watts((*microwatts + kMicro / 2) / kMicro)) : std::nullopt;
}

std::optional<Ppm> percent_in(const std::string& path) {
  const auto percent = number_in(path);
  return percent ? std::optional(Ppm(10'000) * *percent) : std::nullopt;
}

std::optional<Megahertz> megahertz_in(const std::string& path) {
  const auto hertz = number_in(path);
  return hertz ? std::optional(Megahertz(*hertz / kMicro)) : std::nullopt;
}

// "16.0 GT/s PCIe" is the fourth generation.
std::optional<std::int32_t> generation_in(const std::string& path) {
  const auto speed = number_in(path);
  if (!speed) return std::nullopt;
  std::int32_t generation = 1;  // 2.5 GT/s
  for (const std::int64_t step : {5, 8, 16, 32, 64}) generation += *speed >= step;
  return generation;
}

std::optional<std::int32_t> width_in(const std::string& path) {
  const auto width = number_in(path);
  return width ? std::optional(static_cast<std::int32_t>(*width)) : std::nullopt;
}

template <class T>
std::optional<T> least_of(std::optional<T> a, std::optional<T> b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

// The highest level of a list such as "0: 500Mhz *\n1: 2100Mhz".
std::optional<Megahertz> highest_clock_in(const std::string& path) {
  auto text = read_file(path, 1 << 16);
  if (!text.ok()) return std::nullopt;
  std::optional<Megahertz> most;
  for (std::size_t at = text->find(':'); at != std::string::npos; at = text->find(':', at + 1)) {
    most = std::max(most.value_or(Megahertz()), Megahertz(std::atoll(text->c_str() + at + 1)));
  }
  return most;
}

class AmdGpus final : public DeviceProvider {
 public:
  static Result<std::unique_ptr<DeviceProvider>> open(const std::string& sysfs) {
    std::unique_ptr<AmdGpus> amd(new AmdGpus);
    const std::string drm = sysfs + "/class/drm";
    for (const std::string& card : names_in(drm)) {
      // card0, but not card0-DP-1, which is a connector.
      if (!card.starts_with("card") || card.find('-') != std::string::npos) continue;
      std::error_code failed;
      const auto device = std::filesystem::canonical(drm + "/" + card + "/device", failed);
      if (!failed && line_in(device.string() + "/vendor") == kAmd && link_name(device.string() + "/driver") == "amdgpu") {
        amd->paths_.push_back(device);
      }
    }
    // In the order of the bus, as tasks and other tools count them.
    std::sort(amd->paths_.begin(), amd->paths_.end(), [](const std::string& a, const std::string& b) { return slot_of(a) < slot_of(b); });
    if (amd->paths_.empty()) return make_error(Code::kUnsupported, fmt::format("no AMD devices in {}: the driver amdgpu runs none", drm));
    for (const std::string& path : amd->paths_) amd->devices_.push_back(describe(path));
    return std::unique_ptr<DeviceProvider>(std::move(amd));
  }

  Vendor vendor() const override { return Vendor::kAmd; }
  std::string model() const override { return short_model(devices_.front().name); }
  const std::vector<Device>& devices() const override { return devices_; }

  std::optional<Watts> power(std::int32_t index) const override {
    if (!has(index)) return std::nullopt;
    const std::string hwmon = hwmon_of(at(index));
    const auto average = watts_in(hwmon + "/power1_average");
    return average ? average : watts_in(hwmon + "/power1_input");
  }
  std::optional<std::int64_t> energy_mj(std::int32_t index) const override {
    if (!has(index)) return std::nullopt;
    const auto microjoules = number_in(hwmon_of(at(index)) + "/energy1_input");
    return microjoules ? std::optional(*microjoules / 1000) : std::nullopt;
  }

  DeviceReading read(std::int32_t index) const override {
    DeviceReading reading;
    if (!has(index)) return reading;
    const std::string& path = at(index);
    if (!exists(path + "/vendor")) {
      reading.lost = true;
      return reading;
    }
    const std::string hwmon = hwmon_of(path);
    reading.power = power(index);
    reading.energy_mj = energy_mj(index);
    reading.power_limit = watts_in(hwmon + "/power1_cap");
    // The kernel does not tell what holds clocks down; a device that draws nearly all that it may is held by that.
    if (reading.power && reading.power_limit) reading.power_capped = *reading.power * 20 >= *reading.power_limit * 19;
    read_heat(hwmon, reading);
    reading.sm_clock = megahertz_in(hwmon + "/freq1_input");
    reading.memory_clock = megahertz_in(hwmon + "/freq2_input");
    reading.sm_clock_most = highest_clock_in(path + "/pp_dpm_sclk");
    reading.utilisation = percent_in(path + "/gpu_busy_percent");
    reading.memory_utilisation = percent_in(path + "/mem_busy_percent");
    const auto used = number_in(path + "/mem_info_vram_used");
    const auto total = number_in(path + "/mem_info_vram_total");
    if (used) reading.memory_used = Bytes(*used);
    if (used && total) reading.memory_free = Bytes(*total - *used);
    for (const std::string& name : names_in(path + "/ras")) {
      if (!name.ends_with("_err_count")) continue;
      const auto add = [&](std::optional<std::int64_t>& sum, std::string_view kind) {
        if (const auto count = number_after(path + "/ras/" + name, kind)) sum = sum.value_or(0) + *count;
      };
      add(reading.ecc_uncorrected, "ue:");
      add(reading.ecc_corrected, "ce:");
    }
    // A card can do no more than what it sits in.
    const std::string above = path + "/..";
    reading.pcie_generation = generation_in(path + "/current_link_speed");
    reading.pcie_generation_most = least_of(generation_in(path + "/max_link_speed"), generation_in(above + "/max_link_speed"));
    reading.pcie_width = width_in(path + "/current_link_width");
    reading.pcie_width_most = least_of(width_in(path + "/max_link_width"), width_in(above + "/max_link_width"));
    reading.pcie_replays = number_in(path + "/pcie_replay_count");
    return reading;
  }

 protected:
  Status limit_power(std::int32_t index, Watts limit) const override {
    // Not write_file, which would put another file in its place.
    const std::string path = hwmon_of(at(index)) + "/power1_cap";
    std::FILE* file = std::fopen(path.c_str(), "we");
    const bool opened = file != nullptr && std::fprintf(file, "%lld\n", static_cast<long long>(limit.count() * kMicro)) > 0;
    const bool written = file != nullptr && std::fclose(file) == 0 && opened;
    return written ? ok_status() : system_error(fmt::format("device {} does not take a power limit of {}", index, Text<Watts>::format(limit)), errno);
  }

 private:
  static std::string slot_of(const std::string& path) { return std::filesystem::path(path).filename(); }
  static std::string hwmon_of(const std::string& path) {
    const auto names = names_in(path + "/hwmon");
    return path + "/hwmon/" + (names.empty() ? "none" : names.front());
  }

  static Device describe(const std::string& path) {
    Device device;
    device.name = line_in(path + "/product_name").value_or("AMD GPU " + line_in(path + "/device").value_or("of unknown model"));
    const auto unique = line_in(path + "/unique_id");
    if (unique) device.uuid = "GPU-" + *unique;
    device.serial = line_in(path + "/serial_number").value_or(unique.value_or(""));
    device.firmware = line_in(path + "/vbios_version").value_or("");
    device.slot = slot_of(path);
    if (const auto total = number_in(path + "/mem_info_vram_total")) device.memory = Bytes(*total);
    device.power_limit_min = watts_in(hwmon_of(path) + "/power1_cap_min");
    device.power_limit_max = watts_in(hwmon_of(path) + "/power1_cap_max");
    return device;
  }

  static void read_heat(const std::string& hwmon, DeviceReading& reading) {
    for (int sensor = 1; sensor <= 3; ++sensor) {
      const std::string name = fmt::format("{}/temp{}", hwmon, sensor);
      const auto now = number_in(name + "_input");  // thousandths of a degree
      if (!now) continue;
      const auto most = number_in(name + "_crit");
      if (most) reading.thermal_slowdown = reading.thermal_slowdown.value_or(false) || *now >= *most;
      const std::string label = line_in(name + "_label").value_or(sensor == 1 ? "edge" : "");
      const Celsius celsius(*now / 1000);
      if (label == "mem") {
        reading.memory_temperature = celsius;
      } else {
        reading.temperature = std::max(reading.temperature.value_or(celsius), celsius);
      }
    }
  }

  bool has(std::int32_t index) const { return index >= 0 && static_cast<std::size_t>(index) < paths_.size(); }
  const std::string& at(std::int32_t index) const { return paths_[static_cast<std::size_t>(index)]; }

  std::vector<std::string> paths_;  // of the devices, without links
  std::vector<Device> devices_;
};

}  // namespace

Result<std::unique_ptr<DeviceProvider>> open_amdgpu(const std::string& sysfs) { return AmdGpus::open(sysfs); }

}  // namespace penstock
