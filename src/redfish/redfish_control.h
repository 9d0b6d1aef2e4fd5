// The executor of orders to hardware over Redfish: many BMCs at once, by a bounded number of threads.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "redfish/client.h"
#include "redfish/order_queue.h"

namespace penstock {

struct RedfishControlOptions {
  int threads = 32;     ///< as many BMCs are talked to at once, each over one connection
  std::string ca_file;  ///< PEM file of the authorities to trust; empty: the system's
  BackoffRule backoff;
  Duration connect_timeout = seconds(5);
  Duration request_timeout = seconds(30);
  Duration poll = seconds(2);
  std::function<Duration()> now = since_boot;
  std::function<Ppm()> chance;       ///< from 0 to 100%, for the jitter; empty: the system's
  std::function<void()> on_results;  ///< called from any thread when `take_results` has something
};

/// Threads start with the work, up to their bound. An order that failed for a reason that may pass comes again until its
/// deadline; but a restart or a power cycle of which the outcome is not known does not: the machine may be back at work.
/// The destructor stops what is under way; orders that have not ended then get no result.
class RedfishControl : public HardwareControl {
 public:
  explicit RedfishControl(RedfishControlOptions options);
  ~RedfishControl() override;

  void order(HardwareOrder order) override;
  std::vector<HardwareResult> take_results() override;

 private:
  struct Attempt {
    HardwareResult result;
    bool again = false;
  };

  void work();
  Attempt attempt(const OrderQueue::Turn& turn);
  bool rest(Duration duration);

  RedfishControlOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  OrderQueue queue_;
  std::vector<HardwareResult> results_;
  std::vector<std::thread> threads_;
  std::set<RedfishClient*> running_;
  int idle_ = 0;
  bool stopping_ = false;
};

}  // namespace penstock
