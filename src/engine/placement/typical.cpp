// The cost of a place, in integers.
#include "engine/placement/typical.h"

#include <algorithm>
#include <bit>

#include "engine/contracts/contracts.h"

namespace penstock {
namespace {

// Kinds that are looked at one by one.
constexpr std::size_t kKinds = 64;
constexpr std::int64_t kOfNoUse = 10;
constexpr std::int64_t kScarce = 3;
// Memory is counted in 16 MiB, and cores in hundredths: sums over very many large tasks stay far from overflow.
constexpr int kMemoryBits = 24;

// A count to its two highest bits: it changes seldom, so that what is made of it lasts, and that suffices to choose by.
std::int64_t rounded(std::int64_t tasks) {
  if (tasks < 4) return tasks;
  const int low = std::bit_width(static_cast<std::uint64_t>(tasks)) - 2;
  return tasks >> low << low;
}

}  // namespace

std::int64_t NodeRoom::milli() const {
  std::int64_t sum = std::int64_t{1000} * whole;
  for (std::int32_t i = 0; i < shared; ++i) sum += rooms[static_cast<std::size_t>(i)];
  return sum;
}

void NodeRoom::take_share(std::int32_t room, std::int32_t milli) {
  if (room == 1000) {
    --whole;
    rooms[static_cast<std::size_t>(shared++)] = static_cast<std::int16_t>(1000 - milli);
    return;
  }
  std::int16_t* const at = std::find(rooms.data(), rooms.data() + shared, static_cast<std::int16_t>(room));
  PENSTOCK_CHECK(at != rooms.data() + shared);
  *at = static_cast<std::int16_t>(room - milli);
}

NodeRoom room_of(const SiteLoads& loads, NodeIndex node) {
  NodeRoom out;
  out.whole = loads.whole_free(node);
  out.cpu = loads.free_cpu(node);
  out.memory = loads.free_memory(node);
  for (const std::int32_t device : loads.shared_devices(node)) {
    out.rooms[static_cast<std::size_t>(out.shared++)] = static_cast<std::int16_t>(1000 - loads.used(node, device));
  }
  return out;
}

NodeRoom empty_room(const NodeTypeSpec& type) {
  NodeRoom out;
  out.whole = type.devices.count;
  out.cpu = type.cpu;
  out.memory = type.memory;
  return out;
}

void TypicalWork::count(const JobSpec& spec, const ContractSpec& contract, std::int32_t sign) {
  Kind kind;
  kind.models = spec.gpu_models.empty() ? models_of(contract) : spec.gpu_models;
  for (const TaskGroupSpec& group : spec.groups) {
    kind.gpus = group.gpus;
    kind.cpu = group.cpu;
    const auto [found, fresh] = kinds_.try_emplace(kind, 0);
    const std::int64_t before = found->second;
    found->second += sign * group.replicas;
    PENSTOCK_CHECK(found->second >= 0);
    if (rounded(before) != rounded(found->second)) ++version_;
    if (found->second == 0) kinds_.erase(found);
    if (group.gpus == MilliGpu()) continue;
    milli_ += sign * group.replicas * group.gpus.count();
    cpu_ += sign * group.replicas * (group.cpu.count() / 10);
    memory_ += sign * group.replicas * (group.memory.count() >> kMemoryBits);
  }
  cpu_beside_ = milli_ == 0 ? 0 : 10 * mul_div_floor(cpu_, 1000, milli_);
  memory_beside_ = milli_ == 0 ? 0 : mul_div_floor(memory_, 1000, milli_);
}

void TypicalWork::clear() {
  const std::uint64_t version = version_ + 1;
  *this = {};
  version_ = version;
}

void TypicalWork::look(const Estate& estate) const {
  looked_at_ = version_;
  if (supply_.size() != estate.types().size()) {  // it is cleared when the estate changes
    supply_.assign(estate.types().size(), 0);
    for (const EstateNode& node : estate.nodes()) supply_[node.type] += 1000 * estate.types()[node.type].spec.devices.count;
  }
  const std::vector<std::int64_t>& supply = supply_;
  std::int64_t all_supply = 0;
  for (const std::int64_t of_type : supply) all_supply += of_type;
  const auto holds = [&](const Kind& kind, TypeIndex type) {
    const DeviceSpec& devices = estate.types()[type].spec.devices;
    return allows(kind.models, devices.model) && kind.gpus.count() <= std::int64_t{1000} * devices.count;
  };

  types_.assign(estate.types().size(), {});
  weight_ = 0;
  std::int64_t demand = 0;
  for (const auto& [kind, tasks] : kinds_) demand += rounded(tasks) * kind.gpus.count();
  std::vector<std::pair<std::int64_t, const Kind*>> most;
  for (const auto& [kind, tasks] : kinds_) {
    if (kind.gpus == MilliGpu()) continue;  // to such no device is of use or is not
    most.emplace_back(-rounded(tasks), &kind);
    if (kind.models.empty()) continue;
    std::int64_t able = 0;
    for (TypeIndex type = 0; type < supply.size(); ++type) {
      if (holds(kind, type)) able += supply[type];
    }
    if (able == 0 || able == all_supply) continue;
    const std::int64_t part = mul_div_floor(rounded(tasks) * kind.gpus.count(), 1'000'000, demand);
    for (TypeIndex type = 0; type < supply.size(); ++type) {
      if (holds(kind, type)) types_[type].scarcity += mul_div_floor(part, all_supply, able);
    }
  }
  const auto by_weight = [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : *a.second < *b.second; };
  const auto end = most.begin() + static_cast<std::ptrdiff_t>(std::min(kKinds, most.size()));
  std::partial_sort(most.begin(), end, most.end(), by_weight);
  for (auto at = most.begin(); at != end; ++at) {
    const Kind& kind = *at->second;
    const std::int64_t weight = -at->first;
    weight_ += weight;
    for (TypeIndex type = 0; type < types_.size(); ++type) {
      if (holds(kind, type)) {
        types_[type].asks.push_back({weight, kind.gpus, kind.cpu});
      } else {
        types_[type].cannot += weight;
      }
    }
  }
}

// Σ over kinds of what is left and they cannot use, times their number.
std::int64_t TypicalWork::of_no_use(const OfType& type, const NodeRoom& room) {
  const std::int64_t milli = room.milli();
  if (milli == 0) return 0;
  std::int64_t sum = type.cannot * milli;
  for (const Ask& ask : type.asks) {
    if (ask.cpu > room.cpu) {
      sum += ask.weight * milli;
    } else if (ask.gpus >= MilliGpu(1000)) {
      const std::int64_t whole = std::int64_t{1000} * room.whole;
      sum += ask.weight * (whole < ask.gpus.count() ? milli : milli - whole);
    } else {
      std::int64_t small = 0;
      for (std::int32_t i = 0; i < room.shared; ++i) {
        const std::int16_t left = room.rooms[static_cast<std::size_t>(i)];
        if (left < ask.gpus.count()) small += left;
      }
      sum += ask.weight * small;
    }
  }
  return sum;
}

std::int64_t TypicalWork::without_cores(const NodeRoom& room) const {
  const std::int64_t milli = room.milli();
  std::int64_t usable = milli;
  if (cpu_beside_ > 0) usable = std::min(usable, room.cpu.count() * 1000 / cpu_beside_);
  if (memory_beside_ > 0) usable = std::min(usable, (room.memory.count() >> kMemoryBits) * 1000 / memory_beside_);
  return milli - usable;
}

std::int64_t TypicalWork::unusable(const Estate& estate, TypeIndex type, const NodeRoom& room) const {
  if (looked_at_ != version_) look(estate);
  return weight_ == 0 ? 0 : of_no_use(types_[type], room) / weight_;
}

std::int64_t TypicalWork::cost(const Estate& estate, TypeIndex type, const NodeRoom& before, const NodeRoom& after) const {
  if (looked_at_ != version_) look(estate);
  if (weight_ == 0) return 0;
  const OfType& of_type = types_[type];
  const std::int64_t taken = before.milli() - after.milli();
  return kOfNoUse * (of_no_use(of_type, after) - of_no_use(of_type, before)) +
         weight_ * (without_cores(after) - without_cores(before)) +
         weight_ * (kScarce * taken * of_type.scarcity / 1'000'000);
}

}  // namespace penstock
