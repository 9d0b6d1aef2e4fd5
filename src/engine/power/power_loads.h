// What flows through every limit, now and at each later date on which a limit changes, kept up to date grant by grant.
#pragma once

#include <memory>
#include <span>

#include "engine/power/conditions.h"
#include "engine/power/draw.h"

namespace penstock {

/// Why a draw does not fit.
struct PowerBlock {
  enum class Kind { kRow, kSupplies, kDark };
  Kind kind = Kind::kRow;
  SiteIndex site = kNowhere;
  std::size_t segment = 0;  ///< 0: now
  Time from;                ///< when that segment begins
  std::uint32_t row = 0;    ///< of the segment's limits
  bool demand = false;      ///< the row's limit on demand, else that on firm power
  Watts headroom;           ///< watts at the node that the row would still take; supplies: at this node
};

/// A row that is above a limit: the one of its two that it is further above.
struct RowBreak {
  std::uint32_t row = 0;
  MicroWatts load = 0;
  MicroWatts limit = 0;
};

class PowerLoads {
 public:
  /// One stretch of time in which nothing dated changes.
  struct Segment {
    struct Load {
      MicroWatts firm = 0;
      MicroWatts demand = 0;
      MicroWatts firm_limit = 0;
      MicroWatts demand_limit = 0;
    };
    Time from;
    std::shared_ptr<const SiteLimits> limits;
    std::vector<Load> rows;
    std::vector<Draw> nodes;  ///< Σ of the tasks' draws, by node of the site
  };

  PowerLoads() = default;
  explicit PowerLoads(std::shared_ptr<const Estate> estate);
  /// One site alone, for questions: of an estate, or with the network that `other` has prepared. Its time is not cut yet.
  static PowerLoads of(std::shared_ptr<const Estate> estate, SiteIndex site);
  static PowerLoads like(const PowerLoads& other, SiteIndex site);
  /// A draw on a node until then; nothing: for good.
  struct Grant {
    NodeIndex node = kNowhere;
    Draw draw;
    std::optional<Time> until;
  };
  /// One site alone with the limits that `other` has from `date` on, as if it were `date` now and just these were granted.
  static PowerLoads later(const PowerLoads& other, SiteIndex site, Time date, const std::vector<Grant>& grants);

  /// Cuts a site's time anew from `as_of` on, with nothing granted. The caller then takes what is granted.
  void recut(SiteIndex site, const SiteRestrictions& restrictions, Time as_of);
  /// One stretch of time in the given condition. `nodes`: what is granted on each node of the site; if empty, nothing is.
  void recut_to(SiteIndex site, SiteCondition condition, SiteLimits::Losses losses, std::vector<Draw> nodes = {});
  /// The same limits as `other`, with nothing granted.
  void recut_like(SiteIndex site, const PowerLoads& other);

  /// Whether a draw, or a change of one, that ends at `until` (nothing: never) breaks no row at any time. A row that is above its limit
  /// already is only broken by what weighs on it.
  bool fits(NodeIndex node, const Draw& draw, std::optional<Time> until) const { return !block(node, draw, until); }
  std::optional<PowerBlock> block(NodeIndex node, const Draw& draw, std::optional<Time> until) const;

  /// How many nodes that hold what `node` holds and stand in its column can take the draw together, at most `most`. With
  /// fewer, `why` tells what stands in the way of the next.
  std::size_t room(NodeIndex node, const Draw& draw, std::optional<Time> until, std::size_t most,
                   PowerBlock* why = nullptr) const;

  void take(NodeIndex node, const Draw& draw, std::optional<Time> until) { lay_on({&node, 1}, draw, until, 1); }
  void give(NodeIndex node, const Draw& draw, std::optional<Time> until) { lay_on({&node, 1}, draw, until, -1); }
  /// Each of the nodes, all of one column, takes or gives the draw.
  void take(std::span<const NodeIndex> nodes, const Draw& draw, std::optional<Time> until) { lay_on(nodes, draw, until, 1); }
  void give(std::span<const NodeIndex> nodes, const Draw& draw, std::optional<Time> until) { lay_on(nodes, draw, until, -1); }
  /// Segments that a grant until then runs through.
  std::size_t covered(SiteIndex site, std::optional<Time> until) const;
  ColumnIndex column_of(NodeIndex node) const { return site_of(node).network->column_of(node); }

  const std::vector<Segment>& segments(SiteIndex site) const { return sites_[site].segments; }
  const SiteNetwork& network(SiteIndex site) const { return *sites_[site].network; }
  /// The same, for those who keep a site's limits longer than these loads live.
  std::shared_ptr<const SiteNetwork> shared_network(SiteIndex site) const { return sites_[site].network; }
  /// What the node holds in segment `k`, idle included; nothing if it is not ready or dark.
  Draw held(NodeIndex node, std::size_t k = 0) const;
  /// Rows above a limit in segment `k`; `firm_only`: by firm power alone.
  std::vector<RowBreak> broken(SiteIndex site, std::size_t k, bool firm_only) const;
  /// Nodes that hold more than their supplies carry in segment `k`.
  std::vector<NodeIndex> beyond_supplies(SiteIndex site, std::size_t k, bool firm_only) const;
  /// Nodes that hold tasks in segment `k` while no live feed reaches them; one a rack.
  std::vector<NodeIndex> dark_holders(SiteIndex site, std::size_t k) const;
  /// The next date on which limits change anywhere.
  std::optional<Time> next_date() const;

 private:
  struct Site {
    std::shared_ptr<const SiteNetwork> network;
    std::vector<Segment> segments;
  };
  void lay_on(std::span<const NodeIndex> nodes, const Draw& draw, std::optional<Time> until, std::int64_t sign);
  void lay_idle(Site& site);
  /// Holds what `nodes` hold, in one pass over them: for a large site much faster than taking grant by grant.
  void lay_on_all(const Site& site, Segment& segment, std::vector<Draw> nodes) const;
  const Site& site_of(NodeIndex node) const { return sites_[estate_->nodes()[node].site]; }

  std::shared_ptr<const Estate> estate_;
  std::vector<Site> sites_;
};

}  // namespace penstock
