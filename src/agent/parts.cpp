// Inventory out of DMI, the PCI tree, the block layer and /proc/cpuinfo.
#include "agent/parts.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>

#include "agent/kernel_files.h"

namespace penstock {
namespace {

constexpr std::size_t kMostParts = 256;
constexpr std::size_t kMostText = 128;

// What vendors leave in fields that they do not fill.
bool says_nothing(const std::string& text) {
  return text == "To Be Filled By O.E.M." || text == "Not Specified" || text == "Default string" || text == "None" || text == "0";
}

std::string text_in(const std::string& path) {
  const std::string text = line_in(path).value_or("");
  return says_nothing(text) ? "" : text;
}

std::string words(std::initializer_list<std::string> parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (!part.empty()) joined += (joined.empty() ? "" : " ") + part;
  }
  return joined;
}

// The version that the driver tells of an interface's firmware.
std::string firmware_of(const std::string& interface) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (!socket || ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return {};
  const std::string version(info.fw_version, strnlen(info.fw_version, sizeof info.fw_version));
  return version == "N/A" ? "" : version;
}

void add_nics(const MachinePaths& paths, std::vector<PartFound>& parts) {
  for (const std::string& name : names_in(paths.sys + "/class/net")) {
    const std::string place = paths.sys + "/class/net/" + name;
    // Bridges, tunnels and the like have no device.
    const std::string slot = link_name(place + "/device");
    if (slot.empty()) continue;
    const std::string ids = words({text_in(place + "/device/vendor"), text_in(place + "/device/device")});
    parts.push_back({"nic", slot, words({link_name(place + "/device/driver"), ids}), text_in(place + "/address"), firmware_of(name)});
  }
}

void add_disks(const MachinePaths& paths, std::vector<PartFound>& parts) {
  for (const std::string& name : names_in(paths.sys + "/block")) {
    const std::string place = paths.sys + "/block/" + name;
    const std::string slot = link_name(place + "/device");
    if (slot.empty()) continue;  // loop, device mapper, RAM
    const std::string serial = text_in(place + "/device/serial");
    const std::string firmware = text_in(place + "/device/firmware_rev");
    parts.push_back({"disk", slot, words({text_in(place + "/device/vendor"), text_in(place + "/device/model")}),
                     serial.empty() ? text_in(place + "/serial") : serial, firmware.empty() ? text_in(place + "/device/rev") : firmware});
  }
}

// A part for each socket, however many cores it has.
void add_processors(const MachinePaths& paths, std::vector<PartFound>& parts) {
  std::map<std::string, std::pair<std::string, std::string>> sockets;
  auto text = read_file(paths.proc + "/cpuinfo");
  std::istringstream lines(text.ok() ? *text : "");
  std::string socket = "0", model, microcode;
  const auto flush = [&] {
    if (!model.empty()) sockets[socket] = {model, microcode};
    socket = "0";
    model.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(": ");
    const std::string value = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (line.empty()) flush();
    if (line.starts_with("physical id")) socket = value;
    if (line.starts_with("model name")) model = value;
    if (line.starts_with("microcode")) microcode = value;
  }
  flush();
  for (const auto& [slot, processor] : sockets) parts.push_back({"cpu", slot, processor.first, {}, processor.second});
}

void limit(std::string& text) {
  std::erase_if(text, [](unsigned char c) { return c < ' ' || c >= 127; });
  text.resize(std::min(text.size(), kMostText));
}

}  // namespace

std::vector<PartFound> read_parts(const MachinePaths& paths, const DeviceProvider& devices, Bytes memory) {
  std::vector<PartFound> parts;
  const std::string dmi = paths.sys + "/class/dmi/id/";
  const std::string machine = words({text_in(dmi + "sys_vendor"), text_in(dmi + "product_name")});
  if (!machine.empty()) parts.push_back({"machine", {}, machine, text_in(dmi + "product_serial"), text_in(dmi + "bios_version")});
  for (const Device& device : devices.devices()) {
    if (devices.vendor() == Vendor::kCpu) break;
    parts.push_back({"gpu", device.slot, device.name, device.serial.empty() ? device.uuid : device.serial, device.firmware});
  }
  add_nics(paths, parts);
  add_disks(paths, parts);
  add_processors(paths, parts);
  // In whole GiB: what the kernel keeps for itself changes with its version.
  parts.push_back({"memory", {}, fmt::format("{}GiB", (memory.count() + (1LL << 29)) >> 30), {}, {}});
  parts.resize(std::min(parts.size(), kMostParts));
  for (PartFound& part : parts) {
    for (std::string* text : {&part.slot, &part.model, &part.serial, &part.firmware}) limit(*text);
  }
  return parts;
}

}  // namespace penstock
