// Sums in integers: what is left of a division is kept for the next time.
#include "engine/ledger/bookkeeping.h"

#include <algorithm>

#include "base/month.h"
#include "base/name.h"
#include "engine/contracts/contracts.h"

namespace penstock {
namespace {

constexpr std::int64_t kRestOfJoule = 1'000'000'000'000'000;                           // µW × ns
constexpr __int128 kGpuHour = static_cast<__int128>(1000) * hours(1).count();  // milli-GPU × ns

GpuMicros gpu_time(std::int64_t gpus, Duration time) {
  return GpuMicros(mul_div_floor(gpus * 1000, time.count(), 1'000'000));
}

std::string tally_key(const Usage& row) {
  return fmt::format("{} {} {} {} {}", parent_of(row.workload), row.contract, row.site, row.gpu_model,
                     Text<Money>::format(row.price));
}

void put(Books& books, const std::string& account, const Money& amount) {
  if (amount.micros == 0) return;
  const std::string key = account + " " + amount.currency;
  std::int64_t& balance = books.accounts[key];
  PENSTOCK_CHECK(!__builtin_add_overflow(balance, amount.micros, &balance));
  if (balance == 0) books.accounts.erase(key);
}

// The contract's piece of the month that holds the instant, with the terms of then.
TermsPiece& piece_at(Books& books, const std::string& contract, const ContractSpec& spec, Time at) {
  // Looked at with every start and end under the contract: a whole copy of it only where there are amendments.
  const std::optional<ContractSpec> amended = spec.amendments.empty() ? std::nullopt : std::optional(terms_at(spec, at));
  const ContractSpec& terms = amended ? *amended : spec;
  TermsPiece present;
  present.from = present.to = at;
  if (contract_active(spec, at)) {
    present.gpus = reserved_at(spec, at);
    present.billing = terms.billing;
    present.per_month = terms.per_month;
    present.minimum = terms.minimum_per_month;
    present.overage = terms.overage;
    present.energy = terms.energy;
    present.sla = terms.sla;
  }
  present.price = terms.price_per_gpu_hour;
  std::vector<TermsPiece>& pieces = month_at(books, at).contracts[contract];
  if (pieces.empty() || pieces.back().to != at || !pieces.back().same_terms(present)) pieces.push_back(present);
  return pieces.back();
}

// What is missing counts from the end of the time to replace it.
void count_gaps(TermsPiece& piece, RightMeter& meter, const ContractSpec& spec, Time now) {
  const Duration replacement = spec.sla && spec.sla->replacement ? *spec.sla->replacement : Duration();
  for (Gap& gap : meter.gaps) {
    const Time from = std::max(gap.counted, gap.since + replacement);
    if (from < now) piece.missing += gpu_time(gap.gpus, now - from);
    gap.counted = now;
  }
}

}  // namespace

MonthBook& month_at(Books& books, Time at) {
  MonthBook& month = books.months[month_of(at)];
  if (month.to == Time{}) {
    month.to = next_month(at);
    month.from = *month_start(month_of(at));
  }
  return month;
}

void post(Books& books, const Entry& entry) {
  std::map<std::string, std::int64_t> sums;
  for (const Posting& posting : entry.postings) sums[posting.amount.currency] += posting.amount.micros;
  for (const auto& [currency, sum] : sums) PENSTOCK_CHECK(sum == 0);
  PENSTOCK_CHECK(entry.number == books.entries + 1);
  books.entries = entry.number;
  for (const Posting& posting : entry.postings) put(books, posting.account, posting.amount);
}

void add_money(std::vector<Money>& sums, const Money& more) {
  const auto same = std::find_if(sums.begin(), sums.end(), [&](const Money& sum) { return sum.currency == more.currency; });
  if (same == sums.end()) {
    sums.push_back(more);
  } else {
    *same += more;
  }
}

void add_usage(Usage& total, const Usage& more) {
  total.allocation = more.allocation;
  total.job = more.job;
  total.contract = more.contract;
  total.site = more.site;
  total.to = more.to;
  total.gpus = more.gpus;
  total.gpu_time += more.gpu_time;
  total.energy += more.energy;
  if (more.energy_source == EnergySource::kModel) total.energy_source = EnergySource::kModel;
  total.price = more.price;
  total.cost += more.cost;
  total.shed = more.shed;
  total.rebate += more.rebate;
  for (const Money& cost : more.energy_cost) add_money(total.energy_cost, cost);
  total.carbon += more.carbon;
  total.imported += more.imported;
  total.continues = more.continues;
}

void add_row(Books& books, const Usage& row) {
  MonthBook& month = month_at(books, row.from);
  Tally& tally = month.tallies[tally_key(row)];
  if (tally.rows == 0) {
    tally.project = std::string(parent_of(row.workload));
    tally.contract = row.contract;
    tally.gpu_model = row.gpu_model;
    tally.site = row.site;
    tally.price = row.price;
  }
  ++tally.rows;
  tally.gpu_time += row.gpu_time;
  if (row.shed) tally.shed_time += row.gpu_time;
  tally.energy += row.energy;
  if (row.energy_source == EnergySource::kModel) tally.modelled += row.energy;
  tally.imported += row.imported;
  tally.cost += row.cost;
  tally.rebate += row.rebate;
  for (const Money& cost : row.energy_cost) add_money(tally.energy_cost, cost);
  tally.carbon += row.carbon;
  if (!row.site.empty()) month.sites[row.site].imported += row.imported;
  put(books, fmt::format("unbilled:{}", split_path(row.workload).front()), row.cost);
  put(books, "revenue:gpu", Money{-row.cost.micros, row.cost.currency});
}

void stand(Books& books, const std::string& site, MicroWatts load, MilliGpu gpus, Time now) {
  StandingMeter& meter = books.standing.at(site);
  if (now <= meter.as_of) return;
  SiteMonth& month = month_at(books, meter.as_of).sites[site];
  if (month.since == Time{}) month.since = meter.as_of;
  const __int128 more = static_cast<__int128>(load) * (now - meter.as_of).count() + meter.rest;
  month.standing += Joules(static_cast<std::int64_t>(more / kRestOfJoule));
  meter.rest = static_cast<std::int64_t>(more % kRestOfJoule);
  month.capacity += GpuMicros(mul_div_floor(gpus.count(), (now - meter.as_of).count(), 1'000'000));
  meter.as_of = now;
}

void accrue(Books& books, const std::string& contract, const ContractSpec& spec, MilliGpu held, Time now) {
  const auto [at, fresh] = books.rights.try_emplace(contract, RightMeter{now, {}});
  RightMeter& meter = at->second;
  if (fresh || now <= meter.as_of) return;
  const Duration passed = now - meter.as_of;
  TermsPiece& piece = piece_at(books, contract, spec, meter.as_of);
  piece.to = now;
  piece.held += GpuMicros(mul_div_floor(held.count(), passed.count(), 1'000'000));
  if (!spec.ramp.empty()) {
    const std::int64_t over = std::max<std::int64_t>(0, held.count() - piece.gpus * 1000);
    piece.over += GpuMicros(mul_div_floor(over, passed.count(), 1'000'000));
  }
  count_gaps(piece, meter, spec, now);
  meter.as_of = now;
}

void miss(Books& books, const std::string& contract, std::int64_t gpus) {
  RightMeter& meter = books.rights.at(contract);
  const Time now = meter.as_of;
  std::int64_t known = 0;
  for (const Gap& gap : meter.gaps) known += gap.gpus;
  if (gpus > known) meter.gaps.push_back({now, now, gpus - known});
  for (std::int64_t back = known - gpus; back > 0;) {
    Gap& oldest = meter.gaps.front();
    const std::int64_t some = std::min(back, oldest.gpus);
    oldest.gpus -= some;
    back -= some;
    if (oldest.gpus == 0) meter.gaps.erase(meter.gaps.begin());
  }
}

void spend(Spending& spending, std::int64_t rate, Time now) {
  if (now <= spending.as_of) return;
  const __int128 more = static_cast<__int128>(rate) * (now - spending.as_of).count() + spending.rest;
  spending.spent += static_cast<std::int64_t>(more / kGpuHour);
  spending.rest = static_cast<std::int64_t>(more % kGpuHour);
  spending.as_of = now;
}

std::optional<Time> spent_at(const Spending& spending, std::int64_t rate, std::int64_t micros) {
  if (micros <= spending.spent) return spending.as_of;
  if (rate <= 0) return std::nullopt;
  const __int128 lacking = static_cast<__int128>(micros - spending.spent) * kGpuHour - spending.rest;
  const __int128 wait = (lacking + rate - 1) / rate;
  if (wait > hours(24 * 62).count()) return std::nullopt;
  return spending.as_of + Duration(static_cast<std::int64_t>(wait));
}

Time next_cut(const Facts& facts, Time after) {
  Time next = next_month(after);
  for (const auto& [name, contract] : facts.contracts) {
    const std::set<Time> dates = term_dates(contract.spec);
    const auto date = dates.upper_bound(after);
    if (date != dates.end()) next = std::min(next, *date);
  }
  return next;
}

Money price_of(GpuMicros time, const Money& price) {
  return {mul_div_round(time.count(), price.micros, kMicrosPerHour), price.currency};
}

}  // namespace penstock
