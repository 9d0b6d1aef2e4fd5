// Dispatch of commands to their concerns.
#include "engine/engine.h"

#include <algorithm>

#include "engine/access/access.h"
#include "engine/catalog/catalog.h"
#include "engine/fleet/breaker.h"
#include "engine/fleet/incidents.h"
#include "engine/fleet/orders.h"
#include "engine/fleet/waves.h"
#include "engine/ledger/budgets.h"
#include "engine/ledger/closing.h"
#include "engine/ledger/ledger.h"
#include "engine/power/power.h"
#include "engine/queue/gang.h"
#include "engine/queue/scheduler.h"

namespace penstock {

void Step::emit(Event event) {
  EventRecord record;
  record.position = facts().position + 1;
  record.at = meta_.now;
  record.epoch = facts().epoch;
  record.by = meta_.principal;
  record.event = std::move(event);
  if (const auto* leadership = std::get_if<LeadershipTaken>(&record.event)) record.epoch = leadership->epoch;
  signs_.note(state_, record.event, meta_.now);
  state_.fold(record);
  out_.push_back(std::move(record));
}

Engine::Engine(Facts facts, SchedulerSettings settings, std::string store_country)
    : state_(std::move(facts)), settings_(settings), store_country_(std::move(store_country)), scheduler_(std::make_unique<Scheduler>(settings)) {}
Engine::~Engine() = default;

Result<Reply> Engine::execute(const Command& command, const CommandMeta& meta) {
  // Time does not run backwards in the log, whatever the clock did.
  CommandMeta steady = meta;
  steady.now = std::max(meta.now, state_.facts().now);
  if (!meta.idempotency_key.empty()) {
    const bool printable = std::all_of(meta.idempotency_key.begin(), meta.idempotency_key.end(),
                                       [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) return make_error(Code::kInvalid, "expected printable ASCII characters", "Idempotency-Key");
    if (const StoredReply* stored = state_.find_reply(meta.principal, meta.idempotency_key)) {
      if (stored->fingerprint != meta.fingerprint) {
        return make_error(Code::kConflict, "this Idempotency-Key was used before with another request");
      }
      Reply reply = stored->reply;
      reply.repeated = true;
      return reply;
    }
  }
  state_.settle();
  Step step(state_, steady, settings_, events_);
  if (!std::holds_alternative<TakeLeadership>(command)) {
    cut_books(step);
    take_in_dates(step);
  }
  const Position before = state_.facts().position;
  const Audit audit(state_.facts(), command, steady);
  Result<Reply> reply = dispatch(step, command);
  PENSTOCK_CHECK(reply.ok() || state_.facts().position == before);
  state_.settle();
  group_incidents(step);
  if (reply.ok()) audit.record(step, *reply);
  if (reply.ok() && !meta.idempotency_key.empty() && !reply->dry_run) {
    step.emit(ReplyRecorded{{meta.principal, meta.idempotency_key, meta.fingerprint, steady.now, *reply}});
  }
  state_.settle();
  return reply;
}

Result<Reply> Engine::dispatch(Step& step, const Command& command) {
  struct Visitor {
    Engine& engine;
    Step& step;

    Result<Reply> operator()(const TakeLeadership& c) {
      if (c.epoch <= step.facts().epoch) {
        return make_error(Code::kConflict, fmt::format("epoch {} is not above {}", c.epoch, step.facts().epoch));
      }
      step.emit(LeadershipTaken{c.epoch, c.server_version});
      engine.leases_.restart(step.state(), step.now());
      engine.fleet_.restart(step.facts(), step.now());
      engine.scheduler_->forget();
      return Reply{};
    }
    Result<Reply> operator()(const ApplyDocuments& c) { return apply_documents(step, c, engine.store_country_); }
    Result<Reply> operator()(const DeleteObject& c) { return delete_object(step, c); }
    Result<Reply> operator()(const SubmitJobs& c) { return submit_jobs(step, c); }
    Result<Reply> operator()(const CancelJob& c) { return cancel_job(step, c); }
    Result<Reply> operator()(const HoldJob& c) { return hold_job(step, c); }
    Result<Reply> operator()(const SuspendJob& c) { return suspend_job(step, c); }
    Result<Reply> operator()(const ResizeJob& c) { return resize_job(step, c); }
    Result<Reply> operator()(const SetGpuPower& c) { return set_gpu_power(step, c); }
    Result<Reply> operator()(const RegisterNode& c) { return register_node(step, engine.leases_, c); }
    Result<Reply> operator()(const SyncNode& c) { return sync_node(step, engine.leases_, c); }
    Result<Reply> operator()(const LoseNode& c) { return lose_node(step, c); }
    Result<Reply> operator()(const GiveBackNode& c) { return give_back_node(step, c); }
    Result<Reply> operator()(const ReportTasks& c) {
      for (const TaskReport& report : c.tasks) take_report(step, report, nullptr);
      for (const auto& [node, report] : c.remedies) take_remedy_report(step, node, report);
      return Reply{};
    }
    Result<Reply> operator()(const ReportFindings& c) { return report_findings(step, c); }
    Result<Reply> operator()(const CordonNode& c) { return cordon_node(step, c); }
    Result<Reply> operator()(const MoveNode& c) { return move_node(step, c); }
    Result<Reply> operator()(const MendNode& c) { return mend_node(step, c); }
    Result<Reply> operator()(const SwitchBreaker& c) { return switch_breaker(step, c); }
    Result<Reply> operator()(const BeginWave& c) { return begin_wave(step, c); }
    Result<Reply> operator()(const SwitchWave& c) { return switch_wave(step, c); }
    Result<Reply> operator()(const ReleaseNode& c) { return release_node(step, c); }
    Result<Reply> operator()(const CloseTicket& c) { return close_ticket(step, c); }
    Result<Reply> operator()(const ReplaceTask& c) { return replace_task(step, c); }
    Result<Reply> operator()(const IssueToken& c) { return issue_token(step, c); }
    Result<Reply> operator()(const RevokeToken& c) { return revoke_token(step, c); }
    Result<Reply> operator()(const ReadMeter& c) { return read_meter(step, c); }
    Result<Reply> operator()(const Adjust& c) { return adjust(step, c); }
    Result<Reply> operator()(const CloseMonth& c) { return close_month(step, c); }
    Result<Reply> operator()(const Tick&) {
      expire_leases(step, engine.leases_);
      engine.fleet_.tend(step);
      engine.forget_finished(step);
      restore_shed(step);
      watch_budgets(step);
      engine.scheduler_->pass(step);
      return Reply{};
    }
  };
  return std::visit(Visitor{*this, step}, command);
}

void Engine::forget_finished(Step& step) {
  const auto& finished = state_.finished();
  const std::size_t over = finished.size() > kMostFinished ? finished.size() - kMostFinished : 0;
  JobsForgotten event;
  for (const auto& [ended, uid] : finished) {
    if (event.jobs.size() >= over && step.now() - ended < kFinishedAge) break;
    event.jobs.push_back(uid);
  }
  // In lots, so that a busy hour does not write one event a job.
  const bool worth = event.jobs.size() >= 1000 ||
                     (!event.jobs.empty() && step.now() - finished.begin()->first >= kFinishedAge + minutes(1));
  if (worth) step.emit(std::move(event));
}

std::vector<EventRecord> Engine::take_events() { return std::exchange(events_, {}); }

std::optional<Time> Engine::next_due() const {
  std::optional<Time> due = leases_.next_due();
  if (state_.has_fleet_news()) due = state_.facts().now;
  for (const std::optional<Time>& other : {fleet_.next_due(), scheduler_->next_due(), state_.power().next_date(), std::optional(state_.next_cut()),
                                           next_alert(state_), state_.finished().empty()
                                                                      ? std::optional<Time>()
                                                                      : std::optional(state_.finished().begin()->first +
                                                                                      kFinishedAge + minutes(1))}) {
    if (other && (!due || *other < *due)) due = other;
  }
  return due;
}

}  // namespace penstock
