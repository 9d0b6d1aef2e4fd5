// Rows of traces: lines, fields and columns with names. A field is a view of the text, and a fault has its line.
#pragma once

#include <deque>

#include "sim/traces/values.h"

namespace penstock::traces {

/// The lines of a text that are not blank. A byte order mark, CRLF and a missing last line end are all the same to it.
class Lines {
 public:
  explicit Lines(std::string_view text);

  /// Goes to the next line; false at the end.
  bool next();
  std::string_view line() const { return line_; }  ///< without blanks around it
  std::size_t number() const { return number_; }   ///< from 1, blank lines counted

 private:
  std::string_view rest_;
  std::string_view line_;
  std::size_t number_ = 0;
};

/// How the fields of a row stand: commas between, and quotes around those that hold one; bars between; blanks between.
enum class Divided { kByCommas, kByBars, kByBlanks };

/// A column of a table, which may lack it.
struct Column {
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);

  std::string_view name;
  std::size_t at = kAbsent;

  explicit operator bool() const { return at != kAbsent; }
};

/// One row. Its fields are read as what they should be; the first that is not makes the row bad.
class Row {
 public:
  /// Takes a line apart. A row of another number of fields than `columns` is bad; 0: any.
  void take(std::string_view line, Divided divided, std::size_t columns = 0);

  std::size_t size() const { return fields_.size(); }
  std::string_view field(std::size_t at) const { return fields_[at]; }
  /// The field of a column, empty if the table or the row has none.
  std::string_view text(const Column& column) const;
  /// A whole number within the bounds.
  std::int64_t count(const Column& column, std::int64_t least = 0, std::int64_t most = kMostCount);
  Duration seconds(const Column& column);
  Time time(const Column& column);
  /// Nothing if the field says that it is not known.
  std::optional<Duration> seconds_if_known(const Column& column);
  std::optional<Time> time_if_known(const Column& column);

  /// Says what is wrong with the row; the first that is said counts.
  void wrong(std::string why);
  /// Says that a field is not what it should be.
  void expected(const Column& column, std::string_view what);
  bool bad() const { return !fault_.empty(); }
  const std::string& fault() const { return fault_; }

 private:
  void take_quoted(std::string_view line, std::size_t& at);

  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // fields that held quotes, which a view cannot leave out
  std::string fault_;
};

/// A table with a header. The text must outlive it.
class Table {
 public:
  Table(std::string_view text, Divided divided);

  /// The column of one of these names, the first that there is.
  Column column(std::initializer_list<std::string_view> names) const;
  Column column(std::string_view name) const { return column({name}); }
  /// kInvalid, with the line of the header, unless it has a column of each choice, such as `End|Elapsed`.
  Status needs(TraceFormat format, std::initializer_list<std::string_view> choices) const;

  /// Goes to the next row; false at the end.
  bool next();
  Row& row() { return row_; }
  std::size_t line() const { return lines_.number(); }

 private:
  Lines lines_;
  Divided divided_;
  std::string_view header_line_;
  std::size_t header_number_ = 0;
  Row header_;
  Row row_;
};

/// An error at the beginning of a line.
Error error_at(std::size_t line, std::string message);

}  // namespace penstock::traces
