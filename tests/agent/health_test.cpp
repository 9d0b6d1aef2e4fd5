// A node's health end to end: the machine's files, findings that reach the server at once, remedies, the node's test, metrics.
#include "agent/checks/codes.h"
#include "agent/device_metrics.h"
#include "agent/node_test.h"
#include "agent/parts.h"
#include "agent/remedies.h"
#include "agent/run_command.h"
#include "client/api_client.h"
#include "fake_nvml.h"
#include "fixture.h"

namespace penstock {
namespace {

// A machine made of files.
class MachineTree : public testing::Test {
 protected:
  MachineTree() {
    char path[] = "/tmp/penstock-machine-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    root_ = path;
    paths_ = {root_ + "/sys", root_ + "/proc", root_ + "/kmsg"};
    write("proc/meminfo", "MemTotal:       65536000 kB\nMemFree:  1 kB\n");
    write("proc/net/route", "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\n"
                            "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n");
    write("sys/class/net/eth0/carrier", "1\n");
    write("sys/class/net/eth0/speed", "100000\n");
    write("sys/class/net/eth0/address", "02:00:00:00:00:01\n");
    write("sys/class/net/eth0/statistics/rx_errors", "3\n");
    write("sys/class/net/eth0/statistics/tx_errors", "4\n");
    write("sys/devices/system/edac/mc/mc0/ce_count", "5\n");
    write("sys/devices/system/edac/mc/mc0/ue_count", "0\n");
    write("sys/devices/system/edac/mc/mc1/ce_count", "2\n");
    write("sys/devices/system/edac/mc/mc1/ue_count", "1\n");
    write("kmsg", "");
  }
  ~MachineTree() override { std::filesystem::remove_all(root_); }

  void write(const std::string& file, const std::string& text, bool append = false) {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + file).parent_path());
    std::ofstream(root_ + "/" + file, append ? std::ios::app : std::ios::trunc) << text;
  }

  std::string root_;
  MachinePaths paths_;
};

TEST_F(MachineTree, IsRead) {
  const MemoryReading memory = read_memory(paths_);
  EXPECT_EQ(memory.total, Bytes(65'536'000LL * 1024));
  EXPECT_EQ(memory.corrected, 7);
  EXPECT_EQ(memory.uncorrected, 1);
  NetworkReading network = read_network(paths_);
  EXPECT_EQ(network.interface, "eth0") << "the route of the lowest metric";
  EXPECT_TRUE(network.up);
  EXPECT_EQ(network.errors, 7);
  EXPECT_EQ(network.megabits, 100'000);
  write("sys/class/net/eth0/carrier", "0\n");
  write("sys/class/net/eth0/speed", "-1\n");
  network = read_network(paths_);
  EXPECT_FALSE(network.up);
  EXPECT_EQ(network.megabits, 0);
  write("proc/net/route", "Iface\tDestination\n");
  EXPECT_EQ(read_network(paths_).interface, "");
  write("proc/net/ipv6_route", std::string(32, '0') + " 00 " + std::string(32, '0') + " 00 " + std::string(32, '0') + " 00000400 00000001 00000000 00450003     eth7\n");
  EXPECT_EQ(read_network(paths_).interface, "eth7");
  EXPECT_FALSE(read_memory({root_ + "/none", root_ + "/proc", ""}).corrected) << "no EDAC, no counters";
}

TEST_F(MachineTree, ItsDiskIsProbed) {
  DiskReading disk = read_disk(root_, true);
  EXPECT_TRUE(disk.probed);
  EXPECT_EQ(disk.probe_error, 0);
  EXPECT_GT(disk.size, Bytes(0));
  EXPECT_FALSE(disk.read_only);
  EXPECT_FALSE(read_disk(root_, false).probed);
  std::filesystem::remove(root_ + "/probe");
  std::filesystem::create_directory(root_ + "/probe");
  EXPECT_EQ(read_disk(root_, true).probe_error, EISDIR);
}

TEST_F(MachineTree, ItsKernelsLogIsFollowed) {
  write("kmsg", "6,10,5000000,-;first; with a semicolon\n SUBSYSTEM=pci\n DEVICE=+pci:0000:3b:00.0\n12,11,6000000,-;a program wrote this\nnonsense\n3,12,7000000,-;second\n");
  KernelLog log(paths_.kernel_log);
  EXPECT_EQ(log.why_not(), "");
  auto record = log.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->sequence, 10u);
  EXPECT_EQ(record->at, seconds(5));
  EXPECT_EQ(record->text, "first; with a semicolon");
  record = log.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->text, "second") << "what programs write into the log is not the kernel's word";
  EXPECT_FALSE(log.next());
  write("kmsg", "3,13,8000000,-;thi", true);
  EXPECT_FALSE(log.next());
  write("kmsg", "rd\n", true);
  record = log.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->text, "third");
  KernelLog none(root_ + "/none");
  EXPECT_EQ(none.why_not(), "cannot read " + root_ + "/none: no such file or directory");
  EXPECT_FALSE(none.next());
}

