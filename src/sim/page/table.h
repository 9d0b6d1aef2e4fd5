// Tables of figures: one group of columns a run, and below each figure its difference to the first run.
#pragma once

#include <functional>

#include "sim/page/figures.h"

namespace penstock::page {

template <class Row>
struct Column {
  std::string_view name;
  std::function<Figure(const Row&)> figure;
  bool bar = false;  ///< its figures are ratios, and shown as bars too
};

/// What a table shows, without the types of what it came from.
struct Table {
  struct Head {
    std::string_view name;
    bool bar = false;
  };
  struct Row {
    std::vector<std::string> keys;             ///< what the row is of; rows with the same first key stand together
    std::vector<std::vector<Figure>> of_runs;  ///< of each run a figure a column; empty where the run has no such row
  };

  std::string_view id;  ///< of its section; a word
  std::string_view title;
  std::string_view hint;  ///< what it shows; may be empty
  bool slim = false;      ///< one short column a run: no wider than it must be, and differences beside the figures
  std::vector<std::string_view> keys;
  std::vector<Head> heads;
  std::vector<Row> rows;

  /// The row with these keys. A new one stands after the last with the same first key.
  Row& row(const std::vector<std::string>& keys, std::size_t runs);
};

/// Adds the rows that each run has, and joins those of the same keys.
template <class R>
void fill(Table& table, const std::vector<SimReport>& reports, std::vector<R> SimReport::*rows,
          const std::function<std::vector<std::string>(const R&)>& keys, const std::vector<Column<R>>& columns) {
  for (const Column<R>& column : columns) table.heads.push_back({column.name, column.bar});
  for (std::size_t run = 0; run < reports.size(); ++run) {
    for (const R& row : reports[run].*rows) {
      std::vector<Figure>& figures = table.row(keys(row), reports.size()).of_runs[run];
      figures.clear();
      for (const Column<R>& column : columns) figures.push_back(column.figure(row));
    }
  }
}

/// A bar as long as the ratio, in the colour of the run; empty if there is no figure.
std::string bar_html(const Figure& ratio, std::size_t run);

/// The section with the table, or with a word that there is nothing to show. Labels name the runs.
std::string table_html(const Table& table, const std::vector<std::string>& labels);

}  // namespace penstock::page
