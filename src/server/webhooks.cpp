// Reading the log in pages, one CloudEvent after another, and patience with receivers.
#include "server/webhooks.h"

#include <algorithm>
#include <future>

#include <sodium.h>
#include <spdlog/spdlog.h>

#include "base/files.h"
#include "base/json.h"
#include "client/api_client.h"

namespace penstock {
namespace {

// What one look at the log takes at most, so that the engine's thread is back at its work within a millisecond.
constexpr std::size_t kMostPiece = 256 << 10;
constexpr int kMostUnsaved = 100;
// How far the cursor may run over events of no concern before it is written.
constexpr Position kMostSkipped = 10'000;
constexpr std::size_t kLeastSecret = 24;
constexpr std::size_t kMostSecret = 4096;
constexpr std::string_view kSecretPrefix = "whsec_";
constexpr int kGoneStatus = 410;

// An event's type as it stands in the log's text; in strings the quotes would be escaped.
constexpr std::array kMarks{std::string_view(R"("type":"usage.recorded")"), std::string_view(R"("type":"budget.reached")"),
                            std::string_view(R"("type":"invoice.issued")"), std::string_view(R"("type":"incident.)"),
                            std::string_view(R"("type":"ticket.)"),         std::string_view(R"("type":"breaker.)"),
                            std::string_view(R"("type":"node.overdue")")};
static_assert(UsageRecorded::kType == "usage.recorded" && BudgetReached::kType == "budget.reached" &&
              InvoiceIssued::kType == "invoice.issued" && IncidentOpened::kType.starts_with("incident.") &&
              IncidentChanged::kType.starts_with("incident.") && IncidentClosed::kType.starts_with("incident.") &&
              TicketOpened::kType.starts_with("ticket.") && TicketClosed::kType.starts_with("ticket.") &&
              BreakerOpened::kType.starts_with("breaker.") && BreakerClosed::kType.starts_with("breaker.") &&
              NodeOverdue::kType == "node.overdue");

struct Cursor {
  Position position = 0;
  static constexpr auto schema() {
    return object("WebhookCursor", "What a webhook has been told.",
                  field("position", &Cursor::position, required, "the last event that was acknowledged or of no concern"));
  }
};

Error invalid(std::string message, std::string path) { return make_error(Code::kInvalid, std::move(message), std::move(path)); }

// The address in its two parts: who, and where there.
Result<std::pair<std::string, std::string>> split_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path = scheme == std::string::npos ? std::string::npos : url.find_first_of("/?#", scheme + 3);
  const std::string origin = url.substr(0, path);
  const bool clean = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  if (!clean || scheme == std::string::npos || origin.size() == scheme + 3 || origin.find('@') != std::string::npos ||
      (!origin.starts_with("https://") && !(origin.starts_with("http://") && is_loopback_server(origin)))) {
    return invalid("a webhook's address must look like https://host/path, without user and password; http only to this machine",
                   "webhook");
  }
  std::string rest = path == std::string::npos ? "" : url.substr(path, url.find('#', path) - path);
  if (!rest.starts_with('/')) rest.insert(0, "/");
  return std::pair(origin, std::move(rest));
}

Result<std::string> read_secret(const std::string& file) {
  PENSTOCK_TRY(text, read_file(file, kMostSecret));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  std::string secret = text;
  if (text.starts_with(kSecretPrefix)) {
    std::size_t size = 0;
    const char* end = nullptr;
    const std::string_view encoded = std::string_view(text).substr(kSecretPrefix.size());
    const bool read = sodium_base642bin(reinterpret_cast<unsigned char*>(secret.data()), secret.size(), encoded.data(), encoded.size(),
                                        nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL) == 0;
    if (!read || end != encoded.data() + encoded.size()) {
      return invalid(fmt::format("{} begins with whsec_, but what follows is no base64", file), "webhook-secret-file");
    }
    secret.resize(size);
  }
  sodium_memzero(text.data(), text.size());
  if (secret.size() < kLeastSecret) {
    return invalid(fmt::format("the secret in {} is too short: {} bytes at least, e.g. of `openssl rand -hex 32`", file, kLeastSecret),
                   "webhook-secret-file");
  }
  return secret;
}

// A receiver's words, which must not look like a line of the log of their own.
std::string one_line(std::string text) {
  for (char& c : text) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return text;
}

// The operator's own: about no tenant, so that a webhook of a tenant is not told.
template <class Make, class E>
bool make_of_fleet(const E& event, Make& make) {
  const auto tell = [&](const std::string& subject, const auto& data) {
    make(WebhookTopic::kFleet, E::kType, "", subject, data);
    return true;
  };
  if constexpr (std::is_same_v<E, IncidentOpened>) return tell(Text<Uid>::format(event.incident.uid), event.incident);
  if constexpr (std::is_same_v<E, IncidentChanged> || std::is_same_v<E, IncidentClosed>) return tell(Text<Uid>::format(event.incident), event);
  if constexpr (std::is_same_v<E, TicketOpened>) return tell(event.ticket.node, event.ticket);
  if constexpr (std::is_same_v<E, TicketClosed>) return tell(Text<Uid>::format(event.ticket), event);
  if constexpr (std::is_same_v<E, BreakerOpened> || std::is_same_v<E, BreakerClosed>) return tell(event.site.empty() ? "fleet" : event.site, event);
  if constexpr (std::is_same_v<E, NodeOverdue>) return tell(event.node, event);
  return false;
}

}  // namespace

