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
/// GPU-hours or kWh, to three decimals; empty where the line has neither.
std::string quantity_text(const InvoiceLine& line);

}  // namespace penstock
