// The walk over a log: every event to whom it concerns, and every date between two events.
#include "verify/verify.h"

#include "base/name.h"
#include "spec/document.h"
#include "verify/devices.h"
#include "verify/accounts.h"
#include "verify/gangs.h"
#include "verify/nodes.h"
#include "verify/read.h"
#include "verify/site_watch.h"

namespace penstock {
namespace {

using namespace verifier;

/// Logs shorter than this are looked at after every event.
constexpr std::uint64_t kShort = 5000;
constexpr std::uint64_t kInstants = 2000;

Result<Grant> read_grant(const json::object& from) {
  Grant grant;
  PENSTOCK_TRY(job, get<std::string>(from, "job"));
  PENSTOCK_TRY(contract, get<std::string>(from, "contract"));
  PENSTOCK_TRY(until, get_or<std::optional<Time>>(from, "until", std::nullopt));
  PENSTOCK_TRY(tasks, get_array(from, "tasks"));
  grant.uid = job;
  grant.contract = contract;
  grant.until = until;
  for (const json::value& item : *tasks) {
    PENSTOCK_TRY(object, as_object(item));
    GrantedTask task;
    PENSTOCK_TRY(node, get<std::string>(*object, "node"));
    PENSTOCK_TRY(group, get_or<std::int32_t>(*object, "group", 0));
    PENSTOCK_TRY(devices, get_or<std::vector<std::int32_t>>(*object, "devices", {}));
    PENSTOCK_TRY(gpus, get<MilliGpu>(*object, "gpus"));
    if (!object->contains("demand")) {
      return make_error(Code::kUnsupported, "a start without the watts of its tasks: its version knew no limits yet");
    }
    PENSTOCK_TRY(demand, get<Watts>(*object, "demand"));
    PENSTOCK_TRY(firm, get<Watts>(*object, "firm"));
    grant.tasks.push_back({node, group, devices, gpus.count(), demand.count(), firm.count()});
  }
  if (!grant.tasks.empty()) grant.site = split_path(grant.tasks.front().node).front();
  return grant;
}

bool is_about_specs(std::string_view type) {
  return type == "object.applied" || type == "object.deleted";
}

}  // namespace

struct Verifier::Walk {
  explicit Walk(VerifyOptions the_options)
      : options(the_options), findings(options.most_findings), devices(findings), gangs(findings), accounts(findings), nodes(findings) {
    options.every = std::max<std::uint64_t>(1, options.every);
  }

  VerifyOptions options;
  Findings findings;
  Devices devices;
  Gangs gangs;
  Accounts accounts;
  Nodes nodes;
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteWatch> sites;
  std::map<std::string, std::string> site_of_job;  // of jobs that hold something
  Place place;
  Epoch epoch = 0;
  bool begun = false;
  bool in_apply = false;  // the last event was about specs
  bool countries_changed = false;
  bool changed = false;  // the last event changed what limits or loads are
  std::uint64_t unsettled = 0;
  std::optional<Time> next_date;
  bool dates_changed = true;

  SiteWatch& site(const std::string& name) { return sites.try_emplace(name, name, findings).first->second; }
  SiteWatch* holder(const std::string& uid) {
    const auto found = site_of_job.find(uid);
    return found == site_of_job.end() ? nullptr : &site(found->second);
  }
  void tell(int invariant, std::string site_name, std::string message) {
    findings.violation(invariant, place, std::move(site_name), std::move(message));
  }

