// The parts of JSON reading and writing that do not depend on the type.
#include "base/json.h"

namespace penstock {

void Problems::add(std::string message, std::string_view below, Code code) {
  Error error = make_error(code, std::move(message), path());
  if (!below.empty()) error.path += (error.path.empty() || below.front() == '[' ? "" : ".") + std::string(below);
  add(std::move(error));
}

void Problems::add(Error error) {
  if (full()) return;
  for (const Error& known : errors_) {
    if (!error.path.empty() && known.path == error.path && known.file == error.file && known.line == error.line) return;
  }
  errors_.push_back(std::move(error));
}

Error Problems::take() {
  PENSTOCK_CHECK(!errors_.empty());
  Error first = std::move(errors_.front());
  first.also.assign(std::make_move_iterator(errors_.begin() + 1), std::make_move_iterator(errors_.end()));
  errors_.clear();
  return first;
}

std::string Problems::path() const {
  std::string text;
  for (const Place& place : steps_) {
    if (place.key.empty()) {
      text += fmt::format("[{}]", place.index);
    } else {
      if (!text.empty()) text += '.';
      text += place.key;
    }
  }
  return text;
}

std::string wrong_kind(std::string_view expected, const json::value& found) {
  std::string seen;
  switch (found.kind()) {
    case json::kind::object: seen = "a mapping"; break;
    case json::kind::array: seen = "a list"; break;
    case json::kind::null: seen = "nothing"; break;
    default: seen = json::serialize(found); break;
  }
  if (seen.size() > 60) {
    std::size_t end = 60;
    while (end > 0 && (static_cast<unsigned char>(seen[end]) & 0xC0) == 0x80) --end;  // not inside a character
    seen = seen.substr(0, end) + "…";
  }
  return fmt::format("expected {}, found {}", expected, seen);
}

void write_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, from, std::string_view::npos);
  out += '"';
}

Result<json::value> parse_json(std::string_view text, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::stream_parser parser({}, options);
  boost::system::error_code failed;
  const std::size_t used = parser.write_some(text.data(), text.size(), failed);
  if (!failed) parser.finish(failed);
  if (!failed && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    failed = json::error::extra_data;
  }
  if (failed) {
    Error error = make_error(failed == json::error::too_deep ? Code::kTooLarge : Code::kInvalid,
                             fmt::format("not JSON: {}", failed.message()));
    error.line = 1;
    error.column = 1;
    for (char c : text.substr(0, used)) {
      if (c == '\n') {
        ++error.line;
        error.column = 1;
      } else {
        ++error.column;
      }
    }
    return error;
  }
  return parser.release();
}

}  // namespace penstock
