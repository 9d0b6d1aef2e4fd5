// The health of the fleet through the API: orders, automation, tickets, incidents and feeds.
#include "server/api/fleet_bodies.h"
#include "server/server.h"
#include "stack.h"

namespace penstock {
namespace {

class FleetApi : public testing::Test {
 protected:
  FleetApi() {
    apply(R"(
apiVersion: penstock/v1
kind: Tenant
metadata: {name: ops}
spec: {}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: ops/fleet}
spec: {}
---
apiVersion: penstock/v1
kind: Contract
metadata: {name: ops/tests}
spec: {class: spot, pricePerGpuHour: 0 USD}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  runtime: simulated
  fabric: {nvlinkDomain: rack, tiers: [{name: leaf, group: row}, {name: spine, group: site}]}
  halls: [{name: h1, rows: [{name: r1, racks: [{name: "k[1-2]", nodes: [{name: "n[1-2]", type: hgx}]}]}]}]
  fleet: {mode: remediate, test: {project: ops/fleet, contract: ops/tests}, breaker: {site: {nodes: 2}, row: {nodes: 4}, fleet: {nodes: 4}}}
)");
  }
  void apply(const std::string& text) {
    stack.good("operator", "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "f.yaml"}, {"text", text}}}}}));
  }
  json::object get(const std::string& path, const std::string& who = "operator") { return stack.good(who, "GET", "/v1/" + path); }
  json::object node(const std::string& name = kNode) { return get("nodes/" + name); }
  json::object order(const std::string& verb, const std::string& body = {}, const std::string& name = kNode) {
    return stack.good("operator", "POST", "/v1/nodes/" + name + "/" + verb, body);
  }
  std::string status(const std::string& name = kNode) { return std::string(node(name).at("status").as_string()); }
  std::size_t listed(const std::string& query) { return get("nodes?" + query).at("items").as_array().size(); }
  json::array items(const std::string& path, const std::string& who = "operator") { return get(path, who).at("items").as_array(); }
  void lose(const std::string& name) { ASSERT_TRUE(execute_and_wait(*stack.core, LoseNode{name, "a fault"}, "test").ok()); }
  void until(const std::string& wanted, const std::string& name = kNode) {
    for (int i = 0; i < 60 && status(name) != wanted; ++i) stack.wait(minutes(1));
    EXPECT_EQ(status(name), wanted);
  }

  static inline const std::string kNode = "north/h1/k1/n1";
  Stack stack;
};

TEST_F(FleetApi, OrdersOfAPersonAndHowANodeIsShown) {
  EXPECT_EQ(status(), "ready");
  const json::object reply = order("cordon", R"({"reason":"new firmware"})");
  EXPECT_EQ(reply.at("changes").at(0).at("change"), "changed");
  EXPECT_EQ(status(), "ready,cordoned");
  EXPECT_EQ(node().at("cordon").at("reason"), "new firmware");
  EXPECT_EQ(listed("site=north&amiss=1"), 1u);
  EXPECT_EQ(listed("site=north&state=ready"), 4u);
  order("uncordon");
  EXPECT_EQ(listed("site=north&amiss=1"), 0u);
  // The reason may stand in the header, where it is audited as well.
  stack.good("operator", "POST", "/v1/nodes/" + kNode + "/drain", "", {{"penstock-reason", "dust"}});
  stack.wait(Duration());
  EXPECT_EQ(status(), "draining,cordoned");
  EXPECT_EQ(node().at("message"), "dust");
  EXPECT_EQ(node().at("reason"), "operator");
  order("uncordon");
  order("move", R"({"state":"validating"})");
  until("ready");
  EXPECT_TRUE(node().contains("tested"));
  EXPECT_EQ(listed("state=unregistered"), 1u) << "the lab's node has no agent yet";
  EXPECT_EQ(status("lab/h1/k1/n1"), "racked,unregistered");
}

TEST_F(FleetApi, RefusesWhatTheTableDoesNotKnow) {
  const std::string path = "/v1/nodes/" + kNode;
  EXPECT_EQ(stack.bad("operator", "POST", path + "/move", R"({"state":"repair"})"), "409 failed-precondition");
  EXPECT_EQ(stack.bad("operator", "POST", path + "/move", R"({"state":"asleep"})"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", path + "/mend", R"({"action":"reset","force":true})"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", path + "/mend"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/nodes/north/h1/k9/n1/cordon"), "404 not-found");
  EXPECT_EQ(stack.bad("operator", "POST", path + "/cordon", R"({"reason":"a\nb"})"), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "POST", path + "/cordon", fmt::format(R"({{"reason":"{}"}})", std::string(501, 'x'))), "400 invalid");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/nodes?state=asleep"), "400 invalid");
  EXPECT_EQ(stack.bad("auditor", "POST", path + "/cordon"), "403 forbidden");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/tickets/0000000000000001/close"), "404 not-found");
  EXPECT_EQ(stack.bad("operator", "GET", "/v1/tickets/nonsense"), "404 not-found");
  EXPECT_EQ(stack.bad("operator", "POST", "/v1/fleet/stop", R"({"site":"nowhere"})"), "404 not-found");
}

TEST_F(FleetApi, RepairIsATicketThatEndsInATest) {
  order("mend", R"({"action":"repair","reason":"a fan is loud"})");
  stack.wait(Duration());
  EXPECT_EQ(status(), "repair");
  const json::array open = items("tickets");
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].at("summary"), "a fan is loud");
  const std::string uid(open[0].at("uid").as_string());
  EXPECT_EQ(get("tickets/" + uid).at("node"), json::value(kNode));
  EXPECT_TRUE(items("tickets", "acme-admin").empty());
  EXPECT_EQ(stack.bad("acme-admin", "GET", "/v1/tickets/" + uid), "404 not-found");
  stack.good("operator", "POST", "/v1/tickets/" + uid + "/close", R"({"note":"replaced it"})");
  until("ready");
  EXPECT_TRUE(items("tickets").empty());
  EXPECT_EQ(items("tickets?all=1").at(0).at("note"), "replaced it");
  const std::string metrics = stack.ask("operator", "GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(penstock_node_tests_total{outcome="passed"} 1)"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find(R"(penstock_node_state{site="north",state="ready"} 4)"), std::string::npos);
  EXPECT_NE(metrics.find(R"(penstock_tickets_open{site="north"} 0)"), std::string::npos);
}

TEST_F(FleetApi, AutomationIsStoppedAndGoesOn) {
  const auto north = [&] { return items("fleet").at(1).as_object(); };
  EXPECT_EQ(north().at("site"), "north");
  EXPECT_EQ(north().at("mode"), "remediate");
  EXPECT_EQ(north().at("nodes").at("ready"), 4);
  EXPECT_FALSE(north().contains("breaker"));
  stack.good("operator", "POST", "/v1/fleet/stop", R"({"site":"north","reason":"the grid is unsteady"})");
  EXPECT_EQ(north().at("breaker").at("reason"), "the grid is unsteady");
  EXPECT_NE(stack.ask("operator", "GET", "/metrics").body.find(R"(penstock_breaker_open{site="north"} 1)"), std::string::npos);
  EXPECT_EQ(stack.good("operator", "POST", "/v1/fleet/stop", R"({"site":"north"})").at("changes").at(0).at("change"), "unchanged");
  stack.good("operator", "POST", "/v1/fleet/resume", R"({"site":"north"})");
  EXPECT_FALSE(north().contains("breaker"));
  const json::object now = north();
  for (const json::value& margin : now.at("limits").as_array()) {
    if (margin.at("scope") == "site") EXPECT_EQ(margin.at("limit"), 2);
  }
}

TEST_F(FleetApi, TheRulesAreThoseOfTheEngine) {
  const auto rules = from_json_text<FleetRules>(stack.ask("auditor", "GET", "/v1/fleet/rules").body);
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->meanings.size(), meanings().size());
  std::size_t moves = 0;
  for (const StateRow& row : rules->states) {
    for (const NodeState to : row.by_rules) EXPECT_TRUE(may_follow(row.state, to, Mover::kRules));
    for (const NodeState to : row.by_operator) EXPECT_TRUE(may_follow(row.state, to, Mover::kOperator));
    moves += row.by_rules.size() + row.by_operator.size();
  }
  std::size_t expected = 0;
  for (const Transition& row : transitions()) expected += (row.rules ? 1 : 0) + (row.operators ? 1 : 0);
  EXPECT_EQ(moves, expected);
}

