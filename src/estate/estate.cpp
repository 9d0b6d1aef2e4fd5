// Compiling the estate: every range expanded, every name resolved, every share exact.
#include "estate/estate.h"

#include <algorithm>
#include <unordered_set>

#include "base/name.h"

namespace penstock {
namespace {

constexpr std::int64_t kAllShares = 1'000'000;
// Everything that templates may make: names, feeds and labels. A short text must not cost without bound.
constexpr std::size_t kMostParts = 8 * Estate::kMostNodes;
constexpr Duration kShedWithin = seconds(10);

std::vector<Substitution> capture_keys(const std::vector<std::string>& captures) {
  std::vector<Substitution> keys;
  for (std::size_t i = 0; i < captures.size(); ++i) keys.push_back({fmt::format("{}", i + 1), captures[i]});
  return keys;
}

std::size_t likeness(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t head = 0;
  while (head < most && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < most - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  return head + tail;
}

// "there are 'a', 'b' and 12 more", the likest to `wanted` first.
template <class Names>
std::string what_exists(std::string_view wanted, const Names& names) {
  if (names.empty()) return "there are none";
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const auto& entry : names) ranked.emplace_back(likeness(wanted, entry.first), entry.first);
  const std::size_t shown = std::min<std::size_t>(3, ranked.size());
  std::partial_sort(
      ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown), ranked.end(),
      [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::string text = ranked.size() == 1 ? "there is" : "there are";
  for (std::size_t i = 0; i < shown; ++i) text += fmt::format("{} '{}'", i == 0 ? "" : ",", ranked[i].second);
  if (ranked.size() > shown) text += fmt::format(" and {} more", ranked.size() - shown);
  return text;
}

}  // namespace

// Compiles one site after the other into the estate. Faults are gathered; a template that is wrong is told once.
class EstateCompiler {
 public:
  EstateCompiler(const std::map<std::string, NodeTypeSpec>& types, Claims claims, Estate& estate)
      : estate_(estate), claims_(claims) {
    for (const auto& [name, spec] : types) {
      type_by_name_.emplace(name, static_cast<TypeIndex>(estate_.types_.size()));
      estate_.types_.push_back({name, spec});
    }
  }

  void compile_site(const std::string& name, const SiteSpec& spec) {
    site_ = static_cast<SiteIndex>(estate_.sites_.size());
    site_name_ = name;
    EstateSite site;
    site.name = name;
    site.country = spec.country;
    site.runtime = spec.runtime;
    site.grid = spec.grid;
    site.fabric = spec.fabric;
    site.fleet = spec.fleet;
    site.has_network = spec.network.has_value();
    site.first_node = static_cast<NodeIndex>(estate_.nodes_.size());
    site.first_hall = static_cast<HallIndex>(estate_.halls_.size());
    site.first_row = static_cast<RowIndex>(estate_.rows_.size());
    site.first_rack = static_cast<RackIndex>(estate_.racks_.size());
    site.first_element = static_cast<ElementIndex>(estate_.elements_.size());
    site.first_unit = static_cast<UnitIndex>(estate_.units_.size());
    site.first_loop = static_cast<LoopIndex>(estate_.loops_.size());
    estate_.sites_.push_back(std::move(site));
    faults_ = {};
    element_by_name_.clear();
    unit_by_name_.clear();
    loop_by_name_.clear();
    exception_by_rack_.clear();
    fates_.clear();
    two_sided_.clear();
    told_.clear();
    told_of_racks_.clear();
    has_network_ = spec.network.has_value();
    shed_within_ = kShedWithin;
    if (spec.contingencies) shed_within_ = spec.contingencies->shed_within.value_or(kShedWithin);
    {
      Problems::Step at_spec(faults_, "spec");
      if (spec.network) compile_network(*spec.network);
      if (spec.cooling) compile_cooling(*spec.cooling);
      count_parts();
      if (spec.contingencies) compile_contingencies(*spec.contingencies);
      index_exceptions(spec.exceptions);
      compile_halls(spec);
      check_exceptions_used(spec.exceptions);
    }
    EstateSite& made = estate_.sites_[site_];
    made.nodes = static_cast<std::uint32_t>(estate_.nodes_.size()) - made.first_node;
    made.halls = static_cast<std::uint32_t>(estate_.halls_.size()) - made.first_hall;
    made.rows = static_cast<std::uint32_t>(estate_.rows_.size()) - made.first_row;
    made.racks = static_cast<std::uint32_t>(estate_.racks_.size()) - made.first_rack;
    take_faults();
  }

  Status finish() {
    if (!problems_.empty()) return problems_.take();
    estate_.node_by_name_.reserve(estate_.nodes_.size());
    for (std::size_t i = 0; i < estate_.nodes_.size(); ++i) {
      estate_.node_by_name_.emplace(estate_.nodes_[i].name, static_cast<NodeIndex>(i));
    }
    return ok_status();
  }

 private:
  struct Exception {
    std::size_t index;
    bool used = false;
  };

