// The parts of the agent by themselves: devices, machine, cgroups, logs, files, the line to the server.
#include <fstream>

#include "fixture.h"
#include "support/tiny_server.h"

namespace penstock {
namespace {

class PartsTest : public testing::Test {
 protected:
  PartsTest() {
    char path[] = "/tmp/penstock-parts-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    path_ = path;
  }
  ~PartsTest() override { std::filesystem::remove_all(path_); }
  std::string path_;
};

TEST(Devices, ReadsNvml) {
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok()) << nvml.error().message;
  const DeviceProvider& devices = **nvml;
  EXPECT_EQ(devices.vendor(), Vendor::kNvidia);
  EXPECT_EQ(devices.model(), "h100");
  ASSERT_EQ(devices.devices().size(), 2u);
  EXPECT_EQ(devices.devices()[1].uuid, "GPU-fake-1");
  EXPECT_EQ(devices.devices()[1].memory, Bytes(80LL << 30));
  EXPECT_EQ(devices.devices()[1].power_limit_min, Watts(200));
  EXPECT_EQ(devices.devices()[1].power_limit_max, Watts(700));
  EXPECT_EQ(devices.power(0), Watts(123));
  EXPECT_TRUE(devices.energy_mj(1));
  EXPECT_FALSE(devices.energy_mj(2));
  EXPECT_FALSE(devices.energy_mj(-1));
}

// The same reading on a machine that has a GPU: what NVIDIA's own library answers, not our idea of it.
TEST(Devices, ReadsTheGpusOfThisMachine) {
  auto nvml = open_nvml();
  if (!nvml.ok()) GTEST_SKIP() << nvml.error().message;
  const DeviceProvider& devices = **nvml;
  EXPECT_NE(devices.model(), "gpu") << "a maker's name that short_model does not understand";
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(devices.devices().size()); ++i) {
    const Device& device = devices.devices()[static_cast<std::size_t>(i)];
    EXPECT_FALSE(device.name.empty());
    EXPECT_TRUE(device.uuid.starts_with("GPU-")) << device.uuid;
    EXPECT_GT(device.memory, Bytes(1 << 30));
    const auto power = devices.power(i);
    ASSERT_TRUE(power);
    EXPECT_GT(*power, Watts(0));
    if (device.power_limit_max) {
      EXPECT_LE(*device.power_limit_min, *device.power_limit_max);
      EXPECT_LT(*power, *device.power_limit_max * 2);
    }
    const auto before = devices.energy_mj(i);
    if (!before) continue;  // GPUs before Volta have no counter
    EXPECT_TRUE(wait_for([&] { return *devices.energy_mj(i) > *before; }));
    fmt::print("device {}: {}, {} bytes, {} W now\n", i, device.name, device.memory->count(), power->count());
  }
}

TEST(Devices, WithoutNvmlThereAreSlots) {
  auto missing = open_nvml("/nonexistent/libnvidia-ml.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kUnsupported);
  auto wrong = open_nvml("libc.so.6");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("it has no nvml"), std::string::npos);
  const auto slots = find_devices("/nonexistent/libnvidia-ml.so", 3);
  EXPECT_EQ(slots->vendor(), Vendor::kCpu);
  EXPECT_EQ(slots->model(), "cpu-slot");
  EXPECT_EQ(slots->devices().size(), 3u);
  EXPECT_FALSE(slots->power(0));
  EXPECT_EQ(make_cpu_slots(500)->devices().size(), 64u) << "a node has no more devices than that";
}

TEST(Devices, ShortensModels) {
  EXPECT_EQ(short_model("NVIDIA H100 80GB HBM3"), "h100");
  EXPECT_EQ(short_model("NVIDIA A100-SXM4-80GB"), "a100");
  EXPECT_EQ(short_model("NVIDIA GB200"), "gb200");
  EXPECT_EQ(short_model("Tesla T4"), "t4");
  EXPECT_EQ(short_model("NVIDIA GeForce RTX 4090"), "rtx-4090");
  EXPECT_EQ(short_model("NVIDIA RTX 6000 Ada Generation"), "rtx-6000-ada-generation");
  EXPECT_EQ(short_model(""), "gpu");
}

TEST(MachineTest, KnowsItself) {
  const Machine machine = read_machine();
  EXPECT_GT(machine.cores, 0);
  EXPECT_GT(machine.memory, Bytes(64 << 20));
  EXPECT_EQ(machine.boot_id.size(), 36u);
  EXPECT_FALSE(machine.hostname.empty());
}