TEST_F(FleetApi, ATenantReportsAFaultAndSeesItsOwn) {
  stack.submit("acme-member", "acme/llm/j1");
  stack.wait(Duration());
  const std::string before(get("jobs/acme/llm/j1").at("status").at("tasks").at(0).at("node").as_string());
  EXPECT_EQ(stack.bad("acme-viewer", "POST", "/v1/jobs/acme/llm/j1/replace", R"({"rank":0})"), "403 forbidden");
  EXPECT_EQ(stack.bad("rival-member", "POST", "/v1/jobs/acme/llm/j1/replace", R"({"rank":0})"), "404 not-found");
  EXPECT_EQ(stack.bad("acme-member", "POST", "/v1/jobs/acme/llm/j1/replace", R"({"rank":1})"), "400 invalid");
  const json::object reply = stack.good("acme-member", "POST", "/v1/jobs/acme/llm/j1/replace", R"({"rank":0,"reason":"ECC everywhere"})");
  const std::string uid(reply.at("changes").at(1).at("name").as_string());
  EXPECT_EQ(items("tickets", "acme-viewer").size(), 1u);
  EXPECT_EQ(get("tickets/" + uid, "acme-viewer").at("summary"), "ECC everywhere");
  EXPECT_FALSE(get("tickets/" + uid, "acme-viewer").contains("evidence"));
  EXPECT_TRUE(items("tickets", "rival-admin").empty());
  EXPECT_EQ(stack.bad("rival-admin", "GET", "/v1/tickets/" + uid), "404 not-found");
  EXPECT_EQ(node(before).at("findings").at(0).at("check"), "reported");
  EXPECT_EQ(stack.ask("operator", "GET", "/v1/nodes/" + before).body.find("ECC"), std::string::npos);
  until("ready", before);
  EXPECT_EQ(get("tickets/" + uid, "acme-viewer").at("note"), "the node has passed its test");
  const json::object job = get("jobs/acme/llm/j1");
  EXPECT_EQ(job.at("status").at("displaced"), 1);
  EXPECT_NE(job.at("status").at("tasks").at(0).at("node"), json::value(before));
}

