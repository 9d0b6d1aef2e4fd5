// Runs side by side for a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "sim/page.h"
#include "sim/page/figures.h"

namespace penstock {

std::string comparison_text(const std::vector<SimReport>& reports) {
  using namespace page;  // NOLINT: its words are what this is about
  if (reports.empty()) return "No runs.\n";
  constexpr std::size_t kMostLabel = 28;
  constexpr std::string_view kGap = "   ";
  // First the names of the figures, then a column of values for each run, and one of differences for all but the first.
  const std::vector<Headline> first = headlines(reports.front());
  std::vector<std::vector<std::string>> columns{{""}};
  for (const Headline& headline : first) columns[0].push_back(headline.name);
  const std::vector<std::string> labels = run_labels(reports);
  for (std::size_t run = 0; run < reports.size(); ++run) {
    std::vector<std::string> values{plain(labels[run], kMostLabel)};
    std::vector<std::string> differences{""};
    const std::vector<Headline> figures = headlines(reports[run]);
    for (std::size_t i = 0; i < figures.size(); ++i) {
      values.push_back(plain(figures[i].figure.text, kMostLabel));
      differences.push_back(difference(first[i].figure, figures[i].figure).text);
    }
    columns.push_back(std::move(values));
    if (run > 0) columns.push_back(std::move(differences));
  }
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    std::size_t widest = 0;
    for (const std::string& cell : column) widest = std::max(widest, width(cell));
    widths.push_back(widest);
  }
  std::string out;
  for (std::size_t row = 0; row <= first.size(); ++row) {
    std::string line;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::string pad(widths[c] - width(columns[c][row]), ' ');
      line += c == 0 ? columns[c][row] + pad : fmt::format("{}{}{}", kGap, pad, columns[c][row]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  if (reports.size() > 1) out += fmt::format("Differences are to {}; pt: percentage points.\n", columns[1][0]);
  return out;
}

}  // namespace penstock
