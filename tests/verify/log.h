// Event logs written by hand, a line an event.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "spec/document.h"
#include "verify/verify.h"

namespace penstock {

/// One task of a start: where, which devices, and what it may draw and keeps.
struct HandTask {
  std::string node;
  std::vector<int> devices = {0, 1, 2, 3};
  std::int64_t demand = 5000;
  std::int64_t firm = 5000;
  int group = 0;
  std::int64_t milli = -1;  ///< GPUs in thousandths; those of its devices if below 0
};

class Log {
 public:
  /// Begins on 2026-06-01 with a leader of epoch 1, and the tenant `acme` with the contract `acme/main`.
  Log();

  /// Appends an event at the present time: `{"type":…}`.
  void add(const std::string& event);
  void wait(Duration time) { now = now + time; }
  /// Applies YAML documents, all at once.
  void apply(const std::string& yaml);
  void remove(Kind kind, const std::string& name);

  /// Submits a gang of so many tasks of 4 GPUs and starts it with these.
  void run(const std::string& job, std::vector<HandTask> tasks, const std::string& until = {});
  void submit(const std::string& job, int replicas, std::int64_t milli = 4000, const std::string& more = {});
  void start(const std::string& job, const std::vector<HandTask>& tasks, const std::string& until = {});
  void finish(const std::string& job);
  void shed(const std::string& job);
  void restore(const std::string& job);
  /// Tells these rows, each "row" or "row|contingency".
  void broken(const std::string& site, const std::vector<std::string>& rows);
  void restored(const std::string& site);

  VerifyReport verify(std::uint64_t every = 1) const;

  std::vector<std::string> events;
  Time now;
  Epoch epoch = 1;
  Position position = 0;

 private:
  struct Held {
    Time from;
    std::int64_t milli = 0;
  };
  std::string uid_of(const std::string& job);
  std::map<std::string, std::string> uids_;
  std::map<std::string, Held> held_;  // by job, since its last start
};

/// A log a minute old with node type `t` of 4 devices, and the sites `north` in NO and `south` in GB with two nodes each; `more`: further
/// documents.
Log two_sites(const std::string& more = {});

/// The first violation; an empty one, and a failure of the test, if there is none.
VerifyFinding first(const VerifyReport& report);

/// The only violation: "invariant row|contingency", or all of them if there are several, or "proved".
std::string verdict(const VerifyReport& report);

}  // namespace penstock
