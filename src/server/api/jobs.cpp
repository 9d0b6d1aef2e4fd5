// Submitting, reading, cancelling and explaining jobs; their logs and usage.
#include "base/name.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

bool matches(const Call& call, const Job& job, const std::string& tenant, const std::string& project, const std::string& phase) {
  if (!call.reaches(project_of(job.name))) return false;
  if (!tenant.empty() && tenant_of(job.name) != tenant) return false;
  if (!project.empty() && project_of(job.name) != project) return false;
  if (phase.empty()) return true;
  return phase == "live" ? !is_final(job.phase) : name_of(job.phase) == phase;
}

Status known_phase(const std::string& phase) {
  if (phase.empty() || phase == "live" || enum_from_name<JobPhase>(phase)) return ok_status();
  std::string names = "live";
  for (const auto& entry : enum_names(JobPhase{})) names += ", " + std::string(entry.name);
  return make_error(Code::kInvalid, fmt::format("expected one of {}, found '{}'", names, phase), "phase");
}

// Rows of several scopes, which may overlap, as one list.
template <class UidOf>
std::vector<std::string> newest_first(std::vector<std::string> rows, const UidOf& uid_of) {
  std::map<Uid, std::string> sorted;
  for (std::string& row : rows) {
    const Uid uid = uid_of(row);
    sorted.emplace(uid, std::move(row));
  }
  rows.clear();
  for (auto row = sorted.rbegin(); row != sorted.rend(); ++row) rows.push_back(std::move(row->second));
  return rows;
}

}  // namespace

void Api::submit(std::shared_ptr<Call> call, SubmitJobs command) {
  for (const SubmitJobs::Item& item : command.items) {
    const std::string_view project = project_of(item.metadata.name);
    if (!call->reaches(project)) {
      Error error = call->out_of_reach("project", project, project);
      error.path = "metadata.name";
      return refuse(call, error);
    }
  }
  const int status = command.all_or_none ? 201 : 200;
  execute(std::move(call), std::move(command), status);
}

void Api::submit_text(std::shared_ptr<Call> call) {
  auto body = body_of<SubmitText>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto documents = read_documents(body->sources);
  if (!documents.ok()) return refuse(call, documents.error());
  if (documents->empty()) return refuse(call, make_error(Code::kInvalid, "there is no document in this input", "sources"));
  SubmitJobs command;
  command.all_or_none = true;
  for (Document& document : *documents) {
    if (document.kind != Kind::kJob) {
      Error error = make_error(Code::kInvalid, fmt::format("a {} is applied, not submitted: use `penstock apply`", name_of(document.kind)), "kind");
      error.file = document.origin.file;
      error.line = document.origin.line;
      error.column = 1;
      return refuse(call, error);
    }
    command.items.push_back({std::move(document.metadata), std::get<JobSpec>(std::move(document.spec))});
  }
  submit(std::move(call), std::move(command));
}

void Api::submit_job(std::shared_ptr<Call> call) {
  auto body = body_of<JobRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  SubmitJobs command;
  command.all_or_none = true;
  command.items.push_back({std::move(body->metadata), std::move(body->spec)});
  submit(std::move(call), std::move(command));
}

void Api::submit_batch(std::shared_ptr<Call> call) {
  auto body = body_of<JobBatch>(*call);
  if (!body.ok()) return refuse(call, body.error());
  SubmitJobs command;
  for (JobRequest& item : body->items) command.items.push_back({std::move(item.metadata), std::move(item.spec)});
  submit(std::move(call), std::move(command));
}

