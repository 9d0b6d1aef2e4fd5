// The console's files: read once at the start and answered from memory, so that no request names a path on disk.
#pragma once

#include <map>
#include <string>

#include "server/api/http.h"

namespace penstock {

struct StaticFilesOptions {
  std::string directory;  ///< built assets with an index.html; empty or without: a page says how to build them
  std::string issuer;     ///< URL of the identity provider, which pages may call besides us; empty: none
};

/// Answers below kPrefix, and sends `/` there. What a directory holds beyond its regular files, links too, is not there.
/// `FILE.gz` beside FILE is sent to those who take it. Files in assets/ have their hash in their name and are kept for ever;
/// a path without a file and without a dot is a page of the application, which is index.html.
class StaticFiles {
 public:
  static constexpr std::string_view kPrefix = "/console/";
  static constexpr std::size_t kMostBytes = 64 << 20;  ///< of all files together

  /// kTooLarge over kMostBytes; kUnavailable if a file cannot be read.
  static Result<StaticFiles> read(const StaticFilesOptions& options);

  /// Whether the target is ours and not the API's.
  bool serves(std::string_view target) const;
  HttpResponse answer(const HttpRequest& request) const;

 private:
  struct File {
    std::string type;
    std::string bytes;
    std::string zipped;  ///< with gzip; empty: not there
    std::string tag;
    bool lasting = false;
  };

  std::string policy_;
  std::map<std::string, File> files_;  ///< by their path below the prefix
};

/// Where the assets of this binary lie: beside it as they are built, or as a package installs them; empty: nowhere.
std::string find_console();

}  // namespace penstock