  void take_faults() {
    if (faults_.empty()) return;
    Error first = faults_.take();
    std::vector<Error> also = std::move(first.also);
    first.also.clear();
    also.insert(also.begin(), std::move(first));
    for (Error& error : also) {
      error.file = "Site " + site_name_;
      problems_.add(std::move(error));
    }
  }

  // Whether `count` more parts may be made. The first refusal is told; it ends the work on all that follows.
  bool spend(std::size_t count, std::string_view field) {
    if (!exhausted_ && count > parts_left_) {
      exhausted_ = true;
      faults_.add(fmt::format("the templates make more than {} names, feeds and labels", kMostParts), field,
                  Code::kLimitExceeded);
    }
    if (exhausted_) return false;
    parts_left_ -= count;
    return true;
  }

  std::vector<RangeName> expand(std::string_view pattern, std::string_view field) {
    if (exhausted_) return {};
    Status named = check_range(pattern);
    if (!named.ok()) {
      faults_.add(named.error().message, field);
      return {};
    }
    auto names = expand_range(pattern, Estate::kMostNodes);
    if (!names.ok()) {
      faults_.add(names.error().message, field, Code::kLimitExceeded);
      return {};
    }
    return spend(names->size(), field) ? std::move(*names) : std::vector<RangeName>{};
  }

  // Notes that the template at this address is wrong; false if that has been told already.
  bool tell(const void* part) { return told_.insert(part).second; }

  // Replaces the keys in `text`. What cannot be done is told once for the template.
  std::optional<std::string> fill(const std::string& text, const std::vector<Substitution>& keys,
                                  std::string_view field, const void* part) {
    auto filled = substitute(text, keys);
    if (filled.ok()) return std::move(*filled);
    if (tell(part)) faults_.add(filled.error().message, field);
    return std::nullopt;
  }

  std::vector<EstateFeed> resolve_feeds(const std::vector<FeedSpec>& feeds, const std::vector<Substitution>& keys) {
    std::vector<EstateFeed> out;
    if (feeds.empty() || !spend(feeds.size(), "feeds")) return out;
    Ppm sum;
    std::int64_t open = 0;
    for (const FeedSpec& feed : feeds) {
      sum += feed.share.value_or(Ppm());
      open += feed.share ? 0 : 1;
    }
    if (open > 0 && sum > Ppm()) {
      if (tell(&feeds)) {
        faults_.add("expected a share on every feed, or on standbys (0%) only; feeds without one are equal", "feeds");
      }
      return out;
    }
    if (open == 0 && sum != Ppm(kAllShares) && tell(&feeds)) {
      faults_.add(fmt::format("the shares add up to {}; expected 100%", Text<Ppm>::format(sum)), "feeds");
    }
    std::int64_t next = 0;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      Ppm share;
      if (feeds[i].share) {
        share = *feeds[i].share;
      } else {
        share = Ppm(kAllShares / open + (next++ < kAllShares % open ? 1 : 0));
      }
      const std::string field = fmt::format("feeds[{}].from", i);
      const std::optional<std::string> from = fill(feeds[i].from, keys, field, &feeds[i]);
      if (!from) continue;
      const auto element = element_by_name_.find(*from);
      if (element == element_by_name_.end()) {
        if (tell(&feeds[i])) {
          faults_.add(fmt::format("no element '{}'; {}", *from, what_exists(*from, element_by_name_)), field,
                      Code::kNotFound);
        }
        continue;
      }
      out.push_back({element->second, share, feeds[i].supplies.value_or(-1)});
    }
    return out;
  }

  void compile_network(const NetworkSpec& network) {
    Problems::Step at_network(faults_, "network");
    Problems::Step at_elements(faults_, "elements");
    std::vector<std::vector<RangeName>> names(network.elements.size());
    first_element_ = static_cast<ElementIndex>(estate_.elements_.size());
    for (std::size_t i = 0; i < network.elements.size(); ++i) {
      Problems::Step at_element(faults_, i);
      const ElementSpec& spec = network.elements[i];
      names[i] = expand(spec.name, "name");
      for (const RangeName& name : names[i]) {
        const auto index = static_cast<ElementIndex>(estate_.elements_.size());
        const auto [known, fresh] = element_by_name_.try_emplace(name.name, index);
        if (!fresh && tell(&spec)) {
          faults_.add(fmt::format("'{}' is also made by spec.network.elements[{}]", name.name,
                                  estate_.elements_[known->second].spec),
                      "name", Code::kAlreadyExists);
        }
        estate_.elements_.push_back({site_name_ + "/" + name.name,
                                     site_,
                                     spec.kind,
                                     usable(spec),
                                     overload(spec, shed_within_),
                                     bearings(spec),
                                     transfer(spec),
                                     spec.from,
                                     {},
                                     static_cast<std::uint32_t>(i)});
      }
    }
    ElementIndex next = first_element_;
    for (std::size_t i = 0; i < network.elements.size(); ++i) {
      Problems::Step at_element(faults_, i);
      const ElementSpec& spec = network.elements[i];
      if (spec.feeds.empty() && !is_source(spec.kind)) {
        faults_.add(
            fmt::format("a {} needs at least one feed; only grid and generator are sources", name_of(spec.kind)),
            "feeds");
      }
      if (is_source(spec.kind) && !spec.feeds.empty()) {
        faults_.add(fmt::format("a {} is a source and has no feeds", name_of(spec.kind)), "feeds");
      }
      for (const RangeName& name : names[i]) {
        estate_.elements_[next++].feeds = resolve_feeds(spec.feeds, capture_keys(name.captures));
      }
    }
    order_network();
  }

