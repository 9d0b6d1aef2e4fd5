// Reading the fields of NetBox's objects.
#include "exchange/netbox/objects.h"

namespace penstock {
namespace {

std::string as_text(const json::value& value) {
  if (value.is_string()) return std::string(std::string_view(value.get_string()));
  if (value.is_double()) return fmt::format("{}", value.get_double());
  if (value.is_number() || value.is_bool()) return json::serialize(value);
  return {};
}

const json::value* member(const json::object& object, std::string_view field) {
  const json::value* found = object.if_contains(field);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string value_of(const json::value& choice) {
  const json::object* object = choice.if_object();
  return object == nullptr ? as_text(choice) : text_of(*object, "value");
}

}  // namespace

const NetboxObjects& NetboxData::of(std::string_view endpoint) const {
  static const NetboxObjects none;
  const auto found = endpoints.find(endpoint);
  return found == endpoints.end() ? none : found->second;
}

std::string text_of(const json::object& object, std::string_view field) {
  const json::value* found = member(object, field);
  return found == nullptr ? std::string() : as_text(*found);
}

std::string choice_of(const json::object& object, std::string_view field) {
  const json::value* found = member(object, field);
  return found == nullptr ? std::string() : value_of(*found);
}

std::int64_t reference_of(const json::object& object, std::string_view field) {
  const json::value* found = member(object, field);
  if (found == nullptr) return 0;
  if (const json::object* nested = found->if_object()) return reference_of(*nested, "id");
  boost::system::error_code failed;
  const auto id = found->is_number() ? found->to_number<std::int64_t>(failed) : 0;
  return failed ? 0 : id;
}

std::string custom_of(const json::object& object, std::string_view field) {
  const json::value* fields = member(object, "custom_fields");
  if (fields == nullptr || !fields->is_object()) return {};
  const json::value* found = member(fields->get_object(), field);
  return found == nullptr ? std::string() : value_of(*found);
}

std::string name_in(const json::object& object) {
  for (const std::string_view field : {"name", "model", "display"}) {
    if (std::string name = text_of(object, field); !name.empty()) return name;
  }
  return {};
}

std::optional<std::int64_t> decimal_of(std::string_view text, int places) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::int64_t number = 0;
  int after = -1;  // digits after the point; -1 before it
  bool digit = false;
  for (const char c : text) {
    if (c == '.' && after < 0) {
      after = 0;
    } else if (c < '0' || c > '9') {
      return std::nullopt;
    } else {
      digit = true;
      if (after >= places) continue;
      if (after >= 0) ++after;
      if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, c - '0', &number))
        return std::nullopt;
    }
  }
  for (int i = std::max(after, 0); i < places; ++i) {
    if (__builtin_mul_overflow(number, 10, &number)) return std::nullopt;
  }
  if (!digit) return std::nullopt;
  return negative ? -number : number;
}

}  // namespace penstock
