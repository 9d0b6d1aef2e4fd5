// Metering: GPU time and money to the last digit, once for each allocation.
#include "world.h"

namespace penstock {
namespace {

class Ledger : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  void set_price(std::int64_t micros) {
    ContractSpec spec = contract();
    spec.price_per_gpu_hour.micros = micros;
    world_.apply("acme/main", spec);
  }
  // Runs `spec` for so long and gives its usage.
  Usage use(JobSpec spec, Duration time) {
    world_.start("acme/llm/a", std::move(spec));
    world_.now = world_.now + time;
    world_.finish("acme/llm/a");
    return world_.job("acme/llm/a").usage.value();
  }

  World world_;
};

TEST_F(Ledger, MetersAnAllocation) {
  const Time from = world_.now;
  const Usage usage = use(gang(2, 8000), hours(3));
  EXPECT_EQ(usage.workload, "acme/llm/a");
  EXPECT_EQ(usage.job, world_.job("acme/llm/a").uid);
  EXPECT_EQ(usage.allocation, world_.job("acme/llm/a").allocation->uid);
  EXPECT_EQ(usage.contract, "acme/main");
  EXPECT_EQ(usage.gpu_model, "h200");
  EXPECT_EQ(usage.from, from);
  EXPECT_EQ(usage.to, from + hours(3));
  EXPECT_EQ(usage.gpus, MilliGpu(16'000));
  EXPECT_EQ(usage.gpu_time, GpuMicros(16LL * 3 * 3600 * 1'000'000));
  EXPECT_EQ(usage.cost, (Money{96'000'000, "USD"}));               // 16 × 3 h × 2 USD
  EXPECT_EQ(usage.energy, Joules(16'000LL * 3 * 3600));            // 1 kW for each GPU
  EXPECT_EQ(usage.energy_source, EnergySource::kModel);
}

TEST_F(Ledger, CountsWholeMilliseconds) {
  EXPECT_EQ(use(gang(1, 1000), milliseconds(7) + nanoseconds(999'999)).gpu_time, GpuMicros(7'000));
  EXPECT_EQ(use(gang(1, 500), milliseconds(7)).gpu_time, GpuMicros(3'500));
  EXPECT_EQ(use(gang(3, 1), milliseconds(1)).gpu_time, GpuMicros(3));
  EXPECT_EQ(use(gang(1, 1000), nanoseconds(999'999)).gpu_time, GpuMicros(0));
}

TEST_F(Ledger, RoundsMoneyHalfUp) {
  // 1 GPU for 1 ms is 1000 of 3.6e9 micro-GPU-seconds an hour: 1/3,600,000 of the hourly price.
  set_price(1'800'000);
  EXPECT_EQ(use(gang(1, 1000), milliseconds(1)).cost.micros, 1);  // 0.5
  set_price(1'799'999);
  EXPECT_EQ(use(gang(1, 1000), milliseconds(1)).cost.micros, 0);  // 0.49999972
  set_price(5'400'000);
  EXPECT_EQ(use(gang(1, 1000), milliseconds(1)).cost.micros, 2);  // 1.5
  set_price(2'490'000);
  EXPECT_EQ(use(gang(1, 250), seconds(1)).cost.micros, 173);      // 172.9166…
  EXPECT_EQ(use(gang(3, 1000), minutes(7)).cost.micros, 871'500);  // 0.35 GPU-h at 2.49
}

TEST_F(Ledger, ThePriceIsThatOfTheGrant) {
  world_.start("acme/llm/b", gang(1, 1000));
  set_price(9'000'000);
  world_.now = world_.now + hours(1);
  world_.finish("acme/llm/b");
  EXPECT_EQ(world_.job("acme/llm/b").usage->cost, (Money{2'000'000, "USD"}));
  EXPECT_EQ(use(gang(1, 1000), hours(1)).cost, (Money{9'000'000, "USD"}));
}

TEST_F(Ledger, MeasuredEnergyCountsWhereAllTasksAreMeasured) {
  const auto with = [&](std::vector<std::optional<std::int64_t>> joules) {
    world_.start("acme/llm/a", gang(2, 1000));
    world_.now = world_.now + seconds(10);
    std::vector<TaskReport> tasks;
    for (std::int32_t rank = 0; rank < 2; ++rank) {
      TaskReport report = world_.exited("acme/llm/a", rank);
      report.energy_source = EnergySource::kNvml;
      if (joules[rank]) report.energy = Joules(*joules[rank]);
      tasks.push_back(report);
    }
    world_.report(std::move(tasks));
    return world_.job("acme/llm/a").usage.value();
  };
  Usage usage = with({300, 400});
  EXPECT_EQ(usage.energy, Joules(700));
  EXPECT_EQ(usage.energy_source, EnergySource::kNvml);
  usage = with({300, {}});
  EXPECT_EQ(usage.energy, Joules(10'300));  // 1 kW × 10 s is modelled
  EXPECT_EQ(usage.energy_source, EnergySource::kModel);
}

TEST_F(Ledger, AnIncredibleMeterIsNotBelieved) {
  world_.start("acme/llm/a", gang(2, 1000));
  world_.now = world_.now + seconds(10);
  std::vector<TaskReport> tasks = {world_.exited("acme/llm/a", 0), world_.exited("acme/llm/a", 1)};
  for (TaskReport& report : tasks) report.energy = Joules(std::numeric_limits<std::int64_t>::max());
  world_.report(tasks);
  EXPECT_EQ(world_.job("acme/llm/a").usage->energy, Joules(20'000));
  EXPECT_EQ(world_.job("acme/llm/a").usage->energy_source, EnergySource::kModel);
}

TEST_F(Ledger, RecordsEveryAttemptOnceAndAddsThemUp) {
  JobSpec spec = gang(1, 1000);
  spec.max_restarts = 1;
  world_.start("acme/llm/a", spec);
  world_.said();
  world_.now = world_.now + hours(1);
  const TaskReport failure = world_.exited("acme/llm/a", 0, 1);
  world_.report({failure, failure});
  EXPECT_EQ(world_.said(), "task.changed job.stopping usage.recorded job.requeued");
  world_.wait(minutes(30));
  const Time again = world_.now;
  world_.now = world_.now + hours(2);
  world_.report({failure});
  world_.finish("acme/llm/a");
  EXPECT_EQ(world_.said(), "job.started task.changed usage.recorded job.finished");

  const Usage& usage = *world_.job("acme/llm/a").usage;
  EXPECT_EQ(usage.gpu_time, GpuMicros(3LL * 3600 * 1'000'000));  // waiting costs nothing
  EXPECT_EQ(usage.cost, (Money{6'000'000, "USD"}));
  EXPECT_EQ(usage.to, again + hours(2));
  std::int64_t recorded = 0;
  std::set<Uid> allocations;
  for (const EventRecord& record : world_.events()) {
    if (const auto* event = std::get_if<UsageRecorded>(&record.event)) {
      recorded += event->usage.cost.micros;
      EXPECT_TRUE(allocations.insert(event->usage.allocation).second);
    }
  }
  EXPECT_EQ(recorded, usage.cost.micros);
  EXPECT_EQ(allocations.size(), 2u);
}

TEST_F(Ledger, TotalsOfAProjectAreKeptByCurrency) {
  ContractSpec euros = contract();
  euros.price_per_gpu_hour = {3'000'000, "EUR"};
  world_.apply("acme/eu", euros);
  JobSpec spec = gang(1, 1000);
  for (const char* name : {"acme/main", "acme/eu", "acme/main"}) {
    spec.contract = name;
    use(spec, hours(1));
  }
  ASSERT_EQ(world_.facts().usage_by_project.size(), 2u);
  const Usage& dollars = world_.facts().usage_by_project.at("acme/llm USD");
  EXPECT_EQ(dollars.cost, (Money{4'000'000, "USD"}));
  EXPECT_EQ(dollars.gpu_time, GpuMicros(2LL * 3600 * 1'000'000));
  EXPECT_EQ(dollars.workload, "acme/llm");
  EXPECT_EQ(world_.facts().usage_by_project.at("acme/llm EUR").cost, (Money{3'000'000, "EUR"}));
}

}  // namespace
}  // namespace penstock
