// What other schedulers are told of a site's fabric, to the letter.
#include "exchange/fabric.h"

#include <gtest/gtest.h>

#include "exchange/hostlist.h"

namespace penstock {
namespace {

constexpr std::string_view kTypes = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: nvl}
spec: {devices: {model: gb200, count: 4}, cpu: 144, memory: 1TiB, power: {idle: 2kW, max: 7kW}}
---
apiVersion: penstock/v1
kind: NodeType
metadata: {name: login}
spec: {devices: {vendor: cpu, model: cpu-slot, count: 8}, cpu: 64, memory: 256GiB, power: {idle: 100W, max: 500W}}
---
)";

constexpr std::string_view kSite = R"(
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  fabric:
    nvlinkDomain: rack
    tiers: [{name: leaf, group: rack, planes: 4}, {name: pod, group: row}, {name: spine, group: site}]
  halls:
  - name: h1
    rows:
    - {name: "r[1-2]", racks: [{name: "{row}k[09-10]", nodes: [{name: "n[8-11]", type: nvl}]}]}
    - {name: r3, racks: [{name: front, nodes: [{name: login, type: login}, {name: "gw[1,3]", type: login}]}]}
  exceptions:
  - {rack: h1/r2k10, nodes: [{name: "n[8-10]", type: nvl}]}
)";

std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

Result<FabricMap> map_of(const std::string& site, std::string_view rule = kHostRule) {
  PENSTOCK_TRY(documents, read_documents({{"f.yaml", std::string(kTypes) + site}}));
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  for (Document& document : documents) {
    if (document.kind == Kind::kSite) sites[document.metadata.name] = std::get<SiteSpec>(document.spec);
    if (document.kind == Kind::kNodeType) types[document.metadata.name] = std::get<NodeTypeSpec>(document.spec);
  }
  PENSTOCK_TRY(estate, Estate::compile(types, sites));
  return map_fabric(estate, 0, *sites.begin()->second.fabric, rule);
}

TEST(Hostlist, FoldsTheLastNumber) {
  EXPECT_EQ(hostlist({"n08", "n09", "n10", "n12"}), "n[08-10,12]");
  EXPECT_EQ(hostlist({"n8", "n9", "n10", "n11"}), "n[8-11]");
  EXPECT_EQ(hostlist({"n98", "n99", "n100"}), "n[98-100]");
  EXPECT_EQ(hostlist({"n099", "n100", "n1"}), "n[099-100,1]");
  EXPECT_EQ(hostlist({"n1", "n01", "n2"}), "n[1,01,2]");
  EXPECT_EQ(hostlist({"a1", "b2", "a2"}), "a1,b2,a2");
  EXPECT_EQ(hostlist({"login", "7", "8"}), "login,[7-8]");
  EXPECT_EQ(hostlist({"n1", "n1"}), "n[1,1]");
  EXPECT_EQ(hostlist({"x12345678901234567890"}), "x12345678901234567890");
  EXPECT_EQ(hostlist({}), "");
}

TEST(Fabric, AsTopologyYaml) {
  const auto map = map_of(std::string(kSite));
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  EXPECT_EQ(slurm_topology_yaml(*map), R"(# tier 0 has 4 parallel planes; each switch below stands for one group of them
- topology: fabric
  cluster_default: true
  tree:
    switches:
      - switch: spine-north
        children: pod-h1-r[1-3]
      - switch: pod-h1-r1
        children: leaf-h1-r1k[09-10]
      - switch: pod-h1-r2
        children: leaf-h1-r2k[09-10]
      - switch: pod-h1-r3
        children: leaf-h1-front
      - switch: leaf-h1-r1k09
        nodes: north-h1-r1k09-n[8-11]
      - switch: leaf-h1-r1k10
        nodes: north-h1-r1k10-n[8-11]
      - switch: leaf-h1-r2k09
        nodes: north-h1-r2k09-n[8-11]
      - switch: leaf-h1-r2k10
        nodes: north-h1-r2k10-n[8-10]
      - switch: leaf-h1-front
        nodes: north-h1-front-login,north-h1-front-gw[1,3]
- topology: nvlink
  cluster_default: false
  block:
    block_sizes:
      - 3
    blocks:
      - block: nvl-h1-r1k09
        nodes: north-h1-r1k09-n[8-11]
      - block: nvl-h1-r1k10
        nodes: north-h1-r1k10-n[8-11]
      - block: nvl-h1-r2k09
        nodes: north-h1-r2k09-n[8-11]
      - block: nvl-h1-r2k10
        nodes: north-h1-r2k10-n[8-10]
)");
}