TEST_F(FleetApi, AnIncidentTellsATenantItsOwnPartOnly) {
  stack.submit("acme-member", "acme/llm/j1");
  stack.submit("rival-member", "rival/llm/j1");
  stack.wait(minutes(10));
  const std::string at(get("jobs/acme/llm/j1").at("status").at("tasks").at(0).at("node").as_string());
  const bool together = get("jobs/rival/llm/j1").at("status").at("tasks").at(0).at("node") == json::value(at);
  lose(at);
  const json::array all = items("incidents");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("place"), json::value(at));
  EXPECT_EQ(all[0].at("ended"), together ? 2 : 1);
  const std::string uid(all[0].at("uid").as_string());
  const json::object own = get("incidents/" + uid, "acme-viewer");
  EXPECT_EQ(own.at("ended"), 1);
  EXPECT_EQ(own.at("hits").as_array().size(), 1u);
  for (const char* hidden : {"place", "cause", "nodes", "nodeCount", "timeline"}) EXPECT_FALSE(own.contains(hidden)) << hidden;
  EXPECT_EQ(json::serialize(own).find("rival"), std::string::npos);
  EXPECT_EQ(items("incidents", "rival-admin").size(), together ? 1u : 0u);
  EXPECT_EQ(node(at).at("incident"), json::value(uid));
}

