// The permission table, and what someone with several grants may do. Pure functions of facts: the engine and the threads
// that read requests use the same ones.
#pragma once

#include "engine/facts.h"

namespace penstock {

/// What an operation needs of its caller. The table is in docs/api.md, "Rights".
enum class Right {
  kNone,           ///< no credential needed
  kAuthenticated,  ///< any valid token
  kReadEstate,     ///< sites, node types, nodes, capacity, metrics, the event log
  kReadTenancy,    ///< tenants, projects, contracts, jobs, usage
  kReadAccounts,   ///< invoices, and what open months have come to
  kWriteObjects,   ///< apply and delete anything
  kWriteJobs,      ///< submit and cancel
  kReadAccess,     ///< tokens, principals, grants, the audit log
  kWriteAccess,    ///< issue and revoke tokens; apply and delete principals and grants
  kBeNode,         ///< the agent protocol
};
inline constexpr Right kLastRight = Right::kBeNode;

bool role_has(Role role, Right right);

/// Whether `a` has every right that `b` has.
bool includes(Role a, Role b);

/// A role, and where it holds: everywhere if there is no tenant, in the whole tenant if there is no project.
struct Binding {
  Role role = Role::kViewer;
  std::string tenant;
  std::string project;  ///< label within the tenant

  static constexpr auto schema() {
    return object("Binding", "A role and where it holds.", field("role", &Binding::role, required, "the role"),
                  field("tenant", &Binding::tenant, optional, "in this tenant; none: everywhere"),
                  field("project", &Binding::project, optional, "in this project of the tenant; none: in all of it"));
  }
  bool operator==(const Binding&) const = default;
};

/// Whether what belongs to the tenant (none: to the provider), and to the project of it (none: to the tenant as a whole),
/// lies where the binding holds.
bool reaches(const Binding& binding, std::string_view tenant, std::string_view project);

/// Whether `holder` can do everywhere what `wanted` can.
bool covers(const Binding& holder, const Binding& wanted);

/// What both allow; nothing if that is nothing. No more than either, though it may be less than both together would be.
std::optional<Binding> meet(const Binding& a, const Binding& b);

/// Whether somebody who holds this may give that to others. Who may write access at all gives no more than it holds; the
/// operator may also admit nodes.
bool may_grant(const std::vector<Binding>& held, const Binding& wanted);

/// The most that a token can ever do, whatever is granted to whom it stands for.
Binding most_of(const TokenRecord& token);

/// Tenant that an object of this kind belongs to; empty: the provider.
std::string_view owner_of(Kind kind, std::string_view name);
/// The same for principals and grants, and whatever else is named `tenant/name` or `name`.
std::string_view scope_of(std::string_view name);

/// Whether the token's principal is suspended or gone, so that the token is worth nothing.
bool is_cut_off(const TokenRecord& token, const ObjectMap<PrincipalSpec>& principals);

/// What the token allows now: its own role, or all that is granted to whom it stands for within what it narrows that to.
/// The strongest first; none is covered by another.
std::vector<Binding> bindings_of(const TokenRecord& token, const ObjectMap<PrincipalSpec>& principals,
                                 const ObjectMap<GrantSpec>& grants);

}  // namespace penstock
