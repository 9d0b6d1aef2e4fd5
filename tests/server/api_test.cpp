// The promises of the API: keys, versions, pages, watches, a store in trouble, and a document that tells the truth.
#include <future>
#include <sstream>

#include "stack.h"

namespace penstock {
namespace {

std::int64_t position_of(Stack& stack) { return stack.good("operator", "GET", "/v1/jobs?limit=1").at("position").as_int64(); }

std::string apply_body(const std::string& text) {
  return json::serialize(json::object{{"sources", json::array{json::object{{"file", "x.yaml"}, {"text", text}}}}});
}

std::string tenant(const std::string& name, const std::string& more = {}) {
  return fmt::format("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {{name: {}{}}}\nspec: {{displayName: T}}\n", name, more);
}

std::string gang_body(const std::string& name, int replicas, int gpus, const std::string& more = {}) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{{"estimate":"PT1H","groups":[{{"name":"m","replicas":{},"gpus":"{}"{}}}]}}}})", name, replicas, gpus, more);
}

TEST(Gangs, AreResized) {
  Stack stack;
  stack.good("acme-member", "POST", "/v1/jobs", gang_body("acme/llm/a", 2, 8, R"(,"minReplicas":1)"));
  const std::string job = "/v1/jobs/acme/llm/a";
  EXPECT_EQ(stack.good("acme-member", "GET", job).at("status").at("allocation").at("gpus"), "16");
  EXPECT_EQ(stack.bad("acme-member", "POST", job + "/resize", R"({"replicas":3})"), "400 invalid");
  EXPECT_EQ(stack.bad("acme-member", "POST", job + "/resize", R"({"replicas":1,"version":1})"), "409 conflict");
  EXPECT_EQ(stack.bad("acme-viewer", "POST", job + "/resize", R"({"replicas":1})"), "403 forbidden");
  stack.good("acme-member", "POST", job + "/resize", R"({"replicas":1})");
  stack.wait(minutes(2));  // it is stopped and starts again
  const json::value status = stack.good("acme-member", "GET", job).at("status");
  EXPECT_EQ(status.at("allocation").at("gpus"), "8");
  EXPECT_EQ(status.at("phase"), "running");
}

TEST(Gangs, AreShownWithWhatTheyArePromised) {
  Stack stack;
  stack.good("operator", "POST", "/v1/apply", apply_body("apiVersion: penstock/v1\nkind: Project\nmetadata: {name: acme/llm}\nspec: {quota: {gpus: 8}}\n"));
  stack.good("acme-member", "POST", "/v1/jobs", gang_body("acme/llm/small", 1, 4));
  stack.good("acme-member", "POST", "/v1/jobs", gang_body("acme/llm/large", 1, 8));
  const json::object promise = stack.good("acme-viewer", "GET", "/v1/jobs/acme/llm/large").at("status").at("promise").as_object();
  EXPECT_FALSE(promise.contains("site"));  // GPUs of its project, nowhere yet
  EXPECT_EQ(promise.at("nodes"), 0);
  EXPECT_EQ(promise.at("cause"), "its project has 4 of the 8 GPUs that it needs");
  const json::object why = stack.good("acme-viewer", "GET", "/v1/jobs/acme/llm/large/explain");
  EXPECT_FALSE(why.contains("promisedStart"));
  EXPECT_EQ(why.at("causes").at(0).at("reason"), "quota");
}

