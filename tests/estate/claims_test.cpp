// What racks claim is kept, or refused; what can never be is told. Every text is exact.
#include <gtest/gtest.h>

#include "estate/warnings.h"

namespace penstock {
namespace {

// Two sides of 40 kW up to the grid, with busways of 20 kW; 4 racks of two nodes, 10 kW each at full work.
constexpr std::string_view kSite = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: plain}
spec: {devices: {model: h200, count: 8}, cpu: 200, memory: 2TiB, power: {idle: 1kW, max: 5kW}}
---
apiVersion: penstock/v1
kind: NodeType
metadata: {name: four-of-six}
spec: {devices: {model: h200, count: 8}, cpu: 200, memory: 2TiB, power: {idle: 1kW, max: 5kW}, supplies: {count: 6, needed: 4}}
---
apiVersion: penstock/v1
kind: NodeType
metadata: {name: five-of-six}
spec: {devices: {model: b200, count: 8}, cpu: 200, memory: 2TiB, power: {idle: 1kW, max: 5kW}, supplies: {count: 6, needed: 5}}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  grid: {contracted: 100kW}
  network:
    elements:
    - {name: grid, kind: grid, rating: 100kW}
    - {name: "gen-[a,b]", kind: generator, rating: 40kW}
    - {name: "main-[a-c]", kind: switchboard, rating: 40kW, feeds: [{from: grid}]}
    - {name: "ups-[a-c]", kind: ups, rating: 40kW, feeds: [{from: "main-{1}"}]}
    - {name: "bw-[1-2]-[a-c]", kind: busway, rating: 20kW, overload: [{load: 150%, time: PT1M}], feeds: [{from: "ups-{2}"}]}
    - {name: sts, kind: sts, rating: 20kW, feeds: [{from: bw-1-a, share: 100%}, {from: bw-1-b, share: 0%}]}
  halls:
  - name: h1
    rows:
    - name: r1
      racks:
      - {name: "k[1-2]", nodes: [{name: "n[1-2]", type: plain}], feeds: [{from: bw-1-a}, {from: bw-1-b}], redundancy: 2n}
      - {name: "k[3-4]", nodes: [{name: "n[1-2]", type: plain}], feeds: [{from: bw-2-a}, {from: bw-2-b}], redundancy: n+1}
  exceptions: []
)";

constexpr std::string_view kFirst = R"(type: plain}], feeds: [{from: bw-1-a}, {from: bw-1-b}], redundancy: 2n})";

std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

Result<Estate> compile(const std::string& text) {
  auto documents = read_documents({{"north.yaml", text}});
  EXPECT_TRUE(documents.ok()) << to_string(documents.error());
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  if (!documents.ok()) return documents.error();
  for (Document& document : *documents) {
    if (auto* type = std::get_if<NodeTypeSpec>(&document.spec)) types[document.metadata.name] = *type;
    if (auto* site = std::get_if<SiteSpec>(&document.spec)) sites[document.metadata.name] = *site;
  }
  return Estate::compile(types, sites);
}

std::string faults_of(const std::string& text) {
  const auto estate = compile(text);
  return estate.ok() ? "no fault" : to_string(estate.error());
}

// The first two racks with other nodes, feeds and claim.
std::string first(std::string_view type, std::string_view feeds, std::string_view claim) {
  return with(kSite, kFirst, fmt::format("type: {}}}], feeds: [{}], redundancy: {}}}", type, feeds, claim));
}

std::string warnings_of(const std::string& text, std::string_view now = "2026-06-01") {
  const auto estate = compile(text);
  if (!estate.ok()) return to_string(estate.error());
  std::string out;
  for (const Warning& warning : warnings(*estate, 0, *Text<Time>::parse(now)))
    out += warning.path + ": " + warning.message + "\n";
  return out;
}

constexpr std::string_view kRack = "Site north: spec.halls[0].rows[0].racks[0].";

