// Both versions of cgroups through their files.
#include "agent/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/files.h"

namespace penstock {
namespace {

constexpr std::string_view kParent = "/penstock";
// Without the freezer a fork bomb outruns its killer; cpuacct and memory tell what was used.
constexpr std::array kControllersV1{"freezer", "memory", "cpu", "cpuacct"};
constexpr std::array kControllersV2{"cpu", "memory"};
// Freezing ends within milliseconds unless a process is stuck in the kernel.
constexpr int kFreezeTries = 50;

Status put(const std::string& path, std::string_view text) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot open " + path, errno);
  if (write(fd.get(), text.data(), text.size()) < 0) {
    return system_error(fmt::format("cannot write '{}' to {}", text, path), errno);
  }
  return ok_status();
}

Status make_group(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return ok_status();
  return system_error("cannot make the cgroup " + path, errno);
}

std::optional<std::int64_t> number_in(const std::string& path) {
  auto text = read_file(path);
  std::int64_t number = 0;
  if (!text.ok() || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

// The number behind `key` in a file of "key number" lines.
std::optional<std::int64_t> keyed_number_in(const std::string& path, std::string_view key) {
  auto text = read_file(path);
  if (!text.ok()) return std::nullopt;
  std::istringstream lines(*text);
  std::string name;
  std::int64_t number = 0;
  while (lines >> name >> number) {
    if (name == key) return number;
  }
  return std::nullopt;
}

// Children before their parents.
std::vector<std::string> groups_below(const std::string& top) {
  std::vector<std::string> groups;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator at(top, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_directory(failed)) groups.insert(groups.begin(), at->path());
  }
  groups.push_back(top);
  return groups;
}

struct Mount {
  std::string directory;
  std::string type;
  std::set<std::string> options;
};

std::vector<Mount> cgroup_mounts() {
  std::vector<Mount> mounts;
  auto text = read_file("/proc/self/mounts");
  if (!text.ok()) return mounts;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string source;
    std::string options;
    Mount mount;
    words >> source >> mount.directory >> mount.type >> options;
    if (mount.type != "cgroup" && mount.type != "cgroup2") continue;
    std::istringstream list(options);
    for (std::string option; std::getline(list, option, ',');) mount.options.insert(option);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// Makes `penstock` and gives its children the controllers they need.
Status prepare_v2(const std::string& top) {
  PENSTOCK_TRY(text, read_file(top + "/cgroup.controllers"));
  std::istringstream words(text);
  const std::set<std::string> offered{std::istream_iterator<std::string>(words), {}};
  const std::string parent = top + std::string(kParent);
  for (const char* controller : kControllersV2) {
    if (!offered.contains(controller)) {
      return make_error(Code::kUnsupported, fmt::format("the cgroup2 at {} has no controller '{}'", top, controller));
    }
  }
  PENSTOCK_RETURN_IF_ERROR(make_group(parent));
  for (const char* controller : kControllersV2) {
    for (const std::string& group : {top, parent}) {
      PENSTOCK_RETURN_IF_ERROR(put(group + "/cgroup.subtree_control", fmt::format("+{}", controller)));
    }
  }
  return ok_status();
}

}  // namespace

CgroupPlace CgroupPlace::find(std::optional<CgroupKind> only) {
  CgroupPlace none;
  if (only == CgroupKind::kNone) {
    none.why_none = "cgroups are switched off";
    return none;
  }
  none.why_none = "no cgroup file system is mounted";
  const std::vector<Mount> mounts = cgroup_mounts();
  for (const Mount& mount : mounts) {
    if (mount.type != "cgroup2" || only == CgroupKind::kV1) continue;
    auto prepared = prepare_v2(mount.directory);
    if (!prepared.ok()) {
      none.why_none = prepared.error().message;
      continue;
    }
    CgroupPlace place;
    place.kind = CgroupKind::kV2;
    for (const char* controller : kControllersV2) {
      place.directories[controller] = mount.directory + std::string(kParent);
    }
    return place;
  }
  CgroupPlace place;
  place.kind = CgroupKind::kV1;
  for (const char* controller : kControllersV1) {
    for (const Mount& mount : mounts) {
      if (only == CgroupKind::kV2 || mount.type != "cgroup" || !mount.options.contains(controller)) continue;
      const std::string parent = mount.directory + std::string(kParent);
      auto made = make_group(parent);
      if (made.ok() && access(parent.c_str(), W_OK) != 0) made = system_error("cannot write to " + parent, errno);
      if (made.ok()) {
        place.directories[controller] = parent;
      } else {
        none.why_none = made.error().message;
      }
    }
  }
  return place.directories.size() == kControllersV1.size() ? place : none;
}

Cgroup::Cgroup(const CgroupPlace& place, const std::string& name) : kind_(place.kind) {
  for (const auto& [controller, directory] : place.directories) directories_[controller] = directory + "/" + name;
}

std::string Cgroup::directory_of(const std::string& controller) const {
  const auto found = directories_.find(controller);
  return found == directories_.end() ? std::string() : found->second;
}

Status Cgroup::create(const CgroupLimits& limits) {
  for (const auto& [controller, directory] : directories_) PENSTOCK_RETURN_IF_ERROR(make_group(directory));
  if (kind_ == CgroupKind::kNone) return ok_status();
  const bool v2 = kind_ == CgroupKind::kV2;
  if (limits.memory.count() > 0) {
    PENSTOCK_RETURN_IF_ERROR(put(directory_of("memory") + (v2 ? "/memory.max" : "/memory.limit_in_bytes"),
                                 fmt::format("{}", limits.memory.count())));
  }
  if (limits.cpu.count() > 0) {
    // A period of 100 ms; the kernel takes no quota below 1 ms.
    const std::int64_t quota = std::max<std::int64_t>(limits.cpu.count() * 100, 1000);
    PENSTOCK_RETURN_IF_ERROR(v2 ? put(directory_of("cpu") + "/cpu.max", fmt::format("{} 100000", quota))
                                : put(directory_of("cpu") + "/cpu.cfs_quota_us", fmt::format("{}", quota)));
  }
  return ok_status();
}

Status Cgroup::add(pid_t pid) {
  std::set<std::string> done;
  for (const auto& [controller, directory] : directories_) {
    if (done.insert(directory).second)
      PENSTOCK_RETURN_IF_ERROR(put(directory + "/cgroup.procs", fmt::format("{}", pid)));
  }
  return ok_status();
}

std::vector<pid_t> Cgroup::members() const {
  std::vector<pid_t> pids;
  if (kind_ == CgroupKind::kNone) return pids;
  for (const std::string& group : groups_below(directory_of(kind_ == CgroupKind::kV2 ? "memory" : "freezer"))) {
    auto text = read_file(group + "/cgroup.procs");
    if (!text.ok()) continue;
    std::istringstream lines(*text);
    for (pid_t pid = 0; lines >> pid;) pids.push_back(pid);
  }
  return pids;
}

void Cgroup::kill() {
  if (kind_ == CgroupKind::kNone) return;
  if (kind_ == CgroupKind::kV2 && put(directory_of("memory") + "/cgroup.kill", "1").ok()) return;
  const bool v2 = kind_ == CgroupKind::kV2;
  const std::string switch_file =
      v2 ? directory_of("memory") + "/cgroup.freeze" : directory_of("freezer") + "/freezer.state";
  // What is frozen cannot fork, so the list that is killed is complete.
  if (put(switch_file, v2 ? "1" : "FROZEN").ok()) {
    for (int i = 0; i < kFreezeTries; ++i) {
      const bool frozen = v2 ? keyed_number_in(directory_of("memory") + "/cgroup.events", "frozen") == 1
                             : read_file(switch_file).ok() && *read_file(switch_file) == "FROZEN\n";
      if (frozen) break;
      usleep(1000);
    }
  }
  for (const pid_t pid : members()) ::kill(pid, SIGKILL);
  static_cast<void>(put(switch_file, v2 ? "0" : "THAWED"));
}

CgroupUsage Cgroup::usage() const {
  CgroupUsage usage;
  std::optional<std::int64_t> peak;
  if (kind_ == CgroupKind::kV2) {
    if (const auto micros = keyed_number_in(directory_of("cpu") + "/cpu.stat", "usage_usec")) {
      usage.cpu_time = Duration(*micros * 1000);
    }
    peak = number_in(directory_of("memory") + "/memory.peak");
    usage.out_of_memory = keyed_number_in(directory_of("memory") + "/memory.events", "oom_kill").value_or(0);
  } else if (kind_ == CgroupKind::kV1) {
    if (const auto nanos = number_in(directory_of("cpuacct") + "/cpuacct.usage")) usage.cpu_time = Duration(*nanos);
    peak = number_in(directory_of("memory") + "/memory.max_usage_in_bytes");
    usage.out_of_memory = keyed_number_in(directory_of("memory") + "/memory.oom_control", "oom_kill").value_or(0);
  }
  if (peak) usage.peak_memory = Bytes(*peak);
  return usage;
}

Status Cgroup::remove() {
  std::set<std::string> done;
  for (const auto& [controller, directory] : directories_) {
    if (!done.insert(directory).second) continue;
    for (const std::string& group : groups_below(directory)) {
      // The kernel may still be letting go of the last process.
      int tries = 0;
      while (rmdir(group.c_str()) != 0 && errno != ENOENT) {
        if (errno != EBUSY || ++tries > 50) return system_error("cannot remove the cgroup " + group, errno);
        usleep(2000);
      }
    }
  }
  return ok_status();
}

}  // namespace penstock
