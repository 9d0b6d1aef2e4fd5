// Names, ranges and substitution in templates.
#include "base/name.h"

#include <charconv>

#include <fmt/format.h>

namespace penstock {
namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_number(std::string_view text) {
  if (text.empty() || text.size() > 9) return false;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

Error bad_range(std::string_view pattern, std::string_view why) {
  return make_error(Code::kInvalid,
                    fmt::format("'{}' is not a range: {}; expected e.g. r[01-16] or h[a,c-e]", pattern, why));
}

// Numbers or letters from one to another, or a single text.
struct Span {
  std::string_view low;
  std::string_view high;
  std::size_t count = 1;
};

// A literal and the alternatives in the brackets that follow it; none after the last literal.
struct Piece {
  std::string_view literal;
  std::vector<Span> spans;
};

long to_number(std::string_view digits) {
  long number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

// The inside of one pair of brackets: "01-03,7,a-c".
Result<std::vector<Span>> parse_spans(std::string_view pattern, std::string_view inside) {
  std::vector<Span> spans;
  while (true) {
    const std::size_t comma = inside.find(',');
    const std::string_view part = inside.substr(0, comma);
    const std::size_t dash = part.find('-');
    if (part.empty()) return bad_range(pattern, "an alternative is empty");
    if (dash == std::string_view::npos) {
      spans.push_back({part, {}, 1});
    } else {
      const std::string_view low = part.substr(0, dash);
      const std::string_view high = part.substr(dash + 1);
      const bool numbers = is_number(low) && is_number(high);
      const bool letters = low.size() == 1 && high.size() == 1 && low[0] >= 'a' && high[0] >= 'a' && low[0] <= 'z' &&
                           high[0] <= 'z';
      if (!numbers && !letters) return bad_range(pattern, "bounds must be two numbers or two letters a–z");
      const long length = numbers ? to_number(high) - to_number(low) : high[0] - low[0];
      if (length < 0) return bad_range(pattern, "it falls");
      spans.push_back({low, high, static_cast<std::size_t>(length) + 1});
    }
    if (comma == std::string_view::npos) return spans;
    inside.remove_prefix(comma + 1);
  }
}

Result<std::vector<Piece>> parse_range(std::string_view pattern) {
  std::vector<Piece> pieces;
  std::string_view rest = pattern;
  while (true) {
    const std::size_t open = rest.find('[');
    const std::string_view literal = rest.substr(0, open);
    if (literal.find(']') != std::string_view::npos) return bad_range(pattern, "a bracket closes that never opened");
    if (open == std::string_view::npos) {
      pieces.push_back({literal, {}});
      return pieces;
    }
    const std::size_t close = rest.find(']', open);
    if (close == std::string_view::npos) return bad_range(pattern, "a bracket does not close");
    PENSTOCK_TRY(spans, parse_spans(pattern, rest.substr(open + 1, close - open - 1)));
    pieces.push_back({literal, std::move(spans)});
    rest.remove_prefix(close + 1);
  }
}

std::vector<std::string> alternatives(const std::vector<Span>& spans) {
  std::vector<std::string> out;
  for (const Span& span : spans) {
    if (span.high.empty()) {
      out.emplace_back(span.low);
    } else if (is_number(span.low)) {
      const long first = to_number(span.low);
      for (std::size_t i = 0; i < span.count; ++i) {
        out.push_back(fmt::format("{:0{}}", first + static_cast<long>(i), span.low.size()));
      }
    } else {
      for (char c = span.low[0]; c <= span.high[0]; ++c) out.emplace_back(1, c);
    }
  }
  return out;
}

}  // namespace

bool is_label(std::string_view text) {
  if (text.empty() || text.size() > 63 || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
  for (char c : text) {
    if (!is_alnum(c) && c != '-') return false;
  }
  return true;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

Status check_path(std::string_view path, int least, int most, std::string_view what) {
  const auto parts = split_path(path);
  const int count = static_cast<int>(parts.size());
  bool good = count >= least && count <= most;
  for (std::string_view part : parts) good = good && is_label(part);
  if (good) return ok_status();
  constexpr std::string_view kShapes[] = {"", "name", "scope/name", "scope/scope/name", "site/hall/rack/node"};
  return make_error(Code::kInvalid,
                    fmt::format("'{}' is no {} name: expected {}, each part 1-63 of a-z, 0-9 and '-' between", path,
                                what, least == most && most <= 4 ? kShapes[most] : "labels joined by '/'"));
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view leaf_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Result<std::vector<RangeName>> expand_range(std::string_view pattern, std::size_t limit) {
  PENSTOCK_TRY(pieces, parse_range(pattern));
  std::size_t total = 1;
  for (const Piece& piece : pieces) {
    std::size_t count = piece.spans.empty() ? 1 : 0;
    for (const Span& span : piece.spans) count += span.count;
    if (count > limit || total * count > limit) {
      return bad_range(pattern, fmt::format("it stands for more than {} names", limit));
    }
    total *= count;
  }
  std::vector<RangeName> names{RangeName{}};
  for (const Piece& piece : pieces) {
    for (RangeName& name : names) name.name += piece.literal;
    if (piece.spans.empty()) break;
    const std::vector<std::string> options = alternatives(piece.spans);
    std::vector<RangeName> longer;
    longer.reserve(names.size() * options.size());
    for (const RangeName& name : names) {
      for (const std::string& option : options) {
        longer.push_back(name);
        longer.back().name += option;
        longer.back().captures.push_back(option);
      }
    }
    names = std::move(longer);
  }
  return names;
}

Status check_range(std::string_view pattern) {
  PENSTOCK_TRY(pieces, parse_range(pattern));
  // Alternatives hold no '-', so that one name of the greatest length tells of all.
  std::string longest;
  bool good = true;
  for (const Piece& piece : pieces) {
    longest += piece.literal;
    std::string_view widest;
    for (const Span& span : piece.spans) {
      for (char c : span.low) good = good && is_alnum(c);
      const std::string_view end = span.high.size() > span.low.size() ? span.high : span.low;
      if (end.size() > widest.size()) widest = end;
    }
    longest += widest;
  }
  if (good && is_label(longest)) return ok_status();
  return make_error(Code::kInvalid,
                    fmt::format("'{}' is no name: expected 1-63 of a-z, 0-9 and '-' between, and ranges such as [01-16]",
                                pattern));
}

Result<std::string> substitute(std::string_view text, const std::vector<Substitution>& values) {
  std::string out;
  while (true) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find('}', open);
    const std::string_view key = close == std::string_view::npos ? text.substr(open) : text.substr(open + 1, close - open - 1);
    bool known = false;
    for (const Substitution& value : values) {
      if (close != std::string_view::npos && value.key == key) {
        out += value.value;
        known = true;
      }
    }
    if (!known) {
      std::string keys;
      for (const Substitution& value : values) keys += fmt::format(" {{{}}}", value.key);
      return make_error(Code::kInvalid, fmt::format("'{}' is not known here; expected one of{}", key, keys));
    }
    text.remove_prefix(close + 1);
  }
}

}  // namespace penstock
