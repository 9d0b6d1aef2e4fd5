// NVML by dlopen, so that one binary runs on machines with and without NVIDIA's driver.
#include "agent/devices.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace penstock {
namespace {

// At most so many devices make a node (DeviceSpec).
constexpr std::int32_t kMostSlots = 64;

// The part of NVML's interface that is used here. These names and layouts are frozen: a new meaning gets a new
// suffix.
using NvmlDevice = struct nvmlDevice_st*;
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
constexpr int kNvmlSuccess = 0;

struct NvmlCalls {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  const char* (*error_string)(int) = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, NvmlDevice*) = nullptr;
  int (*name)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*power)(NvmlDevice, unsigned*) = nullptr;                    // mW
  int (*energy)(NvmlDevice, unsigned long long*) = nullptr;         // mJ since the driver was loaded
  int (*power_limits)(NvmlDevice, unsigned*, unsigned*) = nullptr;  // mW
};

struct CloseLibrary {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

class Nvml final : public DeviceProvider {
 public:
  static Result<std::unique_ptr<DeviceProvider>> open(const std::string& path) {
    const auto unsupported = [&](std::string_view why) {
      return make_error(Code::kUnsupported, fmt::format("no NVIDIA devices through {}: {}", path, why));
    };
    Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!library) return unsupported(dlerror());
    NvmlCalls calls;
    const char* missing = nullptr;
    const auto bind = [&]<class F>(F& function, const char* symbol) {
      function = reinterpret_cast<F>(dlsym(library.get(), symbol));
      if (function == nullptr) missing = symbol;
    };
    bind(calls.init, "nvmlInit_v2");
    bind(calls.shutdown, "nvmlShutdown");
    bind(calls.error_string, "nvmlErrorString");
    bind(calls.count, "nvmlDeviceGetCount_v2");
    bind(calls.handle, "nvmlDeviceGetHandleByIndex_v2");
    bind(calls.name, "nvmlDeviceGetName");
    bind(calls.uuid, "nvmlDeviceGetUUID");
    bind(calls.memory, "nvmlDeviceGetMemoryInfo");
    bind(calls.power, "nvmlDeviceGetPowerUsage");
    bind(calls.energy, "nvmlDeviceGetTotalEnergyConsumption");
    bind(calls.power_limits, "nvmlDeviceGetPowerManagementLimitConstraints");
    if (missing != nullptr) return unsupported(fmt::format("it has no {}", missing));
    int status = calls.init();
    if (status != kNvmlSuccess) return unsupported(calls.error_string(status));
    std::unique_ptr<Nvml> nvml(new Nvml(std::move(library), calls));
    unsigned count = 0;
    status = calls.count(&count);
    if (status != kNvmlSuccess) return unsupported(calls.error_string(status));
    if (count == 0) return unsupported("there is none");
    for (unsigned i = 0; i < count; ++i) {
      NvmlDevice handle = nullptr;
      status = calls.handle(i, &handle);
      if (status != kNvmlSuccess) return unsupported(fmt::format("device {}: {}", i, calls.error_string(status)));
      nvml->handles_.push_back(handle);
      nvml->devices_.push_back(nvml->describe(handle));
    }
    return std::unique_ptr<DeviceProvider>(std::move(nvml));
  }

  ~Nvml() override { calls_.shutdown(); }

  Vendor vendor() const override { return Vendor::kNvidia; }
  std::string model() const override { return short_model(devices_.front().name); }
  const std::vector<Device>& devices() const override { return devices_; }

  std::optional<Watts> power(std::int32_t index) const override {
    unsigned milliwatts = 0;
    if (!has(index) || calls_.power(handles_[static_cast<std::size_t>(index)], &milliwatts) != kNvmlSuccess) {
      return std::nullopt;
    }
    return Watts((milliwatts + 500) / 1000);
  }

  std::optional<std::int64_t> energy_mj(std::int32_t index) const override {
    unsigned long long millijoules = 0;
    if (!has(index) || calls_.energy(handles_[static_cast<std::size_t>(index)], &millijoules) != kNvmlSuccess) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(millijoules);
  }

 private:
  Nvml(Library library, const NvmlCalls& calls) : library_(std::move(library)), calls_(calls) {}

  bool has(std::int32_t index) const { return index >= 0 && static_cast<std::size_t>(index) < handles_.size(); }

  Device describe(NvmlDevice handle) const {
    Device device;
    char text[96] = {};
    if (calls_.name(handle, text, sizeof text) == kNvmlSuccess) device.name = text;
    if (calls_.uuid(handle, text, sizeof text) == kNvmlSuccess) device.uuid = text;
    NvmlMemory memory{};
    if (calls_.memory(handle, &memory) == kNvmlSuccess) {
      device.memory = Bytes(static_cast<std::int64_t>(memory.total));
    }
    unsigned least = 0;
    unsigned most = 0;
    if (calls_.power_limits(handle, &least, &most) == kNvmlSuccess) {
      device.power_limit_min = Watts(least / 1000);
      device.power_limit_max = Watts(most / 1000);
    }
    return device;
  }

  Library library_;
  NvmlCalls calls_;
  std::vector<NvmlDevice> handles_;
  std::vector<Device> devices_;
};

class CpuSlots final : public DeviceProvider {
 public:
  explicit CpuSlots(std::int32_t count)
      : devices_(static_cast<std::size_t>(count), Device{"CPU slot", {}, {}, {}, {}}) {}

  Vendor vendor() const override { return Vendor::kCpu; }
  std::string model() const override { return "cpu-slot"; }
  const std::vector<Device>& devices() const override { return devices_; }
  std::optional<Watts> power(std::int32_t) const override { return std::nullopt; }
  std::optional<std::int64_t> energy_mj(std::int32_t) const override { return std::nullopt; }

 private:
  std::vector<Device> devices_;
};

}  // namespace

Result<std::unique_ptr<DeviceProvider>> open_nvml(const std::string& library) { return Nvml::open(library); }

std::unique_ptr<DeviceProvider> make_cpu_slots(std::int32_t count) {
  return std::make_unique<CpuSlots>(std::min(std::max(count, 1), kMostSlots));
}

std::unique_ptr<DeviceProvider> find_devices(const std::string& nvml_library, std::int32_t cores) {
  auto nvml = open_nvml(nvml_library);
  return nvml.ok() ? std::move(*nvml) : make_cpu_slots(cores);
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
    if (word.empty() || word == "nvidia" || word == "tesla" || word == "geforce") continue;
    // A data centre GPU is named by its first word; memory size and form factor come behind it.
    if (model.empty() && word.find_first_of("0123456789") != std::string::npos) return word;
    model += (model.empty() ? "" : "-") + word;
  }
  return model.empty() ? "gpu" : model;
}

}  // namespace penstock
