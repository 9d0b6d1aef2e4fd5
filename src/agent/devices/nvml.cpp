// NVIDIA's devices: NVML by dlopen, so that one binary runs on machines with and without NVIDIA's driver.
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <shared_mutex>
#include <thread>

#include "agent/devices/devices.h"

namespace penstock {
namespace {

// The part of NVML's interface that is used here (nvml.h of the driver's headers, docs.nvidia.com/deploy/nvml-api). These names and
// layouts are frozen: a new meaning gets a new suffix.
using NvmlDevice = struct nvmlDevice_st*;
using NvmlEventSet = struct nvmlEventSet_st*;
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
struct NvmlUtilization {
  unsigned gpu;
  unsigned memory;
};
struct NvmlPciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};
struct NvmlEventData {
  NvmlDevice device;
  unsigned long long type;
  unsigned long long data;
  unsigned gpu_instance, compute_instance;
};
struct NvmlViolationTime {
  unsigned long long reference_us;
  unsigned long long violation_ns;
};
struct NvmlFieldValue {
  unsigned field;
  unsigned scope;
  long long timestamp_us, latency_us;
  unsigned type;
  int status;
  union {
    unsigned u32;
    unsigned long long u64;
  };
};
constexpr int kNvmlSuccess = 0;
constexpr int kNvmlInsufficientSize = 7;
constexpr int kNvmlTimeout = 10;
constexpr int kNvmlGpuIsLost = 15;
constexpr unsigned kTemperatureOfGpu = 0;
constexpr unsigned kClockSm = 1, kClockMemory = 2;
constexpr unsigned kEccCorrected = 0, kEccUncorrected = 1;
constexpr unsigned kEccVolatile = 0, kEccAggregate = 1;
constexpr unsigned kViolationPower = 0, kViolationThermal = 1;
constexpr unsigned kFieldMemoryTemperature = 82;
constexpr unsigned kMostLinks = 18;
constexpr unsigned kLinkErrorCounters = 4;  // replay, recovery, CRC of flow control, CRC of data
constexpr unsigned long long kEventXid = 8;
// Why clocks are limited: nvmlClocksEventReasons.
constexpr unsigned long long kBySettingOrPowerLimit = 0x2 | 0x4 | 0x10 | 0x100;
constexpr unsigned long long kByHeat = 0x20 | 0x40;
constexpr unsigned long long kByPowerBrake = 0x80;

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

  // Older drivers lack some of these.
  int (*serial)(NvmlDevice, char*, unsigned) = nullptr;
  int (*vbios)(NvmlDevice, char*, unsigned) = nullptr;
  int (*pci)(NvmlDevice, NvmlPciInfo*) = nullptr;
  int (*power_limit)(NvmlDevice, unsigned*) = nullptr;     // mW
  int (*set_power_limit)(NvmlDevice, unsigned) = nullptr;  // mW
  int (*temperature)(NvmlDevice, unsigned, unsigned*) = nullptr;
  int (*clock)(NvmlDevice, unsigned, unsigned*) = nullptr;  // MHz
  int (*clock_most)(NvmlDevice, unsigned, unsigned*) = nullptr;
  int (*clock_reasons)(NvmlDevice, unsigned long long*) = nullptr;
  int (*utilization)(NvmlDevice, NvmlUtilization*) = nullptr;  // %
  int (*ecc)(NvmlDevice, unsigned, unsigned, unsigned long long*) = nullptr;
  int (*remapped)(NvmlDevice, unsigned*, unsigned*, unsigned*, unsigned*) = nullptr;
  int (*retired)(NvmlDevice, unsigned, unsigned*, unsigned long long*) = nullptr;
  int (*retired_pending)(NvmlDevice, unsigned*) = nullptr;
  int (*link_state)(NvmlDevice, unsigned, unsigned*) = nullptr;
  int (*link_errors)(NvmlDevice, unsigned, unsigned, unsigned long long*) = nullptr;
  int (*pcie_generation)(NvmlDevice, unsigned*) = nullptr;
  int (*pcie_generation_most)(NvmlDevice, unsigned*) = nullptr;
  int (*pcie_width)(NvmlDevice, unsigned*) = nullptr;
  int (*pcie_width_most)(NvmlDevice, unsigned*) = nullptr;
  int (*pcie_replays)(NvmlDevice, unsigned*) = nullptr;
  int (*violation)(NvmlDevice, unsigned, NvmlViolationTime*) = nullptr;
  int (*fields)(NvmlDevice, int, NvmlFieldValue*) = nullptr;
  int (*event_set)(NvmlEventSet*) = nullptr;
  int (*event_register)(NvmlDevice, unsigned long long, NvmlEventSet) = nullptr;
  int (*event_wait)(NvmlEventSet, NvmlEventData*, unsigned) = nullptr;  // ms
  int (*event_free)(NvmlEventSet) = nullptr;
};

