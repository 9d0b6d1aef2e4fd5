// Who may do what: tokens, roles, and the walls between tenants.
#include <algorithm>

#include "stack.h"

namespace penstock {
namespace {

TEST(Tokens, MustBeKnownWholeAndInTime) {
  Stack stack;
  const HttpResponse none = stack.ask("", "GET", "/v1/whoami");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.headers, (std::vector<std::pair<std::string, std::string>>{{"WWW-Authenticate", "Bearer"}}));
  const std::string good = stack.token("auditor");
  std::string last_digit = good;
  last_digit.back() = last_digit.back() == '0' ? '1' : '0';
  for (const std::string& token : {std::string("x"), std::string("pst_"), good.substr(0, good.size() - 1), good + "0", last_digit, std::string(good.size(), '_')}) {
    EXPECT_EQ(stack.bad(token, "GET", "/v1/whoami"), "401 unauthenticated") << token;
  }
  EXPECT_EQ(stack.bad("", "GET", "/v1/whoami", {}, {{"authorization", "Basic " + good}}), "401 unauthenticated");

  const json::object issued = stack.good("operator", "POST", "/v1/tokens", R"({"name":"short","role":"auditor","validFor":"PT1H"})");
  const std::string text(issued.at("token").as_string());
  EXPECT_EQ(stack.good(text, "GET", "/v1/whoami").at("name"), "short");
  stack.wait(minutes(59));
  EXPECT_EQ(stack.ask(text, "GET", "/v1/whoami").status, 200);
  stack.wait(minutes(1));
  EXPECT_EQ(stack.bad(text, "GET", "/v1/whoami"), "401 unauthenticated");

  const json::object other = stack.good("operator", "POST", "/v1/tokens", R"({"name":"gone","role":"operator"})");
  const std::string gone(other.at("token").as_string());
  EXPECT_EQ(stack.ask(gone, "GET", "/v1/whoami").status, 200);
  stack.good("operator", "DELETE", "/v1/tokens/" + std::string(other.at("id").as_string()));
  EXPECT_EQ(stack.bad(gone, "GET", "/v1/whoami"), "401 unauthenticated");
}

TEST(Tenants, CannotTellAForeignObjectFromNone) {
  Stack stack;
  stack.submit("rival-member", "rival/llm/secret");
  stack.submit("acme-member", "acme/llm/own");
  struct Try {
    std::string method, foreign, none, body;
  };
  const std::string job = "/v1/jobs/rival/llm/secret", no_job = "/v1/jobs/rival/llm/absent";
  for (const Try& t : std::vector<Try>{{"GET", "/v1/tenants/rival", "/v1/tenants/nobody", ""},
                                       {"GET", "/v1/projects/rival/llm", "/v1/projects/rival/none", ""},
                                       {"GET", "/v1/contracts/rival/main", "/v1/contracts/rival/none", ""},
                                       {"GET", job, no_job, ""},
                                       {"POST", job + "/cancel", no_job + "/cancel", ""},
                                       {"GET", job + "/explain", no_job + "/explain", ""},
                                       {"POST", job + "/power", no_job + "/power", ""},
                                       {"POST", job + "/hold", no_job + "/hold", ""},
                                       {"POST", job + "/release", no_job + "/release", ""},
                                       {"POST", job + "/suspend", no_job + "/suspend", ""},
                                       {"POST", job + "/resize", no_job + "/resize", ""},
                                       {"GET", job + "/logs", no_job + "/logs", ""},
                                       {"GET", job + "/logs?rank=7", no_job + "/logs?rank=7", ""},
                                       {"POST", job + "/cancel?version=1", no_job + "/cancel?version=1", ""},
                                       {"GET", "/v1/archive/jobs?tenant=rival", "/v1/archive/jobs?tenant=nobody", ""}}) {
    const HttpResponse foreign = stack.ask("acme-admin", t.method, t.foreign);
    const HttpResponse none = stack.ask("acme-admin", t.method, t.none);
    EXPECT_EQ(foreign.status, 404) << t.foreign << foreign.body;
    const auto last = [](const std::string& target) {
      const std::string path = target.substr(0, target.find('?'));
      const bool of_job = std::count(path.begin(), path.end(), '/') > 5;
      return of_job ? path.substr(0, path.rfind('/')) : path;
    };
    // The same words but for the name that was asked for.
    const auto neutral = [&](std::string text, const std::string& target) {
      std::string name = target.find("tenant=") != std::string::npos ? target.substr(target.find('=') + 1) : last(target).substr(1);
      if (name.starts_with("v1/")) name = name.substr(name.find('/', 3) + 1);
      for (std::size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, name.size(), "*");
      return text;
    };
    EXPECT_EQ(neutral(foreign.body, t.foreign), neutral(none.body, t.none));
    EXPECT_EQ(foreign.headers, none.headers);
  }
  EXPECT_EQ(stack.good("rival-viewer", "GET", job).at("status").at("phase"), "running");

  const auto submitted = [&](const std::string& name, const std::string& contract) {
    const std::string body = fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{{"contract":"{}","groups":[{{"name":"m","replicas":1,"gpus":"1"}}]}}}})", name, contract);
    return stack.ask("acme-member", "POST", "/v1/jobs", body);
  };
  EXPECT_EQ(submitted("rival/llm/mine", "rival/main").status, 404);
  EXPECT_EQ(submitted("rival/llm/mine", "rival/main").body, submitted("rival/llm/secret", "rival/main").body);
  const HttpResponse foreign_contract = submitted("acme/llm/x", "rival/main");
  EXPECT_GE(foreign_contract.status, 400);
  std::string same = submitted("acme/llm/x", "rival/none").body;
  if (const std::size_t at = same.find("rival/none"); at != std::string::npos) same.replace(at, 10, "rival/main");
  EXPECT_EQ(foreign_contract.body, same);
  // In a batch that is all of one tenant but for one, nothing is submitted.
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs/batch", fmt::format(R"({{"items":[{},{}]}})", job_body("acme/llm/b1"), job_body("rival/llm/b2"))),
            "404 not-found");
  EXPECT_EQ(stack.bad("acme-member", "GET", "/v1/jobs/acme/llm/b1"), "404 not-found");
}

