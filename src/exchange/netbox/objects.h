// NetBox's objects as its REST API gives them, and how their fields are read.
#pragma once

#include "base/json.h"

namespace penstock {

/// The endpoints that an import reads, as they stand below /api/ and, with .json, below a directory.
namespace netbox {
inline constexpr const char* kRegions = "dcim/regions";
inline constexpr const char* kSites = "dcim/sites";
inline constexpr const char* kLocations = "dcim/locations";
inline constexpr const char* kRacks = "dcim/racks";
inline constexpr const char* kDeviceTypes = "dcim/device-types";
inline constexpr const char* kDevices = "dcim/devices";
inline constexpr const char* kPanels = "dcim/power-panels";
inline constexpr const char* kFeeds = "dcim/power-feeds";
inline constexpr const char* kPorts = "dcim/power-ports";
inline constexpr const char* kOutlets = "dcim/power-outlets";
inline constexpr const char* kCables = "dcim/cables";
// The plugin netbox_power_plant; rack-delivery-points are what it had before power-handoff-points.
inline constexpr const char* kSystems = "plugins/power-plant/power-systems";
inline constexpr const char* kDomains = "plugins/power-plant/power-domains";
inline constexpr const char* kPlantNodes = "plugins/power-plant/electrical-nodes";
inline constexpr const char* kTerminals = "plugins/power-plant/electrical-terminals";
inline constexpr const char* kSegments = "plugins/power-plant/electrical-segments";
inline constexpr const char* kHandoffs = "plugins/power-plant/power-handoff-points";
inline constexpr const char* kDeliveries = "plugins/power-plant/rack-delivery-points";
inline constexpr const char* kUpsDetails = "plugins/power-plant/ups-details";
inline constexpr const char* kRedundancy = "plugins/power-plant/redundancy-groups";

inline constexpr std::array kEndpoints{kRegions,  kSites,    kLocations,  kRacks,      kDeviceTypes,
                                       kDevices,  kPanels,   kFeeds,      kPorts,      kOutlets,
                                       kCables,   kSystems,  kDomains,    kPlantNodes, kTerminals,
                                       kSegments, kHandoffs, kDeliveries, kUpsDetails, kRedundancy};
}  // namespace netbox

/// Objects by endpoint and id.
using NetboxObjects = std::map<std::int64_t, json::object>;
struct NetboxData {
  std::map<std::string, NetboxObjects, std::less<>> endpoints;
  std::vector<std::string> unread;  ///< files of the directory that are of no endpoint above

  const NetboxObjects& of(std::string_view endpoint) const;
};

/// A field as text: text as it is, a number in decimals, true or false; empty if there is none.
std::string text_of(const json::object& object, std::string_view field);
/// The value of a choice, which is {value, label} or the bare value.
std::string choice_of(const json::object& object, std::string_view field);
/// The id of another object, which is nested or a bare id; 0 if there is none.
std::int64_t reference_of(const json::object& object, std::string_view field);
/// A custom field as text; that of a choice its value.
std::string custom_of(const json::object& object, std::string_view field);
/// What people call it: its name, else what NetBox displays.
std::string name_in(const json::object& object);

/// A decimal in units of 10^-places, the rest cut off; nothing if the text is no decimal or too large.
std::optional<std::int64_t> decimal_of(std::string_view text, int places);

}  // namespace penstock
