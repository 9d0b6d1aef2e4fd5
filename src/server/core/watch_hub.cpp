// Notices and their listeners.
#include "server/core/watch_hub.h"

#include <algorithm>
#include <set>
#include <tuple>

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
        } else if constexpr (requires { event.job; } && !requires { event.node; }) {
          add_job(event.job);
        } else if constexpr (std::is_same_v<E, NodeRegistered>) {
          add("Node", event.hello.node, event.registration);
        } else if constexpr (requires { event.node; }) {
          add("Node", event.node, Uid{});
        } else if constexpr (std::is_same_v<E, TicketOpened>) {
          add("Ticket", Text<Uid>::format(event.ticket.uid), event.ticket.uid);
        } else if constexpr (std::is_same_v<E, TicketClosed>) {
          add("Ticket", Text<Uid>::format(event.ticket), event.ticket);
        } else if constexpr (std::is_same_v<E, IncidentOpened>) {
          add("Incident", Text<Uid>::format(event.incident.uid), event.incident.uid);
        } else if constexpr (std::is_same_v<E, IncidentChanged> || std::is_same_v<E, IncidentClosed>) {
          add("Incident", Text<Uid>::format(event.incident), event.incident);
        }
      },
      record.event);
  return out;
}

std::vector<Notice> last_of_each(std::vector<Notice> notices) {
  std::set<std::tuple<std::string_view, std::string_view, Uid>> seen;
  std::vector<bool> last(notices.size());
  for (std::size_t i = notices.size(); i-- > 0;) {
    const Notice& notice = notices[i];
    // Objects of other kinds may bear the same name, and so may a job before this one.
    last[i] = seen.emplace(notice.kind, notice.name, notice.kind == "Job" ? notice.uid : Uid{}).second;
  }
  std::vector<Notice> out;
  for (std::size_t i = 0; i < notices.size(); ++i) {
    if (last[i]) out.push_back(std::move(notices[i]));
  }
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
  std::vector<Notice> notices;
  for (const EventRecord& record : events) {
    for (const auto& [id, listener] : event_listeners_) listener(record);
    for (Notice& notice : notices_of(state, record)) notices.push_back(std::move(notice));
  }
  for (Notice& notice : last_of_each(std::move(notices))) {
    for (const auto& [id, listener] : listeners_) listener(notice);
    kept_.push_back(std::move(notice));
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
  return last_of_each(std::move(out));
}

}  // namespace penstock
