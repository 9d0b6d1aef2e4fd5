// Events: facts, in the order in which they became true. The log is a list of them and the state is their fold.
#pragma once

#include "engine/access/audit.h"
#include "engine/facts.h"

namespace penstock {

struct LeadershipTaken {
  static constexpr std::string_view kType = "leadership.taken";
  Epoch epoch = 0;
  std::string server_version;
  static constexpr auto schema() {
    return object("LeadershipTaken", "A server became the leader.",
                  field("epoch", &LeadershipTaken::epoch, required, "its epoch"),
                  field("serverVersion", &LeadershipTaken::server_version, optional, "its version"));
  }
};

struct ObjectApplied {
  static constexpr std::string_view kType = "object.applied";
  Kind kind = Kind::kSite;
  Uid uid;
  std::string name;
  std::map<std::string, std::string> labels;
  json::value spec;
  static constexpr auto schema() {
    return object("ObjectApplied", "An object was added or changed.",
                  field("kind", &ObjectApplied::kind, required, "its kind"),
                  field("uid", &ObjectApplied::uid, required, "its identity"),
                  field("name", &ObjectApplied::name, required, "its name"),
                  field("labels", &ObjectApplied::labels, optional, "its labels"),
                  field("spec", &ObjectApplied::spec, required, "its spec, as in docs/spec.md"));
  }
};

struct ObjectDeleted {
  static constexpr std::string_view kType = "object.deleted";
  Kind kind = Kind::kSite;
  std::string name;
  static constexpr auto schema() {
    return object("ObjectDeleted", "An object was removed.", field("kind", &ObjectDeleted::kind, required, "its kind"),
                  field("name", &ObjectDeleted::name, required, "its name"));
  }
};

struct JobSubmitted {
  static constexpr std::string_view kType = "job.submitted";
  Uid uid;
  std::string name;
  std::map<std::string, std::string> labels;
  JobSpec spec;
  std::string contract;
  std::vector<Awaited> awaits;
  static constexpr auto schema() {
    return object("JobSubmitted", "A job was accepted.", field("uid", &JobSubmitted::uid, required, "its identity"),
                  field("name", &JobSubmitted::name, required, "tenant/project/job"),
                  field("labels", &JobSubmitted::labels, optional, "its labels"),
                  field("spec", &JobSubmitted::spec, required, "its spec"),
                  field("contract", &JobSubmitted::contract, required, "contract it runs under"),
                  field("awaits", &JobSubmitted::awaits, optional, "jobs that must have ended before it starts"));
  }
};

struct JobStarted {
  static constexpr std::string_view kType = "job.started";
  Allocation allocation;
  static constexpr auto schema() {
    return object("JobStarted", "A gang was placed, whole.",
                  field("allocation", &JobStarted::allocation, required, "what it holds"));
  }
};

struct TaskChanged {
  static constexpr std::string_view kType = "task.changed";
  Uid job;
  TaskReport report;
  static constexpr auto schema() {
    return object("TaskChanged", "A task began or ended.", field("job", &TaskChanged::job, required, "its job"),
                  field("report", &TaskChanged::report, required, "what its node says"));
  }
};

struct JobStopping {
  static constexpr std::string_view kType = "job.stopping";
  Uid job;
  JobReason reason = JobReason::kCancelled;
  std::string message;
  std::optional<Duration> grace;
  static constexpr auto schema() {
    return object("JobStopping", "What is left of a gang is being stopped.",
                  field("job", &JobStopping::job, required, "the job"),
                  field("reason", &JobStopping::reason, required, "why"),
                  field("message", &JobStopping::message, optional, "why, for people"),
                  field("grace", &JobStopping::grace, optional, "between TERM and KILL; its own if absent"));
  }
};

struct UsageRecorded {
  static constexpr std::string_view kType = "usage.recorded";
  Usage usage;
  static constexpr auto schema() {
    return object("UsageRecorded", "An allocation ended and was metered; once for each.",
                  field("usage", &UsageRecorded::usage, required, "what it used"));
  }
};

struct JobRequeued {
  static constexpr std::string_view kType = "job.requeued";
  Uid job;
  JobReason reason = JobReason::kTaskFailed;
  std::string message;
  Time not_before;
  Duration saved;
  static constexpr auto schema() {
    return object("JobRequeued", "A job gave back its allocation and waits for another start.",
                  field("job", &JobRequeued::job, required, "the job"),
                  field("reason", &JobRequeued::reason, required, "why"),
                  field("message", &JobRequeued::message, optional, "why, for people"),
                  field("notBefore", &JobRequeued::not_before, required, "end of its back-off"),
                  field("saved", &JobRequeued::saved, optional, "of its work, in checkpoints of all attempts"));
  }
};

struct JobPromised {
  static constexpr std::string_view kType = "job.promised";
  Uid job;
  Promise promise;
  static constexpr auto schema() {
    return object("JobPromised", "A waiting job was promised a start, in place of any promise before.",
                  field("job", &JobPromised::job, required, "the job"),
                  field("promise", &JobPromised::promise, required, "when and where"));
  }
};

struct JobUnpromised {
  static constexpr std::string_view kType = "job.unpromised";
  Uid job;
  std::string cause;
  static constexpr auto schema() {
    return object("JobUnpromised", "A promise cannot be kept and no other can be given yet.",
                  field("job", &JobUnpromised::job, required, "the job"),
                  field("cause", &JobUnpromised::cause, required, "why"));
  }
};

struct JobResized {
  static constexpr std::string_view kType = "job.resized";
  Uid job;
  std::int32_t most = 0;
  static constexpr auto schema() {
    return object("JobResized", "The elastic group of a job may have another number of tasks.",
                  field("job", &JobResized::job, required, "the job"),
                  field("most", &JobResized::most, required, "tasks at most"));
  }
};

struct JobHeld {
  static constexpr std::string_view kType = "job.held";
  Uid job;
  bool held = false;
  static constexpr auto schema() {
    return object("JobHeld", "A job was told to wait, or released.", field("job", &JobHeld::job, required, "the job"),
                  field("held", &JobHeld::held, required, "true: it waits until it is released"));
  }
};

struct JobFinished {
  static constexpr std::string_view kType = "job.finished";
  Uid job;
  JobPhase phase = JobPhase::kSucceeded;
  JobReason reason = JobReason::kCompleted;
  std::string message;
  static constexpr auto schema() {
    return object("JobFinished", "A job reached its end.", field("job", &JobFinished::job, required, "the job"),
                  field("phase", &JobFinished::phase, required, "succeeded, failed or cancelled"),
                  field("reason", &JobFinished::reason, required, "why"),
                  field("message", &JobFinished::message, optional, "why, for people"));
  }
};

struct JobsForgotten {
  static constexpr std::string_view kType = "jobs.forgotten";
  std::vector<Uid> jobs;
  static constexpr auto schema() {
    return object("JobsForgotten", "Finished jobs left memory; the archive keeps them.",
                  field("jobs", &JobsForgotten::jobs, required, "which"));
  }
};

struct NodeRegistered {
  static constexpr std::string_view kType = "node.registered";
  Uid registration;
  AgentHello hello;
  TokenRecord token;
  static constexpr auto schema() {
    return object("NodeRegistered", "An agent took on a node.",
                  field("registration", &NodeRegistered::registration, required, "identity of this registration"),
                  field("hello", &NodeRegistered::hello, required, "what it said"),
                  field("token", &NodeRegistered::token, required, "the node's own token"));
  }
};

struct NodeLost {
  static constexpr std::string_view kType = "node.lost";
  std::string node;
  static constexpr auto schema() {
    return object("NodeLost", "A node's lease ran out.", field("node", &NodeLost::node, required, "which"));
  }
};

struct NodeReturned {
  static constexpr std::string_view kType = "node.returned";
  std::string node;
  static constexpr auto schema() {
    return object("NodeReturned", "A lost node synced again.", field("node", &NodeReturned::node, required, "which"));
  }
};

struct NodeEntered {
  static constexpr std::string_view kType = "node.entered";
  std::string node;
  NodeState state = NodeState::kReady;
  NodeReason reason = NodeReason::kNone;
  std::string message;
  bool fault = false;
  static constexpr auto schema() {
    return object("NodeEntered", "A node entered a state of its life.", field("node", &NodeEntered::node, required, "which"),
                  field("state", &NodeEntered::state, required, "the state"), field("reason", &NodeEntered::reason, required, "why"),
                  field("message", &NodeEntered::message, optional, "why, for people"),
                  field("fault", &NodeEntered::fault, optional, "true: it has failed"));
  }
};

struct NodeFound {
  static constexpr std::string_view kType = "node.found";
  std::string node;
  std::vector<Finding> findings;
  static constexpr auto schema() {
    return object("NodeFound", "What is wrong with a node has changed.", field("node", &NodeFound::node, required, "which"),
                  field("findings", &NodeFound::findings, required, "all that stands now"));
  }
};

struct NodeCordoned {
  static constexpr std::string_view kType = "node.cordoned";
  std::string node;
  std::optional<Cordon> cordon;
  static constexpr auto schema() {
    return object("NodeCordoned", "Nothing new may start on a node, or may again.", field("node", &NodeCordoned::node, required, "which"),
                  field("cordon", &NodeCordoned::cordon, optional, "by whom and why; absent: it may again"));
  }
};

struct NodeTestStarted {
  static constexpr std::string_view kType = "node.test-started";
  std::string node;
  Uid job;
  static constexpr auto schema() {
    return object("NodeTestStarted", "A job tests a node.", field("node", &NodeTestStarted::node, required, "which"),
                  field("job", &NodeTestStarted::job, required, "the job"));
  }
};

enum class TestOutcome { kPassed, kFailed, kCutOff };
constexpr auto enum_names(TestOutcome) {
  using O = TestOutcome;
  return std::array{EnumName<O>{O::kPassed, "passed"}, EnumName<O>{O::kFailed, "failed"}, EnumName<O>{O::kCutOff, "cut-off"}};
}

struct NodeTested {
  static constexpr std::string_view kType = "node.tested";
  std::string node;
  Uid job;
  TestOutcome outcome = TestOutcome::kPassed;
  std::string message;
  static constexpr auto schema() {
    return object("NodeTested", "The test of a node is over.", field("node", &NodeTested::node, required, "which"),
                  field("job", &NodeTested::job, required, "the job that tested it"),
                  field("outcome", &NodeTested::outcome, required, "passed, failed, or cut-off before it could say"),
                  field("message", &NodeTested::message, optional, "what the test said"));
  }
};

struct RemedyWanted {
  static constexpr std::string_view kType = "remedy.wanted";
  std::string node;
  std::optional<Wish> wish;
  static constexpr auto schema() {
    return object("RemedyWanted", "A person wants a node mended as soon as it is idle, or wants it no longer.",
                  field("node", &RemedyWanted::node, required, "which"), field("wish", &RemedyWanted::wish, optional, "how; absent: no longer"));
  }
};

struct RemedyOrdered {
  static constexpr std::string_view kType = "remedy.ordered";
  std::string node;
  Remedy remedy;
  static constexpr auto schema() {
    return object("RemedyOrdered", "Something is done to mend a node.", field("node", &RemedyOrdered::node, required, "which"),
                  field("remedy", &RemedyOrdered::remedy, required, "what"));
  }
};

struct RemedyEnded {
  static constexpr std::string_view kType = "remedy.ended";
  std::string node;
  RemedyReport report;
  static constexpr auto schema() {
    return object("RemedyEnded", "A remedy is over; whether it mended anything the test will show.",
                  field("node", &RemedyEnded::node, required, "which node"), field("report", &RemedyEnded::report, required, "how it went"));
  }
};

struct RemedyWithheld {
  static constexpr std::string_view kType = "remedy.withheld";
  std::string node;
  std::string why;
  static constexpr auto schema() {
    return object("RemedyWithheld", "What would be done for a node, and why it is not.", field("node", &RemedyWithheld::node, required, "which"),
                  field("why", &RemedyWithheld::why, required, "what, and why not"));
  }
};

struct NodeOverdue {
  static constexpr std::string_view kType = "node.overdue";
  std::string node;
  NodeState state = NodeState::kRepair;
  Duration limit;
  static constexpr auto schema() {
    return object("NodeOverdue", "A node has been in a state longer than it should be.", field("node", &NodeOverdue::node, required, "which"),
                  field("state", &NodeOverdue::state, required, "the state"), field("limit", &NodeOverdue::limit, required, "how long it may be"));
  }
};

struct BreakerOpened {
  static constexpr std::string_view kType = "breaker.opened";
  std::string site;
  OpenBreaker breaker;
  static constexpr auto schema() {
    return object("BreakerOpened", "Automation stops and calls a person.", field("site", &BreakerOpened::site, optional, "where; none: everywhere"),
                  field("breaker", &BreakerOpened::breaker, required, "why"));
  }
};

struct BreakerClosed {
  static constexpr std::string_view kType = "breaker.closed";
  std::string site;
  static constexpr auto schema() {
    return object("BreakerClosed", "Automation goes on.", field("site", &BreakerClosed::site, optional, "where; none: everywhere"));
  }
};

struct TicketOpened {
  static constexpr std::string_view kType = "ticket.opened";
  Ticket ticket;
  static constexpr auto schema() {
    return object("TicketOpened", "Someone must act on a node.", field("ticket", &TicketOpened::ticket, required, "what for"));
  }
};

struct TicketClosed {
  static constexpr std::string_view kType = "ticket.closed";
  Uid ticket;
  std::string by;
  std::string note;
  static constexpr auto schema() {
    return object("TicketClosed", "A ticket is done.", field("ticket", &TicketClosed::ticket, required, "which"),
                  field("by", &TicketClosed::by, required, "who says so"), field("note", &TicketClosed::note, optional, "what was done"));
  }
};

struct WaveBegun {
  static constexpr std::string_view kType = "wave.begun";
  Wave wave;
  static constexpr auto schema() {
    return object("WaveBegun", "Maintenance goes through nodes.", field("wave", &WaveBegun::wave, required, "which"));
  }
};

struct WaveChanged {
  static constexpr std::string_view kType = "wave.changed";
  std::string wave;
  WaveState state = WaveState::kRunning;
  std::string reason;
  static constexpr auto schema() {
    return object("WaveChanged", "A wave goes on, pauses, or is over.", field("wave", &WaveChanged::wave, required, "which"),
                  field("state", &WaveChanged::state, required, "running, paused, stopped or done"),
                  field("reason", &WaveChanged::reason, optional, "why"));
  }
};

struct WaveTook {
  static constexpr std::string_view kType = "wave.took";
  std::string wave;
  std::string node;
  static constexpr auto schema() {
    return object("WaveTook", "A node is out for maintenance.", field("wave", &WaveTook::wave, required, "for which"),
                  field("node", &WaveTook::node, required, "which"));
  }
};

struct WaveLeft {
  static constexpr std::string_view kType = "wave.left";
  std::string wave;
  std::string node;
  bool well = false;
  std::string why;
  static constexpr auto schema() {
    return object("WaveLeft", "Maintenance is over for a node.", field("wave", &WaveLeft::wave, required, "which"),
                  field("node", &WaveLeft::node, required, "which"), field("well", &WaveLeft::well, optional, "true: it takes work again"),
                  field("why", &WaveLeft::why, optional, "why it does not"));
  }
};

struct IncidentOpened {
  static constexpr std::string_view kType = "incident.opened";
  Incident incident;
  static constexpr auto schema() {
    return object("IncidentOpened", "Something happened to the fleet.", field("incident", &IncidentOpened::incident, required, "what"));
  }
};

struct IncidentChanged {
  static constexpr std::string_view kType = "incident.changed";
  Uid incident;
  IncidentScope scope = IncidentScope::kNode;
  std::string place;
  std::vector<std::string> nodes;
  std::vector<IncidentHit> hits;
  std::vector<std::string> notes;
  static constexpr auto schema() {
    return object("IncidentChanged", "An incident has hit more.", field("incident", &IncidentChanged::incident, required, "which"),
                  field("scope", &IncidentChanged::scope, required, "how far it reaches now"),
                  field("place", &IncidentChanged::place, required, "where, at that level"),
                  field("nodes", &IncidentChanged::nodes, optional, "nodes besides those before"),
                  field("hits", &IncidentChanged::hits, optional, "work besides that before"),
                  field("notes", &IncidentChanged::notes, optional, "what else is to say"));
  }
};

struct IncidentClosed {
  static constexpr std::string_view kType = "incident.closed";
  Uid incident;
  std::string why;
  static constexpr auto schema() {
    return object("IncidentClosed", "An incident is over.", field("incident", &IncidentClosed::incident, required, "which"),
                  field("why", &IncidentClosed::why, required, "why"));
  }
};

struct LimitsChanged {
  static constexpr std::string_view kType = "limits.changed";
  static constexpr auto schema() {
    return object("LimitsChanged", "Dated limits took effect: phases, halls, elements, restrictions.");
  }
};

struct LimitsBroken {
  static constexpr std::string_view kType = "limits.broken";
  std::string site;
  std::string cause;
  std::vector<LimitBreak> rows;
  static constexpr auto schema() {
    return object("LimitsBroken", "Rows are above their limits and nothing that the contracts allow mends it.",
                  field("site", &LimitsBroken::site, required, "where"),
                  field("cause", &LimitsBroken::cause, required, "what lowered the limits"),
                  field("rows", &LimitsBroken::rows, required, "all of them, each with its worst contingency"));
  }
};

struct LimitsRestored {
  static constexpr std::string_view kType = "limits.restored";
  std::string site;
  static constexpr auto schema() {
    return object("LimitsRestored", "All rows of the site are within their limits again.",
                  field("site", &LimitsRestored::site, required, "where"));
  }
};

struct JobShed {
  static constexpr std::string_view kType = "job.shed";
  Uid job;
  std::string site;
  std::string cause;
  bool stop = false;
  static constexpr auto schema() {
    return object("JobShed", "A job's power was taken down to what its contract keeps.",
                  field("job", &JobShed::job, required, "the job"), field("site", &JobShed::site, required, "where"),
                  field("cause", &JobShed::cause, required, "what made it necessary"),
                  field("stop", &JobShed::stop, optional, "true: it is stopped and queued again; else it is capped"));
  }
};

struct JobRestored {
  static constexpr std::string_view kType = "job.restored";
  Uid job;
  static constexpr auto schema() {
    return object("JobRestored", "A job has its whole power again.", field("job", &JobRestored::job, required, "the job"));
  }
};

struct TaskPower {
  Watts demand;
  Watts firm;
  static constexpr auto schema() {
    return object("TaskPower", "Watts of one task.", field("demand", &TaskPower::demand, required, "that it may draw"),
                  field("firm", &TaskPower::firm, required, "that it keeps after shedding"));
  }
};

struct JobRepowered {
  static constexpr std::string_view kType = "job.repowered";
  Uid job;
  std::optional<Watts> gpu_power;
  Watts demand;
  Watts firm;
  std::vector<TaskPower> tasks;
  static constexpr auto schema() {
    return object("JobRepowered", "The power limit of a running job's GPUs was changed.",
                  field("job", &JobRepowered::job, required, "the job"),
                  field("gpuPower", &JobRepowered::gpu_power, optional, "limit of each GPU; the highest if absent"),
                  field("demand", &JobRepowered::demand, required, "watts that the job may draw"),
                  field("firm", &JobRepowered::firm, required, "watts that it keeps after shedding"),
                  field("tasks", &JobRepowered::tasks, required, "of each task, by rank"));
  }
};

struct MaintenanceRevoked {
  static constexpr std::string_view kType = "maintenance.revoked";
  std::string restriction;
  std::string reason;
  static constexpr auto schema() {
    return object("MaintenanceRevoked", "Maintenance that had been allowed would break a limit now and does not take effect.",
                  field("restriction", &MaintenanceRevoked::restriction, required, "which"),
                  field("reason", &MaintenanceRevoked::reason, required, "why"));
  }
};

struct TokenIssued {
  static constexpr std::string_view kType = "token.issued";
  TokenRecord token;
  static constexpr auto schema() {
    return object("TokenIssued", "A token was issued.", field("token", &TokenIssued::token, required, "what is kept of it"));
  }
};

struct TokenRevoked {
  static constexpr std::string_view kType = "token.revoked";
  std::string id;
  static constexpr auto schema() {
    return object("TokenRevoked", "A token was revoked.", field("id", &TokenRevoked::id, required, "which"));
  }
};

struct ContractsBreached {
  static constexpr std::string_view kType = "contracts.breached";
  std::string cause;
  std::map<std::string, std::vector<Shortfall>> contracts;
  static constexpr auto schema() {
    return object("ContractsBreached", "The estate will not give all that these contracts were sold.",
                  field("cause", &ContractsBreached::cause, required, "what changed"),
                  field("contracts", &ContractsBreached::contracts, required,
                        "by contract: all that is missing, in place of what was told before"));
  }
};

struct ContractsRestored {
  static constexpr std::string_view kType = "contracts.restored";
  std::vector<std::string> contracts;
  static constexpr auto schema() {
    return object("ContractsRestored", "Nothing is missing of these contracts any more.",
                  field("contracts", &ContractsRestored::contracts, required, "which"));
  }
};

struct ReplyRecorded {
  static constexpr std::string_view kType = "reply.recorded";
  StoredReply reply;
  static constexpr auto schema() {
    return object("ReplyRecorded", "A keyed request was answered.",
                  field("reply", &ReplyRecorded::reply, required, "the answer"));
  }
};

struct BooksCut {
  static constexpr std::string_view kType = "books.cut";
  Time at;
  static constexpr auto schema() {
    return object("BooksCut", "Everything before an instant has been metered: the end of a month, or of some terms.",
                  field("at", &BooksCut::at, required, "the instant"));
  }
};

struct MeterRead {
  static constexpr std::string_view kType = "meter.read";
  Reading reading;
  static constexpr auto schema() {
    return object("MeterRead", "A site's meter was read, in place of any reading from the same instant on.",
                  field("reading", &MeterRead::reading, required, "what it showed"));
  }
};

struct Adjusted {
  static constexpr std::string_view kType = "account.adjusted";
  std::string month;
  Adjustment adjustment;
  static constexpr auto schema() {
    return object("Adjusted", "Someone charged or credited a project.", field("month", &Adjusted::month, required, "on whose invoice it stands"),
                  field("adjustment", &Adjusted::adjustment, required, "what and why"));
  }
};

struct InvoiceIssued {
  static constexpr std::string_view kType = "invoice.issued";
  Invoice invoice;
  Entry entry;
  static constexpr auto schema() {
    return object("InvoiceIssued", "A tenant is asked for a month.", field("invoice", &InvoiceIssued::invoice, required, "what for"),
                  field("entry", &InvoiceIssued::entry, required, "how it stands in the ledger"));
  }
};

struct MonthClosed {
  static constexpr std::string_view kType = "month.closed";
  std::string month;
  std::vector<EnergyBalance> sites;
  std::vector<Entry> entries;
  static constexpr auto schema() {
    return object("MonthClosed", "A month was closed: after its invoices, nothing is added to it.",
                  field("month", &MonthClosed::month, required, "which"),
                  field("sites", &MonthClosed::sites, required, "where the energy of each site went"),
                  field("entries", &MonthClosed::entries, optional, "what the energy cost"));
  }
};

struct BudgetReached {
  static constexpr std::string_view kType = "budget.reached";
  std::string project;
  std::string month;
  Ppm part;
  Money spent;
  Money budget;
  bool stopped = false;
  static constexpr auto schema() {
    return object("BudgetReached", "A project has spent a part of its budget.",
                  field("project", &BudgetReached::project, required, "tenant/project"),
                  field("month", &BudgetReached::month, required, "of the budget"),
                  field("part", &BudgetReached::part, required, "the alert's"),
                  field("spent", &BudgetReached::spent, required, "by GPU time, without tax"),
                  field("budget", &BudgetReached::budget, required, "of the month"),
                  field("stopped", &BudgetReached::stopped, optional, "true: nothing of the project starts until the next month"));
  }
};

using Event = std::variant<LeadershipTaken, ObjectApplied, ObjectDeleted, JobSubmitted, JobStarted, TaskChanged,
                           JobStopping, UsageRecorded, JobRequeued, JobFinished, JobsForgotten, NodeRegistered, NodeLost,
                           NodeReturned, TokenIssued, TokenRevoked, ReplyRecorded, LimitsChanged, LimitsBroken, LimitsRestored,
                           JobShed, JobRestored, JobRepowered, MaintenanceRevoked, JobPromised, JobUnpromised, JobHeld,
                           JobResized, AuditRecorded, BooksCut, MeterRead, Adjusted, InvoiceIssued, MonthClosed, BudgetReached,
                           ContractsBreached, ContractsRestored, NodeEntered, NodeFound, NodeCordoned, NodeTestStarted, NodeTested,
                           RemedyWanted, RemedyOrdered, RemedyEnded, RemedyWithheld, NodeOverdue, BreakerOpened, BreakerClosed, TicketOpened,
                           TicketClosed, WaveBegun, WaveChanged, WaveTook, WaveLeft, IncidentOpened, IncidentChanged, IncidentClosed>;

/// An event with its place in the log.
struct EventRecord {
  Position position = 0;
  Time at;
  Epoch epoch = 0;
  std::string by;
  Event event;

  static constexpr auto schema() {
    return object("Event", "A fact with its place in the log.",
                  field("position", &EventRecord::position, required, "its number, without gaps"),
                  field("at", &EventRecord::at, required, "when it became true"),
                  field("epoch", &EventRecord::epoch, required, "the leader that wrote it"),
                  field("by", &EventRecord::by, optional, "who asked for it"),
                  field("event", &EventRecord::event, required, "what happened"));
  }
};

PENSTOCK_JSON_ELSEWHERE(EventRecord);

}  // namespace penstock
