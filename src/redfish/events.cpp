// Reading of events, and subscriptions to them (schemas Event, EventService and EventDestination).
#include "redfish/events.h"

#include "redfish/client.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::size_t kMostDepth = 32;
constexpr std::size_t kMostEvents = 1000;
constexpr std::size_t kLongestContext = 200;

// The link to our subscription; empty if there is none.
std::string ours(const std::vector<RedfishResource>& subscriptions, const std::string& destination, const std::string& context) {
  for (const RedfishResource& one : subscriptions) {
    if (text_at(one.body, "Destination") == destination && text_at(one.body, "Context") == context) return one.path;
  }
  return {};
}

}  // namespace

Result<std::vector<RedfishEvent>> parse_events(std::string_view body) {
  if (body.size() > kMostBytes) return make_error(Code::kTooLarge, fmt::format("the events take more than {} bytes", kMostBytes));
  PENSTOCK_TRY(value, parse_json(body, kMostDepth));
  const json::value* list = value.is_object() ? value.get_object().if_contains("Events") : nullptr;
  if (list == nullptr || !list->is_array()) return make_error(Code::kInvalid, "expected a Redfish Event, which has a list Events");
  if (list->get_array().size() > kMostEvents) return make_error(Code::kTooLarge, fmt::format("more than {} events in one delivery", kMostEvents));
  std::vector<RedfishEvent> out;
  Problems problems;
  Problems::Step step(problems, "Events");
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    Problems::Step place(problems, i);
    const json::object* from = list->get_array()[i].if_object();
    if (from == nullptr || text_at(*from, "MessageId").empty()) {
      problems.add("expected an event with a MessageId");
      continue;
    }
    RedfishEvent event;
    event.context = text_at(value.get_object(), "Context");
    if (event.context.empty()) event.context = text_at(*from, "Context");  // where it stood before Event 1.1
    event.message_id = text_at(*from, "MessageId");
    event.severity = text_at(*from, "MessageSeverity");
    if (event.severity.empty()) event.severity = text_at(*from, "Severity");  // before Event 1.5
    event.message = text_at(*from, "Message");
    event.origin = link_at(*from, "OriginOfCondition");
    if (event.origin.empty()) event.origin = text_at(*from, "OriginOfCondition");  // before Event 1.1
    event.at = text_at(*from, "EventTimestamp");
    out.push_back(std::move(event));
  }
  if (!problems.empty()) return problems.take();
  return out;
}

Result<std::string> RedfishClient::subscribe(const std::string& destination, const std::string& context) {
  begin();
  if (!destination.starts_with("https://")) {
    return make_error(Code::kInvalid, fmt::format("events are sent to an https URL, found '{}'", destination), "destination");
  }
  if (context.empty() || context.size() > kLongestContext) {
    return make_error(Code::kInvalid, fmt::format("expected a context of 1 to {} bytes, found {}", kLongestContext, context.size()), "context");
  }
  PENSTOCK_TRY(root, session_.root());
  PENSTOCK_TRY(service, linked(*root, "EventService"));
  const std::string subscriptions = service ? link_at(service->body, "Subscriptions") : std::string();
  if (subscriptions.empty()) {
    return make_error(Code::kUnsupported, fmt::format("the Redfish service at {} takes no subscriptions to events", session_.server()));
  }
  const json::value* enabled = member(service->body, "ServiceEnabled");
  if (enabled != nullptr && enabled->is_bool() && !enabled->get_bool()) {
    return make_error(Code::kFailedPrecondition, fmt::format("the EventService at {} is turned off; turn it on at the BMC", session_.server()));
  }
  PENSTOCK_TRY(before, session_.members(subscriptions));
  const std::string known = ours(before, destination, context);
  if (!known.empty()) return known;
  json::object body{{"Destination", destination}, {"Protocol", "Redfish"}, {"Context", context}};
  // Services before EventService 1.2 want the kinds of events named; since then that is deprecated.
  const json::value* kinds = member(service->body, "EventTypesForSubscription");
  if (kinds != nullptr && kinds->is_array() && member(service->body, "EventFormatTypes") == nullptr) body["EventTypes"] = *kinds;
  acted_ = true;
  PENSTOCK_TRY(location, session_.post(subscriptions, body));
  if (!location.empty()) return std::move(location);
  PENSTOCK_TRY(after, session_.members(subscriptions));
  const std::string made = ours(after, destination, context);
  if (!made.empty()) return made;
  return make_error(Code::kUnavailable, fmt::format("the Redfish service at {} took a subscription and does not show it", session_.server()));
}

Status RedfishClient::unsubscribe(const std::string& subscription) {
  begin();
  acted_ = true;
  auto removed = session_.remove(subscription);
  if (!removed.ok() && removed.error().code != Code::kNotFound) return removed;
  return ok_status();
}

}  // namespace penstock
