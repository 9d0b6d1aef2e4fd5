// Contracts and quotas in the way of a job.
#include "engine/queue/limits.h"

#include <algorithm>

#include "engine/contracts/contracts.h"
#include "engine/ledger/budgets.h"
#include "engine/queue/promise.h"
#include "engine/queue/sizes.h"

namespace penstock {
namespace {

// What may be held and what is, by whom: of a contract or of a project.
struct Allowance {
  MilliGpu limit;
  MilliGpu held;
  const std::set<Uid>* holders = nullptr;
};

std::optional<Allowance> of_contract(const State& state, const Job& job, const ContractSpec& contract, Time at) {
  const auto limit = contract_limit(contract, at);
  if (!limit) return std::nullopt;
  return Allowance{*limit, state.held_by_contract(job.contract), &state.holders_by_contract(job.contract)};
}

std::optional<Allowance> of_project(const State& state, const Job& job) {
  const std::string project(project_of(job.name));
  const auto& quota = state.facts().projects.at(project).spec.quota;
  if (!quota || !quota->gpus) return std::nullopt;
  return Allowance{*quota->gpus, state.held_by_project(project), &state.holders_by_project(project)};
}

}  // namespace

PromisedBeside promised_beside(const State& state, const Job& job, Time now, bool before_it) {
  PromisedBeside out;
  const auto ends = would_end_by(job, now);
  bool later = false;
  for (const auto& [turn, promised] : state.promised()) {
    const Job& other = *promised;
    later = later || other.uid == job.uid;
    // With those who were promised something later, and no date, it would be waiting for ever as they wait for it.
    if (other.uid == job.uid || (later && (before_it || !other.promise->at))) continue;
    if (ends && other.promise->at && *ends <= *other.promise->at) continue;
    if (other.contract == job.contract) out.contract += least_gpus(other.spec);
    if (project_of(other.name) == project_of(job.name)) out.project += least_gpus(other.spec);
  }
  return out;
}

bool has_limits(const State& state, const Job& job) {
  const ContractSpec& contract = state.facts().contracts.at(job.contract).spec;
  const ProjectSpec& project = state.facts().projects.at(std::string(project_of(job.name))).spec;
  return contract.from || contract.until || !contract.amendments.empty() || !contract.ramp.empty() || project.budget ||
         (project.quota && project.quota->gpus);
}

bool over_limits(const State& state, const Job& job, Time at, bool beside_others) {
  const ContractSpec& terms = state.facts().contracts.at(job.contract).spec;
  if (!contract_active(terms, at)) return true;
  if (stopped_by_budget(state.facts(), job, at)) return true;
  const MilliGpu needed = least_gpus(job.spec);
  if (needed == MilliGpu()) return false;  // it asks for nothing that is limited
  const auto contract = of_contract(state, job, terms, at);
  const auto project = of_project(state, job);
  if (!contract && !project) return false;
  const auto over = [&](MilliGpu under_contract, MilliGpu in_project) {
    return (contract && contract->held + under_contract + needed > contract->limit) ||
           (project && project->held + in_project + needed > project->limit);
  };
  if (over(MilliGpu(), MilliGpu())) return true;
  // Mostly there is room beside all that others have been promised, whenever that is to begin: a contract's are its tenant's.
  if (!beside_others || !over(state.promised_to(std::string(tenant_of(job.name))), state.promised_to(std::string(project_of(job.name))))) return false;
  const PromisedBeside promised = promised_beside(state, job, at);
  return over(promised.contract, promised.project);
}

std::optional<Promise> plan_headroom(const State& state, const Job& job, Time now) {
  const MilliGpu needed = least_gpus(job.spec);
  // Given anew it keeps its turn: what others were promised later is no reason to take it back.
  const PromisedBeside beside = promised_beside(state, job, now, true);
  Promise out{now, job.promise ? job.promise->since : now, {}, {}};
  bool shared = job.promise.has_value();  // to be given anew
  const auto wait_for = [&](const std::optional<Allowance>& of, MilliGpu promised, std::string_view whose) {
    if (!of || of->held + promised + needed <= of->limit) return true;
    // With nothing left to share out nobody passes it by, and when something is given back its turn comes first.
    if (needed > of->limit || promised > MilliGpu()) return false;
    shared = shared || of->held < of->limit;
    std::vector<std::pair<Time, MilliGpu>> ends;
    for (const Uid uid : *of->holders) {
      const Job& holder = *state.find_job(uid);
      if (const auto at = ends_by(holder, now)) ends.emplace_back(*at, holder.allocation->gpus);
    }
    std::sort(ends.begin(), ends.end());
    MilliGpu lacking = of->held + needed - of->limit;
    std::optional<Time> by;
    for (const auto& [at, gpus] : ends) {
      if (lacking <= MilliGpu()) break;
      lacking = lacking - gpus;
      by = at;
    }
    if (lacking > MilliGpu()) by.reset();
    out.at = out.at && by ? std::optional(std::max(*out.at, *by)) : std::nullopt;
    out.cause = fmt::format("{} has {} of the {} GPUs that it needs", whose, Text<MilliGpu>::format(of->limit - of->held),
                            Text<MilliGpu>::format(needed));
    return true;
  };
  const ContractSpec& terms = state.facts().contracts.at(job.contract).spec;
  if (!contract_active(terms, now) || stopped_by_budget(state.facts(), job, now)) return std::nullopt;
  if (!wait_for(of_contract(state, job, terms, now), beside.contract, "its contract")) return std::nullopt;
  if (!wait_for(of_project(state, job), beside.project, "its project")) return std::nullopt;
  return shared ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace penstock
