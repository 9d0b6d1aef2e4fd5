// Every operation of the API, as everyone, on what is their own, another's and nobody's: against one table of who may.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "server/server.h"
#include "stack.h"

namespace penstock {
namespace {

/// What an operation is for. This table and the one below are the permissions as docs/api.md has them, said here a second
/// time and by hand.
enum class For { kOpen, kAnyone, kSeeEstate, kSeeTenancy, kSeeAccounts, kChangeEstate, kRunJobs, kSeeAccess, kGiveAccess, kNodes };

const std::map<std::string, For> kOperations{
    {"healthz", For::kOpen}, {"readyz", For::kOpen}, {"openapi", For::kOpen}, {"schema", For::kOpen}, {"version", For::kOpen},
    {"loginInfo", For::kOpen}, {"login", For::kOpen},
    {"whoami", For::kAnyone}, {"logout", For::kAnyone},
    {"metrics", For::kSeeEstate}, {"listEvents", For::kSeeEstate}, {"listSnapshots", For::kSeeEstate}, {"readSnapshot", For::kSeeEstate},
    {"listNodeTypes", For::kSeeEstate}, {"getNodeType", For::kSeeEstate}, {"listSites", For::kSeeEstate}, {"getSite", For::kSeeEstate},
    {"listRestrictions", For::kSeeEstate}, {"getRestriction", For::kSeeEstate}, {"listNodes", For::kSeeEstate}, {"getNode", For::kSeeEstate},
    {"capacity", For::kSeeEstate}, {"overview", For::kSeeEstate}, {"siteFloor", For::kSeeEstate}, {"sitePower", For::kSeeEstate}, {"siteLoss", For::kSeeEstate}, {"siteContingencies", For::kSeeEstate},
    {"planMaintenance", For::kSeeEstate}, {"topology", For::kSeeEstate}, {"targets", For::kSeeEstate}, {"getFleet", For::kSeeEstate},
    {"getFleetRules", For::kSeeEstate}, {"listTickets", For::kSeeTenancy}, {"getTicket", For::kSeeTenancy}, {"listIncidents", For::kSeeTenancy},
    {"getIncident", For::kSeeTenancy}, {"cordonNode", For::kChangeEstate}, {"uncordonNode", For::kChangeEstate}, {"drainNode", For::kChangeEstate},
    {"moveNode", For::kChangeEstate}, {"mendNode", For::kChangeEstate}, {"stopFleet", For::kChangeEstate}, {"resumeFleet", For::kChangeEstate},
    {"closeTicket", For::kChangeEstate}, {"releaseNode", For::kChangeEstate}, {"listWaves", For::kSeeEstate}, {"beginWave", For::kChangeEstate},
    {"getWave", For::kSeeEstate}, {"switchWave", For::kChangeEstate},
    {"listTenants", For::kSeeTenancy}, {"getTenant", For::kSeeTenancy}, {"listProjects", For::kSeeTenancy}, {"getProject", For::kSeeTenancy},
    {"listContracts", For::kSeeTenancy}, {"getContract", For::kSeeTenancy}, {"listJobs", For::kSeeTenancy}, {"getJob", For::kSeeTenancy},
    {"explainJob", For::kSeeTenancy}, {"jobLogs", For::kSeeTenancy}, {"listArchivedJobs", For::kSeeTenancy}, {"usage", For::kSeeTenancy},
    {"quote", For::kSeeEstate}, {"book", For::kSeeTenancy}, {"listUsageRows", For::kSeeTenancy}, {"listBudgets", For::kSeeTenancy},
    {"listInvoices", For::kSeeAccounts}, {"getInvoice", For::kSeeAccounts}, {"exportFocus", For::kSeeAccounts}, {"listMonths", For::kSeeAccounts},
    {"getMonth", For::kSeeEstate}, {"getLedger", For::kSeeEstate}, {"listEntries", For::kSeeEstate},
    {"closeMonth", For::kChangeEstate}, {"readMeter", For::kChangeEstate}, {"adjust", For::kChangeEstate},
    {"deleteNodeType", For::kChangeEstate}, {"deleteSite", For::kChangeEstate}, {"deleteTenant", For::kChangeEstate},
    {"deleteProject", For::kChangeEstate}, {"deleteContract", For::kChangeEstate}, {"deleteRestriction", For::kChangeEstate},
    {"submitText", For::kRunJobs}, {"submitJob", For::kRunJobs}, {"submitJobs", For::kRunJobs}, {"cancelJob", For::kRunJobs},
    {"holdJob", For::kRunJobs}, {"releaseJob", For::kRunJobs}, {"suspendJob", For::kRunJobs}, {"resizeJob", For::kRunJobs},
    {"repowerJob", For::kRunJobs}, {"replaceTask", For::kRunJobs},
    {"listTokens", For::kSeeAccess}, {"audit", For::kSeeAccess}, {"listPrincipals", For::kSeeAccess}, {"getPrincipal", For::kSeeAccess},
    {"getTenantPrincipal", For::kSeeAccess}, {"listGrants", For::kSeeAccess}, {"getGrant", For::kSeeAccess}, {"getTenantGrant", For::kSeeAccess},
    {"apply", For::kGiveAccess}, {"issueToken", For::kGiveAccess}, {"revokeToken", For::kGiveAccess}, {"deletePrincipal", For::kGiveAccess},
    {"deleteTenantPrincipal", For::kGiveAccess}, {"deleteGrant", For::kGiveAccess}, {"deleteTenantGrant", For::kGiveAccess},
    {"registerAgent", For::kNodes}, {"syncAgent", For::kNodes}, {"sendLog", For::kNodes},
};

const std::map<std::string, std::set<For>> kRoles{
    {"operator", {For::kSeeEstate, For::kSeeTenancy, For::kSeeAccounts, For::kChangeEstate, For::kRunJobs, For::kSeeAccess, For::kGiveAccess}},
    {"auditor", {For::kSeeEstate, For::kSeeTenancy, For::kSeeAccounts, For::kSeeAccess}},
    {"tenant-admin", {For::kSeeTenancy, For::kSeeAccounts, For::kRunJobs, For::kSeeAccess, For::kGiveAccess}},
    {"member", {For::kSeeTenancy, For::kRunJobs}},
    {"viewer", {For::kSeeTenancy}},
    {"node", {For::kNodes}},
};

struct Hold {
  std::string role, tenant, project;
};

struct Caller {
  std::string name;
  std::string token;
  bool valid = true;
  std::vector<Hold> holds;

