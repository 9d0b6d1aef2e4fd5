// Figures of a run, gathered event by event.
#pragma once

#include <array>
#include <span>
#include <unordered_map>

#include "engine/state.h"
#include "sim/report.h"

namespace penstock {

class RunMetrics {
 public:
  explicit RunMetrics(Time from) : from_(from), next_sample_(from) {}

  /// Takes over the jobs of a server, at the beginning: they have waited and run since they did so there.
  void adopt(const State& state);
  /// What has just been folded into `state`.
  void observe(const State& state, std::span<const EventRecord> events);
  /// Brings everything up to `now`, and takes the samples that are due.
  void advance(const State& state, Time now);
  void note(std::string text);
  void happened(Time at, std::string what);
  /// A job that was not taken in.
  void refused(const std::string& why);

  /// Fills in all but the names, the seed and the log.
  void report(const State& state, Time until, SimReport& out);

 private:
  static constexpr std::size_t kSizes = 6;
  static constexpr std::size_t kClasses = 3;
  static constexpr std::size_t kMostSamples = 1000;
  static constexpr std::size_t kMostNotes = 1000;
  static constexpr std::size_t kMostHappenings = 200;

  // GPU-time of a model or a site, in milli-GPU seconds.
  struct Use {
    std::int64_t gpus = 0;  // milli, fit for work
    std::int64_t used = 0;
    std::int64_t capacity_time = 0;
    std::int64_t used_time = 0;
  };
  // A site, whether it is still there or not.
  struct Site {
    Use use;
    SiteIndex index = kNowhere;  // of the estate as it is
    std::int64_t gpus = 0;
    Watts idle;                  // of the nodes that are fit for work
    Watts added;                 // by what gangs were granted
    std::optional<Watts> limit;  // of its import
    Watts most;
    std::int64_t watt_seconds = 0;
    std::int64_t carbon_milligrams = 0;
    std::optional<Money> cost;
    std::int64_t near_ms = 0;
    Watts granted() const { return idle + added; }
  };

  // What a reserved contract asks for beyond what it holds.
  struct Right {
    std::int64_t waiting = 0;  // milli-GPU
    std::int64_t lacking = 0;  // milli-GPU seconds, within its GPUs
    std::int64_t most = 0;     // milli-GPU at once
  };

  struct Seen {
    Time submitted;
    bool waits = true;
    std::optional<Time> first_start;
    Time started;
    std::optional<Time> promised;
    std::int64_t gpus = 0;  // milli, of what it asks for
    std::int64_t held = 0;  // milli
    Duration saved;
    std::uint8_t service_class = 0;
    std::uint8_t size = 0;
    Site* site = nullptr;
    Right* right = nullptr;  // of its contract, if that is reserved
    Watts added;  // to the draw of its site
    std::vector<std::pair<Use*, std::int64_t>> models;  // what it holds of each
  };
  struct Counts {
    std::int64_t submitted = 0;
    std::int64_t waiting = 0;
    std::vector<std::int64_t> queueing;    // seconds
    std::vector<std::int64_t> completion;
    std::int64_t interruptions = 0;
    std::int64_t running = 0;  // seconds, of attempts that have ended
  };
  void count_capacity(const State& state);
  void hold(const State& state, const Allocation& allocation, bool shed, Seen& seen);
  void give_back(const Seen& seen);
  void repower(const State& state, Uid job);
  void pass_time(const State& state, Duration passed);
  void lack(const State& state, std::int64_t ms);
  Seen first_seen(const State& state, const JobSpec& spec, const std::string& contract, Time submitted);
  void wait(Seen& seen, bool waits);
  std::int64_t held() const;
  void note_if_late(const Seen& seen, Time now);
  void bill(const Invoice& invoice);
  void lose(const Seen& seen, Time now, Duration lost, JobReason reason);
  void sample(Time at);
  void settle(const State& state, Time now);
  Ppm fragmentation(const State& state) const;
  void cohorts(SimReport& out) const;
  Counts& counts(const Seen& seen) { return counts_[seen.service_class][seen.size]; }

  Time from_;
  Time as_of_;
  bool prepared_ = false;
  std::uint64_t bounds_ = 0;
  std::unordered_map<std::uint64_t, Seen> jobs_;
  std::array<std::array<Counts, kSizes>, kClasses> counts_;
  std::map<std::string, Use> models_;  // whose places stay
  std::map<std::string, Site> sites_;  // by name: indexes change when sites come and go
  std::int64_t waiting_jobs_ = 0;
  std::int64_t waiting_gpus_ = 0;
  std::int64_t nodes_down_ = 0;
  std::int64_t preemptions_ = 0;
  std::int64_t requeues_ = 0;
  std::int64_t faults_ = 0;
  std::int64_t promises_ = 0;
  std::vector<std::int64_t> late_;
  std::int64_t lost_time_ = 0;        // milli-GPU seconds
  std::map<JobReason, std::int64_t> lost_for_;
  std::int64_t useful_run_ = 0;       // of gangs that have ended: milli-GPU seconds of their own work
  std::int64_t whole_run_ = 0;        // and from first start to end
  std::int64_t events_ = 0;
  std::int64_t submitted_ = 0;
  std::int64_t all_ = 0;    // milli-GPU, of the estate
  std::int64_t asked_ = 0;  // by all that were submitted
  Ppm when_asked_;
  Time next_sample_;
  Duration every_ = minutes(10);
  std::vector<Sample> samples_;
  std::map<std::string, Right> rights_;  // by contract
  std::map<std::string, Billed> billed_;  // by currency
  std::vector<Happening> happenings_;
  std::size_t happenings_left_out_ = 0;
  std::vector<std::string> notes_;
  std::size_t notes_left_out_ = 0;
  std::map<std::string, std::int64_t> refused_;  // by reason
};

}  // namespace penstock
