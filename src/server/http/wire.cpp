// The two kinds of streams.
#include "server/http/wire.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>

namespace penstock {

namespace asio = boost::asio;

namespace {

// Runs on the stream's own executor, which is that of whoever waits for it.
template <class Stream, class Handler>
auto on(Stream& stream, Handler handler) {
  return asio::bind_executor(stream.get_executor(), [handler = std::move(handler)](auto... results) mutable { std::move(handler)(results...); });
}

}  // namespace

struct Wire::Tls {
  boost::beast::ssl_stream<Plain> stream;
};

Wire::Wire(asio::ip::tcp::socket socket, asio::ssl::context* context) {
  if (context != nullptr) {
    tls_.reset(new Tls{boost::beast::ssl_stream<Plain>(Plain(std::move(socket)), *context)});
  } else {
    plain_ = std::make_unique<Plain>(std::move(socket));
  }
}

Wire::Wire(Wire&&) noexcept = default;
Wire::~Wire() = default;

Wire::Plain& Wire::tcp() { return tls_ ? tls_->stream.next_layer() : *plain_; }

void Wire::handshake(Done done) {
  if (tls_) return tls_->stream.async_handshake(asio::ssl::stream_base::server, on(tls_->stream, std::move(done)));
  asio::post(get_executor(), [done = std::move(done)]() mutable { std::move(done)(error_code()); });
}

void Wire::shutdown(Done done) {
  if (tls_) return tls_->stream.async_shutdown(on(tls_->stream, std::move(done)));
  error_code failed;
  plain_->socket().shutdown(asio::ip::tcp::socket::shutdown_send, failed);
  asio::post(get_executor(), [done = std::move(done), failed]() mutable { std::move(done)(failed); });
}

void Wire::read(asio::mutable_buffer into, Moved moved) {
  if (tls_) return tls_->stream.async_read_some(into, on(tls_->stream, std::move(moved)));
  plain_->async_read_some(into, on(*plain_, std::move(moved)));
}

void Wire::write(const Gathered& from, Moved moved) {
  if (tls_) return tls_->stream.async_write_some(from, on(tls_->stream, std::move(moved)));
  plain_->async_write_some(from, on(*plain_, std::move(moved)));
}

}  // namespace penstock
