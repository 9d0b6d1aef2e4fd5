// A plot of values over time as a figure with inline SVG. It needs no script: one that is there reads out values.
#pragma once

#include "sim/page/axes.h"

namespace penstock::page {

struct Point {
  std::int64_t at = 0;                ///< seconds from the begin of its run
  std::optional<std::int64_t> value;  ///< none: not known

  bool operator==(const Point&) const = default;
};

struct Series {
  std::string name;        ///< as it stands in the legend
  std::size_t run = 0;     ///< index of the run
  std::string_view key;    ///< of its values in the samples that the page carries
  std::size_t colour = 0;  ///< 0: grey; from 1 on, one of the eight colours, and dashed beyond them
  bool reference = false;  ///< a thin dashed line to compare with
  bool filled = false;     ///< down to 0
  std::vector<Point> points;
};

struct Plot {
  std::string_view id;  ///< of the figure; a word
  std::string_view title;
  std::string_view unit;  ///< of the values ÷ divisor
  std::int64_t divisor = 1;
  std::vector<Series> series;
  std::vector<Mark> marks;  ///< what happened, at seconds from the begin
};

/// Coordinates are tenths of a pixel, all of them within this box.
inline constexpr std::int64_t kPlotWidth = 7200;
inline constexpr std::int64_t kPlotHeight = 2500;

std::string plot_html(const Plot& plot, const TimeAxis& axis);

/// The class of a colour of the page's style: c0 to c8, and `again` where colours are used a second time.
std::string colour_class(std::size_t colour);

}  // namespace penstock::page
