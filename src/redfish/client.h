// One machine over Redfish: its power, what it is made of, what it draws, and how much it may.
#pragma once

#include "redfish/session.h"
#include "runtime/hardware_control.h"

namespace penstock {

/// ResetType of the schema Resource, as far as we ask for it.
enum class ResetType { kOn, kForceOff, kGracefulShutdown, kGracefulRestart, kForceRestart, kPowerCycle };

constexpr auto enum_names(ResetType) {
  return std::array{
      EnumName<ResetType>{ResetType::kOn, "On"},
      EnumName<ResetType>{ResetType::kForceOff, "ForceOff"},
      EnumName<ResetType>{ResetType::kGracefulShutdown, "GracefulShutdown"},
      EnumName<ResetType>{ResetType::kGracefulRestart, "GracefulRestart"},
      EnumName<ResetType>{ResetType::kForceRestart, "ForceRestart"},
      EnumName<ResetType>{ResetType::kPowerCycle, "PowerCycle"},
  };
}

/// How a reset ended.
struct ResetOutcome {
  PowerState power = PowerState::kUnknown;
  std::vector<std::string> sent;  ///< the ResetTypes asked for, in order; empty: it was as wanted already
};

/// What a chassis or a processor measures, and what it may draw.
struct EnvironmentReading {
  std::string of;  ///< Id of the chassis or processor
  std::optional<Watts> power;
  std::optional<MilliCelsius> temperature;
  std::optional<Joules> energy;  ///< since a start that the service chooses
  std::optional<Watts> limit;    ///< nothing if none is in force
  std::optional<Watts> limit_min;
  std::optional<Watts> limit_max;

  static constexpr auto schema() {
    return object("EnvironmentReading", "What a chassis or a processor measures, and what it may draw.",
                  field("of", &EnvironmentReading::of, required, "Id of the chassis or processor"),
                  field("power", &EnvironmentReading::power, optional, "what it draws"),
                  field("temperature", &EnvironmentReading::temperature, optional, "its temperature"),
                  field("energy", &EnvironmentReading::energy, optional, "what it has drawn, since a start that the service chooses"),
                  field("limit", &EnvironmentReading::limit, optional, "the limit in force"),
                  field("limitMin", &EnvironmentReading::limit_min, optional, "the lowest limit that it takes"),
                  field("limitMax", &EnvironmentReading::limit_max, optional, "the highest limit that it takes"));
  }
  bool operator==(const EnvironmentReading&) const = default;
};

/// One machine. Every resource is found by links from the service root. Not thread-safe. Each call is an operation with the
/// deadline of the options, or of `set_deadline`.
///
/// Errors: kUnavailable and kTimeout may pass by themselves; kUnauthenticated, kForbidden: the credentials; kUnsupported:
/// this service cannot; kInvalid, kFailedPrecondition: the sentence says what to change.
class RedfishClient {
 public:
  explicit RedfishClient(RedfishOptions options) : session_(std::move(options)) {}

  /// Ends what is running, or what comes next, with kUnavailable. From any thread.
  void cancel() { session_.cancel(); }
  /// Of the operations that follow.
  void set_deadline(Duration deadline) { deadline_ = deadline; }

  Result<PowerState> power_state();

  /// Brings the machine where `type` leads, with the nearest of the ResetTypes that the service allows, and waits until its
  /// power state says so. A forced type may be replaced by another, a graceful one by none: nobody who asked for a clean
  /// shutdown gets a power cut. Sends nothing if it is there already; restarts and cycles of a machine that is off turn it on.
  Result<ResetOutcome> reset(ResetType type);

  /// Whether the last operation sent something that may have taken effect, also if it failed.
  bool acted() const { return acted_; }

  Result<HardwareInventory> inventory();
  /// Of the machine's chassis and of its processors; EnvironmentMetrics, or Power and Thermal of older services.
  Result<std::vector<EnvironmentReading>> environment();

  /// Sets the power limit of the chassis or processor with this Id, or of the machine's own chassis, and reads it back.
  /// kLimitExceeded, with the range, if the hardware does not take this one. Sends nothing if it is in force already.
  Status set_power_limit(Watts limit, const std::string& part = {});

  /// Events of the service are to be sent to `destination`, an https URL; `context` comes back with each. Returns the link to
  /// give to `unsubscribe`. A subscription to the same destination with the same context is taken for ours.
  Result<std::string> subscribe(const std::string& destination, const std::string& context);
  Status unsubscribe(const std::string& subscription);

 private:
  struct Limiter;
  /// A machine with all that its chassis contain: the GPUs of a baseboard are a ComputerSystem of their own.
  struct Family {
    std::vector<RedfishResource> systems;  ///< the machine first
    std::vector<RedfishResource> chassis;
    std::vector<RedfishResource> processors;
  };

  void begin();
  Result<std::vector<RedfishResource>> members_of_root(std::string_view name);
  Result<RedfishResource> system();
  Result<Family> family();
  Result<std::optional<RedfishResource>> linked(const RedfishResource& from, std::string_view name);
  Result<std::vector<std::string>> allowed_types(const json::object& action);
  Result<PowerState> await(const std::string& link, bool on, std::string_view sent);
  Result<std::vector<Limiter>> limiters(const std::string& part);
  Result<Limiter> limiter(const std::string& part);
  Status await_limit(Limiter& by, Watts limit);

  RedfishSession session_;
  std::optional<Duration> deadline_;
  bool acted_ = false;
};

}  // namespace penstock
