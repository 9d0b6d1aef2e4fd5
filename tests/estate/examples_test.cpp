// Every estate under examples/: it reads, it compiles alone and with all others, and its figures are those of its
// README.
#include <gtest/gtest.h>

#include <set>

#include "base/name.h"
#include "estate/estate.h"
#include "estate/limits.h"
#include "estate/network.h"
#include "estate/warnings.h"
#include "support/examples.h"

namespace penstock {
namespace {

struct Example {
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  std::map<std::string, TenantSpec> tenants;
  std::map<std::string, ProjectSpec> projects;
  std::map<std::string, ContractSpec> contracts;

  template <class Spec>
  static void put(std::map<std::string, Spec>& into, const std::string& name, const Spec& spec) {
    const auto [known, fresh] = into.try_emplace(name, spec);
    EXPECT_TRUE(fresh || known->second == spec) << "two examples say '" << name << "' and mean different things";
  }

  void put(const Document& document) {
    const std::string& name = document.metadata.name;
    if (const auto* type = std::get_if<NodeTypeSpec>(&document.spec)) put(types, name, *type);
    if (const auto* site = std::get_if<SiteSpec>(&document.spec)) {
      EXPECT_EQ(sites.count(name), 0u) << name;
      put(sites, name, *site);
    }
    if (const auto* tenant = std::get_if<TenantSpec>(&document.spec)) put(tenants, name, *tenant);
    if (const auto* project = std::get_if<ProjectSpec>(&document.spec)) put(projects, name, *project);
    if (const auto* contract = std::get_if<ContractSpec>(&document.spec)) put(contracts, name, *contract);
  }
};

Example example(const std::string& name) {
  Example read;
  for (const Document& document : documents_of(name)) read.put(document);
  return read;
}

Estate compiled(const Example& read) {
  auto estate = Estate::compile(read.types, read.sites);
  EXPECT_TRUE(estate.ok()) << to_string(estate.error());
  return estate.ok() ? std::move(*estate) : Estate();
}

Time at(std::string_view text) {
  return *Text<Time>::parse(text);
}

std::int64_t gpus_of(const Estate& estate, const EstateRack& rack) {
  return static_cast<std::int64_t>(rack.nodes) * estate.type_of(rack.first_node).spec.devices.count;
}

// GPUs whose racks are ready.
std::int64_t gpus_ready(const Estate& estate, Time time) {
  std::int64_t gpus = 0;
  for (const EstateRack& rack : estate.racks()) gpus += !rack.from || *rack.from <= time ? gpus_of(estate, rack) : 0;
  return gpus;
}

std::map<std::string, std::int64_t> gpus_by_model(const Estate& estate) {
  std::map<std::string, std::int64_t> gpus;
  for (const EstateRack& rack : estate.racks()) {
    gpus[estate.type_of(rack.first_node).spec.devices.model] += gpus_of(estate, rack);
  }
  return gpus;
}

std::map<Redundancy, int> racks_by_claim(const Estate& estate) {
  std::map<Redundancy, int> racks;
  for (const EstateRack& rack : estate.racks()) ++racks[rack.redundancy];
  return racks;
}

Watts energised(const Example& read, Time time) {
  Watts sum;
  for (const auto& [name, site] : read.sites) {
    Watts now;
    for (const GridPhaseSpec& phase : site.grid->phases) now = phase.from <= time ? phase.energised : now;
    sum += now;
  }
  return sum;
}

struct Figures {
  std::string example;
  std::set<std::string> countries;
  std::size_t sites;
  std::size_t racks;
  std::size_t nodes;
  std::int64_t gpus;
  std::int64_t kilowatts;   // of all nodes at full work
  std::int64_t contracted;  // kW
};

const std::vector<Figures> kFigures = {
    {"workstation", {"GB"}, 1, 1, 1, 2, 0, 3},
    {"loughton", {"GB"}, 1, 320, 5'760, 23'040, 43'200, 90'000},
    {"stargate-norway", {"NO"}, 1, 1'404, 25'272, 101'088, 197'121, 520'000},
    {"stargate-uk", {"GB"}, 3, 432, 7'762, 31'064, 60'553, 84'000},
    {"narvik-contract", {"NO"}, 1, 720, 12'960, 51'840, 101'088, 120'000},
    {"pipeline", {"GB", "NO", "PT", "US"}, 5, 2'100, 37'800, 151'200, 283'500, 1'300'000},
    {"continental",
     {"AT", "BE", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR",
      "HU", "IE", "IS", "IT", "LT", "LV", "NL", "NO", "PL", "PT", "RO", "SE"},
     32,
     4'625,
     54'200,
     250'000,
     447'148,
     2'200'000},
};

TEST(Examples, AreAllInTheTable) {
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(kExamples)) {
    if (entry.is_directory() && entry.path().filename() != "scenarios") there.insert(entry.path().filename());
  }
  std::set<std::string> told;
  for (const Figures& figures : kFigures) told.insert(figures.example);
  EXPECT_EQ(there, told);
}

TEST(Examples, AreWhatTheirReadmesSay) {
  for (const Figures& figures : kFigures) {
    SCOPED_TRACE(figures.example);
    const Example read = example(figures.example);
    const Estate estate = compiled(read);
    std::set<std::string> countries;
    std::int64_t milli_gpus = 0;
    Watts most;
    Watts contracted;
    for (const EstateSite& site : estate.sites()) {
      countries.insert(site.country);
      milli_gpus += site.gpus.count();
      most += site.max_draw;
      contracted += site.grid->contracted;
    }
    EXPECT_EQ(countries, figures.countries);
    EXPECT_EQ(estate.sites().size(), figures.sites);
    EXPECT_EQ(estate.racks().size(), figures.racks);
    EXPECT_EQ(estate.nodes().size(), figures.nodes);
    EXPECT_EQ(milli_gpus, figures.gpus * 1'000);
    EXPECT_EQ(most.count() / 1'000, figures.kilowatts);
    EXPECT_EQ(contracted.count(), figures.contracted * 1'000);
  }
}

TEST(Examples, StandTogether) {
  Example all;
  std::size_t sites = 0;
  std::size_t nodes = 0;
  for (const Figures& figures : kFigures) {
    for (const Document& document : documents_of(figures.example)) all.put(document);
    sites += figures.sites;
    nodes += figures.nodes;
  }
  const Estate estate = compiled(all);
  EXPECT_EQ(estate.sites().size(), sites);
  EXPECT_EQ(estate.nodes().size(), nodes);
}

// Whoever applies a folder gets a tenancy that can use it.
TEST(Examples, SellWhatStands) {
  for (const Figures& figures : kFigures) {
    SCOPED_TRACE(figures.example);
    const Example read = example(figures.example);
    const Estate estate = compiled(read);
    const auto models = gpus_by_model(estate);
    EXPECT_FALSE(read.contracts.empty());
    for (const auto& [name, contract] : read.contracts) {
      SCOPED_TRACE(name);
      const auto in = [](const auto& map, std::string_view key) { return map.count(std::string(key)) == 1; };
      EXPECT_TRUE(in(read.tenants, parent_of(name)));
      for (const std::string& site : contract.sites) EXPECT_TRUE(in(read.sites, site)) << site;
      for (const std::string& model : contract.gpu_models) EXPECT_TRUE(in(models, model)) << model;
    }
    std::set<Time> steps;
    for (const auto& [name, contract] : read.contracts) {
      for (const RampStepSpec& step : contract.ramp) steps.insert(step.from);
    }
    for (const Time time : steps) {
      std::int64_t sold = 0;
      for (const auto& [name, contract] : read.contracts) {
        std::int64_t now = 0;
        for (const RampStepSpec& step : contract.ramp) now = step.from <= time ? step.gpus : now;
        sold += now;
      }
      EXPECT_LE(sold, gpus_ready(estate, time)) << Text<Time>::format(time);
    }
  }
}

// What `penstock apply` says of them.
TEST(Examples, AreWarnedOf) {
  std::string told;
  std::map<std::string, int> continental;  // sites by what is told of them
  for (const Figures& figures : kFigures) {
    const Estate estate = compiled(example(figures.example));
    for (SiteIndex site = 0; site < estate.sites().size(); ++site) {
      const std::string& name = estate.sites()[site].name;
      for (const Warning& warning : warnings(estate, site, at("2026-06-01"))) {
        if (figures.example == "continental") {
          ++continental[name.substr(0, name.find('-')) + " " + warning.path];
        } else {
          told += warning.path + ": " + warning.message + "\n";
        }
      }
    }
  }
  EXPECT_EQ(told,
            "spec.network.elements[5]: cobalt-park/ups-h1-1-a may carry 3.15MW and takes 3267.897kW for it, but all that feeds it "
            "gives 2992.5kW; the same holds for 11 more\n"
            "spec.network.elements[5]: uk-second/out-a may carry 28959.876kW and takes 28959.876kW for it, but all that feeds it "
            "gives 27MW; the same holds for 1 more\n"
            "spec.network.elements[5]: uk-third/ups-h1-1 may carry 3.15MW and takes 3267.897kW for it, but all that feeds it gives "
            "2992.5kW; the same holds for 9 more\n"
            "spec.grid: all racks together can be full only with work that may be shed: narvik import would carry 111754.21kW of "
            "90MW after the loss of narvik/order, which leaves full work to 9366 of its 12960 nodes\n");
  EXPECT_EQ(continental, (std::map<std::string, int>{{"4n3 spec.network.elements[3]", 6}, {"catcher spec.network.elements[3]", 5}}));
}

TEST(Examples, LoughtonIsTheReference) {
  const Example read = example("loughton");
  const Estate estate = compiled(read);
  const GridSpec& grid = *read.sites.at("loughton").grid;
  ASSERT_EQ(grid.phases.size(), 2u);
  EXPECT_EQ(grid.phases[0].energised, Watts(50'000'000));
  EXPECT_EQ(grid.phases[1].energised, Watts(90'000'000));
  EXPECT_EQ(grid.phases[1].confidence, Confidence::kPlanned);
  EXPECT_EQ(racks_by_claim(estate), (std::map<Redundancy, int>{{Redundancy::k2N, 320}}));
  EXPECT_EQ(read.contracts.at("acme/loughton").service_class, ServiceClass::kReserved);
  EXPECT_EQ(read.projects.count("acme/llm"), 1u);
  // Of its README: what its parts may carry, and bear until shedding has acted.
  std::map<std::string, const EstateElement*> elements;
  for (const EstateElement& element : estate.elements()) elements.emplace(leaf_of(element.name), &element);
  const auto holds = [&](const std::string& name, std::int64_t usable, std::int64_t overload) {
    ASSERT_EQ(elements.count(name), 1u) << name;
    EXPECT_EQ(elements[name]->usable, Watts(usable)) << name;
    EXPECT_EQ(elements[name]->overload, Watts(overload)) << name;
  };
  holds("main-a", 59'850'000, 89'775'000);
  holds("gen-a", 27'000'000, 27'000'000);
  holds("tx-h1-1-a", 2'992'500, 4'488'750);
  holds("ups-h1-1-a", 2'800'000, 4'200'000);
  holds("mtx-h1-a", 900'000, 900'000);
  EXPECT_EQ(elements["busway-h1-r1a-a"]->usable.count() / 1'000, 1'408);
  EXPECT_EQ(elements["ups-h1-1-a"]->transfer.slope.count() / 100, 10'281);  // 1.0281
  EXPECT_EQ(elements["ups-h1-1-a"]->transfer.fixed.count() / 100, 259);     // 25.9 kW
  EXPECT_EQ(elements["mv-a"]->feeds[1].share, Ppm(0));
}

// Every rack at full draw: rules 1 and 3–5 of docs/power.md, by the table itself.
TEST(Examples, LoughtonBearsItsFullLoadAndAnyLoss) {
  const Estate estate = compiled(example("loughton"));
  const SiteNetwork network(estate, 0);
  const SiteLimits limits(network, network.condition(at("2026-06-01")));
  std::vector<Watts> full;
  for (ColumnIndex c = 0; c < network.columns().size(); ++c) {
    full.push_back(network.type_of(c).power.max * network.columns()[c].nodes);
  }
  const std::vector<MicroWatts> load = limits.loads(full);
  for (std::size_t r = 0; r < load.size(); ++r) {
    EXPECT_LE(load[r], limits.rows()[r].firm_limit) << limits.name(limits.rows()[r]) << " after " << limits.name(limits.rows()[r].after);
  }
}

TEST(Examples, StargateNorwayOpensInThreeSteps) {
  const Example read = example("stargate-norway");
  const Estate estate = compiled(read);
  EXPECT_EQ(gpus_ready(estate, at("2026-03-31")), 0);
  EXPECT_EQ(gpus_ready(estate, at("2026-04-01")), 33'696);
  EXPECT_EQ(gpus_ready(estate, at("2026-09-01")), 67'392);
  EXPECT_EQ(gpus_ready(estate, at("2026-12-15")), 101'088);
  EXPECT_EQ(energised(read, at("2026-12-15")), Watts(230'000'000));
  EXPECT_EQ(energised(read, at("2029-01-01")), Watts(520'000'000));
  EXPECT_EQ(read.sites.at("kvandal").grid->interruptible->power, Watts(60'000'000));
  EXPECT_EQ(racks_by_claim(estate), (std::map<Redundancy, int>{{Redundancy::kDistributed, 1'404}}));
}

TEST(Examples, StargateUkGrowsAndHasThreeExceptions) {
  const Example read = example("stargate-uk");
  const Estate estate = compiled(read);
  EXPECT_EQ(gpus_ready(estate, at("2026-03-01")), 8'024);
  EXPECT_EQ(gpus_ready(estate, at("2027-07-01")), 19'544);
  EXPECT_EQ(gpus_ready(estate, at("2028-03-01")), 31'064);
  EXPECT_EQ(read.tenants.at("albion").jurisdictions, std::vector<std::string>{"GB"});
  EXPECT_EQ(racks_by_claim(estate),
            (std::map<Redundancy, int>{{Redundancy::k2N, 112}, {Redundancy::kN1, 160}, {Redundancy::kBlock, 160}}));

  EXPECT_EQ(read.sites.at("cobalt-park").exceptions.size(), 3u);
  EXPECT_NE(estate.find_node("cobalt-park/h2/r3bk02/n01"), kNowhere);
  EXPECT_EQ(estate.find_node("cobalt-park/h2/r3bk03/n01"), kNowhere);
  const NodeIndex other = estate.find_node("cobalt-park/h1/r2ak05/n4");
  ASSERT_NE(other, kNowhere);
  EXPECT_EQ(estate.type_of(other).name, "hgx-h200-3plus3");
  const NodeIndex moved = estate.find_node("cobalt-park/h1/r1ak10/n01");
  ASSERT_NE(moved, kNowhere);
  const EstateRack& rack = estate.racks()[estate.nodes()[moved].rack];
  EXPECT_EQ(estate.elements()[rack.feeds[0].from].name, "cobalt-park/busway-h1-r1b-a");
}

TEST(Examples, NarvikContractIsWorth6200MillionDollars) {
  const Example read = example("narvik-contract");
  const ContractSpec& contract = read.contracts.at("harbour/narvik");
  EXPECT_EQ(contract.price_per_gpu_hour.currency, "USD");
  std::int64_t gpu_hours = 0;
  for (std::size_t i = 0; i < contract.ramp.size(); ++i) {
    const Time until = i + 1 < contract.ramp.size() ? contract.ramp[i + 1].from : *contract.until;
    gpu_hours += contract.ramp[i].gpus * ((until - contract.ramp[i].from).count() / hours(1).count());
  }
  EXPECT_EQ(gpu_hours, 2'168'819'712);
  EXPECT_EQ(mul_div_floor(gpu_hours, contract.price_per_gpu_hour.micros, 1'000'000), 6'200'000'573);
  const Estate estate = compiled(read);
  for (const RampStepSpec& step : contract.ramp) EXPECT_EQ(gpus_ready(estate, step.from), step.gpus);
  EXPECT_EQ(read.sites.at("narvik").grid->interruptible->power, Watts(30'000'000));
}

TEST(Examples, PipelineGrowsByDate) {
  const Example read = example("pipeline");
  const Estate estate = compiled(read);
  const auto stands = [&](std::string_view day, std::int64_t megawatts, std::int64_t gpus) {
    EXPECT_EQ(energised(read, at(day)), Watts(megawatts * 1'000'000)) << day;
    EXPECT_EQ(gpus_ready(estate, at(day)), gpus) << day;
  };
  stands("2025-06-30", 30, 7'200);
  stands("2025-12-31", 300, 50'400);
  stands("2026-06-30", 435, 93'600);
  stands("2026-09-30", 525, 136'800);
  stands("2026-12-31", 645, 151'200);
  stands("2027-03-01", 680, 151'200);
  stands("2029-01-01", 1'300, 151'200);
}

TEST(Examples, ContinentalMixesHardwareAndDesigns) {
  const Example read = example("continental");
  const Estate estate = compiled(read);
  EXPECT_EQ(gpus_by_model(estate),
            (std::map<std::string, std::int64_t>{
                {"gb200", 131'760}, {"gb300", 51'840}, {"h100", 19'200}, {"h200", 19'200}, {"b200", 28'000}}));
  EXPECT_EQ(racks_by_claim(estate), (std::map<Redundancy, int>{{Redundancy::kNone, 875},
                                                               {Redundancy::kN1, 550},
                                                               {Redundancy::k2N, 1'280},
                                                               {Redundancy::kDistributed, 1'920}}));
  EXPECT_EQ(energised(read, at("2026-01-01")), Watts(591'000'000));
}

}  // namespace
}  // namespace penstock