  // Depth first with a stack of its own: a chain of elements may be long. The first cycle is told. Every element comes
  // after its feeds, so that its fate follows from theirs.
  void order_network() {
    enum class Mark : char { kNew, kOpen, kDone };
    const std::vector<EstateElement>& elements = estate_.elements_;
    std::vector<Mark> marks(elements.size() - first_element_, Mark::kNew);
    fates_.assign(marks.size(), kNowhere);
    std::vector<std::pair<ElementIndex, std::size_t>> path;  // an element and its next feed
    for (ElementIndex start = first_element_; start < elements.size(); ++start) {
      if (marks[start - first_element_] != Mark::kNew) continue;
      path.assign(1, {start, 0});
      marks[start - first_element_] = Mark::kOpen;
      while (!path.empty()) {
        const ElementIndex at = path.back().first;
        if (path.back().second == elements[at].feeds.size()) {
          marks[at - first_element_] = Mark::kDone;
          fates_[at - first_element_] = fate_of(at);
          path.pop_back();
          continue;
        }
        const ElementIndex above = elements[at].feeds[path.back().second++].from;
        Mark& mark = marks[above - first_element_];
        if (mark == Mark::kOpen) {
          tell_cycle(path, above);
          return;
        }
        if (mark == Mark::kNew) {
          mark = Mark::kOpen;
          path.emplace_back(above, 0);
        }
      }
    }
  }

  // The topmost element below the sources whose loss takes this one along; of a source kNowhere.
  ElementIndex fate_of(ElementIndex element) const {
    if (is_source(estate_.elements_[element].kind)) return kNowhere;
    const ElementIndex common = common_fate(estate_.elements_[element].feeds);
    return common == kNowhere ? element : common;
  }

  // The fate that all feeds have in common; kNowhere: no single loss below the sources takes all of them.
  ElementIndex common_fate(const std::vector<EstateFeed>& feeds) const {
    if (feeds.empty()) return kNowhere;
    const ElementIndex first = fates_[feeds.front().from - first_element_];
    const bool same = std::all_of(feeds.begin(), feeds.end(), [&](const EstateFeed& feed) {
      return fates_[feed.from - first_element_] == first;
    });
    return same ? first : kNowhere;
  }

  void tell_cycle(const std::vector<std::pair<ElementIndex, std::size_t>>& path, ElementIndex closes) {
    constexpr std::size_t kShown = 8;
    auto from = path.begin();
    while (from->first != closes) ++from;
    std::string circle;
    for (auto step = from; step != path.end(); ++step) {
      if (step - from == kShown) {
        circle += "… ← ";
        break;
      }
      circle += fmt::format("{} ← ", leaf_of(estate_.elements_[step->first].name));
    }
    circle += leaf_of(estate_.elements_[closes].name);
    Problems::Step at_element(faults_, estate_.elements_[closes].spec);
    faults_.add("the network feeds itself: " + circle, "feeds");
  }

  void compile_cooling(const CoolingSpec& cooling) {
    Problems::Step at_cooling(faults_, "cooling");
    std::unordered_map<std::string, std::size_t> units;
    for (std::size_t i = 0; i < cooling.units.size(); ++i) {
      Problems::Step at_units(faults_, "units");
      Problems::Step at_unit(faults_, i);
      const CoolingUnitSpec& spec = cooling.units[i];
      for (const RangeName& name : expand(spec.name, "name")) {
        name_once(units, name.name, i, "spec.cooling.units", &spec);
        if (element_by_name_.count(name.name) != 0 && tell(&spec.name)) {
          faults_.add(fmt::format("'{}' is also an element; restrictions and losses must tell them apart", name.name), "name",
                      Code::kAlreadyExists);
        }
        unit_by_name_.try_emplace(name.name, static_cast<UnitIndex>(estate_.units_.size()));
        estate_.units_.push_back({site_name_ + "/" + name.name, spec.liquid.value_or(Watts()), spec.air.value_or(Watts()),
                                  spec.flow.value_or(MillilitresPerMinute()), spec.draw.value_or(Watts()),
                                  resolve_feeds(spec.feeds, capture_keys(name.captures))});
      }
    }
    std::unordered_map<UnitIndex, std::string> loop_of_unit;
    std::unordered_map<std::string, std::size_t> loops;
    for (std::size_t i = 0; i < cooling.loops.size(); ++i) {
      Problems::Step at_loops(faults_, "loops");
      Problems::Step at_loop(faults_, i);
      const CoolingLoopSpec& spec = cooling.loops[i];
      for (const RangeName& name : expand(spec.name, "name")) {
        name_once(loops, name.name, i, "spec.cooling.loops", &spec);
        loop_by_name_.try_emplace(name.name, static_cast<LoopIndex>(estate_.loops_.size()));
        if (!spend(spec.units.size(), "units")) return;
        EstateLoop loop;
        loop.name = site_name_ + "/" + name.name;
        loop.hold = spec.hold;
        loop.holds = spec.hold && *spec.hold >= shed_within_;
        loop.spec = static_cast<std::uint32_t>(i);
        const auto keys = capture_keys(name.captures);
        for (std::size_t u = 0; u < spec.units.size(); ++u) {
          const std::string field = fmt::format("units[{}]", u);
          const std::optional<std::string> pattern = fill(spec.units[u], keys, field, &spec.units[u]);
          if (!pattern) continue;
          for (const RangeName& unit : expand(*pattern, field)) {
            const auto found = unit_by_name_.find(unit.name);
            if (found == unit_by_name_.end()) {
              if (tell(&spec.units[u])) {
                faults_.add(fmt::format("no cooling unit '{}'; {}", unit.name, what_exists(unit.name, unit_by_name_)), field,
                            Code::kNotFound);
              }
              continue;
            }
            const auto [other, fresh] = loop_of_unit.try_emplace(found->second, name.name);
            if (!fresh && tell(&spec.units[u])) {
              faults_.add(fmt::format("cooling unit '{}' serves loop '{}' already; a unit serves one loop", unit.name,
                                      other->second),
                          field, Code::kAlreadyExists);
            }
            loop.units.push_back(found->second);
          }
        }
        estate_.loops_.push_back(std::move(loop));
      }
    }
  }

