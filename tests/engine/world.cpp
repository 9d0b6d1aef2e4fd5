// Specs, commands and questions of the engine's tests.
#include "world.h"

#include "base/name.h"
#include "invariants.h"

namespace penstock {

NodeTypeSpec node_type(const std::string& model, std::int32_t devices) {
  NodeTypeSpec type;
  type.devices.model = model;
  type.devices.count = devices;
  type.cpu = MilliCpu(8'000) * devices;
  type.memory = Bytes(64LL << 30) * devices;
  type.power.idle = Watts(100) * devices;
  type.power.max = Watts(1'000) * devices;
  return type;
}

SiteSpec site(const std::string& country, const std::string& type, const std::string& racks, const std::string& nodes,
              RuntimeKind runtime) {
  SiteSpec spec;
  spec.country = country;
  spec.runtime = runtime;
  RackSpec rack;
  rack.name = racks;
  rack.nodes.push_back({nodes, type});
  spec.halls.push_back({"h1", std::nullopt, {{"row", {rack}}}});
  return spec;
}

ContractSpec contract() {
  ContractSpec spec;
  spec.price_per_gpu_hour = {2'000'000, "USD"};
  return spec;
}

JobSpec gang(std::int32_t replicas, std::int64_t milli, std::int32_t priority) {
  JobSpec spec;
  spec.priority = priority;
  TaskGroupSpec group;
  group.name = "worker";
  group.replicas = replicas;
  group.gpus = MilliGpu(milli);
  group.command = {"train"};
  spec.groups.push_back(std::move(group));
  return spec;
}

Document document(const std::string& name, AnySpec spec) {
  Document out;
  out.kind = static_cast<Kind>(spec.index());
  out.metadata.name = name;
  out.spec = std::move(spec);
  return out;
}

AgentHello hello(const Estate& estate, const std::string& node, bool oci) {
  AgentHello hello;
  hello.node = node;
  hello.address = "127.0.0.1";
  hello.agent_version = "1";
  hello.boot_id = "boot";
  hello.power_source = "model";
  if (oci) hello.capabilities = {"oci"};
  const NodeIndex index = estate.find_node(node);
  if (index == kNowhere) return hello;
  const NodeTypeSpec& type = estate.type_of(index).spec;
  hello.device_vendor = std::string(name_of(type.devices.vendor));
  hello.device_model = type.devices.model;
  hello.device_count = type.devices.count;
  hello.cpu = type.cpu;
  hello.memory = type.memory;
  return hello;
}

VerifyReport proof_of(const std::vector<EventRecord>& events, std::string_view snapshot, std::uint64_t every) {
  std::vector<std::string> lines;
  for (const EventRecord& event : events) lines.push_back(to_json(event));
  VerifyOptions options;
  options.every = every;
  auto report = verify_log(lines, snapshot, options);
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? std::move(*report) : VerifyReport{};
}

std::string violations_of(const VerifyReport& report) {
  std::string text;
  for (const VerifyFinding& finding : report.violations) {
    text += fmt::format("{} at {}, {}: {}", finding.invariant, finding.position, Text<Time>::format(finding.at), finding.message);
    for (const std::string& grant : finding.grants) text += "; " + grant;
    text += '\n';
  }
  return text;
}

World::World() : now(*Text<Time>::parse("2026-06-01T00:00:00Z")), engine_(std::make_unique<Engine>()) {}

World::~World() {
  Engine again;
  for (const EventRecord& record : events_) again.replay(record);
  EXPECT_EQ(again.state().hash(), state().hash()) << "a replay of the events makes another state";
  EXPECT_EQ(violations_of(proof_of(events_, {}, prove_every)), "");
}

void World::settle_usual() {
  apply({document("h200", node_type("h200", 8)), document("a100", node_type("a100", 4)),
         document("north", site("NO", "h200", "r[1-2]", "n[1-2]")),
         document("south", site("GB", "a100", "r1", "n[1-2]", RuntimeKind::kAgent)), document("acme", TenantSpec{}),
         document("acme/llm", ProjectSpec{}), document("acme/main", contract())});
  said();
}

Result<Reply> World::run(const Command& command, const std::string& key, std::uint64_t fingerprint) {
  auto reply = engine_->execute(command, CommandMeta{now, principal, key, fingerprint, asked});
  const std::vector<EventRecord> fresh = engine_->take_events();
  if (!reply.ok()) {
    // What time itself brought is a fact, whatever became of the command.
    EXPECT_TRUE(fresh.empty() || std::holds_alternative<LimitsChanged>(fresh.front().event) ||
                std::any_of(fresh.begin(), fresh.end(), [](const EventRecord& record) { return std::holds_alternative<BooksCut>(record.event); }) || std::holds_alternative<MaintenanceRevoked>(fresh.front().event))
        << "a refused command left events: " << to_string(reply.error());
  }
  events_.insert(events_.end(), fresh.begin(), fresh.end());
  if (std::holds_alternative<Tick>(command) && engine_->next_due()) {
    EXPECT_GT(*engine_->next_due(), now) << "a tick leaves another one due at once";
  }
  if (watchful) {
    for (const std::string& broken : broken_invariants(state())) ADD_FAILURE() << broken;
    for (const std::string& broken : broken_limits(state(), fresh)) ADD_FAILURE() << broken;
  }
  return reply;
}

Reply World::good(const Command& command) {
  auto reply = run(command);
  EXPECT_TRUE(reply.ok()) << to_string(reply.error());
  return reply.ok() ? std::move(*reply) : Reply{};
}

Error World::bad(const Command& command) {
  auto reply = run(command);
  EXPECT_FALSE(reply.ok()) << "should have been refused";
  return reply.ok() ? Error{} : std::move(reply.error());
}

Reply World::apply(std::vector<Document> documents) { return good(ApplyDocuments{std::move(documents), false}); }

void World::wait(Duration time) {
  now = now + time;
  tick();
}

Uid World::submit(const std::string& name, JobSpec spec) {
  const Reply reply = good(SubmitJobs{{{Metadata{name, {}, {}}, std::move(spec)}}});
  for (const Refusal& refusal : reply.refused) ADD_FAILURE() << refusal.message;
  return reply.changes.empty() ? Uid{} : reply.changes.front().uid;
}

Uid World::start(const std::string& name, JobSpec spec) {
  const Uid uid = submit(name, std::move(spec));
  tick();
  return uid;
}

std::string World::refused(const std::string& name, JobSpec spec) {
  const Reply reply = good(SubmitJobs{{{Metadata{name, {}, {}}, std::move(spec)}}});
  EXPECT_TRUE(reply.changes.empty());
  if (reply.refused.size() != 1) return {};
  return reply.refused.front().code + ": " + reply.refused.front().message;
}

Uid World::enrol(const std::string& node, bool oci) {
  TokenRecord token;
  token.id = fmt::format("node{}", facts().position);
  token.hash = "00";
  token.role = Role::kNode;
  token.node = node;
  const Reply reply = good(RegisterNode{hello(state().estate(), node, oci), token});
  return reply.changes.empty() ? Uid{} : reply.changes.front().uid;
}

void World::sync(const std::string& node, std::vector<TaskReport> tasks) {
  good(SyncNode{node, facts().nodes.at(node).registration, state().revision(node), std::move(tasks)});
}

TaskReport World::running(const std::string& name, std::int32_t rank) const {
  TaskReport report;
  report.allocation = job(name).allocation->uid;
  report.rank = rank;
  report.phase = TaskPhase::kRunning;
  report.pid = 1000 + rank;
  report.started = now;
  return report;
}

TaskReport World::ended(const std::string& name, std::int32_t rank, TaskEnd end) const {
  TaskReport report = running(name, rank);
  report.phase = TaskPhase::kExited;
  report.end = end;
  report.ended = now;
  return report;
}

TaskReport World::exited(const std::string& name, std::int32_t rank, std::int32_t exit_code) const {
  TaskReport report = ended(name, rank, TaskEnd::kExited);
  report.exit_code = exit_code;
  return report;
}

void World::begin(const std::string& name) {
  std::vector<TaskReport> tasks;
  for (std::int32_t rank = 0; rank < task_count(job(name).spec); ++rank) tasks.push_back(running(name, rank));
  report(std::move(tasks));
}

void World::finish(const std::string& name) {
  std::vector<TaskReport> tasks;
  for (std::int32_t rank = 0; rank < task_count(job(name).spec); ++rank) tasks.push_back(exited(name, rank));
  report(std::move(tasks));
}

const Job& World::job(const std::string& name) const {
  const Job* job = state().find_job(name);
  if (job == nullptr) throw std::runtime_error("there is no job " + name);  // ends the test, not the program
  return *job;
}

std::string World::phase(const std::string& name) const {
  const Job& it = job(name);
  std::string text(name_of(it.phase));
  if (it.reason != JobReason::kNone) text += fmt::format("({})", name_of(it.reason));
  return text;
}

std::string World::nodes(const std::string& name) const {
  std::string text;
  for (const TaskPlacement& task : job(name).allocation->tasks) {
    const auto parts = split_path(task.node);
    text += fmt::format("{}{}/{}", text.empty() ? "" : " ", parts[2], parts[3]);
  }
  return text;
}

std::vector<WaitCause> World::why(const std::string& name) {
  const std::uint64_t before = state().hash();
  auto causes = why_waiting(engine_->scratch_state(), job(name), now);
  EXPECT_EQ(state().hash(), before);
  for (const std::string& broken : broken_invariants(state())) ADD_FAILURE() << "a question left a trace: " << broken;
  return causes;
}

std::string World::reasons(const std::string& name) {
  std::string text;
  for (const WaitCause& cause : why(name)) text += (text.empty() ? "" : " ") + std::string(name_of(cause.reason));
  return text;
}

std::string World::said() {
  std::string text;
  for (; told_ < events_.size(); ++told_) {
    if (!text.empty()) text += ' ';
    std::visit([&](const auto& event) { text += event.kType; }, events_[told_].event);
  }
  return text;
}

void World::restart() {
  auto facts = from_json_text<Facts>(state().snapshot());
  ASSERT_TRUE(facts.ok()) << to_string(facts.error());
  engine_ = std::make_unique<Engine>(std::move(*facts));
}

}  // namespace penstock
