// Residency of one tenant, from logs by hand: each wrong one beside the same without the fault.
#include "verify/residency.h"

#include <gtest/gtest.h>

#include "log.h"

namespace penstock {
namespace {

// Bound to GB, with a site at home and one abroad.
Log estate() {
  return two_sites(R"(---
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {jurisdictions: [GB]}
)");
}

HandTask on(const std::string& site, int node) { return {fmt::format("{}/h1/k1/n{}", site, node)}; }

std::string promise_at(const std::string& site) {
  return R"({"type":"job.promised","job":"0000000000000001","promise":{"since":"2026-06-01T00:01:00Z","tasks":[{"node":")" + site +
         R"(/h1/k1/n1","gpus":"4","cpu":"1","memory":"1GiB","port":1,"demand":"5kW","firm":"5kW"}]}})";
}

ResidencyReport report_of(const Log& log, const std::string& tenant = "acme") {
  ResidencyWatch watch(tenant);
  for (const std::string& event : log.events) EXPECT_TRUE(watch.take(event).ok());
  auto report = watch.finish();
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? std::move(*report) : ResidencyReport{};
}

std::string refuted(const Log& log) {
  const ResidencyReport report = report_of(log);
  EXPECT_FALSE(report.proved);
  EXPECT_EQ(report.violation, log.position);
  return report.message;
}

TEST(ResidencyWatch, CountsWhatLiesAtHome) {
  Log log = estate();
  log.submit("one", 1);
  log.add(promise_at("south"));
  log.start("one", {on("south", 1)});
  log.add(R"({"type":"job.requeued","job":"0000000000000001","reason":"node-lost","notBefore":"2026-06-01T00:01:00Z"})");
  log.start("one", {on("south", 2)});
  log.finish("one");
  const ResidencyReport report = report_of(log);
  EXPECT_TRUE(report.proved) << report.message;
  EXPECT_EQ(report.message, "all work of acme lay in GB");
  EXPECT_EQ(report.countries, (std::vector<ResidencyCount>{{"GB", 1, 1, 1, 2}}));
}

TEST(ResidencyWatch, FindsAPlacementAbroad) {
  Log log = estate();
  log.run("one", {on("north", 1)});
  EXPECT_EQ(refuted(log), fmt::format("event {}: acme/llm/one was started at north in NO, where tenant acme may not be", log.position));
}

TEST(ResidencyWatch, FindsARestartAbroad) {
  Log log = estate();
  log.run("one", {on("south", 1)});
  log.add(R"({"type":"job.requeued","job":"0000000000000001","reason":"node-lost","notBefore":"2026-06-01T00:01:00Z"})");
  log.start("one", {on("north", 1)});
  EXPECT_NE(refuted(log).find("was started again at north in NO"), std::string::npos);
}

TEST(ResidencyWatch, FindsNodesKeptAbroad) {
  Log log = estate();
  log.submit("one", 1);
  log.add(promise_at("north"));
  EXPECT_NE(refuted(log).find("was promised nodes at north in NO"), std::string::npos);
}

TEST(ResidencyWatch, HoldsWorkToItsContractAndItsOwnWish) {
  Log log = estate();
  log.apply("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n");
  log.submit("one", 1, 4000, R"(,"jurisdictions":["NO"])");
  log.start("one", {on("south", 1)});
  EXPECT_NE(refuted(log).find("where the job itself may not be"), std::string::npos);
}

TEST(ResidencyWatch, LooksAgainWhenBordersMove) {
  Log log = estate();
  log.apply("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {}\n");
  log.run("one", {on("north", 1)});
  EXPECT_TRUE(report_of(log).proved);
  log.apply("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {jurisdictions: [GB]}\n");
  EXPECT_NE(refuted(log).find("acme/llm/one lies at north in NO, where tenant acme may not be"), std::string::npos);
}

TEST(ResidencyWatch, KnowsItsTenantOnly) {
  Log log = estate();
  ResidencyWatch watch("nobody");
  for (const std::string& event : log.events) ASSERT_TRUE(watch.take(event).ok());
  EXPECT_EQ(watch.finish().error().code, Code::kNotFound);
}

}  // namespace
}  // namespace penstock
