// What is free on every node right now, counted for every rack, row, hall and site, so that placement looks things up
// instead of scanning.
#pragma once

#include <array>
#include <memory>
#include <span>

#include <boost/container/small_vector.hpp>

#include "engine/facts.h"
#include "estate/estate.h"

namespace penstock {

using PoolIndex = std::uint32_t;
using DomainIndex = std::uint32_t;

/// Nodes of one type with the same labels at one site.
struct Pool {
  SiteIndex site = kNowhere;
  TypeIndex type = kNowhere;
  RackIndex example = kNowhere;  ///< a rack with such nodes, for their labels
  std::uint32_t nodes = 0;  ///< all, ready or not
  std::uint32_t ready = 0;
  std::int64_t devices = 0;
  std::int64_t free_devices = 0;  ///< whole free devices on ready nodes
};

/// A site, hall, row or rack. Its children are those of the next level, a rack has none.
struct Domain {
  Grouping level = Grouping::kSite;
  DomainIndex parent = kNowhere;
  DomainIndex first_child = 0;
  std::uint32_t children = 0;
  NodeIndex first_node = 0;
  std::uint32_t nodes = 0;
  std::uint32_t first_slot = 0;
  std::uint32_t slots = 0;
};

/// The nodes of one pool in one domain.
struct Slot {
  std::uint32_t pool = 0;    ///< its place among the site's pools
  std::uint32_t above = ~0U; ///< the same pool in the parent domain
  std::uint32_t counts = 0;  ///< where its counters stand
};

/// A task that holds part of a node, and its port there.
struct HeldTask {
  Uid job;
  std::int32_t rank = 0;
  std::int32_t port = 0;
  auto operator<=>(const HeldTask&) const = default;
};

/// Which pools of a site a job may use, by their place among the site's pools.
using PoolMask = std::vector<char>;

/// The nodes of one site. A node counts as free while it is ready and not set aside.
class SiteLoads {
 public:
  static constexpr std::int32_t kFirstPort = 20'000;
  static constexpr std::int32_t kPorts = 10'000;
  /// Counters of nodes by the room on the emptiest of their shared devices, in tenths of a device.
  static constexpr std::int32_t kShareCounts = 10;

  SiteLoads(const Estate& estate, SiteIndex site);

  bool ready(NodeIndex node) const { return at(node).ready; }
  void set_ready(NodeIndex node, bool ready);
  /// A node that is set aside is kept for someone: it stays ready and is not counted.
  bool aside(NodeIndex node) const { return at(node).aside; }
  void set_aside(NodeIndex node, bool aside);

  /// Takes and gives back what `task` holds. Aborts if a device would hold more than 1000 milli-GPU, or less than
  /// none: the placement or the log is wrong, and going on would sell one GPU twice.
  void reserve(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank);
  void release(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank);
  /// Gives back what was only tried: nothing has become free that was not before.
  void undo(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank);
  /// What the task holds of each of its devices.
  static std::int32_t each(const TaskPlacement& task) {
    return task.devices.size() > 1 ? 1000 : static_cast<std::int32_t>(task.gpus.count());
  }

  SiteIndex site() const { return site_; }
  const std::vector<Pool>& pools() const { return pools_; }
  /// Site first, then halls, rows and racks, each in the order of the estate.
  const std::vector<Domain>& domains() const { return domains_; }
  /// The domains of a level, which is not kNode: first and one past the last.
  std::pair<DomainIndex, DomainIndex> level(Grouping level) const;
  /// The most nodes that a domain of the level has.
  std::uint32_t largest(Grouping level) const { return largest_[static_cast<std::size_t>(level)]; }
  DomainIndex rack_of(NodeIndex node) const { return first_rack_ + rack_of_[node - first_node_]; }

  /// Nodes of the domain with just `free` whole devices free.
  std::uint32_t count(DomainIndex domain, const PoolMask& pools, std::int32_t free) const;
  /// Nodes of the domain, whatever is free on them.
  std::uint32_t counted(DomainIndex domain, const PoolMask& pools) const;
  /// How many parts of `devices` whole devices the free nodes of a domain hold, each part on one node.
  std::int64_t capacity(DomainIndex domain, const PoolMask& pools, std::int32_t devices) const;
  /// Nodes whose emptiest shared device has a room of `tenth` tenths of a device, rounded down.
  std::uint32_t shared(DomainIndex domain, const PoolMask& pools, std::int32_t tenth) const;
  /// The most whole devices that any node of the pool has.
  std::int32_t most_devices(std::uint32_t pool) const { return strides_[pool] - 1 - kShareCounts; }

