// The loop of the core: take commands, carry them out, make them durable, then answer.
#include "server/core/core.h"

#include <chrono>

#include <spdlog/spdlog.h>

#include "base/name.h"
#include "engine/contracts/residency.h"
#include "server/api/views.h"
#include "server/core/filing.h"

namespace penstock {
namespace {

std::uint64_t steady_nanos() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

Error refused_by_store(const std::string& why) {
  return make_error(Code::kUnavailable,
                    fmt::format("the store refuses writes ({}); nothing of this request was kept, try again later", why));
}

// For a store that could not even say what it holds.
Error unsure_of_store(const std::string& why) {
  return make_error(Code::kUnavailable,
                    fmt::format("the store fails ({}); whether this request was kept is not known yet: repeat it with the same "
                                "Idempotency-Key",
                                why));
}

constexpr Duration kRecoveryPause = seconds(1);
constexpr std::size_t kLikelyEvent = 512;      // bytes of its text
constexpr Duration kQuiet = milliseconds(50);  // without a command: nobody waits for a snapshot to end

}  // namespace

ArchivedWorkload archive_row(const State& state, const Job& job) {
  ArchivedWorkload row;
  row.uid = job.uid;
  row.name = job.name;
  row.tenant = tenant_of(job.name);
  row.project = project_of(job.name);
  row.contract = job.contract;
  row.phase = name_of(job.phase);
  row.reason = name_of(job.reason);
  row.submitter = job.submitter;
  row.submitted = job.submitted;
  row.started = job.started;
  row.ended = job.ended.value_or(state.facts().now);
  row.attempts = job.attempt;
  row.gpus = job.allocation ? job.allocation->gpus : total_gpus(job.spec);
  if (job.usage) {
    row.gpu_time = job.usage->gpu_time;
    row.energy = job.usage->energy;
    row.energy_source = name_of(job.usage->energy_source);
    row.cost = job.usage->cost;
  }
  row.document = to_json(job_view(state, job, Detail::kFull, row.ended));
  return row;
}

AuditRow audit_row(const EventRecord& record, const AuditRecorded& entry) {
  const AuditView view{record.position, record.at, record.by, entry};
  return {record.position, record.at, entry.tenant, entry.principal.empty() ? record.by : entry.principal, entry.operation, to_json(view)};
}

Core::Core(CoreOptions options, std::unique_ptr<Journal> journal)
    : options_(std::move(options)), journal_(std::move(journal)) {}

Core::~Core() { stop(); }

Status Core::load() {
  PENSTOCK_TRY(found, journal_->recover());
  notice_ = found.notice;
  highest_epoch_ = std::max(highest_epoch_, found.epoch);
  Facts facts;
  if (found.snapshot) {
    auto decoded = from_json_text<Facts>(found.snapshot->data);
    if (!decoded.ok()) {
      return make_error(Code::kInternal, fmt::format("the snapshot at {} was not written by this version: {}",
                                                     found.snapshot->position, decoded.error().message));
    }
    facts = std::move(*decoded);
  }
  auto engine = std::make_unique<Engine>(std::move(facts), SchedulerSettings{}, options_.store_country);
  if (found.snapshot && engine->state().hash() != found.snapshot->state_hash) {
    return make_error(Code::kInternal, fmt::format("the snapshot at {} does not have the hash it was stored with; restore a backup",
                                                   found.snapshot->position));
  }
  snapshot_at_ = engine->state().facts().position;
  std::vector<EventRecord> untold;  // kept by a commit that had seemed to fail
  PENSTOCK_RETURN_IF_ERROR(journal_->replay(snapshot_at_, [&](const LogRecord& record) -> Status {
    std::string_view lines = record.data;
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      auto event = from_json_text<EventRecord>(lines.substr(0, end));
      if (!event.ok()) {
        return make_error(Code::kInternal, fmt::format("an event in the record from {} cannot be read: {}", record.first,
                                                       event.error().message));
      }
      if (event->position > engine->state().facts().position) engine->replay(*event);
      if (engine_ && event->position > durable_) untold.push_back(std::move(*event));
      if (end == std::string_view::npos) break;
      lines.remove_prefix(end + 1);
    }
    return ok_status();
  }));
  const Position last = engine->state().facts().position;
  if (last != found.last) {
    return make_error(Code::kInternal, fmt::format("the log ends at {} but its events end at {}", found.last, last));
  }
  const bool again = engine_ != nullptr;
  engine_ = std::move(engine);
  durable_ = last;
  tokens_.reset(engine_->state().facts());
  if (again) {
    hub_.publish(engine_->state(), untold);
  } else {
    hub_.reset(durable_);
  }
  return ok_status();
}

