// Proves from a log that the work of one tenant never lay outside the countries that bound it.
#pragma once

#include <memory>

#include "base/json.h"
#include "base/uid.h"

namespace penstock {

/// What was seen of the tenant in one country.
struct ResidencyCount {
  std::string country;
  std::uint64_t placements = 0;
  std::uint64_t restarts = 0;
  std::uint64_t kept = 0;
  std::uint64_t nodes = 0;

  static constexpr auto schema() {
    return object("ResidencyCount", "What was seen of a tenant in one country.",
                  field("country", &ResidencyCount::country, required, "ISO 3166-1 alpha-2"),
                  field("placements", &ResidencyCount::placements, required, "first starts of its jobs"),
                  field("restarts", &ResidencyCount::restarts, required, "later starts: after a loss, on a spare, with another size"),
                  field("kept", &ResidencyCount::kept, required, "promises that kept nodes for it"),
                  field("nodes", &ResidencyCount::nodes, required, "different nodes of all these"));
  }
  bool operator==(const ResidencyCount&) const = default;
};

struct ResidencyReport {
  std::string tenant;
  bool proved = false;
  Position first = 0;
  Position last = 0;
  std::uint64_t events = 0;
  std::vector<ResidencyCount> countries;
  std::uint64_t violation_count = 0;
  std::optional<Position> violation;
  std::string message;

  static constexpr auto schema() {
    return object("ResidencyReport", "Whether the work of one tenant lay only where it may.",
                  field("tenant", &ResidencyReport::tenant, required, "the tenant"),
                  field("proved", &ResidencyReport::proved, required, "whether nothing lay elsewhere"),
                  field("first", &ResidencyReport::first, required, "position of the first event read"),
                  field("last", &ResidencyReport::last, required, "position of the last"),
                  field("events", &ResidencyReport::events, required, "events read"),
                  field("countries", &ResidencyReport::countries, required, "what was seen, by country"),
                  field("violationCount", &ResidencyReport::violation_count, required, "what lay elsewhere"),
                  field("violation", &ResidencyReport::violation, optional, "position of the first event that is wrong"),
                  field("message", &ResidencyReport::message, required, "the verdict in a sentence"));
  }
};

/// Walks a log event by event, as Verifier does, for one tenant. Every start and every promise of nodes is held to the
/// countries of tenant, contract and job at that moment; a change of those, or of a site's country, to all that lies then.
class ResidencyWatch {
 public:
  explicit ResidencyWatch(std::string tenant);
  ~ResidencyWatch();
  ResidencyWatch(ResidencyWatch&&) noexcept;
  ResidencyWatch& operator=(ResidencyWatch&&) noexcept;

  /// The state before the first event, where the log no longer begins at 1. At most once, first.
  Status take_snapshot(const json::value& facts);
  Status take(std::string_view event);
  /// kNotFound if the log knows no such tenant.
  Result<ResidencyReport> finish();

 private:
  struct Walk;
  std::unique_ptr<Walk> walk_;
};

}  // namespace penstock
