// Assets in memory, and the headers that keep a page to itself.
#include "server/http/static_files.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/files.h"
#include "engine/state.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = "index.html";
constexpr std::string_view kNotBuilt =
    "The console is not built.\n\n"
    "With Node 18 or newer, in a checkout of Penstock:\n\n"
    "  npm --prefix console ci\n"
    "  npm --prefix console run build\n\n"
    "and start the server again; ./run does all of it. `--console DIR` names assets that lie elsewhere.\n"
    "The API is served as ever: /openapi.json describes it.\n";

std::string_view type_of(std::string_view path) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTypes{{{".html", "text/html; charset=utf-8"},
                                                                                        {".js", "text/javascript; charset=utf-8"},
                                                                                        {".css", "text/css; charset=utf-8"},
                                                                                        {".json", "application/json"},
                                                                                        {".svg", "image/svg+xml"},
                                                                                        {".png", "image/png"},
                                                                                        {".ico", "image/x-icon"},
                                                                                        {".woff2", "font/woff2"},
                                                                                        {".txt", "text/plain; charset=utf-8"}}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

bool lists(const HttpRequest& request, const std::string& header, std::string_view value) {
  const auto found = request.headers.find(header);
  return found != request.headers.end() && found->second.find(value) != std::string::npos;
}

}  // namespace

Result<StaticFiles> StaticFiles::read(const StaticFilesOptions& options) {
  StaticFiles out;
  std::string connect = "'self'";
  if (const std::size_t host = options.issuer.find("://"); host != std::string::npos) {
    connect += " " + options.issuer.substr(0, options.issuer.find_first_of("/?#; ", host + 3));
  }
  // Scripts and styles come from files only, nothing may frame the page, and it talks to nobody else.
  out.policy_ = fmt::format("default-src 'self'; connect-src {}; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
                            "frame-ancestors 'none'", connect);
  std::error_code failed;
  if (options.directory.empty() || !fs::is_directory(options.directory, failed)) return out;
  std::size_t sum = 0;
  for (fs::recursive_directory_iterator at(options.directory, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->symlink_status().type() != fs::file_type::regular) continue;
    const std::string path = at->path().string();
    PENSTOCK_TRY(bytes, read_file(path, kMostBytes));
    sum += bytes.size();
    if (sum > kMostBytes) return make_error(Code::kTooLarge, fmt::format("{} holds more than {} bytes; is it the console?", options.directory, kMostBytes), "console");
    std::string name = at->path().lexically_relative(options.directory).generic_string();
    const bool zipped = name.ends_with(".gz");
    if (zipped) name.resize(name.size() - 3);
    File& file = out.files_[name];
    file.type = type_of(name);
    file.lasting = name.starts_with("assets/");
    if (zipped) {
      file.zipped = std::move(bytes);
    } else {
      file.tag = fmt::format("\"{:016x}\"", state_hash(bytes));
      file.bytes = std::move(bytes);
    }
  }
  if (failed) return make_error(Code::kUnavailable, fmt::format("cannot read {}: {}", options.directory, failed.message()), "console");
  std::erase_if(out.files_, [](const auto& file) { return file.second.tag.empty(); });
  return out;
}

bool StaticFiles::serves(std::string_view target) const {
  const std::string_view path = target.substr(0, target.find('?'));
  return path == "/" || path.starts_with(kPrefix) || path == kPrefix.substr(0, kPrefix.size() - 1);
}

HttpResponse StaticFiles::answer(const HttpRequest& request) const {
  HttpResponse response;
  response.headers = {{"Content-Security-Policy", policy_},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
  const auto plain = [&](int status, std::string_view text) {
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = text;
    return std::move(response);
  };
  if (request.method != "GET" && request.method != "HEAD") {
    response.headers.emplace_back("Allow", "GET, HEAD");
    return plain(405, "Only GET and HEAD are possible here.\n");
  }
  const std::string_view target = std::string_view(request.target).substr(0, request.target.find('?'));
  if (!target.starts_with(kPrefix)) {
    response.headers.emplace_back("Location", kPrefix);
    return plain(302, "The console is at /console/.\n");
  }
  if (!files_.contains(std::string(kIndex))) return plain(503, kNotBuilt);

  const std::string name(target.substr(kPrefix.size()));
  auto found = files_.find(name);
  if (found == files_.end()) {
    if (name.substr(name.rfind('/') + 1).find('.') != std::string::npos) return plain(404, "There is no such file.\n");
    found = files_.find(std::string(kIndex));
  }
  const File& file = found->second;
  response.headers.emplace_back("Cache-Control", file.lasting ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("ETag", file.tag);
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.content_type = file.type;
  if (lists(request, "if-none-match", file.tag)) {
    response.status = 304;
    return response;
  }
  const bool zip = !file.zipped.empty() && lists(request, "accept-encoding", "gzip");
  if (zip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = zip ? file.zipped : file.bytes;
  return response;
}

std::string find_console() {
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  for (const char* beside : {"../console", "../share/penstock/console"}) {
    const fs::path directory = (binary.parent_path() / beside).lexically_normal();
    if (fs::exists(directory / kIndex, failed)) return directory.string();
  }
  return {};
}

}  // namespace penstock
