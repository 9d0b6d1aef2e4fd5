// What the parts of `simulate` share: its flags, and where runs come from that a scenario alone does not describe.
#pragma once

#include "cli/cli.h"
#include "sim/scenario.h"
#include "engine/facts.h"

namespace penstock {

struct SimulateFlags {
  std::string scenario;
  std::string files;
  std::string page;
  std::string log;
  std::optional<std::uint64_t> checkpoints;
  std::vector<std::string> compare;
  unsigned jobs = 0;
  bool quiet = false;
  // A fork.
  bool fork = false;
  std::string at;
  std::string events;
  std::string length;
  std::string time_limit_used;
  std::string assume;
  // A replay.
  bool replay = false;
  std::string replay_log;
  std::vector<std::string> snapshots;
};

/// Runs that go on from the state of a server.
struct Fork {
  std::vector<Scenario> scenarios;
  std::shared_ptr<const Facts> facts;
};

/// Reads the server's state, and what shall happen to it, as the flags say.
Result<Fork> fork_server(Cli& cli, const SimulateFlags& flags);

/// Replays a log, or the server's, and tells whether it adds up. The exit code.
int replay_verb(Cli& cli, const SimulateFlags& flags);

/// Of what is read whole: a trace, a snapshot.
inline constexpr std::size_t kMostFileBytes = std::size_t{2} << 30;

}  // namespace penstock
