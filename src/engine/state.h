// The state: the facts folded from the log, and the indexes derived from them.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "engine/event.h"
#include "engine/fleet/loads.h"
#include "engine/fleet/outs.h"
#include "engine/placement/typical.h"
#include "engine/power/power_loads.h"
#include "engine/queue/line.h"
#include "engine/queue/shares.h"

namespace penstock {

/// Parts of tenant/project/job.
std::string_view tenant_of(std::string_view name);
std::string_view project_of(std::string_view job_name);

/// XXH3-64 of a snapshot.
std::uint64_t state_hash(std::string_view snapshot);

class State {
 public:
  explicit State(Facts facts = {});
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Takes one fact in. The record follows facts().position without a gap. Never fails: facts are not re-decided.
  void fold(const EventRecord& record);
  /// Compiles the estate anew if its specs changed. Called before anything is decided.
  void settle();

  const Facts& facts() const { return facts_; }
  const Estate& estate() const { return *estate_; }
  std::shared_ptr<const Estate> shared_estate() const { return estate_; }
  const NodeLoads& loads() const { return loads_; }
  const PowerLoads& power() const { return power_; }
  /// For tentative reservations, which must be undone before anything else happens: on the nodes as they are, and as
  /// they would be if all were ready and nothing ran.
  NodeLoads& scratch_loads() { return loads_; }
  NodeLoads& scratch_empty() { return empty_; }
  PowerLoads& scratch_power() { return power_; }
  PowerLoads& scratch_empty_power() { return empty_power_; }
  /// The nodes of a promise are kept, or given free for a moment.
  void keep_promised(const Job& job, bool kept);

  const Job* find_job(std::string_view name) const;  ///< the latest of that name
  const Job* find_job(Uid uid) const;
  const Job* job_of_allocation(Uid allocation) const;
  const StoredReply* find_reply(const std::string& principal, const std::string& key) const;

  const std::set<QueueKey>& pending() const { return line_.all(); }
  const Line& line() const { return line_; }
  /// Lets those join the line whose time has come.
  void wake(Time now) {
    if (line_.wake(now)) ++openings_;
  }
  /// Waiting jobs that have a promise, the oldest first.
  const std::map<std::pair<Time, Uid>, const Job*>& promised() const { return promised_; }
  /// How many of them have been promised a place, not only GPUs of their contract.
  std::size_t promised_places() const { return promised_places_; }
  /// Running spot jobs of a site that are not being stopped.
  const std::set<Uid>& spot(SiteIndex site) const { return spot_[site]; }
  /// Nodes of a pool on which work lies that stays there: reserved or on-demand.
  std::int64_t staying_nodes(SiteIndex site, std::uint32_t pool) const { return staying_by_pool_[site][pool]; }
  bool staying(NodeIndex node) const { return staying_by_node_[node] > 0; }
  /// Jobs that hold something at a site.
  const std::set<Uid>& holders(SiteIndex site) const { return holders_by_site_[site]; }
  /// The nodes of what a job holds, by rank.
  const std::vector<NodeIndex>& held_nodes(Uid job) const { return held_.at(job.value).nodes; }
  /// The nodes of what it is promised, by rank; kNowhere for one that has left the estate.
  const std::vector<NodeIndex>& promised_nodes(Uid job) const { return promised_nodes_.at(job.value); }
  /// Whether all tasks of a job that holds something have ended.
  bool all_ended(Uid job) const { return held_.at(job.value).open == 0; }
  ServiceClass class_of(const Job& job) const;
  /// Jobs whose power has been taken from them, in the order of their birth.
  const std::set<Uid>& shed() const { return shed_; }
  const std::set<std::pair<Time, Uid>>& finished() const { return finished_; }  ///< by when they ended
  MilliGpu held_by_project(std::string_view project) const;
  MilliGpu held_by_tenant(std::string_view tenant) const;
  /// GPUs that a tenant or project has been promised and does not hold yet.
  MilliGpu promised_to(const std::string& name) const;
  MilliGpu held_by_contract(std::string_view contract) const;
  /// Jobs that hold GPUs under a contract, in a project.
  const std::set<Uid>& holders_by_contract(const std::string& contract) const;
  const std::set<Uid>& holders_by_project(const std::string& project) const;
  /// Running elastic gangs with fewer tasks than they may have.
  const std::set<Uid>& undersized() const { return undersized_; }
  std::int64_t pending_of_project(std::string_view project) const;

