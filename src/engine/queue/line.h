// The line: who waits, and who of them may start now if there is room. Jobs that ask for the same thing stand in one group,
// so that a long line of them is looked at once.
#pragma once

#include <set>
#include <unordered_map>

#include "engine/facts.h"

namespace penstock {

/// What one point of priority is worth: a job of priority p stands where it would had it been submitted p times this long
/// before. So all age alike, and whoever waits long enough comes first.
inline constexpr Duration kAgeing = minutes(10);

/// Where a pending job stands in its project.
struct QueueKey {
  Time since;  ///< when it was submitted, less its priority × kAgeing
  Uid job;
  auto operator<=>(const QueueKey&) const = default;
};
QueueKey queue_key(const Job& job);

/// Reserved work comes first, then on-demand, then spot.
int class_rank(ServiceClass service_class);

/// Jobs of one project and class that ask for the same thing: where one has no room, neither has the next.
struct GroupKey {
  int rank = 0;
  std::uint64_t shape = 0;  // before the name: which of two comes first does not matter, and numbers are soon told apart
  std::string project;
  std::uint64_t need = 0;  // what the project needs, for however long; it follows from the others
  auto operator<=>(const GroupKey&) const = default;
};

class Line {
 public:
  using Group = std::set<QueueKey>;

  void clear() { *this = Line(); }
  void add(const Job& job, ServiceClass service_class, Time now);
  void remove(const Job& job);
  /// Back-offs and reservations whose time has come join their groups. Returns whether any did.
  bool wake(Time now);

  /// All who wait, held ones too.
  const std::set<QueueKey>& all() const { return all_; }
  const std::map<GroupKey, Group>& groups() const { return groups_; }
  const GroupKey& group_of(Uid job) const { return places_.at(job.value).group; }
  /// Those who start at a date that has not come.
  const std::set<Uid>& reserved() const { return reserved_; }
  /// When the next joins its group by itself.
  std::optional<Time> next_due() const { return timed_.empty() ? std::nullopt : std::optional(timed_.begin()->first); }
  /// Who waits for the end of a job.
  std::vector<Uid> awaiting(Uid job) const;

 private:
  struct Place {
    GroupKey group;
    QueueKey key;
    std::optional<Time> timed;
    bool grouped = false;
    std::vector<Uid> awaits;
  };

  std::set<QueueKey> all_;
  std::map<GroupKey, Group> groups_;
  std::set<std::pair<Time, Uid>> timed_;
  std::set<Uid> reserved_;
  std::set<std::pair<Uid, Uid>> awaited_;  // whose end, by whom
  std::unordered_map<std::uint64_t, Place> places_;
};

}  // namespace penstock
