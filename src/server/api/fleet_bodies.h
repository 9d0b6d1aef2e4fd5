// Bodies of requests and answers about the health of the fleet.
#pragma once

#include "engine/fleet/breaker.h"
#include "engine/fleet/lifecycle.h"
#include "server/api/bodies.h"

namespace penstock {

struct ReasonRequest {
  std::string reason;

  static constexpr auto schema() {
    return object("ReasonRequest", "Why something is asked for.",
                  field("reason", &ReasonRequest::reason, optional, "for people; the Penstock-Reason header if absent"));
  }
};

struct MoveRequest {
  NodeState state = NodeState::kValidating;
  std::string reason;

  static constexpr auto schema() {
    return object("MoveRequest", "A step in the life of a node.", field("state", &MoveRequest::state, required, "where to, as the table of its life allows"),
                  field("reason", &MoveRequest::reason, optional, "for people; the Penstock-Reason header if absent"));
  }
};

struct MendRequest {
  RemedyAction action = RemedyAction::kReset;
  bool now = false;
  bool force = false;
  std::string reason;

  static constexpr auto schema() {
    return object("MendRequest", "What is to mend a node once it is idle.", field("action", &MendRequest::action, required, "reset, reboot, reprovision, or repair by a person"),
                  field("now", &MendRequest::now, optional, "true: at once, refused while work runs there"),
                  field("force", &MendRequest::force, optional, "true, with now: and what runs there is stopped"),
                  field("reason", &MendRequest::reason, optional, "for people; the Penstock-Reason header if absent"));
  }
};

struct ReplaceRequest {
  std::int32_t rank = 0;
  std::string reason;

  static constexpr auto schema() {
    return object("ReplaceRequest", "A task whose node has a fault, as its tenant sees it.", field("rank", &ReplaceRequest::rank, required, "of the task"),
                  field("reason", &ReplaceRequest::reason, optional, "what was seen, for who looks at the node; the Penstock-Reason header if absent"));
  }
};

struct CloseRequest {
  std::string note;

  static constexpr auto schema() {
    return object("CloseRequest", "A ticket is done.", field("note", &CloseRequest::note, optional, "what was done; the Penstock-Reason header if absent"));
  }
};

struct SwitchRequest {
  std::string site;
  std::string reason;

  static constexpr auto schema() {
    return object("SwitchRequest", "Where automation is to stop or to go on.", field("site", &SwitchRequest::site, optional, "only at this site; everywhere if absent"),
                  field("reason", &SwitchRequest::reason, optional, "for people; the Penstock-Reason header if absent"));
  }
};

struct WaveRequest {
  std::string name;
  WaveSpec spec;

  static constexpr auto schema() {
    return object("WaveRequest", "Maintenance that is to go through nodes.", field("name", &WaveRequest::name, required, "a label, such as firmware-12"),
                  field("spec", &WaveRequest::spec, required, "which nodes, what with them, and how many at once"));
  }
};

struct WaveSwitch {
  WaveState state = WaveState::kPaused;
  std::string reason;

  static constexpr auto schema() {
    return object("WaveSwitch", "What is to become of a wave.", field("state", &WaveSwitch::state, required, "running, paused or stopped"),
                  field("reason", &WaveSwitch::reason, optional, "for people; the Penstock-Reason header if absent"));
  }
};

struct WaveList {
  std::vector<Wave> items;

  static constexpr auto schema() {
    return object("WaveList", "Waves of maintenance.", field("items", &WaveList::items, required, "by name"));
  }
};

struct MarginView {
  OutScope scope = OutScope::kSite;
  std::string place;
  std::int64_t nodes = 0;
  std::int64_t out = 0;
  std::int64_t limit = 0;

  static constexpr auto schema() {
    return object("Margin", "How near automation is to its limit.", field("scope", &MarginView::scope, required, "rack, row, site or fleet"),
                  field("place", &MarginView::place, optional, "of racks and rows the one with the least left"),
                  field("nodes", &MarginView::nodes, required, "that stand there"),
                  field("out", &MarginView::out, required, "of which are out of work for a fault or for maintenance"),
                  field("limit", &MarginView::limit, required, "that may be"));
  }
};

struct NodeRemedy {
  std::string node;
  Remedy remedy;

  static constexpr auto schema() {
    return object("NodeRemedy", "A remedy under way.", field("node", &NodeRemedy::node, required, "site/hall/rack/node"),
                  field("remedy", &NodeRemedy::remedy, required, "what is done"));
  }
};

struct SiteFleet {
  std::string site;
  std::optional<FleetMode> mode;
  bool dry_run = false;
  std::map<std::string, std::int64_t> nodes;
  std::int64_t lost = 0;
  std::int64_t cordoned = 0;
  std::int64_t out = 0;
  std::int64_t overdue = 0;
  std::int64_t in_test = 0;
  std::vector<MarginView> limits;
  std::optional<OpenBreaker> breaker;
  std::vector<NodeRemedy> remedies;
  std::int64_t tickets = 0;
  std::int64_t incidents = 0;

