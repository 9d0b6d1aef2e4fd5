// Tables as HTML: heads with scopes, groups of rows, differences in words as well as in colour.
#include "sim/page/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/page/plot.h"

namespace penstock::page {
namespace {

// In a slim table it keeps its place where there is none, and the figures stand in line.
std::string difference_html(const Difference& difference, bool slim) {
  if (!slim && (difference.text.empty() || difference.verdict == Verdict::kSame)) return {};
  std::string_view attributes;
  if (difference.verdict == Verdict::kBetter) attributes = " class=\"better\" title=\"better\"";
  if (difference.verdict == Verdict::kWorse) attributes = " class=\"worse\" title=\"worse\"";
  return fmt::format("<small{}>{}</small>", attributes, difference.text);
}

std::string cells(const Table& table, const Table::Row& row, std::size_t run) {
  const std::vector<Figure>& figures = row.of_runs[run];
  const std::vector<Figure>& first = row.of_runs.front();
  std::string out;
  for (std::size_t c = 0; c < table.heads.size(); ++c) {
    const std::string_view begins = c == 0 ? " class=\"begins\"" : "";
    if (figures.empty()) {
      out += fmt::format("<td{}>{}</td>", begins, kNone);
      continue;
    }
    const Figure& figure = figures[c];
    const bool compare = run > 0 && !first.empty();
    out += fmt::format("<td{}>{}{}{}</td>", begins, table.heads[c].bar ? bar_html(figure, run) : "",
                       escaped(figure.text), compare ? difference_html(difference(first[c], figure), table.slim) : "");
  }
  return out;
}

// One line of heads, and above it one of the runs if there are several.
std::string heads(const Table& table, const std::vector<std::string>& labels) {
  const bool several = labels.size() > 1;
  const bool two_lines = several && !table.heads.front().name.empty();
  std::string upper;
  for (std::size_t k = 0; k < table.keys.size(); ++k) {
    upper +=
        fmt::format("<th class=\"of{}\" scope=\"col\"{}>{}</th>", k, two_lines ? " rowspan=\"2\"" : "", table.keys[k]);
  }
  std::string lower;
  for (std::size_t run = 0; run < labels.size(); ++run) {
    if (several) {
      upper +=
          fmt::format("<th class=\"run begins\" scope=\"{}\" colspan=\"{}\"><span class=\"key {}\"></span>{}</th>",
                      two_lines ? "colgroup" : "col", table.heads.size(), colour_class(run + 1), escaped(labels[run]));
    }
    for (std::size_t c = 0; c < table.heads.size(); ++c) {
      lower += fmt::format("<th{} scope=\"col\">{}</th>", c == 0 ? " class=\"begins\"" : "", table.heads[c].name);
    }
  }
  if (!several) return "<tr>" + upper + lower + "</tr>\n";
  return "<tr>" + upper + "</tr>\n" + (two_lines ? "<tr>" + lower + "</tr>\n" : "");
}

std::string body(const Table& table) {
  std::string out;
  for (std::size_t at = 0; at < table.rows.size();) {
    // Rows of the same first key share its head, where there are more keys to tell them apart.
    std::size_t end = at + 1;
    const auto& key = table.rows[at].keys;
    while (key.size() > 1 && end < table.rows.size() && table.rows[end].keys.front() == key.front()) ++end;
    out += "<tbody>\n";
    for (std::size_t r = at; r < end; ++r) {
      const Table::Row& row = table.rows[r];
      const bool total = std::all_of(row.keys.begin(), row.keys.end(), [](const std::string& k) { return k == "all"; });
      out += total ? "<tr class=\"total\">" : "<tr>";
      if (r == at) {
        out += fmt::format("<th class=\"of0\" scope=\"{}\" rowspan=\"{}\">{}</th>", end - at > 1 ? "rowgroup" : "row",
                           end - at, escaped(row.keys.front()));
      }
      for (std::size_t k = 1; k < row.keys.size(); ++k) {
        out += fmt::format("<th class=\"of{}\" scope=\"row\">{}</th>", k, escaped(row.keys[k]));
      }
      for (std::size_t run = 0; run < row.of_runs.size(); ++run) out += cells(table, row, run);
      out += "</tr>\n";
    }
    out += "</tbody>\n";
    at = end;
  }
  return out;
}

}  // namespace

Table::Row& Table::row(const std::vector<std::string>& keys_of_row, std::size_t runs) {
  auto after = rows.end();
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    if (row->keys == keys_of_row) return *row;
    if (row->keys.front() == keys_of_row.front()) after = row + 1;
  }
  return *rows.insert(after, {keys_of_row, std::vector<std::vector<Figure>>(runs)});
}

std::string bar_html(const Figure& ratio, std::size_t run) {
  if (!ratio.number) return {};
  const std::int64_t part = std::clamp<std::int64_t>(*ratio.number, 0, 1'000'000);
  return fmt::format("<span class=\"bar {}\" style=\"--part:{}%\"></span>", colour_class(run + 1),
                     fixed(part, 10'000, 1));
}

std::string table_html(const Table& table, const std::vector<std::string>& labels) {
  std::string out = fmt::format("<section>\n<h2 id=\"{}\">{}</h2>\n", table.id, table.title);
  if (!table.hint.empty()) out += fmt::format("<p class=\"hint\">{}</p>\n", table.hint);
  if (table.rows.empty()) return out + "<p class=\"nothing\">Nothing to show.</p>\n</section>\n";
  return out + fmt::format(
                   "<div class=\"scroll{}\" tabindex=\"0\">\n<table "
                   "aria-labelledby=\"{}\">\n<thead>\n{}</thead>\n{}</table>\n"
                   "</div>\n</section>\n",
                   table.slim ? " slim" : "", table.id, heads(table, labels), body(table));
}

}  // namespace penstock::page
