// A gang on its way into one site: task by task, packed, within all limits. docs/scheduler.md, "Placement", tells the rules.
#pragma once

#include <functional>

#include "engine/placement/placement.h"

namespace penstock {

/// How the tasks lie to one another at this site: the wishes of the job as levels of the estate.
struct Closeness {
  std::optional<Grouping> pack;
  bool pack_required = false;
  std::optional<Grouping> spread;
  bool spread_required = false;
  std::optional<Grouping> segment;
  std::int32_t segment_tasks = 1;
};
/// Nothing if the job requires a tier that the site does not have.
std::optional<Closeness> closeness_of(const Estate& estate, SiteIndex site, const JobSpec& spec);

/// What it has taken of `loads` and `power` is given back when it ends.
class Attempt {
 public:
  Attempt(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept, const Job& job,
          const Closeness& closeness, Time now, bool explain);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { roll_back(0); }

  /// Whether every task found its place. `pools` by their place among the site's pools.
  bool place_all(const PoolMask& pools);

  /// The tasks by rank: groups in their order; within a group in the order of the estate, segments kept together. The last
  /// thing that is asked of it.
  std::vector<TaskPlacement> tasks();

  /// Why place_all() failed, if power had a part in it.
  PowerObstacle obstacle() const;

 private:
  // What one task of a group asks of a node of one type.
  struct Need {
    Draw draw;
    Watts demand;
    Watts firm;
  };
  // A group on its way.
  struct Ask {
    std::int32_t group = 0;
    std::int32_t devices = 0;  // whole ones
    std::int32_t milli = 0;    // of a share
    bool choosy = false;       // leaves part of some node to others, or there are nodes of several kinds
    bool one_a_node = false;   // while tasks are spread over nodes: round by round
    std::size_t round = 0;     // the first seat of this one
    const TaskGroupSpec* spec = nullptr;
    std::vector<Need> needs;   // by pool
    std::uint64_t key = 0;     // the same for asks that are alike
  };
  struct Seat {
    NodeIndex node = kNowhere;
    std::int32_t ask = 0;
    std::int32_t segment = 0;
    TaskPlacement task;
  };
  struct Scope {
    DomainIndex domain = 0;
    NodeIndex node = kNowhere;  // one node alone, if any
  };

  std::int64_t capacity(const Ask& ask, DomainIndex domain) const;  // never less than what it holds
  std::pair<DomainIndex, DomainIndex> inside(DomainIndex domain, Grouping level) const;
  std::vector<Scope> scopes(const Scope& within, Grouping level, const Ask& ask, std::int64_t want) const;
  bool place_in_best_scope();
  bool place_in(const Scope& scope);
  bool place_segments(Ask& ask, const Scope& scope);
  // Each returns how many tasks it placed, at most `want`.
  std::int64_t fill(Ask& ask, const Scope& scope, std::int64_t want);
  std::int64_t fill_domain(Ask& ask, DomainIndex domain, std::int64_t want);
  std::int64_t fill_rack(Ask& ask, DomainIndex rack, std::int64_t want);
  std::int64_t fill_node(Ask& ask, NodeIndex node, std::int64_t want);
  std::int64_t fill_apart(Ask& ask, const Scope& scope, std::int64_t want);
  // Each task where it costs others least.
  std::int64_t at_best(Ask& ask, DomainIndex domain, std::int64_t want);
  // One task on a node with just so many devices free.
  bool one_on(Ask& ask, DomainIndex domain, std::int32_t free, std::uint64_t question);
  bool descend(DomainIndex domain, std::int32_t free, std::uint64_t question, const std::function<bool(const Domain&)>& try_rack);
  bool put(Ask& ask, NodeIndex node);
  // How many nodes like this one can draw it; takes and gives watts.
  std::size_t room(NodeIndex node, const Draw& draw, std::size_t most);
  void draw(std::span<const NodeIndex> nodes, const Draw& draw, bool take);
  void seat(Ask& ask, NodeIndex node);
  bool suits(NodeIndex node) const;
  bool fits_beside_devices(const Ask& ask, NodeIndex node) const;
  bool fits_devices(const Ask& ask, NodeIndex node) const;
  // Whether a task of the group lies there already in this round, while they are spread over nodes.
  bool seated(const Ask& ask, NodeIndex node) const;
  // What it costs others that the task takes its part of such a room, and of which device: by what is left on it.
  struct Price {
    std::int64_t cost = 0;
    std::int32_t device = 0;
  };
  Price price(const Ask& ask, TypeIndex type, const NodeRoom& room) const;
  Price price_on(const Ask& ask, NodeIndex node);
  bool remembers() const { return seats_.empty() && !picky_ && !explain_; }
  void refused(const PowerBlock& block);
  void roll_back(std::size_t to);
  bool within_ramp();

  const State& state_;
  const Estate& estate_;
  SiteLoads& loads_;
  PowerLoads& power_;
  Pictures kept_;
  const Job& job_;
  const ContractSpec& contract_;
  const Closeness& closeness_;
  const bool picky_;
  const bool explain_;
  const PoolMask* pools_ = nullptr;
  std::optional<Time> until_;
  std::int32_t segment_ = 0;
  bool once_ = false;  // no node is looked at twice, so that nothing needs to be booked on the way
  std::vector<Ask> asks_;  // the largest first
  struct Priced {
    std::uint64_t key = 0;
    Price price;
  };
  std::vector<Priced> priced_;  // of rooms that were asked about last: most nodes of a site are like others
  std::vector<Seat> seats_;
  std::vector<NodeIndex> batch_;
  std::map<std::tuple<std::size_t, PowerBlock::Kind, std::uint32_t, bool>, std::pair<PowerBlock, std::size_t>> blocks_;
  PowerObstacle ramp_;
};

}  // namespace penstock