struct CloseLibrary {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

// A call that an older driver lacks tells nothing.
template <class Call, class... Arguments>
bool told(Call call, Arguments... arguments) {
  return call != nullptr && call(arguments...) == kNvmlSuccess;
}

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
    const auto find = [&]<class F>(F& function, const char* symbol) {
      function = reinterpret_cast<F>(dlsym(library.get(), symbol));
    };
    const auto bind = [&]<class F>(F& function, const char* symbol) {
      find(function, symbol);
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
    find(calls.serial, "nvmlDeviceGetSerial");
    find(calls.vbios, "nvmlDeviceGetVbiosVersion");
    find(calls.pci, "nvmlDeviceGetPciInfo_v3");
    find(calls.power_limit, "nvmlDeviceGetEnforcedPowerLimit");
    find(calls.set_power_limit, "nvmlDeviceSetPowerManagementLimit");
    find(calls.temperature, "nvmlDeviceGetTemperature");
    find(calls.clock, "nvmlDeviceGetClockInfo");
    find(calls.clock_most, "nvmlDeviceGetMaxClockInfo");
    find(calls.clock_reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
    find(calls.utilization, "nvmlDeviceGetUtilizationRates");
    find(calls.ecc, "nvmlDeviceGetTotalEccErrors");
    find(calls.remapped, "nvmlDeviceGetRemappedRows");
    find(calls.retired, "nvmlDeviceGetRetiredPages");
    find(calls.retired_pending, "nvmlDeviceGetRetiredPagesPendingStatus");
    find(calls.link_state, "nvmlDeviceGetNvLinkState");
    find(calls.link_errors, "nvmlDeviceGetNvLinkErrorCounter");
    find(calls.pcie_generation, "nvmlDeviceGetCurrPcieLinkGeneration");
    find(calls.pcie_generation_most, "nvmlDeviceGetMaxPcieLinkGeneration");
    find(calls.pcie_width, "nvmlDeviceGetCurrPcieLinkWidth");
    find(calls.pcie_width_most, "nvmlDeviceGetMaxPcieLinkWidth");
    find(calls.pcie_replays, "nvmlDeviceGetPcieReplayCounter");
    find(calls.violation, "nvmlDeviceGetViolationStatus");
    find(calls.fields, "nvmlDeviceGetFieldValues");
    find(calls.event_set, "nvmlEventSetCreate");
    find(calls.event_register, "nvmlDeviceRegisterEvents");
    find(calls.event_wait, "nvmlEventSetWait_v2");
    find(calls.event_free, "nvmlEventSetFree");
    std::unique_ptr<Nvml> nvml(new Nvml(std::move(library), calls));
    if (const int status = nvml->start(); status != kNvmlSuccess) return unsupported(calls.error_string(status));
    if (nvml->handles_.empty()) return unsupported("there is none");
    for (const NvmlDevice handle : nvml->handles_) nvml->devices_.push_back(nvml->describe(handle));
    return std::unique_ptr<DeviceProvider>(std::move(nvml));
  }

  ~Nvml() override { stop(); }

  Vendor vendor() const override { return Vendor::kNvidia; }
  std::string model() const override { return short_model(devices_.front().name); }
  const std::vector<Device>& devices() const override { return devices_; }

  std::optional<Watts> power(std::int32_t index) const override {
    const std::shared_lock lock(mutex_);
    unsigned milliwatts = 0;
    if (!has(index) || calls_.power(at(index), &milliwatts) != kNvmlSuccess) return std::nullopt;
    return Watts((milliwatts + 500) / 1000);
  }

  std::optional<std::int64_t> energy_mj(std::int32_t index) const override {
    const std::shared_lock lock(mutex_);
    unsigned long long millijoules = 0;
    if (!has(index) || calls_.energy(at(index), &millijoules) != kNvmlSuccess) return std::nullopt;
    return static_cast<std::int64_t>(millijoules);
  }

  DeviceReading read(std::int32_t index) const override {
    const std::shared_lock lock(mutex_);
    DeviceReading reading;
    if (!has(index)) {
      // A device that did not come back from a reset is gone; one that nobody may look at now is not.
      reading.lost = initialised_ && index >= 0 && static_cast<std::size_t>(index) < devices_.size();
      return reading;
    }
    const NvmlDevice handle = at(index);
    unsigned number = 0;
    unsigned long long big = 0;
    const int status = calls_.power(handle, &number);
    if (status == kNvmlGpuIsLost) {
      reading.lost = true;
      return reading;
    }
    if (status == kNvmlSuccess) reading.power = Watts((number + 500) / 1000);
    if (calls_.energy(handle, &big) == kNvmlSuccess) reading.energy_mj = static_cast<std::int64_t>(big);
    if (told(calls_.power_limit, handle, &number)) reading.power_limit = Watts(number / 1000);
    read_clocks_and_heat(handle, reading);
    read_memory(handle, reading);
    read_links(handle, reading);
    return reading;
  }

  bool tells_faults() const override { return calls_.event_set && calls_.event_register && calls_.event_wait && calls_.event_free; }

  std::optional<DeviceFault> wait_fault(Duration most) const override {
    const std::chrono::milliseconds limit(most.count() / 1'000'000);
    if (paused_) {
      std::this_thread::sleep_for(limit);
      return std::nullopt;
    }
    const std::shared_lock lock(mutex_);
    NvmlEventData event{};
    const int status = events_ == nullptr ? kNvmlGpuIsLost : calls_.event_wait(events_, &event, static_cast<unsigned>(limit.count()));
    if (status != kNvmlSuccess) {
      // An error comes at once, and again and again.
      if (status != kNvmlTimeout) std::this_thread::sleep_for(limit);
      return std::nullopt;
    }
    if ((event.type & kEventXid) == 0) return std::nullopt;
    DeviceFault fault{-1, static_cast<std::int32_t>(event.data)};
    for (std::size_t i = 0; i < handles_.size(); ++i) {
      if (handles_[i] == event.device) fault.device = indexes_[i];
    }
    return fault;
  }

  // A reset needs that nobody has the device open, and an initialised library has.
  void pause() override {
    paused_ = true;
    const std::unique_lock lock(mutex_);
    stop();
  }
  void resume() override {
    {
      const std::unique_lock lock(mutex_);
      start();
    }
    paused_ = false;
  }

 protected:
  Status limit_power(std::int32_t index, Watts limit) const override {
    const std::shared_lock lock(mutex_);
    if (!has(index) || calls_.set_power_limit == nullptr) return DeviceProvider::limit_power(index, limit);
    const int status = calls_.set_power_limit(at(index), static_cast<unsigned>(limit.count() * 1000));
    if (status == kNvmlSuccess) return ok_status();
    return make_error(Code::kUnavailable, fmt::format("device {} does not take a power limit of {}: {}", index, Text<Watts>::format(limit),
                                                      calls_.error_string(status)));
  }

 private:
  Nvml(Library library, const NvmlCalls& calls) : library_(std::move(library)), calls_(calls) {}

  // Finds the devices; again after a reset, when they are known by their UUIDs and keep their indexes.
  int start() {
    if (const int status = calls_.init(); status != kNvmlSuccess) return status;
    initialised_ = true;
    unsigned count = 0;
    if (const int status = calls_.count(&count); status != kNvmlSuccess) return status;
    for (unsigned i = 0; i < count; ++i) {
      NvmlDevice handle = nullptr;
      if (const int status = calls_.handle(i, &handle); status != kNvmlSuccess) {
        if (devices_.empty()) return status;
        continue;
      }
      std::int32_t index = static_cast<std::int32_t>(i);
      if (!devices_.empty()) {
        const Device found = describe(handle);
        for (std::size_t k = 0; k < devices_.size(); ++k) {
          if (devices_[k].uuid == found.uuid) index = static_cast<std::int32_t>(k);
        }
      }
      handles_.push_back(handle);
      indexes_.push_back(index);
    }
    if (tells_faults() && calls_.event_set(&events_) == kNvmlSuccess) {
      for (const NvmlDevice handle : handles_) calls_.event_register(handle, kEventXid, events_);
    }
    return kNvmlSuccess;
  }

  void stop() {
    if (events_ != nullptr) calls_.event_free(events_);
    events_ = nullptr;
    handles_.clear();
    indexes_.clear();
    if (std::exchange(initialised_, false)) calls_.shutdown();
  }

  bool has(std::int32_t index) const { return std::find(indexes_.begin(), indexes_.end(), index) != indexes_.end(); }
  NvmlDevice at(std::int32_t index) const {
    return handles_[static_cast<std::size_t>(std::find(indexes_.begin(), indexes_.end(), index) - indexes_.begin())];
  }

  void read_clocks_and_heat(NvmlDevice handle, DeviceReading& reading) const {
    unsigned number = 0;
    unsigned long long reasons = 0;
    if (told(calls_.temperature, handle, kTemperatureOfGpu, &number)) reading.temperature = Celsius(number);
    NvmlFieldValue field{};
    field.field = kFieldMemoryTemperature;
    if (told(calls_.fields, handle, 1, &field) && field.status == kNvmlSuccess) reading.memory_temperature = Celsius(field.u32);
    if (told(calls_.clock, handle, kClockSm, &number)) reading.sm_clock = Megahertz(number);
    if (told(calls_.clock, handle, kClockMemory, &number)) reading.memory_clock = Megahertz(number);
    if (told(calls_.clock_most, handle, kClockSm, &number)) reading.sm_clock_most = Megahertz(number);
    if (told(calls_.clock_reasons, handle, &reasons)) {
      reading.thermal_slowdown = (reasons & kByHeat) != 0;
      reading.power_brake = (reasons & kByPowerBrake) != 0;
      reading.power_capped = (reasons & kBySettingOrPowerLimit) != 0;
    }
    NvmlUtilization used{};
    if (told(calls_.utilization, handle, &used)) {
      reading.utilisation = Ppm(10'000) * used.gpu;
      reading.memory_utilisation = Ppm(10'000) * used.memory;
    }
    NvmlViolationTime time{};
    if (told(calls_.violation, handle, kViolationPower, &time)) reading.power_violation = nanoseconds(static_cast<std::int64_t>(time.violation_ns));
    if (told(calls_.violation, handle, kViolationThermal, &time)) reading.thermal_violation = nanoseconds(static_cast<std::int64_t>(time.violation_ns));
  }

  void read_memory(NvmlDevice handle, DeviceReading& reading) const {
    NvmlMemory memory{};
    if (calls_.memory(handle, &memory) == kNvmlSuccess) {
      reading.memory_used = Bytes(static_cast<std::int64_t>(memory.used));
      reading.memory_free = Bytes(static_cast<std::int64_t>(memory.free));
    }
    const auto errors = [&](unsigned kind, unsigned counter) -> std::optional<std::int64_t> {
      unsigned long long count = 0;
      if (!told(calls_.ecc, handle, kind, counter, &count)) return std::nullopt;
      return static_cast<std::int64_t>(count);
    };
    reading.ecc_corrected = errors(kEccCorrected, kEccVolatile);
    reading.ecc_uncorrected = errors(kEccUncorrected, kEccVolatile);
    reading.ecc_corrected_ever = errors(kEccCorrected, kEccAggregate);
    reading.ecc_uncorrected_ever = errors(kEccUncorrected, kEccAggregate);
    unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
    if (told(calls_.remapped, handle, &corrected, &uncorrected, &pending, &failed)) {
      reading.rows_remapped_corrected = corrected;
      reading.rows_remapped_uncorrected = uncorrected;
      reading.row_remap_pending = pending != 0;
      reading.row_remap_failed = failed != 0;
      return;
    }
    // Before Ampere pages were retired instead. Asked without room for addresses, it only counts.
    for (unsigned cause = 0; cause < 2 && calls_.retired != nullptr; ++cause) {
      unsigned count = 0;
      const int status = calls_.retired(handle, cause, &count, nullptr);
      if (status == kNvmlSuccess || status == kNvmlInsufficientSize) reading.pages_retired = reading.pages_retired.value_or(0) + count;
    }
    if (told(calls_.retired_pending, handle, &pending)) reading.row_remap_pending = pending != 0;
  }

  void read_links(NvmlDevice handle, DeviceReading& reading) const {
    for (unsigned i = 0; i < kMostLinks; ++i) {
      unsigned up = 0;
      if (!told(calls_.link_state, handle, i, &up)) break;
      DeviceLink link{up != 0, 0};
      for (unsigned counter = 0; counter < kLinkErrorCounters; ++counter) {
        unsigned long long count = 0;
        if (told(calls_.link_errors, handle, i, counter, &count)) link.errors += static_cast<std::int64_t>(count);
      }
      reading.links.push_back(link);
    }
    const auto number = [&](auto call) -> std::optional<std::int32_t> {
      unsigned value = 0;
      if (!told(call, handle, &value)) return std::nullopt;
      return static_cast<std::int32_t>(value);
    };
    reading.pcie_generation = number(calls_.pcie_generation);
    reading.pcie_generation_most = number(calls_.pcie_generation_most);
    reading.pcie_width = number(calls_.pcie_width);
    reading.pcie_width_most = number(calls_.pcie_width_most);
    if (const auto replays = number(calls_.pcie_replays)) reading.pcie_replays = *replays;
  }

  Device describe(NvmlDevice handle) const {
    Device device;
    char text[96] = {};
    if (calls_.name(handle, text, sizeof text) == kNvmlSuccess) device.name = text;
    if (calls_.uuid(handle, text, sizeof text) == kNvmlSuccess) device.uuid = text;
    if (told(calls_.serial, handle, text, unsigned{sizeof text})) device.serial = text;
    if (told(calls_.vbios, handle, text, unsigned{sizeof text})) device.firmware = text;
    NvmlPciInfo pci{};
    if (told(calls_.pci, handle, &pci)) device.slot = fmt::format("{:04x}:{:02x}:{:02x}.0", pci.domain, pci.bus, pci.device);
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
  std::vector<Device> devices_;
  std::atomic<bool> paused_ = false;  // keeps the waiter for faults from taking the lock again and again
  mutable std::shared_mutex mutex_;   // guards all below
  bool initialised_ = false;
  std::vector<NvmlDevice> handles_;
  std::vector<std::int32_t> indexes_;  // of each handle
  NvmlEventSet events_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<DeviceProvider>> open_nvml(const std::string& library) { return Nvml::open(library); }

}  // namespace penstock
