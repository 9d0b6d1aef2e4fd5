// The fold: how each event changes the facts and the indexes.
#include "engine/state.h"

#include "base/name.h"
#include "engine/fleet/hardware.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock {
namespace {

std::string reply_key(const std::string& principal, const std::string& key) { return principal + '\n' + key; }

template <class Spec>
void put(ObjectMap<Spec>& map, const EventRecord& record, const ObjectApplied& event) {
  Object<Spec>& object = map[event.name];
  if (!object.uid) object.created = record.at;
  object.uid = event.uid;
  object.name = event.name;
  object.labels = event.labels;
  object.version = record.position;
  object.updated = record.at;
  auto spec = from_json<Spec>(event.spec);
  PENSTOCK_CHECK(spec.ok());
  object.spec = std::move(*spec);
}

void add_usage(Usage& total, const Usage& more) {
  total.allocation = more.allocation;
  total.job = more.job;
  total.contract = more.contract;
  total.to = more.to;
  total.gpus = more.gpus;
  total.gpu_time += more.gpu_time;
  total.energy += more.energy;
  if (more.energy_source == EnergySource::kModel) total.energy_source = EnergySource::kModel;
  total.cost += more.cost;
}

}  // namespace

std::string_view tenant_of(std::string_view name) { return name.substr(0, name.find('/')); }
std::string_view project_of(std::string_view job_name) { return parent_of(job_name); }

State::State(Facts facts) : facts_(std::move(facts)) {
  estate_stale_ = true;
  settle();
}

void State::settle() {
  if (!estate_stale_) return;
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  for (const auto& [name, object] : facts_.node_types) types[name] = object.spec;
  for (const auto& [name, object] : facts_.sites) sites[name] = object.spec;
  auto estate = Estate::compile(types, sites, Claims::kTaken);
  PENSTOCK_CHECK(estate.ok());  // validated before the event was written
  estate_ = std::make_shared<const Estate>(std::move(*estate));
  estate_stale_ = false;
  rebuild();
}

void State::rebuild() {
  loads_ = NodeLoads(*estate_);
  empty_ = NodeLoads(*estate_);
  power_ = PowerLoads(estate_);
  empty_power_ = PowerLoads(estate_);
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) {
    power_.recut(site, SiteRestrictions(power_.network(site), facts_), facts_.limits_as_of);
    empty_power_.recut_like(site, power_);
  }
  job_by_name_.clear();
  job_by_allocation_.clear();
  reply_by_key_.clear();
  pending_.clear();
  shed_.clear();
  finished_.clear();
  held_by_project_.clear();
  held_by_contract_.clear();
  pending_of_project_.clear();
  for (NodeIndex i = 0; i < estate_->nodes().size(); ++i) {
    loads_.set_ready(i, usable(i, facts_.limits_as_of));
    empty_.set_ready(i, true);
  }
  for (const auto& [uid, job] : facts_.jobs) {
    job_by_name_[job.name] = uid;  // jobs are in the order of their birth: the latest stays
    if (job.phase == JobPhase::kPending) {
      pending_.insert({job.spec.priority, uid});
      ++pending_of_project_[std::string(project_of(job.name))];
    } else if (job.holds()) {
      hold(job, true);
    } else {
      finished_.insert({*job.ended, uid});
    }
  }
  for (const auto& [position, reply] : facts_.replies) {
    reply_by_key_[reply_key(reply.principal, reply.key)] = position;
  }
  ++openings_;
}

// The limits of one site are cut anew; what is granted there weighs on the new ones.
void State::recut_power(SiteIndex site) {
  power_.recut(site, SiteRestrictions(power_.network(site), facts_), facts_.limits_as_of);
  empty_power_.recut_like(site, power_);
  const EstateSite& here = estate_->sites()[site];
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    loads_.set_ready(node, usable(node, facts_.limits_as_of));
  }
  for_each_held(site, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
    power_.take(node, draw_of(estate_->type_of(node).spec, task, job.shed.has_value()), job.allocation->until);
  });
  ++openings_;
}

