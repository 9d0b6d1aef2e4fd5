// Control groups of tasks, version 2 or 1: limits, usage, and the certain end of everything in them.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"

namespace penstock {

enum class CgroupKind { kNone, kV1, kV2 };
constexpr auto enum_names(CgroupKind) {
  using K = CgroupKind;
  return std::array{EnumName<K>{K::kNone, "cgroup-none"}, EnumName<K>{K::kV1, "cgroup-v1"},
                    EnumName<K>{K::kV2, "cgroup-v2"}};
}

/// Where on this machine task cgroups can be made: below `penstock` in the hierarchy, or in one for each
/// controller. Without any, a task is only a tree of processes: it can be ended, but not limited.
struct CgroupPlace {
  CgroupKind kind = CgroupKind::kNone;
  std::map<std::string, std::string> directories;  ///< controller -> directory; all the same one in version 2
  std::string why_none;                            ///< a sentence, when there is none

  /// Finds it in /proc/self/mounts and makes `penstock` there. `only` restricts the choice to one kind.
  static CgroupPlace find(std::optional<CgroupKind> only = std::nullopt);
};

struct CgroupLimits {
  MilliCpu cpu;  ///< 0: no limit
  Bytes memory;  ///< 0: no limit
};

struct CgroupUsage {
  std::optional<Duration> cpu_time;
  std::optional<Bytes> peak_memory;
  std::int64_t out_of_memory = 0;  ///< processes killed because the memory limit was reached
};

/// The cgroup of one task. With a place of kind kNone every call does nothing and succeeds.
class Cgroup {
 public:
  Cgroup(const CgroupPlace& place, const std::string& name);

  /// Makes it with these limits; one left over of that name is taken over.
  Status create(const CgroupLimits& limits);
  Status add(pid_t pid);
  /// Everything in it and below it.
  std::vector<pid_t> members() const;
  /// Kills everything in it, once; empty soon after unless a process cannot die yet. Nothing can fork away.
  void kill();
  CgroupUsage usage() const;
  /// Removes it; nothing may be in it any more. Not being there is fine.
  Status remove();

 private:
  std::string directory_of(const std::string& controller) const;

  CgroupKind kind_;
  std::map<std::string, std::string> directories_;
};

}  // namespace penstock
