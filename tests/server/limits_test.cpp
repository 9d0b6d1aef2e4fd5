// Attacks on the HTTP front: each limit cuts the one who breaks it, and the others are served on.
#include <chrono>

#include "stack.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

HttpOptions tight() {
  HttpOptions options;
  options.threads = 2;
  options.most_header = 2048;
  options.most_body = 4096;
  options.request_time = milliseconds(300);
  options.idle_time = milliseconds(600);
  options.write_time = milliseconds(300);
  options.stream_pause = milliseconds(100);
  return options;
}

class Limits : public testing::Test {
 protected:
  Limits() { stack.listen(tight()); }

  std::string request(const std::string& method, const std::string& target, const std::string& body = {}) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}", method, target,
                       stack.token("operator"), body.size(), body);
  }
  // What a new connection gets for these bytes, up to the end of the connection or of patience.
  std::string answer(std::string_view bytes, std::chrono::milliseconds patience = 3s) {
    RawPeer peer(stack.port());
    peer.say(bytes);
    return peer.hear({}, patience);
  }
  void served() {
    RawPeer peer(stack.port());
    peer.say(request("GET", "/v1/whoami"));
    EXPECT_NE(peer.hear("operator").find("200 OK"), std::string::npos);
  }

  Stack stack;
};

testing::AssertionResult is_problem(const std::string& answer, int status, std::string_view code) {
  const bool right = answer.starts_with(fmt::format("HTTP/1.1 {}", status)) && answer.find(kProblemType) != std::string::npos &&
                     answer.find(fmt::format(R"("code":"{}")", code)) != std::string::npos;
  return right ? testing::AssertionSuccess() : testing::AssertionFailure() << "got: " << answer;
}

