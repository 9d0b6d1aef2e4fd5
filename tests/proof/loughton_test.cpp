// Loughton, the proof: full, and then hit by everything that may happen to it.
#include <cstdlib>
#include <random>

#include "base/name.h"
#include "filling.h"
#include "support/examples.h"

namespace penstock {
namespace {

// UPS of which one bears for hours 2.1 of the 2.7 MW of its racks: room for all only if some may be shed.
const Edits kSmallUps = {{"rating: 3.2MW", "rating: 2.4MW"}};

RestrictionSpec restriction(RestrictionCause cause, std::vector<std::string> parts = {}) {
  RestrictionSpec spec;
  spec.cause = cause;
  spec.parts = std::move(parts);
  return spec;
}

class Loughton : public testing::Test {
 protected:
  void settle(Edits edits = {}) {
    world.watchful = false;
    world.prove_every = 20;
    // With less plant the example's contract sells what is not there, and these tests want that.
    if (!edits.empty()) edits.emplace_back("pricePerGpuHour: 2.50 USD", "oversold: true\n  pricePerGpuHour: 2.50 USD");
    world.apply(documents_of("loughton", edits));
    filling.emplace(world);
  }

  // Leaf names of all elements and cooling units.
  std::vector<std::string> parts() const {
    std::vector<std::string> out;
    for (const EstateElement& element : world.state().estate().elements()) out.emplace_back(leaf_of(element.name));
    for (const EstateCoolingUnit& unit : world.state().estate().units()) out.emplace_back(leaf_of(unit.name));
    return out;
  }

  JobSpec rack(const std::string& contract) const {
    JobSpec job = gang(18, 4000);
    job.contract = contract;
    return job;
  }

  // Rows that are above their limits as things are.
  std::string overloads() const {
    std::string text;
    const auto broken = world.facts().broken.find("loughton");
    if (broken == world.facts().broken.end()) return text;
    for (const LimitBreak& row : broken->second) {
      if (row.contingency.empty()) text += row.row + "; ";
    }
    return text;
  }

  // Takes out every part in turn and puts it back. Returns how many jobs were shed.
  std::size_t lose_each() {
    std::size_t sheds = 0;
    for (const std::string& part : parts()) {
      SCOPED_TRACE(part);
      world.now = world.now + minutes(1);
      world.apply("loughton/lost", restriction(RestrictionCause::kFailure, {part}));
      EXPECT_EQ(overloads(), "");
      sheds += world.state().shed().size();
      filling->end_stopping();
      world.now = world.now + minutes(1);
      world.tick();
      EXPECT_EQ(overloads(), "");
      world.good(DeleteObject{Kind::kRestriction, "loughton/lost", {}});
      world.tick();
      EXPECT_TRUE(world.facts().broken.empty());
      EXPECT_TRUE(world.state().shed().empty());
    }
    return sheds;
  }

  World world;
  std::optional<Filling> filling;
};

TEST_F(Loughton, BearsTheLossOfEveryPartWhenItIsFull) {
  settle();
  EXPECT_EQ(filling->fill(rack("acme/loughton")), 320);
  EXPECT_EQ(lose_each(), 0u) << "either side carries all of it";
}

TEST_F(Loughton, ShedsWithinTheContractsWhateverIsLost) {
  settle(kSmallUps);
  filling->fill(rack("proof/firm"), 100);
  filling->fill(rack("proof/half"), 100);
  filling->fill(rack("proof/spot"), 100);
  for (const std::string& contract : Filling::kContracts) filling->fill(rack(contract));
  EXPECT_GT(lose_each(), 0u);
}

TEST_F(Loughton, SellsMoreWithWattsThatMayBeShed) {
  settle(kSmallUps);
  // Firm, what one side bears decides: of the 20 racks of a block 14 at 135 kW and 6 idle at 34.2 make 2,095 kW of
  // 2,100. What may be shed counts with what it keeps, and all of it fits.
  EXPECT_EQ(filling->fill(rack("proof/firm")), 16 * 14);
  std::vector<std::string> running;
  for (const auto& [uid, job] : world.facts().jobs) {
    if (job.holds()) running.push_back(job.name);
  }
  for (const std::string& job : running) world.finish(job);
  EXPECT_EQ(filling->fill(rack("proof/half")), 320);
}

TEST_F(Loughton, PromisesAStartAtTheDateOfItsPhase) {
  // A fifth hall with one row: what cools it alone takes more than the 588 kW that are left of 50 MW.
  Edits edits = {
      {"h[1-4]", "h[1-5]"},
      {"  halls:\n  - name: h[1-5]\n",
       "  halls:\n  - name: h5\n    rows:\n    - {name: r1a, racks: [{name: \"{row}k[01-10]\", nodes: [{name: "
       "\"n[01-18]\", type: gb200-nvl72-tray}], feeds: [{from: \"busway-{hall}-{row}-a\"}, {from: "
       "\"busway-{hall}-{row}-b\"}], loops: [\"water-{hall}\", \"air-{hall}\"]}]}\n  - name: h[1-4]\n"}};
  settle(edits);
  const std::int64_t now = filling->fill(rack("proof/firm"));
  EXPECT_LT(now, 330);
  const std::string waits = "proof/fill/waits";
  world.start(waits, rack("proof/firm"));
  EXPECT_EQ(world.reasons(waits), "power");
  EXPECT_NE(world.why(waits).front().message.find("loughton import"), std::string::npos)
      << world.why(waits).front().message;
  const Time phase = *Text<Time>::parse("2028-01-01T00:00:00Z");
  EXPECT_EQ(promised_start(world.state(), world.job(waits), world.now), phase);
  world.now = phase - nanoseconds(1);
  world.tick();
  EXPECT_EQ(world.phase(waits), "pending");
  world.now = phase;
  world.tick();
  EXPECT_EQ(world.phase(waits), "starting");
  EXPECT_EQ(now + 1 + filling->fill(rack("proof/firm")), 330);
}

// --- a long life ---------------------------------------------------------------------------------------------------

std::uint64_t seeds() {
  const char* given = std::getenv("PENSTOCK_SEEDS");
  return given == nullptr ? 2 : std::strtoull(given, nullptr, 10);
}

class Life : public Loughton, public testing::WithParamInterface<std::uint64_t> {
 protected:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }
  template <class T>
  const T& any(const std::vector<T>& list) {
    return list[random() % list.size()];
  }

