// Each check red and green, without a machine: readings and moments are the test's own.
#include "agent/checks/checks.h"
#include "agent/checks/codes.h"
#include "fixture.h"

namespace penstock {
namespace {

// A node that is well, until a test says otherwise; time passes only in steps.
class ChecksTest : public testing::Test {
 protected:
  ChecksTest() {
    DeviceReading device;
    device.temperature = Celsius(40);
    device.sm_clock = device.sm_clock_most = Megahertz(1980);
    device.thermal_slowdown = device.power_brake = device.power_capped = false;
    device.utilisation = Ppm(990'000);
    device.ecc_uncorrected = 0;
    device.row_remap_pending = device.row_remap_failed = false;
    device.links = {{true, 0}, {true, 0}};
    device.pcie_generation = device.pcie_generation_most = 5;
    device.pcie_width = device.pcie_width_most = 16;
    well_.devices = {device, device};
    well_.disk = DiskReading{Bytes(1000 << 20), Bytes(500 << 20), 1000, 900, false, true, 0, milliseconds(2)};
    well_.memory = MemoryReading{Bytes(64LL << 30), 0, 0};
    well_.network = NetworkReading{"eth0", true, 0, 100'000};
    well_.clock = ClockReading{true, milliseconds(1)};
  }

  void pass(Duration time) {
    now_.utc = now_.utc + time;
    now_.since_boot += time;
  }
  // The reading for so long, every ten seconds.
  void last(const NodeReading& reading, Duration time) {
    const Duration end = now_.since_boot + time;
    checks_.take(reading, now_);
    while (now_.since_boot < end) {
      pass(seconds(10));
      checks_.take(reading, now_);
    }
  }
  template <class Change>
  NodeReading with(Change change) {
    NodeReading reading = well_;
    change(reading);
    return reading;
  }
  std::string told() const {
    std::string text;
    for (const Finding& finding : checks_.findings()) {
      text += fmt::format("{}{} {} {}", text.empty() ? "" : "; ", name_of(finding.check), finding.device, finding.code);
    }
    return text;
  }
  // Told after `hold` of it and not before, and over after five minutes without it and not before.
  void expect_red_and_green(const NodeReading& ill, const std::string& finding, Duration hold = Duration()) {
    SCOPED_TRACE(finding);
    last(well_, seconds(30));
    EXPECT_EQ(told(), "");
    if (hold > Duration()) {
      last(ill, hold - seconds(10));
      EXPECT_EQ(told(), "") << "before its time";
      pass(seconds(10));
    }
    const Time began = now_.utc - hold;
    checks_.take(ill, now_);
    EXPECT_EQ(told(), finding);
    if (!checks_.findings().empty()) {
      EXPECT_LE(checks_.findings()[0].since, now_.utc);
      EXPECT_GE(checks_.findings()[0].since, began);
      EXPECT_FALSE(checks_.findings()[0].detail.empty());
    }
    last(well_, minutes(5) - seconds(10));
    EXPECT_EQ(told(), finding) << "over too early";
    last(well_, seconds(10));
    EXPECT_EQ(told(), "") << "not over";
  }
  KernelRecord record(const std::string& text) { return {++sequence_, now_.since_boot, text}; }
  void hear(const std::string& text) { checks_.take(record(text), devices_, now_); }

  NodeReading well_;
  Moment now_{Time{1'800'000'000'000'000'000}, hours(100)};
  Checks checks_{"boot-1", {}, {}};
  std::vector<Device> devices_{{.slot = "0000:3b:00.0"}, {.slot = "0000:5e:00.0"}};
  std::uint64_t sequence_ = 100;
};

TEST_F(ChecksTest, AWellNodeHasNoFindings) {
  last(well_, hours(3));
  EXPECT_EQ(told(), "");
}

TEST_F(ChecksTest, FaultsOfDevices) {
  expect_red_and_green(with([](NodeReading& r) { r.devices[1] = DeviceReading{.lost = true}; }), "hardware 1 1");
  expect_red_and_green(with([](NodeReading& r) { r.devices[1].ecc_uncorrected = 1; }), "ecc 1 1");
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].row_remap_pending = true; }), "row-remap 0 1");
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].row_remap_failed = true; }), "row-remap 0 2");
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].thermal_slowdown = true; }), "thermal 0 1", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].power_brake = true; }), "power 0 1", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].sm_clock = Megahertz(900); }), "clocks 0 1", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].pcie_width = 8; }), "hardware 0 2", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.devices[0].pcie_generation = 3; }), "hardware 0 3", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.devices[1].links[1].up = false; }), "nvlink 1 1");
  expect_red_and_green(with([](NodeReading& r) { r.devices[1].links[1].errors = 101; }), "nvlink 1 2");
}

