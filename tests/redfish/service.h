// A Redfish service of our own on 127.0.0.1, after the public schemas of the DMTF, with the faults that BMCs have.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/json.h"

struct ssl_ctx_st;

namespace penstock {

constexpr std::string_view kUser = "operator";
constexpr std::string_view kPassword = "hunter2-Zq9!";

/// What goes wrong. Counts go down with each time.
struct Faults {
  int slow_ms = 0;               ///< before every answer
  bool half = false;             ///< answers break off in their middle
  bool no_json = false;
  bool huge = false;             ///< answers never end
  bool deep = false;             ///< answers are nested without end
  bool circle = false;           ///< the last page of a collection leads to the first
  bool endless = false;          ///< every page has another one behind it
  int busy = 0;                  ///< 503
  std::string retry_after = "1";
  int lost = 0;                  ///< answers to resets that never come: the connection breaks behind the deed
  int conflicts = 0;             ///< somebody changes a resource between our read and our write
  bool power_stays = false;      ///< resets are accepted and do nothing
  bool limit_stays = false;      ///< limits are accepted and do nothing
  bool echo = false;             ///< errors repeat what was sent
  bool no_sessions = false;      ///< the service knows basic authentication only
  bool sessions_full = false;
  bool tokens_rot = false;       ///< every token is refused
  std::string redirect;          ///< where every read of a system is sent
};

/// How many there are, and the most that there were.
struct Gauge {
  std::atomic<int> now{0}, most{0};
  void up() {
    const int count = ++now;
    int before = most;
    while (count > before && !most.compare_exchange_weak(before, count)) {
    }
  }
  void down() { --now; }
};

class Service {
 public:
  enum class Flavour {
    kModern,  ///< EnvironmentMetrics, PowerSubsystem, ActionInfo, pages, ETags; a host and its board of GPUs
    kOlder,   ///< Power and Thermal, no ETags, paths of its own
  };
  enum class Wire { kPlain, kTls };

  explicit Service(Flavour flavour = Flavour::kModern, Wire wire = Wire::kPlain);
  ~Service();

  std::string url() const;
  /// PEM of the certificate, which signed itself, and sha256//… of its key.
  const std::string& certificate() const { return certificate_; }
  const std::string& pin() const { return pin_; }

  /// Changes the faults or the resources while nobody is served.
  void set(const std::function<void(Faults&)>& change);
  void edit(const std::function<void(std::map<std::string, json::object>&)>& change);
  json::object resource(const std::string& path);
  /// "METHOD path" of each request, and its whole text.
  std::vector<std::string> requests();
  std::vector<std::string> texts();
  /// How many of them begin so.
  int count(std::string_view start);
  int sessions();
  /// The most requests that were being answered at once.
  int most_at_once() const { return at_once_.most.load(); }
  /// The same over all services of this process, since the last call.
  static int most_everywhere() { return everywhere_.most.exchange(0); }
  void expire_sessions();

  std::string host;      ///< path of the machine
  std::string chassis;   ///< path of its chassis
  std::string limits;    ///< path of the resource by which that is limited

 private:
  struct Request {
    std::string method, path, body, text;
    std::string header(std::string_view name) const;
  };
  struct Channel;
  void serve();
  void converse(int fd);
  std::string answer(const Request& request);
  std::string act(const Request& request);
  bool known(const Request& request);
  void make_modern();
  void make_older();
  void add(const std::string& path, std::string_view type, json::object body);
  void collect(const std::string& path, std::string_view type, const std::vector<std::string>& members, std::size_t page = 0);
  void make_certificate();
  std::string etag(const std::string& path);
  std::string reset(const Request& request);
  std::string patch(const Request& request);

  Flavour flavour_;
  int listener_ = -1;
  int port_ = 0;
  std::string certificate_, pin_;
  ssl_ctx_st* tls_ = nullptr;
  std::atomic<bool> stop_{false};
  Gauge at_once_;
  static inline Gauge everywhere_;
  std::mutex mutex_;
  Faults faults_;
  std::map<std::string, json::object> resources_;
  std::map<std::string, int> versions_;
  std::map<std::string, std::string> sessions_;  // path, token
  std::vector<std::string> pending_;             // power states that the next reads will show
  std::vector<std::string> requests_, texts_;
  int made_ = 0;
  std::vector<std::thread> talks_;
  std::thread thread_;
};

}  // namespace penstock
