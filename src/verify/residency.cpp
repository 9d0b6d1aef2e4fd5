// The walk of one tenant's work over the borders.
#include "verify/residency.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/name.h"

namespace penstock {
namespace {

using Countries = std::vector<std::string>;

std::string text_of(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

const json::object* object_in(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  return found == nullptr ? nullptr : found->if_object();
}

// The countries that a spec names; none means anywhere.
Countries countries_of(const json::object* spec) {
  Countries out;
  const json::value* list = spec == nullptr ? nullptr : spec->if_contains("jurisdictions");
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& item : list->get_array()) {
    if (item.is_string()) out.emplace_back(item.get_string());
  }
  return out;
}

bool forbids(const Countries& countries, const std::string& country) {
  return !countries.empty() && std::find(countries.begin(), countries.end(), country) == countries.end();
}

std::string tenant_in(std::string_view name) { return std::string(name.substr(0, name.find('/'))); }

}  // namespace

struct ResidencyWatch::Walk {
  struct Work {
    std::string name;
    std::string contract;
    Countries countries;
    std::set<std::string> sites;     // of what it holds
    std::set<std::string> promised;  // of what is kept for it
    bool started = false;
  };

  std::string tenant;
  ResidencyReport report;
  bool known = false;
  Position position = 0;
  std::optional<Position> changed;  // the last event about countries, if its consequences have not been looked at
  Countries of_tenant;
  std::map<std::string, Countries> of_contract;
  std::map<std::string, std::string> country_of_site;
  std::map<std::string, Work> jobs;
  std::map<std::string, ResidencyCount> seen;
  std::map<std::string, std::set<std::string>> nodes;

  void wrong(std::string message) {
    if (report.violation_count++ > 0) return;
    report.violation = position;
    report.message = std::move(message);
  }

  // Holds one site of a job to all who may forbid its country; returns the country.
  std::string check(const Work& job, const std::string& site, std::string_view what) {
    const auto found = country_of_site.find(site);
    if (found == country_of_site.end()) {
      wrong(fmt::format("event {}: {} {} at {}, of which no country is known", position, job.name, what, site));
      return "?";
    }
    const std::string& country = found->second;
    std::string who;
    if (forbids(job.countries, country)) who = "the job itself";
    if (const auto contract = of_contract.find(job.contract); contract != of_contract.end() && forbids(contract->second, country)) {
      who = "contract " + job.contract;
    }
    if (forbids(of_tenant, country)) who = "tenant " + tenant;
    if (!who.empty()) wrong(fmt::format("event {}: {} {} at {} in {}, where {} may not be", position, job.name, what, site, country, who));
    return country;
  }

  void check_all() {
    for (const auto& [uid, job] : jobs) {
      for (const std::string& site : job.sites) check(job, site, "lies");
      for (const std::string& site : job.promised) check(job, site, "has nodes kept");
    }
  }

  // The sites of tasks, whose nodes are counted in their countries.
  std::set<std::string> sites_of(const Work& job, const json::object& from, std::string_view what, std::uint64_t ResidencyCount::*count) {
    std::set<std::string> sites;
    std::set<std::string> countries;
    const json::value* tasks = from.if_contains("tasks");
    if (tasks == nullptr || !tasks->is_array()) return sites;
    std::map<std::string, std::string> known_here;
    for (const json::value& item : tasks->get_array()) {
      const json::object* task = item.if_object();
      if (task == nullptr) continue;
      const std::string node = text_of(*task, "node");
      const std::string site = tenant_in(node);
      if (sites.insert(site).second) known_here[site] = check(job, site, what);
      countries.insert(known_here[site]);
      nodes[known_here[site]].insert(node);
    }
    for (const std::string& country : countries) ++(seen[country].*count);
    return sites;
  }

  void set_spec(const std::string& kind, const std::string& name, const json::object* spec) {
    if (kind == "Site") {
      if (spec != nullptr) country_of_site[name] = text_of(*spec, "country");
    } else if (kind == "Tenant" && name == tenant) {
      known = known || spec != nullptr;
      of_tenant = countries_of(spec);
    } else if (kind == "Contract" && tenant_in(name) == tenant) {
      of_contract[name] = countries_of(spec);
    } else {
      return;
    }
    changed = position;
  }

  // One apply is several events, whose parts make no sense alone.
  void settle() {
    if (!changed) return;
    const Position at = std::exchange(position, *std::exchange(changed, std::nullopt));
    check_all();
    position = at;
  }

  void submit(const json::object& event) {
    const std::string name = text_of(event, "name");
    if (tenant_in(name) != tenant) return;
    jobs[text_of(event, "uid")] = {name, text_of(event, "contract"), countries_of(object_in(event, "spec")), {}, {}, false};
  }

  void start(Work& job, const json::object& allocation) {
    job.promised.clear();
    job.sites = sites_of(job, allocation, job.started ? "was started again" : "was started",
                         job.started ? &ResidencyCount::restarts : &ResidencyCount::placements);
    job.started = true;
  }