TEST(Keys, CarryOutOnce) {
  Stack stack;
  const RequestHeaders key{{"idempotency-key", "k1"}};
  const json::object first = stack.submit("acme-member", "acme/llm/a", key);
  const json::object again = stack.submit("acme-member", "acme/llm/a", key);
  EXPECT_FALSE(first.contains("repeated"));
  EXPECT_TRUE(again.at("repeated").as_bool());
  EXPECT_EQ(first.at("changes"), again.at("changes"));
  EXPECT_EQ(stack.good("operator", "GET", "/v1/jobs").at("items").as_array().size(), 1u);
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs", job_body("acme/llm/b"), key), "409 conflict");
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs/acme/llm/a/cancel", {}, key), "409 conflict");
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs", job_body("acme/llm/a")), "409 already-exists");
  // A refusal is not kept: the same key may be tried again once the reason is gone.
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/jobs", job_body("late/llm/a"), {{"idempotency-key", "k2"}}), "404 not-found");
  stack.good("operator", "POST", "/v1/apply", apply_body(tenant("late") + "---\napiVersion: penstock/v1\nkind: Project\nmetadata: {name: late/llm}\nspec: {}\n---\n"
                                                         "apiVersion: penstock/v1\nkind: Contract\nmetadata: {name: late/c}\nspec: {class: spot, pricePerGpuHour: 1 USD}\n"));
  EXPECT_FALSE(stack.submit("operator", "late/llm/a", {{"idempotency-key", "k2"}}).contains("repeated"));
  // A token's secret is given once: the repeat names it only.
  const std::string issue = R"({"name":"x","role":"auditor"})";
  const json::object token = stack.good("operator", "POST", "/v1/tokens", issue, {{"idempotency-key", "k3"}});
  const json::object repeat = stack.good("operator", "POST", "/v1/tokens", issue, {{"idempotency-key", "k3"}});
  EXPECT_EQ(token.at("id"), repeat.at("id"));
  EXPECT_TRUE(token.contains("token"));
  EXPECT_FALSE(repeat.contains("token"));
}

TEST(Versions, AreCompared) {
  Stack stack;
  const json::object job = stack.submit("operator", "acme/llm/a");
  const std::int64_t version = stack.good("operator", "GET", "/v1/jobs/acme/llm/a").at("metadata").at("version").as_int64();
  EXPECT_EQ(stack.bad("operator", "POST", fmt::format("/v1/jobs/acme/llm/a/cancel?version={}", version - 1)), "409 conflict");
  stack.good("operator", "POST", fmt::format("/v1/jobs/acme/llm/a/cancel?version={}", version));
  stack.good("operator", "POST", "/v1/apply", apply_body(tenant("t")));
  const std::int64_t of_tenant = stack.good("operator", "GET", "/v1/tenants/t").at("metadata").at("version").as_int64();
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/apply", apply_body(tenant("t", ", labels: {a: b}, version: 1"))), "409 conflict");
  EXPECT_EQ(stack.bad("operator", "DELETE", "/v1/tenants/t?version=1"), "409 conflict");
  stack.good("operator", "DELETE", fmt::format("/v1/tenants/t?version={}", of_tenant));
  EXPECT_EQ(stack.bad("operator", "DELETE", "/v1/tenants/t"), "404 not-found");
}

