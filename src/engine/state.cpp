// The fold: how each event changes the facts and the indexes.
#include "engine/state.h"

#include "base/month.h"
#include "base/name.h"
#include "engine/contracts/contracts.h"
#include "engine/contracts/sale.h"
#include "engine/fleet/hardware.h"
#include "engine/fleet/lifecycle.h"
#include "engine/ledger/bookkeeping.h"
#include "engine/queue/sizes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace penstock {
namespace {

std::string reply_key(const std::string& principal, const std::string& key) { return principal + '\n' + key; }

// 0 of what nobody has counted.
std::int64_t count_of(const std::unordered_map<std::string, std::int64_t>& counts, std::string_view name) {
  const auto found = counts.find(std::string(name));
  return found == counts.end() ? 0 : found->second;
}

// Nobody where none have been noted.
const std::set<Uid>& set_of(const std::unordered_map<std::string, std::set<Uid>>& sets, const std::string& name) {
  static const std::set<Uid> kNone;
  const auto found = sets.find(name);
  return found == sets.end() ? kNone : found->second;
}

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

// The oldest of those that are closed go.
template <class T>
void forget_closed(std::map<Uid, T>& all, std::size_t most) {
  auto closed = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& entry) { return entry.second.closed.has_value(); }));
  for (auto at = all.begin(); closed > most;) {
    const bool go = at->second.closed.has_value();
    at = go ? all.erase(at) : std::next(at);
    closed -= go ? 1 : 0;
  }
}

}  // namespace

std::string_view tenant_of(std::string_view name) { return name.substr(0, name.find('/')); }
std::string_view project_of(std::string_view job_name) { return parent_of(job_name); }

State::State(Facts facts) : facts_(std::move(facts)) {
  compile();
}

void State::settle() {
  if (estate_stale_) compile();
}

void State::compile() {
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
  standing_.assign(estate_->sites().size(), {});
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) note_standing(site);
  spend_rate_.clear();
  job_by_uid_.clear();
  job_by_name_.clear();
  job_by_allocation_.clear();
  reply_by_key_.clear();
  line_.clear();
  held_.clear();
  promised_.clear();
  promised_places_ = 0;
  promised_nodes_.clear();
  promised_to_.clear();
  shed_.clear();
  finished_.clear();
  held_by_project_.clear();
  held_by_tenant_.clear();
  held_by_contract_.clear();
  holders_by_contract_.clear();
  holders_by_project_.clear();
  undersized_.clear();
  pending_of_project_.clear();
  typical_.clear();
  spot_.assign(estate_->sites().size(), {});
  holders_by_site_.assign(estate_->sites().size(), {});
  facts_of_node_.assign(estate_->nodes().size(), nullptr);
  for (const auto& [name, node] : facts_.nodes) {
    const NodeIndex index = estate_->find_node(name);
    if (index != kNowhere) facts_of_node_[index] = &node;
  }
  care_of_node_.assign(estate_->nodes().size(), nullptr);
  amiss_.clear();
  outs_ = Outs(*estate_);
  fleet_news_.clear();
  for (const auto& [name, care] : facts_.care) fleet_news_.insert(name);
  wave_news_ = !facts_.waves.empty();
  open_incidents_.clear();
  incident_of_.clear();
  for (const auto& [uid, incident] : facts_.incidents) {
    if (!incident.closed) note_incident(incident, true);
  }
  staying_by_node_.assign(estate_->nodes().size(), 0);
  staying_by_pool_.assign(estate_->sites().size(), {});
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) {
    staying_by_pool_[site].resize(loads_.site(site).pools().size());
  }
  for (const auto& [name, care] : facts_.care) {
    const NodeIndex index = estate_->find_node(name);
    if (index == kNowhere) continue;
    care_of_node_[index] = &care;
    note_amiss(index);
  }
  for (NodeIndex i = 0; i < estate_->nodes().size(); ++i) {
    loads_.site_of(i).set_ready(i, usable(i, facts_.limits_as_of));
    empty_.site_of(i).set_ready(i, true);
  }
  for (auto& [uid, job] : facts_.jobs) {
    job_by_uid_[uid.value] = &job;
    if (!is_final(job.phase)) count_typical(job, 1);
    job_by_name_[job.name] = uid;  // jobs are in the order of their birth: the latest stays
    if (job.phase == JobPhase::kPending) {
      join(job);
      if (job.promise) {
        note_promise(job, true);
      }
    } else if (job.holds()) {
      hold(job, true);
    } else {
      finished_.insert({*job.ended, uid});
    }
  }
  for (const auto& [position, reply] : facts_.replies) {
    reply_by_key_[reply_key(reply.principal, reply.key)] = position;
  }
  if (facts_.books.cut != Time{}) next_cut_ = penstock::next_cut(facts_, facts_.books.cut);
  ++openings_;
  ++bounds_;
}

// What flows into the site when nothing works: it is all that the month's energy has besides the rows of usage.
void State::note_standing(SiteIndex site) {
  StandingLoad& standing = standing_[site];
  const SiteNetwork& network = power_.network(site);
  const SiteLimits& limits = *power_.segments(site).front().limits;
  const Routing routing(network, limits.condition());
  const auto import = static_cast<std::uint32_t>(estate_->sites()[site].elements);
  std::vector<std::int64_t> by_group(network.groups().size());
  for (GroupIndex group = 0; group < by_group.size(); ++group) {
    for (const Routing::Weight& weight : routing.weights(group)) {
      if (weight.element == import) by_group[group] = weight.ppm;
    }
  }
  standing.weights.resize(network.columns().size());
  for (ColumnIndex column = 0; column < standing.weights.size(); ++column) {
    standing.weights[column] = by_group[network.columns()[column].group];
  }
  standing.load = routing.base().back();
  standing.gpus = MilliGpu();
  const EstateSite& here = estate_->sites()[site];
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    const ColumnIndex column = power_.column_of(node);
    if (!limits.ready(column)) continue;
    const NodeTypeSpec& type = estate_->type_of(node).spec;
    if (!limits.dark(column)) standing.load += standing.weights[column] * type.power.idle.count();
    standing.gpus += MilliGpu(std::int64_t{1000} * type.devices.count);
  }
}

