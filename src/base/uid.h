// Identities that are never reused, and positions in the event log.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace penstock {

/// The identity of one object for all time, minted in creation order by the engine. 0 is "none".
struct Uid {
  std::uint64_t value = 0;
  constexpr auto operator<=>(const Uid&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
};

/// 16 hexadecimal digits, so that text order is creation order.
PENSTOCK_DECLARE_TEXT(Uid, "a uid of 16 hexadecimal digits", false);

/// The number of an event in the log, from 1 without gaps; also the version of an object. 0 is "before all".
using Position = std::uint64_t;
/// The reign of one leader; orders of a lower epoch are refused.
using Epoch = std::uint64_t;

}  // namespace penstock