  Status take(const json::object& record) {
    const json::value* number = record.if_contains("position");
    const json::object* event = object_in(record, "event");
    if (number == nullptr || !number->is_int64() || event == nullptr) return make_error(Code::kInvalid, "this is no event");
    position = static_cast<Position>(number->get_int64());
    if (report.events++ == 0) report.first = position;
    report.last = position;
    const std::string type = text_of(*event, "type");
    if (!type.starts_with("object.")) settle();
    if (type == "object.applied") {
      set_spec(text_of(*event, "kind"), text_of(*event, "name"), object_in(*event, "spec"));
    } else if (type == "object.deleted") {
      set_spec(text_of(*event, "kind"), text_of(*event, "name"), nullptr);
    } else if (type == "job.submitted") {
      submit(*event);
    } else if (type == "job.started") {
      const json::object* allocation = object_in(*event, "allocation");
      if (allocation == nullptr) return make_error(Code::kInvalid, "a start without an allocation");
      if (const auto job = jobs.find(text_of(*allocation, "job")); job != jobs.end()) start(job->second, *allocation);
    } else if (const auto job = jobs.find(text_of(*event, "job")); job != jobs.end()) {
      if (type == "job.promised") {
        if (const json::object* promise = object_in(*event, "promise")) {
          job->second.promised = sites_of(job->second, *promise, "was promised nodes", &ResidencyCount::kept);
        }
      } else if (type == "job.unpromised" || type == "job.held") {
        job->second.promised.clear();
      } else if (type == "job.requeued") {
        job->second.sites.clear();
      } else if (type == "job.finished") {
        jobs.erase(job);
      }
    }
    return ok_status();
  }

  Status take_facts(const json::object& facts) {
    for (const auto& [key, kind] : {std::pair("sites", "Site"), std::pair("tenants", "Tenant"), std::pair("contracts", "Contract")}) {
      const json::object* objects = object_in(facts, key);
      if (objects == nullptr) continue;
      for (const auto& entry : *objects) {
        const json::object* object = entry.value().if_object();
        if (object != nullptr) set_spec(kind, std::string(entry.key()), object_in(*object, "spec"));
      }
    }
    const json::object* stored = object_in(facts, "jobs");
    if (stored == nullptr) return ok_status();
    for (const auto& entry : *stored) {
      const json::object* job = entry.value().if_object();
      if (job == nullptr) continue;
      submit(*job);
      const auto found = jobs.find(text_of(*job, "uid"));
      if (found == jobs.end()) continue;
      const std::string phase = text_of(*job, "phase");
      const json::object* allocation = object_in(*job, "allocation");
      if (allocation != nullptr && (phase == "starting" || phase == "running" || phase == "stopping")) start(found->second, *allocation);
      found->second.started = allocation != nullptr;
      const json::object* promise = object_in(*job, "promise");
      if (promise != nullptr) found->second.promised = sites_of(found->second, *promise, "has nodes kept", &ResidencyCount::kept);
    }
    return ok_status();
  }
};

ResidencyWatch::ResidencyWatch(std::string tenant) : walk_(std::make_unique<Walk>()) {
  walk_->tenant = std::move(tenant);
  walk_->report.tenant = walk_->tenant;
}
ResidencyWatch::~ResidencyWatch() = default;
ResidencyWatch::ResidencyWatch(ResidencyWatch&&) noexcept = default;
ResidencyWatch& ResidencyWatch::operator=(ResidencyWatch&&) noexcept = default;

Status ResidencyWatch::take_snapshot(const json::value& facts) {
  const json::object* object = facts.if_object();
  if (object == nullptr) return make_error(Code::kInvalid, "snapshot: " + wrong_kind("a mapping", facts));
  return walk_->take_facts(*object);
}

Status ResidencyWatch::take(std::string_view event) {
  PENSTOCK_TRY(value, parse_json(event));
  const json::object* object = value.if_object();
  return object == nullptr ? Status(make_error(Code::kInvalid, wrong_kind("a mapping", value))) : walk_->take(*object);
}

Result<ResidencyReport> ResidencyWatch::finish() {
  walk_->settle();
  if (!walk_->known) return make_error(Code::kNotFound, fmt::format("the log knows no tenant '{}'", walk_->tenant));
  ResidencyReport report = walk_->report;
  report.proved = report.violation_count == 0;
  for (auto& [country, count] : walk_->seen) {
    ResidencyCount row = count;
    row.country = country;
    row.nodes = walk_->nodes[country].size();
    report.countries.push_back(std::move(row));
  }
  if (report.proved) {
    report.message = walk_->of_tenant.empty()
                         ? fmt::format("tenant {} is bound to no country; its contracts and jobs kept to theirs", report.tenant)
                         : fmt::format("all work of {} lay in {}", report.tenant, fmt::join(walk_->of_tenant, ", "));
  }
  return report;
}

}  // namespace penstock
