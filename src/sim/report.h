// What a simulated stretch of time came to: figures for people and programs.
#pragma once

#include <vector>

#include "base/json.h"

namespace penstock {

/// Of durations, in whole seconds.
struct Spread {
  std::int64_t count = 0;
  std::int64_t mean = 0;
  std::int64_t p50 = 0;
  std::int64_t p90 = 0;
  std::int64_t p99 = 0;
  std::int64_t most = 0;

  static constexpr auto schema() {
    return object("Spread", "Of durations in seconds.", field("count", &Spread::count, required, "how many"),
                  field("mean", &Spread::mean, required, "mean"), field("p50", &Spread::p50, required, "median"),
                  field("p90", &Spread::p90, required, "9 of 10 took no longer"),
                  field("p99", &Spread::p99, required, "99 of 100 took no longer"),
                  field("most", &Spread::most, required, "the longest"));
  }
};

/// Jobs of one service class and size.
struct Cohort {
  std::string service_class;  ///< reserved, on-demand, spot; `all`
  std::string size;           ///< in GPUs: `<1`, `1`, `2-8`, `9-64`, `65-512`, `>512`; `all`
  std::int64_t submitted = 0;
  std::int64_t started = 0;
  std::int64_t ended = 0;
  std::int64_t waiting = 0;  ///< at the end
  std::int64_t interruptions = 0;  ///< of running gangs, by a fault
  std::optional<std::int64_t> mttf_hours;  ///< of one gang: its running time over its interruptions
  Spread queueing;           ///< from submission to first start, of those that started
  Spread completion;         ///< from submission to the end, of those that ended

  static constexpr auto schema() {
    return object("Cohort", "Jobs of one class and size.", field("class", &Cohort::service_class, required, "service class, or all"),
                  field("size", &Cohort::size, required, "GPUs of the gang, or all"),
                  field("submitted", &Cohort::submitted, required, "jobs that were submitted"),
                  field("started", &Cohort::started, required, "of them, those that started"),
                  field("ended", &Cohort::ended, required, "of them, those that ended"),
                  field("waiting", &Cohort::waiting, required, "of them, those that waited at the end"),
                  field("interruptions", &Cohort::interruptions, optional, "of running gangs, by a fault"),
                  field("mttfHours", &Cohort::mttf_hours, optional, "running time of one gang between two of them"),
                  field("queueing", &Cohort::queueing, required, "from submission to first start"),
                  field("completion", &Cohort::completion, required, "from submission to the end"));
  }
};

/// GPUs of one model, or at one site.
struct Utilisation {
  std::string name;
  std::int64_t gpus = 0;
  std::int64_t capacity_gpu_hours = 0;  ///< that were there and fit for work
  std::int64_t used_gpu_hours = 0;
  Ppm ratio;

  static constexpr auto schema() {
    return object("Utilisation", "How much of the GPUs was in use.", field("name", &Utilisation::name, required, "model or site"),
                  field("gpus", &Utilisation::gpus, required, "GPUs at the end"),
                  field("capacityGpuHours", &Utilisation::capacity_gpu_hours, required, "GPU-hours that there were"),
                  field("usedGpuHours", &Utilisation::used_gpu_hours, required, "GPU-hours that gangs held"),
                  field("ratio", &Utilisation::ratio, required, "used of capacity"));
  }
};

/// Energy of one site.
struct SiteEnergy {
  std::string site;
  std::int64_t megawatt_hours = 0;   ///< of the nodes
  std::optional<Money> cost;         ///< by the site's price or tariff
  std::int64_t carbon_kg = 0;
  std::int64_t limit_kw = 0;         ///< what the site may import at the end
  std::int64_t most_kw = 0;          ///< the most that it was granted
  Ppm near_limit;                    ///< part of the time in which it was granted more than 95 % of its limit
  std::optional<Ppm> overhead;       ///< at the end, what the site imports for its nodes beside what they hold: PUE less 1

