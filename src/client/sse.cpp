// The event-stream rules of the HTML standard, section 9.2.6.
#include "client/sse.h"

namespace penstock {

Result<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  std::vector<SseEvent> out;
  while (!bytes.empty()) {
    // A CR ends a line by itself; an LF right behind it, perhaps in the next piece, belongs to it.
    if (after_cr_ && bytes.front() == '\n') {
      after_cr_ = false;
      bytes.remove_prefix(1);
      continue;
    }
    after_cr_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    line_ += bytes.substr(0, end);
    if (line_.size() + next_.data.size() > limit_) {
      return make_error(Code::kTooLarge, "an event of the stream is over the limit on its size");
    }
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(line_, out);
    line_.clear();
  }
  return out;
}

void SseParser::take_line(std::string_view line, std::vector<SseEvent>& out) {
  if (first_line_ && line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) {
      next_.data.pop_back();
      out.push_back(next_);
    }
    next_.event.clear();
    next_.data.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (name == "data") {
    next_.data += value;
    next_.data += '\n';
    has_data_ = true;
  } else if (name == "event") {
    next_.event = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    next_.id = value;
  }
}

}  // namespace penstock
