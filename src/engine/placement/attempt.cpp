// The search for places, from the site down to devices.
#include "engine/placement/attempt.h"

#include <algorithm>
#include <numeric>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock {
namespace {

// Domains of a level that are tried for a whole gang before the next wider level is.
constexpr std::size_t kTries = 4;

bool needs_images(const JobSpec& spec) {
  return std::any_of(spec.groups.begin(), spec.groups.end(), [](const auto& group) { return !group.image.empty(); });
}

constexpr std::array kLevels{Grouping::kRack, Grouping::kRow, Grouping::kHall, Grouping::kSite};

}  // namespace

std::optional<Closeness> closeness_of(const Estate& estate, SiteIndex site, const JobSpec& spec) {
  Closeness out;
  if (!spec.placement) return out;
  const PlacementSpec& wish = *spec.placement;
  if (wish.pack) {
    out.pack = estate.tier(site, wish.pack->tier);
    out.pack_required = wish.pack->strict;
    if (!out.pack && wish.pack->strict) return std::nullopt;
  }
  if (wish.spread) {
    out.spread = estate.tier(site, wish.spread->tier);
    out.spread_required = wish.spread->strict;
    if (!out.spread && wish.spread->strict) return std::nullopt;
  }
  if (wish.segment) {
    out.segment = estate.tier(site, wish.segment->tier);
    out.segment_tasks = wish.segment->tasks;
    if (!out.segment) return std::nullopt;
  }
  return out;
}

Attempt::Attempt(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept, const Job& job,
                 const Closeness& closeness, Time now, bool explain)
    : state_(state),
      estate_(state.estate()),
      loads_(loads),
      power_(power),
      kept_(std::move(kept)),
      job_(job),
      contract_(state.facts().contracts.at(job.contract).spec),
      closeness_(closeness),
      picky_(needs_images(job.spec)),
      explain_(explain) {
  if (job.spec.time_limit) until_ = now + *job.spec.time_limit;
  seats_.reserve(static_cast<std::size_t>(task_count(job.spec)));
  asks_.reserve(job.spec.groups.size());
  for (std::size_t g = 0; g < job.spec.groups.size(); ++g) {
    const TaskGroupSpec& group = job.spec.groups[g];
    Ask& ask = asks_.emplace_back();
    ask.group = static_cast<std::int32_t>(g);
    ask.spec = &group;
    ask.devices = static_cast<std::int32_t>(group.gpus.count() / 1000);
    ask.milli = static_cast<std::int32_t>(group.gpus.count() % 1000);
    ask.needs.resize(loads.pools().size());
  }
  // Largest tasks first: small ones fit into what they leave.
  std::stable_sort(asks_.begin(), asks_.end(), [](const Ask& a, const Ask& b) { return a.spec->gpus > b.spec->gpus; });
}

bool Attempt::place_all(const PoolMask& pools) {
  pools_ = &pools;
  const std::size_t covered = power_.covered(loads_.site(), until_);
  std::vector<std::int64_t> question;
  for (Ask& ask : asks_) {
    question.assign({ask.spec->gpus.count(), ask.spec->cpu.count(), ask.spec->memory.count(), ask.spec->disk.count(),
                     static_cast<std::int64_t>(covered), static_cast<std::int64_t>(kept_.size())});
    for (std::uint32_t p = 0; p < pools.size(); ++p) {
      if (pools[p] == 0) continue;
      TaskPlacement probe;
      probe.gpus = ask.spec->gpus;
      probe.cpu = ask.spec->cpu;
      const NodeTypeSpec& type = estate_.types()[loads_.pools()[p].type].spec;
      set_draw(probe, type, contract_, job_.spec.gpu_power);
      ask.needs[p] = {draw_of(type, probe, false), probe.demand, probe.firm};
      question.insert(question.end(), {p, ask.needs[p].draw.demand.count(), ask.needs[p].draw.firm.count()});
    }
    ask.key = XXH3_64bits(question.data(), question.size() * sizeof(std::int64_t)) | 1;
  }
  const bool alike = std::count(pools.begin(), pools.end(), 1) <= 1;
  for (Ask& ask : asks_) {
    ask.choosy = !alike;
    for (std::uint32_t p = 0; p < pools.size(); ++p) ask.choosy = ask.choosy || (pools[p] != 0 && ask.devices < loads_.most_devices(p));
  }
  const Ask& first = asks_.front();
  once_ = asks_.size() == 1 && !closeness_.segment && !closeness_.spread;
  for (std::uint32_t p = 0; p < pools.size(); ++p) {
    if (pools[p] != 0 && 2 * first.devices <= loads_.most_devices(p)) once_ = false;
  }
  return place_in_best_scope();
}

