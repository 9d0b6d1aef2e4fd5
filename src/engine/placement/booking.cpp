// Booking at named places.
#include "engine/placement/booking.h"

namespace penstock {

Booking::Booking(const State& state, SiteLoads& loads, PowerLoads& power, Pictures kept, const Job& job, const PoolMask& pools, Time now)
    : state_(state), loads_(loads), pictures_(std::move(kept)), job_(job), pools_(pools) {
  pictures_.insert(pictures_.begin(), &power);
  if (job.spec.time_limit) until_ = now + *job.spec.time_limit;
}

Booking::~Booking() {
  for (std::size_t i = tasks_.size(); i-- > 0;) {
    const Draw draw = draw_of(state_.estate().type_of(nodes_[i]).spec, tasks_[i], false);
    for (PowerLoads* picture : pictures_) picture->give(nodes_[i], draw, until_);
    loads_.undo(nodes_[i], tasks_[i], job_.uid, static_cast<std::int32_t>(i));
  }
}

bool Booking::add(NodeIndex node, TaskPlacement task) {
  if (node == kNowhere || pools_[loads_.pool_of(node)] == 0 || !loads_.ready(node) || !capable(state_, job_, node)) return false;
  if (loads_.free_cpu(node) < task.cpu || loads_.free_memory(node) < task.memory || loads_.free_disk(node) < task.disk) return false;
  for (const std::int32_t device : task.devices) {
    if (device >= loads_.devices(node) || loads_.used(node, device) + SiteLoads::each(task) > 1000) return false;
  }
  task.port = loads_.free_port(node);
  if (task.port == 0) return false;
  const Draw draw = draw_of(state_.estate().type_of(node).spec, task, false);
  for (PowerLoads* picture : pictures_) {
    if (!picture->fits(node, draw, until_)) return false;
  }
  for (PowerLoads* picture : pictures_) picture->take(node, draw, until_);
  loads_.reserve(node, task, job_.uid, static_cast<std::int32_t>(tasks_.size()));
  nodes_.push_back(node);
  tasks_.push_back(std::move(task));
  return true;
}

bool Booking::add_anywhere(NodeIndex node, TypeIndex type, TaskPlacement task) {
  if (!loads_.counted(node) || state_.estate().nodes()[node].type != type) return false;
  task.node = state_.estate().nodes()[node].name;
  if (task.gpus >= MilliGpu(1000)) {
    const auto devices = static_cast<std::int32_t>(task.devices.size());
    if (loads_.whole_free(node) < devices) return false;
    task.devices = DeviceSet::first_of(loads_.free_devices(node), devices);
    return add(node, std::move(task));
  }
  if (task.gpus == MilliGpu()) return add(node, std::move(task));
  // A share goes to the fullest device that has room for it.
  std::int32_t best = -1;
  for (std::int32_t device = 0; device < loads_.devices(node); ++device) {
    if (loads_.used(node, device) + task.gpus.count() > 1000) continue;
    if (best < 0 || loads_.used(node, device) > loads_.used(node, best)) best = device;
  }
  if (best < 0) return false;
  task.devices = {best};
  return add(node, std::move(task));
}

bool Booking::within_ramp() const {
  const auto& grid = state_.estate().sites()[loads_.site()].grid;
  return !grid || !grid->ramp_per_second || swing_of(state_.estate(), tasks_) <= *grid->ramp_per_second;
}

}  // namespace penstock
