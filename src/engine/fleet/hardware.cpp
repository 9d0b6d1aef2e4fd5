// Comparing what an agent found with what was ordered.
#include "engine/fleet/hardware.h"

namespace penstock {

Status check_hardware(const AgentHello& hello, const EstateType& type) {
  const NodeTypeSpec& spec = type.spec;
  const auto mismatch = [&](std::string_view field, const std::string& found, const std::string& expected) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("node '{}' should be of type '{}' with {}, but the agent found {}", hello.node, type.name,
                                  expected, found),
                      std::string(field));
  };
  if (hello.device_model != spec.devices.model || name_of(spec.devices.vendor) != hello.device_vendor) {
    return mismatch("deviceModel", fmt::format("{} {}", hello.device_vendor, hello.device_model),
                    fmt::format("{} {}", name_of(spec.devices.vendor), spec.devices.model));
  }
  if (hello.device_count < spec.devices.count) {
    return mismatch("deviceCount", fmt::format("{} devices", hello.device_count),
                    fmt::format("{} devices", spec.devices.count));
  }
  if (hello.cpu < spec.cpu) {
    return mismatch("cpu", Text<MilliCpu>::format(hello.cpu) + " cores", Text<MilliCpu>::format(spec.cpu) + " cores");
  }
  if (hello.memory < spec.memory) {
    return mismatch("memory", Text<Bytes>::format(hello.memory), Text<Bytes>::format(spec.memory) + " of memory");
  }
  return ok_status();
}

}  // namespace penstock
