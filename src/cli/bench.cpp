// bench: programs that print figures.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <CLI/CLI.hpp>

#include "cli/bench.h"
#include "cli/pages.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

struct SubmitBench {
  std::string project = "acme/llm";
  std::string contract;
  std::string duration = "PT1H";
  std::size_t jobs = 10'000;
  std::size_t clients = 8;
  std::size_t batch = 1;
  bool until_started = false;
};

using Clock = std::chrono::steady_clock;

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

// From the server's taking a job in to its granting it a place, and to all its tasks running; by the server's clock, in the
// order of size.
struct Starts {
  std::vector<double> placed, started;  // ms
  double seconds = 0;                   // from the first submission to the last start
};

// Looks until all jobs of the run have started, a minute at most.
Result<Starts> await_starts(ApiClient& client, const SubmitBench& bench, const std::string& prefix) {
  for (int look = 0; look < 120; ++look) {
    Starts out;
    Time first = Time{std::numeric_limits<std::int64_t>::max()}, last;
    PENSTOCK_TRY(jobs, all_pages<JobPage>(client, "/v1/jobs", {{"project", bench.project}}));
    for (const JobView& job : jobs) {
      if (!job.metadata.name.starts_with(prefix)) continue;
      first = std::min(first, job.metadata.created);
      if (!job.status.started || !job.status.allocation) continue;
      last = std::max(last, *job.status.started);
      const auto since = [&](Time at) { return static_cast<double>((at - job.metadata.created).count()) / 1e6; };
      out.placed.push_back(since(job.status.allocation->from));
      out.started.push_back(since(*job.status.started));
    }
    if (out.started.size() >= bench.jobs) {
      std::sort(out.placed.begin(), out.placed.end());
      std::sort(out.started.begin(), out.started.end());
      out.seconds = static_cast<double>((last - first).count()) / 1e9;
      return out;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  return make_error(Code::kFailedPrecondition, fmt::format("not all of the {} jobs have started within a minute; is there room for them?", bench.jobs));
}

int bench_submit(const GlobalFlags& flags, const SubmitBench& bench, Format format) {
  auto estimate = Text<Duration>::parse(bench.duration);
  if (!estimate.ok()) return fail(estimate.error(), kUsage);
  const std::string run = random_key().substr(0, 8);
  std::atomic<std::size_t> next = 0;
  std::vector<std::vector<double>> latencies(bench.clients);
  std::vector<std::optional<Error>> errors(bench.clients);
  const auto began = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t c = 0; c < bench.clients; ++c) {
    threads.emplace_back([&, c] {
      auto client = connect(flags);
      if (!client.ok()) {
        errors[c] = client.error();
        return;
      }
      while (true) {
        const std::size_t first = next.fetch_add(bench.batch);
        if (first >= bench.jobs) return;
        JobBatch batch;
        for (std::size_t i = first; i < std::min(first + bench.batch, bench.jobs); ++i) {
          JobRequest job;
          job.metadata.name = fmt::format("{}/bench-{}-{}", bench.project, run, i);
          job.spec.contract = bench.contract;
          job.spec.estimate = *estimate;
          TaskGroupSpec group;
          group.name = "main";
          group.gpus = MilliGpu(1000);
          group.command = {"true"};
          job.spec.groups.push_back(std::move(group));
          batch.items.push_back(std::move(job));
        }
        const auto sent = Clock::now();
        auto reply = bench.batch == 1 ? client->post<Reply>("/v1/jobs", batch.items.front()) : client->post<Reply>("/v1/jobs/batch", batch);
        latencies[c].push_back(std::chrono::duration<double, std::milli>(Clock::now() - sent).count());
        if (!reply.ok()) {
          errors[c] = reply.error();
          return;
        }
        if (!reply->refused.empty()) {
          errors[c] = make_error(Code::kFailedPrecondition, reply->refused.front().message);
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  for (const auto& error : errors) {
    if (error) return fail(*error);
  }
  std::vector<double> all;
  for (const auto& own : latencies) all.insert(all.end(), own.begin(), own.end());
  std::sort(all.begin(), all.end());
  std::optional<Starts> starts;
  if (bench.until_started) {
    auto client = connect(flags);
    if (!client.ok()) return fail(client.error());
    auto awaited = await_starts(*client, bench, fmt::format("{}/bench-{}-", bench.project, run));
    if (!awaited.ok()) return fail(awaited.error());
    starts = std::move(*awaited);
  }
  const double rate = static_cast<double>(bench.jobs) / seconds;
  if (format != Format::kTable) {
    std::string more;
    if (starts) {
      more = fmt::format(R"(,"startedPerSecond":{:.0f},"placedP50Millis":{:.3f},"placedP99Millis":{:.3f},"startedP50Millis":{:.3f},"startedP99Millis":{:.3f})",
                         static_cast<double>(bench.jobs) / starts->seconds, quantile(starts->placed, 0.5), quantile(starts->placed, 0.99),
                         quantile(starts->started, 0.5), quantile(starts->started, 0.99));
    }
    print_json(fmt::format(R"({{"jobs":{},"clients":{},"batch":{},"seconds":{:.3f},"jobsPerSecond":{:.0f},"p50Millis":{:.3f},"p99Millis":{:.3f},"maxMillis":{:.3f}{}}})",
                           bench.jobs, bench.clients, bench.batch, seconds, rate, quantile(all, 0.5), quantile(all, 0.99), all.back(), more),
               format);
    return 0;
  }
  fmt::print("{} jobs from {} clients in batches of {}: {:.2f} s, {:.0f} durable submissions/s; a request took p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms\n",
             bench.jobs, bench.clients, bench.batch, seconds, rate, quantile(all, 0.5), quantile(all, 0.99), all.back());
  if (starts) {
    fmt::print("all started within {:.2f} s, {:.0f}/s; from submission to its place p50 {:.2f} ms, p99 {:.2f} ms; until it ran p50 {:.2f} ms, p99 {:.2f} ms\n",
               starts->seconds, static_cast<double>(bench.jobs) / starts->seconds, quantile(starts->placed, 0.5), quantile(starts->placed, 0.99),
               quantile(starts->started, 0.5), quantile(starts->started, 0.99));
  }
  return 0;
}

}  // namespace

void add_bench_verbs(CLI::App& app, Cli& cli) {
  auto* bench = app.add_subcommand("bench", "Measure the engine, or a running server; prints figures")->require_subcommand(1);
  add_bench_placement(*bench, cli);
  add_bench_queue(*bench, cli);
  auto options = std::make_shared<SubmitBench>();
  auto* submit = bench->add_subcommand("submit", "Submit one-GPU jobs from many clients, each acknowledged durably");
  submit->add_option("--project", options->project, "tenant/project to submit to")->capture_default_str();
  submit->add_option("--contract", options->contract, "contract; the tenant's only one if absent");
  submit->add_option("--jobs", options->jobs, "jobs in all")->capture_default_str()->check(CLI::PositiveNumber);
  submit->add_option("--clients", options->clients, "clients at a time")->capture_default_str()->check(CLI::Range(1, 256));
  submit->add_option("--batch", options->batch, "jobs in a request")->capture_default_str()->check(CLI::Range(1, 10'000));
  submit->add_flag("--until-started", options->until_started, "wait until all run, and tell how long that took each");
  submit->add_option("--run-for", options->duration, "how long simulated nodes run each")->capture_default_str();
  submit->callback([&cli, options] { cli.exit_code = bench_submit(cli.flags, *options, cli.output()); });
}

}  // namespace penstock
