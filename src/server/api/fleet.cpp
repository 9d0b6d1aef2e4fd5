// The health of the fleet: what people order about nodes, the breaker, tickets, incidents.
#include "server/api/fleet_bodies.h"

#include <algorithm>

#include "base/name.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

constexpr std::size_t kMostReason = 500;

// The body, which may be left out.
template <class T>
Result<T> body_or_none(const Call& call) {
  return call.request.body.empty() ? Result<T>(T{}) : body_of<T>(call);
}

// As the body says, or the header.
Result<std::string> reason_of(const Call& call, const std::string& given, const std::string& name = "reason") {
  std::string reason = given;
  if (const auto header = call.request.headers.find("penstock-reason"); reason.empty() && header != call.request.headers.end()) reason = header->second;
  const bool clean = std::none_of(reason.begin(), reason.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (clean && reason.size() <= kMostReason) return reason;
  return make_error(Code::kInvalid, fmt::format("expected at most {} bytes without control characters", kMostReason), name);
}

// Whether something that belongs to nobody but the provider may be told.
bool sees_all(const Call& call) { return call.reaches(""); }

// A tenant sees what it reported, and what became of that; a ticket of the provider's own is not there.
std::optional<Ticket> shown(const Call& call, const Ticket& ticket) {
  if (sees_all(call)) return ticket;
  if (ticket.job.empty() || !call.reaches(project_of(ticket.job))) return std::nullopt;
  Ticket out = ticket;
  out.evidence.clear();
  out.parts.clear();
  out.closed_by.clear();
  return out;
}

// A tenant sees what hit it, and how much of its own.
std::optional<IncidentView> shown(const Call& call, const Incident& incident) {
  IncidentView out;
  const bool all = sees_all(call);
  for (const IncidentHit& hit : incident.hits) {
    if (!all && !call.reaches(hit.project)) continue;
    out.hits.push_back(hit);
    out.ended += hit.ended;
    out.capped += hit.capped;
    out.lost += hit.lost;
  }
  if (!all && out.hits.empty()) return std::nullopt;
  out.uid = incident.uid;
  out.scope = incident.scope;
  out.site = incident.site;
  out.opened = incident.opened;
  out.closed = incident.closed;
  if (!all) return out;
  out.place = incident.place;
  out.cause = incident.cause;
  out.nodes = incident.nodes;
  if (out.nodes.size() > kMostIncidentNames) out.nodes.resize(kMostIncidentNames);
  out.node_count = incident.node_count;
  out.timeline = incident.timeline;
  return out;
}

std::string_view site_of(const Ticket& ticket) { return tenant_of(ticket.node); }
std::string_view site_of(const Incident& incident) { return incident.site; }

// A page of what is kept by uid: what is open, unless all is asked for.
template <class Page, class T>
void answer_page(const std::shared_ptr<Call>& call, const State& state, const std::map<Uid, T>& kept, Uid cursor, std::uint64_t most) {
  const std::string site = text(*call, "site");
  const bool all = flag(*call, "all");
  Page page;
  page.position = state.facts().position;
  for (auto at = kept.upper_bound(cursor); at != kept.end(); ++at) {
    if ((!all && at->second.closed) || (!site.empty() && site_of(at->second) != site)) continue;
    auto view = shown(*call, at->second);
    if (!view) continue;
    if (page.items.size() == most) {
      page.next = Text<Uid>::format(page.items.back().uid);
      break;
    }
    page.items.push_back(std::move(*view));
  }
  call->respond(json_response(page));
}

Result<Uid> uid_cursor(const Call& call) {
  const std::string given = text(call, "cursor");
  if (given.empty()) return Uid{};
  auto parsed = Text<Uid>::parse(given);
  if (!parsed.ok()) return make_error(Code::kInvalid, "this is no cursor of this list", "cursor");
  return *parsed;
}

template <class T>
const T* find_kept(const std::map<Uid, T>& kept, const std::string& uid) {
  const auto parsed = Text<Uid>::parse(uid);
  if (!parsed.ok()) return nullptr;
  const auto found = kept.find(*parsed);
  return found == kept.end() ? nullptr : &found->second;
}

SiteFleet site_fleet(const State& state, SiteIndex index, Time now) {
  const EstateSite& site = state.estate().sites()[index];
  SiteFleet out;
  out.site = site.name;
  for (const auto& entry : enum_names(NodeState{})) out.nodes[std::string(entry.name)] = 0;
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    ++out.nodes[std::string(name_of(state.node_state(node, now)))];
    const std::string& name = state.estate().nodes()[node].name;
    const auto facts = state.facts().nodes.find(name);
    out.lost += facts != state.facts().nodes.end() && facts->second.lost ? 1 : 0;
    const Care* care = state.care(node);
    if (care == nullptr) continue;
    out.cordoned += care->cordon ? 1 : 0;
    out.overdue += care->overdue ? 1 : 0;
    out.in_test += care->test ? 1 : 0;
    if (care->remedy) out.remedies.push_back({name, *care->remedy});
  }
  out.out = state.outs().out_at(index);
  if (site.fleet) {
    out.mode = mode_of(*site.fleet);
    out.dry_run = site.fleet->dry_run;
    for (Margin& margin : margins_of(state, index, *site.fleet)) {
      out.limits.push_back({margin.scope, std::move(margin.place), margin.nodes, margin.out, margin.limit});
    }
  }
  const auto breaker = state.facts().breakers.find(site.name);
  if (breaker != state.facts().breakers.end()) out.breaker = breaker->second;
  for (const auto& [uid, ticket] : state.facts().tickets) out.tickets += !ticket.closed && site_of(ticket) == site.name ? 1 : 0;
  for (const Uid uid : state.open_incidents()) out.incidents += state.facts().incidents.at(uid).site == site.name ? 1 : 0;
  return out;
}

}  // namespace

