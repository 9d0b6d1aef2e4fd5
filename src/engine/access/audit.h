// The audit log's entries: who changed what, why, and from where.
#pragma once

#include "base/json.h"
#include "engine/reply.h"

namespace penstock {

/// What a person or program asked for, as it comes with a command. Commands without it (of agents, of the server itself)
/// are not audited.
struct Asked {
  std::string operation;  ///< operation of the API, e.g. `cancelJob`
  std::string who;        ///< name of the token, or of who logged in
  std::string principal;  ///< whom it stands for; empty if it stands for itself
  std::string tenant;     ///< of the caller; empty for the provider
  std::string reason;     ///< given by the caller
  std::string from;       ///< address of the caller
};

/// What became of one object. Specs of objects and descriptions of tokens are kept, those of jobs are not.
struct AuditedObject {
  std::string kind;
  std::string name;
  Change change = Change::kUnchanged;
  std::optional<json::value> before;
  std::optional<json::value> after;

  static constexpr auto schema() {
    return object("AuditedObject", "What became of one object.", field("kind", &AuditedObject::kind, required, "its kind"),
                  field("name", &AuditedObject::name, required, "its name"),
                  field("change", &AuditedObject::change, required, "added, changed or removed"),
                  field("before", &AuditedObject::before, optional, "its spec before; of jobs none is kept"),
                  field("after", &AuditedObject::after, optional, "its spec after"));
  }
};

/// One request that changed something, as far as it concerns one tenant or the provider. A request that concerns several
/// has an entry for each.
struct AuditRecorded {
  static constexpr std::string_view kType = "audit.recorded";
  static constexpr std::size_t kMostObjects = 1000;  ///< written out in one entry

  std::string operation;
  std::string who;
  std::string principal;
  std::string caller_tenant;
  std::string tenant;
  std::string reason;
  std::string from;
  std::vector<AuditedObject> objects;
  std::uint64_t more = 0;

  static constexpr auto schema() {
    return object("AuditRecorded", "A request of a person or program changed something.",
                  field("operation", &AuditRecorded::operation, required, "operation of the API"),
                  field("who", &AuditRecorded::who, optional, "name of the token, or of who logged in"),
                  field("principal", &AuditRecorded::principal, optional, "principal that it stands for"),
                  field("callerTenant", &AuditRecorded::caller_tenant, optional, "tenant of the caller; none: the provider"),
                  field("tenant", &AuditRecorded::tenant, optional, "tenant of the objects; none: the provider"),
                  field("reason", &AuditRecorded::reason, optional, "why, as the caller said"),
                  field("from", &AuditRecorded::from, optional, "address of the caller"),
                  field("objects", &AuditRecorded::objects, required, "what changed; the first 1000"),
                  field("more", &AuditRecorded::more, optional, "how many changed besides those"));
  }
};

}  // namespace penstock
