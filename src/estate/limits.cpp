// Rows for the normal state and every contingency, without those that others cover.
#include "estate/limits.h"

#include <algorithm>
#include <unordered_map>

namespace penstock {
namespace {

Watts derated(Watts rating, Ppm left) { return Watts(mul_div_floor(rating.count(), left.count(), kMicro)); }

}  // namespace

Watts usable_now(const SiteNetwork& network, const SiteCondition& condition, std::uint32_t element) {
  return derated(network.element(element).usable, condition.element_left[element]);
}

Watts overload_now(const SiteNetwork& network, const SiteCondition& condition, std::uint32_t element) {
  return derated(network.element(element).overload, condition.element_left[element]);
}

std::vector<Contingency> contingencies(const SiteNetwork& network, const SiteCondition& condition) {
  using Loss = Contingency::Kind;
  const EstateSite& site = network.site();
  std::vector<Contingency> out;
  if (site.single_losses) {
    for (std::uint32_t e = 0; e < site.elements; ++e) {
      if (condition.element_out[e] == 0) out.push_back({Loss::kElement, e});
    }
    for (std::uint32_t u = 0; u < site.units; ++u) {
      if (condition.unit_out[u] == 0) out.push_back({Loss::kUnit, u});
    }
  }
  for (std::uint32_t i = 0; i < site.losses.size(); ++i) out.push_back({Loss::kTogether, i});
  if (site.grid && site.grid->interruptible) out.push_back({Loss::kOrder, 0});
  return out;
}

EstateLoss loss_of(const SiteNetwork& network, const Contingency& contingency) {
  switch (contingency.kind) {
    case Contingency::Kind::kElement: return {{}, {network.site().first_element + contingency.index}, {}};
    case Contingency::Kind::kUnit: return {{}, {}, {network.site().first_unit + contingency.index}};
    case Contingency::Kind::kTogether: return network.site().losses[contingency.index];
    case Contingency::Kind::kNone:
    case Contingency::Kind::kOrder: break;
  }
  return {};
}

// Compiles one table. A contingency is looked at only where it changes something: the groups that hang on what it
// loses, and the elements that then carry more.
class LimitCompiler {
 public:
  LimitCompiler(const SiteNetwork& network, SiteLimits& out)
      : network_(network), site_(network.site()), condition_(out.condition_), out_(out), normal_(network, condition_) {}

  void compile(SiteLimits::Losses losses) {
    prepare();
    normal_rows();
    if (losses == SiteLimits::Losses::kAll) {
      for (const Contingency& contingency : contingencies(network_, condition_)) consider(contingency);
    }
    keep_rows();
    keep_weights();
    out_.capabilities_ = std::move(capabilities_);
  }

 private:
  // A row that may have to be kept. `weights`: where it differs from the normal row of its subject; for loops, all.
  struct Candidate {
    LimitRow row;
    std::vector<std::pair<std::uint32_t, std::int64_t>> weights;  // by group; for loops by column
    std::int64_t excess = 0;
  };

  std::uint32_t import() const { return site_.elements; }

  void prepare() {
    const std::size_t groups = network_.groups().size();
    groups_on_.resize(site_.elements);
    group_ready_.resize(groups);
    normal_weight_.resize(site_.elements + 1);
    for (GroupIndex g = 0; g < groups; ++g) {
      for (std::uint32_t e : network_.above(g)) groups_on_[e].push_back(g);
      const auto& from = network_.rack_of(g).from;
      group_ready_[g] = !from || *from <= condition_.at;
      for (const auto& [element, ppm] : normal_.weights(g)) normal_weight_[element].emplace(g, ppm);
    }
    normal_base_ = normal_.base();
    candidates_.resize(site_.elements + 1);
    for (ColumnIndex c = 0; c < network_.columns().size(); ++c) {
      const NodeTypeSpec& type = network_.type_of(c);
      Watts demand = type.power.max;
      const GroupIndex group = network_.columns()[c].group;
      if (type.supplies && site_.has_network && !normal_.dark(group)) demand = normal_.capability(group, type);
      capabilities_.push_back({demand, demand, {}});
    }
    for (std::uint32_t l = 0; l < site_.loops; ++l) {
      for (UnitIndex unit : network_.loop(l).units) loop_of_unit_[unit - site_.first_unit] = l;
    }
    columns_on_loop_.resize(site_.loops);
    for (ColumnIndex c = 0; c < network_.columns().size(); ++c) {
      for (LoopIndex loop : network_.rack_of(network_.columns()[c].group).loops) {
        columns_on_loop_[loop - site_.first_loop].push_back(c);
      }
    }
  }