FleetRules fleet_rules() {
  FleetRules out;
  for (const auto& entry : enum_names(NodeState{})) {
    StateRow row{entry.value, takes_work(entry.value), limit_of(FleetSpec{}, entry.value), {}, {}};
    for (const Transition& transition : transitions()) {
      if (transition.from != entry.value) continue;
      if (transition.rules) row.by_rules.push_back(transition.to);
      if (transition.operators) row.by_operator.push_back(transition.to);
    }
    out.states.push_back(std::move(row));
  }
  for (const MeaningRow& row : meanings()) out.meanings.push_back({row.check, row.code, row.meaning.health, row.meaning.remedy});
  return out;
}

void Api::cordon(std::shared_ptr<Call> call, bool cordon, bool drain) {
  auto body = body_or_none<ReasonRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  CordonNode command{call->name(), cordon, drain, std::move(*reason)};
  execute(std::move(call), std::move(command), 200);
}

void Api::cordon_node(std::shared_ptr<Call> call) { cordon(std::move(call), true, false); }
void Api::drain_node(std::shared_ptr<Call> call) { cordon(std::move(call), true, true); }
void Api::uncordon_node(std::shared_ptr<Call> call) { cordon(std::move(call), false, false); }

void Api::move_node(std::shared_ptr<Call> call) {
  auto body = body_of<MoveRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  MoveNode command{call->name(), body->state, std::move(*reason)};
  execute(std::move(call), std::move(command), 200);
}

void Api::mend_node(std::shared_ptr<Call> call) {
  auto body = body_of<MendRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  if (body->force && !body->now) return refuse(call, make_error(Code::kInvalid, "force goes with now", "force"));
  MendNode command{call->name(), body->action, body->now, body->force, std::move(*reason)};
  execute(std::move(call), std::move(command), 200);
}

void Api::release_node(std::shared_ptr<Call> call) {
  auto body = body_or_none<ReasonRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  ReleaseNode command{call->name()};
  execute(std::move(call), std::move(command), 200);
}

void Api::begin_wave(std::shared_ptr<Call> call) {
  auto body = body_of<WaveRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  execute(std::move(call), BeginWave{std::move(body->name), std::move(body->spec)}, 201);
}

void Api::switch_wave(std::shared_ptr<Call> call) {
  auto body = body_of<WaveSwitch>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  SwitchWave command{call->path.front(), body->state, std::move(*reason)};
  execute(std::move(call), std::move(command), 200);
}

