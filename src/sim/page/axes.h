// Where the marks of a plot's axes stand, and what they say.
#pragma once

#include "sim/page/text.h"

namespace penstock::page {

struct Mark {
  std::int64_t at = 0;
  std::string label;
};

/// Up to six round values from 0 to the first that is not below `most`, written in units of `divisor`, a power of ten.
std::vector<Mark> value_marks(std::int64_t most, std::int64_t divisor);

/// The time that all plots of a page show: seconds from the begin of each run.
struct TimeAxis {
  std::int64_t span = 1;  ///< of the longest run, at least 1
  std::optional<Time>
      from;  ///< when all runs begin; none: they begin at different times, and marks count from the begin
};

/// At most nine round times, in seconds from the begin.
std::vector<Mark> time_marks(const TimeAxis& axis);

}  // namespace penstock::page
