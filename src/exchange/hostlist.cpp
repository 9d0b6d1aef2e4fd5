// Folding names into hostlists.
#include "exchange/hostlist.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock {
namespace {

// More digits than this are no number that Slurm counts with.
constexpr std::size_t kMostDigits = 9;

struct Numbered {
  std::string_view prefix;
  std::string_view digits;  // empty: the name ends in no number
};

Numbered split(std::string_view name) {
  std::size_t at = name.size();
  while (at > 0 && name.size() - at < kMostDigits && name[at - 1] >= '0' && name[at - 1] <= '9') --at;
  return {name.substr(0, at), name.substr(at)};
}

std::uint64_t number_of(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}

// A run of numbers, all as wide as the first at least.
struct Run {
  std::string first;
  std::string last;
  std::uint64_t next;

  bool goes_on_with(std::string_view digits) const { return fmt::format("{:0{}}", next, first.size()) == digits; }
};

}  // namespace

std::vector<std::string> fold_names(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  std::optional<std::string_view> prefix;
  std::vector<Run> runs;
  const auto close = [&] {
    if (!prefix) return;
    std::string inside;
    for (const Run& run : runs) {
      inside += (inside.empty() ? "" : ",") + run.first;
      if (run.last != run.first) inside += "-" + run.last;
    }
    const bool one = runs.size() == 1 && runs[0].first == runs[0].last;
    out.push_back(one ? std::string(*prefix) + inside : fmt::format("{}[{}]", *prefix, inside));
    prefix.reset();
    runs.clear();
  };
  for (const std::string& name : names) {
    const Numbered parts = split(name);
    if (parts.digits.empty()) {
      close();
      out.push_back(name);
      continue;
    }
    if (prefix != parts.prefix) close();
    prefix = parts.prefix;
    if (!runs.empty() && runs.back().goes_on_with(parts.digits)) {
      runs.back().last = parts.digits;
      ++runs.back().next;
    } else {
      runs.push_back({std::string(parts.digits), std::string(parts.digits), number_of(parts.digits) + 1});
    }
  }
  close();
  return out;
}

std::string hostlist(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& part : fold_names(names)) out += (out.empty() ? "" : ",") + part;
  return out;
}

}  // namespace penstock
