// Bookkeeping of free devices, cores, memory, disk and ports.
#include "engine/fleet/loads.h"

#include <algorithm>
#include <bit>

namespace penstock {

SiteLoads::SiteLoads(const Estate& estate, SiteIndex site) : site_(site), first_node_(estate.sites()[site].first_node) {
  const EstateSite& here = estate.sites()[site];
  nodes_.resize(here.nodes);
  rack_of_.resize(here.nodes);
  std::map<std::pair<TypeIndex, const std::map<std::string, std::string>*>, std::uint32_t> quick;
  std::map<std::pair<TypeIndex, std::map<std::string, std::string>>, std::uint32_t> known;
  std::uint32_t devices = 0;
  for (RackIndex r = here.first_rack; r < here.first_rack + here.racks; ++r) {
    const EstateRack& rack = estate.racks()[r];
    for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) {
      const TypeIndex type_index = estate.nodes()[n].type;
      const NodeTypeSpec& type = estate.types()[type_index].spec;
      auto [at, fresh] = quick.try_emplace({type_index, &rack.labels}, 0);
      if (fresh) {
        const auto [of_labels, first] = known.try_emplace({type_index, rack.labels}, static_cast<std::uint32_t>(pools_.size()));
        if (first) {
          pools_.push_back({site, type_index, r, 0, 0, 0, 0});
          strides_.push_back(type.devices.count + 1 + kShareCounts);
        }
        at->second = of_labels->second;
      }
      Pool& pool = pools_[at->second];
      ++pool.nodes;
      pool.devices += type.devices.count;
      Load& load = this->at(n);
      load.pool = at->second;
      load.first_device = devices;
      load.devices = static_cast<std::int16_t>(type.devices.count);
      load.whole_free = load.devices;
      load.free = type.devices.count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << type.devices.count) - 1;
      load.free_cpu = type.cpu;
      load.free_memory = type.memory;
      load.free_disk = type.disk.value_or(Bytes());
      rack_of_[n - first_node_] = r - here.first_rack;
      devices += static_cast<std::uint32_t>(type.devices.count);
    }
  }
  shares_.resize(devices);

  const DomainIndex first_hall = 1;
  const DomainIndex first_row = first_hall + here.halls;
  first_rack_ = first_row + here.rows;
  domains_.resize(first_rack_ + here.racks);
  domains_[0] = {Grouping::kSite, kNowhere, first_hall, here.halls, here.first_node, here.nodes, 0, 0};
  for (std::uint32_t h = 0; h < here.halls; ++h) {
    const EstateHall& hall = estate.halls()[here.first_hall + h];
    domains_[first_hall + h] = {Grouping::kHall, 0, first_row + hall.first_row - here.first_row, hall.rows, 0, 0, 0, 0};
  }
  for (std::uint32_t r = 0; r < here.rows; ++r) {
    const EstateRow& row = estate.rows()[here.first_row + r];
    domains_[first_row + r] = {Grouping::kRow, first_hall + row.hall - here.first_hall,
                               first_rack_ + row.first_rack - here.first_rack, row.racks, 0, 0, 0, 0};
  }
  for (std::uint32_t k = 0; k < here.racks; ++k) {
    const EstateRack& rack = estate.racks()[here.first_rack + k];
    domains_[first_rack_ + k] = {Grouping::kRack, first_row + rack.in_row - here.first_row, 0, 0, rack.first_node, rack.nodes, 0, 0};
  }
  // What a domain spans is what its children span, which stand side by side; children come after their parents.
  for (DomainIndex d = first_rack_; d-- > 1;) {
    Domain& domain = domains_[d];
    domain.first_node = domain.children > 0 ? domains_[domain.first_child].first_node : here.first_node;
    for (DomainIndex c = domain.first_child; c < domain.first_child + domain.children; ++c) domain.nodes += domains_[c].nodes;
  }
  for (DomainIndex d = 0; d < domains_.size(); ++d) {
    std::uint32_t& largest = largest_[static_cast<std::size_t>(domains_[d].level)];
    largest = std::max(largest, domains_[d].nodes);
    add_slots(d);
  }
  for (Load& load : nodes_) {
    const Domain& rack = domains_[first_rack_ + rack_of_[static_cast<std::size_t>(&load - nodes_.data())]];
    load.slot = rack.first_slot;
    while (slots_[load.slot].pool != load.pool) ++load.slot;
  }
  vain_.resize(domains_.size());
}

