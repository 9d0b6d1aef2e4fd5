// A stand-in for NVIDIA's management library with two devices, whose state a test can change: fake_nvml_set and fake_nvml_xid.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace {

struct FakeDevice {
  const char* uuid;
  std::atomic<unsigned long long> energy_mj;
};
FakeDevice devices[2] = {{"GPU-fake-0", 1'000'000}, {"GPU-fake-1", 5'000'000}};

FakeDevice& of(void* handle) { return *static_cast<FakeDevice*>(handle); }
unsigned index_of(void* handle) { return static_cast<unsigned>(&of(handle) - devices); }

std::mutex mutex;  // guards all below
std::condition_variable changed;
std::map<std::string, long long> values[2];  // what was set
std::deque<std::pair<unsigned, unsigned long long>> xids;
int initialised = 0;
int initialisations = 0;

int give(char* out, unsigned size, const char* text) {
  if (std::strlen(text) + 1 > size) return 7;  // insufficient size
  std::strcpy(out, text);
  return 0;
}

constexpr int kLost = 15;

// What a test has set, else what is usual; everything fails once the device is lost.
template <class T>
int value(void* handle, const char* name, long long usual, T* out) {
  const std::lock_guard lock(mutex);
  auto& set = values[index_of(handle)];
  if (set.contains("lost") && set["lost"] != 0) return kLost;
  const auto found = set.find(name);
  *out = static_cast<T>(found == set.end() ? usual : found->second);
  return 0;
}

}  // namespace

