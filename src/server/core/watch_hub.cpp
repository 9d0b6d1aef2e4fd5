// Notices and their listeners.
#include "server/core/watch_hub.h"

#include <algorithm>

namespace penstock {

std::vector<Notice> notices_of(const State& state, const EventRecord& record) {
  std::vector<Notice> out;
  const auto add = [&](std::string_view kind, const std::string& name, Uid uid, bool removed = false) {
    out.push_back({record.position, std::string(kind), name, uid, removed});
  };
  const auto add_job = [&](Uid uid) {
    if (const Job* job = state.find_job(uid)) add("Job", job->name, uid);
  };
  std::visit(
      [&]<class E>(const E& event) {
        if constexpr (std::is_same_v<E, ObjectApplied>) {
          add(name_of(event.kind), event.name, event.uid);
        } else if constexpr (std::is_same_v<E, ObjectDeleted>) {
          add(name_of(event.kind), event.name, Uid{}, true);
        } else if constexpr (std::is_same_v<E, JobSubmitted>) {
          add("Job", event.name, event.uid);
        } else if constexpr (std::is_same_v<E, JobStarted>) {
          add_job(event.allocation.job);
        } else if constexpr (std::is_same_v<E, UsageRecorded>) {
          add_job(event.usage.job);
        } else if constexpr (requires { event.job; }) {
          add_job(event.job);
        } else if constexpr (std::is_same_v<E, NodeRegistered>) {
          add("Node", event.hello.node, event.registration);
        } else if constexpr (std::is_same_v<E, NodeLost> || std::is_same_v<E, NodeReturned>) {
          add("Node", event.node, Uid{});
        }
      },
      record.event);
  return out;
}

std::uint64_t WatchHub::subscribe(std::function<void(const Notice&)> listener) {
  listeners_[++last_id_] = std::move(listener);
  return last_id_;
}

std::uint64_t WatchHub::subscribe_events(std::function<void(const EventRecord&)> listener) {
  event_listeners_[++last_id_] = std::move(listener);
  return last_id_;
}

void WatchHub::unsubscribe(std::uint64_t id) {
  listeners_.erase(id);
  event_listeners_.erase(id);
}

void WatchHub::reset(Position position) {
  kept_.clear();
  floor_ = position;
}

void WatchHub::publish(const State& state, std::span<const EventRecord> events) {
  for (const EventRecord& record : events) {
    for (const auto& [id, listener] : event_listeners_) listener(record);
    for (Notice& notice : notices_of(state, record)) {
      for (const auto& [id, listener] : listeners_) listener(notice);
      kept_.push_back(std::move(notice));
    }
  }
  while (kept_.size() > kKept) {
    floor_ = kept_.front().position;
    kept_.pop_front();
  }
}

Result<std::vector<Notice>> WatchHub::since(Position position) const {
  if (position < floor_) {
    return make_error(Code::kGone, fmt::format("changes after {} are no longer kept (the oldest is {}); list again and watch from there",
                                               position, floor_ + 1));
  }
  std::vector<Notice> out;
  for (auto at = kept_.rbegin(); at != kept_.rend() && at->position > position; ++at) out.push_back(*at);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace penstock