void State::stand_all(Time now) {
  for (SiteIndex site = 0; site < standing_.size(); ++site) {
    stand(facts_.books, estate_->sites()[site].name, standing_[site].load, standing_[site].gpus, now);
  }
}

// Nodes that are ready serve the contracts in the order of their signing, and so do those that take nothing new and go on with
// what they have. What is lacking by contract; `without` a node, as if it were out (kNowhere: none).
std::map<std::string, std::int64_t> State::lacking(Time now, NodeIndex without) const {
  std::map<Uid, const Object<ContractSpec>*> promised;
  std::map<std::string, std::int64_t> lacking;
  for (const auto& [name, meter] : facts_.books.rights) {
    const Object<ContractSpec>& contract = facts_.contracts.at(name);
    if (contract.spec.sla && reserved_at(contract.spec, now) > 0) promised[contract.uid] = &contract;
    if (!meter.gaps.empty()) lacking[name] = 0;
  }
  if (promised.empty()) return lacking;
  std::map<std::pair<SiteIndex, std::size_t>, std::int64_t> working;
  const auto count = [&](NodeIndex node, std::int64_t sign) {
    working[{estate_->nodes()[node].site, loads_.site_of(node).pool_of(node)}] += sign * estate_->type_of(node).spec.devices.count;
  };
  for (const NodeIndex node : amiss_) {
    if (node != without && works_on(node)) count(node, 1);
  }
  if (without != kNowhere && loads_.ready(without)) count(without, -1);
  std::map<std::pair<SiteIndex, std::size_t>, std::int64_t> there;
  for (const auto& [uid, contract] : promised) {
    const TenantSpec& tenant = facts_.tenants.at(std::string(tenant_of(contract->name))).spec;
    const std::vector<std::string> models = models_of(contract->spec);
    std::int64_t& left_over = lacking[contract->name] = reserved_at(contract->spec, now);
    for (SiteIndex index = 0; index < estate_->sites().size() && left_over > 0; ++index) {
      if (!covers_site(tenant.jurisdictions, contract->spec, estate_->sites()[index])) continue;
      const auto& pools = loads_.site(index).pools();
      for (std::size_t pool = 0; pool < pools.size() && left_over > 0; ++pool) {
        const DeviceSpec& devices = estate_->types()[pools[pool].type].spec.devices;
        if (!allows(models, devices.model)) continue;
        const auto [free, fresh] = there.try_emplace({index, pool}, std::int64_t{pools[pool].ready} * devices.count);
        if (fresh) {
          const auto more = working.find({index, pool});
          if (more != working.end()) free->second += more->second;
        }
        const std::int64_t some = std::min(left_over, free->second);
        free->second -= some;
        left_over -= some;
      }
    }
  }
  return lacking;
}

void State::note_missing(Time now) {
  for (const auto& [name, gpus] : lacking(now, kNowhere)) {
    accrue_contract(name, now);
    miss(facts_.books, name, gpus);
  }
}

bool State::short_without(NodeIndex node, Time now) const {
  if (!loads_.ready(node) && !works_on(node)) return false;
  const auto now_lacking = lacking(now, kNowhere);
  for (const auto& [name, gpus] : lacking(now, node)) {
    const auto before = now_lacking.find(name);
    if (gpus > (before == now_lacking.end() ? 0 : before->second)) return true;
  }
  return false;
}

// A node that takes nothing new, and whose work goes on.
bool State::works_on(NodeIndex node) const {
  const NodeFacts* facts = facts_of_node_[node];
  return !loads_.tasks(node).empty() && (facts == nullptr || !facts->lost);
}

void State::accrue_contract(const std::string& contract, Time now) {
  accrue(facts_.books, contract, facts_.contracts.at(contract).spec, held_by_contract(contract), now);
}

// What the job's GPUs cost from now on; those of capacity cost nothing by themselves.
void State::rate(const Job& job, std::int64_t sign) {
  const Money& price = job.metered ? job.metered->price : job.allocation->price_per_gpu_hour;
  if (facts_.contracts.at(job.contract).spec.billing == Billing::kCapacity) return;
  spend_rate_[fmt::format("{} {}", project_of(job.name), price.currency)] += sign * job.allocation->gpus.count() * price.micros;
}

std::int64_t State::rate_of(const std::string& project) const {
  const auto& budget = facts_.projects.at(project).spec.budget;
  return budget ? count_of(spend_rate_, project + " " + budget->per_month.currency) : 0;
}

void State::accrue_spending(const std::string& project, Time now) {
  const auto spending = facts_.books.spending.find(project);
  if (spending != facts_.books.spending.end()) spend(spending->second, rate_of(project), now);
}

Money State::spent_by(const std::string& project, Time at) const {
  Spending spending = facts_.books.spending.at(project);
  spend(spending, rate_of(project), at);
  return {spending.spent, facts_.projects.at(project).spec.budget->per_month.currency};
}

std::optional<Time> State::spends(const std::string& project, const Money& spent) const {
  return spent_at(facts_.books.spending.at(project), rate_of(project), spent.micros);
}

// The limits of one site are cut anew; what is granted there weighs on the new ones.
void State::recut_power(SiteIndex site) {
  power_.recut(site, SiteRestrictions(power_.network(site), facts_), facts_.limits_as_of);
  empty_power_.recut_like(site, power_);
  const EstateSite& here = estate_->sites()[site];
  for (NodeIndex node = here.first_node; node < here.first_node + here.nodes; ++node) {
    loads_.site(site).set_ready(node, usable(node, facts_.limits_as_of));
  }
  loads_.site(site).opened();
  stand_all(facts_.now);
  note_standing(site);
  facts_.books.assess = true;
  for_each_held(site, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
    power_.take(node, draw_of(estate_->type_of(node).spec, task, job.shed.has_value()), job.allocation->until);
  });
  ++openings_;
}

