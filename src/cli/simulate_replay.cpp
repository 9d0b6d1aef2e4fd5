// simulate --replay: a log folded anew and held against the hashes that were taken of its states.
#include <chrono>
#include <fstream>
#include <iostream>

#include "base/files.h"
#include "cli/server_log.h"
#include "cli/simulate.h"
#include "sim/replay.h"

namespace penstock {
namespace {

Status each_line(std::istream& in, const std::function<bool(std::string_view)>& take) {
  for (std::string line; std::getline(in, line);) {
    if (!take(line)) break;
  }
  return ok_status();
}

// Where the log begins; 1 if that cannot be said, and then the replay says why.
Position first_event(const std::string& line) {
  const auto record = from_json_text<EventRecord>(line);
  return record.ok() ? record->position : 1;
}

Result<ReplayInput> open_file(const SimulateFlags& flags) {
  auto file = std::make_shared<std::ifstream>();
  const bool standard = flags.replay_log == "-";
  if (!standard) {
    file->open(flags.replay_log, std::ios::binary);
    if (!*file) return make_error(Code::kNotFound, fmt::format("cannot read {}", flags.replay_log));
  }
  std::istream& in = standard ? std::cin : *file;
  std::string head;
  std::getline(in, head);
  const Position first = first_event(head);
  ReplayInput input;
  for (const std::string& path : flags.snapshots) {
    PENSTOCK_TRY(text, read_file(path, kMostFileBytes));
    auto facts = from_json_text<Facts>(text);
    if (!facts.ok()) {
      Error error = std::move(facts).error();
      error.file = path;
      return error;
    }
    if (facts->position + 1 == first) {
      input.before = std::move(*facts);
    } else {
      const Position position = facts->position;
      input.known.push_back({position, hash_text(state_hash(text)), std::move(text)});
    }
  }
  input.lines = [file, &in, head = std::move(head)](const std::function<bool(std::string_view)>& take) {
    return take(head) ? each_line(in, take) : ok_status();
  };
  return input;
}

// From nothing if the log goes back that far, else from the oldest snapshot; all later ones are compared.
Result<ReplayInput> open_server(Cli& cli) {
  PENSTOCK_TRY(connected, connect(cli.flags));
  auto client = std::make_shared<ApiClient>(std::move(connected));
  PENSTOCK_TRY(list, list_snapshots(*client));
  ReplayInput input;
  for (const SnapshotView& snapshot : list.items) {
    PENSTOCK_TRY(text, fetch_snapshot(*client, snapshot));
    if (list.first_event > 1 && &snapshot == &list.items.front()) {
      PENSTOCK_TRY(facts, from_json_text<Facts>(text));
      input.before = std::move(facts);
    } else {
      input.known.push_back({snapshot.position, snapshot.state_hash, std::move(text)});
    }
  }
  if (input.known.empty()) {
    return make_error(Code::kFailedPrecondition, "the server keeps no snapshot yet that its events could be held against; it writes one every 50,000 events");
  }
  input.lines = [client, after = input.before.position, last = list.position](const std::function<bool(std::string_view)>& take) {
    return each_event(*client, after, [&](const json::value& event) -> Result<bool> {
      return take(json::serialize(event)) && event.at("position").to_number<Position>() < last;
    });
  };
  return input;
}

std::string event_at(Position position, const std::optional<Time>& at) {
  return fmt::format("event {}{}", position, at ? ", " + Text<Time>::format(*at) : "");
}

void print_fault(const ReplayReport& report, const ReplayFault& fault) {
  fmt::print("{}{}: {}\n", event_at(fault.position, fault.at), fault.line > 0 ? fmt::format(", line {}", fault.line) : "", fault.message);
  Table table({"", ""});
  if (!fault.stated.empty()) table.row({"stated", fault.stated});
  if (!fault.found.empty()) table.row({"found", fault.found});
  table.row({"last agreed", report.agreed == 0 ? "none" : event_at(report.agreed, report.agreed_at)});
  if (fault.events_agree == true) {
    table.row({"but", "the events are as they were written: the hash was changed, or another version folded them otherwise"});
  } else if (fault.later_agrees && !fault.events_agree) {
    table.row({"but", "the checkpoint after it agrees: the hash was written down wrong, or what an event did has passed"});
  }
  if (fault.suspect > 0 && fault.events_agree != true) {
    table.row({"first suspect", fmt::format("event {}, {}", fault.suspect, fault.suspect_type)});
  }
  if (!fault.path.empty()) {
    table.row({"differs", fault.path});
    table.row({"  stated", fault.path_stated});
    table.row({"  found", fault.path_found});
    table.row({"  named first by", fault.concerns ? fmt::format("event {}", *fault.concerns) : "no event"});
  }
  const std::string text = table.text();
  fmt::print("{}", text.substr(text.find('\n') + 1));  // it needs no heads
}

void print_report(const ReplayReport& report) {
  const double seconds = std::max(0.001, static_cast<double>(report.wall_ms) / 1e3);
  if (report.fault) print_fault(report, *report.fault);
  fmt::print("{}: {} events from {} to {}, {} checkpoints agree; {} events a second\n", report.fault ? "REFUTED" : "agreed",
             grouped(report.events), report.first, report.last, grouped(report.checkpoints),
             grouped(static_cast<std::int64_t>(static_cast<double>(report.events) / seconds)));
}

}  // namespace

int replay_verb(Cli& cli, const SimulateFlags& flags) {
  const auto began = std::chrono::steady_clock::now();
  auto report = replay_log([&] { return flags.replay_log.empty() ? open_server(cli) : open_file(flags); });
  if (!report.ok()) return fail(report.error());
  report->wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
  if (cli.output() == Format::kTable) {
    print_report(*report);
  } else {
    print_json(to_json(*report), cli.output());
  }
  return report->fault ? 1 : 0;
}

}  // namespace penstock
