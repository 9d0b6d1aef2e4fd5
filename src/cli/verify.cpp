// verify: proves or refutes the invariants from an event log.
#include "verify/residency.h"
#include "verify/verify.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "base/files.h"
#include "cli/cli.h"
#include "cli/server_log.h"
#include "sim/replay.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBytes = std::size_t{2} << 30;  // of a snapshot

struct VerifyFlags {
  std::string log;
  std::string snapshot;
  std::string residency;
  std::uint64_t every = 0;
};

// Calls `each` for every event of a log.
Status each_line(std::istream& in, const std::function<Status(std::string&)>& each) {
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && !is_checkpoint(line)) PENSTOCK_RETURN_IF_ERROR(each(line));
  }
  return ok_status();
}

// Line by line, for logs that are larger than memory; how many lines there are is counted before.
Result<VerifyReport> verify_file(const std::string& path, std::string_view snapshot, VerifyOptions options) {
  std::ifstream file(path);
  if (!file) return make_error(Code::kNotFound, fmt::format("cannot read {}", path));
  if (options.every == 0) {
    std::uint64_t events = 0;
    PENSTOCK_RETURN_IF_ERROR(each_line(file, [&](const std::string&) {
      ++events;
      return ok_status();
    }));
    options.every = instants_for(events);
    file.clear();
    file.seekg(0);
  }
  Verifier verifier(options);
  if (!snapshot.empty()) {
    PENSTOCK_TRY(facts, parse_json(snapshot));
    PENSTOCK_RETURN_IF_ERROR(verifier.take_snapshot(facts));
  }
  PENSTOCK_RETURN_IF_ERROR(each_line(file, [&](const std::string& line) { return verifier.take(line); }));
  return verifier.finish();
}

Result<std::vector<std::string>> read_input() {
  std::vector<std::string> lines;
  PENSTOCK_RETURN_IF_ERROR(each_line(std::cin, [&](std::string& line) {
    lines.push_back(std::move(line));
    return ok_status();
  }));
  return lines;
}

// All events that the server keeps after a position.
Result<std::vector<std::string>> fetch_events(ApiClient& client, Position after) {
  std::vector<std::string> lines;
  PENSTOCK_RETURN_IF_ERROR(each_event(client, after, [&](const json::value& event) -> Result<bool> {
    lines.push_back(json::serialize(event));
    return true;
  }));
  return lines;
}

void print_findings(const std::vector<VerifyFinding>& findings, std::uint64_t count, std::string_view what) {
  if (count == 0) return;
  fmt::print("\n{} {}\n", grouped(static_cast<std::int64_t>(count)), what);
  Table table({"INVARIANT", "POSITION", "AT", "WHAT"});
  for (const VerifyFinding& finding : findings) {
    std::string grants;
    for (const std::string& grant : finding.grants) grants += (grants.empty() ? "; granted to " : ", ") + grant;
    table.row({std::to_string(finding.invariant), std::to_string(finding.position), Text<Time>::format(finding.at),
               finding.message + grants});
  }
  fmt::print("{}", table.text());
}

void print_report(const VerifyReport& report) {
  const auto number = [](std::uint64_t value) { return grouped(static_cast<std::int64_t>(value)); };
  Table table({"CHECKED", "COUNT"});
  table.row({"events", number(report.events)});
  table.row({"gangs started", number(report.grants)});
  table.row({"instants compared", number(report.instants_checked)});
  table.row({"instants of change", number(report.instants)});
  table.row({"later dates", number(report.later_instants)});
  table.row({"load flows", number(report.contingencies)});
  table.row({"limits compared", number(report.rows)});
  fmt::print("{}", table.text());
  print_findings(report.announced, report.announced_count, "above their limits and announced");
  if (report.foreseen > 0)
    fmt::print("\n{} will be above their limits at a later date by a failure, a derating or an order\n",
               number(report.foreseen));
  if (report.undecided > 0)
    fmt::print("\n{} above their limits for less than two seconds when the log ends\n", number(report.undecided));
  print_findings(report.violations, report.violation_count, "wrong");
  fmt::print("\n{}: events {} to {}\n", report.proved ? "proved" : "REFUTED", report.first, report.last);
}