// Shares lie on free and on shared devices, and tasks without a device beside all others: an upper bound is all that can be
// told without looking.
std::int64_t Attempt::capacity(const Ask& ask, DomainIndex domain) const {
  if (ask.devices > 0) return loads_.capacity(domain, *pools_, ask.devices);
  if (ask.milli == 0) {
    std::int64_t each = 0;
    for (std::uint32_t p = 0; p < pools_->size(); ++p) {
      if ((*pools_)[p] == 0) continue;
      const MilliCpu cpu = estate_.types()[loads_.pools()[p].type].spec.cpu;
      each = std::max(each, std::min<std::int64_t>(SiteLoads::kPorts, cpu.count() / std::max<std::int64_t>(1, ask.spec->cpu.count())));
    }
    return each * loads_.counted(domain, *pools_);
  }
  const std::int64_t each = 1000 / ask.milli;
  std::int64_t devices = loads_.capacity(domain, *pools_, 1);
  for (std::int32_t tenth = ask.milli / 100; tenth < SiteLoads::kShareCounts; ++tenth) {
    devices += std::int64_t{64} * loads_.shared(domain, *pools_, tenth);
  }
  return devices * each;
}

// The domains of a level inside a domain: itself if it is not wider than the level.
std::pair<DomainIndex, DomainIndex> Attempt::inside(DomainIndex domain, Grouping level) const {
  const std::vector<Domain>& domains = loads_.domains();
  std::pair<DomainIndex, DomainIndex> range{domain, domain + 1};
  while (range.first < range.second && domains[range.first].level > level && domains[range.first].level != Grouping::kRack) {
    const Domain& last = domains[range.second - 1];
    range = {domains[range.first].first_child, last.first_child + last.children};
  }
  return range;
}

