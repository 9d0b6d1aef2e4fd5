// What a machine is made of: ComputerSystem, Processor, PowerSupply and SoftwareInventory.
#include "redfish/client.h"

namespace penstock {
namespace {

HardwarePart part_of(const json::object& from) {
  HardwarePart part;
  part.name = text_at(from, "Id");
  if (part.name.empty()) part.name = text_at(from, "Name");
  part.slot = text_at(from, "Location.PartLocation.ServiceLabel");
  if (part.slot.empty()) part.slot = text_at(from, "Socket");
  part.manufacturer = text_at(from, "Manufacturer");
  part.model = text_at(from, "Model");
  part.serial = text_at(from, "SerialNumber");
  part.firmware = text_at(from, "FirmwareVersion");
  part.health = text_at(from, "Status.Health");
  return part;
}

bool absent(const json::object& from) { return text_at(from, "Status.State") == "Absent"; }

}  // namespace

Result<HardwareInventory> RedfishClient::inventory() {
  begin();
  PENSTOCK_TRY(found, family());
  HardwareInventory out;
  out.machine = part_of(found.systems.front().body);
  out.machine.firmware = text_at(found.systems.front().body, "BiosVersion");
  for (const RedfishResource& one : found.processors) {
    const bool gpu = text_at(one.body, "ProcessorType") == "GPU";
    (gpu ? out.gpus : out.processors).push_back(part_of(one.body));
  }
  for (const RedfishResource& one : found.chassis) {
    PENSTOCK_TRY(subsystem, linked(one, "PowerSubsystem"));
    const std::string supplies = subsystem ? link_at(subsystem->body, "PowerSupplies") : std::string();
    if (!supplies.empty()) {
      PENSTOCK_TRY(all, session_.members(supplies));
      for (const RedfishResource& supply : all) {
        if (!absent(supply.body)) out.power_supplies.push_back(part_of(supply.body));
      }
      continue;
    }
    PENSTOCK_TRY(power, linked(one, "Power"));
    const json::value* list = power ? member(power->body, "PowerSupplies") : nullptr;
    if (list == nullptr || !list->is_array()) continue;
    for (const json::value& supply : list->get_array()) {
      if (supply.is_object() && !absent(supply.get_object())) out.power_supplies.push_back(part_of(supply.get_object()));
    }
  }
  PENSTOCK_TRY(root, session_.root());
  PENSTOCK_TRY(update, linked(*root, "UpdateService"));
  const std::string firmware = update ? link_at(update->body, "FirmwareInventory") : std::string();
  if (firmware.empty()) return out;
  PENSTOCK_TRY(all, session_.members(firmware));
  for (const RedfishResource& one : all) {
    HardwarePart part = part_of(one.body);
    part.firmware = text_at(one.body, "Version");
    out.firmware.push_back(std::move(part));
  }
  return out;
}

}  // namespace penstock