  void count_parts() {
    EstateSite& site = estate_.sites_[site_];
    site.elements = static_cast<std::uint32_t>(estate_.elements_.size()) - site.first_element;
    site.units = static_cast<std::uint32_t>(estate_.units_.size()) - site.first_unit;
    site.loops = static_cast<std::uint32_t>(estate_.loops_.size()) - site.first_loop;
  }

  void compile_contingencies(const ContingenciesSpec& contingencies) {
    EstateSite& site = estate_.sites_[site_];
    site.single_losses = contingencies.singles == SingleLosses::kAll;
    for (std::size_t i = 0; i < contingencies.together.size(); ++i) {
      Problems::Step at_contingencies(faults_, "contingencies");
      Problems::Step at_together(faults_, "together");
      Problems::Step at_loss(faults_, i);
      auto loss = estate_.find_parts(site_, contingencies.together[i].lose);
      if (!loss.ok()) {
        faults_.add(loss.error().message, "lose", loss.error().code);
        continue;
      }
      loss->name = contingencies.together[i].name;
      site.losses.push_back(std::move(*loss));
    }
  }

  void name_once(std::unordered_map<std::string, std::size_t>& names, const std::string& name, std::size_t index,
                 std::string_view list, const void* part) {
    const auto [known, fresh] = names.try_emplace(name, index);
    if (fresh || !tell(part)) return;
    faults_.add(fmt::format("'{}' is also made by {}[{}]", name, list, known->second), "name", Code::kAlreadyExists);
  }

  void index_exceptions(const std::vector<RackExceptionSpec>& exceptions) {
    for (std::size_t i = 0; i < exceptions.size(); ++i) {
      Problems::Step at_exceptions(faults_, "exceptions");
      Problems::Step at_exception(faults_, i);
      const std::string& rack = exceptions[i].rack;
      const std::string_view hall_pattern = parent_of(rack);
      const std::vector<RangeName> halls = expand(hall_pattern, "rack");
      const std::vector<RangeName> racks = halls.empty() ? std::vector<RangeName>{} : expand(leaf_of(rack), "rack");
      if (!spend(halls.size() * racks.size(), "rack")) return;
      for (const RangeName& hall : halls) {
        for (const RangeName& leaf : racks) {
          const std::string name = hall.name + "/" + leaf.name;
          const auto [known, fresh] = exception_by_rack_.try_emplace(name, Exception{i});
          if (!fresh && tell(&exceptions[i])) {
            faults_.add(fmt::format("'{}' is also named by spec.exceptions[{}]", name, known->second.index), "rack",
                        Code::kAlreadyExists);
          }
        }
      }
    }
  }

  void check_exceptions_used(const std::vector<RackExceptionSpec>& exceptions) {
    // The first in name order, so that the message does not depend on a hash.
    std::vector<std::string_view> unused(exceptions.size());
    for (const auto& [name, exception] : exception_by_rack_) {
      std::string_view& first = unused[exception.index];
      if (!exception.used && (first.empty() || name < first)) first = name;
    }
    for (std::size_t i = 0; i < unused.size() && !exhausted_ && !faults_.full(); ++i) {
      if (unused[i].empty()) continue;
      Problems::Step at_exceptions(faults_, "exceptions");
      Problems::Step at_exception(faults_, i);
      faults_.add(fmt::format("no rack '{}'; {}", unused[i], what_exists(unused[i], path_of_rack_)), "rack",
                  Code::kNotFound);
    }
  }