void print_residency(const ResidencyReport& report) {
  Table table({"COUNTRY", "PLACEMENTS", "RESTARTS", "PROMISES", "NODES"});
  const auto number = [](std::uint64_t value) { return grouped(static_cast<std::int64_t>(value)); };
  for (const ResidencyCount& row : report.countries) {
    table.row({row.country, number(row.placements), number(row.restarts), number(row.kept), number(row.nodes)});
  }
  if (!table.empty()) fmt::print("{}\n", table.text());
  if (report.violation_count > 1) fmt::print("{} things are wrong; the first:\n", number(report.violation_count));
  fmt::print("{}: {}; events {} to {}\n", report.proved ? "proved" : "REFUTED", report.message, report.first, report.last);
}

Result<ResidencyReport> prove_residency(Cli& cli, const VerifyFlags& flags, const std::string& snapshot, Position after) {
  ResidencyWatch watch(flags.residency);
  if (!snapshot.empty()) {
    PENSTOCK_TRY(facts, parse_json(snapshot));
    PENSTOCK_RETURN_IF_ERROR(watch.take_snapshot(facts));
  }
  const auto take = [&](const std::string& line) { return watch.take(line); };
  if (flags.log.empty()) {
    PENSTOCK_TRY(client, connect(cli.flags));
    PENSTOCK_TRY(lines, fetch_events(client, after));
    for (const std::string& line : lines) PENSTOCK_RETURN_IF_ERROR(take(line));
  } else if (flags.log == "-") {
    PENSTOCK_RETURN_IF_ERROR(each_line(std::cin, take));
  } else {
    std::ifstream file(flags.log);
    if (!file) return make_error(Code::kNotFound, fmt::format("cannot read {}", flags.log));
    PENSTOCK_RETURN_IF_ERROR(each_line(file, take));
  }
  PENSTOCK_TRY(report, watch.finish());
  if (report.events > 0 && report.first != after + 1) {
    return make_error(Code::kFailedPrecondition, fmt::format("the log begins at {}, and what is known ends at {}: a snapshot of position {} is needed",
                                                             report.first, after, report.first - 1));
  }
  return report;
}

int verify(Cli& cli, const VerifyFlags& flags) {
  std::string snapshot;
  Position after = 0;
  if (!flags.snapshot.empty()) {
    auto text = read_file(flags.snapshot, kMostBytes);
    if (!text.ok()) return fail(text.error());
    snapshot = std::move(*text);
    auto facts = parse_json(snapshot);
    if (!facts.ok()) return fail(facts.error());
    if (const json::value* position = facts->is_object() ? facts->get_object().if_contains("position") : nullptr) {
      if (position->is_int64()) after = static_cast<Position>(position->get_int64());
    }
  }
  if (!flags.residency.empty()) {
    auto report = prove_residency(cli, flags, snapshot, after);
    if (!report.ok()) return fail(report.error());
    if (cli.output() == Format::kTable) {
      print_residency(*report);
    } else {
      print_json(to_json(*report), cli.output());
    }
    return report->proved ? 0 : 1;
  }
  VerifyOptions options;
  options.every = flags.every;
  const auto prove = [&]() -> Result<VerifyReport> {
    if (!flags.log.empty() && flags.log != "-") return verify_file(flags.log, snapshot, options);
    std::vector<std::string> lines;
    if (flags.log.empty()) {
      PENSTOCK_TRY(client, connect(cli.flags));
      PENSTOCK_TRY(fetched, fetch_events(client, after));
      lines = std::move(fetched);
    } else {
      PENSTOCK_TRY(read, read_input());
      lines = std::move(read);
    }
    return verify_log(lines, snapshot, options);
  };
  auto report = prove();
  if (!report.ok()) return fail(report.error());
  if (cli.output() == Format::kTable) {
    print_report(*report);
  } else {
    print_json(to_json(*report), cli.output());
  }
  return report->proved ? 0 : 1;
}

}  // namespace

void add_verify_verb(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<VerifyFlags>();
  auto* verb = app.add_subcommand(
      "verify", "Prove from the event log that no limit was broken, no GPU given twice, no border crossed");
  verb->add_option("--log", flags->log,
                   "event log, one JSON event a line, - for standard input; the server's if absent");
  verb->add_option("--snapshot", flags->snapshot, "state before the first event, where the log no longer begins at 1");
  verb->add_option("--residency", flags->residency,
                   "only prove that all work of this tenant lay in the countries that bind it, and count it by country");
  verb->add_option("--every", flags->every,
                   "compare limits after every so many changes of grants; chosen by the log's length if absent")
      ->check(CLI::PositiveNumber);
  verb->callback([&cli, flags] { cli.exit_code = verify(cli, *flags); });
}

}  // namespace penstock
