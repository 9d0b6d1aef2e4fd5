// Applying and deleting: all or nothing, everything checked against everything, nothing taken from under work.
#include "world.h"

namespace penstock {
namespace {

using Lines = std::vector<std::string>;

class Catalog : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  Error refuse(std::vector<Document> documents) { return world_.bad(ApplyDocuments{std::move(documents), false}); }
  Error refuse(const std::string& name, AnySpec spec) { return refuse({document(name, std::move(spec))}); }
  Error keep(Kind kind, const std::string& name) { return world_.bad(DeleteObject{kind, name, {}}); }
  void remove(Kind kind, const std::string& name) { world_.good(DeleteObject{kind, name, {}}); }

  World world_;
};

TEST_F(Catalog, AppliesAllDocumentsTogether) {
  // The project stands before its tenant: what counts is the whole.
  const Reply reply = world_.apply({document("zeta/web", ProjectSpec{}), document("zeta", TenantSpec{})});
  ASSERT_EQ(reply.changes.size(), 2u);
  EXPECT_EQ(reply.changes[0].kind, "Project");
  EXPECT_EQ(reply.changes[0].change, Change::kAdded);
  EXPECT_EQ(reply.changes[0].version, world_.facts().position - 1);
  EXPECT_LT(reply.changes[0].uid, reply.changes[1].uid);
  EXPECT_EQ(world_.said(), "object.applied object.applied");
  EXPECT_EQ(world_.facts().tenants.at("zeta").created, world_.now);
}

TEST_F(Catalog, AppliesNothingIfOneDocumentIsWrong) {
  const std::string before = world_.state().snapshot();
  const Error error = refuse({document("zeta", TenantSpec{}), document("omega/web", ProjectSpec{})});
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.message, "there is no tenant 'omega'");
  EXPECT_EQ(error.file, "Project omega/web");
  EXPECT_EQ(error.path, "metadata.name");
  EXPECT_EQ(world_.state().snapshot(), before);
}

TEST_F(Catalog, NamesEveryFaultWithItsPlace) {
  ContractSpec dangling = contract();
  dangling.sites = {"north", "moon"};
  dangling.gpu_models = {"abacus"};
  Document document_of = document("acme/other", dangling);
  document_of.origin = {"contracts.yaml", 7};
  const Error error = refuse({document_of});
  EXPECT_EQ(error.file, "contracts.yaml");
  EXPECT_EQ(error.line, 7);
  EXPECT_EQ(error.path, "spec.sites[1]");
  EXPECT_EQ(error.message, "Contract acme/other: there is no site 'moon'");
  ASSERT_EQ(error.also.size(), 1u);
  EXPECT_EQ(error.also[0].path, "spec.gpuModels[0]");
  EXPECT_EQ(error.also[0].message, "Contract acme/other: no NodeType has the GPU model 'abacus'");
}

TEST_F(Catalog, RefusesASiteOfUnknownNodeTypes) {
  const Error error = refuse("west", site("GB", "abacus", "r1", "n1"));
  EXPECT_EQ(error.file, "Site west");
  EXPECT_EQ(error.message.rfind("no NodeType 'abacus'", 0), 0u) << error.message;
  EXPECT_EQ(error.path, "spec.halls[0].rows[0].racks[0].nodes[0].type");
}

TEST_F(Catalog, RefusesTheSameObjectTwiceAndBadNames) {
  EXPECT_EQ(refuse({document("zeta", TenantSpec{}), document("zeta", TenantSpec{})}).message, "it stands twice in this input");
  EXPECT_EQ(refuse("zeta", ProjectSpec{}).path, "metadata.name");
}

TEST_F(Catalog, LeavesJobsAlone) {
  EXPECT_EQ(refuse("acme/llm/a", gang(1, 1000)).path, "kind");
  const Reply reply = world_.apply({document("acme/llm/a", gang(1, 1000)), document("zeta", TenantSpec{})});
  EXPECT_EQ(reply.effects, Lines{"Job acme/llm/a was left alone: jobs are submitted, not applied"});
  EXPECT_EQ(world_.said(), "object.applied");
}