  static constexpr auto schema() {
    return object("SiteEnergy", "Energy of a site.", field("site", &SiteEnergy::site, required, "which"),
                  field("megawattHours", &SiteEnergy::megawatt_hours, required, "that its nodes drew"),
                  field("cost", &SiteEnergy::cost, optional, "by its tariff"),
                  field("carbonKg", &SiteEnergy::carbon_kg, optional, "by its carbon series"),
                  field("limitKw", &SiteEnergy::limit_kw, optional, "what it may import at the end"),
                  field("mostKw", &SiteEnergy::most_kw, required, "the most that was granted at once"),
                  field("nearLimit", &SiteEnergy::near_limit, required, "part of the time above 95 % of it"),
                  field("overhead", &SiteEnergy::overhead, optional,
                        "at the end, losses and cooling beside what nodes hold, as a part of it: PUE less 1"));
  }
};

/// Contracted watts that reach no node at the end.
struct Stranded {
  std::string site;
  std::string cause;
  std::int64_t kw = 0;

  static constexpr auto schema() {
    return object("Stranded", "Contracted watts that reach no node at the end.", field("site", &Stranded::site, required, "which"),
                  field("cause", &Stranded::cause, required, "why, as in a site's power"),
                  field("kw", &Stranded::kw, required, "how many kW"));
  }
};

/// What a reserved contract had a right to, asked for and did not get.
struct Breach {
  std::string contract;
  std::int64_t gpu_hours = 0;
  std::int64_t most_gpus = 0;  ///< at once
  Money worth;                 ///< of the GPU-hours, at the contract's price

  static constexpr auto schema() {
    return object("Breach", "What a reserved contract had a right to, asked for and did not get.",
                  field("contract", &Breach::contract, required, "tenant/contract"),
                  field("gpuHours", &Breach::gpu_hours, required, "that waited within the contract's GPUs, the time to reclaim them included"),
                  field("mostGpus", &Breach::most_gpus, required, "GPUs at once"),
                  field("worth", &Breach::worth, required, "of the GPU-hours, at the contract's price"));
  }
};

/// What was asked in one currency for the months that were over.
struct Billed {
  std::int64_t invoices = 0;
  Money charged;       ///< without tax and before what is given back
  Money sla_credits;
  Money shed_rebates;

  static constexpr auto schema() {
    return object("Billed", "What was asked in one currency for the months that were over.",
                  field("invoices", &Billed::invoices, required, "how many"),
                  field("charged", &Billed::charged, required, "without tax and before what is given back"),
                  field("slaCredits", &Billed::sla_credits, required, "given back for reserved GPUs that were not there"),
                  field("shedRebates", &Billed::shed_rebates, required, "given back for power that was taken away"));
  }
};

/// Faults of one kind.
struct FaultFigures {
  std::string kind;
  std::int64_t count = 0;

  static constexpr auto schema() {
    return object("FaultFigures", "Faults of one kind.", field("kind", &FaultFigures::kind, required, "which"),
                  field("count", &FaultFigures::count, required, "how many"));
  }
};

struct RemedyFigures {
  std::string action;
  std::int64_t ordered = 0;

  static constexpr auto schema() {
    return object("RemedyFigures", "Remedies of one kind.", field("action", &RemedyFigures::action, required, "which"),
                  field("ordered", &RemedyFigures::ordered, required, "how many"));
  }
};

/// What became of the fleet.
struct FleetFigures {
  std::vector<FaultFigures> faults;
  std::vector<RemedyFigures> remedies;
  std::int64_t remedies_failed = 0;
  std::int64_t tests_passed = 0;
  std::int64_t tests_failed = 0;
  std::int64_t tests_cut_off = 0;
  std::int64_t tickets = 0;
  std::int64_t lemons = 0;
  std::int64_t breakers = 0;
  std::int64_t gangs_ended = 0;
  std::int64_t gangs_moved = 0;
  std::int64_t out_node_hours = 0;
  std::int64_t most_out = 0;
  Spread mending;

