// Whose turn it is: orders by controller, one at a time each, with back-off and deadlines. Time and chance are given in.
#pragma once

#include <deque>
#include <set>

#include "runtime/hardware_control.h"

namespace penstock {

/// Exponential back-off with jitter, per controller.
struct BackoffRule {
  Duration first = seconds(1);  ///< after the first failure
  Duration most = minutes(5);
};

/// first × 2^(failures−1), at most `most`; of that the half and, by `chance` from 0 to 100%, up to the whole. Requires
/// failures > 0. The jitter keeps those that failed together from coming back together.
Duration backoff(const BackoffRule& rule, int failures, Ppm chance);

/// Not thread-safe. Instants are durations since some start.
class OrderQueue {
 public:
  explicit OrderQueue(BackoffRule rule) : rule_(rule) {}

  struct Turn {
    HardwareOrder order;
    Duration ends;    ///< when its deadline is
    int attempt = 1;  ///< from 1
  };

  /// False if an order of this id is under way.
  bool add(HardwareOrder order, Duration now);

  /// The next order whose controller is idle and has had its rest. The controller is busy until `done`.
  std::optional<Turn> next(Duration now);

  /// How a turn ended. A controller that was not reached, or let us not in, is left alone for a while. The order comes again
  /// if `again`, unless that would be after its deadline; else its result is given back.
  std::optional<HardwareResult> done(Turn turn, HardwareResult result, bool again, Duration now, Ppm chance);

  /// Results of orders whose deadline passed while they waited: kTimeout, with how the last attempt failed.
  std::vector<HardwareResult> expired(Duration now);

  /// When `next` or `expired` may have something; nothing: not before `add` or `done`.
  std::optional<Duration> due() const;

 private:
  struct Waiting {
    Turn turn;
    std::string last;  ///< how the last attempt failed
  };
  struct Controller {
    std::deque<Waiting> waiting;  ///< in the order of arrival, which is the order of carrying out
    bool busy = false;
    int failures = 0;  ///< in a row
    Duration ready{};
  };

  void offer(const std::string& bmc, const Controller& controller);

  BackoffRule rule_;
  std::map<std::string, Controller> controllers_;
  std::set<std::pair<Duration, std::string>> ready_;     ///< idle controllers that have orders, by when they may begin
  std::set<std::pair<Duration, Uid>> deadlines_;         ///< of orders that wait
  std::map<Uid, std::string> under_way_;                 ///< the controller of each order that waits or runs
};

}  // namespace penstock