  bool ever(For what) const {
    return what == For::kAnyone || std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) { return kRoles.at(hold.role).contains(what); });
  }
  bool over(For what, const std::string& tenant, const std::string& project) const {
    return std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) {
      if (!kRoles.at(hold.role).contains(what)) return false;
      return hold.tenant.empty() || (hold.tenant == tenant && (hold.project.empty() || hold.project == project));
    });
  }
  bool only_of(const std::string& tenant) const {
    return std::all_of(holds.begin(), holds.end(), [&](const Hold& hold) { return hold.tenant == tenant; });
  }
};

struct Target {
  std::string tenant, project;
};

/// One request that is to be made, and of whose object.
struct Case {
  std::string operation, method, target, body;
  For what = For::kOpen;
  bool scoped = false;  // what it is about belongs to `tenant` and `project`; else the door is all there is
  std::string tenant, project;
  bool exists = true;
  int out_of_reach = 404;  // the answer to who passes the door and does not reach it
  bool reading_tells = false;  // … but 403 to who may read it
};

std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
  return fmt::format("apiVersion: penstock/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n---\n", kind, name, spec);
}

std::string sources(const std::string& text, bool dry_run) {
  json::object body{{"sources", json::array{json::object{{"file", "x.yaml"}, {"text", text}}}}};
  if (dry_run) body["dryRun"] = true;
  return json::serialize(body);
}

