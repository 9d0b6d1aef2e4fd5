// The compiled estate: expansion, names, shares and exceptions; every refusal with its path and exact text.
#include "estate/estate.h"
#include "estate/limits.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace penstock {
namespace {

constexpr std::string_view kTypes = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: big}
spec: {devices: {model: h200, count: 8}, cpu: 200, memory: 2TiB, power: {idle: 2kW, max: 10kW}}
---
apiVersion: penstock/v1
kind: NodeType
metadata: {name: small}
spec: {devices: {model: l4, count: 1}, cpu: 32, memory: 128GiB, power: {idle: 100W, max: 300W}}
---)";

constexpr std::string_view kSite = R"(
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  grid: {contracted: 10MW, pricePerKwh: 0.04 EUR}
  network:
    elements:
    - {name: grid, kind: grid, rating: 10MW}
    - {name: "ups-[a,b]", kind: ups, rating: 5MW, efficiency: 96%, feeds: [{from: grid}]}
    - {name: "bw-[1-2]-[a,b]", kind: busway, rating: 1MW, feeds: [{from: "ups-{2}"}]}
  cooling:
    units: [{name: "cdu-[1-4]", kind: cdu}, {name: "cdu-[1-2]-[3-4]", kind: cdu}]
    loops: [{name: "loop-[1-2]", units: ["cdu-{1}", "cdu-{1}-[3-4]"]}]
  halls:
  - name: h[1-2]
    rows:
    - name: r[1-2]
      racks:
      - name: "{row}k[01-03]"
        nodes: [{name: "n[1-4]", type: big}]
        feeds: [{from: bw-1-a}, {from: bw-2-b}]
        loops: ["loop-1"]
        labels: {pool: train}
  exceptions:
  - {rack: "h1/r1k01", absent: true}
  - {rack: "h2/r[1-2]k03", nodes: [{name: s, type: small}], feeds: [{from: "bw-1-a", share: 70%}, {from: bw-2-a, share: 30%}], labels: {tier: edge}}
)";

struct Specs {
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
};

Specs specs_of(const std::vector<SourceText>& sources) {
  Specs specs;
  auto documents = read_documents(sources);
  EXPECT_TRUE(documents.ok()) << to_string(documents.error());
  if (!documents.ok()) return specs;
  for (Document& document : *documents) {
    if (auto* type = std::get_if<NodeTypeSpec>(&document.spec)) specs.types[document.metadata.name] = *type;
    if (auto* site = std::get_if<SiteSpec>(&document.spec)) specs.sites[document.metadata.name] = *site;
  }
  return specs;
}

Result<Estate> compile(const std::string& site) {
  const Specs specs = specs_of({{"types", std::string(kTypes)}, {"site", site}});
  return Estate::compile(specs.types, specs.sites);
}

std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

std::string faults_of(const std::string& site) {
  const auto estate = compile(site);
  return estate.ok() ? "no fault" : to_string(estate.error());
}

std::vector<std::string> feeds_of(const Estate& estate, const std::vector<EstateFeed>& feeds) {
  std::vector<std::string> out;
  for (const EstateFeed& feed : feeds)
    out.push_back(estate.elements()[feed.from].name + " " + Text<Ppm>::format(feed.share));
  return out;
}

const EstateRack& rack_named(const Estate& estate, std::string_view name) {
  for (const EstateRack& rack : estate.racks()) {
    if (rack.name == name) return rack;
  }
  ADD_FAILURE() << name;
  return estate.racks().front();
}

