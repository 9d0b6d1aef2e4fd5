// One node at a time: what its state asks for now, and when to look again.
#include "engine/fleet/tend.h"

#include <algorithm>

#include "engine/fleet/breaker.h"
#include "engine/fleet/burn_in.h"
#include "engine/fleet/hardware.h"
#include "engine/fleet/lifecycle.h"
#include "engine/fleet/waves.h"

namespace penstock {
namespace {

constexpr Duration kRetry = minutes(1);
/// A node that is gone and cannot be reached otherwise gets so long to come back by itself.
constexpr Duration kComeBack = minutes(10);

/// What is wrong with the surroundings of a node may get well without anyone's hands on it.
bool passes_by_itself(NodeCheck check) {
  using C = NodeCheck;
  return check == C::kUnreachable || check == C::kDisk || check == C::kTime || check == C::kNetwork || check == C::kThermal || check == C::kPower;
}

std::string text_of(const Finding& finding) {
  std::string out(name_of(finding.check));
  if (finding.code != 0) out += fmt::format(" {}", finding.code);
  if (finding.device >= 0) out += fmt::format(" on device {}", finding.device);
  if (!finding.detail.empty()) out += ": " + finding.detail;
  return out;
}

RemedyAction heavier(RemedyAction action) {
  return action == RemedyAction::kRepair ? action : static_cast<RemedyAction>(static_cast<int>(action) + 1);
}

class Tender {
 public:
  Tender(Step& step, NodeIndex node)
      : step_(step), node_(node), site_(step.state().estate().site_of(node)), name_(step.state().estate().nodes()[node].name) {}

  // When to look again; nothing: when something changes.
  std::optional<Time> tend() {
    if (!step_.state().care(node_)) return std::nullopt;
    std::optional<Time> next = by_state();
    const Care& care = this->care();
    const auto limit = limit_of(rules(), care.state);
    if (limit && !care.overdue) {
      const Time at = care.since + *limit;
      if (at <= now()) {
        step_.emit(NodeOverdue{name_, care.state, *limit});
      } else if (!next || at < *next) {
        next = at;
      }
    }
    return next;
  }

 private:
  const Care& care() const { return *step_.state().care(node_); }
  Time now() const { return step_.now(); }
  // A site that says nothing is only watched.
  const FleetSpec& rules() const {
    static const FleetSpec kWatched = [] {
      FleetSpec spec;
      spec.mode = FleetMode::kObserve;
      return spec;
    }();
    return site_.fleet ? *site_.fleet : kWatched;
  }
  FleetMode mode() const { return mode_of(rules()); }
  bool simulated() const { return site_.runtime == RuntimeKind::kSimulated; }
  bool idle() const { return step_.state().loads().tasks(node_).empty(); }
  bool lost() const {
    const auto facts = step_.facts().nodes.find(name_);
    return facts != step_.facts().nodes.end() && facts->second.lost;
  }
  // The wave that wants something done with the node.
  const Wave* wave() const {
    if (care().maintenance.empty() || care().seen_to) return nullptr;
    const Wave& wave = step_.facts().waves.at(care().maintenance);
    return wave.state == WaveState::kStopped ? nullptr : &wave;
  }
  bool wanted_out() const { return (care().cordon && care().cordon->drain) || wave() != nullptr || care().wish.has_value(); }

  void enter(NodeState state, NodeReason reason, std::string message = {}, bool fault = false) {
    const bool looked_at = care().state == NodeState::kValidating || care().state == NodeState::kBurnIn;
    step_.emit(NodeEntered{name_, state, reason, std::move(message), fault});
    if (looked_at && takes_work(state)) close_reports(reason);
  }

  // What tenants said of it has been looked into.
  void close_reports(NodeReason reason) {
    std::vector<Uid> reports;
    for (const auto& [uid, ticket] : step_.facts().tickets) {
      if (!ticket.closed && ticket.node == name_ && ticket.reason == NodeReason::kReported) reports.push_back(uid);
    }
    for (const Uid uid : reports) {
      step_.emit(TicketClosed{uid, "", reason == NodeReason::kTestPassed ? "the node has passed its test" : "the node is back; its site has no test"});
    }
  }

