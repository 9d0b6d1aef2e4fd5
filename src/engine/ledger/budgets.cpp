// Alerts by what running work costs, not only by what has ended.
#include "engine/ledger/budgets.h"

#include <algorithm>

#include "base/month.h"

namespace penstock {
namespace {

constexpr Ppm kAll{1'000'000};

// The alerts of a budget: its own, and the whole of one that stops.
std::vector<Ppm> alerts_of(const BudgetSpec& budget) {
  std::vector<Ppm> alerts = budget.alerts;
  if (alerts.empty() || (budget.stop && std::find(alerts.begin(), alerts.end(), kAll) == alerts.end())) alerts.push_back(kAll);
  std::sort(alerts.begin(), alerts.end());
  return alerts;
}

// The next alert and what must be spent for it.
std::optional<std::pair<Ppm, Money>> next_of(const Spending& spending, const BudgetSpec& budget) {
  const std::vector<Ppm> alerts = alerts_of(budget);
  if (spending.told >= static_cast<std::int64_t>(alerts.size())) return std::nullopt;
  const Ppm part = alerts[static_cast<std::size_t>(spending.told)];
  return std::pair(part, Money{mul_div_ceil(budget.per_month.micros, part.count(), kAll.count()), budget.per_month.currency});
}

}  // namespace

void watch_budgets(Step& step) {
  std::vector<std::string> projects;
  for (const auto& [project, spending] : step.facts().books.spending) projects.push_back(project);
  for (const std::string& project : projects) {
    const BudgetSpec& budget = *step.facts().projects.at(project).spec.budget;
    const Money spent = step.state().spent_by(project, step.now());
    while (true) {
      const Spending& spending = step.facts().books.spending.at(project);
      const auto next = next_of(spending, budget);
      if (!next || spent.micros < next->second.micros) break;
      const bool stopped = spending.stopped || (budget.stop && next->first >= kAll);
      step.emit(BudgetReached{project, spending.month, next->first, spent, budget.per_month, stopped});
    }
  }
}

std::optional<Time> next_alert(const State& state) {
  std::optional<Time> due;
  for (const auto& [project, spending] : state.facts().books.spending) {
    const auto next = next_of(spending, *state.facts().projects.at(project).spec.budget);
    if (!next) continue;
    const auto at = state.spends(project, next->second);
    if (at && (!due || *at < *due)) due = at;
  }
  return due;
}

bool stopped_by_budget(const Facts& facts, const Job& job, Time at) {
  if (job.started || facts.books.spending.empty()) return false;
  const auto spending = facts.books.spending.find(std::string(project_of(job.name)));
  return spending != facts.books.spending.end() && spending->second.stopped && at < next_month(spending->second.as_of);
}

}  // namespace penstock
