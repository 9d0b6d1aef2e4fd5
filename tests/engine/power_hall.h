// A hall with two sides, for the tests of limits.
#pragma once

#include "world.h"

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

inline std::vector<Document> read(const std::string& text) {
  auto documents = read_documents({{"p.yaml", text}});
  EXPECT_TRUE(documents.ok()) << to_string(documents.error());
  return documents.ok() ? std::move(*documents) : std::vector<Document>{};
}

inline RestrictionSpec restriction(RestrictionCause cause, std::vector<std::string> parts) {
  RestrictionSpec spec;
  spec.cause = cause;
  spec.parts = std::move(parts);
  return spec;
}

class Power : public testing::Test {
 protected:
  void settle(std::string_view site = kHall) {
    world.apply(read(std::string(site)));
    ContractSpec firm = contract();
    ContractSpec half = contract();
    half.shed = ShedSpec{Ppm(500'000), std::nullopt};
    ContractSpec spot = contract();
    spot.service_class = ServiceClass::kSpot;
    world.apply({document("acme", TenantSpec{}), document("acme/llm", ProjectSpec{}), document("acme/firm", firm),
                 document("acme/half", half), document("acme/spot", spot)});
    world.said();
  }

  JobSpec job(const std::string& contract, std::int32_t replicas = 1, std::int64_t milli = 4000) {
    JobSpec spec = gang(replicas, milli);
    spec.contract = "acme/" + contract;
    return spec;
  }
  std::string phase(const std::string& name) { return world.phase("acme/llm/" + name); }
  void start(const std::string& name, JobSpec spec) { world.start("acme/llm/" + name, std::move(spec)); }
  std::string why(const std::string& name) {
    std::string text;
    for (const WaitCause& cause : world.why("acme/llm/" + name)) text += std::string(name_of(cause.reason)) + ": " + cause.message + "\n";
    return text;
  }
  void restrict(const std::string& name, RestrictionSpec spec) { world.apply("p/" + name, std::move(spec)); }
  void lift(const std::string& name) { world.good(DeleteObject{Kind::kRestriction, "p/" + name, {}}); world.tick(); }

  World world;
};

}  // namespace penstock