  void compile_halls(const SiteSpec& spec) {
    path_of_rack_.clear();
    path_of_spec_.clear();
    std::unordered_map<std::string, std::size_t> halls;
    for (std::size_t h = 0; h < spec.halls.size(); ++h) {
      Problems::Step at_halls(faults_, "halls");
      Problems::Step at_hall(faults_, h);
      for (const RangeName& hall : expand(spec.halls[h].name, "name")) {
        name_once(halls, hall.name, h, "spec.halls", &spec.halls[h]);
        estate_.halls_.push_back(
            {site_name_ + "/" + hall.name, site_, static_cast<RowIndex>(estate_.rows_.size()), 0});
        std::unordered_map<std::string, std::size_t> rows;
        for (std::size_t r = 0; r < spec.halls[h].rows.size(); ++r) {
          Problems::Step at_rows(faults_, "rows");
          Problems::Step at_row(faults_, r);
          const RowSpec& row_spec = spec.halls[h].rows[r];
          for (const RangeName& row : expand(row_spec.name, "name")) {
            name_once(rows, row.name, r, fmt::format("spec.halls[{}].rows", h), &row_spec);
            estate_.rows_.push_back({site_name_ + "/" + hall.name + "/" + row.name,
                                     static_cast<HallIndex>(estate_.halls_.size() - 1),
                                     static_cast<RackIndex>(estate_.racks_.size()), 0});
            ++estate_.halls_.back().rows;
            position_ = 0;
            for (std::size_t k = 0; k < row_spec.racks.size(); ++k) {
              Problems::Step at_racks(faults_, "racks");
              Problems::Step at_rack(faults_, k);
              compile_racks(spec, row_spec.racks[k], spec.halls[h].from, hall.name, row.name);
              if (exhausted_ || faults_.full()) return;
            }
          }
        }
      }
    }
  }

  void compile_racks(const SiteSpec& site, const RackSpec& spec, std::optional<Time> from, const std::string& hall,
                     const std::string& row) {
    const auto pattern = fill(spec.name, {{"hall", hall}, {"row", row}}, "name", &spec.name);
    if (!pattern) return;
    if (spec.position > 0) position_ = spec.position - 1;
    const std::uint32_t path = path_index(&spec, faults_.path());
    for (const RangeName& name : expand(*pattern, "name")) {
      ++position_;
      const std::string hall_rack = hall + "/" + name.name;
      const auto [known, fresh] = path_of_rack_.try_emplace(hall_rack, path);
      if (!fresh) {
        if (tell(&spec.name)) {
          faults_.add(fmt::format("rack '{}' is also made by {}", hall_rack, rack_paths()[known->second]), "name",
                      Code::kAlreadyExists);
        }
        continue;
      }
      const auto found = exception_by_rack_.find(hall_rack);
      const RackExceptionSpec* exception = nullptr;
      if (found != exception_by_rack_.end()) {
        found->second.used = true;
        exception = &site.exceptions[found->second.index];
        if (exception->absent) continue;
      }
      compile_rack(spec, exception, found == exception_by_rack_.end() ? 0 : found->second.index, path, from, hall, row,
                   name);
      if (exhausted_ || faults_.full()) return;
    }
  }

  std::vector<std::string>& rack_paths() { return estate_.sites_[site_].rack_paths; }

  std::uint32_t path_index(const void* spec, const std::string& path) {
    const auto [known, fresh] = path_of_spec_.try_emplace(spec, static_cast<std::uint32_t>(rack_paths().size()));
    if (fresh) rack_paths().push_back(path);
    return known->second;
  }

