// Sends the logs that readers on the server's side wait for.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "agent/control.h"
#include "agent/tasks.h"

namespace penstock {

/// Serves all readings in turn, a chunk each. A reading goes on until all is sent, the server wants no more, or the
/// server no longer names it. Sending a chunk again after a failure is harmless: it says where it belongs.
class LogSender {
 public:
  /// `find` and `token` are called from the thread of `run`.
  LogSender(Control& control, std::function<std::optional<Tasks::LogSource>(const TaskKey&)> find,
            std::function<std::string()> token);

  /// All readings that the server wants now. From any thread.
  void want(const std::vector<LogWanted>& wanted);

  /// Works until `stop`.
  void run();
  /// Makes `run` return soon. From any thread.
  void stop();

 private:
  struct Reading {
    LogWanted wanted;
    bool done = false;
  };
  /// What came of one chunk.
  enum class Sent { kNothing, kSome, kFailed };
  Sent send_next(LogWanted& reading, bool& done);

  Control& control_;
  std::function<std::optional<Tasks::LogSource>(const TaskKey&)> find_;
  std::function<std::string()> token_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Reading> readings_;  // done ones stay until the server no longer names them
  bool stopping_ = false;
};

}  // namespace penstock
