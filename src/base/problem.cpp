// The table of codes, statuses and titles, and the two conversions.
#include "base/problem.h"

namespace penstock {
namespace {

struct Row {
  Code code;
  int status;
  std::string_view title;
};

constexpr std::array kRows{
    Row{Code::kInvalid, 400, "The request is wrong"},
    Row{Code::kNotFound, 404, "There is no such object"},
    Row{Code::kAlreadyExists, 409, "The name is taken"},
    Row{Code::kConflict, 409, "The object has changed"},
    Row{Code::kUnauthenticated, 401, "No valid credential"},
    Row{Code::kForbidden, 403, "Not allowed"},
    Row{Code::kFailedPrecondition, 409, "Not possible in the present state"},
    Row{Code::kLimitExceeded, 422, "A limit would be exceeded"},
    Row{Code::kTooLarge, 413, "Too large"},
    Row{Code::kGone, 410, "No longer kept"},
    Row{Code::kUnsupported, 501, "Not supported"},
    Row{Code::kUnavailable, 503, "Not available now"},
    Row{Code::kTimeout, 504, "It took too long"},
    Row{Code::kInternal, 500, "A defect in Penstock"},
};
static_assert(kRows.size() == enum_names(Code{}).size());

const Row& row_of(Code code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row;
  }
  return kRows.back();
}

// Errors may nest; on the wire they are one flat list.
void flatten(const std::vector<Error>& errors, std::vector<ProblemItem>& out) {
  for (const Error& error : errors) {
    out.push_back(to_item(error));
    flatten(error.also, out);
  }
}

}  // namespace

ProblemItem to_item(const Error& error) { return {error.message, error.path, error.file, error.line, error.column}; }

Error to_error(const ProblemItem& item, Code code) {
  Error error = make_error(code, item.message, item.path);
  error.file = item.file;
  error.line = item.line;
  error.column = item.column;
  return error;
}

int http_status(Code code) { return row_of(code).status; }

Code code_of_status(int status) {
  switch (status) {
    case 401: return Code::kUnauthenticated;
    case 403: return Code::kForbidden;
    case 404: return Code::kNotFound;
    case 408: return Code::kTimeout;
    case 409: return Code::kConflict;
    case 410: return Code::kGone;
    case 412: return Code::kConflict;
    case 413: return Code::kTooLarge;
    case 422: return Code::kLimitExceeded;
    case 429: return Code::kUnavailable;
    case 501: return Code::kUnsupported;
    case 502: return Code::kUnavailable;
    case 503: return Code::kUnavailable;
    case 504: return Code::kTimeout;
    default: return status >= 400 && status < 500 ? Code::kInvalid : Code::kInternal;
  }
}

Problem to_problem(const Error& error) {
  const Row& row = row_of(error.code);
  Problem problem;
  problem.type = "urn:penstock:problem:" + std::string(code_name(error.code));
  problem.title = row.title;
  problem.status = row.status;
  problem.detail = error.message;
  problem.code = error.code;
  problem.path = error.path;
  problem.file = error.file;
  problem.line = error.line;
  problem.column = error.column;
  flatten(error.also, problem.errors);
  return problem;
}

Error to_error(const Problem& problem) {
  Error error = make_error(problem.code, problem.detail, problem.path);
  error.file = problem.file;
  error.line = problem.line;
  error.column = problem.column;
  for (const ProblemItem& item : problem.errors) error.also.push_back(to_error(item, problem.code));
  return error;
}

}  // namespace penstock
