// Events: facts, in the order in which they became true. The log is a list of them and the state is their fold.
#pragma once

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
  static constexpr auto schema() {
    return object("JobSubmitted", "A job was accepted.", field("uid", &JobSubmitted::uid, required, "its identity"),
                  field("name", &JobSubmitted::name, required, "tenant/project/job"),
                  field("labels", &JobSubmitted::labels, optional, "its labels"),
                  field("spec", &JobSubmitted::spec, required, "its spec"),
                  field("contract", &JobSubmitted::contract, required, "contract it runs under"));
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
  static constexpr auto schema() {
    return object("JobStopping", "What is left of a gang is being stopped.",
                  field("job", &JobStopping::job, required, "the job"),
                  field("reason", &JobStopping::reason, required, "why"),
                  field("message", &JobStopping::message, optional, "why, for people"));
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
  static constexpr auto schema() {
    return object("JobRequeued", "A job gave back its allocation and waits for another start.",
                  field("job", &JobRequeued::job, required, "the job"),
                  field("reason", &JobRequeued::reason, required, "why"),
                  field("message", &JobRequeued::message, optional, "why, for people"),
                  field("notBefore", &JobRequeued::not_before, required, "end of its back-off"));
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

struct ReplyRecorded {
  static constexpr std::string_view kType = "reply.recorded";
  StoredReply reply;
  static constexpr auto schema() {
    return object("ReplyRecorded", "A keyed request was answered.",
                  field("reply", &ReplyRecorded::reply, required, "the answer"));
  }
};

using Event = std::variant<LeadershipTaken, ObjectApplied, ObjectDeleted, JobSubmitted, JobStarted, TaskChanged,
                           JobStopping, UsageRecorded, JobRequeued, JobFinished, JobsForgotten, NodeRegistered, NodeLost,
                           NodeReturned, TokenIssued, TokenRevoked, ReplyRecorded>;

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
