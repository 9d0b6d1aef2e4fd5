// Orders by turns: whose it is, what comes again and what does not, and many BMCs at once.
#include <condition_variable>

#include "redfish/fixture.h"
#include "redfish/redfish_control.h"

namespace penstock {
namespace {

HardwareOrder order_of(std::uint64_t id, const std::string& bmc, Duration deadline = minutes(10)) {
  HardwareOrder order;
  order.id = Uid{id};
  order.node = fmt::format("node-{}", id);
  order.address.bmc = bmc;
  order.deadline = deadline;
  return order;
}

HardwareResult ended(const OrderQueue::Turn& turn, Status status = ok_status()) {
  return {turn.order.id, turn.order.node, turn.order.action, std::move(status)};
}

Status away() { return make_error(Code::kUnavailable, "the BMC is away"); }

TEST(Backoff, DoublesUpToItsBoundAndNeverComesTogether) {
  const BackoffRule rule{seconds(1), minutes(5)};
  EXPECT_EQ(backoff(rule, 1, Ppm(0)), milliseconds(500));
  EXPECT_EQ(backoff(rule, 1, Ppm(1'000'000)), seconds(1));
  EXPECT_EQ(backoff(rule, 4, Ppm(1'000'000)), seconds(8));
  EXPECT_EQ(backoff(rule, 4, Ppm(500'000)), seconds(6));
  EXPECT_EQ(backoff(rule, 1'000'000, Ppm(1'000'000)), minutes(5));
}

TEST(OrderQueueTest, GivesEachControllerOneOrderAtATimeInTheirOrder) {
  OrderQueue queue({});
  EXPECT_TRUE(queue.add(order_of(1, "a"), {}));
  EXPECT_TRUE(queue.add(order_of(2, "a"), {}));
  EXPECT_TRUE(queue.add(order_of(3, "b"), {}));
  auto first = queue.next({}), other = queue.next({});
  ASSERT_TRUE(first && other);
  EXPECT_EQ(first->order.id, Uid{1});
  EXPECT_EQ(other->order.id, Uid{3});
  EXPECT_FALSE(queue.next({}));
  const HardwareResult result = ended(*first);
  ASSERT_TRUE(queue.done(std::move(*first), result, false, {}, Ppm(0)));
  const auto second = queue.next({});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->order.id, Uid{2});
}

TEST(OrderQueueTest, TakesAnOrderThatIsUnderWayOnce) {
  OrderQueue queue({});
  EXPECT_TRUE(queue.add(order_of(1, "a"), {}));
  EXPECT_FALSE(queue.add(order_of(1, "a"), {}));
  auto turn = queue.next({});
  EXPECT_FALSE(queue.add(order_of(1, "a"), {}));
  const HardwareResult result = ended(*turn);
  queue.done(std::move(*turn), result, false, {}, Ppm(0));
  EXPECT_TRUE(queue.add(order_of(1, "a"), {}));
}

TEST(OrderQueueTest, LeavesAControllerAloneAfterFailures) {
  OrderQueue queue({seconds(2), minutes(5)});
  queue.add(order_of(1, "a"), {});
  queue.add(order_of(2, "b"), {});
  auto turn = queue.next({});
  HardwareResult result = ended(*turn, away());
  EXPECT_FALSE(queue.done(std::move(*turn), result, true, {}, Ppm(1'000'000)));
  EXPECT_EQ(queue.next({})->order.id, Uid{2});
  EXPECT_FALSE(queue.next(seconds(1)));
  EXPECT_EQ(queue.due(), seconds(2));
  turn = queue.next(seconds(2));
  ASSERT_TRUE(turn);
  EXPECT_EQ(turn->attempt, 2);
  result = ended(*turn, away());
  EXPECT_FALSE(queue.done(std::move(*turn), result, true, seconds(2), Ppm(1'000'000)));
  EXPECT_EQ(queue.due(), seconds(6));
  turn = queue.next(seconds(6));
  result = ended(*turn);
  const auto done = queue.done(std::move(*turn), result, false, seconds(6), Ppm(0));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->attempts, 3);
  // What was reached is not waited for any more.
  queue.add(order_of(3, "a"), seconds(6));
  EXPECT_TRUE(queue.next(seconds(6)));
}

TEST(OrderQueueTest, RefusedCredentialsAreNotTriedAgainAtOnce) {
  OrderQueue queue({seconds(2), minutes(5)});
  queue.add(order_of(1, "a"), {});
  queue.add(order_of(2, "a"), {});
  auto turn = queue.next({});
  HardwareResult result = ended(*turn, make_error(Code::kUnauthenticated, "no"));
  ASSERT_TRUE(queue.done(std::move(*turn), result, false, {}, Ppm(1'000'000)));
  EXPECT_FALSE(queue.next(seconds(1)));
  EXPECT_TRUE(queue.next(seconds(2)));
}

TEST(OrderQueueTest, EndsWhatWaitsTooLongAndSaysWhy) {
  OrderQueue queue({seconds(2), minutes(5)});
  queue.add(order_of(1, "a", seconds(3)), {});
  queue.add(order_of(2, "a", seconds(4)), {});
  auto turn = queue.next({});
  HardwareResult result = ended(*turn, away());
  EXPECT_FALSE(queue.done(std::move(*turn), result, true, {}, Ppm(1'000'000)));
  EXPECT_TRUE(queue.expired(milliseconds(2999)).empty());
  const auto over = queue.expired(seconds(4));
  ASSERT_EQ(over.size(), 2u);
  EXPECT_EQ(over[0].attempts, 1);
  EXPECT_EQ(over[0].status.error().code, Code::kTimeout);
  EXPECT_NE(over[0].status.error().message.find("the BMC is away"), std::string::npos);
  EXPECT_EQ(over[1].attempts, 0);
  EXPECT_NE(over[1].status.error().message.find("other orders"), std::string::npos);
  EXPECT_FALSE(queue.due());
}

TEST(OrderQueueTest, AnOrderThatWouldComeAgainTooLateEnds) {
  OrderQueue queue({seconds(8), minutes(5)});
  queue.add(order_of(1, "a", seconds(5)), {});
  auto turn = queue.next({});
  HardwareResult result = ended(*turn, away());
  const auto done = queue.done(std::move(*turn), result, true, {}, Ppm(1'000'000));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status.error().message, "the BMC is away");
}

// Carries orders out and waits for their results.
class ControlTest : public testing::Test {
 protected:
  RedfishControlOptions options() {
    RedfishControlOptions out;
    out.poll = milliseconds(5);
    out.backoff = {milliseconds(10), milliseconds(50)};
    out.on_results = [this] {
      const std::lock_guard lock(mutex_);
      ++told_;
      came_.notify_all();
    };
    return out;
  }
  HardwareOrder order(std::uint64_t id, const Service& service, HardwareAction action) {
    HardwareOrder out = order_of(id, service.url(), minutes(2));
    out.address.credentials = credentials.reference();
    out.address.system = "437XR1138R2";
    out.action = action;
    return out;
  }
  std::map<std::uint64_t, HardwareResult> results(RedfishControl& control, std::size_t count) {
    std::map<std::uint64_t, HardwareResult> out;
    std::unique_lock lock(mutex_);
    const auto all = [&] {
      for (HardwareResult& one : control.take_results()) out.emplace(one.id.value, one);
      return out.size() >= count;
    };
    EXPECT_TRUE(came_.wait_for(lock, std::chrono::seconds(120), all)) << out.size() << " of " << count;
    return out;
  }

