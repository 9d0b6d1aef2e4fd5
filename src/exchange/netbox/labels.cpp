// Making DNS labels.
#include "exchange/netbox/labels.h"

#include <fmt/format.h>

namespace penstock {
namespace {

constexpr std::size_t kMostLabel = 63;

std::string cut(std::string label, std::size_t most) {
  if (label.size() > most) label.resize(most);
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label;
}

}  // namespace

std::string label_of(std::string_view name) {
  std::string label;
  for (char c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      label += c;
    } else if (!label.empty() && label.back() != '-') {
      label += '-';
    }
  }
  return cut(std::move(label), kMostLabel);
}

Labels::Made Labels::make(std::string_view name, std::int64_t id) {
  const std::string wanted = label_of(name);
  if (!wanted.empty() && taken_.insert(wanted).second) return {wanted, {}};
  std::string end = fmt::format("{}", id);
  std::string label = wanted.empty() ? "x" + end : cut(wanted, kMostLabel - end.size() - 1) + "-" + end;
  // A name may look like another with its id behind it.
  for (int next = 2; !taken_.insert(label).second; ++next) {
    end = fmt::format("{}-{}", id, next);
    label = cut(wanted.empty() ? "x" : wanted, kMostLabel - end.size() - 1) + "-" + end;
  }
  return {label, wanted};
}

}  // namespace penstock