TEST_F(MachineTree, ItsPartsAreNamed) {
  FakeNvml fake;
  write("sys/class/dmi/id/sys_vendor", "Supermicro\n");
  write("sys/class/dmi/id/product_name", "SYS-821GE\n");
  write("sys/class/dmi/id/product_serial", "S421000X\n");
  write("sys/class/dmi/id/bios_version", "2.1\n");
  write("sys/devices/0000:01:00.0/vendor", "0x15b3\n");
  write("sys/devices/0000:01:00.0/device", "0x1021\n");
  std::filesystem::create_directory_symlink("../../../devices/0000:01:00.0", root_ + "/sys/class/net/eth0/device");
  std::filesystem::create_directory_symlink("../drivers/mlx5_core", root_ + "/sys/devices/0000:01:00.0/driver");
  write("sys/devices/nvme0/model", "SAMSUNG MZQL23T8HCLS\n");
  write("sys/devices/nvme0/serial", "S64HNE0T\n");
  write("sys/devices/nvme0/firmware_rev", "GDC5602Q\n");
  write("sys/block/nvme0n1/size", "1\n");
  std::filesystem::create_directory_symlink("../../devices/nvme0", root_ + "/sys/block/nvme0n1/device");
  write("sys/block/loop0/size", "1\n");
  std::string processors;
  for (int i = 0; i < 4; ++i) processors += fmt::format("processor\t: {}\nmodel name\t: AMD EPYC 9654\nmicrocode\t: 0xa10113e\nphysical id\t: {}\n\n", i, i / 2);
  write("proc/cpuinfo", processors);
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  const std::vector<PartFound> parts = read_parts(paths_, **nvml, Bytes((2048LL << 30) - 12345));
  const std::vector<PartFound> expected{{"machine", "", "Supermicro SYS-821GE", "S421000X", "2.1"},
                                        {"gpu", "0000:3b:00.0", "NVIDIA H100 80GB HBM3", "165000000", "96.00.74.00.01"},
                                        {"gpu", "0000:5e:00.0", "NVIDIA H100 80GB HBM3", "165000001", "96.00.74.00.01"},
                                        {"nic", "0000:01:00.0", "mlx5_core 0x15b3 0x1021", "02:00:00:00:00:01", parts.size() > 3 ? parts[3].firmware : ""},
                                        {"disk", "nvme0", "SAMSUNG MZQL23T8HCLS", "S64HNE0T", "GDC5602Q"},
                                        {"cpu", "0", "AMD EPYC 9654", "", "0xa10113e"},
                                        {"cpu", "1", "AMD EPYC 9654", "", "0xa10113e"},
                                        {"memory", "", "2048GiB", "", ""}};
  EXPECT_EQ(parts, expected);
  // Whatever a machine has.
  for (int i = 0; i < 300; ++i) {
    write(fmt::format("sys/block/sd{}/size", i), "1\n");
    write(fmt::format("sys/devices/d{}/model", i), std::string(500, 'x') + "\x01\n");
    std::filesystem::create_directory_symlink(fmt::format("../../devices/d{}", i), fmt::format("{}/sys/block/sd{}/device", root_, i));
  }
  const std::vector<PartFound> many = read_parts(paths_, *make_cpu_slots(1), Bytes(1 << 30));
  EXPECT_EQ(many.size(), 256u);
  EXPECT_EQ(many[100].model, std::string(128, 'x'));
}