// Simulated nodes take work unless they were lost, which alone is known of them; others while an agent has them and they are what their type says, which may have
// changed since they registered.
bool State::usable(NodeIndex node, Time at) const {
  const auto& from = estate_->racks()[estate_->nodes()[node].rack].from;
  if (from && at < *from) return false;
  const Care* care = care_of_node_[node];
  if (care != nullptr && (!takes_work(care->state) || care->cordon || !care->maintenance.empty())) return false;
  const NodeFacts* facts = facts_of_node_[node];
  if (estate_->site_of(node).runtime == RuntimeKind::kSimulated) {
    return facts == nullptr || facts->registration != Uid{};  // of an agent that it had before
  }
  return facts != nullptr && !facts->lost && check_hardware(facts->hello, estate_->type_of(node)).ok();
}

// What is known of a node has changed.
void State::note_node(const std::string& name) {
  const NodeIndex index = estate_->find_node(name);
  if (index == kNowhere) return;
  const auto facts = facts_.nodes.find(name);
  facts_of_node_[index] = facts == facts_.nodes.end() ? nullptr : &facts->second;
  const auto care = facts_.care.find(name);
  care_of_node_[index] = care == facts_.care.end() ? nullptr : &care->second;
  note_amiss(index);
  const bool was = loads_.ready(index);
  loads_.site_of(index).set_ready(index, usable(index, facts_.limits_as_of));
  if (!was && loads_.ready(index)) ++openings_;
  facts_.books.assess = true;
  fleet_news_.insert(name);
  if (care_of_node_[index] != nullptr && !care_of_node_[index]->maintenance.empty()) wave_news_ = true;
}

void State::note_amiss(NodeIndex node) {
  const Care* care = care_of_node_[node];
  const bool amiss = care != nullptr && (!takes_work(care->state) || care->cordon || !care->maintenance.empty());
  if (amiss) {
    amiss_.insert(node);
  } else {
    amiss_.erase(node);
  }
  outs_.set(*estate_, node, care != nullptr && (care->faulty || !care->maintenance.empty()));
}

// Where a node stands of which nothing is kept.
NodeState State::node_state(NodeIndex node, Time at) const {
  if (const Care* care = care_of_node_[node]) return care->state;
  const auto& from = estate_->racks()[estate_->nodes()[node].rack].from;
  if (from && at < *from) return NodeState::kPlanned;
  if (estate_->site_of(node).runtime == RuntimeKind::kSimulated || facts_of_node_[node] != nullptr) return NodeState::kReady;
  return NodeState::kRacked;
}

// The record of a node, new if nothing was kept of it.
Care& State::care(const EventRecord& record, const std::string& node) {
  const auto [at, fresh] = facts_.care.try_emplace(node);
  if (fresh) {
    const NodeIndex index = estate_->find_node(node);
    at->second.state = index == kNowhere ? NodeState::kReady : node_state(index, record.at);
    at->second.since = record.at;
  }
  at->second.version = record.position;
  return at->second;
}

// By rank; kNowhere for a node that has left the estate.
std::vector<NodeIndex> State::nodes_of(const std::vector<TaskPlacement>& tasks) const {
  std::vector<NodeIndex> nodes;
  nodes.reserve(tasks.size());
  for (const TaskPlacement& task : tasks) {
    nodes.push_back(estate_->find_node_after(nodes.empty() ? kNowhere - 1 : nodes.back(), task.node));
  }
  return nodes;
}

void State::hold(const Job& job, bool take) {
  const Allocation& allocation = *job.allocation;
  if (take) {
    Held held{nodes_of(allocation.tasks), 0, 0};
    for (const NodeIndex node : held.nodes) PENSTOCK_CHECK(node != kNowhere);  // one that holds work cannot be removed
    for (const TaskReport& task : job.tasks) {
      if (task.phase == TaskPhase::kAssigned) ++held.unstarted;
      if (task.phase != TaskPhase::kExited) ++held.open;
    }
    held_[job.uid.value] = std::move(held);
  }
  const std::vector<NodeIndex>& nodes = held_nodes(job.uid);
  if (!nodes.empty()) {
    std::set<Uid>& holders = holders_by_site_[estate_->nodes()[nodes.front()].site];
    if (take) {
      holders.insert(job.uid);
    } else {
      holders.erase(job.uid);
    }
    SiteLoads& loads = loads_.site_of(nodes.front());
    for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
      const auto as = static_cast<std::int32_t>(rank);
      if (take) {
        loads.reserve(nodes[rank], allocation.tasks[rank], job.uid, as);
      } else {
        loads.release(nodes[rank], allocation.tasks[rank], job.uid, as);
        if (care_of_node_[nodes[rank]] != nullptr) fleet_news_.insert(allocation.tasks[rank].node);
      }
    }
  }
  hold_power(job, nodes, take);
  if (take && job.shed) shed_.insert(job.uid);
  if (!take) shed_.erase(job.uid);
  const ServiceClass service_class = class_of(job);
  if (service_class == ServiceClass::kSpot && !nodes.empty()) {
    std::set<Uid>& spot = spot_[estate_->nodes()[nodes.front()].site];
    if (take && job.phase != JobPhase::kStopping) {
      spot.insert(job.uid);
    } else {
      spot.erase(job.uid);
    }
  }
  if (service_class != ServiceClass::kSpot) {
    for (const NodeIndex node : nodes) {
      std::int32_t& tasks = staying_by_node_[node];
      auto& touched = staying_by_pool_[estate_->nodes()[node].site];
      if (take ? tasks++ == 0 : --tasks == 0) touched[loads_.site_of(node).pool_of(node)] += take ? 1 : -1;
    }
  }
  const std::int64_t gpus = take ? allocation.gpus.count() : -allocation.gpus.count();
  held_by_project_[std::string(project_of(job.name))] += gpus;
  held_by_tenant_[std::string(tenant_of(job.name))] += gpus;
  held_by_contract_[job.contract] += gpus;
  std::set<Uid>& of_contract = holders_by_contract_[job.contract];
  std::set<Uid>& of_project = holders_by_project_[std::string(project_of(job.name))];
  if (take) {
    of_contract.insert(job.uid);
    of_project.insert(job.uid);
  } else {
    of_contract.erase(job.uid);
    of_project.erase(job.uid);
  }
  note_size(job, take);
  rate(job, take ? 1 : -1);
  if (take) {
    job_by_allocation_[allocation.uid.value] = job.uid;
  } else {
    job_by_allocation_.erase(allocation.uid.value);
    ++openings_;
  }
  touch_nodes(job);
  if (!take) held_.erase(job.uid.value);
}