  void compile_rack(const RackSpec& spec, const RackExceptionSpec* exception, std::size_t exception_index,
                    std::uint32_t path, std::optional<Time> from, const std::string& hall, const std::string& row,
                    const RangeName& name) {
    EstateRack rack;
    rack.name = site_name_ + "/" + hall + "/" + name.name;
    rack.hall = hall;
    rack.row = row;
    rack.in_row = static_cast<RowIndex>(estate_.rows_.size() - 1);
    rack.site = site_;
    rack.from = from;
    rack.position = position_;
    rack.path = path;
    rack.redundancy = spec.redundancy;
    if (exception != nullptr && exception->redundancy) rack.redundancy = *exception->redundancy;
    rack.first_node = static_cast<NodeIndex>(estate_.nodes_.size());
    std::vector<Substitution> keys = capture_keys(name.captures);
    keys.push_back({"hall", hall});
    keys.push_back({"row", row});
    keys.push_back({"rack", name.name});

    const bool other_feeds = exception != nullptr && !exception->feeds.empty();
    const bool other_nodes = exception != nullptr && !exception->nodes.empty();
    const auto in_exception = [&](bool other, const auto& work) {
      if (!other) return work();
      Problems::Elsewhere anew(faults_);
      Problems::Step at_spec(faults_, "spec");
      Problems::Step at_exceptions(faults_, "exceptions");
      Problems::Step at_exception(faults_, exception_index);
      work();
    };
    in_exception(other_nodes, [&] { add_nodes(other_nodes ? exception->nodes : spec.nodes, spec, rack); });
    in_exception(other_feeds, [&] { rack.feeds = resolve_feeds(other_feeds ? exception->feeds : spec.feeds, keys); });
    if (has_network_ && rack.nodes > 0 && !other_feeds && spec.feeds.empty() && tell(&spec.feeds)) {
      faults_.add("a rack with nodes needs at least one feed, as the site has a network", "feeds");
    }
    rack.labels = spec.labels;
    if (exception != nullptr) {
      for (const auto& [key, value] : exception->labels) rack.labels.insert_or_assign(key, value);
    }
    std::size_t label_bytes = 0;
    for (const auto& [key, value] : rack.labels) label_bytes += key.size() + value.size();
    const bool other_loops = exception != nullptr && !exception->loops.empty();
    const std::vector<std::string>& loops = other_loops ? exception->loops : spec.loops;
    if (!spend(loops.size() + rack.labels.size() + label_bytes / 64, "labels")) return;
    in_exception(other_loops, [&] { resolve_loops(loops, keys, rack); });
    if (other_feeds || other_nodes || other_loops) {
      rack.path = path_index(exception, fmt::format("spec.exceptions[{}]", exception_index));
    }
    const bool other_claim = exception != nullptr && exception->redundancy.has_value();
    const bool all_feeds = rack.feeds.size() == (other_feeds ? exception->feeds : spec.feeds).size();
    if (claims_ == Claims::kJudged && all_feeds) {
      const std::string_view changed = other_feeds ? "feeds" : other_nodes ? "nodes" : "";
      in_exception(!changed.empty(), [&] { check_supplies(rack, changed.empty() ? "feeds" : changed); });
      in_exception(other_claim || !changed.empty(),
                   [&] { check_claim(rack, other_claim || changed.empty() ? "redundancy" : changed); });
    }
    ++estate_.rows_.back().racks;
    estate_.racks_.push_back(std::move(rack));
  }

  // The types of a rack's nodes that tell their supplies.
  std::vector<const EstateType*> types_with_supplies(const EstateRack& rack) const {
    std::vector<const EstateType*> types;
    for (NodeIndex n = rack.first_node; n < rack.first_node + rack.nodes; ++n) {
      const EstateType& type = estate_.types_[estate_.nodes_[n].type];
      if (type.spec.supplies && (types.empty() || types.back() != &type)) types.push_back(&type);
    }
    return types;
  }

  // Where the feeds tell the supplies of each node, they tell all of them.
  void check_supplies(const EstateRack& rack, std::string_view field) {
    std::int32_t told = 0;
    for (const EstateFeed& feed : rack.feeds) {
      if (feed.supplies < 0) return;
      told += feed.supplies;
    }
    if (rack.feeds.empty() || rack.nodes == 0) return;
    const auto types = types_with_supplies(rack);
    if (types.empty()) {
      tell_of_rack("the feeds tell supplies, and no NodeType of the rack has any; add them there, or leave them out here",
                   field);
    }
    for (const EstateType* type : types) {
      if (type->spec.supplies->count == told) continue;
      tell_of_rack(fmt::format("the feeds tell {} supplies of each node, and NodeType '{}' has {}; tell all of them, or none "
                               "to spread them evenly",
                               told, type->name, type->spec.supplies->count),
                   field);
    }
  }

  // The racks of one template are wrong alike: one of them is told.
  void tell_of_rack(const std::string& fault, std::string_view field) {
    if (told_of_racks_.insert(fmt::format("{}.{}", faults_.path(), field)).second) faults_.add(fault, field);
  }

  // A rack keeps what it claims by its feeds and supplies. Whether ratings suffice depends on what else draws, and is a
  // matter of the limit table.
  void check_claim(const EstateRack& rack, std::string_view field) {
    if (rack.redundancy == Redundancy::kNone) return;
    if (rack.feeds.empty() && (has_network_ || rack.nodes == 0)) return;  // empty, or refused already
    const std::string broken = broken_claim(rack);
    if (!broken.empty()) tell_of_rack(broken, field);
  }

  std::string broken_claim(const EstateRack& rack) {
    const std::vector<EstateFeed>& feeds = rack.feeds;
    const auto claim = name_of(rack.redundancy);
    const auto leaf = [&](ElementIndex element) { return leaf_of(estate_.elements_[element].name); };
    const auto fate = [&](const EstateFeed& feed) { return fates_[feed.from - first_element_]; };
    if (feeds.size() < 2) {
      return fmt::format("a rack {} cannot claim {}; give it another feed, or claim none",
                         feeds.empty() ? "without feeds" : "on one feed", claim);
    }
    if (const ElementIndex common = common_fate(feeds); common != kNowhere) {
      return fmt::format("it claims {}, and the loss of {} takes all of its feeds; hang one elsewhere, or claim none", claim,
                         leaf(common));
    }
    if (rack.redundancy == Redundancy::k2N) {
      if (const auto shared = what_joins(feeds)) {
        return fmt::format("it claims 2n, and its feeds {} and {} share {}; part them up to the source, or claim n+1",
                           leaf(shared->one), leaf(shared->other), leaf(shared->what));
      }
    }
    for (const EstateType* type : types_with_supplies(rack)) {
      const SuppliesSpec& supplies = *type->spec.supplies;
      for (const EstateFeed& lost : feeds) {
        if (fate(lost) == kNowhere) continue;
        std::int32_t left = 0;
        std::vector<std::string> split;
        for (std::size_t i = 0; i < feeds.size(); ++i) {
          const std::int32_t here = supplies_on(feeds, i, supplies);
          if (fate(feeds[i]) != fate(lost)) left += here;
          split.push_back(fmt::format("{} on {}", here, leaf(feeds[i].from)));
        }
        if (left >= supplies.needed) continue;
        return fmt::format(
            "it claims {}, and a node of type '{}' needs {} of its {} supplies: with {} the loss of {} leaves {}; spread "
            "them over more feeds, hang the rack on a static switch, or claim none",
            claim, type->name, supplies.needed, supplies.count, fmt::join(split, ", "), leaf(fate(lost)), left);
      }
    }
    return {};
  }

