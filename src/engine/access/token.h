// Who may do what: roles, and the tokens that prove them. Secrets never come here, only their hashes.
#pragma once

#include "base/json.h"
#include "base/time.h"

namespace penstock {

/// From most to least. `tenant-admin`, `member` and `viewer` are bound to one tenant, `node` to one node (or to
/// none yet: then the token can only register one).
enum class Role { kOperator, kAuditor, kTenantAdmin, kMember, kViewer, kNode };
constexpr auto enum_names(Role) {
  return std::array{EnumName<Role>{Role::kOperator, "operator"}, EnumName<Role>{Role::kAuditor, "auditor"},
                    EnumName<Role>{Role::kTenantAdmin, "tenant-admin"}, EnumName<Role>{Role::kMember, "member"},
                    EnumName<Role>{Role::kViewer, "viewer"}, EnumName<Role>{Role::kNode, "node"}};
}
constexpr bool is_tenant_role(Role role) {
  return role == Role::kTenantAdmin || role == Role::kMember || role == Role::kViewer;
}

/// A token as it is kept.
struct TokenRecord {
  std::string id;      ///< public part; names the token in lists and logs
  std::string name;    ///< what people call it
  std::string hash;    ///< BLAKE2b-256 of the secret part, hexadecimal
  Role role = Role::kViewer;
  std::string tenant;  ///< for tenant roles
  std::string node;    ///< for a registered node
  std::string issuer;  ///< who issued it
  Time created;
  std::optional<Time> expires;

  static constexpr auto schema() {
    return object("TokenRecord", "A token as it is kept.", field("id", &TokenRecord::id, required, "public part"),
                  field("name", &TokenRecord::name, optional, "what people call it"),
                  field("hash", &TokenRecord::hash, required, "hash of the secret part"),
                  field("role", &TokenRecord::role, required, "what it may do"),
                  field("tenant", &TokenRecord::tenant, optional, "tenant it is bound to"),
                  field("node", &TokenRecord::node, optional, "node it is bound to"),
                  field("issuer", &TokenRecord::issuer, optional, "who issued it"),
                  field("created", &TokenRecord::created, required, "when it was issued"),
                  field("expires", &TokenRecord::expires, optional, "when it stops being valid"));
  }
  bool operator==(const TokenRecord&) const = default;
};

}  // namespace penstock