class Rights : public testing::Test {
 protected:
  Rights() {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
    from_ = stack_.good("operator", "GET", "/v1/jobs").at("position").as_int64();
    std::string text = document("Principal", "root", "{type: user}") + document("Grant", "root", "{role: operator, principals: [root]}") +
                       document("Principal", "boss", "{type: user, groups: [books]}") + document("Grant", "books", "{role: auditor, groups: [books]}");
    for (const std::string tenant : {"acme", "rival"}) {
      const std::string mark = "zz" + tenant;
      text += document("Tenant", tenant, fmt::format("{{displayName: {}}}", mark));
      text += document("Project", tenant + "/llm", fmt::format("{{displayName: {}}}", mark));
      text += document("Project", tenant + "/web", fmt::format("{{displayName: {}web}}", mark));
      text += document("Principal", tenant + "/ann", fmt::format("{{type: user, displayName: {}}}", mark));
      text += document("Principal", tenant + "/bob", fmt::format("{{type: service-account, groups: [{}ops]}}", mark));
      text += document("Principal", tenant + "/eve", "{type: user}") + document("Principal", tenant + "/gone", "{type: user}");
      text += document("Principal", tenant + "/idle", "{type: user, suspended: true}");
      text += document("Grant", tenant + "/ann", "{role: viewer, principals: [ann, idle]}");
      text += document("Grant", tenant + "/llm", "{role: member, project: llm, principals: [ann]}");
      text += document("Grant", tenant + "/ops", fmt::format("{{role: tenant-admin, groups: [{}ops]}}", mark));
    }
    stack_.good("operator", "POST", "/v1/apply", sources(text, false), {{"penstock-reason", "the matrix"}});
    for (const std::string name : {"acme/llm/j1", "acme/web/j1", "rival/llm/j1"}) {
      const std::string mark = name == "acme/web/j1" ? "zzacmeweb" : "zz" + name.substr(0, name.find('/'));
      for (const std::string suffix : {"", "done"}) {
        const std::string body = fmt::format(R"({{"metadata":{{"name":"{}{}","labels":{{"mark":"{}"}}}},"spec":{{"contract":"{}/main","groups":[{{"name":"m","replicas":1,"gpus":"1"}}]}}}})",
                                             name, suffix, mark, name.substr(0, name.find('/')));
        stack_.good("operator", "POST", "/v1/jobs", body);
      }
      stack_.good("operator", "POST", "/v1/jobs/" + name + "done/cancel");
    }
    add_fleet();
    stack_.wait(minutes(1));
    add_callers();
  }
  ~Rights() override { spdlog::set_default_logger(logger_); }

  std::string issue(const std::string& fields) {
    const std::string body = fmt::format(R"({{"name":"t",{}}})", fields);
    return std::string(stack_.good("operator", "POST", "/v1/tokens", body).at("token").as_string());
  }

  void add_fleet();
  void add_callers();
  std::vector<Case> cases();
  void add_bodies(const Operation& operation, const Target& target, std::vector<Case>& out);
  void run(const Caller& caller, const Case& one, const std::string& key);
  void expect_no_leak(const Caller& caller, const Case& one, std::string body);

  std::shared_ptr<spdlog::logger> logger_ = spdlog::default_logger();
  std::ostringstream log_;
  Stack stack_;
  std::int64_t from_ = 0;
  std::string ticket_, incident_;
  std::vector<Caller> callers_;
  int count_ = 0;
};

// Both tenants have reported a node, and the node with their work fails.
void Rights::add_fleet() {
  stack_.wait(Duration());
  for (const std::string name : {"rival/llm/j1", "acme/llm/j1"}) {
    const std::string body = fmt::format(R"({{"rank":0,"reason":"zz{}"}})", name.substr(0, name.find('/')));
    const json::object reply = stack_.good(name.substr(0, name.find('/')) + "-member", "POST", "/v1/jobs/" + name + "/replace", body);
    ticket_ = reply.at("changes").at(1).at("name").as_string();
  }
  stack_.wait(Duration());
  for (const char* node : {"north/h1/k1/n1", "north/h1/k1/n2"}) PENSTOCK_CHECK(execute_and_wait(*stack_.core, LoseNode{node, "a fault"}, "test").ok());
  incident_ = stack_.good("operator", "GET", "/v1/incidents").at("items").at(0).at("uid").as_string();
}

