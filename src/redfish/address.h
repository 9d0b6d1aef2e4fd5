// Where a BMC is, and where its links lead: never to another host.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

/// scheme://host[:port] out of what a person writes. Only https; http on this machine. kInvalid for user names in it.
Result<std::string> bmc_server(std::string_view url);

/// The path on `server` to which a link, an @odata.id or a Location leads. kForbidden if it leads to another host: whoever
/// asks there would bring the credentials along.
Result<std::string> path_on(std::string_view server, std::string_view link);

}  // namespace penstock
