// Talking to one Redfish service: sessions, links, limits on all that is read, and its errors as sentences.
#pragma once

#include <functional>

#include "base/clock.h"
#include "client/api_client.h"
#include "redfish/credentials.h"

namespace penstock {

struct RedfishOptions {
  std::string url;          ///< https://host[:port]; http on this machine only
  std::string credentials;  ///< a reference, see read_credentials
  std::string ca_file;      ///< PEM file of the authorities to trust; empty: the system's
  std::string pinned_key;   ///< sha256//… of the BMC's public key, in place of authorities; empty: authorities decide
  std::string system;       ///< the Id of the ComputerSystem to work on; empty: the only one that can be reset
  Duration connect_timeout = seconds(5);
  Duration request_timeout = seconds(30);
  Duration deadline = minutes(5);  ///< of one operation, with all that it waits for
  Duration poll = seconds(2);      ///< between two looks at something that should change
  std::function<Duration()> now = since_boot;
  std::function<bool(Duration)> sleep;  ///< false: stop what you do. Empty: sleeps, and nothing stops it
};

/// A resource as it was read.
struct RedfishResource {
  std::string path;
  std::string etag;  ///< empty: the service gives none
  json::object body;
};

/// One service, from one thread. Logs in with the first request that needs it, again when a session has expired, and out in
/// the destructor. Where a service has no sessions, or none left, it is basic authentication.
///
/// Redirects are followed for reads and on the same host only. 503 and 429 are waited out as the service asks, within the
/// deadline. An answer is at most 4 MiB and 32 deep; a collection has at most 500 members; an operation makes at most 1,000
/// requests. What the service says in its errors is cut to one line, without the password and the token.
class RedfishSession {
 public:
  explicit RedfishSession(RedfishOptions options);
  ~RedfishSession();
  RedfishSession(const RedfishSession&) = delete;
  RedfishSession& operator=(const RedfishSession&) = delete;

  const std::string& server() const { return server_; }
  const RedfishOptions& options() const { return options_; }

  /// From any thread, see ApiClient.
  void cancel() { client_.cancel(); }
  /// Begins an operation: its deadline and its count of requests.
  void begin(Duration deadline);
  /// Time that the operation has left.
  Duration left() const;
  /// Waits, but not over the deadline: kTimeout then, kUnavailable if told to stop.
  Status pause(Duration duration);

  /// The service root, read once.
  Result<const RedfishResource*> root();
  Result<RedfishResource> get(std::string_view link);
  /// The members of a collection, each read, over all of its pages.
  Result<std::vector<RedfishResource>> members(std::string_view link);
  /// The Location of what was made, if it says.
  Result<std::string> post(std::string_view link, const json::object& body);
  Status patch(const RedfishResource& resource, const json::object& body);
  Status remove(std::string_view link);

 private:
  struct Ask {
    std::string_view method;
    std::string path;
    std::string body;
    std::string etag;
    bool open = false;  ///< needs no credentials
  };

  Result<ApiResponse> once(const Ask& ask);
  Result<ApiResponse> ask(Ask ask);
  Result<RedfishResource> read(std::string_view link, bool open);
  Status log_in();
  void log_out();
  Error refused(const Ask& ask, const ApiResponse& answer) const;
  std::string hidden(std::string message) const;

  RedfishOptions options_;
  std::string server_;
  std::optional<Error> wrong_;  ///< why the options cannot be meant
  ApiClient client_;
  std::optional<RedfishResource> root_;
  Credentials credentials_;
  Secret token_;
  std::string session_;  ///< path of our session; empty: none
  Secret basic_;         ///< the header of basic authentication; empty: it is done with a session
  Duration ends_{};
  int requests_ = 0;
};

/// The value at a dotted path of member names; nullptr if it is not there.
const json::value* member(const json::object& object, std::string_view path);
/// Text at a path: at most 256 bytes, without control characters; empty if there is none.
std::string text_at(const json::object& object, std::string_view path);
/// A finite number at a path.
std::optional<double> number_at(const json::object& object, std::string_view path);
/// The @odata.id at a path; empty if there is none.
std::string link_at(const json::object& object, std::string_view path);
/// The @odata.id of each entry of the list at a path.
std::vector<std::string> links_at(const json::object& object, std::string_view path);

}  // namespace penstock
