// JSON for described types: a strict reader that names every fault, a canonical writer, a JSON Schema.
#pragma once

#include <charconv>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/schema.h"

namespace penstock {

namespace json = boost::json;

/// Collects what is wrong with a document while it is read, and knows where it is reading.
class Problems {
  struct Place {
    std::string_view key;  // empty: an index
    std::size_t index;
  };

 public:
  /// At most this many are kept; a document that is all wrong should not cost without bound.
  static constexpr std::size_t kMost = 32;

  /// Records a fault at the current place, or at a field below it. The first fault of a place is the one that
  /// counts: what is missing cannot also be out of range.
  void add(std::string message, std::string_view below = {}, Code code = Code::kInvalid);
  void add(Error error);
  bool empty() const { return errors_.empty(); }
  /// Whether no further fault would be kept, so that looking for more is vain.
  bool full() const { return errors_.size() >= kMost; }
  /// The first error with the rest in `also`. Requires !empty().
  Error take();

  /// The path of the place being read: `spec.halls[0].name`.
  std::string path() const;

  /// Names the place read while it lives.
  class Step {
   public:
    Step(Problems& problems, std::string_view key) : problems_(problems) { problems_.steps_.push_back({key, 0}); }
    Step(Problems& problems, std::size_t index) : problems_(problems) { problems_.steps_.push_back({{}, index}); }
    ~Step() { problems_.steps_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Problems& problems_;
  };

  /// Starts the path anew while it lives: for work on a part that stands elsewhere in the document.
  class Elsewhere {
   public:
    explicit Elsewhere(Problems& problems) : problems_(problems), steps_(std::exchange(problems.steps_, {})) {}
    ~Elsewhere() { problems_.steps_ = std::move(steps_); }
    Elsewhere(const Elsewhere&) = delete;
    Elsewhere& operator=(const Elsewhere&) = delete;

   private:
    Problems& problems_;
    std::vector<Place> steps_;
  };

