// The table of operations, and the way of a request through it.
#include "server/api/api.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include "base/name.h"
#include "exchange/fabric.h"
#include "runtime/protocol.h"
#include "engine/power/outlook.h"
#include "server/api/billing_bodies.h"
#include "server/api/book.h"
#include "server/api/fleet_bodies.h"
#include "server/api/handlers.h"
#include "server/api/overview.h"

namespace penstock {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";

const std::vector<QueryParameter> kPaging{{"limit", "objects in a page, 1 to 1000; 100 if absent"},
                                          {"cursor", "`next` of the page before"}};
const std::vector<QueryParameter> kWatched{{"limit", "objects in a page, 1 to 1000; 100 if absent"},
                                           {"cursor", "`next` of the page before"},
                                           {"watch", "1: answer with server-sent events instead of a page"},
                                           {"from", "with watch: the position after which changes are told; the present if absent. "
                                                    "A Last-Event-ID header means the same"}};

std::vector<QueryParameter> with(std::vector<QueryParameter> base, std::vector<QueryParameter> more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

std::string_view right_doc(Right right) {
  switch (right) {
    case Right::kNone: return "no credential";
    case Right::kAuthenticated: return "any valid token";
    case Right::kReadEstate: return "operator, auditor";
    case Right::kReadTenancy: return "operator, auditor; tenant-admin, member and viewer for their tenant";
    case Right::kReadAccounts: return "operator, auditor; tenant-admin for its tenant";
    case Right::kWriteObjects: return "operator";
    case Right::kWriteJobs: return "operator; tenant-admin and member for their tenant";
    case Right::kReadAccess: return "operator, auditor; tenant-admin for its tenant";
    case Right::kWriteAccess: return "operator; tenant-admin for its tenant";
    case Right::kBeNode: return "node";
  }
  return "";
}

std::uint64_t fingerprint(const HttpRequest& request) {
  return state_hash(request.method + "\n" + request.target + "\n" + request.body);
}

constexpr std::size_t kMostKey = 200;
constexpr std::size_t kMostReason = 500;

// A header that may be left out: `most` printable ASCII characters at most.
Status check_header(const HttpRequest& request, const std::string& header, std::string_view shown, std::size_t most) {
  const auto found = request.headers.find(header);
  if (found == request.headers.end()) return ok_status();
  const std::string& text = found->second;
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && !text.empty() && text.size() <= most) return ok_status();
  return make_error(Code::kInvalid, fmt::format("the {} must have 1 to {} printable ASCII characters", shown, most), std::string(shown));
}

// Tenant and project of `tenant/project/…`; what is not there is empty.
std::pair<std::string_view, std::string_view> split_owner(std::string_view owner) {
  const std::size_t slash = owner.find('/');
  const std::string_view rest = slash == std::string_view::npos ? std::string_view() : owner.substr(slash + 1);
  return {owner.substr(0, slash), rest.substr(0, rest.find('/'))};
}

}  // namespace

std::string Call::name() const { return fmt::format("{}", fmt::join(path, "/")); }

CommandMeta Call::meta() const {
  CommandMeta meta;
  meta.principal = principal.id();
  const auto key = request.headers.find("idempotency-key");
  if (key != request.headers.end()) {
    meta.idempotency_key = key->second;
    meta.fingerprint = fingerprint(request);
  }
  const auto reason = request.headers.find("penstock-reason");
  meta.asked = Asked{std::string(operation->id), principal.name, principal.principal, principal.tenant,
                     reason == request.headers.end() ? std::string() : reason->second, request.peer};
  return meta;
}

bool Api::still_may(Call& call) {
  const std::uint64_t now_at = core_.tokens().changes();
  if (call.as_of == now_at && (!call.principal.expires || core_.now() < *call.principal.expires)) return true;
  auto again = core_.tokens().again(call.principal, core_.now());
  if (!again.ok()) return false;
  call.as_of = now_at;
  call.principal = std::move(*again);
  return call.principal.has(call.operation->right);
}

bool Call::reaches(std::string_view owner) const {
  const auto [tenant, project] = split_owner(owner);
  return principal.may(operation->right, tenant, project);
}

Error Call::out_of_reach(std::string_view kind, std::string_view object, std::string_view owner) const {
  const auto [tenant, project] = split_owner(owner);
  if (!principal.may(Right::kReadTenancy, tenant, project)) return unknown(kind, object);
  return make_error(Code::kForbidden, fmt::format("you may read {} '{}' and not do this to it; it is allowed to: {}", kind, object, right_doc(operation->right)));
}

Api::Api(Core& core, Metrics& metrics, std::string version, Oidc* oidc)
    : core_(core), metrics_(metrics), version_(std::move(version)), oidc_(oidc), schema_(json::serialize(document_schema())) {
  build();
}

