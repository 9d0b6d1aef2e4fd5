// Invariant 2 on estates that can be reckoned on paper.
#include <gtest/gtest.h>

#include "log.h"

namespace penstock {
namespace {

// Nodes of 4 GPUs, 1 kW idle and 5 kW at most. A gang of one whole node has a demand of 5 kW.
const std::string kType = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: t}
spec:
  devices: {model: g, count: 4}
  cpu: 64
  memory: 1TiB
  power: {idle: 1kW, max: 5kW}
)";

// Three nodes on two supplies of 12 kW. All at work they draw 15 kW: 7.5 kW on each side, 15 kW on one alone. Two at
// work and one idle draw 11 kW, which one side carries.
const std::string k2N = kType + R"(
---
apiVersion: penstock/v1
kind: Site
metadata: {name: s}
spec:
  country: GB
  network:
    elements:
    - {name: grid, kind: grid, rating: 100kW}
    - {name: "ups-[a,b]", kind: ups, rating: 12kW, feeds: [{from: grid}]}
  halls:
  - name: h1
    rows:
    - name: r1
      racks:
      - name: k1
        nodes: [{name: "n[1-3]", type: t}]
        feeds: [{from: ups-a}, {from: ups-b}]
)";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

HandTask on(const std::string& node, std::int64_t demand = 5000, std::int64_t firm = 5000) {
  return {"s/h1/k1/" + node, {0, 1, 2, 3}, demand, firm, 0, -1};
}

Log estate(const std::string& yaml) {
  Log log;
  log.apply(yaml);
  log.wait(minutes(1));
  return log;
}

TEST(Limits, HoldInA2NHallUpToWhatOneSideCarries) {
  Log log = estate(k2N);
  log.run("one", {on("n1")});
  log.run("two", {on("n2")});
  const VerifyReport report = log.verify();
  EXPECT_EQ(verdict(report), "proved");
  EXPECT_EQ(report.grants, 2u);
  // Normal, grid, two supplies: four load flows after each start.
  EXPECT_EQ(report.contingencies, 8u);
}

