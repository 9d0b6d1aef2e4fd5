// bench placement: how fast gangs find their places in an estate that is nearly full, and what the limits cost of it.
#include <algorithm>
#include <chrono>

#include <CLI/CLI.hpp>

#include "cli/bench.h"
#include "engine/placement/placement.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;
using Shape = BenchShape;

struct Measured {
  Shape shape;
  std::uint64_t decisions = 0;
  std::uint64_t refused = 0;
  std::int64_t per_second = 0;
  std::int64_t mean_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p999_ns = 0;

  static constexpr auto schema() {
    return object("Measured", "How fast gangs of one shape were placed.",
                  field("shape", &Measured::shape, required, "the gangs"),
                  field("decisions", &Measured::decisions, required, "how many were asked for"),
                  field("refused", &Measured::refused, required, "of them, those that found no place"),
                  field("perSecond", &Measured::per_second, required, "decisions a second, each with its booking"),
                  field("meanNanos", &Measured::mean_ns, required, "mean time of one"),
                  field("p50Nanos", &Measured::p50_ns, required, "median"),
                  field("p99Nanos", &Measured::p99_ns, required, "99 of 100 took no longer"),
                  field("p999Nanos", &Measured::p999_ns, required, "999 of 1000 took no longer"));
  }
};

struct Report {
  std::int64_t sites = 0;
  std::int64_t nodes = 0;
  std::int64_t gpus = 0;
  bool limits = true;
  std::int64_t rows = 0;
  std::uint64_t seed = 0;
  Ppm filled;
  std::int64_t live = 0;
  std::int64_t memory_mib = 0;
  std::vector<Measured> shapes;

  static constexpr auto schema() {
    return object("PlacementReport", "Figures of one run.", field("sites", &Report::sites, required, "sites"),
                  field("nodes", &Report::nodes, required, "nodes"), field("gpus", &Report::gpus, required, "GPUs"),
                  field("limits", &Report::limits, required, "whether power and cooling were checked"),
                  field("rows", &Report::rows, required, "rows of the limit table in force at the start"),
                  field("seed", &Report::seed, required, "seed of the mix"),
                  field("filled", &Report::filled, required, "GPUs in use when it began"),
                  field("live", &Report::live, required, "gangs that ran when it began"),
                  field("memoryMiB", &Report::memory_mib, required, "most memory that was resident"),
                  field("shapes", &Report::shapes, required, "one measurement a shape"));
  }
};

// Gangs in an estate, booked where the engine would book them but without its facts: placement alone.
class Ground {
 public:
  Ground(const std::vector<Document>& documents, std::uint64_t seed) : dice_(seed) {
    now_ = *Text<Time>::parse("2026-06-01T00:00:00Z");
    must(engine_.execute(ApplyDocuments{documents, false}, CommandMeta{now_, "bench", {}, 0}));
    engine_.take_events();
    for (const EstateSite& site : state().estate().sites()) gpus_ += site.gpus.count();
  }

  State& state() { return engine_.scratch_state(); }
  std::int64_t gpus() const { return gpus_ / 1000; }
  std::int64_t held() const { return held_; }
  std::size_t live() const { return live_.size(); }
  Dice& dice() { return dice_; }
  bool below(Ppm fill) const { return held_ < mul_div_floor(gpus_, fill.count(), 1'000'000); }

  Job job(const Shape& shape) {
    Job job;
    job.uid = Uid{++last_};
    job.name = "bench/work/j";
    job.contract = "bench/main";
    TaskGroupSpec group;
    group.name = "main";
    group.replicas = shape.tasks;
    group.gpus = MilliGpu(shape.milli);
    job.spec.groups.push_back(std::move(group));
    return job;
  }

  // One decision and its booking; nothing if there was no place.
  bool grant(const Job& job, const PoolsBySite& pools) {
    auto tasks = place(state(), job, pools, now_);
    if (!tasks) return false;
    Held held{job.uid, std::move(*tasks), {}};
    held.nodes.reserve(held.tasks.size());
    for (const TaskPlacement& task : held.tasks) held.nodes.push_back(state().estate().find_node_after(held.nodes.empty() ? kNowhere - 1 : held.nodes.back(), task.node));
    book(held, true);
    for (const TaskPlacement& task : held.tasks) held_ += task.gpus.count();
    live_.push_back(std::move(held));
    return true;
  }

