// Counting what happens, and what it comes to.
#include "sim/metrics.h"

#include <algorithm>

#include "engine/contracts/contracts.h"
#include "engine/power/draw.h"
#include "engine/power/outlook.h"
#include "engine/fleet/lifecycle.h"
#include "estate/energy.h"
#include "sim/spread.h"

namespace penstock {
namespace {

constexpr std::array<std::string_view, 6> kSizeNames{"<1", "1", "2-8", "9-64", "65-512", ">512"};

std::uint8_t size_of_gpus(std::int64_t milli) {
  constexpr std::array<std::int64_t, 5> kMost{999, 1000, 8000, 64'000, 512'000};
  return static_cast<std::uint8_t>(std::lower_bound(kMost.begin(), kMost.end(), milli) - kMost.begin());
}

std::int64_t seconds_of(Duration time) { return time.count() / 1'000'000'000; }

Ppm ratio(std::int64_t part, std::int64_t whole) { return whole == 0 ? Ppm(0) : Ppm(mul_div_floor(part, 1'000'000, whole)); }

// How long a price or a carbon intensity is taken to last at least.
constexpr Duration kStep = minutes(10);
constexpr std::int64_t kGpuHour = 1000 * 3600;  // milli-GPU seconds

}  // namespace

void RunMetrics::note(std::string text) {
  if (notes_.size() < kMostNotes) {
    notes_.push_back(std::move(text));
  } else {
    ++notes_left_out_;
  }
}

void RunMetrics::happened(Time at, std::string what) {
  if (happenings_.size() < kMostHappenings) {
    happenings_.push_back({at, std::move(what)});
  } else {
    ++happenings_left_out_;
  }
}

void RunMetrics::refused(const std::string& why) {
  constexpr std::size_t kReasons = 20;
  ++refused_[refused_.size() < kReasons || refused_.contains(why) ? why : "for other reasons"];
}

void RunMetrics::count_capacity(const State& state) {
  bounds_ = state.bounds();
  const Estate& estate = state.estate();
  all_ = 0;
  for (auto& [model, use] : models_) use.gpus = 0;
  for (auto& [name, site] : sites_) {
    site.use.gpus = site.gpus = 0;
    site.idle = Watts();
    site.index = kNowhere;
  }
  for (SiteIndex index = 0; index < estate.sites().size(); ++index) {
    Site& site = sites_[estate.sites()[index].name];
    site.index = index;
    site.gpus = estate.sites()[index].gpus.count() / 1000;
    all_ += estate.sites()[index].gpus.count();
    site.limit = state.power().segments(index).front().limits->condition().import;
    for (const Pool& pool : state.loads().site(index).pools()) {
      const NodeTypeSpec& type = estate.types()[pool.type].spec;
      const std::int64_t milli = std::int64_t{1000} * type.devices.count * pool.ready;
      models_[type.devices.model].gpus += milli;
      site.use.gpus += milli;
      site.idle += type.power.idle * pool.ready;
    }
  }
}

// All that has stood since the last event goes on until `now`; prices change on the way.
void RunMetrics::settle(const State& state, Time now) {
  if (!prepared_) {
    prepared_ = true;
    as_of_ = from_;
    count_capacity(state);
  }
  while (as_of_ + milliseconds(1) <= now) {
    const Duration passed = std::min<Duration>(kStep, milliseconds((now - as_of_).count() / 1'000'000));
    pass_time(state, passed);
    as_of_ = as_of_ + passed;
  }
}

void RunMetrics::pass_time(const State& state, Duration passed) {
  const std::int64_t ms = passed.count() / 1'000'000;
  const auto use_for = [&](Use& use) {
    use.capacity_time += use.gpus * ms / 1000;
    use.used_time += use.used * ms / 1000;
  };
  for (auto& [model, use] : models_) use_for(use);
  lack(state, ms);
  for (auto& [name, site] : sites_) {
    use_for(site.use);
    if (site.index == kNowhere) continue;
    const Watts granted = site.granted();
    site.most = std::max(site.most, granted);
    if (site.limit && granted.count() * 100 > site.limit->count() * 95) site.near_ms += ms;
    const std::int64_t energy = granted.count() * ms / 1000;  // J
    site.watt_seconds += energy;
    const auto& grid = state.estate().sites()[site.index].grid;
    if (!grid) continue;
    if (const auto price = price_at(*grid, as_of_)) {
      if (!site.cost) site.cost = Money{0, price->currency};
      site.cost->micros += mul_div_floor(energy, price->micros, 3'600'000);
    }
    if (const auto grams = carbon_at(*grid, as_of_)) site.carbon_milligrams += mul_div_floor(energy, *grams, 3600);
  }
}

void RunMetrics::lack(const State& state, std::int64_t ms) {
  for (auto& [contract, right] : rights_) {
    if (right.waiting == 0) continue;
    const auto found = state.facts().contracts.find(contract);
    if (found == state.facts().contracts.end() || !contract_active(found->second.spec, as_of_)) continue;
    const auto limit = ramp_gpus(found->second.spec, as_of_);
    if (!limit) continue;
    const std::int64_t lacking = std::min(right.waiting, std::max<std::int64_t>(0, (*limit - state.held_by_contract(contract)).count()));
    right.lacking += lacking * ms / 1000;
    right.most = std::max(right.most, lacking);
  }
}

// Counts a job in, which neither waits nor holds anything yet.
RunMetrics::Seen RunMetrics::first_seen(const State& state, const JobSpec& spec, const std::string& contract, Time submitted) {
  const ServiceClass service_class = state.facts().contracts.at(contract).spec.service_class;
  Seen seen;
  seen.submitted = submitted;
  seen.gpus = total_gpus(spec).count();
  seen.size = size_of_gpus(seen.gpus);
  seen.service_class = static_cast<std::uint8_t>(service_class);
  if (service_class == ServiceClass::kReserved) seen.right = &rights_[contract];
  ++submitted_;
  ++counts(seen).submitted;
  return seen;
}

void RunMetrics::wait(Seen& seen, bool waits) {
  const std::int64_t sign = waits ? 1 : -1;
  seen.waits = waits;
  waiting_jobs_ += sign;
  waiting_gpus_ += sign * seen.gpus;
  counts(seen).waiting += sign;
  if (seen.right != nullptr) seen.right->waiting += sign * seen.gpus;
}

void RunMetrics::hold(const State& state, const Allocation& allocation, bool shed, Seen& seen) {
  const Estate& estate = state.estate();
  NodeIndex node = kNowhere - 1;
  seen.models.clear();
  seen.added = Watts();
  for (const TaskPlacement& task : allocation.tasks) {
    node = estate.find_node_after(node, task.node);
    const NodeTypeSpec& type = estate.type_of(node).spec;
    Use& model = models_[type.devices.model];
    if (seen.models.empty() || seen.models.back().first != &model) seen.models.emplace_back(&model, 0);
    seen.models.back().second += task.gpus.count();
    model.used += task.gpus.count();
    seen.added += draw_of(type, task, shed).demand;
  }
  seen.site = &sites_[estate.site_of(node).name];
  seen.held = allocation.gpus.count();
  seen.site->use.used += seen.held;
  seen.site->added += seen.added;
}

void RunMetrics::give_back(const Seen& seen) {
  seen.site->use.used -= seen.held;
  seen.site->added -= seen.added;
  for (const auto& [model, milli] : seen.models) model->used -= milli;
}

// What it may draw has changed.
void RunMetrics::repower(const State& state, Uid uid) {
  const Job* job = state.find_job(uid);
  if (job == nullptr || !job->holds()) return;
  Seen& seen = jobs_.at(uid.value);
  give_back(seen);
  hold(state, *job->allocation, job->shed.has_value(), seen);
}

std::int64_t RunMetrics::held() const {
  std::int64_t held = 0;
  for (const auto& [name, site] : sites_) held += site.use.used;
  return held;
}

void RunMetrics::note_if_late(const Seen& seen, Time now) {
  if (seen.promised && now > *seen.promised + seconds(1)) late_.push_back(seconds_of(now - *seen.promised));
}

// What a gang did in the time before `now` has to be done again.
void RunMetrics::lose(const Seen& seen, Time now, Duration lost, JobReason reason) {
  if (lost <= Duration(0)) return;
  lost_time_ += seen.held * seconds_of(lost);
  lost_for_[reason] += seen.held * seconds_of(lost);
  for (std::size_t i = samples_.size(); i-- > 0 && samples_[i].at > now - lost;) samples_[i].useful -= seen.held;
}

void RunMetrics::observe(const State& state, std::span<const EventRecord> events) {
  if (events.empty()) return;
  settle(state, events.front().at);
  events_ += static_cast<std::int64_t>(events.size());
  bool capacity = false;
  for (const EventRecord& record : events) {
    const Time now = record.at;
    if (const auto* submitted = std::get_if<JobSubmitted>(&record.event)) {
      Seen seen = first_seen(state, submitted->spec, submitted->contract, now);
      if (asked_ <= all_ && asked_ + seen.gpus > all_) when_asked_ = ratio(held(), all_);
      asked_ += seen.gpus;
      wait(seen, true);
      jobs_.emplace(submitted->uid.value, seen);
    } else if (const auto* started = std::get_if<JobStarted>(&record.event)) {
      Seen& seen = jobs_.at(started->allocation.job.value);
      wait(seen, false);
      if (!seen.first_start) {
        seen.first_start = now;
        counts(seen).queueing.push_back(seconds_of(now - seen.submitted));
      }
      note_if_late(seen, now);
      seen.promised.reset();
      seen.started = now;
      hold(state, started->allocation, false, seen);
    } else if (const auto* used = std::get_if<UsageRecorded>(&record.event)) {
      if (!used->usage.continues) give_back(jobs_.at(used->usage.job.value));
    } else if (const auto* stopping = std::get_if<JobStopping>(&record.event)) {
      if (stopping->reason == JobReason::kPreempted) ++preemptions_;
    } else if (const auto* requeued = std::get_if<JobRequeued>(&record.event)) {
      Seen& seen = jobs_.at(requeued->job.value);
      ++requeues_;
      wait(seen, true);
      lose(seen, now, (now - seen.started) - (requeued->saved - seen.saved), requeued->reason);
      counts(seen).running += seconds_of(now - seen.started);
      if (!is_displaced(requeued->reason)) ++counts(seen).interruptions;
      seen.saved = requeued->saved;
      seen.held = 0;
    } else if (const auto* promised = std::get_if<JobPromised>(&record.event)) {
      Seen& seen = jobs_.at(promised->job.value);
      // The first that has a date is what counts: one that is given anew says when it will be kept, late.
      if (promised->promise.at && !seen.promised) {
        ++promises_;
        seen.promised = promised->promise.at;
      }
    } else if (const auto* finished = std::get_if<JobFinished>(&record.event)) {
      const auto found = jobs_.find(finished->job.value);
      Seen& seen = found->second;
      if (seen.waits) {
        note_if_late(seen, now);
        wait(seen, false);
      } else {
        counts(seen).completion.push_back(seconds_of(now - seen.submitted));
        const std::int64_t whole = seconds_of(now - *seen.first_start) * seen.gpus;
        whole_run_ += whole;
        const Duration worked = now - seen.started + seen.saved;
        counts(seen).running += seconds_of(now - seen.started);
        if (finished->phase == JobPhase::kSucceeded) {
          useful_run_ += std::min(whole, seconds_of(worked) * seen.gpus);
        } else {
          lose(seen, now, worked, finished->reason);
        }
      }
      jobs_.erase(found);
    } else if (std::holds_alternative<NodeLost>(record.event)) {
      ++faults_;
      ++nodes_down_;
      capacity = true;
    } else if (const auto* entered = std::get_if<NodeEntered>(&record.event)) {
      capacity = capacity || takes_work(entered->state) || entered->fault;
    } else if (const auto* opened = std::get_if<BreakerOpened>(&record.event)) {
      happened(now, fmt::format("breaker of {} opens: {}", opened->site.empty() ? "all sites" : opened->site, opened->breaker.reason));
    } else if (std::holds_alternative<NodeReturned>(record.event)) {
      --nodes_down_;
      capacity = true;
    } else if (const auto* shed = std::get_if<JobShed>(&record.event)) {
      repower(state, shed->job);
    } else if (const auto* restored = std::get_if<JobRestored>(&record.event)) {
      repower(state, restored->job);
    } else if (const auto* repowered = std::get_if<JobRepowered>(&record.event)) {
      repower(state, repowered->job);
    } else if (const auto* issued = std::get_if<InvoiceIssued>(&record.event)) {
      bill(issued->invoice);
    } else if (const auto* broken = std::get_if<LimitsBroken>(&record.event)) {
      happened(now, fmt::format("limits of {} broken: {}", broken->site, broken->cause));
    }
  }
  if (capacity || bounds_ != state.bounds()) count_capacity(state);
}

void RunMetrics::bill(const Invoice& invoice) {
  const std::string& currency = invoice.subtotal.currency;
  Billed& billed = billed_.try_emplace(currency, Billed{0, {0, currency}, {0, currency}, {0, currency}}).first->second;
  ++billed.invoices;
  for (const InvoiceLine& line : invoice.lines) {
    Money& sum = line.kind == LineKind::kSlaCredit ? billed.sla_credits : line.kind == LineKind::kShedRebate ? billed.shed_rebates : billed.charged;
    const bool back = line.kind == LineKind::kSlaCredit || line.kind == LineKind::kShedRebate;
    sum.micros += back ? -line.amount.micros : line.amount.micros;
  }
}

void RunMetrics::adopt(const State& state) {
  settle(state, from_);
  for (const auto& [name, node] : state.facts().nodes) nodes_down_ += node.lost ? 1 : 0;
  for (const auto& [uid, job] : state.facts().jobs) {
    if (is_final(job.phase)) continue;
    Seen seen = first_seen(state, job.spec, job.contract, job.submitted);
    seen.saved = job.saved;
    asked_ += seen.gpus;
    if (job.allocation) {  // it has started before
      seen.first_start = job.started.value_or(job.allocation->from);
      counts(seen).queueing.push_back(seconds_of(*seen.first_start - seen.submitted));
    }
    if (!job.holds()) {
      wait(seen, true);
      if (job.promise && job.promise->at) {
        ++promises_;
        seen.promised = job.promise->at;
      }
    } else {
      seen.waits = false;
      seen.started = job.allocation->from;
      hold(state, *job.allocation, job.shed.has_value(), seen);
    }
    jobs_.emplace(uid.value, std::move(seen));
  }
  if (asked_ > all_) when_asked_ = ratio(held(), all_);
}

void RunMetrics::advance(const State& state, Time now) {
  settle(state, now);
  while (next_sample_ <= now) {
    sample(next_sample_);
    next_sample_ = next_sample_ + every_;
  }
}

void RunMetrics::sample(Time at) {
  if (samples_.size() == kMostSamples) {  // half as many, twice as far apart
    for (std::size_t i = 0; i < kMostSamples / 2; ++i) samples_[i] = samples_[2 * i];
    samples_.resize(kMostSamples / 2);
    every_ = every_ * 2;
  }
  Sample out;
  out.at = at;
  Watts granted;
  Watts limit;
  for (const auto& [name, site] : sites_) {
    out.gpus += site.use.gpus;
    out.used += site.use.used;
    if (site.index == kNowhere) continue;
    granted += site.granted();
    limit += site.limit.value_or(Watts());
  }
  out.useful = out.used;
  out.waiting_jobs = waiting_jobs_;
  out.waiting_gpus = waiting_gpus_;
  out.nodes_down = nodes_down_;
  out.granted_kw = granted.count() / 1000;
  out.limit_kw = limit.count() / 1000;
  samples_.push_back(out);
}

void RunMetrics::report(const State& state, Time until, SimReport& out) {
  advance(state, until);
  const Estate& estate = state.estate();
  out.from = from_;
  out.until = until;
  out.sites = static_cast<std::int64_t>(estate.sites().size());
  out.nodes = static_cast<std::int64_t>(estate.nodes().size());
  out.jobs = submitted_;
  out.events = events_;
  std::int64_t used = 0;
  std::int64_t capacity = 0;
  const auto utilisation = [](const std::string& name, const Use& use) {
    return Utilisation{name, use.gpus / 1000, use.capacity_time / kGpuHour, use.used_time / kGpuHour, ratio(use.used_time, use.capacity_time)};
  };
  for (const auto& [model, use] : models_) out.models.push_back(utilisation(model, use));
  const std::int64_t span_ms = (until - from_).count() / 1'000'000;
  for (const auto& [name, site] : sites_) {
    out.by_site.push_back(utilisation(name, site.use));
    out.gpus += site.gpus;
    used += site.use.used_time;
    capacity += site.use.capacity_time;
    SiteEnergy energy;
    energy.site = name;
    energy.megawatt_hours = site.watt_seconds / 3'600'000'000;
    energy.cost = site.cost;
    energy.carbon_kg = site.carbon_milligrams / 1'000'000;
    energy.limit_kw = site.limit.value_or(Watts()).count() / 1000;
    energy.most_kw = site.most.count() / 1000;
    energy.near_limit = ratio(site.near_ms, span_ms);
    if (site.index != kNowhere) {
      const SitePower power = site_power(state, site.index, {}, until);
      if (power.held > Watts() && power.import > power.held) energy.overhead = ratio((power.import - power.held).count(), power.held.count());
      for (const StrandedWatts& stranded : power.stranded) {
        out.stranded.push_back({name, std::string(name_of(stranded.cause)), stranded.watts.count() / 1000});
      }
    }
    out.energy.push_back(std::move(energy));
  }
  for (const auto& [uid, seen] : jobs_) {
    if (seen.waits) note_if_late(seen, until);
  }
  out.allocation = ratio(used, capacity);
  out.allocation_when_asked = when_asked_;
  out.allocation_at_end = ratio(held(), all_);
  out.goodput = ratio(std::max<std::int64_t>(0, used - lost_time_), used);
  out.ettr = ratio(useful_run_, whole_run_);
  out.fragmented = fragmentation(state);
  out.preemptions = preemptions_;
  out.requeues = requeues_;
  out.lost_gpu_hours = lost_time_ / kGpuHour;
  out.faults = faults_;
  out.promises = promises_;
  out.promises_late = static_cast<std::int64_t>(late_.size());
  out.lateness = spread_of(late_);
  cohorts(out);
  out.samples = samples_;
  for (const auto& [contract, right] : rights_) {
    const auto found = state.facts().contracts.find(contract);
    if (right.lacking < kGpuHour || found == state.facts().contracts.end()) continue;
    const Money& price = found->second.spec.price_per_gpu_hour;
    out.breaches.push_back({contract, right.lacking / kGpuHour, right.most / 1000,
                            Money{mul_div_floor(right.lacking, price.micros, kGpuHour), price.currency}});
  }
  for (const auto& [currency, billed] : billed_) out.billed.push_back(billed);
  for (const auto& [reason, lost] : lost_for_) out.lost_for.push_back({std::string(name_of(reason)), lost / kGpuHour});
  out.happenings = happenings_;
  out.notes = notes_;
  for (const auto& [why, count] : refused_) {
    out.refused += count;
    out.notes.push_back(fmt::format("{} jobs refused: {}", count, why));
  }
  if (happenings_left_out_ > 0) out.notes.push_back(fmt::format("{} more events are not listed", happenings_left_out_));
  if (notes_left_out_ > 0) out.notes.push_back(fmt::format("{} more notes are left out", notes_left_out_));
}

// Of the GPUs that are free at the end.
Ppm RunMetrics::fragmentation(const State& state) const {
  const Estate& estate = state.estate();
  std::int64_t free = 0;
  std::int64_t useless = 0;
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const EstateSite& site = estate.sites()[s];
    const SiteLoads& loads = state.loads().site(s);
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      if (!loads.counted(node)) continue;
      const NodeRoom room = room_of(loads, node);
      free += room.milli();
      useless += state.typical().unusable(estate, estate.nodes()[node].type, room);
    }
  }
  return ratio(useless, free);
}

