// Verdicts: whether a row above its limit is a violation, was told, or is being mended.
#include "verify/site_watch.h"

#include "base/name.h"

namespace penstock::verifier {
namespace {

/// The server's time to meet what a date or a fact breaks.
constexpr Duration kGrace = seconds(2);
/// Beyond this many violations it is not told any more whose watts they are.
constexpr std::size_t kMostExplained = 20;
constexpr std::size_t kMostGrants = 5;

std::string amount(Exact value, Medium medium, bool up) {
  const std::int64_t whole = up ? whole_up(value) : whole_down(value);
  return medium == kFlow ? Text<MillilitresPerMinute>::format(MillilitresPerMinute(whole))
                         : Text<Watts>::format(Watts(whole));
}

}  // namespace

void SiteWatch::set_spec(std::optional<SiteSpec> spec) {
  spec_ = std::move(spec);
  stale_ = true;
  change_.wish = true;
}

void SiteWatch::types_changed() {
  if (!spec_) return;
  stale_ = true;
  change_.wish = true;
}

void SiteWatch::restrict(const std::string& name, RestrictionSpec spec, Time now) {
  (spec.cause == RestrictionCause::kMaintenance ? change_.wish : change_.fact) = true;
  restrictions_[name] = Restriction{std::move(spec), now, false};
  start_grace(now);
}

void SiteWatch::lift(const std::string& name, Time now) {
  if (restrictions_.erase(name) == 0) return;
  change_.fact = true;
  start_grace(now);
}

void SiteWatch::revoke(const std::string& name, Time now) {
  const auto found = restrictions_.find(name);
  if (found == restrictions_.end()) return;
  found->second.revoked = true;
  change_.fact = true;
  start_grace(now);
}

void SiteWatch::close_announcements() {
  announced_.clear();
  told_.clear();
}

void SiteWatch::grant(Grant grant) {
  change_.grown = true;
  std::string uid = grant.uid;
  grants_.insert_or_assign(std::move(uid), std::move(grant));
}

void SiteWatch::release(const std::string& uid) {
  if (grants_.erase(uid) > 0) change_.shrunk = true;
}

void SiteWatch::shed(const std::string& uid, bool shed) {
  const auto found = grants_.find(uid);
  if (found == grants_.end() || found->second.shed == shed) return;
  found->second.shed = shed;
  (shed ? change_.shrunk : change_.grown) = true;
}

bool SiteWatch::repower(const std::string& uid, const std::vector<std::pair<std::int64_t, std::int64_t>>& watts) {
  std::vector<GrantedTask>& tasks = grants_.at(uid).tasks;
  if (tasks.size() != watts.size()) return false;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto [demand, firm] = watts[i];
    (demand > tasks[i].demand || firm > tasks[i].firm ? change_.grown : change_.shrunk) = true;
    tasks[i].demand = demand;
    tasks[i].firm = firm;
  }
  return true;
}

Result<bool> SiteWatch::write_out(const std::map<std::string, NodeTypeSpec>& types) {
  if (!stale_) return false;
  stale_ = false;
  model_.reset();
  if (!spec_) return true;
  PENSTOCK_TRY(model, build_model(name_, *spec_, types));
  model_ = std::move(model);
  return true;
}

std::vector<Time> SiteWatch::later_dates(Time now) const {
  std::set<Time> dates;
  const auto add = [&](std::optional<Time> date) {
    if (date && *date > now) dates.insert(*date);
  };
  if (model_) {
    for (Time date : model_->dates) add(date);
  }
  for (const auto& [name, restriction] : restrictions_) {
    if (restriction.revoked) continue;
    add(restriction.spec.from);
    add(restriction.spec.until);
  }
  return {dates.begin(), dates.end()};
}

std::optional<Time> SiteWatch::next_date(Time now) const {
  const std::vector<Time> dates = later_dates(now);
  return dates.empty() ? std::nullopt : std::optional(dates.front());
}