void Rights::add_callers() {
  const std::string expired = issue(R"("role":"operator","validFor":"PT1M")");
  stack_.wait(minutes(2));
  const std::string revoked = issue(R"("role":"operator")");
  stack_.good("operator", "DELETE", "/v1/tokens/" + revoked.substr(4, 12));
  const std::string gone = issue(R"("principal":"acme/gone")");
  stack_.good("operator", "DELETE", "/v1/principals/acme/gone");
  for (const auto& [name, token] : std::map<std::string, std::string>{{"no token", ""}, {"nonsense", "pst_nonsense"}, {"an expired token", expired},
                                                                       {"a revoked token", revoked}, {"one of a deleted principal", gone},
                                                                       {"one of a suspended principal", issue(R"("principal":"acme/idle")")}}) {
    callers_.push_back({name, token, false, {}});
  }
  callers_.push_back({"operator", stack_.token("operator"), true, {{"operator", "", ""}}});
  callers_.push_back({"auditor", stack_.token("auditor"), true, {{"auditor", "", ""}}});
  callers_.push_back({"node", stack_.token("node"), true, {{"node", "", ""}}});
  for (const std::string tenant : {"acme", "rival"}) {
    callers_.push_back({tenant + " admin", stack_.token(tenant + "-admin"), true, {{"tenant-admin", tenant, ""}}});
    callers_.push_back({tenant + " member", stack_.token(tenant + "-member"), true, {{"member", tenant, ""}}});
    callers_.push_back({tenant + " viewer", stack_.token(tenant + "-viewer"), true, {{"viewer", tenant, ""}}});
    callers_.push_back({tenant + " ann", issue(fmt::format(R"("principal":"{}/ann")", tenant)), true, {{"viewer", tenant, ""}, {"member", tenant, "llm"}}});
    callers_.push_back({tenant + " bob by his group", issue(fmt::format(R"("principal":"{}/bob")", tenant)), true, {{"tenant-admin", tenant, ""}}});
    callers_.push_back({tenant + " eve, who has nothing", issue(fmt::format(R"("principal":"{}/eve")", tenant)), true, {}});
  }
  callers_.push_back({"member of a project", issue(R"("role":"member","tenant":"acme","project":"llm")"), true, {{"member", "acme", "llm"}}});
  callers_.push_back({"viewer of a project", issue(R"("role":"viewer","tenant":"acme","project":"llm")"), true, {{"viewer", "acme", "llm"}}});
  callers_.push_back({"ann, only to look", issue(R"("principal":"acme/ann","role":"viewer","tenant":"acme")"), true, {{"viewer", "acme", ""}}});
  callers_.push_back({"ann, as admin that she is not", issue(R"("principal":"acme/ann","role":"tenant-admin","tenant":"acme")"), true, {{"viewer", "acme", ""}, {"member", "acme", "llm"}}});
  callers_.push_back({"ann, in a project", issue(R"("principal":"acme/ann","tenant":"acme","project":"web")"), true, {{"viewer", "acme", "web"}}});
  callers_.push_back({"bob, only to run jobs", issue(R"("principal":"acme/bob","role":"member","tenant":"acme")"), true, {{"member", "acme", ""}}});
  callers_.push_back({"root", issue(R"("principal":"root")"), true, {{"operator", "", ""}}});
  callers_.push_back({"root, only to look at acme", issue(R"("principal":"root","role":"viewer","tenant":"acme")"), true, {{"viewer", "acme", ""}}});
  callers_.push_back({"root, within a project", issue(R"("principal":"root","role":"member","tenant":"acme","project":"llm")"), true, {{"member", "acme", "llm"}}});
  callers_.push_back({"root, as auditor", issue(R"("principal":"root","role":"auditor")"), true, {{"auditor", "", ""}}});
  callers_.push_back({"boss by his group", issue(R"("principal":"boss")"), true, {{"auditor", "", ""}}});
  callers_.push_back({"boss, as the member that he is not", issue(R"("principal":"boss","role":"member","tenant":"acme")"), true, {{"viewer", "acme", ""}}});
}