TEST(Pages, ShowEachOnce) {
  Stack stack;
  const auto walk = [&](const std::string& path, const char* field) {
    std::map<std::string, int> seen;
    std::string cursor;
    do {
      const json::object page = stack.good("operator", "GET", fmt::format("{}?limit=3{}", path, cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_LE(page.at("items").as_array().size(), 3u);
      for (const json::value& item : page.at("items").as_array()) {
        const json::object& object = item.as_object();
        ++seen[std::string((object.contains("metadata") ? object.at("metadata").at(field) : object.at(field)).as_string())];
      }
      cursor = page.contains("next") ? std::string(page.at("next").as_string()) : "";
    } while (!cursor.empty());
    for (const auto& [name, times] : seen) EXPECT_EQ(times, 1) << name;
    return seen.size();
  };
  for (int i = 0; i < 10; ++i) stack.submit("operator", fmt::format("acme/llm/j{}", i));
  EXPECT_EQ(walk("/v1/jobs", "name"), 10u);
  stack.wait(hours(1) + minutes(1));
  EXPECT_EQ(walk("/v1/archive/jobs", "uid"), 10u);
  EXPECT_EQ(walk("/v1/nodes", "name"), 3u);
  EXPECT_EQ(walk("/v1/tenants", "name"), 2u);
  EXPECT_EQ(walk("/v1/tokens", "id"), 9u);

  std::int64_t after = 0, count = 0;
  for (bool more = true; more;) {
    const json::object page = stack.good("operator", "GET", fmt::format("/v1/events?limit=7&after={}", after));
    for (const json::value& event : page.at("items").as_array()) EXPECT_EQ(event.at("position").as_int64(), ++count);
    more = page.contains("next");
    after = count;
  }
  EXPECT_EQ(count, position_of(stack));
}

TEST(Watches, TellWhatComesAndWhatWasMissed) {
  Stack stack;
  const HttpResponse live = stack.ask("operator", "GET", "/v1/jobs?watch=1");
  ASSERT_EQ(live.content_type, "text/event-stream");
  const std::int64_t before = position_of(stack);
  stack.submit("operator", "acme/llm/a");
  EXPECT_NE(read_until(*live.stream, R"("phase":"running")").find("event: changed"), std::string::npos);
  live.stream->leave();
  const std::int64_t left = position_of(stack);
  stack.submit("operator", "acme/llm/b");
  stack.good("operator", "POST", "/v1/jobs/acme/llm/a/cancel");
  const HttpResponse back = stack.ask("operator", "GET", "/v1/jobs?watch=1", {}, {{"last-event-id", std::to_string(left)}});
  const std::string missed = read_until(*back.stream, "event: position");
  EXPECT_NE(missed.find("acme/llm/b"), std::string::npos);
  EXPECT_NE(missed.find("acme/llm/a"), std::string::npos);
  back.stream->leave();
  // The header counts more than the query, as browsers resume.
  const HttpResponse header = stack.ask("operator", "GET", fmt::format("/v1/jobs?watch=1&from={}", before), {}, {{"last-event-id", std::to_string(position_of(stack))}});
  EXPECT_EQ(read_until(*header.stream, "event: position").find("acme"), std::string::npos);
  header.stream->leave();
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?watch=1&from=x"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs?watch=1", {}, {{"last-event-id", "x"}}), "400 invalid");
}

// A gang of 16 starts, runs and ends in three commits with more than 30 events.
TEST(Watches, TellOfAGangOnceACommit) {
  Stack stack;
  const HttpResponse live = stack.ask("operator", "GET", "/v1/jobs?watch=1");
  stack.good("operator", "POST", "/v1/jobs",
             R"({"metadata":{"name":"acme/llm/gang"},"spec":{"estimate":"PT1H","groups":[{"name":"main","replicas":16,"gpus":"1"}]}})");
  std::string told = read_until(*live.stream, R"("phase":"running")");
  stack.wait(hours(1));
  told += read_until(*live.stream, R"("phase":"succeeded")");
  EXPECT_NE(told.find(R"("phase":"succeeded")"), std::string::npos) << told;
  std::size_t times = 0;
  for (std::size_t at = 0; (at = told.find("event: changed", at)) != std::string::npos; ++at) ++times;
  EXPECT_GE(times, 2u);
  EXPECT_LE(times, 3u);
  live.stream->leave();
}

TEST(Watches, TellApartWhatBearsOneName) {
  Stack stack;
  const std::int64_t before = position_of(stack);
  stack.good("operator", "POST", "/v1/apply", apply_body("apiVersion: penstock/v1\nkind: Project\nmetadata: {name: acme/twin}\nspec: {}\n"));
  stack.good("operator", "POST", "/v1/apply",
             apply_body("apiVersion: penstock/v1\nkind: Contract\nmetadata: {name: acme/twin}\nspec: {class: spot, pricePerGpuHour: 1 USD}\n"));
  const HttpResponse projects = stack.ask("operator", "GET", fmt::format("/v1/projects?watch=1&from={}", before));
  EXPECT_NE(read_until(*projects.stream, "event: position").find("acme/twin"), std::string::npos);
  projects.stream->leave();
}