TEST(Limits, AreBrokenOnlyAfterALoss) {
  Log log = estate(k2N);
  log.run("two", {on("n1"), on("n2")});
  log.run("third", {on("n3")});
  const VerifyReport report = log.verify();
  EXPECT_EQ(verdict(report), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
  const VerifyFinding found = first(report);
  EXPECT_EQ(found.position, log.position);
  EXPECT_EQ(found.load, "15kW");
  EXPECT_EQ(found.limit, "12kW");
  EXPECT_EQ(found.grants, (std::vector<std::string>{"acme/llm/two 8kW", "acme/llm/third 4kW"}));
}

TEST(Limits, AreBrokenAsThingsAre) {
  Log log = estate(with(k2N, "rating: 12kW", "rating: 7kW"));
  log.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-a|; 2 s/ups-b|");
}

TEST(Limits, LeaveWhatIsShedOutAfterALossIfTheOverloadIsBorneSoLong) {
  const auto kept = [](const std::string& overload) {
    Log log = estate(with(k2N, "kind: ups, rating: 12kW", "kind: ups, rating: 12kW" + overload));
    log.run("all", {on("n1", 5000, 3000), on("n2", 5000, 3000), on("n3", 5000, 3000)});
    return verdict(log.verify());
  };
  // Firm 9 kW is carried for hours; 15 kW until shedding has acted.
  EXPECT_EQ(kept(", overload: [{load: 125%, time: PT10S}]"), "proved");
  EXPECT_EQ(kept(", overload: [{load: 124%, time: PT60S}]"), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
  EXPECT_EQ(kept(", overload: [{load: 150%, time: PT9S}]"), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
  EXPECT_EQ(kept(""), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

TEST(Limits, CountRatingsInAllTheirParts) {
  // 20 kVA × 0.8 × 3 of 4 modules × (1 − 10 %) × 90 % = 9720 W for hours. One side carries one idle node and two at
  // work: 1 + 2 × 4.36 kW.
  const auto with_draw = [](std::int64_t watts) {
    Log log = estate(
        with(k2N, "rating: 12kW",
             "apparent: 20kVA, powerFactor: 80%, modules: {count: 4, redundant: 1}, reserve: 10%, continuous: 90%"));
    log.run("two", {on("n1", watts, watts), on("n2", watts, watts)});
    return verdict(log.verify());
  };
  EXPECT_EQ(with_draw(4360), "proved");
  EXPECT_EQ(with_draw(4361), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
  // 25 A × 400 V × 1.73205 × 95 % = 16,454.475 W: 15 kW pass, 17 kW would not; a supply of one phase carries 9.5 kW.
  const auto by_current = [](const std::string& phases) {
    Log log = estate(with(k2N, "rating: 12kW", "current: 25A, voltage: 400V, powerFactor: 95%, phases: " + phases));
    log.run("all", {on("n1"), on("n2"), on("n3")});
    return verdict(log.verify());
  };
  EXPECT_EQ(by_current("3"), "proved");
  EXPECT_EQ(by_current("1"), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

TEST(Limits, CountLossesOnTheWayUp) {
  // 15 kW at 96 % are 15,625 W from the grid.
  const auto graded = [](const std::string& grid, const std::string& efficiency) {
    std::string text = with(k2N, "rating: 100kW", "rating: " + grid);
    Log log = estate(with(text, "rating: 12kW", "rating: 16kW, " + efficiency));
    log.run("all", {on("n1"), on("n2"), on("n3")});
    return verdict(log.verify());
  };
  EXPECT_EQ(graded("15625W", "efficiency: 96%"), "proved");
  EXPECT_EQ(graded("15624W", "efficiency: 96%"), "2 s/grid|");
  // The curve's inputs are 8.8889 kW at 8 kW and 16.6667 kW at 16 kW; its line goes on to 1.1111 kW without load.
  // Normally each side loses 1.1111 kW and draws 0.97222 a watt of output: 2 × (1,111.1 + 7,291.7) = 16,805.6 W.
  const std::string curve = "efficiencyCurve: [{load: 50%, efficiency: 90%}, {load: 100%, efficiency: 96%}]";
  EXPECT_EQ(graded("16806W", curve), "proved");
  EXPECT_EQ(graded("16805W", curve), "2 s/grid|");
  // Where efficiency falls with load, the line comes from nothing: 15 kW at 96 % again.
  const std::string falling = "efficiencyCurve: [{load: 50%, efficiency: 98%}, {load: 100%, efficiency: 96%}]";
  EXPECT_EQ(graded("15625W", falling), "proved");
  EXPECT_EQ(graded("15624W", falling), "2 s/grid|");
}

TEST(Limits, GiveAStandbyAllOfItWhenNothingElseIsLeft) {
  std::string text = with(k2N, "feeds: [{from: ups-a}, {from: ups-b}]",
                          "feeds: [{from: ups-a, share: 100%}, {from: ups-b, share: 0%}]");
  Log log = estate(with(text, "name: \"ups-[a,b]\", kind: ups, rating: 12kW, feeds: [{from: grid}]}",
                        "name: ups-a, kind: ups, rating: 16kW, feeds: [{from: grid}]}\n    - {name: ups-b, kind: ups, "
                        "rating: 12kW, feeds: [{from: grid}]}"));
  log.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-b|s/ups-a");
}

TEST(Limits, FollowSuppliesThatAreLeft) {
  const std::string text =
      with(with(k2N, "rating: 12kW", "rating: 100kW"), "max: 5kW}", "max: 5kW}\n  supplies: {count: 6, needed: 5}");
  // Three of six supplies left carry 3/5 of 5 kW.
  Log full = estate(text);
  full.run("one", {on("n1")});
  EXPECT_EQ(verdict(full.verify()), "2 s/h1/k1/n1 supplies|s/ups-a; 2 s/h1/k1/n1 supplies|s/ups-b");
  EXPECT_EQ(first(full.verify()).limit, "3kW");
  Log kept = estate(text);
  kept.run("one", {on("n1", 5000, 3000)});
  EXPECT_EQ(verdict(kept.verify()), "proved");
  // Five on the first feed: it alone carries full power, the second alone a fifth.
  Log told = estate(with(text, "feeds: [{from: ups-a}, {from: ups-b}]",
                         "feeds: [{from: ups-a, supplies: 5}, {from: ups-b, supplies: 1}]"));
  told.run("one", {on("n1")});
  EXPECT_EQ(verdict(told.verify()), "2 s/h1/k1/n1 supplies|s/ups-a");
  EXPECT_EQ(first(told.verify()).limit, "1kW");
}

// 80 % of the heat by liquid, the rest by air, 6 L/min of flow at full work.
std::string cooled(const std::string& units, const std::string& loop = "") {
  const std::string text =
      with(with(k2N, "rating: 12kW", "rating: 100kW"), "max: 5kW}", "max: 5kW}\n  liquidShare: 80%\n  flow: 6L/min");
  const std::string racks = with(text, "feeds: [{from: ups-a}", "loops: [water]\n        feeds: [{from: ups-a}");
  return with(racks, "  halls:",
              "  cooling:\n    units:\n" + units + "    loops:\n    - {name: water, units: [\"cdu-[1-2]\"]" + loop +
                  "}\n  halls:");
}

std::string cooled_verdict(const std::string& units, const std::string& loop = "", std::int64_t firm = 5000) {
  Log log = estate(cooled("    - {name: \"cdu-[1-2]\", kind: cdu, " + units + "}\n", loop));
  log.run("all", {on("n1", 5000, firm), on("n2", 5000, firm), on("n3", 5000, firm)});
  return verdict(log.verify());
}

TEST(Limits, CountHeatAndFlowAfterTheLossOfACoolingUnit) {
  // 15 kW give 12 kW to the liquid, 3 kW to the air, and need 18 L/min.
  EXPECT_EQ(cooled_verdict("liquid: 12kW, air: 3kW, flow: 18L/min"), "proved");
  EXPECT_EQ(cooled_verdict("liquid: 11999W"), "2 s/water liquid|s/cdu-1; 2 s/water liquid|s/cdu-2");
  EXPECT_EQ(cooled_verdict("air: 2999W"), "2 s/water air|s/cdu-1; 2 s/water air|s/cdu-2");
  EXPECT_EQ(cooled_verdict("flow: 17999mL/min"), "2 s/water flow|s/cdu-1; 2 s/water flow|s/cdu-2");
  EXPECT_EQ(cooled_verdict("liquid: 5kW"), "2 s/water liquid|");
  // What is kept after shedding is 9 kW, 7.2 kW of it by liquid; the coolant must take up the rest meanwhile.
  EXPECT_EQ(cooled_verdict("liquid: 8kW", ", hold: PT10S", 3000), "proved");
  EXPECT_EQ(cooled_verdict("liquid: 8kW", ", hold: PT9S", 3000), "2 s/water liquid|s/cdu-1; 2 s/water liquid|s/cdu-2");
}

TEST(Limits, DrawCoolingUnitsFromTheirFeeds) {
  // Two units of 3 kW on both sides: 7.5 + 3 kW on each side, 15 + 6 kW on one alone.
  const std::string both =
      "    - {name: \"cdu-[1-2]\", kind: cdu, liquid: 50kW, draw: 3kW, feeds: [{from: ups-a}, {from: ups-b}]}\n";
  std::string text = cooled(both);
  text = with(text, "rating: 100kW, feeds", "rating: 20999W, feeds");
  Log log = estate(text);
  log.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

TEST(Limits, TripRacksThatHaveNoCoolingLeft) {
  Log log = estate(cooled("    - {name: \"cdu-[1-2]\", kind: cdu, liquid: 12kW, feeds: [{from: ups-a}]}\n"));
  log.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(log.verify()), "proved");  // after the loss of side A no unit is live: the racks trip
}

const std::string kGrid =
    "grid: {contracted: 100kW, rampPerSecond: 1MW, phases: [{from: 2026-01-01, energised: 14999W}, {from: 2026-09-01, "
    "energised: 20kW}]}\n  network:";

std::string roomy() {
  return with(k2N, "rating: 12kW", "rating: 15kW");
}

TEST(Limits, FollowThePhasesOfTheGrid) {
  Log log = estate(with(roomy(), "network:", kGrid));
  log.run("two", {on("n1"), on("n2")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.run("third", {on("n3")});
  EXPECT_EQ(verdict(log.verify()), "2 s import|");
}

TEST(Limits, CountALaterPhaseWithinTheGrant) {
  const std::string phases =
      "grid: {contracted: 100kW, phases: [{from: 2026-01-01, energised: 20kW}, {from: 2026-09-01, energised: "
      "14999W}]}\n  network:";
  Log open = estate(with(roomy(), "network:", phases));
  open.run("all", {on("n1"), on("n2"), on("n3")});
  const VerifyReport report = open.verify();
  EXPECT_EQ(verdict(report), "2 s import|");
  ASSERT_TRUE(first(report).when.has_value());
  EXPECT_EQ(Text<Time>::format(*first(report).when), "2026-09-01T00:00:00Z");
  Log ends = estate(with(roomy(), "network:", phases));
  ends.run("all", {on("n1"), on("n2"), on("n3")}, "2026-09-01T00:00:00Z");
  EXPECT_EQ(verdict(ends.verify()), "proved");
  Log kept = estate(with(roomy(), "network:", phases));
  kept.run("all", {on("n1", 5000, 4999), on("n2"), on("n3")});
  EXPECT_EQ(verdict(kept.verify()), "proved");
}

std::string order(const std::string& from, const std::string& import) {
  return "apiVersion: penstock/v1\nkind: Restriction\nmetadata: {name: s/less}\nspec: {cause: order, import: " +
         import + ", from: " + from + ", until: 2026-07-02T00:00:00Z}\n";
}

std::string maintenance(const std::string& part) {
  return "apiVersion: penstock/v1\nkind: Restriction\nmetadata: {name: s/work}\nspec: {cause: maintenance, parts: [" +
         part + "], from: 2026-07-01T00:00:00Z, until: 2026-07-02T00:00:00Z}\n";
}

std::string failure(const std::string& part) {
  return "apiVersion: penstock/v1\nkind: Restriction\nmetadata: {name: s/dead}\nspec: {cause: failure, parts: [" +
         part + "]}\n";
}

TEST(Limits, CountAKnownCurtailmentWithinTheGrant) {
  const std::string grid = "grid: {contracted: 100kW}\n  network:";
  Log log = estate(with(roomy(), "network:", grid));
  log.apply(order("2026-07-01T00:00:00Z", "10kW"));
  log.run("short", {on("n1"), on("n2")}, "2026-07-01T00:00:00Z");
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.run("long", {on("n3")});
  EXPECT_EQ(verdict(log.verify()), "proved");  // 5 kW and two idle nodes
  log.finish("short");
  log.run("longer", {on("n1")});
  EXPECT_EQ(verdict(log.verify()), "2 s import|");
}

TEST(Limits, AreSetByAnOrderAlsoWhereNoGridIsTold) {
  Log log = estate(roomy());
  log.apply(order("2026-07-01T00:00:00Z", "10kW"));
  log.run("one", {on("n1")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.run("more", {on("n2")});
  EXPECT_EQ(verdict(log.verify()), "2 s import|");
}

TEST(Limits, ForeseeWhatAnOrderWillBreakAndBlameWhatIsGrantedSince) {
  const std::string grid = "grid: {contracted: 100kW}\n  network:";
  Log log = estate(with(roomy(), "network:", grid));
  log.run("two", {on("n1"), on("n2")});
  log.wait(minutes(1));
  log.apply(order("2026-07-01T00:00:00Z", "10kW"));
  EXPECT_EQ(verdict(log.verify()), "proved");
  EXPECT_GT(log.verify().foreseen, 0u);
  log.run("third", {on("n3", 1500, 1500)});
  EXPECT_EQ(verdict(log.verify()), "2 s import|");
}

TEST(Limits, HoldInMaintenanceWindows) {
  // With A out, the loss of B leaves the rack dark. In the window nothing but the rating of B matters: 11 kW of 12 kW.
  Log log = estate(k2N);
  log.apply(maintenance("ups-a"));
  log.run("two", {on("n1"), on("n2")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  Log fat = estate(roomy());
  fat.run("all", {on("n1"), on("n2"), on("n3")});
  fat.apply(maintenance("ups-a"));
  EXPECT_EQ(verdict(fat.verify()), "proved");
  const std::string three =
      with(with(roomy(), "ups-[a,b]", "ups-[a-c]"), "{from: ups-b}]", "{from: ups-b}, {from: ups-c}]");
  Log good = estate(with(three, "rating: 15kW", "rating: 8kW"));
  good.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(good.verify()), "proved");  // 5 kW each, 7.5 kW after a loss
  good.apply(maintenance("ups-a"));
  EXPECT_EQ(verdict(good.verify()), "2 s/ups-c|s/ups-b; 2 s/ups-b|s/ups-c");
  // Asked for before, it forbids the grant; revoked, it forbids nothing.
  Log asked = estate(with(three, "rating: 15kW", "rating: 8kW"));
  asked.apply(maintenance("ups-a"));
  asked.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(asked.verify()), "2 s/ups-c|s/ups-b; 2 s/ups-b|s/ups-c");
  Log revoked = estate(with(three, "rating: 15kW", "rating: 8kW"));
  revoked.apply(maintenance("ups-a"));
  revoked.add(R"({"type":"maintenance.revoked","restriction":"s/work","reason":"r"})");
  revoked.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(revoked.verify()), "proved");
}

TEST(Limits, HoldWhenASpecIsChanged) {
  Log log = estate(roomy());
  log.run("all", {on("n1"), on("n2"), on("n3", 5000, 4000)});
  log.wait(minutes(1));
  // What is kept must fit at once: 14 kW. What is held beyond it has the time of a date.
  log.apply(with(roomy(), "rating: 15kW", "rating: 14kW, overload: [{load: 150%, time: PT1M}]"));
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.apply(with(roomy(), "rating: 15kW", "rating: 13999W, overload: [{load: 150%, time: PT1M}]"));
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

TEST(Limits, SurviveTheOrderThatTheGridMayGive) {
  const std::string grid = "grid: {contracted: 20kW, interruptible: {power: 8kW, notice: PT1M}}\n  network:";
  Log kept = estate(with(roomy(), "network:", grid));
  kept.run("all", {on("n1", 5000, 4000), on("n2", 5000, 4000), on("n3", 5000, 4000)});
  EXPECT_EQ(verdict(kept.verify()), "proved");
  Log log = estate(with(roomy(), "network:", grid));
  log.run("all", {on("n1", 5000, 4000), on("n2", 5000, 4000), on("n3", 5000, 4001)});
  EXPECT_EQ(verdict(log.verify()), "2 s import|s/order");
}

TEST(Limits, SurviveLossesTogetherAndOnlyThoseNamed) {
  const std::string three =
      with(with(roomy(), "ups-[a,b]", "ups-[a-c]"), "{from: ups-b}]", "{from: ups-b}, {from: ups-c}]");
  const std::string pair =
      "contingencies: {singles: none, together: [{name: pair, lose: [\"ups-[a,b]\"]}]}\n  network:";
  Log log = estate(with(with(three, "rating: 15kW", "rating: 14999W"), "network:", pair));
  log.run("all", {on("n1"), on("n2"), on("n3")});
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-c|s/pair");
}

TEST(Limits, HoldEveryGangToTheRamp) {
  const std::string grid = "grid: {contracted: 100kW, rampPerSecond: 8kW}\n  network:";
  Log log = estate(with(roomy(), "network:", grid));
  log.run("two", {on("n1"), on("n2")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.finish("two");
  log.run("all", {on("n1"), on("n2", 5000, 5000), on("n3", 1001, 1001)});
  EXPECT_EQ(verdict(log.verify()), "2 s ramp|");
  EXPECT_EQ(first(log.verify()).load, "8.001kW");
}

TEST(Limits, CountNothingOfAHallBeforeItsDate) {
  const std::string later =
      with(roomy(), "  - name: h1\n",
           "  - name: h2\n    from: 2026-08-01\n    rows: [{name: r1, racks: [{name: k1, nodes: [{name: \"n[1-2]\", "
           "type: t}], feeds: [{from: ups-a}, {from: ups-b}]}]}]\n  - name: h1\n");
  Log log = estate(later);
  log.run("all", {on("n1"), on("n2"), on("n3")}, "2026-08-01T00:00:00Z");
  EXPECT_EQ(verdict(log.verify()), "proved");
  Log open = estate(later);
  open.run("all", {on("n1"), on("n2"), on("n3")});  // two more idle nodes make 17 kW
  EXPECT_EQ(verdict(open.verify()), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
  Log early = estate(later);
  early.run("early", {{"s/h2/k1/n1", {0, 1, 2, 3}, 5000, 5000, 0, -1}});
  EXPECT_EQ(verdict(early.verify()), "2 acme/llm/early was placed on s/h2/k1/n1, whose hall is not there yet");
}

TEST(Limits, DoNotBlameGrantsForWhatIdleNodesBreak) {
  Log log =
      estate(with(k2N, "kind: grid, rating: 100kW}",
                  "kind: grid, rating: 100kW}\n    - {name: thin, kind: pdu, rating: 500W, feeds: [{from: grid}]}"));
  log.run("one", {on("n1")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  Log idle =
      estate(with(with(k2N, "  halls:",
                       "  halls:\n  - name: h0\n    rows: [{name: r1, racks: [{name: k1, nodes: [{name: n1, type: t}], "
                       "feeds: [{from: thin}]}]}]"),
                  "kind: grid, rating: 100kW}",
                  "kind: grid, rating: 100kW}\n    - {name: thin, kind: pdu, rating: 500W, feeds: [{from: grid}]}"));
  idle.run("one", {on("n1")});
  EXPECT_EQ(verdict(idle.verify()), "proved");
  idle.run("on-it", {{"s/h0/k1/n1", {0, 1, 2, 3}, 5000, 5000, 0, -1}});
  EXPECT_EQ(verdict(idle.verify()), "2 s/thin|");
}

// A failure of A leaves B with 15 kW, above its 12 kW. One job may give 3 kW.
Log failed() {
  Log log =
      estate(with(k2N, "kind: ups, rating: 12kW", "kind: ups, rating: 12kW, overload: [{load: 150%, time: PT60S}]"));
  log.run("two", {on("n1"), on("n2")});
  log.run("third", {on("n3", 5000, 2000)});
  log.wait(minutes(1));
  log.apply(failure("ups-a"));
  return log;
}

std::string derating(const std::string& part, const std::string& to) {
  return "apiVersion: penstock/v1\nkind: Restriction\nmetadata: {name: s/hot}\nspec: {cause: derating, parts: [\"" +
         part + "\"], to: " + to + "}\n";
}

// B carries 9 kW only besides, and holds 11 of which nothing may be shed.
Log hopeless() {
  Log log = estate(k2N);
  log.run("two", {on("n1"), on("n2")});
  log.wait(minutes(1));
  log.apply(failure("ups-a"));
  log.apply(derating("ups-b", "75%"));
  return log;
}

std::string later_verdict(Log log) {
  log.wait(seconds(3));
  log.submit("late", 1);
  return verdict(log.verify());
}

// Told, then put off and made worse: what it breaks at its date is foreseen, and no grant that has ended by then adds to it.
TEST(Restrictions, ThatArePutOffAfterTheyWereToldAreForeseen) {
  Log log = estate(k2N);
  log.run("long", {on("n1"), on("n2")});
  log.apply(derating("ups-b", "75%"));
  log.broken("s", {"s/ups-b|ups-a"});
  log.wait(minutes(1));
  std::string later = derating("ups-b", "0%");
  later.insert(later.rfind('}'), ", from: 2026-06-01T02:00:00Z, until: 2026-06-01T03:00:00Z");
  log.apply(later);
  log.restored("s");
  log.wait(minutes(1));
  log.run("short", {on("n3", 2000, 2000)}, "2026-06-01T01:00:00Z");
  EXPECT_EQ(verdict(log.verify()), "proved");
}

TEST(Failures, MustBeMetWithinTwoSeconds) {
  const Log log = failed();
  EXPECT_EQ(verdict(log.verify()), "proved");
  EXPECT_GT(log.verify().undecided, 0u);
  EXPECT_EQ(later_verdict(log), "2 s/ups-b|");
}

TEST(Failures, AreMetBySheddingOrByAnAnnouncement) {
  Log shed = failed();
  shed.shed("third");
  EXPECT_EQ(later_verdict(shed), "proved");
  EXPECT_EQ(shed.verify().undecided, 0u);
  Log told = hopeless();
  told.broken("s", {"s/ups-b"});
  EXPECT_EQ(later_verdict(told), "proved");
  EXPECT_EQ(told.verify().announced_count, 2u);  // as things are, and after the loss of what is lost already
  // A row is told once, with its worst loss.
  Log worst = hopeless();
  worst.broken("s", {"s/ups-b|s/grid"});
  EXPECT_EQ(later_verdict(worst), "proved");
  Log other = hopeless();
  other.broken("s", {"s/grid"});
  EXPECT_EQ(later_verdict(other), "2 s/ups-b|");
}

TEST(Failures, AreNotJustToldWhereSheddingHelps) {
  Log log = failed();
  log.broken("s", {"s/ups-b"});
  log.wait(seconds(3));
  log.submit("late", 1);
  const VerifyReport report = log.verify();
  EXPECT_EQ(verdict(report), "2 s/ups-b|");
  EXPECT_NE(first(report).message.find("acme/llm/third could give to it and was not shed"), std::string::npos)
      << first(report).message;
}

TEST(Failures, AllowNoGrowthOfWhatWasAnnounced) {
  Log log = hopeless();
  log.broken("s", {"s/ups-b"});
  log.wait(minutes(1));
  log.finish("two");
  log.run("less", {on("n1", 2000, 2000)});
  EXPECT_EQ(verdict(log.verify()), "proved");  // 4 kW: nothing is broken
  Log grows = hopeless();
  grows.broken("s", {"s/ups-b"});
  grows.wait(minutes(1));
  grows.run("more", {on("n3", 1001, 1001)});
  EXPECT_EQ(verdict(grows.verify()), "2 s/ups-b|");
  Log restored = failed();
  restored.shed("third");  // 12 kW: as much as it bears
  restored.wait(minutes(1));
  restored.restore("third");
  EXPECT_EQ(verdict(restored.verify()), "2 s/ups-b|");
  Log again = hopeless();
  again.broken("s", {"s/ups-b"});
  again.finish("two");
  again.run("again", {on("n1"), on("n2")});
  EXPECT_EQ(verdict(again.verify()), "2 s/ups-b|");
}

TEST(Failures, AreOverWhenTheyAreRestored) {
  Log log = hopeless();
  log.broken("s", {"s/ups-b"});
  log.wait(minutes(1));
  log.restored("s");
  EXPECT_EQ(later_verdict(log), "2 s/ups-b|");
  Log mended = hopeless();
  mended.broken("s", {"s/ups-b"});
  mended.wait(minutes(1));
  mended.remove(Kind::kRestriction, "s/dead");
  mended.remove(Kind::kRestriction, "s/hot");
  mended.restored("s");
  EXPECT_EQ(later_verdict(mended), "proved");
}

TEST(Failures, AreToldWholeEachTime) {
  Log log = hopeless();
  log.broken("s", {"s/ups-b"});
  log.wait(minutes(1));
  log.broken("s", {"s/grid"});
  EXPECT_EQ(later_verdict(log), "2 s/ups-b|");
}

TEST(Failures, ComeWithTheLossThatFollows) {
  // With one of three out, the loss of another puts 7.5 kW on the last: announced, it stands; new work may not add to
  // it.
  const std::string three =
      with(with(roomy(), "ups-[a,b]", "ups-[a-c]"), "{from: ups-b}]", "{from: ups-b}, {from: ups-c}]");
  Log log = estate(with(three, "rating: 15kW", "rating: 7kW"));
  log.run("two", {on("n1"), on("n2")});  // 11 kW: 3.7 kW each, 5.5 kW after one loss, 11 kW after two
  log.wait(minutes(1));
  log.apply(failure("ups-a"));
  log.broken("s", {"s/ups-b|s/ups-c", "s/ups-c|s/ups-b"});
  log.wait(minutes(1));
  log.submit("late", 1);
  EXPECT_EQ(verdict(log.verify()), "proved");
  EXPECT_EQ(log.verify().announced_count, 2u);
  log.run("more", {on("n3", 2000, 2000)});
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-c|s/ups-b; 2 s/ups-b|s/ups-c");
}

TEST(Failures, OfSuppliesAreToldNodeByNode) {
  // Four of six supplies carry full power: with two of three feeds lost a node is good for half.
  const std::string three =
      with(with(roomy(), "ups-[a,b]", "ups-[a-c]"), "{from: ups-b}]", "{from: ups-b}, {from: ups-c}]");
  const auto told = [&](const std::vector<std::string>& rows) {
    Log log = estate(with(three, "max: 5kW}", "max: 5kW}\n  supplies: {count: 6, needed: 4}"));
    log.run("two", {on("n1"), on("n2")});
    log.wait(minutes(1));
    log.apply(failure("\"ups-[a,b]\""));
    log.broken("s", rows);
    return later_verdict(log);
  };
  EXPECT_EQ(told({"s/h1/k1/n1 supplies", "s/h1/k1/n2 supplies"}), "proved");
  EXPECT_EQ(told({"s/h1/k1/n1 supplies"}), "2 s/h1/k1/n2 supplies|");
}

TEST(Deratings, LowerRatingsAndCapacities) {
  Log log = estate(k2N);
  log.run("two", {on("n1"), on("n2")});
  log.wait(minutes(1));
  log.apply(derating("ups-[a,b]", "40%"));
  EXPECT_EQ(later_verdict(log), "2 s/ups-a|; 2 s/ups-b|");  // 5.5 kW on 4.8 kW
}

TEST(Dates, AreMetByTheServerWithinTwoSecondsOrItsFirstInstant) {
  const std::string phases =
      "grid: {contracted: 100kW, phases: [{from: 2026-01-01, energised: 20kW}, {from: 2026-06-02, energised: 12kW}]}\n "
      " network:";
  const auto at_date = [&](bool sheds) {
    Log log = estate(with(roomy(), "network:", phases));
    log.run("all", {on("n1", 5000, 4000), on("n2", 5000, 4000), on("n3", 5000, 4000)});
    log.now = *Text<Time>::parse("2026-06-02T00:00:05Z");
    log.submit("tick", 1);
    if (sheds) log.shed("all");
    log.wait(minutes(1));
    log.submit("late", 1);
    return verdict(log.verify());
  };
  EXPECT_EQ(at_date(true), "proved");
  EXPECT_EQ(at_date(false), "2 s import|");
}

TEST(Repowering, IsAGrant) {
  Log log = estate(k2N);
  log.run("all", {on("n1", 3000, 3000), on("n2"), on("n3", 4000, 4000)});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.add(R"({"type":"job.repowered","job":"0000000000000001","demand":"14kW","firm":"14kW","tasks":[)"
          R"({"demand":"4001W","firm":"4001W"},{"demand":"4kW","firm":"4kW"},{"demand":"4kW","firm":"4kW"}]})");
  EXPECT_EQ(verdict(log.verify()), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

TEST(Limits, OfASiteWithoutANetworkAreItsImport) {
  Log log = estate(kType + R"(
---
apiVersion: penstock/v1
kind: Site
metadata: {name: s}
spec:
  country: GB
  grid: {contracted: 11kW}
  halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-3]", type: t}]}]}]}]
)");
  log.run("two", {on("n1"), on("n2")});
  EXPECT_EQ(verdict(log.verify()), "proved");
  log.run("third", {on("n3", 1001, 1001)});
  EXPECT_EQ(verdict(log.verify()), "2 s import|");
}

TEST(LongLogs, MayBeLookedAtNowAndThen) {
  Log log = estate(k2N);
  for (int i = 0; i < 10; ++i) {
    log.run(fmt::format("short-{}", i), {on("n1")});
    log.wait(seconds(1));
    log.finish(fmt::format("short-{}", i));
  }
  log.run("all", {on("n1"), on("n2"), on("n3")});
  const VerifyReport report = log.verify(7);
  EXPECT_LT(report.instants_checked, report.instants);
  EXPECT_EQ(verdict(report), "2 s/ups-b|s/ups-a; 2 s/ups-a|s/ups-b");
}

}  // namespace
}  // namespace penstock
