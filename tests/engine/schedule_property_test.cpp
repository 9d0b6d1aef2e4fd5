// What must hold of any schedule: a promise is kept, nobody waits for ever, shares converge. Random loads by seed; every log
// goes to the independent checker besides.
#include "world.h"

#include <random>

namespace penstock {
namespace {

// A site that lives through a load: work ends when its time has come, never later than its limit.
class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed) {
    world_.watchful = false;
    world_.prove_every = 20;
    SiteSpec spec = site("NO", "h200", "r[1-4]", "n[1-4]");
    // Power for about three quarters of it at its most, so that watts are fought for too.
    ElementSpec grid;
    grid.name = "grid";
    grid.kind = ElementKind::kGrid;
    grid.rating = Watts(1'000'000);
    ElementSpec side;
    side.name = "ups-[a,b]";
    side.kind = ElementKind::kUps;
    side.rating = Watts(1'000 * (90 + pick(60)));
    side.feeds = {{"grid", std::nullopt, std::nullopt}};
    spec.network = NetworkSpec{{grid, side}};
    spec.halls[0].rows[0].racks[0].feeds = {{"ups-a", std::nullopt, std::nullopt}, {"ups-b", std::nullopt, std::nullopt}};
    ContractSpec spot = contract();
    spot.service_class = ServiceClass::kSpot;
    ContractSpec gold = contract();
    gold.service_class = ServiceClass::kReserved;
    gold.ramp = {{world_.now, 24}};
    world_.apply({document("h200", node_type("h200", 8)), document("north", spec), document("acme", TenantSpec{}),
                  document("acme/a", ProjectSpec{}), document("acme/b", ProjectSpec{}), document("acme/main", contract()),
                  document("acme/spot", spot), document("acme/gold", gold)});
  }

