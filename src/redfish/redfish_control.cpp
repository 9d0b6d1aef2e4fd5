// Threads around OrderQueue and RedfishClient.
#include "redfish/redfish_control.h"

#include <sys/random.h>

namespace penstock {
namespace {

Ppm chance_of_the_system() {
  std::uint32_t bits = 0;
  PENSTOCK_CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return Ppm(bits % 1'000'001);
}

std::optional<ResetType> reset_of(HardwareAction action) {
  switch (action) {
    case HardwareAction::kPowerOn: return ResetType::kOn;
    case HardwareAction::kPowerOff: return ResetType::kForceOff;
    case HardwareAction::kRestart: return ResetType::kForceRestart;
    case HardwareAction::kPowerCycle: return ResetType::kPowerCycle;
    case HardwareAction::kPowerLimit:
    case HardwareAction::kInventory: return std::nullopt;
  }
  return std::nullopt;
}

// Whether doing it twice is doing it once.
bool repeatable(HardwareAction action) { return action != HardwareAction::kRestart && action != HardwareAction::kPowerCycle; }

bool may_pass(const Error& error) { return error.code == Code::kUnavailable || error.code == Code::kTimeout; }

// Does what is ordered; what it learns goes into `result`.
Status carry_out(RedfishClient& client, const HardwareOrder& order, HardwareResult& result) {
  if (const auto type = reset_of(order.action)) {
    PENSTOCK_TRY(outcome, client.reset(*type));
    result.power = outcome.power;
    return ok_status();
  }
  if (order.action == HardwareAction::kPowerLimit) {
    if (!order.limit) return make_error(Code::kInvalid, "an order to limit power needs a limit", "limit");
    return client.set_power_limit(*order.limit);
  }
  PENSTOCK_TRY(inventory, client.inventory());
  result.inventory = std::move(inventory);
  PENSTOCK_TRY(power, client.power_state());
  result.power = power;
  return ok_status();
}

}  // namespace

RedfishControl::RedfishControl(RedfishControlOptions options) : options_(std::move(options)), queue_(options_.backoff) {
  if (!options_.chance) options_.chance = chance_of_the_system;
}

RedfishControl::~RedfishControl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (RedfishClient* client : running_) client->cancel();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void RedfishControl::order(HardwareOrder order) {
  const std::lock_guard lock(mutex_);
  if (!queue_.add(std::move(order), options_.now())) return;
  if (idle_ == 0 && static_cast<int>(threads_.size()) < options_.threads) threads_.emplace_back([this] { work(); });
  changed_.notify_one();
}

std::vector<HardwareResult> RedfishControl::take_results() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

// Waits, unless told to stop.
bool RedfishControl::rest(Duration duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::nanoseconds(duration.count()), [this] { return stopping_; });
}

void RedfishControl::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Duration now = options_.now();
    bool told = false;
    for (HardwareResult& result : queue_.expired(now)) {
      results_.push_back(std::move(result));
      told = true;
    }
    auto turn = queue_.next(now);
    if (turn) {
      lock.unlock();
      Attempt made = attempt(*turn);
      lock.lock();
      auto result = queue_.done(std::move(*turn), std::move(made.result), made.again && !stopping_, options_.now(), options_.chance());
      if (result) {
        results_.push_back(std::move(*result));
        told = true;
      }
      // The controller may be ready for its next order, or has to be waited for.
      changed_.notify_one();
    }
    if (told && options_.on_results) {
      lock.unlock();
      options_.on_results();
      lock.lock();
    }
    if (turn || told || stopping_) continue;
    ++idle_;
    if (const auto due = queue_.due()) {
      changed_.wait_for(lock, std::chrono::nanoseconds(std::max((*due - now).count(), std::int64_t{1'000'000})));
    } else {
      changed_.wait(lock);
    }
    --idle_;
  }
}

RedfishControl::Attempt RedfishControl::attempt(const OrderQueue::Turn& turn) {
  const HardwareOrder& order = turn.order;
  Attempt made{{order.id, order.node, order.action}};
  RedfishOptions options;
  options.url = order.address.bmc;
  options.credentials = order.address.credentials;
  options.ca_file = options_.ca_file;
  options.pinned_key = order.address.pinned_key;
  options.system = order.address.system;
  options.connect_timeout = options_.connect_timeout;
  options.request_timeout = options_.request_timeout;
  options.poll = options_.poll;
  options.now = options_.now;
  options.sleep = [this](Duration duration) { return rest(duration); };
  RedfishClient client(std::move(options));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) client.cancel();
    running_.insert(&client);
  }
  client.set_deadline(turn.ends - options_.now());
  made.result.status = carry_out(client, order, made.result);
  {
    const std::lock_guard lock(mutex_);
    running_.erase(&client);
  }
  const bool worth_it = turn.ends - options_.now() > options_.poll;
  if (!made.result.status.ok()) made.again = worth_it && may_pass(made.result.status.error()) && (repeatable(order.action) || !client.acted());
  return made;
}

}  // namespace penstock