TEST(Tenants, AreAloneInEveryList) {
  Stack stack;
  stack.submit("rival-member", "rival/llm/secret");
  stack.submit("rival-member", "rival/llm/done");
  stack.submit("acme-member", "acme/llm/own");
  stack.good("rival-member", "POST", "/v1/jobs/rival/llm/done/cancel");
  stack.wait(hours(2));  // all end and are billed
  for (const std::string target : {"/v1/tenants", "/v1/projects", "/v1/contracts", "/v1/jobs", "/v1/jobs?tenant=rival", "/v1/jobs?project=rival/llm",
                                   "/v1/jobs?limit=1", "/v1/archive/jobs", "/v1/usage", "/v1/tokens"}) {
    const HttpResponse own = stack.ask("acme-admin", "GET", target);
    EXPECT_EQ(own.status, 200) << target;
    EXPECT_EQ(own.body.find("rival"), std::string::npos) << target << ": " << own.body;
    EXPECT_NE(stack.ask("operator", "GET", target).body.find(target.find("limit") == std::string::npos ? "rival" : "next"), std::string::npos) << target;
  }
  EXPECT_NE(stack.ask("acme-admin", "GET", "/v1/usage").body.find("acme/llm"), std::string::npos);
  EXPECT_NE(stack.ask("acme-admin", "GET", "/v1/archive/jobs").body.find("acme/llm/own"), std::string::npos);
}

