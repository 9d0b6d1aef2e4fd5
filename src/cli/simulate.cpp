// simulate: runs scenarios on the production engine, side by side.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/files.h"
#include "cli/bench.h"
#include "cli/cli.h"
#include "sim/page.h"
#include "sim/simulation.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostBytes = std::size_t{2} << 30;  // of a trace

struct SimulateFlags {
  std::string scenario;
  std::string files;
  std::string page;
  std::string log;
  std::vector<std::string> compare;
  unsigned jobs = 0;
  bool quiet = false;
};

// Reads every file once, however many runs use it.
class Files {
 public:
  explicit Files(fs::path beside) : beside_(std::move(beside)) {}

  Result<std::shared_ptr<const Trace>> trace(const std::string& file, std::optional<TraceFormat> format) {
    const auto key = std::pair(file, format);
    if (const auto found = traces_.find(key); found != traces_.end()) return found->second;
    PENSTOCK_TRY(text, read_file((beside_ / file).string(), kMostBytes));
    auto trace = read_trace(text, format);
    if (!trace.ok()) {
      Error error = std::move(trace).error();
      error.file = file;
      return error;
    }
    return traces_.emplace(key, std::make_shared<const Trace>(std::move(*trace))).first->second;
  }

  Result<std::vector<Document>> documents(const std::vector<std::string>& files) {
    if (const auto found = documents_.find(files); found != documents_.end()) return found->second;
    std::vector<std::string> paths;
    for (const std::string& file : files) paths.push_back((beside_ / file).string());
    PENSTOCK_TRY(sources, read_sources(paths));
    PENSTOCK_TRY(documents, read_documents(sources));
    return documents_.emplace(files, std::move(documents)).first->second;
  }

 private:
  fs::path beside_;
  std::map<std::vector<std::string>, std::vector<Document>> documents_;
  std::map<std::pair<std::string, std::optional<TraceFormat>>, std::shared_ptr<const Trace>> traces_;
};

Result<SimulationInput> input_of(const Scenario& scenario, Files& files) {
  SimulationInput input;
  if (!scenario.spec.estate.empty()) {
    PENSTOCK_TRY(documents, files.documents(scenario.spec.estate));
    input.documents = std::move(documents);
  }
  if (scenario.spec.plain_estate && !scenario.spec.plain_estate->node_list.empty()) {
    PENSTOCK_TRY(list, files.trace(scenario.spec.plain_estate->node_list, TraceFormat::kOpenb));
    input.node_list = list->nodes;
  }
  for (const LoadSpec& load : scenario.spec.loads) {
    if (!load.trace) continue;
    PENSTOCK_TRY(trace, files.trace(load.trace->file, load.trace->format));
    if (trace->jobs.empty()) return make_error(Code::kInvalid, fmt::format("{} holds no job", load.trace->file));
    input.traces.push_back(trace);
  }
  return input;
}

std::string name_of_run(const Scenario& scenario) {
  return scenario.variant.empty() ? fmt::format("{} seed {}", scenario.name, scenario.spec.seed)
                                  : fmt::format("{} {} seed {}", scenario.name, scenario.variant, scenario.spec.seed);
}

// One line on a terminal for all runs.
class ProgressLine {
 public:
  ProgressLine(std::size_t runs, bool shown) : shown_(shown && isatty(STDERR_FILENO) != 0), done_of_(runs), began_(Clock::now()) {}
  ~ProgressLine() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }

  void tell(Time now, Time from, std::optional<Time> until, std::int64_t jobs) {
    if (!shown_) return;
    const std::lock_guard lock(mutex_);
    const auto at = Clock::now();
    if (at - told_ < std::chrono::milliseconds(200)) return;
    told_ = at;
    const double wall = std::chrono::duration<double>(at - began_).count();
    const double days = static_cast<double>((now - from).count()) / 8.64e13;
    std::string bar;
    if (until) {
      const auto cells = static_cast<std::size_t>(std::clamp<double>(static_cast<double>((now - from).count()) / static_cast<double>((*until - from).count()), 0, 1) * 30);
      bar = fmt::format("[{}{}] ", std::string(cells, '#'), std::string(30 - cells, '.'));
    }
    fmt::print(stderr, "\r\033[K{}{}  {} jobs  {:.1f} days, {:.2f} days a second  {} of {} runs done", bar, Text<Time>::format(now).substr(0, 16), grouped(jobs),
               days, wall > 0 ? days / wall : 0, done_.load(), done_of_);
    std::fflush(stderr);
  }
  void done() { ++done_; }

 private:
  bool shown_;
  std::mutex mutex_;
  std::atomic<std::size_t> done_{0};
  std::size_t done_of_;
  Clock::time_point began_;
  Clock::time_point told_{};
};

