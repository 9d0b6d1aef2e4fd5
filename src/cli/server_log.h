// The log and the snapshots of a server, read over its API.
#pragma once

#include "client/api_client.h"
#include "engine/facts.h"
#include "server/api/bodies.h"

namespace penstock {

/// Calls `each` for every event after `after`, in order and page by page, until the log ends or `each` returns false.
Status each_event(ApiClient& client, Position after, const std::function<Result<bool>(const json::value& event)>& each);

Result<SnapshotList> list_snapshots(ApiClient& client);

/// The whole text of a snapshot, read in pieces. It has the hash that the server states.
Result<std::string> fetch_snapshot(ApiClient& client, const SnapshotView& snapshot);

/// A state of the server.
struct ServerState {
  Facts facts;
  Time now;  ///< of the moment that was asked for; nothing happened since the last event
};

/// The state of the server as it is; or `at` an event, by its position, or a time. kGone if neither a snapshot nor the
/// events before it are kept; then it says from where on they are.
Result<ServerState> fetch_state(ApiClient& client, const std::string& at);

}  // namespace penstock
