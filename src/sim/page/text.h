// How the report writes numbers, durations, dates and names. Integers throughout: the same input gives the same bytes.
#pragma once

#include "base/time.h"

namespace penstock::page {

/// What stands where there is no figure.
inline constexpr std::string_view kNone = "–";

/// Text for HTML, between tags and in quoted attributes. Control characters become a replacement mark.
std::string escaped(std::string_view text);
/// Text for one line of a terminal: without control characters, and at most `most` characters long.
std::string plain(std::string_view text, std::size_t most);
/// Characters, of which UTF-8 may need several bytes.
std::size_t width(std::string_view text);

/// 250000 → 250,000.
std::string grouped(std::int64_t number);
/// number ÷ divisor, rounded to so many decimals: 12345 ÷ 1000 → 12.3.
std::string fixed(std::int64_t number, std::int64_t divisor, int decimals);
/// number ÷ divisor in about three digits: 1,235, or 43.2 below 100. The script of the page writes the same way.
std::string brief(std::int64_t number, std::int64_t divisor);

/// 87.3%. Never 100.0% for less than all.
std::string percent(Ppm ratio);
/// In what matters of it: 42 s, 9 min 5 s, 28 min, 3 h 12 min, 4 d 7 h.
std::string duration(std::int64_t seconds);
/// 1 Jun 2026, with the time of day if it is not midnight.
std::string date(Time at);
/// Jun, from 1 = Jan.
std::string_view month(unsigned number);
/// kW, or MW from ten of them on.
std::string power(std::int64_t kilowatts);
std::string money(const Money& amount);

}  // namespace penstock::page
