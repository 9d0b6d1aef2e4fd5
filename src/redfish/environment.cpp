// What a machine draws and how much it may: EnvironmentMetrics, or Power and Thermal of services before them.
#include <algorithm>
#include <cmath>

#include "redfish/client.h"

namespace penstock {
namespace {

constexpr double kJoulesPerKwh = 3'600'000;
constexpr double kLargest = 1e15;  // of any reading: beyond lies nothing that a sensor means
constexpr int kLooks = 10;         // at a limit that should have come into force
constexpr int kTries = 3;          // against others who change the same resource

template <class Q>
std::optional<Q> quantity(std::optional<double> number, double factor = 1) {
  if (!number || !(std::abs(*number * factor) <= kLargest)) return std::nullopt;
  return Q(std::llround(*number * factor));
}

// The first of the list at `name` that is an object and has `with`; with its place.
std::pair<std::size_t, const json::object*> first_with(const json::object& from, std::string_view name, std::string_view with) {
  const json::value* list = member(from, name);
  if (list == nullptr || !list->is_array()) return {0, nullptr};
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    const json::object* entry = list->get_array()[i].if_object();
    const json::value* found = entry == nullptr ? nullptr : entry->if_contains(with);
    if (found != nullptr && !found->is_null()) return {i, entry};
  }
  return {0, nullptr};
}

void read_metrics(const json::object& metrics, EnvironmentReading& reading) {
  reading.power = quantity<Watts>(number_at(metrics, "PowerWatts.Reading"));
  reading.temperature = quantity<MilliCelsius>(number_at(metrics, "TemperatureCelsius.Reading"), 1000);
  reading.energy = quantity<Joules>(number_at(metrics, "EnergyJoules.Reading"));
  if (!reading.energy) reading.energy = quantity<Joules>(number_at(metrics, "EnergykWh.Reading"), kJoulesPerKwh);
  if (text_at(metrics, "PowerLimitWatts.ControlMode") != "Disabled") reading.limit = quantity<Watts>(number_at(metrics, "PowerLimitWatts.SetPoint"));
  // Rounded inwards, so that what we call allowed is.
  const auto low = number_at(metrics, "PowerLimitWatts.AllowableMin"), high = number_at(metrics, "PowerLimitWatts.AllowableMax");
  reading.limit_min = quantity<Watts>(low ? std::optional(std::ceil(*low)) : low);
  reading.limit_max = quantity<Watts>(high ? std::optional(std::floor(*high)) : high);
}

void read_power(const json::object& power, EnvironmentReading& reading) {
  if (const auto [at, control] = first_with(power, "PowerControl", "PowerConsumedWatts"); control != nullptr) {
    reading.power = quantity<Watts>(number_at(*control, "PowerConsumedWatts"));
  }
  if (const auto [at, control] = first_with(power, "PowerControl", "PowerLimit"); control != nullptr) {
    reading.limit = quantity<Watts>(number_at(*control, "PowerLimit.LimitInWatts"));
  }
}

// The air that comes in: the one temperature that means the same in every housing.
void read_thermal(const json::object& thermal, EnvironmentReading& reading) {
  const json::value* list = member(thermal, "Temperatures");
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& entry : list->get_array()) {
    if (!entry.is_object() || text_at(entry.get_object(), "PhysicalContext") != "Intake") continue;
    reading.temperature = quantity<MilliCelsius>(number_at(entry.get_object(), "ReadingCelsius"), 1000);
    if (reading.temperature) return;
  }
}

bool empty(const EnvironmentReading& reading) {
  return !reading.power && !reading.temperature && !reading.energy && !reading.limit && !reading.limit_max;
}

}  // namespace

// A resource by which a limit is set.
struct RedfishClient::Limiter {
  RedfishResource resource;  // EnvironmentMetrics, or Power
  bool by_metrics = true;
  std::size_t control = 0;   // place in Power.PowerControl
  std::string chassis;       // path of the one it limits; empty: it is a processor's
  std::string contained_by;  // path of the chassis around that
  EnvironmentReading reading;

  Limiter(RedfishResource from, bool metrics, std::size_t at, const RedfishResource& owner)
      : resource(std::move(from)), by_metrics(metrics), control(at), reading{text_at(owner.body, "Id")} {
    read();
  }
  void read() { by_metrics ? read_metrics(resource.body, reading) : read_power(resource.body, reading); }
  void belongs_to(const RedfishResource& one) {
    chassis = one.path;
    contained_by = link_at(one.body, "Links.ContainedBy");
  }
  // What to send for a limit.
  json::object patch(Watts limit) const {
    if (by_metrics) {
      json::object to{{"SetPoint", limit.count()}};
      if (text_at(resource.body, "PowerLimitWatts.ControlMode") == "Disabled") to["ControlMode"] = "Automatic";
      return {{"PowerLimitWatts", std::move(to)}};
    }
    // An empty object leaves its place of the list as it is (DSP0266, PATCH of arrays).
    json::array controls(control, json::object());
    controls.push_back(json::object{{"PowerLimit", json::object{{"LimitInWatts", limit.count()}}}});
    return {{"PowerControl", std::move(controls)}};
  }
};

