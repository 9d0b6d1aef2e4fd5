// The fake NVML from the side of a test: changes what its two devices say, and takes everything back at the end.
#pragma once

#include <dlfcn.h>

#include "base/check.h"

namespace penstock {

class FakeNvml {
 public:
  FakeNvml() : library_(dlopen(PENSTOCK_FAKE_NVML, RTLD_NOW)) {
    PENSTOCK_CHECK(library_ != nullptr);
    call<void()>("fake_nvml_reset")();
  }
  ~FakeNvml() {
    call<void()>("fake_nvml_reset")();
    dlclose(library_);
  }
  FakeNvml(const FakeNvml&) = delete;

  void set(unsigned device, const char* name, long long value) { call<void(unsigned, const char*, long long)>("fake_nvml_set")(device, name, value); }
  void xid(unsigned device, unsigned long long number) { call<void(unsigned, unsigned long long)>("fake_nvml_xid")(device, number); }
  int users() { return call<int()>("fake_nvml_users")(); }
  int initialisations() { return call<int()>("fake_nvml_initialisations")(); }

 private:
  template <class F>
  F* call(const char* name) {
    return reinterpret_cast<F*>(dlsym(library_, name));
  }
  void* library_;
};

}  // namespace penstock