void State::note_size(const Job& job, bool holds) {
  const auto sizes = sizes_of(job);
  if (sizes && holds && size_of(job.allocation->tasks, *sizes) < sizes->most) {
    undersized_.insert(job.uid);
  } else if (sizes) {
    undersized_.erase(job.uid);
  }
}

// Before what is held changes: the averages and sums of until now.
void State::note_shares(const Job& job, Time now) {
  const std::string project(project_of(job.name));
  const std::string tenant(tenant_of(job.name));
  facts_.shares[project] = settled(facts_.shares[project], held_by_project(project), now);
  facts_.shares[tenant] = settled(facts_.shares[tenant], held_by_tenant(tenant), now);
  accrue_contract(job.contract, now);
  accrue_spending(project, now);
}

ServiceClass State::class_of(const Job& job) const { return facts_.contracts.at(job.contract).spec.service_class; }

void State::join(const Job& job) {
  line_.add(job, class_of(job), facts_.now);
  ++pending_of_project_[std::string(project_of(job.name))];
}

void State::leave(const Job& job) {
  line_.remove(job);
  --pending_of_project_[std::string(project_of(job.name))];
}

void State::count_typical(const Job& job, std::int32_t sign) {
  typical_.count(job.spec, facts_.contracts.at(job.contract).spec, sign);
}

void State::keep_promised(const Job& job, bool kept) {
  for (const NodeIndex node : promised_nodes(job.uid)) {
    if (node != kNowhere) loads_.site_of(node).set_aside(node, kept);
  }
}

void State::note_promise(const Job& job, bool given) {
  if (given) promised_nodes_[job.uid.value] = nodes_of(job.promise->tasks);
  keep_promised(job, given);
  if (!given) promised_nodes_.erase(job.uid.value);
  if (!job.promise->tasks.empty()) promised_places_ += given ? 1 : -1;
  const std::int64_t gpus = given ? least_gpus(job.spec).count() : -least_gpus(job.spec).count();
  promised_to_[std::string(project_of(job.name))] += gpus;
  promised_to_[std::string(tenant_of(job.name))] += gpus;
  if (given) {
    promised_.emplace(std::pair(job.promise->since, job.uid), &job);
  } else {
    promised_.erase({job.promise->since, job.uid});
  }
}

MilliGpu State::promised_to(const std::string& name) const { return MilliGpu(count_of(promised_to_, name)); }

void State::unpromise(Job& job) {
  if (!job.promise) return;
  note_promise(job, false);
  job.promise.reset();
  ++openings_;
}

// Neighbours of one column that draw alike go in one step: each walks the limit table once.
void State::hold_power(const Job& job, const std::vector<NodeIndex>& nodes, bool take) {
  const std::vector<TaskPlacement>& tasks = job.allocation->tasks;
  const auto draw = [&](std::size_t rank) { return draw_of(estate_->type_of(nodes[rank]).spec, tasks[rank], job.shed.has_value()); };
  for (std::size_t rank = 0; rank < nodes.size();) {
    const Draw first = draw(rank);
    std::size_t end = rank + 1;
    while (end < nodes.size() && estate_->nodes()[nodes[end]].rack == estate_->nodes()[nodes[rank]].rack &&
           power_.column_of(nodes[end]) == power_.column_of(nodes[rank]) && draw(end) == first) {
      ++end;
    }
    const std::span<const NodeIndex> alike(nodes.data() + rank, end - rank);
    if (take) {
      power_.take(alike, first, job.allocation->until);
    } else {
      power_.give(alike, first, job.allocation->until);
    }
    rank = end;
  }
}

// Changes what a running job draws.
void State::repower(Job& job, const std::function<void()>& change) {
  const std::vector<NodeIndex>& nodes = held_nodes(job.uid);
  hold_power(job, nodes, false);
  change();
  hold_power(job, nodes, true);
  if (!nodes.empty()) loads_.site_of(nodes.front()).opened();
  if (job.shed) {
    shed_.insert(job.uid);
  } else {
    shed_.erase(job.uid);
  }
  touch_nodes(job);
}

void State::touch(NodeIndex node) {
  if (estate_->site_of(node).runtime == RuntimeKind::kAgent) revisions_[estate_->nodes()[node].name] = facts_.position;
}

void State::touch_nodes(const Job& job) {
  for (const NodeIndex node : held_nodes(job.uid)) touch(node);
}

Job& State::job(Uid uid) {
  const auto found = job_by_uid_.find(uid.value);
  PENSTOCK_CHECK(found != job_by_uid_.end());
  return *found->second;
}

const Job* State::find_job(std::string_view name) const {
  const auto found = job_by_name_.find(std::string(name));
  return found == job_by_name_.end() ? nullptr : find_job(found->second);
}

const Job* State::find_job(Uid uid) const {
  const auto found = job_by_uid_.find(uid.value);
  return found == job_by_uid_.end() ? nullptr : found->second;
}

const Job* State::job_of_allocation(Uid allocation) const {
  const auto found = job_by_allocation_.find(allocation.value);
  return found == job_by_allocation_.end() ? nullptr : find_job(found->second);
}

