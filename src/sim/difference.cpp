// Two documents walked side by side, in the order of the first.
#include "sim/difference.h"

#include <algorithm>

namespace penstock {
namespace {

struct Walk {
  std::vector<std::string> path;
  const json::value* left = nullptr;
  const json::value* right = nullptr;
};

bool differs(const json::value& left, const json::value& right, Walk& walk);

// Of the members whose keys are asked for.
template <class Asked>
bool members_differ(const json::object& left, const json::object& right, Walk& walk, Asked asked) {
  for (const auto& member : left) {
    if (!asked(member.key())) continue;
    walk.path.emplace_back(member.key());
    const json::value* other = right.if_contains(member.key());
    if (other == nullptr) {
      walk.left = &member.value();
      return true;
    }
    if (differs(member.value(), *other, walk)) return true;
    walk.path.pop_back();
  }
  for (const auto& member : right) {
    if (!asked(member.key()) || left.contains(member.key())) continue;
    walk.path.emplace_back(member.key());
    walk.right = &member.value();
    return true;
  }
  return false;
}

bool differs(const json::value& left, const json::value& right, Walk& walk) {
  if (left.is_object() && right.is_object()) {
    return members_differ(left.get_object(), right.get_object(), walk, [](std::string_view) { return true; });
  }
  if (left.is_array() && right.is_array() && left.get_array().size() == right.get_array().size()) {
    for (std::size_t i = 0; i < left.get_array().size(); ++i) {
      walk.path.push_back(std::to_string(i));
      if (differs(left.get_array()[i], right.get_array()[i], walk)) return true;
      walk.path.pop_back();
    }
    return false;
  }
  if (left == right) return false;
  walk.left = &left;
  walk.right = &right;
  return true;
}

std::string text_of(const json::value* value) { return value == nullptr ? "nothing" : json::serialize(*value); }

std::string quoted(std::string_view text) { return json::serialize(json::value(text)); }

const json::value* inside(const json::value* value, std::string_view key) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(key) : nullptr;
}

// Events call a job by its uid, its name or its allocation's uid; totals of a project follow from its jobs.
std::vector<std::string> names_of(const std::vector<std::string>& path, const json::value& left, const json::value& right) {
  std::vector<std::string> names;
  if (path.size() < 2) return names;
  const std::string& key = path[1];
  names.push_back(quoted(key));
  if (path[0] == "usageByProject" || path[0] == "shares") {
    const std::string project = key.substr(0, key.find(' '));
    names.push_back("\"" + project + "/");
  }
  if (path[0] != "jobs") return names;
  for (const json::value* state : {&left, &right}) {
    const json::value* job = inside(inside(state, "jobs"), key);
    for (const json::value* name : {inside(job, "name"), inside(inside(job, "allocation"), "uid")}) {
      if (name != nullptr) names.push_back(json::serialize(*name));
    }
  }
  return names;
}

// Sums and the like, which differ because something else does: that tells more.
bool follows_from_others(std::string_view key) {
  return key == "now" || key == "lastUid" || key == "usageByProject" || key == "shares";
}

}  // namespace

std::optional<Difference> first_difference(const json::value& left, const json::value& right) {
  if (!left.is_object() || !right.is_object()) return std::nullopt;
  Walk walk;
  bool found = false;
  for (const bool follows : {false, true}) {
    found = found || members_differ(left.get_object(), right.get_object(), walk,
                                    [&](std::string_view key) { return follows_from_others(key) == follows; });
  }
  if (!found) return std::nullopt;
  Difference out;
  for (const std::string& step : walk.path) out.path += (out.path.empty() ? "" : ".") + step;
  out.left = text_of(walk.left);
  out.right = text_of(walk.right);
  out.names = names_of(walk.path, left, right);
  return out;
}

bool names_any(std::string_view event, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return event.find(name) != std::string_view::npos; });
}

}  // namespace penstock
