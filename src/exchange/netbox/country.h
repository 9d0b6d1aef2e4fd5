// Which country a text means.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// The ISO 3166-1 alpha-2 code that a text is (`GB`) or names in English (`United Kingdom`, `norway`); empty if it is
/// neither. Countries that hold data centres of note are known by name.
std::string country_of(std::string_view text);

/// The country at the end of a postal address: its last line, or what stands behind its last comma.
std::string country_in_address(std::string_view address);

}  // namespace penstock