// What the operations with bodies are asked for, one case or several.
void Rights::add_bodies(const Operation& operation, const Target& target, std::vector<Case>& out) {
  const std::string id(operation.id), project = target.tenant + "/" + target.project, job = project + "/j1";
  const std::string spec = fmt::format(R"({{"contract":"{}/main","groups":[{{"name":"m","replicas":1,"gpus":"1"}}]}})", target.tenant);
  Case base = {id, std::string(operation.method), std::string(operation.pattern), "{}", kOperations.at(id), true, target.tenant, target.project, target.tenant != "nobody"};
  const auto add = [&](std::string body) { out.push_back(base); out.back().body = std::move(body); };
  base.reading_tells = base.what == For::kRunJobs;
  if (id == "submitText") return add(sources(document("Job", job, spec), false));
  if (id == "submitJob") return add(fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{}}})", job, spec));
  if (id == "submitJobs") return add(fmt::format(R"({{"items":[{{"metadata":{{"name":"{}"}},"spec":{}}}]}})", job, spec));
  base.project.clear();
  if (id == "apply") {
    for (const auto& [kind, name, text] : std::vector<std::array<std::string, 3>>{{"Principal", target.tenant + "/new", "{type: user}"},
                                                                                   {"Principal", target.tenant + "/ann", "{type: user, suspended: true}"},
                                                                                   {"Grant", target.tenant + "/new", "{role: tenant-admin, claims: [all]}"},
                                                                                   {"Grant", target.tenant + "/ann", "{role: viewer, claims: [all]}"}}) {
      add(sources(document(kind, name, text), true));
    }
    base.out_of_reach = 403;
    base.tenant.clear();
    base.exists = true;
    for (const auto& [kind, name, text] : std::vector<std::array<std::string, 3>>{{"Principal", "new", "{type: user}"},
                                                                                   {"Grant", "new", "{role: operator, claims: [all]}"}}) {
      add(sources(document(kind, name, text), true));
    }
    base.what = For::kChangeEstate;
    base.exists = target.tenant != "nobody";
    for (const auto& [kind, name, text] : std::vector<std::array<std::string, 3>>{{"Tenant", target.tenant, "{displayName: other}"},
                                                                                   {"Project", project, "{displayName: other}"},
                                                                                   {"Contract", target.tenant + "/new", "{class: spot, pricePerGpuHour: 1 USD}"}}) {
      add(sources(document(kind, name, text), true));
    }
    return;
  }
  if (id == "issueToken") {
    base.out_of_reach = 403;
    for (const std::string role : {"viewer", "member", "tenant-admin"}) add(fmt::format(R"({{"name":"t","role":"{}","tenant":"{}"}})", role, target.tenant));
    add(fmt::format(R"({{"name":"t","role":"member","tenant":"{}","project":"{}"}})", target.tenant, target.project));
    base.out_of_reach = 404;
    add(fmt::format(R"({{"name":"t","principal":"{}/ann"}})", target.tenant));
    base.out_of_reach = 403;
    base.tenant.clear();
    base.exists = true;
    for (const std::string role : {"operator", "auditor", "node"}) add(fmt::format(R"({{"name":"t","role":"{}"}})", role));
    base.out_of_reach = 404;
    add(R"({"name":"t","principal":"root"})");
    if (target.tenant == "nobody") return;
    base.exists = true;
    add(fmt::format(R"({{"name":"t","principal":"root","role":"viewer","tenant":"{}"}})", target.tenant));
    return;
  }
  base.scoped = false;
  add("{}");
}

std::vector<Case> Rights::cases() {
  std::vector<Case> out;
  auto parsed = parse_json(stack_.api->openapi());
  PENSTOCK_CHECK(parsed.ok());
  const json::object& paths = parsed->at("paths").as_object();
  const std::vector<Target> targets{{"acme", "llm"}, {"acme", "web"}, {"rival", "llm"}, {"nobody", "llm"}};
  for (const Operation& operation : stack_.api->operations()) {
    const std::string id(operation.id), pattern(operation.pattern);
    if (!kOperations.contains(id)) ADD_FAILURE() << "the table does not say who may " << id;
    // What the document says is what the server routes by.
    std::string verb(operation.method);
    std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!paths.contains(pattern) || !paths.at(pattern).as_object().contains(verb)) ADD_FAILURE() << id << " is not in the OpenAPI document";
    if (!kOperations.contains(id)) continue;
    const bool of_project = pattern.find("{project}") != std::string::npos;
    const bool of_tenant = pattern.find("{tenant}") != std::string::npos;
    for (const Target& target : targets) {
      if (id == "logout") break;
      const bool body_only = !operation.body_type.empty() && pattern.find('{') == std::string::npos;
      if (body_only) {
        add_bodies(operation, target, out);
        continue;
      }
      const bool plain_access = !of_tenant && (pattern.find("{principal}") != std::string::npos || pattern.find("{grant}") != std::string::npos);
      const bool varied = of_tenant || id == "revokeToken";
      if (!varied && target.tenant + target.project != "acmellm") continue;  // once is enough
      const std::map<std::string, std::string> values{{"tenant", target.tenant}, {"project", target.project}, {"job", "j1"}, {"contract", "main"},
                                                       {"principal", plain_access ? "root" : "ann"}, {"grant", plain_access ? "root" : "ann"},
                                                       {"nodetype", "hgx"}, {"site", "north"}, {"restriction", "x"}, {"hall", "h1"}, {"rack", "k1"},
                                                       {"node", "n1"}, {"snapshot", "1"}, {"reading", "1"}, {"token", "TOKEN"},
                                                       {"invoice", "acme-2026-05-usd"}, {"month", "2026-05"},
                                                       {"ticket", id == "closeTicket" ? "0" : ticket_}, {"incident", incident_}, {"wave", "none"}};
      std::string path = pattern;
      for (std::size_t at; (at = path.find('{')) != std::string::npos;) {
        const std::size_t end = path.find('}', at);
        path.replace(at, end - at + 1, values.at(path.substr(at + 1, end - at - 1)));
      }
      Case one = {id, std::string(operation.method), path, {}, kOperations.at(id), varied || plain_access, varied ? target.tenant : "", of_project ? target.project : "", target.tenant != "nobody"};
      if (id == "revokeToken") one.exists = true;
      one.reading_tells = one.what == For::kRunJobs;
      // What has another version is not changed, even by who may.
      const bool versioned = std::any_of(operation.query.begin(), operation.query.end(), [](const auto& q) { return q.name == "version"; });
      if (versioned) one.target += "?version=1";
      if (id == "resizeJob") one.body = R"({"replicas":1,"version":1})";
      if (id == "repowerJob") one.body = R"({"version":1})";
      if (id == "replaceTask") one.body = R"({"rank":1000})";  // there is none
      if (one.method == "POST" && one.body.empty() && operation.body_type == "application/json") one.body = "{}";
      out.push_back(one);
      for (const QueryParameter& query : operation.query) {
        if (query.name == "watch") {
          out.push_back(one);
          out.back().target += fmt::format("?watch=1&{}={}", id == "listEvents" ? "after" : "from", from_);
        }
        if (query.name != "tenant") continue;
        for (const std::string tenant : {"acme", "rival", "nobody"}) {
          out.push_back(one);
          out.back().target += "?tenant=" + tenant;
          // The list of jobs is then empty; the archive and the audit log of another tenant are not there.
          if (id == "listJobs") continue;
          out.back().scoped = true;
          out.back().tenant = tenant;
          out.back().project = "*";  // any part of it will do
        }
      }
    }
  }
  return out;
}

