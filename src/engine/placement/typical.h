// What work is typically made of, so that a place is chosen that leaves room for more of it.
#pragma once

#include <array>

#include "engine/fleet/loads.h"

namespace penstock {

/// What is left of a node: all that the cost of taking some of it depends on.
struct NodeRoom {
  std::int32_t whole = 0;              ///< devices that nobody holds
  std::int32_t shared = 0;             ///< of `rooms`
  std::array<std::int16_t, 64> rooms;  ///< milli-GPU left on devices that are shared
  MilliCpu cpu;
  Bytes memory;

  std::int64_t milli() const;
  /// A share of the device with such a room; 1000: of one that nobody holds.
  void take_share(std::int32_t room, std::int32_t milli);
};
NodeRoom room_of(const SiteLoads& loads, NodeIndex node);
/// Of a node that nobody uses.
NodeRoom empty_room(const NodeTypeSpec& type);

/// The tasks of all jobs that wait or run, counted by what they ask for.
class TypicalWork {
 public:
  /// Adds the tasks of a job (sign 1) or takes them away (-1).
  void count(const JobSpec& spec, const ContractSpec& contract, std::int32_t sign);
  void clear();

  /// What it costs others that a node of which `before` was left is left with `after`. Less is better; only costs of one
  /// moment compare. It is the sum of
  /// - what becomes of no use for typical tasks: the fragmentation of Weng et al., "Beware of Fragmentation: Scheduling
  ///   GPU-Sharing Workloads with Fragmentation Gradient Descent", ATC'23, for the 64 kinds of task there are most of;
  /// - devices that are left with fewer cores, or less memory, than tasks use beside a GPU on average;
  /// - devices of models that others must have, by how much of them is asked for.
  /// Their weights for a device are 10, 1 and 3.
  std::int64_t cost(const Estate& estate, TypeIndex type, const NodeRoom& before, const NodeRoom& after) const;
  /// Of what is left of a node, how much a typical task cannot use, on average, in milli-GPU.
  std::int64_t unusable(const Estate& estate, TypeIndex type, const NodeRoom& room) const;

  /// Whether the same tasks are counted.
  bool operator==(const TypicalWork& other) const {
    return std::tie(kinds_, milli_, cpu_, memory_) == std::tie(other.kinds_, other.milli_, other.cpu_, other.memory_);
  }

 private:
  struct Kind {
    std::vector<std::string> models;  // none: any
    MilliGpu gpus;
    MilliCpu cpu;
    auto operator<=>(const Kind&) const = default;
  };
  // A kind as the nodes of a type see it.
  struct Ask {
    std::int64_t weight = 0;
    MilliGpu gpus;
    MilliCpu cpu;
  };
  struct OfType {
    std::int64_t cannot = 0;    // weight of the kinds that no such node can hold
    std::vector<Ask> asks;      // of the others
    std::int64_t scarcity = 0;  // millionths
  };
  void look(const Estate& estate) const;
  static std::int64_t of_no_use(const OfType& type, const NodeRoom& room);
  std::int64_t without_cores(const NodeRoom& room) const;

  std::map<Kind, std::int64_t> kinds_;  // tasks
  std::int64_t milli_ = 0;              // Σ over tasks with GPUs
  std::int64_t cpu_ = 0;                // hundredths of a core
  std::int64_t memory_ = 0;             // 16 MiB
  std::int64_t cpu_beside_ = 0;         // a whole device, in thousandths of a core
  std::int64_t memory_beside_ = 0;
  std::uint64_t version_ = 1;  // of the weights of the kinds

  // Made from the kinds when it is asked for.
  mutable std::vector<std::int64_t> supply_;  // milli-GPU by type
  mutable std::uint64_t looked_at_ = 0;
  mutable std::vector<OfType> types_;
  mutable std::int64_t weight_ = 0;
};

}  // namespace penstock