TEST(Claims, AreKept) {
  EXPECT_EQ(faults_of(std::string(kSite)), "no fault");
  EXPECT_EQ(faults_of(first("plain", "{from: bw-1-a}, {from: bw-1-b}, {from: bw-1-c}", "distributed")), "no fault");
  EXPECT_EQ(faults_of(first("plain", "{from: sts}, {from: bw-1-c}", "block")), "no fault");
  // Two cords on each side.
  EXPECT_EQ(
      faults_of(first("four-of-six",
                      "{from: bw-1-a, supplies: 1}, {from: bw-2-a, supplies: 1}, {from: bw-1-b, supplies: 4}", "none")),
      "no fault");
  EXPECT_EQ(faults_of(first("plain", "{from: bw-1-a}, {from: bw-2-a}, {from: bw-1-b}, {from: bw-2-b}", "2n")),
            "no fault");
  // A source is held against nobody, nor is an empty rack.
  EXPECT_EQ(faults_of(with(kSite, "rating: 40kW, feeds: [{from: grid}]}", "rating: 40kW, feeds: [{from: gen-a}]}")),
            "no fault");
  EXPECT_EQ(faults_of(with(kSite, "exceptions: []",
                           "exceptions: [{rack: h1/k1, feeds: [{from: bw-1-a}], redundancy: none}]")),
            "no fault");
}

TEST(Claims, NeedTwoFeeds) {
  EXPECT_EQ(
      faults_of(first("plain", "{from: bw-1-a}", "2n")),
      fmt::format("{}redundancy: a rack on one feed cannot claim 2n; give it another feed, or claim none", kRack));
  EXPECT_EQ(
      faults_of(first("plain", "{from: sts}", "block")),
      fmt::format("{}redundancy: a rack on one feed cannot claim block; give it another feed, or claim none", kRack));
  std::string bare(kSite);
  const std::size_t network = bare.find("  network:"), halls = bare.find("  halls:");
  bare.erase(network, halls - network);
  bare = with(with(bare, "feeds: [{from: bw-1-a}, {from: bw-1-b}], ", ""),
              ", feeds: [{from: bw-2-a}, {from: bw-2-b}], redundancy: n+1", "");
  EXPECT_EQ(
      faults_of(bare),
      fmt::format("{}redundancy: a rack without feeds cannot claim 2n; give it another feed, or claim none", kRack));
}

TEST(Claims, FallWithWhatAllFeedsShare) {
  for (const char* claim : {"n+1", "2n", "distributed", "block"}) {
    EXPECT_EQ(
        faults_of(first("plain", "{from: bw-1-a}, {from: bw-2-a}", claim)),
        fmt::format("{}redundancy: it claims {}, and the loss of main-a takes all of its feeds; hang one elsewhere, or "
                    "claim none",
                    kRack, claim));
  }
  // Not the static switch of one, but what both sides of it and the other feed share.
  EXPECT_EQ(
      faults_of(with(first("plain", "{from: sts}, {from: bw-2-a}", "block"),
                     "ups-[a-c]\", kind: ups, rating: 40kW, feeds: [{from: \"main-{1}\"}]",
                     "ups-[a-c]\", kind: ups, rating: 40kW, feeds: [{from: main-a}]")),
      fmt::format(
          "{}redundancy: it claims block, and the loss of main-a takes all of its feeds; hang one elsewhere, or "
          "claim none\nSite north: spec.halls[0].rows[0].racks[1].redundancy: it claims n+1, and the loss of main-a "
          "takes all of its feeds; hang one elsewhere, or claim none",
          kRack));
}

TEST(Claims, Of2NNeedTwoSidesThatShareNothing) {
  // Each side may also be fed from the other: no single loss darkens the rack, but there are no two sides.
  const std::string crossed = with(kSite, "feeds: [{from: \"main-{1}\"}]", "feeds: [{from: main-a}, {from: main-b}]");
  EXPECT_EQ(
      faults_of(crossed),
      fmt::format(
          "{}redundancy: it claims 2n, and its feeds bw-1-a and bw-1-b share main-b; part them up to the source, or "
          "claim n+1",
          kRack));
  EXPECT_EQ(faults_of(with(crossed, "redundancy: 2n", "redundancy: n+1")), "no fault");
}

