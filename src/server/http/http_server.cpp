// Connections as coroutines over Boost.Beast.
#include "server/http/http_server.h"

#include <atomic>
#include <map>
#include <mutex>

#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>

#include "server/http/wire.h"

namespace penstock {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using boost::system::error_code;
using asio::ip::tcp;

std::chrono::nanoseconds nanos(Duration d) { return std::chrono::nanoseconds(d.count()); }

Error over_limit(http::error what, const HttpOptions& options) {
  if (what == http::error::body_limit) {
    return make_error(Code::kTooLarge, fmt::format("the body is larger than {} bytes; send less at a time", options.most_body));
  }
  return make_error(Code::kTooLarge, fmt::format("request line and headers are larger than {} bytes", options.most_header));
}

// A quiet stream writes nothing that could fail, so its end is looked up.
bool hung_up(tcp::socket& socket) {
  char byte = 0;
  const ssize_t got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions o, Api& a, Metrics& m, StaticFiles c) : options(std::move(o)), api(a), metrics(m), console(std::move(c)), acceptor(io) {}

  HttpOptions options;
  Api& api;
  Metrics& metrics;
  const StaticFiles console;
  std::optional<ssl::context> tls;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::map<std::string, std::size_t> by_peer;
  std::size_t connections = 0;
  asio::io_context io;  // goes before all above: its connections are released as it ends
  tcp::acceptor acceptor;

  bool admit(const std::string& peer) {
    std::lock_guard lock(mutex);
    if (connections >= options.most_connections) {
      metrics.connection_refused("connections");
      return false;
    }
    std::size_t& own = by_peer[peer];
    if (own >= options.most_per_peer) {
      metrics.connection_refused("connections-per-peer");
      return false;
    }
    ++own;
    ++connections;
    metrics.connection_opened();
    return true;
  }
  void release(const std::string& peer) {
    std::lock_guard lock(mutex);
    if (--by_peer[peer] == 0) by_peer.erase(peer);
    --connections;
    metrics.connection_closed();
  }

  asio::awaitable<void> listen();
  asio::awaitable<void> serve(Wire wire, std::string peer);
  asio::awaitable<bool> write(Wire& wire, const HttpResponse& response, const http::request<http::string_body>& request);
  asio::awaitable<void> pour(Wire& wire, std::shared_ptr<ByteStream> bytes, bool events);
  asio::awaitable<HttpResponse> ask(HttpRequest request);
};

HttpServer::HttpServer(HttpOptions options, Api& api, Metrics& metrics, StaticFiles console)
    : impl_(std::make_unique<Impl>(std::move(options), api, metrics, std::move(console))) {}

HttpServer::~HttpServer() { stop(); }

Status HttpServer::start() {
  Impl& s = *impl_;
  const auto fail = [&](const std::string& what, const error_code& why) {
    return make_error(Code::kUnavailable, fmt::format("cannot {} {} port {}: {}; choose another with --listen", what, s.options.address,
                                                      s.options.port, why.message()));
  };
  error_code failed;
  const auto address = asio::ip::make_address(s.options.address, failed);
  if (failed) return make_error(Code::kInvalid, fmt::format("'{}' is no IP address", s.options.address), "listen");
  if (!s.options.certificate_file.empty()) {
    s.tls.emplace(ssl::context::tls_server);
    s.tls->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    s.tls->use_certificate_chain_file(s.options.certificate_file, failed);
    if (failed) return make_error(Code::kInvalid, fmt::format("cannot use {}: {}", s.options.certificate_file, failed.message()), "tls-cert");
    s.tls->use_private_key_file(s.options.key_file, ssl::context::pem, failed);
    if (failed) return make_error(Code::kInvalid, fmt::format("cannot use {}: {}", s.options.key_file, failed.message()), "tls-key");
  }
  const tcp::endpoint endpoint(address, s.options.port);
  s.acceptor.open(endpoint.protocol(), failed);
  if (failed) return fail("open", failed);
  s.acceptor.set_option(asio::socket_base::reuse_address(true), failed);
  s.acceptor.bind(endpoint, failed);
  if (failed) return fail("bind to", failed);
  s.acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) return fail("listen on", failed);
  asio::co_spawn(s.io, s.listen(), asio::detached);
  for (std::size_t i = 0; i < s.options.threads; ++i) s.threads.emplace_back([&s] { s.io.run(); });
  return ok_status();
}

