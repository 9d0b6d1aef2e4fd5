// Kills a server under load again and again: what it acknowledged must be there afterwards, and nothing twice.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/api_client.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kClients = 4;
constexpr int kKillsOfOneStore = 20;  // then a fresh one, so that the site does not fill up

[[noreturn]] void give_up(const std::string& why) {
  fmt::print("FAILED: {}\n", why);
  std::fflush(stdout);
  std::_Exit(1);  // the server dies with this process
}

std::string read_file(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  PENSTOCK_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

// The program under test on a state directory of its own.
class Victim {
 public:
  Victim(std::string binary, std::string state)
      : binary_(std::move(binary)), state_(std::move(state)), port_(free_port()) {}
  ~Victim() {
    shoot();
    std::error_code ignored;
    std::filesystem::remove_all(state_, ignored);
    std::filesystem::remove(log(), ignored);
  }

  void start() {
    const std::string listen = fmt::format("127.0.0.1:{}", port_);
    const std::string output = log();
    pid_ = fork();
    PENSTOCK_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(out, STDERR_FILENO);
      execl(binary_.c_str(), "penstock", "server", "--state", state_.c_str(), "--listen", listen.c_str(), nullptr);
      _exit(127);
    }
  }
  void wait_until_ready() {
    ApiClient probe({.server = url(), .token = {}, .ca_file = {}});
    for (const auto deadline = Clock::now() + 60s; !probe.request("GET", "/readyz").ok();) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) give_up("the server ended by itself:\n" + read_file(log()));
      if (Clock::now() > deadline) give_up("the server is not ready after 60 s:\n" + read_file(log()));
      std::this_thread::sleep_for(5ms);
    }
  }
  void shoot() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  ApiClient client() const {
    std::string token = read_file(state_ + "/operator.token");
    token.erase(token.find_last_not_of('\n') + 1);
    return ApiClient({.server = url(), .token = token, .ca_file = {}, .timeout = seconds(20)});
  }

 private:
  std::string log() const { return state_ + ".log"; }

  std::string binary_, state_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

json::object object_of(const ApiResponse& response) {
  auto value = parse_json(response.body);
  if (!value.ok() || !value->is_object()) give_up("not JSON: " + response.body);
  return std::move(value->as_object());
}

json::object get(ApiClient& client, const std::string& path) {
  auto response = client.request("GET", path);
  if (!response.ok()) give_up(fmt::format("GET {}: {}", path, to_string(response.error())));
  return object_of(*response);
}

// Every item of a list, page by page.
template <class Each>
void walk(ApiClient& client, const std::string& path, const std::string& cursor_name, Each each) {
  for (std::string cursor;;) {
    const json::object page = get(client, path + (cursor.empty() ? "" : fmt::format("&{}={}", cursor_name, cursor)));
    for (const json::value& item : page.at("items").as_array()) each(item.as_object());
    const json::value* next = page.if_contains("next");
    if (next == nullptr) return;
    cursor = std::string(next->as_string());
  }
}

// A job as the server shows it after a kill.
struct Seen {
  std::string uid, phase;
};
using Found = std::map<std::string, Seen>;

// One write as its client sees it, from the first attempt to the answer.
struct Write {
  std::string key, path, body;
  std::vector<std::string> jobs;
  bool cancel = false;
};

// What the clients have been told. A job is entered when it is first asked for and gets its uid when acknowledged.
struct Told {
  std::string uid;
  bool cancelled = false;
};

struct Shared {
  std::mutex mutex;
  std::condition_variable turn;
  bool open = false;     // whether clients may send
  bool over = false;     // whether they shall end
  int sending = 0;       // clients that are not at the gate
  std::map<std::string, Told> told;
  const Found* found = nullptr;  // what the last check saw
  std::uint64_t acknowledged = 0;
  std::uint64_t doubled = 0;
  std::uint64_t lost = 0;
  std::uint64_t repeated = 0;
};