TEST(Claims, NeedSuppliesThatAreLeft) {
  EXPECT_EQ(
      faults_of(first("five-of-six", "{from: bw-1-a}, {from: bw-1-b}", "2n")),
      fmt::format(
          "{}redundancy: it claims 2n, and a node of type 'five-of-six' needs 5 of its 6 supplies: with 3 on bw-1-a, 3 "
          "on bw-1-b the loss of main-a leaves 3; spread them over more feeds, hang the rack on a static switch, or "
          "claim none",
          kRack));
  EXPECT_EQ(
      faults_of(first("four-of-six", "{from: bw-1-a}, {from: bw-1-b}", "n+1")),
      fmt::format(
          "{}redundancy: it claims n+1, and a node of type 'four-of-six' needs 4 of its 6 supplies: with 3 on bw-1-a, "
          "3 "
          "on bw-1-b the loss of main-a leaves 3; spread them over more feeds, hang the rack on a static switch, or "
          "claim none",
          kRack));
  EXPECT_EQ(faults_of(first("four-of-six", "{from: bw-1-a}, {from: bw-1-b}, {from: bw-1-c}", "distributed")),
            "no fault");
  // Two of the three cords hang on one system.
  EXPECT_EQ(
      faults_of(first("four-of-six", "{from: bw-1-a}, {from: bw-2-a}, {from: bw-1-c}", "distributed")),
      fmt::format(
          "{}redundancy: it claims distributed, and a node of type 'four-of-six' needs 4 of its 6 supplies: with 2 on "
          "bw-1-a, 2 on bw-2-a, 2 on bw-1-c the loss of main-a leaves 2; spread them over more feeds, hang the rack on "
          "a static switch, or claim none",
          kRack));
  EXPECT_EQ(faults_of(first("five-of-six", "{from: bw-1-a}, {from: bw-1-b}", "none")), "no fault");
}

TEST(Claims, OfExceptionsAreToldThere) {
  const auto fault = [](std::string_view exception) {
    return faults_of(
        with(kSite, "exceptions: []", fmt::format("exceptions: [{{rack: \"h1/k[1-2]\", {}}}]", exception)));
  };
  EXPECT_EQ(
      fault("feeds: [{from: bw-1-a}]"),
      "Site north: spec.exceptions[0].feeds: a rack on one feed cannot claim 2n; give it another feed, or claim none");
  EXPECT_EQ(fault("nodes: [{name: n1, type: five-of-six}]"),
            "Site north: spec.exceptions[0].nodes: it claims 2n, and a node of type 'five-of-six' needs 5 of its 6 "
            "supplies: with 3 on "
            "bw-1-a, 3 on bw-1-b the loss of main-a leaves 3; spread them over more feeds, hang the rack on a static "
            "switch, or claim "
            "none");
  EXPECT_EQ(fault("feeds: [{from: bw-1-a}], redundancy: n+1"),
            "Site north: spec.exceptions[0].redundancy: a rack on one feed cannot claim n+1; give it another feed, or "
            "claim none");
  EXPECT_EQ(fault("feeds: [{from: bw-1-a}], redundancy: none"), "no fault");
}

TEST(Supplies, AddUpToThoseOfTheType) {
  EXPECT_EQ(faults_of(first("five-of-six", "{from: bw-1-a, supplies: 3}, {from: bw-1-b, supplies: 2}", "none")),
            fmt::format("{}feeds: the feeds tell 5 supplies of each node, and NodeType 'five-of-six' has 6; tell all "
                        "of them, or none "
                        "to spread them evenly",
                        kRack));
  EXPECT_EQ(faults_of(first("plain", "{from: bw-1-a, supplies: 3}, {from: bw-1-b, supplies: 3}", "2n")),
            fmt::format("{}feeds: the feeds tell supplies, and no NodeType of the rack has any; add them there, or "
                        "leave them out here",
                        kRack));
}

TEST(Warnings, AreNoneWhereAllIsWell) {
  EXPECT_EQ(warnings_of(std::string(kSite)), "");
}

