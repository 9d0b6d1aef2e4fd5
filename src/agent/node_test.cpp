// Each part of the test by itself; all with known answers.
#include "agent/node_test.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <map>
#include <sstream>
#include <thread>

#include "agent/checks/checks.h"
#include "agent/kernel_files.h"
#include "agent/run_command.h"
#include "base/clock.h"
#include "base/files.h"

namespace penstock {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr Duration kClockSlack = milliseconds(50);
constexpr std::int64_t kMostDriftPpm = 1000;

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// A round of integer and floating-point work, whose answer is the same on every core of every machine.
std::uint64_t burn_round() {
  std::uint64_t x = 1;
  double y = 0.5;
  for (int i = 0; i < 200'000; ++i) {
    x = mixed(x + static_cast<std::uint64_t>(i));
    y = std::fma(y, 1.0 - y, 1e-3 * static_cast<double>(i & 7));
    y -= std::floor(y);
  }
  return x ^ std::bit_cast<std::uint64_t>(y);
}

TestCheck test_processor(Duration time) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) cores.push_back(core);
    }
  }
  const Duration end = since_boot() + time;
  std::vector<std::uint64_t> answers(cores.size());
  std::vector<std::atomic<std::int64_t>> rounds(cores.size());
  std::vector<std::atomic<std::int64_t>> wrong(cores.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    threads.emplace_back([&, i] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cores[i], &one);
      sched_setaffinity(0, sizeof one, &one);
      answers[i] = burn_round();
      do {
        wrong[i] += burn_round() != answers[i];
        ++rounds[i];
      } while (since_boot() < end);
    });
  }
  for (std::thread& thread : threads) thread.join();

  // A core that is always wrong in the same way is found by the others.
  std::map<std::uint64_t, std::size_t> votes;
  for (const std::uint64_t answer : answers) ++votes[answer];
  const auto right = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::int64_t all = 0;
  std::string bad;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    all += rounds[i];
    if (wrong[i] > 0 || answers[i] != right->first) bad += fmt::format("{}{}", bad.empty() ? "" : ", ", cores[i]);
  }
  return {"cpu", bad.empty() && !cores.empty(), fmt::format("{} rounds on {} cores", all, cores.size()),
          bad.empty() ? "" : "cores that computed wrong results: " + bad};
}

// What the cgroup of this process leaves it, in version 2 or 1.
std::optional<std::int64_t> cgroup_limit() {
  auto text = read_file("/proc/self/cgroup");
  std::istringstream lines(text.ok() ? *text : "");
  std::optional<std::int64_t> least;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    for (const std::string& file : {"/sys/fs/cgroup" + path + "/memory.max", "/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"}) {
      if (!controllers.empty() && controllers != "memory") continue;
      if (const auto limit = number_in(file)) least = std::min(least.value_or(*limit), *limit);
    }
  }
  return least;
}

