// Every estate under examples/, applied, filled until nothing more fits, and proved by the checker.
#include "support/examples.h"

#include <set>

#include "base/name.h"
#include "filling.h"

namespace penstock {
namespace {

struct Filled {
  const char* example;
  const char* at;       // when all of it stands
  std::uint64_t every;  // how often the checker compares limits
};

void PrintTo(const Filled& filled, std::ostream* out) {
  *out << filled.example;
}

class Examples : public testing::TestWithParam<Filled> {};

TEST_P(Examples, AreProvedWhenNothingMoreFits) {
  World world;
  world.watchful = false;
  world.now = *Text<Time>::parse(GetParam().at);
  world.prove_every = GetParam().every;
  world.apply(documents_of(GetParam().example));
  ASSERT_FALSE(HasFailure());
  std::vector<std::string> own;
  for (const auto& [name, contract] : world.facts().contracts) own.push_back(name);
  Filling filling(world);
  for (const EstateSite& site : world.state().estate().sites()) {
    if (site.runtime != RuntimeKind::kAgent) continue;
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      world.enrol(world.state().estate().nodes()[node].name);
    }
  }
  std::vector<std::string> sites;
  for (const EstateSite& site : world.state().estate().sites()) sites.push_back(site.name);
  for (const std::string& site : sites) {
    std::vector<std::string> contracts = own;
    contracts.insert(contracts.end(), Filling::kContracts.begin(), Filling::kContracts.end());
    filling.fill_site(site, contracts);
  }
  std::map<std::string, std::int64_t> gpus;
  std::map<std::string, std::int64_t> by_contract;
  for (const auto& [uid, job] : world.facts().jobs) {
    if (!job.holds()) continue;
    gpus[std::string(split_path(job.allocation->tasks.front().node).front())] += job.allocation->gpus.count();
    by_contract[job.contract] += job.allocation->gpus.count();
  }
  for (const EstateSite& site : world.state().estate().sites()) {
    EXPECT_GT(gpus[site.name], site.gpus.count() / 2) << site.name << " is not even half full";
  }
  for (const std::string& contract : own) EXPECT_GT(by_contract[contract], 0) << contract;
}

INSTANTIATE_TEST_SUITE_P(All, Examples,
                         testing::Values(Filled{"workstation", "2026-06-01T00:00:00Z", 1},
                                         Filled{"loughton", "2026-06-01T00:00:00Z", 4},
                                         Filled{"stargate-norway", "2027-02-01T00:00:00Z", 40},
                                         Filled{"stargate-uk", "2028-06-01T00:00:00Z", 4},
                                         Filled{"narvik-contract", "2027-02-01T00:00:00Z", 8},
                                         Filled{"pipeline", "2027-04-01T00:00:00Z", 40},
                                         Filled{"continental", "2026-06-01T00:00:00Z", 400}),
                         [](const auto& info) {
                           std::string name = info.param.example;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Residency, HoldsWhereOnlyAForeignSiteIsFree) {
  World world;
  world.watchful = false;
  world.now = *Text<Time>::parse("2028-06-01T00:00:00Z");
  world.prove_every = 50;
  world.apply(documents_of("stargate-uk"));
  world.apply(documents_of("stargate-norway"));
  Filling filling(world);
  ContractSpec anywhere = contract();
  anywhere.service_class = ServiceClass::kReserved;
  world.apply("albion/anywhere", anywhere);
  world.apply("albion/sovereign", ProjectSpec{});  // without its quota
  JobSpec rack = gang(18, 4000);
  rack.contract = "albion/anywhere";
  rack.gpu_models = {"gb300"};
  EXPECT_GT(filling.fill(rack), 300);
  std::set<std::string> sites;
  for (const auto& [uid, job] : world.facts().jobs) {
    if (!job.holds()) continue;
    for (const TaskPlacement& task : job.allocation->tasks) sites.insert(std::string(split_path(task.node).front()));
  }
  EXPECT_EQ(sites, (std::set<std::string>{"cobalt-park", "uk-second", "uk-third"}));
  rack.sites = {"kvandal"};
  world.start("albion/sovereign/abroad", rack);
  EXPECT_EQ(world.reasons("albion/sovereign/abroad"), "jurisdiction");
}

}  // namespace
}  // namespace penstock
