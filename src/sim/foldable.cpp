// References and phases of events, one kind after the other.
#include "sim/foldable.h"

#include "base/name.h"
#include "engine/fleet/lifecycle.h"

namespace penstock {
namespace {

Error amiss(std::string message) { return make_error(Code::kInvalid, std::move(message)); }

Error no_job(Uid uid) { return amiss(fmt::format("it is about job {}, which does not exist", Text<Uid>::format(uid))); }

Status check_job(const State& state, Uid uid, bool (*right)(const Job&), std::string_view doing) {
  const Job* job = state.find_job(uid);
  if (job == nullptr) return no_job(uid);
  if (!right(*job)) return amiss(fmt::format("job {} is {} and cannot be {}", job->name, name_of(job->phase), doing));
  return ok_status();
}

bool waits(const Job& job) { return job.phase == JobPhase::kPending; }
bool holds(const Job& job) { return job.holds(); }
bool lives(const Job& job) { return !is_final(job.phase); }
bool ended(const Job& job) { return is_final(job.phase); }

Status check_node(const State& state, const std::string& node) {
  if (state.estate().find_node(node) != kNowhere) return ok_status();
  return amiss(fmt::format("it is about node {}, which does not exist", node));
}

Status check_site(const State& state, std::string_view site) {
  if (state.facts().sites.contains(std::string(site))) return ok_status();
  return amiss(fmt::format("it is about site {}, which does not exist", site));
}

template <class Spec>
Status check_spec(const ObjectApplied& event) {
  const auto spec = from_json<Spec>(event.spec);
  return spec.ok() ? ok_status() : Status(amiss(fmt::format("the spec of {} cannot be read: {}", event.name, to_string(spec.error()))));
}

// What each kind of event takes for granted; kinds without a function of their own take nothing for granted.
struct Check {
  const State& state;

  Status check_contract(const std::string& contract) const {
    if (state.facts().contracts.contains(contract)) return ok_status();
    return amiss(fmt::format("it is about contract {}, which does not exist", contract));
  }

