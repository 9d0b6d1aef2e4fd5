// Who feeds whom, what flows where, and which rows are above their limits: rules 1 to 6 of docs/power.md by brute
// force.
#pragma once

#include "verify/site_model.h"

namespace penstock::verifier {

/// What a site gives at one instant.
struct Moment {
  Time at;
  std::vector<char> element_out, unit_out;            ///< failed, in maintenance, before their dates
  std::vector<std::int64_t> element_left, unit_left;  ///< ppm of their rating or capacity after deratings
  std::vector<char> rack_ready;
  std::optional<Exact> import;  ///< none: no limit
};

/// What the specs alone make of an instant: all that is there by then is in service.
Moment moment_of(const Model& model, Time at);

/// Watts by node.
using NodeWatts = std::vector<std::int64_t>;

/// The load of all racks under one reading of what nodes hold.
struct Load {
  struct Group {
    Exact draw = 0;
    ByMedium heat{};
  };
  std::vector<Group> groups;
  NodeWatts nodes;                               ///< what each node holds
  std::vector<std::vector<std::int64_t>> peaks;  ///< the most that one node holds, by group and type of it
};

enum class Part { kElement, kImport, kLoop, kNode };

/// One row: what it is of, and which load it counts.
struct Row {
  Part part = Part::kElement;
  int index = 0;  ///< of the element, loop or node
  Medium medium = kLiquid;
  int contingency = 0;
  bool firm = false;
  auto operator<=>(const Row&) const = default;
};

struct Broken {
  Row row;
  Exact load = 0;
  Exact limit = 0;
};

/// `site/ups-1`, `site/water air`, `site import`, `site/h1/r1/n1 supplies`.
std::string row_name(const Model& model, const Row& row);

/// What nodes hold: idle and what their tasks add, at most max; nothing before their hall's date. Without `idle` just
/// what is added.
Load sum_up(const Model& model, const Moment& moment, const NodeWatts& added, bool idle);

/// Which loads are held to the rules: all that nodes hold (H) and what they keep (F), or at later times F alone.
struct Loads {
  const Load* held = nullptr;  ///< null: at a later time
  const Load* firm = nullptr;
};

/// Evaluates rules 1 to 6. Returns what is above its limit and counts the rows compared.
std::vector<Broken> broken_rows(const Model& model, const Moment& moment, const Loads& loads, std::uint64_t& rows);

/// The load of one row. `own`: with the losses of elements and the draw of cooling units, which nobody was granted.
Exact load_of(const Model& model, const Moment& moment, const Load& load, const Row& row, bool own);

}  // namespace penstock::verifier
