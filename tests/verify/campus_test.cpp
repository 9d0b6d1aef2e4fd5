// A campus of 23,040 GPUs, full: the checker at its size.
#include <gtest/gtest.h>

#include "log.h"

namespace penstock {
namespace {

std::string campus(const std::string& busway) {
  return R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: tray}
spec:
  devices: {model: gb200, count: 4}
  cpu: 144
  memory: 960GB
  power: {idle: 1.9kW, max: 7.5kW}
  liquidShare: 85%
  flow: 12L/min
---
apiVersion: penstock/v1
kind: Site
metadata: {name: campus}
spec:
  country: GB
  grid: {contracted: 90MW, phases: [{from: 2026-01-01, energised: 50MW}, {from: 2028-01-01, energised: 90MW}]}
  network:
    elements:
    - {name: grid, kind: grid, rating: 90MW}
    - {name: "main-[a,b]", kind: transformer, rating: 60MW, efficiency: 99.5%, feeds: [{from: grid}]}
    - {name: "msb-h[1-4]-[a,b]", kind: switchboard, rating: 12.5MW, feeds: [{from: "main-{2}"}]}
    - {name: "tx-h[1-4]-[1-4]-[a,b]", kind: transformer, rating: 3.15MW, efficiency: 99%, feeds: [{from: "msb-h{1}-{3}"}]}
    - {name: "ups-h[1-4]-[1-4]-[a,b]", kind: ups, rating: 3MW, efficiency: 97%, feeds: [{from: "tx-h{1}-{2}-{3}"}]}
    - {name: "busway-h[1-4]-r[1-4][a,b]-[a,b]", kind: busway, rating: )" +
         busway + R"(, feeds: [{from: "ups-h{1}-{2}-{4}"}]}
  cooling:
    units:
    - {name: "cdu-h[1-4]-[1-9]", kind: cdu, liquid: 1.3MW, flow: 2200L/min, draw: 75kW}
    - {name: "crah-h[1-4]-[01-10]", kind: crah, air: 200kW, draw: 18kW}
    loops:
    - {name: "water-h[1-4]", units: ["cdu-h{1}-[1-9]"]}
    - {name: "air-h[1-4]", units: ["crah-h{1}-[01-10]"]}
  halls:
  - name: h[1-4]
    rows:
    - name: r[1-4][a,b]
      racks:
      - name: "{row}k[01-10]"
        nodes: [{name: "n[01-18]", type: tray}]
        feeds: [{from: "busway-{hall}-{row}-a"}, {from: "busway-{hall}-{row}-b"}]
        loops: ["water-{hall}", "air-{hall}"]
)";
}

std::vector<HandTask> rack(int hall, int row, char side, int number) {
  std::vector<HandTask> tasks;
  for (int n = 1; n <= 18; ++n) {
    tasks.push_back(
        {fmt::format("campus/h{}/r{}{}k{:02}/n{:02}", hall, row, side, number, n), {0, 1, 2, 3}, 7500, 7500, 0, -1});
  }
  return tasks;
}

Log filled(const std::string& busway) {
  Log log;
  log.apply(campus(busway));
  for (int hall = 1; hall <= 4; ++hall) {
    for (int row = 1; row <= 4; ++row) {
      for (char side : {'a', 'b'}) {
        for (int number = 1; number <= 10; ++number) {
          log.wait(seconds(1));
          log.run(fmt::format("h{}-r{}{}-{}", hall, row, side, number), rack(hall, row, side, number));
        }
      }
    }
  }
  return log;
}

TEST(Campus, IsProvedFull) {
  const VerifyReport report = filled("1.5MW").verify(16);
  EXPECT_EQ(verdict(report), "proved");
  EXPECT_EQ(report.grants, 320u);
  // The normal state, 139 elements and 76 cooling units, now and at the phase of 2028.
  EXPECT_EQ(report.contingencies % 216, 0u);
}

TEST(Campus, IsRefutedByTheLastRackOfARow) {
  // Ten racks of 135 kW on the one side that is left.
  Log log = filled("1349999W");
  const VerifyReport report = log.verify(64);
  EXPECT_FALSE(report.proved);
  EXPECT_EQ(first(report).row, "campus/busway-h1-r1a-b");
  EXPECT_EQ(first(report).load, "1.35MW");
}

}  // namespace
}  // namespace penstock
