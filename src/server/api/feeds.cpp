// What other programs read of the estate: the fabric, and where metrics are.
#include "base/name.h"
#include "exchange/fabric.h"
#include "server/api/fleet_bodies.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

constexpr std::size_t kMostNodeIds = 4096;

std::set<std::string> wanted_nodes(const std::string& list) {
  std::set<std::string> out;
  for (std::size_t from = 0; from < list.size();) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    if (comma > from) out.insert(list.substr(from, comma - from));
    from = comma + 1;
  }
  return out;
}

// By the host names that agents told, else by rule.
void name_hosts(const State& state, FabricMap& map) {
  std::set<std::string> taken;
  for (const FabricNode& node : map.nodes) taken.insert(node.host);
  for (FabricNode& node : map.nodes) {
    const auto facts = state.facts().nodes.find(node.name);
    if (facts == state.facts().nodes.end() || facts->second.hello.hostname.empty()) continue;
    if (taken.insert(facts->second.hello.hostname).second) node.host = facts->second.hello.hostname;
  }
}

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

}  // namespace

void Api::topology(std::shared_ptr<Call> call) {
  auto size = number(*call, "page_size", 100, 1000);
  auto from = number(*call, "page_token", 0, ~std::uint64_t{0} >> 1);
  if (!size.ok()) return refuse(call, size.error());
  if (!from.ok()) return refuse(call, make_error(Code::kInvalid, "this is no page token of this list", "page_token"));
  const std::set<std::string> wanted = wanted_nodes(text(*call, "node_ids"));
  if (wanted.size() > kMostNodeIds) return refuse(call, make_error(Code::kLimitExceeded, fmt::format("expected at most {} nodes", kMostNodeIds), "node_ids"));
  core_.read([call, wanted, first = *from, most = std::max<std::uint64_t>(1, *size)](Core::View& view) {
    const Estate& estate = view.state.estate();
    const std::string only = text(*call, "site");
    if (!only.empty() && estate.find_site(only) == kNowhere) return refuse(call, unknown("Site", only));
    const auto told = [&](const EstateSite& site) { return site.fabric && (only.empty() || site.name == only); };
    const auto sites = std::count_if(estate.sites().begin(), estate.sites().end(), told);
    std::vector<std::map<std::string, DsxSwitch>> all;
    for (SiteIndex index = 0; index < estate.sites().size(); ++index) {
      const EstateSite& site = estate.sites()[index];
      if (!told(site)) continue;
      auto map = map_fabric(estate, index, *site.fabric);
      if (!map.ok()) continue;
      name_hosts(view.state, *map);
      auto switches = dsx_switches(*map, wanted, sites > 1 ? site.name + "-" : std::string());
      all.insert(all.end(), std::make_move_iterator(switches.begin()), std::make_move_iterator(switches.end()));
    }
    DsxTopology page;
    for (std::uint64_t at = first; at < all.size() && page.switches.size() < most; ++at) page.switches.push_back(std::move(all[at]));
    if (first + page.switches.size() < all.size()) page.next_page_token = std::to_string(first + page.switches.size());
    call->respond(json_response(page));
  });
}

void Api::targets(std::shared_ptr<Call> call) {
  auto port = number(*call, "port", 9400, 65535);
  if (!port.ok()) return refuse(call, port.error());
  if (*port == 0) return refuse(call, make_error(Code::kInvalid, "expected a port from 1 to 65535", "port"));
  core_.read([call, port = *port](Core::View& view) {
    const std::string only = text(*call, "site");
    const Estate& estate = view.state.estate();
    std::vector<ScrapeTarget> out;
    for (const auto& [name, facts] : view.state.facts().nodes) {
      const NodeIndex index = estate.find_node(name);
      if (index == kNowhere || facts.hello.address.empty() || (!only.empty() && estate.site_of(index).name != only)) continue;
      const EstateRack& rack = estate.racks()[estate.nodes()[index].rack];
      const std::string& address = facts.hello.address;
      out.push_back({{fmt::format("{}:{}", is_ipv6(address) ? "[" + address + "]" : address, port)},
                     {{"site", estate.site_of(index).name},
                      {"hall", rack.hall},
                      {"rack", std::string(leaf_of(rack.name))},
                      {"node", name},
                      {"gpu_model", estate.type_of(index).spec.devices.model}}});
    }
    call->respond(json_response(out));
  });
}

}  // namespace penstock