  PrivateFile credentials{fmt::format("{}:{}", kUser, kPassword)};
  std::mutex mutex_;
  std::condition_variable came_;
  int told_ = 0;
};

TEST_F(ControlTest, CarriesOutEveryAction) {
  Service service;
  RedfishControl control(options());
  control.order(order(1, service, HardwareAction::kPowerOff));
  control.order(order(2, service, HardwareAction::kPowerOn));
  control.order(order(3, service, HardwareAction::kRestart));
  control.order(order(4, service, HardwareAction::kPowerCycle));
  HardwareOrder limit = order(5, service, HardwareAction::kPowerLimit);
  limit.limit = Watts(5000);
  control.order(limit);
  control.order(order(6, service, HardwareAction::kInventory));
  control.order(order(7, service, HardwareAction::kPowerLimit));
  const auto all = results(control, 7);
  ASSERT_EQ(all.size(), 7u);
  for (const auto& [id, result] : all) {
    if (id != 7) EXPECT_EQ(text(result.status), "ok") << id;
    EXPECT_EQ(result.node, fmt::format("node-{}", id));
    EXPECT_EQ(result.attempts, 1);
  }
  EXPECT_EQ(all.at(1).power, PowerState::kOff);
  EXPECT_EQ(all.at(4).power, PowerState::kOn);
  EXPECT_EQ(all.at(6).inventory->gpus.size(), 8u);
  EXPECT_EQ(code_of(all.at(7).status), Code::kInvalid);
  EXPECT_EQ(service.most_at_once(), 1);
  EXPECT_EQ(service.sessions(), 0);
}

TEST_F(ControlTest, TriesAgainWhatMayPass) {
  Service service;
  service.set([](Faults& faults) { faults.half = true; });
  RedfishControl control(options());
  control.order(order(1, service, HardwareAction::kPowerOff));
  while (service.count("GET") < 3) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  service.set([](Faults& faults) { faults = {}; });
  const auto all = results(control, 1);
  EXPECT_EQ(text(all.at(1).status), "ok");
  EXPECT_GT(all.at(1).attempts, 1);
}

// The machine may have restarted and be back at work: a second time would take that from it.
TEST_F(ControlTest, NeverRestartsTwiceForOneOrder) {
  for (const HardwareAction action : {HardwareAction::kRestart, HardwareAction::kPowerCycle}) {
    Service service;
    service.set([](Faults& faults) { faults.lost = 1; });
    RedfishControl control(options());
    control.order(order(1, service, action));
    EXPECT_EQ(code_of(results(control, 1).at(1).status), Code::kUnavailable);
    EXPECT_EQ(service.count("POST " + service.host), 1);
  }
}

TEST_F(ControlTest, TurnsOffAgainUntilItIsOff) {
  Service service;
  service.set([](Faults& faults) { faults.lost = 1; });
  RedfishControl control(options());
  control.order(order(1, service, HardwareAction::kPowerOff));
  const auto all = results(control, 1);
  EXPECT_EQ(text(all.at(1).status), "ok");
  EXPECT_EQ(all.at(1).power, PowerState::kOff);
  EXPECT_EQ(all.at(1).attempts, 2);
}

TEST_F(ControlTest, EndsAtTheDeadlineWithoutAFence) {
  Service service;
  service.set([](Faults& faults) { faults.power_stays = true; });
  RedfishControlOptions patient = options();
  patient.poll = milliseconds(50);
  RedfishControl control(patient);
  HardwareOrder off = order(1, service, HardwareAction::kPowerOff);
  off.deadline = seconds(4);
  control.order(off);
  const auto all = results(control, 1);
  EXPECT_EQ(code_of(all.at(1).status), Code::kTimeout);
  EXPECT_NE(all.at(1).power, PowerState::kOff);
  EXPECT_GE(service.count("POST " + service.host), 1);
}

TEST_F(ControlTest, TalksToAsManyAtOnceAsItHasThreads) {
  std::vector<std::unique_ptr<Service>> services;
  for (int i = 0; i < 6; ++i) {
    services.push_back(std::make_unique<Service>());
    services.back()->set([](Faults& faults) { faults.slow_ms = 5; });
  }
  RedfishControlOptions few = options();
  few.threads = 3;
  Service::most_everywhere();
  RedfishControl control(few);
  std::uint64_t id = 0;
  for (int round = 0; round < 2; ++round) {
    for (const auto& service : services) control.order(order(++id, *service, round == 0 ? HardwareAction::kPowerOff : HardwareAction::kPowerOn));
  }
  const auto all = results(control, 12);
  EXPECT_EQ(Service::most_everywhere(), 3);
  for (const auto& [number, result] : all) EXPECT_EQ(text(result.status), "ok") << number;
  for (const auto& service : services) EXPECT_EQ(service->most_at_once(), 1);
}

TEST_F(ControlTest, StopsWithoutWaitingForWhatIsUnderWay) {
  Service service;
  service.set([](Faults& faults) { faults.power_stays = true; });
  const Duration before = since_boot();
  {
    RedfishControl control(options());
    control.order(order(1, service, HardwareAction::kPowerOff));
    while (service.count("POST " + service.host) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_LT(since_boot() - before, seconds(10));
}

}  // namespace
}  // namespace penstock
