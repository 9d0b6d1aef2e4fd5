// The book: what can be sold, what is refused and why, and who is told when the estate falls short of it.
#include <chrono>

#include "engine/contracts/quote.h"
#include "engine/contracts/sale.h"
#include "support/hall.h"
#include "world.h"

namespace penstock {
namespace {

Time at(std::string_view text) { return *Text<Time>::parse(text); }

ContractSpec reserved(std::vector<RampStepSpec> ramp) {
  ContractSpec spec = contract();
  spec.service_class = ServiceClass::kReserved;
  spec.ramp = std::move(ramp);
  return spec;
}

// Site `east` in NO: rack r1 of four nodes with 8 h200 now, r2 of four more in a hall of September.
class Book : public testing::Test {
 protected:
  void SetUp() override {
    world_.apply({document("h200", node_type("h200", 8)), document("a100", node_type("a100", 4)), document("east", east("2026-09-01")),
                  document("acme", TenantSpec{}), document("zeta", TenantSpec{})});
    world_.said();
  }
  static SiteSpec east(std::string_view second) {
    SiteSpec spec = site("NO", "h200", "r1", "n[1-4]");
    SiteSpec later = site("NO", "h200", "r2", "n[1-4]");
    later.halls[0].name = "h2";
    later.halls[0].from = at(second);
    spec.halls.push_back(later.halls[0]);
    return spec;
  }
  Quote asked(const std::string& name, const ContractSpec& spec) {
    const Facts& facts = world_.facts();
    Ground ground(world_.state(), world_.now);
    for (const Sale& sale : signed_sales(facts)) {
      if (sale.name != name) ground.lay(sale);
    }
    return quote(ground, {name, spec, {}});
  }
  Error refused(const std::string& name, const ContractSpec& spec) { return world_.bad(ApplyDocuments{{document(name, spec)}, false}); }

