// Metering of allocations.
#include "engine/ledger/ledger.h"

#include <algorithm>

#include "base/month.h"
#include "engine/ledger/bookkeeping.h"
#include "engine/power/draw.h"
#include "estate/energy.h"

namespace penstock {
namespace {

Joules over(Watts power, std::int64_t millis) { return Joules(mul_div_round(power.count(), millis, 1000)); }

Watts drawn(const TaskPlacement& task, bool shed) { return shed ? task.firm : task.demand; }

bool believed(const TaskReport& report, const NodeTypeSpec& type, std::int64_t millis) {
  const Joules most(mul_div_ceil(type.power.max.count() * kIncredible, millis + 1000, 1000));
  return report.energy && *report.energy >= Joules() && *report.energy <= most;
}

}  // namespace

Usage meter(const State& state, const Job& job, Time to) {
  const Allocation& allocation = *job.allocation;
  Usage row;
  row.allocation = allocation.uid;
  row.job = job.uid;
  row.workload = job.name;
  row.contract = allocation.contract;
  row.from = job.metered ? job.metered->until : allocation.from;
  row.to = to;
  row.gpus = allocation.gpus;
  row.price = job.metered ? job.metered->price : allocation.price_per_gpu_hour;
  row.shed = job.shed.has_value();
  const std::int64_t millis = (to - row.from).count() / 1'000'000;
  const std::int64_t whole = (to - allocation.from).count() / 1'000'000;
  row.gpu_time = GpuMicros((allocation.gpus * millis).count());

  const std::vector<NodeIndex>& nodes = state.held_nodes(job.uid);
  const Estate& estate = state.estate();
  const auto measured = [&](std::size_t rank) { return believed(job.tasks[rank], estate.type_of(nodes[rank]).spec, whole); };
  bool any = false;
  for (std::size_t rank = 0; rank < allocation.tasks.size() && !any; ++rank) any = measured(rank);
  // What was measured was measured from the grant on; so is then the rest, and rows before count once.
  const std::int64_t modelled_for = any ? whole : millis;
  bool modelled = false;
  EnergySource source = EnergySource::kModel;
  std::set<std::string> models;
  const NodeTypeSpec* last = nullptr;  // of the task before: mostly it is the same
  MicroWatts weighed = 0;              // Σ import's weight × watts above idle
  for (std::size_t rank = 0; rank < allocation.tasks.size(); ++rank) {
    const TaskPlacement& task = allocation.tasks[rank];
    const NodeTypeSpec& type = estate.type_of(nodes[rank]).spec;
    if (&type != last) models.insert(type.devices.model);
    last = &type;
    if (any && measured(rank)) {
      row.energy += *job.tasks[rank].energy;
      source = job.tasks[rank].energy_source;
    } else {
      modelled = true;
      row.energy += over(drawn(task, row.shed), modelled_for);
    }
    const Watts above = draw_of(type, task, row.shed).demand;
    weighed += state.import_weight(nodes[rank]) * above.count();
  }
  if (any && job.metered) row.energy -= job.metered->energy;
  row.energy_source = modelled ? EnergySource::kModel : source;
  for (const std::string& model : models) row.gpu_model += row.gpu_model.empty() ? model : "+" + model;
  // The import follows from the same watts as the limits do, so that a site's month adds up to its flows.
  row.imported = Joules(mul_div_round(weighed, millis, 1'000'000'000));

  const ContractSpec& contract = state.facts().contracts.at(allocation.contract).spec;
  const Money value = price_of(row.gpu_time, row.price);
  row.cost = contract.billing == Billing::kCapacity ? Money{0, value.currency} : value;
  row.rebate.currency = value.currency;
  if (row.shed) {
    const ContractSpec terms = terms_at(contract, row.from);
    if (terms.shed && terms.shed->rebate) row.rebate.micros = mul_div_round(value.micros, terms.shed->rebate->count(), 1'000'000);
  }
  if (!nodes.empty()) {
    const EstateSite& site = estate.site_of(nodes.front());
    row.site = site.name;
    if (site.grid && row.from < to) {
      if (const auto cost = cost_of(*site.grid, row.energy, row.from, to)) row.energy_cost.push_back(*cost);
      if (const auto carbon = carbon_of(*site.grid, row.energy, row.from, to)) row.carbon = *carbon;
    }
  }
  return row;
}

namespace {

void cut_row_at(Step& step, const Job& job, Time at) {
  const Time from = job.metered ? job.metered->until : job.allocation->from;
  if (at - from < milliseconds(1)) return;
  Usage row = meter(step.state(), job, at);
  row.continues = true;
  step.emit(UsageRecorded{std::move(row)});
}

}  // namespace

void cut_row(Step& step, const Job& job) { cut_row_at(step, job, step.now()); }

void cut_books(Step& step) {
  const State& state = step.state();
  while (state.next_cut() <= step.now()) {
    const Time at = state.next_cut();
    const bool month_ends = next_month(Time{at.ns - 1}) == at;
    std::vector<Uid> uids;
    for (SiteIndex site = 0; site < state.estate().sites().size(); ++site) {
      for (const Uid uid : state.holders(site)) {
        const ContractSpec& contract = state.facts().contracts.at(state.find_job(uid)->contract).spec;
        const bool amended = std::any_of(contract.amendments.begin(), contract.amendments.end(),
                                         [&](const AmendmentSpec& row) { return row.from == at; });
        if (month_ends || amended) uids.push_back(uid);
      }
    }
    std::sort(uids.begin(), uids.end());
    for (const Uid uid : uids) cut_row_at(step, *state.find_job(uid), at);
    step.emit(BooksCut{at});
  }
}

}  // namespace penstock