TEST(Warnings, TellRatingsThatFallTheWrongWay) {
  const std::string small = with(kSite, "max: 5kW", "max: 4kW");
  EXPECT_EQ(warnings_of(with(small, "kind: ups, rating: 40kW", "kind: ups, rating: 39kW, efficiency: 96%")),
            "spec.network.elements[3]: north/ups-a may carry 39kW and takes 40.626kW for it, but all that feeds it "
            "gives 40kW; the "
            "same holds for 2 more\n");
  // A standby carries alone what the others share: the greater counts.
  EXPECT_EQ(warnings_of(with(kSite, "feeds: [{from: \"main-{1}\"}]",
                             "feeds: [{from: \"main-{1}\"}, {from: gen-a, share: 0%}]")),
            "");
  // Plant is bought larger than the connection.
  EXPECT_EQ(warnings_of(with(kSite, "kind: switchboard, rating: 40kW", "kind: switchboard, rating: 400kW")), "");
}

TEST(Warnings, TellRacksThatCanNeverBeFull) {
  // 10 kW of the rack and 6 × 1 kW of idle power beside it, on one side of 9 kW; half of it on both.
  const std::string narrow = with(with(kSite, "busway, rating: 20kW", "busway, rating: 9kW"), "kind: sts, rating: 20kW",
                                  "kind: sts, rating: 9kW");
  EXPECT_EQ(warnings_of(narrow),
            "spec.halls[0].rows[0].racks[0]: rack north/h1/k1 can be full only with work that may be shed, even alone: "
            "north/bw-1-a would carry 12kW of 9kW after the loss of north/main-b; the same holds for 1 more\n"
            "spec.halls[0].rows[0].racks[1]: rack north/h1/k3 can be full only with work that may be shed, even alone: "
            "north/bw-2-a would carry 12kW of 9kW after the loss of north/main-b; the same holds for 1 more\n"
            "spec.network.elements[4]: all racks together can never be full: north/bw-1-a would carry 20kW of 9kW "
            "after the loss of "
            "north/main-b, which leaves full work to 1 of its 4 nodes\n");
}

TEST(Warnings, TellSuppliesThatCarryLess) {
  EXPECT_EQ(
      warnings_of(first("five-of-six", "{from: bw-1-a}, {from: bw-1-b}", "none")),
      "spec.halls[0].rows[0].racks[0]: rack north/h1/k1 can be full only with work that may be shed, even alone: the "
      "supplies "
      "of a node of type 'five-of-six' carry 3kW of 5kW after the loss of north/main-a; the same holds for 1 more\n");
}

TEST(Warnings, TellWhatAllRacksTogetherAreShortOf) {
  EXPECT_EQ(warnings_of(with(kSite, "{contracted: 100kW}", "{contracted: 30kW}")),
            "spec.grid: all racks together can never be full: north import would carry 40kW of 30kW, which leaves full "
            "work to 5 of its "
            "8 nodes\n");
  // 40 kW of firm power on one side of 30 kW, of 60 kW for ten seconds.
  EXPECT_EQ(warnings_of(with(kSite, "ups, rating: 40kW,", "ups, rating: 30kW, overload: [{load: 200%, time: PT10S}],")),
            "spec.network.elements[3]: all racks together can be full only with work that may be shed: north/ups-a "
            "would carry 40kW of "
            "30kW after the loss of north/main-b, which leaves full work to 5 of its 8 nodes\n");
}

TEST(Warnings, CountWhatIsDatedLater) {
  const std::string later =
      with(kSite, "{contracted: 100kW}",
           "{contracted: 100kW, phases: [{from: 2026-01-01, energised: 30kW}, {from: 2027-01-01, energised: 50kW}]}");
  EXPECT_EQ(warnings_of(later), "");
  // A phase that is over does not count.
  const std::string shrinks = with(later, "50kW", "20kW");
  EXPECT_EQ(warnings_of(with(shrinks, "30kW", "60kW"), "2026-06-01"), "");
  EXPECT_EQ(warnings_of(with(shrinks, "30kW", "60kW"), "2027-06-01"),
            "spec.grid: all racks together can never be full: north import would carry 40kW of 20kW, which leaves full "
            "work to 3 of its "
            "8 nodes\n");
}

}  // namespace
}  // namespace penstock
