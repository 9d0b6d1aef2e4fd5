// Signs, first of nodes, then of parts of the plant, then of work; and what is over.
#include "engine/fleet/incidents.h"

#include <algorithm>

#include "base/name.h"
#include "engine/fleet/lifecycle.h"
#include "engine/power/conditions.h"
#include "engine/queue/reclaim.h"

namespace penstock {
namespace {

const FleetSpec* rules_of(const State& state, NodeIndex node) {
  const auto& rules = state.estate().site_of(node).fleet;
  return rules ? &*rules : nullptr;
}

// What stands against a node that ends the work on it; nothing if there is nothing of the kind.
const Finding* deadly(const State& state, NodeIndex node) {
  const Care* care = state.care(node);
  if (care == nullptr) return nullptr;
  const auto found = std::find_if(care->findings.begin(), care->findings.end(), [&](const Finding& finding) {
    return meaning_of(finding, rules_of(state, node)).health == HealthClass::kKill;
  });
  return found == care->findings.end() ? nullptr : &*found;
}

bool is_lost(const State& state, const std::string& node) {
  const auto facts = state.facts().nodes.find(node);
  return facts != state.facts().nodes.end() && facts->second.lost;
}

bool is_dark(const State& state, NodeIndex node) {
  return state.power().segments(state.estate().nodes()[node].site).front().limits->dark(state.power().column_of(node));
}

// Whether a part of the plant that is lost is on the way of an element's power.
bool hangs_on(const Estate& estate, const std::vector<EstateFeed>& feeds, const EstateLoss& lost) {
  return std::any_of(feeds.begin(), feeds.end(), [&](const EstateFeed& feed) {
    return std::find(lost.elements.begin(), lost.elements.end(), feed.from) != lost.elements.end() ||
           hangs_on(estate, estate.elements()[feed.from].feeds, lost);
  });
}

bool hangs_on(const Estate& estate, const EstateRack& rack, const EstateLoss& lost) {
  if (hangs_on(estate, rack.feeds, lost)) return true;
  return std::any_of(rack.loops.begin(), rack.loops.end(), [&](LoopIndex loop) {
    const auto& units = estate.loops()[loop].units;
    return std::any_of(units.begin(), units.end(), [&](UnitIndex unit) {
      return std::find(lost.units.begin(), lost.units.end(), unit) != lost.units.end() || hangs_on(estate, estate.units()[unit].feeds, lost);
    });
  });
}

// A failure of the plant that is in force.
bool in_force(const Facts& facts, const std::string& restriction, Time now) {
  const auto found = facts.restrictions.find(restriction);
  if (found == facts.restrictions.end() || found->second.spec.cause != RestrictionCause::kFailure) return false;
  const auto interval = interval_of(facts, found->second);
  return interval && interval->holds(now);
}

class Grouper {
 public:
  explicit Grouper(Step& step) : step_(step), signs_(step.take_signs()) {}

  void run() {
    if (signs_.limits) take_failures_of_the_plant();
    for (const Signs::Failed& failed : signs_.failed) take_failed(failed);
    for (const Signs::Struck& struck : signs_.struck) take_struck(struck);
    for (auto& [uid, change] : changes_) step_.emit(std::move(change));
    close();
  }

 private:
  const State& state() const { return step_.state(); }
  const Estate& estate() const { return state().estate(); }
  const Incident& incident(Uid uid) const { return step_.facts().incidents.at(uid); }

  IncidentChanged& change(Uid uid) {
    const auto [at, fresh] = changes_.try_emplace(uid);
    if (fresh) at->second = IncidentChanged{uid, incident(uid).scope, incident(uid).place, {}, {}, {}};
    return at->second;
  }

  Uid open(IncidentScope scope, const std::string& site, const std::string& place, const std::string& cause, std::vector<std::string> nodes) {
    Incident incident;
    incident.uid = step_.mint();
    incident.scope = scope;
    incident.site = site;
    incident.place = place;
    incident.cause = cause;
    incident.nodes = std::move(nodes);
    incident.node_count = static_cast<std::int64_t>(incident.nodes.size());
    incident.opened = incident.grown = step_.now();
    incident.timeline.push_back({step_.now(), cause});
    const Uid uid = incident.uid;
    step_.emit(IncidentOpened{std::move(incident)});
    return uid;
  }

