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
  if (model_) locate(grant);
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
  for (auto& [uid, grant] : grants_) locate(grant);
  return true;
}

void SiteWatch::locate(Grant& grant) const {
  for (GrantedTask& task : grant.tasks) {
    const auto node = model_->node_by_name.find(task.node);
    task.at = node == model_->node_by_name.end() ? -1 : node->second;
  }
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
  if (all_within()) return;
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
    if (task.at < 0) continue;
    const std::int64_t idle = idle_part(task, model_->types[model_->nodes[task.at].type]);
    sum += std::max<std::int64_t>(0, task.demand - idle);
  }
  return sum;
}

bool SiteWatch::is_ready(int node, Time at) const {
  const Rack& rack = model_->racks[model_->nodes[node].rack];
  return !rack.from || *rack.from <= at;
}

Moment SiteWatch::moment(Time at) const {
  const Model& model = *model_;
  Moment out = moment_of(model, at);
  for (const auto& [name, restriction] : restrictions_) {
    if (!restriction.in_force(at)) continue;
    const RestrictionSpec& spec = restriction.spec;
    if (spec.import) {
      const Exact order = kOne * spec.import->count();
      out.import = std::min(order, out.import.value_or(order));
    }
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
      if (task.at < 0) continue;
      const std::int64_t idle = idle_part(task, model_->types[model_->nodes[task.at].type]);
      const std::int64_t firm = std::max<std::int64_t>(0, task.firm - idle);
      out.firm[task.at] += firm;
      out.held[task.at] += grant.shed ? firm : std::max<std::int64_t>(0, task.demand - idle);
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
  if (!may_break && all_within()) return;
  ++findings_.report.instants_checked;
  if (change.wish && !change.fact) {
    // Whatever was wished for had to leave room for what is kept, from its first instant on.
    Records kept = now_;
    judge(place, change, place.at, kept);
    for (const auto& [key, record] : kept) {
      if (record.reported) now_[key].reported = true;
    }
  }
  Records known = now_;
  for (auto& [key, record] : known) record.excused = true;
  judge(place, change, std::nullopt, now_);
  const std::map<Time, Records> before = std::exchange(later_, {});
  auto next = before.begin();
  for (Time date : later_dates(place.at)) {
    // A new date parts a stretch of time: what was known of the stretch is known of the date.
    for (; next != before.end() && next->first <= date; ++next) known = next->second;
    Records records = known;
    judge(place, change, date, records);
    later_.emplace(date, std::move(records));
  }
}

bool SiteWatch::all_within() const {
  return now_.empty() &&
         std::all_of(later_.begin(), later_.end(), [](const auto& entry) { return entry.second.empty(); });
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
    } else if (record.given || announced_.count(name) != 0) {
      record.told = true;
      record.excused = record.excused || change.fact;  // of a later date: that stands when the telling is over
      if (told_.emplace(name, contingency).second) {
        findings_.announced(findings_.keeps_announced() ? describe(place, later, at, row) : VerifyFinding{});
      }
      // Telling is for what shedding cannot mend.
      const bool due = !later && contingency.empty() && !grace_ && !record.reported;
      if (const std::string job = due ? unshed(at, row.row) : std::string(); !job.empty()) {
        record.reported = true;
        VerifyFinding finding = describe(place, later, at, row);
        finding.message += fmt::format("; {} could give to it and was not shed", job);
        findings_.violation(std::move(finding));
      }
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

// A grant that draws through the row more than it would keep after shedding; empty if there is none.
std::string SiteWatch::unshed(const Moment& at, const Row& row) const {
  const auto gives = [&](const Grant* only) {
    Added watts = added(std::nullopt, only);
    for (std::size_t n = 0; n < watts.held.size(); ++n) watts.held[n] -= watts.firm[n];
    return load_of(*model_, at, sum_up(*model_, at, watts.held, false), row, false) > 0;
  };
  if (!gives(nullptr)) return {};
  for (const auto& [uid, grant] : grants_) {
    if (gives(&grant)) return grant.job;
  }
  return {};
}

VerifyFinding SiteWatch::describe(const Place& place, std::optional<Time> later, const Moment& at,
                            const Broken& broken) const {
  VerifyFinding finding;
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
