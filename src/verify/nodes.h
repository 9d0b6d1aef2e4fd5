// The life of nodes: what follows what, one remedy at a time, nobody back untested, and no work ended for a lesser fault.
#pragma once

#include <map>
#include <set>

#include "spec/estate.h"
#include "verify/findings.h"
#include "verify/grant.h"

namespace penstock::verifier {

class Nodes {
 public:
  explicit Nodes(Findings& findings) : findings_(findings) {}

  Status take_facts(const json::object& facts);
  Status take(std::string_view type, const json::object& event, const Place& place);
  /// A site's rules, whether its nodes are tested among them; nothing: the site is gone.
  void set_site(const std::string& name, const std::optional<SiteSpec>& spec);
  /// Work was told to stop. `grant` is what it holds, `keeps` whether it writes a checkpoint when it is told to.
  void stopped(const Grant& grant, const std::string& job, std::string_view reason, std::string_view message, bool keeps, const Place& place);

 private:
  struct Node {
    std::string state = "ready";
    bool out = false;      // lost, or something was found wrong with it
    bool wished = false;   // a person wants it mended, or drained
    bool owes_test = false;
    bool mended = false;   // a remedy is under way
  };
  struct Report {
    std::string node;
    std::string tenant;
  };
  Status take_report(const json::object& ticket);
  Node& node(const std::string& name) { return nodes_[name]; }
  void tell(const std::string& node, std::string message, const Place& place);

  Findings& findings_;
  std::map<std::string, Node> nodes_;  // those of which anything was said
  std::set<std::string> tested_sites_;
  std::map<std::string, Report> reports_;  // of tenants, by the uid of their tickets
};

}  // namespace penstock::verifier
