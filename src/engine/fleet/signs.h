// What the events of one command tell of things that fail, noted while the state still shows what was hit.
#pragma once

#include "engine/fleet/incident.h"
#include "engine/state.h"

namespace penstock {

struct Signs {
  struct Failed {
    std::string node;
    std::string why;
  };
  /// Work that something took power from, or ended.
  struct Struck {
    std::string site;
    std::vector<std::string> nodes;
    bool power = false;  ///< for want of power or cooling
    IncidentHit hit;
  };

  std::vector<Failed> failed;
  std::vector<Struck> struck;
  std::set<std::string> touched;  ///< nodes of which anything was told
  bool limits = false;            ///< parts of the plant or of the estate have changed

  /// `before`: the state to which the event is about to be added.
  void note(const State& before, const Event& event, Time now);
};

}  // namespace penstock
