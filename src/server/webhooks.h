// A webhook: usage, budget alerts, invoices and what happens to the fleet, told to somebody else's server as CloudEvents.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "server/core/core.h"

namespace penstock {

class ApiClient;

/// What a webhook can be told; of the fleet its incidents, tickets, breakers and nodes that are overdue, which no tenant is told.
enum class WebhookTopic { kUsage, kBudget, kInvoice, kFleet };
constexpr auto enum_names(WebhookTopic) {
  using T = WebhookTopic;
  return std::array{EnumName<T>{T::kUsage, "usage"}, EnumName<T>{T::kBudget, "budget"}, EnumName<T>{T::kInvoice, "invoice"},
                    EnumName<T>{T::kFleet, "fleet"}};
}

struct WebhookOptions {
  std::string url;          ///< https, or http to this machine; without user and password
  std::string secret_file;  ///< key of the signatures: `whsec_` and base64, or the bytes themselves; 24 at least
  std::set<WebhookTopic> topics{WebhookTopic::kUsage, WebhookTopic::kBudget, WebhookTopic::kInvoice};
  std::string tenant;       ///< only what is about this one; empty: all
  std::string state_file;   ///< remembers what was delivered, mode 0600
  std::string source = "penstock";  ///< `source` of the events, a URI reference: the server's name or address
  std::string ca_file;      ///< PEM file of the authorities to trust; empty: the system's
  Duration poll = seconds(1);        ///< between looks at the log
  Duration first_wait = seconds(1);  ///< after a failure; doubled by each one that follows
  Duration longest_wait = minutes(5);
};

/// One attempt.
struct WebhookRequest {
  std::string url;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// Sends a request: the status of the answer, or why there is none. Not called by two threads at once.
using WebhookTransport = std::function<Result<int>(const WebhookRequest&)>;

/// Counted since the start; read from any thread.
struct WebhookCounters {
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> failed{0};   ///< attempts
  std::atomic<Position> position{0};      ///< up to which the log has been told; the rest of it is the lag
  std::atomic<bool> stopped{false};       ///< the receiver wants no more
};

/// Follows the durable log from the present on, or from where the state file says, in a thread of its own, and posts what
/// its options ask for: one event a request, in the log's order, each until it is acknowledged, so at least once; an
/// event keeps its `webhook-id`, its position in the log, by which a receiver knows it again.
///
/// The body is a CloudEvent 1.0 in structured mode (application/cloudevents+json), signed by Standard Webhooks 1.0:
/// webhook-signature is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. Any status of 200 to 299
/// acknowledges. 410 ends the webhook until the server is started anew. Everything else is tried again, and redirects
/// are not followed. The state file is written after at most 100 deliveries, and before it waits or stops.
class Webhooks {
 public:
  /// kInvalid for an address, a secret or a state file that cannot be used. No `transport`: HTTP, 10 s a request.
  static Result<std::unique_ptr<Webhooks>> start(Core& core, WebhookOptions options, WebhookTransport transport = {});
  /// Stops at once, within a request too. Before the core stops.
  ~Webhooks();

  const WebhookCounters& counters() const { return counters_; }

 private:
  struct Page;

  Webhooks(Core& core, WebhookOptions options, std::string secret, WebhookTransport transport);
  Status load();
  void run();
  std::shared_ptr<Page> read(Position after);
  bool take(const LogRecord& record);
  bool deliver(const EventRecord& event);
  bool wait(Duration time);
  void move_to(Position position);
  void save();

  Core& core_;
  const WebhookOptions options_;
  std::string secret_;
  const std::string shown_url_;  // without path and query, where receivers keep secrets
  std::unique_ptr<ApiClient> client_;
  WebhookTransport transport_;
  WebhookCounters counters_;
  Position cursor_ = 0;  // everything up to here has been told or is of no concern
  Position saved_ = 0;
  int unsaved_ = 0;      // deliveries since then

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

/// The event as a CloudEvent; none if it is of no topic. `data` is a Usage, a BudgetReached, an Invoice, or of the
/// fleet a StoredIncident, a Ticket or the event.
struct CloudEvent {
  WebhookTopic topic = WebhookTopic::kUsage;
  std::string tenant;
  std::string text;  ///< JSON
};
std::optional<CloudEvent> cloud_event(const EventRecord& record, std::string_view source);

/// The value of `webhook-signature`.
std::string webhook_signature(std::string_view secret, std::string_view id, std::int64_t timestamp, std::string_view body);

}  // namespace penstock
