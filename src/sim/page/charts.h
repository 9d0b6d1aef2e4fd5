// The plots over time of a page.
#pragma once

#include "sim/report.h"

namespace penstock::page {

/// The section with all plots, one line a run. There is at least one report, and a label for each.
std::string plots_html(const std::vector<SimReport>& reports, const std::vector<std::string>& labels);

/// The samples as JSON, from which the script of the page reads values out.
std::string samples_json(const std::vector<SimReport>& reports);

}  // namespace penstock::page
