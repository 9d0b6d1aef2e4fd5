// Lines over time. Integers only: tenths of a pixel.
#include "sim/page/plot.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::page {
namespace {

constexpr std::int64_t kLeft = 680;  // room for 250,000
constexpr std::int64_t kRight = 7120;
constexpr std::int64_t kTop = 120;
constexpr std::int64_t kBottom = 2200;
constexpr std::int64_t kMostValue = 1'000'000'000'000'000;  // keeps all arithmetic in its bounds
constexpr std::size_t kColours = 8;

std::int64_t shown(std::int64_t value) {
  return std::clamp<std::int64_t>(value, 0, kMostValue);
}

// From values and seconds to places in the box.
struct Scale {
  std::int64_t span = 1;
  std::int64_t top = 1;

  std::int64_t x(std::int64_t at) const {
    return kLeft + mul_div_round(std::clamp<std::int64_t>(at, 0, span), kRight - kLeft, span);
  }
  std::int64_t y(std::int64_t value) const { return kBottom - mul_div_round(shown(value), kBottom - kTop, top); }
};

using Stretch = std::vector<std::pair<std::int64_t, std::int64_t>>;

// The places of a series, in stretches without a gap.
std::vector<Stretch> stretches(const Series& series, const Scale& scale) {
  std::vector<Stretch> out;
  bool gap = true;
  for (const Point& point : series.points) {
    if (point.value) {
      if (gap) out.emplace_back();
      out.back().emplace_back(scale.x(point.at), scale.y(*point.value));
    }
    gap = !point.value;
  }
  return out;
}

std::string path(const Stretch& stretch) {
  std::string out = "M";
  for (const auto& [x, y] : stretch) out += fmt::format("{}{},{}", out == "M" ? "" : " ", x, y);
  if (stretch.size() == 1) out += fmt::format(" {},{}", stretch.front().first, stretch.front().second);  // a dot
  return out;
}

std::string lines(const Series& series, const Scale& scale) {
  std::string line;
  std::string area;
  bool dots = true;
  for (const Stretch& stretch : stretches(series, scale)) {
    line += path(stretch);
    dots = dots && stretch.size() == 1;
    if (stretch.size() == 1) continue;
    area +=
        fmt::format("{} {},{} {},{}Z", path(stretch), stretch.back().first, kBottom, stretch.front().first, kBottom);
  }
  const std::string colour = colour_class(series.colour);
  std::string out;
  if (line.empty()) return out;
  if (series.filled && !area.empty()) out += fmt::format("<path class=\"area {}\" d=\"{}\"/>\n", colour, area);
  out += fmt::format("<path class=\"line {}{}{}\" d=\"{}\"/>\n", colour, series.reference ? " reference" : "",
                     dots ? " dots" : "", line);
  return out;
}

// What stands in the legend until a value is read out, and in the description.
std::string summary(const Series& series, std::int64_t divisor) {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t most = 0;
  for (const Point& point : series.points) {
    if (!point.value) continue;
    ++count;
    sum += shown(*point.value);
    most = std::max(most, shown(*point.value));
  }
  if (count == 0) return std::string(kNone);
  return fmt::format("mean {}, most {}", brief(mul_div_round(sum, 1, count), divisor), brief(most, divisor));
}

// What happened stands in the plot as a line, and what it was shows on pointing at it.
std::string happenings(const Scale& scale, const std::vector<Mark>& marks) {
  std::string out;
  for (const Mark& mark : marks) {
    const std::int64_t x = scale.x(mark.at);
    out += fmt::format("<path class=\"happening\" d=\"M{},{} {},{}\"><title>{}</title></path>\n", x, kTop, x, kBottom, escaped(mark.label));
  }
  return out;
}

std::string grid(const Scale& scale, const std::vector<Mark>& values, const std::vector<Mark>& times) {
  std::string lines;
  std::string out;
  for (const Mark& mark : values) {
    const std::int64_t y = scale.y(mark.at);
    lines += fmt::format("M{},{} {},{}", kLeft, y, kRight, y);
    out += fmt::format("<text class=\"value\" x=\"{}\" y=\"{}\">{}</text>\n", kLeft - 100, y + 40, mark.label);
  }
  for (const Mark& mark : times) {
    const std::int64_t x = scale.x(mark.at);
    lines += fmt::format("M{},{} {},{}", x, kBottom, x, kBottom + 50);
    const std::string_view side = x > kRight - 250 ? "before" : x < kLeft + 150 ? "after" : "middle";
    out += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", side, x, kBottom + 200, mark.label);
  }
  return fmt::format("<path class=\"grid\" d=\"{}\"/>\n{}", lines, out);
}

}  // namespace

std::string colour_class(std::size_t colour) {
  if (colour == 0) return "c0";
  return fmt::format("c{}{}", (colour - 1) % kColours + 1, colour > kColours ? " again" : "");
}

std::string plot_html(const Plot& plot, const TimeAxis& axis) {
  std::int64_t most = 0;
  std::string legend;
  std::string description;
  std::string markers;
  bool empty = true;
  for (const Series& series : plot.series) {
    for (const Point& point : series.points) most = std::max(most, shown(point.value.value_or(0)));
    empty = empty && series.points.empty();
    const std::string colour = colour_class(series.colour) + (series.reference ? " reference" : "");
    const std::string name = escaped(series.name);
    const std::string text = summary(series, plot.divisor);
    legend += fmt::format("<li><span class=\"key {}\"></span>{} <output>{}</output></li>\n", colour, name, text);
    description += fmt::format("{}{}: {}", description.empty() ? "" : "; ", name, text);
    markers +=
        fmt::format("<circle class=\"marker {}\" r=\"45\" cx=\"{}\" cy=\"{}\" data-run=\"{}\" data-key=\"{}\"/>\n",
                    colour, kLeft, kBottom, series.run, series.key);
  }
  std::string out =
      fmt::format("<figure>\n<figcaption>{} <span class=\"unit\">{}</span><span class=\"when\"></span></figcaption>\n",
                  plot.title, plot.unit);
  if (empty) return out + "<p class=\"nothing\">No samples.</p>\n</figure>\n";
  const std::vector<Mark> values = value_marks(most, plot.divisor);
  const Scale scale{axis.span, values.back().at};
  out += fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" tabindex=\"0\" aria-labelledby=\"{}-title\" "
      "aria-describedby=\"{}-desc\" data-left=\"{}\" data-right=\"{}\" data-top=\"{}\" data-bottom=\"{}\" "
      "data-span=\"{}\" "
      "data-most=\"{}\" data-divisor=\"{}\">\n<title id=\"{}-title\">{}</title>\n<desc id=\"{}-desc\">{}, {}.</desc>\n",
      kPlotWidth, kPlotHeight, plot.id, plot.id, kLeft, kRight, kTop, kBottom, axis.span, scale.top, plot.divisor,
      plot.id, plot.title, plot.id, description, plot.unit);
  out += grid(scale, values, time_marks(axis));
  out += happenings(scale, plot.marks);
  // The first series is the one that matters: it is drawn last, over the others.
  for (auto series = plot.series.rbegin(); series != plot.series.rend(); ++series) out += lines(*series, scale);
  out += fmt::format("<path class=\"cursor\" d=\"M{},{} {},{}\"/>\n{}</svg>\n", kLeft, kTop, kLeft, kBottom, markers);
  return out + fmt::format("<ul class=\"legend\">\n{}</ul>\n</figure>\n", legend);
}

}  // namespace penstock::page
