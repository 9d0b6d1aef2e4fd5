// A bound tenant stays in its country whatever fails, and its records lie where the store does.
#include <random>

#include "engine/contracts/residency.h"
#include "verify/residency.h"
#include "world.h"

namespace penstock {
namespace {

ResidencyReport residency_of(const World& world, const std::string& tenant) {
  ResidencyWatch watch(tenant);
  for (const EventRecord& event : world.events()) EXPECT_TRUE(watch.take(to_json(event)).ok());
  auto report = watch.finish();
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? std::move(*report) : ResidencyReport{};
}

// A site of two halls, each on a busway of its own.
SiteSpec plant(const std::string& country) {
  SiteSpec spec = site(country, "h200", "r[1-2]", "n[1-3]");
  HallSpec other = spec.halls[0];
  other.name = "h2";
  spec.halls.push_back(other);
  ElementSpec grid;
  grid.name = "grid";
  grid.kind = ElementKind::kGrid;
  grid.rating = Watts(1'000'000);
  ElementSpec busway;
  busway.name = "busway-h[1,2]";
  busway.kind = ElementKind::kBusway;
  busway.rating = Watts(200'000);
  busway.feeds = {{"grid", std::nullopt, std::nullopt}};
  spec.network = NetworkSpec{{grid, busway}};
  for (HallSpec& hall : spec.halls) hall.rows[0].racks[0].feeds = {{"busway-{hall}", std::nullopt, std::nullopt}};
  return spec;
}

// Ten thousand faults and repairs of nodes, busways and whole halls at the home site, while foreign sites stand free.
TEST(Residency, HoldsThroughTenThousandFaults) {
  World world;
  world.watchful = false;
  world.prove_every = 1'000;
  TenantSpec bound;
  bound.jurisdictions = {"GB"};
  ContractSpec reserved = contract();
  reserved.service_class = ServiceClass::kReserved;
  world.apply({document("h200", node_type("h200", 8)), document("home", plant("GB")), document("away", plant("NO")),
               document("far", plant("SE")), document("acme", bound), document("zeta", TenantSpec{}),
               document("acme/llm", ProjectSpec{}), document("zeta/llm", ProjectSpec{}), document("acme/main", reserved),
               document("zeta/main", contract())});
  std::mt19937_64 random(2026);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::set<std::string> lost, out;
  std::int64_t serial = 0;
  std::uint64_t faults = 0;
  while (faults < 10'000 && !testing::Test::HasFailure()) {
    world.now = world.now + minutes(static_cast<std::int64_t>(1 + pick(20)));
    // Work enough for all of the home site, so that every loss wants another place.
    while (world.state().pending().size() < 3) {
      JobSpec spec = gang(static_cast<std::int32_t>(1 + pick(4)), pick(2) == 0 ? 8000 : 4000);
      spec.max_restarts = 100;
      if (pick(3) == 0) spec.groups[0].min_replicas = 1;
      if (pick(2) == 0) spec.time_limit = hours(static_cast<std::int64_t>(2 + pick(20)));
      world.submit(fmt::format("{}/llm/j{}", pick(4) == 0 ? "zeta" : "acme", ++serial), spec);
    }
    const std::size_t what = pick(12);
    if (what < 10) {
      const EstateNode& node = world.state().estate().nodes()[pick(world.state().estate().nodes().size())];
      const std::string name = node.name;
      if (lost.erase(name) > 0) {
        world.good(GiveBackNode{name});
      } else {
        lost.insert(name);
        world.good(LoseNode{name, "a fault"});
      }
    } else {
      // A busway, or both: the whole site is dark.
      const std::string part = what == 10 ? fmt::format("busway-h{}", 1 + pick(2)) : "busway-h[1,2]";
      const std::string name = fmt::format("home/{}", what == 10 ? part : "halls");
      if (out.erase(name) > 0) {
        world.good(DeleteObject{Kind::kRestriction, name, {}});
      } else {
        RestrictionSpec failure;
        failure.cause = RestrictionCause::kFailure;
        failure.parts = {part};
        out.insert(name);
        world.apply(name, failure);
      }
    }
    ++faults;
    world.tick();
    std::vector<TaskReport> reports;
    for (const auto& [uid, job] : world.facts().jobs) {
      if (!job.holds()) continue;
      const bool ends = job.phase == JobPhase::kStopping || pick(20) == 0;
      for (std::int32_t rank = 0; rank < static_cast<std::int32_t>(job.tasks.size()); ++rank) {
        if (job.phase == JobPhase::kStopping) {
          reports.push_back(world.ended(job.name, rank, TaskEnd::kStopped));
        } else if (ends) {
          reports.push_back(world.exited(job.name, rank));
        }
      }
    }
    if (!reports.empty()) world.report(std::move(reports));
  }
  const ResidencyReport report = residency_of(world, "acme");
  EXPECT_TRUE(report.proved) << report.message;
  ASSERT_EQ(report.countries.size(), 1u);
  EXPECT_EQ(report.countries[0].country, "GB");
  EXPECT_GT(report.countries[0].placements, 300u);
  EXPECT_GT(report.countries[0].restarts, 500u);
  EXPECT_GT(report.countries[0].kept, 100u);
  EXPECT_EQ(report.countries[0].nodes, 12u);
  const ResidencyReport free = residency_of(world, "zeta");
  EXPECT_EQ(free.countries.size(), 3u) << "others do lie abroad, and are found there";
}

// ---- where the store lies

class Store : public testing::Test {
 protected:
  Result<Reply> apply(Engine& engine, const std::string& name, AnySpec spec, bool dry_run = false) {
    return engine.execute(ApplyDocuments{{document(name, std::move(spec))}, dry_run}, CommandMeta{now_, "token:test", {}, 0});
  }
  static TenantSpec bound(std::vector<std::string> countries) {
    TenantSpec tenant;
    tenant.jurisdictions = std::move(countries);
    return tenant;
  }
  Time now_ = *Text<Time>::parse("2026-06-01T00:00:00Z");
};

TEST_F(Store, RefusesWhoIsBoundElsewhere) {
  Engine engine({}, {}, "DE");
  const auto refused = apply(engine, "albion", bound({"GB"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(refused.error().path, "spec.jurisdictions");
  EXPECT_NE(refused.error().message.find("it is bound to GB, and its records would lie in DE"), std::string::npos)
      << refused.error().message;
  EXPECT_FALSE(apply(engine, "albion", bound({"GB"}), true).ok());
  EXPECT_TRUE(apply(engine, "union", bound({"FR", "DE"})).ok());
  EXPECT_TRUE(apply(engine, "anyone", bound({})).ok());
  ContractSpec abroad = contract();
  abroad.jurisdictions = {"GB"};
  EXPECT_EQ(apply(engine, "anyone/uk", abroad).error().path, "spec.jurisdictions");
}

TEST_F(Store, SaysThatItDoesNotKnowWhereItLies) {
  Engine engine;
  const auto reply = apply(engine, "albion", bound({"GB"}));
  ASSERT_TRUE(reply.ok());
  ASSERT_EQ(reply->effects.size(), 1u);
  EXPECT_NE(reply->effects[0].find("Tenant albion is bound to GB; whether its records lie there is not known"), std::string::npos);
  EXPECT_TRUE(apply(engine, "anyone", bound({}))->effects.empty());
  EXPECT_TRUE(apply(engine, "albion", bound({"GB"}))->effects.empty()) << "nothing changed";
}

TEST_F(Store, MayNotBeMovedAwayFromWhoIsBound) {
  Engine engine;
  ASSERT_TRUE(apply(engine, "albion", bound({"GB"})).ok());
  ASSERT_TRUE(apply(engine, "anyone", bound({})).ok());
  const Facts& facts = engine.state().facts();
  EXPECT_TRUE(check_store(facts, "").ok());
  EXPECT_TRUE(check_store(facts, "GB").ok());
  const Status moved = check_store(facts, "DE");
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().message, "the log and archives are said to lie in DE, which contradicts tenant albion (bound to GB)");
}

}  // namespace
}  // namespace penstock