Bytes memory_to_test() {
  const std::int64_t available = number_after("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  return Bytes(std::min(available, cgroup_limit().value_or(available)) / 2);
}

TestCheck test_memory(Bytes size) {
  const std::size_t count = static_cast<std::size_t>(size.count()) / sizeof(std::uint64_t);
  TestCheck check{"memory", false, Text<Bytes>::format(size), {}};
  if (count == 0) {
    check.detail = "there is no memory to test; give --memory";
    return check;
  }
  void* const place = mmap(nullptr, count * sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) {
    check.detail = system_error("cannot have so much memory", errno).message;
    return check;
  }
  const std::span<std::uint64_t> words(static_cast<std::uint64_t*>(place), count);
  const Duration before = since_boot();
  // Then the same with every bit the other way round.
  for (const std::uint64_t seed : {std::uint64_t{1}, ~std::uint64_t{1}}) {
    fill_pattern(words, seed);
    if (const std::int64_t wrong = first_wrong(words, seed); wrong >= 0 && check.detail.empty()) {
      check.detail = fmt::format("what was written at offset {} was read back as something else", wrong * 8);
    }
  }
  const Duration took = since_boot() - before;
  munmap(place, count * sizeof(std::uint64_t));
  check.pass = check.detail.empty();
  check.value += fmt::format(", {} MB/s", mul_div_floor(size.count(), 4000, std::max<std::int64_t>(took.count(), 1)));
  return check;
}

TestCheck test_disk(const std::string& directory, Bytes size) {
  TestCheck check{"disk", false, Text<Bytes>::format(size), {}};
  const std::string path = fmt::format("{}/penstock-node-test-{}", directory, getpid());
  const Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    check.detail = system_error("cannot make a file in " + directory, errno).message;
    return check;
  }
  unlink(path.c_str());
  const auto work = [&]() -> std::string {
    std::vector<std::uint64_t> block(kBlock / sizeof(std::uint64_t));
    const std::int64_t blocks = std::max<std::int64_t>(size.count() / static_cast<std::int64_t>(kBlock), 1);
    const auto hash = [&] { return XXH3_64bits(block.data(), kBlock); };
    std::vector<std::uint64_t> sums;
    const Duration before = since_boot();
    for (std::int64_t i = 0; i < blocks; ++i) {
      fill_pattern(block, static_cast<std::uint64_t>(i));
      sums.push_back(hash());
      if (pwrite(file.get(), block.data(), kBlock, i * static_cast<std::int64_t>(kBlock)) != static_cast<ssize_t>(kBlock)) {
        return system_error("cannot write", errno == 0 ? ENOSPC : errno).message;
      }
    }
    if (fsync(file.get()) != 0) return system_error("cannot sync", errno).message;
    const Duration written = since_boot() - before;
    // So that it is the disk that answers, as far as the kernel obeys.
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    for (std::int64_t i = 0; i < blocks; ++i) {
      if (pread(file.get(), block.data(), kBlock, i * static_cast<std::int64_t>(kBlock)) != static_cast<ssize_t>(kBlock)) {
        return system_error("cannot read", errno == 0 ? EIO : errno).message;
      }
      if (hash() != sums[static_cast<std::size_t>(i)]) return fmt::format("what was written at offset {} was read back as something else", i * static_cast<std::int64_t>(kBlock));
    }
    check.value += fmt::format(", {} MB/s written and synced",
                               mul_div_floor(blocks * static_cast<std::int64_t>(kBlock), 1000, std::max<std::int64_t>(written.count(), 1)));
    return {};
  };
  check.detail = work();
  check.pass = check.detail.empty();
  return check;
}

TestCheck test_clock(Time utc_before, Duration before) {
  const Duration passed = since_boot() - before;
  const Duration shown = utc_now() - utc_before;
  const Duration off = shown < passed ? passed - shown : shown - passed;
  const bool pass = off <= kClockSlack + Duration(mul_div_floor(passed.count(), kMostDriftPpm, 1'000'000));
  return {"clock", pass, fmt::format("{} off in {}", Text<Duration>::format(off), Text<Duration>::format(passed)),
          pass ? "" : "the clock does not run as time passes, or was set during the test"};
}

// The devices that the task was granted; all of them outside of a task.
std::vector<std::int32_t> devices_to_test(const DeviceProvider& devices) {
  std::vector<std::int32_t> which;
  const char* const granted = getenv("PENSTOCK_DEVICES");
  if (granted == nullptr) {
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(devices.devices().size()); ++i) which.push_back(i);
  } else {
    std::istringstream list(granted);
    for (std::string number; std::getline(list, number, ',');) which.push_back(std::atoi(number.c_str()));
  }
  return which;
}

// Listens to the devices during the burn-in and judges them after it.
class DeviceTest {
 public:
  explicit DeviceTest(const NodeTestOptions& options) {
    devices_ = find_devices(options.nvml_library, 1, options.sysfs);
    if (devices_->vendor() == Vendor::kCpu) return;
    which_ = devices_to_test(*devices_);
    if (!devices_->tells_faults()) return;
    listener_ = std::thread([this] {
      while (!stop_) {
        if (const auto fault = devices_->wait_fault(milliseconds(100))) faults_.push_back(*fault);
      }
    });
  }
  ~DeviceTest() { stop(); }

