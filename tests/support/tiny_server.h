// An HTTP server of a few lines on 127.0.0.1 that says exactly what a test wants it to say.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace penstock {

// Answers each request with what `answer` makes of it; an empty answer leaves the caller waiting.
class TinyServer {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  explicit TinyServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    PENSTOCK_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    PENSTOCK_CHECK(listen(listener_, 8) == 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TinyServer() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  int connections() const { return connections_; }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  bool readable(int fd) {
    while (!stop_) {
      pollfd watched{fd, POLLIN, 0};
      if (poll(&watched, 1, 20) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (readable(listener_)) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      ++connections_;
      talks_.emplace_back([this, fd] {
        converse(fd);
        close(fd);
      });
    }
    for (std::thread& talk : talks_) talk.join();
  }

  void converse(int fd) {
    std::string got;
    while (readable(fd)) {
      char buffer[4096];
      const ssize_t size = read(fd, buffer, sizeof buffer);
      if (size <= 0) return;
      got.append(buffer, static_cast<std::size_t>(size));
      const std::size_t head = got.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      std::size_t length = 0;
      const std::size_t field = got.find("Content-Length: ");
      if (field < head) length = std::stoul(got.substr(field + 16));
      if (got.size() < head + 4 + length) continue;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(got.substr(0, head + 4 + length));
      }
      const std::string reply = answer_(got.substr(0, head + 4 + length));
      got.erase(0, head + 4 + length);
      for (std::size_t sent = 0; sent < reply.size();) {
        const ssize_t n = send(fd, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
      }
      if (reply.find("Connection: close") != std::string::npos) return;
    }
  }

  Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> talks_;
  std::thread thread_;
};

inline std::string http_reply(int status, std::string_view body, std::string_view type = "application/json",
                              std::string_view more = "") {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n{}", status, type, more,
                     body.size(), body);
}

}  // namespace penstock
