// What is a fault of a device.
#include "agent/checks/checks.h"
#include "agent/checks/codes.h"

namespace penstock {
namespace {

std::size_t links_up(const DeviceReading& reading) {
  return static_cast<std::size_t>(std::count_if(reading.links.begin(), reading.links.end(), [](const DeviceLink& link) { return link.up; }));
}

std::string temperature_of(const DeviceReading& reading) {
  return reading.temperature ? fmt::format(" at {} °C", reading.temperature->count()) : "";
}

}  // namespace

void Checks::judge_device(std::int32_t index, const DeviceReading& reading, const std::vector<DeviceReading>& all, Moment now) {
  judge(reading.lost, {NodeCheck::kHardware, index, code::kDeviceLost}, "the device has fallen off the bus: its driver no longer reaches it", now);
  if (reading.lost) return;

  const std::int64_t uncorrected = reading.ecc_uncorrected.value_or(0);
  judge(uncorrected > 0, {NodeCheck::kEcc, index, code::kEccUncorrected},
        fmt::format("{} memory errors that could not be corrected since the driver was loaded", uncorrected), now);
  judge(reading.row_remap_pending.value_or(false), {NodeCheck::kRowRemap, index, code::kRemapPending},
        "memory waits to be remapped or retired at the next reset", now);
  judge(reading.row_remap_failed.value_or(false), {NodeCheck::kRowRemap, index, code::kRemapFailed}, "memory could not be remapped: no spare rows", now);

  judge(reading.thermal_slowdown.value_or(false), {NodeCheck::kThermal, index, code::kSlowdown},
        fmt::format("clocks are held down by heat{}", temperature_of(reading)), now, limits_.held);
  judge(reading.power_brake.value_or(false), {NodeCheck::kPower, index, code::kSlowdown}, "clocks are held down by the power brake of the supply", now,
        limits_.held);

  const bool loaded = reading.utilisation && *reading.utilisation >= limits_.load;
  const bool excused = reading.thermal_slowdown.value_or(false) || reading.power_brake.value_or(false) || reading.power_capped.value_or(false);
  const bool stuck = loaded && !excused && reading.sm_clock && reading.sm_clock_most &&
                     reading.sm_clock->count() < mul_div_floor(reading.sm_clock_most->count(), limits_.clock_least.count(), 1'000'000);
  judge(stuck, {NodeCheck::kClocks, index, code::kSlowdown},
        fmt::format("under load at {} MHz of {} MHz, and nothing is said to limit it", reading.sm_clock.value_or(Megahertz()).count(),
                    reading.sm_clock_most.value_or(Megahertz()).count()),
        now, limits_.held);

  judge(reading.pcie_width && reading.pcie_width_most && *reading.pcie_width < *reading.pcie_width_most,
        {NodeCheck::kHardware, index, code::kPcieNarrow},
        fmt::format("PCIe link of width {}, which could be {}", reading.pcie_width.value_or(0), reading.pcie_width_most.value_or(0)), now, limits_.held);
  // An idle link slows down to save power.
  judge(loaded && reading.pcie_generation && reading.pcie_generation_most && *reading.pcie_generation < *reading.pcie_generation_most,
        {NodeCheck::kHardware, index, code::kPcieSlow},
        fmt::format("PCIe link of generation {}, which could be {}", reading.pcie_generation.value_or(0), reading.pcie_generation_most.value_or(0)), now,
        limits_.held);
  judge_links(index, reading, all, now);
}

// How many links a device should have nobody tells: as many as it once had, and as many as the others beside it have.
void Checks::judge_links(std::int32_t index, const DeviceReading& reading, const std::vector<DeviceReading>& all, Moment now) {
  const std::size_t up = links_up(reading);
  std::size_t& most = most_links_[index];
  for (const DeviceReading& other : all) most = std::max(most, links_up(other));
  std::string down;
  for (std::size_t i = 0; i < reading.links.size(); ++i) {
    const DeviceLink& link = reading.links[i];
    if (!link.up) down += fmt::format("{}{}", down.empty() ? "" : ", ", i);
    if (grows(fmt::format("nvlink-{}-{}", index, i), link.errors, limits_.link_errors_per_minute, minutes(1), now)) {
      bad({NodeCheck::kNvlink, index, code::kLinkErrors},
          fmt::format("link {} had more than {} errors within a minute", i, limits_.link_errors_per_minute), now);
    }
  }
  judge(!reading.links.empty() && up < most, {NodeCheck::kNvlink, index, code::kLinkDown}, fmt::format("{} of {} links are up; down: {}", up, most, down), now);
}

}  // namespace penstock
