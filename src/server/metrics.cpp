// Exposition of metrics: counters of the server, gauges of the estate read at scrape time.
#include "server/metrics.h"

#include <prometheus/text_serializer.h>

#include "base/name.h"
#include "server/api/views.h"

namespace penstock {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Histogram;

const Histogram::BucketBoundaries kLatency{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30};

// How the nodes are, and what is done about them. What is counted over time the log's readers count: these are what stands.
void add_fleet(const Core::View& view, prometheus::Registry& registry) {
  const State& state = view.state;
  const Estate& estate = state.estate();
  std::map<std::pair<std::string, std::string>, double> states, findings, remedies;
  std::map<std::string, double> overdue, tests;
  for (const EstateSite& site : estate.sites()) {
    for (const auto& entry : enum_names(NodeState{})) states[{site.name, std::string(entry.name)}] = 0;
    overdue[site.name] = tests[site.name] = 0;
  }
  for (NodeIndex node = 0; node < estate.nodes().size(); ++node) {
    const std::string& site = estate.site_of(node).name;
    ++states[{site, std::string(name_of(state.node_state(node, view.now)))}];
    const Care* care = state.care(node);
    if (care == nullptr) continue;
    for (const Finding& finding : care->findings) ++findings[{site, std::string(name_of(finding.check))}];
    if (care->remedy) ++remedies[{site, std::string(name_of(care->remedy->action))}];
    overdue[site] += care->overdue ? 1 : 0;
    tests[site] += care->test ? 1 : 0;
  }
  const auto gauge = [&registry](const char* name, const char* help) -> auto& { return BuildGauge().Name(name).Help(help).Register(registry); };
  const auto by = [](auto& family, const char* label, const auto& counts) {
    for (const auto& [key, count] : counts) family.Add({{"site", key.first}, {label, key.second}}).Set(count);
  };
  by(gauge("penstock_node_state", "Nodes by site and state of their life"), "state", states);
  by(gauge("penstock_node_findings", "Findings that stand, by site and check"), "check", findings);
  by(gauge("penstock_remedies", "Remedies under way, by site and action"), "action", remedies);
  auto& late = gauge("penstock_nodes_overdue", "Nodes that have been in their state for too long");
  for (const auto& [site, count] : overdue) late.Add({{"site", site}}).Set(count);
  auto& tested = gauge("penstock_node_tests", "Nodes on which a test runs");
  for (const auto& [site, count] : tests) tested.Add({{"site", site}}).Set(count);
  auto& breaker = gauge("penstock_breaker_open", "1 where automation has stopped; no site: everywhere");
  const auto& open = state.facts().breakers;
  for (const EstateSite& site : estate.sites()) breaker.Add({{"site", site.name}}).Set(open.contains(site.name) ? 1 : 0);
  breaker.Add({{"site", ""}}).Set(open.contains("") ? 1 : 0);
  auto& tickets = gauge("penstock_tickets_open", "Tickets that are open, by site");
  auto& incidents = gauge("penstock_incidents_open", "Incidents that are open, by site");
  std::map<std::string, std::pair<double, double>> counts;
  for (const EstateSite& site : estate.sites()) counts[site.name] = {};
  for (const auto& [uid, ticket] : state.facts().tickets) counts[std::string(tenant_of(ticket.node))].first += ticket.closed ? 0 : 1;
  for (const Uid uid : state.open_incidents()) ++counts[state.facts().incidents.at(uid).site].second;
  for (const auto& [site, count] : counts) {
    tickets.Add({{"site", site}}).Set(count.first);
    incidents.Add({{"site", site}}).Set(count.second);
  }
}

}  // namespace

Metrics::Metrics()
    : request_seconds_(BuildHistogram()
                           .Name("penstock_http_request_seconds")
                           .Help("Time from a whole request to its answer, by operation and status")
                           .Register(registry_)),
      connections_(BuildGauge().Name("penstock_http_connections").Help("Open connections").Register(registry_).Add({})),
      refused_(BuildCounter()
                   .Name("penstock_http_refused_total")
                   .Help("Connections cut or refused for breaking a limit, by limit")
                   .Register(registry_)),
      remedies_(BuildCounter().Name("penstock_remedies_total").Help("Remedies that ended, by action and outcome").Register(registry_)),
      tests_(BuildCounter().Name("penstock_node_tests_total").Help("Tests of nodes that ended, by outcome").Register(registry_)) {}

void Metrics::follow(Core& core) {
  core.read([this](Core::View& view) {
    for (const auto& [node, care] : view.state.facts().care) {
      if (care.remedy) under_way_[node] = care.remedy->action;
    }
    view.hub.subscribe_events([this](const EventRecord& record) { count(record); });
  });
}

