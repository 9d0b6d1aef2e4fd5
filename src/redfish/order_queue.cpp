// Turns of orders: first come first served at each controller, none of which gets two at once.
#include "redfish/order_queue.h"

namespace penstock {
namespace {

// What says that the controller should be left alone for a while. Refused credentials too: many lock the account after some.
bool calls_for_rest(const Status& status) {
  if (status.ok()) return false;
  const Code code = status.error().code;
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kUnauthenticated;
}

HardwareResult result_of(const HardwareOrder& order, int attempts, Status status) {
  HardwareResult result{order.id, order.node, order.action, std::move(status)};
  result.attempts = attempts;
  return result;
}

}  // namespace

Duration backoff(const BackoffRule& rule, int failures, Ppm chance) {
  PENSTOCK_CHECK(failures > 0);
  Duration whole = rule.first;
  for (int i = 1; i < failures && whole < rule.most; ++i) whole += whole;
  whole = std::min(whole, rule.most);
  const std::int64_t half = whole.count() / 2;
  return Duration(half + mul_div_floor(whole.count() - half, chance.count(), 1'000'000));
}

void OrderQueue::offer(const std::string& bmc, const Controller& controller) {
  if (!controller.busy && !controller.waiting.empty()) ready_.emplace(controller.ready, bmc);
}

bool OrderQueue::add(HardwareOrder order, Duration now) {
  const std::string bmc = order.address.bmc;
  if (!under_way_.try_emplace(order.id, bmc).second) return false;
  const Duration ends = now + order.deadline;
  deadlines_.emplace(ends, order.id);
  Controller& controller = controllers_[bmc];
  controller.waiting.push_back({{std::move(order), ends}, {}});
  offer(bmc, controller);
  return true;
}

std::optional<OrderQueue::Turn> OrderQueue::next(Duration now) {
  if (ready_.empty() || ready_.begin()->first > now) return std::nullopt;
  Controller& controller = controllers_.at(ready_.begin()->second);
  ready_.erase(ready_.begin());
  Turn turn = std::move(controller.waiting.front().turn);
  controller.waiting.pop_front();
  controller.busy = true;
  deadlines_.erase({turn.ends, turn.order.id});
  return turn;
}

std::optional<HardwareResult> OrderQueue::done(Turn turn, HardwareResult result, bool again, Duration now, Ppm chance) {
  const std::string bmc = turn.order.address.bmc;
  Controller& controller = controllers_.at(bmc);
  controller.busy = false;
  controller.failures = calls_for_rest(result.status) ? controller.failures + 1 : 0;
  controller.ready = controller.failures == 0 ? now : now + backoff(rule_, controller.failures, chance);
  again = again && !result.status.ok() && controller.ready < turn.ends;
  if (again) {
    deadlines_.emplace(turn.ends, turn.order.id);
    ++turn.attempt;
    controller.waiting.push_front({std::move(turn), result.status.error().message});
  } else {
    under_way_.erase(turn.order.id);
  }
  offer(bmc, controller);
  if (controller.waiting.empty() && controller.failures == 0) controllers_.erase(bmc);
  if (again) return std::nullopt;
  result.attempts = turn.attempt;
  return result;
}

std::vector<HardwareResult> OrderQueue::expired(Duration now) {
  std::vector<HardwareResult> out;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Uid id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    const std::string bmc = under_way_.at(id);
    Controller& controller = controllers_.at(bmc);
    const auto found = std::find_if(controller.waiting.begin(), controller.waiting.end(),
                                    [id](const Waiting& one) { return one.turn.order.id == id; });
    const std::string why = found->last.empty() ? "other orders to the same BMC took all of its time" : found->last;
    out.push_back(result_of(found->turn.order, found->turn.attempt - 1,
                            make_error(Code::kTimeout, fmt::format("the deadline of the order passed while it waited: {}", why))));
    controller.waiting.erase(found);
    under_way_.erase(id);
    if (!controller.waiting.empty() || controller.busy) continue;
    ready_.erase({controller.ready, bmc});
    if (controller.failures == 0) controllers_.erase(bmc);
  }
  return out;
}

std::optional<Duration> OrderQueue::due() const {
  std::optional<Duration> at;
  if (!ready_.empty()) at = ready_.begin()->first;
  if (!deadlines_.empty() && (!at || deadlines_.begin()->first < *at)) at = deadlines_.begin()->first;
  return at;
}

}  // namespace penstock