const StoredReply* State::find_reply(const std::string& principal, const std::string& key) const {
  const auto found = reply_by_key_.find(reply_key(principal, key));
  return found == reply_by_key_.end() ? nullptr : &facts_.replies.at(found->second);
}

MilliGpu State::held_by_project(std::string_view project) const { return MilliGpu(count_of(held_by_project_, project)); }

MilliGpu State::held_by_tenant(std::string_view tenant) const { return MilliGpu(count_of(held_by_tenant_, tenant)); }

const std::set<Uid>& State::holders_by_contract(const std::string& contract) const { return set_of(holders_by_contract_, contract); }

const std::set<Uid>& State::holders_by_project(const std::string& project) const { return set_of(holders_by_project_, project); }

MilliGpu State::held_by_contract(std::string_view contract) const { return MilliGpu(count_of(held_by_contract_, contract)); }

std::int64_t State::pending_of_project(std::string_view project) const { return count_of(pending_of_project_, project); }

std::uint64_t State::revision(const std::string& node) const {
  const auto found = revisions_.find(node);
  return found == revisions_.end() ? 0 : found->second;
}

std::uint64_t state_hash(std::string_view snapshot) { return XXH3_64bits(snapshot.data(), snapshot.size()); }

void State::fold(const EventRecord& record) {
  PENSTOCK_CHECK(record.position == facts_.position + 1);
  const bool changes_specs =
      std::holds_alternative<ObjectApplied>(record.event) || std::holds_alternative<ObjectDeleted>(record.event);
  // The parts of one apply make no sense alone; once time has passed they are whole.
  if (!changes_specs || facts_.now < record.at) settle();
  if (facts_.books.assess && facts_.now < record.at && facts_.now < next_cut_) {
    facts_.books.assess = false;
    note_missing(facts_.now);
  }
  facts_.position = record.position;
  facts_.now = record.at;
  if (facts_.books.cut == Time{}) {
    facts_.books.cut = record.at;
    next_cut_ = penstock::next_cut(facts_, record.at);
  }
  std::visit([&](const auto& event) { on(record, event); }, record.event);
}

void State::on(const EventRecord&, const LeadershipTaken& event) { facts_.epoch = event.epoch; }

void State::on(const EventRecord& record, const ObjectApplied& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.uid.value);
  facts_.limits_as_of = record.at;
  ++openings_;
  ++bounds_;
  facts_.books.assess = true;
  if (!estate_stale_) stand_all(record.at);
  switch (event.kind) {
    case Kind::kNodeType: put(facts_.node_types, record, event); estate_stale_ = true; break;
    case Kind::kSite:
      put(facts_.sites, record, event);
      facts_.books.standing.try_emplace(event.name, StandingMeter{record.at});
      estate_stale_ = true;
      break;
    case Kind::kTenant: put(facts_.tenants, record, event); break;
    case Kind::kProject: {
      if (facts_.projects.contains(event.name)) accrue_spending(event.name, record.at);
      put(facts_.projects, record, event);
      if (facts_.projects.at(event.name).spec.budget) {
        facts_.books.spending.try_emplace(event.name, Spending{month_of(record.at), record.at});
        facts_.books.spending.at(event.name).told = 0;  // another budget, other alerts
        facts_.books.spending.at(event.name).stopped = false;
      } else {
        facts_.books.spending.erase(event.name);
      }
      break;
    }
    case Kind::kContract: {
      const auto before = facts_.contracts.find(event.name);
      const auto was = before == facts_.contracts.end() ? std::nullopt : std::optional(before->second.spec.service_class);
      const auto allowed = before == facts_.contracts.end() ? std::nullopt : std::optional(models_of(before->second.spec));
      const auto sold = before == facts_.contracts.end() ? std::nullopt : std::optional(before->second.spec);
      if (was) accrue_contract(event.name, record.at);
      for (const Uid holder : holders_by_contract(event.name)) {
        accrue_spending(std::string(project_of(job(holder).name)), record.at);
        rate(job(holder), -1);
      }
      put(facts_.contracts, record, event);
      for (const Uid holder : holders_by_contract(event.name)) rate(job(holder), 1);
      accrue_contract(event.name, record.at);
      facts_.books.cut = record.at;  // dates before it are no longer waited for: what was until now has been
      next_cut_ = penstock::next_cut(facts_, record.at);
      const ContractSpec& sells = facts_.contracts.at(event.name).spec;
      if (sells_more(sold ? &*sold : nullptr, sells, record.at)) facts_.signed_at[event.name] = record.position;
      if (!is_sold(sells)) facts_.signed_at.erase(event.name);
      if (allowed && *allowed != models_of(sells)) {
        typical_.clear();
        for (const auto& [uid, job] : facts_.jobs) {
          if (!is_final(job.phase)) count_typical(job, 1);
        }
      }
      if (was && *was != facts_.contracts.at(event.name).spec.service_class) {
        // Its waiting jobs change their groups; running ones it has not: the catalog sees to that.
        for (const QueueKey& key : std::set<QueueKey>(line_.all())) {
          const Job& job = facts_.jobs.at(key.job);
          if (job.contract != event.name) continue;
          leave(job);
          join(job);
        }
      }
      break;
    }
    case Kind::kRestriction: 
      put(facts_.restrictions, record, event);
      facts_.revoked.erase(event.name);
      if (!estate_stale_) recut_power(estate_->find_site(parent_of(event.name)));
      break;
    case Kind::kPrincipal: put(facts_.principals, record, event); break;
    case Kind::kGrant: put(facts_.grants, record, event); break;
    case Kind::kJob: PENSTOCK_CHECK(false); break;
  }
}

