// Laying contracts on slices of time.
#include "engine/contracts/book.h"

#include <algorithm>

#include "engine/contracts/contracts.h"
#include "engine/contracts/sale.h"
#include "engine/power/power.h"

namespace penstock {
namespace {

constexpr std::size_t kNearest = 3;
constexpr std::int64_t kWholePpm = 1'000'000;

/// What a contract is to be given from a date on.
struct Level {
  Time from;
  std::int64_t gpus = 0;
};

struct Span {
  Time from;
  std::optional<Time> until;
};

bool before(const std::optional<Time>& a, Time b) { return a && *a <= b; }

// Levels from now on, without those that change nothing.
template <class Amount>
std::vector<Level> levels_of(std::set<Time> dates, Time now, Amount amount) {
  std::erase_if(dates, [&](Time date) { return date < now; });
  dates.insert(now);
  std::vector<Level> out;
  for (const Time date : dates) {
    const std::int64_t gpus = amount(date);
    if (out.empty() ? gpus != 0 : gpus != out.back().gpus) out.push_back({date, gpus});
  }
  return out;
}

std::int64_t root_up(std::int64_t n) {
  std::int64_t root = 0;
  for (std::int64_t bit = std::int64_t{1} << 31; bit > 0; bit >>= 1) {
    if ((root + bit) <= n / (root + bit)) root += bit;
  }
  return root * root < n ? root + 1 : root;
}

}  // namespace

std::int64_t spare_count(std::int64_t millionths, Ppm availability) {
  struct Quantile {
    std::int64_t ppm;
    std::int64_t milli;
  };
  constexpr std::array kQuantiles{Quantile{500'000, 0},    Quantile{900'000, 1'282}, Quantile{950'000, 1'645}, Quantile{990'000, 2'327},
                                  Quantile{995'000, 2'576}, Quantile{999'000, 3'091}, Quantile{999'900, 3'720}, Quantile{999'990, 4'265}};
  std::int64_t z = 4'892;  // of 999,999
  for (auto row = kQuantiles.rbegin(); row != kQuantiles.rend(); ++row) {
    if (availability.count() <= row->ppm) z = row->milli;
  }
  return mul_div_ceil(millionths + z * root_up(millionths), 1, 1'000'000);
}

std::vector<Sale> signed_sales(const Facts& facts) {
  std::vector<std::tuple<bool, Position, Uid, const std::string*>> order;
  for (const auto& [name, contract] : facts.contracts) {
    if (!is_sold(contract.spec)) continue;
    const auto at = facts.signed_at.find(name);
    order.emplace_back(contract.spec.oversold, at == facts.signed_at.end() ? 0 : at->second, contract.uid, &name);
  }
  std::sort(order.begin(), order.end());
  std::vector<Sale> out;
  for (const auto& [oversold, at, uid, name] : order) {
    const auto tenant = facts.tenants.find(std::string(tenant_of(*name)));
    out.push_back({*name, facts.contracts.at(*name).spec,
                   tenant == facts.tenants.end() ? std::vector<std::string>() : tenant->second.spec.jurisdictions});
  }
  return out;
}

Ground::Ground(const State& state, Time now) : estate_(state.shared_estate()), now_(now) {
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) add(state.power(), site);
}

Ground::Ground(std::shared_ptr<const Estate> estate, const Facts& told, Time now) : estate_(std::move(estate)), now_(now) {
  PowerLoads power(estate_);
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) {
    power.recut(site, SiteRestrictions(power.network(site), told), now);
    add(power, site);
  }
}

