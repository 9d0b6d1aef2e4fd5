// Booked at its node as any other work, so that no limit breaks; then submitted and started in one step.
#include "engine/fleet/burn_in.h"

#include "engine/contracts/contracts.h"
#include "engine/fleet/tend.h"
#include "engine/placement/booking.h"
#include "engine/power/draw.h"
#include "engine/queue/gang.h"
#include "engine/queue/promise.h"

namespace penstock {
namespace {

constexpr std::int32_t kPriority = -1000;

JobSpec spec_of(const NodeTestSpec& test, const EstateType& type, const std::string& site) {
  JobSpec spec;
  spec.contract = test.contract;
  spec.priority = kPriority;
  spec.sites = {site};
  spec.time_limit = test.time_limit.value_or(minutes(30));
  spec.estimate = test.estimate.value_or(minutes(10));
  TaskGroupSpec group;
  group.name = "test";
  group.gpus = MilliGpu(std::int64_t{1000} * type.spec.devices.count);
  group.cpu = type.spec.cpu;
  group.memory = type.spec.memory;
  group.command = test.command;
  if (group.command.empty() && test.image.empty()) group.command = {"penstock", "node-test"};
  group.image = test.image;
  group.env["PENSTOCK_NODE_TEST"] = "1";
  spec.groups.push_back(std::move(group));
  return spec;
}

// The node counts as ready while it is booked.
class ForTest {
 public:
  ForTest(SiteLoads& loads, NodeIndex node) : loads_(loads), node_(node), ready_(loads.ready(node)) { loads_.set_ready(node_, true); }
  ~ForTest() { loads_.set_ready(node_, ready_); }
  ForTest(const ForTest&) = delete;
  ForTest& operator=(const ForTest&) = delete;

 private:
  SiteLoads& loads_;
  NodeIndex node_;
  bool ready_;
};

std::vector<TaskPlacement> placed(State& state, const Job& job, NodeIndex node, Time now) {
  const SiteIndex site = state.estate().nodes()[node].site;
  const EstateType& type = state.estate().type_of(node);
  const PoolsBySite pools = candidate_pools(state, job);
  const auto open = std::find_if(pools.begin(), pools.end(), [&](const SitePools& of_site) { return of_site.site == site; });
  if (open == pools.end()) return {};
  SiteLoads& loads = state.scratch_loads().site(site);
  const TaskGroupSpec& group = job.spec.groups.front();
  TaskPlacement task;
  task.node = state.estate().nodes()[node].name;
  task.devices = DeviceSet::first_of(loads.free_devices(node), type.spec.devices.count);
  task.gpus = group.gpus;
  task.cpu = group.cpu;
  task.memory = group.memory;
  set_draw(task, type.spec, state.facts().contracts.at(job.contract).spec, std::nullopt);
  KeptSites kept(state, now);
  const ForTest for_test(loads, node);
  Booking booking(state, loads, state.scratch_power(), kept.between(site, now, would_end_by(job, now)), job, open->pools, now);
  return booking.add(node, task) && booking.within_ramp() ? booking.tasks() : std::vector<TaskPlacement>();
}

}  // namespace

Result<bool> start_test(Step& step, NodeIndex node, const NodeTestSpec& test) {
  State& state = step.state();
  const Estate& estate = state.estate();
  const std::string name = estate.nodes()[node].name;
  if (!state.facts().projects.contains(test.project)) {
    return make_error(Code::kNotFound, fmt::format("there is no project '{}', in which nodes of {} are tested", test.project, estate.site_of(node).name));
  }
  PENSTOCK_TRY(contract, resolve_contract(state.facts(), tenant_of(test.project), test.contract));
  Job job;
  job.uid = step.mint();
  job.name = fmt::format("{}/node-test-{}", test.project, Text<Uid>::format(job.uid));
  job.spec = spec_of(test, estate.type_of(node), estate.site_of(node).name);
  job.contract = contract;
  std::vector<TaskPlacement> tasks = placed(state, job, node, step.now());
  if (tasks.empty()) return false;
  const Uid uid = job.uid;
  step.emit(JobSubmitted{uid, job.name, {}, job.spec, contract, {}});
  step.emit(NodeTestStarted{name, uid});
  start_job(step, *step.state().find_job(uid), std::move(tasks));
  return true;
}

std::optional<std::string> tested_by(const State& state, const Job& job) {
  if (!job.allocation || job.allocation->tasks.size() != 1) return std::nullopt;
  const std::string& node = job.allocation->tasks.front().node;
  const auto care = state.facts().care.find(node);
  return care != state.facts().care.end() && care->second.test == job.uid ? std::optional(node) : std::nullopt;
}

void end_test(Step& step, const std::string& node, Uid job, JobReason reason, const std::string& message) {
  TestOutcome outcome = TestOutcome::kCutOff;
  if (reason == JobReason::kCompleted) outcome = TestOutcome::kPassed;
  if (reason == JobReason::kTaskFailed || reason == JobReason::kTimeLimit || reason == JobReason::kLaunchFailed) outcome = TestOutcome::kFailed;
  step.emit(NodeTested{node, job, outcome, message});
  if (outcome == TestOutcome::kFailed) add_finding(step, node, {NodeCheck::kTest, -1, 0, step.now(), message});
}

}  // namespace penstock
