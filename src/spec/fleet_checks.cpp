// What a site's Fleet may say.
#include "spec/fleet.h"

#include <algorithm>
#include <set>

#include "spec/checks.h"

namespace penstock {
namespace {

void check_limit(Problems& problems, const std::string& place, const std::optional<BreakerLimitSpec>& limit) {
  if (!limit) return;
  if (!limit->nodes && !limit->share) problems.add("expected nodes, a share, or both", place);
  if (limit->nodes) check_between(problems, place + ".nodes", *limit->nodes, 1, 1'000'000);
  if (limit->share) check_between(problems, place + ".share", *limit->share, Ppm(1), kWhole);
}

void check_time(Problems& problems, std::string_view place, const std::optional<Duration>& time, Duration least, Duration most) {
  if (time) check_between(problems, place, *time, least, most);
}

void check_test(Problems& problems, const NodeTestSpec& test) {
  if (std::count(test.project.begin(), test.project.end(), '/') != 1) problems.add("expected tenant/project", "test.project");
  if (std::count(test.contract.begin(), test.contract.end(), '/') != 1) problems.add("expected tenant/contract", "test.contract");
  check_time(problems, "test.timeLimit", test.time_limit, seconds(1), hours(24 * 7));
  check_time(problems, "test.estimate", test.estimate, seconds(1), hours(24 * 7));
  check_time(problems, "test.every", test.every, hours(1), hours(24 * 365));
}

void check_bmc(Problems& problems, const BmcSpec& bmc) {
  if (!bmc.address.starts_with("https://")) problems.add("expected an address that begins with https://", "bmc.address");
  if (!bmc.credentials.starts_with("env:") && !bmc.credentials.starts_with("file:/")) {
    problems.add("expected env:NAME or file:/PATH, where the server finds them; never the credentials themselves", "bmc.credentials");
  }
}

}  // namespace

void FleetSpec::check(Problems& problems) const {
  if (breaker) {
    check_limit(problems, "breaker.rack", breaker->rack);
    check_limit(problems, "breaker.row", breaker->row);
    check_limit(problems, "breaker.site", breaker->site);
    check_limit(problems, "breaker.fleet", breaker->fleet);
  }
  if (at_once) check_between(problems, "atOnce", *at_once, 1, 100'000);
  check_time(problems, "settle", settle, Duration(), hours(24));
  check_time(problems, "lease", lease, minutes(1), hours(1));
  if (lemon) {
    if (lemon->faults) check_between<std::int32_t>(problems, "lemon.faults", *lemon->faults, 0, kMostFaultsKept);
    check_time(problems, "lemon.within", lemon->within, hours(1), hours(24 * 365));
  }
  if (test) check_test(problems, *test);
  std::set<std::pair<NodeCheck, std::optional<std::int32_t>>> ruled;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (!ruled.insert({checks[i].check, checks[i].code}).second) {
      problems.add("there is a rule for this check and code already", fmt::format("checks[{}]", i));
    }
  }
  std::set<NodeState> limited;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string place = fmt::format("limits[{}]", i);
    if (!limited.insert(limits[i].state).second) problems.add("there is a limit for this state already", place + ".state");
    check_between(problems, place + ".within", limits[i].within, minutes(1), hours(24 * 365));
  }
  if (bmc) check_bmc(problems, *bmc);
}

void WaveSpec::check(Problems& problems) const {
  if (nodes.empty()) problems.add("expected at least one", "nodes");
  std::size_t count = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto names = expand_range(nodes[i]);
    if (!names.ok()) problems.add(names.error().message, fmt::format("nodes[{}]", i));
    if (names.ok()) count += names->size();
  }
  if (count > 100'000) problems.add(fmt::format("expected at most 100000 nodes, found {}", count), "nodes");
  check_between(problems, "atOnce", at_once, 1, 10'000);
  if (per_rack) check_between(problems, "perRack", *per_rack, 1, 10'000);
  if (per_row) check_between(problems, "perRow", *per_row, 1, 10'000);
  check_between(problems, "mostFailed", most_failed, 0, 100'000);
  if (from && until && *until <= *from) problems.add("expected a time after `from`", "until");
  if (note.size() > 1000) problems.add("expected at most 1000 characters", "note");
}

}  // namespace penstock
