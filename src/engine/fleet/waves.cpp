// The next nodes, one after the other, as long as all bounds hold.
#include "engine/fleet/waves.h"

#include <algorithm>

#include "base/name.h"
#include "engine/fleet/breaker.h"

namespace penstock {
namespace {

constexpr Duration kLookAgain = minutes(1);
/// At most so many are taken in one go, so that nobody waits for a large wave.
constexpr int kTakenAtOnce = 100;

bool is_over(const Wave& wave) { return wave.state == WaveState::kStopped || wave.state == WaveState::kDone; }

class Driver {
 public:
  Driver(Step& step, const std::string& name) : step_(step), name_(name) {}

  std::optional<Time> drive() {
    let_go();
    if (wave().state != WaveState::kRunning) return std::nullopt;
    if (static_cast<std::int64_t>(wave().failed.size()) > wave().spec.most_failed) {
      change(WaveState::kPaused, fmt::format("{} nodes have not come back well, {} may: {}", wave().failed.size(), wave().spec.most_failed,
                                             fmt::join(wave().failed, ", ")));
      return std::nullopt;
    }
    if (wave().left.empty()) {
      if (wave().taken.empty()) change(WaveState::kDone, "all nodes have been seen to");
      return std::nullopt;
    }
    const Time now = step_.now();
    if (wave().spec.from && now < *wave().spec.from) return *wave().spec.from;
    if (wave().spec.until && now >= *wave().spec.until) {
      change(WaveState::kStopped, fmt::format("its time is over, and {} nodes have not been seen to", wave().left.size()));
      return std::nullopt;
    }
    take();
    return now + kLookAgain;
  }

 private:
  const Wave& wave() const { return step_.facts().waves.at(name_); }
  void change(WaveState state, std::string reason) { step_.emit(WaveChanged{name_, state, std::move(reason)}); }

  // Those that are at work again, and those that are somebody else's now.
  void let_go() {
    for (const std::string& node : std::vector<std::string>(wave().taken)) {
      const auto found = step_.facts().care.find(node);
      if (found == step_.facts().care.end() || step_.state().estate().find_node(node) == kNowhere) {
        step_.emit(WaveLeft{name_, node, false, "it has left the estate"});
        continue;
      }
      const Care& care = found->second;
      if (care.state == NodeState::kReady && care.seen_to) {
        step_.emit(WaveLeft{name_, node, true, ""});
      } else if (care.faulty) {
        step_.emit(WaveLeft{name_, node, false, care.message});
      } else if (is_over(wave()) && care.state == NodeState::kReady) {
        step_.emit(WaveLeft{name_, node, false, "the wave was stopped before it was seen to"});
      }
    }
  }

  void take() {
    const State& state = step_.state();
    const Estate& estate = state.estate();
    std::map<RackIndex, std::int32_t> by_rack;
    std::map<RowIndex, std::int32_t> by_row;
    const auto count = [&](NodeIndex node) {
      const RackIndex rack = estate.nodes()[node].rack;
      ++by_rack[rack];
      ++by_row[estate.racks()[rack].in_row];
    };
    for (const std::string& name : wave().taken) {
      if (const NodeIndex node = estate.find_node(name); node != kNowhere) count(node);
    }
    std::set<Uid> gangs;  // that have a node out already
    for (const NodeIndex node : state.amiss()) {
      for (const HeldTask& task : state.loads().tasks(node)) gangs.insert(task.job);
    }
    int taken = 0;
    const std::vector<std::string> left = wave().left;
    for (const bool idle : {true, false}) {
      for (const std::string& name : left) {
        const WaveSpec& spec = wave().spec;
        if (static_cast<std::int32_t>(wave().taken.size()) >= spec.at_once || taken == kTakenAtOnce) return;
        const NodeIndex node = estate.find_node(name);
        if (node == kNowhere) {
          if (idle) step_.emit(WaveLeft{name_, name, false, "there is no such node"});
          continue;
        }
        if (!state.usable(node, step_.now()) || state.loads().tasks(node).empty() != idle) continue;
        const RackIndex rack = estate.nodes()[node].rack;
        if (by_rack[rack] >= spec.per_rack.value_or(spec.at_once) || by_row[estate.racks()[rack].in_row] >= spec.per_row.value_or(spec.at_once)) continue;
        const auto tasks = state.loads().tasks(node);
        if (std::any_of(tasks.begin(), tasks.end(), [&](const HeldTask& task) { return gangs.contains(task.job); })) continue;
        if (state.short_without(node, step_.now())) continue;
        static const FleetSpec kPlain;
        const auto& rules = estate.site_of(node).fleet;
        // A wave stays within the limits that are there for faults, and does not trip them.
        if (!may_act(step_, node, rules ? *rules : kPlain) || beyond_around(state, node, rules ? *rules : kPlain, 1)) return;
        for (const HeldTask& task : tasks) gangs.insert(task.job);
        step_.emit(WaveTook{name_, name});
        count(node);
        ++taken;
      }
    }
  }

