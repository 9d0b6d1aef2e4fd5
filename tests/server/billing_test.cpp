// Accounts through the API: a month is closed, tenants see their own invoices, rows and budgets, and nothing else.
#include "stack.h"

namespace penstock {
namespace {

class BillingApi : public testing::Test {
 protected:
  // A job of 8 GPUs for each tenant, an hour each, and the end of the month.
  void run_a_month() {
    for (const std::string tenant : {"acme", "rival"}) {
      const std::string body = fmt::format(R"({{"metadata":{{"name":"{0}/llm/j1"}},"spec":{{"contract":"{0}/main","groups":[{{"name":"m","replicas":1,"gpus":"8"}}]}}}})", tenant);
      stack_.good("operator", "POST", "/v1/jobs", body);
    }
    stack_.wait(hours(2));
    const json::value months = get("operator", "/v1/months");
    month_ = months.at("items").as_array().front().at("month").as_string();
    stack_.wait(hours(24 * 31));
  }
  json::value get(const std::string& who, const std::string& path) { return stack_.good(who, "GET", path); }
  std::size_t count(const std::string& who, const std::string& path) { return get(who, path).at("items").as_array().size(); }

  Stack stack_;
  std::string month_;
};

TEST_F(BillingApi, AMonthIsClosedOnceAndItsInvoicesAreKept) {
  run_a_month();
  const std::string close = "/v1/months/" + month_ + "/close";
  const json::value reply = stack_.good("operator", "POST", close, {}, {{"idempotency-key", "once"}});
  EXPECT_EQ(reply.at("changes").as_array().size(), 3u);
  EXPECT_EQ(stack_.good("operator", "POST", close, {}, {{"idempotency-key", "once"}}).at("repeated").as_bool(), true);
  EXPECT_EQ(stack_.ask(stack_.token("operator"), "POST", close).status, 409);
  EXPECT_EQ(count("operator", "/v1/invoices"), 2u);
  EXPECT_EQ(count("auditor", "/v1/invoices?month=" + month_), 2u);
  EXPECT_EQ(get("operator", "/v1/months/" + month_).at("month").as_string(), month_);
  std::int64_t sum = 0;
  const json::value ledger = get("operator", "/v1/ledger");
  for (const json::value& account : ledger.at("items").as_array()) {
    const Money balance = *Text<Money>::parse(account.at("balance").as_string());
    EXPECT_EQ(balance.currency, "USD");
    sum += balance.micros;
  }
  EXPECT_EQ(sum, 0);
  EXPECT_EQ(count("operator", "/v1/ledger/entries?month=" + month_), 2u);
}

TEST_F(BillingApi, ATenantSeesItsOwnAccounts) {
  run_a_month();
  stack_.good("operator", "POST", "/v1/months/" + month_ + "/close");
  const std::string own = "acme-" + month_ + "-usd";
  const std::string foreign = "rival-" + month_ + "-usd";
  const json::value mine = get("acme-admin", "/v1/invoices");
  ASSERT_EQ(mine.at("items").as_array().size(), 1u);
  EXPECT_EQ(mine.at("items").as_array().front().at("name").as_string(), own);
  EXPECT_EQ(get("acme-admin", "/v1/invoices/" + own).at("tenant").as_string(), "acme");
  EXPECT_EQ(stack_.ask(stack_.token("acme-admin"), "GET", "/v1/invoices/" + foreign).status, 404);
  EXPECT_EQ(stack_.ask(stack_.token("acme-admin"), "GET", "/v1/invoices?tenant=rival").status, 404);
  EXPECT_EQ(stack_.ask(stack_.token("acme-admin"), "GET", "/v1/usage/rows?project=rival/llm").status, 404);
  EXPECT_EQ(stack_.ask(stack_.token("acme-member"), "GET", "/v1/invoices").status, 403);
  EXPECT_EQ(count("acme-member", "/v1/usage/rows"), 1u);
  EXPECT_EQ(count("operator", "/v1/usage/rows"), 2u);
  for (const std::string path : {"/v1/invoices", "/v1/usage/rows", "/v1/focus", "/v1/focus?format=csv", "/v1/months", "/v1/budgets"}) {
    const HttpResponse response = stack_.ask(stack_.token("acme-admin"), "GET", path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body.find("rival"), std::string::npos) << path << response.body;
  }
}

TEST_F(BillingApi, RowsArePagedInOrder) {
  run_a_month();
  const json::value first = get("operator", "/v1/usage/rows?limit=1");
  ASSERT_EQ(first.at("items").as_array().size(), 1u);
  const json::value second = get("operator", "/v1/usage/rows?limit=1&cursor=" + std::string(first.at("next").as_string()));
  ASSERT_EQ(second.at("items").as_array().size(), 1u);
  EXPECT_LT(first.at("items").as_array().front().at("position").to_number<std::int64_t>(), second.at("items").as_array().front().at("position").to_number<std::int64_t>());
  EXPECT_FALSE(second.as_object().contains("next"));
}

TEST_F(BillingApi, BadInputIsToldByItsField) {
  const auto path_of = [&](const std::string& method, const std::string& target, const std::string& body = {}) {
    const HttpResponse response = stack_.ask(stack_.token("operator"), method, target, body);
    EXPECT_EQ(response.status / 100, 4) << response.body;
    return std::string(parse_json(response.body)->at("path").as_string());
  };
  EXPECT_EQ(path_of("GET", "/v1/invoices?month=July"), "month");
  EXPECT_EQ(path_of("GET", "/v1/focus?format=xml"), "format");
  EXPECT_EQ(path_of("POST", "/v1/months/never/close"), "month");
  EXPECT_EQ(path_of("POST", "/v1/readings", R"({"site":"nowhere","from":"2026-01-01","to":"2026-01-02","energy":"1kWh"})"), "site");
  EXPECT_EQ(path_of("POST", "/v1/adjustments", R"({"project":"acme/llm","contract":"acme/main","amount":"0.00 USD","note":"x"})"), "amount");
}

}  // namespace
}  // namespace penstock
