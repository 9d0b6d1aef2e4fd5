// Sets of devices in one word.
#include <gtest/gtest.h>

#include "base/device_set.h"
#include "base/json.h"

namespace penstock {
namespace {

struct Holder {
  DeviceSet devices;
  static constexpr auto schema() { return object("Holder", "", field("devices", &Holder::devices, optional, "")); }
};

std::string read(std::string_view text, Holder& out) {
  Problems problems;
  read_json(*parse_json(text), out, problems);
  return problems.empty() ? "" : to_string(problems.take());
}

TEST(DeviceSet, IsAListInItsOrder) {
  DeviceSet set{5, 0, 63};
  EXPECT_EQ(set.size(), 3u);
  EXPECT_EQ((std::vector<std::int32_t>(set.begin(), set.end())), (std::vector<std::int32_t>{0, 5, 63}));
  EXPECT_EQ(set.bits(), (std::uint64_t{1} << 63) + 33);
  EXPECT_TRUE(DeviceSet().empty());
}

TEST(DeviceSet, TakesTheFirstOfSome) {
  EXPECT_EQ(DeviceSet::first_of(0b1011'0110, 3), (DeviceSet{1, 2, 4}));
  EXPECT_EQ(DeviceSet::first_of(~std::uint64_t{0}, 64).size(), 64u);
  EXPECT_EQ(DeviceSet::first_of(~std::uint64_t{0}, 0), DeviceSet());
}

TEST(DeviceSet, AdmitsWhatANodeCanHaveOnce) {
  const DeviceSet set{3};
  EXPECT_TRUE(set.admits(63));
  for (const std::int32_t device : {-1, 64, 3}) EXPECT_FALSE(set.admits(device));
  EXPECT_DEATH(DeviceSet({1, 1}), "");
}

TEST(DeviceSet, IsWrittenAndReadAsAList) {
  Holder holder{{7, 1}};
  EXPECT_EQ(to_json(holder), R"({"devices":[1,7]})");
  EXPECT_EQ(to_json(Holder{}), "{}");
  EXPECT_EQ(read(R"({"devices":[2,0]})", holder), "");
  EXPECT_EQ(holder.devices, (DeviceSet{0, 2}));
  EXPECT_NE(read(R"({"devices":[64]})", holder).find("64 is out of range or named twice"), std::string::npos);
  EXPECT_NE(read(R"({"devices":[1,1]})", holder).find("devices[1]"), std::string::npos);
  EXPECT_NE(read(R"({"devices":[-1]})", holder), "");
  EXPECT_NE(read(R"({"devices":"1"})", holder), "");
}

}  // namespace
}  // namespace penstock
