// A stand-in for NVIDIA's management library with two devices, whose energy counters a test can move.
#include <atomic>
#include <cstring>

namespace {

struct FakeDevice {
  const char* uuid;
  std::atomic<unsigned long long> energy_mj;
};
FakeDevice devices[2] = {{"GPU-fake-0", 1'000'000}, {"GPU-fake-1", 5'000'000}};

FakeDevice& of(void* handle) { return *static_cast<FakeDevice*>(handle); }

int give(char* out, unsigned size, const char* text) {
  if (std::strlen(text) + 1 > size) return 7;  // insufficient size
  std::strcpy(out, text);
  return 0;
}

}  // namespace

extern "C" {

struct FakeMemory {
  unsigned long long total, free, used;
};

int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int) { return "Fake error"; }
int nvmlDeviceGetCount_v2(unsigned* count) { return *count = 2, 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  if (index >= 2) return 2;
  *handle = &devices[index];
  return 0;
}
int nvmlDeviceGetName(void*, char* out, unsigned size) { return give(out, size, "NVIDIA H100 80GB HBM3"); }
int nvmlDeviceGetUUID(void* handle, char* out, unsigned size) { return give(out, size, of(handle).uuid); }
int nvmlDeviceGetMemoryInfo(void*, FakeMemory* memory) {
  *memory = {80ULL << 30, 80ULL << 30, 0};
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) { return *milliwatts = 123'400, 0; }
int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* mj) { return *mj = of(handle).energy_mj, 0; }
int nvmlDeviceGetPowerManagementLimitConstraints(void*, unsigned* least, unsigned* most) {
  *least = 200'000;
  *most = 700'000;
  return 0;
}

void fake_nvml_use_energy(unsigned index, unsigned long long mj) { devices[index].energy_mj += mj; }
}