TEST(Watches, OfEventsBeginWhereAsked) {
  Stack stack;
  stack.submit("operator", "acme/llm/a");
  const HttpResponse all = stack.ask("operator", "GET", "/v1/events?watch=1&after=0");
  const std::string log = read_until(*all.stream, "job.started");
  EXPECT_LT(log.find("id: 1\n"), log.find("job.submitted"));
  const std::int64_t left = position_of(stack);
  all.stream->leave();
  stack.submit("operator", "acme/llm/b");
  const HttpResponse rest = stack.ask("operator", "GET", "/v1/events?watch=1", {}, {{"last-event-id", std::to_string(left)}});
  const std::string missed = read_until(*rest.stream, "job.started");
  EXPECT_TRUE(missed.starts_with(fmt::format("id: {}\n", left + 1))) << missed.substr(0, 200);
  rest.stream->leave();
}

// A server that was started anew knows no changes from before, and says so.
TEST(Watches, SayWhenAPositionIsTooOld) {
  std::atomic<Trouble> none{Trouble::kNone};
  auto journal = std::make_unique<TroubledJournal>(none);
  Time now{1'780'000'000'000'000'000};
  // A life before: three events.
  ASSERT_TRUE(journal->recover().ok());
  Engine engine{Facts{}};
  for (Epoch epoch : {1, 2, 3}) ASSERT_TRUE(engine.execute(TakeLeadership{epoch, "before"}, {now, "server", {}, 0}).ok());
  LogRecord record{1, 3, now, 3, {}};
  for (const EventRecord& event : engine.take_events()) record.data += to_json(event) + "\n";
  ASSERT_TRUE(journal->commit({{record}, {}}).ok());
  Core core({[now] { return now; }, "test"}, std::move(journal));
  ASSERT_TRUE(core.start().ok());
  std::promise<std::pair<bool, bool>> said;
  core.read([&](Core::View& view) {
    const auto old = view.hub.since(2);
    said.set_value({!old.ok() && old.error().code == Code::kGone, view.hub.since(4).ok()});
  });
  EXPECT_EQ(said.get_future().get(), std::pair(true, true));
  core.stop();
}

TEST(Snapshots, AreListedAndReadInPieces) {
  Stack stack;
  const json::object none = stack.good("auditor", "GET", "/v1/snapshots");
  EXPECT_TRUE(none.at("items").as_array().empty());
  EXPECT_EQ(none.at("firstEvent"), 1);
  stack.submit("operator", "acme/llm/a");
  std::promise<Snapshot> taken;
  stack.core->read([&](Core::View& view) {
    Snapshot snapshot{view.state.facts().position, view.now, view.state.hash(), view.state.snapshot()};
    EXPECT_TRUE(view.journal.save_snapshot(snapshot, 0).ok());
    taken.set_value(std::move(snapshot));
  });
  const Snapshot snapshot = taken.get_future().get();
  stack.submit("operator", "acme/llm/b");
  const json::object list = stack.good("auditor", "GET", "/v1/snapshots");
  EXPECT_EQ(list.at("position").as_int64(), position_of(stack));
  const json::object& item = list.at("items").at(0).as_object();
  EXPECT_EQ(item.at("position").as_int64(), static_cast<std::int64_t>(snapshot.position));
  EXPECT_EQ(item.at("stateHash").as_string(), fmt::format("{:016x}", snapshot.state_hash));
  EXPECT_EQ(item.at("size").as_int64(), static_cast<std::int64_t>(snapshot.data.size()));
  const std::string target = fmt::format("/v1/snapshots/{}", snapshot.position);
  std::string read;
  for (bool more = true; more;) {
    const HttpResponse piece = stack.ask("auditor", "GET", fmt::format("{}?limit=1000&offset={}", target, read.size()));
    EXPECT_EQ(piece.status, 200) << piece.body;
    EXPECT_EQ(piece.content_type, "application/octet-stream");
    more = !piece.body.empty();
    read += piece.body;
  }
  EXPECT_EQ(read, snapshot.data);
  EXPECT_EQ(stack.ask("operator", "GET", target).body, snapshot.data.substr(0, 256 << 10));
  EXPECT_EQ(stack.bad("auditor", "GET", "/v1/snapshots/1"), "410 gone");
  EXPECT_EQ(stack.bad("auditor", "GET", "/v1/snapshots/x"), "404 not-found");
  EXPECT_EQ(stack.bad("auditor", "GET", target + "?limit=262145"), "400 invalid");
  EXPECT_EQ(stack.bad("auditor", "GET", target + "?limit=0"), "400 invalid");
  EXPECT_EQ(stack.bad("auditor", "GET", target + "?offset=-1"), "400 invalid");
  EXPECT_EQ(stack.bad("acme-admin", "GET", target), "403 forbidden");
  EXPECT_EQ(stack.bad("node", "GET", "/v1/snapshots"), "403 forbidden");
}

