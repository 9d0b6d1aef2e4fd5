// One thread that walks over the open readings.
#include "agent/log_sender.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <set>

namespace penstock {
namespace {

constexpr std::size_t kChunk = 256 << 10;
// How soon a follower sees new output, and how soon a failed chunk is sent again.
constexpr std::chrono::milliseconds kPause(50);
constexpr std::chrono::milliseconds kPauseAfterFailure(500);

}  // namespace

LogSender::LogSender(Control& control, std::function<std::optional<Tasks::LogSource>(const TaskKey&)> find,
                     std::function<std::string()> token)
    : control_(control), find_(std::move(find)), token_(std::move(token)) {}

void LogSender::want(const std::vector<LogWanted>& wanted) {
  const std::lock_guard lock(mutex_);
  std::set<std::uint64_t> named;
  for (const LogWanted& reading : wanted) {
    named.insert(reading.id);
    readings_.try_emplace(reading.id, Reading{reading});
  }
  std::erase_if(readings_, [&](const auto& entry) { return !named.contains(entry.first); });
  changed_.notify_all();
}

void LogSender::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void LogSender::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<LogWanted> open;
    for (const auto& [id, reading] : readings_) {
      if (!reading.done) open.push_back(reading.wanted);
    }
    if (open.empty()) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    bool some = false;
    bool failed = false;
    std::vector<bool> done(open.size());
    for (std::size_t i = 0; i < open.size(); ++i) {
      bool is_done = false;
      const Sent sent = send_next(open[i], is_done);
      done[i] = is_done;
      some |= sent == Sent::kSome;
      failed |= sent == Sent::kFailed;
    }
    lock.lock();
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto reading = readings_.find(open[i].id);
      if (reading == readings_.end()) continue;  // no longer wanted
      reading->second.wanted.offset = open[i].offset;
      reading->second.done = done[i];
    }
    if (stopping_) break;
    if (failed) {
      changed_.wait_for(lock, kPauseAfterFailure);
    } else if (!some) {
      changed_.wait_for(lock, kPause);
    }
  }
}

LogSender::Sent LogSender::send_next(LogWanted& reading, bool& done) {
  // The end is looked for before the bytes: what is written in between is then read as well.
  const auto source = find_({reading.allocation, reading.rank});
  LogPart part;
  part.offset = reading.offset;
  part.at_end = true;
  if (source) part = read_log(source->directory, source->layout, reading.offset, kChunk);
  const bool end = part.at_end && (!source || source->exited || !reading.follow);
  if (part.bytes.empty() && !end) return Sent::kNothing;
  auto accepted = control_.send_log(reading.id, part.offset, part.bytes, end, token_());
  if (!accepted.ok()) {
    const Code code = accepted.error().code;
    done = code == Code::kNotFound || code == Code::kGone;
    if (!done) spdlog::warn("event=log-not-sent id={} error=\"{}\"", reading.id, accepted.error().message);
    return done ? Sent::kNothing : Sent::kFailed;
  }
  reading.offset = part.offset + static_cast<std::int64_t>(part.bytes.size());
  done = end || !accepted->more;
  return Sent::kSome;
}

}  // namespace penstock
