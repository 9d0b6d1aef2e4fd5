// Tokens as they are kept. Secrets never come here, only their hashes.
#pragma once

#include "base/time.h"
#include "spec/access.h"

namespace penstock {

/// A token as it is kept. It stands for itself (then it has a role), for a principal, or for a session of someone who
/// logged in (then it has a subject). For the latter two role, tenant and project only narrow what is granted.
struct TokenRecord {
  std::string id;      ///< public part; names the token in lists and logs
  std::string name;    ///< what people call it
  std::string hash;    ///< BLAKE2b-256 of the secret part, hexadecimal
  std::optional<Role> role;
  std::string tenant;  ///< for tenant roles
  std::string project; ///< label of a project of the tenant, for members and viewers of it alone
  std::string node;    ///< for a registered node
  std::string principal;            ///< whom it stands for: `tenant/name` or `name`
  std::string subject;              ///< of a session: `sub` of the identity provider
  std::vector<std::string> groups;  ///< of a session: groups that the identity provider told of at login
  std::string issuer;  ///< who issued it
  Time created;
  std::optional<Time> expires;

  static constexpr auto schema() {
    return object("TokenRecord", "A token as it is kept.", field("id", &TokenRecord::id, required, "public part"),
                  field("name", &TokenRecord::name, optional, "what people call it"),
                  field("hash", &TokenRecord::hash, required, "hash of the secret part"),
                  field("role", &TokenRecord::role, optional, "what it may do; of a principal or a session, at most"),
                  field("tenant", &TokenRecord::tenant, optional, "tenant it is bound to"),
                  field("project", &TokenRecord::project, optional, "project of that tenant it is bound to"),
                  field("node", &TokenRecord::node, optional, "node it is bound to"),
                  field("principal", &TokenRecord::principal, optional, "principal it stands for"),
                  field("subject", &TokenRecord::subject, optional, "of a session: who logged in, as the identity provider names it"),
                  field("groups", &TokenRecord::groups, optional, "of a session: groups that the identity provider told of"),
                  field("issuer", &TokenRecord::issuer, optional, "who issued it"),
                  field("created", &TokenRecord::created, required, "when it was issued"),
                  field("expires", &TokenRecord::expires, optional, "when it stops being valid"));
  }
  bool operator==(const TokenRecord&) const = default;
};

}  // namespace penstock