TEST_F(Catalog, UnchangedDocumentsMakeNoEvent) {
  const Reply reply = world_.apply({document("acme", TenantSpec{}), document("h200", node_type("h200", 8))});
  EXPECT_EQ(reply.changes[0].change, Change::kUnchanged);
  EXPECT_EQ(reply.changes[0].version, world_.facts().tenants.at("acme").version);
  EXPECT_EQ(world_.said(), "");

  Document labelled = document("acme", TenantSpec{});
  labelled.metadata.labels = {{"tier", "gold"}};
  const Uid uid = world_.facts().tenants.at("acme").uid;
  world_.now = world_.now + seconds(1);
  EXPECT_EQ(world_.apply({labelled}).changes[0].change, Change::kChanged);
  EXPECT_EQ(world_.facts().tenants.at("acme").uid, uid);
  EXPECT_EQ(world_.facts().tenants.at("acme").updated, world_.now);
  EXPECT_EQ(world_.facts().tenants.at("acme").created, world_.now - seconds(1));
}

TEST_F(Catalog, RefusesAVersionThatIsNotTheStoredOne) {
  TenantSpec renamed;
  renamed.display_name = "Acme";
  Document change = document("acme", renamed);
  change.metadata.version = world_.facts().tenants.at("acme").version;
  world_.apply({change});
  Document late = document("acme", TenantSpec{});
  late.metadata.version = change.metadata.version;
  EXPECT_EQ(refuse({late}).code, Code::kConflict);
  Document absent = document("zeta", TenantSpec{});
  absent.metadata.version = 3;
  EXPECT_EQ(refuse({absent}).code, Code::kConflict);
  absent.metadata.version = 0;  // only if it is not there yet
  world_.apply({absent});
  EXPECT_EQ(world_.bad(DeleteObject{Kind::kTenant, "zeta", 1}).code, Code::kConflict);
  world_.good(DeleteObject{Kind::kTenant, "zeta", world_.facts().tenants.at("zeta").version});
}

TEST_F(Catalog, DryRunTellsThePlanAndChangesNothing) {
  const std::string before = world_.state().snapshot();
  auto reply = world_.run(ApplyDocuments{{document("north", site("NO", "h200", "r[1-3]", "n[1-2]"))}, true}, "key", 1);
  ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(reply->dry_run);
  EXPECT_EQ(reply->changes[0].change, Change::kChanged);
  EXPECT_EQ(reply->effects, Lines{"north: nodes 4 → 6, h200 GPUs 32 → 48, node draw at most 32kW → 48kW"});
  EXPECT_EQ(world_.state().snapshot(), before);
}

