// Quotes and the book, as the API answers them, and a store that was moved.
#include <filesystem>

#include "base/clock.h"
#include "journal/sqlite/sqlite_journal.h"
#include "server/server.h"
#include "stack.h"

namespace penstock {
namespace {

std::string body_of(const std::string& text) {
  return json::serialize(json::object{{"sources", json::array{json::object{{"file", "c.yaml"}, {"text", text}}}}});
}

std::string contract_of(const std::string& name, int gpus) {
  return fmt::format("apiVersion: penstock/v1\nkind: Contract\nmetadata: {{name: {}}}\nspec: {{class: reserved, gpuModels: [h200], "
                     "sites: [north], ramp: [{{from: 2030-01-01, gpus: {}}}], pricePerGpuHour: 2 USD}}\n",
                     name, gpus);
}

TEST(Sales, AreQuotedAndSigned) {
  Stack stack;
  const json::object no = stack.good("operator", "POST", "/v1/quote", body_of(contract_of("acme/gold", 24)));
  EXPECT_FALSE(no.at("possible").as_bool());
  EXPECT_EQ(no.at("largest"), 16);
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/apply", body_of(contract_of("acme/gold", 24))), "409 failed-precondition");
  const json::object yes = stack.good("auditor", "POST", "/v1/quote", body_of(contract_of("acme/gold", 16)));
  EXPECT_TRUE(yes.at("possible").as_bool());
  EXPECT_TRUE(stack.good("operator", "GET", "/v1/book").at("contracts").as_array().empty()) << "asking signs nothing";
  stack.good("operator", "POST", "/v1/apply", body_of(contract_of("acme/gold", 16)));
  const json::object later = stack.good("operator", "POST", "/v1/quote", body_of(contract_of("rival/gold", 8)));
  EXPECT_EQ(later.at("largest"), 0);
  const json::object again = stack.good("operator", "POST", "/v1/quote", body_of(contract_of("acme/gold", 16)));
  EXPECT_TRUE(again.at("possible").as_bool()) << "a contract is not in its own way";
}

TEST(Sales, AreRefusedWhereTheyAreNoQuestion) {
  Stack stack;
  EXPECT_EQ(stack.bad("acme-admin", "POST", "/v1/quote", body_of(contract_of("acme/gold", 8))), "403 forbidden");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/quote", body_of("")), "400 invalid");
  std::string spot = contract_of("acme/gold", 8);
  spot.replace(spot.find("reserved"), 8, "spot");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/quote", body_of(spot)), "400 invalid");
}

TEST(Sales, ATenantSeesItsOwnInTheBook) {
  Stack stack;
  stack.good("operator", "POST", "/v1/apply", body_of(contract_of("acme/gold", 8) + "---\n" + contract_of("rival/gold", 8)));
  const json::object all = stack.good("auditor", "GET", "/v1/book");
  EXPECT_EQ(all.at("contracts").as_array().size(), 2u);
  bool found = false;
  for (const json::value& row : all.at("capacity").as_array()) {
    if (row.at("site") != "north") continue;
    found = true;
    EXPECT_EQ(row.at("sold"), 0);
    EXPECT_EQ(row.at("promised"), 16);
    EXPECT_EQ(row.at("delivered"), 16);
  }
  EXPECT_TRUE(found);
  const json::object own = stack.good("acme-viewer", "GET", "/v1/book");
  ASSERT_EQ(own.at("contracts").as_array().size(), 1u);
  EXPECT_EQ(own.at("contracts").at(0).at("contract"), "acme/gold");
  EXPECT_FALSE(own.contains("capacity"));
  EXPECT_EQ(json::serialize(own).find("rival"), std::string::npos);
}

TEST(StoreCountry, ThatContradictsATenantRefusesToStart) {
  char pattern[] = "/tmp/penstock-store-XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  const auto start = [&](const std::string& country) {
    auto journal = SqliteJournal::open(std::string(pattern) + "/penstock.db");
    EXPECT_TRUE(journal.ok());
    CoreOptions options;
    options.clock = utc_now;
    options.store_country = country;
    auto core = std::make_unique<Core>(std::move(options), std::move(*journal));
    return std::pair(core->start(), std::move(core));
  };
  {
    auto [started, core] = start("GB");
    ASSERT_TRUE(started.ok());
    TenantSpec bound;
    bound.jurisdictions = {"GB"};
    Document tenant;
    tenant.kind = Kind::kTenant;
    tenant.metadata.name = "albion";
    tenant.spec = bound;
    ASSERT_TRUE(execute_and_wait(*core, ApplyDocuments{{tenant}, false}, "test").ok());
  }
  {
    auto [started, core] = start("DE");
    ASSERT_FALSE(started.ok());
    EXPECT_NE(started.error().message.find("tenant albion (bound to GB)"), std::string::npos) << started.error().message;
  }
  EXPECT_TRUE(start("GB").first.ok());
  std::filesystem::remove_all(pattern);
}

}  // namespace
}  // namespace penstock