TEST(Fabric, AsTopologyConf) {
  const auto map = map_of(with(kSite, ", planes: 4", ""), "{rack}-{node}");
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  EXPECT_EQ(*slurm_topology_conf(*map, SlurmPlugin::kTree), R"(SwitchName=leaf-h1-r1k09 Nodes=r1k09-n[8-11]
SwitchName=leaf-h1-r1k10 Nodes=r1k10-n[8-11]
SwitchName=leaf-h1-r2k09 Nodes=r2k09-n[8-11]
SwitchName=leaf-h1-r2k10 Nodes=r2k10-n[8-10]
SwitchName=leaf-h1-front Nodes=front-login,front-gw[1,3]
SwitchName=pod-h1-r1 Switches=leaf-h1-r1k[09-10]
SwitchName=pod-h1-r2 Switches=leaf-h1-r2k[09-10]
SwitchName=pod-h1-r3 Switches=leaf-h1-front
SwitchName=spine-north Switches=pod-h1-r[1-3]
)");
  EXPECT_EQ(*slurm_topology_conf(*map, SlurmPlugin::kBlock), R"(BlockName=nvl-h1-r1k09 Nodes=r1k09-n[8-11]
BlockName=nvl-h1-r1k10 Nodes=r1k10-n[8-11]
BlockName=nvl-h1-r2k09 Nodes=r2k09-n[8-11]
BlockName=nvl-h1-r2k10 Nodes=r2k10-n[8-10]
BlockSizes=3
)");
}

TEST(Fabric, AsLabels) {
  const auto map = map_of(std::string(kSite));
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  const std::vector<NodeLabels> labels = node_labels(*map);
  ASSERT_EQ(labels.size(), 18u);
  EXPECT_EQ(
      to_json(labels.front()),
      R"({"node":"north/h1/r1k09/n8","host":"north-h1-r1k09-n8","labels":{"accelerator.topograph.run/domain":"nvl-h1-r1k09",)"
      R"("fabric.topograph.run/tier-0":"leaf-h1-r1k09","fabric.topograph.run/tier-1":"pod-h1-r1",)"
      R"("fabric.topograph.run/tier-2":"spine-north"}})");
  EXPECT_EQ(
      to_json(labels.back()),
      R"({"node":"north/h1/front/gw3","host":"north-h1-front-gw3","labels":{"fabric.topograph.run/tier-0":"leaf-h1-front",)"
      R"("fabric.topograph.run/tier-1":"pod-h1-r3","fabric.topograph.run/tier-2":"spine-north"}})");
}

TEST(Fabric, DomainsOfOneNodeAreNoBlocks) {
  const auto map = map_of(with(with(kSite, "nvlinkDomain: rack", "nvlinkDomain: node"), ", planes: 4", ""));
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  EXPECT_EQ(slurm_topology_yaml(*map).find("block"), std::string::npos);
  const auto blocks = slurm_topology_conf(*map, SlurmPlugin::kBlock);
  ASSERT_FALSE(blocks.ok());
  EXPECT_EQ(blocks.error().message,
            "no NVLink domain of the site spans several nodes, so it has no blocks; ask for the tree");
  EXPECT_EQ(node_labels(*map).front().labels.at("accelerator.topograph.run/domain"), "nvl-h1-r1k09-n8");
}

TEST(Fabric, OnlyDomainsMakeTheDefault) {
  const auto map = map_of(with(kSite, R"(
    tiers: [{name: leaf, group: rack, planes: 4}, {name: pod, group: row}, {name: spine, group: site}])",
                               ""));
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  EXPECT_TRUE(slurm_topology_yaml(*map).starts_with("- topology: nvlink\n  cluster_default: true\n  block:\n"));
  EXPECT_FALSE(slurm_topology_conf(*map, SlurmPlugin::kTree).ok());
}

TEST(Fabric, HostNamesAreLabelsAndUnique) {
  const auto twice = map_of(std::string(kSite), "{node}");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(
      twice.error().message,
      "the rule '{node}' makes 'n8' of both north/h1/r1k09/n8 and north/h1/r1k10/n8; give another with --host-name");
  const auto bad = map_of(std::string(kSite), "{rack}_{node}");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().message,
            "the rule '{rack}_{node}' makes 'r1k09_n8' of north/h1/r1k09/n8, which is no host name: expected 1-63 of "
            "a-z, 0-9 and "
            "'-' between; give another with --host-name");
  EXPECT_FALSE(map_of(std::string(kSite), "{tier}").ok());
}

TEST(Fabric, LongNamesAreHashed) {
  const std::string hall(60, 'h');
  const auto map = map_of(with(kSite, "- name: h1", "- name: " + hall)
                              .replace(with(kSite, "- name: h1", "- name: " + hall).find("h1/r2k10"), 2, hall),
                          "{rack}-{node}");
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  const std::string name = node_labels(*map).front().labels.at("fabric.topograph.run/tier-0");
  EXPECT_EQ(name.size(), 17u);
  EXPECT_EQ(name[0], 'x');
  EXPECT_NE(slurm_topology_yaml(*map).find("- switch: " + name + "\n"), std::string::npos);
}

TEST(Fabric, PartsThatJoinToOneNameStayApart) {
  const std::string site = R"(
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  fabric: {tiers: [{name: leaf, group: rack}]}
  halls:
  - {name: a, rows: [{name: r, racks: [{name: b-c, nodes: [{name: n1, type: nvl}]}]}]}
  - {name: a-b, rows: [{name: r, racks: [{name: c, nodes: [{name: n2, type: nvl}]}]}]}
)";
  const auto map = map_of(site);
  ASSERT_TRUE(map.ok()) << to_string(map.error());
  EXPECT_EQ(*slurm_topology_conf(*map, SlurmPlugin::kTree),
            "SwitchName=leaf-a-b-c Nodes=north-a-b-c-n1\nSwitchName=leaf-a-b-c-2 Nodes=north-a-b-c-n2\n");
}

}  // namespace
}  // namespace penstock
