// Pages of events, pieces of snapshots, and states folded from both.
#include "cli/server_log.h"

#include <algorithm>
#include <charconv>

#include "cli/output.h"
#include "engine/state.h"
#include "sim/foldable.h"
#include "sim/replay.h"

namespace penstock {
namespace {

// The moment that a state is wanted of.
struct Wanted {
  Position position = 0;  // the last event at the most
  std::optional<Time> at;
};

Result<Wanted> wanted_of(const std::string& text, const SnapshotList& list) {
  Wanted out{list.position, {}};
  if (text.empty()) return out;
  Position position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (position > list.position) return make_error(Code::kInvalid, fmt::format("the log ends at event {}", list.position), "--at");
    out.position = position;
    return out;
  }
  auto at = Text<Time>::parse(text);
  if (!at.ok()) return make_error(Code::kInvalid, "expected a position or an RFC 3339 time", "--at");
  if (*at > list.now) return make_error(Code::kInvalid, fmt::format("it is {} there: a fork begins in the past or now", Text<Time>::format(list.now)), "--at");
  out.at = *at;
  return out;
}

bool before(const SnapshotView& snapshot, const Wanted& wanted) {
  return snapshot.position <= wanted.position && (!wanted.at || snapshot.at <= *wanted.at);
}

Error too_early(const SnapshotList& list) {
  if (list.items.empty()) return make_error(Code::kGone, fmt::format("the server keeps events from {} on and no snapshot before them", list.first_event), "--at");
  const SnapshotView& oldest = list.items.front();
  return make_error(Code::kGone, fmt::format("the server keeps events from {} on and no state from before that moment; the earliest possible is event {}, {}",
                                             list.first_event, oldest.position, Text<Time>::format(oldest.at)), "--at");
}

Result<ServerState> fetch_once(ApiClient& client, const std::string& at) {
  PENSTOCK_TRY(list, list_snapshots(client));
  PENSTOCK_TRY(wanted, wanted_of(at, list));
  const auto found = std::find_if(list.items.rbegin(), list.items.rend(), [&](const SnapshotView& snapshot) { return before(snapshot, wanted); });
  Facts facts;
  if (found != list.items.rend()) {
    PENSTOCK_TRY(text, fetch_snapshot(client, *found));
    PENSTOCK_TRY(read, from_json_text<Facts>(text));
    facts = std::move(read);
  } else if (list.first_event > 1) {
    return too_early(list);
  }
  State state(std::move(facts));
  PENSTOCK_RETURN_IF_ERROR(each_event(client, state.facts().position, [&](const json::value& event) -> Result<bool> {
    PENSTOCK_TRY(record, from_json<EventRecord>(event));
    if (record.position == 1 && wanted.at && record.at > *wanted.at) {
      return make_error(Code::kGone, fmt::format("the first event is of {}", Text<Time>::format(record.at)), "--at");
    }
    if (record.position > wanted.position || (wanted.at && record.at > *wanted.at)) return false;
    state.settle();
    if (Status fits = foldable(state, record); !fits.ok()) {
      return make_error(Code::kInternal, fmt::format("event {} of the server's log cannot be folded: {}", record.position, fits.error().message));
    }
    state.fold(record);
    return true;
  }));
  const Time last = state.facts().now;
  return ServerState{state.facts(), wanted.at ? *wanted.at : at.empty() ? std::max(list.now, last) : last};
}

}  // namespace

Status each_event(ApiClient& client, Position after, const std::function<Result<bool>(const json::value& event)>& each) {
  std::string next = std::to_string(after);
  while (!next.empty()) {
    PENSTOCK_TRY(response, client.request("GET", "/v1/events?limit=1000&after=" + next));
    PENSTOCK_TRY(page, parse_json(response.body));
    const json::value* items = page.is_object() ? page.get_object().if_contains("items") : nullptr;
    if (items == nullptr || !items->is_array()) {
      return make_error(Code::kInternal, "the server's page of events holds no 'items'; is it of this version?");
    }
    for (const json::value& item : items->get_array()) {
      PENSTOCK_TRY(more, each(item));
      if (!more) return ok_status();
    }
    next = at(page, "next");
  }
  return ok_status();
}

Result<SnapshotList> list_snapshots(ApiClient& client) { return client.get<SnapshotList>("/v1/snapshots"); }

Result<std::string> fetch_snapshot(ApiClient& client, const SnapshotView& snapshot) {
  std::string text;
  text.reserve(snapshot.size);
  while (text.size() < snapshot.size) {
    PENSTOCK_TRY(piece, client.request("GET", fmt::format("/v1/snapshots/{}?offset={}", snapshot.position, text.size())));
    if (piece.body.empty()) break;
    text += piece.body;
  }
  const std::string hash = hash_text(state_hash(text));
  if (hash == snapshot.state_hash) return text;
  return make_error(Code::kInternal, fmt::format("the snapshot of event {} came with the hash {} and the server states {}", snapshot.position, hash, snapshot.state_hash));
}

Result<ServerState> fetch_state(ApiClient& client, const std::string& at) {
  auto state = fetch_once(client, at);
  // A newer snapshot may have taken the place of the one that was being read.
  for (int again = 0; again < 2 && !state.ok() && state.error().code == Code::kGone && state.error().path.empty(); ++again) state = fetch_once(client, at);
  return state;
}

}  // namespace penstock