// --- events ----------------------------------------------------------------------------------------------------------

std::optional<CloudEvent> cloud_event(const EventRecord& record, std::string_view source) {
  CloudEvent out;
  const auto make = [&](WebhookTopic topic, std::string_view type, std::string_view tenant, std::string_view subject, const auto& data) {
    out.topic = topic;
    out.tenant = tenant;
    const auto member = [&](std::string_view name, std::string_view value) {
      out.text += out.text.empty() ? '{' : ',';
      write_string(out.text, name);
      out.text += ':';
      write_string(out.text, value);
    };
    member("specversion", "1.0");
    member("id", std::to_string(record.position));
    member("source", source);
    member("type", fmt::format("io.penstock.{}.v1", type));
    member("subject", subject);
    member("time", Text<Time>::format(record.at));
    member("datacontenttype", "application/json");
    out.text += ",\"data\":";
    write_json(out.text, data);
    out.text += '}';
  };
  if (const auto* usage = std::get_if<UsageRecorded>(&record.event)) {
    make(WebhookTopic::kUsage, UsageRecorded::kType, tenant_of(usage->usage.workload), usage->usage.workload, usage->usage);
  } else if (const auto* budget = std::get_if<BudgetReached>(&record.event)) {
    make(WebhookTopic::kBudget, BudgetReached::kType, tenant_of(budget->project), budget->project, *budget);
  } else if (const auto* issued = std::get_if<InvoiceIssued>(&record.event)) {
    // Without the entry, which is about the provider's own accounts.
    make(WebhookTopic::kInvoice, InvoiceIssued::kType, issued->invoice.tenant, issued->invoice.name, issued->invoice);
  } else if (!std::visit([&](const auto& event) { return make_of_fleet(event, make); }, record.event)) {
    return std::nullopt;
  }
  return out;
}