// A page is short in bytes too, and holds the events as they were written.
TEST(Events, ComeAsTheyWereWritten) {
  Stack stack;
  for (int i = 0; i < 5; ++i) stack.submit("operator", fmt::format("acme/llm/j{}", i));
  std::vector<std::string> written;
  std::promise<void> done;
  stack.core->read([&](Core::View& view) {
    EXPECT_TRUE(view.journal.replay(0, [&](const LogRecord& record) {
      std::istringstream lines(record.data);
      for (std::string line; std::getline(lines, line);) written.push_back(line);
      return ok_status();
    }).ok());
    done.set_value();
  });
  done.get_future().get();
  const HttpResponse all = stack.ask("auditor", "GET", "/v1/events?limit=1000");
  EXPECT_EQ(all.body, fmt::format(R"({{"items":[{}],"position":{}}})", fmt::join(written, ","), written.size()));
  const HttpResponse some = stack.ask("auditor", "GET", "/v1/events?limit=2&after=3");
  EXPECT_EQ(some.body, fmt::format(R"({{"items":[{},{}],"next":"5","position":{}}})", written[3], written[4], written.size()));
  EXPECT_EQ(stack.ask("auditor", "GET", fmt::format("/v1/events?after={}", written.size())).body,
            fmt::format(R"({{"items":[],"position":{}}})", written.size()));
  EXPECT_TRUE(from_json_text<EventPage>(some.body).ok());
}

TEST(Store, RefusesWritesWhileItFails) {
  Stack stack;
  stack.submit("operator", "acme/llm/before");
  const std::int64_t before = position_of(stack);
  stack.trouble = Trouble::kRefuse;
  const HttpResponse refused = stack.ask("operator", "POST", "/v1/jobs", job_body("acme/llm/lost"), {{"idempotency-key", "k"}});
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_NE(refused.body.find("no space left"), std::string::npos);
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/jobs/acme/llm/lost"), "404 not-found");
  EXPECT_EQ(position_of(stack), before);
  EXPECT_EQ(stack.good("operator", "GET", "/v1/jobs/acme/llm/before").at("kind"), "Job");
  const HttpResponse ready = stack.ask("", "GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("degraded"), std::string::npos);
  EXPECT_EQ(stack.ask("", "GET", "/healthz").status, 200);
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/tokens", R"({"name":"x","role":"auditor"})"), "503 unavailable");
  stack.wait(seconds(2));
  EXPECT_EQ(stack.ask("", "GET", "/readyz").status, 503);  // it was tried again, in vain

  stack.trouble = Trouble::kNone;
  stack.wait(seconds(2));
  EXPECT_EQ(stack.ask("", "GET", "/readyz").status, 200);
  EXPECT_FALSE(stack.submit("operator", "acme/llm/lost", {{"idempotency-key", "k"}}).contains("repeated"));
}

TEST(Store, MayHaveKeptWhatItSaysItLost) {
  Stack stack;
  const HttpResponse live = stack.ask("operator", "GET", "/v1/jobs?watch=1");
  stack.trouble = Trouble::kKeepAndFail;
  const HttpResponse kept = stack.ask("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"idempotency-key", "k"}});
  EXPECT_EQ(kept.status, 201) << kept.body;
  // Those who watch hear of it although its commit failed.
  EXPECT_NE(read_until(*live.stream, "acme/llm/a").find("acme/llm/a"), std::string::npos);
  live.stream->leave();
  stack.wait(seconds(2));
  EXPECT_TRUE(stack.submit("operator", "acme/llm/a", {{"idempotency-key", "k"}}).at("repeated").as_bool());
  EXPECT_EQ(stack.good("operator", "GET", "/v1/jobs").at("items").as_array().size(), 1u);
}

// While the store cannot even say what it holds, reads go on, and a repeat with the same key settles what became of it.
TEST(Store, ThatCannotBeReadStillLetsReadsGoOn) {
  Stack stack;
  stack.trouble = Trouble::kFailBlind;
  const HttpResponse unsure = stack.ask("operator", "POST", "/v1/jobs", job_body("acme/llm/a"), {{"idempotency-key", "k"}});
  EXPECT_EQ(unsure.status, 503);
  EXPECT_NE(unsure.body.find("not known yet"), std::string::npos) << unsure.body;
  EXPECT_EQ(stack.ask("operator", "GET", "/v1/jobs").status, 200);
  EXPECT_EQ(stack.ask("operator", "POST", "/v1/jobs", job_body("acme/llm/b")).status, 503);
  EXPECT_EQ(stack.ask("", "GET", "/readyz").status, 503);
  stack.trouble = Trouble::kNone;
  stack.clock += seconds(2).count();
  EXPECT_TRUE(stack.submit("operator", "acme/llm/a", {{"idempotency-key", "k"}}).at("repeated").as_bool());
}

void each_ref(const json::value& value, const std::function<void(std::string_view)>& found) {
  if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      if (key == "$ref" && member.is_string()) found(std::string(member.as_string()));
      each_ref(member, found);
    }
  } else if (const auto* array = value.if_array()) {
    for (const json::value& item : *array) each_ref(item, found);
  }
}

