// Remedies that a node's management controller carries out: reboots, and whatever a node cannot do itself because it is gone.
#pragma once

#include <map>

#include "runtime/hardware_control.h"
#include "runtime/runtime.h"

namespace penstock {

/// Whether a remedy of an agent's node is for its controller, not for its agent: the site says how controllers are reached, and it is
/// a reboot, or nobody else is there.
bool for_hardware(const State& state, const std::string& node, const Remedy& remedy);

/// Where a node's controller is, by its site's template.
HardwareAddress bmc_of(const BmcSpec& bmc, const std::string& node, const std::string& row);

/// Gives orders once they are durable, and reports what came of them. An order that was given before a new leader came is given
/// again under the same uid, which makes it the same one.
class HardwareRuntime : public Runtime {
 public:
  /// Without `control` every remedy for hardware is reported as failed.
  explicit HardwareRuntime(HardwareControl* control) : control_(control) {}

  void recover(const State& state, Time now) override;
  void committed(const State& state, std::span<const EventRecord> events, Time now) override;
  std::optional<Time> next_due() const override;
  RuntimeReports advance(const State& state, Time now) override;

 private:
  void order(const State& state, const std::string& node, const Remedy& remedy, Time now);

  HardwareControl* control_;
  std::map<Uid, std::string> under_way_;  // node of a remedy
  RuntimeReports refused_;
};

}  // namespace penstock
