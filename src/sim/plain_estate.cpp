// Documents for a plain site.
#include "sim/plain_estate.h"

#include <algorithm>
#include <set>

#include "base/name.h"
#include "engine/state.h"

namespace penstock {
namespace {

constexpr std::size_t kNodesOfRack = 16;
constexpr std::size_t kRacksOfRow = 20;

Document document(Kind kind, std::string name, AnySpec spec) {
  Document out;
  out.kind = kind;
  out.metadata.name = std::move(name);
  out.spec = std::move(spec);
  return out;
}

// Nodes that are alike, of one type.
struct Sort {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  std::int32_t gpus = 0;
  std::string model;
  auto operator<=>(const Sort&) const = default;
};

NodeTypeSpec type_of(const Sort& sort) {
  NodeTypeSpec type;
  type.devices.model = sort.model;
  type.devices.count = sort.gpus;
  type.cpu = MilliCpu(sort.cpu);
  type.memory = Bytes(sort.memory);
  type.power.idle = Watts(200 + 60 * sort.gpus);  // nobody's figures: what they draw is not looked at
  type.power.max = Watts(500 + 500 * sort.gpus);
  return type;
}

}  // namespace

Result<std::vector<Document>> plain_estate(const PlainEstateSpec& spec, const std::vector<TraceNode>& nodes) {
  std::map<Sort, std::size_t> sorts;
  if (spec.node_list.empty()) {
    sorts[{std::int64_t{16'000} * spec.gpus_per_node, std::int64_t{spec.gpus_per_node} << 37, spec.gpus_per_node, spec.model}] =
        static_cast<std::size_t>(spec.nodes);
  }
  for (const TraceNode& node : nodes) {
    if (node.gpus == 0) continue;
    ++sorts[{node.cpu.count(), node.memory.count(), node.gpus, node.model.empty() ? "gpu" : model_name(node.model)}];
  }
  if (sorts.empty()) return make_error(Code::kInvalid, "the trace lists no node with a GPU", "spec.plainEstate.nodeList");
  std::vector<Document> out;
  SiteSpec site;
  site.country = "NO";
  site.runtime = RuntimeKind::kSimulated;
  HallSpec& hall = site.halls.emplace_back();
  hall.name = "h1";
  std::size_t racks = 0;
  std::size_t number = 0;
  for (const auto& [sort, count] : sorts) {
    const std::string type = fmt::format("t{}", ++number);
    out.push_back(document(Kind::kNodeType, type, type_of(sort)));
    for (std::size_t left = count; left > 0;) {
      const std::size_t here = std::min(left, kNodesOfRack);
      if (racks++ % kRacksOfRow == 0) {
        RowSpec& row = hall.rows.emplace_back();
        row.name = fmt::format("r{}", hall.rows.size());
      }
      RackSpec rack;
      rack.name = fmt::format("k{}", racks);
      rack.nodes.push_back({fmt::format("n[1-{}]", here), type});
      hall.rows.back().racks.push_back(std::move(rack));
      left -= here;
    }
  }
  out.push_back(document(Kind::kSite, "sim", std::move(site)));
  return out;
}

std::vector<Document> those_missing(const Load& load, const std::vector<Document>& documents) {
  std::set<std::pair<Kind, std::string>> there;
  for (const Document& given : documents) there.insert({given.kind, given.metadata.name});
  std::vector<Document> out;
  const auto add = [&](Kind kind, const std::string& name, AnySpec spec) {
    if (there.insert({kind, name}).second) out.push_back(document(kind, name, std::move(spec)));
  };
  for (const std::string& name : load.contracts()) {
    ContractSpec contract;
    contract.service_class = name == load.spot_contract() ? ServiceClass::kSpot : ServiceClass::kOnDemand;
    contract.price_per_gpu_hour = *Text<Money>::parse("2 USD");
    contract.cpu_jobs = true;
    add(Kind::kTenant, std::string(tenant_of(name)), TenantSpec{});
    add(Kind::kContract, name, std::move(contract));
  }
  for (const std::string& name : load.projects()) {
    add(Kind::kTenant, std::string(tenant_of(name)), TenantSpec{});
    add(Kind::kProject, name, ProjectSpec{});
  }
  return out;
}

}  // namespace penstock