TEST_F(Catalog, WarnsOfWhatIsAllowedAndProbablyNotMeant) {
  SiteSpec small = site("NO", "h200", "r[1-4]", "n1");
  small.grid.emplace().contracted = Watts(20'000);
  Document given = document("west", small);
  given.origin = {"west.yaml", 3};
  const std::string message = "all racks together can never be full: west import would carry 32kW of 20kW, which leaves full work to ";
  for (const bool dry_run : {true, false}) {
    const auto reply = world_.run(ApplyDocuments{{given}, dry_run});
    ASSERT_TRUE(reply.ok()) << to_string(reply.error());
    ASSERT_EQ(reply->warnings.size(), 1u);
    EXPECT_EQ(reply->warnings[0].file, "west.yaml");
    EXPECT_EQ(reply->warnings[0].line, 3);
    EXPECT_EQ(reply->warnings[0].path, "spec.grid");
    EXPECT_EQ(reply->warnings[0].message.substr(0, message.size() + 11), "Site west: " + message);
  }
  EXPECT_TRUE(world_.apply({given}).warnings.empty()) << "nothing changed";
  EXPECT_TRUE(world_.apply({document("zeta", TenantSpec{})}).warnings.empty()) << "of another site's sake nobody is told";
  NodeTypeSpec hungry = world_.facts().node_types.at("h200").spec;
  hungry.power.max = Watts(9'000);
  const Reply reply = world_.apply({document("h200", hungry)});
  ASSERT_EQ(reply.warnings.size(), 1u);
  EXPECT_EQ(reply.warnings[0].file, "Site west") << "of the site, though a type was given";
}

TEST_F(Catalog, WhatAnEarlierVersionTookIsNotJudgedAgain) {
  SiteSpec lie = site("NO", "h200", "r1", "n1");
  lie.halls[0].rows[0].racks[0].redundancy = Redundancy::k2N;
  EXPECT_EQ(refuse("west", lie).path, "spec.halls[0].rows[0].racks[0].redundancy");
  Facts facts = world_.facts();
  facts.sites.at("south").spec.halls[0].rows[0].racks[0].redundancy = Redundancy::k2N;
  Engine again(std::move(facts));
  EXPECT_EQ(again.state().estate().nodes().size(), 6u);
  EXPECT_TRUE(again.execute(DeleteObject{Kind::kSite, "south", {}}, CommandMeta{world_.now, "token:test", {}, 0}).ok());
}

TEST_F(Catalog, NodesInUseCannotVanishOrChange) {
  world_.start("acme/llm/a", gang(1, 8000));
  ASSERT_EQ(world_.nodes("acme/llm/a"), "r1/n1");
  const SiteSpec smaller = site("NO", "h200", "r2", "n[1-2]");
  EXPECT_EQ(refuse("north", smaller).message,
            "node north/h1/r1/n1 would vanish while acme/llm/a holds it; cancel or drain it first");
  EXPECT_EQ(refuse("north", site("NO", "a100", "r[1-2]", "n[1-2]")).code, Code::kFailedPrecondition);
  EXPECT_EQ(refuse("north", site("NO", "h200", "r[1-2]", "n[1-2]", RuntimeKind::kAgent)).code, Code::kFailedPrecondition);
  EXPECT_EQ(refuse("h200", node_type("h200", 9)).code, Code::kFailedPrecondition);
  NodeTypeSpec thirsty = node_type("h200", 8);
  thirsty.power.max = Watts(9'000);
  EXPECT_EQ(refuse("h200", thirsty).code, Code::kFailedPrecondition);
  EXPECT_EQ(keep(Kind::kSite, "north").message, "Site 'north' cannot be deleted: acme/llm/a holds node north/h1/r1/n1");

  world_.finish("acme/llm/a");
  world_.apply("north", smaller);
  EXPECT_EQ(world_.state().estate().nodes().size(), 4u);
}

TEST_F(Catalog, NodesInUseKeepTheCoresAndMemoryThatAreHeld) {
  JobSpec wide = gang(1, 1000);
  wide.groups[0].cpu = MilliCpu(40'000);
  wide.groups[0].memory = Bytes(100LL << 30);
  world_.start("acme/llm/a", wide);
  const std::string kLess = "node north/h1/r1/n1 would have fewer cores, less memory or less disk than acme/llm/a and others hold of it";
  NodeTypeSpec fewer = node_type("h200", 8);
  fewer.cpu = MilliCpu(39'999);
  EXPECT_EQ(refuse("h200", fewer).message, kLess);
  fewer.cpu = MilliCpu(40'000);
  fewer.memory = Bytes((100LL << 30) - 1);
  EXPECT_EQ(refuse("h200", fewer).message, kLess);
  fewer.memory = Bytes(100LL << 30);
  world_.apply("h200", fewer);
}

TEST_F(Catalog, RunningWorkStaysInsideTheCountriesThatBindIt) {
  world_.start("acme/llm/a", gang(1, 1000));
  TenantSpec british;
  british.jurisdictions = {"GB"};
  const Error error = refuse("acme", british);
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_EQ(error.path, "spec.jurisdictions");
  EXPECT_EQ(error.message, "acme/llm/a runs at north in NO and would be outside its countries; cancel it first");
  ContractSpec bound = contract();
  bound.jurisdictions = {"GB"};
  EXPECT_EQ(refuse("acme/main", bound).code, Code::kFailedPrecondition);
  bound.jurisdictions = {"NO"};
  world_.apply("acme/main", bound);
  EXPECT_EQ(refuse("north", site("SE", "h200", "r[1-2]", "n[1-2]")).path, "spec.country");
  world_.finish("acme/llm/a");
  world_.apply("acme", british);
}

TEST_F(Catalog, ACurrencyNeverChanges) {
  ContractSpec other = contract();
  other.price_per_gpu_hour = {1'000'000, "EUR"};
  const Error error = refuse("acme/main", other);
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_EQ(error.path, "spec.pricePerGpuHour");
  other.price_per_gpu_hour.currency = "USD";
  world_.apply("acme/main", other);
}

TEST_F(Catalog, DeletesWhatNothingNeeds) {
  EXPECT_EQ(keep(Kind::kTenant, "zeta").code, Code::kNotFound);
  EXPECT_EQ(keep(Kind::kNodeType, "h200").message, "NodeType 'h200' cannot be deleted: node north/h1/r1/n1 is of it");
  EXPECT_EQ(keep(Kind::kTenant, "acme").message, "Tenant 'acme' cannot be deleted: it has project acme/llm");
  world_.submit("acme/llm/a", gang(1, 1000));
  EXPECT_EQ(keep(Kind::kProject, "acme/llm").message, "Project 'acme/llm' cannot be deleted: job acme/llm/a is pending");
  EXPECT_EQ(keep(Kind::kContract, "acme/main").message, "Contract 'acme/main' cannot be deleted: job acme/llm/a runs under it");
  world_.good(CancelJob{"acme/llm/a", {}});
  remove(Kind::kProject, "acme/llm");
  EXPECT_EQ(keep(Kind::kTenant, "acme").message, "Tenant 'acme' cannot be deleted: it has contract acme/main");
  remove(Kind::kContract, "acme/main");
  remove(Kind::kTenant, "acme");
  const Reply reply = world_.good(DeleteObject{Kind::kSite, "north", {}});
  EXPECT_EQ(reply.effects, Lines{"north: nodes 4 → 0, h200 GPUs 32 → 0, node draw at most 32kW → 0W"});
  remove(Kind::kNodeType, "h200");
  EXPECT_EQ(world_.state().estate().nodes().size(), 2u);
}

TEST_F(Catalog, DeletesNothingThatAContractNames) {
  ContractSpec named = contract();
  named.sites = {"north"};
  named.gpu_models = {"b200"};
  world_.apply({document("b200", node_type("b200", 8)), document("acme/main", named)});
  EXPECT_EQ(keep(Kind::kSite, "north").message, "Site 'north' cannot be deleted: contract acme/main names it");
  EXPECT_EQ(keep(Kind::kNodeType, "b200").message, "NodeType 'b200' cannot be deleted: contract acme/main names its GPU model");
  world_.apply("b200-air", node_type("b200", 8));
  remove(Kind::kNodeType, "b200");
}

TEST_F(Catalog, ATenantIsNotDeletedWhileTokensOpenItsName) {
  world_.apply("zeta", TenantSpec{});
  TokenRecord token;
  token.id = "t1";
  token.hash = "00";
  token.role = Role::kMember;
  token.tenant = "zeta";
  world_.good(IssueToken{token});
  EXPECT_EQ(keep(Kind::kTenant, "zeta").message, "Tenant 'zeta' cannot be deleted: token t1 is bound to it; revoke it first");
  world_.good(RevokeToken{"t1"});
  remove(Kind::kTenant, "zeta");
}

}  // namespace
}  // namespace penstock