void Api::list_waves(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    WaveList out;
    for (const auto& [name, wave] : view.state.facts().waves) out.items.push_back(wave);
    call->respond(json_response(out));
  });
}

void Api::get_wave(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const auto found = view.state.facts().waves.find(call->path.front());
    if (found == view.state.facts().waves.end()) return refuse(call, unknown("Wave", call->path.front()));
    call->respond(json_response(found->second));
  });
}

void Api::replace_task(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  auto body = body_of<ReplaceRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  execute(std::move(call), ReplaceTask{name, body->rank, std::move(*reason)}, 200);
}

void Api::fleet(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    FleetView out;
    for (SiteIndex site = 0; site < view.state.estate().sites().size(); ++site) out.items.push_back(site_fleet(view.state, site, view.now));
    const auto& breakers = view.state.facts().breakers;
    if (const auto all = breakers.find(""); all != breakers.end()) out.breaker = all->second;
    call->respond(json_response(out));
  });
}

void Api::list_fleet_rules(std::shared_ptr<Call> call) { call->respond(json_response(fleet_rules())); }

void Api::switch_fleet(std::shared_ptr<Call> call, bool stop) {
  auto body = body_or_none<SwitchRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto reason = reason_of(*call, body->reason);
  if (!reason.ok()) return refuse(call, reason.error());
  execute(std::move(call), SwitchBreaker{body->site, stop, std::move(*reason)}, 200);
}

void Api::stop_fleet(std::shared_ptr<Call> call) { switch_fleet(std::move(call), true); }
void Api::resume_fleet(std::shared_ptr<Call> call) { switch_fleet(std::move(call), false); }

void Api::list_tickets(std::shared_ptr<Call> call) {
  if (flag(*call, "watch")) {
    return watch(call, "Ticket", [call](Core::View& view, const Notice& notice) -> std::optional<std::string> {
      const Ticket* ticket = find_kept(view.state.facts().tickets, notice.name);
      const auto told = ticket == nullptr ? std::nullopt : shown(*call, *ticket);
      return told ? std::optional(to_json(*told)) : std::nullopt;
    });
  }
  auto limit = page_limit(*call);
  auto cursor = uid_cursor(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  if (!cursor.ok()) return refuse(call, cursor.error());
  core_.read([=, most = *limit, from = *cursor](Core::View& view) { answer_page<TicketPage>(call, view.state, view.state.facts().tickets, from, most); });
}

void Api::get_ticket(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const Ticket* ticket = find_kept(view.state.facts().tickets, call->name());
    const auto told = ticket == nullptr ? std::nullopt : shown(*call, *ticket);
    if (!told) return refuse(call, unknown("Ticket", call->name()));
    call->respond(json_response(*told));
  });
}

void Api::close_ticket(std::shared_ptr<Call> call) {
  auto body = body_or_none<CloseRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto note = reason_of(*call, body->note, "note");
  if (!note.ok()) return refuse(call, note.error());
  const auto uid = Text<Uid>::parse(call->name());
  if (!uid.ok()) return refuse(call, unknown("Ticket", call->name()));
  execute(std::move(call), CloseTicket{*uid, std::move(*note)}, 200);
}

void Api::list_incidents(std::shared_ptr<Call> call) {
  if (flag(*call, "watch")) {
    return watch(call, "Incident", [call](Core::View& view, const Notice& notice) -> std::optional<std::string> {
      const Incident* incident = find_kept(view.state.facts().incidents, notice.name);
      const auto told = incident == nullptr ? std::nullopt : shown(*call, *incident);
      return told ? std::optional(to_json(*told)) : std::nullopt;
    });
  }
  auto limit = page_limit(*call);
  auto cursor = uid_cursor(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  if (!cursor.ok()) return refuse(call, cursor.error());
  core_.read([=, most = *limit, from = *cursor](Core::View& view) { answer_page<IncidentPage>(call, view.state, view.state.facts().incidents, from, most); });
}

void Api::get_incident(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const Incident* incident = find_kept(view.state.facts().incidents, call->name());
    const auto told = incident == nullptr ? std::nullopt : shown(*call, *incident);
    if (!told) return refuse(call, unknown("Incident", call->name()));
    call->respond(json_response(*told));
  });
}

}  // namespace penstock
