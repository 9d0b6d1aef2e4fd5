// What is kept of one thing that happened to the fleet, with all that it hit.
#pragma once

#include "base/json.h"
#include "base/time.h"
#include "base/uid.h"
#include "base/units.h"

namespace penstock {

/// How far an incident reaches: a node, the nodes of a rack (an NVLink domain) or of a row (a leaf switch), or all that hangs on a
/// part of the plant.
enum class IncidentScope { kNode, kRack, kRow, kPart };
constexpr auto enum_names(IncidentScope) {
  using S = IncidentScope;
  return std::array{EnumName<S>{S::kNode, "node"}, EnumName<S>{S::kRack, "rack"}, EnumName<S>{S::kRow, "row"}, EnumName<S>{S::kPart, "part"}};
}

/// What an incident did to the work of one project under one contract.
struct IncidentHit {
  std::string project;
  std::string contract;
  std::int64_t ended = 0;
  std::int64_t capped = 0;
  GpuMicros lost;
  std::vector<std::string> jobs;

  static constexpr auto schema() {
    return object("IncidentHit", "What an incident did to the work of one project under one contract.",
                  field("project", &IncidentHit::project, required, "tenant/project"),
                  field("contract", &IncidentHit::contract, required, "tenant/contract"),
                  field("ended", &IncidentHit::ended, required, "attempts of jobs that it ended"),
                  field("capped", &IncidentHit::capped, required, "jobs whose power it took"),
                  field("lost", &IncidentHit::lost, required, "GPU time of those attempts since their last checkpoints"),
                  field("jobs", &IncidentHit::jobs, required, "the first of them by name"));
  }
  bool operator==(const IncidentHit&) const = default;
};

struct IncidentNote {
  Time at;
  std::string what;

  static constexpr auto schema() {
    return object("IncidentNote", "A line of an incident's timeline.", field("at", &IncidentNote::at, required, "when"),
                  field("what", &IncidentNote::what, required, "what happened"));
  }
  bool operator==(const IncidentNote&) const = default;
};

struct Incident {
  Uid uid;
  IncidentScope scope = IncidentScope::kNode;
  std::string site;
  std::string place;
  std::string cause;
  std::vector<std::string> nodes;  ///< all while it is open, then the first kMostIncidentNames
  std::int64_t node_count = 0;
  std::vector<IncidentHit> hits;
  std::vector<IncidentNote> timeline;
  Time opened;
  Time grown;
  std::optional<Time> closed;

  static constexpr auto schema() {
    return object("StoredIncident", "One thing that happened to the fleet, with all that it hit.", field("uid", &Incident::uid, required, "its identity"),
                  field("scope", &Incident::scope, required, "node, rack, row or part"),
                  field("site", &Incident::site, required, "where"),
                  field("place", &Incident::place, required, "the node, rack or row; of a part the restriction that says so"),
                  field("cause", &Incident::cause, required, "what was seen first, in a sentence"),
                  field("nodes", &Incident::nodes, optional, "nodes that it hit"),
                  field("nodeCount", &Incident::node_count, required, "how many"),
                  field("hits", &Incident::hits, optional, "work that it hit"),
                  field("timeline", &Incident::timeline, optional, "what happened when; of many the first and the last"),
                  field("opened", &Incident::opened, required, "when"),
                  field("grown", &Incident::grown, required, "when it last hit another node"),
                  field("closed", &Incident::closed, optional, "when all was well again, or in the hands of a person"));
  }
};

inline constexpr std::size_t kMostIncidentsKept = 1000;  ///< closed ones, the latest; the log has them all
inline constexpr std::size_t kMostIncidentNames = 20;    ///< jobs by name of one project; nodes of a closed incident
inline constexpr std::size_t kMostIncidentNotes = 60;
inline constexpr std::size_t kMostIncidentHits = 500;    ///< projects and contracts of one incident; others are not told

/// Adds up what hit the same project under the same contract.
void add_hit(std::vector<IncidentHit>& hits, const IncidentHit& more);
/// Of a long timeline the middle goes.
void add_note(std::vector<IncidentNote>& timeline, IncidentNote note);

}  // namespace penstock