void HttpServer::stop() {
  impl_->io.stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

std::string HttpServer::url() const {
  error_code failed;
  const auto endpoint = impl_->acceptor.local_endpoint(failed);
  std::string host = impl_->options.address;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("{}://{}:{}", impl_->tls ? "https" : "http", host, failed ? impl_->options.port : endpoint.port());
}

asio::awaitable<void> HttpServer::Impl::listen() {
  while (true) {
    error_code failed;
    tcp::socket socket(asio::make_strand(io));
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) co_return;
    if (failed) {
      // Out of descriptors: wait for connections to end instead of spinning.
      spdlog::warn("accept failed error=\"{}\"", failed.message());
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
      continue;
    }
    const auto remote = socket.remote_endpoint(failed);
    const std::string peer = failed ? std::string("?") : remote.address().to_string();
    if (!admit(peer)) continue;
    socket.set_option(tcp::no_delay(true), failed);
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, serve(Wire(std::move(socket), tls ? &*tls : nullptr), peer), asio::detached);
  }
}

asio::awaitable<HttpResponse> HttpServer::Impl::ask(HttpRequest request) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(HttpResponse)>(
      [this](auto handler, HttpRequest asked) {
        auto executor = asio::get_associated_executor(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        api.handle(std::move(asked), [shared, executor](HttpResponse response) {
          asio::post(executor, [shared, response = std::move(response)]() mutable { (*shared)(std::move(response)); });
        });
      },
      asio::use_awaitable, std::move(request));
}

asio::awaitable<void> HttpServer::Impl::serve(Wire wire, std::string peer) {
  struct Released {
    Impl& server;
    const std::string& peer;
    ~Released() { server.release(peer); }
  } released{*this, peer};

  error_code failed;
  wire.tcp().expires_after(nanos(options.request_time));
  co_await wire.async_handshake(asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return;
  beast::flat_buffer buffer;
  bool keep = true;
  while (keep) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(options.most_header);
    parser.body_limit(options.most_body);

    // The first byte may take its time; the rest of the request may not.
    wire.tcp().expires_after(nanos(options.idle_time));
    if (buffer.size() == 0) {
      const std::size_t got = co_await wire.async_read_some(buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, failed));
      buffer.commit(got);
      if (failed) break;
    }
    wire.tcp().expires_after(nanos(options.request_time));
    co_await http::async_read_header(wire, buffer, parser, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed && !parser.is_done()) {
      const auto expect = parser.get()[http::field::expect];
      if (beast::iequals(expect, "100-continue")) {
        http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
        co_await http::async_write(wire, go_on, asio::redirect_error(asio::use_awaitable, failed));
      }
      if (!failed) co_await http::async_read(wire, buffer, parser, asio::redirect_error(asio::use_awaitable, failed));
    }
    if (failed) {
      const bool too_large = failed == http::error::body_limit || failed == http::error::header_limit;
      if (too_large || (failed.category() == http::make_error_code(http::error::bad_method).category() &&
                        failed != http::error::end_of_stream && failed != http::error::partial_message)) {
        metrics.connection_refused(failed == http::error::body_limit ? "body" : too_large ? "header" : "malformed");
        HttpResponse response = problem_response(
            too_large ? over_limit(failed == http::error::body_limit ? http::error::body_limit : http::error::header_limit, options)
                      : make_error(Code::kInvalid, fmt::format("not an HTTP/1.1 request: {}", failed.message())));
        http::request<http::string_body> none;
        none.version(11);
        none.keep_alive(false);
        co_await write(wire, response, none);
      } else if (failed == beast::error::timeout && parser.got_some()) {
        metrics.connection_refused("slow-request");
      }
      break;
    }

    http::request<http::string_body> message = parser.release();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.peer = peer;
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers.insert_or_assign(std::move(name), std::string(field.value()));
    }
    request.body = std::move(message.body());
    wire.tcp().expires_never();  // the answer comes when it comes; agents wait for orders
    const HttpResponse response = console.serves(request.target) ? console.answer(request) : co_await ask(std::move(request));
    if (response.stream) message.keep_alive(false);
    keep = co_await write(wire, response, message);
    if (keep && response.stream) {
      co_await pour(wire, response.stream, response.content_type == "text/event-stream");
      break;
    }
    if (response.stream) response.stream->leave();
    keep = keep && message.keep_alive();
  }
  wire.tcp().expires_after(std::chrono::seconds(2));
  co_await wire.async_shutdown(asio::redirect_error(asio::use_awaitable, failed));
}

