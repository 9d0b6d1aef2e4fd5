// What is free on every node right now, indexed so that placement looks things up instead of scanning.
#pragma once

#include <set>

#include "engine/facts.h"
#include "estate/estate.h"

namespace penstock {

using PoolIndex = std::uint32_t;

/// Nodes of one type at one site, by how many whole devices they have free. Only ready nodes are in it.
struct Pool {
  SiteIndex site = kNowhere;
  TypeIndex type = kNowhere;
  std::uint32_t nodes = 0;  ///< all, ready or not
  std::uint32_t ready = 0;
  std::int64_t devices = 0;
  std::int64_t free_devices = 0;  ///< whole free devices on ready nodes
  std::vector<std::set<NodeIndex>> by_free;  ///< [whole free devices]
  std::set<NodeIndex> shared;                ///< nodes with a device that is in use, but not wholly
};

/// A task that holds part of a node.
struct HeldTask {
  Uid job;
  std::int32_t rank = 0;
  auto operator<=>(const HeldTask&) const = default;
};

class NodeLoads {
 public:
  static constexpr std::int32_t kFirstPort = 20'000;
  static constexpr std::int32_t kPorts = 10'000;

  NodeLoads() = default;
  explicit NodeLoads(const Estate& estate);

  /// Whether work may start on the node; a node begins as not ready.
  bool ready(NodeIndex node) const { return nodes_[node].ready; }
  void set_ready(NodeIndex node, bool ready);

  /// Takes and gives back what `task` holds. Aborts if a device would hold more than 1000 milli-GPU, or less than
  /// none: the placement or the log is wrong, and going on would sell one GPU twice.
  void reserve(NodeIndex node, const TaskPlacement& task, HeldTask holder);
  void release(NodeIndex node, const TaskPlacement& task, HeldTask holder);

  const std::vector<Pool>& pools() const { return pools_; }
  std::int32_t whole_free(NodeIndex node) const { return nodes_[node].whole_free; }
  MilliCpu free_cpu(NodeIndex node) const { return nodes_[node].free_cpu; }
  Bytes free_memory(NodeIndex node) const { return nodes_[node].free_memory; }
  /// Milli-GPU in use on one device.
  std::int32_t used(NodeIndex node, std::int32_t device) const { return nodes_[node].used[device]; }
  std::int32_t devices(NodeIndex node) const { return static_cast<std::int32_t>(nodes_[node].used.size()); }
  /// Watts that the allocations on the node may draw.
  Watts demand(NodeIndex node) const { return nodes_[node].demand; }
  /// The lowest port of the node that no task has; 0 if all are taken.
  std::int32_t free_port(NodeIndex node) const;
  const std::set<HeldTask>& tasks(NodeIndex node) const { return nodes_[node].tasks; }

 private:
  struct Load {
    PoolIndex pool = 0;
    bool ready = false;
    std::int32_t whole_free = 0;
    std::int32_t shared = 0;  // devices in use, but not wholly
    MilliCpu free_cpu;
    Bytes free_memory;
    Watts demand;
    std::vector<std::int32_t> used;   // milli-GPU by device
    std::set<std::int32_t> ports;
    std::set<HeldTask> tasks;
  };
  void use(NodeIndex node, const TaskPlacement& task, std::int32_t sign);
  void index(NodeIndex node, bool in);

  std::vector<Load> nodes_;
  std::vector<Pool> pools_;
};

}  // namespace penstock