void State::on(const EventRecord& record, const ObjectDeleted& event) {
  facts_.limits_as_of = record.at;
  ++openings_;
  ++bounds_;
  facts_.books.assess = true;
  if (!estate_stale_) stand_all(record.at);
  switch (event.kind) {
    case Kind::kNodeType: facts_.node_types.erase(event.name); estate_stale_ = true; break;
    case Kind::kSite: 
      facts_.sites.erase(event.name);
      facts_.broken.erase(event.name);
      facts_.books.standing.erase(event.name);
      estate_stale_ = true;
      break;
    case Kind::kTenant: facts_.tenants.erase(event.name); break;
    case Kind::kProject:
      facts_.projects.erase(event.name);
      facts_.books.spending.erase(event.name);
      break;
    case Kind::kContract:
      accrue_contract(event.name, record.at);
      facts_.contracts.erase(event.name);
      facts_.books.rights.erase(event.name);
      next_cut_ = penstock::next_cut(facts_, facts_.books.cut);
      facts_.signed_at.erase(event.name);
      facts_.breached.erase(event.name);
      break;
    case Kind::kRestriction: 
      facts_.restrictions.erase(event.name);
      facts_.revoked.erase(event.name);
      if (!estate_stale_) recut_power(estate_->find_site(parent_of(event.name)));
      break;
    case Kind::kPrincipal: facts_.principals.erase(event.name); break;
    case Kind::kGrant: facts_.grants.erase(event.name); break;
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
  job.held = event.spec.hold;
  job.awaits = event.awaits;
  job_by_name_[job.name] = job.uid;
  join(job);
  Job& there = facts_.jobs.emplace(job.uid, std::move(job)).first->second;
  job_by_uid_[there.uid.value] = &there;
  count_typical(there, 1);
}

void State::on(const EventRecord& record, const JobStarted& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.allocation.uid.value);
  Job& job = this->job(event.allocation.job);
  leave(job);
  unpromise(job);
  note_shares(job, record.at);
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
  TaskReport& task = job.tasks.at(event.report.rank);
  Held& held = held_.at(job.uid.value);
  if (task.phase == TaskPhase::kAssigned && event.report.phase != TaskPhase::kAssigned) --held.unstarted;
  if (task.phase != TaskPhase::kExited && event.report.phase == TaskPhase::kExited) --held.open;
  task = event.report;
  job.version = record.position;
  if (job.phase == JobPhase::kStarting && held.unstarted == 0) {
    job.phase = JobPhase::kRunning;
    if (!job.started) job.started = record.at;
  }
  if (event.report.phase == TaskPhase::kExited) touch(held.nodes[static_cast<std::size_t>(event.report.rank)]);
}

void State::on(const EventRecord& record, const JobStopping& event) {
  Job& job = this->job(event.job);
  if (class_of(job) == ServiceClass::kSpot && !job.allocation->tasks.empty()) {
    spot_[estate_->nodes()[held_nodes(job.uid).front()].site].erase(job.uid);
  }
  job.phase = JobPhase::kStopping;
  job.reason = event.reason;
  job.message = event.message;
  job.grace = event.grace;
  job.version = record.position;
  touch_nodes(job);
}

void State::on(const EventRecord&, const UsageRecorded& event) {
  Job& job = this->job(event.usage.job);
  add_row(facts_.books, event.usage);
  if (event.usage.continues) {
    accrue_spending(std::string(project_of(job.name)), event.usage.to);
    rate(job, -1);
    const Joules before = job.metered ? job.metered->energy : Joules();
    // What was granted keeps its price until the books are cut.
    const Money price = event.usage.to == next_cut_ ? terms_at(facts_.contracts.at(job.contract).spec, event.usage.to).price_per_gpu_hour
                                                    : event.usage.price;
    job.metered = Metered{event.usage.to, price, before + event.usage.energy};
    rate(job, 1);
  }
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
  note_shares(job, record.at);
  hold(job, false);
  job.metered.reset();
  job.shed.reset();
  job.grace.reset();
  job.saved = event.saved;
  job.phase = JobPhase::kPending;
  job.reason = event.reason;
  job.message = event.message;
  job.not_before = event.not_before;
  ++job.attempt;
  if (is_displaced(event.reason)) ++job.displaced;
  if (event.reason == JobReason::kSuspended) job.held = true;
  job.version = record.position;
  join(job);
}

void State::on(const EventRecord& record, const JobFinished& event) {
  Job& job = this->job(event.job);
  count_typical(job, -1);
  if (job.phase == JobPhase::kPending) {
    leave(job);
    unpromise(job);
    ++openings_;
  } else {
    note_shares(job, record.at);
    hold(job, false);
    job.metered.reset();
    job.shed.reset();
    job.grace.reset();
  }
  job.phase = event.phase;
  job.reason = event.reason;
  job.message = event.message;
  job.ended = record.at;
  job.version = record.position;
  finished_.insert({record.at, job.uid});
  for (const Uid other : line_.awaiting(job.uid)) {
    Job& waits = this->job(other);
    leave(waits);
    std::erase_if(waits.awaits, [&](const Awaited& awaited) {
      return awaited.job == job.uid && (awaited.when == DependencyKind::kAny || event.phase == JobPhase::kSucceeded);
    });
    waits.version = record.position;
    join(waits);
    ++openings_;
  }
}

void State::on(const EventRecord& record, const JobPromised& event) {
  Job& job = this->job(event.job);
  unpromise(job);
  job.promise = event.promise;
  note_promise(job, true);
  job.version = record.position;
}

void State::on(const EventRecord& record, const JobUnpromised& event) {
  Job& job = this->job(event.job);
  unpromise(job);
  job.version = record.position;
}

void State::on(const EventRecord& record, const JobHeld& event) {
  Job& job = this->job(event.job);
  leave(job);
  job.held = event.held;
  if (event.held) unpromise(job);
  job.version = record.position;
  join(job);
  ++openings_;
}

void State::on(const EventRecord& record, const JobResized& event) {
  Job& job = this->job(event.job);
  const bool waits = job.phase == JobPhase::kPending;
  if (waits) leave(job);
  job.most = event.most;
  job.version = record.position;
  if (waits) {
    join(job);
  } else {
    note_size(job, job.holds());
  }
  ++openings_;
}