TEST(RunCommand, KeepsStatusAndLastWords) {
  auto result = run_command("echo one; echo two >&2; echo; exit 7", seconds(10), Surroundings::kPathOnly);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->ended);
  EXPECT_EQ(result->status, 7);
  EXPECT_EQ(last_line(result->output), "two");
  result = run_command("sleep 100", milliseconds(200), Surroundings::kPathOnly);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->ended);
  EXPECT_TRUE(result->timed_out);
  result = run_command("kill -9 $$", seconds(10), Surroundings::kPathOnly);
  EXPECT_EQ(result->status, 137);
  setenv("PENSTOCK_SECRET", "hush", 1);
  result = run_command("env", seconds(10), Surroundings::kPathOnly);
  EXPECT_EQ(result->output.find("hush"), std::string::npos) << "commands learn nothing of our environment";
  result = run_command("env", seconds(10), Surroundings::kOurs);
  EXPECT_NE(result->output.find("hush"), std::string::npos);
  unsetenv("PENSTOCK_SECRET");
  EXPECT_EQ(last_line("a\x1b[1mb\x01\n\n"), "a[1mb");
  EXPECT_EQ(last_line(std::string(1000, 'x')).size(), 300u);
  EXPECT_EQ(last_line(""), "");
}

class HealthTest : public NodeTest {
 protected:
  HealthTest() {
    options_.health.paths.kernel_log = state_dir_ + "/kmsg";
    options_.health.every = options_.health.kernel_every = milliseconds(30);
    std::ofstream(options_.health.paths.kernel_log) << "";
    options_.remedies.allowed = true;
    options_.remedies.reset_command = "echo {device} >> " + state_dir_ + "/resets; echo reset {device}";
    options_.remedies.reboot_command = "echo x >> " + state_dir_ + "/reboots";
  }

  void kernel_says(const std::string& text) {
    std::ofstream(options_.health.paths.kernel_log, std::ios::app) << fmt::format("3,{},{},-;{}\n", ++records_, since_boot().count() / 1000, text);
  }
  // What was told of it, once it was.
  std::optional<Finding> wait_finding(NodeCheck check, std::int32_t device = -1) {
    std::optional<Finding> found;
    wait_for([&] { return (found = finding(check, device)).has_value(); });
    return found;
  }
  std::optional<Finding> finding(NodeCheck check, std::int32_t device = -1) {
    for (const Finding& finding : script_.last().findings) {
      if (finding.check == check && finding.device == device) return finding;
    }
    return std::nullopt;
  }

  void order(std::uint64_t remedy, RemedyAction action, std::vector<std::int32_t> devices = {}) {
    script_.change([&](SyncReply& reply) { reply.remedy = RemedyOrder{Uid{remedy}, action, std::move(devices)}; });
  }
  std::optional<RemedyReport> wait_report(std::uint64_t remedy) {
    std::optional<RemedyReport> found;
    wait_for([&] {
      for (const RemedyReport& report : script_.last().remedies) {
        if (report.remedy == Uid{remedy}) found = report;
      }
      return found.has_value();
    });
    return found;
  }
  // As many syncs as show that nothing more comes.
  void wait_syncs(int count) {
    const int before = script_.syncs;
    for (int i = 0; i < count; ++i) {
      script_.change([](SyncReply&) {});
      wait_for([&] { return script_.is_taken() && script_.syncs > before + i; });
    }
  }