extern "C" {

struct FakeMemory {
  unsigned long long total, free, used;
};
struct FakeUtilization {
  unsigned gpu, memory;
};
struct FakePci {
  char legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};
struct FakeEvent {
  void* device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};
struct FakeViolation {
  unsigned long long reference, violation;
};
struct FakeField {
  unsigned field, scope;
  long long timestamp, latency;
  unsigned type;
  int status;
  unsigned long long value;
};

int nvmlInit_v2() {
  const std::lock_guard lock(mutex);
  ++initialisations;
  return ++initialised, 0;
}
int nvmlShutdown() {
  const std::lock_guard lock(mutex);
  return --initialised, 0;
}
const char* nvmlErrorString(int) { return "Fake error"; }
int nvmlDeviceGetCount_v2(unsigned* count) { return *count = 2, 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  if (index >= 2) return 2;
  *handle = &devices[index];
  return 0;
}
int nvmlDeviceGetName(void*, char* out, unsigned size) { return give(out, size, "NVIDIA H100 80GB HBM3"); }
int nvmlDeviceGetUUID(void* handle, char* out, unsigned size) { return give(out, size, of(handle).uuid); }
int nvmlDeviceGetSerial(void* handle, char* out, unsigned size) { return give(out, size, index_of(handle) == 0 ? "165000000" : "165000001"); }
int nvmlDeviceGetVbiosVersion(void*, char* out, unsigned size) { return give(out, size, "96.00.74.00.01"); }
int nvmlDeviceGetPciInfo_v3(void* handle, FakePci* pci) {
  *pci = {};
  pci->bus = index_of(handle) == 0 ? 0x3b : 0x5e;
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* handle, FakeMemory* memory) {
  long long used = 0;
  if (const int status = value(handle, "memory_used", 0, &used)) return status;
  *memory = {80ULL << 30, (80ULL << 30) - static_cast<unsigned long long>(used), static_cast<unsigned long long>(used)};
  return 0;
}
int nvmlDeviceGetPowerUsage(void* handle, unsigned* milliwatts) { return value(handle, "power", 123'400, milliwatts); }
int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* mj) { return *mj = of(handle).energy_mj, 0; }
int nvmlDeviceGetPowerManagementLimitConstraints(void*, unsigned* least, unsigned* most) {
  *least = 200'000;
  *most = 700'000;
  return 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void* handle, unsigned* milliwatts) { return value(handle, "power_limit", 700'000, milliwatts); }
int nvmlDeviceSetPowerManagementLimit(void* handle, unsigned milliwatts) {
  const std::lock_guard lock(mutex);
  values[index_of(handle)]["power_limit"] = milliwatts;
  return 0;
}
int nvmlDeviceGetTemperature(void* handle, unsigned, unsigned* celsius) { return value(handle, "temperature", 41, celsius); }
int nvmlDeviceGetClockInfo(void* handle, unsigned type, unsigned* mhz) { return value(handle, type == 1 ? "sm_clock" : "memory_clock", type == 1 ? 1980 : 2619, mhz); }
int nvmlDeviceGetMaxClockInfo(void*, unsigned type, unsigned* mhz) { return *mhz = type == 1 ? 1980 : 2619, 0; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void* handle, unsigned long long* reasons) { return value(handle, "clock_reasons", 0, reasons); }
int nvmlDeviceGetUtilizationRates(void* handle, FakeUtilization* used) {
  used->memory = 7;
  return value(handle, "utilization", 0, &used->gpu);
}
int nvmlDeviceGetTotalEccErrors(void* handle, unsigned type, unsigned counter, unsigned long long* count) {
  const char* names[2][2] = {{"ecc_corrected", "ecc_corrected_ever"}, {"ecc_uncorrected", "ecc_uncorrected_ever"}};
  return value(handle, names[type][counter], 0, count);
}
int nvmlDeviceGetRemappedRows(void* handle, unsigned* corrected, unsigned* uncorrected, unsigned* pending, unsigned* failed) {
  value(handle, "rows_corrected", 0, corrected);
  value(handle, "rows_uncorrected", 0, uncorrected);
  value(handle, "row_pending", 0, pending);
  return value(handle, "row_failed", 0, failed);
}
int nvmlDeviceGetNvLinkState(void* handle, unsigned link, unsigned* up) {
  if (link >= 2) return 3;  // not supported
  return value(handle, link == 0 ? "link0" : "link1", 1, up);
}
int nvmlDeviceGetNvLinkErrorCounter(void* handle, unsigned link, unsigned counter, unsigned long long* count) {
  return value(handle, link == 0 && counter == 0 ? "link0_replays" : "none", 0, count);
}
int nvmlDeviceGetCurrPcieLinkGeneration(void* handle, unsigned* generation) { return value(handle, "pcie_generation", 5, generation); }
int nvmlDeviceGetMaxPcieLinkGeneration(void*, unsigned* generation) { return *generation = 5, 0; }
int nvmlDeviceGetCurrPcieLinkWidth(void* handle, unsigned* width) { return value(handle, "pcie_width", 16, width); }
int nvmlDeviceGetMaxPcieLinkWidth(void*, unsigned* width) { return *width = 16, 0; }
int nvmlDeviceGetPcieReplayCounter(void* handle, unsigned* count) { return value(handle, "pcie_replays", 0, count); }
int nvmlDeviceGetViolationStatus(void*, unsigned policy, FakeViolation* time) {
  *time = {0, policy == 0 ? 5'000'000'000ULL : 2'000'000'000ULL};
  return 0;
}
int nvmlDeviceGetFieldValues(void*, int count, FakeField* fields) {
  for (int i = 0; i < count; ++i) {
    fields[i].status = fields[i].field == 82 ? 0 : 3;
    fields[i].value = 55;
  }
  return 0;
}

int nvmlEventSetCreate(void** set) { return *set = &xids, 0; }
int nvmlEventSetFree(void*) { return 0; }
int nvmlDeviceRegisterEvents(void*, unsigned long long, void*) { return 0; }
int nvmlEventSetWait_v2(void*, FakeEvent* event, unsigned ms) {
  std::unique_lock lock(mutex);
  if (!changed.wait_for(lock, std::chrono::milliseconds(ms), [] { return !xids.empty(); })) return 10;  // timeout
  *event = {&devices[xids.front().first], 8, xids.front().second, ~0U, ~0U};
  xids.pop_front();
  return 0;
}

void fake_nvml_use_energy(unsigned index, unsigned long long mj) { devices[index].energy_mj += mj; }
void fake_nvml_set(unsigned index, const char* name, long long value) {
  const std::lock_guard lock(mutex);
  values[index][name] = value;
}
void fake_nvml_reset() {
  const std::lock_guard lock(mutex);
  for (auto& of_device : values) of_device.clear();
  xids.clear();
}
void fake_nvml_xid(unsigned index, unsigned long long number) {
  const std::lock_guard lock(mutex);
  xids.emplace_back(index, number);
  changed.notify_all();
}
int fake_nvml_users() {
  const std::lock_guard lock(mutex);
  return initialised;
}
int fake_nvml_initialisations() {
  const std::lock_guard lock(mutex);
  return initialisations;
}
}