  bool counted(NodeIndex node) const { return at(node).ready && !at(node).aside; }
  std::uint32_t pool_of(NodeIndex node) const { return at(node).pool; }
  std::int32_t whole_free(NodeIndex node) const { return at(node).whole_free; }
  MilliCpu free_cpu(NodeIndex node) const { return at(node).free_cpu; }
  Bytes free_memory(NodeIndex node) const { return at(node).free_memory; }
  Bytes free_disk(NodeIndex node) const { return at(node).free_disk; }
  /// Milli-GPU in use on one device.
  std::int32_t used(NodeIndex node, std::int32_t device) const {
    const Load& load = at(node);
    const std::uint64_t bit = std::uint64_t{1} << device;
    if ((load.free & bit) != 0) return 0;
    return (load.shared & bit) != 0 ? shares_[load.first_device + static_cast<std::uint32_t>(device)] : 1000;
  }
  std::int32_t devices(NodeIndex node) const { return at(node).devices; }
  /// One bit for each device that is wholly free.
  std::uint64_t free_devices(NodeIndex node) const { return at(node).free; }
  /// Devices that are held by shares.
  DeviceSet shared_devices(NodeIndex node) const { return DeviceSet::of(at(node).shared); }
  /// Room on the emptiest device that is in use, but not wholly; 0 if there is none.
  std::int32_t shared_room(NodeIndex node) const { return at(node).shared_room; }
  /// Watts that the allocations on the node may draw.
  Watts demand(NodeIndex node) const { return at(node).demand; }
  /// The lowest port of the node that no task has; 0 if all are taken.
  std::int32_t free_port(NodeIndex node) const { return at(node).free_port; }
  /// By job and rank.
  std::span<const HeldTask> tasks(NodeIndex node) const { return at(node).tasks; }

  /// Changes whenever something may have become free that was not.
  std::uint64_t openings() const { return openings_; }
  void opened() { ++openings_; }

  /// What was found out about a domain: `key` tells the question, which has failed there for the answers in `failed`. It
  /// holds until something opens.
  struct Vain {
    std::uint64_t openings = 0;
    std::uint64_t key = 0;
    std::array<std::uint64_t, 2> failed{};  // 128 bits
  };
  bool vain(DomainIndex domain, std::uint64_t key, std::int32_t bit) const {
    const Vain& vain = vain_[domain];
    return vain.key == key && vain.openings == openings_ && (vain.failed[static_cast<std::size_t>(bit / 64)] >> (bit % 64) & 1) != 0;
  }
  void note_vain(DomainIndex domain, std::uint64_t key, std::int32_t bit);

 private:
  struct Load {
    std::uint32_t pool = 0;
    std::uint32_t slot = 0;  // of its rack
    std::uint32_t first_device = 0;
    std::int32_t free_port = kFirstPort;
    std::int16_t devices = 0;
    std::int16_t shared_room = 0;
    std::int16_t whole_free = 0;
    bool ready = false;
    bool aside = false;
    std::uint64_t free = 0;    // devices that nobody holds
    std::uint64_t shared = 0;  // those held by shares; the others are held whole
    MilliCpu free_cpu;
    Bytes free_memory;
    Bytes free_disk;
    Watts demand;
    boost::container::small_vector<HeldTask, 1> tasks;  // whole-node work, the most of it, needs no memory of its own
  };
  Load& at(NodeIndex node) { return nodes_[node - first_node_]; }
  const Load& at(NodeIndex node) const { return nodes_[node - first_node_]; }
  void use(Load& load, const TaskPlacement& task, std::int32_t sign);
  void use_share(Load& load, const TaskPlacement& task, std::int32_t sign);
  void drop(NodeIndex node, const TaskPlacement& task, Uid job, std::int32_t rank);
  static std::int32_t lowest_port(const Load& load, std::int32_t from);
  void enter(const Load& load, std::int32_t sign);
  void add_slots(DomainIndex domain);

  SiteIndex site_;
  NodeIndex first_node_;
  DomainIndex first_rack_ = 0;
  std::vector<Load> nodes_;
  std::vector<std::uint16_t> shares_;   // milli-GPU by device, of those that are shared
  std::vector<std::uint32_t> rack_of_;  // by node, from 0
  std::vector<Pool> pools_;
  std::vector<std::int32_t> strides_;  // counters of a slot of the pool
  std::vector<Domain> domains_;
  std::array<std::uint32_t, 5> largest_{};
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> counts_;
  std::vector<Vain> vain_;
  std::uint64_t openings_ = 1;
};

/// All sites, or the one that a question is about.
class NodeLoads {
 public:
  NodeLoads() = default;
  explicit NodeLoads(const Estate& estate);

  SiteLoads& site(SiteIndex site) { return *sites_[site]; }
  const SiteLoads& site(SiteIndex site) const { return *sites_[site]; }
  SiteLoads& site_of(NodeIndex node) { return *sites_[site_of_[node]]; }
  const SiteLoads& site_of(NodeIndex node) const { return *sites_[site_of_[node]]; }
  std::size_t sites() const { return sites_.size(); }
  std::span<const HeldTask> tasks(NodeIndex node) const { return site_of(node).tasks(node); }
  bool ready(NodeIndex node) const { return site_of(node).ready(node); }

 private:
  std::vector<std::unique_ptr<SiteLoads>> sites_;
  std::vector<SiteIndex> site_of_;  // by node
};

}  // namespace penstock