  // --- electrical rows -----------------------------------------------------------------------------------------------

  MicroWatts import_limit() const { return condition_.import ? condition_.import->count() * kMicro : kUnlimited; }

  void normal_rows() {
    for (std::uint32_t e = 0; e < site_.elements; ++e) {
      if (!normal_.live(e)) continue;
      const MicroWatts usable = usable_now(network_, condition_, e).count() * kMicro;
      add_normal({LimitRow::Kind::kElement, e, {}, {}, normal_base_[e], usable, usable}, e);
    }
    if (condition_.import) {
      add_normal({LimitRow::Kind::kImport, 0, {}, {}, normal_base_[import()], import_limit(), import_limit()}, import());
    }
    std::vector<std::uint32_t> loops(site_.loops);
    for (std::uint32_t l = 0; l < site_.loops; ++l) loops[l] = l;
    loop_rows(normal_, {}, loops);
  }

  void add_normal(LimitRow row, std::uint32_t place) {
    ++out_.considered_;
    rows_.push_back({std::move(row), {normal_weight_[place].begin(), normal_weight_[place].end()}, 0});
  }

  void consider(const Contingency& contingency) {
    if (contingency.kind == Contingency::Kind::kOrder) {
      if (!condition_.import) return;
      ++out_.considered_;
      const MicroWatts left = std::max<MicroWatts>(0, import_limit() - site_.grid->interruptible->power.count() * kMicro);
      rows_.push_back({{LimitRow::Kind::kImport, 0, {}, contingency, normal_base_[import()], left, kUnlimited},
                              {normal_weight_[import()].begin(), normal_weight_[import()].end()},
                              0});
      return;
    }
    const EstateLoss lost = loss_of(network_, contingency);
    const Routing routing(network_, condition_, &lost);

    std::set<GroupIndex> affected;
    for (ElementIndex e : lost.elements) {
      const auto& groups = groups_on_[e - site_.first_element];
      affected.insert(groups.begin(), groups.end());
    }
    // By element: the weights that differ, of all affected groups that weigh on it before or after.
    std::map<std::uint32_t, std::vector<std::pair<std::uint32_t, std::int64_t>>> changed;
    for (GroupIndex g : affected) {
      std::set<std::uint32_t> after;
      for (const auto& [element, ppm] : routing.weights(g)) {
        after.insert(element);
        const auto before = normal_weight_[element].find(g);
        if (before == normal_weight_[element].end() || before->second != ppm) changed[element].emplace_back(g, ppm);
      }
      for (std::uint32_t e : network_.above(g)) {
        if (!after.contains(e) && normal_weight_[e].contains(g)) changed[e].emplace_back(g, 0);
      }
      if (!after.contains(import()) && normal_weight_[import()].contains(g)) changed[import()].emplace_back(g, 0);
    }
    const std::vector<MicroWatts> base = routing.base();
    for (std::uint32_t e = 0; e <= import(); ++e) {
      if (base[e] > normal_base_[e]) changed.try_emplace(e);
    }
    for (auto& [element, weights] : changed) {
      if (element == import() ? !condition_.import : !routing.live(element)) continue;
      ++out_.considered_;
      Candidate candidate;
      candidate.weights = std::move(weights);
      LimitRow& row = candidate.row;
      row.after = contingency;
      row.base = base[element];
      if (element == import()) {
        row.kind = LimitRow::Kind::kImport;
        row.firm_limit = row.demand_limit = import_limit();
      } else {
        row.subject = element;
        row.firm_limit = usable_now(network_, condition_, element).count() * kMicro;
        row.demand_limit = overload_now(network_, condition_, element).count() * kMicro;
      }
      bool more = row.base > normal_base_[element];
      for (const auto& [group, ppm] : candidate.weights) {
        const std::int64_t before = normal_of(element, group);
        candidate.excess += ppm - before;
        more = more || ppm > before;
      }
      if (more) candidates_[element].push_back(std::move(candidate));
    }
    consider_supplies(contingency, routing, affected);
    consider_loops(contingency, lost, routing);
  }

