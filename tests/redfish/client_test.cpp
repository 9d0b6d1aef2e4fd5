// A machine over Redfish: on, off and around, its parts, its readings, its limits, its events; in a new and an old flavour.
#include "redfish/fixture.h"
#include "redfish/events.h"

namespace penstock {
namespace {

using Power = RedfishTest;
using PowerLimit = RedfishTest;
using Parts = RedfishTest;
using Subscriptions = RedfishTest;
using OlderService = OlderTest;

std::vector<std::string> sent(Service& service) {
  std::vector<std::string> out;
  for (const std::string& one : service.texts()) {
    const std::size_t body = one.find("\"ResetType\":\"");
    if (body != std::string::npos) out.push_back(one.substr(body + 13, one.find('"', body + 13) - body - 13));
  }
  return out;
}

TEST_F(Power, FollowsAReset) {
  RedfishClient client(options);
  auto outcome = client.reset(ResetType::kForceOff);
  ASSERT_EQ(text(outcome), "ok");
  EXPECT_EQ(outcome->power, PowerState::kOff);
  EXPECT_EQ(*client.power_state(), PowerState::kOff);
  outcome = client.reset(ResetType::kOn);
  ASSERT_EQ(text(outcome), "ok");
  EXPECT_EQ(outcome->power, PowerState::kOn);
  outcome = client.reset(ResetType::kPowerCycle);
  ASSERT_EQ(text(outcome), "ok");
  EXPECT_EQ(outcome->power, PowerState::kOn);
  outcome = client.reset(ResetType::kGracefulRestart);
  ASSERT_EQ(text(outcome), "ok");
  EXPECT_EQ(sent(service), (std::vector<std::string>{"ForceOff", "On", "PowerCycle", "GracefulRestart"}));
}

TEST_F(Power, IsLeftAloneWhereItIsAsWanted) {
  RedfishClient client(options);
  ASSERT_EQ(text(client.reset(ResetType::kOn)), "ok");
  EXPECT_FALSE(client.acted());
  ASSERT_EQ(text(client.reset(ResetType::kForceOff)), "ok");
  EXPECT_TRUE(client.acted());
  const auto again = client.reset(ResetType::kForceOff);
  ASSERT_EQ(text(again), "ok");
  EXPECT_TRUE(again->sent.empty());
  EXPECT_FALSE(client.acted());
  EXPECT_EQ(sent(service), std::vector<std::string>{"ForceOff"});
}

TEST_F(Power, ComesOnWhereAMachineThatIsOffShouldRestart) {
  RedfishClient client(options);
  for (const ResetType type : {ResetType::kForceRestart, ResetType::kPowerCycle, ResetType::kGracefulRestart}) {
    service.edit([&](auto& resources) { resources.at(service.host)["PowerState"] = "Off"; });
    const auto outcome = client.reset(type);
    ASSERT_EQ(text(outcome), "ok");
    EXPECT_EQ(outcome->sent, std::vector<std::string>{"On"});
    EXPECT_EQ(outcome->power, PowerState::kOn);
  }
}

// An accepted reset proves nothing: only the power state fences a node.
TEST_F(Power, ThatNeverFollowsIsATimeOutThatSaysSo) {
  service.set([](Faults& faults) { faults.power_stays = true; });
  RedfishClient client(options);
  const auto outcome = client.reset(ResetType::kForceOff);
  ASSERT_EQ(code_of(outcome), Code::kTimeout);
  EXPECT_NE(outcome.error().message.find("took ForceOff, but the power of its machine is on and not off at the deadline"), std::string::npos)
      << outcome.error().message;
  EXPECT_TRUE(client.acted());
  EXPECT_LE(clock.now, minutes(5));
  EXPECT_GE(clock.now, minutes(4));
}

TEST_F(Power, IsReachedByTheNearestTypeThatIsAllowed) {
  const auto allow = [this](json::array types) {
    service.edit([&](auto& resources) {
      resources.at(service.host + "/ResetActionInfo")["Parameters"].as_array()[0].as_object()["AllowableValues"] = types;
      resources.at(service.host)["PowerState"] = "On";
    });
  };
  RedfishClient client(options);
  allow({"On", "ForceOff", "GracefulRestart"});
  EXPECT_EQ(client.reset(ResetType::kPowerCycle)->sent, (std::vector<std::string>{"ForceOff", "On"}));
  EXPECT_EQ(client.reset(ResetType::kForceRestart)->sent, (std::vector<std::string>{"ForceOff", "On"}));
  allow({"On", "PowerCycle"});
  EXPECT_EQ(client.reset(ResetType::kForceRestart)->sent, std::vector<std::string>{"PowerCycle"});
  allow({"GracefulShutdown"});
  EXPECT_EQ(client.reset(ResetType::kForceOff)->sent, std::vector<std::string>{"GracefulShutdown"});
}

TEST_F(Power, IsNeverCutWhereACleanEndWasAskedFor) {
  service.edit([this](auto& resources) {
    resources.at(service.host + "/ResetActionInfo")["Parameters"].as_array()[0].as_object()["AllowableValues"] = json::array{"ForceOff", "ForceRestart", "PowerCycle", "On"};
  });
  RedfishClient client(options);
  const auto restart = client.reset(ResetType::kGracefulRestart);
  ASSERT_EQ(code_of(restart), Code::kUnsupported);
  EXPECT_NE(restart.error().message.find("it allows: ForceOff, ForceRestart, PowerCycle, On"), std::string::npos) << restart.error().message;
  EXPECT_EQ(code_of(client.reset(ResetType::kGracefulShutdown)), Code::kUnsupported);
  EXPECT_TRUE(sent(service).empty());
}

TEST_F(Power, OfOneMachineOfSeveralNeedsItsName) {
  service.edit([this](auto& resources) {
    const json::value action = resources.at(service.host).at("Actions");
    resources.at("/redfish/v1/Systems/Baseboard")["Actions"] = action;
  });
  options.system.clear();
  const auto ambiguous = RedfishClient(options).reset(ResetType::kForceOff);
  ASSERT_EQ(code_of(ambiguous), Code::kInvalid);
  EXPECT_NE(ambiguous.error().message.find("437XR1138R2, Baseboard"), std::string::npos);
  options.system = "nobody";
  EXPECT_EQ(code_of(RedfishClient(options).reset(ResetType::kForceOff)), Code::kNotFound);
  EXPECT_TRUE(sent(service).empty());
}

TEST_F(Power, OfTheOnlyMachineThatCanBeResetNeedsNoName) {
  options.system.clear();
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
}

TEST_F(Power, ThatIsRefusedSaysWhy) {
  service.edit([this](auto& resources) { resources.at(service.host)["PowerState"] = "Paused"; });
  RedfishClient client(options);
  const auto outcome = client.reset(ResetType::kPowerCycle);
  ASSERT_EQ(code_of(outcome), Code::kFailedPrecondition);
  EXPECT_NE(outcome.error().message.find("HTTP status 409: The machine is off."), std::string::npos) << outcome.error().message;
}

TEST_F(Parts, AreThoseOfTheMachineAndOfWhatItsChassisContain) {
  RedfishClient client(options);
  const auto inventory = client.inventory();
  ASSERT_EQ(text(inventory), "ok");
  EXPECT_EQ(inventory->machine, (HardwarePart{"437XR1138R2", "", "Contoso", "3500", "437XR1138R2", "P79 v1.45", "OK"}));
  ASSERT_EQ(inventory->processors.size(), 1u);
  EXPECT_EQ(inventory->processors[0].slot, "CPU 1");
  ASSERT_EQ(inventory->gpus.size(), 8u);
  EXPECT_EQ(inventory->gpus[4], (HardwarePart{"GPU5", "SXM5", "NVIDIA", "H200", "16500005", "96.00.5E", "Critical"}));
  ASSERT_EQ(inventory->power_supplies.size(), 3u);
  EXPECT_EQ(inventory->power_supplies[2], (HardwarePart{"Bay3", "PSU 3", "Contoso", "3300W", "PS0003", "1.02", "OK"}));
  ASSERT_EQ(inventory->firmware.size(), 1u);
  EXPECT_EQ(inventory->firmware[0].firmware, "2.14");
  const auto again = from_json_text<HardwareInventory>(to_json(*inventory));
  ASSERT_EQ(text(again), "ok");
  EXPECT_EQ(*again, *inventory);
}

TEST_F(Parts, HaveReadings) {
  const auto readings = RedfishClient(options).environment();
  ASSERT_EQ(text(readings), "ok");
  ASSERT_EQ(readings->size(), 10u);
  // 1250.5 kWh; the limit is there and not in force.
  EXPECT_EQ((*readings)[0], (EnvironmentReading{"1U", Watts(6120), MilliCelsius(24'500), Joules(4'501'800'000), {}, Watts(4000), Watts(10200)}));
  EXPECT_EQ((*readings)[2], (EnvironmentReading{"GPU1", Watts(541), MilliCelsius(61'250), Joules(7'200'000), Watts(700), Watts(200), Watts(700)}));
  EXPECT_EQ(Text<MilliCelsius>::format(*(*readings)[2].temperature), "61.25C");
  EXPECT_EQ(*Text<MilliCelsius>::parse("61.25C"), MilliCelsius(61'250));
  EXPECT_EQ(code_of(Text<MilliCelsius>::parse("nanC")), Code::kInvalid);
}

TEST_F(Parts, WithReadingsThatNoSensorMeansHaveNone) {
  service.edit([this](auto& resources) {
    resources.at(service.limits)["PowerWatts"] = json::object{{"Reading", 1e300}};
    resources.at(service.limits)["TemperatureCelsius"] = json::object{{"Reading", nullptr}};
    resources.at(service.limits)["EnergykWh"] = "many";
  });
  const auto readings = RedfishClient(options).environment();
  ASSERT_EQ(text(readings), "ok");
  EXPECT_EQ((*readings)[0], (EnvironmentReading{"1U", {}, {}, {}, {}, Watts(4000), Watts(10200)}));
}

TEST_F(PowerLimit, IsSetOnTheOutermostChassisAndReadBack) {
  RedfishClient client(options);
  ASSERT_EQ(text(client.set_power_limit(Watts(8000))), "ok");
  EXPECT_TRUE(client.acted());
  const json::object control = service.resource(service.limits).at("PowerLimitWatts").as_object();
  EXPECT_EQ(control.at("SetPoint").to_number<int>(), 8000);
  EXPECT_EQ(control.at("ControlMode").as_string(), "Automatic");
  ASSERT_EQ(text(client.set_power_limit(Watts(8000))), "ok");
  EXPECT_FALSE(client.acted());
  EXPECT_EQ(service.count("PATCH"), 1);
}

TEST_F(PowerLimit, OfOneGpuIsSetByItsSlot) {
  ASSERT_EQ(text(RedfishClient(options).set_power_limit(Watts(500), "SXM3")), "ok");
  const json::object metrics = service.resource("/redfish/v1/Systems/Baseboard/Processors/GPU3/EnvironmentMetrics");
  EXPECT_EQ(metrics.at("PowerLimitWatts").at("SetPoint").to_number<int>(), 500);
  EXPECT_EQ(code_of(RedfishClient(options).set_power_limit(Watts(500), "SXM9")), Code::kNotFound);
}

TEST_F(PowerLimit, OutsideOfTheRangeIsRefusedWithTheRange) {
  RedfishClient client(options);
  for (const Watts limit : {Watts(3999), Watts(10201), Watts(0), Watts(-1)}) {
    const auto set = client.set_power_limit(limit);
    ASSERT_EQ(code_of(set), Code::kLimitExceeded) << limit.count();
    EXPECT_NE(set.error().message.find("takes power limits from 4kW to 10.2kW, found"), std::string::npos) << set.error().message;
  }
  EXPECT_EQ(service.count("PATCH"), 0);
}

TEST_F(PowerLimit, IsSetAgainstTheVersionThatWasRead) {
  service.set([](Faults& faults) { faults.conflicts = 2; });
  ASSERT_EQ(text(RedfishClient(options).set_power_limit(Watts(8000))), "ok");
  EXPECT_EQ(service.count("PATCH"), 3);
  service.set([](Faults& faults) { faults.conflicts = 100; });
  EXPECT_EQ(code_of(RedfishClient(options).set_power_limit(Watts(9000))), Code::kConflict);
  EXPECT_EQ(service.count("PATCH"), 6);
}

TEST_F(PowerLimit, ThatIsTakenAndNotKeptIsAnError) {
  service.set([](Faults& faults) { faults.limit_stays = true; });
  const auto set = RedfishClient(options).set_power_limit(Watts(8000));
  ASSERT_EQ(code_of(set), Code::kFailedPrecondition);
  EXPECT_NE(set.error().message.find("took the power limit 8kW and shows none"), std::string::npos) << set.error().message;
}

TEST_F(Subscriptions, AreMadeOnceAndRemoved) {
  RedfishClient client(options);
  const auto made = client.subscribe("https://penstock.example/bmc-events", "node-7");
  ASSERT_EQ(text(made), "ok");
  const json::object stored = service.resource(*made);
  EXPECT_EQ(stored.at("Protocol").as_string(), "Redfish");
  EXPECT_FALSE(stored.contains("EventTypes"));
  const auto again = client.subscribe("https://penstock.example/bmc-events", "node-7");
  ASSERT_EQ(text(again), "ok");
  EXPECT_EQ(*again, *made);
  EXPECT_EQ(service.count("POST /redfish/v1/EventService/Subscriptions"), 1);
  EXPECT_EQ(text(client.unsubscribe(*made)), "ok");
  EXPECT_EQ(text(client.unsubscribe(*made)), "ok");
  EXPECT_EQ(code_of(client.subscribe("http://penstock.example/", "x")), Code::kInvalid);
  EXPECT_EQ(code_of(client.subscribe("https://penstock.example/", "")), Code::kInvalid);
}

TEST(Events, AreReadInNewAndOldForms) {
  const auto events = parse_events(R"({"@odata.type":"#Event.v1_9_0.Event","Id":"1","Name":"Events","Context":"node-7","Events":[
    {"MemberId":"0","EventTimestamp":"2026-11-26T10:00:00Z","MessageId":"ResourceEvent.1.3.ResourceErrorsDetected","MessageSeverity":"Critical",
     "Message":"GPU5 has failed.","OriginOfCondition":{"@odata.id":"/redfish/v1/Systems/Baseboard/Processors/GPU5"}},
    {"MessageId":"Alert.1.0.PowerSupplyFailed","Severity":"Warning","OriginOfCondition":"/redfish/v1/Chassis/1U/Power"}]})");
  ASSERT_EQ(text(events), "ok");
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ((*events)[0], (RedfishEvent{"node-7", "ResourceEvent.1.3.ResourceErrorsDetected", "Critical", "GPU5 has failed.",
                                        "/redfish/v1/Systems/Baseboard/Processors/GPU5", "2026-11-26T10:00:00Z"}));
  EXPECT_EQ((*events)[1], (RedfishEvent{"node-7", "Alert.1.0.PowerSupplyFailed", "Warning", "", "/redfish/v1/Chassis/1U/Power", ""}));
}

TEST(Events, ThatAreNoneOrTooManyAreRefused) {
  EXPECT_EQ(code_of(parse_events("[]")), Code::kInvalid);
  EXPECT_EQ(code_of(parse_events("{")), Code::kInvalid);
  const auto nameless = parse_events(R"({"Events":[{"MessageId":"A.1.0.B"},{"Message":"what?"}]})");
  ASSERT_EQ(code_of(nameless), Code::kInvalid);
  EXPECT_EQ(nameless.error().path, "Events[1]");
  std::string many = R"({"Events":[)";
  for (int i = 0; i < 1001; ++i) many += fmt::format(R"({}{{"MessageId":"A.1.0.B"}})", i == 0 ? "" : ",");
  EXPECT_EQ(code_of(parse_events(many + "]}")), Code::kTooLarge);
  EXPECT_EQ(code_of(parse_events(std::string(2 << 20, ' '))), Code::kTooLarge);
}

TEST_F(OlderService, IsTurnedOffAndOn) {
  RedfishClient client(options);
  ASSERT_EQ(text(client.reset(ResetType::kPowerCycle)), "ok");
  EXPECT_EQ(sent(service), (std::vector<std::string>{"ForceOff", "ForceOn"}));
}

TEST_F(OlderService, TellsPartsAndReadings) {
  RedfishClient client(options);
  const auto inventory = client.inventory();
  ASSERT_EQ(text(inventory), "ok");
  EXPECT_EQ(inventory->machine.serial, "FK77");
  ASSERT_EQ(inventory->power_supplies.size(), 1u);
  EXPECT_EQ(inventory->power_supplies[0].serial, "A1");
  EXPECT_TRUE(inventory->firmware.empty());
  const auto readings = client.environment();
  ASSERT_EQ(text(readings), "ok");
  ASSERT_EQ(readings->size(), 1u);
  EXPECT_EQ((*readings)[0], (EnvironmentReading{"self", Watts(812), MilliCelsius(22'000)}));
}

TEST_F(OlderService, TakesALimitInItsPlaceOfTheList) {
  RedfishClient client(options);
  ASSERT_EQ(text(client.set_power_limit(Watts(900))), "ok");
  const json::array controls = service.resource(service.limits).at("PowerControl").as_array();
  EXPECT_EQ(controls[1].at("PowerLimit").at("LimitInWatts").to_number<int>(), 900);
  EXPECT_EQ(controls[0].at("PowerConsumedWatts").to_number<int>(), 812);
}

TEST_F(OlderService, TakesASubscriptionThatNamesTheKinds) {
  RedfishClient client(options);
  const auto made = client.subscribe("https://penstock.example/bmc-events", "node-7");
  ASSERT_EQ(text(made), "ok");
  EXPECT_EQ(service.resource(*made).at("EventTypes").as_array().size(), 2u);
}

}  // namespace
}  // namespace penstock
