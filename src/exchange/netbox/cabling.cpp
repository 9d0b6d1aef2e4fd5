// Following power cables upwards.
#include "exchange/netbox/cabling.h"

namespace penstock {
namespace {

using namespace netbox;

// Rack PDUs may be chained; a longer chain is a mistake.
constexpr int kMostSteps = 16;

const json::object* first_object(const json::object& object, std::string_view field) {
  const json::value* list = object.if_contains(field);
  if (list == nullptr || !list->is_array() || list->get_array().empty()) return nullptr;
  return list->get_array().front().if_object();
}

}  // namespace

NetboxCabling::NetboxCabling(const NetboxData& data) : data_(data) {
  for (const auto& [id, port] : data.of(kPorts)) ports_of_device_[reference_of(port, "device")].push_back(id);
  for (const auto& [id, cable] : data.of(kCables)) {
    const json::object* a = first_object(cable, "a_terminations");
    const json::object* b = first_object(cable, "b_terminations");
    if (a == nullptr || b == nullptr) continue;
    for (const auto& [near, far] : {std::pair(a, b), std::pair(b, a)}) {
      if (text_of(*near, "object_type") != "dcim.powerport") continue;
      cabled_[reference_of(*near, "object_id")] = {text_of(*far, "object_type"), reference_of(*far, "object_id"), id};
    }
  }
  for (const auto& [id, feed] : data.of(kFeeds)) {
    for (const std::string_view way : {"connected_endpoints", "link_peers"}) {
      const json::object* peer = first_object(feed, way);
      if (peer == nullptr || text_of(feed, fmt::format("{}_type", way)) != "dcim.powerport") continue;
      feed_of_port_.try_emplace(reference_of(*peer, "id"), End{"dcim.powerfeed", id, reference_of(feed, "cable")});
    }
  }
  for (const char* kind : {kHandoffs, kDeliveries}) {
    for (const auto& [id, handoff] : data.of(kind)) {
      std::int64_t node = reference_of(handoff, "electrical_node");
      if (const auto terminal = data.of(kTerminals).find(reference_of(handoff, "electrical_terminal"));
          node == 0 && terminal != data.of(kTerminals).end()) {
        node = reference_of(terminal->second, "node");
      }
      const std::int64_t port = reference_of(handoff, "power_port");
      if (port != 0 && node != 0) handoffs_.try_emplace(port, Handoff{kind, id, {kPlantNodes, node}});
    }
  }
}

const std::vector<std::int64_t>& NetboxCabling::ports_of(std::int64_t device) const {
  static const std::vector<std::int64_t> none;
  const auto found = ports_of_device_.find(device);
  return found == ports_of_device_.end() ? none : found->second;
}

std::optional<NetboxCabling::End> NetboxCabling::other_end(std::int64_t port) const {
  const auto object = data_.of(kPorts).find(port);
  if (object == data_.of(kPorts).end()) return std::nullopt;
  for (const std::string_view way : {"connected_endpoints", "link_peers"}) {
    if (const json::object* peer = first_object(object->second, way)) {
      return End{text_of(object->second, fmt::format("{}_type", way)), reference_of(*peer, "id"),
                 reference_of(object->second, "cable")};
    }
  }
  if (const auto cable = cabled_.find(port); cable != cabled_.end()) return cable->second;
  if (const auto feed = feed_of_port_.find(port); feed != feed_of_port_.end()) return feed->second;
  return std::nullopt;
}

NetboxPort NetboxCabling::trace(std::int64_t first, ImportLedger& ledger) const {
  NetboxPort found{first, std::nullopt, {}};
  std::int64_t port = first;
  for (int step = 0; step < kMostSteps; ++step) {
    if (const auto handoff = handoffs_.find(port); handoff != handoffs_.end()) {
      ledger.mapped(handoff->second.kind, handoff->second.id);
      found.supply = handoff->second.supply;
      return found;
    }
    const std::optional<End> end = other_end(port);
    if (!end) {
      found.why = port == first ? "no cable leads to it"
                                : fmt::format("no cable leads to port {} of the rack PDU above it", port);
      return found;
    }
    if (end->cable != 0 && data_.of(kCables).contains(end->cable)) ledger.mapped(kCables, end->cable);
    if (end->type == "dcim.powerfeed") {
      found.supply = NetboxSupply{kFeeds, end->id};
      return found;
    }
    const auto outlet = data_.of(kOutlets).find(end->id);
    if (end->type != "dcim.poweroutlet" || outlet == data_.of(kOutlets).end()) {
      found.why = fmt::format("its cable leads to {} {}, which is no outlet or feed that was read", end->type, end->id);
      return found;
    }
    ledger.mapped(kOutlets, outlet->first);
    port = reference_of(outlet->second, "power_port");
    const auto above = data_.of(kPorts).find(port);
    if (above == data_.of(kPorts).end()) {
      found.why = fmt::format("outlet {} does not say which power port supplies it", outlet->first);
      return found;
    }
    ledger.mapped(kPorts, port);
    if (const std::int64_t pdu = reference_of(above->second, "device"); data_.of(kDevices).contains(pdu))
      ledger.mapped(kDevices, pdu);
  }
  found.why = "its cables go in a circle";
  return found;
}

}  // namespace penstock
