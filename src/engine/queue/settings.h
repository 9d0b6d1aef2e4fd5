// How the queue is worked off: the rules of production, and plain ones to compare them with.
#pragma once

#include "base/json.h"

namespace penstock {

enum class QueueOrder {
  kFair,  ///< by what tenants and projects hold and have held
  kFifo,  ///< by submission
};
constexpr auto enum_names(QueueOrder) {
  return std::array{EnumName<QueueOrder>{QueueOrder::kFair, "fair"}, EnumName<QueueOrder>{QueueOrder::kFifo, "fifo"}};
}

struct SchedulerSettings {
  QueueOrder order = QueueOrder::kFair;
  bool strict = false;
  bool greedy = false;
  bool queue_again = false;

  void check(Problems& problems) const {
    if (strict && greedy) problems.add("expected strict or greedy, not both");
  }

  static constexpr auto schema() {
    return object("Scheduler", "How the queue is worked off.",
                  field("order", &SchedulerSettings::order, optional, "fair (by shares) or fifo (by submission); fair if absent"),
                  field("strict", &SchedulerSettings::strict, optional,
                        "true: whoever is next and finds no room keeps all after it waiting, without promises and backfill"),
                  field("greedy", &SchedulerSettings::greedy, optional, "true: whoever fits starts, and nobody who does not is promised anything"),
                  field("queueAgain", &SchedulerSettings::queue_again, optional,
                        "true: a gang that lost a node queues again like everyone, and takes no spare in its place"));
  }
};

}  // namespace penstock