void SiteWatch::start_grace(Time now) {
  grace_ = Grace{now + kGrace, std::nullopt};
}

void SiteWatch::settle(const Place& place) {
  if (!change_.any()) return;
  const Change change = std::exchange(change_, Change{});
  if (change.wish) start_grace(place.at);
  compare(place, change);
}

void SiteWatch::pass_date(const Place& before, Time at) {
  settle(before);
  const Place place{before.position, at};
  start_grace(at);
  later_.erase(later_.begin(), later_.upper_bound(at));
  Change change;
  change.fact = true;
  compare(place, change);
}

void SiteWatch::arrive(const Place& before, Time at) {
  if (!grace_) return;
  if (grace_->instant && at > *grace_->instant) {
    settle(before);
    grace_.reset();
    if (!now_.empty()) compare(before, Change{});
  } else if (!grace_->instant && at >= grace_->until) {
    grace_->instant = at;
  }
}

void SiteWatch::leader_came(Time at) {
  if (grace_) start_grace(at);
}

void SiteWatch::finish(const Place& place) {
  if (now_.empty() && later_.empty()) return;
  if (grace_ && grace_->instant) grace_.reset();
  compare(place, Change{});
  for (const auto& [key, record] : now_) {
    findings_.report.undecided += record.reported || record.told ? 0 : 1;
  }
  for (const auto& [date, records] : later_) {
    for (const auto& [key, record] : records) findings_.report.foreseen += record.excused ? 1 : 0;
  }
}

std::int64_t SiteWatch::idle_part(const GrantedTask& task, const Type& type) const {
  return task.gpus * type.idle / (std::int64_t(type.devices) * 1000);
}

std::int64_t SiteWatch::swing(const Grant& grant) const {
  std::int64_t sum = 0;
  for (const GrantedTask& task : grant.tasks) {
    const auto node = model_->node_by_name.find(task.node);
    if (node == model_->node_by_name.end()) continue;
    sum += task.demand - idle_part(task, model_->types[model_->nodes[node->second].type]);
  }
  return sum;
}

bool SiteWatch::is_ready(int node, Time at) const {
  const Rack& rack = model_->racks[model_->nodes[node].rack];
  return !rack.from || *rack.from <= at;
}

Moment SiteWatch::moment(Time at) const {
  const Model& model = *model_;
  Moment out;
  out.at = at;
  out.element_out.assign(model.elements.size(), 0);
  out.unit_out.assign(model.units.size(), 0);
  out.element_left.assign(model.elements.size(), 1'000'000);
  out.unit_left.assign(model.units.size(), 1'000'000);
  for (std::size_t i = 0; i < model.elements.size(); ++i) {
    out.element_out[i] = model.elements[i].from && *model.elements[i].from > at;
  }
  for (const Rack& rack : model.racks) out.rack_ready.push_back(!rack.from || *rack.from <= at);
  if (model.grid) {
    std::int64_t import = model.grid->contracted.count();
    if (!model.grid->phases.empty()) {
      const GridPhaseSpec* phase = nullptr;
      for (const GridPhaseSpec& next : model.grid->phases) {
        if (next.from <= at && (phase == nullptr || next.from > phase->from)) phase = &next;
      }
      import = phase == nullptr ? 0 : std::min(import, phase->energised.count());
      if (phase != nullptr && phase->built) import = std::min(import, phase->built->count());
    }
    out.import = kOne * import;
  }
  for (const auto& [name, restriction] : restrictions_) {
    if (!restriction.in_force(at)) continue;
    const RestrictionSpec& spec = restriction.spec;
    if (spec.import && out.import) out.import = std::min(*out.import, kOne * spec.import->count());
    for (const std::string& pattern : spec.parts) {
      const auto parts = expand_range(pattern);
      if (!parts.ok()) continue;
      for (const RangeName& part : *parts) {
        const auto element = model.element_by_name.find(part.name);
        const auto unit = model.unit_by_name.find(part.name);
        const bool is_element = element != model.element_by_name.end();
        if (!is_element && unit == model.unit_by_name.end()) continue;
        if (spec.to) {
          std::int64_t& left = is_element ? out.element_left[element->second] : out.unit_left[unit->second];
          left = std::min(left, spec.to->count());
        } else {
          (is_element ? out.element_out[element->second] : out.unit_out[unit->second]) = 1;
        }
      }
    }
  }
  return out;
}

