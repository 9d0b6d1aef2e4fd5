// The loop of virtual time: whatever comes next happens next.
#include "sim/simulation.h"

#include <algorithm>

#include "base/name.h"
#include "sim/fleet_metrics.h"
#include "sim/plain_estate.h"

namespace penstock {
namespace {

constexpr std::int64_t kProgressEvery = 256;  // turns
constexpr std::string_view kBy = "simulation";

// `nodes`: names with ranges.
std::string nodes_text(const std::vector<std::string>& nodes, std::string_view what) { return fmt::format("{} {}", fmt::join(nodes, ", "), what); }

class Simulation {
 public:
  Simulation(const Scenario& scenario, Facts facts, const Progress& progress, const LogSink& log, const StateSink& states)
      : scenario_(scenario), spec_(scenario.spec), progress_(progress), log_(log), states_(states), engine_(std::move(facts), spec_.scheduler),
        from_(spec_.from.value_or(*Text<Time>::parse("2026-01-01T00:00:00Z"))), now_(from_), metrics_(from_), fleet_(from_), last_moved_(from_) {
    if (spec_.length) until_ = from_ + *spec_.length;
  }

  Result<SimReport> run(SimulationInput input) {
    PENSTOCK_RETURN_IF_ERROR(prepare(std::move(input)));
    std::int64_t turns = 0;
    while (const auto next = next_time()) {
      if (until_ && *next >= *until_) break;
      now_ = std::max(now_, *next);
      PENSTOCK_RETURN_IF_ERROR(turn());
      if (progress_ && ++turns % kProgressEvery == 0) progress_(now_, from_, until_, submitted_);
    }
    if (until_) now_ = *until_;
    if (!until_ && !engine_.state().pending().empty()) {
      metrics_.note(fmt::format("{} jobs still wait and nothing is left to come that lets them start", engine_.state().pending().size()));
    }
    SimReport out;
    out.scenario = scenario_.name;
    out.variant = scenario_.variant;
    out.seed = spec_.seed;
    metrics_.report(engine_.state(), now_, out);
    out.fleet = fleet_.report(engine_.state(), now_, faults_ ? faults_->struck() : std::map<std::string, std::int64_t>());
    out.given_up = given_up_;
    if (states_) states_(engine_.state(), true);
    return out;
  }

 private:
  struct Dated {
    Time at;
    std::size_t index = 0;  // in the scenario
    const DatedSpec* spec = nullptr;
  };

  // What a load need not bring along.
  static std::vector<Document> tenancy_of(const Facts& facts) {
    std::vector<Document> out;
    const auto add = [&](Kind kind, const auto& objects) {
      for (const auto& [name, object] : objects) {
        Document& document = out.emplace_back();
        document.kind = kind;
        document.metadata.name = name;
      }
    };
    add(Kind::kTenant, facts.tenants);
    add(Kind::kProject, facts.projects);
    add(Kind::kContract, facts.contracts);
    return out;
  }

  // The work of a server goes on.
  Status take_over() {
    metrics_.adopt(engine_.state());
    return tell(Tick{});
  }

  // The estate, and who runs there.
  Result<std::vector<Document>> found(SimulationInput& input) {
    std::vector<Document> documents = std::move(input.documents);
    if (spec_.plain_estate) {
      PENSTOCK_TRY(made, plain_estate(*spec_.plain_estate, input.node_list));
      documents.insert(documents.end(), made.begin(), made.end());
    }
    std::erase_if(documents, [](const Document& document) { return document.kind == Kind::kJob; });
    for (Document& document : documents) {  // nobody starts agents here
      auto* site = std::get_if<SiteSpec>(&document.spec);
      if (site == nullptr) continue;
      site->runtime = RuntimeKind::kSimulated;
      if (spec_.fleet) site->fleet = spec_.fleet;
    }
    PENSTOCK_RETURN_IF_ERROR(tell(ApplyDocuments{documents, false}));
    return documents;
  }

