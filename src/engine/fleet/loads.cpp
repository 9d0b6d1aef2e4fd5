// Bookkeeping of free devices, cores, memory and ports.
#include "engine/fleet/loads.h"

namespace penstock {

NodeLoads::NodeLoads(const Estate& estate) {
  std::map<std::pair<SiteIndex, TypeIndex>, PoolIndex> known;
  nodes_.resize(estate.nodes().size());
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    const EstateNode& node = estate.nodes()[i];
    const NodeTypeSpec& type = estate.types()[node.type].spec;
    const auto [at, fresh] = known.try_emplace({node.site, node.type}, static_cast<PoolIndex>(pools_.size()));
    if (fresh) {
      Pool pool;
      pool.site = node.site;
      pool.type = node.type;
      pool.by_free.resize(type.devices.count + 1);
      pools_.push_back(std::move(pool));
    }
    Pool& pool = pools_[at->second];
    ++pool.nodes;
    pool.devices += type.devices.count;
    Load& load = nodes_[i];
    load.pool = at->second;
    load.whole_free = type.devices.count;
    load.free_cpu = type.cpu;
    load.free_memory = type.memory;
    load.used.assign(type.devices.count, 0);
  }
}

void NodeLoads::set_ready(NodeIndex node, bool ready) {
  Load& load = nodes_[node];
  if (load.ready == ready) return;
  if (!ready) index(node, false);
  load.ready = ready;
  if (ready) index(node, true);
  pools_[load.pool].ready += ready ? 1 : -1;
}

// Enters a ready node into its pool, or takes it out.
void NodeLoads::index(NodeIndex node, bool in) {
  const Load& load = nodes_[node];
  if (!load.ready) return;
  Pool& pool = pools_[load.pool];
  if (in) {
    pool.by_free[load.whole_free].insert(node);
    if (load.shared > 0) pool.shared.insert(node);
  } else {
    pool.by_free[load.whole_free].erase(node);
    if (load.shared > 0) pool.shared.erase(node);
  }
  pool.free_devices += in ? load.whole_free : -load.whole_free;
}

// Adds what `task` holds to the devices of the node (sign 1), or takes it away (sign -1).
void NodeLoads::use(NodeIndex node, const TaskPlacement& task, std::int32_t sign) {
  Load& load = nodes_[node];
  const auto each = static_cast<std::int32_t>(task.devices.size() > 1 ? 1000 : task.gpus.count());
  index(node, false);
  for (std::int32_t device : task.devices) {
    PENSTOCK_CHECK(device >= 0 && device < static_cast<std::int32_t>(load.used.size()));
    std::int32_t& used = load.used[device];
    if (used == 0) --load.whole_free;
    if (used > 0 && used < 1000) --load.shared;
    used += sign * each;
    PENSTOCK_CHECK(used >= 0 && used <= 1000);
    if (used == 0) ++load.whole_free;
    if (used > 0 && used < 1000) ++load.shared;
  }
  index(node, true);
  load.free_cpu -= sign * task.cpu;
  load.free_memory -= sign * task.memory;
  load.demand += sign * task.demand;
}

void NodeLoads::reserve(NodeIndex node, const TaskPlacement& task, HeldTask holder) {
  use(node, task, 1);
  PENSTOCK_CHECK(nodes_[node].ports.insert(task.port).second);
  PENSTOCK_CHECK(nodes_[node].tasks.insert(holder).second);
}

void NodeLoads::release(NodeIndex node, const TaskPlacement& task, HeldTask holder) {
  use(node, task, -1);
  PENSTOCK_CHECK(nodes_[node].ports.erase(task.port) == 1);
  PENSTOCK_CHECK(nodes_[node].tasks.erase(holder) == 1);
}

std::int32_t NodeLoads::free_port(NodeIndex node) const {
  std::int32_t port = kFirstPort;
  for (std::int32_t taken : nodes_[node].ports) {
    if (taken != port) break;
    ++port;
  }
  return port < kFirstPort + kPorts ? port : 0;
}

}  // namespace penstock
