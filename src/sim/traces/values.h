// The values that stand in traces: whole numbers, decimals without floating point, times and amounts of whole jobs.
#pragma once

#include "sim/traces/trace.h"

namespace penstock::traces {

constexpr std::int64_t kMostCount = 1'000'000;
constexpr std::int64_t kMostMilli = kMostCount * 1000;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;
constexpr Duration kLongest = hours(100 * 8766);  ///< 100 years of 365.25 days

/// The text without blanks around it.
std::string_view trim(std::string_view text);
/// At most 60 characters of it, for a message.
std::string_view shown(std::string_view text);
/// The part before the next `divider`, which is taken off the text with it.
std::string_view next_part(std::string_view& text, char divider);

/// a × b if it is from 0 to `most`.
std::optional<std::int64_t> product(std::int64_t a, std::int64_t b, std::int64_t most);
/// A decimal from 0 on, such as 66 or 66.5, times the factor, rounded down. Nothing if it is none or does not fit.
std::optional<std::int64_t> decimal(std::string_view text, std::int64_t factor);
/// A whole number from 0 on; 8.0 counts as one, as tables that passed through other hands have such.
std::optional<std::int64_t> whole(std::string_view text);
/// Decimal seconds from 0 to kLongest.
std::optional<Duration> seconds_in(std::string_view text);
/// `YYYY-MM-DD HH:MM:SS` with or without a zone, RFC 3339, a date, or seconds since 1970; of the years 1970 to 2099.
std::optional<Time> time_in(std::string_view text);
/// Whether a time is of the years 1970 to 2099.
bool is_in_range(Time time);
/// Whether a field says that it holds nothing: blank, None, Unknown, NaT, nan, null.
bool is_unknown(std::string_view text);

/// What a whole job holds.
struct Amounts {
  std::int64_t nodes = 0;  ///< 0: not told
  std::int64_t gpus = 0;
  MilliCpu cpu;
  Bytes memory;
};

/// Cuts a job into equal tasks, one a node, where its GPUs divide evenly; else it is one divisible task.
void share_out(TraceJob& job, const Amounts& amounts);

}  // namespace penstock::traces