  // Each failure of a part that is in force and has no incident yet, with the nodes that it darkens: also those that were thought to
  // have failed by themselves.
  void take_failures_of_the_plant() {
    std::set<std::string> known;
    for (const Uid uid : state().open_incidents()) {
      if (incident(uid).scope == IncidentScope::kPart) known.insert(incident(uid).place);
    }
    for (const auto& [name, restriction] : step_.facts().restrictions) {
      if (known.contains(name) || !in_force(step_.facts(), name, step_.now())) continue;
      const SiteIndex site = estate().find_site(parent_of(name));
      const auto lost = site == kNowhere ? Result<EstateLoss>(EstateLoss{}) : estate().find_parts(site, restriction.spec.parts);
      if (site == kNowhere || !lost.ok()) continue;
      std::vector<std::string> nodes;
      std::set<Uid> before;
      const EstateSite& here = estate().sites()[site];
      for (RackIndex index = here.first_rack; index < here.first_rack + here.racks; ++index) {
        const EstateRack& rack = estate().racks()[index];
        if (rack.nodes == 0 || !is_dark(state(), rack.first_node) || !hangs_on(estate(), rack, *lost)) continue;
        for (NodeIndex node = rack.first_node; node < rack.first_node + rack.nodes; ++node) {
          nodes.push_back(estate().nodes()[node].name);
          if (const Uid of = state().incident_of(nodes.back())) before.insert(of);
        }
      }
      const std::set<std::string> all(nodes.begin(), nodes.end());
      std::vector<IncidentHit> hits;
      for (const Uid uid : before) {
        const Incident& earlier = incident(uid);
        const bool whole = earlier.scope != IncidentScope::kPart &&
                           std::all_of(earlier.nodes.begin(), earlier.nodes.end(), [&](const std::string& node) { return all.contains(node); });
        if (!whole) {
          std::erase_if(nodes, [&](const std::string& node) { return state().incident_of(node) == uid; });
          continue;
        }
        for (const IncidentHit& hit : earlier.hits) add_hit(hits, hit);
        step_.emit(IncidentClosed{uid, fmt::format("{} has failed: it is a part of that", fmt::join(restriction.spec.parts, ", "))});
      }
      const Uid uid = open(IncidentScope::kPart, here.name, name,
                           fmt::format("{} has failed{}{}", fmt::join(restriction.spec.parts, ", "), restriction.spec.note.empty() ? "" : ": ", restriction.spec.note),
                           std::move(nodes));
      if (!hits.empty()) change(uid).hits = std::move(hits);
    }
  }

  void take_failed(const Signs::Failed& failed) {
    const NodeIndex node = estate().find_node(failed.node);
    if (node == kNowhere || state().incident_of(failed.node) || joined_.contains(failed.node)) return;
    joined_.insert(failed.node);
    const EstateRack& rack = estate().racks()[estate().nodes()[node].rack];
    const std::string& row = estate().rows()[rack.in_row].name;
    const std::string note = fmt::format("{}: {}", failed.node, failed.why);
    const auto [uid, scope] = cause_of(node, rack, row);
    if (!uid) {
      open(IncidentScope::kNode, estate().site_of(node).name, failed.node, note, {failed.node});
      return;
    }
    IncidentChanged& grown = change(uid);
    grown.scope = scope;
    if (scope == IncidentScope::kRack) grown.place = rack.name;
    if (scope == IncidentScope::kRow) grown.place = row;
    grown.nodes.push_back(failed.node);
    // Of a row that goes at once, a line says enough.
    if (grown.notes.size() < 5) grown.notes.push_back(note);
  }

