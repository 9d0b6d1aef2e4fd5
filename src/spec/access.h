// Specs of who may act: roles, principals, and the grants that give principals roles.
#pragma once

#include "base/json.h"
#include "base/schema.h"

namespace penstock {

/// `tenant-admin` is bound to one tenant, `member` and `viewer` to one tenant or to one project of it, `node` to one
/// node (or to none yet: then it can only register one). What each may do is in engine/access/rights.h.
enum class Role { kOperator, kAuditor, kTenantAdmin, kMember, kViewer, kNode };
constexpr auto enum_names(Role) {
  return std::array{EnumName<Role>{Role::kOperator, "operator"}, EnumName<Role>{Role::kAuditor, "auditor"},
                    EnumName<Role>{Role::kTenantAdmin, "tenant-admin"}, EnumName<Role>{Role::kMember, "member"},
                    EnumName<Role>{Role::kViewer, "viewer"}, EnumName<Role>{Role::kNode, "node"}};
}
constexpr bool is_tenant_role(Role role) {
  return role == Role::kTenantAdmin || role == Role::kMember || role == Role::kViewer;
}

enum class PrincipalType { kUser, kServiceAccount };
constexpr auto enum_names(PrincipalType) {
  using P = PrincipalType;
  return std::array{EnumName<P>{P::kUser, "user"}, EnumName<P>{P::kServiceAccount, "service-account"}};
}

/// Someone who acts: of a tenant if its name is `tenant/name`, of the provider if it is a plain name.
struct PrincipalSpec {
  PrincipalType type = PrincipalType::kUser;
  std::string display_name;
  std::string subject;
  std::vector<std::string> groups;
  bool suspended = false;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("PrincipalSpec", "Someone who acts: a person or a program.",
                  field("type", &PrincipalSpec::type, required, "user or service-account"),
                  field("displayName", &PrincipalSpec::display_name, optional, "name for people"),
                  field("subject", &PrincipalSpec::subject, optional,
                        "of a user: the `sub` by which the identity provider knows it; without one it cannot log in there"),
                  field("groups", &PrincipalSpec::groups, optional, "groups it is in, among the principals of its scope"),
                  field("suspended", &PrincipalSpec::suspended, optional, "true: it has no rights, whatever is granted to it"));
  }
  bool operator==(const PrincipalSpec&) const = default;
};

/// A role for principals of the grant's own scope: of its tenant if its name is `tenant/name`, else of the provider.
struct GrantSpec {
  Role role = Role::kViewer;
  std::string project;
  std::vector<std::string> principals;
  std::vector<std::string> groups;
  std::vector<std::string> claims;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("GrantSpec", "A role for principals of its own scope.",
                  field("role", &GrantSpec::role, required,
                        "in the scope of a tenant: tenant-admin, member or viewer; in the provider's: operator or auditor"),
                  field("project", &GrantSpec::project, optional, "of member and viewer: in this project of the tenant only"),
                  field("principals", &GrantSpec::principals, optional, "who has it, by their names in this scope"),
                  field("groups", &GrantSpec::groups, optional, "and all principals of this scope that are in one of these groups"),
                  field("claims", &GrantSpec::claims, optional,
                        "and everyone of whom the identity provider says at login that they are in one of these groups"));
  }
  bool operator==(const GrantSpec&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(PrincipalSpec);
PENSTOCK_JSON_ELSEWHERE(GrantSpec);

}  // namespace penstock