  std::int64_t normal_of(std::uint32_t element, GroupIndex group) const {
    const auto found = normal_weight_[element].find(group);
    return found == normal_weight_[element].end() ? 0 : found->second;
  }

  void consider_supplies(const Contingency& contingency, const Routing& routing, const std::set<GroupIndex>& affected) {
    if (affected.empty()) return;
    for (ColumnIndex c = 0; c < capabilities_.size(); ++c) {
      const NodeColumn& column = network_.columns()[c];
      const NodeTypeSpec& type = network_.type_of(c);
      if (!type.supplies || !affected.contains(column.group) || routing.dark(column.group)) continue;
      const Watts left = routing.capability(column.group, type);
      if (left < capabilities_[c].firm) {
        capabilities_[c].firm = left;
        capabilities_[c].after = contingency;
      }
    }
  }

  // Whether `a` asks at most what `b` asks, whatever the groups draw. Both are of one element.
  bool covered(const Candidate& a, const Candidate& b, std::uint32_t element) const {
    if (a.row.base > b.row.base) return false;
    const auto weight_in_b = [&](GroupIndex group) {
      const auto at = std::lower_bound(b.weights.begin(), b.weights.end(), std::pair<std::uint32_t, std::int64_t>(group, -1));
      return at != b.weights.end() && at->first == group ? at->second : normal_of(element, group);
    };
    for (const auto& [group, ppm] : a.weights) {
      if (ppm > weight_in_b(group)) return false;
    }
    for (const auto& [group, ppm] : b.weights) {
      const auto at = std::lower_bound(a.weights.begin(), a.weights.end(), std::pair<std::uint32_t, std::int64_t>(group, -1));
      const bool in_a = at != a.weights.end() && at->first == group;
      if (!in_a && normal_of(element, group) > ppm) return false;
    }
    return true;
  }

