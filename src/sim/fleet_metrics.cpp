// One pass over the events of the fleet.
#include "sim/fleet_metrics.h"

#include "sim/spread.h"

namespace penstock {

void FleetMetrics::pass(std::int64_t out, Time now) {
  out_seconds_ += out_ * ((now - as_of_).count() / 1'000'000'000);
  as_of_ = now;
  out_ = out;
  most_out_ = std::max(most_out_, out);
}

void FleetMetrics::observe(const State& state, std::span<const EventRecord> events) {
  for (const EventRecord& record : events) {
    const Event& event = record.event;
    if (const auto* entered = std::get_if<NodeEntered>(&event)) {
      any_ = true;
      if (entered->fault) failed_.try_emplace(entered->node, record.at);
      if (entered->state == NodeState::kReady) {
        const auto failed = failed_.find(entered->node);
        if (failed != failed_.end()) {
          mending_.push_back((record.at - failed->second).count() / 1'000'000'000);
          failed_.erase(failed);
        }
      }
    } else if (const auto* ordered = std::get_if<RemedyOrdered>(&event)) {
      ++remedies_[std::string(name_of(ordered->remedy.action))].ordered;
    } else if (const auto* ended = std::get_if<RemedyEnded>(&event)) {
      if (!ended->report.done) ++sums_.remedies_failed;
    } else if (const auto* tested = std::get_if<NodeTested>(&event)) {
      ++(tested->outcome == TestOutcome::kPassed ? sums_.tests_passed : tested->outcome == TestOutcome::kFailed ? sums_.tests_failed : sums_.tests_cut_off);
    } else if (const auto* opened = std::get_if<TicketOpened>(&event)) {
      ++sums_.tickets;
      if (opened->ticket.reason == NodeReason::kLemon) ++sums_.lemons;
    } else if (std::holds_alternative<BreakerOpened>(event)) {
      ++sums_.breakers;
    } else if (const auto* stopping = std::get_if<JobStopping>(&event)) {
      if (stopping->reason == JobReason::kDrained) ++sums_.gangs_moved;
      if (stopping->reason == JobReason::kNodeLost) ++sums_.gangs_ended;
    }
  }
  if (!events.empty()) pass(state.outs().out_everywhere(), events.back().at);
}

std::optional<FleetFigures> FleetMetrics::report(const State& state, Time until, const std::map<std::string, std::int64_t>& struck) {
  if (!any_ && struck.empty()) return std::nullopt;
  pass(state.outs().out_everywhere(), until);
  FleetFigures out = sums_;
  for (const auto& [kind, count] : struck) out.faults.push_back({kind, count});
  for (auto& [action, figures] : remedies_) {
    figures.action = action;
    out.remedies.push_back(figures);
  }
  out.out_node_hours = out_seconds_ / 3600;
  out.most_out = most_out_;
  out.mending = spread_of(mending_);
  return out;
}

}  // namespace penstock