void State::on(const EventRecord&, const JobsForgotten& event) {
  for (Uid uid : event.jobs) {
    const Job& job = this->job(uid);
    PENSTOCK_CHECK(is_final(job.phase));
    finished_.erase({*job.ended, uid});
    const auto named = job_by_name_.find(job.name);
    if (named != job_by_name_.end() && named->second == uid) job_by_name_.erase(named);
    job_by_uid_.erase(uid.value);
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
  note_node(event.hello.node);
  ++openings_;
}

void State::on(const EventRecord& record, const NodeLost& event) {
  NodeFacts& node = facts_.nodes[event.node];  // new if it is a simulated one
  node.name = event.node;
  node.lost = true;
  node.changed = record.at;
  node.version = record.position;
  note_node(event.node);
}

void State::on(const EventRecord& record, const NodeReturned& event) {
  NodeFacts& node = facts_.nodes.at(event.node);
  node.lost = false;
  node.changed = record.at;
  node.version = record.position;
  if (node.registration == Uid{}) facts_.nodes.erase(event.node);
  note_node(event.node);
  ++openings_;
}

void State::on(const EventRecord& record, const NodeEntered& event) {
  Care& care = this->care(record, event.node);
  PENSTOCK_CHECK(may_follow(care.state, event.state));
  care.state = event.state;
  care.reason = event.reason;
  care.message = event.message;
  care.since = record.at;
  care.overdue = false;
  care.withheld.clear();
  if (event.state == NodeState::kValidating && !care.maintenance.empty()) care.seen_to = true;
  if (event.fault) {
    care.faulty = true;
    care.faults.push_back(record.at);
    if (care.faults.size() > kMostFaultsKept) care.faults.erase(care.faults.begin());
  }
  if (takes_work(event.state)) {
    care.faulty = false;
    care.tried.reset();
  }
  note_node(event.node);
}

void State::on(const EventRecord& record, const NodeFound& event) {
  Care& care = this->care(record, event.node);
  care.findings = event.findings;
  care.found = record.at;
  note_node(event.node);
}

void State::on(const EventRecord& record, const NodeCordoned& event) {
  care(record, event.node).cordon = event.cordon;
  note_node(event.node);
}

void State::on(const EventRecord& record, const NodeTestStarted& event) {
  care(record, event.node).test = event.job;
  note_node(event.node);
}

void State::on(const EventRecord& record, const NodeTested& event) {
  Care& care = this->care(record, event.node);
  care.test = Uid{};
  if (event.outcome == TestOutcome::kPassed) care.tested = record.at;
  note_node(event.node);
}

void State::on(const EventRecord& record, const RemedyOrdered& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.remedy.uid.value);
  Care& care = this->care(record, event.node);
  PENSTOCK_CHECK(!care.remedy);  // one at a time
  care.remedy = event.remedy;
  care.wish.reset();
  care.tried = std::max(care.tried.value_or(event.remedy.action), event.remedy.action);
  note_node(event.node);
  if (const NodeIndex index = estate_->find_node(event.node); index != kNowhere) touch(index);
}

void State::on(const EventRecord& record, const RemedyEnded& event) {
  Care& care = this->care(record, event.node);
  care.remedy.reset();
  if (!event.report.done) care.faulty = true;  // what cannot even be reset has failed
  note_node(event.node);
  if (const NodeIndex index = estate_->find_node(event.node); index != kNowhere) touch(index);
}

void State::on(const EventRecord& record, const RemedyWanted& event) {
  care(record, event.node).wish = event.wish;
  note_node(event.node);
}

void State::on(const EventRecord& record, const RemedyWithheld& event) { care(record, event.node).withheld = event.why; }

void State::on(const EventRecord& record, const NodeOverdue& event) { care(record, event.node).overdue = true; }

void State::on(const EventRecord&, const BreakerOpened& event) { facts_.breakers[event.site] = event.breaker; }

void State::on(const EventRecord&, const BreakerClosed& event) {
  facts_.breakers.erase(event.site);
  for (const auto& [name, care] : facts_.care) fleet_news_.insert(name);
}

void State::on(const EventRecord&, const WaveBegun& event) {
  facts_.waves[event.wave.name] = event.wave;
  wave_news_ = true;
}

void State::on(const EventRecord& record, const WaveChanged& event) {
  Wave& wave = facts_.waves.at(event.wave);
  wave.state = event.state;
  wave.reason = event.reason;
  wave.changed = record.at;
  wave_news_ = true;
  std::multimap<Time, std::string> over;
  for (const auto& [name, other] : facts_.waves) {
    if ((other.state == WaveState::kDone || other.state == WaveState::kStopped) && other.taken.empty()) over.emplace(other.changed, name);
  }
  for (auto at = over.begin(); over.size() > kMostWavesKept; at = over.erase(at)) facts_.waves.erase(at->second);
}

void State::on(const EventRecord& record, const WaveTook& event) {
  Wave& wave = facts_.waves.at(event.wave);
  std::erase(wave.left, event.node);
  wave.taken.push_back(event.node);
  wave.changed = record.at;
  care(record, event.node).maintenance = event.wave;
  wave_news_ = true;
  note_node(event.node);
}

void State::on(const EventRecord& record, const WaveLeft& event) {
  Wave& wave = facts_.waves.at(event.wave);
  std::erase(wave.left, event.node);
  std::erase(wave.taken, event.node);
  if (event.well) {
    ++wave.done;
  } else {
    wave.failed.push_back(event.node);
  }
  wave.changed = record.at;
  Care& care = this->care(record, event.node);
  care.maintenance.clear();
  care.seen_to = false;
  wave_news_ = true;
  note_node(event.node);
}

void State::on(const EventRecord&, const TicketOpened& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.ticket.uid.value);
  facts_.tickets[event.ticket.uid] = event.ticket;
}