  Status take_record(const json::object& record) {
    PENSTOCK_TRY(position, get<Position>(record, "position"));
    PENSTOCK_TRY(at, get<Time>(record, "at"));
    PENSTOCK_TRY(of, get<Epoch>(record, "epoch"));
    PENSTOCK_TRY(event, get_object(record, "event"));
    PENSTOCK_TRY(type, get<std::string>(*event, "type"));
    if (!begun) {
      if (position != place.position + 1) {
        return make_error(
            Code::kFailedPrecondition,
            fmt::format("the log begins at {}, and what is known ends at {}: a snapshot of position {} is needed",
                        position, place.position, position - 1));
      }
      if (place.at == Time{}) place.at = at;
      begun = true;
      findings.report.first = position;
    }
    PENSTOCK_RETURN_IF_ERROR(go_to(at, type));
    if (position != place.position + 1) {
      tell(6, {}, fmt::format("after position {} comes {}", place.position, position));
    }
    place.position = position;
    if (at < place.at)
      tell(6, {},
           fmt::format("time runs backwards, from {} to {}", Text<Time>::format(place.at), Text<Time>::format(at)));
    place.at = std::max(place.at, at);
    ++findings.report.events;
    PENSTOCK_RETURN_IF_ERROR(check_epoch(of, type, *event));
    PENSTOCK_RETURN_IF_ERROR(accounts.take(type, *event, place));
    PENSTOCK_RETURN_IF_ERROR(nodes.take(type, *event, place));
    return take_event(type, *event);
  }

  // What lies between the last event and the next: its consequences, then dates, one after the other.
  Status go_to(Time at, std::string_view next) {
    if (in_apply && is_about_specs(next) && at == place.at)
      return ok_status();  // one apply; its parts make no sense alone
    const bool all = is_about_specs(next) || next == "maintenance.revoked";
    PENSTOCK_RETURN_IF_ERROR(settle(all));
    if (at <= place.at) return ok_status();
    for (auto& [name, watch] : sites) watch.arrive(place, at);
    while (true) {
      if (dates_changed) {
        next_date.reset();
        for (auto& [name, watch] : sites) {
          const std::optional<Time> date = watch.next_date(place.at);
          if (date && (!next_date || *date < *next_date)) next_date = date;
        }
        dates_changed = false;
      }
      if (!next_date || *next_date > at) break;
      for (auto& [name, watch] : sites) {
        if (watch.next_date(place.at) != next_date) continue;
        ++findings.report.instants;
        watch.pass_date(place, *next_date);
      }
      place.at = *next_date;
      dates_changed = true;
    }
    for (auto& [name, watch] : sites) watch.arrive(place, at);
    return ok_status();
  }

  Status settle(bool all) {
    in_apply = false;
    if (std::exchange(changed, false)) {
      ++findings.report.instants;
      ++unsettled;
    }
    for (auto& [name, watch] : sites) {
      PENSTOCK_TRY(written, watch.write_out(types));
      if (!written) continue;
      dates_changed = true;
      countries_changed = true;
      for (const auto& [uid, grant] : watch.grants()) devices.recheck(grant, watch.model(), place);
    }
    if (std::exchange(countries_changed, false)) {
      for (auto& [name, watch] : sites) {
        for (const auto& [uid, grant] : watch.grants()) check_country(watch, grant);
      }
    }
    const bool due = all || unsettled >= options.every;
    for (auto& [name, watch] : sites) {
      if (due || watch.change().fact || watch.change().wish) watch.settle(place);
    }
    if (due) unsettled = 0;
    return ok_status();
  }

  void check_country(const SiteWatch& watch, const Grant& grant) {
    if (watch.spec()) gangs.check_country(grant, watch.spec()->country, place);
  }

  Status check_epoch(Epoch of, std::string_view type, const json::object& event) {
    if (type == "leadership.taken") {
      PENSTOCK_TRY(taken, get<Epoch>(event, "epoch"));
      if (taken <= epoch)
        tell(6, {}, fmt::format("leadership was taken with epoch {}, which is not above {}", taken, epoch));
      if (of != taken)
        tell(6, {}, fmt::format("an event of epoch {} says that leadership was taken with {}", of, taken));
      epoch = std::max(epoch, taken);
      for (auto& [name, watch] : sites) watch.leader_came(place.at);
    } else if (of < epoch) {
      tell(6, {}, fmt::format("a leader of epoch {} wrote after one of epoch {}", of, epoch));
    } else if (of > epoch) {
      tell(6, {}, fmt::format("epoch {} wrote without having taken leadership; the leader is of epoch {}", of, epoch));
      epoch = of;
    }
    return ok_status();
  }

