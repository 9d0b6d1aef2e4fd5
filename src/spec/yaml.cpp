// Reading YAML: yaml-cpp's events into JSON values with their places. Writing YAML that reads back the same.
#include "spec/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

namespace penstock {
namespace {

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

enum class Scalar { kNull, kBool, kInt, kFloat, kText, kUnfit };

// What the core schema takes an unquoted scalar for; kUnfit is a number that JSON cannot hold.
Scalar resolve(std::string_view text, json::value& out) {
  const auto among = [&](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (among({"", "~", "null", "Null", "NULL"})) {
    out = nullptr;
    return Scalar::kNull;
  }
  if (among({"true", "True", "TRUE", "false", "False", "FALSE"})) {
    out = text.front() == 't' || text.front() == 'T';
    return Scalar::kBool;
  }
  const bool sign = text.front() == '-' || text.front() == '+';
  const std::string_view magnitude = text.substr(sign ? 1 : 0);
  const std::string_view signed_text = text.front() == '+' ? magnitude : text;
  const auto fits = [&]<class Number>(std::string_view digits, int base, Number number) {
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (failed != std::errc() || end != digits.data() + digits.size()) return false;
    out = number;
    return true;
  };
  const auto integer = [&](std::string_view digits, int base) {
    const bool good = fits(digits, base, std::int64_t{}) || fits(digits, base, std::uint64_t{});
    return good ? Scalar::kInt : Scalar::kUnfit;
  };
  const auto all = [](std::string_view digits, std::string_view alphabet) {
    return !digits.empty() && digits.find_first_not_of(alphabet) == std::string_view::npos;
  };
  if (all(magnitude, "0123456789")) return integer(signed_text, 10);
  if (text.substr(0, 2) == "0o" && all(text.substr(2), "01234567")) return integer(text.substr(2), 8);
  if (text.substr(0, 2) == "0x" && all(text.substr(2), "0123456789abcdefABCDEF")) return integer(text.substr(2), 16);
  if (among({".nan", ".NaN", ".NAN"})) return Scalar::kUnfit;
  if (magnitude == ".inf" || magnitude == ".Inf" || magnitude == ".INF") return Scalar::kUnfit;

  // [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < magnitude.size() && is_digit(magnitude[at])) ++at;
    return at - from;
  };
  const std::size_t whole = digits();
  std::size_t decimals = 0;
  if (at < magnitude.size() && magnitude[at] == '.') {
    ++at;
    decimals = digits();
  }
  bool number = whole + decimals > 0;
  if (number && at < magnitude.size() && (magnitude[at] == 'e' || magnitude[at] == 'E')) {
    ++at;
    if (at < magnitude.size() && (magnitude[at] == '-' || magnitude[at] == '+')) ++at;
    number = digits() > 0;
  }
  if (!number || at != magnitude.size()) {
    out = text;
    return Scalar::kText;
  }
  double value = 0;
  const auto [end, failed] = std::from_chars(signed_text.data(), signed_text.data() + signed_text.size(), value);
  if (failed != std::errc() || end != signed_text.data() + signed_text.size() || !std::isfinite(value)) {
    return Scalar::kUnfit;
  }
  out = value;
  return Scalar::kFloat;
}

// Ends the reading of a text from inside the parser.
struct Refused {
  YAML::Mark mark;
  std::string message;
  Code code = Code::kInvalid;
};

Error error_at(const SourceText& source, const YAML::Mark& mark, std::string message, Code code = Code::kInvalid) {
  Error error = make_error(code, std::move(message));
  error.file = source.file;
  error.line = std::max(mark.line, 0) + 1;
  error.column = std::max(mark.column, 0) + 1;
  return error;
}

// Builds one document from the parser's events. The parser recurses as deep as the text nests, so the depth must be
// refused in the event that would exceed it and not afterwards.
class Builder : public YAML::EventHandler {
 public:
  Builder(const SourceText& source, const ReadLimits& limits, ReadBudget& budget, Problems& problems)
      : source_(source), limits_(limits), budget_(budget), problems_(problems) {}