void Ground::add(const PowerLoads& power, SiteIndex index) {
  Site& site = sites_.emplace_back();
  site.network = power.shared_network(index);
  auto parts = std::make_shared<std::vector<Part>>();
  const EstateSite& here = estate_->sites()[index];
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    const EstateNode& it = estate_->nodes()[node];
    if (parts->empty() || parts->back().rack != it.rack || parts->back().type != it.type) {
      parts->push_back({it.rack, site.network->column_of(node), it.type, 0});
    }
    ++parts->back().nodes;
  }
  std::vector<Watts> idle(site.network->columns().size());
  for (const Part& part : *parts) idle[part.column] += estate_->types()[part.type].spec.power.idle * part.nodes;
  for (const PowerLoads::Segment& segment : power.segments(index)) {
    Slice slice;
    slice.from = std::max(segment.from, now_);
    slice.limits = segment.limits;
    const SiteCondition& condition = segment.limits->condition();
    slice.restricted = !(condition == site.network->condition(condition.at));
    for (const MicroWatts load : segment.limits->loads(idle)) slice.rows.push_back({load, load});
    slice.used.assign(parts->size(), 0);
    // Time may have passed a date since the limits were cut.
    if (!site.slices.empty() && site.slices.back().from == slice.from) site.slices.pop_back();
    site.slices.push_back(std::move(slice));
  }
  site.parts = std::move(parts);
}

/// One contract on its way onto the ground.
class Layer {
 public:
  Layer(Ground& ground, const Sale& sale) : ground_(ground) {
    out_.sale = sale;
    std::set<Time> sheds;
    for (const AmendmentSpec& row : sale.spec.amendments) {
      if (row.shed) sheds.insert(row.from);
    }
    for (SiteIndex s = 0; s < ground_.sites_.size(); ++s) {
      if (!may_use(sale, ground_.estate_->sites()[s])) continue;
      open_.push_back(s);
      for (const Time date : sheds) split(ground_.sites_[s], date);
    }
    kept_.push_back({Time{std::numeric_limits<std::int64_t>::min()}, shed_to(sale.spec)});
    for (const Time date : sheds) kept_.push_back({date, shed_to(terms_at(sale.spec, date))});
    rounds_.push_back(sale.spec.gpu_models);
    if (!sale.spec.substitutes.empty()) rounds_.push_back(sale.spec.substitutes);
  }

  Laid lay() && {
    const ContractSpec& spec = out_.sale.spec;
    const std::vector<Time> dates = sale_dates(spec);
    lay_levels(levels_of({dates.begin(), dates.end()}, ground_.now_,
                         [&](Time t) { return sold_at(spec, t, ground_.now_); }),
               false);
    std::set<Time> changes(dates.begin(), dates.end());
    for (const Laid::Place& place : out_.places) {
      changes.insert(place.from);
      if (place.until) changes.insert(*place.until);
    }
    lay_levels(levels_of(std::move(changes), ground_.now_, [&](Time t) { return spares_at(t); }), true);
    add_up();
    return std::move(out_);
  }

  static bool may_use(const Sale& sale, const EstateSite& site) {
    return covers_site(sale.countries, sale.spec, site);
  }

 private:
  using Site = Ground::Site;
  using Slice = Ground::Slice;
  using Part = Ground::Part;

  // GPUs between two levels, until a later level falls below them.
  struct Piece {
    std::int64_t bottom = 0;
    std::int64_t top = 0;
    std::optional<Time> until;
  };

  // What stands in the way of one more node of a part, in one slice.
  struct Block {
    enum class Kind { kNotThere, kDark, kSupplies, kRow };
    Kind kind = Kind::kRow;
    std::size_t slice = 0;
    std::uint32_t row = 0;
    bool demand = false;
    auto operator<=>(const Block&) const = default;
  };

  // The slice that holds the time, which then begins there.
  static std::size_t split(Site& site, Time at) {
    const std::size_t k = slice_at(site, at);
    if (at <= site.slices[k].from) return k;
    Slice later = site.slices[k];
    later.from = at;
    site.slices.insert(site.slices.begin() + static_cast<std::ptrdiff_t>(k) + 1, std::move(later));
    return k + 1;
  }
  static std::size_t slice_at(const Site& site, Time at) {
    std::size_t k = 0;
    while (k + 1 < site.slices.size() && site.slices[k + 1].from <= at) ++k;
    return k;
  }
  static bool within(const Slice& slice, const Span& span) { return !span.until || slice.from < *span.until; }