TEST_F(FleetApi, TicketsAndIncidentsAreWatchedByThoseTheyConcern) {
  const auto watch = [&](const std::string& who, const std::string& what) {
    HttpResponse response = stack.ask(who, "GET", "/v1/" + what + "?watch=1");
    EXPECT_TRUE(response.stream);
    return response.stream;
  };
  const auto operators = watch("operator", "tickets"), tenants = watch("acme-viewer", "tickets"), incidents = watch("operator", "incidents");
  order("mend", R"({"action":"repair","reason":"a fan is loud"})");
  stack.wait(Duration());
  EXPECT_NE(read_until(*operators, "a fan is loud").find("event: changed"), std::string::npos);
  lose("north/h1/k2/n1");
  EXPECT_NE(read_until(*incidents, "k2/n1").find("event: changed"), std::string::npos);
  tenants->leave();
  operators->leave();
  incidents->leave();
  EXPECT_EQ(read_until(*tenants, "fan").find("fan"), std::string::npos);
}

TEST_F(FleetApi, TellsTheFabricAsTopographReadsIt) {
  const json::object all = get("topology/nodes");
  const json::array& switches = all.at("switches").as_array();
  ASSERT_EQ(switches.size(), 2u);
  EXPECT_EQ(switches[0].at("spine-north").at("switches").at(0), "leaf-h1-r1");
  const json::array& nodes = switches[1].at("leaf-h1-r1").at("nodes").as_array();
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_EQ(nodes[0].at("node_id"), "north-h1-k1-n1");
  EXPECT_EQ(nodes[0].at("accelerated_network_id"), "nvl-h1-k1");
  EXPECT_EQ(nodes[3].at("accelerated_network_id"), "nvl-h1-k2");
  EXPECT_EQ(all.at("next_page_token"), "");
  const json::object page = get("topology/nodes?page_size=1");
  EXPECT_EQ(page.at("switches").as_array().size(), 1u);
  EXPECT_EQ(get("topology/nodes?page_size=1&page_token=" + std::string(page.at("next_page_token").as_string())).at("next_page_token"), "");
  const json::object one = get("topology/nodes?node_ids=north-h1-k2-n1,elsewhere");
  EXPECT_EQ(one.at("switches").at(1).at("leaf-h1-r1").at("nodes").as_array().size(), 1u);
  EXPECT_TRUE(get("topology/nodes?node_ids=elsewhere").at("switches").as_array().empty());
  EXPECT_EQ(stack.bad("acme-admin", "GET", "/v1/topology/nodes"), "403 forbidden");
}

TEST_F(FleetApi, TellsPrometheusWhereNodesAre) {
  EXPECT_EQ(stack.ask("auditor", "GET", "/v1/targets").body, "[]");
  const std::string hello = R"({"node":"lab/h1/k1/n1","address":"10.0.0.7","agentVersion":"1","bootId":"b","hostname":"gpu-7","deviceVendor":"nvidia",)"
                            R"("deviceModel":"h200","deviceCount":8,"cpu":"64","memory":"512GiB","powerSource":"nvml"})";
  stack.good("node", "POST", "/v1/agents/register", hello);
  EXPECT_EQ(stack.ask("auditor", "GET", "/v1/targets?port=9100").body,
            R"([{"targets":["10.0.0.7:9100"],"labels":{"gpu_model":"h200","hall":"h1","node":"lab/h1/k1/n1","rack":"k1","site":"lab"}}])");
  EXPECT_EQ(stack.bad("auditor", "GET", "/v1/targets?port=0"), "400 invalid");
  EXPECT_EQ(stack.ask("auditor", "GET", "/v1/targets?site=north").body, "[]");
}

}  // namespace
}  // namespace penstock