// The parts of a scope that may hold `want` tasks, the one with the least room first.
std::vector<Attempt::Scope> Attempt::scopes(const Scope& within, Grouping level, const Ask& ask, std::int64_t want) const {
  std::vector<std::pair<std::int64_t, Scope>> found;
  if (within.node != kNowhere) return {within};
  if (level == Grouping::kNode) {
    const Domain& domain = loads_.domains()[within.domain];
    for (NodeIndex node = domain.first_node; node < domain.first_node + domain.nodes; ++node) {
      if (!suits(node)) continue;
      const std::int32_t free = loads_.whole_free(node);
      if (ask.devices > 0 && std::int64_t{free} / ask.devices < want) continue;
      found.push_back({free, {loads_.rack_of(node), node}});
    }
  } else {
    const auto [first, last] = inside(within.domain, level);
    for (DomainIndex d = first; d < last; ++d) {
      const std::int64_t room = capacity(ask, d);
      if (room >= want) found.push_back({room, {d, kNowhere}});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Scope> out;
  out.reserve(found.size());
  for (const auto& [room, scope] : found) out.push_back(scope);
  return out;
}

bool Attempt::place_in_best_scope() {
  const Scope site;
  std::int64_t devices = 0;
  for (const Ask& ask : asks_) {
    if (capacity(ask, 0) < ask.spec->replicas) return false;
    devices += std::int64_t{ask.devices} * ask.spec->replicas;
  }
  if (devices > loads_.capacity(0, *pools_, 1)) return false;
  const Ask& first = asks_.front();
  const bool single = asks_.size() == 1 && first.spec->replicas == 1;
  if ((single && !closeness_.pack_required) || closeness_.spread) return place_in(site);

  const auto try_level = [&](Grouping level, std::size_t tries) {
    for (const Scope& scope : scopes(site, level, first, first.spec->replicas)) {
      if (tries-- == 0) return false;
      if (scope.node == kNowhere && devices > loads_.capacity(scope.domain, *pools_, 1)) continue;
      if (place_in(scope)) return true;
    }
    return false;
  };
  constexpr std::size_t kAll = ~std::size_t{0};
  if (closeness_.pack && try_level(*closeness_.pack, closeness_.pack_required ? kAll : kTries)) return true;
  if (closeness_.pack && closeness_.pack_required) return false;
  std::int32_t most = 1;
  for (std::uint32_t p = 0; p < pools_->size(); ++p) {
    if ((*pools_)[p] != 0) most = std::max(most, loads_.most_devices(p));
  }
  for (const Grouping level : kLevels) {
    if (devices > std::int64_t{most} * loads_.largest(level)) continue;
    if (level == Grouping::kSite ? place_in(site) : try_level(level, kTries)) return true;
  }
  return false;
}

bool Attempt::place_in(const Scope& scope) {
  const std::size_t before = seats_.size();
  for (Ask& ask : asks_) {
    const bool placed = closeness_.segment  ? place_segments(ask, scope)
                        : closeness_.spread ? fill_apart(ask, scope, ask.spec->replicas) == ask.spec->replicas
                                            : fill(ask, scope, ask.spec->replicas) == ask.spec->replicas;
    if (!placed) {
      roll_back(before);
      return false;
    }
  }
  if (within_ramp()) return true;
  roll_back(before);
  return false;
}

bool Attempt::place_segments(Ask& ask, const Scope& scope) {
  const std::int64_t tasks = closeness_.segment_tasks;
  for (std::int64_t left = ask.spec->replicas; left > 0; left -= tasks) {
    ++segment_;
    bool placed = false;
    for (const Scope& part : scopes(scope, *closeness_.segment, ask, tasks)) {
      const std::size_t before = seats_.size();
      if (fill(ask, part, tasks) == tasks) {
        placed = true;
        break;
      }
      roll_back(before);
    }
    if (!placed) return false;
  }
  segment_ = 0;
  return true;
}

// In rounds: one task in each part of the scope, those with the most room first.
std::int64_t Attempt::fill_apart(Ask& ask, const Scope& scope, std::int64_t want) {
  std::int64_t placed = 0;
  if (*closeness_.spread == Grouping::kNode) {
    std::int64_t round = 0;
    do {
      ask.one_a_node = true;
      ask.round = seats_.size();
      round = fill(ask, scope, want - placed);
      ask.one_a_node = false;
      placed += round;
    } while (placed < want && round > 0 && !closeness_.spread_required);
    return placed;
  }
  std::vector<Scope> parts = scopes(scope, *closeness_.spread, ask, 1);
  std::reverse(parts.begin(), parts.end());
  while (placed < want && !parts.empty()) {
    std::erase_if(parts, [&](const Scope& part) {
      if (placed == want) return false;
      if (fill(ask, part, 1) == 0) return true;
      ++placed;
      return false;
    });
    if (closeness_.spread_required) break;
  }
  return placed;
}

std::int64_t Attempt::fill(Ask& ask, const Scope& scope, std::int64_t want) {
  if (scope.node != kNowhere) return fill_node(ask, scope.node, want);
  if (ask.devices == 0 || (ask.choosy && want == 1)) {
    return at_best(ask, scope.domain, want);
  }
  if (want > 1) return fill_domain(ask, scope.domain, want);
  for (std::int32_t free = ask.devices; free <= 64; ++free) {
    if (loads_.count(scope.domain, *pools_, free) > 0 && one_on(ask, scope.domain, free, ask.key)) return 1;
  }
  return 0;
}

// The child with the least room that holds the rest; while none does, the one with the most.
std::int64_t Attempt::fill_domain(Ask& ask, DomainIndex domain, std::int64_t want) {
  const Domain& here = loads_.domains()[domain];
  if (here.level == Grouping::kRack) return fill_rack(ask, domain, want);
  std::vector<std::pair<std::int64_t, DomainIndex>> children;
  children.reserve(here.children);
  for (DomainIndex c = here.first_child; c < here.first_child + here.children; ++c) {
    if (const std::int64_t room = capacity(ask, c); room > 0) children.emplace_back(room, c);
  }
  std::sort(children.begin(), children.end());
  std::int64_t placed = 0;
  while (placed < want && !children.empty()) {
    auto best = std::lower_bound(children.begin(), children.end(), std::pair(want - placed, DomainIndex{0}));
    if (best == children.end()) {
      // Of those with the most room the first, as elsewhere.
      best = std::lower_bound(children.begin(), children.end(), std::pair(children.back().first, DomainIndex{0}));
    }
    const auto [room, child] = *best;
    children.erase(best);
    placed += fill_domain(ask, child, std::min(room, want - placed));
  }
  return placed;
}

// Nodes in use before whole ones, those with the fewest devices free first; whole nodes together, as they are alike.
std::int64_t Attempt::fill_rack(Ask& ask, DomainIndex rack, std::int64_t want) {
  const Domain& here = loads_.domains()[rack];
  std::int64_t placed = 0;
  std::vector<std::tuple<std::int32_t, std::int64_t, NodeIndex>> used;
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    if (!suits(node) || loads_.whole_free(node) < ask.devices || loads_.tasks(node).empty()) continue;
    used.emplace_back(loads_.whole_free(node), price_on(ask, node).cost, node);
  }
  std::sort(used.begin(), used.end());
  for (const auto& [free, cost, node] : used) {
    if (placed == want) return placed;
    placed += fill_node(ask, node, want - placed);
  }
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes && placed < want; ++node) {
    if (!suits(node) || !loads_.tasks(node).empty() || loads_.whole_free(node) < ask.devices) continue;
    if (!fits_beside_devices(ask, node)) continue;
    if (loads_.devices(node) / ask.devices > 1 && !ask.one_a_node) {
      placed += fill_node(ask, node, want - placed);
      continue;
    }
    batch_.clear();
    const std::uint32_t pool = loads_.pool_of(node);
    const ColumnIndex column = power_.column_of(node);
    for (NodeIndex like = node; like < here.first_node + here.nodes; ++like) {
      if (static_cast<std::int64_t>(batch_.size()) == want - placed) break;
      if (loads_.pool_of(like) != pool || power_.column_of(like) != column) break;
      if (suits(like) && loads_.tasks(like).empty()) batch_.push_back(like);
    }
    const Need& need = ask.needs[pool];
    const NodeIndex last = batch_.back();
    const std::size_t room = this->room(node, need.draw, batch_.size());
    batch_.resize(room);
    if (room > 0) {
      draw(batch_, need.draw, true);
      for (const NodeIndex each : batch_) seat(ask, each);
      placed += static_cast<std::int64_t>(room);
    }
    node = last;  // what stands behind it is of another kind, or was refused with it
  }
  return placed;
}