asio::awaitable<bool> HttpServer::Impl::write(Wire& wire, const HttpResponse& response,
                                              const http::request<http::string_body>& request) {
  error_code failed;
  http::response<http::string_body> message(static_cast<http::status>(response.status), request.version());
  message.set(http::field::server, "penstock");
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(request.keep_alive());
  wire.tcp().expires_after(nanos(options.write_time));
  if (response.stream) {
    message.chunked(true);
    http::response<http::empty_body> head(std::move(message.base()));
    head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    co_await http::async_write_header(wire, serializer, asio::redirect_error(asio::use_awaitable, failed));
    co_return !failed;
  }
  if (request.method() == http::verb::head) {
    message.content_length(response.body.size());
  } else {
    message.body() = response.body;
    message.prepare_payload();
  }
  co_await http::async_write(wire, message, asio::redirect_error(asio::use_awaitable, failed));
  if (failed == beast::error::timeout) metrics.connection_refused("slow-reader");
  co_return !failed;
}

asio::awaitable<void> HttpServer::Impl::pour(Wire& wire, std::shared_ptr<ByteStream> bytes, bool events) {
  const auto executor = co_await asio::this_coro::executor;
  auto bell = std::make_shared<asio::steady_timer>(executor);
  bell->expires_after(nanos(options.stream_pause));
  // The producer rings from its own thread; the timer belongs to this connection's strand.
  bytes->on_ready([bell, executor] { asio::post(executor, [bell] { bell->cancel(); }); });
  struct Leaving {
    ByteStream& stream;
    ~Leaving() { stream.leave(); }
  } leaving{*bytes};

  error_code failed;
  while (!failed) {
    bool over = false;
    std::string chunk = bytes->take(over);
    if (chunk.empty() && !over) {
      error_code rung;
      co_await bell->async_wait(asio::redirect_error(asio::use_awaitable, rung));
      const bool quiet = !rung;
      bell->expires_after(nanos(options.stream_pause));
      chunk = bytes->take(over);
      if (chunk.empty() && !over && quiet) {
        if (hung_up(wire.tcp().socket())) break;
        if (!events) continue;
        chunk = ": still here\n\n";
      }
    }
    if (!chunk.empty()) {
      wire.tcp().expires_after(nanos(options.write_time));
      co_await asio::async_write(wire, http::make_chunk(asio::buffer(chunk)), asio::redirect_error(asio::use_awaitable, failed));
      if (failed == beast::error::timeout) metrics.connection_refused("slow-reader");
    }
    if (over && !failed) {
      co_await asio::async_write(wire, http::make_chunk_last(), asio::redirect_error(asio::use_awaitable, failed));
      break;
    }
  }
}

}  // namespace penstock
