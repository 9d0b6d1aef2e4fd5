// Grouping the nodes of a site by the tiers of its fabric.
#include "exchange/fabric.h"

#include "base/name.h"
#include "exchange/hostlist.h"

namespace penstock {
namespace {

constexpr std::size_t kMostLabel = 63;

// FNV-1a of 64 bits, as topograph shortens label values that are too long.
std::string short_name(std::string name) {
  if (name.size() <= kMostLabel) return name;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return fmt::format("x{:016x}", hash);
}

// The part of the site that a grouping puts a node into, its labels joined by '-'.
std::string part_of(const Estate& estate, NodeIndex node, Grouping grouping) {
  const EstateNode& at = estate.nodes()[node];
  const EstateRack& rack = estate.racks()[at.rack];
  switch (grouping) {
    case Grouping::kNode:
      return fmt::format("{}-{}-{}", rack.hall, leaf_of(rack.name), leaf_of(at.name));
    case Grouping::kRack:
      return fmt::format("{}-{}", rack.hall, leaf_of(rack.name));
    case Grouping::kRow:
      return fmt::format("{}-{}", rack.hall, rack.row);
    case Grouping::kHall:
      return rack.hall;
    case Grouping::kSite:
      return estate.sites()[at.site].name;
  }
  return {};
}

Result<std::string> host_of(const Estate& estate, NodeIndex node, std::string_view rule) {
  const EstateNode& at = estate.nodes()[node];
  const EstateRack& rack = estate.racks()[at.rack];
  PENSTOCK_TRY(host, substitute(rule, {{"site", estate.sites()[at.site].name},
                                       {"hall", rack.hall},
                                       {"rack", std::string(leaf_of(rack.name))},
                                       {"node", std::string(leaf_of(at.name))}}));
  if (!is_label(host)) {
    return make_error(Code::kInvalid,
                      fmt::format("the rule '{}' makes '{}' of {}, which is no host name: expected 1-63 of a-z, "
                                  "0-9 and '-' between; give another with --host-name",
                                  rule, host, at.name));
  }
  return host;
}

// Finds or makes the group of a name. Names are unique over all tiers and domains, which their heads tell apart; where
// joining labels by '-' makes one name of two parts of the site, the later one is told from it by a number.
class Groups {
 public:
  explicit Groups(std::set<std::string>& taken) : taken_(taken) {}

  std::uint32_t find(const std::string& head, const std::string& key, const std::string& part,
                     std::vector<FabricGroup>& groups) {
    const auto [known, fresh] = index_.try_emplace(key, static_cast<std::uint32_t>(groups.size()));
    if (fresh) {
      const std::string wanted = short_name(head + "-" + part);
      std::string name = wanted;
      for (int next = 2; !taken_.insert(name).second; ++next) name = short_name(fmt::format("{}-{}", wanted, next));
      groups.push_back({name, {}});
    }
    return known->second;
  }