// Submits and cancels; after a lost connection it asks again with the same key until it knows.
class Client {
 public:
  Client(Shared& shared, const Victim& victim, int number, int store, std::uint64_t seed)
      : shared_(shared), client_(victim.client()), random_(seed), prefix_(fmt::format("s{}-c{}", store, number)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Client() { thread_.join(); }

 private:
  void run() {
    std::unique_lock lock(shared_.mutex);
    bool unsure = false;
    std::optional<Write> write;
    while (true) {
      shared_.turn.wait(lock, [&] { return shared_.open || shared_.over; });
      if (shared_.over && !write) return;
      ++shared_.sending;
      const bool again = write.has_value();
      if (!again) {
        write = invent();
        if (!write->cancel) {
          for (const std::string& name : write->jobs) shared_.told[name];
        }
      }
      lock.unlock();
      auto answer = client_.request("POST", write->path, write->body, {{"idempotency-key", write->key}});
      lock.lock();
      if (answer.ok()) {
        take(*write, object_of(*answer), again && unsure);
        write.reset();
        unsure = false;
      } else if (answer.error().code == Code::kUnavailable || answer.error().code == Code::kTimeout) {
        unsure = true;
        shared_.open = false;  // the server is dead: nobody goes on before the check
      } else {
        give_up(fmt::format("{} {} was refused: {}", again ? "repeated" : "first", write->path, to_string(answer.error())));
      }
      --shared_.sending;
      shared_.turn.notify_all();
    }
  }

  Write invent() {
    Write write;
    write.key = random_key();
    const std::uint64_t dice = random_() % 10;
    if (dice < 4 && !cancellable_.empty()) {
      const std::size_t which = random_() % cancellable_.size();
      write.cancel = true;
      write.jobs = {cancellable_[which]};
      write.path = fmt::format("/v1/jobs/{}/cancel", cancellable_[which]);
      cancellable_.erase(cancellable_.begin() + static_cast<std::ptrdiff_t>(which));
      return write;
    }
    const bool batch = dice >= 8;
    for (std::uint64_t n = batch ? 2 + random_() % 9 : 1; n > 0; --n) {
      const bool brief = random_() % 8 == 0;
      write.jobs.push_back(fmt::format("acme/llm/{}-{}{}", prefix_, ++count_, brief ? "-brief" : ""));
      write.body += fmt::format(
          R"({}{{"metadata":{{"name":"{}"}},"spec":{{"estimate":"{}","groups":[{{"name":"main","replicas":1,"gpus":"1"}}]}}}})",
          write.body.empty() ? "" : ",", write.jobs.back(), brief ? "PT0.05S" : "PT10H");
    }
    write.path = batch ? "/v1/jobs/batch" : "/v1/jobs";
    if (batch) write.body = R"({"items":[)" + write.body + "]}";
    return write;
  }

  // With the mutex held. `unsure`: the first attempt was cut off, and the check has since seen what became of it.
  void take(const Write& write, const json::object& reply, bool unsure) {
    ++shared_.acknowledged;
    const json::value* repeated = reply.if_contains("repeated");
    const bool was_done = repeated != nullptr && repeated->as_bool();
    if (was_done) ++shared_.repeated;
    for (const json::value& change : reply.at("changes").as_array()) {
      const std::string name(change.at("name").as_string());
      Told& told = shared_.told[name];
      if (write.cancel) {
        told.cancelled = true;
      } else {
        told.uid = std::string(change.at("uid").as_string());
        if (!name.ends_with("-brief")) cancellable_.push_back(name);
      }
    }
    if (const json::value* refused = reply.if_contains("refused")) give_up("refused: " + json::serialize(*refused));
    for (const std::string& name : write.jobs) {
      if (!unsure) {
        if (was_done) give_up("a first request was answered as a repeat: " + write.path);
        continue;
      }
      const auto seen = shared_.found->find(name);
      const bool done = seen != shared_.found->end() && (!write.cancel || seen->second.phase == "cancelled" || seen->second.phase == "stopping");
      if (done && !was_done) {
        ++shared_.doubled;
        fmt::print("carried out twice: {} for {}\n", write.path, name);
      } else if (!done && was_done) {
        ++shared_.lost;
        fmt::print("answered as a repeat but was not there: {} for {}\n", write.path, name);
      }
    }
  }

  Shared& shared_;
  ApiClient client_;
  std::mt19937_64 random_;
  std::string prefix_;
  std::uint64_t count_ = 0;
  std::vector<std::string> cancellable_;
  std::thread thread_;
};

// Compares what the server shows with what the clients have been told. They are all at the gate.
Found check(ApiClient& client, Shared& shared) {
  Found found;
  walk(client, "/v1/jobs?limit=1000", "cursor", [&](const json::object& job) {
    const std::string name(job.at("metadata").at("name").as_string());
    Seen seen{std::string(job.at("metadata").at("uid").as_string()), std::string(job.at("status").at("phase").as_string())};
    if (!found.emplace(name, std::move(seen)).second) {
      ++shared.doubled;
      fmt::print("listed twice: {}\n", name);
    }
    if (!shared.told.contains(name)) {
      ++shared.doubled;
      fmt::print("nobody submitted {}\n", name);
    }
  });
  std::set<std::string> archived;
  walk(client, "/v1/archive/jobs?limit=1000", "cursor", [&](const json::object& job) {
    const std::string name(job.at("metadata").at("name").as_string());
    const auto seen = found.find(name);
    if (!archived.insert(name).second || seen == found.end() || seen->second.uid != job.at("metadata").at("uid").as_string()) {
      ++shared.doubled;
      fmt::print("archived twice, or not what is listed: {}\n", name);
    }
  });
  for (const auto& [name, seen] : found) {
    const bool ended = seen.phase == "succeeded" || seen.phase == "failed" || seen.phase == "cancelled";
    if (ended && !archived.contains(name)) {
      ++shared.lost;
      fmt::print("ended but not in the archive: {}\n", name);
    }
  }
  for (const auto& [name, told] : shared.told) {
    const auto seen = found.find(name);
    if (!told.uid.empty() && (seen == found.end() || seen->second.uid != told.uid)) {
      ++shared.lost;
      fmt::print("acknowledged but {}: {}\n", seen == found.end() ? "not there" : "with another uid", name);
    } else if (told.cancelled && seen->second.phase != "cancelled" && seen->second.phase != "stopping") {
      ++shared.lost;
      fmt::print("the cancel was acknowledged but {} is {}\n", name, seen->second.phase);
    }
  }
  return found;
}

// In the log itself every job was submitted once, and positions have no gap.
void check_log(ApiClient& client, Shared& shared) {
  std::set<std::string> submitted;
  std::int64_t last = 0;
  walk(client, "/v1/events?limit=1000", "after", [&](const json::object& record) {
    if (record.at("position").as_int64() != ++last) give_up(fmt::format("the log has a gap at {}", last));
    if (record.at("event").at("type").as_string() != "job.submitted") return;
    const std::string name(record.at("event").at("name").as_string());
    if (!submitted.insert(name).second) {
      ++shared.doubled;
      fmt::print("submitted twice in the log: {}\n", name);
    }
  });
  for (const auto& [name, told] : shared.told) {
    if (!told.uid.empty() && !submitted.contains(name)) {
      ++shared.lost;
      fmt::print("not in the log: {}\n", name);
    }
  }
}

void apply_example(ApiClient& client) {
  json::array sources;
  for (const char* file : {"site.yaml", "tenancy.yaml"}) {
    const std::string path = fmt::format("{}/examples/loughton/{}", PENSTOCK_SOURCE_DIR, file);
    sources.push_back(json::object{{"file", file}, {"text", read_file(path)}});
  }
  const auto applied = client.request("POST", "/v1/apply", json::serialize(json::object{{"sources", std::move(sources)}}));
  if (!applied.ok()) give_up("apply: " + to_string(applied.error()));
}

int run(const std::string& binary, int kills, int seconds_max, std::uint64_t seed) {
  const auto began = Clock::now();
  std::mt19937_64 random(seed);
  char pattern[] = "/tmp/penstock-kill-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(pattern) != nullptr);
  std::uint64_t acknowledged = 0, repeated = 0, lost = 0, doubled = 0;
  int done = 0;
  for (int store = 0; done < kills; ++store) {
    Victim victim(binary, fmt::format("{}/store{}", pattern, store));
    victim.start();
    victim.wait_until_ready();
    ApiClient reader = victim.client();
    apply_example(reader);
    Shared shared;
    Found found;
    shared.found = &found;
    {
      std::vector<std::unique_ptr<Client>> clients;
      for (int i = 0; i < kClients; ++i) clients.push_back(std::make_unique<Client>(shared, victim, i, store, random()));
      for (int i = 0; i < kKillsOfOneStore && done < kills; ++i) {
        {
          std::lock_guard lock(shared.mutex);
          shared.open = true;
        }
        shared.turn.notify_all();
        std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 351));
        victim.shoot();
        ++done;
        std::unique_lock lock(shared.mutex);
        shared.open = false;
        shared.turn.wait(lock, [&] { return shared.sending == 0; });
        victim.start();
        if (random() % 4 == 0) {
          // Recovery is killed too.
          std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
          victim.shoot();
          victim.start();
          ++done;
        }
        victim.wait_until_ready();
        found = check(reader, shared);
        if (done % 10 == 0 || done == kills) {
          fmt::print("{} kills: {} acknowledged, {} jobs listed\n", done, acknowledged + shared.acknowledged, found.size());
          std::fflush(stdout);
        }
        if (Clock::now() - began > std::chrono::seconds(seconds_max)) give_up(fmt::format("only {} kills in {} s", done, seconds_max));
      }
      // Whoever is still unsure asks once more, then all go home.
      std::unique_lock lock(shared.mutex);
      shared.over = true;
      shared.turn.notify_all();
    }
    check(reader, shared);
    check_log(reader, shared);
    acknowledged += shared.acknowledged;
    repeated += shared.repeated;
    lost += shared.lost;
    doubled += shared.doubled;
  }
  std::filesystem::remove_all(pattern);
  fmt::print("seed {}: {} repeats were answered from what was kept\n", seed, repeated);
  fmt::print("{} kills, {} acknowledged writes, {} lost, {} doubled\n", done, acknowledged, lost, doubled);
  return lost + doubled == 0 && acknowledged > 0 ? 0 : 1;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  std::map<std::string, long> options{{"--kills", 20}, {"--seconds-max", 600}, {"--seed", 1}};
  bool usable = argc >= 2 && argc % 2 == 0;
  for (int i = 2; usable && i + 1 < argc; i += 2) {
    usable = options.contains(argv[i]) && (options[argv[i]] = std::atol(argv[i + 1])) > 0;
  }
  if (!usable) {
    std::fprintf(stderr, "usage: penstock_kill_test PENSTOCK_BINARY [--kills N] [--seconds-max S] [--seed N]\n");
    return 2;
  }
  return penstock::run(argv[1], static_cast<int>(options["--kills"]), static_cast<int>(options["--seconds-max"]),
                       static_cast<std::uint64_t>(options["--seed"]));
}
