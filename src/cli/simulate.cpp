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
#include "cli/simulate.h"
#include "sim/page.h"
#include "sim/replay.h"
#include "sim/simulation.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Reads every file once, however many runs use it.
class Files {
 public:
  explicit Files(fs::path beside) : beside_(std::move(beside)) {}

  Result<std::shared_ptr<const Trace>> trace(const std::string& file, std::optional<TraceFormat> format) {
    const auto key = std::pair(file, format);
    if (const auto found = traces_.find(key); found != traces_.end()) return found->second;
    PENSTOCK_TRY(text, read_file((beside_ / file).string(), kMostFileBytes));
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

// Checkpoints between the events of a log. To take one costs as the state is large, so a large state has fewer of them,
// unless somebody says how many.
class Checkpoints {
 public:
  Checkpoints(std::optional<std::uint64_t> every, std::ostream& out) : given_(every), every_(every.value_or(kLeast)), out_(out) {}

  void take(std::string_view event) { events_ = events_hash(events_, event); }

  void look(const State& state, bool last) {
    const Position position = state.facts().position;
    if (every_ == 0 || position == at_) return;
    if (!last && position < at_ + every_) return;
    const std::string text = state.snapshot();
    out_ << checkpoint_line({position, hash_text(state_hash(text)), hash_text(std::exchange(events_, 0))}) << '\n';
    at_ = position;
    if (!given_) every_ = std::max<std::uint64_t>(kLeast, text.size() / kBytesOfEvent);
  }

 private:
  static constexpr std::uint64_t kLeast = 10'000;       // events
  static constexpr std::size_t kBytesOfEvent = 100;     // of the state, hashed in a hundredth of the time that an event takes

  std::optional<std::uint64_t> given_;
  std::uint64_t every_;
  std::ostream& out_;
  Position at_ = 0;
  std::uint64_t events_ = 0;
};

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

Result<SimReport> run_one(const Scenario& scenario, SimulationInput input, ProgressLine& line, const std::string& log,
                          std::optional<std::uint64_t> checkpoints) {
  std::ofstream out;
  if (!log.empty()) {
    out.open(log, std::ios::binary | std::ios::trunc);
    if (!out) return make_error(Code::kInternal, fmt::format("cannot write {}", log));
  }
  XXH3_state_t hash;
  XXH3_64bits_reset(&hash);
  LogSink sink;
  StateSink states;
  Checkpoints between(checkpoints, out);
  std::string text;
  if (!log.empty()) {
    sink = [&](const EventRecord& record) {
      text.clear();
      write_json(text, record);
      between.take(text);
      text += '\n';
      XXH3_64bits_update(&hash, text.data(), text.size());
      out.write(text.data(), static_cast<std::streamsize>(text.size()));
    };
    states = [&](const State& state, bool last) { between.look(state, last); };
  }
  const auto began = Clock::now();
  auto report = simulate(scenario, std::move(input),
                         [&](Time now, Time from, std::optional<Time> until, std::int64_t jobs) { line.tell(now, from, until, jobs); }, sink, states);
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

Result<std::vector<SimReport>> run_all(const std::vector<Scenario>& scenarios, Files& files, const SimulateFlags& flags,
                                       const std::shared_ptr<const Facts>& fork = {}) {
  std::vector<SimulationInput> inputs;
  for (const Scenario& scenario : scenarios) {
    PENSTOCK_TRY(input, input_of(scenario, files));
    input.fork = fork;
    inputs.push_back(std::move(input));
  }
  ProgressLine line(scenarios.size(), !flags.quiet);
  std::vector<std::optional<Result<SimReport>>> reports(scenarios.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < scenarios.size(); i = next++) {
      std::string log = flags.log;
      if (!log.empty() && scenarios.size() > 1) log = fmt::format("{}.{}", flags.log, i + 1);
      reports[i] = run_one(scenarios[i], std::move(inputs[i]), line, log, flags.checkpoints);
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
    PENSTOCK_TRY(text, read_file(path, kMostFileBytes));
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

// Where the files lie that a scenario names.
fs::path folder_of(const SimulateFlags& flags, const std::string& scenario) {
  return flags.files.empty() ? fs::path(scenario).parent_path() : fs::path(flags.files);
}

Result<std::vector<SimReport>> run_scenario(const SimulateFlags& flags) {
  PENSTOCK_TRY(text, read_file(flags.scenario, std::size_t{8} << 20));
  PENSTOCK_TRY(scenarios, read_scenario({flags.scenario, text}));
  Files files(folder_of(flags, flags.scenario));
  return run_all(scenarios, files, flags);
}

Result<std::vector<SimReport>> run_fork(Cli& cli, const SimulateFlags& flags) {
  PENSTOCK_TRY(fork, fork_server(cli, flags));
  Files files(folder_of(flags, flags.events));
  return run_all(fork.scenarios, files, flags, fork.facts);
}

int simulate_verb(Cli& cli, const SimulateFlags& flags) {
  if (!flags.scenario.empty() + flags.fork + flags.replay + !flags.compare.empty() != 1) {
    return fail(make_error(Code::kInvalid, "name one of: a scenario, such as examples/scenarios/philly.yaml; --fork; --replay; --compare with reports"), kUsage);
  }
  if (flags.replay) return replay_verb(cli, flags);
  const auto reports = !flags.compare.empty() ? read_reports(flags.compare) : flags.fork ? run_fork(cli, flags) : run_scenario(flags);
  return reports.ok() ? show(*reports, flags, cli.output()) : fail(reports.error());
}

}  // namespace

void add_simulate_verb(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<SimulateFlags>();
  auto* verb = app.add_subcommand("simulate", "Run a scenario, or the state of the server, on the production engine in virtual time; or replay a log");
  verb->add_option("scenario", flags->scenario, "a Scenario document; needs no server");
  verb->add_option("--files", flags->files, "folder of the files that the scenario names; beside it if absent");
  verb->add_option("--page", flags->page, "write the report with plots there, as one HTML file");
  verb->add_option("--log", flags->log, "write the event log there, one JSON event a line, for `penstock verify --log`; of several runs FILE.1, FILE.2 …");
  verb->add_option("--checkpoints", flags->checkpoints, "in that log, the hash of the state after every so many events, for --replay; 0: none; about 10,000 if absent");
  verb->add_option("--compare", flags->compare, "instead of running: reports (-o json) to set side by side");
  verb->add_option("--jobs", flags->jobs, "runs at a time; as many as there are cores if absent");
  verb->add_flag("--quiet", flags->quiet, "no progress line");
  auto* fork = verb->add_flag("--fork", flags->fork, "instead of a scenario: go on from the state of the server, which is only read");
  verb->add_option("--at", flags->at, "fork there: a time, or the position of an event; now if absent")->needs(fork);
  verb->add_option("--events", flags->events, "what shall happen to it: a Scenario document without an estate; the run without it is set beside")->needs(fork);
  verb->add_option("--for", flags->length, "how long the fork runs, such as PT72H")->needs(fork);
  verb->add_option("--time-limit-used", flags->time_limit_used, "part of its time limit that a job without an estimate takes, such as 70%; 100% if absent")->needs(fork);
  verb->add_option("--assume", flags->assume, "how long a job takes with neither; P1D if absent")->needs(fork);
  auto* replay = verb->add_option("--replay", flags->replay_log, "instead of a scenario: fold a log anew and compare its checkpoints; - for standard input, the server's log if no file is named")->expected(0, 1);
  verb->add_option("--snapshot", flags->snapshots, "a state before the log, where it does not begin at 1; or within it, to be compared whole")->needs(replay);
  verb->callback([&cli, flags, replay] {
    flags->replay = replay->count() > 0;
    cli.exit_code = simulate_verb(cli, *flags);
  });
}

}  // namespace penstock
