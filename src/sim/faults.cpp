// One process for all nodes: the sum of Poisson processes is one, and who it was is drawn.
#include "sim/faults.h"

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
    const bool lemon = XXH3_64bits_withSeed(name.data(), name.size(), seed_) % 1'000'000'000 < lemon_below;
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
  return repairs_.empty() ? at_ : std::min(at_, repairs_.top().first);
}

void Faults::lose(const State& state, NodeIndex node, std::vector<Change>& out) {
  const std::string& name = of_->nodes()[node].name;
  if (!state.usable(node, at_) || !down_.insert(name).second) return;
  out.push_back({name, true});
  const bool quick = chance_.part() < part(spec_.quick, 700'000);
  const Duration mean = quick ? spec_.quick_repair : spec_.repair;
  repairs_.push({at_ + chance_.wait(static_cast<double>(mean.count()) / 1e9), name});
}

std::vector<Faults::Change> Faults::take(const State& state, Time now) {
  follow(state);
  std::vector<Change> out;
  while (const auto due = next()) {
    if (*due > now) break;
    if (!repairs_.empty() && repairs_.top().first <= at_) {
      const std::string name = repairs_.top().second;
      repairs_.pop();
      down_.erase(name);
      const NodeIndex node = of_->find_node(name);
      if (node != kNowhere && of_->site_of(node).runtime == RuntimeKind::kSimulated) out.push_back({name, false});
      continue;
    }
    const double lemons = static_cast<double>(lemons_.size()) * spec_.lemon_factor;
    const bool lemon = chance_.part() * (lemons + static_cast<double>(others_.size())) < lemons;
    const std::vector<NodeIndex>& among = lemon ? lemons_ : others_;
    if (!among.empty()) {
      const NodeIndex node = among[chance_.below(among.size())];
      if (chance_.part() < part(spec_.whole_domain, 20'000)) {
        const EstateRack& rack = of_->racks()[of_->nodes()[node].rack];
        for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) lose(state, n, out);
      } else {
        lose(state, node, out);
      }
    }
    plan_next();
  }
  return out;
}

}  // namespace penstock
