// Four counters a node.
#include "engine/fleet/outs.h"

namespace penstock {

Outs::Outs(const Estate& estate) : out_(estate.nodes().size()) {
  const std::array sizes{estate.racks().size(), estate.rows().size(), estate.sites().size(), std::size_t{1}};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    out_by_[i].resize(sizes[i]);
    all_by_[i].resize(sizes[i]);
  }
  for (NodeIndex node = 0; node < estate.nodes().size(); ++node) {
    for (const OutScope scope : kOutScopes) ++all_by_[index(scope)][place(estate, node, scope)];
  }
}

std::size_t Outs::place(const Estate& estate, NodeIndex node, OutScope scope) {
  switch (scope) {
    case OutScope::kRack: return estate.nodes()[node].rack;
    case OutScope::kRow: return estate.racks()[estate.nodes()[node].rack].in_row;
    case OutScope::kSite: return estate.nodes()[node].site;
    case OutScope::kFleet: break;
  }
  return 0;
}

void Outs::set(const Estate& estate, NodeIndex node, bool out) {
  if (this->out(node) == out) return;
  out_[node] = out ? 1 : 0;
  for (const OutScope scope : kOutScopes) out_by_[index(scope)][place(estate, node, scope)] += out ? 1 : -1;
}

}  // namespace penstock
