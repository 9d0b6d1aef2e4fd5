// What mends a node, done by the operator's own commands.
#include "agent/remedies.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/run_command.h"
#include "base/clock.h"
#include "base/files.h"

namespace penstock {
namespace {

constexpr const char* kNvidiaReset = "nvidia-smi --gpu-reset -i {device}";
constexpr std::string_view kDevice = "{device}";

std::string with_device(std::string command, std::int32_t device) {
  const std::string number = std::to_string(device);
  for (std::size_t at = command.find(kDevice); at != std::string::npos; at = command.find(kDevice, at + number.size())) {
    command.replace(at, kDevice.size(), number);
  }
  return command;
}

}  // namespace

Remedies::Remedies(RemedyOptions options, std::string state_dir, std::string boot_id, DeviceProvider& devices, std::function<void(std::int32_t)> reset,
                   std::function<void()> changed)
    : options_(std::move(options)),
      state_dir_(std::move(state_dir)),
      boot_id_(std::move(boot_id)),
      devices_(devices),
      reset_(std::move(reset)),
      changed_(std::move(changed)) {}

Remedies::~Remedies() {
  stop();
  if (thread_.joinable()) thread_.join();
}

Status Remedies::open() {
  const std::lock_guard lock(mutex_);
  if (exists(path())) {
    PENSTOCK_TRY(memory, read_json_file<RemedyMemory>(path()));
    memory_ = std::move(memory);
  }
  for (RemedyRecord& record : memory_.records) {
    if (record.ended) continue;
    const bool rebooted = record.boot_id != boot_id_;
    if (record.action == RemedyAction::kReboot && !rebooted) continue;  // it may be on its way; see reports()
    record.ended = true;
    record.done = rebooted && record.action != RemedyAction::kReset;
    if (!record.done) record.message = fmt::format("the agent ended while the {} was under way; it is not begun again", name_of(record.action));
  }
  return keep();
}

Status Remedies::keep() { return write_file(path(), to_json(memory_), Lasting::kPowerLoss); }

Status Remedies::take(const std::optional<RemedyOrder>& order) {
  const std::lock_guard lock(mutex_);
  // One at a time. A reboot that the server has given up is forgotten as well, once its command has ended.
  const auto ordered = [&](const RemedyRecord& record) { return order && record.remedy == order->remedy; };
  const auto forgotten = std::erase_if(memory_.records, [&](const RemedyRecord& record) { return !ordered(record) && (record.ended || !running_); });
  const bool known = std::any_of(memory_.records.begin(), memory_.records.end(), ordered);
  if (!order || running_ || known) return forgotten > 0 ? keep() : ok_status();

  memory_.records.push_back(RemedyRecord{order->remedy, order->action, boot_id_, since_boot()});
  if (auto kept = keep(); !kept.ok()) {
    memory_.records.pop_back();
    return kept;
  }
  spdlog::warn("event=remedy-begun remedy={} action={}", Text<Uid>::format(order->remedy), name_of(order->action));
  if (thread_.joinable()) thread_.join();
  running_ = true;
  thread_ = std::thread([this, order = *order] { carry_out(order); });
  return ok_status();
}

void Remedies::carry_out(RemedyOrder order) {
  RemedyReport report{order.remedy};
  if (!options_.allowed) {
    report.message = "this agent carries out no remedies; start it with --remedies to let it";
  } else if (order.action == RemedyAction::kReset) {
    report = reset(order);
  } else if (order.action == RemedyAction::kReboot) {
    report = run(options_.reboot_command, options_.reboot_limit, "reboot");
    // Done is a reboot when the boot is another one, which the next agent sees.
    if (report.done) {
      const std::lock_guard lock(mutex_);
      running_ = false;
      return;
    }
  } else if (order.action == RemedyAction::kReprovision && options_.reprovision_command.empty()) {
    report.message = "this agent cannot reprovision its node; start it with --reprovision-command COMMAND, or reprovision the node by hand";
  } else if (order.action == RemedyAction::kReprovision) {
    report = run(options_.reprovision_command, options_.reprovision_limit, "reprovisioning");
  } else {
    report.message = fmt::format("a {} is for a person, not for an agent", name_of(order.action));
  }
  report.remedy = order.remedy;
  if (!stopping_) end(report);
}

RemedyReport Remedies::reset(const RemedyOrder& order) {
  RemedyReport report;
  const std::string command = options_.reset_command.value_or(devices_.vendor() == Vendor::kNvidia ? kNvidiaReset : "");
  const bool all = order.devices.empty();
  if (command.empty() && devices_.vendor() != Vendor::kCpu) {
    report.message = fmt::format("this agent knows no command that resets devices of {}; start it with --reset-command COMMAND", name_of(devices_.vendor()));
    return report;
  }
  std::vector<std::int32_t> which = order.devices;
  for (std::int32_t i = 0; all && i < static_cast<std::int32_t>(devices_.devices().size()); ++i) which.push_back(i);
  report.done = true;  // slots of cores have nothing to reset
  devices_.pause();
  for (const std::int32_t device : which) {
    if (!report.done || command.empty()) break;
    report = run(with_device(command, device), options_.reset_limit, fmt::format("reset of device {}", device));
  }
  devices_.resume();
  if (report.done) {
    for (const std::int32_t device : which) reset_(device);
  }
  return report;
}

RemedyReport Remedies::run(const std::string& command, Duration limit, std::string_view what) {
  RemedyReport report;
  auto result = run_command(command, limit, Surroundings::kPathOnly, &stopping_);
  if (!result.ok()) {
    report.message = fmt::format("the command for the {} could not be started: {}", what, result.error().message);
    return report;
  }
  const std::string said = last_line(result->output);
  report.done = result->ended && result->status == 0;
  report.message = report.done         ? said
                   : result->timed_out ? fmt::format("the {} took longer than {} and was given up: {}", what, Text<Duration>::format(limit), said)
                                       : fmt::format("the command for the {} ended with status {}: {}", what, result->status, said);
  return report;
}

void Remedies::end(const RemedyReport& report) {
  {
    const std::lock_guard lock(mutex_);
    for (RemedyRecord& record : memory_.records) {
      if (record.remedy != report.remedy) continue;
      record.ended = true;
      record.done = report.done;
      record.message = report.message;
    }
    running_ = false;
    // If this cannot be written, the next agent says that the remedy was under way when this one ended.
    if (auto kept = keep(); !kept.ok()) spdlog::error("event=remedy-not-kept error=\"{}\"", kept.error().message);
  }
  spdlog::warn("event=remedy-ended remedy={} done={} message=\"{}\"", Text<Uid>::format(report.remedy), report.done, report.message);
  changed_();
}

std::vector<RemedyReport> Remedies::reports() {
  const std::lock_guard lock(mutex_);
  std::vector<RemedyReport> reports;
  for (RemedyRecord& record : memory_.records) {
    if (!record.ended && record.action == RemedyAction::kReboot && since_boot() >= record.began + options_.reboot_limit) {
      record.ended = true;
      record.message = fmt::format("the machine was told to reboot, and has not gone down within {}", Text<Duration>::format(options_.reboot_limit));
      if (auto kept = keep(); !kept.ok()) spdlog::error("event=remedy-not-kept error=\"{}\"", kept.error().message);
    }
    if (record.ended) reports.push_back(RemedyReport{record.remedy, record.done, record.message});
  }
  return reports;
}

}  // namespace penstock