  Status prepare(SimulationInput input) {
    std::vector<Document> documents;
    if (input.fork) {
      documents = tenancy_of(*input.fork);
      PENSTOCK_RETURN_IF_ERROR(take_over());
    } else {
      PENSTOCK_TRY(made, found(input));
      documents = std::move(made);
    }
    const Estate& estate = engine_.state().estate();
    MilliGpu gpus;
    std::int32_t largest = 1;
    std::vector<std::string> models;
    for (const EstateSite& site : estate.sites()) gpus += site.gpus;
    for (const EstateType& type : estate.types()) {
      largest = std::max(largest, type.spec.devices.count);
      models.push_back(type.spec.devices.model);
    }
    std::size_t trace = 0;
    for (std::size_t i = 0; i < spec_.loads.size(); ++i) {
      const LoadSpec& load = spec_.loads[i];
      const std::uint64_t seed = spec_.seed + 0x51ED270B * i;
      if (load.trace) {
        const Trace& of = *input.traces[trace++];
        if (of.bad_rows > 0) metrics_.note(fmt::format("{}: {} of {} rows cannot be read and are left out; the first, line {}: {}", load.trace->file, of.bad_rows, of.rows, of.bad.front().line, of.bad.front().why));
        for (const SkippedRows& skipped : of.skipped) metrics_.note(fmt::format("{}: {} rows left out: {}", load.trace->file, skipped.count, skipped.why));
        loads_.push_back(trace_load(*load.trace, of, i, from_, seed, gpus, largest, models));
      } else {
        loads_.push_back(synthetic_load(*load.synthetic, i, from_, seed));
      }
      std::vector<Document> missing = those_missing(*loads_.back(), documents);
      if (!missing.empty()) PENSTOCK_RETURN_IF_ERROR(tell(ApplyDocuments{missing, false}));
      documents.insert(documents.end(), missing.begin(), missing.end());
    }
    for (const DatedSpec& dated : spec_.events) dated_.push_back({dated.at.from(from_), dated_.size(), &dated});
    for (const Dated& dated : dated_) {
      if (dated.at >= from_) continue;
      return make_error(Code::kInvalid, fmt::format("it lies before the beginning, {}", Text<Time>::format(from_)), fmt::format("spec.events[{}].at", dated.index));
    }
    std::stable_sort(dated_.begin(), dated_.end(), [](const Dated& a, const Dated& b) { return a.at < b.at; });
    const bool strikes = std::any_of(spec_.events.begin(), spec_.events.end(), [](const DatedSpec& dated) { return !dated.strike.empty(); });
    if (spec_.faults || strikes) {
      FaultSpec none;
      none.per_million_node_days = 0;
      faults_.emplace(spec_.faults.value_or(none), engine_.state(), from_, spec_.seed);
    }
    runtime_.recover(engine_.state(), now_);
    return ok_status();
  }

  // Of everything that may happen; nothing once all work has come and gone.
  std::optional<Time> next_time() const {
    std::optional<Time> next;
    const auto earlier = [&](std::optional<Time> at) {
      if (at && (!next || *at < *next)) next = at;
    };
    for (const auto& load : loads_) earlier(load->next());
    earlier(runtime_.next_due());
    if (next_dated_ < dated_.size()) earlier(dated_[next_dated_].at);
    const bool goes_on = next.has_value();
    if (faults_) earlier(faults_->next());
    earlier(engine_.next_due());
    if (until_ || goes_on) return next;
    // Only the calendar, faults and repairs are left: for those who wait it may mend something, but not for ever.
    return engine_.state().pending().empty() || now_ - last_moved_ > kPatience ? std::nullopt : next;
  }

  Status turn() {
    metrics_.advance(engine_.state(), now_);
    bool moved = false;
    for (; next_dated_ < dated_.size() && dated_[next_dated_].at <= now_; ++next_dated_) {
      PENSTOCK_RETURN_IF_ERROR(happen(dated_[next_dated_]));
      moved = true;
    }
    if (faults_) {
      for (const Faults::Change& change : faults_->take(engine_.state(), now_)) PENSTOCK_RETURN_IF_ERROR(tell(change));
    }
    if (auto reports = runtime_.advance(engine_.state(), now_); !reports.empty()) {
      PENSTOCK_RETURN_IF_ERROR(heed_truth(reports));
      PENSTOCK_RETURN_IF_ERROR(tell(ReportTasks{std::move(reports.tasks), std::move(reports.remedies)}));
      moved = true;
    }
    SubmitJobs submit;
    submit.all_or_none = false;
    for (const auto& load : loads_) {
      while (load->next() && *load->next() <= now_) {
        submit.items.push_back(load->take());
        ++submitted_;
        if (submit.items.size() == kLot) PENSTOCK_RETURN_IF_ERROR(this->submit(submit));
      }
    }
    if (!submit.items.empty()) {
      PENSTOCK_RETURN_IF_ERROR(this->submit(submit));
      moved = true;
    }
    PENSTOCK_RETURN_IF_ERROR(tell(Tick{}));
    PENSTOCK_RETURN_IF_ERROR(close_months());
    if (spec_.give_up) PENSTOCK_RETURN_IF_ERROR(withdraw());
    if (moved) last_moved_ = now_;
    return ok_status();
  }

