// How the books follow from what happened: called by the fold, so it decides nothing and cannot fail.
#pragma once

#include "engine/facts.h"
#include "estate/network.h"

namespace penstock {

/// The month that holds `at`, begun if it is its first use.
MonthBook& month_at(Books& books, Time at);

/// Writes an entry into the accounts. A log whose entry does not balance stops the engine.
void post(Books& books, const Entry& entry);
/// Writes a row of usage into its month, and what it costs into the accounts: debit `unbilled:TENANT`, credit `revenue:gpu`.
void add_row(Books& books, const Usage& row);
/// Adds an amount to those of its currency.
void add_money(std::vector<Money>& sums, const Money& more);
/// Adds `more` to a total.
void add_usage(Usage& total, const Usage& more);

/// A site's load without work has stood at `load` since it was added up last, and `gpus` of it were there.
void stand(Books& books, const std::string& site, MicroWatts load, MilliGpu gpus, Time now);
/// A contract has held so much since it was added up last, and what was missing was missing. Its terms have not changed since: the books
/// are cut where they do.
void accrue(Books& books, const std::string& contract, const ContractSpec& spec, MilliGpu held, Time now);
/// So many of a contract's reserved GPUs are not there from when it was added up last on. GPUs that come back are those that were missing
/// the longest.
void miss(Books& books, const std::string& contract, std::int64_t gpus);
/// A project's running work has cost `rate` an hour since it was added up last. `rate`: milli-GPU × millionths of the currency.
void spend(Spending& spending, std::int64_t rate, Time now);
/// When that comes to `micros` of the currency; nothing if not within two months.
std::optional<Time> spent_at(const Spending& spending, std::int64_t rate, std::int64_t micros);

/// The next instant after `after` at which the books must be cut: the end of its month, or a date of a contract's terms.
Time next_cut(const Facts& facts, Time after);

/// GPU time × price of one GPU for one hour, rounded half up to a millionth.
Money price_of(GpuMicros time, const Money& price);

inline constexpr std::int64_t kMicrosPerHour = 3'600'000'000;  ///< micro-GPU-seconds of a GPU-hour

}  // namespace penstock
