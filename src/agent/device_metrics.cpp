// One family a row; the HTTP is prometheus-cpp's own.
#include "agent/device_metrics.h"

#include <algorithm>

namespace penstock {
namespace {

using prometheus::MetricType;
using Value = std::optional<double>;

template <class T>
Value number(const std::optional<T>& quantity) {
  return quantity ? Value(static_cast<double>(quantity->count())) : std::nullopt;
}
Value number(const std::optional<std::int64_t>& count) { return count ? Value(static_cast<double>(*count)) : std::nullopt; }
Value number(const std::optional<bool>& flag) { return flag ? Value(*flag ? 1 : 0) : std::nullopt; }
template <class T>
Value in(const std::optional<T>& quantity, double unit) {
  return quantity ? Value(static_cast<double>(quantity->count()) / unit) : std::nullopt;
}
constexpr double kPercent = 10'000;
constexpr double kMiB = 1 << 20;

struct Row {
  const char* name;
  MetricType type;
  const char* help;
  Value (*of)(const DeviceReading&);
};

const Row kRows[] = {
    {"DCGM_FI_DEV_SM_CLOCK", MetricType::Gauge, "SM clock frequency (in MHz).", [](const DeviceReading& r) { return number(r.sm_clock); }},
    {"DCGM_FI_DEV_MEM_CLOCK", MetricType::Gauge, "Memory clock frequency (in MHz).", [](const DeviceReading& r) { return number(r.memory_clock); }},
    {"DCGM_FI_DEV_MEMORY_TEMP", MetricType::Gauge, "Memory temperature (in C).", [](const DeviceReading& r) { return number(r.memory_temperature); }},
    {"DCGM_FI_DEV_GPU_TEMP", MetricType::Gauge, "GPU temperature (in C).", [](const DeviceReading& r) { return number(r.temperature); }},
    {"DCGM_FI_DEV_POWER_USAGE", MetricType::Gauge, "Power draw (in W).", [](const DeviceReading& r) { return number(r.power); }},
    {"DCGM_FI_DEV_POWER_MGMT_LIMIT", MetricType::Gauge, "Power limit (in W).", [](const DeviceReading& r) { return number(r.power_limit); }},
    {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", MetricType::Counter, "Total energy consumption since boot (in mJ).", [](const DeviceReading& r) { return number(r.energy_mj); }},
    {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER", MetricType::Counter, "Total number of PCIe retries.", [](const DeviceReading& r) { return number(r.pcie_replays); }},
    {"DCGM_FI_DEV_GPU_UTIL", MetricType::Gauge, "GPU utilization (in %).", [](const DeviceReading& r) { return in(r.utilisation, kPercent); }},
    {"DCGM_FI_DEV_MEM_COPY_UTIL", MetricType::Gauge, "Memory utilization (in %).", [](const DeviceReading& r) { return in(r.memory_utilisation, kPercent); }},
    {"DCGM_FI_DEV_POWER_VIOLATION", MetricType::Counter, "Throttling duration due to power constraints (in ns).", [](const DeviceReading& r) { return number(r.power_violation); }},
    {"DCGM_FI_DEV_THERMAL_VIOLATION", MetricType::Counter, "Throttling duration due to thermal constraints (in ns).", [](const DeviceReading& r) { return number(r.thermal_violation); }},
    {"DCGM_FI_DEV_FB_FREE", MetricType::Gauge, "Framebuffer memory free (in MiB).", [](const DeviceReading& r) { return in(r.memory_free, kMiB); }},
    {"DCGM_FI_DEV_FB_USED", MetricType::Gauge, "Framebuffer memory used (in MiB).", [](const DeviceReading& r) { return in(r.memory_used, kMiB); }},
    {"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", MetricType::Counter, "Total number of single-bit volatile ECC errors.", [](const DeviceReading& r) { return number(r.ecc_corrected); }},
    {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", MetricType::Counter, "Total number of double-bit volatile ECC errors.", [](const DeviceReading& r) { return number(r.ecc_uncorrected); }},
    {"DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", MetricType::Counter, "Total number of single-bit persistent ECC errors.", [](const DeviceReading& r) { return number(r.ecc_corrected_ever); }},
    {"DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", MetricType::Counter, "Total number of double-bit persistent ECC errors.", [](const DeviceReading& r) { return number(r.ecc_uncorrected_ever); }},
    {"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", MetricType::Counter, "Number of remapped rows for uncorrectable errors", [](const DeviceReading& r) { return number(r.rows_remapped_uncorrected); }},
    {"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", MetricType::Counter, "Number of remapped rows for correctable errors", [](const DeviceReading& r) { return number(r.rows_remapped_corrected); }},
    {"DCGM_FI_DEV_ROW_REMAP_FAILURE", MetricType::Gauge, "Whether remapping of rows has failed", [](const DeviceReading& r) { return number(r.row_remap_failed); }},
    {"DCGM_FI_DEV_ROW_REMAP_PENDING", MetricType::Gauge, "Whether remapping of rows waits for a reset", [](const DeviceReading& r) { return number(r.row_remap_pending); }},
};

}  // namespace

std::vector<prometheus::MetricFamily> DeviceMetrics::Collect() const {
  std::vector<DeviceReading> readings;
  std::vector<std::vector<prometheus::ClientMetric::Label>> labels;
  const std::vector<Device>& devices = devices_.devices();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    readings.push_back(devices_.read(static_cast<std::int32_t>(i)));
    labels.push_back({{"gpu", std::to_string(i)}, {"UUID", devices[i].uuid}, {"pci_bus_id", devices[i].slot}, {"modelName", devices[i].name}, {"Hostname", hostname_}});
  }
  std::vector<prometheus::MetricFamily> families;
  const auto sample = [&](prometheus::MetricFamily& family, std::size_t device, double value) {
    prometheus::ClientMetric metric;
    metric.label = labels[device];
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  };
  for (const Row& row : kRows) {
    prometheus::MetricFamily family{row.name, row.help, row.type, {}};
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (const Value value = row.of(readings[i])) sample(family, i, *value);
    }
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  prometheus::MetricFamily xids{"DCGM_FI_DEV_XID_ERRORS", "Value of the last XID error encountered.", MetricType::Gauge, {}};
  for (std::size_t i = 0; i < devices.size() && devices_.vendor() == Vendor::kNvidia; ++i) sample(xids, i, watch_.last_xid(static_cast<std::int32_t>(i)));
  if (!xids.metric.empty()) families.push_back(std::move(xids));

  prometheus::MetricFamily findings{"penstock_agent_findings", "Findings that stand, by check", MetricType::Gauge, {}};
  const std::vector<Finding> standing = watch_.findings();
  for (const auto& entry : enum_names(NodeCheck{})) {
    const auto count = std::count_if(standing.begin(), standing.end(), [&](const Finding& finding) { return finding.check == entry.value; });
    if (count == 0) continue;
    prometheus::ClientMetric metric;
    metric.label = {{"check", std::string(entry.name)}, {"Hostname", hostname_}};
    metric.gauge.value = static_cast<double>(count);
    findings.metric.push_back(std::move(metric));
  }
  families.push_back(std::move(findings));
  return families;
}

Result<std::unique_ptr<MetricsPage>> MetricsPage::open(const std::string& address, std::shared_ptr<prometheus::Collectable> metrics) {
  auto page = std::make_unique<MetricsPage>();
  page->metrics_ = std::move(metrics);
  // The library's only way to say no is an exception.
  try {
    page->exposer_ = std::make_unique<prometheus::Exposer>(address, 2);
  } catch (const std::exception& refused) {
    return make_error(Code::kFailedPrecondition, fmt::format("metrics cannot be served at '{}' ({}); give a free HOST:PORT such as 127.0.0.1:9400", address, refused.what()), "metrics");
  }
  page->exposer_->RegisterCollectable(page->metrics_);
  return page;
}

}  // namespace penstock