void RunMetrics::cohorts(SimReport& out) const {
  const auto add = [&](std::string_view name, std::string_view size, const std::vector<const Counts*>& of) {
    Cohort cohort;
    cohort.service_class = name;
    cohort.size = size;
    std::vector<std::int64_t> queueing, completion;
    std::int64_t running = 0;
    for (const Counts* counts : of) {
      cohort.submitted += counts->submitted;
      cohort.waiting += counts->waiting;
      queueing.insert(queueing.end(), counts->queueing.begin(), counts->queueing.end());
      completion.insert(completion.end(), counts->completion.begin(), counts->completion.end());
      cohort.interruptions += counts->interruptions;
      running += counts->running;
    }
    if (cohort.submitted == 0) return;
    cohort.started = static_cast<std::int64_t>(queueing.size());
    cohort.ended = static_cast<std::int64_t>(completion.size());
    if (cohort.interruptions > 0) cohort.mttf_hours = running / cohort.interruptions / 3600;
    cohort.queueing = spread_of(std::move(queueing));
    cohort.completion = spread_of(std::move(completion));
    out.cohorts.push_back(std::move(cohort));
  };
  std::vector<const Counts*> all;
  for (std::size_t c = 0; c < kClasses; ++c) {
    const std::string_view name = name_of(static_cast<ServiceClass>(c));
    std::vector<const Counts*> of_class;
    for (std::size_t size = 0; size < kSizes; ++size) {
      add(name, kSizeNames[size], {&counts_[c][size]});
      of_class.push_back(&counts_[c][size]);
    }
    add(name, "all", of_class);
    all.insert(all.end(), of_class.begin(), of_class.end());
  }
  add("all", "all", all);
}

}  // namespace penstock
