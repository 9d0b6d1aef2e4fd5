// Remedies that the server orders: each is carried out once, over crashes and reboots, and reported until it is no longer ordered.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "agent/devices/devices.h"
#include "runtime/protocol.h"

namespace penstock {

struct RemedyOptions {
  bool allowed = false;  ///< without this every order is reported as failed
  std::optional<std::string> reset_command;  ///< run for each device, whose index replaces {device}; absent: the vendor's tool
  std::string reboot_command = "systemctl reboot";
  std::string reprovision_command;  ///< empty: nodes here cannot reprovision themselves
  Duration reset_limit = minutes(5);
  Duration reboot_limit = minutes(15);  ///< within which the machine has to go down
  Duration reprovision_limit = hours(1);
};

/// What is known of one remedy.
struct RemedyRecord {
  Uid remedy;
  RemedyAction action = RemedyAction::kReset;
  std::string boot_id;  ///< of the boot in which it began
  Duration began;       ///< since that boot
  bool ended = false;
  bool done = false;
  std::string message;

  static constexpr auto schema() {
    return object("RemedyRecord", "What is known of one remedy.", field("remedy", &RemedyRecord::remedy, required, "which"),
                  field("action", &RemedyRecord::action, required, "reset, reboot or reprovision"),
                  field("bootId", &RemedyRecord::boot_id, required, "of the boot in which it began"),
                  field("began", &RemedyRecord::began, required, "since that boot"), field("ended", &RemedyRecord::ended, optional, "whether it has ended"),
                  field("done", &RemedyRecord::done, optional, "whether it was carried out"),
                  field("message", &RemedyRecord::message, optional, "a sentence, where there is more to say"));
  }
  bool operator==(const RemedyRecord&) const = default;
};

/// `remedies.json`.
struct RemedyMemory {
  std::vector<RemedyRecord> records;

  static constexpr auto schema() {
    return object("RemedyMemory", "Remedies that an agent must not carry out again.", field("records", &RemedyMemory::records, optional, "all that are still ordered"));
  }
};

class Remedies {
 public:
  /// `reset` is called after devices were reset (-1: all), `changed` whenever there is something to report; both from another thread.
  Remedies(RemedyOptions options, std::string state_dir, std::string boot_id, DeviceProvider& devices, std::function<void(std::int32_t)> reset,
           std::function<void()> changed);
  ~Remedies();

  /// Takes up what an agent before this one began. Nothing is begun again.
  Status open();
  /// Begins what is ordered and was not begun before; forgets what is no longer ordered. If the beginning cannot be kept on disk, nothing is
  /// begun, and the next order tries again.
  Status take(const std::optional<RemedyOrder>& order);
  /// Those that have ended.
  std::vector<RemedyReport> reports();
  /// Leaves a command that runs to itself: it may be what stops us.
  void stop() { stopping_ = true; }

 private:
  void carry_out(RemedyOrder order);
  RemedyReport reset(const RemedyOrder& order);
  RemedyReport run(const std::string& command, Duration limit, std::string_view what);
  void end(const RemedyReport& report);
  Status keep();
  std::string path() const { return state_dir_ + "/remedies.json"; }

  RemedyOptions options_;
  std::string state_dir_;
  std::string boot_id_;
  DeviceProvider& devices_;
  std::function<void(std::int32_t)> reset_;
  std::function<void()> changed_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;

  std::mutex mutex_;  // guards all below
  RemedyMemory memory_;
  bool running_ = false;
};

}  // namespace penstock
