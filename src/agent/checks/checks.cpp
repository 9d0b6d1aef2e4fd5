// How findings come, stand and go. What is a fault of devices, of the node and in the kernel's log is in the files beside.
#include "agent/checks/checks.h"

#include "agent/checks/codes.h"

namespace penstock {
namespace {

// Faults of the program that ran, not of the device (docs.nvidia.com/deploy/xid-errors): illegal instructions and addresses, a reset
// channel, a preemptive clean-up, a video processor's exception.
const std::set<std::int32_t> kOfApplications{13, 31, 43, 45, 68};
// As much evidence as a finding may carry.
constexpr std::size_t kLongestDetail = 300;

}  // namespace

Checks::Checks(std::string boot_id, CheckMemory memory, Bytes memory_before, CheckLimits limits)
    : limits_(limits), memory_(std::move(memory)), memory_before_(memory_before) {
  if (memory_.boot_id != boot_id) memory_ = CheckMemory{boot_id, 0, {}};
  for (const Finding& finding : memory_.findings) {
    standing_[finding.key()] = Standing{finding, {}, {}, {}, true, true};
    if (finding.check == NodeCheck::kXid) last_xids_[finding.device] = finding.code;
  }
}

void Checks::take(const NodeReading& reading, Moment now) {
  for (std::size_t i = 0; i < reading.devices.size(); ++i) judge_device(static_cast<std::int32_t>(i), reading.devices[i], reading.devices, now);
  if (reading.disk) judge_disk(*reading.disk, now);
  if (reading.memory) judge_memory(*reading.memory, now);
  if (reading.network) judge_network(*reading.network, now);
  if (reading.clock) judge_clock(*reading.clock, now);
  last_ = now;
  clear(now);
}

void Checks::take(const DeviceFault& fault, Moment now) { xid(fault.device, fault.xid, fmt::format("the driver reported XID {}", fault.xid), now); }

void Checks::xid(std::int32_t device, std::int32_t number, std::string detail, Moment now) {
  last_xids_[device] = number;
  if (!kOfApplications.contains(number)) bad({NodeCheck::kXid, device, number}, std::move(detail), now, {}, Until::kReset);
}

void Checks::device_was_reset(std::int32_t device) {
  for (auto at = standing_.begin(); at != standing_.end();) {
    const Finding& finding = at->second.finding;
    const bool of_it = finding.device >= 0 && (device < 0 || finding.device == device);
    at = of_it ? standing_.erase(at) : std::next(at);
  }
  remember();
}

std::vector<Finding> Checks::findings() const {
  std::vector<Finding> findings;
  for (const auto& [key, standing] : standing_) {
    if (standing.told) findings.push_back(standing.finding);
  }
  return findings;
}

std::int32_t Checks::last_xid(std::int32_t device) const {
  const auto found = last_xids_.find(device);
  return found == last_xids_.end() ? 0 : found->second;
}

void Checks::bad(Key key, std::string detail, Moment now, Duration hold, Until until) {
  const auto [at, is_new] = standing_.try_emplace(key);
  Standing& standing = at->second;
  if (is_new) {
    const auto [check, device, number] = key;
    detail.resize(std::min(detail.size(), kLongestDetail));
    standing.finding = Finding{check, device, number, now.utc, std::move(detail)};
    standing.first = now.since_boot;
    standing.clear = until == Until::kEvent ? limits_.keep_event : limits_.clear;
    standing.latched = until == Until::kReset;
  }
  standing.last = now.since_boot;
  standing.told |= standing.first + hold <= now.since_boot;
  if (is_new && standing.latched) remember();
}

void Checks::judge(bool is_bad, Key key, std::string detail, Moment now, Duration hold) {
  if (is_bad) return bad(key, std::move(detail), now, hold);
  // What was not told yet has to hold without a break.
  const auto found = standing_.find(key);
  if (found != standing_.end() && !found->second.told) standing_.erase(found);
}

bool Checks::grows(const std::string& counter, std::int64_t count, std::int64_t most, Duration stretch, Moment now) {
  const auto [at, is_new] = growth_.try_emplace(counter, Growth{count, now.since_boot});
  Growth& before = at->second;
  // A counter that went back belongs to a driver that was loaded anew.
  if (count < before.count) before = {count, now.since_boot};
  const bool too_much = count - before.count > most;
  if (too_much || now.since_boot - before.at >= stretch) before = {count, now.since_boot};
  return too_much;
}

void Checks::clear(Moment now) {
  std::erase_if(standing_, [&](const auto& entry) {
    const Standing& standing = entry.second;
    return !standing.latched && now.since_boot - standing.last >= standing.clear;
  });
}

void Checks::remember() {
  memory_.findings.clear();
  for (const auto& [key, standing] : standing_) {
    if (standing.latched) memory_.findings.push_back(standing.finding);
  }
}

}  // namespace penstock
