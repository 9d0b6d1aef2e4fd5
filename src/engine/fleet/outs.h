// How many nodes are out of work for a fault or for maintenance, by rack, row, site and together: what the breaker watches.
#pragma once

#include <array>
#include <vector>

#include "estate/estate.h"

namespace penstock {

enum class OutScope { kRack, kRow, kSite, kFleet };
constexpr auto enum_names(OutScope) {
  using S = OutScope;
  return std::array{EnumName<S>{S::kRack, "rack"}, EnumName<S>{S::kRow, "row"}, EnumName<S>{S::kSite, "site"}, EnumName<S>{S::kFleet, "fleet"}};
}
inline constexpr std::array kOutScopes{OutScope::kRack, OutScope::kRow, OutScope::kSite, OutScope::kFleet};

class Outs {
 public:
  Outs() = default;
  explicit Outs(const Estate& estate);

  void set(const Estate& estate, NodeIndex node, bool out);
  bool out(NodeIndex node) const { return out_[node] != 0; }
  /// In the part of the estate around a node.
  std::int64_t out_around(const Estate& estate, NodeIndex node, OutScope scope) const { return out_by_[index(scope)][place(estate, node, scope)]; }
  std::int64_t nodes_around(const Estate& estate, NodeIndex node, OutScope scope) const { return all_by_[index(scope)][place(estate, node, scope)]; }
  std::int64_t out_everywhere() const { return out_by_[index(OutScope::kFleet)].empty() ? 0 : out_by_[index(OutScope::kFleet)].front(); }
  std::int64_t out_at(SiteIndex site) const { return out_by_[index(OutScope::kSite)][site]; }

 private:
  static std::size_t index(OutScope scope) { return static_cast<std::size_t>(scope); }
  static std::size_t place(const Estate& estate, NodeIndex node, OutScope scope);

  std::vector<char> out_;  // by node
  std::array<std::vector<std::int64_t>, 4> out_by_;
  std::array<std::vector<std::int64_t>, 4> all_by_;
};

}  // namespace penstock