  // Ends gangs by chance until `milli` more fit below the fill.
  void make_room(Ppm fill, std::int64_t milli) {
    const std::int64_t most = mul_div_floor(gpus_, fill.count(), 1'000'000);
    while (!live_.empty() && held_ + milli > most) {
      std::swap(live_[dice_.below(live_.size())], live_.back());
      for (const TaskPlacement& task : live_.back().tasks) held_ -= task.gpus.count();
      book(live_.back(), false);
      live_.pop_back();
    }
  }

  PoolsBySite pools(const Job& job) { return candidate_pools(state(), job); }

 private:
  struct Held {
    Uid job;
    std::vector<TaskPlacement> tasks;
    std::vector<NodeIndex> nodes;
  };

  static void must(const Result<Reply>& reply) {
    if (reply.ok()) return;
    throw std::runtime_error(to_string(reply.error()));
  }

  // As State::hold does for a job that starts or ends.
  void book(const Held& held, bool take) {
    SiteLoads& loads = state().scratch_loads().site_of(held.nodes.front());
    PowerLoads& power = state().scratch_power();
    const Estate& estate = state().estate();
    for (std::size_t i = 0; i < held.nodes.size(); ++i) {
      if (take) {
        loads.reserve(held.nodes[i], held.tasks[i], held.job, static_cast<std::int32_t>(i));
      } else {
        loads.release(held.nodes[i], held.tasks[i], held.job, static_cast<std::int32_t>(i));
      }
    }
    for (std::size_t i = 0; i < held.nodes.size();) {
      std::size_t end = i + 1;
      while (end < held.nodes.size() && power.column_of(held.nodes[end]) == power.column_of(held.nodes[i]) &&
             held.tasks[end].demand == held.tasks[i].demand) {
        ++end;
      }
      const Draw draw = draw_of(estate.type_of(held.nodes[i]).spec, held.tasks[i], false);
      const std::span<const NodeIndex> alike(held.nodes.data() + i, end - i);
      if (take) {
        power.take(alike, draw, std::nullopt);
      } else {
        power.give(alike, draw, std::nullopt);
      }
      i = end;
    }
  }

  Engine engine_;
  Time now_;
  Dice dice_;
  std::uint64_t last_ = 1'000'000;
  std::int64_t gpus_ = 0;
  std::int64_t held_ = 0;
  std::vector<Held> live_;
};

Measured measure(Ground& ground, const Shape& shape, Ppm fill, std::size_t decisions) {
  Measured out;
  out.shape = shape;
  const std::int64_t milli = shape.tasks * shape.milli;
  std::vector<std::int64_t> times;
  times.reserve(decisions);
  const PoolsBySite pools = ground.pools(ground.job(shape));
  std::int64_t total = 0;
  for (std::size_t i = 0; i < decisions; ++i) {
    ground.make_room(fill, milli);
    const Job job = ground.job(shape);
    const auto began = Clock::now();
    const bool granted = ground.grant(job, pools);
    times.push_back(std::chrono::nanoseconds(Clock::now() - began).count());
    total += times.back();
    if (!granted) ++out.refused;
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t per_mille) { return times[std::min(times.size() - 1, times.size() * per_mille / 1000)]; };
  out.decisions = decisions;
  out.mean_ns = total / static_cast<std::int64_t>(decisions);
  out.per_second = 1'000'000'000 / std::max<std::int64_t>(1, out.mean_ns);
  out.p50_ns = at(500);
  out.p99_ns = at(990);
  out.p999_ns = at(999);
  return out;
}

struct PlacementBench {
  BenchGround ground;
  std::vector<std::string> mix{"1x8:60", "8x8:30", "64x8:10"};
  std::vector<std::string> shapes{"1x8", "64x8", "512x8"};
  std::size_t decisions = 20'000;
};

