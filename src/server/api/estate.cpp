// Nodes and capacity.
#include "base/name.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

// A state of a node's life, or what can be besides.
Status known_state(const std::string& state) {
  if (state.empty() || state == "lost" || state == "unregistered" || enum_from_name<NodeState>(state)) return ok_status();
  std::string names = "lost, unregistered";
  for (const auto& entry : enum_names(NodeState{})) names += ", " + std::string(entry.name);
  return make_error(Code::kInvalid, fmt::format("expected one of {}, found '{}'", names, state), "state");
}

bool is_in(const NodeView& node, const std::string& state) {
  if (state.empty()) return true;
  if (state == "lost") return node.lost;
  if (state == "unregistered") return node.unregistered;
  return name_of(node.state) == state;
}

}  // namespace

void Api::list_nodes(std::shared_ptr<Call> call) {
  const std::string site = text(*call, "site");
  const std::string rack = text(*call, "rack");
  const std::string state = text(*call, "state");
  if (flag(*call, "watch")) {
    return watch(call, "Node", [site, rack](Core::View& view, const Notice& notice) -> std::optional<std::string> {
      const NodeIndex node = view.state.estate().find_node(notice.name);
      if (node == kNowhere || (!site.empty() && tenant_of(notice.name) != site)) return std::nullopt;
      if (!rack.empty() && view.state.estate().racks()[view.state.estate().nodes()[node].rack].name != rack) return std::nullopt;
      return to_json(node_view(view.state, view.leases, node, Detail::kList, view.now));
    });
  }
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  if (Status known = known_state(state); !known.ok()) return refuse(call, known.error());
  const bool amiss = flag(*call, "amiss");
  core_.read([=, most = *limit](Core::View& view) {
    const Estate& estate = view.state.estate();
    NodePage page;
    page.position = view.state.facts().position;
    NodeIndex at = 0;
    if (const std::string cursor = text(*call, "cursor"); !cursor.empty()) {
      at = estate.find_node(cursor);
      if (at == kNowhere) return refuse(call, make_error(Code::kInvalid, "this is no cursor of this list", "cursor"));
      ++at;
    }
    for (; at < estate.nodes().size(); ++at) {
      if (!site.empty() && estate.site_of(at).name != site) continue;
      if (!rack.empty() && estate.racks()[estate.nodes()[at].rack].name != rack) continue;
      NodeView view_of = node_view(view.state, view.leases, at, Detail::kList, view.now);
      if (!is_in(view_of, state) || (amiss && !is_amiss(view_of))) continue;
      if (page.items.size() == most) {
        page.next = page.items.back().name;
        break;
      }
      page.items.push_back(std::move(view_of));
    }
    call->respond(json_response(page));
  });
}

void Api::get_node(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const NodeIndex node = view.state.estate().find_node(call->name());
    if (node == kNowhere) return refuse(call, unknown("Node", call->name()));
    call->respond(json_response(node_view(view.state, view.leases, node, Detail::kFull, view.now)));
  });
}

void Api::capacity(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) { call->respond(json_response(CapacityList{capacity_views(view.state)})); });
}

}  // namespace penstock
