// Bodies of requests and answers that are not objects themselves.
#pragma once

#include "engine/access/rights.h"
#include "server/api/views.h"

namespace penstock {

struct ApplyRequest {
  std::vector<SourceText> sources;
  bool dry_run = false;

  static constexpr auto schema() {
    return object("ApplyRequest", "Texts of documents to apply, all or none.",
                  field("sources", &ApplyRequest::sources, required, "YAML or JSON texts"),
                  field("dryRun", &ApplyRequest::dry_run, optional, "only say what would change"));
  }
};

struct SubmitText {
  std::vector<SourceText> sources;

  static constexpr auto schema() {
    return object("SubmitText", "Texts of Job documents to submit.",
                  field("sources", &SubmitText::sources, required, "YAML or JSON texts; only Jobs"));
  }
};

struct JobRequest {
  Metadata metadata;
  JobSpec spec;

  static constexpr auto schema() {
    return object("JobRequest", "A job to submit.", field("metadata", &JobRequest::metadata, required, "its name and labels"),
                  field("spec", &JobRequest::spec, required, "what it asks for"));
  }
};

struct JobBatch {
  std::vector<JobRequest> items;

  static constexpr auto schema() {
    return object("JobBatch", "Jobs to submit, each on its own.", field("items", &JobBatch::items, required, "the jobs"));
  }
};

/// A page of a list. `next` is the cursor of the page after it, empty at the end; `position` is where a watch that
/// follows the list begins.
#define PENSTOCK_PAGE(Type, Item, what)                                                                         \
  struct Type {                                                                                                  \
    std::vector<Item> items;                                                                                     \
    std::string next;                                                                                            \
    Position position = 0;                                                                                       \
    static constexpr auto schema() {                                                                             \
      return object(#Type, what, field("items", &Type::items, required, "the objects"),                          \
                    field("next", &Type::next, optional, "cursor of the next page; absent at the end"),          \
                    field("position", &Type::position, required, "watch from here to miss nothing"));            \
    }                                                                                                            \
  }

PENSTOCK_PAGE(ObjectPage, ObjectView, "A page of objects.");
PENSTOCK_PAGE(JobPage, JobView, "A page of jobs.");
PENSTOCK_PAGE(NodePage, NodeView, "A page of nodes.");
PENSTOCK_PAGE(EventPage, EventRecord, "A page of the event log.");
PENSTOCK_PAGE(TokenPage, TokenView, "A page of tokens.");
PENSTOCK_PAGE(AuditPage, AuditView, "A page of the audit log.");

struct SnapshotView {
  Position position = 0;
  Time at;
  std::string state_hash;
  std::uint64_t size = 0;

  static constexpr auto schema() {
    return object("Snapshot", "The whole state after one event, as canonical JSON that is read in pieces.",
                  field("position", &SnapshotView::position, required, "the event, and the snapshot's name"),
                  field("at", &SnapshotView::at, required, "when it was taken"),
                  field("stateHash", &SnapshotView::state_hash, required, "XXH3-64 of its bytes, 16 hexadecimal digits"),
                  field("size", &SnapshotView::size, required, "its bytes"));
  }
};

struct SnapshotList {
  std::vector<SnapshotView> items;
  Position first_event = 1;
  Position position = 0;
  Time now;

  static constexpr auto schema() {
    return object("SnapshotList", "The snapshots that the server keeps, and the events around them.",
                  field("items", &SnapshotList::items, required, "the oldest first"),
                  field("firstEvent", &SnapshotList::first_event, required, "the first event that /v1/events still has"),
                  field("position", &SnapshotList::position, required, "the last event"),
                  field("now", &SnapshotList::now, required, "the server's time"));
  }
};

struct CapacityList {
  std::vector<CapacityView> items;

  static constexpr auto schema() {
    return object("CapacityList", "Capacity by site and model.", field("items", &CapacityList::items, required, "rows"));
  }
};

struct ProjectUsage {
  std::string project;
  UsageView usage;

  static constexpr auto schema() {
    return object("ProjectUsage", "What a project used in ended allocations.",
                  field("project", &ProjectUsage::project, required, "tenant/project"),
                  field("usage", &ProjectUsage::usage, required, "sums, in one currency"));
  }
};

struct UsageList {
  std::vector<ProjectUsage> items;

  static constexpr auto schema() {
    return object("UsageList", "Usage by project and currency.", field("items", &UsageList::items, required, "rows"));
  }
};

struct RepowerRequest {
  std::optional<Watts> gpu_power;
  std::optional<Position> version;

  static constexpr auto schema() {
    return object("RepowerRequest", "A new power limit for each GPU of a job.",
                  field("gpuPower", &RepowerRequest::gpu_power, optional, "e.g. 500W; absent: the highest"),
                  field("version", &RepowerRequest::version, optional, "refuse unless the job has this version"));
  }
};

struct ResizeRequest {
  std::int32_t replicas = 0;
  std::optional<Position> version;