  // The incident that a node's failure belongs to, and how far that reaches with it.
  std::pair<Uid, IncidentScope> cause_of(NodeIndex node, const EstateRack& rack, const std::string& row) const {
    Uid in_row;
    for (const Uid uid : state().open_incidents()) {
      const Incident& open = incident(uid);
      const auto changed = changes_.find(uid);
      const IncidentScope scope = changed == changes_.end() ? open.scope : changed->second.scope;
      const std::string& place = changed == changes_.end() ? open.place : changed->second.place;
      if (open.site != estate().sites()[rack.site].name) continue;
      if (scope == IncidentScope::kPart) {
        const auto lost = estate().find_parts(rack.site, step_.facts().restrictions.contains(place)
                                                             ? step_.facts().restrictions.at(place).spec.parts
                                                             : std::vector<std::string>());
        if (is_dark(state(), node) && lost.ok() && hangs_on(estate(), rack, *lost)) return {uid, scope};
        continue;
      }
      if (open.grown + kSameCause < step_.now()) continue;
      if (scope == IncidentScope::kRow) {
        if (place == row) return {uid, scope};
        continue;
      }
      const std::string_view its_rack = scope == IncidentScope::kRack ? std::string_view(place) : parent_of(place);
      if (its_rack == rack.name) return {uid, IncidentScope::kRack};
      const NodeIndex first = estate().find_node(open.nodes.front());
      if (first != kNowhere && estate().racks()[estate().nodes()[first].rack].in_row == rack.in_row) in_row = uid;
    }
    return {in_row, IncidentScope::kRow};
  }

  void take_struck(const Signs::Struck& struck) {
    Uid by;
    for (const std::string& node : struck.nodes) {
      if ((by = state().incident_of(node))) break;
      const auto joining = std::find_if(changes_.begin(), changes_.end(), [&](const auto& entry) {
        return std::find(entry.second.nodes.begin(), entry.second.nodes.end(), node) != entry.second.nodes.end();
      });
      if (joining != changes_.end() && (by = joining->first)) break;
    }
    // What is shed at a site where something of the plant has failed is shed for that.
    if (!by && struck.power) {
      for (const Uid uid : state().open_incidents()) {
        if (incident(uid).scope == IncidentScope::kPart && incident(uid).site == struck.site) by = uid;
      }
    }
    if (by) add_hit(change(by).hits, struck.hit);
  }

  void close() {
    std::set<Uid> maybe;
    if (signs_.limits) maybe = state().open_incidents();
    for (const std::string& node : signs_.touched) {
      if (const Uid uid = state().incident_of(node)) maybe.insert(uid);
    }
    if (maybe.empty()) return;
    std::set<std::string> with_ticket;
    // A tenant's report is in nobody's hands yet.
    for (const auto& [uid, ticket] : step_.facts().tickets) {
      if (!ticket.closed && ticket.reason != NodeReason::kReported) with_ticket.insert(ticket.node);
    }
    for (const Uid uid : maybe) {
      const Incident& open = incident(uid);
      if (open.closed || (open.scope == IncidentScope::kPart && in_force(step_.facts(), open.place, step_.now()))) continue;
      std::int64_t tickets = 0;
      const bool settled = std::all_of(open.nodes.begin(), open.nodes.end(), [&](const std::string& node) {
        tickets += with_ticket.contains(node) ? 1 : 0;
        return with_ticket.contains(node) || works(node);
      });
      if (!settled) continue;
      step_.emit(IncidentClosed{uid, tickets == 0 ? (open.nodes.empty() ? "what had failed is back" : "its nodes work again or are out of service")
                                                  : fmt::format("{} of its nodes {} a ticket, the others work again", tickets, tickets == 1 ? "has" : "have")});
    }
  }

  // Or has been taken out of service.
  bool works(const std::string& node) const {
    const NodeIndex index = estate().find_node(node);
    if (index == kNowhere) return true;
    const NodeState at = state().node_state(index, step_.now());
    if (at < NodeState::kProvisioning || at == NodeState::kRetired) return true;
    return at == NodeState::kReady && !is_lost(state(), node) && !is_dark(state(), index) && deadly(state(), index) == nullptr;
  }