std::string webhook_signature(std::string_view secret, std::string_view id, std::int64_t timestamp, std::string_view body) {
  const std::string head = fmt::format("{}.{}.", id, timestamp);
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  crypto_auth_hmacsha256_state state;
  unsigned char digest[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_init(&state, bytes(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, bytes(head), head.size());
  crypto_auth_hmacsha256_update(&state, bytes(body), body.size());
  crypto_auth_hmacsha256_final(&state, digest);
  sodium_memzero(&state, sizeof state);
  char text[sodium_base64_ENCODED_LEN(sizeof digest, sodium_base64_VARIANT_ORIGINAL)];
  sodium_bin2base64(text, sizeof text, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
  return std::string("v1,") + text;
}

// --- the thread ------------------------------------------------------------------------------------------------------

// What one look at the log found; filled on the core's thread, which may outlive who asked.
struct Webhooks::Page {
  std::mutex mutex;
  std::condition_variable filled;
  bool done = false;
  std::vector<LogRecord> records;
  std::optional<Error> error;
  bool full = false;
  Position first_kept = 0;
  Position end = 0;  // of the log
};

Result<std::unique_ptr<Webhooks>> Webhooks::start(Core& core, WebhookOptions options, WebhookTransport transport) {
  if (sodium_init() < 0) return make_error(Code::kInternal, "libsodium cannot be used");
  PENSTOCK_TRY(url, split_url(options.url));
  static_cast<void>(url);
  if (options.topics.empty()) return invalid("a webhook needs one of usage, budget, invoice and fleet", "webhook-types");
  PENSTOCK_TRY(secret, read_secret(options.secret_file));
  std::unique_ptr<Webhooks> webhooks(new Webhooks(core, std::move(options), std::move(secret), std::move(transport)));
  PENSTOCK_RETURN_IF_ERROR(webhooks->load());
  webhooks->thread_ = std::thread([self = webhooks.get()] { self->run(); });
  return webhooks;
}

Webhooks::Webhooks(Core& core, WebhookOptions options, std::string secret, WebhookTransport transport)
    : core_(core),
      options_(std::move(options)),
      secret_(std::move(secret)),
      shown_url_(split_url(options_.url)->first),
      transport_(std::move(transport)) {
  if (transport_) return;
  ApiClientOptions client;
  client.server = shown_url_;
  client.ca_file = options_.ca_file;
  client.peer = "the webhook's receiver";
  client.timeout = seconds(10);
  client.max_response = 1 << 20;
  client_ = std::make_unique<ApiClient>(std::move(client));
  transport_ = [this, path = split_url(options_.url)->second](const WebhookRequest& request) -> Result<int> {
    const auto answer = client_->request("POST", path, request.body, request.headers);
    if (answer.ok()) return answer->status;
    if (answer.error().code == Code::kGone) return kGoneStatus;
    return answer.error();
  };
}

Webhooks::~Webhooks() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (client_) client_->cancel();
  if (thread_.joinable()) thread_.join();
  sodium_memzero(secret_.data(), secret_.size());
}

// Where it was, or the present: who is new is not told of the past.
Status Webhooks::load() {
  if (exists(options_.state_file)) {
    PENSTOCK_TRY(cursor, read_json_file<Cursor>(options_.state_file));
    move_to(saved_ = cursor.position);
    return ok_status();
  }
  std::promise<Position> end;
  core_.read([&end](Core::View& view) { end.set_value(view.state.facts().position); });
  move_to(saved_ = end.get_future().get());
  return write_file(options_.state_file, to_json(Cursor{cursor_}), Lasting::kPowerLoss);
}

void Webhooks::run() {
  spdlog::info("webhook follows the log to={} after={}", shown_url_, cursor_);
  while (true) {
    const std::shared_ptr<Page> page = read(cursor_);
    if (page == nullptr) break;
    if (page->end < cursor_) {
      // A backup was restored.
      spdlog::warn("webhook found a log that ends before what was told, and goes on from its end to={} told={} end={}", shown_url_,
                   cursor_, page->end);
      move_to(page->end);
    }
    if (page->error && page->error->code == Code::kGone && page->first_kept > cursor_ + 1) {
      spdlog::error("webhook missed events that the log no longer holds to={} from={} until={}", shown_url_, cursor_ + 1, page->first_kept - 1);
      move_to(page->first_kept - 1);
      continue;
    }
    if (page->error) spdlog::warn("webhook cannot read the log to={} why=\"{}\"", shown_url_, page->error->message);
    const bool all = std::all_of(page->records.begin(), page->records.end(), [this](const LogRecord& record) { return take(record); });
    if (!all) break;
    if (unsaved_ > 0 || cursor_ - std::min(saved_, cursor_) >= kMostSkipped) save();
    if (!page->full && !wait(page->error ? 10 * options_.poll : options_.poll)) break;
  }
  if (cursor_ != saved_) save();
}

// Null: it has been told to stop.
std::shared_ptr<Webhooks::Page> Webhooks::read(Position after) {
  auto page = std::make_shared<Page>();
  core_.read([page, after](Core::View& view) {
    std::size_t bytes = 0;
    const Status replayed = view.journal.replay(after, [&](const LogRecord& record) -> Status {
      page->records.push_back(record);
      bytes += record.data.size();
      page->full = bytes >= kMostPiece;
      return page->full ? make_error(Code::kGone, "enough") : ok_status();
    });
    if (!replayed.ok() && !page->full) page->error = replayed.error();
    page->first_kept = view.journal.first_kept();
    page->end = view.state.facts().position;
    {
      std::lock_guard lock(page->mutex);
      page->done = true;
    }
    page->filled.notify_one();
  });
  // The core answers within milliseconds, but perhaps not while it stops.
  constexpr std::chrono::milliseconds kLook{50};
  std::unique_lock lock(page->mutex);
  while (!page->filled.wait_for(lock, kLook, [&] { return page->done; })) {
    std::lock_guard own(mutex_);
    if (stopping_) return nullptr;
  }
  return page;
}

// False: stop.
bool Webhooks::take(const LogRecord& record) {
  std::string_view lines = record.data;
  for (Position at = record.first; !lines.empty(); ++at) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    const bool told = std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) { return line.find(mark) != std::string_view::npos; });
    if (at > cursor_ && told) {
      auto event = from_json_text<EventRecord>(line);
      if (event.ok()) {
        if (!deliver(*event)) return false;
      } else {
        spdlog::error("webhook cannot read an event and leaves it out to={} position={} why=\"{}\"", shown_url_, at, event.error().message);
      }
    }
    if (at > cursor_) move_to(at);
    if (unsaved_ >= kMostUnsaved) save();
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
  return true;
}