 private:
  std::uint64_t records_ = 100;
};
INSTANTIATE_TEST_SUITE_P(Hold, HealthTest, testing::Values(Hold::kTree), [](const auto&) { return "Tree"; });

TEST_P(HealthTest, AFindingReachesTheServerAtOnce) {
  FakeNvml fake;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  options_.heartbeat = seconds(30);
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  EXPECT_EQ(script_.hello.parts.empty() ? "" : script_.hello.parts.back().kind, "memory");
  const auto begin = std::chrono::steady_clock::now();
  fake.xid(1, 79);
  const auto found = wait_finding(NodeCheck::kXid, 1);
  ASSERT_TRUE(found);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << "and not with the next heartbeat";
  EXPECT_EQ(found->code, 79);
  EXPECT_EQ(found->detail, "the driver reported XID 79");
  EXPECT_LE(utc_now() - found->since, seconds(20));
  fake.set(0, "row_failed", 1);
  EXPECT_TRUE(wait_finding(NodeCheck::kRowRemap, 0));
  fake.set(0, "lost", 1);
  EXPECT_TRUE(wait_finding(NodeCheck::kHardware, 0));
  kernel_says("blk_update_request: I/O error, dev sda, sector 1");
  const auto heard = wait_finding(NodeCheck::kKernel);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->code, code::kIoError);
  EXPECT_TRUE(finding(NodeCheck::kXid, 1)) << "every sync tells all that stand";
}

TEST_P(HealthTest, AnXidOutlivesTheAgentButNotTheReset) {
  FakeNvml fake;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  start_agent();
  fake.xid(0, 79);
  fake.xid(1, 95);
  ASSERT_TRUE(wait_finding(NodeCheck::kXid, 1));
  stop_agent();
  start_agent();
  wait_syncs(2);
  EXPECT_TRUE(finding(NodeCheck::kXid, 0));
  EXPECT_TRUE(finding(NodeCheck::kXid, 1));
  const int initialisations = fake.initialisations();
  order(5, RemedyAction::kReset, {1});
  const auto report = wait_report(5);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->done) << report->message;
  EXPECT_EQ(report->message, "reset 1");
  EXPECT_EQ(text_of(state_dir_ + "/resets"), "1\n");
  EXPECT_EQ(fake.initialisations(), initialisations + 1) << "the driver was let go for it";
  EXPECT_TRUE(wait_for([&] { return !finding(NodeCheck::kXid, 1); }));
  EXPECT_TRUE(finding(NodeCheck::kXid, 0));
}

TEST_P(HealthTest, ARemedyIsCarriedOutOnceAlsoOverARestart) {
  FakeNvml fake;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  order(5, RemedyAction::kReset);
  start_agent();
  ASSERT_TRUE(wait_report(5));
  EXPECT_EQ(text_of(state_dir_ + "/resets"), "0\n1\n") << "without devices: all";
  wait_syncs(3);
  stop_agent();
  start_agent();
  wait_syncs(3);
  EXPECT_TRUE(wait_report(5)) << "it is reported for as long as it is ordered";
  EXPECT_EQ(text_of(state_dir_ + "/resets"), "0\n1\n");
  script_.change([](SyncReply& reply) { reply.remedy.reset(); });
  EXPECT_TRUE(wait_for([&] { return script_.is_taken() && script_.last().remedies.empty(); }));
  order(6, RemedyAction::kReset, {0});
  ASSERT_TRUE(wait_report(6));
  EXPECT_EQ(text_of(state_dir_ + "/resets"), "0\n1\n0\n");
}

