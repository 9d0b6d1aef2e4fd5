// Tables and the like.
#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "base/name.h"
#include "spec/document.h"

namespace penstock {
namespace {

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool numeric(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,-%") == std::string_view::npos;
}

void indent(const json::value& value, std::string& out, int depth) {
  const std::string pad(static_cast<std::size_t>(depth) * 2, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += "{\n";
    for (auto entry = object->begin(); entry != object->end(); ++entry) {
      out += pad + "  ";
      write_string(out, entry->key());
      out += ": ";
      indent(entry->value(), out, depth + 1);
      out += entry + 1 == object->end() ? "\n" : ",\n";
    }
    out += pad + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += "[\n";
    for (std::size_t i = 0; i < array->size(); ++i) {
      out += pad + "  ";
      indent((*array)[i], out, depth + 1);
      out += i + 1 == array->size() ? "\n" : ",\n";
    }
    out += pad + "]";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t c = 0; c < heads_.size(); ++c) {
    std::size_t width = width_of(heads_[c]);
    bool numbers = !rows_.empty();
    for (const auto& row : rows_) {
      width = std::max(width, width_of(row[c]));
      numbers = numbers && numeric(row[c]);
    }
    widths.push_back(width);
    right.push_back(numbers);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string pad(widths[c] - width_of(cells[c]), ' ');
      text += right[c] ? pad + cells[c] : cells[c] + pad;
      text += "   ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(heads_);
  for (const auto& row : rows_) line(row);
  return out;
}

void print_json(std::string_view text, Format format) {
  auto value = parse_json(text);
  if (!value.ok()) {
    fmt::print("{}\n", text);
    return;
  }
  std::string out;
  if (format == Format::kYaml) {
    out = to_yaml(*value);
    if (!out.empty() && out.back() == '\n') out.pop_back();
  } else {
    indent(*value, out, 0);
  }
  fmt::print("{}\n", out);
}

std::string at(const json::value& object, std::string_view path) {
  const json::value* value = &object;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    const auto* members = value->if_object();
    value = members == nullptr ? nullptr : members->if_contains(path.substr(0, dot));
    if (value == nullptr) return {};
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  if (value->is_string()) return std::string(std::string_view(value->get_string()));
  if (value->is_null()) return {};
  return json::serialize(*value);
}

std::string age(const json::value& object, std::string_view from_path, Time now) {
  const auto from = Text<Time>::parse(at(object, from_path));
  if (!from.ok()) return {};
  const std::int64_t secs = std::max<std::int64_t>(0, (now - *from).count() / 1'000'000'000);
  if (secs < 120) return fmt::format("{}s", secs);
  if (secs < 7200) return fmt::format("{}m", secs / 60);
  if (secs < 172'800) return fmt::format("{}h", secs / 3600);
  return fmt::format("{}d", secs / 86'400);
}

std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

int fail(const Error& error, int exit_code) {
  fmt::print(stderr, "error: {}\n", to_string(error));
  return exit_code;
}

}  // namespace penstock
