// What an agent tells Prometheus of its devices, under the names of NVIDIA's DCGM exporter.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include "agent/checks/watch.h"

namespace penstock {

/// Reads the devices anew for each scrape. Names and units are those of https://github.com/NVIDIA/dcgm-exporter, etc/default-counters.csv;
/// the labels are `gpu`, `UUID`, `modelName`, `Hostname` and `pci_bus_id`. What a driver does not tell has no sample.
class DeviceMetrics final : public prometheus::Collectable {
 public:
  DeviceMetrics(const DeviceProvider& devices, const HealthWatch& watch, std::string hostname)
      : devices_(devices), watch_(watch), hostname_(std::move(hostname)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const DeviceProvider& devices_;
  const HealthWatch& watch_;
  std::string hostname_;
};

/// Serves GET /metrics at HOST:PORT for as long as it lives.
class MetricsPage {
 public:
  /// kFailedPrecondition if that address cannot be had.
  static Result<std::unique_ptr<MetricsPage>> open(const std::string& address, std::shared_ptr<prometheus::Collectable> metrics);
  /// Where it listens; of port 0 the one it got.
  int port() const { return exposer_->GetListeningPorts().front(); }

 private:
  std::shared_ptr<prometheus::Collectable> metrics_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace penstock
