// Where findings gather: counted all, kept the first.
#pragma once

#include "verify/verify.h"

namespace penstock::verifier {

/// Where the walk stands, for what is found there.
struct Place {
  Position position = 0;
  Time at;
};

class Findings {
 public:
  explicit Findings(std::size_t most) : most_(most) {}

  VerifyReport report;

  /// Whether another violation would be kept, so that telling more of it is not vain.
  bool keeps() const { return report.violations.size() < most_; }

  void violation(VerifyFinding finding) {
    ++report.violation_count;
    if (keeps()) report.violations.push_back(std::move(finding));
  }
  void violation(int invariant, const Place& place, std::string site, std::string message) {
    VerifyFinding finding;
    finding.invariant = invariant;
    finding.position = place.position;
    finding.at = place.at;
    finding.site = std::move(site);
    finding.message = std::move(message);
    violation(std::move(finding));
  }
  bool keeps_announced() const { return report.announced.size() < most_; }
  void announced(VerifyFinding finding) {
    ++report.announced_count;
    if (keeps_announced()) report.announced.push_back(std::move(finding));
  }

 private:
  std::size_t most_;
};

}  // namespace penstock::verifier