  Status take_event(std::string_view type, const json::object& event) {
    if (is_about_specs(type)) return on_spec(type == "object.applied", event);
    if (type == "job.submitted") return on_submitted(event);
    if (type == "job.started") return on_started(event);
    if (type == "job.stopping") return on_stopping(event);
    if (type == "job.requeued" || type == "job.finished") return on_ended(event);
    if (type == "job.shed") return on_shed(event, true);
    if (type == "job.restored") return on_shed(event, false);
    if (type == "job.repowered") return on_repowered(event);
    if (type == "jobs.forgotten") return on_forgotten(event);
    if (type == "limits.broken") return on_broken(event);
    if (type == "limits.restored") {
      PENSTOCK_TRY(name, get<std::string>(event, "site"));
      site(name).close_announcements();
    }
    if (type == "maintenance.revoked") {
      PENSTOCK_TRY(name, get<std::string>(event, "restriction"));
      site(std::string(parent_of(name))).revoke(name, place.at);
      changed = dates_changed = true;
    }
    return ok_status();
  }

  Status on_spec(bool applied, const json::object& event) {
    PENSTOCK_TRY(kind, get<Kind>(event, "kind"));
    PENSTOCK_TRY(name, get<std::string>(event, "name"));
    in_apply = true;
    return set_spec(kind, name, applied ? event.if_contains("spec") : nullptr, place.at);
  }

  Status set_spec(Kind kind, const std::string& name, const json::value* spec, Time since) {
    const auto read = [&]<class Spec>(std::optional<Spec>& into) -> Status {
      if (spec == nullptr) return ok_status();
      auto value = from_json<Spec>(*spec);
      if (!value.ok()) return std::move(value).error();
      into = std::move(*value);
      return ok_status();
    };
    switch (kind) {
      case Kind::kNodeType: {
        std::optional<NodeTypeSpec> type;
        PENSTOCK_RETURN_IF_ERROR(read(type));
        if (type) {
          types.insert_or_assign(name, std::move(*type));
        } else {
          types.erase(name);
        }
        for (auto& [site_name, watch] : sites) watch.types_changed();
        changed = true;
        break;
      }
      case Kind::kSite: {
        std::optional<SiteSpec> of_site;
        PENSTOCK_RETURN_IF_ERROR(read(of_site));
        nodes.set_site(name, of_site);
        site(name).set_spec(std::move(of_site));
        changed = true;
        break;
      }
      case Kind::kTenant: {
        std::optional<TenantSpec> tenant;
        PENSTOCK_RETURN_IF_ERROR(read(tenant));
        gangs.set_tenant(name, std::move(tenant));
        countries_changed = true;
        break;
      }
      case Kind::kContract: {
        std::optional<ContractSpec> contract;
        PENSTOCK_RETURN_IF_ERROR(read(contract));
        gangs.set_contract(name, std::move(contract));
        countries_changed = true;
        break;
      }
      case Kind::kRestriction: {
        std::optional<RestrictionSpec> restriction;
        PENSTOCK_RETURN_IF_ERROR(read(restriction));
        SiteWatch& watch = site(std::string(parent_of(name)));
        if (restriction) {
          watch.restrict(name, std::move(*restriction), since);
        } else {
          watch.lift(name, since);
        }
        changed = dates_changed = true;
        break;
      }
      case Kind::kProject:
      case Kind::kPrincipal:
      case Kind::kGrant:
      case Kind::kJob:
        break;
    }
    return ok_status();
  }