TEST_F(ChecksTest, WhatIsNoFaultOfADevice) {
  const auto quiet = [&](const char* what, auto change) {
    last(with(change), minutes(10));
    EXPECT_EQ(told(), "") << what;
  };
  quiet("a power limit lowers clocks", [](NodeReading& r) {
    r.devices[0].power_capped = true;
    r.devices[0].sm_clock = Megahertz(600);
  });
  quiet("an idle device clocks down, and so does its link", [](NodeReading& r) {
    r.devices[0].utilisation = Ppm();
    r.devices[0].sm_clock = Megahertz(210);
    r.devices[0].pcie_generation = 1;
  });
  quiet("links that nobody has are not down", [](NodeReading& r) {
    for (DeviceReading& device : r.devices) device.links.clear();
  });
  quiet("what the driver does not tell is not judged", [](NodeReading& r) { r.devices[0] = DeviceReading{}; });
}

TEST_F(ChecksTest, LinksThatWereNeverUpAreMeasuredByTheOthers) {
  last(with([](NodeReading& r) {
         for (DeviceReading& device : r.devices) device.links[1].up = false;
       }),
       minutes(1));
  EXPECT_EQ(told(), "") << "nobody tells how many there should be";
  last(with([](NodeReading& r) { r.devices[0].links[1].up = false; }), seconds(10));
  EXPECT_EQ(told(), "nvlink 0 1");
}

TEST_F(ChecksTest, ASlowdownWithBreaksIsNotTold) {
  const NodeReading hot = with([](NodeReading& r) { r.devices[0].thermal_slowdown = true; });
  for (int i = 0; i < 20; ++i) {
    last(hot, seconds(50));
    pass(seconds(1));
    checks_.take(well_, now_);
    pass(seconds(1));
    EXPECT_EQ(told(), "");
  }
}

TEST_F(ChecksTest, AFindingDoesNotFlap) {
  const NodeReading ill = with([](NodeReading& r) { r.network->up = false; });
  checks_.take(well_, now_);
  pass(seconds(10));
  checks_.take(ill, now_);
  const std::vector<Finding> first = checks_.findings();
  ASSERT_EQ(first.size(), 1u);
  for (int i = 0; i < 50; ++i) {
    last(well_, minutes(4));
    last(ill, seconds(10));
    EXPECT_EQ(checks_.findings(), first) << "neither its beginning nor its words change";
  }
}

