// The agent's line to the server: an interface, and the real one over HTTP.
#pragma once

#include "client/api_client.h"
#include "runtime/protocol.h"

namespace penstock {

/// Calls to the control plane. Each call may come from another thread, but no two `sync`s and no two `send_log`s
/// at once. `token` is the credential of the call.
class Control {
 public:
  virtual ~Control() = default;
  virtual Result<AgentWelcome> register_node(const AgentHello& hello, const std::string& token) = 0;
  /// May take as long as `request.wait` and a little more.
  virtual Result<SyncReply> sync(const SyncRequest& request, const std::string& token) = 0;
  virtual Result<LogAccepted> send_log(std::uint64_t id, std::int64_t offset, std::string_view bytes, bool end,
                                       const std::string& token) = 0;
  /// Ends the running `sync`, or the next one if none is running, with an error. From any thread.
  virtual void interrupt() = 0;
  /// Ends everything that is running, for good. From any thread.
  virtual void close() = 0;
};

class HttpControl final : public Control {
 public:
  /// `options.token` is not used.
  explicit HttpControl(const ApiClientOptions& options);

  Result<AgentWelcome> register_node(const AgentHello& hello, const std::string& token) override;
  Result<SyncReply> sync(const SyncRequest& request, const std::string& token) override;
  Result<LogAccepted> send_log(std::uint64_t id, std::int64_t offset, std::string_view bytes, bool end,
                               const std::string& token) override;
  void interrupt() override;
  void close() override;

 private:
  ApiClient orders_;
  ApiClient logs_;
};

}  // namespace penstock