  Status on_submitted(const json::object& event) {
    PENSTOCK_TRY(uid, get<std::string>(event, "uid"));
    PENSTOCK_TRY(name, get<std::string>(event, "name"));
    PENSTOCK_TRY(contract, get<std::string>(event, "contract"));
    PENSTOCK_TRY(spec, get<JobSpec>(event, "spec"));
    gangs.submit(uid, {name, contract, std::move(spec)});
    return ok_status();
  }

  Status on_started(const json::object& event) {
    PENSTOCK_TRY(allocation, get_object(event, "allocation"));
    PENSTOCK_TRY(grant, read_grant(*allocation));
    const Gangs::Job* job = gangs.find(grant.uid);
    grant.job = job == nullptr ? grant.uid : job->name;
    ++findings.report.grants;
    if (SiteWatch* before = holder(grant.uid)) {
      tell(3, grant.site, fmt::format("{} was started while it still held its last allocation", grant.job));
      release(*before, grant.uid);
    }
    gangs.check_whole(grant, place);
    gangs.placed_anew(grant.uid);
    SiteWatch& watch = site(grant.site);
    devices.take(grant, watch.model(), place);
    check_country(watch, grant);
    site_of_job[grant.uid] = grant.site;
    const std::string uid = grant.uid;
    watch.grant(std::move(grant));
    check_room(watch, watch.grants().at(uid));
    changed = true;
    return ok_status();
  }

  // What the site allows a gang by itself: a hall that is there, and no greater step than the grid bears.
  void check_room(const SiteWatch& watch, const Grant& grant) {
    if (watch.model() == nullptr) return;
    for (const GrantedTask& task : grant.tasks) {
      if (task.at < 0 || watch.is_ready(task.at, place.at)) continue;
      tell(2, grant.site, fmt::format("{} was placed on {}, whose hall is not there yet", grant.job, task.node));
      break;
    }
    check_ramp(watch, grant);
  }

  void check_ramp(const SiteWatch& watch, const Grant& grant) {
    const auto& grid = watch.model()->grid;
    if (!grid || !grid->ramp_per_second) return;
    const std::int64_t swing = watch.swing(grant);
    if (swing <= grid->ramp_per_second->count()) return;
    VerifyFinding finding;
    finding.position = place.position;
    finding.at = place.at;
    finding.site = grant.site;
    finding.row = grant.site + " ramp";
    finding.load = Text<Watts>::format(Watts(swing));
    finding.limit = Text<Watts>::format(*grid->ramp_per_second);
    finding.grants = {grant.job};
    finding.message = fmt::format("{} may swing by {} at once, and the grid bears {} a second", grant.job, finding.load,
                                  finding.limit);
    findings.violation(std::move(finding));
  }

  void release(SiteWatch& watch, const std::string& uid) {
    const auto held = watch.grants().find(uid);
    if (held != watch.grants().end()) devices.give_back(held->second);
    watch.release(uid);
    site_of_job.erase(uid);
    changed = true;
  }

  Status on_stopping(const json::object& event) {
    PENSTOCK_TRY(uid, get<std::string>(event, "job"));
    PENSTOCK_TRY(reason, get<std::string>(event, "reason"));
    PENSTOCK_TRY(message, get_or<std::string>(event, "message", {}));
    const Gangs::Job* job = gangs.find(uid);
    SiteWatch* watch = holder(uid);
    if (job == nullptr || watch == nullptr) return ok_status();
    const bool keeps = job->spec.checkpoint && job->spec.checkpoint->on_stop;
    nodes.stopped(watch->grants().at(uid), job->name, reason, message, keeps, place);
    return ok_status();
  }

  Status on_ended(const json::object& event) {
    PENSTOCK_TRY(uid, get<std::string>(event, "job"));
    if (SiteWatch* watch = holder(uid)) release(*watch, uid);
    return ok_status();
  }

