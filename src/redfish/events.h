// Events that a Redfish service sends to those who subscribed (schema Event).
#pragma once

#include "base/json.h"

namespace penstock {

struct RedfishEvent {
  std::string context;     ///< what the subscriber gave
  std::string message_id;  ///< registry, version and message, e.g. ResourceEvent.1.3.ResourceErrorsDetected
  std::string severity;    ///< OK, Warning or Critical; empty: not said
  std::string message;
  std::string origin;      ///< the @odata.id of what it happened to; empty: not said
  std::string at;          ///< RFC 3339, by the BMC's clock; empty: not said

  static constexpr auto schema() {
    return object("RedfishEvent", "One event that a Redfish service told.",
                  field("context", &RedfishEvent::context, optional, "what the subscriber gave"),
                  field("messageId", &RedfishEvent::message_id, required, "registry, version and message"),
                  field("severity", &RedfishEvent::severity, optional, "OK, Warning or Critical"),
                  field("message", &RedfishEvent::message, optional, "a sentence for people"),
                  field("origin", &RedfishEvent::origin, optional, "the resource that it happened to"),
                  field("at", &RedfishEvent::at, optional, "when, by the BMC's clock"));
  }
  bool operator==(const RedfishEvent&) const = default;
};

/// The events in the body of one delivery. At most 1 MiB and 1,000 events; kInvalid if it is no Event.
Result<std::vector<RedfishEvent>> parse_events(std::string_view body);

}  // namespace penstock