  static constexpr auto schema() {
    using S = SiteFleet;
    return object("SiteFleet", "How the nodes of one site are.", field("site", &S::site, required, "the site"),
                  field("mode", &S::mode, optional, "how far automation goes; absent: the site has no rules, and people act"),
                  field("dryRun", &S::dry_run, optional, "true: it only says what it would do"),
                  field("nodes", &S::nodes, required, "by the state of their life"),
                  field("lost", &S::lost, required, "nodes that have not been heard of since their lease ran out"),
                  field("cordoned", &S::cordoned, required, "nodes on which nothing new may start, by a person"),
                  field("out", &S::out, required, "nodes that are out of work for a fault or for maintenance"),
                  field("overdue", &S::overdue, required, "nodes that have been in their state for too long"),
                  field("inTest", &S::in_test, required, "nodes on which a test runs"),
                  field("limits", &S::limits, optional, "where automation would stop"),
                  field("breaker", &S::breaker, optional, "why it has stopped; absent: it has not"),
                  field("remedies", &S::remedies, optional, "under way"), field("tickets", &S::tickets, required, "open"),
                  field("incidents", &S::incidents, required, "open"));
  }
};

struct FleetView {
  std::vector<SiteFleet> items;
  std::optional<OpenBreaker> breaker;

  static constexpr auto schema() {
    return object("FleetView", "How the fleet is.", field("items", &FleetView::items, required, "site by site"),
                  field("breaker", &FleetView::breaker, optional, "why automation has stopped everywhere; absent: it has not"));
  }
};

struct StateRow {
  NodeState state = NodeState::kReady;
  bool takes_work = false;
  std::optional<Duration> limit;
  std::vector<NodeState> by_rules;
  std::vector<NodeState> by_operator;

  static constexpr auto schema() {
    return object("NodeStateRow", "A state of a node's life.", field("state", &StateRow::state, required, "the state"),
                  field("takesWork", &StateRow::takes_work, optional, "true: work starts there"),
                  field("limit", &StateRow::limit, optional, "how long a node may be in it before that is told, unless its site says otherwise"),
                  field("byRules", &StateRow::by_rules, optional, "where the fleet's rules may move a node from it"),
                  field("byOperator", &StateRow::by_operator, optional, "where a person may"));
  }
};

struct MeaningView {
  NodeCheck check = NodeCheck::kXid;
  std::optional<std::int32_t> code;
  HealthClass health = HealthClass::kNote;
  std::optional<RemedyAction> remedy;

  static constexpr auto schema() {
    return object("Meaning", "What a finding means where a site does not say otherwise.", field("check", &MeaningView::check, required, "what it is about"),
                  field("code", &MeaningView::code, optional, "of findings with this code; absent: of those without a row of their own"),
                  field("health", &MeaningView::health, required, "what follows"),
                  field("remedy", &MeaningView::remedy, optional, "what is tried first; absent: it needs a person"));
  }
};

struct FleetRules {
  std::vector<StateRow> states;
  std::vector<MeaningView> meanings;

  static constexpr auto schema() {
    return object("FleetRules", "The life of a node as one table, and what findings mean.", field("states", &FleetRules::states, required, "the life of a node"),
                  field("meanings", &FleetRules::meanings, required, "what findings mean"));
  }
};
/// Out of the tables that the engine itself goes by.
FleetRules fleet_rules();

struct IncidentView {
  Uid uid;
  IncidentScope scope = IncidentScope::kNode;
  std::string site;
  std::string place;
  std::string cause;
  std::vector<std::string> nodes;
  std::optional<std::int64_t> node_count;
  std::int64_t ended = 0;
  std::int64_t capped = 0;
  GpuMicros lost;
  std::vector<IncidentHit> hits;
  std::vector<IncidentNote> timeline;
  Time opened;
  std::optional<Time> closed;

  static constexpr auto schema() {
    using S = IncidentView;
    return object("Incident", "One thing that happened to the fleet, with all that it hit.", field("uid", &S::uid, required, "its identity"),
                  field("scope", &S::scope, required, "a node, the nodes of a rack or a row, or all that hung on a part of the plant"),
                  field("site", &S::site, required, "where"),
                  field("place", &S::place, optional, "node, rack or row; of a part the Restriction; not told to tenants"),
                  field("cause", &S::cause, optional, "what was seen first; not told to tenants"),
                  field("nodes", &S::nodes, optional, "the first of the nodes; not told to tenants"),
                  field("nodeCount", &S::node_count, optional, "all of them; not told to tenants"),
                  field("ended", &S::ended, required, "attempts of jobs that it ended; to tenants, of their own jobs"),
                  field("capped", &S::capped, required, "jobs whose power it took; to tenants, of their own"),
                  field("lost", &S::lost, required, "GPU time since the last checkpoints; to tenants, of their own jobs"),
                  field("hits", &S::hits, optional, "by project and contract"), field("timeline", &S::timeline, optional, "not told to tenants"),
                  field("opened", &S::opened, required, "when"), field("closed", &S::closed, optional, "when it was over"));
  }
};

PENSTOCK_PAGE(TicketPage, Ticket, "A page of tickets.");
PENSTOCK_PAGE(IncidentPage, IncidentView, "A page of incidents.");

/// Targets of one node for Prometheus' HTTP service discovery.
struct ScrapeTarget {
  std::vector<std::string> targets;
  std::map<std::string, std::string> labels;

  static constexpr auto schema() {
    return object("ScrapeTarget", "Where metrics of a node are, by Prometheus' http_sd_config.", field("targets", &ScrapeTarget::targets, required, "host:port"),
                  field("labels", &ScrapeTarget::labels, required, "site, hall, rack, node, gpu_model"));
  }
};

}  // namespace penstock
