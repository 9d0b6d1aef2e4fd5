// One description per type, in the type: the source of its JSON, its parser, its JSON Schema and its docs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/device_set.h"
#include "base/result.h"
#include "base/time.h"
#include "base/units.h"

namespace penstock {

enum class Need { kOptional, kRequired };
inline constexpr Need required = Need::kRequired;
inline constexpr Need optional = Need::kOptional;

/// One member of a described struct: its wire name, whether a reader insists on it, and a sentence for people.
template <class Owner, class Member>
struct Field {
  std::string_view name;
  Member Owner::*member;
  Need need;
  std::string_view doc;
};

template <class Owner, class Member>
constexpr Field<Owner, Member> field(std::string_view name, Member Owner::*member, Need need, std::string_view doc) {
  return {name, member, need, doc};
}

/// The description of a struct. A described struct declares
///   static constexpr auto schema() { return object("Name", "What it is.", field(…), field(…)); }
/// An optional member that is empty, false or a plain zero is not written; so such members must default to that.
template <class... F>
struct ObjectSchema {
  std::string_view name;
  std::string_view doc;
  std::tuple<F...> fields;
};

template <class... F>
constexpr ObjectSchema<F...> object(std::string_view name, std::string_view doc, F... fields) {
  return {name, doc, std::tuple<F...>(fields...)};
}

template <class T>
concept Described = requires { T::schema(); };

/// A described struct that may also check itself after its fields have been read: `void check(Problems&) const`.
class Problems;
template <class T>
concept SelfChecking = requires(const T& value, Problems& problems) { value.check(problems); };

/// A variant of described structs, told apart by the member "type", whose value is each one's `kType`.
template <class T>
struct IsTagged : std::false_type {};
template <class... T>
struct IsTagged<std::variant<T...>> : std::bool_constant<(requires { T::kType; } && ...)> {};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <>
struct IsVector<DeviceSet> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class K, class T>
struct IsMap<std::map<K, T>> : std::true_type {};  // K: text, an integer, or a type that is written as text

}  // namespace penstock
