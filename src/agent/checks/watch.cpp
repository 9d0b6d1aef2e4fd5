// The threads of the watch. The machine is read without the lock; only the judgement has it.
#include "agent/checks/watch.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace penstock {
namespace {

// Between two rounds, so that a kernel that talks without end does not keep us from the rest.
constexpr int kMostRecords = 10'000;
constexpr Duration kFaultWait = milliseconds(500);

CheckMemory remembered(const std::string& path) {
  if (!exists(path)) return {};
  auto memory = read_json_file<CheckMemory>(path);
  if (memory.ok()) return std::move(*memory);
  spdlog::warn("event=checks-forgotten path={} error=\"{}\"", path, memory.error().message);
  return {};
}

void log_difference(const std::vector<Finding>& before, const std::vector<Finding>& after) {
  const auto has = [](const std::vector<Finding>& all, const Finding& finding) { return std::find(all.begin(), all.end(), finding) != all.end(); };
  for (const Finding& finding : after) {
    if (has(before, finding)) continue;
    spdlog::warn("event=finding check={} device={} code={} detail=\"{}\"", name_of(finding.check), finding.device, finding.code, finding.detail);
  }
  for (const Finding& finding : before) {
    if (!has(after, finding)) spdlog::info("event=finding-over check={} device={} code={}", name_of(finding.check), finding.device, finding.code);
  }
}

}  // namespace

HealthWatch::HealthWatch(HealthOptions options, const DeviceProvider& devices, const std::string& boot_id, Bytes memory_before,
                         std::function<void()> changed)
    : options_(std::move(options)),
      devices_(devices),
      changed_(std::move(changed)),
      checks_(boot_id, remembered(path()), memory_before, options_.limits) {}

// Tells of it if the findings have changed, and then keeps what must not be forgotten: a disk that hangs keeps nobody from being told.
template <class Change>
void HealthWatch::change(Change change) {
  std::vector<Finding> before, after;
  bool keep = false;
  {
    const std::lock_guard lock(mutex_);
    before = checks_.findings();
    const auto kept = checks_.memory().findings;
    change(checks_);
    after = checks_.findings();
    keep = checks_.memory().findings != kept;
  }
  if (after != before) {
    log_difference(before, after);
    changed_();
  }
  if (!keep) return;
  const std::lock_guard one_writer(writing_);
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text = to_json(checks_.memory());
  }
  if (auto written = write_file(path(), text, Lasting::kPowerLoss); !written.ok()) {
    spdlog::warn("event=checks-not-kept error=\"{}\"", written.error().message);
  }
}

NodeReading HealthWatch::read(bool probe) const {
  NodeReading reading;
  for (std::size_t i = 0; i < devices_.devices().size(); ++i) reading.devices.push_back(devices_.read(static_cast<std::int32_t>(i)));
  reading.disk = read_disk(options_.state_dir, probe);
  reading.memory = read_memory(options_.paths);
  reading.network = read_network(options_.paths);
  reading.clock = read_clock();
  return reading;
}

void HealthWatch::run() {
  KernelLog kernel(options_.paths.kernel_log);
  if (!kernel.why_not().empty()) spdlog::warn("event=no-kernel-log reason=\"{}\"", kernel.why_not());
  Duration next_reading;
  Duration next_probe;
  while (true) {
    {
      std::vector<KernelRecord> records;
      for (int i = 0; i < kMostRecords; ++i) {
        auto record = kernel.next();
        if (!record) break;
        records.push_back(std::move(*record));
      }
      if (!records.empty()) {
        change([&](Checks& checks) {
          for (const KernelRecord& record : records) checks.take(record, devices_.devices(), moment_now());
        });
      }
    }
    if (const Duration now = moment_now().since_boot; now >= next_reading) {
      const bool probe = now >= next_probe;
      if (probe) next_probe = now + options_.probe_every;
      next_reading = now + options_.every;
      const NodeReading reading = read(probe);
      change([&](Checks& checks) { checks.take(reading, moment_now()); });
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(std::min(options_.kernel_every, options_.every).count()), [this] { return stopping_; });
    if (stopping_) return;
  }
}

void HealthWatch::watch_faults() {
  while (devices_.tells_faults()) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (const auto fault = devices_.wait_fault(kFaultWait)) {
      change([&](Checks& checks) { checks.take(*fault, moment_now()); });
    }
  }
}

void HealthWatch::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
}

std::vector<Finding> HealthWatch::findings() const {
  const std::lock_guard lock(mutex_);
  return checks_.findings();
}

std::int32_t HealthWatch::last_xid(std::int32_t device) const {
  const std::lock_guard lock(mutex_);
  return checks_.last_xid(device);
}

void HealthWatch::device_was_reset(std::int32_t device) {
  change([&](Checks& checks) { checks.device_was_reset(device); });
}

}  // namespace penstock
