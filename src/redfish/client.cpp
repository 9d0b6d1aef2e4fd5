// The machine behind a BMC: found by links, turned on, off and around, with waiting for what it says.
#include "redfish/client.h"

#include <algorithm>
#include <set>

namespace penstock {
namespace {

constexpr std::string_view kReset = "#ComputerSystem.Reset";
constexpr std::size_t kMostChassis = 256;

PowerState power_of(const RedfishResource& system) {
  const std::string text = text_at(system.body, "PowerState");
  if (text == "On") return PowerState::kOn;
  if (text == "Off") return PowerState::kOff;
  if (text == "PoweringOn") return PowerState::kPoweringOn;
  if (text == "PoweringOff") return PowerState::kPoweringOff;
  if (text == "Paused") return PowerState::kPaused;
  return PowerState::kUnknown;
}

const json::object* reset_action(const RedfishResource& system) {
  const json::value* actions = member(system.body, "Actions");
  const json::value* reset = actions != nullptr && actions->is_object() ? actions->get_object().if_contains(kReset) : nullptr;
  return reset == nullptr ? nullptr : reset->if_object();
}

std::vector<std::string> texts_of(const json::value* list) {
  std::vector<std::string> out;
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& entry : list->get_array()) {
    if (entry.is_string()) out.emplace_back(std::string_view(entry.get_string()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

bool leads_off(std::string_view type) { return type == "ForceOff" || type == "GracefulShutdown"; }

// Ways to the same end, the nearest first; each is a row of ResetTypes to send.
std::vector<std::vector<std::string>> ways(ResetType type) {
  switch (type) {
    case ResetType::kOn: return {{"On"}, {"ForceOn"}};
    case ResetType::kForceOff: return {{"ForceOff"}, {"GracefulShutdown"}};
    case ResetType::kGracefulShutdown: return {{"GracefulShutdown"}};
    case ResetType::kGracefulRestart: return {{"GracefulRestart"}};
    case ResetType::kForceRestart:
      return {{"ForceRestart"}, {"PowerCycle"}, {"ForceOff", "On"}, {"ForceOff", "ForceOn"}, {"GracefulRestart"}};
    case ResetType::kPowerCycle:
      return {{"PowerCycle"}, {"ForceOff", "On"}, {"ForceOff", "ForceOn"}, {"ForceRestart"}, {"GracefulRestart"}};
  }
  return {};
}

}  // namespace

void RedfishClient::begin() {
  session_.begin(deadline_.value_or(session_.options().deadline));
  acted_ = false;
}

Result<std::vector<RedfishResource>> RedfishClient::members_of_root(std::string_view name) {
  PENSTOCK_TRY(root, session_.root());
  const std::string link = link_at(root->body, name);
  if (link.empty()) return make_error(Code::kUnsupported, fmt::format("the Redfish service at {} has no {}", session_.server(), name));
  return session_.members(link);
}

Result<RedfishResource> RedfishClient::system() {
  PENSTOCK_TRY(all, members_of_root("Systems"));
  const std::string& wanted = session_.options().system;
  std::vector<RedfishResource*> found;
  std::vector<std::string> names;
  for (RedfishResource& one : all) {
    const std::string id = text_at(one.body, "Id");
    names.push_back(id);
    if (wanted.empty() ? reset_action(one) != nullptr || all.size() == 1 : id == wanted) found.push_back(&one);
  }
  if (found.size() == 1) return std::move(*found.front());
  return make_error(wanted.empty() ? Code::kInvalid : Code::kNotFound,
                    wanted.empty() ? fmt::format("the BMC at {} has {} machines that can be reset; name one by its Id: {}", session_.server(),
                                                 found.size(), joined(names))
                                   : fmt::format("the BMC at {} has no machine '{}'; it has: {}", session_.server(), wanted, joined(names)));
}

Result<std::optional<RedfishResource>> RedfishClient::linked(const RedfishResource& from, std::string_view name) {
  const std::string link = link_at(from.body, name);
  if (link.empty()) return std::optional<RedfishResource>();
  auto found = session_.get(link);
  // Services link to what they turn out not to have.
  if (!found.ok() && found.error().code == Code::kNotFound) return std::optional<RedfishResource>();
  if (!found.ok()) return std::move(found).error();
  return std::optional(std::move(*found));
}

Result<RedfishClient::Family> RedfishClient::family() {
  Family out;
  PENSTOCK_TRY(machine, system());
  std::vector<std::string> chassis = links_at(machine.body, "Links.Chassis");
  std::set<std::string> seen{machine.path};
  out.systems.push_back(std::move(machine));
  if (chassis.empty()) {
    // Older services have one machine and link its chassis from the root only.
    PENSTOCK_TRY(all, members_of_root("Chassis"));
    for (RedfishResource& one : all) {
      seen.insert(one.path);
      out.chassis.push_back(std::move(one));
    }
  }
  while (!chassis.empty() && out.chassis.size() < kMostChassis) {
    const std::string link = chassis.front();
    chassis.erase(chassis.begin());
    if (!seen.insert(link).second) continue;
    PENSTOCK_TRY(one, session_.get(link));
    for (std::string& inner : links_at(one.body, "Links.Contains")) chassis.push_back(std::move(inner));
    for (const std::string& other : links_at(one.body, "Links.ComputerSystems")) {
      if (!seen.insert(other).second) continue;
      PENSTOCK_TRY(beside, session_.get(other));
      out.systems.push_back(std::move(beside));
    }
    out.chassis.push_back(std::move(one));
  }
  for (const RedfishResource& one : out.systems) {
    const std::string link = link_at(one.body, "Processors");
    if (link.empty()) continue;
    PENSTOCK_TRY(processors, session_.members(link));
    for (RedfishResource& processor : processors) {
      if (text_at(processor.body, "Status.State") != "Absent") out.processors.push_back(std::move(processor));
    }
  }
  return out;
}

Result<PowerState> RedfishClient::power_state() {
  begin();
  PENSTOCK_TRY(machine, system());
  return power_of(machine);
}

// The ResetTypes that the service allows, in the action or in its ActionInfo; empty: it does not say.
Result<std::vector<std::string>> RedfishClient::allowed_types(const json::object& action) {
  std::vector<std::string> types = texts_of(action.if_contains("ResetType@Redfish.AllowableValues"));
  const json::value* info = action.if_contains("@Redfish.ActionInfo");
  if (!types.empty() || info == nullptr || !info->is_string()) return types;
  PENSTOCK_TRY(described, session_.get(std::string_view(info->get_string())));
  const json::value* parameters = member(described.body, "Parameters");
  if (parameters == nullptr || !parameters->is_array()) return types;
  for (const json::value& parameter : parameters->get_array()) {
    if (!parameter.is_object() || text_at(parameter.get_object(), "Name") != "ResetType") continue;
    types = texts_of(parameter.get_object().if_contains("AllowableValues"));
  }
  return types;
}

Result<PowerState> RedfishClient::await(const std::string& link, bool on, std::string_view sent) {
  PowerState last = PowerState::kUnknown;
  while (true) {
    auto found = session_.get(link);
    if (found.ok()) {
      last = power_of(*found);
      if (last == (on ? PowerState::kOn : PowerState::kOff)) return last;
    } else if (found.error().code != Code::kUnavailable) {
      // A BMC that is busy with the reset may be away for a moment.
      return std::move(found).error();
    }
    auto waited = session_.pause(session_.options().poll);
    if (waited.ok()) continue;
    if (waited.error().code != Code::kTimeout) return std::move(waited).error();
    return make_error(Code::kTimeout, fmt::format("the BMC at {} took {}, but the power of its machine is {} and not {} at the deadline",
                                                  session_.server(), sent, name_of(last), on ? "on" : "off"));
  }
}

Result<ResetOutcome> RedfishClient::reset(ResetType type) {
  begin();
  PENSTOCK_TRY(machine, system());
  ResetOutcome outcome;
  outcome.power = power_of(machine);
  const bool off = leads_off(name_of(type));
  if (off && outcome.power == PowerState::kOff) return outcome;
  if (type == ResetType::kOn && outcome.power == PowerState::kOn) return outcome;
  if (!off && outcome.power == PowerState::kOff) type = ResetType::kOn;
  const json::object* action = reset_action(machine);
  const json::value* target = action == nullptr ? nullptr : action->if_contains("target");
  if (target == nullptr || !target->is_string()) {
    return make_error(Code::kUnsupported, fmt::format("the machine at {} cannot be reset: it has no action {}", session_.server(), kReset));
  }
  PENSTOCK_TRY(allowed, allowed_types(*action));
  std::vector<std::string> steps;
  for (const auto& way : ways(type)) {
    const bool open = std::all_of(way.begin(), way.end(), [&allowed](const std::string& step) {
      return allowed.empty() || std::find(allowed.begin(), allowed.end(), step) != allowed.end();
    });
    if (open) {
      steps = way;
      break;
    }
  }
  if (steps.empty()) {
    return make_error(Code::kUnsupported, fmt::format("the machine at {} does not allow {} nor what would do instead; it allows: {}",
                                                      session_.server(), name_of(type), joined(allowed)));
  }
  for (const std::string& step : steps) {
    acted_ = true;
    PENSTOCK_TRY(location, session_.post(std::string_view(target->get_string()), {{"ResetType", step}}));
    static_cast<void>(location);
    outcome.sent.push_back(step);
    // A machine that restarts is on before and after: give it the time to leave.
    const bool around = !leads_off(step) && step != "On" && step != "ForceOn";
    if (around) PENSTOCK_RETURN_IF_ERROR(session_.pause(session_.options().poll));
    PENSTOCK_TRY(power, await(machine.path, !leads_off(step), step));
    outcome.power = power;
  }
  return outcome;
}

}  // namespace penstock