TEST_F(ChecksTest, FaultsOfTheNode) {
  expect_red_and_green(with([](NodeReading& r) { r.disk->available = Bytes(49 << 20); }), "disk -1 1");
  expect_red_and_green(with([](NodeReading& r) { r.disk->files_available = 49; }), "disk -1 1");
  expect_red_and_green(with([](NodeReading& r) { r.disk->read_only = true; }), "disk -1 2");
  expect_red_and_green(with([](NodeReading& r) { r.disk->probe_error = EIO; }), "disk -1 3");
  expect_red_and_green(with([](NodeReading& r) { r.disk->probe_time = seconds(11); }), "disk -1 4");
  expect_red_and_green(with([](NodeReading& r) { r.memory->uncorrected = 1; }), "memory -1 1");
  expect_red_and_green(with([](NodeReading& r) { r.memory->total = Bytes(48LL << 30); }), "memory -1 3");
  expect_red_and_green(with([](NodeReading& r) { r.network->up = false; }), "network -1 1");
  expect_red_and_green(with([](NodeReading& r) { r.network->interface.clear(); }), "network -1 1");
  expect_red_and_green(with([](NodeReading& r) { r.network->errors = 101; }), "network -1 2");
  expect_red_and_green(with([](NodeReading& r) { r.network->megabits = 10'000; }), "network -1 3", seconds(60));
  expect_red_and_green(with([](NodeReading& r) { r.clock->synchronised = false; }), "time -1 1", minutes(15));
  expect_red_and_green(with([](NodeReading& r) { r.clock->error = milliseconds(101); }), "time -1 2", seconds(60));
}

TEST_F(ChecksTest, MemoryIsHeldAgainstWhatTheNodeRegisteredWith) {
  checks_ = Checks("boot-1", {}, Bytes(128LL << 30));
  checks_.take(well_, now_);
  EXPECT_EQ(told(), "memory -1 3");
}

TEST_F(ChecksTest, CountersAreJudgedByTheirGrowth) {
  // Many, but slowly, or all before we came.
  NodeReading reading = with([](NodeReading& r) { r.network->errors = 1'000'000; });
  for (int i = 0; i < 600; ++i) {
    reading.network->errors += 15;  // 90 a minute
    reading.memory->corrected = i / 10;
    last(reading, seconds(10));
    pass(seconds(1));
    ASSERT_EQ(told(), "") << i;
  }
  reading.memory->corrected = *reading.memory->corrected + 101;
  last(reading, seconds(10));
  EXPECT_EQ(told(), "memory -1 2");
  last(reading, minutes(50));
  EXPECT_EQ(told(), "memory -1 2") << "it stands for an hour";
  last(reading, minutes(11));
  EXPECT_EQ(told(), "");
}

TEST_F(ChecksTest, AClockThatJumpsOrStandsStillIsTold) {
  last(well_, seconds(30));
  now_.utc = now_.utc + seconds(3);
  checks_.take(well_, now_);
  ASSERT_EQ(told(), "time -1 3");
  EXPECT_NE(checks_.findings()[0].detail.find("forward by PT3S"), std::string::npos) << checks_.findings()[0].detail;
  last(well_, minutes(5));
  EXPECT_EQ(told(), "");
  now_.since_boot += seconds(10);
  checks_.take(well_, now_);
  EXPECT_EQ(told(), "time -1 3");
}

TEST_F(ChecksTest, XidsStandUntilTheResetOfTheirDevice) {
  checks_.take(DeviceFault{0, 79}, now_);
  checks_.take(DeviceFault{1, 48}, now_);
  last(well_, hours(24));
  EXPECT_EQ(told(), "xid 0 79; xid 1 48");
  checks_.device_was_reset(0);
  EXPECT_EQ(told(), "xid 1 48");
  checks_.device_was_reset(-1);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(checks_.last_xid(0), 79);
  EXPECT_EQ(checks_.last_xid(2), 0);
}

TEST_F(ChecksTest, XidsOfProgramsAreNotTold) {
  for (const std::int32_t number : {13, 31, 43, 45, 68}) {
    checks_.take(DeviceFault{0, number}, now_);
    EXPECT_EQ(told(), "") << number;
    EXPECT_EQ(checks_.last_xid(0), number) << "though the metrics know of them";
  }
}

TEST_F(ChecksTest, XidsInTheKernelsLog) {
  hear("NVRM: Xid (PCI:0000:5E:00): 79, pid=1234, name=python, GPU has fallen off the bus.");
  hear("NVRM: Xid (PCI:0000:3b:00): 31, pid=1234, name=python, MMU Fault");
  hear("NVRM: Xid (PCI:0000:99:00): 119, Timeout waiting for RPC from GSP!");
  hear("NVRM: Xid (PCI:0000:3b:00");
  EXPECT_EQ(told(), "xid -1 119; xid 1 79");
  checks_.take(DeviceFault{1, 79}, now_);
  EXPECT_EQ(checks_.findings().size(), 2u) << "the driver's own event says the same";
}

TEST_F(ChecksTest, WhatTheKernelSays) {
  const auto expect = [&](const std::string& finding, const std::string& text) {
    SCOPED_TRACE(text);
    checks_ = Checks("boot-1", {}, {});
    hear(text);
    EXPECT_EQ(told(), finding);
  };
  expect("kernel -1 1", "mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: be00000000800400");
  expect("kernel -1 1", "Kernel panic - not syncing: Fatal machine check");
  expect("kernel -1 1", "{1}[Hardware Error]: event severity: fatal");
  expect("memory -1 1", "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0");
  expect("kernel -1 2", "blk_update_request: I/O error, dev sda, sector 123456");
  expect("kernel -1 2", "critical medium error, dev nvme0n1, sector 5 op 0x0:(READ)");
  expect("kernel -1 2", "Buffer I/O error on dev dm-0, logical block 7, async page read");
  expect("kernel -1 3", "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0");
  expect("kernel -1 3", "EXT4-fs (sda1): Remounting filesystem read-only");
  expect("kernel -1 3", "XFS (dm-3): Metadata corruption detected at xfs_inode_buf_verify");
  expect("kernel -1 3", "XFS (dm-3): Corruption of in-memory data detected.  Shutting down filesystem");
  expect("kernel -1 4", "watchdog: BUG: soft lockup - CPU#2 stuck for 22s! [kworker]");
  expect("kernel -1 4", "INFO: task python:991 blocked for more than 120 seconds.");
  expect("", "Out of memory: Killed process 4711 (python) total-vm:1kB");
  expect("", "mce: [Hardware Error]: Machine check events logged");
  expect("", "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#1_DIMM#0");
  expect("", "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro");
  expect("", "XFS (dm-3): Mounting V5 Filesystem");
  expect("", "eth0: Link is Up - 10Gbps/Full");
}

TEST_F(ChecksTest, WhatTheKernelSaidOnceStandsForAnHour) {
  hear("blk_update_request: I/O error, dev sda, sector 1");
  last(well_, minutes(59));
  EXPECT_EQ(told(), "kernel -1 2");
  last(well_, minutes(1));
  EXPECT_EQ(told(), "");
  // A record from before we came counts from when it was written.
  KernelRecord old = record("blk_update_request: I/O error, dev sda, sector 1");
  old.at = now_.since_boot - minutes(50);
  checks_.take(old, devices_, now_);
  ASSERT_EQ(told(), "kernel -1 2");
  EXPECT_EQ(checks_.findings()[0].since, now_.utc - minutes(50));
  last(well_, minutes(10));
  EXPECT_EQ(told(), "");
  old = record("blk_update_request: I/O error, dev sda, sector 1");
  old.at = now_.since_boot - minutes(70);
  checks_.take(old, devices_, now_);
  EXPECT_EQ(told(), "");
}

TEST_F(ChecksTest, ARestartForgetsNoFaultAndTellsNoneAgainThatAResetHasMended) {
  const KernelRecord xid = record("NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.");
  const KernelRecord machine_check = record("mce: [Hardware Error]: CPU 3: Machine Check Exception: 5");
  checks_.take(xid, devices_, now_);
  checks_.take(machine_check, devices_, now_);
  checks_.take(DeviceFault{1, 48}, now_);
  const std::vector<Finding> before = checks_.findings();
  ASSERT_EQ(told(), "xid 0 79; xid 1 48; kernel -1 1");
  pass(hours(1));

  checks_ = Checks("boot-1", *from_json_text<CheckMemory>(to_json(checks_.memory())), {});
  EXPECT_EQ(checks_.findings(), before);
  last(well_, hours(1));
  EXPECT_EQ(checks_.findings(), before);
  checks_.device_was_reset(0);

  // The kernel's log still has the record.
  checks_ = Checks("boot-1", checks_.memory(), {});
  checks_.take(xid, devices_, now_);
  checks_.take(machine_check, devices_, now_);
  EXPECT_EQ(told(), "xid 1 48; kernel -1 1");

  checks_ = Checks("boot-2", checks_.memory(), {});
  EXPECT_EQ(told(), "") << "a new boot begins anew";
}

}  // namespace
}  // namespace penstock
