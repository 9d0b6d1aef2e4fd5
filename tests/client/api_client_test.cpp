// The client against a server of a few lines that says exactly what each test wants it to say.
#include "client/api_client.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/problem.h"
#include "support/tiny_server.h"

namespace penstock {
namespace {

ApiClient client_of(const std::string& url) {
  ApiClientOptions options;
  options.server = url;
  options.token = "secret-token";
  return ApiClient(options);
}

std::string header_of(const std::string& request, std::string_view name) {
  const std::size_t at = request.find(fmt::format("\r\n{}: ", name));
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

struct Thing {
  std::int32_t number = 0;
  static constexpr auto schema() {
    return object("Thing", "A thing.", field("number", &Thing::number, required, "its number"));
  }
};

TEST(ApiClient, TypedCallsOverOneConnection) {
  TinyServer server(
      [](const std::string&) { return http_reply(200, R"({"number":7})", "application/json", "X-Odd: Yes\r\n"); });
  ApiClient client = client_of(server.url() + "/");
  for (int i = 0; i < 3; ++i) {
    auto thing = client.get<Thing>("/v1/things/a");
    ASSERT_TRUE(thing.ok()) << to_string(thing.error());
    EXPECT_EQ(thing->number, 7);
  }
  auto made = client.post<Thing>("/v1/things", Thing{9});
  ASSERT_TRUE(made.ok());
  auto raw = client.request("DELETE", "/v1/things/a");
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(raw->headers["x-odd"], "Yes");
  EXPECT_EQ(server.connections(), 1);

  const auto requests = server.requests();
  EXPECT_EQ(requests[0].substr(0, 25), "GET /v1/things/a HTTP/1.1");
  EXPECT_EQ(header_of(requests[0], "authorization"), "Bearer secret-token");
  EXPECT_EQ(header_of(requests[0], "idempotency-key"), "");
  EXPECT_EQ(header_of(requests[3], "content-type"), "application/json");
  EXPECT_NE(requests[3].find("\r\n\r\n{\"number\":9}"), std::string::npos);
  EXPECT_EQ(requests[4].substr(0, 7), "DELETE ");
  EXPECT_EQ(header_of(requests[4], "idempotency-key").size(), 32u);
  EXPECT_NE(header_of(requests[3], "idempotency-key"), header_of(requests[4], "idempotency-key"));
}

TEST(ApiClient, KeepsAGivenKeyAndContentType) {
  TinyServer server([](const std::string&) { return http_reply(200, "{}"); });
  ApiClient client = client_of(server.url());
  ASSERT_TRUE(client.request("POST", "/x", "raw", {{"idempotency-key", "mine"}, {"content-type", "text/plain"}}).ok());
  const auto requests = server.requests();
  EXPECT_EQ(header_of(requests[0], "idempotency-key"), "mine");
  EXPECT_EQ(header_of(requests[0], "content-type"), "text/plain");
}

TEST(ApiClient, AHeaderCannotSmuggleAnother) {
  TinyServer server([](const std::string&) { return http_reply(200, "{}"); });
  ApiClient client = client_of(server.url());
  auto refused = client.request("GET", "/x", {}, {{"x-a", "b\r\nx-evil: 1"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_TRUE(server.requests().empty());
}

TEST(ApiClient, AProblemBecomesTheErrorItWas) {
  Error error = make_error(Code::kFailedPrecondition, "the node is cordoned", "spec.nodes[0]");
  error.file = "site.yaml";
  error.line = 3;
  error.column = 5;
  error.also.push_back(make_error(Code::kFailedPrecondition, "and another", "spec.x"));
  const std::string body = to_json(to_problem(error));
  TinyServer server(
      [&](const std::string&) { return http_reply(409, body, "application/problem+json; charset=utf-8"); });
  ApiClient client = client_of(server.url());
  auto refused = client.get<Thing>("/v1/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error(), error);
}

TEST(ApiClient, AnErrorWithoutAProblemIsStillASentence) {
  TinyServer server([](const std::string&) { return http_reply(502, "<h1>Bad gateway</h1>", "text/html"); });
  ApiClient client = client_of(server.url());
  auto refused = client.request("GET", "/v1/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().message, "the server answered with HTTP status 502: <h1>Bad gateway</h1>");
}

TEST(ApiClient, AnAnswerOfTheWrongShapeIsNamed) {
  TinyServer server([](const std::string&) { return http_reply(200, R"({"numbr":7})"); });
  ApiClient client = client_of(server.url());
  auto thing = client.get<Thing>("/v1/things/a");
  ASSERT_FALSE(thing.ok());
  EXPECT_EQ(thing.error().code, Code::kInternal);
  EXPECT_EQ(thing.error().message,
            "the server's answer to GET /v1/things/a is not understood: 'number' is missing: its number");
}

TEST(ApiClient, RefusedConnection) {
  std::string url;
  {
    TinyServer gone([](const std::string&) { return std::string(); });
    url = gone.url();
  }
  ApiClient client = client_of(url);
  auto refused = client.get<Thing>("/v1/x");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().message, "cannot reach the Penstock server at " + url + ": connection refused");
}

TEST(ApiClient, NotAnAddress) {
  for (const char* address : {"ftp://127.0.0.1", "file:///etc", ""}) {
    ApiClient client = client_of(address);
    auto refused = client.request("GET", "/v1/x");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kInvalid) << address;
  }
}

TEST(ApiClient, ASilentServerTimesOut) {
  TinyServer server([](const std::string&) { return std::string(); });
  ApiClient client = client_of(server.url());
  client.set_timeout(milliseconds(150));
  auto late = client.request("GET", "/v1/x");
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_EQ(late.error().message, "the Penstock server at " + server.url() + " did not answer within PT0.15S");
}

TEST(ApiClient, ABrokenConnectionIsUnavailable) {
  TinyServer server([](const std::string&) {
    return std::string("HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf");
  });
  ApiClient client = client_of(server.url());
  auto broken = client.request("GET", "/v1/x");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Code::kUnavailable);
}

TEST(ApiClient, AnAnswerHasALimit) {
  TinyServer server([](const std::string&) { return http_reply(200, std::string(5000, 'x')); });
  ApiClientOptions options;
  options.server = server.url();
  options.max_response = 4096;
  ApiClient client(options);
  auto over = client.request("GET", "/v1/x");
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, Code::kTooLarge);
}

TEST(ApiClient, ARedirectIsNotFollowed) {
  TinyServer elsewhere([](const std::string&) { return http_reply(200, "{}"); });
  TinyServer server([&](const std::string&) {
    return http_reply(307, "", "text/plain", "Location: " + elsewhere.url() + "/steal\r\n");
  });
  ApiClient client = client_of(server.url());
  EXPECT_FALSE(client.request("POST", "/v1/x", "{}").ok());
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(ApiClient, CancelEndsTheRunningCallOrTheNext) {
  TinyServer server([](const std::string&) { return std::string(); });
  ApiClient client = client_of(server.url());
  const auto began = std::chrono::steady_clock::now();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.cancel();
  });
  auto cancelled = client.request("GET", "/v1/x");
  other.join();
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500));