// What grants add to their nodes; at a later date, those that still run then.
SiteWatch::Added SiteWatch::added(std::optional<Time> later, const Grant* only) const {
  Added out{NodeWatts(model_->nodes.size(), 0), NodeWatts(model_->nodes.size(), 0)};
  for (const auto& [uid, grant] : grants_) {
    if (only != nullptr && only != &grant) continue;
    if (later && grant.until && *grant.until <= *later) continue;
    for (const GrantedTask& task : grant.tasks) {
      const auto node = model_->node_by_name.find(task.node);
      if (node == model_->node_by_name.end()) continue;
      const std::int64_t idle = idle_part(task, model_->types[model_->nodes[node->second].type]);
      out.firm[node->second] += task.firm - idle;
      out.held[node->second] += (grant.shed ? task.firm : task.demand) - idle;
    }
  }
  return out;
}

void SiteWatch::compare(const Place& place, const Change& change) {
  if (!model_ || grants_.empty()) {
    now_.clear();
    later_.clear();
    return;
  }
  const bool may_break = change.grown || change.fact || change.wish || change.given;
  if (!may_break && now_.empty() && later_.empty()) return;
  ++findings_.report.instants_checked;
  if (change.wish && !change.fact) {
    // Whatever was wished for had to leave room for what is kept, from its first instant on.
    Records kept = now_;
    judge(place, change, place.at, kept);
    for (const auto& [key, record] : kept) {
      if (record.reported) now_[key].reported = true;
    }
  }
  judge(place, change, std::nullopt, now_);
  std::map<Time, Records> before = std::exchange(later_, {});
  for (Time date : later_dates(place.at)) {
    Records records = std::move(before[date]);
    judge(place, change, date, records);
    if (!records.empty()) later_.emplace(date, std::move(records));
  }
}

// One instant: now, with what is held and what is kept, or a later date, with what is kept of what still runs then.
void SiteWatch::judge(const Place& place, const Change& change, std::optional<Time> later, Records& records) {
  const Moment at = moment(later.value_or(place.at));
  const Added watts = added(later);
  const Load held = sum_up(*model_, at, watts.held, true);
  const Load firm = sum_up(*model_, at, watts.firm, true);
  findings_.report.later_instants += later ? 1 : 0;
  findings_.report.contingencies += model_->contingencies.size();
  const std::vector<Broken> broken =
      broken_rows(*model_, at, Loads{later ? nullptr : &held, &firm}, findings_.report.rows);
  const Records before = std::exchange(records, {});
  if (broken.empty()) return;
  const Load idle = sum_up(*model_, at, NodeWatts(model_->nodes.size(), 0), true);
  std::set<std::pair<std::string, std::string>> told_here;
  for (const Broken& row : broken) {
    // What the site's own idle draw breaks, nobody was granted.
    if (load_of(*model_, at, idle, row.row, true) >= row.load) continue;
    const std::string name = row_name(*model_, row.row);
    const std::string& contingency = model_->contingencies[row.row.contingency].name;
    const RowKey key{name, contingency, row.row.firm};
    const auto known = before.find(key);
    Record record = known == before.end() ? Record{} : known->second;
    const bool added_to = (change.grown || (later && change.wish)) && !change.fact &&
                          (known == before.end() || row.load > known->second.load);
    record.load = row.load;
    record.given = record.given || change.given;
    bool wrong = false;
    if (added_to) {
      wrong = true;
    } else if (record.given || is_announced(name, contingency, row.row)) {
      record.told = true;
      if (told_.emplace(name, contingency).second) findings_.announced(describe(place, later, at, row));
    } else if (later) {
      record.excused = record.excused || change.fact;
      wrong = !record.excused;
    } else {
      wrong = !grace_;
    }
    if (wrong && !record.reported) {
      record.reported = true;
      // A row that is above its limit as things are need not be told again for every loss and date.
      const bool known_to_all = told_here.count({name, ""}) != 0 || (later && was_reported(name, contingency));
      if (!known_to_all && told_here.emplace(name, contingency).second)
        findings_.violation(describe(place, later, at, row));
    }
    records.emplace(key, record);
  }
}