TEST_F(Limits, RefusesALargeBody) {
  EXPECT_TRUE(is_problem(answer(request("POST", "/v1/jobs", std::string(4097, ' '))), 413, "too-large"));
  // Told by its length before it is sent, and found out when there is no length.
  EXPECT_TRUE(is_problem(answer("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), 413, "too-large"));
  EXPECT_TRUE(is_problem(answer("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1800\r\n" + std::string(0x1800, ' ') + "\r\n0\r\n\r\n"),
                         413, "too-large"));
  served();
}

// The sender of a body that is refused goes on writing; it must still be able to read why.
TEST_F(Limits, TellsTheSenderOfALargeBodyWhy) {
  RawPeer peer(stack.port());
  peer.say(request("POST", "/v1/jobs", std::string(1 << 20, ' ')));
  EXPECT_TRUE(is_problem(peer.hear({}, 3s), 413, "too-large"));
}

TEST_F(Limits, RefusesLargeHeaders) {
  EXPECT_TRUE(is_problem(answer("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + std::string(3000, 'x') + "\r\n\r\n"), 413, "too-large"));
  EXPECT_TRUE(is_problem(answer("GET /" + std::string(3000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 413, "too-large"));
  served();
}

TEST_F(Limits, RefusesWhatIsNotHttp) {
  for (const std::string_view bytes : {"\x16\x03\x01\x02hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
                                       "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                       "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_TRUE(is_problem(answer(bytes), 400, "invalid")) << bytes;
  }
  served();
}

TEST_F(Limits, CutsASlowRequest) {
  RawPeer slow(stack.port());
  const auto began = std::chrono::steady_clock::now();
  slow.say("GET /healthz HTTP/1.1\r\nX: ");
  while (slow.say("x") && !slow.cut(50ms)) ASSERT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 250ms);
  RawPeer half(stack.port());
  half.say("POST /v1/jobs HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_TRUE(half.cut(3s));
  RawPeer mute(stack.port());
  EXPECT_TRUE(mute.cut(3s));
  served();
}

TEST_F(Limits, CutsASlowReader) {
  // An answer larger than what both kernels hold for a peer that does not read.
  RawPeer peer(stack.port(), 4096);
  const std::string one = request("GET", "/openapi.json");
  const auto began = std::chrono::steady_clock::now();
  while (peer.say(one) && !peer.cut(0ms)) {
    if (std::chrono::steady_clock::now() - began > 20s) FAIL() << "a peer that never reads is served for ever";
  }
  EXPECT_TRUE(peer.cut(1s)) << "a peer that never reads keeps its connection";
  served();
}

TEST_F(Limits, CutsASlowReaderOfAStream) {
  RawPeer slow(stack.port(), 4096);
  slow.say(request("GET", "/v1/events?watch=1&after=0"));
  slow.hear("HTTP/1.1 200");
  RawPeer quick(stack.port());
  quick.say(request("GET", "/v1/events?watch=1&after=0"));
  quick.hear("event:");
  for (int round = 0; round < 400; ++round) {
    json::array items;
    for (int i = 0; i < 100; ++i) items.push_back(json::parse(job_body(fmt::format("acme/llm/j{}-{}", round, i))));
    stack.good("operator", "POST", "/v1/jobs/batch", json::serialize(json::object{{"items", std::move(items)}}));
    quick.hear(fmt::format("acme/llm/j{}-99\"", round), 2s);
  }
  // What the kernels hold can still be read; behind it the connection has ended.
  std::this_thread::sleep_for(500ms);
  slow.hear({}, 5s);
  EXPECT_TRUE(slow.cut(0ms));
  served();
}

// More than the kernels hold for a peer that does not read, and less than a stream holds for it: time is up first.
TEST_F(Limits, CutsAReaderOfAStreamThatStands) {
  RawPeer slow(stack.port(), 4096);
  slow.say(request("GET", "/v1/events?watch=1&after=0"));
  slow.hear("HTTP/1.1 200");
  RawPeer quick(stack.port());
  quick.say(request("GET", "/v1/events?watch=1&after=0"));
  quick.hear("event:");
  constexpr std::size_t kEnough = 7 << 20;
  static_assert(kEnough < ByteStream::kMostUnread);
  std::size_t told = 0;
  for (int round = 0; told < kEnough; ++round) {
    json::array items;
    for (int i = 0; i < 100; ++i) items.push_back(json::parse(job_body(fmt::format("acme/llm/j{}-{}", round, i))));
    stack.good("operator", "POST", "/v1/jobs/batch", json::serialize(json::object{{"items", std::move(items)}}));
    told += quick.hear(fmt::format("acme/llm/j{}-99\"", round), 2s).size();
  }
  for (const auto began = std::chrono::steady_clock::now();; std::this_thread::sleep_for(20ms)) {
    const std::string text = stack.ask("operator", "GET", "/metrics").body;
    if (text.find(R"(penstock_http_refused_total{limit="slow-reader"} 1)") != std::string::npos) break;
    ASSERT_LT(std::chrono::steady_clock::now() - began, 5s) << text.substr(0, 2000);
  }
}

TEST(Streams, HoldSoMuchForAReaderAndThenLetGoOfIt) {
  ByteStream stream;
  const std::string piece(1 << 20, 'x');
  for (std::size_t held = 0; held + piece.size() <= ByteStream::kMostUnread; held += piece.size()) EXPECT_TRUE(stream.push(piece));
  EXPECT_FALSE(stream.left());
  EXPECT_FALSE(stream.push("x"));
  EXPECT_TRUE(stream.left());
  int left = 0;
  stream.on_left([&] { ++left; });
  EXPECT_EQ(left, 1);
  EXPECT_FALSE(stream.push("x"));
}

// A watcher that is gone is noticed, so that its connection does not count for ever.
TEST_F(Limits, ForgetsAWatcherThatLeft) {
  {
    RawPeer watcher(stack.port());
    watcher.say(request("GET", "/v1/jobs?watch=1"));
    EXPECT_NE(watcher.hear(": still here").find("event: position"), std::string::npos);
  }
  for (const auto began = std::chrono::steady_clock::now();; std::this_thread::sleep_for(20ms)) {
    const std::string text = stack.ask("operator", "GET", "/metrics").body;
    if (text.find("penstock_http_connections 0\n") != std::string::npos) break;
    ASSERT_LT(std::chrono::steady_clock::now() - began, 5s) << text.substr(0, 2000);
  }
}

TEST(LimitsOfConnections, HoldForOnePeerAndForAll) {
  for (const bool of_peer : {true, false}) {
    Stack stack;
    HttpOptions options = tight();
    options.idle_time = seconds(60);
    (of_peer ? options.most_per_peer : options.most_connections) = 3;
    stack.listen(options);
    const std::string alive = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 3; ++i) {
      peers.push_back(std::make_unique<RawPeer>(stack.port()));
      peers.back()->say(alive);
      EXPECT_NE(peers.back()->hear("ok").find("200 OK"), std::string::npos);
    }
    RawPeer fourth(stack.port());
    EXPECT_TRUE(fourth.cut(3s));
    peers.front()->say(alive);
    EXPECT_NE(peers.front()->hear("ok").find("200 OK"), std::string::npos);
    peers.pop_back();
    bool admitted = false;
    for (int i = 0; i < 100 && !admitted; ++i) {
      RawPeer again(stack.port());
      again.say(alive);
      admitted = again.hear("ok", 1s).find("200 OK") != std::string::npos;
    }
    EXPECT_TRUE(admitted);
  }
}

TEST_F(Limits, KeepsAConnectionAndItsPipeline) {
  RawPeer peer(stack.port());
  peer.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string both = peer.hear("\"api\"");
  EXPECT_LT(both.find("\"status\":\"ok\""), both.find("\"api\":\"v1\""));
}

// Whoever waits when the server ends is let go in the right order.
TEST(Stopping, LetsGoOfAllWhoWait) {
  auto stack = std::make_unique<Stack>();
  stack->listen({});
  const json::object welcome = stack->good(
      "node", "POST", "/v1/agents/register",
      R"({"node":"lab/h1/k1/n1","address":"127.0.0.1","agentVersion":"1","bootId":"b","deviceVendor":"nvidia","deviceModel":"h200",)"
      R"("deviceCount":8,"cpu":"64","memory":"512GiB","powerSource":"model"})");
  const std::string node(welcome.at("token").as_string());
  const auto sync = [&](const json::value& revision, const char* wait) {
    return fmt::format(R"({{"registration":{},"epoch":1,"revision":{},"wait":"{}"}})", json::serialize(welcome.at("registration")),
                       json::serialize(revision), wait);
  };
  const json::value revision = stack->good(node, "POST", "/v1/agents/sync", sync(0, "PT0S")).at("revision");
  const std::string body = sync(revision, "PT30S");
  RawPeer agent(stack->port()), watcher(stack->port()), half(stack->port());
  agent.say(fmt::format("POST /v1/agents/sync HTTP/1.1\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{}", node, body.size(), body));
  watcher.say(fmt::format("GET /v1/jobs?watch=1 HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n", stack->token("operator")));
  half.say("GET /");
  EXPECT_NE(watcher.hear("event: position").find("200 OK"), std::string::npos);
  EXPECT_FALSE(agent.cut(100ms));
  stack.reset();
  EXPECT_TRUE(agent.cut(1s) && watcher.cut(1s) && half.cut(1s));
}

TEST(Targets, AreCheckedBeforeAnythingElse) {
  Stack stack;
  EXPECT_EQ(stack.bad("", "GET", "/nowhere"), "404 not-found");
  EXPECT_EQ(stack.bad("", "GET", ""), "400 invalid");
  EXPECT_EQ(stack.bad("", "GET", "*"), "400 invalid");
  for (const char* target : {"/v1/jobs/%", "/v1/jobs/%4", "/v1/jobs/%zz", "/v1/jobs/a%00b", "/%ff%"}) {
    EXPECT_EQ(stack.bad("operator", "GET", target), "400 invalid") << target;
  }
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?limit=%4"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?limit=1&limit=2"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?colour=red"), "400 invalid");
  for (const char* limit : {"0", "1001", "-1", "1e3", "99999999999999999999", ""}) {
    EXPECT_EQ(stack.bad("operator", "GET", fmt::format("/v1/jobs?limit={}", limit)), "400 invalid") << limit;
  }
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?cursor=nonsense"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?phase=sleepy"), "400 invalid");
  // An escaped slash is part of a name, not a border of segments.
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/sites/a%2Fb"), "404 not-found");

  const HttpResponse wrong = stack.ask("operator", "PUT", "/v1/sites/north");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers, (std::vector<std::pair<std::string, std::string>>{{"Allow", "GET, DELETE"}}));
}

TEST(Bodies, AreCheckedWithTheirPlace) {
  Stack stack;
  const std::string deep = R"({"metadata":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", deep), "413 too-large");
  for (const char* body : {"", "null", "[]", "{", R"({"metadata":{"name":"acme/llm/a"}})", "\xff\xfe", R"({"a":1,"a":2})"}) {
    EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", body), "400 invalid") << body;
  }
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"content-type", "text/plain"}}), "400 invalid");
  const HttpResponse typo = stack.ask("operator", "POST", "/v1/jobs", R"({"metadata":{"name":"acme/llm/a"},"spec":{"groops":[]}})");
  EXPECT_EQ(typo.status, 400);
  EXPECT_NE(typo.body.find("spec.groops"), std::string::npos) << typo.body;
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"idempotency-key", ""}}), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"idempotency-key", std::string(201, 'k')}}), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"idempotency-key", "caf\xc3\xa9"}}), "400 invalid");
  // A validity that would end after the end of time.
  for (const char* validity : {"P100000D", "PT0S"}) {
    EXPECT_EQ(stack.bad("operator", "POST", "/v1/tokens", fmt::format(R"({{"name":"x","role":"auditor","validFor":"{}"}})", validity)), "400 invalid");
  }
}

}  // namespace
}  // namespace penstock