 private:
  std::vector<Place> steps_;
  std::vector<Error> errors_;
};

/// "expected X, found Y" for a JSON value of the wrong kind.
std::string wrong_kind(std::string_view expected, const json::value& found);
/// Appends `text` as a JSON string with quotes and escapes.
void write_string(std::string& out, std::string_view text);

template <class T>
void write_json(std::string& out, const T& value);

namespace detail {

template <class T>
bool is_blank(const T& value) {
  if constexpr (IsOptional<T>::value) {
    return !value.has_value();
  } else if constexpr (std::is_same_v<T, bool>) {
    return !value;
  } else if constexpr (std::is_integral_v<T>) {
    return value == 0;
  } else if constexpr (std::is_same_v<T, std::string> || IsVector<T>::value || IsMap<T>::value) {
    return value.empty();
  } else {
    return false;
  }
}

template <class T>
void write_members(std::string& out, const T& value, bool first) {
  constexpr auto schema = T::schema();
  std::apply(
      [&](const auto&... field) {
        [[maybe_unused]] const auto write_one = [&](const auto& f) {
          const auto& member = value.*(f.member);
          if (f.need == Need::kOptional && is_blank(member)) return;
          if (!first) out += ',';
          first = false;
          write_string(out, f.name);
          out += ':';
          write_json(out, member);
        };
        (write_one(field), ...);
      },
      schema.fields);
}

}  // namespace detail

/// Appends the canonical JSON of `value`: members in declared order, no blanks, integers exact.
template <class T>
void write_json(std::string& out, const T& value) {
  if constexpr (TextType<T>) {
    write_string(out, Text<T>::format(value));
  } else if constexpr (NamedEnum<T>) {
    write_string(out, name_of(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out.append(buffer, end);
  } else if constexpr (std::is_floating_point_v<T>) {
    out += fmt::format("{}", value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    write_string(out, value);
  } else if constexpr (std::is_same_v<T, json::value>) {
    out += json::serialize(value);
  } else if constexpr (IsOptional<T>::value) {
    if (value) {
      write_json(out, *value);
    } else {
      out += "null";
    }
  } else if constexpr (IsVector<T>::value) {
    out += '[';
    bool first = true;
    for (const auto& item : value) {
      if (!first) out += ',';
      first = false;
      write_json(out, item);
    }
    out += ']';
  } else if constexpr (IsMap<T>::value) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value) {
      if (!first) out += ',';
      first = false;
      if constexpr (std::is_same_v<std::decay_t<decltype(key)>, std::string>) {
        write_string(out, key);
      } else if constexpr (std::is_integral_v<std::decay_t<decltype(key)>>) {
        write_string(out, fmt::format("{}", key));
      } else {
        write_json(out, key);
      }
      out += ':';
      write_json(out, item);
    }
    out += '}';
  } else if constexpr (IsTagged<T>::value) {
    out += "{\"type\":";
    std::visit(
        [&](const auto& alternative) {
          using A = std::decay_t<decltype(alternative)>;
          write_string(out, A::kType);
          detail::write_members(out, alternative, false);
        },
        value);
    out += '}';
  } else {
    static_assert(Described<T>, "this type has no description");
    out += '{';
    detail::write_members(out, value, true);
    out += '}';
  }
}

template <class T>
std::string to_json(const T& value) {
  std::string out;
  write_json(out, value);
  return out;
}

template <class T>
void read_json(const json::value& from, T& to, Problems& problems);

namespace detail {

template <class T>
void read_members(const json::object& from, T& to, Problems& problems, bool tagged) {
  constexpr auto schema = T::schema();
  std::size_t seen = tagged ? 1 : 0;
  std::apply(
      [&](const auto&... field) {
        [[maybe_unused]] const auto read_one = [&](const auto& f) {
          const json::value* found = from.if_contains(f.name);
          if (found == nullptr || (found->is_null() && f.need == Need::kOptional)) {
            if (found != nullptr) ++seen;
            if (f.need == Need::kRequired) {
              problems.add(fmt::format("'{}' is missing: {}", f.name, f.doc), f.name);
            }
            return;
          }
          ++seen;
          Problems::Step step(problems, f.name);
          read_json(*found, to.*(f.member), problems);
        };
        (read_one(field), ...);
      },
      schema.fields);
  if (seen == from.size()) return;
  for (const auto& entry : from) {
    bool known = tagged && entry.key() == "type";
    std::string names;
    std::apply(
        [&](const auto&... field) {
          ((known = known || field.name == std::string_view(entry.key()),
            names += names.empty() ? std::string(field.name) : ", " + std::string(field.name)),
           ...);
        },
        schema.fields);
    if (!known) {
      problems.add(fmt::format("unknown field '{}'; {} has: {}", std::string_view(entry.key()), schema.name, names),
                   std::string_view(entry.key()));
    }
  }
}

}  // namespace detail

/// Reads `from` into `to`; what is absent keeps its default. Every fault goes to `problems`.
template <class T>
void read_json(const json::value& from, T& to, Problems& problems) {
  if constexpr (TextType<T>) {
    if (from.is_string()) {
      auto parsed = Text<T>::parse(std::string_view(from.get_string()));
      if (parsed.ok()) {
        to = std::move(*parsed);
      } else {
        problems.add(parsed.error().message);
      }
    } else if (Text<T>::kBareNumber && from.is_number()) {
      auto parsed = Text<T>::parse(from.is_double() ? fmt::format("{}", from.get_double()) : json::serialize(from));
      if (parsed.ok()) {
        to = std::move(*parsed);
      } else {
        problems.add(parsed.error().message);
      }
    } else {
      problems.add(wrong_kind(Text<T>::kExpected, from));
    }
  } else if constexpr (NamedEnum<T>) {
    std::optional<T> value;
    if (from.is_string()) value = enum_from_name<T>(std::string_view(from.get_string()));
    if (value) {
      to = *value;
      return;
    }
    std::string expected = "one of";
    for (const auto& entry : enum_names(T{})) expected += " " + std::string(entry.name);
    problems.add(wrong_kind(expected, from));
  } else if constexpr (std::is_same_v<T, bool>) {
    if (from.is_bool()) {
      to = from.get_bool();
    } else {
      problems.add(wrong_kind("true or false", from));
    }
  } else if constexpr (std::is_integral_v<T>) {
    boost::system::error_code failed;
    const T number = from.is_double() ? T{} : from.to_number<T>(failed);
    if (!failed && from.is_number() && !from.is_double()) {
      to = number;
    } else {
      problems.add(wrong_kind(fmt::format("a whole number from {} to {}", std::numeric_limits<T>::min(),
                                          std::numeric_limits<T>::max()),
                              from));
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    if (from.is_number()) {
      to = from.to_number<T>();
    } else {
      problems.add(wrong_kind("a number", from));
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (from.is_string()) {
      to = std::string(std::string_view(from.get_string()));
    } else {
      problems.add(wrong_kind("text (put a number or a yes/no in quotes)", from));
    }
  } else if constexpr (std::is_same_v<T, json::value>) {
    to = from;
  } else if constexpr (IsOptional<T>::value) {
    if (!from.is_null()) read_json(from, to.emplace(), problems);
  } else if constexpr (IsVector<T>::value) {
    if (!from.is_array()) {
      problems.add(wrong_kind("a list", from));
      return;
    }
    const auto& array = from.get_array();
    to.clear();
    if constexpr (requires { to.resize(array.size()); }) to.resize(array.size());
    for (std::size_t i = 0; i < array.size(); ++i) {
      Problems::Step step(problems, i);
      if constexpr (requires { to.resize(array.size()); }) {
        read_json(array[i], to[i], problems);
      } else {
        typename T::value_type item{};
        read_json(array[i], item, problems);
        if (!to.admits(item)) {
          problems.add(fmt::format("{} is out of range or named twice", item));
          continue;
        }
        to.push_back(item);
      }
    }
  } else if constexpr (IsMap<T>::value) {
    if (!from.is_object()) {
      problems.add(wrong_kind("a mapping", from));
      return;
    }
    to.clear();
    for (const auto& entry : from.get_object()) {
      Problems::Step step(problems, std::string_view(entry.key()));
      typename T::key_type key{};
      if constexpr (std::is_same_v<typename T::key_type, std::string>) {
        key = std::string(std::string_view(entry.key()));
      } else if constexpr (std::is_integral_v<typename T::key_type>) {
        const char* const end = entry.key().data() + entry.key().size();
        const auto [at, failed] = std::from_chars(entry.key().data(), end, key);
        if (failed != std::errc() || at != end) problems.add("expected a whole number as the key");
      } else {
        read_json(json::value(entry.key()), key, problems);
      }
      read_json(entry.value(), to[std::move(key)], problems);
    }
  } else if constexpr (IsTagged<T>::value) {
    const json::object* object = from.if_object();
    const json::value* tag = object == nullptr ? nullptr : object->if_contains("type");
    bool found = false;
    if (tag != nullptr && tag->is_string()) {
      const std::string_view type = tag->get_string();
      [&]<class... A>(std::variant<A...>*) {
        [[maybe_unused]] const auto read_one = [&]<class Alternative>(std::type_identity<Alternative>) {
          if (found || type != Alternative::kType) return;
          found = true;
          Alternative value;
          detail::read_members(*object, value, problems, true);
          to = std::move(value);
        };
        (read_one(std::type_identity<A>{}), ...);
      }(static_cast<T*>(nullptr));
    }
    if (!found) problems.add("'type' is missing or names no known alternative", "type");
  } else {
    static_assert(Described<T>, "this type has no description");
    if (!from.is_object()) {
      problems.add(wrong_kind(fmt::format("a mapping ({})", T::schema().doc), from));
      return;
    }
    detail::read_members(from.get_object(), to, problems, false);
    if constexpr (SelfChecking<T>) to.check(problems);
  }
}

/// A large type is compiled once: declared so beneath its header, defined so in one source file of its layer.
#define PENSTOCK_JSON_ELSEWHERE(Type)                                    \
  extern template void write_json<Type>(std::string&, const Type&);      \
  extern template void read_json<Type>(const json::value&, Type&, Problems&)
#define PENSTOCK_JSON_HERE(Type)                                  \
  template void write_json<Type>(std::string&, const Type&);      \
  template void read_json<Type>(const json::value&, Type&, Problems&)

template <class T>
Result<T> from_json(const json::value& from) {
  T value;
  Problems problems;
  read_json(from, value, problems);
  if (!problems.empty()) return problems.take();
  return value;
}

/// Parses text with limits on depth and reports where it stops being JSON.
Result<json::value> parse_json(std::string_view text, std::size_t max_depth = 64);

template <class T>
Result<T> from_json_text(std::string_view text) {
  PENSTOCK_TRY(value, parse_json(text));
  return from_json<T>(value);
}

/// Builds JSON Schema (draft 2020-12) for described types; shared definitions gather in `definitions`.
/// `root` is the prefix of references, e.g. "#/$defs/" or "#/components/schemas/".
class SchemaWriter {
 public:
  explicit SchemaWriter(std::string root) : root_(std::move(root)) {}
  const json::object& definitions() const { return definitions_; }

  template <class T>
  json::object of() {
    if constexpr (TextType<T>) {
      json::object out{{"type", "string"}, {"description", Text<T>::kExpected}};
      if (Text<T>::kBareNumber) out["type"] = json::array{"string", "number"};
      return out;
    } else if constexpr (NamedEnum<T>) {
      json::array names;
      for (const auto& entry : enum_names(T{})) names.emplace_back(entry.name);
      return {{"type", "string"}, {"enum", names}};
    } else if constexpr (std::is_same_v<T, bool>) {
      return {{"type", "boolean"}};
    } else if constexpr (std::is_integral_v<T>) {
      json::object out{{"type", "integer"}};
      if constexpr (std::is_unsigned_v<T>) out["minimum"] = 0;
      return out;
    } else if constexpr (std::is_floating_point_v<T>) {
      return {{"type", "number"}};
    } else if constexpr (std::is_same_v<T, std::string>) {
      return {{"type", "string"}};
    } else if constexpr (std::is_same_v<T, json::value>) {
      return {};
    } else if constexpr (IsOptional<T>::value) {
      return of<typename T::value_type>();
    } else if constexpr (IsVector<T>::value) {
      return {{"type", "array"}, {"items", of<typename T::value_type>()}};
    } else if constexpr (IsMap<T>::value) {
      return {{"type", "object"}, {"additionalProperties", of<typename T::mapped_type>()}};
    } else if constexpr (IsTagged<T>::value) {
      json::array choices;
      [&]<class... A>(std::variant<A...>*) { (choices.push_back(tagged<A>()), ...); }(static_cast<T*>(nullptr));
      return {{"oneOf", choices}};
    } else {
      static_assert(Described<T>, "this type has no description");
      constexpr auto schema = T::schema();
      if (!definitions_.contains(schema.name)) {
        definitions_[schema.name] = nullptr;  // stands while the members are described: types may recurse
        definitions_[schema.name] = members<T>({});
      }
      return {{"$ref", root_ + std::string(schema.name)}};
    }
  }

 private:
  template <class T>
  json::object tagged() {
    return members<T>(T::kType);
  }

  template <class T>
  json::object members(std::string_view tag) {
    constexpr auto schema = T::schema();
    json::object properties;
    json::array needed;
    if (!tag.empty()) {
      properties["type"] = json::object{{"type", "string"}, {"const", tag}};
      needed.emplace_back("type");
    }
    std::apply(
        [&](const auto&... field) {
          [[maybe_unused]] const auto one = [&](const auto& f) {
            using Member = std::decay_t<decltype(std::declval<T>().*(f.member))>;
            json::object property = of<Member>();
            if (!f.doc.empty()) property["description"] = f.doc;
            properties[f.name] = std::move(property);
            if (f.need == Need::kRequired) needed.emplace_back(f.name);
          };
          (one(field), ...);
        },
        schema.fields);
    json::object out{{"type", "object"}, {"description", schema.doc}, {"properties", std::move(properties)},
                     {"additionalProperties", false}};
    if (!needed.empty()) out["required"] = std::move(needed);
    return out;
  }

  std::string root_;
  json::object definitions_;
};

}  // namespace penstock
