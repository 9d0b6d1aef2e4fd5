// Where two states part: the first field that differs, and what events would call the object that it belongs to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace penstock {

struct Difference {
  std::string path;                ///< such as jobs.000000000000000c.phase
  std::string left;                ///< JSON; `nothing` where it is absent
  std::string right;
  std::vector<std::string> names;  ///< texts of which an event about the object holds one
};

/// Of two snapshots; nothing if they are the same.
std::optional<Difference> first_difference(const json::value& left, const json::value& right);

/// Whether the text of an event holds one of the names.
bool names_any(std::string_view event, const std::vector<std::string>& names);

}  // namespace penstock