TEST(Estate, ExpandsTemplates) {
  const auto estate = compile(std::string(kSite));
  ASSERT_TRUE(estate.ok()) << to_string(estate.error());
  ASSERT_EQ(estate->sites().size(), 1u);
  EXPECT_EQ(estate->racks().size(), 11u);  // 2 × 2 × 3, one absent
  EXPECT_EQ(estate->nodes().size(), 9u * 4 + 2);
  EXPECT_EQ(estate->elements().size(), 7u);
  EXPECT_EQ(estate->racks()[0].name, "north/h1/r1k02");
  EXPECT_EQ(estate->nodes()[0].name, "north/h1/r1k02/n1");
  const EstateSite& site = estate->sites()[0];
  EXPECT_EQ(site.country, "NO");
  EXPECT_EQ(site.grid->price_per_kwh, (Money{40'000, "EUR"}));
  EXPECT_EQ(site.nodes, 38u);
  EXPECT_EQ(site.gpus, MilliGpu((36 * 8 + 2) * 1000));
  EXPECT_EQ(site.max_draw, Watts(36 * 10'000 + 2 * 300));

  const EstateRack& rack = rack_named(*estate, "north/h1/r2k01");
  EXPECT_EQ(rack.hall, "h1");
  EXPECT_EQ(rack.row, "r2");
  EXPECT_EQ(rack.nodes, 4u);
  EXPECT_EQ(feeds_of(*estate, rack.feeds), (std::vector<std::string>{"north/bw-1-a 50%", "north/bw-2-b 50%"}));
  ASSERT_EQ(rack.loops.size(), 1u);
  EXPECT_EQ(estate->loops()[rack.loops[0]].name, "north/loop-1");
  EXPECT_EQ(rack.labels, (std::map<std::string, std::string>{{"pool", "train"}}));

  const EstateRack& other = rack_named(*estate, "north/h2/r1k03");
  EXPECT_EQ(other.nodes, 1u);
  EXPECT_EQ(feeds_of(*estate, other.feeds), (std::vector<std::string>{"north/bw-1-a 70%", "north/bw-2-a 30%"}));
  EXPECT_EQ(other.labels, (std::map<std::string, std::string>{{"pool", "train"}, {"tier", "edge"}}));
  EXPECT_EQ(estate->type_of(other.first_node).name, "small");

  EXPECT_EQ(feeds_of(*estate, estate->elements()[4].feeds), std::vector<std::string>{"north/ups-b 100%"});
  EXPECT_EQ(estate->elements()[1].transfer, (Transfer{Watts(0), Ppm(1'041'667)}));
  EXPECT_EQ(estate->elements()[0].transfer, Transfer{});
}

TEST(Estate, FindsNodesAlsoAfterMoving) {
  auto compiled = compile(std::string(kSite));
  ASSERT_TRUE(compiled.ok());
  const Estate estate = std::move(*compiled);
  for (NodeIndex i = 0; i < estate.nodes().size(); ++i) {
    EXPECT_EQ(estate.find_node(estate.nodes()[i].name), i);
    const EstateRack& rack = estate.racks()[estate.nodes()[i].rack];
    EXPECT_TRUE(i >= rack.first_node && i < rack.first_node + rack.nodes);
    EXPECT_EQ(estate.nodes()[i].name.substr(0, rack.name.size() + 1), rack.name + "/");
  }
  EXPECT_EQ(estate.find_node("north/h1/r1k01/n1"), kNowhere);
  EXPECT_EQ(estate.find_node(""), kNowhere);
}

TEST(Estate, TemplatesMayUseWhereTheRackStands) {
  const auto estate = compile(with(with(kSite, R"({from: bw-1-a}, {from: bw-2-b})", R"j({from: "bw-{1}-a"})j"),
                                   "{row}k[01-03]", "{hall}-{row}-[1-2]-[a,b]"));
  ASSERT_FALSE(estate.ok());  // the exceptions name racks of the other pattern
  std::string site = with(with(kSite, R"({from: bw-1-a}, {from: bw-2-b})", R"j({from: "bw-{1}-{2}"})j"),
                          "{row}k[01-03]", "{hall}-{row}-[1-2]-[a,b]");
  site.resize(site.find("  exceptions:"));
  const auto good = compile(site);
  ASSERT_TRUE(good.ok()) << to_string(good.error());
  EXPECT_EQ(feeds_of(*good, rack_named(*good, "north/h2/h2-r1-2-b").feeds),
            std::vector<std::string>{"north/bw-2-b 100%"});
  const auto by_name = compile(with(site, R"j("bw-{1}-{2}")j", R"j("{hall}{row}{rack}")j"));
  EXPECT_EQ(to_string(by_name.error()),
            "Site north: spec.halls[0].rows[0].racks[0].feeds[0].from: no element 'h1r1h1-r1-1-a'; there are "
            "'bw-1-a', 'bw-2-a', 'ups-a' and 4 more");
}

TEST(Estate, EqualSharesAddUpExactly) {
  for (int count = 1; count <= 7; ++count) {
    std::string feeds;
    for (int i = 0; i < count; ++i) feeds += fmt::format("{}{{from: bw-{}-a}}", i == 0 ? "" : ", ", i % 2 + 1);
    const auto estate = compile(with(kSite, "{from: bw-1-a}, {from: bw-2-b}", feeds));
    ASSERT_TRUE(estate.ok()) << to_string(estate.error());
    Ppm sum;
    for (const EstateFeed& feed : estate->racks()[0].feeds) sum += feed.share;
    EXPECT_EQ(sum, Ppm(1'000'000));
  }
}

TEST(Estate, SharesAreEqualBesideStandbys) {
  const auto estate = compile(with(kSite, "{from: bw-1-a}, {from: bw-2-b}", "{from: bw-1-a}, {from: bw-1-b, share: 0%}, {from: bw-2-b}"));
  ASSERT_TRUE(estate.ok()) << to_string(estate.error());
  EXPECT_EQ(feeds_of(*estate, estate->racks()[0].feeds),
            (std::vector<std::string>{"north/bw-1-a 50%", "north/bw-1-b 0%", "north/bw-2-b 50%"}));
}

TEST(Estate, SitesStandInNameOrder) {
  Specs specs = specs_of({{"types", std::string(kTypes)}, {"site", std::string(kSite)}});
  specs.sites["alpha"] = specs.sites["north"];
  const auto estate = Estate::compile(specs.types, specs.sites);
  ASSERT_TRUE(estate.ok());
  EXPECT_EQ(estate->sites()[0].name, "alpha");
  EXPECT_EQ(estate->sites()[1].first_node, 38u);
  EXPECT_EQ(estate->site_of(38).name, "north");
  EXPECT_EQ(estate->elements()[estate->racks()[11].feeds[0].from].name, "north/bw-1-a");
  EXPECT_EQ(estate->elements()[7].site, 1u);
}

TEST(Estate, ASiteNeedsNoNetwork) {
  const auto estate = compile(R"(
apiVersion: penstock/v1
kind: Site
metadata: {name: bare}
spec: {country: GB, halls: [{name: h, rows: [{name: r, racks: [{name: k, nodes: [{name: n, type: small}]}]}]}]}
)");
  ASSERT_TRUE(estate.ok()) << to_string(estate.error());
  EXPECT_EQ(estate->nodes()[0].name, "bare/h/k/n");
}

struct Case {
  const char* name;
  std::string site;
  const char* faults;
};

std::vector<Case> cases() {
  return {
      {"UnknownType", with(kSite, "type: big", "type: huge"),
       "Site north: spec.halls[0].rows[0].racks[0].nodes[0].type: no NodeType 'huge'; there are 'big', 'small'"},
      {"UnknownElementAboveElement", with(kSite, "from: grid", "from: gird"),
       "Site north: spec.network.elements[1].feeds[0].from: no element 'gird'; there are 'grid', 'bw-1-a', 'bw-1-b' "
       "and 4 more"},
      {"UnknownElementOfRack", with(kSite, "{from: bw-2-b}", "{from: bw-3-b}"),
       "Site north: spec.halls[0].rows[0].racks[0].feeds[1].from: no element 'bw-3-b'; there are 'bw-1-b', 'bw-2-b', "
       "'bw-1-a' and 4 more"},
      {"EmptyFeed", with(kSite, "{from: bw-2-b}", "{from: \"\"}"),
       "Site north: spec.halls[0].rows[0].racks[0].feeds[1].from: no element ''; there are 'bw-1-a', 'bw-1-b', "
       "'bw-2-a' and 4 more"},
      {"UnknownElementOfException", with(kSite, "from: bw-2-a", "from: bw-2-c"),
       "Site north: spec.exceptions[1].feeds[1].from: no element 'bw-2-c'; there are 'bw-2-a', 'bw-2-b', 'bw-1-a' and "
       "4 more"},
      {"UnknownKey", with(kSite, "{from: \"ups-{2}\"}", "{from: \"ups-{3}\"}"),
       "Site north: spec.network.elements[2].feeds[0].from: '3' is not known here; expected one of {1} {2}"},
      {"UnknownKeyInRack", with(kSite, "{from: bw-2-b}", "{from: \"bw-{aisle}\"}"),
       "Site north: spec.halls[0].rows[0].racks[0].feeds[1].from: 'aisle' is not known here; expected one of {1} "
       "{hall} {row} {rack}"},
      {"UnknownLoop", with(kSite, "loops: [\"loop-1\"]", "loops: [\"loop-3\"]"),
       "Site north: spec.halls[0].rows[0].racks[0].loops[0]: no cooling loop 'loop-3'; there are 'loop-1', 'loop-2'"},
      {"UnknownKeyInLoop", with(kSite, "loops: [\"loop-1\"]", "loops: [\"loop-{aisle}\"]"),
       "Site north: spec.halls[0].rows[0].racks[0].loops[0]: 'aisle' is not known here; expected one of {1} {hall} "
       "{row} {rack}"},
      {"UnknownCoolingUnit", with(kSite, "\"cdu-{1}-[3-4]\"", "\"cdu-{1}-[3-5]\""),
       "Site north: spec.cooling.loops[0].units[1]: no cooling unit 'cdu-1-5'; there are 'cdu-1-3', 'cdu-1-4', 'cdu-1' and 5 "
       "more"},
      {"CoolingUnitKey", with(kSite, "\"cdu-{1}\"", "\"cdu-{2}\""),
       "Site north: spec.cooling.loops[0].units[0]: '2' is not known here; expected one of {1}"},
      {"CoolingUnitRange", with(kSite, "\"cdu-{1}-[3-4]\"", "\"cdu-{1}-[4-3]\""),
       "Site north: spec.cooling.loops[0].units[1]: 'cdu-1-[4-3]' is not a range: it falls; expected e.g. r[01-16] or "
       "h[a,c-e]"},
      {"ElementTwice",
       with(kSite, "name: grid, kind: grid, rating: 10MW}",
            "name: grid, kind: grid, rating: 10MW}\n    - {name: ups-b, kind: grid, rating: 1MW}"),
       "Site north: spec.network.elements[2].name: 'ups-b' is also made by spec.network.elements[1]"},
      {"CoolingUnitTwice",
       with(kSite, "{name: \"cdu-[1-4]\", kind: cdu}",
            "{name: \"cdu-[1-4]\", kind: cdu}, {name: \"cdu-4\", kind: cdu}"),
       "Site north: spec.cooling.units[1].name: 'cdu-4' is also made by spec.cooling.units[0]"},
      {"LoopTwice",
       with(kSite, "loops: [{name: \"loop-[1-2]\"", "loops: [{name: loop-2, units: [cdu-4]}, {name: \"loop-[1-2]\""),
       "Site north: spec.cooling.loops[1].name: 'loop-2' is also made by spec.cooling.loops[0]"},
      {"HallTwice", with(kSite, "  - name: h[1-2]\n", "  - {name: h2, rows: []}\n  - name: h[1-2]\n"),
       "Site north: spec.halls[1].name: 'h2' is also made by spec.halls[0]"},
      {"RowTwice", with(kSite, "    - name: r[1-2]\n", "    - {name: r1, racks: []}\n    - name: r[1-2]\n"),
       "Site north: spec.halls[0].rows[1].name: 'r1' is also made by spec.halls[0].rows[0]"},
      {"RackTwice", with(kSite, "{row}k[01-03]", "k[01-03]"),
       "Site north: spec.halls[0].rows[0].racks[0].name: rack 'h1/k01' is also made by "
       "spec.halls[0].rows[0].racks[0]\nSite north: spec.exceptions[0].rack: no rack 'h1/r1k01'; there are 'h1/k01', "
       "'h2/k01', 'h1/k02' and 3 more\nSite north: spec.exceptions[1].rack: no rack 'h2/r1k03'; there are 'h2/k03', "
       "'h1/k03', 'h2/k01' and 3 more"},
      {"RackTwiceInTemplates",
       with(kSite, "      - name: \"{row}k[01-03]\"\n",
            "      - {name: \"{row}k02\"}\n      - name: \"{row}k[01-03]\"\n"),
       "Site north: spec.halls[0].rows[0].racks[1].name: rack 'h1/r1k02' is also made by "
       "spec.halls[0].rows[0].racks[0]"},
      {"NodeTwice",
       with(kSite, "[{name: \"n[1-4]\", type: big}]", "[{name: \"n[1-4]\", type: big}, {name: n4, type: small}]"),
       "Site north: spec.halls[0].rows[0].racks[0].nodes[1].name: node 'n4' is made twice in the rack"},
      {"Cycle",
       with(kSite, "{name: grid, kind: grid, rating: 10MW}",
            "{name: grid, kind: switchboard, rating: 10MW, feeds: [{from: bw-2-a}]}"),
       "Site north: spec.network.elements[0].feeds: the network feeds itself: grid ← bw-2-a ← ups-a ← grid"},
      {"FeedsItself", with(kSite, "from: grid", "from: ups-a"),
       "Site north: spec.network.elements[1].feeds: the network feeds itself: ups-a ← ups-a"},
      {"NoSource", with(kSite, "{name: grid, kind: grid,", "{name: grid, kind: switchboard,"),
       "Site north: spec.network.elements[0].feeds: a switchboard needs at least one feed; only grid and generator are "
       "sources"},
      {"SharesShort", with(kSite, "share: 30%", "share: 29.9999%"),
       "Site north: spec.exceptions[1].feeds: the shares add up to 99.9999%; expected 100%"},
      {"SharesOver", with(kSite, "share: 30%", "share: 30.0001%"),
       "Site north: spec.exceptions[1].feeds: the shares add up to 100.0001%; expected 100%"},
      {"SharesOnSome", with(kSite, ", share: 30%", ""),
       "Site north: spec.exceptions[1].feeds: expected a share on every feed, or on standbys (0%) only; feeds without one are "
       "equal"},
      {"SharesOfStandbysOnly", with(kSite, "share: 70%}, {from: bw-2-a, share: 30%", "share: 0%}, {from: bw-2-a, share: 0%"),
       "Site north: spec.exceptions[1].feeds: the shares add up to 0%; expected 100%"},
      {"RackWithoutFeeds", with(kSite, "        feeds: [{from: bw-1-a}, {from: bw-2-b}]\n", ""),
       "Site north: spec.halls[0].rows[0].racks[0].feeds: a rack with nodes needs at least one feed, as the site has a "
       "network"},
      {"ExceptionNamesNoRack", with(kSite, "rack: \"h1/r1k01\"", "rack: \"h1/r1k04\""),
       "Site north: spec.exceptions[0].rack: no rack 'h1/r1k04'; there are 'h1/r1k01', 'h1/r1k02', 'h1/r1k03' and 9 "
       "more"},
      {"ExceptionNamesNoRackOfRange", with(kSite, "rack: \"h1/r1k01\"", "rack: \"h[1-3]/r1k01\""),
       "Site north: spec.exceptions[0].rack: no rack 'h3/r1k01'; there are 'h1/r1k01', 'h2/r1k01', 'h1/r2k01' and 9 "
       "more"},
      {"ExceptionTwice", with(kSite, "rack: \"h1/r1k01\"", "rack: \"h2/r1k[01-03]\""),
       "Site north: spec.exceptions[1].rack: 'h2/r1k03' is also named by spec.exceptions[0]"},
      {"RackNameTooLong",
       with(kSite, "{row}k[01-03]", "{row}kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk[01-03]"),
       "Site north: spec.halls[0].rows[0].racks[0].name: "
       "'r1kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk[01-03]' is no name: expected 1-63 of a-z, 0-9 "
       "and '-' between, and ranges such as [01-16]\nSite north: spec.exceptions[0].rack: no rack 'h1/r1k01'; there "
       "are none\nSite north: spec.exceptions[1].rack: no rack 'h2/r1k03'; there are none"},
      {"SeveralAtOnce",
       with(kSite, "type: big}]\n        feeds: [{from: bw-1-a}", "type: bg}]\n        feeds: [{from: bw-1-c}"),
       "Site north: spec.halls[0].rows[0].racks[0].nodes[0].type: no NodeType 'bg'; there are 'big', 'small'\nSite "
       "north: spec.halls[0].rows[0].racks[0].feeds[0].from: no element 'bw-1-c'; there are 'bw-1-a', 'bw-1-b', "
       "'bw-2-a' and 4 more"},
  };
}

TEST(Estate, FaultsAreToldExactly) {
  for (const Case& c : cases()) EXPECT_EQ(faults_of(c.site), c.faults) << c.name;
}

TEST(Estate, FaultsOfAllSitesAreToldTogether) {
  Specs specs = specs_of({{"types", std::string(kTypes)}, {"site", std::string(kSite)}});
  specs.types.erase("small");
  specs.sites["alpha"] = specs.sites["north"];
  const auto estate = Estate::compile(specs.types, specs.sites);
  EXPECT_EQ(to_string(estate.error()),
            "Site alpha: spec.exceptions[1].nodes[0].type: no NodeType 'small'; there is 'big'\n"
            "Site north: spec.exceptions[1].nodes[0].type: no NodeType 'small'; there is 'big'");
}

TEST(Estate, TemplatesCannotMakeMoreThanTheMost) {
  const auto fault = [](std::string_view from, std::string_view to) {
    const auto estate = compile(with(kSite, from, to));
    return estate.ok() ? "no fault" : std::string(code_name(estate.error().code)) + " " + estate.error().message;
  };
  EXPECT_EQ(fault("n[1-4]", "n[1-500001]"), "limit-exceeded more than 1000000 nodes");
  EXPECT_EQ(fault("n[1-4]", "n[1-999999999]"),
            "limit-exceeded 'n[1-999999999]' is not a range: it stands for more than 1000000 names; expected e.g. "
            "r[01-16] or h[a,c-e]");
  EXPECT_EQ(fault("h1/r1k01", "h[1-5000]/k[1-5000]"),
            "limit-exceeded the templates make more than 8000000 names, feeds and labels");
}

}  // namespace
}  // namespace penstock
