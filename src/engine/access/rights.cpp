// Roles, scopes, and how grants add up.
#include "engine/access/rights.h"

#include <algorithm>

#include "base/name.h"
#include "engine/state.h"

namespace penstock {
namespace {

bool share_one(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& text) { return std::find(b.begin(), b.end(), text) != b.end(); });
}

// A role of the provider that is held to a tenant, and a tenant-admin that is held to a project.
Role within(Role role, bool tenant, bool project) {
  if (tenant && role == Role::kOperator) role = Role::kTenantAdmin;
  if (tenant && role == Role::kAuditor) role = Role::kViewer;
  if (project && role == Role::kTenantAdmin) role = Role::kMember;
  return role;
}

// Principals that a token stands for: the one it names, or all that its subject is known as.
std::vector<const Object<PrincipalSpec>*> identities(const TokenRecord& token, const ObjectMap<PrincipalSpec>& principals) {
  std::vector<const Object<PrincipalSpec>*> out;
  if (token.subject.empty()) {
    const auto found = principals.find(token.principal);
    if (found != principals.end()) out.push_back(&found->second);
    return out;
  }
  for (const auto& [name, principal] : principals) {
    if (principal.spec.subject == token.subject) out.push_back(&principal);
  }
  return out;
}

}  // namespace

bool role_has(Role role, Right right) {
  switch (right) {
    case Right::kNone:
    case Right::kAuthenticated: return true;
    case Right::kReadEstate: return role == Role::kOperator || role == Role::kAuditor;
    case Right::kReadTenancy: return role != Role::kNode;
    case Right::kReadAccounts: return role == Role::kOperator || role == Role::kAuditor || role == Role::kTenantAdmin;
    case Right::kWriteObjects: return role == Role::kOperator;
    case Right::kWriteJobs: return role == Role::kOperator || role == Role::kTenantAdmin || role == Role::kMember;
    case Right::kReadAccess: return role == Role::kOperator || role == Role::kAuditor || role == Role::kTenantAdmin;
    case Right::kWriteAccess: return role == Role::kOperator || role == Role::kTenantAdmin;
    case Right::kBeNode: return role == Role::kNode;
  }
  return false;
}

bool includes(Role a, Role b) {
  for (int right = 0; right <= static_cast<int>(kLastRight); ++right) {
    if (role_has(b, static_cast<Right>(right)) && !role_has(a, static_cast<Right>(right))) return false;
  }
  return true;
}

bool reaches(const Binding& binding, std::string_view tenant, std::string_view project) {
  if (binding.tenant.empty()) return true;
  return binding.tenant == tenant && (binding.project.empty() || binding.project == project);
}

bool covers(const Binding& holder, const Binding& wanted) {
  return includes(holder.role, wanted.role) && reaches(holder, wanted.tenant, wanted.project);
}

std::optional<Binding> meet(const Binding& a, const Binding& b) {
  if ((a.role == Role::kNode) != (b.role == Role::kNode)) return std::nullopt;
  if (!a.tenant.empty() && !b.tenant.empty() && a.tenant != b.tenant) return std::nullopt;
  if (!a.project.empty() && !b.project.empty() && a.project != b.project) return std::nullopt;
  const std::string& tenant = a.tenant.empty() ? b.tenant : a.tenant;
  const std::string& project = a.project.empty() ? b.project : a.project;
  const Role of_a = within(a.role, !tenant.empty(), !project.empty());
  const Role of_b = within(b.role, !tenant.empty(), !project.empty());
  const Role role = includes(of_a, of_b) ? of_b : includes(of_b, of_a) ? of_a : Role::kViewer;
  return Binding{role, tenant, project};
}

bool may_grant(const std::vector<Binding>& held, const Binding& wanted) {
  return std::any_of(held.begin(), held.end(), [&](const Binding& holder) {
    return role_has(holder.role, Right::kWriteAccess) && (holder.role == Role::kOperator || covers(holder, wanted));
  });
}

Binding most_of(const TokenRecord& token) {
  const Role most = within(Role::kOperator, !token.tenant.empty(), !token.project.empty());
  return {token.role.value_or(most), token.tenant, token.project};
}

std::string_view scope_of(std::string_view name) { return name.find('/') == std::string_view::npos ? std::string_view() : tenant_of(name); }

std::string_view owner_of(Kind kind, std::string_view name) {
  switch (kind) {
    case Kind::kNodeType:
    case Kind::kSite:
    case Kind::kRestriction: return {};
    case Kind::kTenant: return name;
    default: return scope_of(name);
  }
}

bool is_cut_off(const TokenRecord& token, const ObjectMap<PrincipalSpec>& principals) {
  if (token.principal.empty()) return false;
  const auto found = principals.find(token.principal);
  return found == principals.end() || found->second.spec.suspended;
}

std::vector<Binding> bindings_of(const TokenRecord& token, const ObjectMap<PrincipalSpec>& principals,
                                 const ObjectMap<GrantSpec>& grants) {
  const Binding most = most_of(token);
  if (token.principal.empty() && token.subject.empty()) return {most};
  if (is_cut_off(token, principals)) return {};
  const auto known_as = identities(token, principals);
  std::vector<Binding> out;
  for (const auto& [name, grant] : grants) {
    const std::string_view scope = scope_of(name);
    bool granted = share_one(grant.spec.claims, token.groups);
    bool suspended = false;
    for (const auto* principal : known_as) {
      if (scope_of(principal->name) != scope) continue;
      suspended = suspended || principal->spec.suspended;
      const auto& named = grant.spec.principals;
      granted = granted || share_one(grant.spec.groups, principal->spec.groups) ||
                std::find(named.begin(), named.end(), leaf_of(principal->name)) != named.end();
    }
    if (!granted || suspended) continue;
    const auto allowed = meet({grant.spec.role, std::string(scope), grant.spec.project}, most);
    if (!allowed) continue;
    const auto covered = [&](const Binding& other) { return covers(other, *allowed); };
    if (std::any_of(out.begin(), out.end(), covered)) continue;
    std::erase_if(out, [&](const Binding& other) { return covers(*allowed, other); });
    out.push_back(*allowed);
  }
  std::stable_sort(out.begin(), out.end(), [](const Binding& a, const Binding& b) { return a.role < b.role; });
  return out;
}

}  // namespace penstock
