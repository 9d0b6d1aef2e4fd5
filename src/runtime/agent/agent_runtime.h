// The server's side of agents: what each node should hold, calls that wait for news, and logs that pass through.
#pragma once

#include <functional>
#include <unordered_map>

#include "runtime/protocol.h"
#include "runtime/runtime.h"

namespace penstock {

/// The tasks that `node` should hold, in full. A task that has ended is not among them.
std::vector<TaskOrder> orders_for(const State& state, const std::string& node);

/// Where the bytes of a log go. Returns false when the reader has left.
using LogSink = std::function<bool(std::string_view bytes, std::int64_t offset, bool end)>;

class AgentRuntime : public Runtime {
 public:
  /// How often one node may be waiting; a later call of the same node answers the earlier one.
  using SyncDone = std::function<void(SyncReply)>;

  void recover(const State& state, Time now) override;
  void committed(const State& state, std::span<const EventRecord> events, Time now) override;
  std::optional<Time> next_due() const override;
  RuntimeReports advance(const State& state, Time now) override;

  /// Answers at once if the node's orders differ from `request.revision` or a log is wanted anew, else within
  /// `request.wait`.
  void wait_for_orders(const State& state, const std::string& node, const SyncRequest& request, Time now, SyncDone done);

  /// Asks the node for a log; bytes go to `sink` until it ends or the sink says no. Returns the reading's identity.
  std::uint64_t read_log(const State& state, const std::string& node, LogWanted wanted, LogSink sink);
  /// The reader has left.
  void end_log(std::uint64_t id);
  /// Bytes from the node. False if nobody wants them (any more), or the node has no part in this reading.
  bool log_bytes(const std::string& node, std::uint64_t id, std::string_view bytes, std::int64_t offset, bool end);

 private:
  struct Waiting {
    std::uint64_t revision = 0;
    Time until;
    SyncDone done;
  };
  struct Reading {
    std::string node;
    LogWanted wanted;
    LogSink sink;
    bool told = false;  // in some answer already; it stays in all later ones, should that one be lost
  };
  SyncReply reply(const State& state, const std::string& node);
  void answer(const State& state, const std::string& node);

  std::unordered_map<std::string, Waiting> waiting_;
  std::set<std::pair<Time, std::string>> deadlines_;  // of waiting_
  std::map<std::uint64_t, Reading> readings_;
  std::uint64_t last_reading_ = 0;
};

}  // namespace penstock
