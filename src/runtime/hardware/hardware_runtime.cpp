// From remedies to orders, and back.
#include "runtime/hardware/hardware_runtime.h"

#include "base/name.h"

namespace penstock {

bool for_hardware(const State& state, const std::string& node, const Remedy& remedy) {
  const NodeIndex index = state.estate().find_node(node);
  if (index == kNowhere) return false;
  const EstateSite& site = state.estate().site_of(index);
  if (site.runtime != RuntimeKind::kAgent || !site.fleet || !site.fleet->bmc) return false;
  const auto facts = state.facts().nodes.find(node);
  const bool gone = facts == state.facts().nodes.end() || facts->second.lost;
  return remedy.action == RemedyAction::kReboot || gone;
}

HardwareAddress bmc_of(const BmcSpec& bmc, const std::string& node, const std::string& row) {
  const auto parts = split_path(node);
  const std::pair<std::string_view, std::string_view> values[] = {
      {"{site}", parts[0]}, {"{hall}", parts[1]}, {"{row}", row}, {"{rack}", parts[2]}, {"{node}", parts[3]}};
  HardwareAddress out{bmc.address, bmc.credentials, {}, {}};
  for (std::string* text : {&out.bmc, &out.credentials}) {
    for (const auto& [name, value] : values) {
      for (std::size_t at = text->find(name); at != std::string::npos; at = text->find(name, at + value.size())) text->replace(at, name.size(), value);
    }
  }
  return out;
}

void HardwareRuntime::order(const State& state, const std::string& node, const Remedy& remedy, Time now) {
  if (!for_hardware(state, node, remedy)) return;
  if (control_ == nullptr) {
    refused_.remedies.emplace_back(node, RemedyReport{remedy.uid, false, "this server does not reach management controllers"});
    return;
  }
  if (remedy.action == RemedyAction::kReprovision) {
    refused_.remedies.emplace_back(node, RemedyReport{remedy.uid, false, "a node that is gone cannot be provisioned by its management controller"});
    return;
  }
  const NodeIndex index = state.estate().find_node(node);
  HardwareOrder order;
  order.id = remedy.uid;
  order.node = node;
  order.address = bmc_of(*state.estate().site_of(index).fleet->bmc, node, state.estate().racks()[state.estate().nodes()[index].rack].row);
  order.action = HardwareAction::kRestart;
  order.deadline = std::max(seconds(1), remedy.deadline - now);
  under_way_[remedy.uid] = node;
  control_->order(std::move(order));
}

void HardwareRuntime::recover(const State& state, Time now) {
  under_way_.clear();
  refused_ = {};
  for (const auto& [node, care] : state.facts().care) {
    if (care.remedy) order(state, node, *care.remedy, now);
  }
}

void HardwareRuntime::committed(const State& state, std::span<const EventRecord> events, Time now) {
  for (const EventRecord& record : events) {
    if (const auto* ordered = std::get_if<RemedyOrdered>(&record.event)) order(state, ordered->node, ordered->remedy, now);
  }
}

std::optional<Time> HardwareRuntime::next_due() const { return refused_.empty() ? std::nullopt : std::optional(Time{}); }

RuntimeReports HardwareRuntime::advance(const State&, Time) {
  RuntimeReports out = std::exchange(refused_, {});
  if (control_ == nullptr) return out;
  for (const HardwareResult& result : control_->take_results()) {
    const auto found = under_way_.find(result.id);
    if (found == under_way_.end()) continue;
    const bool done = result.status.ok();
    out.remedies.emplace_back(found->second, RemedyReport{result.id, done, done ? "restarted over Redfish" : result.status.error().message});
    under_way_.erase(found);
  }
  return out;
}

}  // namespace penstock
