// How the page looks, and the script that reads values out of its plots. Constant texts, without any of a report's.
#pragma once

#include <string_view>

namespace penstock::page {

extern const std::string_view kStyle;
extern const std::string_view kScript;

}  // namespace penstock::page
