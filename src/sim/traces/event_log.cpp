// Our own event log as a trace. Only what is used of an event is read, so that events may grow.
#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"
#include "base/name.h"
#include "sim/replay.h"
#include "sim/traces/readers.h"

namespace penstock::traces {
namespace {

// The members of an object, each read as what it should be. What is not goes to the problems.
class Members {
 public:
  Members(const json::value* from, Problems& problems)
      : from_(from == nullptr ? nullptr : from->if_object()), problems_(problems) {}

  template <class T>
  std::optional<T> find(std::string_view key) {
    const json::value* found = member(key);
    if (found == nullptr || found->is_null()) return std::nullopt;
    Problems::Step at(problems_, key);
    T value{};
    read_json(*found, value, problems_);
    return value;
  }
  template <class T>
  T get(std::string_view key) {
    std::optional<T> value = find<T>(key);
    if (!value) problems_.add("is missing", key);
    return std::move(value).value_or(T{});
  }
  Members inside(std::string_view key) {
    const json::value* found = member(key);
    if (found == nullptr || !found->is_object()) problems_.add("is no mapping", key);
    return {found, problems_};
  }
  const json::array& list(std::string_view key) {
    static const json::array none;
    const json::value* found = member(key);
    if (found != nullptr && found->is_array()) return found->get_array();
    problems_.add("is no list", key);
    return none;
  }

 private:
  const json::value* member(std::string_view key) const { return from_ == nullptr ? nullptr : from_->if_contains(key); }

  const json::object* from_;
  Problems& problems_;
};

// Amounts of the tasks of one group.
struct Group {
  std::int64_t replicas = 1;
  MilliGpu gpus;
  MilliCpu cpu;
  Bytes memory;
};

Group read_group(const json::value& from, Problems& problems) {
  Members members(&from, problems);
  Group group;
  group.replicas = members.get<std::int64_t>("replicas");
  group.gpus = members.get<MilliGpu>("gpus");
  group.cpu = members.find<MilliCpu>("cpu").value_or(MilliCpu());
  group.memory = members.find<Bytes>("memory").value_or(Bytes());
  if (group.replicas < 1 || group.replicas > kMostCount) problems.add("is not from 1 to 1000000", "replicas");
  if (group.gpus.count() > kMostMilli) problems.add("is over a million", "gpus");
  if (group.cpu.count() > kMostMilli) problems.add("is over a million", "cpu");
  if (group.memory.count() > kMostBytes) problems.add("is over 1EiB", "memory");
  return group;
}

struct Submission {
  std::size_t line = 0;
  Time at;
  TraceJob job;
  std::string_view no_work;  // why it cannot be replayed
  std::optional<Time> started;
  std::optional<Time> ended;
};

// Groups become one kind of task. Where they ask for different GPUs only the sum is kept.
void take_groups(const std::vector<Group>& groups, Submission& submission, Problems& problems) {
  std::int64_t tasks = 0;
  __int128 gpus = 0;
  __int128 cpu = 0;
  __int128 memory = 0;
  bool alike = true;
  for (const Group& group : groups) {
    tasks += group.replicas;
    gpus += static_cast<__int128>(group.gpus.count()) * group.replicas;
    cpu += static_cast<__int128>(group.cpu.count()) * group.replicas;
    memory += static_cast<__int128>(group.memory.count()) * group.replicas;
    alike = alike && group.gpus == groups.front().gpus;
  }
  if (tasks < 1 || tasks > kMostCount || gpus > kMostMilli || cpu > kMostMilli || memory > kMostBytes) {
    return problems.add("has no tasks, or more than a million tasks, GPUs or cores, or more than 1EiB", "groups");
  }
  TraceJob& job = submission.job;
  job.divisible = !alike;
  if (job.divisible) tasks = 1;
  // Groups that differ in cores or memory only share them out; a task has at least the mean.
  const auto mean = [&](__int128 total) { return static_cast<std::int64_t>((total + tasks - 1) / tasks); };
  job.tasks = static_cast<std::int32_t>(tasks);
  job.gpus = MilliGpu(mean(gpus));
  job.cpu = MilliCpu(mean(cpu));
  job.memory = Bytes(mean(memory));
  if (job.divisible && job.gpus.count() % 1000 != 0) submission.no_work = "of groups with different shares of a GPU";
}

class EventLog {
 public:
  void take(std::size_t line, std::string_view text) {
    const Result<json::value> parsed = parse_json(text);
    if (!parsed.ok())
      return out_.bad(line, fmt::format("{} at column {}", parsed.error().message, parsed.error().column));
    Problems problems;
    take_record(line, Members(&*parsed, problems), problems);
    if (problems.empty()) return;
    const Error first = problems.take();
    out_.bad(line, fmt::format("{}: {}", first.path.empty() ? "event" : first.path, first.message));
  }