  /// Calls `visit(node, held, job, task)` for every task that holds part of a node of the site, node by node.
  template <class Visit>
  void for_each_held(SiteIndex site, Visit visit) const {
    const EstateSite& here = estate_->sites()[site];
    const Job* job = nullptr;  // of the task before: gangs lie on nodes side by side
    for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
      for (const HeldTask& held : loads_.tasks(node)) {
        if (job == nullptr || job->uid != held.job) job = job_by_uid_.at(held.job.value);
        visit(node, held, *job, job->allocation->tasks[static_cast<std::size_t>(held.rank)]);
      }
    }
  }

  /// Changes whenever the orders of an agent's node change.
  std::uint64_t revision(const std::string& node) const;

  /// Counts everything that may let a waiting job start: capacity given back, nodes, specs.
  std::uint64_t openings() const { return openings_; }

  /// Counts changes of what binds jobs to pools: specs and the estate.
  std::uint64_t bounds() const { return bounds_; }

  /// How much a watt at the node adds to its site's import, in ppm; 0 if it is dark.
  std::int64_t import_weight(NodeIndex node) const {
    return standing_[estate_->nodes()[node].site].weights[power_.column_of(node)];
  }
  /// When the books must be cut next.
  Time next_cut() const { return next_cut_; }
  /// What a project with a budget has spent of this month's by `at`, and when it will have spent `spent` if all goes on; nothing
  /// if never.
  Money spent_by(const std::string& project, Time at) const;
  std::optional<Time> spends(const std::string& project, const Money& spent) const;

  /// What the jobs that wait or run are made of.
  const TypicalWork& typical() const { return typical_; }

  /// Whether work may start on the node at `at`, as far as is known now.
  bool usable(NodeIndex node, Time at) const;

  /// What is kept of a node; nothing if it is simply at work.
  const Care* care(NodeIndex node) const { return care_of_node_[node]; }
  /// Where it stands in its life, whether something is kept of it or not.
  NodeState node_state(NodeIndex node, Time at) const;
  const Outs& outs() const { return outs_; }
  /// Nodes that do not take work and are not simply lost, by their care.
  const std::set<NodeIndex>& amiss() const { return amiss_; }
  /// Whether reserved contracts would lack more GPUs than now if a node that works were out.
  bool short_without(NodeIndex node, Time now) const;
  /// Incidents that are not over, in the order of their birth.
  const std::set<Uid>& open_incidents() const { return open_incidents_; }
  /// The one that a node is in; none: 0.
  Uid incident_of(const std::string& node) const {
    const auto found = incident_of_.find(node);
    return found == incident_of_.end() ? Uid{} : found->second;
  }
  /// Nodes of which something has changed that the fleet's rules look at, since the last call.
  std::set<std::string> take_fleet_news() { return std::exchange(fleet_news_, {}); }
  bool has_fleet_news() const { return !fleet_news_.empty() || wave_news_; }
  /// The same for waves of maintenance.
  bool take_wave_news() { return std::exchange(wave_news_, false); }

  std::string snapshot() const { return to_json(facts_); }
  std::uint64_t hash() const { return state_hash(snapshot()); }