void Api::build() {
  SchemaWriter schemas("#/components/schemas/");
  const json::object none;
  const auto add = [this](Operation operation) { operations_.push_back(std::move(operation)); };
  const json::object text{{"type", "string"}};
  const json::object bytes{{"type", "string"}, {"format", "binary"}};

  add({"GET", "/healthz", "healthz", "System", "Whether the process lives", Right::kNone, {}, "", none, 200, kJson, schemas.of<Health>(), &Api::health});
  add({"GET", "/readyz", "readyz", "System", "Whether writes are accepted", Right::kNone, {}, "", none, 200, kJson, schemas.of<Health>(), &Api::ready});
  add({"GET", "/openapi.json", "openapi", "System", "This document", Right::kNone, {}, "", none, 200, kJson, {{"type", "object"}}, &Api::openapi});
  add({"GET", "/v1/schema", "schema", "System", "JSON Schema of all documents", Right::kNone, {}, "", none, 200, kJson, {{"type", "object"}}, &Api::schema});
  add({"GET", "/v1/version", "version", "System", "Version of the server", Right::kNone, {}, "", none, 200, kJson, schemas.of<VersionInfo>(), &Api::version});
  add({"GET", "/v1/whoami", "whoami", "System", "Who the caller is", Right::kAuthenticated, {}, "", none, 200, kJson, schemas.of<Identity>(), &Api::whoami});
  add({"GET", "/metrics", "metrics", "System", "Metrics in Prometheus' text format", Right::kReadEstate, {}, "", none, 200, kText, text, &Api::metrics});
  add({"GET", "/v1/events", "listEvents", "System", "The event log from a position on", Right::kReadEstate,
       {{"after", "position after which to begin; 0 if absent"}, {"limit", "events in a page, 1 to 1000; 100 if absent"},
        {"watch", "1: answer with server-sent events, from `after` on"}},
       "", none, 200, kJson, schemas.of<EventPage>(), &Api::events});

  add({"GET", "/v1/snapshots", "listSnapshots", "System", "Snapshots of the whole state that are kept", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<SnapshotList>(), &Api::list_snapshots});
  add({"GET", "/v1/snapshots/{snapshot}", "readSnapshot", "System", "Bytes of a snapshot; none from its end on", Right::kReadEstate,
       {{"offset", "first byte; 0 if absent"}, {"limit", "bytes, 1 to 262144; 262144 if absent"}},
       "", none, 200, kBytes, bytes, &Api::read_snapshot});

  add({"POST", "/v1/apply", "apply", "Objects", "Add or change objects, all or none; of a tenant-admin principals and grants of its tenant", Right::kWriteAccess, {}, kJson, schemas.of<ApplyRequest>(), 200, kJson, schemas.of<Reply>(), &Api::apply});
  const auto objects = [&]<Kind kind>(std::string_view list, std::string_view one, std::string_view ids, std::string_view id,
                                      std::string_view delete_id, std::string_view many, std::string_view single, std::string_view removal, Right right, Right write = Right::kWriteObjects) {
    add({"GET", list, ids, "Objects", many, right, kWatched, "", none, 200, kJson, schemas.of<ObjectPage>(), &Api::list_objects<kind>});
    add({"GET", one, id, "Objects", single, right, {}, "", none, 200, kJson, schemas.of<ObjectView>(), &Api::get_object<kind>});
    add({"DELETE", one, delete_id, "Objects", removal, write, {{"version", "refuse unless the object has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::delete_object<kind>});
  };
  objects.operator()<Kind::kNodeType>("/v1/nodetypes", "/v1/nodetypes/{nodetype}", "listNodeTypes", "getNodeType", "deleteNodeType", "List node types", "Get a node type", "Delete a node type", Right::kReadEstate);
  objects.operator()<Kind::kSite>("/v1/sites", "/v1/sites/{site}", "listSites", "getSite", "deleteSite", "List sites", "Get a site", "Delete a site", Right::kReadEstate);
  objects.operator()<Kind::kTenant>("/v1/tenants", "/v1/tenants/{tenant}", "listTenants", "getTenant", "deleteTenant", "List tenants", "Get a tenant", "Delete a tenant", Right::kReadTenancy);
  objects.operator()<Kind::kProject>("/v1/projects", "/v1/projects/{tenant}/{project}", "listProjects", "getProject", "deleteProject", "List projects", "Get a project", "Delete a project", Right::kReadTenancy);
  objects.operator()<Kind::kContract>("/v1/contracts", "/v1/contracts/{tenant}/{contract}", "listContracts", "getContract", "deleteContract", "List contracts", "Get a contract", "Delete a contract", Right::kReadTenancy);
  objects.operator()<Kind::kRestriction>("/v1/restrictions", "/v1/restrictions/{site}/{restriction}", "listRestrictions", "getRestriction", "deleteRestriction", "List restrictions", "Get a restriction", "Delete a restriction: the part is back", Right::kReadEstate);
  // Those of a tenant are named tenant/name, those of the provider name.
  const auto access = [&]<Kind kind>(std::string_view list, std::string_view own, std::string_view of_tenant, std::string_view ids, std::string_view id,
                                     std::string_view tenant_id, std::string_view delete_id, std::string_view delete_tenant_id, std::string_view many, std::string_view single, std::string_view removal) {
    objects.operator()<kind>(list, own, ids, id, delete_id, many, single, removal, Right::kReadAccess, Right::kWriteAccess);
    add({"GET", of_tenant, tenant_id, "Objects", single, Right::kReadAccess, {}, "", none, 200, kJson, schemas.of<ObjectView>(), &Api::get_object<kind>});
    add({"DELETE", of_tenant, delete_tenant_id, "Objects", removal, Right::kWriteAccess, {{"version", "refuse unless the object has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::delete_object<kind>});
  };
  access.operator()<Kind::kPrincipal>("/v1/principals", "/v1/principals/{principal}", "/v1/principals/{tenant}/{principal}", "listPrincipals", "getPrincipal", "getTenantPrincipal", "deletePrincipal", "deleteTenantPrincipal", "List principals", "Get a principal", "Delete a principal and its tokens");
  access.operator()<Kind::kGrant>("/v1/grants", "/v1/grants/{grant}", "/v1/grants/{tenant}/{grant}", "listGrants", "getGrant", "getTenantGrant", "deleteGrant", "deleteTenantGrant", "List grants", "Get a grant", "Delete a grant");

  constexpr std::string_view kJob = "/v1/jobs/{tenant}/{project}/{job}";
  add({"POST", "/v1/submit", "submitText", "Jobs", "Submit jobs from texts, all or none", Right::kWriteJobs, {}, kJson, schemas.of<SubmitText>(), 201, kJson, schemas.of<Reply>(), &Api::submit_text});
  add({"POST", "/v1/jobs", "submitJob", "Jobs", "Submit a job", Right::kWriteJobs, {}, kJson, schemas.of<JobRequest>(), 201, kJson, schemas.of<Reply>(), &Api::submit_job});
  add({"POST", "/v1/jobs/batch", "submitJobs", "Jobs", "Submit many jobs, each on its own", Right::kWriteJobs, {}, kJson, schemas.of<JobBatch>(), 200, kJson, schemas.of<Reply>(), &Api::submit_batch});
  add({"GET", "/v1/jobs", "listJobs", "Jobs", "List jobs in memory: live ones and those that ended lately", Right::kReadTenancy,
       with(kWatched, {{"tenant", "only of this tenant"}, {"project", "only of this tenant/project"}, {"phase", "only in this phase, or `live` for all that have not ended"}}),
       "", none, 200, kJson, schemas.of<JobPage>(), &Api::list_jobs});
  add({"GET", kJob, "getJob", "Jobs", "Get a job, from the archive if it ended long ago", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<JobView>(), &Api::get_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/cancel", "cancelJob", "Jobs", "Cancel a job", Right::kWriteJobs, {{"version", "refuse unless the job has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::cancel_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/hold", "holdJob", "Jobs", "Hold a waiting job back", Right::kWriteJobs, {{"version", "refuse unless the job has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::hold_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/release", "releaseJob", "Jobs", "Let a job go that is held back or was suspended", Right::kWriteJobs, {{"version", "refuse unless the job has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::release_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/suspend", "suspendJob", "Jobs", "Stop a job with what its checkpoints keep, and hold it back", Right::kWriteJobs, {{"version", "refuse unless the job has this version"}}, "", none, 200, kJson, schemas.of<Reply>(), &Api::suspend_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/resize", "resizeJob", "Jobs", "Change how many tasks an elastic gang may have", Right::kWriteJobs, {}, kJson, schemas.of<ResizeRequest>(), 200, kJson, schemas.of<Reply>(), &Api::resize_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/power", "repowerJob", "Jobs", "Change the power limit of a job's GPUs, within all limits", Right::kWriteJobs, {}, kJson, schemas.of<RepowerRequest>(), 200, kJson, schemas.of<Reply>(), &Api::repower_job});
  add({"POST", "/v1/jobs/{tenant}/{project}/{job}/replace", "replaceTask", "Jobs", "Report a fault of a task's node, and go on with another", Right::kWriteJobs, {}, kJson, schemas.of<ReplaceRequest>(), 200, kJson, schemas.of<Reply>(), &Api::replace_task});
  add({"GET", "/v1/jobs/{tenant}/{project}/{job}/explain", "explainJob", "Jobs", "Why a job waits", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<Explanation>(), &Api::explain_job});
  add({"GET", "/v1/jobs/{tenant}/{project}/{job}/logs", "jobLogs", "Jobs", "Output of one task, as bytes", Right::kReadTenancy,
       {{"rank", "which task; 0 if absent"}, {"offset", "first byte, counted over all rotated files; 0 if absent"}, {"follow", "1: go on until the task ends"}},
       "", none, 200, kBytes, bytes, &Api::job_log});
  add({"GET", "/v1/archive/jobs", "listArchivedJobs", "Jobs", "Jobs that have ended, newest first", Right::kReadTenancy, with(kPaging, {{"tenant", "only of this tenant"}}), "", none, 200, kJson, schemas.of<JobPage>(), &Api::list_archive});
  add({"GET", "/v1/usage", "usage", "Jobs", "What projects used in ended allocations", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<UsageList>(), &Api::usage});

  const std::vector<QueryParameter> of_month{{"month", "only of this calendar month, e.g. 2026-07"}, {"tenant", "only of this tenant"}};
  add({"GET", "/v1/usage/rows", "listUsageRows", "Accounts", "List rows of usage, the oldest first", Right::kReadTenancy,
       with(with(kPaging, of_month), {{"project", "only of this tenant/project"}, {"contract", "only under this contract"}}), "", none, 200, kJson, schemas.of<UsageRowList>(), &Api::list_usage_rows});
  add({"GET", "/v1/budgets", "listBudgets", "Accounts", "What projects have spent of their budgets", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<BudgetList>(), &Api::budgets});
  add({"GET", "/v1/invoices", "listInvoices", "Accounts", "List invoices, the oldest first", Right::kReadAccounts, with(kPaging, of_month), "", none, 200, kJson, schemas.of<InvoiceList>(), &Api::list_invoices});
  add({"GET", "/v1/invoices/{invoice}", "getInvoice", "Accounts", "Get an invoice with its lines", Right::kReadAccounts, {}, "", none, 200, kJson, schemas.of<Invoice>(), &Api::get_invoice});
  add({"GET", "/v1/focus", "exportFocus", "Accounts", "Charges of closed months by FOCUS 1.2", Right::kReadAccounts, with(of_month, {{"format", "json, or csv; json if absent"}}), "", none, 200, kJson, json::object{{"type", "array"}, {"items", {{"type", "object"}}}}, &Api::focus});
  add({"GET", "/v1/months", "listMonths", "Accounts", "Open months and what they have come to", Right::kReadAccounts, {}, "", none, 200, kJson, schemas.of<MonthList>(), &Api::list_months});
  add({"GET", "/v1/months/{month}", "getMonth", "Accounts", "Where the energy of a closed month went", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<MonthClosed>(), &Api::get_month});
  add({"POST", "/v1/months/{month}/close", "closeMonth", "Accounts", "Close a month: share out energy, post, issue invoices", Right::kWriteObjects, {}, "", none, 200, kJson, schemas.of<Reply>(), &Api::close_month});
  add({"GET", "/v1/ledger", "getLedger", "Accounts", "Balances of all accounts", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<AccountList>(), &Api::ledger});
  add({"GET", "/v1/ledger/entries", "listEntries", "Accounts", "Entries of a month", Right::kReadEstate, {{"month", "e.g. 2026-07"}}, "", none, 200, kJson, schemas.of<EntryList>(), &Api::ledger_entries});
  add({"POST", "/v1/readings", "readMeter", "Accounts", "Take in what a site's meter has shown", Right::kWriteObjects, {}, kJson, schemas.of<Reading>(), 200, kJson, schemas.of<Reply>(), &Api::read_meter});
  add({"POST", "/v1/adjustments", "adjust", "Accounts", "Charge or credit a project on its next invoice", Right::kWriteObjects, {}, kJson, schemas.of<Adjustment>(), 200, kJson, schemas.of<Reply>(), &Api::adjust});

  add({"GET", "/v1/nodes", "listNodes", "Estate", "List nodes", Right::kReadEstate, with(kWatched, {{"site", "only of this site"}, {"rack", "only of this site/hall/rack"}, {"state", "only in this state of their life, or `lost`, or `unregistered`"}, {"amiss", "1: only those that are not simply at work"}}), "", none, 200, kJson, schemas.of<NodePage>(), &Api::list_nodes});
  add({"GET", "/v1/nodes/{site}/{hall}/{rack}/{node}", "getNode", "Estate", "Get a node with its tasks", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<NodeView>(), &Api::get_node});
  add({"GET", "/v1/capacity", "capacity", "Estate", "GPUs and watts by site and model", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<CapacityList>(), &Api::capacity});
  add({"GET", "/v1/overview", "overview", "Estate", "All sites, the queue, and what is amiss", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<Overview>(), &Api::overview});
  add({"GET", "/v1/sites/{site}/floor", "siteFloor", "Estate", "A site rack by rack", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<Floor>(), &Api::floor});

  add({"GET", "/v1/topology/nodes", "topology", "Estate", "The fabric as switches and NVLink domains, for topograph's provider `dsx`", Right::kReadEstate,
       {{"node_ids", "only these nodes, by host name, joined by commas"}, {"page_size", "switches in a page, 1 to 1000; 100 if absent"}, {"page_token", "`next_page_token` of the page before"}, {"site", "only of this site"}},
       "", none, 200, kJson, schemas.of<DsxTopology>(), &Api::topology});
  add({"GET", "/v1/targets", "targets", "Estate", "Where metrics of nodes are, for Prometheus' http_sd_config", Right::kReadEstate,
       {{"port", "of the exporter; 9400 if absent, that of dcgm-exporter"}, {"site", "only of this site"}},
       "", none, 200, kJson, json::object{{"type", "array"}, {"items", schemas.of<ScrapeTarget>()}}, &Api::targets});

  const std::vector<QueryParameter> what_if{{"at", "a time from now on, RFC 3339; now if absent"},
                                            {"parts", "elements and cooling units that are out besides, joined by commas; ranges may be used"},
                                            {"import", "import limit, e.g. 30MW, if the grid's operator ordered it"}};
  add({"GET", "/v1/sites/{site}/power", "sitePower", "Estate", "What a site's limits carry and leave", Right::kReadEstate, what_if, "", none, 200, kJson, schemas.of<SitePower>(), &Api::site_power});
  add({"GET", "/v1/sites/{site}/power/loss", "siteLoss", "Estate", "What a loss would do: racks, overloads, shed set, tenants", Right::kReadEstate, what_if, "", none, 200, kJson, schemas.of<LossOutlook>(), &Api::site_loss});
  add({"GET", "/v1/sites/{site}/power/contingencies", "siteContingencies", "Estate", "Every credible loss with its named shed set", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<ContingencyList>(), &Api::site_contingencies});
  add({"GET", "/v1/sites/{site}/maintenance", "planMaintenance", "Estate", "Whether parts may be out in a window", Right::kReadEstate,
       {{"parts", "elements and cooling units, joined by commas; ranges may be used"}, {"from", "when it begins, RFC 3339"}, {"until", "when it ends, RFC 3339"}},
       "", none, 200, kJson, schemas.of<MaintenancePlan>(), &Api::plan_maintenance});

  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/cordon", "cordonNode", "Fleet", "Let nothing new start on a node", Right::kWriteObjects, {}, kJson, schemas.of<ReasonRequest>(), 200, kJson, schemas.of<Reply>(), &Api::cordon_node});
  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/uncordon", "uncordonNode", "Fleet", "Take a cordon or a drain back", Right::kWriteObjects, {}, kJson, schemas.of<ReasonRequest>(), 200, kJson, schemas.of<Reply>(), &Api::uncordon_node});
  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/drain", "drainNode", "Fleet", "Cordon a node, and move what runs there as soon as that loses nothing", Right::kWriteObjects, {}, kJson, schemas.of<ReasonRequest>(), 200, kJson, schemas.of<Reply>(), &Api::drain_node});
  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/move", "moveNode", "Fleet", "Move a node along its life, as the table allows", Right::kWriteObjects, {}, kJson, schemas.of<MoveRequest>(), 200, kJson, schemas.of<Reply>(), &Api::move_node});
  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/mend", "mendNode", "Fleet", "Mend a node once it is idle, or now", Right::kWriteObjects, {}, kJson, schemas.of<MendRequest>(), 200, kJson, schemas.of<Reply>(), &Api::mend_node});
  add({"POST", "/v1/nodes/{site}/{hall}/{rack}/{node}/release", "releaseNode", "Fleet", "Say that a node which a wave holds has been seen to", Right::kWriteObjects, {}, kJson, schemas.of<ReasonRequest>(), 200, kJson, schemas.of<Reply>(), &Api::release_node});
  add({"GET", "/v1/waves", "listWaves", "Fleet", "List waves of maintenance and how far they have come", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<WaveList>(), &Api::list_waves});
  add({"POST", "/v1/waves", "beginWave", "Fleet", "Let maintenance go through nodes, a few at a time", Right::kWriteObjects, {}, kJson, schemas.of<WaveRequest>(), 201, kJson, schemas.of<Reply>(), &Api::begin_wave});
  add({"GET", "/v1/waves/{wave}", "getWave", "Fleet", "Get a wave of maintenance", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<Wave>(), &Api::get_wave});
  add({"POST", "/v1/waves/{wave}/switch", "switchWave", "Fleet", "Pause a wave, let it go on, or stop it", Right::kWriteObjects, {}, kJson, schemas.of<WaveSwitch>(), 200, kJson, schemas.of<Reply>(), &Api::switch_wave});
  add({"GET", "/v1/fleet", "getFleet", "Fleet", "How the nodes of all sites are, and how near automation is to its limits", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<FleetView>(), &Api::fleet});
  add({"GET", "/v1/fleet/rules", "getFleetRules", "Fleet", "The life of a node as one table, and what findings mean", Right::kReadEstate, {}, "", none, 200, kJson, schemas.of<FleetRules>(), &Api::list_fleet_rules});
  add({"POST", "/v1/fleet/stop", "stopFleet", "Fleet", "Stop automation at a site or everywhere", Right::kWriteObjects, {}, kJson, schemas.of<SwitchRequest>(), 200, kJson, schemas.of<Reply>(), &Api::stop_fleet});
  add({"POST", "/v1/fleet/resume", "resumeFleet", "Fleet", "Let automation go on", Right::kWriteObjects, {}, kJson, schemas.of<SwitchRequest>(), 200, kJson, schemas.of<Reply>(), &Api::resume_fleet});
  const std::vector<QueryParameter> kept{{"site", "only of this site"}, {"all", "1: also those that are closed, as far as they are kept"}};
  add({"GET", "/v1/tickets", "listTickets", "Fleet", "List tickets, the oldest first; to tenants, their own reports", Right::kReadTenancy, with(kWatched, kept), "", none, 200, kJson, schemas.of<TicketPage>(), &Api::list_tickets});
  add({"GET", "/v1/tickets/{ticket}", "getTicket", "Fleet", "Get a ticket", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<Ticket>(), &Api::get_ticket});
  add({"POST", "/v1/tickets/{ticket}/close", "closeTicket", "Fleet", "Say that a ticket is done: its node is looked at and tested", Right::kWriteObjects, {}, kJson, schemas.of<CloseRequest>(), 200, kJson, schemas.of<Reply>(), &Api::close_ticket});
  add({"GET", "/v1/incidents", "listIncidents", "Fleet", "List incidents, the oldest first; to tenants, those that hit them", Right::kReadTenancy, with(kWatched, kept), "", none, 200, kJson, schemas.of<IncidentPage>(), &Api::list_incidents});
  add({"GET", "/v1/incidents/{incident}", "getIncident", "Fleet", "Get an incident with its timeline", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<IncidentView>(), &Api::get_incident});

  add({"POST", "/v1/quote", "quote", "Sales", "Whether a contract can be sold, from when and how much of it", Right::kReadEstate, {}, kJson, schemas.of<QuoteRequest>(), 200, kJson, schemas.of<Quote>(), &Api::quote});
  add({"GET", "/v1/book", "book", "Sales", "Where signed contracts would lie, what is missing of them, and what there is", Right::kReadTenancy, {}, "", none, 200, kJson, schemas.of<BookView>(), &Api::book});

  add({"GET", "/v1/login", "loginInfo", "Access", "Where to log in", Right::kNone, {}, "", none, 200, kJson, schemas.of<LoginInfo>(), &Api::login_info});
  add({"POST", "/v1/login", "login", "Access", "Give an ID token of the identity provider for a session", Right::kNone, {}, kJson, schemas.of<LoginRequest>(), 201, kJson, schemas.of<LoggedIn>(), &Api::login});
  add({"POST", "/v1/logout", "logout", "Access", "Revoke the token of this request", Right::kAuthenticated, {}, "", none, 200, kJson, schemas.of<Reply>(), &Api::logout});
  add({"GET", "/v1/audit", "audit", "Access", "Who changed what, newest first", Right::kReadAccess,
       with(kPaging, {{"tenant", "only what is about this tenant"}, {"principal", "only of this principal, or of `token:ID`"}, {"operation", "only this operation, e.g. cancelJob"}}),
       "", none, 200, kJson, schemas.of<AuditPage>(), &Api::audit});
  add({"GET", "/v1/tokens", "listTokens", "Access", "List tokens", Right::kReadAccess, kPaging, "", none, 200, kJson, schemas.of<TokenPage>(), &Api::list_tokens});
  add({"POST", "/v1/tokens", "issueToken", "Access", "Issue a token", Right::kWriteAccess, {}, kJson, schemas.of<TokenRequest>(), 201, kJson, schemas.of<IssuedToken>(), &Api::issue_token});
  add({"DELETE", "/v1/tokens/{token}", "revokeToken", "Access", "Revoke a token", Right::kWriteAccess, {}, "", none, 200, kJson, schemas.of<Reply>(), &Api::revoke_token});

  add({"POST", "/v1/agents/register", "registerAgent", "Agents", "An agent takes on a node", Right::kBeNode, {}, kJson, schemas.of<AgentHello>(), 201, kJson, schemas.of<AgentWelcome>(), &Api::agent_register});
  add({"POST", "/v1/agents/sync", "syncAgent", "Agents", "Renew the lease, report, get orders", Right::kBeNode, {}, kJson, schemas.of<SyncRequest>(), 200, kJson, schemas.of<SyncReply>(), &Api::agent_sync});
  add({"POST", "/v1/agents/logs/{reading}", "sendLog", "Agents", "Bytes of a log that somebody reads", Right::kBeNode, {{"offset", "true offset of the first byte"}, {"end", "1: the log ends here"}}, kBytes, bytes, 200, kJson, schemas.of<LogAccepted>(), &Api::agent_log});

  schemas.of<Problem>();
  openapi_ = build_openapi(schemas.definitions());
}

std::string Api::build_openapi(const json::object& definitions) const {
  json::object paths;
  for (const Operation& operation : operations_) {
    const bool write = operation.method != "GET";
    json::array parameters;
    for (std::string_view rest = operation.pattern; rest.find('{') != std::string_view::npos;) {
      rest.remove_prefix(rest.find('{') + 1);
      const std::string name(rest.substr(0, rest.find('}')));
      parameters.push_back(json::object{{"name", name}, {"in", "path"}, {"required", true}, {"description", "Name of the " + name + ", a DNS label"}, {"schema", {{"type", "string"}, {"maxLength", 63}}}});
    }
    for (const QueryParameter& query : operation.query) {
      parameters.push_back(json::object{{"name", query.name}, {"in", "query"}, {"description", query.doc}, {"schema", {{"type", "string"}}}});
    }
    if (write && operation.right != Right::kBeNode) {
      parameters.push_back(json::object{{"$ref", "#/components/parameters/IdempotencyKey"}});
      parameters.push_back(json::object{{"$ref", "#/components/parameters/Reason"}});
    }
    json::object content{{operation.response_type, {{"schema", operation.response}}}};
    const bool watched = std::any_of(operation.query.begin(), operation.query.end(), [](const auto& q) { return q.name == "watch"; });
    if (watched) content["text/event-stream"] = json::object{{"schema", {{"type", "string"}}}};
    json::object responses{{std::to_string(operation.status), {{"description", "Done"}, {"content", std::move(content)}}},
                           {"4XX", {{"$ref", "#/components/responses/Problem"}}},
                           {"5XX", {{"$ref", "#/components/responses/Problem"}}}};
    json::object entry{{"operationId", operation.id}, {"summary", operation.summary}, {"tags", json::array{operation.tag}},
                       {"description", fmt::format("Allowed to: {}.", right_doc(operation.right))}, {"responses", std::move(responses)}};
    if (!parameters.empty()) entry["parameters"] = std::move(parameters);
    if (!operation.body_type.empty()) {
      entry["requestBody"] = json::object{{"required", true}, {"content", {{operation.body_type, {{"schema", operation.body}}}}}};
    }
    entry["security"] = operation.right == Right::kNone ? json::array{} : json::array{json::object{{"token", json::array{}}}};
    std::string verb(operation.method);
    std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) { return std::tolower(c); });
    json::object& path = paths[operation.pattern].is_object() ? paths[operation.pattern].get_object() : paths[operation.pattern].emplace_object();
    path[verb] = std::move(entry);
  }
  json::array tags;
  for (const auto& [name, doc] : std::vector<std::pair<const char*, const char*>>{
           {"System", "Health, identity, metrics and the event log"},
           {"Objects", "What is applied: node types, sites, tenants, projects, contracts, principals, grants"},
           {"Jobs", "Workloads and what they use"},
           {"Accounts", "Usage, invoices, budgets and the ledger"},
           {"Estate", "Nodes and capacity"},
           {"Fleet", "The health of nodes: orders, automation, tickets and incidents"},
           {"Sales", "What can be sold, and what is"},
           {"Access", "Logging in, tokens, and who did what"},
           {"Agents", "The protocol of nodes"}}) {
    tags.push_back(json::object{{"name", name}, {"description", doc}});
  }
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", {{"title", "Penstock"}, {"version", version_}, {"summary", "The control plane of a GPU cloud"},
                {"description", "Space, electricity, GPUs and software as one ledger. Errors are RFC 9457 problems with a stable `code`. Writes take an Idempotency-Key."},
                {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array{json::object{{"url", "/"}, {"description", "The server that serves this document"}}}},
      {"tags", std::move(tags)},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", definitions},
        {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}, {"description", "A token from `penstock token issue`"}}}}},
        {"parameters", {{"IdempotencyKey", {{"name", "Idempotency-Key"}, {"in", "header"}, {"description", "The same key with the same request is carried out once, for 24 hours"}, {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", kMostKey}}}}},
                         {"Reason", {{"name", "Penstock-Reason"}, {"in", "header"}, {"description", "Why, for the audit log"}, {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", kMostReason}}}}}}},
        {"responses", {{"Problem", {{"description", "Why it was not done"}, {"content", {{kProblemType, {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}}}}}}}};
  return json::serialize(document);
}

const Operation* Api::route(std::string_view method, const std::vector<std::string>& path, std::vector<std::string>& values,
                            std::string& allowed) const {
  for (const Operation& operation : operations_) {
    const auto parts = split_path(operation.pattern.substr(1));
    if (parts.size() != path.size()) continue;
    values.clear();
    bool matches = true;
    for (std::size_t i = 0; i < parts.size() && matches; ++i) {
      if (parts[i].front() == '{') {
        values.push_back(path[i]);
      } else {
        matches = parts[i] == path[i];
      }
    }
    if (!matches) continue;
    if (operation.method == method) return &operation;
    if (allowed.find(operation.method) == std::string::npos) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(operation.method);
    }
  }
  return nullptr;
}

void Api::handle(HttpRequest incoming, Respond respond) {
  auto call = std::make_shared<Call>(Call{std::move(incoming), {}, {}, {}, {}});
  const HttpRequest& request = call->request;
  const std::size_t question = request.target.find('?');
  auto path = decode_path(std::string_view(request.target).substr(0, question));
  if (!path.ok()) return respond(problem_response(path.error()));
  std::string allowed;
  const Operation* operation = route(request.method, *path, call->path, allowed);
  if (operation == nullptr) {
    if (allowed.empty()) {
      return respond(problem_response(make_error(Code::kNotFound, fmt::format("there is nothing at {}; see /openapi.json", request.target.substr(0, question)))));
    }
    Problem problem = to_problem(make_error(Code::kInvalid, fmt::format("{} is not possible here; {} is", request.method, allowed)));
    problem.status = 405;
    HttpResponse response;
    response.status = problem.status;
    response.content_type = kProblemType;
    response.body = to_json(problem);
    response.headers.emplace_back("Allow", allowed);
    return respond(std::move(response));
  }

  const auto began = std::chrono::steady_clock::now();
  call->operation = operation;
  call->respond = [this, operation, began, who = std::weak_ptr(call), respond = std::move(respond)](HttpResponse response) {
    if (response.status == 401 || response.status == 403) {
      const auto denied = who.lock();
      spdlog::warn("event=denied status={} operation={} by={} from={}", response.status, operation->id,
                   denied && !denied->principal.token_id.empty() ? denied->principal.id() : "nobody", denied ? denied->request.peer : "");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    metrics_.request(operation->id, response.status, took.count());
    respond(std::move(response));
  };
  const auto refuse = [&](const Error& error) { call->respond(problem_response(error)); };

  if (operation->right != Right::kNone) {
    const auto header = request.headers.find("authorization");
    if (header == request.headers.end()) {
      return refuse(make_error(Code::kUnauthenticated, "this needs a bearer token; see `penstock login`"));
    }
    std::string_view credential = header->second;
    if (!credential.starts_with("Bearer ") && !credential.starts_with("bearer ")) {
      return refuse(make_error(Code::kUnauthenticated, "the Authorization header must be `Bearer TOKEN`"));
    }
    call->as_of = core_.tokens().changes();
    auto principal = core_.tokens().check(credential.substr(7), core_.now());
    if (!principal.ok()) return refuse(principal.error());
    call->principal = std::move(*principal);
    if (!call->principal.has(operation->right)) {
      std::string roles;
      for (const Binding& binding : call->principal.bindings) roles += (roles.empty() ? "" : ", ") + std::string(name_of(binding.role));
      return refuse(make_error(Code::kForbidden, fmt::format("a token of role {} may not do this; it is allowed to: {}",
                                                             roles.empty() ? "none" : roles, right_doc(operation->right))));
    }
  }
  if (question != std::string::npos) {
    auto query = decode_query(std::string_view(request.target).substr(question + 1));
    if (!query.ok()) return refuse(query.error());
    call->query = std::move(*query);
    for (const auto& parameter : call->query) {
      const std::string& key = parameter.first;
      const bool known = std::any_of(operation->query.begin(), operation->query.end(), [&](const auto& q) { return q.name == key; });
      if (!known) {
        std::string names;
        for (const auto& q : operation->query) names += " " + std::string(q.name);
        return refuse(make_error(Code::kInvalid, fmt::format("query parameter '{}' is not known here; known:{}", key, names.empty() ? " none" : names), key));
      }
    }
  }
  if (Status key = check_header(request, "idempotency-key", "Idempotency-Key", kMostKey); !key.ok()) return refuse(key.error());
  if (Status reason = check_header(request, "penstock-reason", "Penstock-Reason", kMostReason); !reason.ok()) return refuse(reason.error());
  (this->*operation->handler)(std::move(call));
}

}  // namespace penstock
