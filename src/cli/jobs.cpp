// submit, logs, cancel, hold, release, suspend, resume, resize, explain.
#include <cstdio>
#include <thread>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

int follow_log(ApiClient& client, const std::string& name, std::uint64_t rank, std::uint64_t offset, bool follow) {
  Status status = client.stream(fmt::format("/v1/jobs/{}/logs?rank={}&offset={}{}", url_path(name), rank, offset, follow ? "&follow=1" : ""),
                                [](std::string_view bytes) {
                                  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
                                  std::fflush(stdout);
                                  return true;
                                });
  return status.ok() ? 0 : fail(status.error());
}

// Waits for the job to leave `pending`, or with `ended` to end. Returns the job.
Result<JobView> wait_for(ApiClient& client, const std::string& name, bool ended) {
  std::string last;
  while (true) {
    auto job = client.get<JobView>("/v1/jobs/" + url_path(name));
    if (!job.ok()) return job;
    const JobPhase phase = job->status.phase;
    if (ended ? is_final(phase) : phase != JobPhase::kPending) return job;
    if (phase == JobPhase::kPending) {
      auto why = client.get<Explanation>("/v1/jobs/" + url_path(name) + "/explain");
      if (why.ok() && why->summary != last) fmt::print(stderr, "{}: {}\n", name, last = why->summary);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int submit(ApiClient& client, const std::vector<std::string>& files, bool wait, bool follow, Format format) {
  auto sources = read_sources(files);
  if (!sources.ok()) return fail(sources.error());
  auto reply = client.post<Reply>("/v1/submit", SubmitText{std::move(*sources)});
  if (!reply.ok()) return fail(reply.error());
  if (format != Format::kTable) {
    print_json(to_json(*reply), format);
  } else {
    for (const ObjectChange& change : reply->changes) fmt::print("submitted {} ({})\n", change.name, Text<Uid>::format(change.uid));
    std::fflush(stdout);
  }
  if (!wait && !follow) return 0;
  int worst = 0;
  for (const ObjectChange& change : reply->changes) {
    if (follow) {
      auto placed = wait_for(client, change.name, false);
      if (!placed.ok()) return fail(placed.error());
      if (placed->status.allocation && follow_log(client, change.name, 0, 0, true) != 0) worst = 1;
    }
    auto job = wait_for(client, change.name, true);
    if (!job.ok()) return fail(job.error());
    fmt::print(stderr, "{} {}{}{}\n", change.name, name_of(job->status.phase), job->status.message.empty() ? "" : ": ", job->status.message);
    if (job->status.phase != JobPhase::kSucceeded) worst = 1;
  }
  return worst;
}

}  // namespace

void add_job_verbs(CLI::App& app, Cli& cli) {
  struct Flags {
    std::vector<std::string> files;
    std::string name, version;
    std::uint64_t rank = 0, offset = 0;
    std::int32_t replicas = 0;
    bool wait = false, follow = false;
  };
  auto flags = std::make_shared<Flags>();

  auto* submit_verb = app.add_subcommand("submit", "Submit jobs from files, all or none");
  submit_verb->add_option("-f,--file", flags->files, "file, directory, or - for standard input; may repeat")->required();
  submit_verb->add_flag("--wait", flags->wait, "until all have ended; exit 1 unless all succeeded");
  submit_verb->add_flag("--follow", flags->follow, "stream the output of rank 0, then wait");
  submit_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return submit(client, flags->files, flags->wait, flags->follow, cli.output()); });
  });

  auto* logs_verb = app.add_subcommand("logs", "Output of a task");
  logs_verb->add_option("job", flags->name, "tenant/project/job")->required();
  logs_verb->add_option("--rank", flags->rank, "which task; 0 if absent");
  logs_verb->add_option("--offset", flags->offset, "first byte");
  logs_verb->add_flag("--follow", flags->follow, "go on until the task ends");
  logs_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) { return follow_log(client, flags->name, flags->rank, flags->offset, flags->follow); });
  });

  auto* cancel_verb = app.add_subcommand("cancel", "Cancel a job: TERM, its grace, KILL");
  cancel_verb->add_option("job", flags->name, "tenant/project/job")->required();
  cancel_verb->add_option("--if-version", flags->version, "only if it still has this version");
  cancel_verb->add_flag("--wait", flags->wait, "until it has ended");
  cancel_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      std::string path = fmt::format("/v1/jobs/{}/cancel", url_path(flags->name));
      if (!flags->version.empty()) path += "?version=" + url_encode(flags->version);
      auto reply = client.call<Reply>("POST", path);
      if (!reply.ok()) return fail(reply.error());
      fmt::print("cancelling {}\n", flags->name);
      if (flags->wait) {
        auto job = wait_for(client, flags->name, true);
        if (!job.ok()) return fail(job.error());
        fmt::print("{} {}\n", flags->name, name_of(job->status.phase));
      }
      return 0;
    });
  });

  const auto add_verb = [&](const char* verb, const char* path, const char* help, const char* done) {
    auto* added = app.add_subcommand(verb, help);
    added->add_option("job", flags->name, "tenant/project/job")->required();
    added->add_option("--if-version", flags->version, "only if it still has this version");
    added->callback([&cli, flags, path, done] {
      cli.with_client([&](ApiClient& client) {
        std::string url = fmt::format("/v1/jobs/{}/{}", url_path(flags->name), path);
        if (!flags->version.empty()) url += "?version=" + url_encode(flags->version);
        auto reply = client.call<Reply>("POST", url);
        if (!reply.ok()) return fail(reply.error());
        const bool changed = !reply->changes.empty() && reply->changes.front().change == Change::kChanged;
        fmt::print("{} {}\n", changed ? done : "unchanged", flags->name);
        return 0;
      });
    });
  };
  add_verb("hold", "hold", "Hold a waiting job back until it is released", "held");
  add_verb("release", "release", "Let a held job go", "released");
  add_verb("suspend", "suspend", "Stop a job with what its checkpoints keep, until it is resumed", "suspending");
  add_verb("resume", "release", "Let a suspended job go on", "resumed");

  auto* resize_verb = app.add_subcommand("resize", "Change how many tasks an elastic gang may have");
  resize_verb->add_option("job", flags->name, "tenant/project/job")->required();
  resize_verb->add_option("replicas", flags->replicas, "tasks of its elastic group, from minReplicas to replicas")->required();
  resize_verb->add_option("--if-version", flags->version, "only if it still has this version")->check(CLI::NonNegativeNumber);
  resize_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      ResizeRequest request;
      request.replicas = flags->replicas;
      if (!flags->version.empty()) request.version = std::stoull(flags->version);
      auto reply = client.post<Reply>(fmt::format("/v1/jobs/{}/resize", url_path(flags->name)), request);
      if (!reply.ok()) return fail(reply.error());
      fmt::print("{} may have {} tasks\n", flags->name, flags->replicas);
      return 0;
    });
  });

  auto* explain_verb = app.add_subcommand("explain", "Why a job waits: every limit that keeps it, with numbers");
  explain_verb->add_option("job", flags->name, "tenant/project/job")->required();
  explain_verb->callback([&cli, flags] {
    cli.with_client([&](ApiClient& client) {
      auto why = client.get<Explanation>(fmt::format("/v1/jobs/{}/explain", url_path(flags->name)));
      if (!why.ok()) return fail(why.error());
      if (cli.output() != Format::kTable) {
        print_json(to_json(*why), cli.output());
        return 0;
      }
      fmt::print("{} is {}: {}\n", why->workload, name_of(why->phase), why->summary);
      if (why->causes.empty()) return 0;
      Table table({"REASON", "NEEDED", "AVAILABLE", "MESSAGE"});
      for (const WaitCause& cause : why->causes) {
        table.row({std::string(name_of(cause.reason)), Text<MilliGpu>::format(cause.needed), Text<MilliGpu>::format(cause.available), cause.message});
      }
      fmt::print("{}", table.text());
      if (why->promised_start) {
        fmt::print("{} {}\n", why->promised ? "promised to start at the latest" : "may start, as far as is known now,",
                   Text<Time>::format(*why->promised_start));
      }
      for (const std::string& change : why->alternatives) fmt::print("or: {}\n", change);
      return 0;
    });
  });
}

}  // namespace penstock
