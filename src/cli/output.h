// What people read: tables, amounts of time, and JSON or YAML for those who ask for it.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace penstock {

enum class Format { kTable, kJson, kYaml };

/// Columns as wide as their content; a column whose cells are all numbers is set to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

/// Prints JSON text as it is, indented, or as YAML.
void print_json(std::string_view text, Format format);

/// `3s`, `12m`, `5h`, `9d` between two RFC 3339 times; empty if one is missing.
std::string age(const json::value& object, std::string_view from_path, Time now);

/// The value at `a.b.c` as text; empty if there is none.
std::string at(const json::value& object, std::string_view path);

/// 23040 → 23,040.
std::string grouped(std::int64_t number);

/// The exit code of a command line that cannot be meant.
inline constexpr int kUsage = 2;

/// An error as the CLI prints it, to standard error. Returns the exit code.
int fail(const Error& error, int exit_code = 1);

}  // namespace penstock
