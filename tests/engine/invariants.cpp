// The engine's promises, checked with none of its own bookkeeping.
#include "invariants.h"

namespace penstock {
namespace {

class Findings {
 public:
  void expect(bool holds, std::string sentence) {
    if (!holds) found_.push_back(std::move(sentence));
  }
  std::vector<std::string> take() { return std::move(found_); }

 private:
  std::vector<std::string> found_;
};

bool named(const std::vector<std::string>& list, const std::string& value) {
  if (list.empty()) return true;
  for (const std::string& entry : list) {
    if (entry == value) return true;
  }
  return false;
}

std::string prefix(const std::string& name, int parts) {
  std::size_t end = 0;
  while (parts-- > 0) end = name.find('/', end + 1);
  return name.substr(0, end);
}

void check_gang(const Facts& facts, const Job& job, Findings& findings) {
  const Allocation& allocation = *job.allocation;
  std::vector<std::int32_t> expected;
  for (std::size_t g = 0; g < job.spec.groups.size(); ++g) {
    const TaskGroupSpec& group = job.spec.groups[g];
    auto replicas = static_cast<std::size_t>(group.replicas);
    if (group.min_replicas > 0) {
      const auto has = static_cast<std::size_t>(std::count_if(allocation.tasks.begin(), allocation.tasks.end(), [&](const TaskPlacement& task) {
        return task.group == static_cast<std::int32_t>(g);
      }));
      replicas = std::clamp(has, static_cast<std::size_t>(group.min_replicas), replicas);
    }
    expected.insert(expected.end(), replicas, static_cast<std::int32_t>(g));
  }
  findings.expect(allocation.tasks.size() == expected.size() && job.tasks.size() == expected.size(),
                  job.name + " is not whole");
  if (allocation.tasks.size() != expected.size()) return;
  std::set<std::string> sites;
  for (std::size_t rank = 0; rank < expected.size(); ++rank) {
    const TaskPlacement& task = allocation.tasks[rank];
    const TaskGroupSpec& group = job.spec.groups[expected[rank]];
    const std::int64_t devices = group.gpus == MilliGpu() ? 0 : std::max<std::int64_t>(1, group.gpus.count() / 1000);
    findings.expect(task.group == expected[rank], fmt::format("{}: rank {} is of another group", job.name, rank));
    findings.expect(task.gpus == group.gpus && task.cpu == group.cpu && task.memory == group.memory &&
                        static_cast<std::int64_t>(task.devices.size()) == devices,
                    fmt::format("{}: rank {} does not hold what it asked for", job.name, rank));
    sites.insert(prefix(task.node, 1));
  }
  findings.expect(sites.size() == 1, job.name + " is spread over sites");
  for (const std::string& site : sites) {
    const auto found = facts.sites.find(site);
    findings.expect(found != facts.sites.end(), fmt::format("{} holds nodes of site {}, which is gone", job.name, site));
    if (found == facts.sites.end()) continue;
    const std::string& country = found->second.spec.country;
    findings.expect(named(job.spec.jurisdictions, country) &&
                        named(facts.tenants.at(prefix(job.name, 1)).spec.jurisdictions, country) &&
                        named(facts.contracts.at(job.contract).spec.jurisdictions, country),
                    fmt::format("{} runs in {}, outside its countries", job.name, country));
  }
}

void check_nodes(const State& state, Findings& findings) {
  struct Held {
    std::map<std::int32_t, std::int64_t> milli;
    MilliCpu cpu;
    Bytes memory;
    std::set<std::int32_t> ports;
    std::int64_t tasks = 0;
  };
  std::map<std::string, Held> nodes;
  for (const auto& [uid, job] : state.facts().jobs) {
    if (!job.holds()) continue;
    check_gang(state.facts(), job, findings);
    for (const TaskPlacement& task : job.allocation->tasks) {
      Held& held = nodes[task.node];
      for (std::int32_t device : task.devices) held.milli[device] += task.gpus.count() < 1000 ? task.gpus.count() : 1000;
      held.cpu += task.cpu;
      held.memory += task.memory;
      held.ports.insert(task.port);
      ++held.tasks;
    }
  }
  for (const auto& [name, held] : nodes) {
    const NodeIndex index = state.estate().find_node(name);
    findings.expect(index != kNowhere, fmt::format("node {} is gone and held", name));
    if (index == kNowhere) continue;
    const NodeTypeSpec& type = state.estate().type_of(index).spec;
    for (const auto& [device, milli] : held.milli) {
      findings.expect(device >= 0 && device < type.devices.count, fmt::format("{} has no device {}", name, device));
      findings.expect(milli <= 1000, fmt::format("device {} of {} holds {} milli-GPU", device, name, milli));
    }
    findings.expect(held.cpu <= type.cpu && held.memory <= type.memory,
                    fmt::format("{} gives more cores or memory than it has", name));
    findings.expect(static_cast<std::int64_t>(held.ports.size()) == held.tasks,
                    fmt::format("two tasks of {} have the same port", name));
  }
}

std::string text_of(const std::set<QueueKey>& queue) {
  std::string text;
  for (const QueueKey& key : queue) text += fmt::format("{}:{} ", key.since.ns, key.job.value);
  return text;
}

std::string text_of(const SiteLoads& loads) {
  std::string text;
  for (const Pool& pool : loads.pools()) {
    text += fmt::format("{} {} {} {} {} {}; ", pool.site, pool.type, pool.nodes, pool.ready, pool.devices, pool.free_devices);
  }
  for (std::uint32_t p = 0; p < loads.pools().size(); ++p) {
    PoolMask mask(loads.pools().size());
    mask[p] = 1;
    for (DomainIndex d = 0; d < loads.domains().size(); ++d) {
      text += fmt::format("{}/{}:", d, p);
      for (std::int32_t free = 0; free <= loads.most_devices(p); ++free) text += fmt::format(" {}", loads.count(d, mask, free));
      for (std::int32_t tenth = 0; tenth < SiteLoads::kShareCounts; ++tenth) text += fmt::format(" {}", loads.shared(d, mask, tenth));
    }
  }
  return text;
}

std::string text_of(const SiteLoads& loads, NodeIndex node) {
  std::string text = fmt::format("{} {} {} {} {} {} {} {} {}:", loads.ready(node), loads.aside(node), loads.whole_free(node),
                                 loads.shared_room(node), loads.free_cpu(node).count(), loads.free_memory(node).count(),
                                 loads.free_disk(node).count(), loads.demand(node).count(), loads.free_port(node));
  for (std::int32_t d = 0; d < loads.devices(node); ++d) text += fmt::format(" {}", loads.used(node, d));
  for (const HeldTask& task : loads.tasks(node)) text += fmt::format(" {}#{}", task.job.value, task.rank);
  return text;
}

// Every index must be what a state made from the facts alone would have.
void check_indexes(const State& state, Findings& findings) {
  const State fresh{Facts(state.facts())};
  const auto same = [&](const std::string& what, const std::string& is, const std::string& should) {
    findings.expect(is == should, fmt::format("index of {}: is '{}', after a restart '{}'", what, is, should));
  };
  const Facts& facts = state.facts();
  same("nodes", fmt::format("{}", state.estate().nodes().size()), fmt::format("{}", fresh.estate().nodes().size()));
  if (state.estate().nodes().size() != fresh.estate().nodes().size()) return;
  for (NodeIndex i = 0; i < state.estate().nodes().size(); ++i) {
    same(state.estate().nodes()[i].name, text_of(state.loads().site_of(i), i), text_of(fresh.loads().site_of(i), i));
  }
  for (SiteIndex s = 0; s < fresh.estate().sites().size(); ++s) {
    same("site " + fresh.estate().sites()[s].name, text_of(state.loads().site(s)), text_of(fresh.loads().site(s)));
  }
  findings.expect(state.typical() == fresh.typical(), "what work is typically made of is not what a restart makes of it");
  same("the queue", text_of(state.pending()), text_of(fresh.pending()));
  findings.expect(state.finished() == fresh.finished(), "index of finished jobs is not what a restart makes");
  for (const auto& [name, project] : facts.projects) {
    same("held by " + name, fmt::format("{}", state.held_by_project(name).count()),
         fmt::format("{}", fresh.held_by_project(name).count()));
    same("pending of " + name, fmt::format("{}", state.pending_of_project(name)),
         fmt::format("{}", fresh.pending_of_project(name)));
  }
  for (const auto& [name, contract] : facts.contracts) {
    same("held by " + name, fmt::format("{}", state.held_by_contract(name).count()),
         fmt::format("{}", fresh.held_by_contract(name).count()));
  }
  for (const auto& [uid, job] : facts.jobs) {
    const Job* is = state.find_job(job.name);
    const Job* should = fresh.find_job(job.name);
    findings.expect(is != nullptr && is->uid == should->uid, "index of names: " + job.name);
    if (!job.allocation) continue;
    const bool known = state.job_of_allocation(job.allocation->uid) != nullptr;
    findings.expect(known == job.holds(), "index of allocations: " + job.name);
  }
  for (const auto& [position, reply] : facts.replies) {
    const StoredReply* is = state.find_reply(reply.principal, reply.key);
    findings.expect(is != nullptr && is->at == fresh.find_reply(reply.principal, reply.key)->at,
                    "index of replies: " + reply.key);
  }
}

}  // namespace

std::vector<std::string> broken_invariants(const State& state) {
  Findings findings;
  check_nodes(state, findings);
  check_indexes(state, findings);
  return findings.take();
}

std::vector<std::string> broken_limits(const State& state, const std::vector<EventRecord>& events) {
  Findings findings;
  const Facts& facts = state.facts();
  for (const EventRecord& record : events) {
    const auto* started = std::get_if<JobStarted>(&record.event);
    if (started == nullptr) continue;
    const Job& job = facts.jobs.at(started->allocation.job);
    const std::string project = prefix(job.name, 2);
    std::int64_t of_project = 0;
    std::int64_t of_contract = 0;
    for (const auto& [uid, other] : facts.jobs) {
      if (!other.holds()) continue;
      if (prefix(other.name, 2) == project) of_project += other.allocation->gpus.count();
      if (other.contract == job.contract) of_contract += other.allocation->gpus.count();
    }
    const auto& quota = facts.projects.at(project).spec.quota;
    findings.expect(!quota || !quota->gpus || of_project <= quota->gpus->count(), project + " is above its quota");
    const ContractSpec& contract = facts.contracts.at(job.contract).spec;
    findings.expect(!contract.from || *contract.from <= record.at, job.contract + " has not begun");
    findings.expect(!contract.until || record.at < *contract.until, job.contract + " has ended");
    std::int64_t given = contract.ramp.empty() ? std::numeric_limits<std::int64_t>::max() : 0;
    for (const RampStepSpec& step : contract.ramp) {
      if (step.from <= record.at) given = step.gpus * 1000;
    }
    if (contract.overage && !contract.ramp.empty()) given += contract.overage->gpus * 1000;
    findings.expect(of_contract <= given, job.contract + " gives less than is held under it");
  }
  return findings.take();
}

}  // namespace penstock