  Status operator()(const ObjectApplied& event) const {
    switch (event.kind) {
      case Kind::kNodeType: return check_spec<NodeTypeSpec>(event);
      case Kind::kSite: return check_spec<SiteSpec>(event);
      case Kind::kTenant: return check_spec<TenantSpec>(event);
      case Kind::kProject: return check_spec<ProjectSpec>(event);
      case Kind::kContract: return check_spec<ContractSpec>(event);
      case Kind::kRestriction:
        PENSTOCK_RETURN_IF_ERROR(check_site(state, parent_of(event.name)));
        return check_spec<RestrictionSpec>(event);
      case Kind::kPrincipal: return check_spec<PrincipalSpec>(event);
      case Kind::kGrant: return check_spec<GrantSpec>(event);
      case Kind::kJob: break;
    }
    return amiss("jobs are submitted, not applied");
  }
  Status operator()(const ObjectDeleted& event) const {
    if (event.kind == Kind::kRestriction) return check_site(state, parent_of(event.name));
    return event.kind == Kind::kJob ? Status(amiss("jobs end, and are not deleted")) : ok_status();
  }
  Status operator()(const JobSubmitted& event) const {
    if (state.find_job(event.uid) != nullptr) return amiss(fmt::format("job {} exists already", Text<Uid>::format(event.uid)));
    return check_contract(event.contract);
  }
  Status operator()(const JobStarted& event) const {
    PENSTOCK_RETURN_IF_ERROR(check_job(state, event.allocation.job, waits, "started"));
    for (const TaskPlacement& task : event.allocation.tasks) PENSTOCK_RETURN_IF_ERROR(check_node(state, task.node));
    return ok_status();
  }
  Status operator()(const TaskChanged& event) const {
    PENSTOCK_RETURN_IF_ERROR(check_job(state, event.job, holds, "at work"));
    const std::size_t tasks = state.find_job(event.job)->tasks.size();
    if (event.report.rank >= 0 && static_cast<std::size_t>(event.report.rank) < tasks) return ok_status();
    return amiss(fmt::format("it is about task {} of a gang of {}", event.report.rank, tasks));
  }
  Status operator()(const JobStopping& event) const { return check_job(state, event.job, holds, "stopped"); }
  Status operator()(const UsageRecorded& event) const { return check_job(state, event.usage.job, holds, "metered"); }
  Status operator()(const BooksCut& event) const {
    if (event.at > state.facts().books.cut) return ok_status();
    return amiss(fmt::format("it cuts the books at {}, and they are cut up to {}", Text<Time>::format(event.at), Text<Time>::format(state.facts().books.cut)));
  }
  Status operator()(const InvoiceIssued& event) const {
    if (event.invoice.number != state.facts().books.invoices + 1) {
      return amiss(fmt::format("invoice {} follows invoice {}", event.invoice.number, state.facts().books.invoices));
    }
    return check_entries({event.entry});
  }
  Status operator()(const MonthClosed& event) const { return check_entries(event.entries); }
  Status operator()(const BudgetReached& event) const {
    if (state.facts().books.spending.contains(event.project)) return ok_status();
    return amiss(fmt::format("it is about project {}, which has no budget", event.project));
  }
  Status check_entries(const std::vector<Entry>& entries) const {
    std::uint64_t number = state.facts().books.entries;
    for (const Entry& entry : entries) {
      if (entry.number != ++number) return amiss(fmt::format("entry {} follows entry {}", entry.number, number - 1));
      std::map<std::string, std::int64_t> sums;
      for (const Posting& posting : entry.postings) sums[posting.amount.currency] += posting.amount.micros;
      for (const auto& [currency, sum] : sums) {
        if (sum != 0) return amiss(fmt::format("entry {} does not balance in {}", entry.number, currency));
      }
    }
    return ok_status();
  }
  Status operator()(const JobRequeued& event) const { return check_job(state, event.job, holds, "queued again"); }
  Status operator()(const JobFinished& event) const { return check_job(state, event.job, lives, "finished"); }
  Status operator()(const JobsForgotten& event) const {
    for (const Uid uid : event.jobs) PENSTOCK_RETURN_IF_ERROR(check_job(state, uid, ended, "forgotten"));
    return ok_status();
  }
  Status operator()(const JobShed& event) const { return check_job(state, event.job, holds, "shed"); }
  Status operator()(const JobRestored& event) const { return check_job(state, event.job, holds, "restored"); }
  Status operator()(const JobRepowered& event) const { return check_job(state, event.job, lives, "given other power"); }
  Status operator()(const JobPromised& event) const { return check_job(state, event.job, waits, "promised a start"); }
  Status operator()(const JobUnpromised& event) const { return check_job(state, event.job, waits, "told that its promise falls"); }
  Status operator()(const JobHeld& event) const { return check_job(state, event.job, waits, "held or let go"); }
  Status operator()(const JobResized& event) const { return check_job(state, event.job, lives, "resized"); }
  Status operator()(const NodeReturned& event) const {
    if (state.facts().nodes.contains(event.node)) return ok_status();
    return amiss(fmt::format("node {} was not lost", event.node));
  }
  Status operator()(const NodeEntered& event) const {
    const NodeIndex index = state.estate().find_node(event.node);
    const auto care = state.facts().care.find(event.node);
    const NodeState from = care != state.facts().care.end() ? care->second.state
                           : index == kNowhere              ? NodeState::kReady
                                                            : state.node_state(index, state.facts().now);
    if (may_follow(from, event.state)) return ok_status();
    return amiss(fmt::format("node {} is {}, and {} does not follow", event.node, name_of(from), name_of(event.state)));
  }
  Status operator()(const RemedyOrdered& event) const {
    const auto care = state.facts().care.find(event.node);
    if (care == state.facts().care.end() || !care->second.remedy) return ok_status();
    return amiss(fmt::format("node {} is being mended already", event.node));
  }
  Status operator()(const TicketClosed& event) const {
    if (state.facts().tickets.contains(event.ticket)) return ok_status();
    return amiss(fmt::format("there is no ticket {}", Text<Uid>::format(event.ticket)));
  }
  Status check_incident(Uid uid) const {
    const auto found = state.facts().incidents.find(uid);
    if (found == state.facts().incidents.end()) return amiss(fmt::format("there is no incident {}", Text<Uid>::format(uid)));
    if (found->second.closed) return amiss(fmt::format("incident {} is over", Text<Uid>::format(uid)));
    return ok_status();
  }
  Status operator()(const IncidentChanged& event) const { return check_incident(event.incident); }
  Status operator()(const IncidentClosed& event) const { return check_incident(event.incident); }
  Status operator()(const ContractsBreached& event) const {
    for (const auto& [name, missing] : event.contracts) PENSTOCK_RETURN_IF_ERROR(check_contract(name));
    return ok_status();
  }
  Status operator()(const ContractsRestored& event) const {
    for (const std::string& name : event.contracts) {
      if (!state.facts().breached.contains(name)) return amiss(fmt::format("contract {} was not told to lack anything", name));
    }
    return ok_status();
  }
  Status operator()(const MaintenanceRevoked& event) const { return check_site(state, parent_of(event.restriction)); }
  template <class E>
  Status operator()(const E&) const {
    return ok_status();
  }
};

}  // namespace

Status foldable(const State& state, const EventRecord& record) {
  const Facts& facts = state.facts();
  if (record.position != facts.position + 1) {
    return amiss(facts.position == 0 ? fmt::format("the log begins with event {}: the state before it is missing", record.position)
                                     : fmt::format("event {} follows event {}", record.position, facts.position));
  }
  if (record.at < facts.now) {
    return amiss(fmt::format("its time, {}, is before that of the event before it, {}", Text<Time>::format(record.at), Text<Time>::format(facts.now)));
  }
  if (record.epoch < facts.epoch) return amiss(fmt::format("a leader of epoch {} wrote it after one of epoch {}", record.epoch, facts.epoch));
  return std::visit(Check{state}, record.event);
}

}  // namespace penstock
