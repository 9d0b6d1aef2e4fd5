// Tariffs and carbon intensities out of CSV text, each bad row with its file and line.
#include "spec/series.h"

#include <charconv>

#include "spec/checks.h"

namespace penstock {
namespace {

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Spreadsheets put a byte order mark before the first letter.
std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

// The part of `text` before the next `divider`, which is taken off it.
std::string_view next_part(std::string_view& text, char divider) {
  const std::size_t at = text.find(divider);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

Result<TariffPointSpec> point_of(Time from, std::string_view text, const std::vector<TariffPointSpec>& before) {
  PENSTOCK_TRY(price, Text<Money>::parse(text));
  if (Status good = check_series_price(price); !good.ok()) return good.error();
  if (!before.empty() && price.currency != before.front().price.currency) {
    return make_error(Code::kInvalid, fmt::format("expected a price in {}, as in the rows before it, found '{}'",
                                                  before.front().price.currency, text));
  }
  return TariffPointSpec{from, std::move(price)};
}

Result<CarbonPointSpec> point_of(Time from, std::string_view text, const std::vector<CarbonPointSpec>&) {
  std::int64_t grams = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), grams);
  if (failed != std::errc() || end != text.data() + text.size() || grams < 0 || grams > kMostGrams) {
    return make_error(Code::kInvalid, fmt::format("expected whole grams from 0 to {}, found '{}'", kMostGrams, text));
  }
  return CarbonPointSpec{from, grams};
}

template <class Point>
std::vector<Point> read_points(const SourceText& source, std::string_view value, Problems& problems) {
  std::vector<Point> points;
  int line = 0;
  const auto tell = [&](std::string message, Code code = Code::kInvalid) {
    Error error = make_error(code, std::move(message));
    error.file = source.file;
    error.line = line;
    error.column = 1;
    problems.add(std::move(error));
  };
  bool headed = false;
  std::string_view rest = without_mark(source.text);
  while (!rest.empty() && !problems.full()) {
    ++line;
    const std::string_view row = trim(next_part(rest, '\n'));
    if (row.empty()) continue;
    std::string_view fields = row;
    const std::string_view first = trim(next_part(fields, ','));
    const std::string_view second = trim(fields);
    if (!headed) {
      headed = true;
      if (first == "from" && second == value) continue;
      tell(fmt::format("expected the header from,{}, found '{}'", value, row.substr(0, 60)));
      return {};
    }
    if (second.empty() || second.find(',') != std::string_view::npos) {
      tell(fmt::format("expected a time and a value with one comma between, found '{}'", row.substr(0, 60)));
      continue;
    }
    const Result<Time> from = Text<Time>::parse(first);
    if (!from.ok()) {
      tell(from.error().message);
      continue;
    }
    if (!points.empty() && *from <= points.back().from) {
      tell(fmt::format("expected a time after that of the row before it ({}), found {}",
                       Text<Time>::format(points.back().from), first));
      continue;
    }
    Result<Point> point = point_of(*from, second, points);
    if (!point.ok()) {
      tell(point.error().message);
      continue;
    }
    if (points.size() == kMostPoints) {
      tell(fmt::format("more than {} rows", kMostPoints), Code::kTooLarge);
      return {};
    }
    points.push_back(std::move(*point));
  }
  if (points.empty() && problems.empty()) tell(fmt::format("expected rows below the header from,{}", value));
  return points;
}

std::vector<TariffPointSpec> read_series(const TariffSpec&, const SourceText& source, Problems& problems) {
  return read_tariff(source, problems);
}
std::vector<CarbonPointSpec> read_series(const CarbonSpec&, const SourceText& source, Problems& problems) {
  return read_carbon(source, problems);
}

}  // namespace

std::vector<TariffPointSpec> read_tariff(const SourceText& source, Problems& problems) {
  return read_points<TariffPointSpec>(source, "price", problems);
}

std::vector<CarbonPointSpec> read_carbon(const SourceText& source, Problems& problems) {
  return read_points<CarbonPointSpec>(source, "grams", problems);
}

bool is_data_file(std::string_view name) {
  return name.ends_with(".csv");
}

SeriesFiles::SeriesFiles(const std::vector<SourceText>& sources) {
  for (const SourceText& source : sources) {
    if (is_data_file(source.file)) files_.emplace(source.file, &source);
  }
}

template <class Series>
void SeriesFiles::resolve(Series& series, const std::string& document_file, Problems& problems, Problems& in_files) {
  if (series.file.empty()) return;
  const std::size_t folder = document_file.rfind('/');
  const std::string path = (folder == std::string::npos ? "" : document_file.substr(0, folder + 1)) + series.file;
  const auto found = files_.find(path);
  if (found == files_.end()) {
    problems.add(
        fmt::format("there is no file '{}' among what was given; put it beside this document, or give its points here",
                    path),
        "file", Code::kNotFound);
    return;
  }
  Problems in_file;
  series.points = read_series(series, *found->second, in_file);
  series.file.clear();
  if (in_file.empty() || !told_.insert(path).second) return;
  Error first = in_file.take();
  const std::vector<Error> others = std::exchange(first.also, {});
  in_files.add(std::move(first));
  for (const Error& other : others) in_files.add(other);
}

void SeriesFiles::resolve(AnySpec& spec, const std::string& document_file, Problems& problems, Problems& in_files) {
  auto* site = std::get_if<SiteSpec>(&spec);
  if (site == nullptr || !site->grid) return;
  Problems::Step at_spec(problems, "spec");
  Problems::Step at_grid(problems, "grid");
  if (site->grid->tariff) {
    Problems::Step at_tariff(problems, "tariff");
    resolve(*site->grid->tariff, document_file, problems, in_files);
  }
  if (site->grid->carbon) {
    Problems::Step at_carbon(problems, "carbon");
    resolve(*site->grid->carbon, document_file, problems, in_files);
  }
}

}  // namespace penstock
