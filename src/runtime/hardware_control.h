// Orders to the hardware of nodes, and what came of them: free of sockets, so that what decides need not know the wire.
#pragma once

#include "base/json.h"
#include "base/uid.h"

namespace penstock {

using MilliCelsius = Quantity<struct MilliCelsiusTag>;  ///< temperature, in thousandths of a degree
PENSTOCK_DECLARE_TEXT(MilliCelsius, "a temperature such as 21.5C", false);

/// What a machine's main power is doing.
enum class PowerState { kUnknown, kOn, kOff, kPoweringOn, kPoweringOff, kPaused };

constexpr auto enum_names(PowerState) {
  return std::array{
      EnumName<PowerState>{PowerState::kUnknown, "unknown"},
      EnumName<PowerState>{PowerState::kOn, "on"},
      EnumName<PowerState>{PowerState::kOff, "off"},
      EnumName<PowerState>{PowerState::kPoweringOn, "powering-on"},
      EnumName<PowerState>{PowerState::kPoweringOff, "powering-off"},
      EnumName<PowerState>{PowerState::kPaused, "paused"},
  };
}

/// One part that can be replaced, or the machine itself. What the hardware does not tell is empty.
struct HardwarePart {
  std::string name;
  std::string slot;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string firmware;
  std::string health;

  static constexpr auto schema() {
    return object("HardwarePart", "One part that can be replaced.",
                  field("name", &HardwarePart::name, required, "what the hardware calls it"),
                  field("slot", &HardwarePart::slot, optional, "the label on the housing where it sits"),
                  field("manufacturer", &HardwarePart::manufacturer, optional, "who made it"),
                  field("model", &HardwarePart::model, optional, "the manufacturer's name of it"),
                  field("serial", &HardwarePart::serial, optional, "its serial number"),
                  field("firmware", &HardwarePart::firmware, optional, "the version of its firmware"),
                  field("health", &HardwarePart::health, optional, "OK, Warning or Critical, as the hardware says"));
  }
  bool operator==(const HardwarePart&) const = default;
};

/// What a node is made of.
struct HardwareInventory {
  HardwarePart machine;
  std::vector<HardwarePart> processors;
  std::vector<HardwarePart> gpus;
  std::vector<HardwarePart> power_supplies;
  std::vector<HardwarePart> firmware;

  static constexpr auto schema() {
    return object("HardwareInventory", "What a node is made of, as its hardware tells.",
                  field("machine", &HardwareInventory::machine, required, "the machine as a whole"),
                  field("processors", &HardwareInventory::processors, optional, "its processors, GPUs excepted"),
                  field("gpus", &HardwareInventory::gpus, optional, "its GPUs"),
                  field("powerSupplies", &HardwareInventory::power_supplies, optional, "its power supplies"),
                  field("firmware", &HardwareInventory::firmware, optional, "what firmware is installed, in which version"));
  }
  bool operator==(const HardwareInventory&) const = default;
};

enum class HardwareAction {
  kPowerOn,     ///< on, if it is not yet
  kPowerOff,    ///< off at once, if it is not yet; done only when the hardware says that it is off. This fences a node
  kRestart,     ///< the machine starts anew, without asking its system
  kPowerCycle,  ///< off and on again
  kPowerLimit,  ///< draws no more than a limit from now on
  kInventory,   ///< tells what it is made of
};

constexpr auto enum_names(HardwareAction) {
  return std::array{
      EnumName<HardwareAction>{HardwareAction::kPowerOn, "power-on"},
      EnumName<HardwareAction>{HardwareAction::kPowerOff, "power-off"},
      EnumName<HardwareAction>{HardwareAction::kRestart, "restart"},
      EnumName<HardwareAction>{HardwareAction::kPowerCycle, "power-cycle"},
      EnumName<HardwareAction>{HardwareAction::kPowerLimit, "power-limit"},
      EnumName<HardwareAction>{HardwareAction::kInventory, "inventory"},
  };
}

/// Where the controller of a node's hardware is, and how to be known to it.
struct HardwareAddress {
  std::string bmc;          ///< https://host[:port]
  std::string credentials;  ///< a reference, env:NAME or file:/path; never the secret
  std::string system;       ///< the Id of the machine, where a controller has several; empty: the only one
  std::string pinned_key;   ///< sha256//… of the controller's public key; empty: it is known by an authority

  bool operator==(const HardwareAddress&) const = default;
};

struct HardwareOrder {
  Uid id;  ///< an order whose id is under way already is taken for the same one
  std::string node;
  HardwareAddress address;
  HardwareAction action = HardwareAction::kInventory;
  std::optional<Watts> limit;       ///< of kPowerLimit
  Duration deadline = minutes(10);  ///< from when it is given, with all that it waits for
};

struct HardwareResult {
  Uid id;
  std::string node;
  HardwareAction action = HardwareAction::kInventory;
  Status status = ok_status();
  PowerState power = PowerState::kUnknown;  ///< when it was done
  std::optional<HardwareInventory> inventory;
  int attempts = 0;
};

/// Carries out orders, many nodes at once, one order at a time for each controller. From any thread.
class HardwareControl {
 public:
  virtual ~HardwareControl() = default;

  virtual void order(HardwareOrder order) = 0;
  /// What has ended since the last time. Every order ends, at its deadline at the latest; a time-out says that the
  /// outcome is not known.
  virtual std::vector<HardwareResult> take_results() = 0;
};

}  // namespace penstock
