// Names: DNS labels, paths of them, and ranges such as n[01-18] that stand for many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock {

/// Whether `text` is an RFC 1123 label: 1–63 of a–z, 0–9 and '-', not at either end.
bool is_label(std::string_view text);

/// Splits `a/b/c` at the slashes; no validation.
std::vector<std::string_view> split_path(std::string_view path);

/// Checks that `path` has between `least` and `most` labels joined by '/'. `what` names it in the message.
Status check_path(std::string_view path, int least, int most, std::string_view what);

/// Everything before the last '/', or empty; everything after it, or the whole.
std::string_view parent_of(std::string_view path);
std::string_view leaf_of(std::string_view path);

/// One name out of a range, with what stood for each pair of brackets, left to right.
struct RangeName {
  std::string name;
  std::vector<std::string> captures;
};

/// Expands ranges, leftmost slowest: `r[1-2]n[01-02]` → r1n01 r1n02 r2n01 r2n02; `h[a,c-d]` → ha hc hd.
/// The width of the first bound is kept. Refuses more than `limit` names, an empty or falling range,
/// and brackets that do not match.
Result<std::vector<RangeName>> expand_range(std::string_view pattern, std::size_t limit = 100'000);

/// Checks that `pattern` is a range whose every name is a label, without making the names: a short pattern may stand
/// for very many.
Status check_range(std::string_view pattern);

/// Replaces each `{key}` by its value; an unknown key or an unclosed brace is an error that lists the keys.
struct Substitution {
  std::string key;
  std::string value;
};
Result<std::string> substitute(std::string_view text, const std::vector<Substitution>& values);

}  // namespace penstock
