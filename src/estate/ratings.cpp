// Ratings and efficiencies in integers.
#include "estate/ratings.h"

#include <algorithm>

#include "base/check.h"

namespace penstock {
namespace {

constexpr std::int64_t kOne = 1'000'000;
constexpr std::int64_t kRootThree = 1'732'050;

Watts part_of(Watts whole, Ppm part) { return Watts(mul_div_floor(whole.count(), part.count(), kOne)); }

Watts without_spare_modules(const ElementSpec& spec) {
  const Watts all = plate(spec);
  if (!spec.modules) return all;
  return Watts(mul_div_floor(all.count(), spec.modules->count - spec.modules->redundant, spec.modules->count));
}

}  // namespace

Watts plate(const ElementSpec& spec) {
  const Ppm factor = spec.power_factor.value_or(Ppm(kOne));
  if (spec.rating) return *spec.rating;
  if (spec.apparent) return part_of(Watts(spec.apparent->count()), factor);
  PENSTOCK_CHECK(spec.current && spec.voltage);
  Watts power(mul_div_floor(spec.current->count(), spec.voltage->count(), 1000));
  if (spec.phases.value_or(3) == 3) power = Watts(mul_div_floor(power.count(), kRootThree, kOne));
  return part_of(power, factor);
}

Watts usable(const ElementSpec& spec) {
  Watts left = without_spare_modules(spec);
  if (spec.continuous) left = part_of(left, *spec.continuous);
  if (spec.reserve) left = part_of(left, Ppm(kOne) - *spec.reserve);
  return left;
}

std::vector<Bearing> bearings(const ElementSpec& spec) {
  std::vector<Bearing> out;
  for (const OverloadPointSpec& point : spec.overload) out.push_back({part_of(without_spare_modules(spec), point.load), point.time});
  return out;
}

Watts overload(const ElementSpec& spec, Duration within) {
  Watts most = usable(spec);
  for (const Bearing& bearing : bearings(spec)) {
    if (bearing.time >= within) most = std::max(most, bearing.load);
  }
  return most;
}

Transfer transfer(const ElementSpec& spec) {
  if (spec.efficiency_curve.empty()) {
    return {Watts(), Ppm(mul_div_ceil(kOne, kOne, spec.efficiency.value_or(Ppm(kOne)).count()))};
  }
  // Outputs and inputs at the points, in millionths of a millionth of the plate.
  constexpr std::int64_t kPlate = kOne * kOne;
  struct Point {
    std::int64_t output;
    std::int64_t input;
  };
  std::vector<Point> points;
  for (const EfficiencyPointSpec& point : spec.efficiency_curve) {
    const std::int64_t output = point.load.count() * kOne;
    points.push_back({output, mul_div_ceil(output, kOne, point.efficiency.count())});
  }
  const Point last = points.back();
  if (points.size() == 1) return {Watts(), Ppm(mul_div_ceil(last.input, kOne, last.output))};
  const Point first = points.front();
  const std::int64_t rise = mul_div_floor(first.output, points[1].input - first.input, points[1].output - first.output);
  points.insert(points.begin(), {0, std::max<std::int64_t>(0, first.input - rise)});
  // A slope rounded up is safe in overload, and one rounded down makes `fixed` safe below full load.
  std::int64_t slope = std::numeric_limits<std::int64_t>::max();
  std::int64_t low = slope;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    slope = std::min(slope, mul_div_ceil(last.input - points[i].input, kOne, last.output - points[i].output));
    low = std::min(low, mul_div_floor(last.input - points[i].input, kOne, last.output - points[i].output));
  }
  const std::int64_t fixed = std::max<std::int64_t>(0, last.input - mul_div_floor(last.output, low, kOne));
  return {Watts(mul_div_ceil(plate(spec).count() + 1, fixed, kPlate)), Ppm(slope)};  // the plate was rounded down
}

}  // namespace penstock