  YamlDocument take() { return std::move(document_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (budget_.documents == 0) throw Refused{mark, too_much("documents", limits_.documents), Code::kTooLarge};
    --budget_.documents;
    document_ = {};
    anchored_.clear();
    open_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Refused{mark, "a key is missing: expected text before the ':'"};
    put(mark, nullptr, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (expects_key()) {
      put_key(mark, text);
      if (anchor != YAML::NullAnchor)
        anchored_.insert_or_assign(anchor, Anchored{json::value(text), 1, text.size(), 0});
      return;
    }
    put(mark, scalar(mark, tag, text), anchor, text.size());
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && tag != std::string(kCoreTag) + "seq") refuse_tag(mark, tag);
    open(mark, anchor, json::array());
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && tag != std::string(kCoreTag) + "map") refuse_tag(mark, tag);
    open(mark, anchor, json::object());
  }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw Refused{mark, "an alias stands inside the value that it repeats"};
    const Anchored& repeated = found->second;
    if (expects_key()) {
      if (!repeated.value.is_string()) throw Refused{mark, "a key must be text"};
      spend_text(mark, repeated.bytes);
      put_key(mark, std::string(repeated.value.as_string()));
      return;
    }
    if (open_.size() + repeated.height > limits_.depth) throw too_deep(mark);
    spend_nodes(mark, repeated.nodes);
    spend_text(mark, repeated.bytes);
    const Anchored copy = repeated;
    attach(mark, copy.value, {}, copy.nodes, copy.bytes, copy.height);
  }

 private:
  struct Anchored {
    json::value value;
    std::size_t nodes;
    std::size_t bytes;
    std::size_t height;
  };
  // A list or mapping that is being read.
  struct Open {
    json::value value;
    Place place;
    YAML::anchor_t anchor;
    std::size_t nodes = 1;
    std::size_t bytes = 0;
    std::size_t height = 1;
    std::optional<std::string> key;
    YAML::Mark key_mark;
    bool repeated_key = false;
  };

  static Place at(const YAML::Mark& mark) { return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1, {}}; }

  static std::string too_much(std::string_view what, std::size_t most) {
    return fmt::format("more than {} {} at once", most, what);
  }
  Refused too_deep(const YAML::Mark& mark) const {
    return {mark, fmt::format("nested deeper than {} levels", limits_.depth), Code::kTooLarge};
  }

  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    throw Refused{mark,
                  fmt::format("tag '{}' is not supported: expected a plain value, or one of YAML's core tags", tag)};
  }

  void spend_nodes(const YAML::Mark& mark, std::size_t count) {
    if (count > budget_.nodes) throw Refused{mark, too_much("values", limits_.nodes), Code::kTooLarge};
    budget_.nodes -= count;
  }
  void spend_text(const YAML::Mark& mark, std::size_t bytes) {
    if (bytes > budget_.alias_bytes) {
      throw Refused{mark, fmt::format("aliases repeat more than {} bytes of text", limits_.bytes), Code::kTooLarge};
    }
    budget_.alias_bytes -= bytes;
  }

  bool expects_key() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().key; }

  void fault(const YAML::Mark& mark, std::string message) {
    problems_.add(error_at(source_, mark, std::move(message)));
  }

  json::value scalar(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "!") return json::value(text);
    std::string_view core = tag;
    const bool tagged = core.substr(0, kCoreTag.size()) == kCoreTag;
    if (tagged) core.remove_prefix(kCoreTag.size());
    if (tagged && core == "str") return json::value(text);
    if (tag != "?" && !(tagged && (core == "null" || core == "bool" || core == "int" || core == "float"))) {
      refuse_tag(mark, tag);
    }
    json::value value;
    const Scalar found = resolve(text, value);
    if (found == Scalar::kUnfit) {
      fault(mark, fmt::format("'{}' is not a finite number of 64 bits; put it in quotes if it is text", text));
      return json::value(text);
    }
    constexpr std::string_view kFound[] = {"null", "bool", "int", "float", "str"};
    const bool whole_float = core == "float" && found == Scalar::kInt;
    if (tagged && core != kFound[static_cast<int>(found)] && !whole_float) {
      fault(mark, fmt::format("'{}' is tagged as {} but is none", text, core));
    }
    return value;
  }

  void put_key(const YAML::Mark& mark, const std::string& text) {
    Open& map = open_.back();
    spend_nodes(mark, 1);
    map.nodes += 1;
    map.bytes += text.size();
    map.key = text;
    map.key_mark = mark;
    const json::object& members = map.value.get_object();
    const auto first = members.find(text);
    map.repeated_key = first != members.end();
    if (map.repeated_key) {
      const int line = map.place.below[static_cast<std::size_t>(first - members.begin())].line;
      fault(mark, fmt::format("key '{}' is given twice; first on line {}", text, line));
    }
  }

  void put(const YAML::Mark& mark, json::value value, YAML::anchor_t anchor, std::size_t bytes = 0) {
    spend_nodes(mark, 1);
    if (anchor != YAML::NullAnchor) anchored_.insert_or_assign(anchor, Anchored{value, 1, bytes, 0});
    attach(mark, std::move(value), {}, 1, bytes, 0);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, json::value value) {
    if (expects_key()) throw Refused{mark, "a key must be text, not a list or a mapping"};
    if (open_.size() >= limits_.depth) throw too_deep(mark);
    spend_nodes(mark, 1);
    open_.push_back(Open{std::move(value), at(mark), anchor, 1, 0, 1, {}, mark, false});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    YAML::Mark mark;
    mark.line = done.place.line - 1;
    mark.column = done.place.column - 1;
    if (done.anchor != YAML::NullAnchor) {
      spend_nodes(mark, done.nodes);  // the copy that aliases repeat
      anchored_.insert_or_assign(done.anchor, Anchored{done.value, done.nodes, done.bytes, done.height});
    }
    attach(mark, std::move(done.value), std::move(done.place.below), done.nodes, done.bytes, done.height);
  }

  // Puts a finished value where it belongs: the document, or the list or mapping around it.
  void attach(const YAML::Mark& mark, json::value value, std::vector<Place> below, std::size_t nodes, std::size_t bytes,
              std::size_t height) {
    Place place = at(mark);
    place.below = std::move(below);
    if (open_.empty()) {
      document_ = {std::move(value), std::move(place)};
      return;
    }
    Open& around = open_.back();
    around.nodes += nodes;
    around.bytes += bytes;
    around.height = std::max(around.height, height + 1);
    if (json::array* list = around.value.if_array()) {
      list->push_back(std::move(value));
      around.place.below.push_back(std::move(place));
      return;
    }
    if (!around.repeated_key) {
      const Place key = at(around.key_mark);
      place.line = key.line;
      place.column = key.column;
      around.value.get_object().emplace(*around.key, std::move(value));
      around.place.below.push_back(std::move(place));
    }
    around.key.reset();
  }

  const SourceText& source_;
  const ReadLimits& limits_;
  ReadBudget& budget_;
  Problems& problems_;
  YamlDocument document_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  std::vector<Open> open_;
};

