// Server-sent events: the wire format of watch streams, read piece by piece.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock {

struct SseEvent {
  std::string id;     ///< the last id the stream has given; resume from here
  std::string event;  ///< empty means "message"
  std::string data;   ///< lines joined by '\n'

  bool operator==(const SseEvent&) const = default;
};

/// Cuts a byte stream into events, however the bytes are split. Comments and unknown fields are skipped.
class SseParser {
 public:
  /// An event may not be longer than `limit` bytes.
  explicit SseParser(std::size_t limit = 16 << 20) : limit_(limit) {}

  /// The events that `bytes` complete. kTooLarge once an event is over the limit; do not go on after that.
  Result<std::vector<SseEvent>> feed(std::string_view bytes);

 private:
  void take_line(std::string_view line, std::vector<SseEvent>& out);

  std::size_t limit_;
  std::string line_;
  SseEvent next_;
  bool has_data_ = false;
  bool first_line_ = true;
  bool after_cr_ = false;
};

}  // namespace penstock
