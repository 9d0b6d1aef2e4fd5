// A table of its own, as the design tells the life of a node.
#include "verify/nodes.h"

#include <algorithm>

#include "base/name.h"
#include "verify/read.h"

namespace penstock::verifier {
namespace {

constexpr int kInvariant = 12;

const std::set<std::pair<std::string_view, std::string_view>>& allowed() {
  static const std::set<std::pair<std::string_view, std::string_view>> kAllowed = [] {
    std::set<std::pair<std::string_view, std::string_view>> out;
    const auto from = [&](std::string_view state, std::initializer_list<std::string_view> next) {
      for (const std::string_view to : next) out.insert({state, to});
    };
    from("planned", {"delivered", "racked", "validating", "retired"});
    from("delivered", {"racked", "validating", "retired"});
    from("racked", {"provisioning", "validating", "retired"});
    from("provisioning", {"validating", "repair", "retired"});
    from("validating", {"burn-in", "ready", "repair", "retired"});
    from("burn-in", {"ready", "repair", "validating", "retired"});
    from("ready", {"suspect", "draining", "validating"});
    from("suspect", {"ready", "draining", "validating"});
    from("draining", {"ready", "validating", "repair", "retired"});
    from("repair", {"validating", "provisioning", "retired"});
    from("retired", {"delivered"});
    return out;
  }();
  return kAllowed;
}

std::string site_of(std::string_view node) { return std::string(node.substr(0, node.find('/'))); }

}  // namespace

void Nodes::tell(const std::string& node, std::string message, const Place& place) {
  findings_.violation(kInvariant, place, site_of(node), std::move(message));
}

void Nodes::set_site(const std::string& name, const std::optional<SiteSpec>& spec) {
  if (spec && spec->fleet && spec->fleet->test) {
    tested_sites_.insert(name);
  } else {
    tested_sites_.erase(name);
  }
}

Status Nodes::take_facts(const json::object& facts) {
  if (const json::value* tickets = facts.if_contains("tickets")) {
    PENSTOCK_TRY(by_uid, as_object(*tickets));
    for (const auto& [uid, value] : *by_uid) {
      PENSTOCK_TRY(ticket, as_object(value));
      if (!ticket->contains("closed")) PENSTOCK_RETURN_IF_ERROR(take_report(*ticket));
    }
  }
  const json::value* cares = facts.if_contains("care");
  if (cares == nullptr) return ok_status();
  PENSTOCK_TRY(by_node, as_object(*cares));
  for (const auto& [name, value] : *by_node) {
    PENSTOCK_TRY(care, as_object(value));
    Node& node = this->node(std::string(name));
    PENSTOCK_TRY(state, get<std::string>(*care, "state"));
    PENSTOCK_TRY(faulty, get_or(*care, "faulty", false));
    node.state = state;
    node.out = care->contains("findings");
    node.wished = care->contains("wish") || care->contains("cordon") || care->contains("maintenance");
    node.mended = care->contains("remedy");
    node.owes_test = care->contains("tried") && faulty;
  }
  return ok_status();
}

// A tenant may have its own work stopped, for a node of which it says that it has a fault.
Status Nodes::take_report(const json::object& ticket) {
  PENSTOCK_TRY(tenant, get_or(ticket, "tenant", std::string()));
  if (tenant.empty()) return ok_status();
  PENSTOCK_TRY(uid, get<std::string>(ticket, "uid"));
  PENSTOCK_TRY(name, get<std::string>(ticket, "node"));
  reports_[uid] = {name, tenant};
  return ok_status();
}

Status Nodes::take(std::string_view type, const json::object& event, const Place& place) {
  if (type == "ticket.opened") {
    PENSTOCK_TRY(ticket, get_object(event, "ticket"));
    PENSTOCK_TRY(name, get<std::string>(*ticket, "node"));
    PENSTOCK_TRY(reason, get<std::string>(*ticket, "reason"));
    if (reason != "reported") node(name).owes_test = true;
    return take_report(*ticket);
  }
  if (type == "ticket.closed") {
    PENSTOCK_TRY(uid, get<std::string>(event, "ticket"));
    reports_.erase(uid);
    return ok_status();
  }
  if (!type.starts_with("node.") && !type.starts_with("remedy.")) return ok_status();
  if (type == "node.registered") return ok_status();
  PENSTOCK_TRY(name, get<std::string>(event, "node"));
  Node& node = this->node(name);
  if (type == "node.entered") {
    PENSTOCK_TRY(state, get<std::string>(event, "state"));
    // Of a node that nothing was said of, it is known only that it was not being mended.
    const bool fresh = node.state == "ready" && (state == "delivered" || state == "racked" || state == "provisioning" || state == "retired");
    if (!fresh && !allowed().contains({node.state, state})) {
      tell(name, fmt::format("node {} goes from {} to {}, which does not follow", name, node.state, state), place);
    }
    node.state = state;
    if (state == "ready") {
      if (node.owes_test && tested_sites_.contains(site_of(name))) {
        tell(name, fmt::format("node {} takes work again and has not been tested since it was mended", name), place);
      }
      node.owes_test = false;
    }
  } else if (type == "node.found") {
    PENSTOCK_TRY(found, get_array(event, "findings"));
    node.out = !found->empty();
  } else if (type == "node.lost") {
    node.out = true;
  } else if (type == "node.cordoned") {
    node.wished = event.contains("cordon");
  } else if (type == "node.tested") {
    PENSTOCK_TRY(outcome, get<std::string>(event, "outcome"));
    if (outcome == "passed") node.owes_test = false;
  } else if (type == "remedy.wanted") {
    node.wished = event.contains("wish");
  } else if (type == "remedy.ordered") {
    if (node.mended) tell(name, fmt::format("node {} is mended twice at once", name), place);
    node.mended = true;
    node.owes_test = true;
  } else if (type == "remedy.ended") {
    node.mended = false;
  }
  return ok_status();
}

void Nodes::stopped(const Grant& grant, const std::string& job, std::string_view reason, std::string_view message, bool keeps, const Place& place) {
  if (reason != "drained" && reason != "node-lost") return;
  bool cause = false;
  bool wished = false;
  bool named = false;  // the message says which node has cost the work its place
  for (const GrantedTask& task : grant.tasks) {
    named = named || (message.starts_with(task.node) && message.substr(task.node.size()).starts_with(':'));
    const auto found = nodes_.find(task.node);
    if (found == nodes_.end()) continue;
    cause = cause || found->second.out || (reason == "drained" && (found->second.wished || found->second.state == "draining"));
    wished = wished || found->second.wished;
  }
  for (const auto& [uid, report] : reports_) {
    const bool own = reason == "drained" && report.tenant == job.substr(0, job.find('/'));
    if (!own || std::none_of(grant.tasks.begin(), grant.tasks.end(), [&](const GrantedTask& task) { return task.node == report.node; })) continue;
    cause = wished = true;
  }
  const std::string& node = grant.tasks.front().node;
  if (reason == "node-lost") {
    if (named && !cause) tell(node, fmt::format("{} is ended for a node of which nothing was found", job), place);
    return;
  }
  if (!cause) tell(node, fmt::format("{} is stopped for a drain, and none of its nodes is drained", job), place);
  if (cause && !keeps && !wished) tell(node, fmt::format("{} is stopped for a drain, loses its work, and nobody asked for it", job), place);
}

}  // namespace penstock::verifier