  Step& step_;
  const Signs signs_;
  std::map<Uid, IncidentChanged> changes_;
  std::set<std::string> joined_;
};

}  // namespace

void add_hit(std::vector<IncidentHit>& hits, const IncidentHit& more) {
  auto same = std::find_if(hits.begin(), hits.end(), [&](const IncidentHit& hit) { return hit.project == more.project && hit.contract == more.contract; });
  if (same == hits.end()) {
    if (hits.size() >= kMostIncidentHits) return;
    same = hits.insert(hits.end(), IncidentHit{more.project, more.contract, 0, 0, {}, {}});
  }
  same->ended += more.ended;
  same->capped += more.capped;
  same->lost += more.lost;
  for (const std::string& job : more.jobs) {
    if (same->jobs.size() < kMostIncidentNames && std::find(same->jobs.begin(), same->jobs.end(), job) == same->jobs.end()) same->jobs.push_back(job);
  }
}

void add_note(std::vector<IncidentNote>& timeline, IncidentNote note) {
  if (timeline.size() >= kMostIncidentNotes) timeline.erase(timeline.begin() + static_cast<std::ptrdiff_t>(kMostIncidentNotes / 2));
  timeline.push_back(std::move(note));
}

void Signs::note(const State& before, const Event& event, Time now) {
  const auto strike = [&](const Job& job, bool ended, bool told, bool power) {
    Struck out;
    out.power = power;
    for (const TaskPlacement& task : job.allocation->tasks) {
      if (out.nodes.empty() || out.nodes.back() != task.node) out.nodes.push_back(task.node);
      const auto care = before.facts().care.find(task.node);
      if (care != before.facts().care.end() && care->second.test == job.uid) return;  // nobody's work
    }
    out.site = tenant_of(out.nodes.front());
    out.hit = {std::string(project_of(job.name)), job.contract, ended ? 1 : 0, ended ? 0 : 1, ended ? lost_work(job, now, told) : GpuMicros(), {job.name}};
    struck.push_back(std::move(out));
  };
  if (const auto* lost = std::get_if<NodeLost>(&event)) {
    failed.push_back({lost->node, "it is lost"});
  } else if (const auto* entered = std::get_if<NodeEntered>(&event)) {
    if (entered->fault) failed.push_back({entered->node, entered->message.empty() ? std::string(name_of(entered->reason)) : entered->message});
  } else if (const auto* shed = std::get_if<JobShed>(&event)) {
    if (!shed->stop) strike(*before.find_job(shed->job), false, false, true);
  } else if (const auto* stopping = std::get_if<JobStopping>(&event)) {
    const Job& job = *before.find_job(stopping->job);
    if (job.phase != JobPhase::kStopping) {
      const JobReason reason = stopping->reason;
      bool by_node = reason == JobReason::kNodeLost || reason == JobReason::kLeaseExpired || reason == JobReason::kDrained;
      if (reason == JobReason::kTaskFailed || reason == JobReason::kLaunchFailed) {
        // A dead device ends its processes before anyone looks at the node.
        for (const NodeIndex node : before.held_nodes(job.uid)) {
          const Finding* finding = node == kNowhere ? nullptr : deadly(before, node);
          if (finding == nullptr) continue;
          by_node = true;
          failed.push_back({before.estate().nodes()[node].name, finding->detail.empty() ? std::string(name_of(finding->check)) : finding->detail});
        }
      }
      if (by_node || reason == JobReason::kShed) strike(job, true, is_displaced(reason), reason == JobReason::kShed);
    }
  } else if (std::holds_alternative<LimitsChanged>(event)) {
    limits = true;
  } else if (const auto* opened = std::get_if<TicketOpened>(&event)) {
    touched.insert(opened->ticket.node);
  }
  std::visit(
      [&]<class E>(const E& of) {
        if constexpr (requires { of.node.size(); }) touched.insert(of.node);
        if constexpr (std::is_same_v<E, ObjectApplied> || std::is_same_v<E, ObjectDeleted>) {
          limits = limits || of.kind == Kind::kRestriction || of.kind == Kind::kSite;
        }
      },
      event);
}

void group_incidents(Step& step) { Grouper(step).run(); }

}  // namespace penstock
