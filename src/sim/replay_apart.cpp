// A replay in a child process, which may break; what it told last and where it was is what its parent reports.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/problem.h"
#include "sim/replay.h"

namespace penstock {
namespace {

// Where the child is; its parent reads it here after the child has broken.
struct Whereabouts {
  Position position;
  Position first;
  std::int64_t line;
  std::int64_t events;
  std::int64_t checkpoints;
  Position agreed;
  Time agreed_at;
};

class SharedPage {
 public:
  SharedPage() : at_(mmap(nullptr, sizeof(Whereabouts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~SharedPage() {
    if (at_ != MAP_FAILED) munmap(at_, sizeof(Whereabouts));
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;

  explicit operator bool() const { return at_ != MAP_FAILED; }
  Whereabouts& operator*() const { return *static_cast<Whereabouts*>(at_); }

 private:
  void* at_;
};

// One line of what the child tells; the last one counts.
struct Told {
  std::optional<ReplayReport> report;
  std::optional<Problem> problem;

  static constexpr auto schema() {
    return object("Told", "What a replay came to.", field("report", &Told::report, optional, ""), field("problem", &Told::problem, optional, ""));
  }
};

void tell(int to, const Told& told) {
  const std::string text = to_json(told) + "\n";
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t more = write(to, text.data() + sent, text.size() - sent);
    if (more < 0 && errno != EINTR) return;
    if (more > 0) sent += static_cast<std::size_t>(more);
  }
}

Status replay_here(const std::function<Result<ReplayInput>()>& open, int to, Whereabouts& where) {
  PENSTOCK_TRY(input, open());
  Replay replay(std::move(input.before));
  for (ReplayInput::Known& known : input.known) replay.expect(known.position, std::move(known.state_hash), std::move(known.text));
  const auto note = [&] {
    const ReplayReport& report = replay.report();
    where = {replay.state().facts().position + 1, report.first, replay.line() + 1, report.events, report.checkpoints, report.agreed, report.agreed_at.value_or(Time{})};
  };
  bool told = false;
  PENSTOCK_RETURN_IF_ERROR(input.lines([&](std::string_view line) {
    note();
    const bool more = replay.take(line);
    if (replay.report().fault && !std::exchange(told, true)) tell(to, {replay.report(), {}});
    return more;
  }));
  replay.finish();
  tell(to, {replay.report(), {}});
  return ok_status();
}

std::string read_all(int from) {
  std::string out;
  char chunk[4096];
  while (true) {
    const ssize_t more = read(from, chunk, sizeof chunk);
    if (more > 0) out.append(chunk, static_cast<std::size_t>(more));
    if (more == 0 || (more < 0 && errno != EINTR)) return out;
  }
}

// What there is to say of a child that broke before it had found anything.
ReplayReport broken(const Whereabouts& where, int status) {
  ReplayReport report;
  report.first = where.first;
  report.last = where.position == 0 ? 0 : where.position - 1;
  report.events = where.events;
  report.checkpoints = where.checkpoints;
  report.agreed = where.agreed;
  if (where.agreed > 0) report.agreed_at = where.agreed_at;
  ReplayFault fault;
  fault.position = where.position;
  fault.line = where.line;
  fault.message = fmt::format("this event breaks an invariant of the state{}",
                              WIFSIGNALED(status) ? fmt::format(" (signal {})", WTERMSIG(status)) : std::string());
  report.fault = std::move(fault);
  return report;
}

}  // namespace

Result<ReplayReport> replay_log(const std::function<Result<ReplayInput>()>& open) {
  const SharedPage page;
  int ends[2];
  if (!page || pipe(ends) != 0) return system_error("the replay's own process could not be prepared", errno);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t child = fork();
  if (child < 0) return system_error("the replay's own process could not be started", errno);
  if (child == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    try {
      if (Status done = replay_here(open, to.get(), *page); !done.ok()) tell(to.get(), {{}, to_problem(done.error())});
    } catch (...) {
      _exit(1);  // the fold looked for what is not there
    }
    _exit(0);
  }
  to.reset();
  std::string text = read_all(from.get());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  text.erase(text.find_last_of('\n') == std::string::npos ? 0 : text.find_last_of('\n'));
  const std::size_t before = text.find_last_of('\n');
  const std::string_view last = std::string_view(text).substr(before == std::string::npos ? 0 : before + 1);
  if (last.empty()) return broken(*page, status);
  PENSTOCK_TRY(told, from_json_text<Told>(last));
  if (told.problem) return to_error(*told.problem);
  return std::move(*told.report);
}

}  // namespace penstock