TEST_P(HealthTest, ARemedyThatACrashInterruptedIsNotBegunAgain) {
  options_.remedies.reprovision_command = "echo x >> " + state_dir_ + "/installs; sleep 1000";
  order(5, RemedyAction::kReprovision);
  fork_agent();
  ASSERT_TRUE(wait_for([&] { return exists(state_dir_ + "/installs"); }));
  kill_agent();
  start_agent();
  const auto report = wait_report(5);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->done);
  EXPECT_EQ(report->message, "the agent ended while the reprovision was under way; it is not begun again");
  wait_syncs(3);
  EXPECT_EQ(text_of(state_dir_ + "/installs"), "x\n");
}

TEST_P(HealthTest, ARemedyThatCannotBeKeptIsNotBegun) {
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  std::filesystem::create_directory(options_.state_dir + "/remedies.json.new");
  order(5, RemedyAction::kReboot);
  ASSERT_TRUE(wait_for([&] { return script_.is_taken(); }));
  wait_syncs(3);
  EXPECT_FALSE(wait_for([&] { return exists(state_dir_ + "/reboots"); }, std::chrono::seconds(1)));
  std::filesystem::remove(options_.state_dir + "/remedies.json.new");
  EXPECT_TRUE(wait_for([&] {
    script_.change([](SyncReply&) {});
    return exists(state_dir_ + "/reboots");
  }));
}

TEST_P(HealthTest, AStaleLeadersRemedyIsNotFollowed) {
  script_.change([](SyncReply& reply) { reply.epoch = 5; });
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.is_taken(); }));
  script_.change([](SyncReply& reply) { reply.epoch = 4; });
  order(5, RemedyAction::kReboot);
  const int before = script_.syncs;
  ASSERT_TRUE(wait_for([&] { return script_.syncs > before + 3; }));
  EXPECT_FALSE(wait_for([&] { return exists(state_dir_ + "/reboots"); }, std::chrono::seconds(1)));
  script_.change([](SyncReply& reply) { reply.epoch = 5; });
  EXPECT_TRUE(wait_for([&] { return exists(state_dir_ + "/reboots"); }));
}

TEST_P(HealthTest, WithoutLeaveOrdersAreRefused) {
  options_.remedies.allowed = false;
  options_.remedies.reprovision_command = options_.remedies.reboot_command;
  std::uint64_t remedy = 5;
  start_agent();
  for (const RemedyAction action : {RemedyAction::kReset, RemedyAction::kReboot, RemedyAction::kReprovision}) {
    order(remedy, action);
    const auto report = wait_report(remedy++);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->done);
    EXPECT_EQ(report->message, "this agent carries out no remedies; start it with --remedies to let it");
  }
  EXPECT_FALSE(exists(state_dir_ + "/resets"));
  EXPECT_FALSE(exists(state_dir_ + "/reboots"));
}

TEST_P(HealthTest, RemediesThatFailSayWhy) {
  options_.remedies.reset_command = "echo GPU 0 is in use by another client; exit 3";
  start_agent();
  order(5, RemedyAction::kReset, {0});
  auto report = wait_report(5);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->done);
  EXPECT_EQ(report->message, "the command for the reset of device 0 ended with status 3: GPU 0 is in use by another client");
  order(6, RemedyAction::kReprovision);
  report = wait_report(6);
  ASSERT_TRUE(report);
  EXPECT_NE(report->message.find("start it with --reprovision-command COMMAND"), std::string::npos);
  order(7, RemedyAction::kRepair);
  report = wait_report(7);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->message, "a repair is for a person, not for an agent");
}

TEST_P(HealthTest, SlotsOfCoresNeedNoReset) {
  options_.remedies.reset_command.reset();
  start_agent();
  order(5, RemedyAction::kReset);
  const auto report = wait_report(5);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->done);
}

