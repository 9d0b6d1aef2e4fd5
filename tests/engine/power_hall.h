// An engine with the hall of support/hall.h, and contracts that may be shed or not.
#pragma once

#include "support/hall.h"
#include "world.h"

namespace penstock {

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
