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
                   .Register(registry_)) {}

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
  auto families = registry_.Collect();
  for (auto& family : now.Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace penstock