  Status on_shed(const json::object& event, bool shed) {
    PENSTOCK_TRY(uid, get<std::string>(event, "job"));
    if (SiteWatch* watch = holder(uid)) {
      watch->shed(uid, shed);
      changed = true;
    }
    return ok_status();
  }

  Status on_repowered(const json::object& event) {
    PENSTOCK_TRY(uid, get<std::string>(event, "job"));
    PENSTOCK_TRY(tasks, get_array(event, "tasks"));
    SiteWatch* watch = holder(uid);
    if (watch == nullptr) return ok_status();
    std::vector<std::pair<std::int64_t, std::int64_t>> watts;
    for (const json::value& item : *tasks) {
      PENSTOCK_TRY(task, as_object(item));
      PENSTOCK_TRY(demand, get<Watts>(*task, "demand"));
      PENSTOCK_TRY(firm, get<Watts>(*task, "firm"));
      watts.emplace_back(demand.count(), firm.count());
    }
    const Grant& grant = watch->grants().at(uid);
    const std::int64_t before = watch->model() == nullptr ? 0 : watch->swing(grant);
    if (!watch->repower(uid, watts)) {
      tell(3, grant.site,
           fmt::format("{} has {} tasks, and {} of them got other watts", grant.job, grant.tasks.size(), watts.size()));
    } else if (watch->model() != nullptr && watch->swing(grant) > before) {
      check_ramp(*watch, grant);
    }
    changed = true;
    return ok_status();
  }

  Status on_forgotten(const json::object& event) {
    PENSTOCK_TRY(uids, get<std::vector<std::string>>(event, "jobs"));
    for (const std::string& uid : uids) {
      if (holder(uid) != nullptr)
        tell(3, {}, fmt::format("job {} was forgotten while it still held its allocation", uid));
      gangs.forget(uid);
    }
    return ok_status();
  }

  Status on_broken(const json::object& event) {
    PENSTOCK_TRY(name, get<std::string>(event, "site"));
    PENSTOCK_TRY(rows, get_array(event, "rows"));
    return announce(name, *rows);
  }

  // Every row is told once, with its worst loss; that speaks for all losses.
  Status announce(const std::string& site_name, const json::array& rows) {
    std::set<std::string> names;
    for (const json::value& item : rows) {
      PENSTOCK_TRY(row, as_object(item));
      PENSTOCK_TRY(what, get<std::string>(*row, "row"));
      names.insert(what);
    }
    site(site_name).announce(std::move(names));
    return ok_status();
  }

  Status take_facts(const json::object& facts) {
    PENSTOCK_TRY(position, get<Position>(facts, "position"));
    PENSTOCK_TRY(now, get<Time>(facts, "now"));
    PENSTOCK_TRY(of, get<Epoch>(facts, "epoch"));
    place = {position, now};
    epoch = of;
    constexpr std::array<std::pair<std::string_view, Kind>, 5> kKinds{{{"nodeTypes", Kind::kNodeType},
                                                                       {"sites", Kind::kSite},
                                                                       {"tenants", Kind::kTenant},
                                                                       {"contracts", Kind::kContract},
                                                                       {"restrictions", Kind::kRestriction}}};
    for (const auto& [key, kind] : kKinds) {
      if (!facts.contains(key)) continue;
      PENSTOCK_TRY(objects, get_object(facts, key));
      for (const auto& entry : *objects) {
        PENSTOCK_TRY(object, as_object(entry.value()));
        PENSTOCK_TRY(updated, get<Time>(*object, "updated"));
        PENSTOCK_RETURN_IF_ERROR(set_spec(kind, std::string(entry.key()), object->if_contains("spec"), updated));
      }
    }
    if (facts.contains("revoked")) {
      PENSTOCK_TRY(revoked, get_object(facts, "revoked"));
      for (const auto& entry : *revoked) site(std::string(parent_of(entry.key()))).revoke(std::string(entry.key()), now);
    }
    if (facts.contains("broken")) {
      PENSTOCK_TRY(broken, get_object(facts, "broken"));
      for (const auto& entry : *broken) {
        PENSTOCK_TRY(rows, get_array(*broken, entry.key()));
        PENSTOCK_RETURN_IF_ERROR(announce(std::string(entry.key()), *rows));
      }
    }
    PENSTOCK_RETURN_IF_ERROR(settle(true));
    PENSTOCK_RETURN_IF_ERROR(accounts.take_facts(facts));
    PENSTOCK_RETURN_IF_ERROR(nodes.take_facts(facts));
    if (!facts.contains("jobs")) return ok_status();
    PENSTOCK_TRY(jobs, get_object(facts, "jobs"));
    for (const auto& entry : *jobs) {
      PENSTOCK_TRY(job, as_object(entry.value()));
      PENSTOCK_RETURN_IF_ERROR(take_job(*job));
    }
    for (auto& [name, watch] : sites) watch.take_as_given();
    return ok_status();
  }

