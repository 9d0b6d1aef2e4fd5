// Reads /proc; a process may vanish at any moment and is then left out.
#include "agent/processes.h"

#include <dirent.h>

#include <charconv>
#include <map>

#include "base/files.h"

namespace penstock {
namespace {

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return pids;
  while (const dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failed == std::errc() && end == name.data() + name.size()) pids.push_back(pid);
  }
  closedir(directory);
  return pids;
}

}  // namespace

std::optional<ProcessInfo> read_process(pid_t pid) {
  auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat.ok()) return std::nullopt;
  // The name in parentheses may hold blanks and parentheses itself.
  const std::size_t close = stat->rfind(')');
  if (close == std::string::npos || close + 2 >= stat->size()) return std::nullopt;
  std::vector<std::string_view> fields;
  std::string_view rest = std::string_view(*stat).substr(close + 2);
  while (!rest.empty()) {
    const std::size_t blank = rest.find(' ');
    fields.push_back(rest.substr(0, blank));
    rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
  }
  // fields[0] is field 3 of proc(5).
  if (fields.size() < 20 || fields[0].empty()) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.state = fields[0].front();
  std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), info.parent);
  std::from_chars(fields[19].data(), fields[19].data() + fields[19].size(), info.start_ticks);
  return info;
}

std::vector<pid_t> descendants_of(pid_t root) {
  std::multimap<pid_t, ProcessInfo> children;
  for (const pid_t pid : all_pids()) {
    if (const auto info = read_process(pid)) children.emplace(info->parent, *info);
  }
  std::vector<pid_t> out;
  std::vector<pid_t> parents{root};
  while (!parents.empty()) {
    const auto [first, last] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto child = first; child != last; ++child) {
      parents.push_back(child->second.pid);
      if (child->second.state != 'Z' && child->second.state != 'X') out.push_back(child->second.pid);
    }
    children.erase(first, last);
  }
  return out;
}

std::vector<pid_t> processes_with(const std::string& entry) {
  std::vector<pid_t> out;
  const std::string wanted = '\0' + entry + '\0';
  for (const pid_t pid : all_pids()) {
    auto environ = read_file(fmt::format("/proc/{}/environ", pid));
    if (!environ.ok() || ('\0' + *environ).find(wanted) == std::string::npos) continue;
    const auto info = read_process(pid);
    if (info && info->state != 'Z' && info->state != 'X') out.push_back(pid);
  }
  return out;
}

}  // namespace penstock