std::int64_t Attempt::fill_node(Ask& ask, NodeIndex node, std::int64_t want) {
  std::int64_t placed = 0;
  if (ask.one_a_node) want = std::min<std::int64_t>(want, 1);
  if (once_) want = std::min<std::int64_t>(want, 1);
  while (placed < want && put(ask, node)) ++placed;
  return placed;
}

// Down to a rack with nodes that have just so many devices free, of several the one with the fewest; where all in vain, back
// and down another way.
bool Attempt::descend(DomainIndex domain, std::int32_t free, std::uint64_t question, const std::function<bool(const Domain&)>& try_rack) {
  const std::int32_t bit = free - 1;
  const bool remembers = this->remembers();
  if (remembers && loads_.vain(domain, question, bit)) return false;
  const Domain& here = loads_.domains()[domain];
  if (here.level == Grouping::kRack) {
    if (try_rack(here)) return true;
  } else {
    DomainIndex first = kNowhere;
    std::uint32_t fewest = ~0U;
    for (DomainIndex c = here.first_child; c < here.first_child + here.children; ++c) {
      const std::uint32_t nodes = loads_.count(c, *pools_, free);
      if (nodes == 0 || nodes >= fewest || (remembers && loads_.vain(c, question, bit))) continue;
      fewest = nodes;
      first = c;
    }
    if (first != kNowhere) {
      if (descend(first, free, question, try_rack)) return true;
      std::vector<std::pair<std::uint32_t, DomainIndex>> rest;
      for (DomainIndex c = here.first_child; c < here.first_child + here.children; ++c) {
        if (const std::uint32_t nodes = loads_.count(c, *pools_, free); c != first && nodes > 0) rest.emplace_back(nodes, c);
      }
      std::sort(rest.begin(), rest.end());
      for (const auto& [nodes, child] : rest) {
        if (descend(child, free, question, try_rack)) return true;
      }
    }
  }
  if (remembers) loads_.note_vain(domain, question, bit);
  return false;
}