Status Core::start() {
  PENSTOCK_RETURN_IF_ERROR(load());
  PENSTOCK_RETURN_IF_ERROR(check_store(engine_->state().facts(), options_.store_country));
  CommandMeta meta;
  meta.now = options_.clock();
  meta.principal = "server";
  PENSTOCK_TRY(lead, engine_->execute(TakeLeadership{++highest_epoch_, options_.server_version}, meta));
  static_cast<void>(lead);
  PENSTOCK_RETURN_IF_ERROR(commit());
  for (Runtime* runtime : runtimes_) runtime->recover(engine_->state(), meta.now);
  thread_ = std::thread([this] { run(); });
  aside_ = std::thread([this] { run_aside(); });
  return ok_status();
}

void Core::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  wake_aside_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (aside_.joinable()) aside_.join();
  // Who still waits for an answer is let go now, while the connections that they came by still stand.
  agents_ = AgentRuntime{};
  hub_ = WatchHub{};
  reads_.clear();
  asides_.clear();
}

std::string Core::degraded() const {
  std::lock_guard lock(mutex_);
  return degraded_;
}

void Core::set_degraded(std::string why) {
  std::lock_guard lock(mutex_);
  degraded_ = std::move(why);
}

void Core::execute(Command command, CommandMeta meta, Done done) {
  std::unique_lock lock(mutex_);
  if (stopping_ || items_.size() >= options_.most_queued) {
    const bool stopping = stopping_;
    lock.unlock();
    done(make_error(Code::kUnavailable, stopping ? "the server is stopping" : "too many requests are waiting; try again shortly"));
    return;
  }
  items_.push_back({std::move(command), std::move(meta), std::move(done)});
  lock.unlock();
  wake_.notify_one();
}

void Core::read(Read read) {
  {
    std::lock_guard lock(mutex_);
    reads_.push_back(std::move(read));
  }
  wake_.notify_one();
}

void Core::aside(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    asides_.push_back(std::move(work));
  }
  wake_aside_.notify_one();
}

void Core::run_aside() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      wake_aside_.wait(lock, [&] { return stopping_ || !asides_.empty(); });
      if (stopping_) return;
      work = std::move(asides_.front());
      asides_.pop_front();
    }
    work();
  }
}

std::optional<Time> Core::next_due() const {
  std::optional<Time> due = engine_->next_due();
  for (const Runtime* runtime : runtimes_) {
    const auto other = runtime->next_due();
    if (other && (!due || *other < *due)) due = other;
  }
  return due;
}

void Core::run() {
  while (true) {
    std::vector<Item> items;
    std::vector<Read> reads;
    {
      std::unique_lock lock(mutex_);
      const auto idle = [&] { return items_.empty() && reads_.empty() && !stopping_; };
      if (idle()) {
        Duration wait = seconds(1);
        if (!degraded_.empty()) {
          wait = milliseconds(200);
        } else {
          if (const auto due = next_due()) wait = std::clamp(*due - options_.clock(), Duration(0), seconds(1));
          if (snapshot_is_due()) wait = std::min(wait, kQuiet);
        }
        wake_.wait_for(lock, std::chrono::nanoseconds(wait.count()), [&] { return !idle(); });
      }
      if (stopping_ && items_.empty() && reads_.empty()) return;
      if (items_.size() > options_.most_batch) {
        const auto middle = items_.begin() + static_cast<std::ptrdiff_t>(options_.most_batch);
        items.assign(std::make_move_iterator(items_.begin()), std::make_move_iterator(middle));
        items_.erase(items_.begin(), middle);
      } else {
        items.swap(items_);
      }
      reads.swap(reads_);
    }
    work(std::move(items), std::move(reads));
  }
}

void Core::work(std::vector<Item> items, std::vector<Read> reads) {
  const Time now = options_.clock();
  if (!degraded().empty() && now >= next_recovery_) try_to_recover();

  std::vector<std::pair<Done, Result<Reply>>> answers;
  answers.reserve(items.size());
  if (const std::string why = degraded(); !why.empty()) {
    for (Item& item : items) answers.emplace_back(std::move(item.done), refused_by_store(why));
  } else {
    CommandMeta own;
    own.now = now;
    own.principal = "server";
    for (Runtime* runtime : runtimes_) {
      RuntimeReports reports = runtime->advance(engine_->state(), now);
      if (reports.empty()) continue;
      static_cast<void>(engine_->execute(ReportTasks{std::move(reports.tasks), std::move(reports.remedies)}, own));
    }
    for (Item& item : items) {
      item.meta.now = now;
      answers.emplace_back(std::move(item.done), engine_->execute(item.command, item.meta));
    }
    counters_.commands += items.size();
    if (!items.empty()) last_command_ = steady_nanos();
    static_cast<void>(engine_->execute(Tick{}, own));
    if (Status durable = commit(); !durable.ok()) after_failed_commit(durable.error(), answers);
  }
  for (auto& [done, result] : answers) done(std::move(result));
  // Reads go on whatever the store does. While it cannot even say what it holds, they show what was tried.
  View view{engine_->scratch_state(), engine_->leases(), agents_, hub_, *journal_, now};
  for (Read& read : reads) read(view);
  if (degraded().empty() && snapshot_is_due()) {
    const bool quiet = steady_nanos() - last_command_ >= static_cast<std::uint64_t>(kQuiet.count());
    if (quiet || durable_ - snapshot_at_ >= 2 * options_.snapshot_events) take_snapshot();
  }
}

