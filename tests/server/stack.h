// A whole server in the test's process: a journal that fails when told to, a clock that stands, tokens of every role.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "journal/memory/memory_journal.h"
#include "server/api/bodies.h"
#include "server/http/http_server.h"

namespace penstock {

/// What the store does with the next commits.
enum class Trouble {
  kNone,
  kRefuse,       ///< fails and keeps nothing
  kKeepAndFail,  ///< keeps the batch, yet says it failed
  kFailBlind,    ///< keeps the batch, says it failed, and cannot be recovered either
};

/// A MemoryJournal that fails on demand.
class TroubledJournal final : public Journal {
 public:
  explicit TroubledJournal(std::atomic<Trouble>& trouble) : trouble_(trouble) {}

  Result<Recovered> recover() override;
  Status replay(Position after, const std::function<Status(const LogRecord&)>& each) override { return store_.replay(after, each); }
  Status commit(const CommitBatch& batch) override;
  Status save_snapshot(const Snapshot& snapshot, Position keep_after) override { return store_.save_snapshot(snapshot, keep_after); }
  Result<std::vector<SnapshotInfo>> snapshots() override { return store_.snapshots(); }
  Result<std::string> read_snapshot(Position position, std::uint64_t offset, std::size_t most) override {
    return store_.read_snapshot(position, offset, most);
  }
  Position first_kept() const override { return store_.first_kept(); }
  Result<std::string> archived_by_name(const std::string& name) override { return store_.archived_by_name(name); }
  Result<std::string> archived_by_uid(Uid uid) override { return store_.archived_by_uid(uid); }
  Result<std::vector<std::string>> archived_list(const std::string& scope, Uid before, std::size_t most) override {
    return store_.archived_list(scope, before, most);
  }
  Result<std::vector<std::string>> audit_list(const AuditQuery& query) override { return store_.audit_list(query); }
  Result<std::vector<FiledDocument>> filed(const FileQuery& query) override { return store_.filed(query); }

 private:
  std::atomic<Trouble>& trouble_;
  MemoryJournal store_;
};

using RequestHeaders = std::map<std::string, std::string>;

/// Core and Api, and an HttpServer once `listen` is called. Holds site `north` (simulated, 2 nodes of 8 h200, running
/// jobs for an hour), tenants `acme` and `rival`, each with project `T/llm` and contract `T/main`, and site `lab`
/// for the agent of node `lab/h1/k1/n1`.
class Stack {
 public:
  Stack();
  ~Stack();

  void listen(HttpOptions options);
  std::uint16_t port() const;

  /// One request to the Api. The role's name chooses the token: operator, auditor, acme-admin, acme-member,
  /// acme-viewer, rival-admin, rival-member, rival-viewer, node; empty: none; else it is a token itself.
  HttpResponse ask(const std::string& who, const std::string& method, const std::string& target, const std::string& body = {},
                   const RequestHeaders& headers = {});
  /// The same, which must succeed.
  json::object good(const std::string& who, const std::string& method, const std::string& target, const std::string& body = {},
                    const RequestHeaders& headers = {});
  /// The same, which must not: `status code`.
  std::string bad(const std::string& who, const std::string& method, const std::string& target, const std::string& body = {},
                  const RequestHeaders& headers = {});
  json::object submit(const std::string& who, const std::string& job, const RequestHeaders& headers = {});

  void wait(Duration time);
  std::string token(const std::string& who) const { return tokens_.at(who); }

  std::atomic<Trouble> trouble{Trouble::kNone};
  std::atomic<std::int64_t> clock;
  Metrics metrics;
  std::unique_ptr<Core> core;
  std::unique_ptr<Api> api;
  std::unique_ptr<HttpServer> http;

 private:
  std::map<std::string, std::string> tokens_;
};

/// The body that submits a job of one task on one GPU.
std::string job_body(const std::string& name);

/// What comes out of a stream until `until` is in it, it ends, or 5 s have passed.
std::string read_until(ByteStream& stream, std::string_view until);

/// A socket to 127.0.0.1 that says what it is told to.
class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port, int receive_buffer = 0);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// False once the connection has ended, or when the server has read nothing for 5 s.
  bool say(std::string_view bytes);
  /// Everything up to `until`, or to the end of the connection, within `patience`.
  std::string hear(std::string_view until = {}, std::chrono::milliseconds patience = std::chrono::seconds(10));
  /// Whether the server has ended the connection within `patience`; reads nothing of what it sent.
  bool cut(std::chrono::milliseconds patience);

 private:
  int fd_;
};

}  // namespace penstock