// Simulated nodes always take work; others while an agent has them and they are what their type says, which may have
// changed since they registered.
bool State::usable(NodeIndex node, Time at) const {
  const auto& from = estate_->racks()[estate_->nodes()[node].rack].from;
  if (from && at < *from) return false;
  if (estate_->site_of(node).runtime == RuntimeKind::kSimulated) return true;
  const auto facts = facts_.nodes.find(estate_->nodes()[node].name);
  return facts != facts_.nodes.end() && !facts->second.lost &&
         check_hardware(facts->second.hello, estate_->type_of(node)).ok();
}

void State::refresh_ready(const std::string& node) {
  const NodeIndex index = estate_->find_node(node);
  if (index != kNowhere) loads_.set_ready(index, usable(index, facts_.limits_as_of));
}

void State::hold(const Job& job, bool take) {
  const Allocation& allocation = *job.allocation;
  for (std::int32_t rank = 0; rank < static_cast<std::int32_t>(allocation.tasks.size()); ++rank) {
    const TaskPlacement& task = allocation.tasks[rank];
    const NodeIndex node = estate_->find_node(task.node);
    PENSTOCK_CHECK(node != kNowhere);  // a node that holds work cannot be removed
    if (take) {
      loads_.reserve(node, task, {job.uid, rank});
    } else {
      loads_.release(node, task, {job.uid, rank});
    }
  }
  hold_power(job, take);
  if (take && job.shed) shed_.insert(job.uid);
  if (!take) shed_.erase(job.uid);
  const std::int64_t gpus = take ? allocation.gpus.count() : -allocation.gpus.count();
  held_by_project_[std::string(project_of(job.name))] += gpus;
  held_by_contract_[job.contract] += gpus;
  if (take) {
    job_by_allocation_[allocation.uid.value] = job.uid;
  } else {
    job_by_allocation_.erase(allocation.uid.value);
    ++openings_;
  }
  touch_nodes(job);
}

void State::hold_power(const Job& job, bool take) {
  for (const TaskPlacement& task : job.allocation->tasks) {
    const NodeIndex node = estate_->find_node(task.node);
    const Draw draw = draw_of(estate_->type_of(node).spec, task, job.shed.has_value());
    if (take) {
      power_.take(node, draw, job.allocation->until);
    } else {
      power_.give(node, draw, job.allocation->until);
    }
  }
}

// Changes what a running job draws.
void State::repower(Job& job, const std::function<void()>& change) {
  hold_power(job, false);
  change();
  hold_power(job, true);
  if (job.shed) {
    shed_.insert(job.uid);
  } else {
    shed_.erase(job.uid);
  }
  touch_nodes(job);
}

void State::touch(const std::string& node) {
  const NodeIndex index = estate_->find_node(node);
  if (index != kNowhere && estate_->site_of(index).runtime == RuntimeKind::kAgent) revisions_[node] = facts_.position;
}

void State::touch_nodes(const Job& job) {
  for (const TaskPlacement& task : job.allocation->tasks) touch(task.node);
}

Job& State::job(Uid uid) {
  const auto found = facts_.jobs.find(uid);
  PENSTOCK_CHECK(found != facts_.jobs.end());
  return found->second;
}

const Job* State::find_job(std::string_view name) const {
  const auto found = job_by_name_.find(std::string(name));
  return found == job_by_name_.end() ? nullptr : find_job(found->second);
}

const Job* State::find_job(Uid uid) const {
  const auto found = facts_.jobs.find(uid);
  return found == facts_.jobs.end() ? nullptr : &found->second;
}

const Job* State::job_of_allocation(Uid allocation) const {
  const auto found = job_by_allocation_.find(allocation.value);
  return found == job_by_allocation_.end() ? nullptr : find_job(found->second);
}

