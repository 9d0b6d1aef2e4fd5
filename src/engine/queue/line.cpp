// Keeping the line.
#include "engine/queue/line.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/name.h"

namespace penstock {
namespace {

// Everything that decides whether there is room for a job; what it does there does not matter. And of its project what it needs,
// for however long: what a project's quota leaves is its own.
std::pair<std::uint64_t, std::uint64_t> shape_and_need_of(const Job& job) {
  std::string text = job.contract;
  const auto add = [&text](const auto& value) {
    text += '\n';
    write_json(text, value);
  };
  for (const TaskGroupSpec& group : job.spec.groups) {
    add(group.replicas);
    add(group.min_replicas);
    add(group.gpus);
    add(group.cpu);
    add(group.memory);
    add(group.disk);
    add(!group.image.empty());
  }
  const JobSpec& spec = job.spec;
  if (!spec.gpu_models.empty()) add(spec.gpu_models);
  if (!spec.node_types.empty()) add(spec.node_types);
  if (!spec.node_labels.empty()) add(spec.node_labels);
  if (!spec.sites.empty()) add(spec.sites);
  if (!spec.jurisdictions.empty()) add(spec.jurisdictions);
  // What may be absent says so, lest two shapes have one text.
  const auto add_if = [&](const auto& value) {
    text += value ? '+' : '-';
    if (value) add(*value);
  };
  add_if(spec.gpu_power);
  add_if(spec.placement);
  add_if(spec.prefer);
  add(job.most);
  add(spec.checkpoint && spec.checkpoint->on_stop);
  const std::string_view project = parent_of(job.name);
  const std::uint64_t need = XXH3_64bits_withSeed(project.data(), project.size(), XXH3_64bits(text.data(), text.size()));
  add_if(spec.time_limit);
  add_if(spec.stop_grace);
  return {XXH3_64bits(text.data(), text.size()), need};
}

}  // namespace

QueueKey queue_key(const Job& job) { return {job.submitted - kAgeing * job.spec.priority, job.uid}; }

int class_rank(ServiceClass service_class) {
  switch (service_class) {
    case ServiceClass::kReserved: return 0;
    case ServiceClass::kOnDemand: return 1;
    case ServiceClass::kSpot: return 2;
  }
  return 2;
}

void Line::add(const Job& job, ServiceClass service_class, Time now) {
  Place place;
  place.key = queue_key(job);
  const auto [shape, need] = shape_and_need_of(job);
  place.group = {class_rank(service_class), shape, std::string(parent_of(job.name)), need};
  all_.insert(place.key);
  for (const Awaited& awaited : job.awaits) {
    place.awaits.push_back(awaited.job);
    awaited_.insert({awaited.job, job.uid});
  }
  const Time from = std::max(job.not_before.value_or(now), job.spec.start_at.value_or(now));
  if (job.held || !job.awaits.empty()) {
    // It stays out until that changes.
  } else if (from > now) {
    place.timed = from;
    timed_.insert({from, job.uid});
    if (job.spec.start_at && *job.spec.start_at == from) reserved_.insert(job.uid);
  } else {
    place.grouped = true;
    groups_[place.group].insert(place.key);
  }
  PENSTOCK_CHECK(places_.emplace(job.uid.value, std::move(place)).second);
}

void Line::remove(const Job& job) {
  const auto found = places_.find(job.uid.value);
  PENSTOCK_CHECK(found != places_.end());
  const Place& place = found->second;
  all_.erase(place.key);
  if (place.timed) timed_.erase({*place.timed, job.uid});
  reserved_.erase(job.uid);
  for (const Uid awaited : place.awaits) awaited_.erase({awaited, job.uid});
  if (place.grouped) {
    const auto group = groups_.find(place.group);
    group->second.erase(place.key);
    if (group->second.empty()) groups_.erase(group);
  }
  places_.erase(found);
}

bool Line::wake(Time now) {
  bool any = false;
  while (!timed_.empty() && timed_.begin()->first <= now) {
    const Uid job = timed_.begin()->second;
    timed_.erase(timed_.begin());
    reserved_.erase(job);
    Place& place = places_.at(job.value);
    place.timed.reset();
    place.grouped = true;
    groups_[place.group].insert(place.key);
    any = true;
  }
  return any;
}

std::vector<Uid> Line::awaiting(Uid job) const {
  std::vector<Uid> out;
  for (auto at = awaited_.lower_bound({job, Uid{}}); at != awaited_.end() && at->first == job; ++at) out.push_back(at->second);
  return out;
}

}  // namespace penstock