// A reboot without a machine: the boot is named by the test.
class RebootTest : public testing::Test {
 protected:
  RebootTest() {
    char path[] = "/tmp/penstock-reboot-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    path_ = path;
    options_.allowed = true;
    options_.reboot_command = "echo x >> " + path_ + "/reboots";
  }
  ~RebootTest() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<Remedies> boot(const std::string& id) {
    auto remedies = std::make_unique<Remedies>(options_, path_, id, *slots_, [](std::int32_t) {}, [] {});
    EXPECT_TRUE(remedies->open().ok());
    return remedies;
  }
  std::size_t reboots() const { return text_of(path_ + "/reboots").size() / 2; }

  RemedyOptions options_;
  RemedyOrder order_{Uid{9}, RemedyAction::kReboot, {}};
  std::string path_;
  std::unique_ptr<DeviceProvider> slots_ = make_cpu_slots(1);
};

TEST_F(RebootTest, IsDoneWhenTheBootIsAnotherOne) {
  auto remedies = boot("a");
  ASSERT_TRUE(remedies->take(order_).ok());
  ASSERT_TRUE(wait_for([&] { return reboots() == 1; }));
  EXPECT_TRUE(remedies->reports().empty()) << "the command has been obeyed, but nothing has happened yet";
  remedies = boot("a");  // only the agent was started again
  ASSERT_TRUE(remedies->take(order_).ok());
  EXPECT_TRUE(remedies->reports().empty());
  remedies = boot("b");
  ASSERT_EQ(remedies->reports().size(), 1u);
  EXPECT_TRUE(remedies->reports()[0].done);
  ASSERT_TRUE(remedies->take(order_).ok());
  remedies = boot("c");
  ASSERT_TRUE(remedies->take(order_).ok());
  usleep(100'000);
  EXPECT_EQ(reboots(), 1u);
}

TEST_F(RebootTest, ThatTheServerGaveUpMakesRoomForTheNext) {
  auto remedies = boot("a");
  ASSERT_TRUE(remedies->take(order_).ok());
  ASSERT_TRUE(wait_for([&] { return reboots() == 1; }));
  order_.remedy = Uid{10};
  EXPECT_TRUE(wait_for([&] { return remedies->take(order_).ok() && reboots() == 2; }));
}

TEST_F(RebootTest, FailsWhenTheMachineDoesNotGoDown) {
  options_.reboot_limit = milliseconds(200);
  auto remedies = boot("a");
  ASSERT_TRUE(remedies->take(order_).ok());
  ASSERT_TRUE(wait_for([&] { return !remedies->reports().empty(); }));
  EXPECT_FALSE(remedies->reports()[0].done);
  EXPECT_EQ(remedies->reports()[0].message, "the machine was told to reboot, and has not gone down within PT0.2S");
  ASSERT_TRUE(remedies->take(order_).ok());
  usleep(100'000);
  EXPECT_EQ(reboots(), 1u);
}

class NodeBurnIn : public testing::Test {
 protected:
  NodeBurnIn() {
    char path[] = "/tmp/penstock-burn-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    options_.directory = path;
    options_.time = milliseconds(1);
    options_.memory = Bytes(8 << 20);
    options_.disk = Bytes(4 << 20);
    options_.nvml_library = "/nonexistent";
    options_.sysfs = "/nonexistent";
    unsetenv("PENSTOCK_DEVICES");
  }
  ~NodeBurnIn() override { std::filesystem::remove_all(options_.directory); }

  NodeTestVerdict run() {
    return test_node(options_, [](const TestCheck&) {});
  }
  static std::optional<TestCheck> part(const NodeTestVerdict& verdict, const std::string& name) {
    for (const TestCheck& check : verdict.checks) {
      if (check.name == name) return check;
    }
    return std::nullopt;
  }

  NodeTestOptions options_;
};

TEST_F(NodeBurnIn, PassesOnAWellNode) {
  const NodeTestVerdict verdict = run();
  EXPECT_EQ(verdict.verdict, Verdict::kPass) << to_json(verdict);
  for (const char* name : {"memory", "disk", "cpu", "clock"}) EXPECT_TRUE(part(verdict, name)) << name;
  EXPECT_FALSE(part(verdict, "gpu-0"));
  EXPECT_TRUE(std::filesystem::is_empty(options_.directory)) << "nothing is left behind";
}

TEST_F(NodeBurnIn, FailsOnADiskThatCannotBeWritten) {
  options_.directory += "/none";
  const NodeTestVerdict verdict = run();
  options_.directory.resize(options_.directory.size() - 5);
  EXPECT_EQ(verdict.verdict, Verdict::kFail);
  EXPECT_FALSE(part(verdict, "disk")->pass);
  EXPECT_TRUE(part(verdict, "memory")->pass);
}

TEST_F(NodeBurnIn, FailsOnAFaultOfADevice) {
  FakeNvml fake;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  EXPECT_EQ(run().verdict, Verdict::kPass);
  fake.set(1, "row_failed", 1);
  NodeTestVerdict verdict = run();
  EXPECT_EQ(verdict.verdict, Verdict::kFail);
  EXPECT_TRUE(part(verdict, "gpu-0")->pass);
  EXPECT_EQ(part(verdict, "gpu-1")->detail, "memory could not be remapped: no spare rows");
  setenv("PENSTOCK_DEVICES", "0", 1);
  verdict = run();
  EXPECT_EQ(verdict.verdict, Verdict::kPass) << "a device that the task was not granted is not its own";
  setenv("PENSTOCK_DEVICES", "0,2", 1);
  EXPECT_EQ(part(run(), "gpu-2")->detail, "there is no such device");
  setenv("PENSTOCK_DEVICES", "0", 1);
  options_.script = "sleep 0.3";
  std::thread breaking([&] {
    usleep(100'000);
    fake.xid(0, 79);
  });
  verdict = run();
  breaking.join();
  EXPECT_EQ(part(verdict, "gpu-0")->detail, "the driver reported XID 79");
}

TEST_F(NodeBurnIn, AScriptCounts) {
  options_.script = "echo fine";
  EXPECT_EQ(run().verdict, Verdict::kPass);
  options_.script = "echo too slow; exit 4";
  NodeTestVerdict verdict = run();
  EXPECT_EQ(verdict.verdict, Verdict::kFail);
  EXPECT_EQ(part(verdict, "script")->value, "exit status 4");
  EXPECT_EQ(part(verdict, "script")->detail, "too slow");
  options_.script = R"(echo '{"verdict":"fail","checks":[{"name":"nccl","pass":false,"value":"12 GB/s"}]}'; echo bye)";
  verdict = run();
  EXPECT_EQ(verdict.verdict, Verdict::kFail) << "its last JSON line counts, whatever its exit status";
  EXPECT_EQ(part(verdict, "nccl")->value, "12 GB/s");
  options_.script = "sleep 100";
  options_.script_limit = milliseconds(100);
  EXPECT_EQ(part(run(), "script")->detail, "took longer than PT0.1S");
}

TEST_F(NodeBurnIn, OneWrongBitIsFound) {
  std::vector<std::uint64_t> words(1000);
  fill_pattern(words, 7);
  EXPECT_EQ(first_wrong(words, 7), -1);
  words[613] ^= 1ULL << 40;
  EXPECT_EQ(first_wrong(words, 7), 613);
  EXPECT_EQ(first_wrong(words, 8), 0);
}

TEST_F(NodeBurnIn, AVerdictIsFoundAndShortened) {
  EXPECT_FALSE(verdict_line("{\"a\":1}\nhello\n"));
  EXPECT_EQ(verdict_line("x\n{\"verdict\":\"pass\"}\n{\"verdict\":\"maybe\"}\n"), "{\"verdict\":\"pass\"}");
  NodeTestVerdict verdict{Verdict::kFail, {}};
  for (int i = 0; i < 40; ++i) verdict.checks.push_back({fmt::format("part-{}", i), i != 20, std::string(60, 'v'), i == 20 ? "broken" : ""});
  const std::string short_one = shortened(to_json(verdict), 1000);
  EXPECT_LE(short_one.size(), 1000u);
  auto read = from_json_text<NodeTestVerdict>(short_one);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->verdict, Verdict::kFail);
  ASSERT_EQ(read->checks.size(), 1u);
  EXPECT_EQ(read->checks[0].detail, "broken");
}

TEST_P(HealthTest, ATestsVerdictStandsInItsReport) {
  const std::string output = R"(echo working; echo '{"verdict":"fail","checks":[{"name":"disk","pass":false,"detail":"no"}]}'; echo done; exit 1)";
  TaskOrder test = shell(1, output);
  test.env[kNodeTestMark] = "1";
  script_.order({test, shell(2, output)});
  start_agent();
  const auto report = script_.wait_phase(1, TaskPhase::kExited);
  const auto other = script_.wait_phase(2, TaskPhase::kExited);
  ASSERT_TRUE(report && other);
  EXPECT_EQ(report->message, R"({"verdict":"fail","checks":[{"name":"disk","pass":false,"detail":"no"}]})");
  EXPECT_EQ(other->message, "") << "what other tasks print is theirs";
}

TEST_P(HealthTest, PrometheusIsToldOfDevicesUnderDcgmsNames) {
  FakeNvml fake;
  options_.nvml_library = PENSTOCK_FAKE_NVML;
  options_.metrics = "18899";
  start_agent();
  ASSERT_TRUE(wait_for([&] { return script_.syncs > 0; }));
  fake.xid(1, 79);
  ASSERT_TRUE(wait_finding(NodeCheck::kXid, 1));
  fake.set(1, "utilization", 42);
  ApiClientOptions client;
  client.server = "http://127.0.0.1:18899";
  client.any_status = true;
  auto page = ApiClient(client).request("GET", "/metrics");
  ASSERT_TRUE(page.ok()) << page.error().message;
  const auto sample = [&](const std::string& name, unsigned device) {
    const std::size_t at = page->body.find(fmt::format("\n{}{{gpu=\"{}\",UUID=\"GPU-fake-{}\"", name, device, device));
    if (at == std::string::npos) return std::string("none");
    const std::size_t value = page->body.find("} ", at) + 2;
    return page->body.substr(value, page->body.find('\n', value) - value);
  };
  EXPECT_EQ(sample("DCGM_FI_DEV_POWER_USAGE", 0), "123");
  EXPECT_EQ(sample("DCGM_FI_DEV_SM_CLOCK", 1), "1980");
  EXPECT_EQ(sample("DCGM_FI_DEV_GPU_UTIL", 1), "42");
  EXPECT_EQ(sample("DCGM_FI_DEV_FB_FREE", 1), "81920");
  EXPECT_EQ(sample("DCGM_FI_DEV_XID_ERRORS", 0), "0");
  EXPECT_EQ(sample("DCGM_FI_DEV_XID_ERRORS", 1), "79");
  EXPECT_EQ(sample("DCGM_FI_DEV_ROW_REMAP_FAILURE", 1), "0");
  EXPECT_NE(page->body.find("# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter"), std::string::npos);
  EXPECT_NE(page->body.find("modelName=\"NVIDIA H100 80GB HBM3\""), std::string::npos);
  EXPECT_NE(page->body.find("penstock_agent_findings{check=\"xid\""), std::string::npos);
}

TEST_P(HealthTest, MetricsThatCannotBeServedEndTheStart) {
  options_.metrics = "256.0.0.1:1";
  start_agent();
  ASSERT_TRUE(wait_for([&] { return result_.has_value(); }));
  ASSERT_FALSE(result_->ok());
  EXPECT_NE(result_->error().message.find("give a free HOST:PORT"), std::string::npos);
}

}  // namespace
}  // namespace penstock