void SiteLoads::add_slots(DomainIndex d) {
  Domain& domain = domains_[d];
  domain.first_slot = static_cast<std::uint32_t>(slots_.size());
  std::vector<char> seen(pools_.size());
  for (NodeIndex n = domain.first_node; n < domain.first_node + domain.nodes; ++n) seen[at(n).pool] = 1;
  for (std::uint32_t p = 0; p < pools_.size(); ++p) {
    if (seen[p] == 0) continue;
    Slot slot{p, ~0U, static_cast<std::uint32_t>(counts_.size())};
    if (domain.parent != kNowhere) {
      slot.above = domains_[domain.parent].first_slot;
      while (slots_[slot.above].pool != p) ++slot.above;
    }
    slots_.push_back(slot);
    counts_.resize(counts_.size() + static_cast<std::size_t>(strides_[p]));
    ++domain.slots;
  }
}

std::pair<DomainIndex, DomainIndex> SiteLoads::level(Grouping level) const {
  switch (level) {
    case Grouping::kSite: return {0, 1};
    case Grouping::kHall: return {1, 1 + domains_[0].children};
    case Grouping::kRow: return {1 + domains_[0].children, first_rack_};
    case Grouping::kRack: return {first_rack_, static_cast<DomainIndex>(domains_.size())};
    case Grouping::kNode: break;
  }
  PENSTOCK_CHECK(false);
}

std::uint32_t SiteLoads::count(DomainIndex domain, const PoolMask& pools, std::int32_t free) const {
  const Domain& of = domains_[domain];
  std::uint32_t sum = 0;
  for (std::uint32_t s = of.first_slot; s < of.first_slot + of.slots; ++s) {
    const Slot& slot = slots_[s];
    if (pools[slot.pool] != 0 && free <= most_devices(slot.pool)) sum += counts_[slot.counts + static_cast<std::uint32_t>(free)];
  }
  return sum;
}

std::uint32_t SiteLoads::counted(DomainIndex domain, const PoolMask& pools) const {
  std::int32_t most = 0;
  for (std::uint32_t p = 0; p < pools.size(); ++p) {
    if (pools[p] != 0) most = std::max(most, most_devices(p));
  }
  std::uint32_t sum = 0;
  for (std::int32_t free = 0; free <= most; ++free) sum += count(domain, pools, free);
  return sum;
}

std::int64_t SiteLoads::capacity(DomainIndex domain, const PoolMask& pools, std::int32_t devices) const {
  const Domain& of = domains_[domain];
  std::int64_t sum = 0;
  for (std::uint32_t s = of.first_slot; s < of.first_slot + of.slots; ++s) {
    const Slot& slot = slots_[s];
    if (pools[slot.pool] == 0) continue;
    const std::int32_t most = most_devices(slot.pool);
    if (devices == most) {
      sum += counts_[slot.counts + static_cast<std::uint32_t>(most)];
      continue;
    }
    std::int64_t parts = 1;
    std::int32_t next = 2 * devices;
    for (std::int32_t free = devices; free <= most; ++free) {
      if (free == next) {
        ++parts;
        next += devices;
      }
      sum += parts * counts_[slot.counts + static_cast<std::uint32_t>(free)];
    }
  }
  return sum;
}

std::uint32_t SiteLoads::shared(DomainIndex domain, const PoolMask& pools, std::int32_t tenth) const {
  const Domain& of = domains_[domain];
  std::uint32_t sum = 0;
  for (std::uint32_t s = of.first_slot; s < of.first_slot + of.slots; ++s) {
    const Slot& slot = slots_[s];
    if (pools[slot.pool] == 0) continue;
    sum += counts_[slot.counts + static_cast<std::uint32_t>(most_devices(slot.pool) + 1 + tenth)];
  }
  return sum;
}

void SiteLoads::note_vain(DomainIndex domain, std::uint64_t key, std::int32_t bit) {
  Vain& vain = vain_[domain];
  if (vain.key != key || vain.openings != openings_) vain = {openings_, key, {}};
  vain.failed[static_cast<std::size_t>(bit / 64)] |= std::uint64_t{1} << (bit % 64);
}

void SiteLoads::set_ready(NodeIndex node, bool ready) {
  Load& load = at(node);
  if (load.ready == ready) return;
  enter(load, -1);
  load.ready = ready;
  enter(load, 1);
  pools_[load.pool].ready += ready ? 1 : -1;
  ++openings_;
}

void SiteLoads::set_aside(NodeIndex node, bool aside) {
  Load& load = at(node);
  if (load.aside == aside) return;
  enter(load, -1);
  load.aside = aside;
  enter(load, 1);
  ++openings_;
}