void Api::list_jobs(std::shared_ptr<Call> call) {
  const std::string tenant = text(*call, "tenant");
  const std::string project = text(*call, "project");
  const std::string phase = text(*call, "phase");
  if (Status known = known_phase(phase); !known.ok()) return refuse(call, known.error());
  if (flag(*call, "watch")) {
    return watch(call, "Job", [=](Core::View& view, const Notice& notice) -> std::optional<std::string> {
      const Job* job = view.state.find_job(notice.uid);
      if (job == nullptr || !matches(*call, *job, tenant, project, {})) return std::nullopt;
      return to_json(job_view(view.state, *job, Detail::kList, view.now));
    });
  }
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  Uid cursor;
  if (const std::string given = text(*call, "cursor"); !given.empty()) {
    auto parsed = Text<Uid>::parse(given);
    if (!parsed.ok()) return refuse(call, make_error(Code::kInvalid, "this is no cursor of this list", "cursor"));
    cursor = *parsed;
  }
  core_.read([=, most = *limit](Core::View& view) {
    JobPage page;
    page.position = view.state.facts().position;
    const auto& jobs = view.state.facts().jobs;
    for (auto at = jobs.upper_bound(cursor); at != jobs.end(); ++at) {
      if (!matches(*call, at->second, tenant, project, phase)) continue;
      if (page.items.size() == most) {
        page.next = Text<Uid>::format(page.items.back().metadata.uid);
        break;
      }
      page.items.push_back(job_view(view.state, at->second, Detail::kList, view.now));
    }
    call->respond(json_response(page));
  });
}

void Api::get_job(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  core_.read([call, name](Core::View& view) {
    if (const Job* job = view.state.find_job(name)) {
      return call->respond(json_response(job_view(view.state, *job, Detail::kFull, view.now)));
    }
    auto archived = view.journal.archived_by_name(name);
    if (!archived.ok()) return refuse(call, archived.error().code == Code::kNotFound ? unknown("Job", name) : archived.error());
    HttpResponse response;
    response.body = std::move(*archived);
    call->respond(std::move(response));
  });
}

void Api::of_job(std::shared_ptr<Call> call, const std::function<Command(const std::string&, std::optional<Position>)>& make) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  auto version = number(*call, "version", 0, ~std::uint64_t{0} >> 1);
  if (!version.ok()) return refuse(call, version.error());
  Command command = make(name, call->query.contains("version") ? std::optional<Position>(*version) : std::nullopt);
  execute(std::move(call), std::move(command), 200);
}

void Api::cancel_job(std::shared_ptr<Call> call) {
  of_job(std::move(call), [](const std::string& name, std::optional<Position> version) { return CancelJob{name, version}; });
}

void Api::hold_job(std::shared_ptr<Call> call) {
  of_job(std::move(call), [](const std::string& name, std::optional<Position> version) { return HoldJob{name, true, version}; });
}

void Api::release_job(std::shared_ptr<Call> call) {
  of_job(std::move(call), [](const std::string& name, std::optional<Position> version) { return HoldJob{name, false, version}; });
}

void Api::suspend_job(std::shared_ptr<Call> call) {
  of_job(std::move(call), [](const std::string& name, std::optional<Position> version) { return SuspendJob{name, version}; });
}

void Api::resize_job(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  auto body = body_of<ResizeRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  execute(std::move(call), ResizeJob{name, body->replicas, body->version}, 200);
}

void Api::repower_job(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  auto body = body_of<RepowerRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  execute(std::move(call), SetGpuPower{name, body->gpu_power, body->version}, 200);
}

void Api::explain_job(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  core_.read([call, name](Core::View& view) {
    const Job* job = view.state.find_job(name);
    if (job == nullptr) return refuse(call, unknown("Job", name));
    Explanation out;
    out.workload = name;
    out.phase = job->phase;
    if (job->phase == JobPhase::kPending) {
      out.causes = why_waiting(view.state, *job, view.now);
      out.summary = out.causes.empty() ? "it fits now and starts with the next pass of the scheduler"
                                       : fmt::format("it waits: {}", out.causes.front().message);
      out.promised = job->promise && !job->promise->tasks.empty();
      if (!out.causes.empty()) {
        out.promised_start = promised_start(view.state, *job, view.now);
        out.alternatives = alternatives(view.state, *job, view.now);
      }
    } else if (job->holds()) {
      out.summary = fmt::format("it is {} on {} since {}", name_of(job->phase), tenant_of(job->allocation->tasks.front().node),
                                Text<Time>::format(job->allocation->from));
    } else {
      out.summary = fmt::format("it has ended: {}{}{}", name_of(job->reason), job->message.empty() ? "" : ", ", job->message);
    }
    call->respond(json_response(out));
  });
}

