// A hall with two sides, for the tests of limits in the engine and through the API.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace penstock {

// Two sides of 6 kW; nodes of 4 devices that idle at 400 W and draw 2 kW at most. Racks k1 and k2, two nodes each.
inline constexpr std::string_view kHall = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: box}
spec:
  devices: {model: b1, count: 4, powerLimitMin: 100W, powerLimitMax: 400W}
  cpu: 64
  memory: 1TiB
  power: {idle: 400W, max: 2kW}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: p}
spec:
  country: GB
  runtime: simulated
  grid: {contracted: 100kW}
  network:
    elements:
    - {name: grid, kind: grid, rating: 1MW}
    - {name: "ups-[a,b]", kind: ups, rating: 6kW, overload: [{load: 150%, time: PT10S}], feeds: [{from: grid}]}
  halls:
  - name: h
    rows:
    - name: r
      racks:
      - {name: "k[1-2]", nodes: [{name: "n[1-2]", type: box}], feeds: [{from: ups-a}, {from: ups-b}]}
)";

inline std::string with(std::string_view text, std::string_view what, std::string_view instead) {
  std::string out(text);
  const std::size_t at = out.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return out.replace(at, what.size(), instead);
}

}  // namespace penstock