bool Attempt::one_on(Ask& ask, DomainIndex domain, std::int32_t free, std::uint64_t question) {
  return descend(domain, free, question, [&](const Domain& rack) {
    std::vector<NodeIndex> used;
    for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) {
      if (!suits(node) || loads_.whole_free(node) != free) continue;
      if (!loads_.tasks(node).empty()) {
        used.push_back(node);
      } else if (put(ask, node)) {
        return true;
      }
    }
    return std::any_of(used.begin(), used.end(), [&](NodeIndex node) { return put(ask, node); });
  });
}

// All nodes that are in use are priced, and of each pool one that is not: those are alike, and which of them it is goes by
// the room around it.
std::int64_t Attempt::at_best(Ask& ask, DomainIndex domain, std::int64_t want) {
  static constexpr std::int32_t kAnywhere = 127;
  if (remembers() && loads_.vain(domain, ask.key, kAnywhere)) return 0;
  struct Option {
    Price price;
    std::int32_t whole_free;
    NodeIndex node;
    std::uint32_t pool;
    // The best stands on top of the heap: that costs least, of those on the fullest device, of those with the fewest free.
    bool operator<(const Option& other) const {
      return std::tuple(other.price.cost, other.price.device, other.whole_free, other.node, other.pool) <
             std::tuple(price.cost, price.device, whole_free, node, pool);
    }
  };
  std::vector<Option> options;
  const auto add_node = [&](NodeIndex node) {
    if (!suits(node) || !fits_devices(ask, node) || !fits_beside_devices(ask, node) || seated(ask, node)) return false;
    options.push_back({price_on(ask, node), loads_.whole_free(node), node, 0});
    return true;
  };
  const auto add_pool = [&](std::uint32_t p) {
    const std::int32_t all = loads_.most_devices(p);
    if ((*pools_)[p] == 0 || all < std::max(1, ask.devices)) return false;
    PoolMask alone(pools_->size());
    alone[p] = 1;
    if (loads_.count(domain, alone, all) == 0) return false;
    const TypeIndex type = loads_.pools()[p].type;
    options.push_back({price(ask, type, empty_room(estate_.types()[type].spec)), all, kNowhere, p});
    return true;
  };
  const auto [first, last] = inside(domain, Grouping::kRack);
  for (DomainIndex r = first; r < last; ++r) {
    if (capacity(ask, r) == 0) continue;
    const Domain& rack = loads_.domains()[r];
    for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) {
      if (!loads_.tasks(node).empty()) add_node(node);
    }
  }
  for (std::uint32_t p = 0; p < pools_->size(); ++p) add_pool(p);
  std::make_heap(options.begin(), options.end());
  std::int64_t placed = 0;
  while (placed < want && !options.empty()) {
    const Option best = options.front();
    std::pop_heap(options.begin(), options.end());
    options.pop_back();
    if (best.node != kNowhere) {
      if (!put(ask, best.node)) continue;
    } else {
      PoolMask alone(pools_->size());
      alone[best.pool] = 1;
      const PoolMask* const before = std::exchange(pools_, &alone);
      const bool found = one_on(ask, domain, best.whole_free, ask.key + best.pool + 1);
      pools_ = before;
      if (!found) continue;
      if (add_pool(best.pool)) std::push_heap(options.begin(), options.end());
    }
    ++placed;
    if (add_node(seats_.back().node)) std::push_heap(options.begin(), options.end());  // what is left of it
  }
  if (placed == 0 && remembers()) loads_.note_vain(domain, ask.key, kAnywhere);
  return placed;
}

