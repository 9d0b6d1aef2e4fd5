// What providers read of their devices: NVIDIA's through a fake library, AMD's out of a fake tree.
#include "fake_nvml.h"
#include "fixture.h"

namespace penstock {
namespace {

TEST(NvmlDevices, TellAllThatTheDriverTells) {
  FakeNvml fake;
  auto opened = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(opened.ok());
  const DeviceProvider& nvml = **opened;
  EXPECT_EQ(nvml.devices()[1].serial, "165000001");
  EXPECT_EQ(nvml.devices()[1].firmware, "96.00.74.00.01");
  EXPECT_EQ(nvml.devices()[1].slot, "0000:5e:00.0");
  fake.set(0, "ecc_uncorrected", 3);
  fake.set(0, "row_pending", 1);
  fake.set(0, "link1", 0);
  fake.set(0, "link0_replays", 12);
  fake.set(0, "clock_reasons", 0x40);
  fake.set(0, "utilization", 97);
  fake.set(0, "memory_used", 5LL << 30);
  const DeviceReading reading = nvml.read(0);
  EXPECT_FALSE(reading.lost);
  EXPECT_EQ(reading.power, Watts(123));
  EXPECT_EQ(reading.power_limit, Watts(700));
  EXPECT_EQ(reading.temperature, Celsius(41));
  EXPECT_EQ(reading.memory_temperature, Celsius(55));
  EXPECT_EQ(reading.sm_clock, Megahertz(1980));
  EXPECT_EQ(reading.memory_clock, Megahertz(2619));
  EXPECT_EQ(reading.thermal_slowdown, true);
  EXPECT_EQ(reading.power_brake, false);
  EXPECT_EQ(reading.power_capped, false);
  EXPECT_EQ(reading.utilisation, Ppm(970'000));
  EXPECT_EQ(reading.memory_used, Bytes(5LL << 30));
  EXPECT_EQ(reading.memory_free, Bytes(75LL << 30));
  EXPECT_EQ(reading.ecc_uncorrected, 3);
  EXPECT_EQ(reading.ecc_corrected_ever, 0);
  EXPECT_EQ(reading.row_remap_pending, true);
  EXPECT_EQ(reading.row_remap_failed, false);
  EXPECT_FALSE(reading.pages_retired) << "rows are remapped instead";
  ASSERT_EQ(reading.links.size(), 2u);
  EXPECT_TRUE(reading.links[0].up);
  EXPECT_EQ(reading.links[0].errors, 12);
  EXPECT_FALSE(reading.links[1].up);
  EXPECT_EQ(reading.pcie_generation, 5);
  EXPECT_EQ(reading.pcie_width_most, 16);
  EXPECT_EQ(reading.power_violation, seconds(5));
  EXPECT_EQ(reading.thermal_violation, seconds(2));
  fake.set(1, "lost", 1);
  EXPECT_TRUE(nvml.read(1).lost);
  EXPECT_FALSE(nvml.read(2).lost) << "a device that never was is not lost";
}

TEST(NvmlDevices, TakeAPowerLimitInTheirRangeOnly) {
  FakeNvml fake;
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  ASSERT_TRUE((*nvml)->set_power_limit(1, Watts(450)).ok());
  EXPECT_EQ((*nvml)->read(1).power_limit, Watts(450));
  EXPECT_EQ((*nvml)->read(0).power_limit, Watts(700));
  for (const Watts wrong : {Watts(199), Watts(701), Watts(0)}) {
    const Status refused = (*nvml)->set_power_limit(1, wrong);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    EXPECT_NE(refused.error().message.find("200W to 700W"), std::string::npos);
  }
  EXPECT_EQ((*nvml)->read(1).power_limit, Watts(450));
  EXPECT_EQ((*nvml)->set_power_limit(2, Watts(450)).error().code, Code::kNotFound);
  EXPECT_EQ(make_cpu_slots(1)->set_power_limit(0, Watts(450)).error().code, Code::kUnsupported);
}

TEST(NvmlDevices, TellOfXids) {
  FakeNvml fake;
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  ASSERT_TRUE((*nvml)->tells_faults());
  EXPECT_FALSE((*nvml)->wait_fault(milliseconds(1)));
  fake.xid(1, 79);
  const auto fault = (*nvml)->wait_fault(seconds(5));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->device, 1);
  EXPECT_EQ(fault->xid, 79);
}

TEST(NvmlDevices, AreLetGoForAReset) {
  FakeNvml fake;
  auto nvml = open_nvml(PENSTOCK_FAKE_NVML);
  ASSERT_TRUE(nvml.ok());
  std::atomic<bool> stop = false;
  std::thread waiting([&] {
    while (!stop) static_cast<void>((*nvml)->wait_fault(milliseconds(20)));
  });
  EXPECT_EQ(fake.users(), 1);
  (*nvml)->pause();
  EXPECT_EQ(fake.users(), 0) << "a device that somebody has open cannot be reset";
  EXPECT_FALSE((*nvml)->read(0).lost);
  EXPECT_FALSE((*nvml)->power(0));
  (*nvml)->resume();
  EXPECT_EQ(fake.users(), 1);
  EXPECT_EQ((*nvml)->power(0), Watts(123));
  stop = true;
  waiting.join();
}

class AmdTree : public testing::Test {
 protected:
  AmdTree() {
    char path[] = "/tmp/penstock-amd-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(path) != nullptr);
    root_ = path;
    std::filesystem::create_directories(root_ + "/class/drm");
    std::filesystem::create_directories(root_ + "/bus/pci/drivers/amdgpu");
    // The cards are numbered against the order of the bus.
    add_card("card1", "0000:03:00.0");
    add_card("card0", "0000:83:00.0");
    std::filesystem::create_directories(root_ + "/class/drm/card0-DP-1");
  }
  ~AmdTree() override { std::filesystem::remove_all(root_); }

  void add_card(const std::string& card, const std::string& slot) {
    const std::string bridge = root_ + "/devices/pci/bridge-" + slot;
    const std::string device = bridge + "/" + slot;
    std::filesystem::create_directories(device + "/hwmon/hwmon4");
    std::filesystem::create_directories(device + "/ras");
    std::filesystem::create_directories(root_ + "/class/drm/" + card);
    std::filesystem::create_symlink(device, root_ + "/class/drm/" + card + "/device");
    std::filesystem::create_symlink("../../../../bus/pci/drivers/amdgpu", device + "/driver");
    write(slot, "vendor", "0x1002");
    write(slot, "device", "0x74a1");
    write(slot, "product_name", "AMD Instinct MI300X OAM");
    write(slot, "unique_id", "a1b2c3d4e5f60718");
    write(slot, "serial_number", "692251001124");
    write(slot, "vbios_version", "113-M3000100-102");
    write(slot, "mem_info_vram_total", "206141652992");
    write(slot, "mem_info_vram_used", "1073741824");
    write(slot, "gpu_busy_percent", "83");
    write(slot, "current_link_speed", "16.0 GT/s PCIe");
    write(slot, "max_link_speed", "32.0 GT/s PCIe");
    write(slot, "current_link_width", "8");
    write(slot, "max_link_width", "16");
    write(slot, "../max_link_width", "16");
    write(slot, "../max_link_speed", "32.0 GT/s PCIe");
    write(slot, "pcie_replay_count", "4");
    write(slot, "pp_dpm_sclk", "0: 132Mhz\n1: 2100Mhz *");
    write(slot, "ras/umc_err_count", "ue: 1\nce: 7\nde: 0");
    write(slot, "ras/sdma_err_count", "ue: 2\nce: 0");
    write(slot, "ras/features", "feature mask: 0x1");
    write(slot, "hwmon/hwmon4/power1_average", "141000000");
    write(slot, "hwmon/hwmon4/power1_cap", "750000000");
    write(slot, "hwmon/hwmon4/power1_cap_min", "0");
    write(slot, "hwmon/hwmon4/power1_cap_max", "750000000");
    write(slot, "hwmon/hwmon4/temp2_input", "47000");
    write(slot, "hwmon/hwmon4/temp2_label", "junction");
    write(slot, "hwmon/hwmon4/temp2_crit", "100000");
    write(slot, "hwmon/hwmon4/temp3_input", "39000");
    write(slot, "hwmon/hwmon4/temp3_label", "mem");
    write(slot, "hwmon/hwmon4/freq1_input", "1900000000");
    write(slot, "hwmon/hwmon4/freq2_input", "1300000000");
  }
  void write(const std::string& slot, const std::string& file, const std::string& text) {
    std::ofstream(root_ + "/devices/pci/bridge-" + slot + "/" + slot + "/" + file) << text << "\n";
  }

  std::string root_;
};

TEST_F(AmdTree, IsReadInTheOrderOfTheBus) {
  auto opened = open_amdgpu(root_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const DeviceProvider& amd = **opened;
  EXPECT_EQ(amd.vendor(), Vendor::kAmd);
  EXPECT_EQ(amd.model(), "mi300x");
  ASSERT_EQ(amd.devices().size(), 2u);
  const Device& device = amd.devices()[0];
  EXPECT_EQ(device.slot, "0000:03:00.0");
  EXPECT_EQ(device.uuid, "GPU-a1b2c3d4e5f60718");
  EXPECT_EQ(device.serial, "692251001124");
  EXPECT_EQ(device.firmware, "113-M3000100-102");
  EXPECT_EQ(device.memory, Bytes(206'141'652'992));
  EXPECT_EQ(device.power_limit_max, Watts(750));
  write("0000:83:00.0", "hwmon/hwmon4/temp2_input", "101000");
  write("0000:83:00.0", "hwmon/hwmon4/power1_average", "713000000");
  const DeviceReading cool = amd.read(0);
  const DeviceReading hot = amd.read(1);
  EXPECT_EQ(cool.power, Watts(141));
  EXPECT_EQ(cool.temperature, Celsius(47));
  EXPECT_EQ(cool.memory_temperature, Celsius(39));
  EXPECT_EQ(cool.thermal_slowdown, false);
  EXPECT_EQ(hot.thermal_slowdown, true);
  EXPECT_EQ(cool.power_capped, false);
  EXPECT_EQ(hot.power_capped, true);
  EXPECT_EQ(cool.sm_clock, Megahertz(1900));
  EXPECT_EQ(cool.sm_clock_most, Megahertz(2100));
  EXPECT_EQ(cool.memory_clock, Megahertz(1300));
  EXPECT_EQ(cool.utilisation, Ppm(830'000));
  EXPECT_EQ(cool.memory_free, Bytes(206'141'652'992 - 1'073'741'824));
  EXPECT_EQ(cool.ecc_uncorrected, 3);
  EXPECT_EQ(cool.ecc_corrected, 7);
  EXPECT_EQ(cool.pcie_generation, 4);
  EXPECT_EQ(cool.pcie_generation_most, 5);
  EXPECT_EQ(cool.pcie_width, 8);
  EXPECT_EQ(cool.pcie_width_most, 16);
  EXPECT_EQ(cool.pcie_replays, 4);
  EXPECT_FALSE(cool.energy_mj) << "this driver has no such counter";
}

TEST_F(AmdTree, ACardCanDoNoMoreThanItsSlot) {
  write("0000:03:00.0", "../max_link_width", "8");
  auto amd = open_amdgpu(root_);
  ASSERT_TRUE(amd.ok());
  EXPECT_EQ((*amd)->read(0).pcie_width_most, 8);
}

TEST_F(AmdTree, ACardThatVanishesIsLost) {
  auto amd = open_amdgpu(root_);
  ASSERT_TRUE(amd.ok());
  EXPECT_FALSE((*amd)->read(0).lost);
  std::filesystem::remove_all(root_ + "/devices/pci/bridge-0000:03:00.0");
  EXPECT_TRUE((*amd)->read(0).lost);
  EXPECT_FALSE((*amd)->read(1).lost);
}

TEST_F(AmdTree, TakesAPowerLimit) {
  auto amd = open_amdgpu(root_);
  ASSERT_TRUE(amd.ok());
  ASSERT_TRUE((*amd)->set_power_limit(1, Watts(500)).ok());
  EXPECT_EQ((*amd)->read(1).power_limit, Watts(500));
  EXPECT_FALSE((*amd)->set_power_limit(1, Watts(751)).ok());
  EXPECT_EQ((*amd)->read(1).power_limit, Watts(500));
}

TEST_F(AmdTree, OtherVendorsCardsAreLeftAlone) {
  write("0000:03:00.0", "vendor", "0x8086");
  write("0000:83:00.0", "vendor", "0x10de");
  auto amd = open_amdgpu(root_);
  ASSERT_FALSE(amd.ok());
  EXPECT_EQ(amd.error().code, Code::kUnsupported);
  EXPECT_EQ(find_devices("/nonexistent", 3, root_)->vendor(), Vendor::kCpu);
}

}  // namespace
}  // namespace penstock