// Nothing of another tenant, or of a project beside one's own, but for the names that were asked for.
void Rights::expect_no_leak(const Caller& caller, const Case& one, std::string body) {
  const bool provider = !caller.holds.empty() && caller.holds.front().tenant.empty() && caller.holds.front().role != "node";
  if (provider || one.what == For::kOpen) return;  // the one sees everyone, the others nobody
  for (const std::string tenant : {"acme", "rival"}) {
    if (!caller.holds.empty() && caller.only_of(tenant)) continue;
    EXPECT_EQ(body.find("zz" + tenant), std::string::npos) << body;
    if (one.target.find(tenant) == std::string::npos && one.body.find(tenant) == std::string::npos && !caller.name.starts_with(tenant)) {
      EXPECT_EQ(body.find(tenant), std::string::npos) << body;
    }
  }
  const bool sees_web = std::any_of(caller.holds.begin(), caller.holds.end(), [](const Hold& hold) { return hold.project.empty() || hold.project == "web"; });
  if (!sees_web) {
    EXPECT_EQ(body.find("zzacmeweb"), std::string::npos) << body;
  }
}

void Rights::run(const Caller& caller, const Case& one, const std::string& key) {
  SCOPED_TRACE(fmt::format("{}: {} {} {} by {}", one.operation, one.method, one.target, one.body, caller.name));
  ++count_;
  std::string target = one.target;
  if (const std::size_t at = target.find("TOKEN"); at != std::string::npos) {
    const std::string scope = one.tenant == "nobody" ? R"("role":"auditor")" : fmt::format(R"("role":"viewer","tenant":"{}")", one.tenant);
    target.replace(at, 5, issue(scope).substr(4, 12));
  }
  RequestHeaders headers;
  if (one.method != "GET") headers["idempotency-key"] = key;
  const HttpResponse response = stack_.ask(caller.token, one.method, target, one.body, headers);
  std::string body = response.body;
  if (response.stream) {
    if (target.find("watch=1") != std::string::npos) body += read_until(*response.stream, one.operation == "listEvents" ? "event: event" : "event: position");
    response.stream->leave();
  }
  const int status = response.status;
  EXPECT_NE(status, 500) << body;
  // A key that another has used is a key that nobody has used.
  EXPECT_EQ(body.find("\"repeated\":true"), std::string::npos) << body;
  expect_no_leak(caller, one, body);

  const bool passes = status != 401 && status != 403;
  if (one.what == For::kOpen) {
    EXPECT_TRUE(passes) << status << body;
  } else if (!caller.valid) {
    EXPECT_EQ(status, 401) << body;
  } else if (!caller.ever(one.what) && !(one.operation == "apply" && caller.ever(For::kGiveAccess))) {
    EXPECT_EQ(status, 403) << body;
  } else if (one.operation == "syncAgent") {
    EXPECT_NE(status, 401) << body;  // a join token passes the door, and is told to register first
  } else if (!one.scoped) {
    EXPECT_TRUE(passes) << status << body;
  } else {
    const std::string tenant = one.operation == "revokeToken" && one.tenant == "nobody" ? "" : one.tenant;
    bool reached = caller.over(one.what, tenant, one.project);
    if (one.project == "*") {
      reached = std::any_of(caller.holds.begin(), caller.holds.end(), [&](const Hold& hold) {
        return kRoles.at(hold.role).contains(one.what) && (hold.tenant.empty() || hold.tenant == tenant);
      });
      EXPECT_EQ(status, reached ? 200 : 404) << body;
      return;
    }
    if (!reached) {
      const bool readable = one.reading_tells && caller.over(For::kSeeTenancy, tenant, one.project);
      EXPECT_EQ(status, readable ? 403 : one.out_of_reach) << body;
    } else if (one.exists) {
      EXPECT_TRUE(passes && status != 404) << status << body;
    } else {
      EXPECT_TRUE(status == 404 || status == 200) << status << body;  // a batch tells of each job by itself
    }
  }
}