  void keep_rows() {
    for (std::uint32_t element = 0; element <= import(); ++element) {
      std::vector<Candidate>& all = candidates_[element];
      for (Candidate& candidate : all) std::sort(candidate.weights.begin(), candidate.weights.end());
      // The greatest first, so that it covers the others.
      std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
        return a.excess != b.excess ? a.excess > b.excess : a.row.base > b.row.base;
      });
      std::vector<Candidate*> kept;
      for (Candidate& candidate : all) {
        const bool needless = std::any_of(kept.begin(), kept.end(),
                                          [&](const Candidate* other) { return covered(candidate, *other, element); });
        if (!needless) kept.push_back(&candidate);
      }
      for (Candidate* candidate : kept) {
        auto whole = normal_weight_[element];
        for (const auto& [group, ppm] : candidate->weights) whole[group] = ppm;
        rows_.push_back({candidate->row, {whole.begin(), whole.end()}, 0});
      }
    }
  }

  // --- cooling rows --------------------------------------------------------------------------------------------------

  std::int64_t left_in(const Routing& routing, std::uint32_t loop, Medium medium) const {
    std::int64_t sum = 0;
    for (UnitIndex unit : network_.loop(loop).units) {
      const std::uint32_t local = unit - site_.first_unit;
      if (!routing.unit_live(local)) continue;
      sum += mul_div_floor(capacity(network_.unit(local), medium), condition_.unit_left[local].count(), kMicro);
    }
    return sum;
  }

  void consider_loops(const Contingency& contingency, const EstateLoss& lost, const Routing& routing) {
    if (site_.loops == 0) return;
    std::set<std::uint32_t> touched;
    for (UnitIndex unit : lost.units) {
      const auto loop = loop_of_unit_.find(unit - site_.first_unit);
      if (loop != loop_of_unit_.end()) touched.insert(loop->second);
    }
    if (!lost.elements.empty()) {
      for (const auto& [unit, loop] : loop_of_unit_) {
        if (normal_.unit_live(unit) && !routing.unit_live(unit)) touched.insert(loop);
      }
    }
    // A loop that died leaves its heat to the others of its racks.
    for (std::uint32_t loop : std::set<std::uint32_t>(touched)) {
      const bool died = std::any_of(kMedia.begin(), kMedia.end(), [&](Medium m) {
        return left_in(normal_, loop, m) > 0 && left_in(routing, loop, m) == 0;
      });
      if (!died) continue;
      for (ColumnIndex c : columns_on_loop_[loop]) {
        for (LoopIndex other : network_.rack_of(network_.columns()[c].group).loops) touched.insert(other - site_.first_loop);
      }
    }
    loop_rows(routing, contingency, {touched.begin(), touched.end()});
  }

  void loop_rows(const Routing& routing, const Contingency& contingency, const std::vector<std::uint32_t>& loops) {
    for (std::uint32_t loop : loops) {
      for (Medium medium : kMedia) {
        const std::int64_t left = left_in(routing, loop, medium);
        if (left == 0) continue;  // not a medium of the loop, or its racks trip
        ++out_.considered_;
        Candidate candidate;
        LimitRow& row = candidate.row;
        row.kind = LimitRow::Kind::kLoop;
        row.subject = loop;
        row.medium = medium;
        row.after = contingency;
        row.firm_limit = left * kMicro;
        const bool held = contingency.kind != Contingency::Kind::kNone && network_.loop(loop).holds;
        row.demand_limit = held ? kUnlimited : row.firm_limit;
        for (ColumnIndex c : columns_on_loop_[loop]) {
          const NodeColumn& column = network_.columns()[c];
          if (routing.dark(column.group)) continue;
          const auto& rack_loops = network_.rack_of(column.group).loops;
          const auto sharing = std::count_if(rack_loops.begin(), rack_loops.end(), [&](LoopIndex other) {
            return left_in(routing, other - site_.first_loop, medium) > 0;
          });
          const std::int64_t heat = heat_of(network_.type_of(c), medium);
          if (heat > 0) candidate.weights.emplace_back(c, mul_div_ceil(heat, 1, sharing));
        }
        if (!candidate.weights.empty()) keep_loop_row(std::move(candidate));
      }
    }
  }

  void keep_loop_row(Candidate candidate) {
    const auto covers = [](const Candidate& big, const Candidate& small) {
      // What holds now is told apart from what a loss would do, whatever it asks: by it is decided what is shed.
      if (small.row.after.kind == Contingency::Kind::kNone) return false;
      if (big.row.subject != small.row.subject || big.row.medium != small.row.medium) return false;
      if (big.row.firm_limit > small.row.firm_limit || big.row.demand_limit > small.row.demand_limit) return false;
      std::size_t at = 0;
      for (const auto& [column, ppm] : small.weights) {
        while (at < big.weights.size() && big.weights[at].first < column) ++at;
        if (at == big.weights.size() || big.weights[at].first != column || big.weights[at].second < ppm) return false;
      }
      return true;
    };
    if (std::any_of(loop_rows_.begin(), loop_rows_.end(), [&](const Candidate& other) { return covers(other, candidate); })) return;
    std::erase_if(loop_rows_, [&](const Candidate& other) { return covers(candidate, other); });
    loop_rows_.push_back(std::move(candidate));
  }

  // --- the table -----------------------------------------------------------------------------------------------------

  void keep_weights() {
    std::vector<std::vector<ColumnIndex>> columns_of(network_.groups().size());
    for (ColumnIndex c = 0; c < network_.columns().size(); ++c) columns_of[network_.columns()[c].group].push_back(c);
    std::vector<std::vector<RowWeight>> by_column(network_.columns().size());
    const auto put = [&](const Candidate& candidate, const auto& columns_at) {
      const auto row = static_cast<std::uint32_t>(out_.rows_.size());
      for (const auto& [place, ppm] : candidate.weights) {
        if (ppm == 0) continue;
        for (ColumnIndex c : columns_at(place)) by_column[c].push_back({row, ppm});
      }
      out_.rows_.push_back(candidate.row);
    };
    for (const Candidate& candidate : rows_) {
      put(candidate, [&](std::uint32_t group) -> const std::vector<ColumnIndex>& { return columns_of[group]; });
    }
    for (const Candidate& candidate : loop_rows_) {
      put(candidate, [](std::uint32_t column) { return std::array{column}; });
    }
    for (ColumnIndex c = 0; c < by_column.size(); ++c) {
      out_.starts_.push_back(out_.weights_.size());
      out_.weights_.insert(out_.weights_.end(), by_column[c].begin(), by_column[c].end());
      const GroupIndex group = network_.columns()[c].group;
      out_.ready_.push_back(group_ready_[group]);
      out_.dark_.push_back(normal_.dark(group));
    }
    out_.starts_.push_back(out_.weights_.size());
  }

  const SiteNetwork& network_;
  const EstateSite& site_;
  const SiteCondition& condition_;
  SiteLimits& out_;
  const Routing normal_;
  std::vector<std::vector<GroupIndex>> groups_on_;  // by element: groups that can weigh on it
  std::vector<char> group_ready_;
  std::vector<std::map<GroupIndex, std::int64_t>> normal_weight_;  // by element, the import's last
  std::vector<MicroWatts> normal_base_;
  std::vector<std::vector<Candidate>> candidates_;  // by element
  std::vector<Candidate> rows_;                     // electrical rows to keep, with all their weights
  std::vector<Candidate> loop_rows_;                // weights by column
  std::vector<Capability> capabilities_;
  std::map<std::uint32_t, std::uint32_t> loop_of_unit_;
  std::vector<std::vector<ColumnIndex>> columns_on_loop_;
};