  Step& step_;
  std::string name_;
};

}  // namespace

std::optional<RemedyAction> action_of(const Wave& wave) {
  switch (wave.spec.action) {
    case WaveAction::kHold: return std::nullopt;
    case WaveAction::kReset: return RemedyAction::kReset;
    case WaveAction::kReboot: return RemedyAction::kReboot;
    case WaveAction::kReprovision: return RemedyAction::kReprovision;
  }
  return std::nullopt;
}

Result<Reply> begin_wave(Step& step, const BeginWave& command) {
  const Estate& estate = step.state().estate();
  if (!is_label(command.name)) return make_error(Code::kInvalid, fmt::format("expected a label such as firmware-12, found '{}'", command.name), "name");
  if (const auto known = step.facts().waves.find(command.name); known != step.facts().waves.end() && !is_over(known->second)) {
    return make_error(Code::kAlreadyExists, fmt::format("wave '{}' is {} already: choose another name, or stop it first", command.name, name_of(known->second.state)), "name");
  }
  if (estate.find_site(command.spec.site) == kNowhere) return make_error(Code::kNotFound, fmt::format("there is no site '{}'", command.spec.site), "spec.site");
  Wave wave;
  wave.name = command.name;
  wave.spec = command.spec;
  wave.by = step.meta().principal;
  wave.begun = step.now();
  wave.changed = step.now();
  std::set<std::string> seen;
  for (std::size_t i = 0; i < command.spec.nodes.size(); ++i) {
    PENSTOCK_TRY(names, expand_range(command.spec.nodes[i]));
    for (const RangeName& range : names) {
      const std::string node = fmt::format("{}/{}", command.spec.site, range.name);
      if (estate.find_node(node) == kNowhere) return make_error(Code::kNotFound, fmt::format("there is no node '{}'", node), fmt::format("spec.nodes[{}]", i));
      if (!seen.insert(node).second) continue;
      for (const auto& [name, other] : step.facts().waves) {
        const bool has = std::find(other.left.begin(), other.left.end(), node) != other.left.end() ||
                         std::find(other.taken.begin(), other.taken.end(), node) != other.taken.end();
        if (!is_over(other) && has) {
          return make_error(Code::kFailedPrecondition, fmt::format("node '{}' is in wave '{}' already", node, name), fmt::format("spec.nodes[{}]", i));
        }
      }
      wave.left.push_back(node);
    }
  }
  step.emit(WaveBegun{std::move(wave)});
  Reply reply;
  reply.changes.push_back({"Wave", command.name, Uid{}, Change::kAdded, step.facts().position});
  return reply;
}

Result<Reply> switch_wave(Step& step, const SwitchWave& command) {
  const auto found = step.facts().waves.find(command.name);
  if (found == step.facts().waves.end()) return make_error(Code::kNotFound, fmt::format("there is no wave '{}'", command.name));
  Reply reply;
  const bool same = found->second.state == command.state;
  reply.changes.push_back({"Wave", command.name, Uid{}, same ? Change::kUnchanged : Change::kChanged, step.facts().position});
  if (same) return reply;
  if (is_over(found->second) || command.state == WaveState::kDone) {
    return make_error(Code::kFailedPrecondition, fmt::format("wave '{}' is {}: begin another", command.name, name_of(found->second.state)), "state");
  }
  if (command.state == WaveState::kRunning && static_cast<std::int64_t>(found->second.failed.size()) > found->second.spec.most_failed) {
    return make_error(Code::kFailedPrecondition,
                      fmt::format("{} nodes of wave '{}' have not come back well: stop it, and begin another for the rest", found->second.failed.size(), command.name),
                      "state");
  }
  step.emit(WaveChanged{command.name, command.state, command.reason});
  return reply;
}

Result<Reply> release_node(Step& step, const ReleaseNode& command) {
  const auto care = step.facts().care.find(command.node);
  if (care == step.facts().care.end() || care->second.maintenance.empty() || care->second.state != NodeState::kDraining ||
      !step.state().loads().tasks(step.state().estate().find_node(command.node)).empty()) {
    return make_error(Code::kFailedPrecondition, fmt::format("node '{}' is not held, idle, by a wave of maintenance", command.node), "node");
  }
  step.emit(NodeEntered{command.node, NodeState::kValidating, NodeReason::kMaintenance, "seen to by " + step.meta().principal, false});
  Reply reply;
  reply.changes.push_back({"Node", command.node, Uid{}, Change::kChanged, step.facts().position});
  return reply;
}

std::optional<Time> drive_waves(Step& step) {
  std::optional<Time> next;
  std::vector<std::string> names;
  for (const auto& [name, wave] : step.facts().waves) {
    if (!is_over(wave) || !wave.taken.empty()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const auto at = Driver(step, name).drive();
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

}  // namespace penstock
