// Reading members of events and facts, with the place of what is missing.
#pragma once

#include "base/json.h"

namespace penstock::verifier {

/// The member `key` as a T. Only what the checker uses is read, so that events may grow.
template <class T>
Result<T> get(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  if (found == nullptr) return make_error(Code::kInvalid, fmt::format("'{}' is missing", key));
  T value{};
  Problems problems;
  {
    Problems::Step at(problems, key);
    read_json(*found, value, problems);
  }
  if (!problems.empty()) return problems.take();
  return value;
}

template <class T>
Result<T> get_or(const json::object& from, std::string_view key, T otherwise) {
  const json::value* found = from.if_contains(key);
  if (found == nullptr || found->is_null()) return otherwise;
  return get<T>(from, key);
}

inline Result<const json::object*> get_object(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  if (found == nullptr || !found->is_object())
    return make_error(Code::kInvalid, fmt::format("'{}' is no mapping", key));
  return &found->get_object();
}

inline Result<const json::array*> get_array(const json::object& from, std::string_view key) {
  const json::value* found = from.if_contains(key);
  if (found == nullptr || !found->is_array()) return make_error(Code::kInvalid, fmt::format("'{}' is no list", key));
  return &found->get_array();
}

inline Result<const json::object*> as_object(const json::value& value) {
  if (!value.is_object()) return make_error(Code::kInvalid, wrong_kind("a mapping", value));
  return &value.get_object();
}

}  // namespace penstock::verifier
