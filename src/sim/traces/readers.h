// One reader a format. Each takes the whole text, whose first line is known to be of its format or was said to be.
#pragma once

#include "sim/traces/collector.h"

namespace penstock::traces {

Result<Trace> read_openb(std::string_view text);
Result<Trace> read_philly(std::string_view text);
/// Helios and Acme: tables of Slurm's accounting with columns of the same names.
Result<Trace> read_helios(std::string_view text, TraceFormat format);
Result<Trace> read_slurm(std::string_view text);
Result<Trace> read_swf(std::string_view text);
Result<Trace> read_event_log(std::string_view text);

}  // namespace penstock::traces
