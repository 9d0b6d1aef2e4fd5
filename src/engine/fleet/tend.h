// The fleet's rules at work: from a finding to a node that has been mended and tested.
#pragma once

#include <unordered_map>

#include "engine/step.h"

namespace penstock {

/// Looks at every node of which something has changed, and again when something is due. What it plans to look at is not in the
/// log: a new leader looks at all that is kept.
class FleetWatch {
 public:
  void restart(const Facts& facts, Time now);
  void tend(Step& step);
  std::optional<Time> next_due() const;

 private:
  void look_at(const std::string& node, Time at);
  void tend_due(Step& step, int& left);
  void test_by_turns(Step& step);

  std::set<std::pair<Time, std::string>> due_;
  std::unordered_map<std::string, Time> at_;
  std::optional<Time> turned_;  // up to when nodes have had their turn to be tested
  std::optional<Time> next_turn_;
  std::optional<Time> next_wave_;
};

/// At most so many nodes in one Tick, so that a storm does not keep others waiting.
inline constexpr int kTendedAtOnce = 500;

/// Takes in all that a node has found out about itself; what the server thinks of it stays.
void take_findings(Step& step, const std::string& node, std::vector<Finding> findings);
/// The server itself found something out about a node, or finds that it is over.
void add_finding(Step& step, const std::string& node, Finding finding);
void drop_findings(Step& step, const std::string& node, NodeCheck check);
/// A remedy is over.
void take_remedy_report(Step& step, const std::string& node, const RemedyReport& report);

/// Findings that only the server makes, which no report of the node takes away.
constexpr bool is_servers(NodeCheck check) {
  return check == NodeCheck::kUnreachable || check == NodeCheck::kSlow || check == NodeCheck::kTest || check == NodeCheck::kReported;
}

/// A node told so many findings at most, with so long texts.
inline constexpr std::size_t kMostFindings = 64;
inline constexpr std::size_t kMostDetail = 1000;

}  // namespace penstock