// The length of the well-formed UTF-8 character at the start of `text`, or 0.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// YAML forbids control characters, and yaml-cpp would take some of them for the end of the text or for UTF-16.
bool check_characters(const SourceText& source, Problems& problems) {
  YAML::Mark mark;
  std::string_view rest = source.text;
  while (!rest.empty()) {
    const std::size_t length = character(rest);
    const auto first = static_cast<unsigned char>(rest.front());
    if (length == 0) {
      problems.add(error_at(source, mark, fmt::format("byte 0x{:02x} is not UTF-8 here", first)));
      return false;
    }
    if (first < 0x20 && first != '\t' && first != '\n' && first != '\r') {
      problems.add(error_at(source, mark, fmt::format("control character 0x{:02x}; expected text", first)));
      return false;
    }
    mark.column += static_cast<int>(length);
    if (first == '\n') {
      ++mark.line;
      mark.column = 0;
    }
    rest.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::vector<YamlDocument> read_yaml(const SourceText& source, const ReadLimits& limits, ReadBudget& budget,
                                    Problems& problems) {
  std::vector<YamlDocument> documents;
  if (!check_characters(source, problems)) return documents;
  // yaml-cpp takes the end of the text for the end of a quote that is still open, but not the end of a document.
  const bool whole_line = !source.text.empty() && source.text.back() == '\n';
  std::istringstream stream(whole_line ? source.text + "...\n" : source.text);
  try {
    YAML::Parser parser(stream);
    Builder builder(source, limits, budget, problems);
    while (parser.HandleNextDocument(builder)) {
      YamlDocument document = builder.take();
      if (!document.value.is_null()) documents.push_back(std::move(document));
    }
  } catch (const Refused& refused) {
    problems.add(error_at(source, refused.mark, refused.message, refused.code));
  } catch (const YAML::Exception& failed) {
    problems.add(error_at(source, failed.mark, "not YAML: " + failed.msg));
  }
  return documents;
}

const Place& place_of(const YamlDocument& document, std::string_view path) {
  const json::value* value = &document.value;
  const Place* place = &document.place;
  while (!path.empty() && !place->below.empty()) {
    std::size_t index = place->below.size();
    if (path.front() == '[' && value->is_array()) {
      std::from_chars(path.data() + 1, path.data() + path.size(), index);
      path.remove_prefix(std::min(path.find(']'), path.size() - 1) + 1);
      if (index < place->below.size()) value = &value->get_array()[index];
    } else if (value->is_object()) {
      if (path.front() == '.') path.remove_prefix(1);
      std::size_t longest = 0;  // keys may hold dots and brackets themselves
      std::size_t i = 0;
      for (const auto& member : value->get_object()) {
        const std::string_view key = member.key();
        const bool ends = path.size() == key.size() ||
                          (path.size() > key.size() && (path[key.size()] == '.' || path[key.size()] == '['));
        if (ends && path.substr(0, key.size()) == key && key.size() >= longest) {
          longest = key.size();
          index = i;
        }
        ++i;
      }
      path.remove_prefix(longest);
      if (index < place->below.size())
        value = &(value->get_object().begin() + static_cast<std::ptrdiff_t>(index))->value();
    }
    if (index >= place->below.size()) break;
    place = &place->below[index];
  }
  return *place;
}

namespace {

// Whether text may stand without quotes: nothing that any common YAML reader takes for something else.
bool plain(std::string_view text) {
  json::value ignored;
  if (text.empty() || resolve(text, ignored) != Scalar::kText) return false;
  const auto word = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
  };
  if (!word(text.front()) || text.back() == ' ' || text.back() == ':') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool apart = c == ' ' && text[i - 1] != ' ' && text[i - 1] != ':';
    if (!word(c) && !apart && std::string_view("-.+%:()@=~").find(c) == std::string_view::npos) return false;
  }
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::string_view other : {"yes", "no", "on", "off", "y", "n"}) {  // YAML 1.1's words for true and false
    if (lower == other) return false;
  }
  // 12:30 is a number of base 60 in YAML 1.1, and 0b1 and 1_000 are numbers.
  return !is_digit(lower.front()) || lower.find_first_not_of("0123456789:._b") != std::string::npos;
}

