// Result<T>: a value, or an Error that says what is wrong, where, and what to do.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace penstock {

/// The closed vocabulary of failures. Callers may branch on it; the wire names are stable.
enum class Code {
  kInvalid,            ///< the request itself is wrong; repeating it unchanged cannot succeed
  kNotFound,           ///< the named object does not exist, or the caller may not know that it does
  kAlreadyExists,      ///< the name is taken by another object
  kConflict,           ///< version, epoch or idempotency key disagree with what is stored
  kUnauthenticated,    ///< no valid credential
  kForbidden,          ///< a valid credential without the right
  kFailedPrecondition, ///< right request, wrong state of the object
  kLimitExceeded,      ///< a quota or a documented limit on input would be exceeded
  kTooLarge,           ///< the request body, header or nesting is over its limit
  kGone,               ///< the position asked for is no longer kept
  kUnsupported,        ///< this build or this node cannot do it
  kUnavailable,        ///< cannot be served now (store, leader); retry later
  kTimeout,            ///< the peer took too long
  kInternal,           ///< a defect in Penstock
};

/// One failure. `message` is a sentence for a person; `path` names the offending field
/// (`spec.halls[0].racks[2].feeds[0].from`); `file`, `line`, `column` are set when it came from text.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  std::string path;
  std::string file;
  int line = 0;    ///< from 1; 0 where there is no text
  int column = 0;  ///< from 1
  std::vector<Error> also;  ///< further failures found in the same pass

  bool operator==(const Error&) const = default;
};

/// The stable wire name of a code, e.g. `failed-precondition`.
std::string_view code_name(Code code);
std::optional<Code> code_from_name(std::string_view name);

/// `file:line:column: path: message`, with the parts that are known, one line per failure.
std::string to_string(const Error& error);

/// A value or an Error. Reading the wrong side is a bug and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { PENSTOCK_CHECK(ok()); return *std::get_if<0>(&held_); }
  const T& value() const& { PENSTOCK_CHECK(ok()); return *std::get_if<0>(&held_); }
  T&& value() && { PENSTOCK_CHECK(ok()); return std::move(*std::get_if<0>(&held_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { PENSTOCK_CHECK(!ok()); return *std::get_if<1>(&held_); }
  const Error& error() const& { PENSTOCK_CHECK(!ok()); return *std::get_if<1>(&held_); }
  Error&& error() && { PENSTOCK_CHECK(!ok()); return std::move(*std::get_if<1>(&held_)); }

 private:
  std::variant<T, Error> held_;
};

/// The result of something that yields nothing.
struct Done {
  bool operator==(const Done&) const = default;
};
using Status = Result<Done>;

inline Status ok_status() { return Done{}; }

inline Error make_error(Code code, std::string message, std::string path = {}) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  error.path = std::move(path);
  return error;
}

/// The names of an enum, declared once beside it as `constexpr auto enum_names(E)`.
template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) { enum_names(e); };

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  for (const auto& entry : enum_names(value)) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}

template <NamedEnum E>
constexpr std::optional<E> enum_from_name(std::string_view name) {
  for (const auto& entry : enum_names(E{})) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

constexpr auto enum_names(Code) {
  return std::array{
      EnumName<Code>{Code::kInvalid, "invalid"},
      EnumName<Code>{Code::kNotFound, "not-found"},
      EnumName<Code>{Code::kAlreadyExists, "already-exists"},
      EnumName<Code>{Code::kConflict, "conflict"},
      EnumName<Code>{Code::kUnauthenticated, "unauthenticated"},
      EnumName<Code>{Code::kForbidden, "forbidden"},
      EnumName<Code>{Code::kFailedPrecondition, "failed-precondition"},
      EnumName<Code>{Code::kLimitExceeded, "limit-exceeded"},
      EnumName<Code>{Code::kTooLarge, "too-large"},
      EnumName<Code>{Code::kGone, "gone"},
      EnumName<Code>{Code::kUnsupported, "unsupported"},
      EnumName<Code>{Code::kUnavailable, "unavailable"},
      EnumName<Code>{Code::kTimeout, "timeout"},
      EnumName<Code>{Code::kInternal, "internal"},
  };
}

}  // namespace penstock

/// Returns the error of `expr` from the enclosing function, or binds its value.
#define PENSTOCK_TRY(name, expr)                                      \
  auto name##_result = (expr);                                        \
  if (!name##_result.ok()) return std::move(name##_result).error();   \
  auto& name = *name##_result

/// Returns the error of a Status from the enclosing function.
#define PENSTOCK_RETURN_IF_ERROR(expr)                         \
  do {                                                         \
    auto status_ = (expr);                                     \
    if (!status_.ok()) return std::move(status_).error();      \
  } while (false)