  Result<Trace> finish() && {
    for (const std::string& uid : order_) {
      Submission& job = jobs_.at(uid);
      if (!job.started) {
        out_.skip("never started");
      } else if (!job.ended) {
        out_.skip("had not ended");
      } else if (!job.no_work.empty()) {
        out_.skip(job.no_work);
      } else if (job.job.runs = *job.ended - *job.started; job.job.runs < Duration() || job.job.runs > kLongest) {
        out_.bad(job.line, "the job ends before it starts, or over 100 years later");
      } else {
        out_.job(job.at, std::move(job.job));
      }
    }
    for (std::size_t i = 0; i < earlier_.size(); ++i) out_.skip("whose submission is not in the log");
    return std::move(out_).finish();
  }

 private:
  void take_record(std::size_t line, Members record, Problems& problems) {
    const Time at = record.get<Time>("at");
    if (!is_in_range(at)) problems.add("is not from 1970 to 2099", "at");
    Members event = record.inside("event");
    Problems::Step in_event(problems, "event");
    const std::string type = event.get<std::string>("type");
    if (!problems.empty()) return;
    if (type == "object.applied") return applied(event);
    if (type == "job.submitted") return submitted(line, at, event, problems);
    if (type == "job.started") {
      Members allocation = event.inside("allocation");
      Problems::Step in_allocation(problems, "allocation");
      if (Submission* job = find(allocation.get<std::string>("job"), problems); job != nullptr && !job->started)
        job->started = at;
    }
    if (type == "job.finished") {
      const std::string phase = event.get<std::string>("phase");
      Submission* job = find(event.get<std::string>("job"), problems);
      if (job == nullptr) return;
      job->ended = at;
      job->job.outcome = phase;
    }
  }

  // What runs under spot contracts gives way to everyone else.
  void applied(Members& event) {
    if (event.get<std::string>("kind") != "Contract") return;
    const std::string name = event.get<std::string>("name");
    if (event.inside("spec").get<std::string>("class") == "spot") {
      spot_.insert(name);
    } else {
      spot_.erase(name);
    }
  }

  void submitted(std::size_t line, Time at, Members& event, Problems& problems) {
    Submission submission{.line = line, .at = at};
    TraceJob& job = submission.job;
    const std::string uid = event.get<std::string>("uid");
    if (jobs_.contains(uid)) return problems.add(fmt::format("{} was submitted before", uid), "uid");
    job.name = event.get<std::string>("name");
    job.owner = parent_of(job.name);
    job.preemptible = spot_.contains(event.find<std::string>("contract").value_or(""));
    Members spec = event.inside("spec");
    Problems::Step in_spec(problems, "spec");
    job.time_limit = spec.find<Duration>("timeLimit");
    if (job.time_limit && *job.time_limit > kLongest) problems.add("is over 100 years", "timeLimit");
    job.gpu_models = spec.find<std::vector<std::string>>("gpuModels").value_or(std::vector<std::string>());
    std::vector<Group> groups;
    const json::array& list = spec.list("groups");
    for (std::size_t i = 0; i < list.size(); ++i) {
      Problems::Step in_groups(problems, "groups");
      Problems::Step in_group(problems, i);
      groups.push_back(read_group(list[i], problems));
    }
    if (problems.empty()) take_groups(groups, submission, problems);
    if (!problems.empty()) return;
    jobs_.emplace(uid, std::move(submission));
    order_.push_back(uid);
  }

  // Jobs that a snapshot before the log knows have no submission in it.
  Submission* find(const std::string& uid, Problems& problems) {
    if (!problems.empty()) return nullptr;
    const auto found = jobs_.find(uid);
    if (found != jobs_.end()) return &found->second;
    earlier_.insert(uid);
    return nullptr;
  }

  Collector out_{TraceFormat::kPenstock};
  std::map<std::string, Submission> jobs_;  // by uid
  std::vector<std::string> order_;          // of their submission
  std::set<std::string> spot_;              // contracts
  std::set<std::string> earlier_;
};

}  // namespace

Result<Trace> read_event_log(std::string_view text) {
  EventLog log;
  for (Lines lines(text); lines.next();) {
    if (!is_checkpoint(lines.line())) log.take(lines.number(), lines.line());
  }
  return std::move(log).finish();
}

}  // namespace penstock::traces
