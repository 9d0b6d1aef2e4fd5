// One child, one pipe, one deadline.
#include "agent/run_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/files.h"

namespace penstock {
namespace {

constexpr std::size_t kMostOutput = 64 << 10;
constexpr std::size_t kMostLine = 300;
constexpr int kLookMs = 50;

// True once the writers have closed it.
bool take_output(const Fd& pipe, std::string& output) {
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(pipe.get(), buffer, sizeof buffer)) > 0) {
    output.append(buffer, static_cast<std::size_t>(size));
    if (output.size() > kMostOutput) output.erase(0, output.size() - kMostOutput);
  }
  return size == 0;
}

}  // namespace

Result<CommandResult> run_command(const std::string& command, Duration limit, Surroundings surroundings, const std::atomic<bool>* stop) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_error("cannot make a pipe", errno);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);

  std::string shell = "/bin/sh", option = "-c", text = command, path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* argv[] = {shell.data(), option.data(), text.data(), nullptr};
  char* bare[] = {path.data(), nullptr};
  char** const env = surroundings == Surroundings::kOurs ? environ : bare;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, writing.get(), 1);
  posix_spawn_file_actions_adddup2(&files, writing.get(), 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGPIPE);  // a command that outlives us may go on talking
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed = posix_spawn(&child, shell.c_str(), &files, &attributes, argv, env);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return system_error("cannot start /bin/sh", failed);
  writing.reset();

  CommandResult result;
  const Duration end = since_boot() + limit;
  while (true) {
    int status = 0;
    const bool gone = waitpid(child, &status, WNOHANG) == child;
    take_output(reading, result.output);
    if (gone) {
      result.ended = true;
      result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      return result;
    }
    if (stop != nullptr && *stop) return result;
    if (since_boot() >= end) {
      kill(-child, SIGKILL);
      waitpid(child, nullptr, 0);
      result.timed_out = true;
      return result;
    }
    usleep(kLookMs * 1000);
  }
}

std::string last_line(const std::string& output) {
  std::string line;
  std::size_t end = output.size();
  while (line.empty() && end > 0) {
    const std::size_t begin = output.rfind('\n', end - 1);
    const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
    line = output.substr(from, end - from);
    std::erase_if(line, [](unsigned char c) { return c < ' ' || c >= 127; });
    if (line.find_first_not_of(' ') == std::string::npos) line.clear();
    end = begin == std::string::npos ? 0 : begin;
  }
  line.resize(std::min(line.size(), kMostLine));
  return line;
}

}  // namespace penstock
