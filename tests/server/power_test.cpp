// Questions about limits, as the API answers them.
#include "stack.h"
#include "support/hall.h"

namespace penstock {
namespace {

class PowerApi : public testing::Test {
 protected:
  PowerApi() {
    const std::string hall = with(with(kHall, "name: grid,", "name: \"grid-[a,b]\","), "{from: grid}", "{from: \"grid-{1}\"}");
    stack.good("operator", "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "p.yaml"}, {"text", hall}}}}}));
  }
  json::object get(const std::string& path) { return stack.good("operator", "GET", "/v1/sites/p/" + path); }
  // Code and path of a refusal.
  std::string bad(const std::string& path) {
    const auto problem = from_json_text<Problem>(stack.ask("operator", "GET", "/v1/sites/" + path).body);
    if (!problem.ok()) return "no problem";
    return fmt::format("{} {}", code_name(problem->code), problem->path);
  }

  Stack stack;
};

TEST_F(PowerApi, ShowsTheTreeAndALoss) {
  const json::object power = get("power");
  EXPECT_EQ(power.at("held"), "1.6kW");
  EXPECT_EQ(power.at("elements").as_array().size(), 4u);
  const json::object loss = get("power/loss?parts=ups-[a,b]");
  EXPECT_EQ(loss.at("lost").as_array().size(), 2u);
  EXPECT_EQ(loss.at("dark").as_array().size(), 2u);
  EXPECT_EQ(get("power/loss?parts=grid-a,ups-b").at("dark").as_array().size(), 2u);
  EXPECT_EQ(get("power/loss?parts=ups-a").at("degraded").as_array().size(), 2u);
  EXPECT_TRUE(get("power/contingencies").at("items").as_array().empty());
}

TEST_F(PowerApi, AnswersForAMaintenanceWindow) {
  const json::object one = get("maintenance?parts=ups-a&from=2030-01-01T00:00:00Z&until=2030-01-01T04:00:00Z");
  EXPECT_TRUE(one.at("possible").as_bool());
  EXPECT_EQ(one.at("exposed"), 2);
}

TEST_F(PowerApi, RefusesWhatIsNoQuestion) {
  EXPECT_EQ(bad("nowhere/power"), "not-found ");
  EXPECT_EQ(bad("p/power/loss"), "invalid parts");
  EXPECT_EQ(bad("p/power/loss?parts=ups-c"), "not-found parts");
  EXPECT_EQ(bad("p/power/loss?import=lots"), "invalid import");
  EXPECT_EQ(bad("p/power?at=2001-01-01T00:00:00Z"), "invalid at");
  EXPECT_EQ(bad("p/power?at=soon"), "invalid at");
  EXPECT_EQ(bad("p/maintenance?from=2030-01-01T00:00:00Z&until=2030-01-02T00:00:00Z"), "invalid parts");
  EXPECT_EQ(bad("p/maintenance?parts=ups-a&until=2030-01-02T00:00:00Z"), "invalid from");
  EXPECT_EQ(bad("p/maintenance?parts=ups-a&from=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z"), "invalid until");
  EXPECT_EQ(bad("p/maintenance?parts=ups-a&from=2001-01-01T00:00:00Z&until=2001-01-02T00:00:00Z"), "invalid until");
}

TEST_F(PowerApi, ChangesThePowerOfAJobForThoseWhoMayWriteIt) {
  stack.submit("acme-member", "acme/llm/j1");
  const std::string path = "/v1/jobs/acme/llm/j1/power";
  EXPECT_EQ(stack.bad("acme-viewer", "POST", path, R"({"gpuPower":"300W"})"), "403 forbidden");
  EXPECT_EQ(stack.bad("acme-member", "POST", path, R"({"gpuPower":"300W","version":1})"), "409 conflict");
  EXPECT_EQ(stack.bad("acme-member", "POST", path, R"({"gpuPower":"many"})").substr(0, 11), "400 invalid");
}

}  // namespace
}  // namespace penstock