Attempt::Price Attempt::price(const Ask& ask, TypeIndex type, const NodeRoom& room) const {
  NodeRoom after = room;
  after.cpu -= ask.spec->cpu;
  after.memory -= ask.spec->memory;
  if (ask.milli == 0) {
    after.whole -= ask.devices;
    return {state_.typical().cost(estate_, type, room, after), 1000};
  }
  std::optional<Price> best;
  const auto consider = [&](std::int32_t left) {
    if (left < ask.milli) return;
    NodeRoom with = after;
    with.take_share(left, ask.milli);
    const Price here{state_.typical().cost(estate_, type, room, with), left};
    if (!best || std::tie(here.cost, here.device) < std::tie(best->cost, best->device)) best = here;
  };
  for (std::int32_t i = 0; i < room.shared; ++i) consider(room.rooms[static_cast<std::size_t>(i)]);
  if (room.whole > 0) consider(1000);
  return best.value_or(Price{});
}

Attempt::Price Attempt::price_on(const Ask& ask, NodeIndex node) {
  const NodeRoom room = room_of(loads_, node);
  if (priced_.empty()) priced_.resize(256);
  std::array<std::uint64_t, 7> told{static_cast<std::uint64_t>(ask.group), loads_.pool_of(node), static_cast<std::uint64_t>(room.whole),
                                    static_cast<std::uint64_t>(room.cpu.count()), static_cast<std::uint64_t>(room.memory.count()),
                                    static_cast<std::uint64_t>(room.shared), 0};
  for (std::int32_t i = 0; i < room.shared; ++i) {  // whichever devices they are on
    told[6] += XXH3_64bits(&room.rooms[static_cast<std::size_t>(i)], sizeof(room.rooms[0]));
  }
  const std::uint64_t key = XXH3_64bits(told.data(), sizeof(told)) | 1;
  Priced& known = priced_[key % priced_.size()];
  if (known.key != key) known = {key, price(ask, loads_.pools()[loads_.pool_of(node)].type, room)};
  return known.price;
}

bool Attempt::suits(NodeIndex node) const {
  return loads_.counted(node) && (*pools_)[loads_.pool_of(node)] != 0 && (!picky_ || capable(state_, job_, node));
}

bool Attempt::fits_beside_devices(const Ask& ask, NodeIndex node) const {
  return loads_.free_cpu(node) >= ask.spec->cpu && loads_.free_memory(node) >= ask.spec->memory &&
         loads_.free_disk(node) >= ask.spec->disk && loads_.free_port(node) != 0;
}

bool Attempt::seated(const Ask& ask, NodeIndex node) const {
  if (!ask.one_a_node) return false;
  const auto index = static_cast<std::int32_t>(&ask - asks_.data());
  const auto first = seats_.begin() + static_cast<std::ptrdiff_t>(std::min(ask.round, seats_.size()));
  return std::any_of(first, seats_.end(), [&](const Seat& seat) { return seat.node == node && seat.ask == index; });
}

bool Attempt::fits_devices(const Ask& ask, NodeIndex node) const {
  if (ask.milli > 0) return loads_.whole_free(node) > 0 || loads_.shared_room(node) >= ask.milli;
  return loads_.whole_free(node) >= ask.devices;
}

// One task on the node, if its devices, cores, memory, disk, ports and watts suffice.
bool Attempt::put(Ask& ask, NodeIndex node) {
  if (!fits_beside_devices(ask, node) || !fits_devices(ask, node) || seated(ask, node)) return false;
  const Need& need = ask.needs[loads_.pool_of(node)];
  if (room(node, need.draw, 1) == 0) return false;
  draw({&node, 1}, need.draw, true);
  seat(ask, node);
  return true;
}

std::size_t Attempt::room(NodeIndex node, const Draw& draw, std::size_t most) {
  PowerBlock why;
  std::size_t room = power_.room(node, draw, until_, most, explain_ ? &why : nullptr);
  if (room < most && explain_) refused(why);
  for (PowerLoads* later : kept_) {
    if (room > 0) room = later->room(node, draw, until_, room);
  }
  return room;
}