bool SiteWatch::was_reported(const std::string& row, const std::string& contingency) const {
  return std::any_of(now_.begin(), now_.end(), [&](const auto& entry) {
    const auto& [name, loss, firm] = entry.first;
    return entry.second.reported && name == row && (loss.empty() || loss == contingency);
  });
}

// Nodes of racks that are fed alike stand and fall together: one of them speaks for all.
bool SiteWatch::is_announced(const std::string& row, const std::string& contingency, const Row& what) const {
  if (announced_.count({row, contingency}) != 0) return true;
  if (what.part != Part::kNode) return false;
  constexpr std::string_view kSuffix = " supplies";
  const int group = model_->racks[model_->nodes[what.index].rack].group;
  for (const auto& [named, loss] : announced_) {
    if (loss != contingency || named.size() <= kSuffix.size()) continue;
    const auto node = model_->node_by_name.find(named.substr(0, named.size() - kSuffix.size()));
    if (node != model_->node_by_name.end() && model_->racks[model_->nodes[node->second].rack].group == group)
      return true;
  }
  return false;
}

Finding SiteWatch::describe(const Place& place, std::optional<Time> later, const Moment& at,
                            const Broken& broken) const {
  Finding finding;
  finding.position = place.position;
  finding.at = place.at;
  if (later && *later > place.at) finding.when = later;
  finding.site = name_;
  finding.row = row_name(*model_, broken.row);
  finding.contingency = model_->contingencies[broken.row.contingency].name;
  const Medium medium = broken.row.part == Part::kLoop ? broken.row.medium : kLiquid;
  finding.load = amount(broken.load, medium, true);
  finding.limit = amount(broken.limit, medium, false);
  if (findings_.report.violations.size() < kMostExplained) finding.grants = greatest(at, later, broken.row);
  const bool order = model_->contingencies[broken.row.contingency].order;
  finding.message = fmt::format("{} carries {}{}{}{}; its limit is {}", finding.row, finding.load,
                                broken.row.firm ? " of firm power" : "",
                                finding.contingency.empty() ? ""
                                : order                     ? " after the grid operator's order"
                                                            : " after the loss of " + finding.contingency,
                                finding.when ? " at " + Text<Time>::format(*finding.when) : "", finding.limit);
  return finding;
}

std::vector<std::string> SiteWatch::greatest(const Moment& at, std::optional<Time> later, const Row& row) const {
  std::vector<std::pair<Exact, const Grant*>> parts;
  for (const auto& [uid, grant] : grants_) {
    const Added watts = added(later, &grant);
    const Exact part = load_of(*model_, at, sum_up(*model_, at, row.firm ? watts.firm : watts.held, false), row, false);
    if (part > 0) parts.emplace_back(part, &grant);
  }
  const std::size_t most = std::min(parts.size(), kMostGrants);
  std::partial_sort(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(most), parts.end(),
                    [](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : a.second->uid < b.second->uid;
                    });
  std::vector<std::string> out;
  for (std::size_t i = 0; i < most; ++i) {
    const Medium medium = row.part == Part::kLoop ? row.medium : kLiquid;
    out.push_back(fmt::format("{} {}", parts[i].second->job, amount(parts[i].first, medium, true)));
  }
  return out;
}

}  // namespace penstock::verifier
