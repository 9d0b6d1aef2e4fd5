// bench queue: how long the scheduler needs when something changes while very many wait.
#include <algorithm>
#include <chrono>

#include <CLI/CLI.hpp>

#include "cli/bench.h"

namespace penstock {
namespace {

using Clock = std::chrono::steady_clock;

struct QueueBench {
  BenchGround ground;
  std::vector<std::string> running{"1x8:60", "8x8:30", "64x8:10"};
  std::vector<std::string> waiting_mix{"1x1:30", "1x8:40", "8x8:20", "64x8:9", "512x8:1"};
  std::int64_t waiting = 100'000;
  std::int64_t projects = 10;
  std::size_t changes = 500;
};

struct QueueReport {
  std::int64_t gpus = 0;
  std::int64_t nodes = 0;
  bool limits = true;
  std::uint64_t seed = 0;
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  std::int64_t groups = 0;
  std::int64_t promised = 0;
  std::int64_t submit_ns = 0;
  std::int64_t first_pass_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t most_ns = 0;
  std::int64_t started = 0;
  std::int64_t changes = 0;
  std::int64_t memory_mib = 0;

  static constexpr auto schema() {
    using R = QueueReport;
    return object("QueueReport", "Figures of one run.", field("gpus", &R::gpus, required, "GPUs"),
                  field("nodes", &R::nodes, required, "nodes"),
                  field("limits", &R::limits, required, "whether power and cooling were checked"),
                  field("seed", &R::seed, required, "seed of the mix"),
                  field("running", &R::running, required, "gangs that ran"),
                  field("waiting", &R::waiting, required, "jobs that waited when changes began"),
                  field("groups", &R::groups, required, "groups of jobs that ask for the same thing"),
                  field("promised", &R::promised, required, "jobs that held a promise"),
                  field("submitNanos", &R::submit_ns, required, "mean time to take one job in, without durability"),
                  field("firstPassNanos", &R::first_pass_ns, required, "the first pass over all of them"),
                  field("p50Nanos", &R::p50_ns, required, "median pass after one gang has ended"),
                  field("p99Nanos", &R::p99_ns, required, "99 of 100 passes took no longer"),
                  field("mostNanos", &R::most_ns, required, "the longest"),
                  field("started", &R::started, required, "jobs that started in these passes"),
                  field("changes", &R::changes, required, "gangs that ended, a pass after each"),
                  field("memoryMiB", &R::memory_mib, required, "most memory that was resident"));
  }
};

class Bench {
 public:
  Bench(const QueueBench& bench, std::vector<Document> documents) : bench_(bench), dice_(bench.ground.seed) {
    now_ = *Text<Time>::parse("2026-06-01T00:00:00Z");
    for (std::int64_t p = 0; p < bench.projects; ++p) {
      Document project;
      project.kind = Kind::kProject;
      project.metadata.name = fmt::format("bench/p{}", p);
      project.spec = ProjectSpec{};
      documents.push_back(std::move(project));
    }
    run(ApplyDocuments{std::move(documents), false});
  }

  QueueReport measure(const std::vector<BenchShape>& running, const std::vector<BenchShape>& waiting, Ppm fill) {
    QueueReport out;
    std::int64_t gpus = 0;
    for (const EstateSite& site : state().estate().sites()) gpus += site.gpus.count();
    out.gpus = gpus / 1000;
    out.nodes = static_cast<std::int64_t>(state().estate().nodes().size());
    out.limits = !bench_.ground.no_limits;
    out.seed = bench_.ground.seed;
    for (std::int64_t held = -1; held != state().held_by_tenant("bench").count();) {
      held = state().held_by_tenant("bench").count();
      if (held >= mul_div_floor(gpus, fill.count(), 1'000'000)) break;
      submit(running, 200, mul_div_floor(gpus, fill.count(), 1'000'000) - held);
      run(Tick{});
    }
    out.running = static_cast<std::int64_t>(state().facts().jobs.size() - state().pending().size());
    auto began = Clock::now();
    for (std::int64_t left = bench_.waiting; left > 0; left -= 10'000) submit(waiting, std::min<std::int64_t>(left, 10'000), -1);
    out.submit_ns = nanos(began) / bench_.waiting;
    began = Clock::now();
    run(Tick{});
    out.first_pass_ns = nanos(began);
    std::vector<Uid> live;
    for (const auto& [uid, job] : state().facts().jobs) {
      if (job.holds()) live.push_back(uid);
    }
    out.waiting = static_cast<std::int64_t>(state().pending().size());
    out.groups = static_cast<std::int64_t>(state().line().groups().size());
    out.promised = static_cast<std::int64_t>(state().promised().size());
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < bench_.changes && !live.empty(); ++i) {
      std::swap(live[dice_.below(live.size())], live.back());
      end(live.back());
      live.pop_back();
      now_ = now_ + milliseconds(10);
      began = Clock::now();
      tell(Tick{});
      times.push_back(nanos(began));
      for (const EventRecord& record : engine_.take_events()) {
        if (const auto* started = std::get_if<JobStarted>(&record.event)) {
          live.push_back(started->allocation.job);
          ++out.started;
        }
      }
    }
    std::sort(times.begin(), times.end());
    out.changes = static_cast<std::int64_t>(times.size());
    if (!times.empty()) {
      out.p50_ns = times[times.size() / 2];
      out.p99_ns = times[std::min(times.size() - 1, times.size() * 99 / 100)];
      out.most_ns = times.back();
    }
    out.memory_mib = most_resident_mib();
    return out;
  }

