// An invoice as a page to print: one HTML file that needs nothing else.
#pragma once

#include <string>

#include "engine/ledger/books.h"

namespace penstock {

std::string invoice_page(const Invoice& invoice);

/// 1234567890 millionths → `1,234.56789 USD`; at least two decimals, and all that are not 0.
std::string money_text(const Money& money);
/// What a line is for, for people.
std::string describe(const InvoiceLine& line);
/// To three decimals, half up.
std::string kwh_text(Joules energy);
std::string gpu_hours_text(GpuMicros time);
/// The line's energy or GPU time; empty where it has neither.
std::string quantity_text(const InvoiceLine& line);

}  // namespace penstock
