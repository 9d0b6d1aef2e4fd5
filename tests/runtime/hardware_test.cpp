// Remedies that management controllers carry out: who gets which order, and what comes back.
#include "runtime/hardware/hardware_runtime.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "runtime/agent/agent_runtime.h"

namespace penstock {
namespace {

class FakeControl : public HardwareControl {
 public:
  void order(HardwareOrder order) override { orders.push_back(std::move(order)); }
  std::vector<HardwareResult> take_results() override { return std::exchange(results, {}); }

  std::vector<HardwareOrder> orders;
  std::vector<HardwareResult> results;
};

class Hardware : public testing::Test {
 protected:
  void SetUp() override {
    NodeTypeSpec type;
    type.devices.model = "h200";
    type.devices.count = 8;
    type.cpu = MilliCpu(64'000);
    type.memory = Bytes(1LL << 39);
    type.power.idle = Watts(1000);
    type.power.max = Watts(10'000);
    SiteSpec site;
    site.country = "NO";
    RackSpec rack;
    rack.name = "k1";
    rack.nodes.push_back({"n[1-2]", "hgx"});
    site.halls.push_back({"h1", std::nullopt, {{"r1", {rack}}}});
    site.fleet.emplace();
    site.fleet->mode = FleetMode::kRemediate;
    site.fleet->breaker = BreakerSpec{{}, BreakerLimitSpec{2, {}}, BreakerLimitSpec{2, {}}, BreakerLimitSpec{2, {}}};
    site.fleet->bmc = BmcSpec{"https://bmc-{rack}-{node}.{site}.example", "file:/etc/penstock/bmc/{row}"};
    std::vector<Document> documents(2);
    documents[0].kind = Kind::kNodeType;
    documents[0].metadata.name = "hgx";
    documents[0].spec = type;
    documents[1].kind = Kind::kSite;
    documents[1].metadata.name = "north";
    documents[1].spec = site;
    run(ApplyDocuments{documents, false});
    for (const char* node : {"north/h1/k1/n1", "north/h1/k1/n2"}) {
      AgentHello hello;
      hello.node = node;
      hello.boot_id = "boot";
      hello.device_vendor = "nvidia";
      hello.device_model = "h200";
      hello.device_count = 8;
      hello.cpu = type.cpu;
      hello.memory = type.memory;
      TokenRecord token;
      token.id = node;
      token.role = Role::kNode;
      token.node = node;
      run(RegisterNode{hello, token});
    }
    wait(seconds(0));
  }

  void run(const Command& command) {
    const auto reply = engine_.execute(command, CommandMeta{now_, "test", {}, 0, {}});
    ASSERT_TRUE(reply.ok()) << to_string(reply.error());
    const auto events = engine_.take_events();
    runtime_.committed(engine_.state(), events, now_);
  }
  void wait(Duration time) {
    now_ = now_ + time;
    run(Tick{});
  }
  void sync(const std::string& node, std::vector<Finding> findings = {}) {
    run(SyncNode{node, engine_.state().facts().nodes.at(node).registration, engine_.state().revision(node), {}, std::move(findings), {}});
    wait(seconds(0));
  }
  const Care& care(const std::string& node) { return engine_.state().facts().care.at(node); }

  FakeControl control_;
  HardwareRuntime runtime_{&control_};
  Engine engine_;
  Time now_ = *Text<Time>::parse("2026-06-01T00:00:00Z");
};

TEST_F(Hardware, ANodeThatIsGoneIsRestartedByItsController) {
  // One goes on calling, the other falls silent.
  for (int i = 0; i < 40; ++i) {
    wait(seconds(10));
    sync("north/h1/k1/n1");
  }
  wait(seconds(30));
  sync("north/h1/k1/n1");
  ASSERT_EQ(control_.orders.size(), 1U);
  const HardwareOrder order = control_.orders.front();
  EXPECT_EQ(order.node, "north/h1/k1/n2");
  EXPECT_EQ(order.address.bmc, "https://bmc-k1-n2.north.example");
  EXPECT_EQ(order.address.credentials, "file:/etc/penstock/bmc/r1");
  EXPECT_EQ(order.action, HardwareAction::kRestart);
  EXPECT_EQ(order.id, care("north/h1/k1/n2").remedy->uid);
  EXPECT_LE(order.deadline, minutes(30));

  // A new leader gives the same order under the same uid.
  HardwareRuntime successor(&control_);
  successor.recover(engine_.state(), now_);
  ASSERT_EQ(control_.orders.size(), 2U);
  EXPECT_EQ(control_.orders.back().id, control_.orders.front().id);

  HardwareResult result;
  result.id = order.id;
  result.node = order.node;
  control_.results = {result, result};
  const RuntimeReports reports = successor.advance(engine_.state(), now_);
  ASSERT_EQ(reports.remedies.size(), 1U) << "a result that comes twice counts once";
  EXPECT_EQ(reports.remedies.front().first, "north/h1/k1/n2");
  EXPECT_TRUE(reports.remedies.front().second.done);
  run(ReportTasks{{}, reports.remedies});
  wait(seconds(0));
  EXPECT_EQ(care("north/h1/k1/n2").state, NodeState::kValidating) << "it waits for its agent";
}

TEST_F(Hardware, ANodeThatIsThereResetsItsDevicesItself) {
  sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 95, now_, ""}});
  for (int i = 0; i < 4; ++i) {
    wait(seconds(10));
    sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 95, now_, ""}});
    sync("north/h1/k1/n2");
  }
  ASSERT_TRUE(care("north/h1/k1/n1").remedy);
  EXPECT_TRUE(control_.orders.empty());
  AgentRuntime agents;
  std::optional<SyncReply> told;
  agents.wait_for_orders(engine_.state(), "north/h1/k1/n1", SyncRequest{}, now_, [&](SyncReply reply) { told = std::move(reply); });
  ASSERT_TRUE(told && told->remedy);
  EXPECT_EQ(told->remedy->action, RemedyAction::kReset);
  EXPECT_EQ(told->remedy->devices, std::vector<std::int32_t>{3});
}

TEST_F(Hardware, WhatFailsIsToldInWords) {
  sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 79, now_, ""}});
  for (int i = 0; i < 4; ++i) {
    wait(seconds(10));
    sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 79, now_, ""}});
    sync("north/h1/k1/n2");
  }
  ASSERT_EQ(control_.orders.size(), 1U) << "reboots are for the controller where there is one";
  HardwareResult result;
  result.id = control_.orders.front().id;
  result.status = make_error(Code::kUnavailable, "no answer");
  control_.results = {result};
  const RuntimeReports reports = runtime_.advance(engine_.state(), now_);
  ASSERT_EQ(reports.remedies.size(), 1U);
  EXPECT_FALSE(reports.remedies.front().second.done);
  EXPECT_EQ(reports.remedies.front().second.message, "no answer");
}

TEST_F(Hardware, WithoutControlEveryOrderFails) {
  HardwareRuntime alone(nullptr);
  sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 79, now_, ""}});
  for (int i = 0; i < 4; ++i) {
    wait(seconds(10));
    sync("north/h1/k1/n1", {{NodeCheck::kXid, 3, 79, now_, ""}});
  }
  alone.recover(engine_.state(), now_);
  ASSERT_TRUE(alone.next_due());
  const RuntimeReports reports = alone.advance(engine_.state(), now_);
  ASSERT_EQ(reports.remedies.size(), 1U);
  EXPECT_FALSE(reports.remedies.front().second.done);
}

}  // namespace
}  // namespace penstock
