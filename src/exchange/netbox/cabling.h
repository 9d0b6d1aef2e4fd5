// From a power port of a device to the feeds that supply it, over cables, rack PDUs and their outlets.
#pragma once

#include "exchange/netbox/ledger.h"
#include "exchange/netbox/objects.h"

namespace penstock {

/// What supplies a port: a power feed, or an electrical node of netbox_power_plant.
struct NetboxSupply {
  std::string kind;
  std::int64_t id = 0;
};

/// One power port of a device. It has a supply, or a reason for having none.
struct NetboxPort {
  std::int64_t id = 0;
  std::optional<NetboxSupply> supply;
  std::string why;
};

class NetboxCabling {
 public:
  explicit NetboxCabling(const NetboxData& data);

  /// The ports of a device in the order of their ids.
  const std::vector<std::int64_t>& ports_of(std::int64_t device) const;
  /// Follows a port upwards. What the way passes through is marked as mapped.
  NetboxPort trace(std::int64_t port, ImportLedger& ledger) const;

 private:
  struct End {
    std::string type;  // dcim.powerport, dcim.poweroutlet, dcim.powerfeed
    std::int64_t id = 0;
    std::int64_t cable = 0;
  };
  // Where the plugin says what supplies a port.
  struct Handoff {
    std::string kind;
    std::int64_t id = 0;
    NetboxSupply supply;
  };
  std::optional<End> other_end(std::int64_t port) const;

  const NetboxData& data_;
  std::map<std::int64_t, std::vector<std::int64_t>> ports_of_device_;
  std::map<std::int64_t, End> cabled_;        // the other end of a port, by dcim/cables
  std::map<std::int64_t, End> feed_of_port_;  // feeds that name a port as what they are connected to
  std::map<std::int64_t, Handoff> handoffs_;  // by the port that the plugin hands over to
};

}  // namespace penstock
