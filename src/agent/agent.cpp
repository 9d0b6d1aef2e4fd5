// Six threads: one calls the server and follows its orders, one watches the tasks, two watch the node, one sends logs, one deletes.
#include "agent/agent.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "agent/parts.h"
#include "base/clock.h"

namespace penstock {
namespace {

// How often the tasks are looked at when no directory watch wakes us; also how soon a dead shim is noticed.
constexpr int kLookMs = 200;
constexpr std::chrono::seconds kJanitorPause(5);

std::string find_podman() {
  for (const char* directory : {"/usr/local/bin", "/usr/bin", "/bin"}) {
    const std::string path = std::string(directory) + "/podman";
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

}  // namespace

Agent::Agent(AgentOptions options, std::unique_ptr<Control> control)
    : options_(std::move(options)), control_(std::move(control)) {
  while (!options_.server.empty() && options_.server.back() == '/') options_.server.pop_back();
  if (!control_) {
    ApiClientOptions client;
    client.server = options_.server;
    client.ca_file = options_.ca_file;
    control_ = std::make_unique<HttpControl>(client);
  }
  if (!options_.podman) options_.podman = find_podman();
  if (!options_.task_user) options_.task_user = geteuid() == 0 ? "nobody" : "";
}

Status Agent::run(const std::atomic<bool>& stop) {
  PENSTOCK_RETURN_IF_ERROR(open());
  std::thread syncing([this] { sync_loop(); });
  std::thread sending([this] { logs_->run(); });
  std::thread deleting([this] { janitor_loop(); });
  std::thread checking([this] { health_->run(); });
  std::thread listening([this] { health_->watch_faults(); });
  while (!stop) {
    pollfd watched{-1, POLLIN, 0};
    bool changed = false;
    {
      const std::lock_guard lock(mutex_);
      watched.fd = tasks_->descriptor();
      changed = tasks_->scan();
      tasks_->tidy();
    }
    if (changed) tell_news();
    poll(&watched, 1, kLookMs);
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  control_->close();
  logs_->stop();
  health_->stop();
  remedies_->stop();
  syncing.join();
  sending.join();
  deleting.join();
  checking.join();
  listening.join();
  spdlog::info("event=agent-stopped node={} note=\"tasks go on\"", options_.node);
  return ok_status();
}

void Agent::tell_news() {
  const std::lock_guard lock(mutex_);
  news_ = true;
  wake_.notify_all();
  if (long_poll_ && !interrupted_) {
    interrupted_ = true;
    control_->interrupt();
  }
}

Status Agent::open() {
  // Tasks and their shims work elsewhere and need the whole path.
  options_.state_dir = std::filesystem::absolute(options_.state_dir);
  PENSTOCK_RETURN_IF_ERROR(make_directories(options_.state_dir, 0711));
  auto lock = lock_file(options_.state_dir + "/lock");
  if (!lock.ok()) {
    if (lock.error().code != Code::kFailedPrecondition) return std::move(lock).error();
    return make_error(Code::kFailedPrecondition,
                      fmt::format("another agent is at work in {}; give each its own directory", options_.state_dir));
  }
  lock_ = std::move(*lock);

  const std::string path = options_.state_dir + "/agent.json";
  if (exists(path)) {
    PENSTOCK_TRY(memory, read_json_file<AgentMemory>(path));
    memory_ = std::move(memory);
  } else {
    memory_.instance = random_key().substr(0, 8);
  }
  if (memory_.node != options_.node || memory_.server != options_.server) {
    // Another server's epochs and credentials mean nothing to this one. Tasks that it does not order will end.
    const std::string instance = memory_.instance;
    memory_ = AgentMemory{};
    memory_.instance = instance;
    memory_.node = options_.node;
    memory_.server = options_.server;
  }
  machine_ = read_machine();
  devices_ = find_devices(options_.nvml_library, machine_.cores, options_.health.paths.sys);
  cgroups_ = CgroupPlace::find(options_.cgroups);
  if (cgroups_.kind == CgroupKind::kNone) {
    spdlog::warn("event=no-cgroups reason=\"{}\" note=\"tasks run without limits on cores and memory\"",
                 cgroups_.why_none);
  }

  options_.health.state_dir = options_.state_dir;
  health_ = std::make_unique<HealthWatch>(options_.health, *devices_, machine_.boot_id, memory_.hello ? memory_.hello->memory : Bytes(),
                                          [this] { tell_news(); });
  remedies_ = std::make_unique<Remedies>(options_.remedies, options_.state_dir, machine_.boot_id, *devices_,
                                         [this](std::int32_t device) { health_->device_was_reset(device); }, [this] { tell_news(); });
  PENSTOCK_RETURN_IF_ERROR(remedies_->open());
  if (!options_.metrics.empty()) {
    const std::string host = options_.metrics.find(':') == std::string::npos ? "127.0.0.1:" : "";
    PENSTOCK_TRY(page, MetricsPage::open(host + options_.metrics, std::make_shared<DeviceMetrics>(*devices_, *health_, machine_.hostname)));
    metrics_ = std::move(page);
  }

  TasksOptions tasks;
  tasks.state_dir = options_.state_dir;
  tasks.instance = memory_.instance;
  tasks.shim_command = options_.shim_command;
  tasks.podman = *options_.podman;
  tasks.user = *options_.task_user;
  tasks.cgroups = cgroups_;
  tasks.logs = options_.logs;
  tasks.retention = options_.log_retention;
  tasks.retention_size = options_.log_retention_size;
  tasks_ = std::make_unique<Tasks>(std::move(tasks), *devices_);
  PENSTOCK_RETURN_IF_ERROR(tasks_->open());
  PENSTOCK_RETURN_IF_ERROR(remember());

  logs_ = std::make_unique<LogSender>(
      *control_,
      [this](const TaskKey& key) {
        const std::lock_guard guard(mutex_);
        return tasks_->log_of(key);
      },
      [this] {
        const std::lock_guard guard(mutex_);
        return memory_.token;
      });

  const AgentHello now = hello();
  const bool same = memory_.hello && to_json(*memory_.hello) == to_json(now);
  // A node that has changed should say so, if it still may.
  registered_ = !memory_.token.empty() && (same || options_.join_token.empty());
  retry_ = options_.retry_first;
  random_.seed(static_cast<unsigned>(since_boot().count()) ^ static_cast<unsigned>(getpid()));
  spdlog::info("event=agent-started node={} server={} devices={} model={} cgroups={} state_dir={}", options_.node,
               options_.server, devices_->devices().size(), devices_->model(), name_of(cgroups_.kind),
               options_.state_dir);
  return ok_status();
}

AgentHello Agent::hello() const {
  AgentHello hello;
  hello.node = options_.node;
  hello.address = !options_.address.empty()             ? options_.address
                  : is_loopback_server(options_.server) ? "127.0.0.1"
                                                        : machine_.hostname;
  hello.agent_version = options_.version;
  hello.boot_id = machine_.boot_id;
  hello.hostname = machine_.hostname;
  hello.device_vendor = name_of(devices_->vendor());
  hello.device_model = devices_->model();
  hello.device_count = static_cast<std::int32_t>(devices_->devices().size());
  hello.cpu = MilliCpu(1000) * machine_.cores;
  hello.memory = machine_.memory;
  hello.capabilities.emplace_back(name_of(cgroups_.kind));
  if (!options_.podman->empty()) hello.capabilities.emplace_back("oci");
  hello.power_source = devices_->power(0) ? "nvml" : rapl_.usable() ? "rapl" : "model";
  hello.parts = read_parts(options_.health.paths, *devices_, machine_.memory);
  return hello;
}

Status Agent::remember() {
  return write_file(options_.state_dir + "/agent.json", to_json(memory_), Lasting::kPowerLoss, 0600);
}

void Agent::sync_loop() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (registered_ ? sync_once() : register_once()) {
      retry_ = options_.retry_first;
    } else {
      wait_before_retry();
    }
  }
}

void Agent::wait_before_retry() {
  // Between half and all of it, so that a thousand agents do not come back at once.
  const std::int64_t half = retry_.count() / 2;
  const std::int64_t wait = half + std::uniform_int_distribution<std::int64_t>(0, half)(random_);
  retry_ = std::min(Duration(retry_.count() * 2), options_.retry_most);
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::nanoseconds(wait), [this] { return stopping_; });
}

bool Agent::register_once() {
  const AgentHello introduction = hello();
  // A join token may have run out since the node first registered; the node's own is good until it is refused.
  std::string token = options_.join_token;
  bool own = false;
  {
    const std::lock_guard lock(mutex_);
    own = !memory_.token.empty() && (token.empty() || !own_token_refused_);
    if (own) token = memory_.token;
  }
  auto welcome = control_->register_node(introduction, token);
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  if (!welcome.ok()) {
    own_token_refused_ = own && welcome.error().code == Code::kUnauthenticated;
    spdlog::warn("event=not-registered node={} code={} error=\"{}\"", options_.node, code_name(welcome.error().code),
                 welcome.error().message);
    return false;
  }
  if (welcome->epoch < memory_.epoch) {
    spdlog::warn("event=stale-leader-ignored epoch={} highest={}", welcome->epoch, memory_.epoch);
    return false;
  }
  memory_.token = welcome->token;
  memory_.registration = welcome->registration;
  memory_.epoch = welcome->epoch;
  memory_.hello = introduction;
  if (auto kept = remember(); !kept.ok()) {
    spdlog::error("event=not-registered node={} error=\"{}\"", options_.node, kept.error().message);
    return false;
  }
  registered_ = true;
  revision_ = 0;
  spdlog::info("event=registered node={} registration={} epoch={}", options_.node,
               Text<Uid>::format(welcome->registration), welcome->epoch);
  return true;
}

bool Agent::sync_once() {
  SyncRequest request;
  std::set<TaskKey> told;
  std::string token;
  request.power = measure_power();
  {
    const std::lock_guard lock(mutex_);
    request.registration = memory_.registration;
    request.epoch = memory_.epoch;
    request.revision = revision_;
    request.tasks = tasks_->reports();
    request.findings = health_->findings();
    request.remedies = remedies_->reports();
    // Fresh news first, and without being interrupted by fresher news, so that calls always get through.
    request.wait = news_ ? Duration() : options_.heartbeat;
    token = memory_.token;
    news_ = false;
    long_poll_ = request.wait > Duration();
  }
  for (const TaskReport& report : request.tasks) {
    if (report.phase == TaskPhase::kExited) told.insert({report.allocation, report.rank});
  }
  const Duration sent = since_boot();
  auto reply = control_->sync(request, token);
  std::unique_lock lock(mutex_);
  long_poll_ = false;
  if (stopping_) return false;
  if (!reply.ok()) {
    news_ = true;
    // An interruption that came too late for its call has ended this one.
    if (std::exchange(interrupted_, false)) return true;
    const Code code = reply.error().code;
    spdlog::warn("event=sync-failed code={} error=\"{}\"", code_name(code), reply.error().message);
    // The server no longer knows this registration: introduce the node again.
    if (code == Code::kUnauthenticated || code == Code::kGone) registered_ = false;
    return false;
  }
  if (auto taken = take(*reply, sent, told); !taken.ok()) {
    news_ = true;
    spdlog::warn("event=orders-not-followed error=\"{}\"", taken.error().message);
    return false;
  }
  // Whoever ends a remedy tells of it, for which it needs the lock.
  lock.unlock();
  if (auto taken = remedies_->take(reply->remedy); !taken.ok()) {
    spdlog::warn("event=remedy-put-off error=\"{}\"", taken.error().message);
    return false;
  }
  return true;
}

Status Agent::take(const SyncReply& reply, Duration sent, const std::set<TaskKey>& told) {
  if (reply.epoch < memory_.epoch) {
    return make_error(Code::kConflict, fmt::format("they come from a leader of epoch {}, but epoch {} has begun",
                                                   reply.epoch, memory_.epoch));
  }
  if (reply.epoch > memory_.epoch) {
    // Kept before anything is done in its name, so that no restart can fall back behind it.
    const Epoch before = std::exchange(memory_.epoch, reply.epoch);
    if (auto kept = remember(); !kept.ok()) {
      memory_.epoch = before;
      return kept;
    }
  }
  revision_ = reply.revision;
  // Counted from when the request left: the server counts from when it came in, which is later.
  news_ |= tasks_->reconcile(reply.orders, sent + reply.lease, told);
  logs_->want(reply.logs);
  return ok_status();
}

std::optional<Watts> Agent::measure_power() {
  std::optional<Watts> total = rapl_.read();
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(devices_->devices().size()); ++i) {
    if (const auto watts = devices_->power(i)) total = total.value_or(Watts()) + *watts;
  }
  return total;
}

void Agent::janitor_loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    Tasks::empty_trash(options_.state_dir);
    lock.lock();
    wake_.wait_for(lock, kJanitorPause, [this] { return stopping_; });
  }
}

}  // namespace penstock