TEST(OpenApi, TellsOfEveryOperation) {
  Stack stack;
  auto parsed = parse_json(stack.ask("", "GET", "/openapi.json").body);
  ASSERT_TRUE(parsed.ok());
  const json::value& document = *parsed;
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  std::set<std::string> ids;
  for (const Operation& operation : stack.api->operations()) {
    std::string verb(operation.method);
    for (char& c : verb) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const json::value* entry = nullptr;
    if (const json::value* path = document.at("paths").as_object().if_contains(operation.pattern)) entry = path->as_object().if_contains(verb);
    ASSERT_NE(entry, nullptr) << operation.id;
    EXPECT_EQ(std::string_view(entry->at("operationId").as_string()), operation.id);
    EXPECT_TRUE(ids.insert(std::string(operation.id)).second) << operation.id;
    const json::object& responses = entry->at("responses").as_object();
    EXPECT_TRUE(responses.contains(std::to_string(operation.status)) && responses.contains("4XX") && responses.contains("5XX")) << operation.id;
    EXPECT_EQ(entry->as_object().contains("requestBody"), !operation.body_type.empty()) << operation.id;
    std::set<std::string> documented;
    if (const json::value* parameters = entry->as_object().if_contains("parameters")) {
      for (const json::value& parameter : parameters->as_array()) {
        if (const json::value* name = parameter.as_object().if_contains("name")) documented.insert(std::string(name->as_string()));
      }
    }
    for (const QueryParameter& query : operation.query) EXPECT_TRUE(documented.contains(std::string(query.name))) << operation.id << " " << query.name;
    EXPECT_EQ(entry->at("security").as_array().empty(), operation.right == Right::kNone) << operation.id;
  }
  std::size_t count = 0;
  for (const auto& [path, verbs] : document.at("paths").as_object()) count += verbs.as_object().size();
  EXPECT_EQ(count, ids.size());
  each_ref(document, [&](std::string_view ref) {
    ASSERT_TRUE(ref.starts_with("#/")) << ref;
    boost::system::error_code missing;
    EXPECT_NE(document.find_pointer(std::string(ref.substr(1)), missing), nullptr) << ref;
  });
}

}  // namespace
}  // namespace penstock
