// Random walks over principals, grants and tokens, beside a plain model of who may do what: nobody ever gains a right.
#include <algorithm>
#include <random>

#include "stack.h"

namespace penstock {
namespace {

using Names = std::vector<std::string>;

/// A right in one place: the provider's own (empty), a tenant as a whole, or one project.
using Atom = std::pair<Right, std::string>;
using Atoms = std::set<Atom>;

const Names kPlaces{"", "acme", "acme/llm", "acme/web", "rival", "rival/llm"};
const Names kPeople{"ann", "bob", "cid"};
const Names kGroups{"g", "h"};
const Names kTenantRoles{"tenant-admin", "member", "viewer"};

const std::map<std::string, std::set<Right>> kRoles{
    {"operator", {Right::kReadEstate, Right::kReadTenancy, Right::kReadAccounts, Right::kWriteObjects, Right::kWriteJobs, Right::kReadAccess, Right::kWriteAccess}},
    {"auditor", {Right::kReadEstate, Right::kReadTenancy, Right::kReadAccounts, Right::kReadAccess}},
    {"tenant-admin", {Right::kReadTenancy, Right::kReadAccounts, Right::kWriteJobs, Right::kReadAccess, Right::kWriteAccess}},
    {"member", {Right::kReadTenancy, Right::kWriteJobs}},
    {"viewer", {Right::kReadTenancy}},
    {"node", {Right::kBeNode}},
};

bool within(const std::string& place, const std::string& tenant, const std::string& project) {
  if (tenant.empty()) return true;
  if (!project.empty()) return place == tenant + "/" + project;
  return place == tenant || place.starts_with(tenant + "/");
}

Atoms atoms(const std::string& role, const std::string& tenant, const std::string& project) {
  Atoms out;
  for (const Right right : kRoles.at(role)) {
    for (const std::string& place : kPlaces) {
      if (within(place, tenant, project)) out.insert({right, place});
    }
  }
  return out;
}

Atoms common(const Atoms& a, const Atoms& b) {
  Atoms out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

std::string missing(const Atoms& held, const Atoms& wanted) {
  std::string out;
  for (const Atom& atom : wanted) {
    if (!held.contains(atom)) out += fmt::format("right {} in '{}'; ", static_cast<int>(atom.first), atom.second);
  }
  return out;
}

struct Person {
  std::set<std::string> groups;
  bool suspended = false;
};
struct Granted {
  std::string role, project;
  Names people, groups;
};
struct Issued {
  std::string text, role, tenant, project, person;  // person: tenant/name or name
};

std::string scope_in(const std::string& name) { return name.find('/') == std::string::npos ? "" : name.substr(0, name.find('/')); }
std::string last_in(const std::string& name) { return name.substr(name.find('/') == std::string::npos ? 0 : name.find('/') + 1); }
bool has(const Names& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

class Walk {
 public:
  Walk(std::uint64_t seed, bool operator_acts) : random_(seed), operator_acts_(operator_acts) {
    good("operator", "POST", "/v1/apply", sources("Project", "acme/web", "{}"));
    for (const char* who : {"operator", "auditor"}) tokens_.push_back({stack_.token(who), who, "", "", ""});
    for (const std::string tenant : {"acme", "rival"}) {
      for (const std::string& role : kTenantRoles) {
        const std::string name = tenant + "-" + (role == "tenant-admin" ? "admin" : role);
        tokens_.push_back({stack_.token(name), role, tenant, "", ""});
      }
    }
  }

  void step() {
    // Admins as often as everyone else together: the others get little done.
    const Issued caller = tokens_[one_in(2) ? 2 + 3 * pick(2) : pick(tokens_.size())];
    if (caller.role == "operator" && !operator_acts_) return;
    switch (pick(10)) {
      case 0:
      case 1: return apply_person(caller);
      case 2:
      case 3: return apply_grant(caller);
      case 4: return remove(caller, one_in(2));
      case 5: return revoke(caller);
      default: return issue(caller);
    }
  }

  // What each token can do now is no more than the model derives; and where nothing narrows it, no less.
  void probe() {
    for (const Issued& token : tokens_) {
      const Atoms derived = may(token);
      Atoms found;
      if (const auto principal = stack_.core->tokens().check(token.text, stack_.core->now()); principal.ok()) {
        for (const Right right : {Right::kReadEstate, Right::kReadTenancy, Right::kReadAccounts, Right::kWriteObjects, Right::kWriteJobs, Right::kReadAccess, Right::kWriteAccess, Right::kBeNode}) {
          for (const std::string& place : kPlaces) {
            const std::string tenant = place.substr(0, place.find('/'));
            if (principal->may(right, tenant, tenant == place ? "" : place.substr(tenant.size() + 1))) found.insert({right, place});
          }
        }
      }
      EXPECT_EQ(missing(derived, found), "") << shown(token) << " has gained something";
      const bool narrowed = !token.role.empty() || !token.project.empty() || token.tenant != scope_in(token.person);
      if (token.person.empty() || !narrowed) EXPECT_EQ(missing(found, derived), "") << shown(token) << " has lost something";
      if (!token.person.empty() && !found.empty()) ++useful_;
      if (!operator_acts_ && !token.tenant.empty()) {
        for (const Atom& atom : found) EXPECT_TRUE(within(atom.second, token.tenant, "")) << shown(token) << " has left its tenant";
      }
    }
  }

  int accepted() const { return accepted_; }
  int refused() const { return refused_; }
  int useful() const { return useful_; }

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  bool one_in(std::uint64_t n) { return pick(n) == 0; }
  std::string any(const Names& names) { return names[pick(names.size())]; }
  Names some(const Names& names) {
    Names out;
    for (const std::string& name : names) {
      if (one_in(2)) out.push_back(name);
    }
    return out;
  }
  std::string any_scope() { return any({"acme", "acme", "rival", ""}); }

  static std::string sources(const std::string& kind, const std::string& name, const std::string& spec) {
    const std::string text = fmt::format("apiVersion: penstock/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n", kind, name, spec);
    return json::serialize(json::object{{"sources", json::array{json::object{{"file", "x"}, {"text", text}}}}});
  }
  static std::string shown(const Issued& t) {
    return fmt::format("token role '{}' tenant '{}' project '{}' of '{}'", t.role, t.tenant, t.project, t.person);
  }
  json::object good(const std::string& who, const std::string& method, const std::string& target, const std::string& body) {
    return stack_.good(who, method, target, body);
  }
  HttpResponse tried(const Issued& caller, const std::string& method, const std::string& target, const std::string& body = {}) {
    HttpResponse response = stack_.ask(caller.text, method, target, body);
    ++(response.status < 300 ? accepted_ : refused_);
    EXPECT_LT(response.status, 500) << response.body;
    return response;
  }

  // The model: what the token may do, out of what was granted.
  Atoms may(const Issued& token) const {
    Atoms most;
    if (!token.role.empty()) {
      most = atoms(token.role, token.tenant, token.project);
    } else {
      for (const auto& entry : kRoles) {
        if (entry.first == "node") continue;
        const Atoms of_role = atoms(entry.first, token.tenant, token.project);
        most.insert(of_role.begin(), of_role.end());
      }
    }
    if (token.person.empty()) return most;
    const auto person = people_.find(token.person);
    if (person == people_.end() || person->second.suspended) return {};
    Atoms granted;
    for (const auto& [name, grant] : grants_) {
      if (scope_in(name) != scope_in(token.person)) continue;
      const bool grouped = std::any_of(grant.groups.begin(), grant.groups.end(), [&](const auto& group) { return person->second.groups.contains(group); });
      if (!grouped && !has(grant.people, last_in(token.person))) continue;
      const Atoms more = atoms(grant.role, scope_in(name), grant.project);
      granted.insert(more.begin(), more.end());
    }
    return common(granted, most);
  }

  void expect_may(const Issued& caller, const Atoms& needed, const std::string& what) {
    EXPECT_EQ(missing(may(caller), needed), "") << what << " by " << shown(caller);
  }

  void apply_person(const Issued& caller) {
    const std::string scope = any_scope(), name = scope + (scope.empty() ? "" : "/") + any(kPeople);
    const Names groups = some(kGroups);
    const bool suspended = one_in(6);
    const auto response = tried(caller, "POST", "/v1/apply", sources("Principal", name, fmt::format("{{type: user, groups: [{}], suspended: {}}}", fmt::join(groups, ", "), suspended)));
    if (response.status >= 300) return;
    expect_may(caller, {{Right::kWriteAccess, scope}}, "principal " + name);
    people_[name] = {{groups.begin(), groups.end()}, suspended};
  }

  void apply_grant(const Issued& caller) {
    const std::string scope = any_scope(), name = scope + (scope.empty() ? "" : "/") + any({"x", "y", "z"});
    Granted grant;
    grant.role = scope.empty() || one_in(6) ? any({"operator", "auditor"}) : any(kTenantRoles);
    if (one_in(3)) grant.project = any({"llm", "web"});
    grant.people = some(kPeople);
    grant.groups = some(kGroups);
    const auto response = tried(caller, "POST", "/v1/apply", sources("Grant", name, fmt::format("{{role: {}, project: '{}', principals: [{}], groups: [{}]}}", grant.role, grant.project,
                                                                                                fmt::join(grant.people, ", "), fmt::join(grant.groups, ", "))));
    if (response.status >= 300) return;
    expect_may(caller, {{Right::kWriteAccess, scope}}, "grant " + name);
    expect_may(caller, atoms(grant.role, scope, grant.project), "grant of " + grant.role);
    grants_[name] = grant;
  }

  void remove(const Issued& caller, bool grant) {
    const std::string scope = any_scope(), name = scope + (scope.empty() ? "" : "/") + (grant ? any({"x", "y", "z"}) : any(kPeople));
    const auto response = tried(caller, "DELETE", fmt::format("/v1/{}/{}", grant ? "grants" : "principals", name));
    if (response.status >= 300) return;
    expect_may(caller, {{Right::kWriteAccess, scope}}, "delete " + name);
    if (grant) {
      grants_.erase(name);
    } else {
      people_.erase(name);
      std::erase_if(tokens_, [&](const Issued& token) { return token.person == name; });
    }
  }

  void revoke(const Issued& caller) {
    const std::size_t which = pick(tokens_.size());
    if (which < kBegun) return;  // those the walk began with stay
    const Issued token = tokens_[which];
    const auto response = tried(caller, "DELETE", "/v1/tokens/" + token.text.substr(4, 12));
    if (response.status >= 300) return;
    expect_may(caller, {{Right::kWriteAccess, token.tenant.empty() ? scope_in(token.person) : token.tenant}}, "revoke");
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void issue(const Issued& caller) {
    Issued token;
    const std::string scope = any_scope();
    if (!one_in(3)) token.person = scope + (scope.empty() ? "" : "/") + any(kPeople);
    if (token.person.empty() || one_in(2)) token.role = one_in(4) ? any({"operator", "auditor", "node"}) : any(kTenantRoles);
    if (has(kTenantRoles, token.role) || one_in(8)) token.tenant = one_in(6) ? any({"acme", "rival"}) : scope.empty() ? "acme" : scope;
    if (one_in(4)) token.project = any({"llm", "web"});
    json::object body{{"name", "t"}};
    for (const auto& [key, value] : std::map<std::string, std::string>{{"role", token.role}, {"tenant", token.tenant}, {"project", token.project}, {"principal", token.person}}) {
      if (!value.empty()) body[key] = value;
    }
    const auto response = tried(caller, "POST", "/v1/tokens", json::serialize(body));
    if (response.status >= 300) return;
    token.text = std::string(parse_json(response.body)->at("token").as_string());
    if (token.tenant.empty()) token.tenant = scope_in(token.person);
    if (token.role != "node") expect_may(caller, may(token), "token");
    expect_may(caller, {{Right::kWriteAccess, scope_in(token.person).empty() ? token.tenant : scope_in(token.person)}}, "token");
    if (!token.person.empty()) expect_may(caller, {{Right::kWriteAccess, scope_in(token.person)}}, "token for " + token.person);
    tokens_.push_back(token);
    if (tokens_.size() > 40) tokens_.erase(tokens_.begin() + kBegun + static_cast<std::ptrdiff_t>(pick(20)));
  }

  // Tokens that the walk began with: operator, auditor, and admin, member and viewer of both tenants.
  static constexpr std::ptrdiff_t kBegun = 8;

  std::mt19937_64 random_;
  bool operator_acts_;
  Stack stack_;
  std::map<std::string, Person> people_;
  std::map<std::string, Granted> grants_;
  std::vector<Issued> tokens_;
  int accepted_ = 0, refused_ = 0, useful_ = 0;
};

class GrantWalk : public testing::TestWithParam<std::uint64_t> {};

TEST_P(GrantWalk, NeverGainsARight) {
  Walk walk(GetParam(), GetParam() % 2 == 0);
  for (int i = 0; i < 1000 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("seed {}, step {}", GetParam(), i));
    walk.step();
    walk.probe();
  }
  EXPECT_GT(walk.accepted(), 50);
  EXPECT_GT(walk.refused(), 200);
  EXPECT_GT(walk.useful(), 100) << "principals had rights";
}

INSTANTIATE_TEST_SUITE_P(Seeds, GrantWalk, testing::Range<std::uint64_t>(1, 11), testing::PrintToStringParamName());

}  // namespace
}  // namespace penstock