// True: acknowledged, or of no concern. False: stop.
bool Webhooks::deliver(const EventRecord& event) {
  const auto told = cloud_event(event, options_.source);
  if (!told || !options_.topics.contains(told->topic) || (!options_.tenant.empty() && told->tenant != options_.tenant)) return true;
  WebhookRequest request{options_.url, {}, told->text};
  const std::string id = std::to_string(event.position);
  Duration patience = options_.first_wait;
  while (true) {
    // Each attempt has its own time; a receiver refuses one that is old.
    const std::int64_t timestamp = core_.now().ns / 1'000'000'000;
    request.headers = {{"content-type", "application/cloudevents+json; charset=utf-8"},
                       {"idempotency-key", id},
                       {"webhook-id", id},
                       {"webhook-timestamp", std::to_string(timestamp)},
                       {"webhook-signature", webhook_signature(secret_, id, timestamp, request.body)}};
    const Result<int> status = transport_(request);
    if (status.ok() && *status >= 200 && *status <= 299) {
      ++counters_.delivered;
      ++unsaved_;
      return true;
    }
    ++counters_.failed;
    if (status.ok() && *status == kGoneStatus) {
      counters_.stopped = true;
      spdlog::error("webhook is stopped: its receiver answers that it is gone to={} position={}", shown_url_, event.position);
      return false;
    }
    if (unsaved_ > 0) save();
    if (!wait(Duration())) return false;  // it was cut off
    spdlog::warn("webhook failed and is tried again to={} position={} in={} why=\"{}\"", shown_url_, event.position, Text<Duration>::format(patience),
                 status.ok() ? fmt::format("the answer has HTTP status {}", *status) : one_line(status.error().message));
    if (!wait(patience)) return false;
    patience = std::min(2 * patience, options_.longest_wait);
  }
}

void Webhooks::move_to(Position position) {
  cursor_ = position;
  counters_.position = position;
}

// False: stop.
bool Webhooks::wait(Duration time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::nanoseconds(time.count()), [this] { return stopping_; });
}

void Webhooks::save() {
  const Status written = write_file(options_.state_file, to_json(Cursor{cursor_}), Lasting::kPowerLoss);
  if (!written.ok()) spdlog::warn("webhook cannot write its state; after a restart some events are told again why=\"{}\"", written.error().message);
  saved_ = cursor_;
  unsaved_ = 0;
}

}  // namespace penstock