  std::int64_t pick(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
  World& world() { return world_; }

  std::string submit(JobSpec spec) {
    const std::string name = fmt::format("acme/{}/j{}", pick(2) == 0 ? "a" : "b", ++serial_);
    world_.submit(name, std::move(spec));
    return name;
  }

  JobSpec job(const std::vector<std::string>& contracts, bool limited) {
    static constexpr std::array<std::int64_t, 6> kSizes{500, 1000, 2000, 4000, 8000, 8000};
    const std::int64_t milli = kSizes[static_cast<std::size_t>(pick(6))];
    JobSpec spec = gang(static_cast<std::int32_t>(1 + (milli == 8000 ? pick(12) : pick(6))), milli, static_cast<std::int32_t>(pick(5)));
    spec.contract = contracts[static_cast<std::size_t>(pick(static_cast<std::int64_t>(contracts.size())))];
    spec.stop_grace = Duration();
    if (limited) spec.time_limit = minutes(10 + 10 * pick(30));
    return spec;
  }

  // Time passes to the next end or tick; ends what is over.
  void step(Duration most) {
    Time next = world_.now + most;
    for (const auto& [end, uid] : ends_) next = std::min(next, std::max(end, world_.now));
    if (const auto due = world_.engine().next_due(); due && *due > world_.now) next = std::min(next, *due);
    world_.now = next;
    std::vector<std::string> over;
    for (const auto& [uid, job] : world_.facts().jobs) {
      if (job.holds() && ends_by_job_.at(job.allocation->uid) <= world_.now) over.push_back(job.name);
    }
    while (!ends_.empty() && ends_.begin()->first <= world_.now) ends_.erase(ends_.begin());
    for (const std::string& name : over) world_.finish(name);
    tick();
  }

  // Whoever is told to stop does so at once, and whoever starts will end.
  void tick() {
    world_.tick();
    std::vector<std::string> stopping;
    for (const auto& [uid, job] : world_.facts().jobs) {
      if (job.phase == JobPhase::kStopping) stopping.push_back(job.name);
      if (!job.holds() || ends_by_job_.contains(job.allocation->uid)) continue;
      const Duration limit = job.spec.time_limit.value_or(hours(5));
      const Time end = job.allocation->from + (pick(3) == 0 ? limit : Duration(1 + pick(limit.count())));
      ends_by_job_[job.allocation->uid] = end;
      ends_.insert({end, job.uid});
    }
    if (stopping.empty()) return;
    for (const std::string& name : stopping) world_.finish(name);
    tick();
  }

  bool idle() const {
    for (const auto& [uid, job] : world_.facts().jobs) {
      if (!is_final(job.phase)) return false;
    }
    return true;
  }

  const World& world() const { return world_; }

 private:
  World world_;
  std::mt19937_64 random_;
  std::uint64_t serial_ = 0;
  std::set<std::pair<Time, Uid>> ends_;
  std::map<Uid, Time> ends_by_job_;
};

class Schedules : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Schedules, KeepEveryPromise) {
  Life life(GetParam());
  std::size_t promises = 0, backfilled = 0;
  for (int i = 0; i < 250; ++i) {
    if (i < 200) {
      for (std::int64_t n = life.pick(4); n > 0; --n) life.submit(life.job({"acme/main", "acme/main", "acme/gold", "acme/spot"}, true));
      life.tick();
    }
    life.step(minutes(15));
  }
  std::map<Uid, Time> promised;
  std::map<Uid, std::string> names;
  for (const EventRecord& record : life.world().events()) {
    if (const auto* event = std::get_if<JobPromised>(&record.event)) {
      ASSERT_TRUE(event->promise.at) << "everyone has a time limit";
      if (event->promise.tasks.empty()) continue;  // GPUs of its contract, no start
      const auto [known, fresh] = promised.try_emplace(event->job, *event->promise.at);
      promises += fresh;
      EXPECT_LE(*event->promise.at, known->second) << "a promise was put off: " << event->promise.cause;
    }
    if (const auto* event = std::get_if<JobUnpromised>(&record.event)) {
      if (promised.contains(event->job)) ADD_FAILURE() << "withdrawn: " << event->cause;
    }
    if (const auto* event = std::get_if<JobStarted>(&record.event)) {
      const auto known = promised.find(event->allocation.job);
      if (known == promised.end()) {
        backfilled += !promised.empty();
      } else {
        EXPECT_LE(record.at, known->second);
        promised.erase(known);  // if it is displaced it may be promised anew
      }
    }
  }
  EXPECT_GT(promises, 5u);
  EXPECT_GT(backfilled, 5u);
}

TEST_P(Schedules, LeaveNobodyWaitingForEver) {
  Life life(GetParam() + 1000);
  for (int i = 0; i < 60; ++i) {
    for (std::int64_t n = life.pick(4); n > 0; --n) {
      JobSpec spec = life.job({"acme/main", "acme/main", "acme/gold", "acme/spot"}, life.pick(2) == 0);
      if (total_gpus(spec) > MilliGpu(64'000)) spec.groups[0].replicas = 8;
      if (spec.contract == "acme/gold") spec.groups[0].replicas = std::min(spec.groups[0].replicas, 3);
      life.submit(std::move(spec));
    }
    life.tick();
    life.step(minutes(15));
  }
  // Time, not steps, is what the last of them needs: while anyone waits, a step is a minute.
  const Time patience = life.world().now + hours(24 * 30);
  while (!life.idle() && life.world().now < patience) life.step(minutes(30));
  for (const auto& [uid, job] : life.world().facts().jobs) {
    if (is_final(job.phase)) continue;
    ADD_FAILURE() << job.name << " is " << name_of(job.phase) << " for " << life.world().reasons(job.name) << " as " << to_json(job.spec);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Schedules, testing::Range<std::uint64_t>(1, 9));

TEST(FairShare, ConvergesToTheWeights) {
  World world;
  world.watchful = false;
  world.prove_every = 1'000;
  world.settle_usual();
  std::map<std::string, std::int64_t> held;
  for (const auto& [tenant, weight] : {std::pair{"one", 1}, std::pair{"two", 2}, std::pair{"five", 5}}) {
    TenantSpec spec;
    spec.share = ShareSpec{weight, std::nullopt};
    world.apply({document(tenant, spec), document(fmt::format("{}/p", tenant), ProjectSpec{}), document(fmt::format("{}/c", tenant), contract())});
    held[tenant] = 0;
  }
  std::mt19937_64 random(7);
  int serial = 0;
  std::set<std::pair<Time, std::string>> ends;
  std::int64_t counted = 0;
  for (int minute = 0; minute < 60 * 24 * 4; minute += 10) {
    world.now = world.now + minutes(10);
    while (!ends.empty() && ends.begin()->first <= world.now) {
      world.finish(ends.begin()->second);
      ends.erase(ends.begin());
    }
    for (const auto& [tenant, total] : held) {
      while (world.state().pending_of_project(tenant + "/p") < 10) {
        JobSpec spec = gang(1, 1000 * (1 + static_cast<std::int64_t>(random() % 2)));
        spec.time_limit = minutes(200);
        spec.stop_grace = Duration();
        world.submit(fmt::format("{}/p/j{}", tenant, ++serial), spec);
      }
    }
    world.tick();
    for (const auto& [uid, job] : world.facts().jobs) {
      if (!job.holds() || job.allocation->from != world.now) continue;
      ends.insert({world.now + minutes(20 + static_cast<std::int64_t>(random() % 160)), job.name});
    }
    if (minute < 60 * 24) continue;
    ++counted;
    for (auto& [tenant, total] : held) total += world.state().held_by_tenant(tenant).count();
  }
  const double all = static_cast<double>(held["one"] + held["two"] + held["five"]);
  EXPECT_GT(all / static_cast<double>(counted), 31'000.0);  // hardly anything is idle
  EXPECT_NEAR(static_cast<double>(held["one"]) / all, 1.0 / 8, 0.02);
  EXPECT_NEAR(static_cast<double>(held["two"]) / all, 2.0 / 8, 0.02);
  EXPECT_NEAR(static_cast<double>(held["five"]) / all, 5.0 / 8, 0.02);
}

}  // namespace
}  // namespace penstock
