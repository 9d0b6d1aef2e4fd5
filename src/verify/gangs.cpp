// Invariants 3 and 8.
#include "verify/gangs.h"

#include "base/name.h"

namespace penstock::verifier {
namespace {

template <class Spec>
void set(std::map<std::string, Spec>& map, const std::string& name, std::optional<Spec> spec) {
  if (spec) {
    map.insert_or_assign(name, std::move(*spec));
  } else {
    map.erase(name);
  }
}

bool forbids(const std::vector<std::string>& countries, const std::string& country) {
  return !countries.empty() && std::find(countries.begin(), countries.end(), country) == countries.end();
}

}  // namespace

const Gangs::Job* Gangs::find(const std::string& uid) const {
  const auto found = jobs_.find(uid);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Gangs::set_tenant(const std::string& name, std::optional<TenantSpec> spec) {
  set(tenants_, name, std::move(spec));
}
void Gangs::set_contract(const std::string& name, std::optional<ContractSpec> spec) {
  set(contracts_, name, std::move(spec));
}

void Gangs::check_whole(const Grant& grant, const Place& place) {
  const auto tell = [&](std::string what) {
    findings_.violation(3, place, grant.site, grant.job + ": " + std::move(what));
  };
  const Job* job = find(grant.uid);
  if (job == nullptr) return tell("it was started and never submitted");
  std::vector<std::int64_t> started(job->spec.groups.size(), 0);
  std::set<std::string_view> sites;
  for (const GrantedTask& task : grant.tasks) {
    sites.insert(split_path(task.node).front());
    if (task.group < 0 || static_cast<std::size_t>(task.group) >= started.size()) {
      tell(fmt::format("a task is of group {}, and it has {} groups", task.group, started.size()));
      continue;
    }
    ++started[task.group];
    const TaskGroupSpec& group = job->spec.groups[task.group];
    if (task.gpus != group.gpus.count()) {
      tell(fmt::format("a task of group {} got {} GPUs and asked for {}", group.name,
                       Text<MilliGpu>::format(MilliGpu(task.gpus)), Text<MilliGpu>::format(group.gpus)));
    }
  }
  for (std::size_t g = 0; g < started.size(); ++g) {
    const TaskGroupSpec& group = job->spec.groups[g];
    const std::int64_t least = group.min_replicas > 0 ? group.min_replicas : group.replicas;
    if (started[g] < least || started[g] > group.replicas) {
      tell(fmt::format("{} tasks of group {} started and {} were asked for", started[g], group.name,
                       least < group.replicas ? fmt::format("{} to {}", least, group.replicas) : fmt::format("{}", group.replicas)));
    }
  }
  if (sites.size() > 1)
    tell(fmt::format("it is on {} sites, from {} to {}", sites.size(), *sites.begin(), *sites.rbegin()));
}

void Gangs::check_country(const Grant& grant, const std::string& country, const Place& place) {
  if (outside_.count(grant.uid) != 0) return;
  std::string who;
  const std::string tenant(split_path(grant.job).front());
  const auto of_tenant = tenants_.find(tenant);
  const auto of_contract = contracts_.find(grant.contract);
  const Job* job = find(grant.uid);
  if (of_tenant != tenants_.end() && forbids(of_tenant->second.jurisdictions, country)) who = "tenant " + tenant;
  if (of_contract != contracts_.end() && forbids(of_contract->second.jurisdictions, country)) {
    who = "contract " + grant.contract;
  }
  if (job != nullptr && forbids(job->spec.jurisdictions, country)) who = "the job itself";
  if (who.empty()) return;
  outside_.insert(grant.uid);
  findings_.violation(8, place, grant.site,
                      fmt::format("{} is at {} in {}, where {} may not be", grant.job, grant.site, country, who));
}

}  // namespace penstock::verifier