Result<SimReport> run_one(const Scenario& scenario, SimulationInput input, ProgressLine& line, const std::string& log) {
  std::ofstream out;
  if (!log.empty()) {
    out.open(log, std::ios::binary | std::ios::trunc);
    if (!out) return make_error(Code::kInternal, fmt::format("cannot write {}", log));
  }
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  LogSink sink;
  std::string text;
  if (!log.empty()) {
    sink = [&](const EventRecord& record) {
      text.clear();
      write_json(text, record);
      text += '\n';
      XXH3_64bits_update(&hash, text.data(), text.size());
      out.write(text.data(), static_cast<std::streamsize>(text.size()));
    };
  }
  const auto began = Clock::now();
  auto report = simulate(scenario, std::move(input),
                         [&](Time now, Time from, std::optional<Time> until, std::int64_t jobs) { line.tell(now, from, until, jobs); }, sink);
  line.done();
  if (!report.ok()) return report;
  report->wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
  report->memory_mib = most_resident_mib();
  if (!log.empty()) {
    out.close();
    if (!out) return make_error(Code::kInternal, fmt::format("cannot write {}: the disk may be full", log));
    report->log_hash = fmt::format("{:016x}", XXH3_64bits_digest(&hash));
  }
  return report;
}

Result<std::vector<SimReport>> run_all(const std::vector<Scenario>& scenarios, Files& files, const SimulateFlags& flags) {
  std::vector<SimulationInput> inputs;
  for (const Scenario& scenario : scenarios) {
    PENSTOCK_TRY(input, input_of(scenario, files));
    inputs.push_back(std::move(input));
  }
  ProgressLine line(scenarios.size(), !flags.quiet);
  std::vector<std::optional<Result<SimReport>>> reports(scenarios.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < scenarios.size(); i = next++) {
      std::string log = flags.log;
      if (!log.empty() && scenarios.size() > 1) log = fmt::format("{}.{}", flags.log, i + 1);
      reports[i] = run_one(scenarios[i], std::move(inputs[i]), line, log);
    }
  };
  const unsigned cores = flags.jobs > 0 ? flags.jobs : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<std::size_t>(cores, scenarios.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  std::vector<SimReport> out;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    Result<SimReport>& report = *reports[i];
    if (!report.ok()) {
      Error error = std::move(report).error();
      if (scenarios.size() > 1) error.message = fmt::format("{}: {}", name_of_run(scenarios[i]), error.message);
      return error;
    }
    out.push_back(std::move(*report));
  }
  return out;
}

// The reports of earlier runs: one object, or a list.
Result<std::vector<SimReport>> read_reports(const std::vector<std::string>& paths) {
  std::vector<SimReport> out;
  for (const std::string& path : paths) {
    PENSTOCK_TRY(text, read_file(path, kMostBytes));
    PENSTOCK_TRY(value, parse_json(text));
    Problems problems;
    if (value.is_array()) {
      std::vector<SimReport> several;
      read_json(value, several, problems);
      out.insert(out.end(), several.begin(), several.end());
    } else {
      read_json(value, out.emplace_back(), problems);
    }
    if (!problems.empty()) {
      Error error = problems.take();
      error.file = path;
      return error;
    }
  }
  return out;
}

int show(const std::vector<SimReport>& reports, const SimulateFlags& flags, Format format) {
  if (!flags.page.empty()) {
    if (Status written = write_file(flags.page, report_page(reports), Lasting::kProcess, 0644); !written.ok()) return fail(written.error());
  }
  if (format == Format::kTable) {
    fmt::print("{}", comparison_text(reports));
    if (!flags.page.empty()) fmt::print("\nThe page with plots: {}\n", flags.page);
  } else if (reports.size() == 1) {
    print_json(to_json(reports.front()), format);
  } else {
    print_json(to_json(reports), format);
  }
  return 0;
}

int simulate_verb(Cli& cli, const SimulateFlags& flags) {
  if (!flags.compare.empty()) {
    auto reports = read_reports(flags.compare);
    return reports.ok() ? show(*reports, flags, cli.output()) : fail(reports.error());
  }
  if (flags.scenario.empty()) {
    return fail(make_error(Code::kInvalid, "name a scenario, such as examples/scenarios/philly.yaml, or --compare with reports"), kUsage);
  }
  auto text = read_file(flags.scenario, std::size_t{8} << 20);
  if (!text.ok()) return fail(text.error());
  auto scenarios = read_scenario({flags.scenario, *text});
  if (!scenarios.ok()) return fail(scenarios.error());
  Files files(flags.files.empty() ? fs::path(flags.scenario).parent_path() : fs::path(flags.files));
  auto reports = run_all(*scenarios, files, flags);
  return reports.ok() ? show(*reports, flags, cli.output()) : fail(reports.error());
}

}  // namespace

void add_simulate_verb(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<SimulateFlags>();
  auto* verb = app.add_subcommand("simulate", "Run a scenario on the production engine in virtual time; needs no server");
  verb->add_option("scenario", flags->scenario, "a Scenario document");
  verb->add_option("--files", flags->files, "folder of the files that the scenario names; beside it if absent");
  verb->add_option("--page", flags->page, "write the report with plots there, as one HTML file");
  verb->add_option("--log", flags->log, "write the event log there, one JSON event a line, for `penstock verify --log`; of several runs FILE.1, FILE.2 …");
  verb->add_option("--compare", flags->compare, "instead of running: reports (-o json) to set side by side");
  verb->add_option("--jobs", flags->jobs, "runs at a time; as many as there are cores if absent");
  verb->add_flag("--quiet", flags->quiet, "no progress line");
  verb->callback([&cli, flags] { cli.exit_code = simulate_verb(cli, *flags); });
}

}  // namespace penstock
