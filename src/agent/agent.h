// The agent: registers its node, keeps its lease, and makes its tasks match the server's orders.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>

#include "agent/checks/watch.h"
#include "agent/control.h"
#include "agent/device_metrics.h"
#include "agent/log_sender.h"
#include "agent/machine.h"
#include "agent/remedies.h"
#include "agent/tasks.h"

namespace penstock {

struct AgentOptions {
  std::string server;      ///< http://host:port
  std::string ca_file;     ///< for https; empty: the system's authorities
  std::string node;        ///< site/hall/rack/node
  std::string join_token;  ///< needed to register; may be empty once the node is registered
  std::string address;     ///< by which other nodes reach this one; empty: 127.0.0.1 for a server on this machine, else
                           ///< the host name
  std::string state_dir;   ///< holds the node's token and its tasks; one agent at a time
  std::string version = PENSTOCK_VERSION;
  std::optional<std::string> task_user;  ///< absent: nobody if the agent is root, else its own; empty: its own
  std::string nvml_library = kNvmlLibrary;
  std::vector<std::string> shim_command{"/proc/self/exe", "shim"};
  std::optional<std::string> podman;  ///< its path; absent: looked for in the usual places; empty: none
  std::optional<CgroupKind> cgroups;  ///< absent: the best there is
  Duration heartbeat = seconds(10);   ///< how long a call to the server may wait for news
  Duration retry_first = milliseconds(200);
  Duration retry_most = seconds(10);
  LogLayout logs;
  Duration log_retention = hours(24);
  Bytes log_retention_size = Bytes(1 << 30);
  HealthOptions health;  ///< its state directory is the agent's
  RemedyOptions remedies;
  std::string metrics;  ///< HOST:PORT or a port of loopback where Prometheus may ask for the devices' metrics; empty: nowhere
};

/// What an agent must not forget (`agent.json`).
struct AgentMemory {
  std::string node;
  std::string server;
  std::string instance;  ///< 8 random hexadecimal digits, for good: tells this state directory's tasks apart
  std::string token;
  Uid registration;
  Epoch epoch = 0;  ///< the highest ever seen
  std::optional<AgentHello> hello;

  static constexpr auto schema() {
    return object("AgentMemory", "What an agent must not forget.",
                  field("node", &AgentMemory::node, required, "the node it is"),
                  field("server", &AgentMemory::server, required, "the server it is registered with"),
                  field("instance", &AgentMemory::instance, required, "tells its tasks from those of other agents"),
                  field("token", &AgentMemory::token, optional, "the node's credential"),
                  field("registration", &AgentMemory::registration, required, "the registration; all zero: none"),
                  field("epoch", &AgentMemory::epoch, required, "highest epoch seen"),
                  field("hello", &AgentMemory::hello, optional, "what it registered with"));
  }
};

class Agent {
 public:
  /// Without `control` the server is called over HTTP.
  explicit Agent(AgentOptions options, std::unique_ptr<Control> control = nullptr);

  /// Works until `stop` is set. Tasks go on running without it. Errors are only those of the start: the state
  /// directory is in use by another agent (kFailedPrecondition) or cannot be used. A server that is away or
  /// refuses is tried again for as long as it takes.
  Status run(const std::atomic<bool>& stop);

 private:
  Status open();
  AgentHello hello() const;
  Status remember();

  void sync_loop();
  /// False if it is to be tried again later.
  bool register_once();
  bool sync_once();
  Status take(const SyncReply& reply, Duration sent, const std::set<TaskKey>& told);
  // There is something to report that cannot wait for the server to have something to say.
  void tell_news();
  std::optional<Watts> measure_power();
  void wait_before_retry();
  void janitor_loop();

  AgentOptions options_;
  std::unique_ptr<Control> control_;
  Machine machine_;
  std::unique_ptr<DeviceProvider> devices_;
  RaplMeter rapl_;
  std::unique_ptr<HealthWatch> health_;
  std::unique_ptr<Remedies> remedies_;
  std::unique_ptr<MetricsPage> metrics_;
  CgroupPlace cgroups_;
  Fd lock_;

  // Of the sync thread alone.
  std::uint64_t revision_ = 0;
  bool registered_ = false;
  bool own_token_refused_ = false;
  Duration retry_;
  std::minstd_rand random_;

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  AgentMemory memory_;
  std::unique_ptr<Tasks> tasks_;
  bool stopping_ = false;
  bool news_ = false;         // something has changed since the last report
  bool long_poll_ = false;    // a call is waiting that news should end
  bool interrupted_ = false;  // an interruption is on its way to this call or the next

  std::unique_ptr<LogSender> logs_;
};

}  // namespace penstock