Status Core::commit() {
  const std::vector<EventRecord> events = engine_->take_events();
  if (events.empty()) return ok_status();
  CommitBatch batch;
  LogRecord record;
  record.first = events.front().position;
  record.count = static_cast<std::uint32_t>(events.size());
  record.at = events.back().at;
  record.epoch = engine_->state().facts().epoch;
  record.data.reserve(events.size() * kLikelyEvent);
  for (const EventRecord& event : events) {
    write_json(record.data, event);
    record.data += '\n';
    if (const auto* finished = std::get_if<JobFinished>(&event.event)) {
      if (const Job* job = engine_->state().find_job(finished->job)) {
        batch.archived.push_back(archive_row(engine_->state(), *job));
      }
    } else if (const auto* audited = std::get_if<AuditRecorded>(&event.event)) {
      batch.audited.push_back(audit_row(event, *audited));
    }
    for (FiledRow& row : filed_rows(event)) batch.filed.push_back(std::move(row));
  }
  batch.records.push_back(std::move(record));
  const std::uint64_t began = steady_nanos();
  PENSTOCK_RETURN_IF_ERROR(journal_->commit(batch));
  counters_.commit_nanos += steady_nanos() - began;
  ++counters_.commits;
  counters_.events += events.size();
  logged_bytes_ += batch.records.back().data.size();
  durable_ = events.back().position;
  for (const EventRecord& event : events) tokens_.take(event);
  const Time now = options_.clock();
  for (Runtime* runtime : runtimes_) runtime->committed(engine_->state(), events, now);
  hub_.publish(engine_->state(), events);
  return ok_status();
}

void Core::after_failed_commit(const Error& why, std::vector<std::pair<Done, Result<Reply>>>& answers) {
  ++counters_.commit_failures;
  spdlog::error("event=store-failed writes=refused error=\"{}\"", why.message);
  set_degraded(why.message);
  const Position wanted = engine_->state().facts().position;
  const Epoch reign = engine_->state().facts().epoch;
  // The store says what is durable. If it kept the batch after all, the answers stand.
  const Status loaded = load();
  const bool kept = loaded.ok() && durable_ == wanted && engine_->state().facts().epoch == reign;
  if (!kept) {
    for (auto& [done, result] : answers) result = loaded.ok() ? refused_by_store(why.message) : unsure_of_store(why.message);
  }
  if (loaded.ok()) {
    for (Runtime* runtime : runtimes_) runtime->recover(engine_->state(), options_.clock());
  }
  next_recovery_ = options_.clock() + kRecoveryPause;
}

void Core::try_to_recover() {
  next_recovery_ = options_.clock() + kRecoveryPause;
  if (Status loaded = load(); !loaded.ok()) {
    set_degraded(loaded.error().message);
    return;
  }
  // Taking leadership anew is the first write: if it holds, others will.
  CommandMeta meta;
  meta.now = options_.clock();
  meta.principal = "server";
  static_cast<void>(engine_->execute(TakeLeadership{++highest_epoch_, options_.server_version}, meta));
  if (Status durable = commit(); !durable.ok()) {
    ++counters_.commit_failures;
    set_degraded(durable.error().message);
    static_cast<void>(load());
    return;
  }
  for (Runtime* runtime : runtimes_) runtime->recover(engine_->state(), meta.now);
  spdlog::info("event=store-recovered position={}", durable_);
  set_degraded({});
}

bool Core::snapshot_is_due() const { return durable_ - snapshot_at_ >= options_.snapshot_events; }

// On this thread: a copy of the facts for another one would cost more than their text does.
void Core::take_snapshot() {
  const std::uint64_t began = steady_nanos();
  Snapshot snapshot;
  snapshot.position = durable_;
  snapshot.at = options_.clock();
  snapshot.data.reserve(snapshot_bytes_ + logged_bytes_);
  write_json(snapshot.data, engine_->state().facts());
  snapshot.state_hash = state_hash(snapshot.data);
  snapshot_bytes_ = snapshot.data.size();
  logged_bytes_ = 0;
  snapshot_at_ = durable_;  // also after a failure: the next try is as far away as after a success
  const Position keep_after = durable_ > options_.keep_events ? durable_ - options_.keep_events : 0;
  if (journal_->save_snapshot(snapshot, keep_after).ok()) {
    ++counters_.snapshots;
    counters_.snapshot_nanos += steady_nanos() - began;
  }
}

}  // namespace penstock
