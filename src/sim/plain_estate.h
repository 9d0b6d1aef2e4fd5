// Estates for traces: a site of so many nodes, without limits of power and cooling; and who runs there.
#pragma once

#include "sim/load.h"

namespace penstock {

/// The site `sim` and its node types. `nodes`: those of a trace's list, if the spec names one; nodes without GPUs are left out.
Result<std::vector<Document>> plain_estate(const PlainEstateSpec& spec, const std::vector<TraceNode>& nodes);

/// Tenants, projects and contracts of the load that are not among the documents, such as sim/main: on-demand, without limits.
std::vector<Document> those_missing(const Load& load, const std::vector<Document>& documents);

}  // namespace penstock
