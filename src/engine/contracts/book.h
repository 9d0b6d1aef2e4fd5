// The book: on which racks the signed contracts would lie, date by date, and what the estate leaves for another.
//
// Contracts are laid in the order of signing on an estate on which nothing runs, each over all of its term: by every date
// on which a phase, a hall, an element or a restriction changes what the sites give (`SiteLimits`), whole nodes that draw
// their most and keep what the contract's `shed` keeps. A node that is laid stays with its contract; where none can stay
// to the end, nodes are laid for as long as they are there, and others after them. So who signs later moves nobody.
#pragma once

#include "engine/facts.h"
#include "engine/state.h"

namespace penstock {

/// Nodes of one model at one site that would be a contract's for one stretch of time.
struct BookLot {
  std::string site;
  std::string gpu_model;
  Time from;
  std::optional<Time> until;
  std::int64_t nodes = 0;
  std::int64_t gpus = 0;
  bool spare = false;
  std::vector<std::string> racks;

  static constexpr auto schema() {
    return object("BookLot", "Nodes of one model at one site that would be a contract's for one stretch of time.",
                  field("site", &BookLot::site, required, "the site"),
                  field("gpuModel", &BookLot::gpu_model, required, "the model"),
                  field("from", &BookLot::from, required, "from when"),
                  field("until", &BookLot::until, optional, "until when; absent: for good"),
                  field("nodes", &BookLot::nodes, required, "whole nodes"),
                  field("gpus", &BookLot::gpus, required, "their GPUs"),
                  field("spare", &BookLot::spare, optional, "true: kept for those that fail"),
                  field("racks", &BookLot::racks, required, "hall/rack, and of how many of its nodes: `h1/r1ak01 ×18`"));
  }
};

/// A limit and what it carries when all that is sold works.
struct LimitUse {
  std::string row;
  std::string contingency;
  Time from;
  std::int64_t load = 0;
  std::int64_t limit = 0;

  static constexpr auto schema() {
    return object("LimitUse", "A limit and what it carries when all that is sold works: watts, or millilitres a minute.",
                  field("row", &LimitUse::row, required, "element, loop and medium, or `SITE import`"),
                  field("contingency", &LimitUse::contingency, optional, "the loss after which it is so; none: now"),
                  field("from", &LimitUse::from, required, "since when"),
                  field("load", &LimitUse::load, required, "its load, rounded up"),
                  field("limit", &LimitUse::limit, required, "its limit"));
  }
};

/// One contract in the book.
struct BookEntry {
  std::string contract;
  bool oversold = false;
  std::int64_t sold = 0;
  std::int64_t promised = 0;
  std::vector<BookLot> lots;
  std::vector<LimitUse> nearest;
  std::vector<Shortfall> missing;

  static constexpr auto schema() {
    return object("BookEntry", "One contract in the book.",
                  field("contract", &BookEntry::contract, required, "tenant/contract"),
                  field("oversold", &BookEntry::oversold, optional, "true: it was signed as what need not be there"),
                  field("sold", &BookEntry::sold, required, "GPUs that it is to be given now"),
                  field("promised", &BookEntry::promised, required, "GPUs that later steps and options add at most"),
                  field("lots", &BookEntry::lots, required, "where they would lie: the witness"),
                  field("nearest", &BookEntry::nearest, required, "the limits there that come closest, the closest first"),
                  field("missing", &BookEntry::missing, optional, "what the estate does not give"));
  }
};

/// A contract as the book needs it.
struct Sale {
  std::string name;
  ContractSpec spec;
  std::vector<std::string> countries;  ///< those of its tenant; none means anywhere
};

/// Where the nodes of a contract were laid, and what is missing.
struct Laid {
  struct Place {
    SiteIndex site = kNowhere;
    std::uint32_t part = 0;  ///< of the site
    Time from;
    std::optional<Time> until;
    std::int64_t nodes = 0;
    std::int64_t gpus = 0;
    bool spare = false;
  };
  Sale sale;
  std::vector<Place> places;
  std::vector<Shortfall> missing;
};

/// What the sites give by date, and what is laid on them. A value: a copy is another trial.
class Ground {
 public:
  /// The estate with its limits as the state has them from `now` on.
  Ground(const State& state, Time now);
  /// Another estate, with the restrictions of `told`.
  Ground(std::shared_ptr<const Estate> estate, const Facts& told, Time now);

  /// Lays a contract beside what lies already. Never fails: what has no room is missing.
  Laid lay(const Sale& sale);
  /// What was laid, for people, with the limits as they are loaded by all that lies now.
  BookEntry entry(const Laid& laid) const;
  /// Every date on which the sites that the contract may use give something else.
  std::vector<Time> dates(const Sale& sale) const;
  Time now() const { return now_; }
  const Estate& estate() const { return *estate_; }

 private:
  friend class Layer;

  /// Nodes of one type in one rack: alike in every way.
  struct Part {
    RackIndex rack = kNowhere;
    ColumnIndex column = 0;
    TypeIndex type = 0;
    std::int32_t nodes = 0;
  };
  struct Load {
    MicroWatts firm = 0;
    MicroWatts demand = 0;
  };
  /// A stretch of time in which nothing changes: of limits, or of what lies there.
  struct Slice {
    Time from;
    std::shared_ptr<const SiteLimits> limits;
    bool restricted = false;  ///< something is out or ordered: what may be shed has been
    std::vector<Load> rows;
    std::vector<std::int32_t> used;  ///< nodes, by part
  };
  struct Site {
    std::shared_ptr<const SiteNetwork> network;
    std::shared_ptr<const std::vector<Part>> parts;
    std::vector<Slice> slices;
  };
  void add(const PowerLoads& power, SiteIndex site);

  std::shared_ptr<const Estate> estate_;
  Time now_;
  std::vector<Site> sites_;
};

/// Signed contracts in the order in which the book lays them: by when what they sell last grew, the oversold last.
std::vector<Sale> signed_sales(const Facts& facts);

/// Nodes that stand in for those in repair, so that the chance of too few is at most 1 − availability at any time.
/// Nodes in repair are Poisson with mean m = Σ nodes × rate × time of repair, whatever the repairs' distribution (Palm's
/// theorem for M/G/∞; Palm 1943); spares = m + z·√m, rounded up, z from the normal distribution. `millionths`: m in
/// millionths of a node. Default rate and time: Kokolis et al. 2024, "Revisiting Reliability in Large-Scale Machine Learning
/// Research Clusters" (6.5 and 2.34 failures in 1,000 node-days), of which the higher.
std::int64_t spare_count(std::int64_t millionths, Ppm availability);

}  // namespace penstock
