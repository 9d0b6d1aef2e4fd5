// What an estate may be and its operator should know: ratings that fall the wrong way, racks that can never be full.
#pragma once

#include "estate/estate.h"

namespace penstock {

/// Where inside the site's document (`spec.halls[0].rows[1].racks[0]`), and what.
struct Warning {
  std::string path;
  std::string message;
  bool operator==(const Warning&) const = default;
};

/// At most one for each template and cause, and one for all racks of the site together: docs/spec.md, "Warnings". What
/// is dated counts from `now` on. Compiles the limit table at least once.
std::vector<Warning> warnings(const Estate& estate, SiteIndex site, Time now);

}  // namespace penstock
