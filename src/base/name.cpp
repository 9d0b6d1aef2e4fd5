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

// The alternatives inside one pair of brackets: "01-03,7,a-c".
Result<std::vector<std::string>> alternatives(std::string_view pattern, std::string_view inside, std::size_t limit) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t comma = inside.find(',');
    const std::string_view part = inside.substr(0, comma);
    const std::size_t dash = part.find('-');
    if (part.empty()) return bad_range(pattern, "an alternative is empty");
    if (dash == std::string_view::npos) {
      out.emplace_back(part);
    } else {
      const std::string_view low = part.substr(0, dash);
      const std::string_view high = part.substr(dash + 1);
      if (is_number(low) && is_number(high)) {
        long first = 0, last = 0;
        std::from_chars(low.data(), low.data() + low.size(), first);
        std::from_chars(high.data(), high.data() + high.size(), last);
        if (first > last) return bad_range(pattern, "it falls");
        if (static_cast<std::size_t>(last - first) + out.size() >= limit) return bad_range(pattern, "it is too long");
        for (long n = first; n <= last; ++n) out.push_back(fmt::format("{:0{}}", n, low.size()));
      } else if (low.size() == 1 && high.size() == 1 && low[0] >= 'a' && high[0] <= 'z') {
        if (low[0] > high[0]) return bad_range(pattern, "it falls");
        for (char c = low[0]; c <= high[0]; ++c) out.emplace_back(1, c);
      } else {
        return bad_range(pattern, "bounds must be two numbers or two letters a–z");
      }
    }
    if (out.size() > limit) return bad_range(pattern, "it is too long");
    if (comma == std::string_view::npos) return out;
    inside.remove_prefix(comma + 1);
  }
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
  std::vector<RangeName> names{RangeName{}};
  std::string_view rest = pattern;
  while (!rest.empty()) {
    const std::size_t open = rest.find('[');
    const std::string_view literal = rest.substr(0, open);
    if (literal.find(']') != std::string_view::npos) return bad_range(pattern, "a bracket closes that never opened");
    for (RangeName& name : names) name.name += literal;
    if (open == std::string_view::npos) break;
    const std::size_t close = rest.find(']', open);
    if (close == std::string_view::npos) return bad_range(pattern, "a bracket does not close");
    PENSTOCK_TRY(options, alternatives(pattern, rest.substr(open + 1, close - open - 1), limit));
    if (names.size() * options.size() > limit) return bad_range(pattern, "it is too long");
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
    rest.remove_prefix(close + 1);
  }
  return names;
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
