// Principals, grants and tokens in the engine: their rules, and how roles and places add up.
#include "engine/access/access.h"

#include <gtest/gtest.h>

#include "world.h"

namespace penstock {
namespace {

std::vector<Binding> all_bindings() {
  std::vector<Binding> out;
  for (const auto& entry : enum_names(Role{})) {
    out.push_back({entry.value, "", ""});
    if (!is_tenant_role(entry.value)) continue;
    for (const std::string tenant : {"acme", "zeta"}) {
      out.push_back({entry.value, tenant, ""});
      if (entry.value != Role::kTenantAdmin) out.push_back({entry.value, tenant, "llm"});
      if (entry.value != Role::kTenantAdmin) out.push_back({entry.value, tenant, "web"});
    }
  }
  return out;
}

bool allows(const Binding& binding, int right, const std::string& tenant, const std::string& project) {
  return role_has(binding.role, static_cast<Right>(right)) && reaches(binding, tenant, project);
}

// Every right in every place, for every pair.
TEST(Bindings, MeetInNoMoreThanBothAllow) {
  const std::vector<std::pair<std::string, std::string>> places{{"", ""}, {"acme", ""}, {"acme", "llm"}, {"acme", "web"}, {"zeta", ""}, {"zeta", "llm"}};
  int met = 0;
  for (const Binding& a : all_bindings()) {
    for (const Binding& b : all_bindings()) {
      const auto both = meet(a, b);
      EXPECT_EQ(both, meet(b, a));
      for (const auto& [tenant, project] : places) {
        for (int right = static_cast<int>(Right::kReadEstate); right <= static_cast<int>(kLastRight); ++right) {
          const bool of_both = both && allows(*both, right, tenant, project);
          EXPECT_TRUE(!of_both || (allows(a, right, tenant, project) && allows(b, right, tenant, project)))
              << name_of(a.role) << " and " << name_of(b.role) << " at " << tenant << "/" << project;
          met += of_both ? 1 : 0;
          if (covers(a, b)) {
            EXPECT_TRUE(!allows(b, right, tenant, project) || allows(a, right, tenant, project));
          }
        }
      }
      if (covers(a, b) && b.role != Role::kNode && !(b.tenant.empty() && is_tenant_role(b.role))) {
        EXPECT_EQ(both, b);
      }
    }
  }
  EXPECT_GT(met, 500);
}

class Access : public testing::Test {
 protected:
  Access() {
    world_.settle_usual();
    world_.apply("acme/web", ProjectSpec{});
    PrincipalSpec ann;
    ann.groups = {"ops"};
    world_.apply("acme/ann", ann);
    world_.apply("root", PrincipalSpec{});
  }

  GrantSpec grant(Role role, std::vector<std::string> principals, const std::string& project = "") {
    GrantSpec out;
    out.role = role;
    out.principals = std::move(principals);
    out.project = project;
    return out;
  }
  std::string refused(const std::string& name, GrantSpec spec) {
    return world_.bad(ApplyDocuments{{document(name, std::move(spec))}, false}).message;
  }
  TokenRecord token(const std::string& id, const std::string& principal) {
    TokenRecord out;
    out.id = id;
    out.hash = "00";
    out.principal = principal;
    out.created = world_.now;
    return out;
  }

