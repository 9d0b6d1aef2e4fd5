// Commands: everything that can be asked of the engine. Time, identity and epoch come with them.
#pragma once

#include "engine/access/audit.h"
#include "engine/access/token.h"
#include "engine/fleet/care.h"
#include "engine/fleet/report.h"
#include "engine/ledger/books.h"
#include "spec/document.h"

namespace penstock {

/// A server becomes the leader. First command after every start; its epoch is above all before it.
struct TakeLeadership {
  Epoch epoch = 0;
  std::string server_version;
};

/// Adds or changes objects, all or none. With `dry_run` only says what would change.
struct ApplyDocuments {
  std::vector<Document> documents;
  bool dry_run = false;
};

struct DeleteObject {
  Kind kind = Kind::kSite;
  std::string name;
  std::optional<Position> version;
};

/// Submits jobs. With `all_or_none` the first that is refused refuses all; else each stands on its own.
struct SubmitJobs {
  struct Item {
    Metadata metadata;
    JobSpec spec;
  };
  std::vector<Item> items;
  bool all_or_none = false;
};

struct CancelJob {
  std::string name;
  std::optional<Position> version;
};

/// Holds a waiting job back, or lets it go.
struct HoldJob {
  std::string name;
  bool hold = true;
  std::optional<Position> version;
};

/// Stops a running job and holds it back, with what its checkpoints keep; a waiting one is held back.
struct SuspendJob {
  std::string name;
  std::optional<Position> version;
};

/// Sets how many tasks the elastic group of a job may have at most; a running gang that has more or fewer starts again with
/// what its checkpoints keep.
struct ResizeJob {
  std::string name;
  std::int32_t replicas = 0;
  std::optional<Position> version;
};

/// Changes the power limit of each GPU of a running or waiting job; nothing: the highest.
struct SetGpuPower {
  std::string name;
  std::optional<Watts> gpu_power;
  std::optional<Position> version;
};

/// An agent takes on a node. `token` is the node's own, issued with it.
struct RegisterNode {
  AgentHello hello;
  TokenRecord token;
};

/// An agent renews its node's lease and reports. Changes nothing durable unless a task changed.
struct SyncNode {
  std::string node;
  Uid registration;
  std::uint64_t revision = 0;     ///< of the orders that the agent has taken in
  std::vector<TaskReport> tasks;  ///< all that the node knows; what it should know and does not is lost
  std::vector<Finding> findings;  ///< all that is wrong with it
  std::vector<RemedyReport> remedies;
};

/// A runtime without agents reports tasks and remedies.
struct ReportTasks {
  std::vector<TaskReport> tasks;
  std::vector<std::pair<std::string, RemedyReport>> remedies;  ///< by node
};

/// All that is wrong with a simulated node.
struct ReportFindings {
  std::string node;
  std::vector<Finding> findings;
};

/// Nothing new starts on a node, or may again; `drain`: and what runs there moves as soon as that loses nothing.
struct CordonNode {
  std::string node;
  bool cordon = true;
  bool drain = false;
  std::string reason;
};
/// A person moves a node along its life, as the table allows.
struct MoveNode {
  std::string node;
  NodeState state = NodeState::kReady;
  std::string reason;
};
/// A person asks for a remedy: when the node is idle, or `now` if no work would be lost, or with `force` whatever is lost.
struct MendNode {
  std::string node;
  RemedyAction action = RemedyAction::kReset;
  bool now = false;
  bool force = false;
  std::string reason;
};
/// Automation stops at a site (none named: everywhere), or goes on.
struct SwitchBreaker {
  std::string site;
  bool open = true;
  std::string reason;
};
/// Maintenance goes through nodes; goes on, pauses, or takes no more of them; a node that was held for a person is done.
struct BeginWave {
  std::string name;
  WaveSpec spec;
};
struct SwitchWave {
  std::string name;
  WaveState state = WaveState::kPaused;
  std::string reason;
};
struct ReleaseNode {
  std::string node;
};
/// What a ticket asked for has been done: the node is tested and comes back.
struct CloseTicket {
  Uid ticket;
  std::string note;
};

/// A tenant says that the node of one task of its job is at fault: a person or the test looks at the node, and the gang goes on with
/// another in its place.
struct ReplaceTask {
  std::string job;
  std::int32_t rank = 0;
  std::string reason;
};

/// A simulated node fails: what ran there is lost, and nothing starts there until it is given back. Nodes of agents fail by
/// their leases.
struct LoseNode {
  std::string node;
  std::string cause;
};
struct GiveBackNode {
  std::string node;
};

struct IssueToken {
  TokenRecord token;
};
struct RevokeToken {
  std::string id;
};

/// What a site's meter has shown; kept until its month is closed. The same again changes nothing.
struct ReadMeter {
  Reading reading;
};
/// Charges or credits a project on the next invoice.
struct Adjust {
  Adjustment adjustment;
};
/// Closes the oldest open month, which must be over: shares out the energy of the sites, posts, and issues invoices.
struct CloseMonth {
  std::string month;
};

/// Time passes: leases and back-offs end, the queue is worked through, old finished jobs leave memory.
struct Tick {};

using Command = std::variant<TakeLeadership, ApplyDocuments, DeleteObject, SubmitJobs, CancelJob, HoldJob, SuspendJob, ResizeJob, SetGpuPower,
                             RegisterNode, SyncNode, LoseNode, GiveBackNode, ReportTasks, ReportFindings, CordonNode, MoveNode, MendNode,
                             SwitchBreaker, BeginWave, SwitchWave, ReleaseNode, CloseTicket, ReplaceTask, IssueToken, RevokeToken, ReadMeter,
                             Adjust, CloseMonth, Tick>;

/// What comes with every command.
struct CommandMeta {
  Time now;                     ///< never earlier than that of the command before
  std::string principal;        ///< who asks, e.g. `token:3f9a…`, for the record
  std::string idempotency_key;  ///< empty: none
  std::uint64_t fingerprint = 0;  ///< of the whole request; the same key with another one is refused
  std::optional<Asked> asked;     ///< for the audit log
};

}  // namespace penstock