  // What one more node adds to its idle draw at a date.
  Draw draw_at(TypeIndex type, Time at) {
    Ppm to = kept_.front().second;
    for (const auto& [from, keeps] : kept_) {
      if (from <= at) to = keeps;
    }
    const auto [known, fresh] = draws_.try_emplace({type, to.count()});
    if (fresh) {
      const NodeTypeSpec& spec = ground_.estate_->types()[type].spec;
      ContractSpec terms;
      terms.shed = ShedSpec{to, std::nullopt};
      TaskPlacement whole;
      whole.gpus = MilliGpu(std::int64_t{1000} * spec.devices.count);
      set_draw(whole, spec, terms, std::nullopt);
      known->second = draw_of(spec, whole, false);
    }
    return known->second;
  }

  bool wanted(const Part& part, const std::vector<std::string>& models) const {
    return allows(models, ground_.estate_->types()[part.type].spec.devices.model);
  }
  std::int64_t devices_of(const Part& part) const { return ground_.estate_->types()[part.type].spec.devices.count; }

  // Nodes of a part that nobody has at any time of the span.
  static std::int32_t free_of(const Site& site, std::uint32_t p, const Span& span) {
    std::int32_t used = 0;
    for (std::size_t k = slice_at(site, span.from); k < site.slices.size() && within(site.slices[k], span); ++k) {
      used = std::max(used, site.slices[k].used[p]);
    }
    return (*site.parts)[p].nodes - used;
  }

  // How many nodes of a part can work all of the span, at most `most`.
  std::int64_t room(const Site& site, std::uint32_t p, const Span& span, std::int64_t most, Block* why = nullptr) {
    const Part& part = (*site.parts)[p];
    const NodeTypeSpec& type = ground_.estate_->types()[part.type].spec;
    std::int64_t fit = most;
    const auto stop = [&](std::int64_t to, Block block) {
      fit = to;
      if (why != nullptr) *why = block;
    };
    for (std::size_t k = slice_at(site, span.from); fit > 0 && k < site.slices.size() && within(site.slices[k], span); ++k) {
      const Slice& slice = site.slices[k];
      const SiteLimits& limits = *slice.limits;
      if (!limits.ready(part.column)) {
        stop(0, {Block::Kind::kNotThere, k});
        break;
      }
      if (limits.dark(part.column)) {
        stop(0, {Block::Kind::kDark, k});
        break;
      }
      const Draw draw = draw_of_slice(part, slice, span);
      const Capability& able = limits.capability(part.column);
      if (type.power.idle + draw.firm > std::min(able.firm, able.demand) || type.power.idle + draw.demand > able.demand) {
        stop(0, {Block::Kind::kSupplies, k});
        break;
      }
      for (const RowWeight& weight : limits.weights(part.column)) {
        const LimitRow& row = limits.rows()[weight.row];
        const Ground::Load& load = slice.rows[weight.row];
        const auto hold = [&](MicroWatts limit, MicroWatts carried, Watts more, bool demand) {
          const MicroWatts each = weight.ppm * more.count();
          if (limit == kUnlimited || each == 0 || carried + each * fit <= limit) return;
          stop(std::max<MicroWatts>(0, limit - carried) / each, {Block::Kind::kRow, k, weight.row, demand});
        };
        hold(row.firm_limit, load.firm, draw.firm, false);
        hold(row.demand_limit, load.demand, draw.demand, true);
      }
    }
    return fit;
  }

  // While something is out or ordered, what the contract lets go of is gone already.
  Draw draw_of_slice(const Part& part, const Slice& slice, const Span& span) {
    Draw draw = draw_at(part.type, std::max(slice.from, span.from));
    if (slice.restricted) draw.demand = draw.firm;
    return draw;
  }

