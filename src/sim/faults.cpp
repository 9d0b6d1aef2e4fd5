// One process for all nodes: the sum of Poisson processes is one, and who it was is drawn.
#include "sim/faults.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock {
namespace {

constexpr double kDay = 86'400.0;

double part(const std::optional<Ppm>& given, std::int64_t otherwise) {
  return static_cast<double>(given.value_or(Ppm(otherwise)).count()) / 1e6;
}

}  // namespace

Faults::Faults(const FaultSpec& spec, const State& state, Time from, std::uint64_t seed)
    : spec_(spec), seed_(seed), chance_(seed, 3), at_(from) {
  follow(state);
  plan_next();
}

// Whether a node is a lemon is its own fate, whatever others there are.
void Faults::follow(const State& state) {
  if (of_ == state.shared_estate()) return;
  of_ = state.shared_estate();
  lemons_.clear();
  others_.clear();
  const auto lemon_below = static_cast<std::uint64_t>(part(spec_.lemons, 15'000) * 1e9);
  for (NodeIndex node = 0; node < of_->nodes().size(); ++node) {
    if (of_->site_of(node).runtime != RuntimeKind::kSimulated) continue;
    const std::string& name = of_->nodes()[node].name;
    const bool lemon = !cured_.contains(name) && XXH3_64bits_withSeed(name.data(), name.size(), seed_) % 1'000'000'000 < lemon_below;
    (lemon ? lemons_ : others_).push_back(node);
  }
}

void Faults::plan_next() {
  const double weight = static_cast<double>(others_.size()) + static_cast<double>(lemons_.size()) * spec_.lemon_factor;
  const double per_day = std::max(weight, 1.0) * static_cast<double>(spec_.per_million_node_days) / 1e6;
  at_ = at_ + chance_.wait(kDay / per_day);
}

std::optional<Time> Faults::next() const {
  if (spec_.per_million_node_days == 0) return next_repair();
  return repairs_.empty() ? at_ : std::min(at_, repairs_.top().at);
}

const FaultKindSpec& Faults::any_kind() {
  std::int64_t weights = 0;
  for (const FaultKindSpec& kind : spec_.kinds) weights += kind.weight;
  auto left = static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(weights)));
  for (const FaultKindSpec& kind : spec_.kinds) {
    if (left < kind.weight) return kind;
    left -= kind.weight;
  }
  return spec_.kinds.back();
}

void Faults::fail(const State& state, NodeIndex node, Time now, std::vector<Change>& out) {
  const std::string& name = of_->nodes()[node].name;
  if (!spec_.kinds.empty()) {
    if (auto change = strike(state, name, any_kind(), now)) out.push_back(std::move(*change));
    return;
  }
  if (!state.usable(node, now) || !down_.insert(name).second) return;
  out.push_back({.node = name, .lost = true});
  const bool quick = chance_.part() < part(spec_.quick, 700'000);
  const Duration mean = quick ? spec_.quick_repair : spec_.repair;
  repairs_.push({now + chance_.wait(static_cast<double>(mean.count()) / 1e9), name, Uid{}, false});
}

std::optional<Faults::Change> Faults::strike(const State& state, const std::string& name, const FaultKindSpec& kind, Time now) {
  const NodeIndex node = state.estate().find_node(name);
  if (node == kNowhere || state.node_state(node, now) != NodeState::kReady || down_.contains(name) || truth_.contains(name)) return std::nullopt;
  const std::int32_t devices = state.estate().type_of(node).spec.devices.count;
  const std::int32_t device = kind.device ? static_cast<std::int32_t>(chance_.below(static_cast<std::uint64_t>(std::max(devices, 1)))) : -1;
  truth_[name] = {kind, device, true};
  ++struck_[kind.name];
  if (kind.passes) repairs_.push({now + *kind.passes, name, Uid{}, false});
  return kind.silent ? Change{.node = name, .lost = true} : shown(name, now);
}

Faults::Change Faults::shown(const std::string& node, Time now) const {
  Change out{.node = node};
  out.findings.emplace();
  const auto found = truth_.find(node);
  if (found != truth_.end() && found->second.shows && !found->second.kind.silent) {
    const Truth& truth = found->second;
    out.findings->push_back({truth.kind.check, truth.device, truth.kind.code, now, truth.kind.name});
  }
  return out;
}

std::optional<Faults::Change> Faults::mended(const std::string& node, RemedyAction action) {
  const auto found = truth_.find(node);
  if (found == truth_.end()) return std::nullopt;
  const bool silent = found->second.kind.silent;
  const bool helps = action >= found->second.kind.mended_by;
  if (!helps && chance_.part() >= part(found->second.kind.hides, 0)) return std::nullopt;
  if (helps) {
    truth_.erase(found);
  } else {
    found->second.shows = false;
  }
  return silent ? Change{.node = node, .back = true} : shown(node, Time{});
}

void Faults::call(const Ticket& ticket, Time now) {
  repairs_.push({now + chance_.wait(static_cast<double>(spec_.repair.count()) / 1e9), ticket.node, ticket.uid, ticket.reason == NodeReason::kLemon});
}

void Faults::take_repair(const State& state, const Repair& repair, std::vector<Change>& out) {
  const NodeIndex node = of_->find_node(repair.node);
  if (node == kNowhere || of_->site_of(node).runtime != RuntimeKind::kSimulated) return;
  const auto facts = state.facts().nodes.find(repair.node);
  const bool lost = facts != state.facts().nodes.end() && facts->second.lost;
  if (spec_.kinds.empty() && truth_.count(repair.node) == 0) {
    down_.erase(repair.node);
    out.push_back({.node = repair.node, .back = true});
    return;
  }
  truth_.erase(repair.node);
  if (repair.lemon && cured_.insert(repair.node).second) {
    const auto at = std::find(lemons_.begin(), lemons_.end(), node);
    if (at != lemons_.end()) {
      lemons_.erase(at);
      others_.push_back(node);
    }
  }
  if (lost) out.push_back({.node = repair.node, .back = true});
  Change well{.node = repair.node, .findings = std::vector<Finding>(), .ticket = repair.ticket};
  out.push_back(std::move(well));
}

std::vector<Faults::Change> Faults::take(const State& state, Time now) {
  follow(state);
  std::vector<Change> out;
  while (const auto due = next()) {
    if (*due > now) break;
    if (!repairs_.empty() && (spec_.per_million_node_days == 0 || repairs_.top().at <= at_)) {
      const Repair repair = repairs_.top();
      repairs_.pop();
      take_repair(state, repair, out);
      continue;
    }
    const double lemons = static_cast<double>(lemons_.size()) * spec_.lemon_factor;
    const bool lemon = chance_.part() * (lemons + static_cast<double>(others_.size())) < lemons;
    const std::vector<NodeIndex>& among = lemon ? lemons_ : others_;
    if (!among.empty()) {
      const NodeIndex node = among[chance_.below(among.size())];
      if (chance_.part() < part(spec_.whole_domain, 20'000)) {
        const EstateRack& rack = of_->racks()[of_->nodes()[node].rack];
        for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) fail(state, n, at_, out);
      } else {
        fail(state, node, at_, out);
      }
    }
    plan_next();
  }
  return out;
}

}  // namespace penstock
