// Who changed what: what the audit log holds, and who reads it.
#include "stack.h"

namespace penstock {
namespace {

class AuditLog : public testing::Test {
 protected:
  json::array entries(const std::string& who, const std::string& query = "") {
    return stack_.good(who, "GET", "/v1/audit?limit=1000" + query).at("items").as_array();
  }
  json::object last(const std::string& who, const std::string& query = "") {
    const json::array all = entries(who, query);
    return all.empty() ? json::object{} : all.front().as_object();
  }
  void apply(const std::string& who, const std::string& text, const RequestHeaders& headers = {}, bool dry_run = false) {
    stack_.ask(who, "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "x"}, {"text", text}}}}, {"dryRun", dry_run}}), headers);
  }

  Stack stack_;
};

constexpr const char* kBoth = R"(apiVersion: penstock/v1
kind: Project
metadata: {name: acme/web}
spec: {displayName: ours}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: rival/web}
spec: {displayName: theirs}
)";

TEST_F(AuditLog, HoldsWhoWhatBeforeAfterWhyAndFromWhere) {
  const std::string grant = "apiVersion: penstock/v1\nkind: Grant\nmetadata: {name: acme/ops}\nspec: {role: viewer, claims: [ops]}\n";
  apply("acme-admin", grant, {{"penstock-reason", "ops asked for it"}});
  apply("acme-admin", "apiVersion: penstock/v1\nkind: Grant\nmetadata: {name: acme/ops}\nspec: {role: member, claims: [ops]}\n");
  const json::object changed = last("auditor");
  const json::object& entry = changed.at("entry").as_object();
  EXPECT_EQ(std::string(changed.at("by").as_string()), "token:" + stack_.token("acme-admin").substr(4, 12));
  EXPECT_EQ(entry.at("who"), "acme-admin");
  EXPECT_EQ(entry.at("operation"), "apply");
  EXPECT_EQ(entry.at("tenant"), "acme");
  EXPECT_EQ(entry.at("from"), "127.0.0.1");
  EXPECT_FALSE(entry.contains("reason"));
  const json::object& object = entry.at("objects").at(0).as_object();
  EXPECT_EQ(object.at("name"), "acme/ops");
  EXPECT_EQ(object.at("change"), "changed");
  EXPECT_EQ(object.at("before").at("role"), "viewer");
  EXPECT_EQ(object.at("after").at("role"), "member");
  const json::object added = entries("auditor").at(1).as_object();
  EXPECT_EQ(added.at("entry").at("reason"), "ops asked for it");
  EXPECT_FALSE(added.at("entry").at("objects").at(0).as_object().contains("before"));
  stack_.good("acme-admin", "DELETE", "/v1/grants/acme/ops");
  const json::object removed = last("auditor", "&operation=deleteTenantGrant");
  EXPECT_EQ(removed.at("entry").at("objects").at(0).at("before").at("role"), "member");
  EXPECT_FALSE(removed.at("entry").at("objects").at(0).as_object().contains("after"));

  // Of jobs who did what to which; of tokens nothing that opens a door.
  stack_.submit("acme-member", "acme/llm/j1");
  stack_.good("acme-member", "POST", "/v1/jobs/acme/llm/j1/cancel", {}, {{"penstock-reason", "a mistake"}});
  const json::object cancelled = last("auditor");
  EXPECT_EQ(cancelled.at("entry").at("operation"), "cancelJob");
  EXPECT_EQ(json::serialize(cancelled.at("entry").at("objects")), R"([{"kind":"Job","name":"acme/llm/j1","change":"changed"}])");
  const json::object issued = stack_.good("operator", "POST", "/v1/tokens", R"({"name":"ci","role":"viewer","tenant":"acme"})");
  const std::string text(issued.at("token").as_string());
  EXPECT_EQ(last("acme-admin").at("entry").at("objects").at(0).at("after").at("name"), "ci");
  for (const json::value& each : entries("operator")) {
    EXPECT_EQ(json::serialize(each).find(text.substr(17)), std::string::npos);
    EXPECT_EQ(json::serialize(each).find("hash"), std::string::npos);
  }
}

TEST_F(AuditLog, HoldsOnlyWhatPeopleAndProgramsChanged) {
  const std::size_t before = entries("auditor").size();
  apply("operator", kBoth, {}, true);
  apply("acme-viewer", kBoth);
  stack_.ask("acme-member", "POST", "/v1/jobs", job_body("rival/llm/x"));
  stack_.ask("operator", "GET", "/v1/jobs");
  stack_.submit("acme-member", "acme/llm/j1", {{"idempotency-key", "k"}});
  stack_.submit("acme-member", "acme/llm/j1", {{"idempotency-key", "k"}});  // a repeat does nothing
  const json::object welcome = stack_.good("node", "POST", "/v1/agents/register",
                                           R"({"node":"lab/h1/k1/n1","address":"127.0.0.1","agentVersion":"1","bootId":"b","deviceVendor":"nvidia","deviceModel":"h200",)"
                                           R"("deviceCount":8,"cpu":"64","memory":"512GiB","powerSource":"model"})");
  stack_.good(std::string(welcome.at("token").as_string()), "POST", "/v1/agents/sync",
              fmt::format(R"({{"registration":{},"epoch":1,"revision":0,"wait":"PT0S","tasks":[]}})", json::serialize(welcome.at("registration"))));
  const json::array all = entries("auditor");
  ASSERT_EQ(all.size(), before + 2);
  EXPECT_EQ(all.at(0).at("entry").at("operation"), "registerAgent");
  EXPECT_EQ(all.at(1).at("entry").at("operation"), "submitJob");
  for (const std::string& reason : {std::string(501, 'x'), std::string("two\nlines"), std::string()}) {
    EXPECT_EQ(stack_.bad("acme-member", "POST", "/v1/jobs", job_body("acme/llm/j2"), {{"penstock-reason", reason}}), "400 invalid");
  }
}

TEST_F(AuditLog, TellsATenantWhatIsAboutItAndNotWhoTheProviderIs) {
  apply("operator", kBoth, {{"penstock-reason", "a new year"}});
  stack_.submit("rival-member", "rival/llm/secret");
  stack_.submit("acme-member", "acme/llm/own");
  const std::string told = json::serialize(entries("acme-admin"));
  EXPECT_EQ(told.find("rival"), std::string::npos) << told;
  EXPECT_EQ(told.find("theirs"), std::string::npos) << told;
  EXPECT_NE(told.find("acme/llm/own"), std::string::npos) << told;
  const json::object by_provider = entries("acme-admin").at(1).as_object();
  EXPECT_EQ(by_provider.at("entry").at("who"), "the provider");
  EXPECT_EQ(by_provider.at("entry").at("reason"), "a new year");
  EXPECT_FALSE(by_provider.contains("by"));
  EXPECT_FALSE(by_provider.at("entry").as_object().contains("from"));
  const std::string operator_id = "token:" + stack_.token("operator").substr(4, 12);
  EXPECT_EQ(entries("acme-admin", "&principal=" + operator_id).size(), 0u);
  EXPECT_EQ(entries("auditor", "&principal=" + operator_id).size(), 2u);
  EXPECT_EQ(stack_.bad("acme-admin", "GET", "/v1/audit?tenant=rival"), "404 not-found");
  EXPECT_EQ(stack_.bad("acme-member", "GET", "/v1/audit"), "403 forbidden");

  // Page by page, the same.
  const json::array whole = entries("auditor");
  json::array paged;
  std::string cursor;
  do {
    const json::object page = stack_.good("auditor", "GET", "/v1/audit?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const json::value& item : page.at("items").as_array()) paged.push_back(item);
    cursor = page.contains("next") ? std::string(page.at("next").as_string()) : "";
  } while (!cursor.empty());
  EXPECT_EQ(json::serialize(paged), json::serialize(whole));
}

}  // namespace
}  // namespace penstock