  client.cancel();
  EXPECT_FALSE(client.request("GET", "/v1/x").ok());
}

TEST(ApiClient, StreamsBytesUntilToldToStop) {
  TinyServer server([](const std::string&) {
    return std::string("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n") + std::string(100'000, 'a') + "END";
  });
  ApiClient client = client_of(server.url());
  std::size_t seen = 0;
  ASSERT_TRUE(client.stream("/v1/log", [&](std::string_view bytes) { return seen += bytes.size(), true; }).ok());
  EXPECT_EQ(seen, 100'003u);
  std::size_t pieces = 0;
  ASSERT_TRUE(client.stream("/v1/log", [&](std::string_view) { return ++pieces, false; }).ok());
  EXPECT_EQ(pieces, 1u);
}

TEST(ApiClient, AStreamThatIsRefusedIsAnError) {
  const std::string body = to_json(to_problem(make_error(Code::kNotFound, "no such job")));
  TinyServer server([&](const std::string&) { return http_reply(404, body, kProblemType); });
  ApiClient client = client_of(server.url());
  bool called = false;
  auto refused = client.stream("/v1/log", [&](std::string_view) { return called = true; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kNotFound);
  EXPECT_FALSE(called);
}

TEST(ApiClient, WatchesEvents) {
  TinyServer server([](const std::string&) {
    return std::string("HTTP/1.1 200 X\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n") +
           "id: 5\nevent: change\ndata: {}\n\n: ping\n\nid: 6\ndata: x\n\n";
  });
  ApiClient client = client_of(server.url());
  std::vector<SseEvent> events;
  ASSERT_TRUE(client
                  .watch(
                      "/v1/jobs?watch=1", [&](const SseEvent& e) { return events.push_back(e), true; }, "4")
                  .ok());
  EXPECT_EQ(events, (std::vector<SseEvent>{{"5", "change", "{}"}, {"6", "", "x"}}));
  EXPECT_EQ(header_of(server.requests()[0], "last-event-id"), "4");
}

TEST(Problem, EveryCodeHasAStatusAndComesBack) {
  for (const auto& entry : enum_names(Code{})) {
    const Problem problem = to_problem(make_error(entry.value, "why"));
    EXPECT_EQ(problem.status, http_status(entry.value));
    EXPECT_GE(problem.status, 400);
    auto again = from_json_text<Problem>(to_json(problem));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(to_error(*again), make_error(entry.value, "why"));
  }
}

TEST(UrlEncode, LeavesOnlyWhatIsSafe) { EXPECT_EQ(url_encode("a/b c&d~é"), "a%2Fb%20c%26d~%C3%A9"); }

}  // namespace
}  // namespace penstock
