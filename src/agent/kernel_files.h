// The kernel's small files in /proc and /sys: one line, one number, one entry of a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// The first line without blanks at its ends; nothing if the file cannot be read or the line is empty.
std::optional<std::string> line_in(const std::string& path);
/// The number that the file begins with.
std::optional<std::int64_t> number_in(const std::string& path);
/// The number behind `name` in a file such as /proc/meminfo: "MemTotal:  24683968 kB" → 24683968.
std::optional<std::int64_t> number_after(const std::string& path, std::string_view name);
/// The names in a directory, in order; none if it cannot be read.
std::vector<std::string> names_in(const std::string& directory);
/// The last part of where a symbolic link leads; empty if it is none.
std::string link_name(const std::string& path);

}  // namespace penstock
