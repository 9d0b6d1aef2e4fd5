// Addresses of BMCs, and links on them.
#include "redfish/address.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/api_client.h"

namespace penstock {
namespace {

constexpr std::size_t kLongest = 1024;

bool plain(std::string_view text) {
  return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f && c != '\\'; });
}

}  // namespace

Result<std::string> bmc_server(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with("/redfish/v1")) url.remove_suffix(std::string_view("/redfish/v1").size());
  const std::size_t host = url.find("://");
  const bool known = url.starts_with("https://") || (url.starts_with("http://") && is_loopback_server(url));
  // What stands before an @ would pass for the host.
  if (!known || !plain(url) || host + 3 == url.size() || url.find_first_of("/@?#", host + 3) != std::string_view::npos) {
    return make_error(Code::kInvalid, fmt::format("expected the address of a BMC such as https://10.0.0.5, found '{}'",
                                                  url.substr(0, kLongest)));
  }
  return std::string(url);
}

Result<std::string> path_on(std::string_view server, std::string_view link) {
  if (link.starts_with(server) && link.size() > server.size() && link[server.size()] == '/') link.remove_prefix(server.size());
  link = link.substr(0, link.find('#'));
  if (!plain(link)) return make_error(Code::kInvalid, fmt::format("the BMC at {} gives a link that is no address", server));
  if (!link.starts_with('/') || link.starts_with("//")) {
    return make_error(Code::kForbidden, fmt::format("the BMC at {} leads to '{}', which is not on it; links are followed on the same host only",
                                                    server, link));
  }
  return std::string(link);
}

}  // namespace penstock