void Api::job_log(std::shared_ptr<Call> call) {
  const std::string name = call->name();
  if (!call->reaches(project_of(name))) return refuse(call, call->out_of_reach("Job", name, project_of(name)));
  auto rank = number(*call, "rank", 0, 1'000'000);
  auto offset = number(*call, "offset", 0, ~std::uint64_t{0} >> 1);
  if (!rank.ok()) return refuse(call, rank.error());
  if (!offset.ok()) return refuse(call, offset.error());
  core_.read([this, call, name, rank = *rank, offset = *offset](Core::View& view) {
    const Job* job = view.state.find_job(name);
    if (job == nullptr) return refuse(call, unknown("Job", name));
    if (!job->allocation) {
      return refuse(call, make_error(Code::kFailedPrecondition, fmt::format("job '{}' is {} and has no output yet", name, name_of(job->phase))));
    }
    if (rank >= job->allocation->tasks.size()) {
      return refuse(call, make_error(Code::kNotFound, fmt::format("job '{}' has ranks 0 to {}", name, job->allocation->tasks.size() - 1), "rank"));
    }
    const std::string& node = job->allocation->tasks[rank].node;
    const NodeIndex index = view.state.estate().find_node(node);
    if (index == kNowhere || view.state.estate().site_of(index).runtime == RuntimeKind::kSimulated) {
      return refuse(call, make_error(Code::kUnsupported, fmt::format("node {} is simulated: its tasks write nothing", node)));
    }
    const auto facts = view.state.facts().nodes.find(node);
    if (facts == view.state.facts().nodes.end() || facts->second.lost) {
      return refuse(call, make_error(Code::kUnavailable, fmt::format("node {} holds the log and is lost at present", node)));
    }
    HttpResponse response;
    response.content_type = "application/octet-stream";
    response.stream = std::make_shared<ByteStream>();
    auto stream = response.stream;
    LogWanted wanted;
    wanted.allocation = job->allocation->uid;
    wanted.rank = static_cast<std::int32_t>(rank);
    wanted.offset = static_cast<std::int64_t>(offset);
    wanted.follow = flag(*call, "follow");
    const std::uint64_t id = view.agents.read_log(view.state, node, wanted, [this, call, stream](std::string_view bytes, std::int64_t, bool end) {
      const bool more = still_may(*call) && call->reaches(project_of(call->name())) && stream->push(bytes);
      if (!more) stream->finish();
      if (end) stream->finish();
      return more;
    });
    stream->on_left([this, id] { core_.read([id](Core::View& later) { later.agents.end_log(id); }); });
    call->respond(std::move(response));
  });
}

void Api::list_archive(std::shared_ptr<Call> call) {
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  const std::string tenant = text(*call, "tenant");
  const std::set<std::string> scopes = scopes_of(*call, tenant);
  if (scopes.empty()) return refuse(call, unknown("Tenant", tenant));
  Uid before;
  if (const std::string given = text(*call, "cursor"); !given.empty()) {
    auto parsed = Text<Uid>::parse(given);
    if (!parsed.ok()) return refuse(call, make_error(Code::kInvalid, "this is no cursor of this list", "cursor"));
    before = *parsed;
  }
  core_.read([call, scopes, before, most = *limit](Core::View& view) {
    std::vector<std::string> rows;
    for (const std::string& scope : scopes) {
      auto found = view.journal.archived_list(scope, before, most + 1);
      if (!found.ok()) return refuse(call, found.error());
      rows.insert(rows.end(), std::make_move_iterator(found->begin()), std::make_move_iterator(found->end()));
    }
    const auto uid_of = [](const std::string& row) { return from_json_text<JobView>(row)->metadata.uid; };
    if (scopes.size() > 1) rows = newest_first(std::move(rows), uid_of);
    const bool more = rows.size() > most;
    if (more) rows.resize(most);
    HttpResponse response;
    response.body = fmt::format(R"({{"items":[{}])", fmt::join(rows, ","));
    if (more) response.body += fmt::format(R"(,"next":"{}")", Text<Uid>::format(uid_of(rows.back())));
    response.body += fmt::format(R"(,"position":{}}})", view.state.facts().position);
    call->respond(std::move(response));
  });
}

void Api::usage(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    UsageList list;
    for (const auto& [key, total] : view.state.facts().usage_by_project) {
      if (!call->reaches(total.workload)) continue;
      list.items.push_back({total.workload, {total.gpu_time, total.energy, total.energy_source, total.cost, total.energy_cost, total.carbon}});
    }
    call->respond(json_response(list));
  });
}

}  // namespace penstock