void Attempt::draw(std::span<const NodeIndex> nodes, const Draw& draw, bool take) {
  const auto lay = [&](PowerLoads& power) {
    if (take) {
      power.take(nodes, draw, until_);
    } else {
      power.give(nodes, draw, until_);
    }
  };
  lay(power_);
  for (PowerLoads* later : kept_) lay(*later);
}

void Attempt::seat(Ask& ask, NodeIndex node) {
  const Need& need = ask.needs[loads_.pool_of(node)];
  Seat& seat = seats_.emplace_back();
  seat.node = node;
  seat.ask = static_cast<std::int32_t>(&ask - asks_.data());
  seat.segment = segment_;
  TaskPlacement& task = seat.task;
  task.group = ask.group;
  task.gpus = ask.spec->gpus;
  task.cpu = ask.spec->cpu;
  task.memory = ask.spec->memory;
  task.disk = ask.spec->disk;
  task.port = loads_.free_port(node);
  task.demand = need.demand;
  task.firm = need.firm;
  if (ask.devices > 0) {
    task.devices = DeviceSet::first_of(loads_.free_devices(node), ask.devices);
  } else if (ask.milli > 0) {
    const TypeIndex type = loads_.pools()[loads_.pool_of(node)].type;
    const std::int32_t left = price(ask, type, room_of(loads_, node)).device;
    std::int32_t device = 0;
    while (device < loads_.devices(node) && 1000 - loads_.used(node, device) != left) ++device;
    PENSTOCK_CHECK(device < loads_.devices(node));
    task.devices.push_back(device);
  }
  if (!once_) loads_.reserve(node, task, job_.uid, static_cast<std::int32_t>(seats_.size() - 1));
}

void Attempt::refused(const PowerBlock& block) {
  const auto key = std::tuple(block.segment, block.kind, block.row, block.demand);
  ++blocks_.try_emplace(key, block, 0).first->second.second;
}

void Attempt::roll_back(std::size_t to) {
  while (seats_.size() > to) {
    // Those that were taken together are given back together.
    const std::int32_t ask = seats_.back().ask;
    const ColumnIndex column = power_.column_of(seats_.back().node);
    const Draw draw = asks_[static_cast<std::size_t>(ask)].needs[loads_.pool_of(seats_.back().node)].draw;
    batch_.clear();
    while (seats_.size() > to && seats_.back().ask == ask && power_.column_of(seats_.back().node) == column) {
      const Seat& last = seats_.back();
      if (!once_) loads_.undo(last.node, last.task, job_.uid, static_cast<std::int32_t>(seats_.size() - 1));
      batch_.push_back(last.node);
      seats_.pop_back();
    }
    this->draw(batch_, draw, false);
  }
}

bool Attempt::within_ramp() {
  const auto& grid = estate_.sites()[loads_.site()].grid;
  if (!grid || !grid->ramp_per_second) return true;
  ramp_.swing = Watts();
  for (const Seat& seat : seats_) {
    ramp_.swing += asks_[static_cast<std::size_t>(seat.ask)].needs[loads_.pool_of(seat.node)].draw.demand;
  }
  if (ramp_.swing <= *grid->ramp_per_second) return true;
  ramp_.ramp = grid->ramp_per_second;
  return false;
}

PowerObstacle Attempt::obstacle() const {
  PowerObstacle out = ramp_;
  std::size_t most = 0;
  for (const auto& [key, blocks] : blocks_) {
    if (blocks.second <= most) continue;
    most = blocks.second;
    out.block = blocks.first;
  }
  return out;
}

std::vector<TaskPlacement> Attempt::tasks() {
  std::vector<std::uint32_t> order(seats_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto key = [&](std::uint32_t i) {
      const Seat& seat = seats_[i];
      return std::tuple(seat.task.group, seat.segment, seat.node, i);
    };
    return key(a) < key(b);
  });
  std::vector<TaskPlacement> out;
  out.reserve(order.size());
  for (const std::uint32_t i : order) {
    // What is not booked need not be told apart again to be given back.
    out.push_back(once_ ? std::move(seats_[i].task) : seats_[i].task);
    out.back().node = estate_.nodes()[seats_[i].node].name;
  }
  return out;
}

}  // namespace penstock
