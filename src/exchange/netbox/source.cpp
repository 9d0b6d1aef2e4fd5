// Reading NetBox's objects from files and over HTTP.
#include "exchange/netbox/source.h"

#include <algorithm>
#include <filesystem>

#include "base/files.h"

namespace penstock {
namespace {

constexpr std::size_t kMostObjects = 1'000'000;  // of one endpoint
constexpr std::size_t kMostPages = 100'000;      // of one endpoint
constexpr std::size_t kMostBytes = 1 << 30;      // of one file

struct Page {
  json::array objects;
  std::string next;  // empty: the last one
};

Result<Page> page_of(std::string_view text, const std::string& from) {
  auto value = parse_json(text);
  if (!value.ok()) {
    Error error = std::move(value).error();
    error.file = from;
    return error;
  }
  const auto wrong = [&from](std::string_view expected, const json::value& found) {
    return make_error(Code::kInvalid, fmt::format("{}: {}", from, wrong_kind(expected, found)));
  };
  Page page;
  if (value->is_array()) {
    page.objects = std::move(value->get_array());
    return page;
  }
  json::object* object = value->if_object();
  json::value* results = object == nullptr ? nullptr : object->if_contains("results");
  if (results == nullptr || !results->is_array()) return wrong("a list of objects, or a page with results", *value);
  page.objects = std::move(results->get_array());
  page.next = text_of(*object, "next");
  return page;
}

Status add_objects(NetboxData& data, const std::string& endpoint, json::array objects, const std::string& from) {
  NetboxObjects& known = data.endpoints[endpoint];
  for (json::value& value : objects) {
    json::object* object = value.if_object();
    const std::int64_t id = object == nullptr ? 0 : reference_of(*object, "id");
    if (id <= 0)
      return make_error(Code::kInvalid, fmt::format("{}: {}", from, wrong_kind("an object with an id", value)));
    if (!known.try_emplace(id, std::move(*object)).second) {
      return make_error(Code::kInvalid, fmt::format("{}: the id {} is given twice", from, id));
    }
    if (known.size() > kMostObjects)
      return make_error(Code::kTooLarge, fmt::format("{}: more than {} objects", from, kMostObjects));
  }
  return ok_status();
}

bool of_plugin(std::string_view endpoint) {
  return endpoint.starts_with("plugins/");
}

// scheme://host[:port] and the path below which NetBox stands.
struct Base {
  std::string server;
  std::string path;
};

std::size_t end_of_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? std::string_view::npos : std::min(url.find('/', scheme + 3), url.size());
}

Result<Base> base_of(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  const std::size_t host = end_of_host(url);
  if (host == std::string::npos || !(url.starts_with("http://") || url.starts_with("https://"))) {
    return make_error(Code::kInvalid,
                      fmt::format("expected the address of a NetBox such as https://netbox.example, found '{}'", url));
  }
  Base base{url.substr(0, host), url.substr(host)};
  if (base.path.ends_with("/api")) base.path.resize(base.path.size() - 4);
  return base;
}

std::string_view host_in(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return url.substr(scheme + 3, end_of_host(url) - scheme - 3);
}

// The path of the next page. A proxy may hide the scheme from NetBox, so only the host must be the same; the question
// goes to the server that was named, whatever the scheme.
Result<std::string> next_path(const std::string& next, const Base& base) {
  const std::size_t host = end_of_host(next);
  if (host == std::string::npos)
    return make_error(Code::kInvalid, fmt::format("the next page has no address: '{}'", next));
  if (host_in(next) != host_in(base.server)) {
    return make_error(Code::kForbidden,
                      fmt::format("the next page stands on another host ({}); pages are followed on {} only",
                                  host_in(next), host_in(base.server)));
  }
  return next.substr(host);
}

}  // namespace

Result<NetboxData> read_netbox_directory(const std::string& directory) {
  namespace fs = std::filesystem;
  NetboxData data;
  std::error_code failed;
  if (!fs::is_directory(directory, failed))
    return make_error(Code::kNotFound, fmt::format("{} is no directory", directory));
  std::set<std::string> known;
  for (const char* endpoint : netbox::kEndpoints) {
    const std::string path = fmt::format("{}/{}.json", directory, endpoint);
    known.insert(fmt::format("{}.json", endpoint));
    if (!exists(path)) continue;
    PENSTOCK_TRY(text, read_file(path, kMostBytes));
    PENSTOCK_TRY(page, page_of(text, path));
    if (!page.next.empty()) {
      return make_error(Code::kInvalid,
                        fmt::format("{} is one page of several; save all of it, with limit=0 if your NetBox allows, "
                                    "or as one list of all results",
                                    path));
    }
    PENSTOCK_RETURN_IF_ERROR(add_objects(data, endpoint, std::move(page.objects), path));
  }
  if (!data.endpoints.contains(netbox::kSites)) {
    return make_error(Code::kNotFound,
                      fmt::format("there is no {}/{}.json: expected files named like the API's endpoints", directory,
                                  netbox::kSites));
  }
  for (const auto& entry : fs::recursive_directory_iterator(directory, failed)) {
    const std::string name = fs::relative(entry.path(), directory).generic_string();
    if (entry.is_regular_file() && !known.contains(name)) data.unread.push_back(name);
  }
  std::sort(data.unread.begin(), data.unread.end());
  return data;
}

Result<NetboxData> read_netbox_api(const std::string& url, const std::string& token, const std::string& ca_file) {
  PENSTOCK_TRY(base, base_of(url));
  ApiClientOptions options;
  options.server = base.server;
  options.peer = "NetBox";
  options.ca_file = ca_file;
  ApiClient client(std::move(options));
  client.set_timeout(minutes(2));
  Headers headers{{"accept", "application/json"}};
  if (!token.empty()) headers["authorization"] = (token.starts_with("nbt_") ? "Bearer " : "Token ") + token;
  NetboxData data;
  for (const std::string endpoint : netbox::kEndpoints) {
    std::string path = fmt::format("{}/api/{}/?limit=1000", base.path, endpoint);
    for (std::size_t pages = 0; !path.empty(); ++pages) {
      if (pages == kMostPages)
        return make_error(Code::kTooLarge, fmt::format("{} has more than {} pages", endpoint, kMostPages));
      auto answer = client.request("GET", path, {}, headers);
      if (!answer.ok()) {
        if (answer.error().code == Code::kNotFound && of_plugin(endpoint)) break;
        return make_error(answer.error().code, fmt::format("{}: {}", endpoint, answer.error().message));
      }
      PENSTOCK_TRY(page, page_of(answer->body, endpoint));
      PENSTOCK_RETURN_IF_ERROR(add_objects(data, endpoint, std::move(page.objects), endpoint));
      path.clear();
      if (page.next.empty()) continue;
      PENSTOCK_TRY(next, next_path(page.next, base));
      path = std::move(next);
    }
  }
  return data;
}

}  // namespace penstock
