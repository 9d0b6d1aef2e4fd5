// Every estate under examples/, applied, filled until nothing more fits, and proved by the checker.
#include "support/examples.h"

#include <set>

#include "base/name.h"
#include "engine/contracts/quote.h"
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
  EXPECT_TRUE(world.facts().breached.empty()) << "what it sells is there";
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

// What the README of stargate-uk shows of its quotes.
TEST(Quotes, OfStargateUkAreWhatItsReadmeSays) {
  World world;
  world.watchful = false;
  world.now = *Text<Time>::parse("2026-11-26T00:00:00Z");
  std::vector<Document> sites = documents_of("stargate-uk");
  std::erase_if(sites, [](const Document& document) { return document.kind != Kind::kSite && document.kind != Kind::kNodeType; });
  world.apply(sites);
  const auto asked = [&](const std::string& file) {
    const std::filesystem::path path = kExamples / "stargate-uk" / "quote" / file;
    auto documents = read_documents({{path.string(), text_of(path)}});
    EXPECT_TRUE(documents.ok()) << to_string(documents.error());
    return documents.ok() ? std::move(*documents) : std::vector<Document>{};
  };
  const auto answer = [&](const std::vector<Document>& documents) {
    return quote(Ground(world.state(), world.now), {documents.at(1).metadata.name, std::get<ContractSpec>(documents.at(1).spec), {"GB"}});
  };
  const Quote no = answer(asked("today.yaml"));
  EXPECT_FALSE(no.possible);
  EXPECT_EQ(no.earliest, *Text<Time>::parse("2028-03-01"));
  EXPECT_EQ(no.largest, 8'024);
  const std::vector<Document> later = asked("later.yaml");
  EXPECT_TRUE(answer(later).possible);
  world.apply(later);
  std::vector<Document> slipped = documents_of("stargate-uk", {{"2028-02-01", "2028-04-01"}, {"2028-03-01", "2028-05-01"}});
  std::erase_if(slipped, [](const Document& document) { return document.metadata.name != "uk-third"; });
  EXPECT_TRUE(world.apply(slipped).effects.back().starts_with(
      "contract albion/at-once is broken: 11456 GPUs are missing from 2028-03-01T00:00:00Z until 2028-05-01T00:00:00Z"));
}

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
