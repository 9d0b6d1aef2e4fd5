// The HTTP/1.1 front: connections, TLS, and the limits that keep one caller from hurting the others.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/api/api.h"
#include "server/http/static_files.h"

namespace penstock {

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 7440;      ///< 0: any free one
  std::string certificate_file;   ///< PEM chain; with it, TLS 1.2 and above only
  std::string key_file;           ///< PEM private key
  std::size_t threads = 1;
  std::size_t most_connections = 4096;
  std::size_t most_per_peer = 2048;           ///< connections of one address
  std::uint32_t most_header = 16 << 10;       ///< bytes of request line and headers
  std::uint64_t most_body = 16 << 20;         ///< bytes of a request body
  Duration request_time = seconds(20);        ///< for a whole request to come in
  Duration idle_time = seconds(75);           ///< between requests on a kept connection
  Duration write_time = seconds(20);          ///< for the peer to take what was written
  Duration stream_pause = seconds(15);        ///< between signs of life on a quiet event stream
};

/// Serves an Api, and the console beside it. Starts in start(), stops in stop() or the destructor.
class HttpServer {
 public:
  HttpServer(HttpOptions options, Api& api, Metrics& metrics, StaticFiles console = {});
  ~HttpServer();

  /// Binds and listens; the error names the address and what to do.
  Status start();
  void stop();
  /// Where it listens, e.g. http://127.0.0.1:7440.
  std::string url() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock
