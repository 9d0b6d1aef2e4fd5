// Logging in and out, what may be read, where links may lead, and what must not be said.
#include "redfish/address.h"
#include "redfish/fixture.h"

namespace penstock {
namespace {

using Sessions = RedfishTest;
using Limits = RedfishTest;
using Links = RedfishTest;
using Faulty = RedfishTest;

TEST_F(Sessions, AreOpenedOnceAndClosed) {
  {
    RedfishClient client(options);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(text(client.power_state()), "ok");
    EXPECT_EQ(service.sessions(), 1);
  }
  EXPECT_EQ(service.sessions(), 0);
  EXPECT_EQ(service.count("POST /redfish/v1/SessionService/Sessions"), 1);
  EXPECT_EQ(service.count("DELETE /redfish/v1/SessionService/Sessions/1"), 1);
  for (const std::string& one : service.texts()) EXPECT_EQ(one.find("authorization"), std::string::npos) << one;
}

TEST_F(Sessions, AreOpenedAgainWhenTheyExpire) {
  RedfishClient client(options);
  ASSERT_EQ(text(client.power_state()), "ok");
  service.expire_sessions();
  EXPECT_EQ(text(client.power_state()), "ok");
  EXPECT_EQ(service.count("POST /redfish/v1/SessionService/Sessions"), 2);
}

// Each login with a wrong token behind it could go on for ever, and many BMCs lock the account.
TEST_F(Sessions, AreTriedTwiceAtMost) {
  service.set([](Faults& faults) { faults.tokens_rot = true; });
  RedfishClient client(options);
  EXPECT_EQ(code_of(client.power_state()), Code::kUnauthenticated);
  EXPECT_EQ(service.count("POST /redfish/v1/SessionService/Sessions"), 2);
}

TEST_F(Sessions, ThatCannotBeHadMakeWayForBasicAuthentication) {
  for (const bool full : {false, true}) {
    service.set([full](Faults& faults) { faults.sessions_full = full, faults.no_sessions = !full; });
    RedfishClient client(options);
    const auto power = client.power_state();
    ASSERT_EQ(text(power), "ok");
    EXPECT_EQ(*power, PowerState::kOn);
  }
  service.edit([](auto& resources) { resources.at("/redfish/v1/").erase("Links"); });
  RedfishClient client(options);
  EXPECT_EQ(text(client.power_state()), "ok");
}

TEST_F(Sessions, WithWrongCredentialsSayWhichToCheck) {
  const PrivateFile wrong("operator:wrong-password");
  options.credentials = wrong.reference();
  RedfishClient client(options);
  const auto power = client.power_state();
  ASSERT_EQ(code_of(power), Code::kUnauthenticated);
  EXPECT_NE(power.error().message.find("The credentials are not valid.; check the credentials in " + wrong.reference()), std::string::npos)
      << power.error().message;
  EXPECT_EQ(service.count("POST"), 1);
}

TEST(CredentialsTest, AreReadFromAPrivateFileOrTheEnvironment) {
  PrivateFile file("root:a:b c\r\nsecond line");
  auto read = read_credentials(file.reference());
  ASSERT_EQ(text(read), "ok");
  EXPECT_EQ(read->user, "root");
  EXPECT_EQ(read->password.text(), "a:b c");
  setenv("PENSTOCK_TEST_BMC", "root:secret", 1);
  read = read_credentials("env:PENSTOCK_TEST_BMC");
  ASSERT_EQ(text(read), "ok");
  EXPECT_EQ(read->password.text(), "secret");
  EXPECT_EQ(code_of(read_credentials("env:PENSTOCK_TEST_NONE")), Code::kNotFound);
  EXPECT_EQ(code_of(read_credentials("file:/nowhere/at/all")), Code::kNotFound);
  EXPECT_EQ(code_of(read_credentials(PrivateFile("no colon").reference())), Code::kInvalid);
  EXPECT_EQ(code_of(read_credentials(PrivateFile(std::string(5000, 'x')).reference())), Code::kTooLarge);
  EXPECT_EQ(code_of(read_credentials("file:/dev")), Code::kInvalid);
}

TEST(CredentialsTest, ThatOthersMayReadAreRefusedWithTheFix) {
  PrivateFile file("root:secret");
  for (const mode_t mode : {0640, 0604, 0620}) {
    file.chmod(mode);
    const auto read = read_credentials(file.reference());
    ASSERT_EQ(code_of(read), Code::kForbidden) << mode;
    EXPECT_NE(read.error().message.find("chmod 600 " + file.path()), std::string::npos) << read.error().message;
  }
}

TEST(CredentialsTest, InPlaceOfAReferenceAreNotRepeated) {
  const auto read = read_credentials("root:hunter2-Zq9!");
  ASSERT_EQ(code_of(read), Code::kInvalid);
  EXPECT_EQ(read.error().message.find("hunter2"), std::string::npos);
}

TEST(SecretTest, LeavesNothingBehindWhenItMoves) {
  Secret first("short");
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT: that is the question
  EXPECT_EQ(second.hidden_in("a short message, short indeed"), "a … message, … indeed");
}

TEST(BmcAddress, IsHttpsWithoutAnythingThatCouldPassForTheHost) {
  EXPECT_EQ(*bmc_server("https://10.0.0.5/"), "https://10.0.0.5");
  EXPECT_EQ(*bmc_server("https://10.0.0.5:8443/redfish/v1/"), "https://10.0.0.5:8443");
  EXPECT_EQ(*bmc_server("http://127.0.0.1:1"), "http://127.0.0.1:1");
  for (const char* wrong : {"http://10.0.0.5", "10.0.0.5", "https://", "https://bmc@evil", "https://bmc/x", "https://b mc", "https://bmc#x", "ftp://bmc", "https://bmc?x"}) {
    EXPECT_EQ(code_of(bmc_server(wrong)), Code::kInvalid) << wrong;
  }
}

TEST(BmcAddress, LinksStayOnIt) {
  const std::string server = "https://bmc";
  EXPECT_EQ(*path_on(server, "/redfish/v1/Chassis/1/Power#/PowerControl/0"), "/redfish/v1/Chassis/1/Power");
  EXPECT_EQ(*path_on(server, "https://bmc/redfish/v1/"), "/redfish/v1/");
  for (const char* away : {"https://evil/redfish/v1/", "//evil/redfish", "https://bmc.evil/", "https://bmc:8443/", "http://bmc/", "redfish/v1", ""}) {
    EXPECT_EQ(code_of(path_on(server, away)), Code::kForbidden) << away;
  }
  EXPECT_EQ(code_of(path_on(server, "/a\r\nX-Auth-Token: b")), Code::kInvalid);
  EXPECT_EQ(code_of(path_on(server, "/a b")), Code::kInvalid);
}

TEST_F(Links, AreFollowedOnTheSameHostOnly) {
  Service other;
  service.set([&](Faults& faults) { faults.redirect = other.url() + other.host; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kForbidden);
  service.set([](Faults& faults) { faults = {}; });
  service.edit([&](auto& resources) {
    resources.at("/redfish/v1/Systems")["Members"] = json::array{json::object{{"@odata.id", other.url() + other.host}}};
  });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kForbidden);
  // Behind the address of the BMC this would make a user name of it.
  service.edit([&](auto& resources) {
    resources.at("/redfish/v1/Systems")["Members"] = json::array{json::object{{"@odata.id", "@" + other.url().substr(7) + other.host}}};
  });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kForbidden);
  service.edit([&](auto& resources) {
    resources.at("/redfish/v1/Systems")["Members"] = json::array();
    resources.at("/redfish/v1/Systems")["Members@odata.nextLink"] = other.url() + "/redfish/v1/Systems";
  });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kForbidden);
  service.edit([&](auto& resources) {
    resources.at("/redfish/v1/")["Links"] = json::object{{"Sessions", json::object{{"@odata.id", other.url() + "/redfish/v1/SessionService/Sessions"}}}};
  });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kForbidden);
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(Links, AreFollowedToAnotherPathOfTheHost) {
  const std::string moved = "/redfish/v1/Systems/moved";
  service.edit([&](auto& resources) { resources[moved] = resources.at(service.host); });
  service.set([&](Faults& faults) { faults.redirect = moved; });
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
  EXPECT_EQ(service.count("GET " + moved), 1);
}

TEST_F(Limits, HoldForBodiesNestingAndJson) {
  service.set([](Faults& faults) { faults.huge = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kTooLarge);
  service.set([](Faults& faults) { faults = {}, faults.deep = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
  service.set([](Faults& faults) { faults = {}, faults.no_json = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
}

TEST_F(Limits, HoldForCollections) {
  service.set([](Faults& faults) { faults.circle = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kInvalid);
  service.edit([&](auto& resources) {
    json::array members;
    for (int i = 0; i < 501; ++i) members.push_back(json::object{{"@odata.id", service.host}});
    resources.at("/redfish/v1/Systems")["Members"] = std::move(members);
  });
  service.set([](Faults& faults) { faults = {}; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kTooLarge);
  EXPECT_LE(service.count("GET"), 510);
}

TEST_F(Limits, HoldForTheRequestsOfOneOperation) {
  service.edit([](auto& resources) { resources.at("/redfish/v1/Systems")["Members"] = json::array(); });
  service.set([](Faults& faults) { faults.endless = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kTooLarge);
  EXPECT_LE(service.count("GET"), 1000);
}

TEST_F(Faulty, ServicesThatAreSlowOrBreakOffAreToldApart) {
  service.set([](Faults& faults) { faults.slow_ms = 2000; });
  options.request_timeout = milliseconds(100);
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kTimeout);
  options.request_timeout = seconds(20);
  service.set([](Faults& faults) { faults = {}, faults.half = true; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
}

TEST_F(Faulty, ServicesThatAreBusyAreWaitedForAsTheyAsk) {
  service.set([](Faults& faults) { faults.busy = 2, faults.retry_after = "7"; });
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
  EXPECT_EQ(clock.now, seconds(14));
  service.set([](Faults& faults) { faults.busy = 1, faults.retry_after = ""; });
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
  EXPECT_EQ(clock.now, seconds(16));
}

TEST_F(Faulty, ServicesAreNotWaitedForBeyondTheDeadline) {
  service.set([](Faults& faults) { faults.busy = 1000, faults.retry_after = "3000"; });
  const auto power = RedfishClient(options).power_state();
  ASSERT_EQ(code_of(power), Code::kUnavailable);
  EXPECT_NE(power.error().message.find("HTTP status 503: The service is temporarily unavailable."), std::string::npos) << power.error().message;
  EXPECT_EQ(clock.now, Duration{});
  service.set([](Faults& faults) { faults.retry_after = "1"; });
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
  EXPECT_EQ(clock.now, seconds(5));
}

// Everything that can be made to fail is, and everything that is said is looked through.
TEST_F(Faulty, ServicesLearnTheSecretAndNobodyElseDoes) {
  std::string said;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const std::vector<std::function<void(Faults&)>> ways = {
      [](Faults& f) { f.echo = true; },       [](Faults& f) { f.no_sessions = true, f.echo = true; },
      [](Faults& f) { f.tokens_rot = true; }, [](Faults& f) { f.half = true; },
      [](Faults& f) { f.no_json = true; },    [](Faults& f) { f.power_stays = true; },
  };
  for (const auto& way : ways) {
    service.set([&way](Faults& faults) { faults = {}, way(faults); });
    RedfishClient client(options);
    said += text(client.power_state()) + text(client.reset(ResetType::kPowerCycle)) + text(client.inventory()) + text(client.environment()) +
            text(client.set_power_limit(Watts(5000))) + text(client.subscribe("https://penstock.example/events", "x"));
  }
  // A token that the service repeats, behind a session that holds.
  service.set([](Faults& faults) { faults = {}; });
  RedfishClient client(options);
  said += text(client.power_state());
  service.set([](Faults& faults) { faults.echo = true; });
  said += text(client.power_state());
  said += testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("with the password … is not known"), std::string::npos) << said;
  EXPECT_EQ(said.find(kPassword), std::string::npos) << said;
  EXPECT_EQ(said.find(kPassword.substr(0, 8)), std::string::npos) << said;
  EXPECT_EQ(said.find("token-"), std::string::npos) << said;
  EXPECT_EQ(said.find("Basic b3"), std::string::npos) << said;
}

TEST(Tls, IsVerifiedAgainstAuthoritiesOrThePinnedKey) {
  Service service(Service::Flavour::kModern, Service::Wire::kTls);
  const PrivateFile credentials(fmt::format("{}:{}", kUser, kPassword));
  Clock clock;
  RedfishOptions options = options_for(service, credentials, clock);
  options.system = "437XR1138R2";
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
  EXPECT_TRUE(service.requests().empty());
  const PrivateFile authority(service.certificate());
  options.ca_file = authority.path();
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
  options.ca_file.clear();
  options.pinned_key = service.pin();
  EXPECT_EQ(text(RedfishClient(options).power_state()), "ok");
}

TEST(Tls, OfAnotherKeyOrAnotherAuthorityIsRefused) {
  Service service(Service::Flavour::kModern, Service::Wire::kTls), other(Service::Flavour::kModern, Service::Wire::kTls);
  const PrivateFile credentials(fmt::format("{}:{}", kUser, kPassword));
  Clock clock;
  RedfishOptions options = options_for(service, credentials, clock);
  options.pinned_key = other.pin();
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
  options.pinned_key = "something";
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kInvalid);
  options.pinned_key.clear();
  const PrivateFile authority(other.certificate());
  options.ca_file = authority.path();
  EXPECT_EQ(code_of(RedfishClient(options).power_state()), Code::kUnavailable);
  EXPECT_TRUE(service.requests().empty());
}

}  // namespace
}  // namespace penstock