  // Two feeds and an element below the sources above both, if all feeds hang together so; none: they have two sides.
  struct Joint {
    ElementIndex one;
    ElementIndex other;
    ElementIndex what;
  };
  std::optional<Joint> what_joins(const std::vector<EstateFeed>& feeds) {
    std::vector<ElementIndex> key;
    for (const EstateFeed& feed : feeds) key.push_back(feed.from);
    if (two_sided_.contains(key)) return std::nullopt;
    std::optional<Joint> joint;
    std::vector<std::size_t> side(feeds.size());
    std::unordered_map<ElementIndex, std::size_t> reached_by;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      side[i] = i;
      std::vector<ElementIndex> open{feeds[i].from};
      while (!open.empty()) {
        const ElementIndex at = open.back();
        open.pop_back();
        if (is_source(estate_.elements_[at].kind)) continue;
        const auto [known, fresh] = reached_by.try_emplace(at, i);
        if (fresh) {
          for (const EstateFeed& feed : estate_.elements_[at].feeds) open.push_back(feed.from);
        } else if (side[known->second] != side[i]) {
          if (!joint) joint = Joint{feeds[known->second].from, feeds[i].from, at};
          std::replace(side.begin(), side.end(), side[known->second], side[i]);
        }
      }
    }
    const bool one_side = std::all_of(side.begin(), side.end(), [&](std::size_t s) { return s == side.front(); });
    if (one_side) return joint;
    two_sided_.insert(std::move(key));
    return std::nullopt;
  }

  void resolve_loops(const std::vector<std::string>& loops, const std::vector<Substitution>& keys, EstateRack& rack) {
    for (std::size_t i = 0; i < loops.size(); ++i) {
      const std::string field = fmt::format("loops[{}]", i);
      const std::optional<std::string> loop = fill(loops[i], keys, field, &loops[i]);
      if (!loop) continue;
      const auto found = loop_by_name_.find(*loop);
      if (found != loop_by_name_.end()) {
        rack.loops.push_back(found->second);
      } else if (tell(&loops[i])) {
        faults_.add(fmt::format("no cooling loop '{}'; {}", *loop, what_exists(*loop, loop_by_name_)), field,
                    Code::kNotFound);
      }
    }
  }

  // Space and weight, where the specs tell them.
  void check_room(const RackSpec& spec, std::int64_t units, Grams weight) {
    if (spec.units > 0 && units > spec.units && tell(&spec.units)) {
      faults_.add(fmt::format("its nodes take {} rack units of {}", units, spec.units), "units", Code::kLimitExceeded);
    }
    if (spec.weight && weight > *spec.weight && tell(&spec.weight)) {
      faults_.add(fmt::format("its nodes weigh {}, and it may carry {}", Text<Grams>::format(weight),
                              Text<Grams>::format(*spec.weight)),
                  "weight", Code::kLimitExceeded);
    }
  }

  void add_nodes(const std::vector<RackNodesSpec>& specs, const RackSpec& room, EstateRack& rack) {
    std::int64_t units = 0;
    Grams weight;
    std::unordered_set<std::string> names;
    const auto rack_index = static_cast<RackIndex>(estate_.racks_.size());
    for (std::size_t i = 0; i < specs.size(); ++i) {
      Problems::Step at_nodes(faults_, "nodes");
      Problems::Step at_node(faults_, i);
      const auto type = type_by_name_.find(specs[i].type);
      if (type == type_by_name_.end()) {
        if (tell(&specs[i].type)) {
          faults_.add(fmt::format("no NodeType '{}'; {}", specs[i].type, what_exists(specs[i].type, type_by_name_)),
                      "type", Code::kNotFound);
        }
        continue;
      }
      const NodeTypeSpec& type_spec = estate_.types_[type->second].spec;
      const std::vector<RangeName> made = expand(specs[i].name, "name");
      if (estate_.nodes_.size() + made.size() > Estate::kMostNodes) {
        faults_.add(fmt::format("more than {} nodes", Estate::kMostNodes), "name", Code::kLimitExceeded);
        exhausted_ = true;
        return;
      }
      for (const RangeName& name : made) {
        if (!names.insert(name.name).second) {
          if (tell(&specs[i])) {
            faults_.add(fmt::format("node '{}' is made twice in the rack", name.name), "name", Code::kAlreadyExists);
          }
          continue;
        }
        estate_.nodes_.push_back({rack.name + "/" + name.name, rack_index, site_, type->second});
        ++rack.nodes;
        units += type_spec.units;
        weight += type_spec.weight.value_or(Grams());
        EstateSite& site = estate_.sites_[site_];
        site.gpus += MilliGpu(1000) * type_spec.devices.count;
        site.max_draw += type_spec.power.max;
      }
    }
    check_room(room, units, weight);
  }

