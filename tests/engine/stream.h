// Streams of random commands, sensible and senseless ones, for the tests of determinism and recovery.
#pragma once

#include <random>

#include "engine/engine.h"

namespace penstock {

/// Everything that a stream says follows from its seed and from the states it was shown.
class Stream {
 public:
  struct Step {
    Command command;
    std::string key;  ///< idempotency key; empty for most
    std::uint64_t fingerprint = 0;
    Duration pause;  ///< before the command
  };

  explicit Stream(std::uint64_t seed) : random_(seed) {}
  Step next(const State& state);
  /// When every stream begins: an hour before the end of a month.
  static Time begin();
  /// True once in `n` times.
  bool one_in(std::uint64_t n) { return pick(n) == 0; }

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  template <class T>
  const T& any(const std::vector<T>& list) {
    return list[pick(list.size())];
  }

  std::string held_or_any(const State& state);
  Command command(const State& state);
  Duration pause();
  Command account();
  void add_terms(ContractSpec& spec, Time now);
  Document estate_document();
  void add_network(SiteSpec& spec);
  Time some_time();
  Document restriction_document(const State& state);
  Document tenancy_document(const State& state);
  ApplyDocuments apply(const State& state);
  DeleteObject remove(const State& state);
  JobSpec job();
  SubmitJobs submit(Time now);
  RegisterNode enrol(const State& state);
  SyncNode sync(const State& state);
  ReportTasks report(const State& state);
  Command care(const State& state);
  std::vector<Finding> findings();
  std::vector<std::pair<std::string, RemedyReport>> remedies(const State& state);
  FleetSpec fleet();
  TaskReport advance(const Job& job, std::int32_t rank);

  std::mt19937_64 random_;
  std::uint64_t serial_ = 0;
  std::optional<Step> keyed_;  // the last request with a key
};

}  // namespace penstock