 private:
  void compile();
  void rebuild();
  void hold(const Job& job, bool take);
  void note_shares(const Job& job, Time now);
  void note_size(const Job& job, bool holds);
  void note_promise(const Job& job, bool given);
  void unpromise(Job& job);
  void note_standing(SiteIndex site);
  void stand_all(Time now);
  std::map<std::string, std::int64_t> lacking(Time now, NodeIndex without) const;
  void note_missing(Time now);
  bool works_on(NodeIndex node) const;
  void note_amiss(NodeIndex node);
  void note_incident(const Incident& incident, bool open);
  Care& care(const EventRecord& record, const std::string& node);
  void accrue_contract(const std::string& contract, Time now);
  void accrue_spending(const std::string& project, Time now);
  void rate(const Job& job, std::int64_t sign);
  std::int64_t rate_of(const std::string& project) const;
  void join(const Job& job);
  void leave(const Job& job);
  void count_typical(const Job& job, std::int32_t sign);
  std::vector<NodeIndex> nodes_of(const std::vector<TaskPlacement>& tasks) const;
  void note_node(const std::string& name);
  void hold_power(const Job& job, const std::vector<NodeIndex>& nodes, bool take);
  void repower(Job& job, const std::function<void()>& change);
  void recut_power(SiteIndex site);
  void touch(NodeIndex node);
  void touch_nodes(const Job& job);
  Job& job(Uid uid);

  void on(const EventRecord& record, const LeadershipTaken& event);
  void on(const EventRecord& record, const ObjectApplied& event);
  void on(const EventRecord& record, const ObjectDeleted& event);
  void on(const EventRecord& record, const JobSubmitted& event);
  void on(const EventRecord& record, const JobStarted& event);
  void on(const EventRecord& record, const TaskChanged& event);
  void on(const EventRecord& record, const JobStopping& event);
  void on(const EventRecord& record, const UsageRecorded& event);
  void on(const EventRecord& record, const JobRequeued& event);
  void on(const EventRecord& record, const JobFinished& event);
  void on(const EventRecord& record, const JobsForgotten& event);
  void on(const EventRecord& record, const NodeRegistered& event);
  void on(const EventRecord& record, const NodeLost& event);
  void on(const EventRecord& record, const NodeReturned& event);
  void on(const EventRecord& record, const NodeEntered& event);
  void on(const EventRecord& record, const NodeFound& event);
  void on(const EventRecord& record, const NodeCordoned& event);
  void on(const EventRecord& record, const NodeTestStarted& event);
  void on(const EventRecord& record, const NodeTested& event);
  void on(const EventRecord& record, const RemedyWanted& event);
  void on(const EventRecord& record, const RemedyOrdered& event);
  void on(const EventRecord& record, const RemedyEnded& event);
  void on(const EventRecord& record, const RemedyWithheld& event);
  void on(const EventRecord& record, const NodeOverdue& event);
  void on(const EventRecord& record, const BreakerOpened& event);
  void on(const EventRecord& record, const BreakerClosed& event);
  void on(const EventRecord& record, const WaveBegun& event);
  void on(const EventRecord& record, const WaveChanged& event);
  void on(const EventRecord& record, const WaveTook& event);
  void on(const EventRecord& record, const WaveLeft& event);
  void on(const EventRecord& record, const TicketOpened& event);
  void on(const EventRecord& record, const TicketClosed& event);
  void on(const EventRecord& record, const IncidentOpened& event);
  void on(const EventRecord& record, const IncidentChanged& event);
  void on(const EventRecord& record, const IncidentClosed& event);
  void on(const EventRecord& record, const LimitsChanged& event);
  void on(const EventRecord& record, const LimitsBroken& event);
  void on(const EventRecord& record, const LimitsRestored& event);
  void on(const EventRecord& record, const JobShed& event);
  void on(const EventRecord& record, const JobRestored& event);
  void on(const EventRecord& record, const JobRepowered& event);
  void on(const EventRecord& record, const MaintenanceRevoked& event);
  void on(const EventRecord& record, const JobPromised& event);
  void on(const EventRecord& record, const JobUnpromised& event);
  void on(const EventRecord& record, const JobHeld& event);
  void on(const EventRecord& record, const JobResized& event);
  void on(const EventRecord& record, const BooksCut& event);
  void on(const EventRecord& record, const MeterRead& event);
  void on(const EventRecord& record, const Adjusted& event);
  void on(const EventRecord& record, const InvoiceIssued& event);
  void on(const EventRecord& record, const MonthClosed& event);
  void on(const EventRecord& record, const BudgetReached& event);
  void on(const EventRecord& record, const ContractsBreached& event);
  void on(const EventRecord& record, const ContractsRestored& event);
  void on(const EventRecord& record, const TokenIssued& event);
  void on(const EventRecord& record, const TokenRevoked& event);
  void on(const EventRecord&, const AuditRecorded&) {}  // the journal keeps it
  void on(const EventRecord& record, const ReplyRecorded& event);

