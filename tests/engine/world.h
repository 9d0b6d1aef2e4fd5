// A small world for the engine's tests: specs in a line each, commands at the test's own time, every event kept.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "engine/engine.h"
#include "verify/verify.h"

namespace penstock {

/// `devices` GPUs of `model`, and of everything else a round share for each: 8 cores, 64 GiB, 1 kW.
NodeTypeSpec node_type(const std::string& model, std::int32_t devices);
/// Racks and nodes by their ranges, all of one type, in one hall `h1`.
SiteSpec site(const std::string& country, const std::string& type, const std::string& racks, const std::string& nodes,
              RuntimeKind runtime = RuntimeKind::kSimulated);
/// Priced at 2 USD for a GPU hour.
ContractSpec contract();
/// A gang of `replicas` tasks with `milli` thousandths of a GPU each.
JobSpec gang(std::int32_t replicas, std::int64_t milli, std::int32_t priority = 0);
/// A document of the kind that the spec is of.
Document document(const std::string& name, AnySpec spec);
/// What an agent says on a node that is just what its type says.
AgentHello hello(const Estate& estate, const std::string& node, bool oci = false);

/// What the independent checker says of a log that begins with `events`, or with the state of `snapshot` before them.
VerifyReport proof_of(const std::vector<EventRecord>& events, std::string_view snapshot = {}, std::uint64_t every = 1);
/// Its violations, a line each; empty if it is proved.
std::string violations_of(const VerifyReport& report);

/// An engine under test. Every command is followed by a check of all invariants, and the end of every test by a replay
/// of its events and by their proof.
class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Tenant `acme` with project `acme/llm` and contract `acme/main`; site `north` in NO, simulated, with 4 nodes
  /// `north/h1/r[1-2]/n[1-2]` of 8 `h200`; site `south` in GB with 2 nodes `south/h1/r1/n[1-2]` of 4 `a100` for agents.
  void settle_usual();

  Result<Reply> run(const Command& command, const std::string& key = {}, std::uint64_t fingerprint = 0);
  /// Runs what must succeed, or must not.
  Reply good(const Command& command);
  Error bad(const Command& command);
  Reply apply(std::vector<Document> documents);
  Reply apply(const std::string& name, AnySpec spec) { return apply({document(name, std::move(spec))}); }

  void tick() { good(Tick{}); }
  /// Lets time pass, with a tick at the end.
  void wait(Duration time);
  /// Submits without a tick, and with one.
  Uid submit(const std::string& name, JobSpec spec);
  Uid start(const std::string& name, JobSpec spec);
  /// The refusal of a job, as `code: message`.
  std::string refused(const std::string& name, JobSpec spec);

  /// Takes a node of an agent on.
  Uid enrol(const std::string& node, bool oci = false);
  void sync(const std::string& node, std::vector<TaskReport> tasks = {});
  /// A report of one task of the job's present allocation.
  TaskReport running(const std::string& job, std::int32_t rank) const;
  TaskReport exited(const std::string& job, std::int32_t rank, std::int32_t exit_code = 0) const;
  TaskReport ended(const std::string& job, std::int32_t rank, TaskEnd end) const;
  void report(std::vector<TaskReport> tasks) { good(ReportTasks{std::move(tasks)}); }
  /// All tasks of the job begin, or end well.
  void begin(const std::string& job);
  void finish(const std::string& job);

  const State& state() const { return engine_->state(); }
  const Facts& facts() const { return state().facts(); }
  Engine& engine() { return *engine_; }
  const Job& job(const std::string& name) const;
  /// `phase`, with `(reason)` if there is one.
  std::string phase(const std::string& name) const;
  /// The nodes of the job's tasks by rank, without the site and hall, `r1/n1 r1/n2`.
  std::string nodes(const std::string& name) const;
  std::vector<WaitCause> why(const std::string& name);
  /// The reasons alone, in their order.
  std::string reasons(const std::string& name);
  /// Types of the events since the last call.
  std::string said();

  const std::vector<EventRecord>& events() const { return events_; }
  /// Goes on with an engine that knows only what is durable.
  void restart();

  Time now;
  std::string principal = "token:test";
  std::optional<Asked> asked;  ///< audited if set
  /// Whether every command is followed by a check of all invariants. A test that makes very many sets its own pace.
  bool watchful = true;
  /// After how many events limits are compared when the log is proved.
  std::uint64_t prove_every = 1;

 private:
  std::unique_ptr<Engine> engine_;
  std::vector<EventRecord> events_;
  std::size_t told_ = 0;
};

}  // namespace penstock
