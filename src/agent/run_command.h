// Runs a command of the operator's, for a limited time, and keeps the end of what it says.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace penstock {

struct CommandResult {
  bool ended = false;  ///< false: it was still running when the time was over (then it is killed) or when we had to stop (then it runs on)
  bool timed_out = false;
  int status = 0;  ///< exit status; 128 + the signal that ended it
  std::string output;  ///< the last 64 KiB of what it wrote, to standard output and error
};

/// What a command sees of our environment.
enum class Surroundings { kPathOnly, kOurs };

/// Runs `command` by /bin/sh in a session of its own. An error if it cannot be started.
Result<CommandResult> run_command(const std::string& command, Duration limit, Surroundings surroundings, const std::atomic<bool>* stop = nullptr);

/// The last line with anything in it, without control characters and of 300 bytes at most.
std::string last_line(const std::string& output);

}  // namespace penstock
