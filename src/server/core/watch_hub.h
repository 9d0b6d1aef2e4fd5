// Who wants to hear of which change, and how one that was away catches up.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <span>

#include "engine/state.h"

namespace penstock {

/// One object was touched by one event.
struct Notice {
  Position position = 0;
  std::string kind;  ///< Job, Site, …, Node, Token
  std::string name;
  Uid uid;
  bool removed = false;
};

/// Objects that an event touches.
std::vector<Notice> notices_of(const State& state, const EventRecord& record);

/// The last notice of each object, in their order. Listeners show objects as they are now, so the earlier ones would
/// only say the same again: a gang of thousands of tasks that ends makes thousands of them.
std::vector<Notice> last_of_each(std::vector<Notice> notices);

/// Lives on the engine's thread.
class WatchHub {
 public:
  /// Notices of the last events are kept for those who come back.
  static constexpr std::size_t kKept = 200'000;

  /// Told of every event, or of every object that one commit touched, once it is durable.
  std::uint64_t subscribe(std::function<void(const Notice&)> listener);
  std::uint64_t subscribe_events(std::function<void(const EventRecord&)> listener);
  void unsubscribe(std::uint64_t id);

  /// Nothing before `position` is known (after a start).
  void reset(Position position);
  void publish(const State& state, std::span<const EventRecord> events);
  /// The last notice of each object touched after `position`, in their order; kGone if they are no longer all kept.
  Result<std::vector<Notice>> since(Position position) const;

 private:
  std::map<std::uint64_t, std::function<void(const Notice&)>> listeners_;
  std::map<std::uint64_t, std::function<void(const EventRecord&)>> event_listeners_;
  std::uint64_t last_id_ = 0;
  std::deque<Notice> kept_;
  Position floor_ = 0;  // all notices after this are kept
};

}  // namespace penstock
