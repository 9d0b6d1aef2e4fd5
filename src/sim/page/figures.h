// The figures of a run, as people read them and as runs are compared by them.
#pragma once

#include "sim/page/text.h"
#include "sim/report.h"

namespace penstock::page {

enum class Better { kNeither, kMore, kLess };

struct Figure {
  std::string text{kNone};
  std::optional<std::int64_t> number;  ///< by which runs are compared; none: they cannot be
  Better better = Better::kNeither;
  bool ratio = false;  ///< the number is in ppm, and differences are percentage points
  std::string unit;    ///< only numbers of the same unit are compared
};

Figure words(std::string_view text);
Figure count(std::int64_t number, Better better = Better::kNeither);
Figure ratio(Ppm value, Better better);
/// A duration in seconds.
Figure lasting(std::int64_t seconds, Better better);
/// One of a spread's durations, of which the shorter is the better. No figure if the spread is of nothing.
Figure lasting(const Spread& spread, std::int64_t Spread::*which);
Figure megawatt_hours(std::int64_t number);
Figure kilowatts(std::int64_t number, Better better = Better::kNeither);
Figure carbon(std::int64_t kilograms);
Figure cost(const std::optional<Money>& amount);

enum class Verdict { kNone, kSame, kBetter, kWorse };

/// How one figure differs from that of the first run: `+2.8 pt`, `-12.4%`, `=`, or `≈` where less than a tenth is left
/// after rounding; empty if they cannot be compared.
struct Difference {
  std::string text;
  Verdict verdict = Verdict::kNone;
};
Difference difference(const Figure& first, const Figure& other);

/// Where a figure stands on the page of a single run. All of them are compared.
enum class Tile { kLarge, kSmall, kNone };

struct Headline {
  std::string name;
  Figure figure;
  Tile tile = Tile::kNone;
  std::string note;  ///< what stands below it on its tile
};

/// What a run came to. The same names in the same order for every report.
std::vector<Headline> headlines(const SimReport& report);
/// What was run, on what, and what it took.
std::vector<Headline> facts(const SimReport& report);

/// A short name for each run that no other of them has: its variant, or its scenario, with the seed where it must.
std::vector<std::string> run_labels(const std::vector<SimReport>& reports);

}  // namespace penstock::page