 private:
  std::set<std::string>& taken_;
  std::map<std::string, std::uint32_t> index_;
};

// What tells the parts of a site apart exactly: labels joined by '/', which no label holds.
std::string key_of(const Estate& estate, NodeIndex node, Grouping grouping) {
  const EstateRack& rack = estate.racks()[estate.nodes()[node].rack];
  switch (grouping) {
    case Grouping::kNode:
      return estate.nodes()[node].name;
    case Grouping::kRack:
      return rack.name;
    case Grouping::kRow:
      return rack.hall + "/" + rack.row;
    case Grouping::kHall:
      return rack.hall;
    case Grouping::kSite:
      return {};
  }
  return {};
}

void add_tiers(const Estate& estate, const EstateSite& site, const FabricSpec& fabric, std::set<std::string>& taken,
               FabricMap& map) {
  for (std::size_t t = 0; t < fabric.tiers.size(); ++t) {
    const FabricTierSpec& tier = fabric.tiers[t];
    Groups groups(taken);
    std::vector<FabricGroup>& made = map.tiers.emplace_back();
    map.planes.push_back(tier.planes);
    std::vector<bool> hung(t == 0 ? 0 : map.tiers[t - 1].size(), false);
    for (std::uint32_t i = 0; i < map.nodes.size(); ++i) {
      const NodeIndex node = site.first_node + i;
      const std::uint32_t group =
          groups.find(tier.name, key_of(estate, node, tier.group), part_of(estate, node, tier.group), made);
      map.nodes[i].groups.push_back(group);
      if (t == 0) {
        made[group].members.push_back(i);
      } else if (const std::uint32_t below = map.nodes[i].groups[t - 1]; !hung[below]) {
        hung[below] = true;
        made[group].members.push_back(below);
      }
    }
  }
}

void add_domains(const Estate& estate, const EstateSite& site, Grouping grouping, std::set<std::string>& taken,
                 FabricMap& map) {
  map.domains_span_nodes = grouping != Grouping::kNode;
  Groups groups(taken);
  for (std::uint32_t i = 0; i < map.nodes.size(); ++i) {
    const NodeIndex node = site.first_node + i;
    if (estate.type_of(node).spec.devices.vendor != Vendor::kNvidia) continue;
    map.nodes[i].domain =
        groups.find("nvl", key_of(estate, node, grouping), part_of(estate, node, grouping), map.domains);
    map.domains[map.nodes[i].domain].members.push_back(i);
  }
}

std::string hosts_of(const FabricMap& map, const FabricGroup& group) {
  std::vector<std::string> hosts;
  for (const std::uint32_t node : group.members) hosts.push_back(map.nodes[node].host);
  return hostlist(hosts);
}

std::string children_of(const FabricMap& map, std::size_t tier, const FabricGroup& group) {
  std::vector<std::string> names;
  for (const std::uint32_t below : group.members) names.push_back(map.tiers[tier - 1][below].name);
  return hostlist(names);
}

bool has_blocks(const FabricMap& map) {
  return map.domains_span_nodes && !map.domains.empty();
}

// Slurm wants every block to hold at least the base size, so that is the smallest one.
std::size_t base_size(const FabricMap& map) {
  std::size_t least = map.domains.front().members.size();
  for (const FabricGroup& domain : map.domains) least = std::min(least, domain.members.size());
  return least;
}

// Slurm knows one switch where there are parallel planes; a reader should know that too.
std::string planes_note(const FabricMap& map) {
  std::string note;
  for (std::size_t t = 0; t < map.tiers.size(); ++t) {
    if (map.planes[t] > 1)
      note += fmt::format("# tier {} has {} parallel planes; each switch below stands for one group of them\n", t,
                          map.planes[t]);
  }
  return note;
}

}  // namespace

Result<FabricMap> map_fabric(const Estate& estate, SiteIndex site_index, const FabricSpec& fabric,
                             std::string_view host_rule) {
  const EstateSite& site = estate.sites()[site_index];
  if (fabric.tiers.empty() && !fabric.nvlink_domain) {
    return make_error(
        Code::kFailedPrecondition,
        fmt::format("the fabric of site '{}' tells neither tiers nor an nvlinkDomain; give one in spec.fabric",
                    site.name));
  }
  FabricMap map;
  std::map<std::string, NodeIndex> node_of_host;
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    PENSTOCK_TRY(host, host_of(estate, node, host_rule));
    const auto [known, fresh] = node_of_host.try_emplace(host, node);
    if (!fresh) {
      return make_error(Code::kInvalid,
                        fmt::format("the rule '{}' makes '{}' of both {} and {}; give another with --host-name",
                                    host_rule, host, estate.nodes()[known->second].name, estate.nodes()[node].name));
    }
    map.nodes.push_back({estate.nodes()[node].name, std::move(host), {}, kNowhere});
  }
  std::set<std::string> taken;
  add_tiers(estate, site, fabric, taken, map);
  if (fabric.nvlink_domain) add_domains(estate, site, *fabric.nvlink_domain, taken, map);
  return map;
}

