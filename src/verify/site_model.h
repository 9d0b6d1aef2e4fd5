// A site as the checker sees it: every template written out, every name a number, nothing shared with the engine.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "spec/estate.h"
#include "verify/exact.h"

namespace penstock::verifier {

/// What carries heat away from a rack.
enum Medium { kLiquid, kAir, kFlow, kMedia };
using ByMedium = std::array<Exact, kMedia>;

struct Feed {
  int from = 0;            ///< an element
  std::int64_t share = 0;  ///< ppm; 0: a standby
  std::optional<int> supplies;
};

struct Element {
  std::string name;
  bool source = false;
  bool grid = false;
  std::optional<Time> from;
  Exact usable = 0;
  Exact overload = 0;  ///< borne until shedding has acted; never below usable
  // Input = fixed + output × slope.
  Exact fixed = 0;
  Exact slope_num = 1;
  Exact slope_den = 1;
  std::vector<Feed> feeds;
};

struct Unit {
  std::string name;
  ByMedium takes{};
  Exact draw = 0;
  std::vector<Feed> feeds;
};

struct Loop {
  std::string name;
  std::vector<int> units;
  std::array<bool, kMedia> gives{};
  bool holds = false;  ///< its coolant outlasts the time that shedding takes
};

struct Type {
  std::int64_t idle = 0;
  std::int64_t max = 0;
  int devices = 0;
  int supplies = 0;  ///< 0: not told
  int needed = 0;
  std::int64_t liquid_ppm = 0;
  std::int64_t flow = 0;  ///< mL/min at max
};

/// Racks that hang on the same feeds and loops: one load to the network.
struct Group {
  std::vector<Feed> feeds;
  std::vector<int> loops;
  std::vector<int> types;  ///< of its nodes, each once
};

struct Rack {
  int group = 0;
  std::optional<Time> from;  ///< its nodes hold nothing before
};

struct Node {
  std::string name;
  int rack = 0;
  int type = 0;
};

/// What is lost at one blow. The first of a site is the normal state: nothing.
struct Contingency {
  std::string name;
  std::vector<int> elements;
  std::vector<int> units;
  bool order = false;
};

struct Model {
  std::string name;
  bool network = false;
  std::optional<GridSpec> grid;
  std::vector<Element> elements;
  std::vector<int> downwards;  ///< the elements, each after all that feed it
  std::vector<Unit> units;
  std::vector<Loop> loops;
  std::vector<Type> types;
  std::vector<Group> groups;
  std::vector<Rack> racks;
  std::vector<Node> nodes;
  std::vector<Contingency> contingencies;
  std::vector<Time> dates;                                                           ///< of phases, elements and halls
  std::unordered_map<std::string, int> element_by_name, unit_by_name, node_by_name;  ///< nodes by their full names
};

/// Writes a site out. Fails on what no applied spec can hold: a name that stands for nothing, a circle of feeds.
Result<Model> build_model(const std::string& name, const SiteSpec& site,
                          const std::map<std::string, NodeTypeSpec>& types);

/// How `type`'s supplies hang on the group's feeds, by feed.
std::vector<int> supplies_by_feed(const Group& group, const Type& type);

}  // namespace penstock::verifier
