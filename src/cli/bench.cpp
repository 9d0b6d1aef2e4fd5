// bench: programs that print figures.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <CLI/CLI.hpp>

#include "cli/bench.h"
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
};

using Clock = std::chrono::steady_clock;

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
  const auto quantile = [&all](double q) { return all[std::min(all.size() - 1, static_cast<std::size_t>(q * static_cast<double>(all.size())))]; };
  const double rate = static_cast<double>(bench.jobs) / seconds;
  if (format != Format::kTable) {
    print_json(fmt::format(R"({{"jobs":{},"clients":{},"batch":{},"seconds":{:.3f},"jobsPerSecond":{:.0f},"p50Millis":{:.3f},"p99Millis":{:.3f},"maxMillis":{:.3f}}})",
                           bench.jobs, bench.clients, bench.batch, seconds, rate, quantile(0.5), quantile(0.99), all.back()),
               format);
  } else {
    fmt::print("{} jobs from {} clients in batches of {}: {:.2f} s, {:.0f} durable submissions/s; a request took p50 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms\n",
               bench.jobs, bench.clients, bench.batch, seconds, rate, quantile(0.5), quantile(0.99), all.back());
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
  submit->add_option("--run-for", options->duration, "how long simulated nodes run each")->capture_default_str();
  submit->callback([&cli, options] { cli.exit_code = bench_submit(cli.flags, *options, cli.output()); });
}

}  // namespace penstock