  // Told once, until the node moves on.
  void withhold(std::string why) {
    if (care().withheld != why) step_.emit(RemedyWithheld{name_, std::move(why)});
  }

  struct Worst {
    HealthClass health = HealthClass::kNote;
    const Finding* finding = nullptr;
  };
  Worst worst() const {
    Worst out;
    for (const Finding& finding : care().findings) {
      const HealthClass health = meaning_of(finding, &rules()).health;
      if (out.finding == nullptr || health > out.health) out = {health, &finding};
    }
    return out;
  }
  bool well() const { return worst().health < HealthClass::kNoNewWork; }

  std::optional<Time> by_state() {
    switch (care().state) {
      case NodeState::kReady: return tend_ready();
      case NodeState::kSuspect: return tend_suspect();
      case NodeState::kDraining: return tend_draining();
      case NodeState::kRepair: return tend_repair();
      case NodeState::kProvisioning:
        if (simulated() && care().reason == NodeReason::kRemedyDone) enter(NodeState::kValidating, NodeReason::kRemedyDone);
        return std::nullopt;
      case NodeState::kValidating: return tend_validating();
      case NodeState::kBurnIn: return tend_burn_in();
      case NodeState::kPlanned:
      case NodeState::kDelivered:
      case NodeState::kRacked:
      case NodeState::kRetired: break;
    }
    return std::nullopt;
  }

  std::optional<Time> tend_ready() {
    const Worst found = worst();
    if (mode() >= FleetMode::kCordon && found.health >= HealthClass::kNoNewWork) {
      const bool gone = found.finding->check == NodeCheck::kUnreachable;
      enter(NodeState::kSuspect, gone ? NodeReason::kUnreachable : NodeReason::kFinding, text_of(*found.finding), true);
    } else if (wanted_out()) {
      enter(NodeState::kDraining, wave() != nullptr ? NodeReason::kMaintenance : NodeReason::kOperator,
            care().cordon ? care().cordon->reason : care().wish ? care().wish->reason : care().maintenance);
    }
    return std::nullopt;
  }

  std::optional<Time> tend_suspect() {
    const Worst found = worst();
    if (wanted_out()) {
      enter(NodeState::kDraining, NodeReason::kOperator);
      return std::nullopt;
    }
    if (found.health < HealthClass::kNoNewWork) {
      const Time clear = care().found + kClearFor;
      if (now() < clear) return clear;
      enter(NodeState::kReady, NodeReason::kCleared);
      return std::nullopt;
    }
    const Time settled = care().since + settle_of(rules());
    if (now() < settled) return settled;
    if (found.health == HealthClass::kNoNewWork) return std::nullopt;
    const std::string text = text_of(*found.finding);
    if (mode() < FleetMode::kDrain) {
      withhold(fmt::format("not drained, as the mode of {} is {}: {}", site_.name, name_of(mode()), text));
      return std::nullopt;
    }
    if (!may_act(step_, node_, rules())) {
      withhold(fmt::format("not drained, as the breaker is open: {}", text));
      return std::nullopt;
    }
    if (found.health < HealthClass::kKill && !idle() && step_.state().short_without(node_, now())) {
      withhold(fmt::format("not drained, as a reserved contract would lack its GPUs: {}", text));
      return now() + minutes(10);
    }
    if (rules().dry_run) {
      withhold(fmt::format("dry run: it would be drained: {}", text));
      return std::nullopt;
    }
    const bool gone = found.finding->check == NodeCheck::kUnreachable;
    enter(NodeState::kDraining, gone ? NodeReason::kUnreachable : NodeReason::kFinding, text);
    return std::nullopt;
  }

  std::optional<Time> tend_draining() {
    if (!idle()) return make_idle();
    if (care().wish) return mend();
    if (!care().faulty) {
      if (wave() != nullptr) return see_to();
      const Worst found = worst();
      if (!wanted_out() && found.health < HealthClass::kNoNewWork) enter(NodeState::kReady, NodeReason::kOperator);
      return std::nullopt;
    }
    if (well()) {
      const Time clear = care().found + kClearFor;
      if (now() < clear) return clear;
      enter(NodeState::kValidating, NodeReason::kCleared);
      return std::nullopt;
    }
    return mend();
  }