  static constexpr auto schema() {
    using F = FleetFigures;
    return object("FleetFigures", "What became of the fleet.", field("faults", &F::faults, optional, "that struck, by kind"),
                  field("remedies", &F::remedies, optional, "that were ordered, by kind"),
                  field("remediesFailed", &F::remedies_failed, required, "that could not be carried out"),
                  field("testsPassed", &F::tests_passed, required, "tests of nodes that passed"),
                  field("testsFailed", &F::tests_failed, required, "that failed"),
                  field("testsCutOff", &F::tests_cut_off, required, "that had to give way"),
                  field("tickets", &F::tickets, required, "for persons"), field("lemons", &F::lemons, required, "of them, for nodes that had failed again and again"),
                  field("breakers", &F::breakers, required, "times that automation stopped and called a person"),
                  field("gangsEnded", &F::gangs_ended, required, "gangs that ended with a node or a device of theirs"),
                  field("gangsMoved", &F::gangs_moved, required, "gangs that moved off a node and lost nothing"),
                  field("outNodeHours", &F::out_node_hours, required, "node-hours out of work for a fault"),
                  field("mostOut", &F::most_out, required, "nodes out at once"),
                  field("mending", &F::mending, required, "seconds from a fault until the node takes work again"));
  }
};

/// GPU-hours of work lost for one reason.
struct LostFor {
  std::string reason;
  std::int64_t gpu_hours = 0;

  static constexpr auto schema() {
    return object("LostFor", "Work lost for one reason.", field("reason", &LostFor::reason, required, "as jobs tell it"),
                  field("gpuHours", &LostFor::gpu_hours, required, "since the last checkpoint"));
  }
};

/// Something that happened at a time.
struct Happening {
  Time at;
  std::string what;

  static constexpr auto schema() {
    return object("Happening", "Something that happened.", field("at", &Happening::at, required, "when"),
                  field("what", &Happening::what, required, "what, in words"));
  }
};

/// One moment, for plots. Up to a thousand of them, evenly through the time.
struct Sample {
  Time at;
  std::int64_t gpus = 0;             ///< fit for work, in milli-GPU
  std::int64_t used = 0;             ///< milli-GPU held
  std::int64_t waiting_jobs = 0;
  std::int64_t waiting_gpus = 0;     ///< milli-GPU
  std::int64_t granted_kw = 0;       ///< demand of all grants and idle nodes
  std::int64_t limit_kw = 0;         ///< what the sites may import together; 0: unknown
  std::int64_t nodes_down = 0;
  std::int64_t useful = 0;           ///< milli-GPU held by work that was not lost later

  static constexpr auto schema() {
    return object("Sample", "One moment.", field("at", &Sample::at, required, "when"),
                  field("gpus", &Sample::gpus, required, "milli-GPU fit for work"), field("used", &Sample::used, required, "milli-GPU held"),
                  field("waitingJobs", &Sample::waiting_jobs, required, "jobs that waited"),
                  field("waitingGpus", &Sample::waiting_gpus, required, "milli-GPU that they asked for"),
                  field("grantedKw", &Sample::granted_kw, required, "what grants and idle nodes may draw"),
                  field("limitKw", &Sample::limit_kw, required, "what the sites may import together"),
                  field("nodesDown", &Sample::nodes_down, required, "nodes that were lost"),
                  field("useful", &Sample::useful, required, "milli-GPU held by work that was not lost later"));
  }
};

/// One run.
struct SimReport {
  std::string scenario;
  std::string variant;          ///< of a sweep; empty if there is none
  std::uint64_t seed = 0;
  Time from;
  Time until;
  std::int64_t sites = 0;
  std::int64_t nodes = 0;
  std::int64_t gpus = 0;
  std::int64_t jobs = 0;
  std::int64_t events = 0;          ///< of the log
  std::string log_hash;             ///< of all its bytes, if it was written: the same for the same input
  std::int64_t wall_ms = 0;         ///< how long it took
  std::int64_t memory_mib = 0;      ///< of the process, all runs together; this and the time are all that differs between runs
  Ppm allocation;                   ///< GPU-time held of what there was
  Ppm allocation_when_asked;        ///< of all GPUs, those held just before more than all of them had been asked for
  Ppm allocation_at_end;            ///< of all GPUs, those held at the end
  Ppm goodput;                      ///< GPU-time held by work that was not lost later, of what was held
  Ppm ettr;                         ///< effective training time ratio: useful run time of gangs over the time from first start to end
  Ppm fragmented;                   ///< part of the GPUs free at the end that a typical task could not use on average
  std::int64_t preemptions = 0;
  std::int64_t requeues = 0;
  std::int64_t lost_gpu_hours = 0;
  std::int64_t faults = 0;
  std::int64_t given_up = 0;        ///< jobs that did not start at once, where none may wait
  std::int64_t refused = 0;         ///< jobs that were not taken in; the notes say why
  std::int64_t promises = 0;
  std::int64_t promises_late = 0;
  Spread lateness;                  ///< of those that were late
  std::vector<Cohort> cohorts;
  std::vector<Utilisation> models;
  std::vector<Utilisation> by_site;
  std::vector<SiteEnergy> energy;
  std::vector<Sample> samples;
  std::vector<Stranded> stranded;
  std::vector<Breach> breaches;
  std::vector<Billed> billed;         ///< by currency
  std::vector<LostFor> lost_for;
  std::optional<FleetFigures> fleet;
  std::vector<Happening> happenings;  ///< events of the scenario and broken limits, the first of them
  std::vector<std::string> notes;     ///< rows of a trace that were left out, and the like

