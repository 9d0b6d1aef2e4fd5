// Where NetBox's objects come from: a directory of API answers, or the API itself.
#pragma once

#include "client/api_client.h"
#include "exchange/netbox/objects.h"

namespace penstock {

/// Reads DIR/dcim/sites.json and so on: each a list of objects or a page {count, next, previous, results}. All but the
/// sites may be missing. A page that says there are more is refused: the rest would be dropped silently.
Result<NetboxData> read_netbox_directory(const std::string& directory);

/// Reads all pages of all endpoints from the NetBox at `url` (its base, without /api). Pages are followed on the same
/// host only. `token` is sent as NetBox wants it: `nbt_…` as a bearer, others as `Token …`. Endpoints of the plugin may
/// be missing.
Result<NetboxData> read_netbox_api(const std::string& url, const std::string& token, const std::string& ca_file);

}  // namespace penstock
