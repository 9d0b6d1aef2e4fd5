// The core: the engine, its journal and its runtimes on one thread. Nothing is answered before it is durable.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/engine.h"
#include "journal/journal.h"
#include "runtime/agent/agent_runtime.h"
#include "runtime/hardware/hardware_runtime.h"
#include "runtime/simulated/simulated_runtime.h"
#include "server/core/tokens.h"
#include "server/core/watch_hub.h"

namespace penstock {

struct CoreOptions {
  std::function<Time()> clock;              ///< UTC now
  std::string server_version;
  std::string store_country;                ///< where the journal lies, ISO 3166-1 alpha-2; empty: nobody told
  std::uint64_t snapshot_events = 50'000;   ///< a snapshot after this many, in a quiet moment; after twice as many in any
  std::uint64_t keep_events = 200'000;      ///< events kept behind the newest snapshot, for those who read the log
  std::size_t most_queued = 20'000;         ///< commands waiting; beyond that kUnavailable
  std::size_t most_batch = 2'000;           ///< commands in one commit
  HardwareControl* hardware = nullptr;      ///< reaches management controllers; outlives the core's thread
};

/// What has been counted since the start; read by /metrics from any thread.
struct CoreCounters {
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> commit_failures{0};
  std::atomic<std::uint64_t> commit_nanos{0};
  std::atomic<std::uint64_t> snapshots{0};
  std::atomic<std::uint64_t> snapshot_nanos{0};
};

class Core {
 public:
  /// The view that reads get, on the core's thread and between commits: all of it is durable, except while the
  /// store has failed so badly that it cannot say what it holds; then it shows what was tried.
  struct View {
    State& state;  ///< only what undoes itself (a tentative placement) may touch it
    const Leases& leases;
    AgentRuntime& agents;
    WatchHub& hub;
    Journal& journal;
    Time now;
  };
  using Done = std::function<void(Result<Reply>)>;
  using Read = std::function<void(View&)>;

  Core(CoreOptions options, std::unique_ptr<Journal> journal);
  ~Core();

  /// Recovers the state from the journal, takes leadership, starts the thread. The error says what to do.
  Status start();
  /// Finishes what is queued, lets go of who waits for orders, and stops. Before the connections are destroyed.
  void stop();

  /// Any thread. `done` is called on the core's thread once the outcome is durable or refused.
  void execute(Command command, CommandMeta meta, Done done);
  void read(Read read);
  /// Any thread. Work that takes long on what a read has copied, beside the core and one after the other; what has not
  /// begun when the core stops is let go.
  void aside(std::function<void()> work);

  const TokenTable& tokens() const { return tokens_; }
  Time now() const { return options_.clock(); }
  const CoreCounters& counters() const { return counters_; }
  /// Why writes are refused at present; empty if they are not.
  std::string degraded() const;
  /// What recovery found to mend; empty if nothing.
  const std::string& recovery_notice() const { return notice_; }

 private:
  struct Item {
    Command command;
    CommandMeta meta;
    Done done;
  };

  void run();
  void run_aside();
  Status load();
  void work(std::vector<Item> items, std::vector<Read> reads);
  Status commit();
  void after_failed_commit(const Error& why, std::vector<std::pair<Done, Result<Reply>>>& answers);
  void try_to_recover();
  bool snapshot_is_due() const;
  void take_snapshot();
  std::optional<Time> next_due() const;
  void set_degraded(std::string why);

  const CoreOptions options_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Engine> engine_;
  SimulatedRuntime simulated_;
  AgentRuntime agents_;
  HardwareRuntime hardware_{options_.hardware};
  std::vector<Runtime*> runtimes_{&simulated_, &agents_, &hardware_};
  WatchHub hub_;
  TokenTable tokens_;
  CoreCounters counters_;
  Position durable_ = 0;
  Position snapshot_at_ = 0;
  std::size_t snapshot_bytes_ = 0;  // of the last one
  std::size_t logged_bytes_ = 0;    // since then
  std::uint64_t last_command_ = 0;  // when one came, by the steady clock
  Epoch highest_epoch_ = 0;
  std::string notice_;
  Time next_recovery_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Item> items_;
  std::vector<Read> reads_;
  std::deque<std::function<void()>> asides_;
  bool stopping_ = false;
  std::string degraded_;
  std::thread thread_;
  std::thread aside_;
  std::condition_variable wake_aside_;
};

/// The archive's row of a job that has ended, and the audit log's of an entry.
ArchivedWorkload archive_row(const State& state, const Job& job);
AuditRow audit_row(const EventRecord& record, const AuditRecorded& entry);

}  // namespace penstock