  void take(SiteIndex s, std::uint32_t p, const Span& span, std::int64_t nodes, bool spare) {
    Site& site = ground_.sites_[s];
    const Part& part = (*site.parts)[p];
    std::size_t k = split(site, span.from);
    if (span.until) split(site, *span.until);
    for (; k < site.slices.size() && within(site.slices[k], span); ++k) {
      Slice& slice = site.slices[k];
      const Draw draw = draw_of_slice(part, slice, span);
      slice.used[p] += static_cast<std::int32_t>(nodes);
      for (const RowWeight& weight : slice.limits->weights(part.column)) {
        slice.rows[weight.row].firm += weight.ppm * (draw.firm * nodes).count();
        slice.rows[weight.row].demand += weight.ppm * (draw.demand * nodes).count();
      }
    }
    out_.places.push_back({s, p, span.from, span.until, nodes, nodes * devices_of(part), spare});
  }

  // Sites where it lies already, then the smallest that holds it all, then the largest.
  std::vector<SiteIndex> order(const Span& span, const std::vector<std::string>& models, std::int64_t need) const {
    std::vector<std::tuple<int, std::int64_t, SiteIndex>> ranked;
    for (const SiteIndex s : open_) {
      const Site& site = ground_.sites_[s];
      std::int64_t free = 0;
      for (std::uint32_t p = 0; p < site.parts->size(); ++p) {
        const Part& part = (*site.parts)[p];
        if (wanted(part, models)) free += free_of(site, p, span) * devices_of(part);
      }
      const bool own = std::any_of(out_.places.begin(), out_.places.end(), [s](const Laid::Place& place) { return place.site == s; });
      ranked.emplace_back(own ? 0 : free >= need ? 1 : 2, free >= need ? free : -free, s);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<SiteIndex> out;
    for (const auto& [rank, free, s] : ranked) out.push_back(s);
    return out;
  }

  // Lays up to `need` GPUs for all of the span; returns how many are left.
  std::int64_t fill(std::int64_t need, const Span& span, bool spare) {
    for (const auto& models : rounds_) {
      for (const SiteIndex s : order(span, models, need)) {
        for (std::uint32_t p = 0; need > 0 && p < ground_.sites_[s].parts->size(); ++p) {
          const Site& site = ground_.sites_[s];
          const Part& part = (*site.parts)[p];
          if (!wanted(part, models)) continue;
          const std::int64_t devices = devices_of(part);
          const std::int64_t most = std::min<std::int64_t>(free_of(site, p, span), (need + devices - 1) / devices);
          const std::int64_t nodes = most > 0 ? room(site, p, span, most) : 0;
          if (nodes == 0) continue;
          take(s, p, span, nodes, spare);
          need -= nodes * devices;
        }
      }
    }
    return std::max<std::int64_t>(0, need);
  }

  // What is already laid for all of the span.
  std::int64_t held(const Span& span, bool spare) const {
    std::int64_t gpus = 0;
    for (const Laid::Place& place : out_.places) {
      const bool lasts = !place.until || (span.until && *span.until <= *place.until);
      if (place.spare == spare && place.from <= span.from && lasts) gpus += place.gpus;
    }
    return gpus;
  }

  // Each rise of the levels is laid in pieces, each until the levels fall below it; the longest first.
  void lay_levels(const std::vector<Level>& levels, bool spare) {
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const std::int64_t floor = i == 0 ? 0 : levels[i - 1].gpus;
      std::vector<Piece> pieces;
      std::int64_t top = levels[i].gpus;
      for (std::size_t j = i + 1; j < levels.size() && top > floor; ++j) {
        if (levels[j].gpus >= top) continue;
        const std::int64_t bottom = std::max(levels[j].gpus, floor);
        pieces.push_back({bottom, top, levels[j].from});
        top = bottom;
      }
      if (top > floor) pieces.push_back({floor, top, std::nullopt});
      for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        lay_piece(*piece, {levels[i].from, piece->until}, spare);
      }
    }
  }

  void lay_piece(const Piece& piece, const Span& span, bool spare) {
    // Whole nodes may have given a few more below it.
    const std::int64_t over = std::max<std::int64_t>(0, held(span, spare) - piece.bottom);
    const std::int64_t rest = fill(std::max<std::int64_t>(0, piece.top - piece.bottom - over), span, spare);
    if (rest == 0) return;
    // None can stay to the end: what is there in each part of the span.
    std::set<Time> starts{span.from};
    for (const SiteIndex s : open_) {
      for (const Slice& slice : ground_.sites_[s].slices) {
        if (span.from < slice.from && within(slice, span)) starts.insert(slice.from);
      }
    }
    for (auto at = starts.begin(); at != starts.end(); ++at) {
      const Span part{*at, std::next(at) == starts.end() ? span.until : std::optional(*std::next(at))};
      const std::int64_t missing = fill(rest, part, spare);
      if (missing > 0) out_.missing.push_back({part.from, part.until, missing, spare, binding(part)});
    }
  }

  // Pieces that are short at the same time add up, with the words of the largest.
  void add_up() {
    std::vector<Shortfall> sums;
    for (const bool spare : {false, true}) {
      std::set<Time> dates;
      for (const Shortfall& piece : out_.missing) {
        if (piece.spare != spare) continue;
        dates.insert(piece.from);
        if (piece.until) dates.insert(*piece.until);
      }
      for (auto at = dates.begin(); at != dates.end(); ++at) {
        Shortfall sum{*at, std::next(at) == dates.end() ? std::nullopt : std::optional(*std::next(at)), 0, spare, {}};
        std::int64_t largest = 0;
        for (const Shortfall& piece : out_.missing) {
          if (piece.spare != spare || sum.from < piece.from || before(piece.until, sum.from)) continue;
          sum.gpus += piece.gpus;
          if (piece.gpus <= largest) continue;
          largest = piece.gpus;
          sum.bound_by = piece.bound_by;
        }
        if (sum.gpus == 0) continue;
        if (!sums.empty() && sums.back().until == sum.from && sums.back().gpus == sum.gpus && sums.back().spare == spare) {
          sums.back().until = sum.until;
        } else {
          sums.push_back(std::move(sum));
        }
      }
    }
    out_.missing = std::move(sums);
  }

  // The row that keeps most free nodes from work, or that there are no others.
  std::string binding(const Span& span) {
    std::map<std::pair<SiteIndex, Block>, std::int64_t> blocked;
    std::map<std::pair<SiteIndex, Block>, std::uint32_t> example;
    std::int64_t standing = 0, taken = 0, dark = 0, unfed = 0;
    const std::vector<std::string> models = models_of(out_.sale.spec);
    for (const SiteIndex s : open_) {
      const Site& site = ground_.sites_[s];
      for (std::uint32_t p = 0; p < site.parts->size(); ++p) {
        const Part& part = (*site.parts)[p];
        if (!wanted(part, models)) continue;
        const std::int64_t free = free_of(site, p, span);
        Block why;
        const bool fits = room(site, p, span, 1, &why) == 1;
        if (!fits && why.kind == Block::Kind::kNotThere) continue;
        standing += part.nodes * devices_of(part);
        taken += (part.nodes - free) * devices_of(part);
        if (fits || free == 0) continue;
        if (why.kind == Block::Kind::kDark) {
          dark += free;
        } else if (why.kind == Block::Kind::kSupplies) {
          unfed += free;
        } else {
          blocked[{s, why}] += free;
          example.try_emplace({s, why}, p);
        }
      }
    }
    const auto worst = std::max_element(blocked.begin(), blocked.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    if (worst != blocked.end() && worst->second >= std::max(dark, unfed)) {
      const auto& [s, block] = worst->first;
      const Site& site = ground_.sites_[s];
      const Slice& slice = site.slices[block.slice];
      const Part& part = (*site.parts)[example.at(worst->first)];
      const LimitRow& row = slice.limits->rows()[block.row];
      const Ground::Load& load = slice.rows[block.row];
      const Draw draw = draw_of_slice(part, slice, span);
      std::int64_t ppm = 0;
      for (const RowWeight& weight : slice.limits->weights(part.column)) {
        if (weight.row == block.row) ppm = weight.ppm;
      }
      const MicroWatts more = ppm * (block.demand ? draw.demand : draw.firm).count();
      LimitBreak found{slice.limits->name(row), slice.limits->name(row.after), whole_up((block.demand ? load.demand : load.firm) + more),
                       (block.demand ? row.demand_limit : row.firm_limit) / kMicro};
      return fmt::format("with one more node {}; {} free nodes wait for it", describe({found}), worst->second);
    }
    if (unfed > 0 && unfed >= dark) return fmt::format("the power supplies of {} free nodes would not carry them after a loss", unfed);
    if (dark > 0) return fmt::format("no live feed reaches {} free nodes", dark);
    std::vector<std::string> sites;
    for (const SiteIndex s : open_) sites.push_back(ground_.estate_->sites()[s].name);
    const std::string what = models.empty() ? std::string("any model") : fmt::format("{}", fmt::join(models, " or "));
    if (sites.empty()) return "no site lies where tenant and contract allow";
    const std::string where = sites.size() > 4 ? fmt::format("{} sites", sites.size()) : fmt::format("{}", fmt::join(sites, ", "));
    for (const Laid::Place& place : out_.places) {
      if (place.from <= span.from && !before(place.until, span.from)) taken -= place.gpus;
    }
    return fmt::format("{} GPUs of {} stand then at {}, and others have bought {} of them", standing, what, where, taken);
  }

  // GPUs of spare nodes for all that is laid at a date: as many as that many of its nodes have on average.
  std::int64_t spares_at(Time t) const {
    const auto sla = terms_at(out_.sale.spec, t).sla;
    if (!sla) return 0;
    std::int64_t millionths = 0, nodes = 0, gpus = 0;
    for (const Laid::Place& place : out_.places) {
      if (place.spare || t < place.from || before(place.until, t)) continue;
      const NodeTypeSpec& type = ground_.estate_->types()[(*ground_.sites_[place.site].parts)[place.part].type].spec;
      const NodeFaultsSpec faults = type.faults.value_or(NodeFaultsSpec{});
      millionths += mul_div_ceil(place.nodes * faults.per_million_node_days, faults.repair.count(), hours(24).count());
      nodes += place.nodes;
      gpus += place.gpus;
    }
    return millionths == 0 ? 0 : mul_div_ceil(spare_count(millionths, sla->availability), gpus, nodes);
  }

  Ground& ground_;
  Laid out_;
  std::vector<SiteIndex> open_;
  std::vector<std::pair<Time, Ppm>> kept_;        // by date: what it keeps when it is shed
  std::vector<std::vector<std::string>> rounds_;  // models, the preferred first
  std::map<std::pair<TypeIndex, std::int64_t>, Draw> draws_;
};

