// The independent checker: proves or refutes the invariants of DESIGN §7 from the specs and the event log alone.
#pragma once

#include <memory>

#include "base/json.h"
#include "base/uid.h"

namespace penstock {

/// One thing that is wrong, or is above its limit and was told.
struct VerifyFinding {
  std::int32_t invariant = 2;
  Position position = 0;
  Time at;
  std::optional<Time> when;
  std::string site;
  std::string row;
  std::string contingency;
  std::string load;
  std::string limit;
  std::vector<std::string> grants;
  std::string message;

  static constexpr auto schema() {
    return object("VerifyFinding", "One thing that is wrong, or is above its limit and was told.",
                  field("invariant", &VerifyFinding::invariant, required,
                        "1 devices, 2 limits, 3 gangs, 6 epochs and positions, 8 jurisdictions, 9 metering and bills"),
                  field("position", &VerifyFinding::position, required, "event after which it was found"),
                  field("at", &VerifyFinding::at, required, "instant at which it was found"),
                  field("when", &VerifyFinding::when, optional, "the later date at which the limit is broken"),
                  field("site", &VerifyFinding::site, optional, "site"),
                  field("row", &VerifyFinding::row, optional, "what is above its limit"),
                  field("contingency", &VerifyFinding::contingency, optional, "what is lost; empty: nothing"),
                  field("load", &VerifyFinding::load, optional, "its load"),
                  field("limit", &VerifyFinding::limit, optional, "its limit"),
                  field("grants", &VerifyFinding::grants, optional, "the grants that give most to it, the greatest first"),
                  field("message", &VerifyFinding::message, required, "what is wrong, in a sentence"));
  }
  bool operator==(const VerifyFinding&) const = default;
};

/// What was checked and what was found. Lists are cut at VerifyOptions::most_findings; the counts are whole.
struct VerifyReport {
  bool proved = false;
  Position first = 0;
  Position last = 0;
  std::uint64_t events = 0;
  std::uint64_t grants = 0;
  std::uint64_t instants_checked = 0;
  std::uint64_t instants = 0;
  std::uint64_t later_instants = 0;
  std::uint64_t contingencies = 0;
  std::uint64_t rows = 0;
  std::uint64_t announced_count = 0;
  std::uint64_t foreseen = 0;
  std::uint64_t undecided = 0;
  std::uint64_t violation_count = 0;
  std::vector<VerifyFinding> violations;
  std::vector<VerifyFinding> announced;

  static constexpr auto schema() {
    return object(
        "VerifyReport", "What was checked and what was found.",
        field("proved", &VerifyReport::proved, required, "whether nothing is wrong"),
        field("first", &VerifyReport::first, required, "position of the first event read"),
        field("last", &VerifyReport::last, required, "position of the last"),
        field("events", &VerifyReport::events, required, "events read"),
        field("grants", &VerifyReport::grants, required, "gangs that were started"),
        field("instantsChecked", &VerifyReport::instants_checked, required, "instants at which limits were compared"),
        field("instants", &VerifyReport::instants, required, "instants at which they could have changed"),
        field("laterInstants", &VerifyReport::later_instants, required,
              "later dates held to the limits from an instant before"),
        field("contingencies", &VerifyReport::contingencies, required, "load flows, one for each loss at each instant"),
        field("rows", &VerifyReport::rows, required, "limits compared"),
        field("announcedCount", &VerifyReport::announced_count, required, "rows above their limits that had been told"),
        field("foreseen", &VerifyReport::foreseen, required,
              "rows that a failure, derating or order will break at a later date, which nothing granted since adds to"),
        field("undecided", &VerifyReport::undecided, required,
              "rows broken less than two seconds before the log ends, which the server had no time to mend"),
        field("violationCount", &VerifyReport::violation_count, required, "what is wrong"),
        field("violations", &VerifyReport::violations, optional, "what is wrong, the first of them"),
        field("announced", &VerifyReport::announced, optional, "what had been told, the first of it"));
  }
};

struct VerifyOptions {
  /// Compare limits after every so many changes of grants, at least 1. Changes of specs and restrictions, dates and the
  /// end are always looked at, and so is everything but invariant 2.
  std::uint64_t every = 1;
  std::size_t most_findings = 100;
};

/// Walks a log event by event. Takes the JSON of `Event` records as docs/api.md gives them; event types that it does
/// not know are passed over. A log that cannot be read is a failure; what the log proves wrong goes to the report.
class Verifier {
 public:
  explicit Verifier(VerifyOptions options = {});
  ~Verifier();
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;

  /// The state before the first event, where the log no longer begins at 1: the JSON of a snapshot. At most once,
  /// first.
  Status take_snapshot(const json::value& facts);

  Status take(std::string_view event);
  Status take(const json::value& event);

  /// Checks the end of the log and gives the report. The walk may go on afterwards.
  Result<VerifyReport> finish();

 private:
  struct Walk;
  std::unique_ptr<Walk> walk_;
};

/// `every` for a log of so many events: 1, or what makes about 2,000 instants of a long one.
std::uint64_t instants_for(std::uint64_t events);

/// A whole log, one event a line. `snapshot` is empty or the JSON of one; `every` of 0 chooses by the log's length.
Result<VerifyReport> verify_log(const std::vector<std::string>& events, std::string_view snapshot = {},
                                VerifyOptions options = {.every = 0});

}  // namespace penstock