  static constexpr auto schema() {
    using R = SimReport;
    return object("SimReport", "One simulated stretch of time.", field("scenario", &R::scenario, required, "its name"),
                  field("variant", &R::variant, optional, "of a sweep"), field("seed", &R::seed, required, "of all chance"),
                  field("from", &R::from, required, "when it begins"), field("until", &R::until, required, "when it ends"),
                  field("sites", &R::sites, required, "sites"), field("nodes", &R::nodes, required, "nodes"),
                  field("gpus", &R::gpus, required, "GPUs"), field("jobs", &R::jobs, required, "jobs that were submitted"),
                  field("events", &R::events, required, "events of the log"),
                  field("logHash", &R::log_hash, required, "of the log's bytes"),
                  field("wallMs", &R::wall_ms, required, "how long it took"),
                  field("memoryMiB", &R::memory_mib, required, "most memory that was resident"),
                  field("allocation", &R::allocation, required, "GPU-time held of what there was"),
                  field("allocationWhenAsked", &R::allocation_when_asked, optional,
                        "of all GPUs, those held just before more than all of them had been asked for"),
                  field("allocationAtEnd", &R::allocation_at_end, optional, "of all GPUs, those held at the end"),
                  field("goodput", &R::goodput, required, "GPU-time whose work was not lost, of what was held"),
                  field("ettr", &R::ettr, required, "useful run time of gangs over the time from first start to end"),
                  field("fragmented", &R::fragmented, required, "part of the GPUs free at the end that a typical task could not use on average"),
                  field("preemptions", &R::preemptions, required, "gangs that made way"),
                  field("requeues", &R::requeues, required, "gangs that were queued again"),
                  field("lostGpuHours", &R::lost_gpu_hours, required, "of work since its checkpoint"),
                  field("faults", &R::faults, required, "nodes lost"),
                  field("givenUp", &R::given_up, optional, "jobs that could not start at once"),
                  field("refused", &R::refused, optional, "jobs that were not taken in; the notes say why"),
                  field("promises", &R::promises, required, "promised starts"),
                  field("promisesLate", &R::promises_late, required, "of them, those that came later"),
                  field("lateness", &R::lateness, required, "of those"),
                  field("cohorts", &R::cohorts, required, "jobs by class and size"),
                  field("models", &R::models, required, "by GPU model"), field("bySite", &R::by_site, required, "by site"),
                  field("energy", &R::energy, required, "by site"), field("samples", &R::samples, required, "for plots"),
                  field("stranded", &R::stranded, optional, "contracted watts that reach no node at the end, by site and cause"),
                  field("breaches", &R::breaches, optional, "reserved contracts that did not get what they had a right to"),
                  field("billed", &R::billed, optional, "what was asked for the months that were over, by currency"),
                  field("lostFor", &R::lost_for, optional, "GPU-hours of work lost, by reason"),
                  field("fleet", &R::fleet, optional, "faults and what was done about them"),
                  field("happenings", &R::happenings, optional, "events of the scenario and broken limits"),
                  field("notes", &R::notes, optional, "what was left out, and why"));
  }
};

}  // namespace penstock