// Enters a node that is counted into its domains, or takes it out.
void SiteLoads::enter(const Load& load, std::int32_t sign) {
  if (!load.ready || load.aside) return;
  const auto whole = static_cast<std::uint32_t>(load.whole_free);
  const auto add = static_cast<std::uint32_t>(sign);  // wraps around as it should
  const std::uint32_t tenth = static_cast<std::uint32_t>(load.devices) + 1 + static_cast<std::uint32_t>(load.shared_room) / 100;
  for (std::uint32_t s = load.slot; s != ~0U; s = slots_[s].above) {
    counts_[slots_[s].counts + whole] += add;
    if (load.shared_room > 0) counts_[slots_[s].counts + tenth] += add;
  }
  pools_[load.pool].free_devices += sign * static_cast<std::int32_t>(whole);
}

// Adds what `task` holds to the devices of the node (sign 1), or takes it away (sign -1).
void SiteLoads::use(Load& load, const TaskPlacement& task, std::int32_t sign) {
  enter(load, -1);
  if (each(task) == 1000) {
    const std::uint64_t devices = task.devices.bits();
    const std::uint64_t all = load.devices == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << load.devices) - 1;
    PENSTOCK_CHECK((devices & ~all) == 0);
    PENSTOCK_CHECK(sign > 0 ? (devices & ~load.free) == 0 : (devices & (load.free | load.shared)) == 0);
    load.free ^= devices;
    load.whole_free = static_cast<std::int16_t>(load.whole_free - sign * static_cast<std::int32_t>(task.devices.size()));
  } else {
    use_share(load, task, sign);
  }
  enter(load, 1);
  load.free_cpu -= sign * task.cpu;
  load.free_memory -= sign * task.memory;
  load.free_disk -= sign * task.disk;
  load.demand += sign * task.demand;
}

void SiteLoads::use_share(Load& load, const TaskPlacement& task, std::int32_t sign) {
  for (const std::int32_t device : task.devices) {
    PENSTOCK_CHECK(device < load.devices);
    const std::uint64_t bit = std::uint64_t{1} << device;
    PENSTOCK_CHECK(((load.free | load.shared) & bit) != 0);
    std::uint16_t& cell = shares_[load.first_device + static_cast<std::uint32_t>(device)];
    const std::int32_t used = cell + sign * each(task);
    PENSTOCK_CHECK(used >= 0 && used <= 1000);
    cell = static_cast<std::uint16_t>(used);
    if (((load.free & bit) != 0) == (used == 0)) continue;
    load.free ^= bit;
    load.shared ^= bit;
    load.whole_free = static_cast<std::int16_t>(load.whole_free + (used == 0 ? 1 : -1));
  }
  load.shared_room = 0;
  for (const std::int32_t device : DeviceSet::of(load.shared)) {
    const std::int32_t room = 1000 - shares_[load.first_device + static_cast<std::uint32_t>(device)];
    load.shared_room = std::max(load.shared_room, static_cast<std::int16_t>(room));
  }
}

// The lowest port from there on that no task has; 0 if there is none.
std::int32_t SiteLoads::lowest_port(const Load& load, std::int32_t from) {
  for (; from < kFirstPort + kPorts; from += 64) {
    std::uint64_t taken = 0;
    for (const HeldTask& task : load.tasks) {
      if (task.port >= from && task.port < from + 64) taken |= std::uint64_t{1} << (task.port - from);
    }
    const std::int32_t port = from + std::countr_one(taken);
    if (port < std::min(from + 64, kFirstPort + kPorts)) return port;
  }
  return 0;
}

void SiteLoads::reserve(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank) {
  Load& load = at(node);
  use(load, task, 1);
  const HeldTask holder{job, rank, task.port};
  PENSTOCK_CHECK(std::none_of(load.tasks.begin(), load.tasks.end(), [&](const HeldTask& other) {
    return other.port == holder.port || (other.job == job && other.rank == rank);
  }));
  load.tasks.insert(std::lower_bound(load.tasks.begin(), load.tasks.end(), holder), holder);
  if (task.port == load.free_port) load.free_port = lowest_port(load, task.port + 1);
}

void SiteLoads::drop(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank) {
  Load& load = at(node);
  use(load, task, -1);
  const HeldTask holder{job, rank, task.port};
  const auto place = std::lower_bound(load.tasks.begin(), load.tasks.end(), holder);
  PENSTOCK_CHECK(place != load.tasks.end() && *place == holder);
  load.tasks.erase(place);
  if (load.free_port == 0 || task.port < load.free_port) load.free_port = task.port;
}

void SiteLoads::release(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank) {
  drop(node, task, job, rank);
  ++openings_;
}

void SiteLoads::undo(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank) { drop(node, task, job, rank); }

NodeLoads::NodeLoads(const Estate& estate) {
  for (SiteIndex site = 0; site < estate.sites().size(); ++site) sites_.push_back(std::make_unique<SiteLoads>(estate, site));
  site_of_.reserve(estate.nodes().size());
  for (const EstateNode& node : estate.nodes()) site_of_.push_back(node.site);
}

}  // namespace penstock
