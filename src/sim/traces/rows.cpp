// Rows of traces: splitting without copies, and reading fields with a fault that a person can act upon.
#include "sim/traces/rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace penstock::traces {
namespace {

constexpr std::string_view kSeconds = "seconds such as 66 or 66.5, at most 100 years";
constexpr std::string_view kTime = "a time such as 2017-10-09 07:01:55, 2017-10-09T07:01:55+08:00 or 1507532515";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

Lines::Lines(std::string_view text) : rest_(text) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

bool Lines::next() {
  while (!rest_.empty()) {
    ++number_;
    line_ = trim(next_part(rest_, '\n'));
    if (!line_.empty()) return true;
  }
  return false;
}

// Reads the quoted field that begins at `at`, and goes to the divider behind it. A quoted field ends on its line: one
// that does not would swallow the rest of the file.
void Row::take_quoted(std::string_view line, std::size_t& at) {
  std::string* copy = nullptr;
  std::size_t begin = at + 1;
  std::size_t close = line.find('"', begin);
  while (close != std::string_view::npos && line.substr(close + 1).starts_with('"')) {
    if (copy == nullptr) copy = &unquoted_.emplace_back();
    copy->append(line.substr(begin, close + 1 - begin));
    begin = close + 2;
    close = line.find('"', begin);
  }
  if (close == std::string_view::npos) return wrong("a quote is not closed on its line");
  const std::string_view last = line.substr(begin, close - begin);
  if (copy != nullptr) copy->append(last);
  fields_.push_back(copy != nullptr ? std::string_view(*copy) : last);
  at = close + 1;
  while (at < line.size() && is_blank(line[at])) ++at;
  if (at < line.size() && line[at] != ',') {
    wrong(fmt::format("expected a comma after a closing quote, found '{}'", shown(line.substr(at))));
  }
}

void Row::take(std::string_view line, Divided divided, std::size_t columns) {
  fields_.clear();
  unquoted_.clear();
  fault_.clear();
  const bool quotes = divided == Divided::kByCommas;
  const char divider = divided == Divided::kByCommas ? ',' : divided == Divided::kByBars ? '|' : ' ';
  const bool by_blanks = divided == Divided::kByBlanks;
  for (std::size_t at = 0; !bad(); ++at) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (quotes && at < line.size() && line[at] == '"') {
      take_quoted(line, at);
    } else {
      const std::size_t begin = at;
      while (at < line.size() && line[at] != divider && !(by_blanks && is_blank(line[at]))) ++at;
      fields_.push_back(trim(line.substr(begin, at - begin)));
    }
    if (at >= line.size()) break;
  }
  if (columns != 0 && !bad() && fields_.size() != columns) {
    wrong(fmt::format("expected {} columns as in the header, found {}", columns, fields_.size()));
  }
}

std::string_view Row::text(const Column& column) const {
  return column.at < fields_.size() ? fields_[column.at] : std::string_view();
}

std::int64_t Row::count(const Column& column, std::int64_t least, std::int64_t most) {
  const std::optional<std::int64_t> number = whole(text(column));
  if (number && *number >= least && *number <= most) return *number;
  expected(column, fmt::format("a whole number from {} to {}", least, most));
  return least;
}

Duration Row::seconds(const Column& column) {
  const std::optional<Duration> duration = seconds_in(text(column));
  if (!duration) expected(column, kSeconds);
  return duration.value_or(Duration());
}

Time Row::time(const Column& column) {
  const std::optional<Time> time = time_in(text(column));
  if (!time) expected(column, kTime);
  return time.value_or(Time());
}

std::optional<Duration> Row::seconds_if_known(const Column& column) {
  return is_unknown(text(column)) ? std::nullopt : std::optional(seconds(column));
}

std::optional<Time> Row::time_if_known(const Column& column) {
  return is_unknown(text(column)) ? std::nullopt : std::optional(time(column));
}

void Row::wrong(std::string why) {
  if (fault_.empty()) fault_ = std::move(why);
}

void Row::expected(const Column& column, std::string_view what) {
  if (fault_.empty()) fault_ = fmt::format("{}: expected {}, found '{}'", column.name, what, shown(text(column)));
}

Table::Table(std::string_view text, Divided divided) : lines_(text), divided_(divided) {
  if (!lines_.next()) return;
  header_line_ = lines_.line();
  header_number_ = lines_.number();
  header_.take(header_line_, divided_);
}

Column Table::column(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    for (std::size_t at = 0; at < header_.size(); ++at) {
      if (header_.field(at) == name) return {name, at};
    }
  }
  return {names.size() == 0 ? std::string_view() : *names.begin(), Column::kAbsent};
}

Status Table::needs(TraceFormat format, std::initializer_list<std::string_view> choices) const {
  std::string all;
  std::string missing;
  for (const std::string_view choice : choices) {
    std::string wanted;
    bool found = false;
    for (std::string_view rest = choice; !rest.empty();) {
      const std::string_view name = next_part(rest, '|');
      found = found || column(name);
      wanted += fmt::format("{}{}", wanted.empty() ? "" : " or ", name);
    }
    all += fmt::format("{}{}", all.empty() ? "" : ", ", wanted);
    if (!found) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", wanted);
  }
  if (missing.empty()) return ok_status();
  if (header_number_ == 0) return error_at(1, fmt::format("the trace is empty; expected a header with {}", all));
  return error_at(header_number_, fmt::format("the header lacks {}; a trace of format {} has {}, found '{}'", missing,
                                              name_of(format), all, header_line_.substr(0, 300)));
}

bool Table::next() {
  if (!lines_.next()) return false;
  row_.take(lines_.line(), divided_, header_.size());
  return true;
}

Error error_at(std::size_t line, std::string message) {
  Error error = make_error(Code::kInvalid, std::move(message));
  error.line = static_cast<int>(std::min<std::size_t>(line, std::numeric_limits<int>::max()));
  error.column = 1;
  return error;
}

}  // namespace penstock::traces