Result<std::vector<EnvironmentReading>> RedfishClient::environment() {
  begin();
  PENSTOCK_TRY(found, family());
  std::vector<EnvironmentReading> out;
  for (const RedfishResource& one : found.chassis) {
    EnvironmentReading reading{text_at(one.body, "Id")};
    PENSTOCK_TRY(metrics, linked(one, "EnvironmentMetrics"));
    if (metrics) {
      read_metrics(metrics->body, reading);
    } else {
      PENSTOCK_TRY(power, linked(one, "Power"));
      if (power) read_power(power->body, reading);
      PENSTOCK_TRY(thermal, linked(one, "Thermal"));
      if (thermal) read_thermal(thermal->body, reading);
    }
    if (!empty(reading)) out.push_back(std::move(reading));
  }
  for (const RedfishResource& one : found.processors) {
    EnvironmentReading reading{text_at(one.body, "Id")};
    PENSTOCK_TRY(metrics, linked(one, "EnvironmentMetrics"));
    if (metrics) read_metrics(metrics->body, reading);
    if (!empty(reading)) out.push_back(std::move(reading));
  }
  return out;
}

// All by which the limit of `part` can be set, or of the machine's chassis if it is empty.
Result<std::vector<RedfishClient::Limiter>> RedfishClient::limiters(const std::string& part) {
  PENSTOCK_TRY(found, family());
  std::vector<Limiter> out;
  const auto add_metrics = [&](const RedfishResource& owner) -> Result<bool> {
    PENSTOCK_TRY(metrics, linked(owner, "EnvironmentMetrics"));
    const json::value* limit = metrics ? member(metrics->body, "PowerLimitWatts") : nullptr;
    if (limit == nullptr || !limit->is_object()) return false;
    out.emplace_back(std::move(*metrics), true, 0, owner);
    return true;
  };
  for (const RedfishResource& one : found.chassis) {
    if (!part.empty() && text_at(one.body, "Id") != part) continue;
    PENSTOCK_TRY(by_metrics, add_metrics(one));
    if (!by_metrics) {
      PENSTOCK_TRY(power, linked(one, "Power"));
      if (!power) continue;
      const auto [at, control] = first_with(power->body, "PowerControl", "PowerLimit");
      if (control == nullptr) continue;
      out.emplace_back(std::move(*power), false, at, one);
    }
    out.back().belongs_to(one);
  }
  if (part.empty()) return out;
  for (const RedfishResource& one : found.processors) {
    if (text_at(one.body, "Id") != part && text_at(one.body, "Location.PartLocation.ServiceLabel") != part) continue;
    PENSTOCK_TRY(by_metrics, add_metrics(one));
    static_cast<void>(by_metrics);
  }
  return out;
}

Result<RedfishClient::Limiter> RedfishClient::limiter(const std::string& part) {
  PENSTOCK_TRY(found, limiters(part));
  if (found.size() > 1) {
    // The outermost bounds all that it contains.
    std::vector<std::string> paths;
    for (const Limiter& one : found) paths.push_back(one.chassis);
    std::erase_if(found, [&paths](const Limiter& one) {
      return !one.contained_by.empty() && std::find(paths.begin(), paths.end(), one.contained_by) != paths.end();
    });
  }
  if (found.size() == 1) return std::move(found.front());
  std::string names;
  for (const Limiter& one : found) names += (names.empty() ? "" : ", ") + one.reading.of;
  if (!found.empty()) {
    return make_error(Code::kInvalid, fmt::format("several parts of the machine at {} have a power limit; name one: {}", session_.server(), names));
  }
  return make_error(part.empty() ? Code::kUnsupported : Code::kNotFound,
                    part.empty() ? fmt::format("no chassis of the machine at {} has a power limit", session_.server())
                                 : fmt::format("the machine at {} has no part '{}' with a power limit", session_.server(), part));
}

Status RedfishClient::set_power_limit(Watts limit, const std::string& part) {
  begin();
  for (int tries = 1;; ++tries) {
    PENSTOCK_TRY(by, limiter(part));
    const EnvironmentReading& reading = by.reading;
    if (limit <= Watts{} || (reading.limit_min && limit < *reading.limit_min) || (reading.limit_max && limit > *reading.limit_max)) {
      const auto text = [](const std::optional<Watts>& bound, std::string_view otherwise) {
        return bound ? Text<Watts>::format(*bound) : std::string(otherwise);
      };
      return make_error(Code::kLimitExceeded,
                        fmt::format("'{}' at {} takes power limits from {} to {}, found {}", reading.of, session_.server(),
                                    text(reading.limit_min, "1W"), text(reading.limit_max, "what it can draw"), Text<Watts>::format(limit)));
    }
    if (reading.limit == limit) return ok_status();
    acted_ = true;
    auto done = session_.patch(by.resource, by.patch(limit));
    if (done.ok()) return await_limit(by, limit);
    if (done.error().code != Code::kConflict || tries == kTries) return done;
  }
}

Status RedfishClient::await_limit(Limiter& by, Watts limit) {
  for (int look = 0;; ++look) {
    PENSTOCK_TRY(now, session_.get(by.resource.path));
    by.resource = std::move(now);
    by.read();
    if (by.reading.limit == limit) return ok_status();
    if (look == kLooks) {
      return make_error(Code::kFailedPrecondition,
                        fmt::format("'{}' at {} took the power limit {} and shows {}", by.reading.of, session_.server(), Text<Watts>::format(limit),
                                    by.reading.limit ? Text<Watts>::format(*by.reading.limit) : "none"));
    }
    PENSTOCK_RETURN_IF_ERROR(session_.pause(session_.options().poll));
  }
}

}  // namespace penstock