SiteLimits::SiteLimits(const SiteNetwork& network, SiteCondition condition, Losses losses)
    : network_(&network), condition_(std::move(condition)) {
  LimitCompiler(network, *this).compile(losses);
}

std::vector<MicroWatts> SiteLimits::loads(const std::vector<Watts>& watts) const {
  std::vector<MicroWatts> out;
  out.reserve(rows_.size());
  for (const LimitRow& row : rows_) out.push_back(row.base);
  for (ColumnIndex c = 0; c < watts.size(); ++c) {
    if (!ready(c)) continue;
    for (const RowWeight& weight : weights(c)) out[weight.row] += weight.ppm * watts[c].count();
  }
  return out;
}

std::string SiteLimits::name(const LimitRow& row) const {
  switch (row.kind) {
    case LimitRow::Kind::kElement: return network_->element(row.subject).name;
    case LimitRow::Kind::kImport: return network_->site().name + " import";
    case LimitRow::Kind::kLoop: return fmt::format("{} {}", network_->loop(row.subject).name, name_of(row.medium));
  }
  return {};
}

std::string SiteLimits::name(const Contingency& contingency) const {
  const EstateSite& site = network_->site();
  switch (contingency.kind) {
    case Contingency::Kind::kNone: return {};
    case Contingency::Kind::kElement: return network_->element(contingency.index).name;
    case Contingency::Kind::kUnit: return network_->unit(contingency.index).name;
    case Contingency::Kind::kTogether: return site.name + "/" + site.losses[contingency.index].name;
    case Contingency::Kind::kOrder: return site.name + "/order";
  }
  return {};
}

}  // namespace penstock