  Estate& estate_;
  const Claims claims_;
  Problems problems_;  // of all sites
  std::unordered_map<std::string, TypeIndex> type_by_name_;
  std::size_t parts_left_ = kMostParts;
  bool exhausted_ = false;

  // Of the site that is being compiled; element and loop names without the site.
  Problems faults_;
  SiteIndex site_ = 0;
  std::string site_name_;
  bool has_network_ = false;
  ElementIndex first_element_ = 0;
  std::vector<ElementIndex> fates_;  // by element of the site
  std::unordered_map<std::string, ElementIndex> element_by_name_;
  std::unordered_map<std::string, UnitIndex> unit_by_name_;
  std::unordered_map<std::string, LoopIndex> loop_by_name_;
  Duration shed_within_;
  std::int32_t position_ = 0;  // of the rack before, in its row
  std::unordered_map<std::string, Exception> exception_by_rack_;
  std::unordered_map<std::string, std::uint32_t> path_of_rack_;  // hall/rack to the place of its template in rack_paths
  std::unordered_map<const void*, std::uint32_t> path_of_spec_;  // the same of a RackSpec or an exception
  std::set<std::vector<ElementIndex>> two_sided_;                // feeds that share nothing below the sources
  std::unordered_set<const void*> told_;
  std::set<std::string> told_of_racks_;  // paths
};

Result<Estate> Estate::compile(const std::map<std::string, NodeTypeSpec>& types,
                               const std::map<std::string, SiteSpec>& sites, Claims claims) {
  Estate estate;
  EstateCompiler compiler(types, claims, estate);
  for (const auto& [name, spec] : sites) compiler.compile_site(name, spec);
  PENSTOCK_RETURN_IF_ERROR(compiler.finish());
  return estate;
}

SiteIndex Estate::find_site(std::string_view name) const {
  for (SiteIndex i = 0; i < sites_.size(); ++i) {
    if (sites_[i].name == name) return i;
  }
  return kNowhere;
}

std::optional<Grouping> Estate::tier(SiteIndex site, std::string_view name) const {
  const auto& fabric = sites_[site].fabric;
  if (fabric) {
    for (const FabricTierSpec& tier : fabric->tiers) {
      if (tier.name == name) return tier.group;
    }
    if (name == "nvlink") return fabric->nvlink_domain;
  }
  for (const auto& grouping : enum_names(Grouping{})) {
    if (grouping.name == name) return grouping.value;
  }
  return std::nullopt;
}

Result<EstateLoss> Estate::find_parts(SiteIndex site, const std::vector<std::string>& patterns) const {
  const EstateSite& at = sites_[site];
  std::map<std::string_view, std::uint32_t> elements;
  std::map<std::string_view, std::uint32_t> units;
  for (ElementIndex e = at.first_element; e < at.first_element + at.elements; ++e) elements.emplace(leaf_of(elements_[e].name), e);
  for (UnitIndex u = at.first_unit; u < at.first_unit + at.units; ++u) units.emplace(leaf_of(units_[u].name), u);
  EstateLoss loss;
  for (const std::string& pattern : patterns) {
    PENSTOCK_TRY(names, expand_range(pattern));
    for (const RangeName& name : names) {
      if (const auto element = elements.find(name.name); element != elements.end()) {
        loss.elements.push_back(element->second);
      } else if (const auto unit = units.find(name.name); unit != units.end()) {
        loss.units.push_back(unit->second);
      } else {
        elements.insert(units.begin(), units.end());
        return make_error(Code::kNotFound, fmt::format("site '{}' has no element or cooling unit '{}'; {}", at.name, name.name,
                                                       what_exists(name.name, elements)));
      }
    }
  }
  return loss;
}

std::int32_t supplies_on(const std::vector<EstateFeed>& feeds, std::size_t i, const SuppliesSpec& supplies) {
  if (feeds[i].supplies >= 0) return feeds[i].supplies;
  std::int32_t rest = supplies.count;
  std::int32_t open = 0;
  std::int32_t before = 0;  // feeds that do not say, ahead of this one
  for (std::size_t f = 0; f < feeds.size(); ++f) {
    rest -= std::max(feeds[f].supplies, 0);
    if (feeds[f].supplies >= 0) continue;
    ++open;
    before += f < i ? 1 : 0;
  }
  rest = std::max(rest, 0);
  return rest / open + (before < rest % open ? 1 : 0);
}

NodeIndex Estate::find_node(std::string_view name) const {
  const auto found = node_by_name_.find(name);
  return found == node_by_name_.end() ? kNowhere : found->second;
}

}  // namespace penstock