std::string slurm_topology_yaml(const FabricMap& map) {
  std::string out = planes_note(map);
  bool first = true;
  const auto begin = [&](std::string_view name) {
    out += fmt::format("- topology: {}\n  cluster_default: {}\n", name, std::exchange(first, false));
  };
  if (!map.tiers.empty()) {
    begin("fabric");
    out += "  tree:\n    switches:\n";
    for (std::size_t t = map.tiers.size(); t-- > 0;) {
      for (const FabricGroup& group : map.tiers[t]) {
        out += fmt::format("      - switch: {}\n", group.name);
        out += t == 0 ? fmt::format("        nodes: {}\n", hosts_of(map, group))
                      : fmt::format("        children: {}\n", children_of(map, t, group));
      }
    }
  }
  if (has_blocks(map)) {
    begin("nvlink");
    out += fmt::format("  block:\n    block_sizes:\n      - {}\n    blocks:\n", base_size(map));
    for (const FabricGroup& domain : map.domains) {
      out += fmt::format("      - block: {}\n        nodes: {}\n", domain.name, hosts_of(map, domain));
    }
  }
  return out;
}

Result<std::string> slurm_topology_conf(const FabricMap& map, SlurmPlugin plugin) {
  std::string out;
  if (plugin == SlurmPlugin::kBlock) {
    if (!has_blocks(map)) {
      return make_error(Code::kFailedPrecondition,
                        "no NVLink domain of the site spans several nodes, so it has no blocks; ask for the tree");
    }
    for (const FabricGroup& domain : map.domains)
      out += fmt::format("BlockName={} Nodes={}\n", domain.name, hosts_of(map, domain));
    return out + fmt::format("BlockSizes={}\n", base_size(map));
  }
  if (map.tiers.empty())
    return make_error(Code::kFailedPrecondition,
                      "the fabric of the site tells no tiers, so it has no tree; ask for blocks");
  out = planes_note(map);
  for (std::size_t t = 0; t < map.tiers.size(); ++t) {
    for (const FabricGroup& group : map.tiers[t]) {
      out += t == 0 ? fmt::format("SwitchName={} Nodes={}\n", group.name, hosts_of(map, group))
                    : fmt::format("SwitchName={} Switches={}\n", group.name, children_of(map, t, group));
    }
  }
  return out;
}

std::vector<std::map<std::string, DsxSwitch>> dsx_switches(const FabricMap& map, const std::set<std::string>& wanted, std::string_view prefix) {
  const auto name_of_group = [&](const FabricGroup& group) { return std::string(prefix) + group.name; };
  std::vector<std::vector<DsxSwitch>> tiers;
  for (std::size_t t = 0; t < map.tiers.size(); ++t) {
    std::vector<DsxSwitch>& made = tiers.emplace_back();
    for (const FabricGroup& group : map.tiers[t]) {
      DsxSwitch& entry = made.emplace_back();
      for (const std::uint32_t member : group.members) {
        if (t == 0) {
          const FabricNode& node = map.nodes[member];
          if (!wanted.empty() && !wanted.contains(node.host)) continue;
          const bool domain = map.domains_span_nodes && node.domain != kNowhere;
          entry.nodes.push_back({node.host, domain ? name_of_group(map.domains[node.domain]) : std::string()});
        } else if (const DsxSwitch& below = tiers[t - 1][member]; !below.nodes.empty() || !below.switches.empty()) {
          entry.switches.push_back(name_of_group(map.tiers[t - 1][member]));
        }
      }
    }
  }
  std::vector<std::map<std::string, DsxSwitch>> out;
  for (std::size_t t = tiers.size(); t-- > 0;) {
    for (std::size_t i = 0; i < tiers[t].size(); ++i) {
      DsxSwitch& entry = tiers[t][i];
      if (!entry.nodes.empty() || !entry.switches.empty()) out.push_back({{name_of_group(map.tiers[t][i]), std::move(entry)}});
    }
  }
  return out;
}

std::vector<NodeLabels> node_labels(const FabricMap& map) {
  std::vector<NodeLabels> out;
  for (const FabricNode& node : map.nodes) {
    NodeLabels labels{node.name, node.host, {}};
    for (std::size_t t = 0; t < node.groups.size(); ++t) {
      labels.labels[fmt::format("fabric.topograph.run/tier-{}", t)] = map.tiers[t][node.groups[t]].name;
    }
    if (node.domain != kNowhere) labels.labels["accelerator.topograph.run/domain"] = map.domains[node.domain].name;
    out.push_back(std::move(labels));
  }
  return out;
}

}  // namespace penstock
