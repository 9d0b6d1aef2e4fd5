// What the code of a finding means, for each check whose codes are ours. docs/fleet-checks.md has the same table.
#pragma once

#include <cstdint>

namespace penstock::code {

// hardware
inline constexpr std::int32_t kDeviceLost = 1;
inline constexpr std::int32_t kPcieNarrow = 2;
inline constexpr std::int32_t kPcieSlow = 3;
// ecc
inline constexpr std::int32_t kEccUncorrected = 1;
// row-remap
inline constexpr std::int32_t kRemapPending = 1;
inline constexpr std::int32_t kRemapFailed = 2;
// thermal, power, clocks
inline constexpr std::int32_t kSlowdown = 1;
// nvlink
inline constexpr std::int32_t kLinkDown = 1;
inline constexpr std::int32_t kLinkErrors = 2;
// kernel
inline constexpr std::int32_t kMachineCheck = 1;
inline constexpr std::int32_t kIoError = 2;
inline constexpr std::int32_t kFileSystem = 3;
inline constexpr std::int32_t kLockup = 4;
// disk
inline constexpr std::int32_t kDiskFull = 1;
inline constexpr std::int32_t kDiskReadOnly = 2;
inline constexpr std::int32_t kDiskFailed = 3;
inline constexpr std::int32_t kDiskSlow = 4;
// memory
inline constexpr std::int32_t kMemoryUncorrected = 1;
inline constexpr std::int32_t kMemoryCorrected = 2;
inline constexpr std::int32_t kMemoryLess = 3;
// network
inline constexpr std::int32_t kNetworkDown = 1;
inline constexpr std::int32_t kNetworkErrors = 2;
inline constexpr std::int32_t kNetworkSlow = 3;
// time
inline constexpr std::int32_t kClockUnsynchronised = 1;
inline constexpr std::int32_t kClockInaccurate = 2;
inline constexpr std::int32_t kClockJumped = 3;

}  // namespace penstock::code