  // Ends what has lost its device anyway; moves what loses nothing by it and has a place to go; the rest ends by itself.
  std::optional<Time> make_idle() {
    const Worst found = worst();
    const bool kill = care().faulty && found.health == HealthClass::kKill;
    const bool move = wanted_out() || (care().faulty && found.health >= HealthClass::kDrain);
    if (!kill && !move) return std::nullopt;
    if (care().faulty && !care().wish && !may_act(step_, node_, rules())) {
      withhold("work is left alone, as the breaker is open");
      return std::nullopt;
    }
    bool waits = false;
    std::set<Uid> seen;
    std::vector<HeldTask> held(step_.state().loads().tasks(node_).begin(), step_.state().loads().tasks(node_).end());
    for (const HeldTask& task : held) {
      const Job* job = step_.state().find_job(task.job);
      if (job == nullptr || !seen.insert(task.job).second || job->phase == JobPhase::kStopping) continue;
      if (kill && has_lost_its_device(*job)) {
        step_.emit(JobStopping{task.job, JobReason::kNodeLost, fmt::format("{}: {}", name_, text_of(*found.finding)), std::nullopt});
      } else if (move && job->spec.checkpoint && job->spec.checkpoint->on_stop && job->phase == JobPhase::kRunning && has_spare(*job)) {
        step_.emit(JobStopping{task.job, JobReason::kDrained, fmt::format("{} is drained: {}", name_, care().message), std::nullopt});
      } else {
        waits = true;
      }
    }
    return waits && move ? std::optional(now() + kRetry) : std::nullopt;
  }

  bool has_lost_its_device(const Job& job) const {
    for (const Finding& finding : care().findings) {
      if (meaning_of(finding, &rules()).health != HealthClass::kKill) continue;
      if (finding.device < 0) return true;
      for (const TaskPlacement& task : job.allocation->tasks) {
        if (task.node == name_ && std::find(task.devices.begin(), task.devices.end(), finding.device) != task.devices.end()) return true;
      }
    }
    return false;
  }

  // Whether another node of its pool has what the job has here.
  bool has_spare(const Job& job) const {
    const SiteLoads& loads = step_.state().loads().site_of(node_);
    std::int32_t devices = 0;
    for (const TaskPlacement& task : job.allocation->tasks) {
      if (task.node == name_) devices = std::max(devices, static_cast<std::int32_t>(task.devices.size()));
    }
    PoolMask mask(loads.pools().size());
    mask[loads.pool_of(node_)] = 1;
    return loads.capacity(0, mask, std::max(devices, 1)) > 0;
  }

  std::optional<Time> tend_repair() {
    if (care().remedy) {
      if (now() < care().remedy->deadline) return care().remedy->deadline;
      step_.emit(RemedyEnded{name_, {care().remedy->uid, false, "it was not reported in time"}});
    }
    const Ticket* ticket = open_ticket();
    if (ticket == nullptr) return mend();
    const bool passing = !ticket->evidence.empty() && std::all_of(ticket->evidence.begin(), ticket->evidence.end(), [](const Finding& finding) {
      return passes_by_itself(finding.check);
    });
    if (!passing || !care().findings.empty() || lost()) return std::nullopt;
    const Time clear = care().found + kClearFor;
    if (now() < clear) return clear;
    step_.emit(TicketClosed{ticket->uid, "", "it is well again by itself"});
    enter(NodeState::kValidating, NodeReason::kCleared);
    return std::nullopt;
  }

  std::optional<Time> tend_validating() {
    for (const Finding& finding : std::vector<Finding>(care().findings)) {
      // What a test, a tenant or a comparison said before is for the next test to say again.
      if (is_servers(finding.check) && finding.check != NodeCheck::kUnreachable) drop_findings(step_, name_, finding.check);
    }
    const auto facts = step_.facts().nodes.find(name_);
    const bool there = simulated() ? !lost() : facts != step_.facts().nodes.end() && !facts->second.lost;
    const Worst found = worst();
    if (!there || found.health >= HealthClass::kNoNewWork) {
      const Time patience = care().since + (there ? kClearFor : kComeBack);
      if (now() < patience) return patience;
      enter(NodeState::kRepair, NodeReason::kRemedyFailed, found.finding != nullptr ? text_of(*found.finding) : "it has not come back", !care().faulty);
      return std::nullopt;
    }
    if (!simulated()) {
      const Status hardware = check_hardware(facts->second.hello, step_.state().estate().type_of(node_));
      if (!hardware.ok()) {
        enter(NodeState::kRepair, NodeReason::kHardware, hardware.error().message, !care().faulty);
        return std::nullopt;
      }
    }
    if (rules().test) {
      enter(NodeState::kBurnIn, care().reason);
    } else {
      enter(NodeState::kReady, NodeReason::kNoTest);
    }
    return std::nullopt;
  }