  Status take_job(const json::object& job) {
    PENSTOCK_RETURN_IF_ERROR(on_submitted(job));
    PENSTOCK_TRY(phase, get<std::string>(job, "phase"));
    if (phase != "starting" && phase != "running" && phase != "stopping") return ok_status();
    PENSTOCK_RETURN_IF_ERROR(on_started(job));
    const json::value* shed = job.if_contains("shed");
    const bool is_shed = shed != nullptr && !shed->is_null();
    return is_shed ? on_shed(json::object{{"job", job.at("uid")}}, true) : ok_status();
  }

  Result<VerifyReport> finish() {
    PENSTOCK_RETURN_IF_ERROR(settle(true));
    for (auto& [name, watch] : sites) watch.finish(place);
    VerifyReport report = findings.report;
    report.last = place.position;
    report.proved = report.violation_count == 0;
    return report;
  }
};

Verifier::Verifier(VerifyOptions options) : walk_(std::make_unique<Walk>(options)) {}
Verifier::~Verifier() = default;
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;

Status Verifier::take_snapshot(const json::value& facts) {
  if (walk_->begun || walk_->place.position != 0) {
    return make_error(Code::kFailedPrecondition, "a snapshot stands before the first event, and only once");
  }
  const json::object* object = facts.if_object();
  Status taken = object == nullptr ? Status(make_error(Code::kInvalid, wrong_kind("a mapping", facts)))
                                   : walk_->take_facts(*object);
  if (!taken.ok()) taken.error().message = "snapshot: " + taken.error().message;
  return taken;
}

Status Verifier::take(std::string_view event) {
  PENSTOCK_TRY(value, parse_json(event));
  return take(value);
}

Status Verifier::take(const json::value& event) {
  const json::object* object = event.if_object();
  Status taken = object == nullptr ? Status(make_error(Code::kInvalid, wrong_kind("a mapping", event)))
                                   : walk_->take_record(*object);
  if (!taken.ok())
    taken.error().message = fmt::format("event after position {}: {}", walk_->place.position, taken.error().message);
  return taken;
}

Result<VerifyReport> Verifier::finish() {
  return walk_->finish();
}

std::uint64_t instants_for(std::uint64_t events) {
  return events < kShort ? 1 : (events + kInstants - 1) / kInstants;
}

Result<VerifyReport> verify_log(const std::vector<std::string>& events, std::string_view snapshot,
                                VerifyOptions options) {
  if (options.every == 0) options.every = instants_for(events.size());
  Verifier verifier(options);
  if (!snapshot.empty()) {
    PENSTOCK_TRY(facts, parse_json(snapshot));
    PENSTOCK_RETURN_IF_ERROR(verifier.take_snapshot(facts));
  }
  for (const std::string& event : events) PENSTOCK_RETURN_IF_ERROR(verifier.take(event));
  return verifier.finish();
}

}  // namespace penstock