const StoredReply* State::find_reply(const std::string& principal, const std::string& key) const {
  const auto found = reply_by_key_.find(reply_key(principal, key));
  return found == reply_by_key_.end() ? nullptr : &facts_.replies.at(found->second);
}

MilliGpu State::held_by_project(std::string_view project) const {
  const auto found = held_by_project_.find(std::string(project));
  return MilliGpu(found == held_by_project_.end() ? 0 : found->second);
}

MilliGpu State::held_by_contract(std::string_view contract) const {
  const auto found = held_by_contract_.find(std::string(contract));
  return MilliGpu(found == held_by_contract_.end() ? 0 : found->second);
}

std::int64_t State::pending_of_project(std::string_view project) const {
  const auto found = pending_of_project_.find(std::string(project));
  return found == pending_of_project_.end() ? 0 : found->second;
}

std::uint64_t State::revision(const std::string& node) const {
  const auto found = revisions_.find(node);
  return found == revisions_.end() ? 0 : found->second;
}

std::uint64_t state_hash(std::string_view snapshot) { return XXH3_64bits(snapshot.data(), snapshot.size()); }

void State::fold(const EventRecord& record) {
  PENSTOCK_CHECK(record.position == facts_.position + 1);
  const bool changes_specs =
      std::holds_alternative<ObjectApplied>(record.event) || std::holds_alternative<ObjectDeleted>(record.event);
  if (!changes_specs) settle();
  facts_.position = record.position;
  facts_.now = record.at;
  std::visit([&](const auto& event) { on(record, event); }, record.event);
}

void State::on(const EventRecord&, const LeadershipTaken& event) { facts_.epoch = event.epoch; }

void State::on(const EventRecord& record, const ObjectApplied& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.uid.value);
  facts_.limits_as_of = record.at;
  ++openings_;
  switch (event.kind) {
    case Kind::kNodeType: put(facts_.node_types, record, event); estate_stale_ = true; break;
    case Kind::kSite: put(facts_.sites, record, event); estate_stale_ = true; break;
    case Kind::kTenant: put(facts_.tenants, record, event); break;
    case Kind::kProject: put(facts_.projects, record, event); break;
    case Kind::kContract: put(facts_.contracts, record, event); break;
    case Kind::kRestriction: 
      put(facts_.restrictions, record, event);
      facts_.revoked.erase(event.name);
      if (!estate_stale_) recut_power(estate_->find_site(parent_of(event.name)));
      break;
    case Kind::kJob: PENSTOCK_CHECK(false); break;
  }
}

void State::on(const EventRecord& record, const ObjectDeleted& event) {
  facts_.limits_as_of = record.at;
  ++openings_;
  switch (event.kind) {
    case Kind::kNodeType: facts_.node_types.erase(event.name); estate_stale_ = true; break;
    case Kind::kSite: 
      facts_.sites.erase(event.name);
      facts_.broken.erase(event.name);
      estate_stale_ = true;
      break;
    case Kind::kTenant: facts_.tenants.erase(event.name); break;
    case Kind::kProject: facts_.projects.erase(event.name); break;
    case Kind::kContract: facts_.contracts.erase(event.name); break;
    case Kind::kRestriction: 
      facts_.restrictions.erase(event.name);
      facts_.revoked.erase(event.name);
      if (!estate_stale_) recut_power(estate_->find_site(parent_of(event.name)));
      break;
    case Kind::kJob: PENSTOCK_CHECK(false); break;
  }
}

void State::on(const EventRecord& record, const JobSubmitted& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.uid.value);
  Job job;
  job.uid = event.uid;
  job.name = event.name;
  job.labels = event.labels;
  job.spec = event.spec;
  job.contract = event.contract;
  job.submitter = record.by;
  job.submitted = record.at;
  job.version = record.position;
  job_by_name_[job.name] = job.uid;
  pending_.insert({job.spec.priority, job.uid});
  ++pending_of_project_[std::string(project_of(job.name))];
  facts_.jobs.emplace(job.uid, std::move(job));
}