  World world_;
};

TEST_F(Book, TellsWhereAContractWouldLie) {
  const Quote yes = asked("acme/gold", reserved({{world_.now, 20}, {at("2026-09-01"), 60}}));
  EXPECT_TRUE(yes.possible) << yes.message;
  ASSERT_EQ(yes.entry.lots.size(), 2u);
  EXPECT_EQ(yes.entry.lots[0].gpus, 24) << "whole nodes";
  EXPECT_EQ(yes.entry.lots[0].racks, std::vector<std::string>{"h1/r1 ×3"});
  EXPECT_EQ(yes.entry.lots[1].racks, (std::vector<std::string>{"h1/r1 ×1", "h2/r2 ×4"}));
  EXPECT_EQ(yes.entry.lots[1].from, at("2026-09-01"));
}

TEST_F(Book, RefusesWhatIsNotThereAndSaysFromWhenAndHowMuch) {
  const ContractSpec spec = reserved({{world_.now, 40}});
  const Quote no = asked("acme/gold", spec);
  EXPECT_FALSE(no.possible);
  EXPECT_EQ(no.earliest, at("2026-09-01"));
  EXPECT_EQ(no.largest, 32);
  EXPECT_EQ(no.message,
            "acme/gold cannot be sold: 8 GPUs are missing from 2026-06-01T00:00:00Z until 2026-09-01T00:00:00Z: 32 GPUs of any model stand "
            "then at east, and others have bought 0 of them. All of it would fit from 2026-09-01T00:00:00Z; with the dates asked for, 32 GPUs would fit");
  const Error error = refused("acme/gold", spec);
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_EQ(error.path, "spec.ramp");
  EXPECT_NE(error.message.find(no.message), std::string::npos) << error.message;
  EXPECT_EQ(world_.bad(ApplyDocuments{{document("acme/gold", spec)}, true}).message, error.message) << "a dry run says the same";
  EXPECT_FALSE(world_.facts().contracts.contains("acme/gold"));
  world_.apply("acme/gold", reserved({{at("2026-09-01"), 40}}));
}

TEST_F(Book, KeepsWhatOthersWereSoldAlsoLater) {
  world_.apply("acme/gold", reserved({{world_.now, 8}, {at("2026-09-01"), 48}}));
  const Quote no = asked("zeta/main", reserved({{world_.now, 24}}));
  EXPECT_FALSE(no.possible) << "from September on acme needs one of these nodes";
  EXPECT_EQ(no.largest, 16);
  EXPECT_FALSE(no.earliest);
  ContractSpec until = reserved({{world_.now, 24}});
  until.until = at("2026-09-01");
  EXPECT_TRUE(asked("zeta/main", until).possible);
}

TEST_F(Book, KeepsOptionsUntilTheyLapse) {
  ContractSpec spec = reserved({{world_.now, 8}});
  spec.options = {{24, world_.now, at("2026-07-01")}};
  world_.apply("acme/gold", spec);
  EXPECT_FALSE(asked("zeta/main", reserved({{world_.now, 8}})).possible);
  world_.now = at("2026-07-01");
  EXPECT_TRUE(asked("zeta/main", reserved({{world_.now, 8}})).possible);
}

TEST_F(Book, KeepsSparesForTheSla) {
  ContractSpec spec = reserved({{world_.now, 32}});
  EXPECT_TRUE(asked("acme/gold", spec).possible);
  spec.sla = SlaSpec{Ppm(999'000), std::nullopt, {}};
  const Quote no = asked("acme/gold", spec);
  EXPECT_FALSE(no.possible);
  EXPECT_TRUE(no.entry.missing.front().spare);
  EXPECT_EQ(no.largest, 24) << "one of four nodes stands by";
}

TEST_F(Book, ReckonsSparesByPoisson) {
  EXPECT_EQ(spare_count(0, Ppm(999'000)), 0);
  EXPECT_EQ(spare_count(1'000'000, Ppm(500'000)), 1);
  EXPECT_EQ(spare_count(100'000'000, Ppm(999'000)), 131);  // 100 + 3.091 × 10
  EXPECT_EQ(spare_count(16'000'000, Ppm(990'000)), 26);    // 16 + 2.327 × 4
}

TEST_F(Book, FollowsAnEndThatWasAmended) {
  ContractSpec spec = reserved({{world_.now, 32}});
  spec.until = at("2026-08-01");
  world_.apply("acme/gold", spec);
  const ContractSpec next = reserved({{at("2026-08-01"), 32}});
  EXPECT_TRUE(asked("zeta/main", next).possible);
  AmendmentSpec row;
  row.from = at("2026-07-01");
  row.until = at("2027-01-01");
  spec.amendments = {row};
  world_.apply("acme/gold", spec);
  EXPECT_FALSE(asked("zeta/main", next).possible);
}

TEST_F(Book, CountsSubstitutes) {
  world_.apply("west", site("GB", "a100", "r1", "n[1-4]"));
  ContractSpec spec = reserved({{world_.now, 48}});
  spec.gpu_models = {"h200"};
  EXPECT_EQ(asked("acme/gold", spec).largest, 32);
  spec.substitutes = {"a100"};
  const Quote yes = asked("acme/gold", spec);
  EXPECT_TRUE(yes.possible) << yes.message;
  ASSERT_EQ(yes.entry.lots.size(), 2u);
  EXPECT_EQ(yes.entry.lots[0].gpu_model, "h200");
  EXPECT_EQ(yes.entry.lots[0].gpus, 32) << "its own models first";
}

TEST_F(Book, AsksForNothingAnewWhereLessIsSold) {
  ContractSpec spec = reserved({{world_.now, 64}});
  spec.oversold = true;
  world_.apply("acme/gold", spec);
  EXPECT_TRUE(world_.facts().breached.empty());
  spec.ramp[0].gpus = 48;
  world_.apply("acme/gold", spec);
  spec.oversold = false;
  EXPECT_EQ(refused("acme/gold", spec).path, "spec.ramp");
  spec.ramp[0].gpus = 32;
  world_.apply("acme/gold", spec);
  spec.ramp[0].gpus = 24;
  world_.apply("acme/gold", spec);
  spec.ramp[0].gpus = 40;
  EXPECT_EQ(refused("acme/gold", spec).path, "spec.ramp");
}

TEST_F(Book, TellsAtOnceWhomADelayLeavesShort) {
  world_.apply("acme/gold", reserved({{world_.now, 24}, {at("2026-09-01"), 40}}));
  world_.apply("zeta/main", reserved({{at("2026-09-01"), 24}}));
  EXPECT_EQ(world_.said(), "object.applied object.applied");

  const std::vector<Document> late{document("east", east("2026-11-01"))};
  const std::string short_of = "contract acme/gold {}: 8 GPUs are missing from 2026-09-01T00:00:00Z until 2026-11-01T00:00:00Z: ";
  const Reply plan = world_.good(ApplyDocuments{late, true});
  ASSERT_EQ(plan.effects.size(), 2u);
  EXPECT_TRUE(plan.effects[0].starts_with(fmt::format(fmt::runtime(short_of), "would be broken"))) << plan.effects[0];
  EXPECT_TRUE(plan.effects[1].starts_with("contract zeta/main would be broken: 24 GPUs are missing")) << plan.effects[1];
  EXPECT_EQ(world_.said(), "");

  const Reply done = world_.good(ApplyDocuments{late, false});
  ASSERT_EQ(done.effects.size(), 2u);
  EXPECT_TRUE(done.effects[0].starts_with(fmt::format(fmt::runtime(short_of), "is broken"))) << done.effects[0];
  EXPECT_EQ(world_.said(), "object.applied contracts.breached");
  EXPECT_EQ(std::get<ContractsBreached>(world_.events().back().event).cause, "Site east");
  ASSERT_EQ(world_.facts().breached.size(), 2u);
  EXPECT_EQ(world_.facts().breached.at("acme/gold").front().gpus, 8);
  world_.restart();
  EXPECT_EQ(world_.facts().breached.size(), 2u);

  world_.apply("acme", TenantSpec{"Acme", {}, {}, {}});
  EXPECT_EQ(world_.said(), "object.applied") << "what has been told is not told again";
  const Reply back = world_.apply("east", east("2026-09-01"));
  EXPECT_EQ(world_.said(), "object.applied contracts.restored");
  EXPECT_EQ(back.effects, (std::vector<std::string>{"contract acme/gold: nothing is missing any more", "contract zeta/main: nothing is missing any more"}));
  EXPECT_TRUE(world_.facts().breached.empty());
}

TEST_F(Book, WhoSignsLaterMovesNobody) {
  world_.apply("acme/gold", reserved({{world_.now, 16}}));
  world_.apply("zeta/main", reserved({{world_.now, 16}}));
  // Acme's growth is newer than what zeta was sold, and takes what is left.
  EXPECT_EQ(refused("acme/gold", reserved({{world_.now, 24}})).path, "spec.ramp");
  world_.apply("acme/gold", reserved({{world_.now, 16}, {at("2026-09-01"), 48}}));
  EXPECT_EQ(signed_sales(world_.facts()).back().name, "acme/gold");
  EXPECT_TRUE(world_.facts().breached.empty());
}

TEST_F(Book, WhatHasBegunStays) {
  ContractSpec spec = reserved({{world_.now, 8}, {at("2026-08-01"), 16}});
  spec.from = world_.now;
  AmendmentSpec row;
  row.from = at("2026-06-15");
  row.energy = EnergyTerms::kPassThrough;
  spec.amendments = {row};
  world_.apply("acme/gold", spec);
  world_.now = at("2026-07-01");
  const auto path = [&](ContractSpec changed) { return refused("acme/gold", changed).path; };
  ContractSpec other = spec;
  other.ramp[0].gpus = 4;
  EXPECT_EQ(path(other), "spec.ramp[0]");
  other = spec;
  other.ramp.erase(other.ramp.begin());
  EXPECT_EQ(path(other), "spec.ramp[0]");
  other = spec;
  other.ramp.insert(other.ramp.begin() + 1, {at("2026-06-20"), 12});
  EXPECT_EQ(path(other), "spec.ramp[1].from");
  other = spec;
  other.from = at("2026-05-01");
  EXPECT_EQ(path(other), "spec.from");
  other = spec;
  other.amendments.clear();
  EXPECT_EQ(path(other), "spec.amendments[0]");
  other = spec;
  other.amendments[0].energy = EnergyTerms::kIncluded;
  EXPECT_EQ(path(other), "spec.amendments[0]");
  // What lies ahead may change, and rows may follow.
  spec.ramp[1] = {at("2026-07-20"), 24};
  row.from = at("2026-07-02");
  spec.amendments.push_back(row);
  world_.apply("acme/gold", spec);
}

TEST_F(Book, HoldsPowerOfEveryLoss) {
  World hall;
  auto documents = read_documents({{"hall", std::string(kHall)}});
  ASSERT_TRUE(documents.ok());
  documents->push_back(document("acme", TenantSpec{}));
  hall.apply(*documents);
  Ground ground(hall.state(), hall.now);
  // docs/power.md, "By hand": two firm nodes of four GPUs; 1.2 kW are left after the loss of a side, and the third takes 1.6.
  const Quote firm = quote(ground, {"acme/gold", reserved({{hall.now, 12}}), {}});
  EXPECT_FALSE(firm.possible);
  EXPECT_EQ(firm.largest, 8);
  EXPECT_FALSE(firm.earliest);
  EXPECT_NE(firm.message.find("with one more node p/ups-a would carry 6.4kW of 6kW after the loss of p/ups-b; 2 free nodes wait for it"),
            std::string::npos)
      << firm.message;
  ContractSpec half = reserved({{hall.now, 16}});
  half.shed = ShedSpec{Ppm(500'000), std::nullopt};
  const Quote shed = quote(ground, {"acme/gold", half, {}});
  EXPECT_TRUE(shed.possible) << shed.message;
  ASSERT_FALSE(shed.entry.nearest.empty());
  EXPECT_EQ(shed.entry.nearest[0].load, 8'000) << "16 GPUs at full power through one side, of 9 kW that it bears for ten seconds";
  EXPECT_EQ(shed.entry.nearest[0].limit, 9'000);
}

TEST_F(Book, ARestrictionLeavesShortForItsTime) {
  auto documents = read_documents({{"hall", std::string(kHall)}});
  ASSERT_TRUE(documents.ok());
  world_.apply(*documents);
  ContractSpec spec = reserved({{world_.now, 8}});
  spec.sites = {"p"};
  world_.apply("acme/hall", spec);
  RestrictionSpec order;
  order.cause = RestrictionCause::kOrder;
  order.import = Watts(4'000);
  order.from = at("2026-07-01");
  order.until = at("2026-07-02");
  const Reply reply = world_.apply("p/order", order);
  ASSERT_EQ(world_.facts().breached.size(), 1u);
  const Shortfall& missing = world_.facts().breached.at("acme/hall").front();
  EXPECT_EQ(missing.from, at("2026-07-01"));
  EXPECT_EQ(missing.until, at("2026-07-02"));
  EXPECT_EQ(missing.gpus, 4);
  EXPECT_NE(missing.bound_by.find("p import"), std::string::npos) << missing.bound_by;
  world_.good(DeleteObject{Kind::kRestriction, "p/order", {}});
  EXPECT_TRUE(world_.facts().breached.empty());
}

// ---- what a contract lets one hold

TEST_F(Book, OverageIsHeldBeyondTheRamp) {
  ContractSpec spec = contract();
  spec.ramp = {{world_.now, 8}};
  spec.overage = OverageSpec{8, {3'000'000, "USD"}};
  world_.apply({document("acme/llm", ProjectSpec{}), document("acme/main", spec)});
  for (const char* name : {"a", "b", "c"}) world_.start(fmt::format("acme/llm/{}", name), gang(1, 8000));
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/c"), "pending");
}

TEST_F(Book, SubstitutesStandInOnlyWhereTheModelsHaveNoRoom) {
  world_.apply("west", site("GB", "a100", "r1", "n[1-4]"));
  ContractSpec spec = contract();
  spec.gpu_models = {"h200"};
  world_.apply({document("acme/llm", ProjectSpec{}), document("acme/main", spec)});
  for (int i = 0; i < 5; ++i) world_.start(fmt::format("acme/llm/j{}", i), gang(4, 1000));
  EXPECT_EQ(world_.job("acme/llm/j0").allocation->tasks[0].node.substr(0, 4), "east") << "west would fit tighter";
  world_.start("acme/llm/big", gang(12, 1000));
  EXPECT_EQ(world_.phase("acme/llm/big"), "starting");
  world_.start("acme/llm/more", gang(4, 1000));
  EXPECT_EQ(world_.phase("acme/llm/more"), "pending");
  spec.substitutes = {"a100"};
  world_.apply("acme/main", spec);
  world_.tick();
  EXPECT_EQ(world_.job("acme/llm/more").allocation->tasks[0].node.substr(0, 4), "west");
}

}  // namespace
}  // namespace penstock
