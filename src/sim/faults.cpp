// One process for all nodes: the sum of Poisson processes is one, and who it was is drawn.
#include "sim/faults.h"

namespace penstock {
namespace {

constexpr double kDay = 86'400.0;

double part(const std::optional<Ppm>& given, std::int64_t otherwise) {
  return static_cast<double>(given.value_or(Ppm(otherwise)).count()) / 1e6;
}

}  // namespace

Faults::Faults(const FaultSpec& spec, const Estate& estate, Time from, std::uint64_t seed)
    : spec_(spec), chance_(seed, 3), at_(from), down_(estate.nodes().size()) {
  for (NodeIndex node = 0; node < estate.nodes().size(); ++node) {
    if (estate.site_of(node).runtime == RuntimeKind::kSimulated) nodes_.push_back(node);
  }
  for (std::size_t i = nodes_.size(); i > 1; --i) std::swap(nodes_[i - 1], nodes_[chance_.below(i)]);
  lemons_ = static_cast<std::size_t>(static_cast<double>(nodes_.size()) * part(spec.lemons, 15'000));
  plan_next();
}

void Faults::plan_next() {
  const double weight = static_cast<double>(nodes_.size()) + static_cast<double>(lemons_) * (spec_.lemon_factor - 1);
  const double per_day = weight * static_cast<double>(spec_.per_million_node_days) / 1e6;
  at_ = per_day > 0 ? at_ + chance_.wait(kDay / per_day) : Time{std::numeric_limits<std::int64_t>::max()};
}

std::optional<Time> Faults::next() const {
  if (nodes_.empty() || spec_.per_million_node_days == 0) return std::nullopt;
  return repairs_.empty() ? at_ : std::min(at_, repairs_.top().first);
}

void Faults::lose(NodeIndex node, std::vector<Change>& out) {
  if (down_[node] != 0) return;
  down_[node] = 1;
  out.push_back({node, true});
  const bool quick = chance_.part() < part(spec_.quick, 700'000);
  const Duration mean = quick ? spec_.quick_repair : spec_.repair;
  repairs_.push({at_ + chance_.wait(static_cast<double>(mean.count()) / 1e9), node});
}

std::vector<Faults::Change> Faults::take(const Estate& estate, Time now) {
  std::vector<Change> out;
  while (const auto due = next()) {
    if (*due > now) break;
    if (!repairs_.empty() && repairs_.top().first <= at_) {
      out.push_back({repairs_.top().second, false});
      down_[repairs_.top().second] = 0;
      repairs_.pop();
      continue;
    }
    const double lemons = static_cast<double>(lemons_) * spec_.lemon_factor;
    const double others = static_cast<double>(nodes_.size() - lemons_);
    const bool lemon = chance_.part() * (lemons + others) < lemons;
    const NodeIndex node = lemon ? nodes_[chance_.below(lemons_)] : nodes_[lemons_ + chance_.below(nodes_.size() - lemons_)];
    if (chance_.part() < part(spec_.whole_domain, 20'000)) {
      const EstateRack& rack = estate.racks()[estate.nodes()[node].rack];
      for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) lose(n, out);
    } else {
      lose(node, out);
    }
    plan_next();
  }
  return out;
}

}  // namespace penstock