  std::optional<Time> tend_burn_in() {
    const Worst found = worst();
    if (found.health >= HealthClass::kDrain) {
      if (!idle()) {
        if (care().test) cut_off_test(*found.finding);
        return std::nullopt;
      }
      const bool test = found.finding->check == NodeCheck::kTest;
      enter(NodeState::kRepair, test ? NodeReason::kTestFailed : NodeReason::kFinding, text_of(*found.finding), !care().faulty);
      return std::nullopt;
    }
    if (care().tested && *care().tested >= care().since && idle()) {
      enter(NodeState::kReady, NodeReason::kTestPassed);
      return std::nullopt;
    }
    if (care().test || !idle()) return std::nullopt;
    if (!rules().test) {
      enter(NodeState::kReady, NodeReason::kNoTest);
      return std::nullopt;
    }
    const auto started = start_test(step_, node_, *rules().test);
    if (!started.ok()) withhold(fmt::format("not tested: {}", started.error().message));
    return started.ok() && *started ? std::nullopt : std::optional(now() + kRetry);
  }

  void cut_off_test(const Finding& finding) {
    const Job* job = step_.state().find_job(care().test);
    if (job == nullptr || job->phase == JobPhase::kStopping || !job->holds()) return;
    step_.emit(JobStopping{care().test, JobReason::kNodeLost, text_of(finding), std::nullopt});
  }

  const Ticket* open_ticket() const {
    for (const auto& [uid, ticket] : step_.facts().tickets) {
      if (!ticket.closed && ticket.node == name_ && ticket.reason != NodeReason::kReported) return &ticket;
    }
    return nullptr;
  }

  bool is_lemon() const {
    const LemonSpec lemon = rules().lemon.value_or(LemonSpec{});
    const std::int32_t most = lemon.faults.value_or(3);
    const Time from = now() - lemon.within.value_or(hours(24 * 30));
    const auto lately = std::count_if(care().faults.begin(), care().faults.end(), [&](Time at) { return at >= from; });
    return most > 0 && lately >= most;
  }

  // What is tried next: what the findings ask for, but never again what has not helped.
  RemedyAction next_action() const {
    std::optional<RemedyAction> action;
    for (const Finding& finding : care().findings) {
      const Meaning meaning = meaning_of(finding, &rules());
      if (meaning.health < HealthClass::kNoNewWork) continue;
      const RemedyAction wanted = meaning.remedy.value_or(RemedyAction::kRepair);
      action = std::max(action.value_or(wanted), wanted);
    }
    if (!action) action = RemedyAction::kReset;
    if (care().tried) action = std::max(*action, heavier(*care().tried));
    const bool silent = lost() && !simulated() && !rules().bmc;  // nobody is there who could do anything
    return silent ? RemedyAction::kRepair : *action;
  }

  std::int64_t under_way() const {
    std::int64_t count = 0;
    for (const NodeIndex node : step_.state().amiss()) {
      count += step_.state().estate().nodes()[node].site == step_.state().estate().nodes()[node_].site && step_.state().care(node)->remedy ? 1 : 0;
    }
    return count;
  }

  // What the wave wants, now that the node is idle; a node that is held is a person's to release.
  std::optional<Time> see_to() {
    const auto action = action_of(*wave());
    if (!action) return std::nullopt;
    if (under_way() >= rules().at_once.value_or(20)) return now() + kRetry;
    const std::string by = wave()->by;
    enter(NodeState::kRepair, NodeReason::kMaintenance, care().maintenance);
    return order(*action, care().maintenance, by);
  }

  std::optional<Time> order(RemedyAction action, const std::string& cause, const std::string& by) {
    const Time deadline = now() + time_of(action);
    step_.emit(RemedyOrdered{name_, {step_.mint(), action, cause, by, now(), deadline}});
    return deadline;
  }

