// What the plate of an element means in watts: docs/power.md, "Limits" and "Who feeds whom".
#pragma once

#include "spec/estate.h"

namespace penstock {

/// Power on the plate: `rating`, or `apparent` × power factor, or `current` × `voltage` × power factor (× 1.732050
/// with three phases), rounded down.
Watts plate(const ElementSpec& spec);

/// What may flow for hours when nothing is derated: plate × continuous × spare-free modules × (1 − reserve).
Watts usable(const ElementSpec& spec);

/// What is borne until shedding has acted `within` a time; at least usable().
Watts overload(const ElementSpec& spec, Duration within);

/// A load above usable, and how long it is borne.
struct Bearing {
  Watts load;
  Duration time;
};
/// The overload curve in watts, when nothing is derated.
std::vector<Bearing> bearings(const ElementSpec& spec);

/// Input of an element as a line over its output: fixed + output × slope. Rounded up.
struct Transfer {
  Watts fixed;
  Ppm slope{1'000'000};
  bool operator==(const Transfer&) const = default;
};

/// The line that is exact at full load and nowhere below the efficiency curve.
Transfer transfer(const ElementSpec& spec);

}  // namespace penstock