  Status tell(const Faults::Change& change) {
    if (change.lost) PENSTOCK_RETURN_IF_ERROR(tell(LoseNode{change.node, "a fault"}));
    if (change.back) PENSTOCK_RETURN_IF_ERROR(tell(GiveBackNode{change.node}));
    if (change.findings) PENSTOCK_RETURN_IF_ERROR(tell(ReportFindings{change.node, *change.findings}));
    return change.ticket ? tell(CloseTicket{change.ticket, "repaired"}) : ok_status();
  }

  // A remedy mends what it can, and a test finds what is left.
  Status heed_truth(RuntimeReports& reports) {
    if (!faults_) return ok_status();
    for (const auto& [node, report] : reports.remedies) {
      const auto care = engine_.state().facts().care.find(node);
      if (care == engine_.state().facts().care.end() || !care->second.remedy) continue;
      if (const auto change = faults_->mended(node, care->second.remedy->action)) PENSTOCK_RETURN_IF_ERROR(tell(*change));
    }
    for (TaskReport& report : reports.tasks) {
      const Job* job = engine_.state().job_of_allocation(report.allocation);
      if (report.end != TaskEnd::kExited || job == nullptr || job->allocation->tasks.size() != 1) continue;
      const std::string& node = job->allocation->tasks.front().node;
      const auto care = engine_.state().facts().care.find(node);
      if (care == engine_.state().facts().care.end() || care->second.test != job->uid || !faults_->broken(node)) continue;
      report.exit_code = 1;
      report.message = "the fault is still there";
    }
    return ok_status();
  }

  // Bills are written as soon as a month is over.
  Status close_months() {
    const auto& months = engine_.state().facts().books.months;
    while (!months.empty() && months.begin()->second.to <= now_) PENSTOCK_RETURN_IF_ERROR(tell(CloseMonth{months.begin()->first}));
    return ok_status();
  }

  Status submit(SubmitJobs& submit) {
    PENSTOCK_TRY(reply, ask(submit));
    for (const auto& refused : reply.refused) metrics_.refused(refused.message);
    submit.items.clear();
    return ok_status();
  }

  Status withdraw() {
    std::vector<std::string> names;
    for (const QueueKey& key : engine_.state().pending()) {
      const Job& job = *engine_.state().find_job(key.job);
      if (job.attempt == 1) names.push_back(job.name);  // the others have run already
    }
    for (const std::string& name : names) PENSTOCK_RETURN_IF_ERROR(tell(CancelJob{name, std::nullopt}));
    given_up_ += static_cast<std::int64_t>(names.size());
    return ok_status();
  }