  std::optional<Time> mend() {
    const std::optional<Wish> wish = care().wish;
    const bool lemon = !wish && is_lemon();
    const RemedyAction action = wish ? wish->action : lemon ? RemedyAction::kRepair : next_action();
    const std::string cause = wish ? wish->reason : care().message;
    if (!wish) {
      if (mode() < FleetMode::kRemediate) {
        withhold(fmt::format("not mended, as the mode of {} is {}: it would need {}", site_.name, name_of(mode()), name_of(action)));
        return std::nullopt;
      }
      if (rules().dry_run) {
        withhold(fmt::format("dry run: it would need {}", name_of(action)));
        return std::nullopt;
      }
      if (!may_act(step_, node_, rules())) {
        withhold(fmt::format("not mended, as the breaker is open: it would need {}", name_of(action)));
        return std::nullopt;
      }
      if (lost() && action == RemedyAction::kRepair && care().state == NodeState::kDraining && now() < care().since + kComeBack) {
        return care().since + kComeBack;
      }
    }
    if (action != RemedyAction::kRepair && under_way() >= rules().at_once.value_or(20)) return now() + kRetry;
    if (care().state != NodeState::kRepair) enter(NodeState::kRepair, lemon ? NodeReason::kLemon : care().reason, care().message);
    if (action == RemedyAction::kRepair) {
      open(lemon ? NodeReason::kLemon : care().reason,
           lemon ? fmt::format("it has failed {} times lately; now: {}", care().faults.size(), care().message) : cause);
      return std::nullopt;
    }
    return order(action, cause, wish ? wish->by : std::string());
  }

  void open(NodeReason reason, std::string summary) {
    if (care().wish) step_.emit(RemedyWanted{name_, std::nullopt});
    Ticket ticket;
    ticket.uid = step_.mint();
    ticket.node = name_;
    ticket.reason = reason;
    ticket.summary = summary.empty() ? std::string(name_of(reason)) : std::move(summary);
    ticket.evidence = care().findings;
    ticket.opened = now();
    if (const auto facts = step_.facts().nodes.find(name_); facts != step_.facts().nodes.end()) {
      std::int32_t gpu = 0;
      for (const PartFound& part : facts->second.hello.parts) {
        const bool device = part.kind == "gpu";
        const bool named = std::any_of(ticket.evidence.begin(), ticket.evidence.end(), [&](const Finding& finding) { return finding.device == gpu; });
        if (part.kind == "machine" || (device && named)) ticket.parts.push_back(part);
        if (device) ++gpu;
      }
    }
    step_.emit(TicketOpened{std::move(ticket)});
  }

  Step& step_;
  NodeIndex node_;
  const EstateSite& site_;
  std::string name_;
};

std::vector<Finding> findings_of(const Step& step, const std::string& node) {
  const auto care = step.facts().care.find(node);
  return care == step.facts().care.end() ? std::vector<Finding>() : care->second.findings;
}

void set_findings(Step& step, const std::string& node, std::vector<Finding> findings) {
  std::sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return a.key() < b.key(); });
  if (findings != findings_of(step, node)) step.emit(NodeFound{node, std::move(findings)});
}

}  // namespace

void FleetWatch::restart(const Facts& facts, Time now) {
  due_.clear();
  at_.clear();
  turned_.reset();
  next_wave_ = now;
  for (const auto& [name, care] : facts.care) look_at(name, now);
}

void FleetWatch::look_at(const std::string& node, Time at) {
  const auto [known, fresh] = at_.try_emplace(node, at);
  if (!fresh) {
    if (known->second <= at) return;
    due_.erase({known->second, node});
    known->second = at;
  }
  due_.insert({at, node});
}

void FleetWatch::tend(Step& step) {
  int left = kTendedAtOnce;
  test_by_turns(step);
  do {  // what waves begin is for the rules to go on with, and what comes of that for the waves
    tend_due(step, left);
    if (step.state().take_wave_news() || (next_wave_ && *next_wave_ <= step.now())) next_wave_ = drive_waves(step);
  } while (step.state().has_fleet_news() && left > 0);
}