Laid Ground::lay(const Sale& sale) { return Layer(*this, sale).lay(); }

std::vector<Time> Ground::dates(const Sale& sale) const {
  std::set<Time> dates;
  for (SiteIndex s = 0; s < sites_.size(); ++s) {
    if (!Layer::may_use(sale, estate_->sites()[s])) continue;
    for (const Slice& slice : sites_[s].slices) dates.insert(slice.from);
  }
  return {dates.begin(), dates.end()};
}

BookEntry Ground::entry(const Laid& laid) const {
  BookEntry out;
  const ContractSpec& spec = laid.sale.spec;
  out.contract = laid.sale.name;
  out.oversold = spec.oversold;
  out.sold = sold_at(spec, now_, now_);
  std::int64_t most = out.sold;
  for (const Time date : sale_dates(spec)) {
    if (now_ < date) most = std::max(most, sold_at(spec, date, now_));
  }
  out.promised = most - out.sold;
  out.missing = laid.missing;

  std::map<std::tuple<Time, SiteIndex, std::string, bool, std::optional<Time>>, BookLot> lots;
  std::map<std::pair<SiteIndex, ColumnIndex>, Span> columns;
  for (const Laid::Place& place : laid.places) {
    const Part& part = (*sites_[place.site].parts)[place.part];
    const std::string& model = estate_->types()[part.type].spec.devices.model;
    BookLot& lot = lots[{place.from, place.site, model, place.spare, place.until}];
    lot.site = estate_->sites()[place.site].name;
    lot.gpu_model = model;
    lot.from = place.from;
    lot.until = place.until;
    lot.spare = place.spare;
    lot.nodes += place.nodes;
    lot.gpus += place.gpus;
    const EstateRack& rack = estate_->racks()[part.rack];
    lot.racks.push_back(fmt::format("{} ×{}", rack.name.substr(lot.site.size() + 1), place.nodes));
    const auto [known, fresh] = columns.try_emplace({place.site, part.column}, Span{place.from, place.until});
    if (!fresh) {
      known->second.from = std::min(known->second.from, place.from);
      if (known->second.until && (!place.until || *known->second.until < *place.until)) known->second.until = place.until;
    }
  }
  for (auto& entry : lots) {
    BookLot& lot = entry.second;
    // The same nodes for one stretch after another are one lot.
    const auto goes_on = std::find_if(out.lots.begin(), out.lots.end(), [&](const BookLot& known) {
      return known.until == lot.from && known.site == lot.site && known.gpu_model == lot.gpu_model && known.spare == lot.spare &&
             known.racks == lot.racks;
    });
    if (goes_on == out.lots.end()) {
      out.lots.push_back(std::move(lot));
    } else {
      goes_on->until = lot.until;
    }
  }

  // Of each part of the network and each loop the row that is loaded most; of those the closest.
  struct Use {
    std::int64_t ppm = -1;
    SiteIndex site = 0;
    std::size_t slice = 0;
    std::uint32_t row = 0;
    bool demand = false;
  };
  std::map<std::tuple<SiteIndex, LimitRow::Kind, std::uint32_t, Medium>, Use> uses;
  for (const auto& [key, span] : columns) {
    const Site& site = sites_[key.first];
    for (std::size_t k = 0; k < site.slices.size(); ++k) {
      const Slice& slice = site.slices[k];
      const bool ended = k + 1 < site.slices.size() && site.slices[k + 1].from <= span.from;
      if (ended || before(span.until, slice.from)) continue;
      for (const RowWeight& weight : slice.limits->weights(key.second)) {
        const LimitRow& row = slice.limits->rows()[weight.row];
        Use& use = uses[{key.first, row.kind, row.subject, row.medium}];
        const auto weigh = [&](MicroWatts load, MicroWatts limit, bool demand) {
          if (limit == kUnlimited || limit <= 0) return;
          const std::int64_t ppm = mul_div_floor(load, kWholePpm, limit);
          if (ppm > use.ppm) use = {ppm, key.first, k, weight.row, demand};
        };
        weigh(slice.rows[weight.row].firm, row.firm_limit, false);
        weigh(slice.rows[weight.row].demand, row.demand_limit, true);
      }
    }
  }
  std::vector<Use> closest;
  for (const auto& [key, use] : uses) {
    if (use.ppm >= 0) closest.push_back(use);
  }
  std::stable_sort(closest.begin(), closest.end(), [](const Use& a, const Use& b) { return a.ppm > b.ppm; });
  if (closest.size() > kNearest) closest.resize(kNearest);
  for (const Use& use : closest) {
    const Slice& slice = sites_[use.site].slices[use.slice];
    const LimitRow& row = slice.limits->rows()[use.row];
    const Load& load = slice.rows[use.row];
    out.nearest.push_back({slice.limits->name(row), slice.limits->name(row.after), slice.from,
                           whole_up(use.demand ? load.demand : load.firm), (use.demand ? row.demand_limit : row.firm_limit) / kMicro});
  }
  return out;
}

}  // namespace penstock
