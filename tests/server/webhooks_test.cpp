// Webhooks against a receiver that fails when told to: order, patience, restarts, signatures, and what must not be said.
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "server/server.h"
#include "server/webhooks.h"
#include "stack.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSecret = "a secret of more than twenty-four bytes";

// Answers as told, then 200; keeps every attempt.
class Receiver {
 public:
  WebhookTransport transport() {
    return [this](const WebhookRequest& request) -> Result<int> {
      std::lock_guard lock(mutex_);
      attempts_.push_back(request);
      came_.notify_all();
      if (answers_.empty()) return 200;
      Result<int> answer = answers_.front();
      answers_.pop_front();
      return answer;
    };
  }
  void answer(std::deque<Result<int>> answers) {
    std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
  }
  /// The attempts, once there are `count`.
  std::vector<WebhookRequest> attempts(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 10s, [&] { return attempts_.size() >= count; })) << attempts_.size() << " of " << count;
    return attempts_;
  }
  /// Their ids, once nothing has come for a while.
  std::vector<std::string> ids() {
    std::this_thread::sleep_for(100ms);
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const WebhookRequest& request : attempts_) out.push_back(request.headers.at("webhook-id"));
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Result<int>> answers_;
  std::vector<WebhookRequest> attempts_;
};

// What is logged while it lives. Neither the secret nor the address's path, which may be one too, is ever in it.
class Logged {
 public:
  Logged() {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~Logged() {
    spdlog::set_default_logger(before_);
    EXPECT_FALSE(says(kSecret));
    EXPECT_FALSE(says("/hook"));
  }
  bool says(std::string_view words) const { return text_.str().find(words) != std::string::npos; }

 private:
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
};

class WebhooksTest : public testing::Test {
 protected:
  WebhooksTest() {
    folder_ = (std::filesystem::temp_directory_path() / "penstock-webhooks-XXXXXX").string();
    PENSTOCK_CHECK(mkdtemp(folder_.data()) != nullptr);
    std::ofstream(folder_ + "/secret") << kSecret << "\n";
  }
  ~WebhooksTest() override { std::filesystem::remove_all(folder_); }

  WebhookOptions options() const {
    WebhookOptions out;
    out.url = "https://receiver.example/hook?key=1";
    out.secret_file = folder_ + "/secret";
    out.state_file = folder_ + "/webhook.json";
    out.source = "https://penstock.example";
    out.poll = milliseconds(5);
    out.first_wait = milliseconds(2);
    out.longest_wait = milliseconds(20);
    return out;
  }
  std::unique_ptr<Webhooks> start(WebhookOptions given) {
    auto webhooks = Webhooks::start(*stack_.core, std::move(given), receiver_.transport());
    EXPECT_TRUE(webhooks.ok()) << to_string(webhooks.error());
    return webhooks.ok() ? std::move(*webhooks) : nullptr;
  }
  std::unique_ptr<Webhooks> start() { return start(options()); }
  std::string refused(WebhookOptions given) {
    const auto webhooks = Webhooks::start(*stack_.core, std::move(given), receiver_.transport());
    return webhooks.ok() ? "" : webhooks.error().path;
  }
  // One job that runs for an hour and is billed: one row of usage.
  void use(const std::string& tenant, int jobs = 1) {
    for (int i = 0; i < jobs; ++i) stack_.submit(tenant + "-member", fmt::format("{}/llm/j{}", tenant, ++jobs_));
    stack_.wait(hours(1) + minutes(1));
  }