void State::on(const EventRecord& record, const JobStarted& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.allocation.uid.value);
  Job& job = this->job(event.allocation.job);
  PENSTOCK_CHECK(pending_.erase({job.spec.priority, job.uid}) == 1);
  --pending_of_project_[std::string(project_of(job.name))];
  job.phase = JobPhase::kStarting;
  job.reason = JobReason::kNone;
  job.message.clear();
  job.allocation = event.allocation;
  job.tasks.assign(event.allocation.tasks.size(), TaskReport{});
  for (std::size_t rank = 0; rank < job.tasks.size(); ++rank) {
    job.tasks[rank].allocation = event.allocation.uid;
    job.tasks[rank].rank = static_cast<std::int32_t>(rank);
  }
  job.version = record.position;
  hold(job, true);
}

void State::on(const EventRecord& record, const TaskChanged& event) {
  Job& job = this->job(event.job);
  job.tasks.at(event.report.rank) = event.report;
  job.version = record.position;
  if (job.phase == JobPhase::kStarting) {
    bool all = true;
    for (const TaskReport& task : job.tasks) all = all && task.phase != TaskPhase::kAssigned;
    if (all) {
      job.phase = JobPhase::kRunning;
      if (!job.started) job.started = record.at;
    }
  }
  if (event.report.phase == TaskPhase::kExited) touch(job.allocation->tasks.at(event.report.rank).node);
}

void State::on(const EventRecord& record, const JobStopping& event) {
  Job& job = this->job(event.job);
  job.phase = JobPhase::kStopping;
  job.reason = event.reason;
  job.message = event.message;
  job.version = record.position;
  touch_nodes(job);
}

void State::on(const EventRecord&, const UsageRecorded& event) {
  Job& job = this->job(event.usage.job);
  if (!job.usage) {
    job.usage = event.usage;
  } else {
    add_usage(*job.usage, event.usage);
  }
  const std::string project(project_of(event.usage.workload));
  Usage& total = facts_.usage_by_project[project + " " + event.usage.cost.currency];
  if (!total.allocation) {
    total = event.usage;
    total.workload = project;
  } else {
    add_usage(total, event.usage);
  }
}

void State::on(const EventRecord& record, const JobRequeued& event) {
  Job& job = this->job(event.job);
  hold(job, false);
  job.shed.reset();
  job.phase = JobPhase::kPending;
  job.reason = event.reason;
  job.message = event.message;
  job.not_before = event.not_before;
  ++job.attempt;
  if (event.reason == JobReason::kShed) ++job.sheds;
  job.version = record.position;
  pending_.insert({job.spec.priority, job.uid});
  ++pending_of_project_[std::string(project_of(job.name))];
}

void State::on(const EventRecord& record, const JobFinished& event) {
  Job& job = this->job(event.job);
  if (job.phase == JobPhase::kPending) {
    PENSTOCK_CHECK(pending_.erase({job.spec.priority, job.uid}) == 1);
    --pending_of_project_[std::string(project_of(job.name))];
    ++openings_;
  } else {
    hold(job, false);
    job.shed.reset();
  }
  job.phase = event.phase;
  job.reason = event.reason;
  job.message = event.message;
  job.ended = record.at;
  job.version = record.position;
  finished_.insert({record.at, job.uid});
}

void State::on(const EventRecord&, const JobsForgotten& event) {
  for (Uid uid : event.jobs) {
    const Job& job = this->job(uid);
    PENSTOCK_CHECK(is_final(job.phase));
    finished_.erase({*job.ended, uid});
    const auto named = job_by_name_.find(job.name);
    if (named != job_by_name_.end() && named->second == uid) job_by_name_.erase(named);
    facts_.jobs.erase(uid);
  }
}