  static constexpr auto schema() {
    return object("ResizeRequest", "How many tasks the elastic group of a job may have at most.",
                  field("replicas", &ResizeRequest::replicas, required, "from its minReplicas to its replicas"),
                  field("version", &ResizeRequest::version, optional, "refuse unless the job has this version"));
  }
};

struct Explanation {
  std::string workload;
  JobPhase phase = JobPhase::kPending;
  std::string summary;
  std::vector<WaitCause> causes;
  bool promised = false;
  std::optional<Time> promised_start;
  std::vector<std::string> alternatives;

  static constexpr auto schema() {
    return object("Explanation", "Why a workload is where it is.",
                  field("workload", &Explanation::workload, required, "tenant/project/job"),
                  field("phase", &Explanation::phase, required, "its phase"),
                  field("summary", &Explanation::summary, required, "one sentence"),
                  field("causes", &Explanation::causes, optional, "everything that keeps it waiting"),
                  field("promised", &Explanation::promised, optional, "true: its place is kept"),
                  field("promisedStart", &Explanation::promised_start, optional,
                        "the first date on which it would fit, if what runs ends at its time limit or goes on for good; a date, "
                        "not a reservation"),
                  field("alternatives", &Explanation::alternatives, optional, "what would let it start now"));
  }
};

struct TokenRequest {
  std::string name;
  std::optional<Role> role;
  std::string tenant;
  std::string project;
  std::string principal;
  std::optional<Duration> valid_for;

  static constexpr auto schema() {
    return object("TokenRequest", "A token to issue.", field("name", &TokenRequest::name, required, "what people call it"),
                  field("role", &TokenRequest::role, optional, "what it may do; with a principal: at most, all that is granted to it if absent"),
                  field("tenant", &TokenRequest::tenant, optional, "for tenant roles: which"),
                  field("project", &TokenRequest::project, optional, "for member and viewer: only this project of the tenant"),
                  field("principal", &TokenRequest::principal, optional, "whom it stands for"),
                  field("validFor", &TokenRequest::valid_for, optional, "how long; without it, until revoked"));
  }
};

struct IssuedToken {
  std::string id;
  std::string token;

  static constexpr auto schema() {
    return object("IssuedToken", "A new token; its text is shown this once.",
                  field("id", &IssuedToken::id, required, "its public part"),
                  field("token", &IssuedToken::token, optional,
                        "the bearer token; absent when the request was a repeat, since only its hash is kept"));
  }
};

struct LoginInfo {
  std::string issuer;
  std::string client_id;
  std::vector<std::string> scopes;

  static constexpr auto schema() {
    return object("LoginInfo", "Where people log in: an OpenID provider.",
                  field("issuer", &LoginInfo::issuer, required, "its issuer, below which its configuration is found"),
                  field("clientId", &LoginInfo::client_id, required, "as whom to ask it for an ID token"),
                  field("scopes", &LoginInfo::scopes, required, "to ask for"));
  }
};

struct LoginRequest {
  std::string id_token;

  static constexpr auto schema() {
    return object("LoginRequest", "Somebody who has logged in at the identity provider.",
                  field("idToken", &LoginRequest::id_token, required, "the ID token that it gave out, a JWT"));
  }
};

struct LoggedIn {
  std::string id;
  std::string token;
  std::optional<Time> expires;
  std::vector<Binding> grants;

  static constexpr auto schema() {
    return object("LoggedIn", "A session; the text of its token is shown this once.",
                  field("id", &LoggedIn::id, required, "public part of the token"),
                  field("token", &LoggedIn::token, required, "the bearer token"),
                  field("expires", &LoggedIn::expires, required, "when the session ends"),
                  field("grants", &LoggedIn::grants, optional, "what it allows now"));
  }
};

struct Identity {
  std::string token_id;
  std::string name;
  std::string principal;
  std::optional<Role> role;
  std::string tenant;
  std::string project;
  std::string node;
  std::vector<Binding> grants;
  std::optional<Time> expires;

  static constexpr auto schema() {
    return object("Identity", "Who the caller is.", field("tokenId", &Identity::token_id, required, "public part of the token"),
                  field("name", &Identity::name, optional, "name of the token"),
                  field("principal", &Identity::principal, optional, "whom the token stands for"),
                  field("role", &Identity::role, optional, "its role, the strongest if it has several; absent: none"),
                  field("tenant", &Identity::tenant, optional, "tenant in which it has that"),
                  field("project", &Identity::project, optional, "project of the tenant in which it has that"),
                  field("node", &Identity::node, optional, "its node"),
                  field("grants", &Identity::grants, optional, "all roles that it has, and where"),
                  field("expires", &Identity::expires, optional, "when the token stops being valid"));
  }
};

struct VersionInfo {
  std::string version;
  std::string api;

  static constexpr auto schema() {
    return object("VersionInfo", "Which Penstock this is.", field("version", &VersionInfo::version, required, "of the server"),
                  field("api", &VersionInfo::api, required, "of the API"));
  }
};

struct Health {
  std::string status;
  std::string message;

  static constexpr auto schema() {
    return object("Health", "Whether the server is well.", field("status", &Health::status, required, "ok or degraded"),
                  field("message", &Health::message, optional, "what is wrong"));
  }
};

}  // namespace penstock
