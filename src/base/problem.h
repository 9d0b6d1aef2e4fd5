// Problems as they travel: RFC 9457 bodies, to and from Error, and the HTTP status of every code.
#pragma once

#include "base/json.h"

namespace penstock {

/// One fault of several, or a warning.
struct ProblemItem {
  std::string message;
  std::string path;
  std::string file;
  std::int32_t line = 0;
  std::int32_t column = 0;

  static constexpr auto schema() {
    return object("ProblemItem", "One fault of several, or a warning, and where it is.",
                  field("message", &ProblemItem::message, required, "a sentence for a person"),
                  field("path", &ProblemItem::path, optional, "the offending field"),
                  field("file", &ProblemItem::file, optional, "the text it came from"),
                  field("line", &ProblemItem::line, optional, "line in that text, from 1"),
                  field("column", &ProblemItem::column, optional, "column in that line, from 1"));
  }
  bool operator==(const ProblemItem&) const = default;
};

/// The body of every answer that is not a success (`application/problem+json`).
struct Problem {
  std::string type;
  std::string title;
  std::int32_t status = 0;
  std::string detail;
  Code code = Code::kInternal;
  std::string path;
  std::string file;
  std::int32_t line = 0;
  std::int32_t column = 0;
  std::vector<ProblemItem> errors;

  static constexpr auto schema() {
    return object("Problem", "Why a request was not done (RFC 9457).",
                  field("type", &Problem::type, required, "urn:penstock:problem: and the code"),
                  field("title", &Problem::title, required, "the kind of problem in a few words"),
                  field("status", &Problem::status, required, "the HTTP status"),
                  field("detail", &Problem::detail, required, "a sentence for a person: what is wrong and what to do"),
                  field("code", &Problem::code, required, "the kind of problem for a program; a closed vocabulary"),
                  field("path", &Problem::path, optional, "the offending field"),
                  field("file", &Problem::file, optional, "the text it came from"),
                  field("line", &Problem::line, optional, "line in that text, from 1"),
                  field("column", &Problem::column, optional, "column in that line, from 1"),
                  field("errors", &Problem::errors, optional, "further faults found in the same pass"));
  }
  bool operator==(const Problem&) const = default;
};

inline constexpr std::string_view kProblemType = "application/problem+json";

/// An error without those that were found beside it, and back.
ProblemItem to_item(const Error& error);
Error to_error(const ProblemItem& item, Code code);

/// The HTTP status that carries `code`.
int http_status(Code code);
/// The code that best says what an HTTP status without a problem body means, e.g. one that a proxy made.
Code code_of_status(int status);

Problem to_problem(const Error& error);
/// The same error again. Items of `errors` take the code of the whole: the wire has one code.
Error to_error(const Problem& problem);

}  // namespace penstock
