// The report of simulated runs for people: one HTML file, and a comparison for a terminal.
#pragma once

#include "sim/report.h"

namespace penstock {

/// The reports as one HTML file that needs nothing else: figures, tables, and plots as inline SVG, over which a small
/// inline script reads out values. Several reports are set side by side, with their differences to the first.
std::string report_page(const std::vector<SimReport>& reports);

/// The comparison as text for a terminal: one column a run, one row a figure, with the difference to the first run in
/// percent, or in percentage points (pt) where the figure is a percentage itself.
std::string comparison_text(const std::vector<SimReport>& reports);

}  // namespace penstock
