// simulate --fork: the state of a live server, taken without stopping it, and what shall happen to it.
#include <sys/resource.h>

#include "base/files.h"
#include "cli/server_log.h"
#include "cli/simulate.h"
#include "sim/fork.h"

namespace penstock {
namespace {

template <class T>
Status read_flag(const std::string& text, std::string_view flag, T& out) {
  if (text.empty()) return ok_status();
  auto value = Text<T>::parse(text);
  if (!value.ok()) return make_error(Code::kInvalid, fmt::format("expected {}, found '{}'", Text<T>::kExpected, text), std::string(flag));
  out = *value;
  return ok_status();
}

Result<ForkOptions> options_of(const SimulateFlags& flags) {
  ForkOptions options;
  PENSTOCK_RETURN_IF_ERROR(read_flag(flags.time_limit_used, "--time-limit-used", options.time_limit_used));
  PENSTOCK_RETURN_IF_ERROR(read_flag(flags.assume, "--assume", options.assume));
  if (options.time_limit_used <= Ppm(0) || options.time_limit_used > Ppm(1'000'000)) {
    return make_error(Code::kInvalid, "expected more than 0% and at most 100%", "--time-limit-used");
  }
  if (options.assume < seconds(1)) return make_error(Code::kInvalid, "expected at least a second", "--assume");
  return options;
}

Result<std::vector<Scenario>> scenarios_of(const SimulateFlags& flags, Time from) {
  ForkGround ground{from, {}};
  if (!flags.length.empty()) PENSTOCK_RETURN_IF_ERROR(read_flag(flags.length, "--for", ground.length.emplace()));
  if (!flags.events.empty()) {
    PENSTOCK_TRY(text, read_file(flags.events, std::size_t{8} << 20));
    return read_scenario({flags.events, text}, ground);
  }
  if (!ground.length) return make_error(Code::kInvalid, "say how long it runs, such as --for PT72H");
  Scenario plain;
  plain.name = "fork";
  plain.spec.from = ground.from;
  plain.spec.length = ground.length;
  return std::vector{plain};
}

// What the durations of the work are built on.
void tell_ground(const Facts& facts, const ServerState& state) {
  std::int64_t run = 0, wait = 0, stated = 0, limited = 0, unknown = 0;
  for (const auto& [uid, job] : facts.jobs) {
    if (is_final(job.phase)) continue;
    ++(job.holds() ? run : wait);
    ++(job.spec.estimate ? stated : job.spec.time_limit ? limited : unknown);
  }
  fmt::print(stderr, "forked at {} after event {}: {} jobs run and {} wait; how long they take is stated by {}, taken from the time limit of {} and assumed for {}\n",
             Text<Time>::format(state.now), facts.position, grouped(run), grouped(wait), grouped(stated), grouped(limited), grouped(unknown));
}

}  // namespace

Result<Fork> fork_server(Cli& cli, const SimulateFlags& flags) {
  // The server may be on this machine, and comes first.
  setpriority(PRIO_PROCESS, 0, 19);
  PENSTOCK_TRY(options, options_of(flags));
  PENSTOCK_TRY(client, connect(cli.flags));
  PENSTOCK_TRY(state, fetch_state(client, flags.at));
  Fork fork;
  PENSTOCK_TRY(scenarios, scenarios_of(flags, state.now));
  fork.scenarios = std::move(scenarios);
  if (!flags.quiet) tell_ground(state.facts, state);
  fork.facts = std::make_shared<const Facts>(forked(std::move(state.facts), options, state.now));
  // What `verify` and a replay need before the log of a run.
  if (!flags.log.empty()) PENSTOCK_RETURN_IF_ERROR(write_file(flags.log + ".snapshot", to_json(*fork.facts), Lasting::kProcess));
  return fork;
}

}  // namespace penstock