  // A job that holds something; empty if none does.
  std::string any_running() {
    std::vector<std::string> names;
    for (const auto& [uid, job] : world.facts().jobs) {
      if (job.holds()) names.push_back(job.name);
    }
    return names.empty() ? "" : any(names);
  }

  void submit() {
    JobSpec job = rack(any(Filling::kContracts));
    if (one_in(3)) job.groups[0].replicas = static_cast<std::int32_t>(between(1, 40));
    if (one_in(4)) job.groups[0].gpus = MilliGpu(1000 * between(1, 4));
    if (one_in(3)) job.time_limit = hours(between(1, 20));
    if (one_in(4)) job.gpu_power = Watts(between(600, 1200));
    job.priority = static_cast<std::int32_t>(between(-1, 1));
    world.submit(fmt::format("proof/fill/j{}", ++serial), job);
  }

  void restrict() {
    static constexpr std::array kCauses{RestrictionCause::kFailure, RestrictionCause::kFailure,
                                        RestrictionCause::kDerating, RestrictionCause::kOrder,
                                        RestrictionCause::kMaintenance};
    RestrictionSpec spec = restriction(kCauses[random() % kCauses.size()]);
    if (spec.cause == RestrictionCause::kOrder) {
      spec.import = Watts(between(20, 60) * import_unit);
    } else {
      spec.parts = {any(all_parts)};
      if (one_in(4)) spec.parts.push_back(any(all_parts));
    }
    if (spec.cause == RestrictionCause::kDerating) spec.to = Ppm(between(400, 1000) * 1000);
    if (spec.cause == RestrictionCause::kMaintenance || one_in(3)) {
      spec.from = world.now + minutes(between(1, 300));
      spec.until = *spec.from + minutes(between(1, 600));
    }
    // Maintenance that would break a limit is refused.
    static_cast<void>(world.run(ApplyDocuments{{document(fmt::format("loughton/x{}", ++serial), spec)}, false}));
  }

  void lift() {
    std::vector<std::string> names;
    for (const auto& [name, object] : world.facts().restrictions) names.push_back(name);
    if (!names.empty()) world.good(DeleteObject{Kind::kRestriction, any(names), {}});
  }

  void step() {
    const std::int64_t dice = between(0, 99);
    if (dice < 30) return submit();
    if (dice < 50) {
      const std::string job = any_running();
      if (!job.empty()) world.finish(job);
    } else if (dice < 65) {
      const std::string job = any_running();
      const std::optional<Watts> limit = one_in(3) ? std::nullopt : std::optional(Watts(between(600, 1200)));
      if (!job.empty()) static_cast<void>(world.run(SetGpuPower{job, limit, {}}));
    } else if (dice < 75) {
      restrict();
    } else if (dice < 86 || world.facts().restrictions.size() > 8) {
      lift();
    } else if (dice < 93) {
      filling->end_stopping();
    } else {
      world.now = world.now + minutes(between(0, 90));
    }
  }

  std::mt19937_64 random{GetParam()};
  std::int64_t serial = 0;
  std::int64_t import_unit = 1'000'000;
  std::vector<std::string> all_parts;
};

TEST_P(Life, IsProvedWhateverHappens) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  settle(kSmallUps);
  all_parts = parts();
  filling->fill(rack("proof/firm"), 90);
  filling->fill(rack("proof/half"), 90);
  filling->fill(rack("proof/spot"));
  for (int i = 0; i < 1000 && !HasFailure(); ++i) {
    step();
    if (one_in(2)) world.tick();
    world.now = world.now + seconds(between(0, 60));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Life, testing::Range<std::uint64_t>(1, seeds() + 1), testing::PrintToStringParamName());

}  // namespace
}  // namespace penstock
