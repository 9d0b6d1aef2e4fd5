// The event log and the snapshots, as they are stored: nothing of them is read on the way out.
#include <charconv>

#include "server/api/handlers.h"

namespace penstock {
namespace {

// What one answer holds at most, so that the engine's thread is back at its work within a millisecond.
constexpr std::size_t kMostPiece = 256 << 10;

// The lines of a record that come after `from`, with their positions, until `each` returns false.
template <class Each>
bool each_event(const LogRecord& record, Position from, Each each) {
  std::string_view lines = record.data;
  for (Position at = record.first; !lines.empty(); ++at) {
    const std::size_t end = lines.find('\n');
    if (at > from && !each(at, lines.substr(0, end))) return false;
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
  return true;
}

// An EventPage out of the texts of its events.
class PageText {
 public:
  explicit PageText(std::uint64_t most) : most_(most) {}

  /// False if it is full: then this event is of the next page.
  bool add(Position at, std::string_view event) {
    full_ = count_ == most_ || (count_ > 0 && text_.size() + event.size() > kMostPiece);
    if (full_) return false;
    if (count_++ > 0) text_ += ',';
    text_ += event;
    last_ = at;
    return true;
  }

  bool full() const { return full_; }
  std::string finish(Position position) && {
    text_ += ']';
    if (full_) text_ += fmt::format(R"(,"next":"{}")", last_);
    return std::move(text_) + fmt::format(R"(,"position":{}}})", position);
  }

 private:
  std::uint64_t most_;
  std::uint64_t count_ = 0;
  Position last_ = 0;
  bool full_ = false;
  std::string text_ = R"({"items":[)";
};

}  // namespace

void Api::events(std::shared_ptr<Call> call) {
  auto after = number(*call, "after", 0, ~std::uint64_t{0} >> 1);
  auto limit = page_limit(*call);
  if (!after.ok()) return refuse(call, after.error());
  if (!limit.ok()) return refuse(call, limit.error());
  if (flag(*call, "watch")) {
    const bool given = call->query.contains("after") || call->request.headers.contains("last-event-id");
    if (const auto last = call->request.headers.find("last-event-id"); last != call->request.headers.end()) {
      call->query["after"] = last->second;
      after = number(*call, "after", 0, ~std::uint64_t{0} >> 1);
      if (!after.ok()) return refuse(call, after.error());
    }
    core_.read([this, call, from = *after, given](Core::View& view) {
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.stream = std::make_shared<ByteStream>();
      const Position start = given ? from : view.state.facts().position;
      Status replayed = view.journal.replay(start, [&](const LogRecord& record) -> Status {
        const bool all = each_event(record, start, [&](Position at, std::string_view event) { return response.stream->push(sse("event", at, event)); });
        if (!all) return make_error(Code::kGone, "too many events at once; ask for pages up to the present first, then watch");
        return ok_status();
      });
      if (!replayed.ok()) return refuse(call, replayed.error());
      const std::uint64_t id = view.hub.subscribe_events([this, call, stream = response.stream](const EventRecord& record) {
        if (!still_may(*call)) return stream->finish();
        stream->push(sse("event", record.position, to_json(record)));
      });
      response.stream->on_left([this, id] { core_.read([id](Core::View& later) { later.hub.unsubscribe(id); }); });
      call->respond(std::move(response));
    });
    return;
  }
  core_.read([call, from = *after, most = *limit](Core::View& view) {
    PageText page(most);
    Status replayed = view.journal.replay(from, [&](const LogRecord& record) -> Status {
      const bool all = each_event(record, from, [&](Position at, std::string_view event) { return page.add(at, event); });
      return all ? ok_status() : make_error(Code::kGone, "enough");
    });
    if (!replayed.ok() && !page.full()) return refuse(call, replayed.error());
    HttpResponse response;
    response.body = std::move(page).finish(view.state.facts().position);
    call->respond(std::move(response));
  });
}

// It holds what the events have told to the same roles: of tokens the hashes, of no one the secret.
void Api::list_snapshots(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const auto kept = view.journal.snapshots();
    if (!kept.ok()) return refuse(call, kept.error());
    SnapshotList list;
    for (const SnapshotInfo& info : *kept) {
      list.items.push_back({info.position, info.at, fmt::format("{:016x}", info.state_hash), info.size});
    }
    list.first_event = view.journal.first_kept();
    list.position = view.state.facts().position;
    list.now = view.now;
    call->respond(json_response(list));
  });
}

void Api::read_snapshot(std::shared_ptr<Call> call) {
  const std::string& name = call->path.front();
  Position position = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), position);
  if (error != std::errc() || end != name.data() + name.size() || position > ~std::uint64_t{0} >> 1) {
    return refuse(call, unknown("snapshot", name));
  }
  auto offset = number(*call, "offset", 0, ~std::uint64_t{0} >> 1);
  auto limit = number(*call, "limit", kMostPiece, kMostPiece);
  if (!offset.ok()) return refuse(call, offset.error());
  if (!limit.ok()) return refuse(call, limit.error());
  core_.read([call, position, from = *offset, most = *limit](Core::View& view) {
    auto piece = view.journal.read_snapshot(position, from, most);
    if (!piece.ok()) return refuse(call, piece.error());
    HttpResponse response;
    response.content_type = "application/octet-stream";
    response.body = std::move(*piece);
    call->respond(std::move(response));
  });
}

}  // namespace penstock