 private:
  const State& state() const { return engine_.state(); }
  static std::int64_t nanos(Clock::time_point since) { return std::chrono::nanoseconds(Clock::now() - since).count(); }
  void tell(const Command& command) {
    const auto reply = engine_.execute(command, CommandMeta{now_, "bench", {}, 0});
    if (!reply.ok()) throw std::runtime_error(to_string(reply.error()));
  }
  void run(const Command& command) {
    tell(command);
    engine_.take_events();
  }

  // `room`: submits no more than fits into so many thousandths of a GPU; -1: no matter.
  void submit(const std::vector<BenchShape>& mix, std::int64_t jobs, std::int64_t room) {
    static constexpr std::array kLimits{1, 2, 4, 8, 24};  // hours
    SubmitJobs submit;
    const auto weights = static_cast<std::uint64_t>(weight_of(mix));
    for (std::int64_t i = 0; i < jobs; ++i) {
      const BenchShape& shape = mix[pick_shape(mix, dice_.below(weights))];
      if (room >= 0) {
        room -= shape.tasks * shape.milli;
        if (room < 0) break;
      }
      JobSpec job;
      job.contract = "bench/main";
      job.time_limit = hours(kLimits[dice_.below(kLimits.size())]);
      TaskGroupSpec group;
      group.name = "main";
      group.replicas = shape.tasks;
      group.gpus = MilliGpu(shape.milli);
      group.command = {"train"};
      job.groups.push_back(std::move(group));
      const std::string name = fmt::format("bench/p{}/j{}", dice_.below(static_cast<std::uint64_t>(bench_.projects)), ++serial_);
      submit.items.push_back({Metadata{name, {}, {}}, std::move(job)});
    }
    run(submit);
  }

  void end(Uid uid) {
    ReportTasks report;
    for (TaskReport task : state().find_job(uid)->tasks) {
      task.phase = TaskPhase::kExited;
      task.end = TaskEnd::kExited;
      report.tasks.push_back(std::move(task));
    }
    run(report);
  }

  QueueBench bench_;
  Engine engine_;
  Time now_;
  Dice dice_;
  std::uint64_t serial_ = 0;
};

Result<QueueReport> run(const QueueBench& bench) {
  PENSTOCK_TRY(fill, fill_of(bench.ground));
  PENSTOCK_TRY(running, read_shapes("--running", bench.running));
  PENSTOCK_TRY(waiting, read_shapes("--waiting-mix", bench.waiting_mix));
  PENSTOCK_TRY(documents, bench_documents(bench.ground));
  return Bench(bench, std::move(documents)).measure(running, waiting, fill);
}

void print(const QueueReport& report) {
  const auto millis = [](std::int64_t ns) { return fmt::format("{}.{:02} ms", ns / 1'000'000, ns % 1'000'000 / 10'000); };
  fmt::print("{} GPUs on {} nodes{}; {} gangs run and {} jobs wait, in {} groups, {} with a promise; seed {}\n",
             grouped(report.gpus), grouped(report.nodes), report.limits ? "" : ", no limits of power and cooling",
             grouped(report.running), grouped(report.waiting), grouped(report.groups), report.promised, report.seed);
  fmt::print("a job is taken in within {}; the first pass over all takes {}\n", micros_text(report.submit_ns),
             millis(report.first_pass_ns));
  fmt::print("a pass after a gang has ended: p50 {}, p99 {}, at most {}; {} started after {} ends\n", millis(report.p50_ns),
             millis(report.p99_ns), millis(report.most_ns), grouped(report.started), grouped(report.changes));
  fmt::print("at most {} MiB resident\n", grouped(report.memory_mib));
}

}  // namespace

void add_bench_queue(CLI::App& bench, Cli& cli) {
  auto options = std::make_shared<QueueBench>();
  auto* verb = bench.add_subcommand("queue", "Look through a long queue after each change; needs no server");
  add_ground_options(*verb, options->ground);
  verb->add_option("--running", options->running, "gangs that run, TASKSxGPUS:WEIGHT")->delimiter(',')->capture_default_str();
  verb->add_option("--waiting-mix", options->waiting_mix, "gangs that wait")->delimiter(',')->capture_default_str();
  verb->add_option("--waiting", options->waiting, "jobs that wait")->capture_default_str()->check(CLI::Range(1, 1'000'000));
  verb->add_option("--projects", options->projects, "projects that they belong to")->capture_default_str()->check(CLI::Range(1, 10'000));
  verb->add_option("--changes", options->changes, "gangs that end, one by one")->capture_default_str();
  verb->callback([&cli, options] { cli.exit_code = show_report(run(*options), cli.output(), print); });
}

}  // namespace penstock
