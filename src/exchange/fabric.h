// The fabric of one site as other schedulers want it: Slurm's topology files and the labels of topograph.
#pragma once

#include "estate/estate.h"

namespace penstock {

/// What one switch group, or one NVLink domain, serves.
struct FabricGroup {
  std::string name;                    ///< a label of at most 63 characters, unique among all groups
  std::vector<std::uint32_t> members;  ///< nodes (as indexes into FabricMap::nodes), or groups of the tier below
};

/// One node as it is known outside.
struct FabricNode {
  std::string name;                   ///< site/hall/rack/node
  std::string host;                   ///< its host name
  std::vector<std::uint32_t> groups;  ///< its group in each tier, the nearest first
  std::uint32_t domain = kNowhere;    ///< its NVLink domain; kNowhere: none
};

struct FabricMap {
  std::vector<FabricNode> nodes;
  std::vector<std::vector<FabricGroup>> tiers;  ///< the nearest first
  std::vector<std::int32_t> planes;             ///< of each tier; 0: not told
  std::vector<FabricGroup> domains;
  bool domains_span_nodes = false;  ///< false: an NVLink domain is one node, which no scheduler needs to be told
};

/// By which rule the host name of a node is made of {site} {hall} {rack} {node}.
inline constexpr std::string_view kHostRule = "{site}-{hall}-{rack}-{node}";

/// Groups the nodes of a site by its fabric. A group is named after its tier and the part of the site that it serves
/// (`leaf-h1-r1k01`, `spine-loughton`), a domain `nvl-…`; a name longer than 63 characters becomes `x` and the FNV-1a
/// hash of it. Refuses a rule for host names that gives no labels or the same one twice, and a fabric that says
/// nothing.
Result<FabricMap> map_fabric(const Estate& estate, SiteIndex site, const FabricSpec& fabric,
                             std::string_view host_rule = kHostRule);

/// `topology.yaml`: the switches as a tree named `fabric`, NVLink domains as blocks named `nvlink`; what there is first
/// is the cluster's default.
std::string slurm_topology_yaml(const FabricMap& map);

enum class SlurmPlugin { kTree, kBlock };
constexpr auto enum_names(SlurmPlugin) {
  return std::array{EnumName<SlurmPlugin>{SlurmPlugin::kTree, "tree"},
                    EnumName<SlurmPlugin>{SlurmPlugin::kBlock, "block"}};
}
/// `topology.conf`, which holds either of the two. Refuses the one that the fabric does not tell.
Result<std::string> slurm_topology_conf(const FabricMap& map, SlurmPlugin plugin);

struct NodeLabels {
  std::string node;
  std::string host;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("NodeLabels", "Where a node is in the fabric.",
                  field("node", &NodeLabels::node, required, "site/hall/rack/node"),
                  field("host", &NodeLabels::host, required, "its host name"),
                  field("labels", &NodeLabels::labels, required, "for the node object of a cluster"));
  }
  bool operator==(const NodeLabels&) const = default;
};

/// `fabric.topograph.run/tier-N`, N from 0 nearest to the node, and `accelerator.topograph.run/domain`.
std::vector<NodeLabels> node_labels(const FabricMap& map);

/// One compute node at a leaf switch, and one switch, as DSX's topology API tells them; topograph's provider `dsx` reads it.
struct DsxNode {
  std::string node_id;
  std::string accelerated_network_id;

  static constexpr auto schema() {
    return object("DsxNode", "A compute node at a leaf switch.", field("node_id", &DsxNode::node_id, required, "its host name"),
                  field("accelerated_network_id", &DsxNode::accelerated_network_id, optional, "its NVLink domain, if that spans nodes"));
  }
};
struct DsxSwitch {
  std::vector<std::string> switches;
  std::vector<DsxNode> nodes;

  static constexpr auto schema() {
    return object("DsxSwitch", "A switch and what it serves.", field("switches", &DsxSwitch::switches, required, "switches of the tier below"),
                  field("nodes", &DsxSwitch::nodes, required, "compute nodes; of the lowest tier"));
  }
};
struct DsxTopology {
  std::vector<std::map<std::string, DsxSwitch>> switches;
  std::string next_page_token;

  static constexpr auto schema() {
    return object("DsxTopology", "Switches from the core to the leaves, each an object with its name as the only key.",
                  field("switches", &DsxTopology::switches, required, "the switches"),
                  field("next_page_token", &DsxTopology::next_page_token, required, "of the next page; empty at the end"));
  }
};
/// All switches that serve a node of `wanted` (empty: any). Names get `prefix` in front.
std::vector<std::map<std::string, DsxSwitch>> dsx_switches(const FabricMap& map, const std::set<std::string>& wanted = {}, std::string_view prefix = {});

}  // namespace penstock