// Whether text may stand as a literal block: printable lines that need no indentation indicator and no '+'.
bool block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == '\n') return false;
  if (text.size() >= 2 && text.substr(text.size() - 2) == "\n\n") return false;
  bool starts = true;
  for (char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
    if (control || (starts && c == '\t')) return false;
    starts = c == '\n';
  }
  // A first line that begins with a blank would set the indentation; one of nothing but blanks may lose them.
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = text.substr(from, end - from);
    const bool blank = !line.empty() && line.find_first_not_of(' ') == std::string_view::npos;
    if (blank || (from == 0 && line.front() == ' ')) return false;
    from = end + 1;
  }
  return true;
}

void write_text(std::string& out, std::string_view text) {
  if (plain(text)) {
    out += text;
  } else {
    write_string(out, text);
  }
}

void write_number(std::string& out, const json::value& value) {
  if (!value.is_double()) {
    out += json::serialize(value);
    return;
  }
  std::string text = fmt::format("{}", value.get_double());
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  out += text;
}

// A reader gives up looking for the ':' of a key after 1,024 bytes; escapes may make six of one.
constexpr std::size_t kLongestKey = 160;

// `out` ends where the value begins: after "key:" or "-", or at the start of the text (indent 0, `top`).
void write_yaml(std::string& out, const json::value& value, std::size_t indent, bool top) {
  const auto newline = [&] {
    if (!out.empty() && out.back() != '\n') out += '\n';
    out.append(indent, ' ');
  };
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    bool first = true;
    for (const auto& member : *object) {
      // The first member of an element stands beside its dash.
      if (first && !out.empty() && out.back() == '-') {
        out += ' ';
      } else {
        newline();
      }
      first = false;
      const bool explicit_key = member.key().size() > kLongestKey;
      if (explicit_key) out += "? ";
      write_text(out, member.key());
      if (explicit_key) newline();
      out += ':';
      write_yaml(out, member.value(), member.value().is_array() ? indent : indent + 2, false);
    }
  } else if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const json::value& element : *array) {
      newline();
      out += '-';
      write_yaml(out, element, indent + 2, false);
    }
  } else {
    if (!top) out += ' ';
    if (value.is_object()) {
      out += "{}";
    } else if (value.is_array()) {
      out += "[]";
    } else if (value.is_null()) {
      out += "null";
    } else if (value.is_bool()) {
      out += value.get_bool() ? "true" : "false";
    } else if (value.is_number()) {
      write_number(out, value);
    } else {
      const std::string_view text = value.get_string();
      if (top || !block(text)) {
        write_text(out, text);
        return;
      }
      out += text.back() == '\n' ? "|" : "|-";
      std::string_view rest = text;
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        out += '\n';
        if (end != 0) out.append(indent, ' ');
        out += rest.substr(0, end);
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
      }
    }
  }
}

}  // namespace

std::string to_yaml(const json::value& value) {
  std::string out;
  write_yaml(out, value, 0, true);
  if (out.empty() || out.back() != '\n') out += '\n';
  return out;
}

}  // namespace penstock