TEST(Tenants, WatchOnlyTheirOwn) {
  Stack stack;
  const std::string from = fmt::format("&from={}", stack.good("operator", "GET", "/v1/jobs").at("position").as_int64());
  const HttpResponse live = stack.ask("acme-viewer", "GET", "/v1/jobs?watch=1");
  const HttpResponse contracts = stack.ask("acme-viewer", "GET", "/v1/contracts?watch=1");
  stack.submit("rival-member", "rival/llm/secret");
  stack.good("operator", "POST", "/v1/apply", R"({"sources":[{"file":"x","text":"apiVersion: penstock/v1\nkind: Contract\nmetadata: {name: rival/other}\nspec: {class: spot, pricePerGpuHour: 1 USD}"}]})");
  stack.good("operator", "DELETE", "/v1/contracts/rival/other");
  stack.submit("operator", "acme/llm/own");
  stack.good("operator", "POST", "/v1/apply", R"({"sources":[{"file":"x","text":"apiVersion: penstock/v1\nkind: Contract\nmetadata: {name: acme/other}\nspec: {class: spot, pricePerGpuHour: 1 USD}"}]})");
  const std::string told = read_until(*live.stream, "acme/llm/own") + read_until(*contracts.stream, "acme/other");
  EXPECT_NE(told.find("acme/llm/own"), std::string::npos);
  EXPECT_NE(told.find("acme/other"), std::string::npos);
  EXPECT_EQ(told.find("rival"), std::string::npos) << told;
  const HttpResponse late = stack.ask("acme-viewer", "GET", "/v1/jobs?watch=1" + from);
  const std::string missed = read_until(*late.stream, "event: position");
  EXPECT_NE(missed.find("acme/llm/own"), std::string::npos);
  EXPECT_EQ(missed.find("rival"), std::string::npos) << missed;
  for (const HttpResponse* response : {&live, &contracts, &late}) response->stream->leave();
}

TEST(Tenants, HaveTheirOwnKeys) {
  Stack stack;
  const RequestHeaders key{{"idempotency-key", "k1"}};
  const json::object first = stack.submit("rival-member", "rival/llm/secret", key);
  // The same key from another tenant is another key: neither an answer nor a conflict tells of it.
  const json::object other = stack.submit("acme-member", "acme/llm/own", key);
  EXPECT_FALSE(other.contains("repeated"));
  EXPECT_NE(first.at("changes").at(0).at("uid"), other.at("changes").at(0).at("uid"));
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs", job_body("rival/llm/secret"), {{"idempotency-key", "k1"}}), "404 not-found");
}

TEST(Tenants, ReachNoForeignToken) {
  Stack stack;
  std::string foreign;
  const json::object tokens = stack.good("operator", "GET", "/v1/tokens");
  for (const json::value& token : tokens.at("items").as_array()) {
    if (token.at("name") == "rival-viewer") foreign = std::string(token.at("id").as_string());
    EXPECT_FALSE(token.as_object().contains("hash"));
  }
  const HttpResponse refused = stack.ask("acme-admin", "DELETE", "/v1/tokens/" + foreign);
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(stack.ask("acme-admin", "DELETE", "/v1/tokens/000000000000").status, 404);
  EXPECT_EQ(stack.ask("rival-viewer", "GET", "/v1/whoami").status, 200);
  for (const char* body : {R"({"name":"x","role":"operator"})", R"({"name":"x","role":"auditor"})", R"({"name":"x","role":"node"})",
                           R"({"name":"x","role":"viewer","tenant":"rival"})", R"({"name":"x","role":"tenant-admin","tenant":"rival"})"}) {
    EXPECT_EQ(stack.bad("acme-admin", "POST", "/v1/tokens", body), "403 forbidden") << body;
  }
  EXPECT_EQ(stack.ask("acme-admin", "POST", "/v1/tokens", R"({"name":"x","role":"member","tenant":"acme"})").status, 201);
}

