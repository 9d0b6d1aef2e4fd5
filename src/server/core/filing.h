// What is kept of an event for those who ask for accounts: rows of usage, invoices, entries, closed months.
#pragma once

#include "engine/event.h"
#include "journal/journal.h"

namespace penstock {

/// The rows of one event for the journal's `filed`; mostly none.
std::vector<FiledRow> filed_rows(const EventRecord& record);

}  // namespace penstock