void Metrics::count(const EventRecord& record) {
  if (const auto* ordered = std::get_if<RemedyOrdered>(&record.event)) {
    under_way_[ordered->node] = ordered->remedy.action;
  } else if (const auto* ended = std::get_if<RemedyEnded>(&record.event)) {
    const auto action = under_way_.find(ended->node);
    if (action == under_way_.end()) return;
    remedies_.Add({{"action", std::string(name_of(action->second))}, {"outcome", ended->report.done ? "done" : "failed"}}).Increment();
    under_way_.erase(action);
  } else if (const auto* tested = std::get_if<NodeTested>(&record.event)) {
    tests_.Add({{"outcome", std::string(name_of(tested->outcome))}}).Increment();
  }
}

void Metrics::request(std::string_view operation, int status, double seconds) {
  request_seconds_.Add({{"operation", std::string(operation)}, {"status", std::to_string(status)}}, kLatency).Observe(seconds);
}

void Metrics::connection_refused(std::string_view why) { refused_.Add({{"limit", std::string(why)}}).Increment(); }

std::string Metrics::text(const Core::View& view, const CoreCounters& counters, bool degraded) {
  prometheus::Registry now;
  const auto gauge = [&now](const char* name, const char* help) -> auto& {
    return BuildGauge().Name(name).Help(help).Register(now);
  };
  const auto count = [&now](const char* name, const char* help, double value) {
    BuildCounter().Name(name).Help(help).Register(now).Add({}).Increment(value);
  };
  count("penstock_commands_total", "Commands carried out or refused by the engine", static_cast<double>(counters.commands));
  count("penstock_events_total", "Events made durable", static_cast<double>(counters.events));
  count("penstock_commits_total", "Commits to the journal", static_cast<double>(counters.commits));
  count("penstock_commit_failures_total", "Commits that the journal refused", static_cast<double>(counters.commit_failures));
  count("penstock_commit_seconds_total", "Time spent in commits", static_cast<double>(counters.commit_nanos) / 1e9);
  count("penstock_snapshots_total", "Snapshots written", static_cast<double>(counters.snapshots));
  count("penstock_snapshot_seconds_total", "Time that snapshots took of the engine's thread", static_cast<double>(counters.snapshot_nanos) / 1e9);
  gauge("penstock_store_degraded", "1 while the store refuses writes").Add({}).Set(degraded ? 1 : 0);
  gauge("penstock_log_position", "Position of the last event").Add({}).Set(static_cast<double>(view.state.facts().position));
  gauge("penstock_epoch", "Epoch of this leader").Add({}).Set(static_cast<double>(view.state.facts().epoch));

  auto& jobs = gauge("penstock_jobs", "Jobs in memory by phase");
  std::map<std::string, double> phases;
  for (const auto& entry : enum_names(JobPhase{})) phases[std::string(entry.name)] = 0;
  for (const auto& [uid, job] : view.state.facts().jobs) ++phases[std::string(name_of(job.phase))];
  for (const auto& [phase, number] : phases) jobs.Add({{"phase", phase}}).Set(number);

  auto& nodes = gauge("penstock_nodes", "Nodes by site, GPU model and whether they are ready");
  auto& gpus = gauge("penstock_gpus", "GPUs by site, model and use: total, free (whole), held");
  auto& watts = gauge("penstock_watts", "Watts by site and model: demand of allocations, max of all nodes");
  for (const CapacityView& row : capacity_views(view.state)) {
    const auto labels = [&row](const char* key, const char* value) {
      return prometheus::Labels{{"site", row.site}, {"model", row.gpu_model}, {key, value}};
    };
    nodes.Add(labels("ready", "yes")).Set(static_cast<double>(row.nodes_ready));
    nodes.Add(labels("ready", "no")).Set(static_cast<double>(row.nodes - row.nodes_ready));
    gpus.Add(labels("use", "total")).Set(static_cast<double>(row.gpus));
    gpus.Add(labels("use", "free")).Set(static_cast<double>(row.gpus_free));
    gpus.Add(labels("use", "held")).Set(static_cast<double>(row.gpus_held.count()) / 1000);
    watts.Add(labels("kind", "demand")).Set(static_cast<double>(row.demand.count()));
    watts.Add(labels("kind", "max")).Set(static_cast<double>(row.max.count()));
  }
  add_fleet(view, now);
  auto families = registry_.Collect();
  for (auto& family : now.Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace penstock
