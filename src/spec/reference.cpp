// The reference of the spec language, written from the descriptions that the reader itself goes by.
#include "spec/document.h"

namespace penstock {
namespace {

std::string anchor_of(std::string_view name) {
  std::string anchor(name);
  for (char& c : anchor) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return anchor;
}

// Writes a table for a described type and, after it, for those that its fields hold; each once.
class ReferenceWriter {
 public:
  template <class T>
  void table() {
    constexpr auto schema = T::schema();
    if (!written_.insert(schema.name).second) return;
    out_ += fmt::format("### {}\n\n{}\n\n| field | needed | value | what it is |\n|---|---|---|---|\n", schema.name,
                        schema.doc);
    std::apply([&](const auto&... field) { (row(field), ...); }, schema.fields);
    out_ += '\n';
    std::apply([&](const auto&... field) { (tables_below<member_of<decltype(field)>>(), ...); }, schema.fields);
  }

  void text(std::string_view text) { out_ += text; }
  std::string take() { return std::move(out_); }

 private:
  template <class F>
  struct Member;
  template <class Owner, class T>
  struct Member<Field<Owner, T>> {
    using type = T;
  };
  template <class F>
  using member_of = typename Member<std::decay_t<F>>::type;

  template <class F>
  void row(const F& field) {
    out_ += fmt::format("| `{}` | {} | {} | {} |\n", field.name, field.need == Need::kRequired ? "yes" : "",
                        value<member_of<F>>(), field.doc);
  }

  template <class T>
  static std::string value() {
    if constexpr (TextType<T>) {
      return std::string(Text<T>::kExpected);
    } else if constexpr (NamedEnum<T>) {
      std::string names;
      for (const auto& entry : enum_names(T{})) names += fmt::format("{}`{}`", names.empty() ? "" : " ", entry.name);
      return names;
    } else if constexpr (std::is_same_v<T, bool>) {
      return "true or false";
    } else if constexpr (std::is_integral_v<T>) {
      return "a whole number";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "text";
    } else if constexpr (IsOptional<T>::value) {
      return value<typename T::value_type>();
    } else if constexpr (IsVector<T>::value) {
      return "list of: " + value<typename T::value_type>();
    } else if constexpr (IsMap<T>::value) {
      return "mapping of text to: " + value<typename T::mapped_type>();
    } else {
      return fmt::format("[{}](#{})", T::schema().name, anchor_of(T::schema().name));
    }
  }

  template <class T>
  void tables_below() {
    if constexpr (IsOptional<T>::value || IsVector<T>::value) {
      tables_below<typename T::value_type>();
    } else if constexpr (IsMap<T>::value) {
      tables_below<typename T::mapped_type>();
    } else if constexpr (Described<T>) {
      table<T>();
    }
  }

  std::string out_;
  std::set<std::string_view> written_;
};

}  // namespace

std::string spec_reference() {
  ReferenceWriter writer;
  writer.table<Metadata>();
  [&]<class... Spec>(std::variant<Spec...>*) {
    std::size_t kind = 0;
    const auto section = [&]<class S>(std::type_identity<S>) {
      constexpr std::string_view kShapes[] = {"", "name", "scope/name", "scope/scope/name"};
      const Kind which = static_cast<Kind>(kind++);
      writer.text(fmt::format("## {}\n\nIts name is `{}`{}.\n\n", name_of(which), kShapes[name_depth(which)],
                              may_be_plain(which) ? ", or `name` if it is the provider's" : ""));
      writer.table<S>();
    };
    (section(std::type_identity<Spec>{}), ...);
  }(static_cast<AnySpec*>(nullptr));
  return writer.take();
}

}  // namespace penstock