Result<Report> run(const PlacementBench& bench) {
  PENSTOCK_TRY(fill, fill_of(bench.ground));
  PENSTOCK_TRY(mix, read_shapes("--mix", bench.mix));
  PENSTOCK_TRY(shapes, read_shapes("--shapes", bench.shapes));
  PENSTOCK_TRY(documents, bench_documents(bench.ground));
  Ground ground(documents, bench.ground.seed);

  const std::int64_t weights = weight_of(mix);
  std::map<std::size_t, PoolsBySite> pools;
  for (std::size_t misses = 0; ground.below(fill) && misses < 100;) {
    const std::size_t i = pick_shape(mix, ground.dice().below(static_cast<std::uint64_t>(weights)));
    const Job job = ground.job(mix[i]);
    if (!pools.contains(i)) pools[i] = ground.pools(job);
    misses = ground.grant(job, pools[i]) ? 0 : misses + 1;
  }

  Report report;
  report.sites = static_cast<std::int64_t>(ground.state().estate().sites().size());
  report.nodes = static_cast<std::int64_t>(ground.state().estate().nodes().size());
  report.gpus = ground.gpus();
  report.limits = !bench.ground.no_limits;
  for (SiteIndex site = 0; site < ground.state().estate().sites().size(); ++site) {
    report.rows += static_cast<std::int64_t>(ground.state().power().segments(site).front().limits->rows().size());
  }
  report.seed = bench.ground.seed;
  report.filled = Ppm(mul_div_floor(ground.held(), 1000, std::max<std::int64_t>(1, ground.gpus())));
  report.live = static_cast<std::int64_t>(ground.live());
  for (const Shape& shape : shapes) {
    // A large gang ends many small ones, so that fewer decisions say as much.
    const std::size_t decisions = std::max<std::size_t>(200, bench.decisions / static_cast<std::size_t>(shape.tasks));
    report.shapes.push_back(measure(ground, shape, fill, decisions));
  }
  report.memory_mib = most_resident_mib();
  return report;
}

void print(const Report& report) {
  fmt::print("{} GPUs on {} nodes at {} sites; {}; {} in use by {} gangs; seed {}; at most {} MiB resident\n\n",
             grouped(report.gpus), grouped(report.nodes), report.sites,
             report.limits ? fmt::format("{} limit rows now", grouped(report.rows)) : "no limits of power and cooling",
             Text<Ppm>::format(report.filled), grouped(report.live), report.seed, report.memory_mib);
  Table table({"GANG", "DECISIONS", "NO PLACE", "A SECOND", "MEAN", "P50", "P99", "P99.9"});
  for (const Measured& row : report.shapes) {
    table.row({fmt::format("{} × {} GPU", row.shape.tasks, Text<MilliGpu>::format(MilliGpu(row.shape.milli))),
               grouped(static_cast<std::int64_t>(row.decisions)), grouped(static_cast<std::int64_t>(row.refused)),
               grouped(row.per_second), micros_text(row.mean_ns), micros_text(row.p50_ns), micros_text(row.p99_ns), micros_text(row.p999_ns)});
  }
  fmt::print("{}", table.text());
}

}  // namespace

void add_bench_placement(CLI::App& bench, Cli& cli) {
  auto options = std::make_shared<PlacementBench>();
  auto* verb = bench.add_subcommand("placement", "Place gangs in an estate that is nearly full; needs no server");
  add_ground_options(*verb, options->ground);
  verb->add_option("--mix", options->mix, "gangs that fill it, TASKSxGPUS:WEIGHT")->delimiter(',')->capture_default_str();
  verb->add_option("--shapes", options->shapes, "gangs that are measured, TASKSxGPUS")->delimiter(',')->capture_default_str();
  verb->add_option("--decisions", options->decisions, "decisions of one-task gangs; larger ones fewer")->capture_default_str();
  verb->callback([&cli, options] { cli.exit_code = show_report(run(*options), cli.output(), print); });
}

}  // namespace penstock
