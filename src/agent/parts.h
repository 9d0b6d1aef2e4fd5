// The parts of this machine as the kernel and the drivers name them, to be held against what was ordered.
#pragma once

#include "agent/checks/reader.h"
#include "engine/fleet/report.h"

namespace penstock {

/// Machine, GPUs, network interfaces, disks, processors and memory, with what identifies them; 256 parts of at most 128 characters a field.
/// What may not be read (serial numbers of the board need root) is empty. Power supplies are known to the management controller only.
std::vector<PartFound> read_parts(const MachinePaths& paths, const DeviceProvider& devices, Bytes memory);

}  // namespace penstock