  Logged log_;  // before and after every thread
  std::string folder_;
  Stack stack_;
  Receiver receiver_;
  int jobs_ = 0;
};

json::object body_of(const WebhookRequest& request) {
  const auto value = parse_json(request.body);
  EXPECT_TRUE(value.ok() && value->is_object()) << request.body;
  return value.ok() && value->is_object() ? value->as_object() : json::object{};
}

TEST_F(WebhooksTest, PostsUsageAsSignedCloudEvents) {
  const auto webhooks = start();
  use("acme");
  const WebhookRequest request = receiver_.attempts(1).front();
  EXPECT_EQ(request.url, options().url);
  EXPECT_EQ(request.headers.at("content-type"), "application/cloudevents+json; charset=utf-8");
  const json::object body = body_of(request);
  EXPECT_EQ(body.at("specversion"), "1.0");
  EXPECT_EQ(body.at("id").as_string(), request.headers.at("webhook-id"));
  EXPECT_EQ(body.at("source"), "https://penstock.example");
  EXPECT_EQ(body.at("type"), "io.penstock.usage.recorded.v1");
  EXPECT_EQ(body.at("subject"), "acme/llm/j1");
  EXPECT_EQ(body.at("datacontenttype"), "application/json");
  EXPECT_TRUE(Text<Time>::parse(std::string_view(body.at("time").as_string())).ok());
  const auto usage = from_json<Usage>(body.at("data"));
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(usage->contract, "acme/main");

  const std::string timestamp = request.headers.at("webhook-timestamp");
  EXPECT_EQ(request.headers.at("webhook-signature"),
            webhook_signature(kSecret, request.headers.at("webhook-id"), std::stoll(timestamp), request.body));
  EXPECT_LE(std::abs(std::stoll(timestamp) - stack_.clock / 1'000'000'000), 2 * 3600);
}

TEST_F(WebhooksTest, SignsAsStandardWebhooksDoes) {
  // Computed apart, with Python's hmac, hashlib and base64.
  EXPECT_EQ(webhook_signature("0123456789abcdef0123456789abcdef", "42", 1'700'000'000, R"({"a":1})"), "v1,X0Vr08vSLjL8GieVRxt1Hre92IEHQBr4LEmAd9tOGlc=");
  EXPECT_EQ(webhook_signature(kSecret, "7", 1, ""), "v1,r7c14J71VkBE4mlpV3BLyFUcE6FnpoEPOQWztclDe14=");
}

TEST_F(WebhooksTest, TakesASecretInItsUsualForm) {
  std::ofstream(folder_ + "/secret") << "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";
  const auto webhooks = start();
  use("acme");
  const WebhookRequest request = receiver_.attempts(1).front();
  EXPECT_EQ(request.headers.at("webhook-signature"), webhook_signature("0123456789abcdef0123456789abcdef", request.headers.at("webhook-id"),
                                                                       std::stoll(request.headers.at("webhook-timestamp")), request.body));
}

TEST_F(WebhooksTest, KeepsTheOrderAndTellsEachOnce) {
  const auto webhooks = start();
  use("acme", 3);
  use("rival", 2);
  receiver_.attempts(5);
  const auto ids = receiver_.ids();
  ASSERT_EQ(ids.size(), 5u);
  for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_LT(std::stoull(ids[i - 1]), std::stoull(ids[i]));
  EXPECT_EQ(webhooks->counters().delivered, 5u);
  EXPECT_EQ(webhooks->counters().failed, 0u);
}

TEST_F(WebhooksTest, TriesAgainUntilItIsAcknowledged) {
  receiver_.answer({500, make_error(Code::kUnavailable, "nobody\nthere"), 302, 429, 204});
  const auto webhooks = start();
  use("acme", 2);
  const auto attempts = receiver_.attempts(6);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(attempts[i].headers.at("webhook-id"), attempts[0].headers.at("webhook-id"));
    EXPECT_EQ(attempts[i].body, attempts[0].body);
  }
  EXPECT_NE(attempts[5].headers.at("webhook-id"), attempts[0].headers.at("webhook-id"));
  EXPECT_EQ(receiver_.ids().size(), 6u);
  EXPECT_EQ(webhooks->counters().failed, 4u);
  EXPECT_EQ(webhooks->counters().delivered, 2u);
  EXPECT_TRUE(log_.says("nobody there"));
}

TEST_F(WebhooksTest, GoesOnWhereItWas) {
  use("acme");  // before the webhook: not told
  {
    const auto webhooks = start();
    use("acme", 2);
    receiver_.attempts(2);
  }
  use("acme", 2);  // told when it is back
  const auto webhooks = start();
  receiver_.attempts(4);
  const auto ids = receiver_.ids();
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 4u);
}

TEST_F(WebhooksTest, TellsAgainOnlyWhatWasNotAcknowledged) {
  receiver_.answer({200, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500});
  {
    const auto webhooks = start();
    use("acme", 2);
    receiver_.attempts(3);
  }
  receiver_.answer({});
  const std::string first = receiver_.attempts(1).front().headers.at("webhook-id");
  const std::size_t before = receiver_.ids().size();
  const auto webhooks = start();
  receiver_.attempts(before + 1);
  const auto ids = receiver_.ids();
  ASSERT_EQ(ids.size(), before + 1);
  EXPECT_NE(ids.back(), first);
}

TEST_F(WebhooksTest, TellsOnlyOfItsTenant) {
  WebhookOptions own = options();
  own.tenant = "rival";
  const auto webhooks = start(own);
  use("acme", 2);
  use("rival");
  use("acme");
  EXPECT_EQ(body_of(receiver_.attempts(1).front()).at("subject"), "rival/llm/j3");
  EXPECT_EQ(receiver_.ids().size(), 1u);
}

TEST_F(WebhooksTest, TellsOnlyOfItsTopics) {
  WebhookOptions few = options();
  few.topics = {WebhookTopic::kBudget, WebhookTopic::kInvoice};
  const auto webhooks = start(few);
  use("acme");
  EXPECT_TRUE(receiver_.ids().empty());
  few.topics.clear();
  EXPECT_EQ(refused(few), "webhook-types");
}

TEST_F(WebhooksTest, TellsTheOperatorOfTheFleetAndNoTenant) {
  WebhookOptions given = options();
  given.topics = {WebhookTopic::kFleet};
  const auto webhooks = start(given);
  WebhookOptions of_tenant = given;
  of_tenant.tenant = "acme";
  of_tenant.state_file = folder_ + "/tenant.json";
  Receiver tenant;
  auto second = Webhooks::start(*stack_.core, of_tenant, tenant.transport());
  ASSERT_TRUE(second.ok());
  use("acme");  // is of another topic
  stack_.good("operator", "POST", "/v1/fleet/stop", R"({"site":"north","reason":"unsteady"})");
  ASSERT_TRUE(execute_and_wait(*stack_.core, LoseNode{"north/h1/k1/n1", "a fault"}, "test").ok());
  ASSERT_TRUE(execute_and_wait(*stack_.core, GiveBackNode{"north/h1/k1/n1"}, "test").ok());
  const std::vector<WebhookRequest> told = receiver_.attempts(3);
  std::vector<std::string> types;
  for (const WebhookRequest& request : told) types.emplace_back(body_of(request).at("type").as_string());
  EXPECT_EQ(types, (std::vector<std::string>{"io.penstock.breaker.opened.v1", "io.penstock.incident.opened.v1", "io.penstock.incident.closed.v1"}));
  EXPECT_EQ(body_of(told[0]).at("subject"), "north");
  EXPECT_EQ(body_of(told[0]).at("data").at("breaker").at("reason"), "unsteady");
  EXPECT_EQ(body_of(told[1]).at("data").at("place"), "north/h1/k1/n1");
  EXPECT_TRUE(tenant.ids().empty());
}

TEST_F(WebhooksTest, StopsWhenTheReceiverIsGone) {
  receiver_.answer({410});
  auto webhooks = start();
  use("acme", 2);
  receiver_.attempts(1);
  EXPECT_EQ(receiver_.ids().size(), 1u);
  EXPECT_TRUE(webhooks->counters().stopped);
  webhooks.reset();
  EXPECT_TRUE(log_.says("webhook is stopped"));
}

TEST_F(WebhooksTest, StopsAtOnceWhileItWaits) {
  WebhookOptions slow = options();
  slow.first_wait = slow.longest_wait = minutes(5);
  receiver_.answer({500});
  auto webhooks = start(slow);
  use("acme");
  receiver_.attempts(1);
  const auto began = std::chrono::steady_clock::now();
  webhooks.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

TEST_F(WebhooksTest, SpeaksHttpByItself) {
  stack_.listen({});
  WebhookOptions real = options();
  real.url = fmt::format("http://127.0.0.1:{}/nowhere", stack_.port());
  auto webhooks = Webhooks::start(*stack_.core, real);
  ASSERT_TRUE(webhooks.ok());
  use("acme");
  for (int i = 0; i < 2000 && (*webhooks)->counters().failed < 2; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_GE((*webhooks)->counters().failed, 2u);  // there is no such path
  EXPECT_EQ((*webhooks)->counters().delivered, 0u);
}

TEST_F(WebhooksTest, RefusesWhatIsNotSafe) {
  const auto with_url = [&](const std::string& url) {
    WebhookOptions given = options();
    given.url = url;
    return refused(given);
  };
  for (const char* const url : {"http://receiver.example/hook", "http://localhost@receiver.example/hook",
                                "http://localhost:x@receiver.example/hook", "ftp://localhost/hook", "receiver.example",
                                "https://", "https://a b/hook", ""}) {
    EXPECT_EQ(with_url(url), "webhook") << url;
  }
  EXPECT_EQ(with_url("http://localhost:1/hook"), "");
  std::ofstream(folder_ + "/secret") << "short";
  EXPECT_EQ(refused(options()), "webhook-secret-file");
  std::ofstream(folder_ + "/secret") << "whsec_not base64, but long enough to be taken for one";
  EXPECT_EQ(refused(options()), "webhook-secret-file");
  std::filesystem::remove(folder_ + "/secret");
  EXPECT_FALSE(Webhooks::start(*stack_.core, options(), receiver_.transport()).ok());
}

TEST_F(WebhooksTest, GoesOnFromTheFirstEventThatIsKept) {
  CoreOptions core_options;
  core_options.clock = [this] { return Time{stack_.clock}; };
  core_options.snapshot_events = 1;
  core_options.keep_events = 0;
  Core core(std::move(core_options), std::make_unique<MemoryJournal>());
  ASSERT_TRUE(core.start().ok());
  const auto first_kept = [&core] {
    std::promise<Position> kept;
    core.read([&kept](Core::View& view) { kept.set_value(view.journal.first_kept()); });
    return kept.get_future().get();
  };
  for (int i = 0; i < 2000 && first_kept() < 3; ++i) {
    NewToken token = make_token(Role::kOperator, "t", core.now());
    ASSERT_TRUE(execute_and_wait(core, IssueToken{token.record}, "test").ok());
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_GE(first_kept(), 3u);
  std::ofstream(options().state_file) << R"({"position":1})";
  {
    const auto webhooks = Webhooks::start(core, options(), receiver_.transport());
    ASSERT_TRUE(webhooks.ok());
    for (int i = 0; i < 2000 && (*webhooks)->counters().position < 2; ++i) std::this_thread::sleep_for(5ms);
    EXPECT_GE((*webhooks)->counters().position, 2u);
  }
  core.stop();
  EXPECT_TRUE(log_.says("webhook missed events"));
}

TEST_F(WebhooksTest, MakesEventsOfBudgetsAndInvoices) {
  EventRecord record;
  record.position = 12;
  record.at = Time{1'780'000'000'000'000'000};
  BudgetReached budget;
  budget.project = "acme/llm";
  budget.month = "2026-07";
  record.event = budget;
  const auto alert = cloud_event(record, "urn:x");
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->topic, WebhookTopic::kBudget);
  EXPECT_EQ(alert->tenant, "acme");
  EXPECT_NE(alert->text.find(R"("type":"io.penstock.budget.reached.v1","subject":"acme/llm")"), std::string::npos) << alert->text;
  InvoiceIssued issued;
  issued.invoice.name = "acme-2026-07-usd";
  issued.invoice.tenant = "acme";
  issued.entry.memo = "the provider's own";
  record.event = issued;
  const auto invoice = cloud_event(record, "urn:x");
  ASSERT_TRUE(invoice);
  EXPECT_EQ(invoice->topic, WebhookTopic::kInvoice);
  EXPECT_EQ(invoice->tenant, "acme");
  EXPECT_NE(invoice->text.find(R"("subject":"acme-2026-07-usd")"), std::string::npos) << invoice->text;
  EXPECT_EQ(invoice->text.find("the provider's own"), std::string::npos);
  const auto data = parse_json(invoice->text);
  ASSERT_TRUE(data.ok());
  EXPECT_TRUE(from_json<Invoice>(data->at("data")).ok());
  record.event = MonthClosed{};
  EXPECT_FALSE(cloud_event(record, "urn:x"));
}

}  // namespace
}  // namespace penstock