void State::on(const EventRecord& record, const TicketClosed& event) {
  Ticket& ticket = facts_.tickets.at(event.ticket);
  ticket.closed = record.at;
  ticket.closed_by = event.by;
  ticket.note = event.note;
  forget_closed(facts_.tickets, kMostTicketsKept);
}

void State::note_incident(const Incident& incident, bool open) {
  if (open) {
    open_incidents_.insert(incident.uid);
    for (const std::string& node : incident.nodes) incident_of_[node] = incident.uid;
    return;
  }
  open_incidents_.erase(incident.uid);
  for (const std::string& node : incident.nodes) {
    const auto found = incident_of_.find(node);
    if (found != incident_of_.end() && found->second == incident.uid) incident_of_.erase(found);
  }
}

void State::on(const EventRecord&, const IncidentOpened& event) {
  facts_.last_uid = std::max(facts_.last_uid, event.incident.uid.value);
  note_incident(facts_.incidents[event.incident.uid] = event.incident, true);
}

void State::on(const EventRecord& record, const IncidentChanged& event) {
  Incident& incident = facts_.incidents.at(event.incident);
  incident.scope = event.scope;
  incident.place = event.place;
  incident.nodes.insert(incident.nodes.end(), event.nodes.begin(), event.nodes.end());
  incident.node_count = static_cast<std::int64_t>(incident.nodes.size());
  if (!event.nodes.empty()) incident.grown = record.at;
  for (const IncidentHit& hit : event.hits) add_hit(incident.hits, hit);
  for (const std::string& note : event.notes) add_note(incident.timeline, {record.at, note});
  note_incident(incident, true);
}

void State::on(const EventRecord& record, const IncidentClosed& event) {
  Incident& incident = facts_.incidents.at(event.incident);
  note_incident(incident, false);
  incident.closed = record.at;
  add_note(incident.timeline, {record.at, event.why});
  if (incident.nodes.size() > kMostIncidentNames) incident.nodes.resize(kMostIncidentNames);
  forget_closed(facts_.incidents, kMostIncidentsKept);
}

void State::on(const EventRecord& record, const LimitsChanged&) {
  facts_.limits_as_of = record.at;
  stand_all(record.at);
  ++bounds_;
  for (SiteIndex site = 0; site < estate_->sites().size(); ++site) {
    const auto& segments = power_.segments(site);
    if (segments.size() > 1 && segments[1].from <= record.at) recut_power(site);
  }
}

void State::on(const EventRecord&, const LimitsBroken& event) { facts_.broken[event.site] = event.rows; }

void State::on(const EventRecord&, const LimitsRestored& event) { facts_.broken.erase(event.site); }

void State::on(const EventRecord&, const ContractsBreached& event) {
  for (const auto& [name, missing] : event.contracts) facts_.breached[name] = missing;
}

void State::on(const EventRecord&, const ContractsRestored& event) {
  for (const std::string& name : event.contracts) facts_.breached.erase(name);
}

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
  const bool waits = job.phase == JobPhase::kPending;
  if (waits) leave(job);  // another limit makes it another kind of job
  job.spec.gpu_power = event.gpu_power;
  job.version = record.position;
  if (waits) {
    join(job);
    ++openings_;
  }
  if (!job.holds()) return;
  repower(job, [&] {
    job.allocation->demand = event.demand;
    job.allocation->firm = event.firm;
    for (std::size_t rank = 0; rank < event.tasks.size(); ++rank) {
      TaskPlacement& task = job.allocation->tasks[rank];
      const NodeIndex node = held_nodes(job.uid)[rank];
      const auto as = static_cast<std::int32_t>(rank);
      SiteLoads& loads = loads_.site_of(node);
      loads.release(node, task, job.uid, as);
      task.demand = event.tasks[rank].demand;
      task.firm = event.tasks[rank].firm;
      loads.reserve(node, task, job.uid, as);
    }
  });
  ++openings_;
}

void State::on(const EventRecord&, const MaintenanceRevoked& event) {
  facts_.revoked[event.restriction] = event.reason;
  recut_power(estate_->find_site(parent_of(event.restriction)));
}

void State::on(const EventRecord&, const BooksCut& event) {
  Books& books = facts_.books;
  stand_all(event.at);
  for (const auto& [name, contract] : facts_.contracts) accrue_contract(name, event.at);
  for (auto& [project, spending] : books.spending) {
    accrue_spending(project, event.at);
    if (spending.month == month_of(event.at)) continue;
    spending = Spending{month_of(event.at), event.at};
    ++openings_;
  }
  books.cut = event.at;
  next_cut_ = penstock::next_cut(facts_, event.at);
  note_missing(event.at);
  ++openings_;
}

void State::on(const EventRecord&, const MeterRead& event) {
  month_at(facts_.books, event.reading.from).sites[event.reading.site].readings[event.reading.from] = event.reading;
}

void State::on(const EventRecord& record, const Adjusted& event) {
  month_at(facts_.books, record.at).adjustments.push_back(event.adjustment);
}

void State::on(const EventRecord&, const InvoiceIssued& event) {
  const Invoice& invoice = event.invoice;
  post(facts_.books, event.entry);
  PENSTOCK_CHECK(invoice.number == facts_.books.invoices + 1);
  facts_.books.invoices = invoice.number;
  if (invoice.received.micros != 0) {
    facts_.books.prepaid[fmt::format("{} {}", invoice.tenant, invoice.received.currency)] += invoice.received.micros;
  }
}

void State::on(const EventRecord&, const MonthClosed& event) {
  for (const Entry& entry : event.entries) post(facts_.books, entry);
  facts_.books.months.erase(event.month);
  facts_.books.closed = event.month;
}

void State::on(const EventRecord&, const BudgetReached& event) {
  Spending& spending = facts_.books.spending.at(event.project);
  ++spending.told;
  spending.stopped = event.stopped;
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
