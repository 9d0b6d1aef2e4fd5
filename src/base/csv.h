// Cells of CSV as RFC 4180 writes them.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

/// The text between quotes, quotes in it doubled.
std::string csv_quoted(std::string_view text);
/// The same where it must be, else the text as it is.
std::string csv_field(std::string_view text);

}  // namespace penstock
