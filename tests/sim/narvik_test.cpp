// The Narvik contract, from its first GPU to its last day: sixty invoices that add up to 6.2 billion USD.
#include <gtest/gtest.h>

#include "sim/simulation.h"
#include "support/examples.h"
#include "verify/verify.h"

namespace penstock {
namespace {

TEST(Narvik, SixtyInvoicesAreTheContract) {
  auto read = read_scenario({"narvik.yaml", R"(apiVersion: penstock/v1
kind: Scenario
metadata: {name: narvik}
spec:
  estate: [site.yaml]
  from: 2026-06-15T00:00:00Z
  for: P1843D
  loads: [{trace: {file: one-job.csv, contract: harbour/narvik}}]
)"});
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  SimulationInput input;
  input.documents = documents_of("narvik-contract");
  Trace trace;  // of one small job, as a scenario has some load
  trace.jobs.resize(1);
  trace.jobs[0].owner = "someone";
  trace.jobs[0].submitted = hours(24 * 20);
  trace.jobs[0].runs = seconds(1);
  trace.jobs[0].gpus = MilliGpu(1000);
  trace.rows = 1;
  input.traces.push_back(std::make_shared<const Trace>(std::move(trace)));
  std::vector<std::string> log;
  std::vector<Invoice> invoices;
  const auto report = simulate(read->front(), std::move(input), {}, [&](const EventRecord& record) {
    log.push_back(to_json(record));
    if (const auto* issued = std::get_if<InvoiceIssued>(&record.event)) {
      if (issued->invoice.tenant == "harbour") invoices.push_back(issued->invoice);
    }
  });
  ASSERT_TRUE(report.ok()) << to_string(report.error());
  std::int64_t total = 0;
  GpuMicros reserved;
  for (const Invoice& invoice : invoices) {
    total += invoice.total.micros;
    for (const InvoiceLine& line : invoice.lines) {
      const bool capacity = line.kind == LineKind::kCommitmentUnused || line.kind == LineKind::kCommitmentUsed;
      if (capacity) reserved += *line.gpu_time;
    }
  }
  EXPECT_EQ(invoices.size(), 60u);
  EXPECT_EQ(reserved.count() / 3'600'000, 2'168'819'712'000);
  EXPECT_EQ(total, 2'168'819'712LL * 2'858'698);
  EXPECT_EQ(Text<Money>::format({total, "USD"}), "6200000573.054976 USD");
  const auto proof = verify_log(log);
  ASSERT_TRUE(proof.ok()) << to_string(proof.error());
  EXPECT_TRUE(proof->proved);
}

}  // namespace
}  // namespace penstock