void FleetWatch::tend_due(Step& step, int& left) {
  while (true) {
    for (const std::string& node : step.state().take_fleet_news()) look_at(node, step.now());
    if (due_.empty() || step.now() < due_.begin()->first || left == 0) break;
    --left;
    const std::string name = due_.begin()->second;
    due_.erase(due_.begin());
    at_.erase(name);
    const NodeIndex node = step.state().estate().find_node(name);
    if (node == kNowhere) continue;
    if (const auto next = Tender(step, node).tend()) look_at(name, *next);
  }
}

// Every node of a site has its turn once in the time that is set; who has work then has the next.
void FleetWatch::test_by_turns(Step& step) {
  const Time until = step.now();
  if (!turned_) turned_ = until;
  next_turn_.reset();
  State& state = step.state();
  for (SiteIndex index = 0; index < state.estate().sites().size(); ++index) {
    const EstateSite& site = state.estate().sites()[index];
    if (!site.fleet || !site.fleet->test || !site.fleet->test->every || site.nodes == 0) continue;
    const std::int64_t each = std::max<std::int64_t>(1, site.fleet->test->every->count() / site.nodes);
    const std::int64_t first = turned_->ns / each + 1;
    const std::int64_t last = until.ns / each;
    const Time next{(last + 1) * each};
    if (!next_turn_ || next < *next_turn_) next_turn_ = next;
    for (std::int64_t turn = std::max(first, last - 100); turn <= last; ++turn) {
      const NodeIndex node = site.first_node + static_cast<NodeIndex>(turn % site.nodes);
      const bool open = step.facts().breakers.contains(site.name) || step.facts().breakers.contains("");
      if (open || !state.usable(node, until) || state.loads().site(index).aside(node) || !state.loads().tasks(node).empty()) continue;
      static_cast<void>(start_test(step, node, *site.fleet->test));
    }
  }
  turned_ = until;
}

std::optional<Time> FleetWatch::next_due() const {
  std::optional<Time> next = due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
  for (const std::optional<Time>& other : {next_turn_, next_wave_}) {
    if (other && (!next || *other < *next)) next = other;
  }
  return next;
}

void take_findings(Step& step, const std::string& node, std::vector<Finding> findings) {
  if (findings.size() > kMostFindings) findings.resize(kMostFindings);
  std::erase_if(findings, [](const Finding& finding) { return is_servers(finding.check); });
  const std::vector<Finding> before = findings_of(step, node);
  for (Finding& finding : findings) {
    if (finding.detail.size() > kMostDetail) finding.detail.resize(kMostDetail);
    // That it still stands, with another reading, is no news.
    const auto known = std::find_if(before.begin(), before.end(), [&](const Finding& other) { return other.key() == finding.key(); });
    if (known != before.end()) finding = *known;
  }
  for (const Finding& finding : before) {
    if (is_servers(finding.check) && finding.check != NodeCheck::kUnreachable) findings.push_back(finding);
  }
  set_findings(step, node, std::move(findings));
}

void add_finding(Step& step, const std::string& node, Finding finding) {
  std::vector<Finding> findings = findings_of(step, node);
  std::erase_if(findings, [&](const Finding& other) { return other.check == finding.check && other.device == finding.device; });
  findings.push_back(std::move(finding));
  set_findings(step, node, std::move(findings));
}

void drop_findings(Step& step, const std::string& node, NodeCheck check) {
  std::vector<Finding> findings = findings_of(step, node);
  std::erase_if(findings, [&](const Finding& other) { return other.check == check; });
  set_findings(step, node, std::move(findings));
}

void take_remedy_report(Step& step, const std::string& node, const RemedyReport& report) {
  const auto care = step.facts().care.find(node);
  if (care == step.facts().care.end() || !care->second.remedy || care->second.remedy->uid != report.remedy) return;
  const RemedyAction action = care->second.remedy->action;
  const bool in_repair = care->second.state == NodeState::kRepair;
  step.emit(RemedyEnded{node, report});
  if (!report.done || !in_repair) return;
  step.emit(NodeEntered{node, action == RemedyAction::kReprovision ? NodeState::kProvisioning : NodeState::kValidating, NodeReason::kRemedyDone,
                        report.message, false});
}

}  // namespace penstock