  std::vector<TestCheck> judge() {
    stop();
    std::vector<TestCheck> checks;
    if (which_.empty()) return checks;
    // Without limits of time: what would be told later is not passed now.
    CheckLimits at_once;
    at_once.held = Duration();
    Checks judged("test", {}, {}, at_once);
    NodeReading reading;
    for (std::size_t i = 0; i < devices_->devices().size(); ++i) reading.devices.push_back(devices_->read(static_cast<std::int32_t>(i)));
    judged.take(reading, {Time{}, Duration()});
    for (const DeviceFault& fault : faults_) judged.take(fault, {Time{}, Duration()});
    for (const std::int32_t device : which_) {
      const bool found = device >= 0 && static_cast<std::size_t>(device) < reading.devices.size();
      std::string wrong = found ? "" : "there is no such device";
      for (const Finding& finding : judged.findings()) {
        if (finding.device == device) wrong += (wrong.empty() ? "" : "; ") + finding.detail;
      }
      const std::string name = found ? devices_->devices()[static_cast<std::size_t>(device)].name : "";
      const auto temperature = found ? reading.devices[static_cast<std::size_t>(device)].temperature : std::nullopt;
      checks.push_back({fmt::format("gpu-{}", device), wrong.empty(), name + (temperature ? fmt::format(", {} °C", temperature->count()) : ""), wrong});
    }
    return checks;
  }

 private:
  void stop() {
    stop_ = true;
    if (listener_.joinable()) listener_.join();
  }

  std::unique_ptr<DeviceProvider> devices_;
  std::vector<std::int32_t> which_;
  std::vector<DeviceFault> faults_;
  std::atomic<bool> stop_ = false;
  std::thread listener_;
};

std::vector<TestCheck> test_script(const std::string& script, Duration limit) {
  auto result = run_command(script, limit, Surroundings::kOurs);
  if (!result.ok()) return {{"script", false, {}, result.error().message}};
  TestCheck check{"script", result->ended && result->status == 0, fmt::format("exit status {}", result->status), {}};
  if (!check.pass) check.detail = result->timed_out ? fmt::format("took longer than {}", Text<Duration>::format(limit)) : last_line(result->output);
  std::vector<TestCheck> checks;
  if (const auto line = verdict_line(result->output)) {
    const NodeTestVerdict verdict = *from_json_text<NodeTestVerdict>(*line);
    if (verdict.verdict == Verdict::kFail && check.pass) {
      check.pass = false;
      check.detail = "its verdict is fail";
    }
    checks = verdict.checks;
  }
  checks.push_back(check);
  return checks;
}

}  // namespace

void fill_pattern(std::span<std::uint64_t> words, std::uint64_t seed) {
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = mixed(i) ^ seed;
}

std::int64_t first_wrong(std::span<const std::uint64_t> words, std::uint64_t seed) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != (mixed(i) ^ seed)) return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::optional<std::string> verdict_line(std::string_view output) {
  std::size_t end = output.size();
  while (end > 0) {
    const std::size_t begin = output.rfind('\n', end - 1);
    const std::size_t from = begin == std::string_view::npos ? 0 : begin + 1;
    const std::string line(output.substr(from, end - from));
    if (line.starts_with('{') && from_json_text<NodeTestVerdict>(line).ok()) return line;
    if (begin == std::string_view::npos) break;
    end = begin;
  }
  return std::nullopt;
}

std::string shortened(const std::string& verdict, std::size_t most) {
  auto whole = from_json_text<NodeTestVerdict>(verdict);
  if (verdict.size() <= most || !whole.ok()) return verdict.substr(0, most);
  NodeTestVerdict kept{whole->verdict, {}};
  for (TestCheck& check : whole->checks) {
    if (check.pass) continue;
    kept.checks.push_back(std::move(check));
    if (to_json(kept).size() <= most) continue;
    kept.checks.pop_back();
    break;
  }
  return to_json(kept);
}

NodeTestVerdict test_node(const NodeTestOptions& options, const std::function<void(const TestCheck&)>& progress) {
  NodeTestVerdict verdict;
  const auto add = [&](TestCheck check) {
    progress(check);
    verdict.checks.push_back(std::move(check));
  };
  const Time utc = utc_now();
  const Duration before = since_boot();
  DeviceTest devices(options);
  add(test_memory(options.memory.value_or(memory_to_test())));
  add(test_disk(options.directory, options.disk));
  add(test_processor(options.time));
  if (!options.script.empty()) {
    for (TestCheck& check : test_script(options.script, options.script_limit)) add(std::move(check));
  }
  for (TestCheck& check : devices.judge()) add(std::move(check));
  add(test_clock(utc, before));
  const bool passed = std::all_of(verdict.checks.begin(), verdict.checks.end(), [](const TestCheck& check) { return check.pass; });
  verdict.verdict = passed ? Verdict::kPass : Verdict::kFail;
  return verdict;
}

}  // namespace penstock
