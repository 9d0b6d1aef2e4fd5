// Processes as /proc shows them: who descends from whom, and who carries a mark.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = '?';
  std::int64_t start_ticks = 0;  ///< clock ticks from boot to its start; with the pid its identity for this boot
};

/// Nothing if there is no such process.
std::optional<ProcessInfo> read_process(pid_t pid);

/// The living processes below `root`, zombies left out. A child subreaper keeps all its descendants in this set.
std::vector<pid_t> descendants_of(pid_t root);

/// The living processes that were started with `entry` (NAME=value) in their environment, as far as we may look.
std::vector<pid_t> processes_with(const std::string& entry);

}  // namespace penstock
