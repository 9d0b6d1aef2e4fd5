// Invariants 1, 3, 6 and 8: devices, gangs, epochs, countries; and logs that cannot be read.
#include <gtest/gtest.h>

#include "log.h"

namespace penstock {
namespace {

HandTask north(int node, std::vector<int> devices = {0, 1, 2, 3}) {
  return {fmt::format("north/h1/k1/n{}", node), std::move(devices), 5000, 5000, 0, -1};
}

HandTask share(int node, int device, std::int64_t milli) {
  return {fmt::format("north/h1/k1/n{}", node), {device}, 2000, 2000, 0, milli};
}

bool finds(const Log& log, int invariant, const std::string& words) {
  const VerifyReport report = log.verify();
  EXPECT_FALSE(report.proved);
  for (const VerifyFinding& finding : report.violations) {
    if (finding.invariant == invariant && finding.message.find(words) != std::string::npos) return true;
  }
  ADD_FAILURE() << verdict(report);
  return false;
}

TEST(Devices, HaveOneHolder) {
  Log log = two_sites();
  log.run("one", {north(1)});
  log.run("two", {north(2)});
  log.finish("one");
  log.run("three", {north(1)});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.run("four", {north(2)});
  EXPECT_TRUE(finds(log, 1, "device 0 of north/h1/k1/n2 is held 2 times over, by acme/llm/two, acme/llm/four"));
}

TEST(Devices, AreSharedUpToAWhole) {
  Log log = two_sites();
  log.submit("half", 1, 500);
  log.start("half", {share(1, 0, 500)});
  log.submit("other", 1, 500);
  log.start("other", {share(1, 0, 500)});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.submit("third", 1, 1);
  log.start("third", {share(1, 0, 1)});
  EXPECT_TRUE(finds(log, 1, "is held 1.001 times over"));
}

TEST(Devices, ExistOnTheirNode) {
  Log log = two_sites();
  log.run("one", {north(1, {0, 1, 2, 4})});
  EXPECT_TRUE(finds(log, 1, "has 4 devices and no device 4"));
  Log nowhere = two_sites();
  nowhere.run("one", {north(3)});
  EXPECT_TRUE(finds(nowhere, 1, "there is no node north/h1/k1/n3"));
  Log few = two_sites();
  few.submit("one", 1);
  HandTask task = north(1, {0, 1, 2});
  task.milli = 4000;
  few.start("one", {task});
  EXPECT_TRUE(finds(few, 1, "names devices for 3"));
  Log gone = two_sites();
  gone.run("one", {north(1)});
  gone.remove(Kind::kSite, "north");
  EXPECT_TRUE(finds(gone, 1, "runs where there is no node"));
}

TEST(Gangs, StartWhole) {
  Log log = two_sites();
  log.submit("two", 2);
  log.start("two", {north(1)});
  EXPECT_TRUE(finds(log, 3, "1 tasks of group main started and 2 were asked for"));
  Log more = two_sites();
  more.submit("one", 1);
  more.start("one", {north(1), north(2)});
  EXPECT_TRUE(finds(more, 3, "2 tasks of group main started and 1 were asked for"));
  Log less = two_sites();
  less.submit("one", 1);
  less.start("one", {north(1, {0, 1})});
  EXPECT_TRUE(finds(less, 3, "got 2 GPUs and asked for 4"));
  Log unknown = two_sites();
  unknown.start("one", {north(1)});
  EXPECT_TRUE(finds(unknown, 3, "never submitted"));
}

TEST(Gangs, StandOnOneSite) {
  Log log = two_sites();
  log.run("two", {north(1), {"south/h1/k1/n1", {0, 1, 2, 3}, 5000, 5000, 0, -1}});
  EXPECT_TRUE(finds(log, 3, "it is on 2 sites"));
}

TEST(Gangs, EndWhole) {
  Log log = two_sites();
  log.run("one", {north(1)});
  log.start("one", {north(2)});
  EXPECT_TRUE(finds(log, 3, "while it still held"));
  Log forgotten = two_sites();
  forgotten.run("one", {north(1)});
  forgotten.add(R"({"type":"jobs.forgotten","jobs":["0000000000000001"]})");
  EXPECT_TRUE(finds(forgotten, 3, "was forgotten while it still held"));
}

TEST(Epochs, OnlyRise) {
  Log log = two_sites();
  log.epoch = 2;
  log.add(R"({"type":"leadership.taken","epoch":2})");
  log.run("one", {north(1)});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.epoch = 1;
  log.run("two", {north(2)});
  EXPECT_TRUE(finds(log, 6, "a leader of epoch 1 wrote after one of epoch 2"));
  Log again = two_sites();
  again.add(R"({"type":"leadership.taken","epoch":1})");
  EXPECT_TRUE(finds(again, 6, "which is not above 1"));
  Log unknown = two_sites();
  unknown.epoch = 3;
  unknown.submit("one", 1);
  EXPECT_TRUE(finds(unknown, 6, "without having taken leadership"));
}

TEST(Positions, HaveNoGap) {
  Log log = two_sites();
  ++log.position;
  log.submit("one", 1);
  EXPECT_TRUE(finds(log, 6, "comes"));
  Log back = two_sites();
  back.wait(minutes(-2));
  back.submit("one", 1);
  EXPECT_TRUE(finds(back, 6, "time runs backwards"));
}

TEST(Countries, AreAllowedByTenantContractAndJob) {
  Log log = two_sites();
  log.submit("one", 1, 4000, R"(,"jurisdictions":["GB"])");
  log.start("one", {north(1)});
  EXPECT_TRUE(finds(log, 8, "where the job itself may not be"));
  Log home = two_sites();
  home.submit("one", 1, 4000, R"(,"jurisdictions":["NO"])");
  home.start("one", {north(1)});
  EXPECT_EQ(verdict(home.verify()), "proved");
  home.apply(
      "apiVersion: penstock/v1\nkind: Contract\nmetadata: {name: acme/main}\nspec: {class: reserved, jurisdictions: "
      "[GB], pricePerGpuHour: 2 USD}\n");
  EXPECT_TRUE(finds(home, 8, "where contract acme/main may not be"));
  Log bound = two_sites();
  bound.apply("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {jurisdictions: [GB]}\n");
  bound.run("one", {north(1)});
  EXPECT_TRUE(finds(bound, 8, "acme/llm/one is at north in NO, where tenant acme may not be"));
}

TEST(Snapshots, StandBeforeALogThatWasCut) {
  Log log = two_sites();
  log.run("one", {north(1)});
  // The same as a snapshot of position 8, and a log that goes on from there.
  const std::string facts = R"({"position":8,"now":"2026-06-01T00:01:00Z","epoch":1,"lastUid":9,
    "nodeTypes":{"t":{"updated":"2026-06-01T00:00:00Z","spec":{"devices":{"model":"g","count":4},"cpu":"64","memory":"1TiB","power":{"idle":"1kW","max":"5kW"}}}},
    "sites":{"north":{"updated":"2026-06-01T00:00:00Z","spec":{"country":"NO","halls":[{"name":"h1","rows":[{"name":"r1","racks":[{"name":"k1","nodes":[{"name":"n1","type":"t"}]}]}]}]}}},
    "jobs":{"0000000000000001":{"uid":"0000000000000001","name":"acme/llm/one","contract":"acme/main","phase":"running",
      "spec":{"groups":[{"name":"main","replicas":1,"gpus":"4","command":["true"]}]},
      "allocation":{"uid":"00000000000000fe","job":"0000000000000001","from":"2026-06-01T00:01:00Z","contract":"acme/main",
        "tasks":[{"node":"north/h1/k1/n1","devices":[0,1,2,3],"gpus":"4","demand":"5kW","firm":"5kW"}]}}}})";
  Log rest;
  rest.now = log.now;
  rest.events.clear();
  rest.position = 8;
  rest.submit("other", 1);
  auto alone = verify_log(rest.events);
  ASSERT_FALSE(alone.ok());
  EXPECT_NE(alone.error().message.find("a snapshot of position 8 is needed"), std::string::npos)
      << alone.error().message;
  auto good = verify_log(rest.events, facts);
  ASSERT_TRUE(good.ok()) << to_string(good.error());
  EXPECT_TRUE(good->proved) << verdict(*good);
  EXPECT_EQ(good->first, 9u);
  Log second = rest;
  second.submit("two", 1);
  second.submit("three", 1);
  second.start("three", {north(1)});
  auto bad = verify_log(second.events, facts);
  ASSERT_TRUE(bad.ok());
  EXPECT_NE(verdict(*bad).find("is held 2 times over, by acme/llm/one"), std::string::npos) << verdict(*bad);
}

TEST(Logs, ThatCannotBeReadAreNoProof) {
  Log log = two_sites();
  log.events.push_back("{\"position\":");
  EXPECT_FALSE(verify_log(log.events).ok());
  log.events.back() = R"({"position":7,"at":"2026-06-01T00:01:00Z","epoch":1,"event":{"type":"job.started"}})";
  auto report = verify_log(log.events);
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().message.find("'allocation' is no mapping"), std::string::npos) << report.error().message;
}

}  // namespace
}  // namespace penstock