  Facts facts_;
  std::shared_ptr<const Estate> estate_;
  bool estate_stale_ = false;
  NodeLoads loads_;
  NodeLoads empty_;
  PowerLoads power_;
  PowerLoads empty_power_;
  std::unordered_map<std::uint64_t, Job*> job_by_uid_;  // in facts_, where jobs stay where they are
  std::unordered_map<std::string, Uid> job_by_name_;
  std::unordered_map<std::uint64_t, Uid> job_by_allocation_;
  std::unordered_map<std::string, std::uint64_t> reply_by_key_;
  Line line_;
  // What a job that holds something adds up to.
  struct Held {
    std::vector<NodeIndex> nodes;  // by rank
    std::size_t unstarted = 0;     // tasks that have not begun
    std::size_t open = 0;          // that have not ended
  };
  std::unordered_map<std::uint64_t, Held> held_;
  std::map<std::pair<Time, Uid>, const Job*> promised_;
  std::size_t promised_places_ = 0;
  std::unordered_map<std::uint64_t, std::vector<NodeIndex>> promised_nodes_;
  std::vector<const NodeFacts*> facts_of_node_;  // in facts_, where they stay; none of simulated nodes that work
  std::vector<const Care*> care_of_node_;        // in facts_, where they stay
  std::set<NodeIndex> amiss_;
  Outs outs_;
  std::set<std::string> fleet_news_;
  bool wave_news_ = false;
  std::set<Uid> open_incidents_;
  std::unordered_map<std::string, Uid> incident_of_;  // nodes of open ones
  std::vector<std::set<Uid>> holders_by_site_;
  std::vector<std::set<Uid>> spot_;                             // by site
  std::vector<std::int32_t> staying_by_node_;               // tasks that are not spot
  std::vector<std::vector<std::int64_t>> staying_by_pool_;  // nodes with such, by site and pool
  std::set<Uid> shed_;
  std::set<std::pair<Time, Uid>> finished_;
  std::unordered_map<std::string, std::int64_t> held_by_project_;
  std::unordered_map<std::string, std::int64_t> held_by_tenant_;
  std::unordered_map<std::string, std::int64_t> promised_to_;  // tenants and projects
  std::unordered_map<std::string, std::int64_t> held_by_contract_;
  std::unordered_map<std::string, std::set<Uid>> holders_by_contract_;
  std::unordered_map<std::string, std::set<Uid>> holders_by_project_;
  std::set<Uid> undersized_;
  std::unordered_map<std::string, std::int64_t> pending_of_project_;
  std::unordered_map<std::string, std::uint64_t> revisions_;
  // What stands at a site's import without work.
  struct StandingLoad {
    std::vector<std::int64_t> weights;  // by column, ppm
    MicroWatts load = 0;
    MilliGpu gpus;
  };
  std::vector<StandingLoad> standing_;                            // by site
  std::unordered_map<std::string, std::int64_t> spend_rate_;  // `tenant/project CUR`: milli-GPU × price of what is held
  Time next_cut_{std::numeric_limits<std::int64_t>::max()};
  TypicalWork typical_;
  std::uint64_t openings_ = 0;
  std::uint64_t bounds_ = 0;
};

/// How long and how many answers to keyed requests are kept.
inline constexpr Duration kReplyAge = hours(24);
inline constexpr std::size_t kMostReplies = 100'000;

}  // namespace penstock