  Status happen(const Dated& happening) {
    const DatedSpec& dated = *happening.spec;
    const std::size_t index = happening.index;
    std::vector<Document> documents;
    SubmitJobs jobs;
    jobs.all_or_none = true;
    for (const json::value& value : dated.apply) {
      Document document = *read_document(value);  // which has been checked, as the names below
      const bool is_job = document.kind == Kind::kJob;
      metrics_.happened(now_, fmt::format("{} {} {}", name_of(document.kind), document.metadata.name, is_job ? "submitted" : "applied"));
      if (is_job) {
        jobs.items.push_back({std::move(document.metadata), std::get<JobSpec>(std::move(document.spec))});
      } else {
        documents.push_back(std::move(document));
      }
    }
    if (!documents.empty()) PENSTOCK_RETURN_IF_ERROR(told(ApplyDocuments{documents, false}, index));
    if (!jobs.items.empty()) PENSTOCK_RETURN_IF_ERROR(told(jobs, index));
    for (const std::string& text : dated.remove) {
      const auto [kind, name] = *named_object(text);
      PENSTOCK_RETURN_IF_ERROR(told(DeleteObject{kind, name, std::nullopt}, index));
      metrics_.happened(now_, fmt::format("{} removed", text));
    }
    if (!dated.lose.empty()) metrics_.happened(now_, nodes_text(dated.lose, "lost"));
    if (!dated.give_back.empty()) metrics_.happened(now_, nodes_text(dated.give_back, "given back"));
    const auto each = [&](const std::vector<std::string>& patterns, const std::function<Command(const std::string&)>& make) -> Status {
      for (const std::string& pattern : patterns) {
        PENSTOCK_TRY(names, expand_range(pattern));
        for (const RangeName& range : names) PENSTOCK_RETURN_IF_ERROR(told(make(range.name), index));
      }
      return ok_status();
    };
    for (const StrikeSpec& strike : dated.strike) {
      metrics_.happened(now_, nodes_text(strike.nodes, fmt::format("struck: {}", strike.fault.name)));
      for (const std::string& pattern : strike.nodes) {
        PENSTOCK_TRY(names, expand_range(pattern));
        for (const RangeName& range : names) {
          const auto change = faults_->strike(engine_.state(), range.name, strike.fault, now_);
          if (change) PENSTOCK_RETURN_IF_ERROR(tell(*change));
        }
      }
    }
    PENSTOCK_RETURN_IF_ERROR(each(dated.lose, [](const std::string& node) { return LoseNode{node, "an event of the scenario"}; }));
    return each(dated.give_back, [](const std::string& node) { return GiveBackNode{node}; });
  }

  static Error placed(Error error, std::size_t index) {
    error.message = fmt::format("{}{}{}", error.path, error.path.empty() ? "" : ": ", error.message);
    error.path = fmt::format("spec.events[{}]", index);
    return error;
  }
  Status told(const Command& command, std::size_t index) {
    Status status = tell(command);
    return status.ok() ? std::move(status) : Status(placed(std::move(status).error(), index));
  }

  Result<Reply> ask(const Command& command) {
    auto reply = engine_.execute(command, CommandMeta{now_, std::string(kBy), {}, 0});
    if (reply.ok()) take_events();
    return reply;
  }
  Status tell(const Command& command) {
    const auto reply = ask(command);
    return reply.ok() ? ok_status() : Status(reply.error());
  }

  void take_events() {
    const std::vector<EventRecord> events = engine_.take_events();
    if (events.empty()) return;
    runtime_.committed(engine_.state(), events, now_);
    metrics_.observe(engine_.state(), events);
    fleet_.observe(engine_.state(), events);
    if (faults_) {
      for (const EventRecord& record : events) {
        if (const auto* opened = std::get_if<TicketOpened>(&record.event)) faults_->call(opened->ticket, record.at);
      }
    }
    if (log_) {
      for (const EventRecord& record : events) log_(record);
    }
    if (states_) states_(engine_.state(), false);
  }

  static constexpr std::size_t kLot = 10'000;
  static constexpr Duration kPatience = hours(24 * 30);

  const Scenario& scenario_;
  const ScenarioSpec& spec_;
  const Progress& progress_;
  const LogSink& log_;
  const StateSink& states_;
  Engine engine_;
  SimulatedRuntime runtime_;
  Time from_;
  Time now_;
  std::optional<Time> until_;
  RunMetrics metrics_;
  FleetMetrics fleet_;
  std::vector<std::unique_ptr<Load>> loads_;
  std::vector<Dated> dated_;
  std::size_t next_dated_ = 0;
  std::optional<Faults> faults_;
  std::int64_t submitted_ = 0;
  std::int64_t given_up_ = 0;
  Time last_moved_;  // by work or by the scenario, not by the calendar and faults
};

}  // namespace

Result<SimReport> simulate(const Scenario& scenario, SimulationInput input, const Progress& progress, const LogSink& log,
                           const StateSink& states) {
  const auto fork = input.fork;
  return Simulation(scenario, fork ? *fork : Facts{}, progress, log, states).run(std::move(input));
}

}  // namespace penstock