// A stream that was opened with a right does not outlive it.
TEST(Watches, EndWithTheRightToThem) {
  Stack stack;
  const auto apply = [&](const std::string& text) {
    stack.good("operator", "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "x"}, {"text", text}}}}}));
  };
  const auto grant = [&](const std::string& spec) { apply("apiVersion: penstock/v1\nkind: Grant\nmetadata: {name: acme/look}\nspec: " + spec + "\n"); };
  apply("apiVersion: penstock/v1\nkind: Principal\nmetadata: {name: acme/ann}\nspec: {type: user}\n---\n"
        "apiVersion: penstock/v1\nkind: Project\nmetadata: {name: acme/web}\nspec: {}\n");
  grant("{role: viewer, principals: [ann]}");
  const json::object ann = stack.good("operator", "POST", "/v1/tokens", R"({"name":"t","principal":"acme/ann"})");
  const json::object books = stack.good("operator", "POST", "/v1/tokens", R"({"name":"t","role":"auditor"})");
  const auto text_of = [](const json::object& token) { return std::string(token.at("token").as_string()); };
  const HttpResponse jobs = stack.ask(text_of(ann), "GET", "/v1/jobs?watch=1");
  const HttpResponse log = stack.ask(text_of(books), "GET", "/v1/events?watch=1");
  stack.submit("operator", "acme/llm/first");
  EXPECT_NE(read_until(*jobs.stream, "acme/llm/first").find("acme/llm/first"), std::string::npos);
  EXPECT_NE(read_until(*log.stream, "acme/llm/first").find("acme/llm/first"), std::string::npos);
  grant("{role: viewer, project: web, principals: [ann]}");
  stack.submit("operator", "acme/llm/second");
  stack.submit("operator", "acme/web/third");
  const std::string told = read_until(*jobs.stream, "acme/web/third");
  EXPECT_NE(told.find("acme/web/third"), std::string::npos) << told;
  EXPECT_EQ(told.find("acme/llm/second"), std::string::npos) << told;
  for (const json::object* token : {&ann, &books}) stack.good("operator", "DELETE", "/v1/tokens/" + std::string(token->at("id").as_string()));
  read_until(*log.stream, "token.revoked");
  stack.submit("operator", "acme/web/fourth");
  for (const HttpResponse* response : {&jobs, &log}) {
    const std::string after = read_until(*response->stream, "acme/web/fourth");
    EXPECT_EQ(after.find("fourth"), std::string::npos) << after;
    bool over = false;
    response->stream->take(over);
    EXPECT_TRUE(over) << "it was cut";
  }
}

TEST(Nodes, ReachOnlyThemselves) {
  Stack stack;
  const auto hello = [](const std::string& node) {
    return fmt::format(R"({{"node":"{}","address":"127.0.0.1","agentVersion":"1","bootId":"b","deviceVendor":"nvidia","deviceModel":"h200",)"
                       R"("deviceCount":8,"cpu":"64","memory":"512GiB","powerSource":"model"}})", node);
  };
  const json::object welcome = stack.good("node", "POST", "/v1/agents/register", hello("lab/h1/k1/n1"));
  const std::string own(welcome.at("token").as_string());
  EXPECT_EQ(stack.good(own, "GET", "/v1/whoami").at("node"), "lab/h1/k1/n1");
  const std::string sync = fmt::format(R"({{"registration":{},"epoch":1,"revision":0,"wait":"PT0S","tasks":[]}})", json::serialize(welcome.at("registration")));
  EXPECT_EQ(stack.ask(own, "POST", "/v1/agents/sync", sync).status, 200) << stack.ask(own, "POST", "/v1/agents/sync", sync).body;
  EXPECT_EQ(stack.bad("node", "POST", "/v1/agents/sync", sync), "403 forbidden");
  EXPECT_EQ(stack.bad(own, "POST", "/v1/agents/register", hello("north/h1/k1/n1")), "403 forbidden");
  EXPECT_EQ(stack.bad(own, "GET", "/v1/jobs"), "403 forbidden");
  // A node that has seen a later leader takes no orders from this one.
  const std::string later = fmt::format(R"({{"registration":{},"epoch":99,"revision":0,"wait":"PT0S","tasks":[]}})", json::serialize(welcome.at("registration")));
  EXPECT_EQ(stack.bad(own, "POST", "/v1/agents/sync", later), "409 conflict");
  // Registering anew ends the token from before.
  stack.good("node", "POST", "/v1/agents/register", hello("lab/h1/k1/n1"));
  EXPECT_EQ(stack.bad(own, "GET", "/v1/whoami"), "401 unauthenticated");
}

}  // namespace
}  // namespace penstock
