// One connection, with TLS or without: a stream for Asio's and Beast's operations.
#pragma once

#include <array>
#include <memory>
#include <variant>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>

namespace boost::asio::ssl {
class context;
}

namespace penstock {

/// Handlers are type-erased here, so that every operation on it is compiled once and not for each kind of stream.
class Wire {
 public:
  using Plain = boost::beast::tcp_stream;
  using executor_type = Plain::executor_type;
  using error_code = boost::system::error_code;

  /// With TLS if there is a context, which must outlive the wire.
  Wire(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* context);
  Wire(Wire&&) noexcept;
  ~Wire();

  /// Where time limits are set, and the socket is.
  Plain& tcp();
  executor_type get_executor() { return tcp().get_executor(); }

  /// At once without TLS.
  template <class Token>
  auto async_handshake(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>([this](Done done) { handshake(std::move(done)); }, token);
  }
  /// Says goodbye; what the peer sent is not read any more.
  template <class Token>
  auto async_shutdown(Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>([this](Done done) { shutdown(std::move(done)); }, token);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    boost::asio::mutable_buffer into;  // reading less than all buffers hold is allowed
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers) && into.size() == 0; ++at) into = *at;
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>([this, into](Moved moved) { read(into, std::move(moved)); }, token);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    Gathered from;
    std::size_t used = 0;
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers) && used < from.size(); ++at) {
      from[used++] = *at;
    }
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>([this, from](Moved moved) { write(from, std::move(moved)); }, token);
  }

 private:
  struct Tls;
  using Done = boost::asio::any_completion_handler<void(error_code)>;
  using Moved = boost::asio::any_completion_handler<void(error_code, std::size_t)>;
  using Gathered = std::array<boost::asio::const_buffer, 8>;

  void handshake(Done done);
  void shutdown(Done done);
  void read(boost::asio::mutable_buffer into, Moved moved);
  void write(const Gathered& from, Moved moved);

  std::unique_ptr<Plain> plain_;  // one of the two
  std::unique_ptr<Tls> tls_;
};

}  // namespace penstock