TEST_F(Rights, AreThoseOfTheTableForEveryOperationRoleAndTenant) {
  const std::vector<Case> all = cases();
  for (const Caller& caller : callers_) {
    for (std::size_t i = 0; i < all.size(); ++i) run(caller, all[i], fmt::format("key {}", i));
  }
  for (const Caller& caller : callers_) {
    run(caller, {"logout", "POST", "/v1/logout", {}, For::kAnyone}, "last");
    EXPECT_EQ(stack_.ask(caller.token, "GET", "/v1/whoami").status, 401) << "after the logout of " << caller.name;
  }
  EXPECT_GT(count_, 4000);
  fmt::print("{} requests: {} callers, {} kinds of requests on {} operations\n", count_, callers_.size(), all.size(), kOperations.size());
  EXPECT_EQ(kOperations.size(), stack_.api->operations().size());
  // The server's log names who was denied, and no secret.
  const std::string log = log_.str();
  EXPECT_NE(log.find("event=denied status=403 operation=apply by=token:"), std::string::npos);
  for (const Caller& caller : callers_) {
    if (caller.token.size() > 20) EXPECT_EQ(log.find(caller.token.substr(17)), std::string::npos) << caller.name;
  }
}

// For who may not know of it, what is another's answers like what does not exist, to the letter but for its name.
TEST_F(Rights, AForeignObjectAnswersLikeNone) {
  const std::vector<Case> all = cases();
  const auto neutral = [](std::string text, const std::string& tenant) {
    for (std::size_t at; (at = text.find(tenant)) != std::string::npos;) text.replace(at, tenant.size(), "*");
    return text;
  };
  int pairs = 0;
  for (const Case& foreign : all) {
    if (!foreign.scoped || foreign.tenant != "rival" || foreign.target.find("TOKEN") != std::string::npos) continue;
    for (const Caller& caller : callers_) {
      if (!caller.valid || !caller.only_of("acme")) continue;
      SCOPED_TRACE(fmt::format("{} {} {} by {}", foreign.method, foreign.target, foreign.body, caller.name));
      Case none = foreign;
      for (std::string* text : {&none.target, &none.body}) {
        for (std::size_t at; (at = text->find("rival")) != std::string::npos;) text->replace(at, 5, "nobody");
      }
      const HttpResponse a = stack_.ask(caller.token, foreign.method, foreign.target, foreign.body);
      const HttpResponse b = stack_.ask(caller.token, none.method, none.target, none.body);
      ++pairs;
      EXPECT_EQ(a.status, b.status);
      EXPECT_EQ(neutral(a.body, "rival"), neutral(b.body, "nobody"));
      EXPECT_EQ(a.headers, b.headers);
    }
  }
  EXPECT_GT(pairs, 300);
}

}  // namespace
}  // namespace penstock