TEST(MachineTest, DescribesItselfAsANodeType) {
  Machine machine;
  machine.cores = 32;
  machine.memory = Bytes(256LL << 30);
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  Document document = node_type_document(machine, **nvml);
  EXPECT_EQ(document.kind, Kind::kNodeType);
  EXPECT_EQ(document.metadata.name, "this-machine");
  EXPECT_EQ(document.metadata.labels["power-source"], "estimate");
  NodeTypeSpec spec = std::get<NodeTypeSpec>(document.spec);
  EXPECT_EQ(spec.devices.model, "h100");
  EXPECT_EQ(spec.devices.count, 2);
  EXPECT_EQ(spec.cpu, MilliCpu(30'000));
  EXPECT_EQ(spec.memory, Bytes(248LL << 30));
  EXPECT_EQ(spec.power.idle, Watts(25 + 64 + 140));
  EXPECT_EQ(spec.power.max, Watts(40 + 256 + 1400));

  machine.cores = 2;
  machine.memory = Bytes((4LL << 30) + 12345);
  document = node_type_document(machine, *make_cpu_slots(2));
  spec = std::get<NodeTypeSpec>(document.spec);
  EXPECT_EQ(spec.devices.vendor, Vendor::kCpu);
  EXPECT_EQ(spec.cpu, MilliCpu(2000));
  EXPECT_EQ(spec.memory, Bytes((4LL << 30) - (512LL << 20)));
  EXPECT_EQ(spec.power.max, Watts(56));
}

TEST_F(PartsTest, ReadsRapl) {
  const auto write = [&](const std::string& zone, const std::string& file, std::int64_t number) {
    std::filesystem::create_directories(path_ + "/" + zone);
    std::ofstream(path_ + "/" + zone + "/" + file) << number << "\n";
  };
  write("intel-rapl:0", "max_energy_range_uj", 10'000'000'000);
  write("intel-rapl:0", "energy_uj", 9'999'000'000);
  write("intel-rapl:0:0", "energy_uj", 5);
  RaplMeter meter(path_);
  ASSERT_TRUE(meter.usable());
  EXPECT_FALSE(meter.read()) << "one reading is no rate";
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  write("intel-rapl:0", "energy_uj", 9'000'000);  // 10 J later, past the end of the counter
  const auto watts = meter.read();
  ASSERT_TRUE(watts);
  EXPECT_GT(*watts, Watts(5));
  EXPECT_LE(*watts, Watts(100));
  EXPECT_FALSE(RaplMeter(path_ + "/none").usable());
}

TEST_F(PartsTest, LogsRotateAndKeepTheirOffsets) {
  const LogLayout layout{10, 3};
  LogWriter writer(path_, layout);
  std::string all;
  for (int i = 0; i < 27; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 4), static_cast<char>('a' + i));
    writer.append(piece);
    all += piece;
  }
  // 39 bytes: log.0 is gone, 1 to 3 are left.
  ASSERT_EQ(all.size(), 39u);
  EXPECT_FALSE(exists(path_ + "/log.0"));
  for (std::int64_t offset = 0; offset <= 45; ++offset) {
    std::string got;
    std::int64_t at = offset;
    std::int64_t first = -1;
    while (true) {
      const LogPart part = read_log(path_, layout, at, 4);
      if (first < 0) first = part.offset;
      got += part.bytes;
      at = part.offset + static_cast<std::int64_t>(part.bytes.size());
      if (part.at_end) break;
    }
    const std::int64_t expected = std::max<std::int64_t>(offset, 10);
    EXPECT_EQ(first, expected);
    EXPECT_EQ(got, expected > 39 ? "" : all.substr(static_cast<std::size_t>(expected)));
  }
  EXPECT_TRUE(read_log(path_ + "/none", layout, 7, 4).at_end);
}

TEST_F(PartsTest, AFullDiskCostsOutputButNotTheTask) {
  const std::string away = path_ + "/logs";
  LogWriter writer(away, {1000, 2});
  writer.append("lost");
  std::filesystem::create_directories(away);
  writer.append("kept");
  EXPECT_EQ(read_log(away, {1000, 2}, 0, 1000).bytes,
            "\n[penstock: 4 bytes of output could not be written and are lost]\nkept");
}

TEST_F(PartsTest, ALockIsHeldByOne) {
  auto first = lock_file(path_ + "/lock");
  ASSERT_TRUE(first.ok());
  auto second = lock_file(path_ + "/lock");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(lock_file(path_ + "/lock").ok());
}

TEST_F(PartsTest, AFileIsReplacedWholeOrNotAtAll) {
  const std::string file = path_ + "/file";
  ASSERT_TRUE(write_file(file, "one", Lasting::kPowerLoss).ok());
  ASSERT_TRUE(make_directories(file + ".new", 0700).ok());
  EXPECT_FALSE(write_file(file, "two", Lasting::kPowerLoss).ok());
  EXPECT_EQ(text_of(file), "one");
  auto missing = read_file(path_ + "/none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "cannot open " + path_ + "/none: no such file or directory");
}

// Stopped at first; once it goes on, a process with children in sessions of their own, all of which would live on.
pid_t start_stubborn() {
  const pid_t pid = fork();
  if (pid == 0) {
    raise(SIGSTOP);
    execl("/bin/sh", "sh", "-c", "trap '' TERM; setsid sleep 1000 & setsid sleep 1000 & wait", nullptr);
    _exit(127);
  }
  return pid;
}

void check_cgroup(const CgroupPlace& place) {
  Cgroup group(place, fmt::format("test-{}", getpid()));
  ASSERT_TRUE(group.create({}).ok());
  ASSERT_TRUE(group.create({}).ok()) << "one that is left over is taken over";
  const pid_t pid = start_stubborn();
  waitpid(pid, nullptr, WUNTRACED);
  auto added = group.add(pid);
  ASSERT_TRUE(added.ok()) << added.error().message;
  kill(pid, SIGCONT);
  ASSERT_TRUE(wait_for([&] { return group.members().size() >= 3; }));
  EXPECT_FALSE(group.remove().ok()) << "not while something lives in it";
  group.kill();
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(wait_for([&] { return group.members().empty(); }));
  EXPECT_TRUE(group.usage().cpu_time.has_value());
  const Status removed = group.remove();
  EXPECT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_TRUE(group.remove().ok()) << "removing what is not there is fine";
}

TEST(CgroupTest, HoldsAndKillsInWhatThisMachineHas) {
  const CgroupPlace place = CgroupPlace::find();
  if (place.kind == CgroupKind::kNone) GTEST_SKIP() << place.why_none;
  check_cgroup(place);
}

TEST(CgroupTest, HoldsAndKillsInVersion2) {
  // Also where it comes without controllers, beside version 1: holding and killing need none.
  std::string top;
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (exists(std::string(path) + "/cgroup.controllers")) top = path;
  }
  if (top.empty() || geteuid() != 0) GTEST_SKIP() << "no cgroup2 that we may write to";
  CgroupPlace place;
  place.kind = CgroupKind::kV2;
  place.directories = {{"cpu", top + "/penstock"}, {"memory", top + "/penstock"}};
  if (mkdir((top + "/penstock").c_str(), 0755) != 0 && errno != EEXIST) GTEST_SKIP() << "not writable";
  check_cgroup(place);
}

TEST(CgroupTest, SaysWhyThereIsNone) {
  const CgroupPlace place = CgroupPlace::find(CgroupKind::kNone);
  EXPECT_EQ(place.kind, CgroupKind::kNone);
  EXPECT_EQ(place.why_none, "cgroups are switched off");
  Cgroup group(place, "x");
  EXPECT_TRUE(group.create({MilliCpu(1000), Bytes(1 << 20)}).ok());
  EXPECT_TRUE(group.add(1).ok());
  EXPECT_TRUE(group.members().empty());
  EXPECT_TRUE(group.remove().ok());
}

TEST(HttpControlTest, SpeaksTheProtocol) {
  TinyServer server([](const std::string& request) {
    if (request.find("/register") != std::string::npos) {
      return http_reply(200, to_json(AgentWelcome{"node-token", Uid{7}, 3}));
    }
    if (request.find("/sync") != std::string::npos)
      return http_reply(200, to_json(SyncReply{3, 9, seconds(30), {}, {}}));
    return http_reply(200, to_json(LogAccepted{true}));
  });
  ApiClientOptions options;
  options.server = server.url();
  HttpControl control(options);
  auto welcome = control.register_node({}, "join-token");
  ASSERT_TRUE(welcome.ok()) << to_string(welcome.error());
  EXPECT_EQ(welcome->registration, Uid{7});
  auto reply = control.sync({}, "node-token");
  ASSERT_TRUE(reply.ok()) << to_string(reply.error());
  EXPECT_EQ(reply->revision, 9u);
  auto accepted = control.send_log(12, 34, "raw\nbytes", true, "node-token");
  ASSERT_TRUE(accepted.ok()) << to_string(accepted.error());
  EXPECT_TRUE(accepted->more);
  const auto requests = server.requests();
  EXPECT_NE(requests[0].find("POST /v1/agents/register "), std::string::npos);
  EXPECT_NE(requests[0].find("Bearer join-token"), std::string::npos);
  EXPECT_NE(requests[1].find("POST /v1/agents/sync "), std::string::npos);
  EXPECT_NE(requests[1].find("Bearer node-token"), std::string::npos);
  EXPECT_NE(requests[2].find("POST /v1/agents/logs/12?offset=34&end=1 "), std::string::npos);
  EXPECT_NE(requests[2].find("application/octet-stream"), std::string::npos);
  EXPECT_NE(requests[2].find("\r\n\r\nraw\nbytes"), std::string::npos);
  control.close();
  EXPECT_FALSE(control.sync({}, "node-token").ok());
}

}  // namespace
}  // namespace penstock