  World world_;
};

TEST_F(Access, AGrantIsForItsOwnScope) {
  EXPECT_NE(refused("acme/x", grant(Role::kOperator, {"ann"})).find("a grant of a tenant gives"), std::string::npos);
  EXPECT_NE(refused("x", grant(Role::kMember, {"root"})).find("a grant of the provider gives"), std::string::npos);
  EXPECT_NE(refused("acme/x", grant(Role::kMember, {"root"})).find("there is no Principal 'acme/root'"), std::string::npos);
  EXPECT_NE(refused("x", grant(Role::kAuditor, {"ann"})).find("there is no Principal 'ann'"), std::string::npos);
  EXPECT_NE(refused("acme/x", grant(Role::kMember, {"ann"}, "none")).find("there is no project 'acme/none'"), std::string::npos);
  EXPECT_NE(refused("nobody/x", grant(Role::kMember, {})).find("there is no tenant 'nobody'"), std::string::npos);
  // One that comes with what it names is good.
  world_.apply({document("acme/x", grant(Role::kMember, {"bob"}, "web")), document("acme/bob", PrincipalSpec{})});
  const auto& facts = world_.facts();
  EXPECT_EQ(bindings_of(token("t", "acme/bob"), facts.principals, facts.grants), (std::vector<Binding>{{Role::kMember, "acme", "web"}}));
}

TEST_F(Access, NobodyMeetsKeysOfAnEarlierNamesake) {
  world_.apply("acme/x", grant(Role::kMember, {"ann"}, "web"));
  const auto kept = [&](Kind kind, const std::string& name) { return world_.bad(DeleteObject{kind, name, {}}).message; };
  EXPECT_EQ(kept(Kind::kProject, "acme/web"), "Project 'acme/web' cannot be deleted: grant acme/x names it; change or delete that first");
  EXPECT_EQ(kept(Kind::kPrincipal, "acme/ann"), "Principal 'acme/ann' cannot be deleted: grant acme/x names it; change or delete that first");
  world_.good(DeleteObject{Kind::kGrant, "acme/x", {}});
  TokenRecord bound = token("t1", "");
  bound.role = Role::kViewer;
  bound.tenant = "acme";
  bound.project = "web";
  bound.expires = world_.now + hours(1);
  world_.good(IssueToken{bound});
  EXPECT_EQ(kept(Kind::kProject, "acme/web"), "Project 'acme/web' cannot be deleted: token t1 is bound to it; revoke it first");
  world_.now = world_.now + hours(1);
  world_.good(DeleteObject{Kind::kProject, "acme/web", {}});
}

TEST_F(Access, APrincipalTakesItsTokensAlong) {
  world_.good(IssueToken{token("t1", "acme/ann")});
  world_.good(IssueToken{token("t2", "root")});
  EXPECT_EQ(world_.bad(IssueToken{token("t3", "acme/none")}).message, "there is no Principal 'acme/none'");
  world_.good(DeleteObject{Kind::kPrincipal, "acme/ann", {}});
  EXPECT_FALSE(world_.facts().tokens.contains("t1"));
  EXPECT_TRUE(world_.facts().tokens.contains("t2"));
}

TEST_F(Access, ExpiredTokensAreForgottenADayLater) {
  TokenRecord brief = token("t1", "root");
  brief.expires = world_.now + minutes(1);
  world_.good(IssueToken{brief});
  world_.now = world_.now + hours(24);
  world_.good(IssueToken{token("t2", "root")});
  EXPECT_TRUE(world_.facts().tokens.contains("t1"));
  world_.now = world_.now + minutes(1);
  world_.good(IssueToken{token("t3", "root")});
  EXPECT_FALSE(world_.facts().tokens.contains("t1"));
}

TEST_F(Access, GrantsAddUpWithinWhatATokenNarrows) {
  world_.apply("acme/x", grant(Role::kMember, {"ann"}, "web"));
  GrantSpec ops = grant(Role::kViewer, {});
  ops.groups = {"ops"};
  world_.apply("acme/ops", ops);
  const auto may = [&](TokenRecord record) { return bindings_of(record, world_.facts().principals, world_.facts().grants); };
  TokenRecord ann = token("t", "acme/ann");
  EXPECT_EQ(may(ann), (std::vector<Binding>{{Role::kMember, "acme", "web"}, {Role::kViewer, "acme", ""}}));
  ann.tenant = "acme";
  ann.role = Role::kTenantAdmin;
  EXPECT_EQ(may(ann), (std::vector<Binding>{{Role::kMember, "acme", "web"}, {Role::kViewer, "acme", ""}})) << "it narrows, and gives nothing";
  ann.role = Role::kViewer;
  EXPECT_EQ(may(ann), (std::vector<Binding>{{Role::kViewer, "acme", ""}}));
  ann.project = "llm";
  EXPECT_EQ(may(ann), (std::vector<Binding>{{Role::kViewer, "acme", "llm"}}));
  PrincipalSpec suspended;
  suspended.groups = {"ops"};
  suspended.suspended = true;
  world_.apply("acme/ann", suspended);
  EXPECT_TRUE(may(ann).empty());
}

}  // namespace
}  // namespace penstock