void State::on(const EventRecord& record, const NodeRegistered& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.registration.value);
  NodeFacts& node = facts_.nodes[event.hello.node];
  if (!node.token_id.empty()) facts_.tokens.erase(node.token_id);
  node.name = event.hello.node;
  node.registration = event.registration;
  node.lost = false;
  node.hello = event.hello;
  node.token_id = event.token.id;
  node.registered = record.at;
  node.changed = record.at;
  node.version = record.position;
  facts_.tokens[event.token.id] = event.token;
  refresh_ready(event.hello.node);
  ++openings_;
}

void State::on(const EventRecord& record, const NodeLost& event) {
  NodeFacts& node = facts_.nodes.at(event.node);
  node.lost = true;
  node.changed = record.at;
  node.version = record.position;
  refresh_ready(event.node);
}

void State::on(const EventRecord& record, const NodeReturned& event) {
  NodeFacts& node = facts_.nodes.at(event.node);
  node.lost = false;
  node.changed = record.at;
  node.version = record.position;
  refresh_ready(event.node);
  ++openings_;
}

void State::on(const EventRecord& record, const LimitsChanged&) {
  facts_.limits_as_of = record.at;
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) {
    const auto& segments = power_.segments(site);
    if (segments.size() > 1 && segments[1].from <= record.at) recut_power(site);
  }
}

void State::on(const EventRecord&, const LimitsBroken& event) { facts_.broken[event.site] = event.rows; }

void State::on(const EventRecord&, const LimitsRestored& event) { facts_.broken.erase(event.site); }

void State::on(const EventRecord& record, const JobShed& event) {
  Job& job = this->job(event.job);
  repower(job, [&] { job.shed = ShedState{record.at, event.cause, event.stop}; });
  job.version = record.position;
}

void State::on(const EventRecord& record, const JobRestored& event) {
  Job& job = this->job(event.job);
  repower(job, [&] { job.shed.reset(); });
  job.version = record.position;
}

void State::on(const EventRecord& record, const JobRepowered& event) {
  Job& job = this->job(event.job);
  job.spec.gpu_power = event.gpu_power;
  job.version = record.position;
  if (!job.holds()) return;
  repower(job, [&] {
    job.allocation->demand = event.demand;
    job.allocation->firm = event.firm;
    for (std::size_t rank = 0; rank < event.tasks.size(); ++rank) {
      TaskPlacement& task = job.allocation->tasks[rank];
      const NodeIndex node = estate_->find_node(task.node);
      const HeldTask holder{job.uid, static_cast<std::int32_t>(rank)};
      loads_.release(node, task, holder);
      task.demand = event.tasks[rank].demand;
      task.firm = event.tasks[rank].firm;
      loads_.reserve(node, task, holder);
    }
  });
  ++openings_;
}

void State::on(const EventRecord&, const MaintenanceRevoked& event) {
  facts_.revoked[event.restriction] = event.reason;
  recut_power(estate_->find_site(parent_of(event.restriction)));
}

void State::on(const EventRecord&, const TokenIssued& event) { facts_.tokens[event.token.id] = event.token; }

void State::on(const EventRecord&, const TokenRevoked& event) { facts_.tokens.erase(event.id); }

void State::on(const EventRecord& record, const ReplyRecorded& event) {
  facts_.replies[record.position] = event.reply;
  reply_by_key_[reply_key(event.reply.principal, event.reply.key)] = record.position;
  while (!facts_.replies.empty()) {
    const auto oldest = facts_.replies.begin();
    if (facts_.replies.size() <= kMostReplies && record.at - oldest->second.at <= kReplyAge) break;
    const auto keyed = reply_by_key_.find(reply_key(oldest->second.principal, oldest->second.key));
    if (keyed != reply_by_key_.end() && keyed->second == oldest->first) reply_by_key_.erase(keyed);
    facts_.replies.erase(oldest);
  }
}

}  // namespace penstock
