// The overview and the floor, against what was applied, submitted and broken.
#include "stack.h"
#include "support/hall.h"

namespace penstock {
namespace {

class OverviewApi : public testing::Test {
 protected:
  OverviewApi() { apply(kHall); }
  void apply(std::string_view text) {
    stack.good("operator", "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "p.yaml"}, {"text", text}}}}}));
  }
  json::object site(std::string_view name) {
    const json::object all = stack.good("operator", "GET", "/v1/overview");
    for (const json::value& one : all.at("sites").as_array()) {
      if (std::string_view(one.at("site").as_string()) == name) return one.as_object();
    }
    return {};
  }

  Stack stack;
};

TEST_F(OverviewApi, SaysWhatSitesHaveHoldAndDraw) {
  const json::object before = site("north");
  EXPECT_EQ(before.at("nodes"), 2);
  EXPECT_EQ(before.at("nodesReady"), 2);
  EXPECT_EQ(before.at("gpus").at(0).at("delivered"), 16);
  EXPECT_EQ(before.at("gpus").at(0).at("free"), 16);
  stack.submit("acme-member", "acme/llm/j1");
  const json::object after = site("north");
  EXPECT_EQ(after.at("jobs"), 1);
  EXPECT_LT(after.at("gpus").at(0).at("free").as_int64(), 16);
  EXPECT_NE(after.at("gpus").at(0).at("held"), "0");
}

TEST_F(OverviewApi, AgreesWithTheSitesOwnPower) {
  const json::object power = stack.good("operator", "GET", "/v1/sites/p/power");
  const json::object shown = site("p");
  for (const std::string_view key : {"import", "held", "max"}) EXPECT_EQ(shown.at(key), power.at(key)) << key;
  const json::value& fullest = power.at("worst").at(0);
  const auto part = [](const json::value& row) { return row.at("load").to_number<double>() / row.at("limit").to_number<double>(); };
  EXPECT_DOUBLE_EQ(part(shown.at("worst")), part(fullest));
}

TEST_F(OverviewApi, CountsTheQueue) {
  stack.submit("acme-member", "acme/llm/j1");
  const json::object queue = stack.good("operator", "GET", "/v1/overview").at("queue").as_object();
  EXPECT_EQ(queue.at("running").as_int64() + queue.at("starting").as_int64() + queue.at("waiting").as_int64(), 1);
}

TEST_F(OverviewApi, ShowsTheFloorRackByRack) {
  stack.submit("acme-member", "acme/llm/j1");
  const json::object floor = stack.good("operator", "GET", "/v1/sites/north/floor");
  std::int64_t gpus = 0, free = 0, held = 0;
  for (const json::value& hall : floor.at("halls").as_array()) {
    for (const json::value& row : hall.at("rows").as_array()) {
      for (const json::value& rack : row.at("racks").as_array()) {
        gpus += rack.at("gpus").as_int64();
        if (const json::value* found = rack.as_object().if_contains("free")) free += found->as_int64();
        if (const json::value* found = rack.as_object().if_contains("holders")) held += std::ssize(found->as_array());
      }
    }
  }
  EXPECT_EQ(gpus, 16);
  EXPECT_LT(free, 16);
  EXPECT_EQ(held, 1);
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/sites/nowhere/floor"), "404 not-found");
}

TEST_F(OverviewApi, NamesWhatRestrictsASite) {
  EXPECT_FALSE(site("p").contains("restrictions"));
  apply("apiVersion: penstock/v1\nkind: Restriction\nmetadata: {name: p/fan}\nspec: {cause: failure, parts: [ups-a]}\n");
  ASSERT_TRUE(site("p").contains("restrictions"));
  EXPECT_EQ(site("p").at("restrictions").at(0), "p/fan");
}

TEST_F(OverviewApi, NodesOfARackAreListedAlone) {
  const json::object all = stack.good("operator", "GET", "/v1/nodes?site=north");
  const std::string name(all.at("items").at(0).at("name").as_string());
  const std::string rack = name.substr(0, name.rfind('/'));
  const json::object some = stack.good("operator", "GET", "/v1/nodes?rack=" + rack);
  ASSERT_FALSE(some.at("items").as_array().empty());
  for (const json::value& node : some.at("items").as_array()) EXPECT_TRUE(std::string(node.at("name").as_string()).starts_with(rack + "/"));
  EXPECT_TRUE(stack.good("operator", "GET", "/v1/nodes?rack=north/h9/k9").at("items").as_array().empty());
}

}  // namespace
}  // namespace penstock
