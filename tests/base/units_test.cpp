// Quantities: every value survives being written and read; every wrong text is refused with what was expected.
#include "base/units.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/time.h"
#include "base/uid.h"

namespace penstock {
namespace {

constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();

// Counts of every magnitude, not only small ones.
rc::Gen<std::int64_t> counts() {
  return rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, 100'000), rc::gen::inRange<std::int64_t>(0, kGreatest),
                        rc::gen::map(rc::gen::pair(rc::gen::inRange<std::int64_t>(1, 1'000), rc::gen::inRange(0, 15)),
                                     [](const std::pair<std::int64_t, int>& parts) {
                                       std::int64_t count = parts.first;
                                       for (int i = 0; i < parts.second; ++i) count *= 10;
                                       return count;
                                     }),
                        rc::gen::just(kGreatest));
}

template <class Q>
class QuantityText : public ::testing::Test {};
using Quantities = ::testing::Types<Watts, Joules, MilliGpu, MilliCpu, Bytes, MillilitresPerMinute, Ppm, GpuMicros,
                                    VoltAmps, MilliAmps, Volts, Duration>;
TYPED_TEST_SUITE(QuantityText, Quantities);

TYPED_TEST(QuantityText, SurvivesWritingAndReading) {
  EXPECT_TRUE(rc::check([] {
    const TypeParam value(*counts());
    const std::string text = Text<TypeParam>::format(value);
    const auto back = Text<TypeParam>::parse(text);
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == value);
  }));
}

TYPED_TEST(QuantityText, RefusesOtherTextWithWhatWasExpected) {
  for (const std::string text : {"", "W", "-1W", "1.2.3W", "1.W", "1 parsec", "9223372036854775808W", "0x10", "١W"}) {
    const auto read = Text<TypeParam>::parse(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_NE(read.error().message.find(Text<TypeParam>::kExpected), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find("'" + text + "'"), std::string::npos) << read.error().message;
  }
}

TEST(Units, ReadsHumanForms) {
  EXPECT_EQ(*Text<Watts>::parse("90MW"), Watts(90'000'000));
  EXPECT_EQ(*Text<Watts>::parse("0.5 kW"), Watts(500));
  EXPECT_EQ(*Text<Joules>::parse("2kWh"), Joules(7'200'000));
  EXPECT_EQ(*Text<MilliGpu>::parse("0.5"), MilliGpu(500));
  EXPECT_EQ(*Text<Bytes>::parse("80GB"), Bytes(80'000'000'000));
  EXPECT_EQ(*Text<Bytes>::parse("1.5KiB"), Bytes(1536));
  EXPECT_EQ(*Text<Ppm>::parse("33.3333%"), Ppm(333'333));
  EXPECT_EQ(*Text<GpuMicros>::parse("1GPU-h"), GpuMicros(3'600'000'000));
  EXPECT_EQ(*Text<MillilitresPerMinute>::parse("1m3/min"), MillilitresPerMinute(1'000'000));
}

TEST(Units, WritesTheShortForm) {
  EXPECT_EQ(Text<Watts>::format(Watts(0)), "0W");
  EXPECT_EQ(Text<Watts>::format(Watts(132'500)), "132.5kW");
  EXPECT_EQ(Text<Watts>::format(Watts(90'000'000)), "90MW");
  EXPECT_EQ(Text<Watts>::format(Watts(1'234'567)), "1234.567kW");
  EXPECT_EQ(Text<Bytes>::format(Bytes(3LL << 30)), "3GiB");
  EXPECT_EQ(Text<Bytes>::format(Bytes(1001)), "1001B");
  EXPECT_EQ(Text<Bytes>::format(Bytes(186'000'000'000)), "186GB");
  EXPECT_EQ(Text<Bytes>::format(Bytes(1LL << 50)), "1PiB");
  EXPECT_EQ(Text<Ppm>::format(Ppm(500'000)), "50%");
  EXPECT_EQ(Text<Volts>::format(Volts(11'000)), "11kV");
}

TEST(Units, RefusesWhatIsNoWholeNumberOfTheBaseUnit) {
  EXPECT_FALSE(Text<Watts>::parse("0.5W").ok());
  EXPECT_FALSE(Text<Ppm>::parse("0.00001%").ok());
  EXPECT_FALSE(Text<MilliGpu>::parse("0.0001").ok());
}

TEST(Units, MoneySurvivesWritingAndReading) {
  EXPECT_TRUE(rc::check([] {
    const std::int64_t magnitude = *counts();
    const Money money{*rc::gen::arbitrary<bool>() ? magnitude : -magnitude, "EUR"};
    const auto back = Text<Money>::parse(Text<Money>::format(money));
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == money);
  }));
  EXPECT_EQ(Text<Money>::format({2'490'000, "USD"}), "2.49 USD");
  EXPECT_EQ(Text<Money>::format({-5'000'000, "USD"}), "-5.00 USD");
  EXPECT_EQ(*Text<Money>::parse(Text<Money>::format(Money{})), Money{});
  for (const char* text : {"1", "1 usd", "1 US", "1 USDX", "USD 1", "0.0000001 USD", ""}) {
    EXPECT_FALSE(Text<Money>::parse(text).ok()) << text;
  }
}

TEST(Units, MoneyAddsOneCurrencyOnly) {
  Money sum;
  sum += Money{5, "USD"};
  sum += Money{};
  EXPECT_EQ(sum, (Money{5, "USD"}));
  EXPECT_DEATH((sum += Money{1, "EUR"}), "broken invariant");
}

TEST(Units, OverflowStops) {
  Watts most(kGreatest);
  EXPECT_DEATH(most += Watts(1), "broken invariant");
  EXPECT_DEATH(static_cast<void>(most * 2), "broken invariant");
  EXPECT_DEATH(static_cast<void>(Watts(-2) - most), "broken invariant");
  EXPECT_DEATH(static_cast<void>(mul_div_floor(kGreatest, 4, 2)), "broken invariant");
}

TEST(Units, MulDivRoundsAsNamed) {
  EXPECT_EQ(mul_div_floor(7, 1, 2), 3);
  EXPECT_EQ(mul_div_floor(-7, 1, 2), -4);
  EXPECT_EQ(mul_div_ceil(7, 1, 2), 4);
  EXPECT_EQ(mul_div_ceil(-7, 1, 2), -3);
  EXPECT_EQ(mul_div_round(7, 1, 2), 4);
  EXPECT_EQ(mul_div_round(-7, 1, 2), -4);
  EXPECT_EQ(mul_div_round(5, 1, 4), 1);
  EXPECT_EQ(mul_div_floor(kGreatest, kGreatest, kGreatest), kGreatest);
}

TEST(Units, UidSurvivesWritingAndReading) {
  EXPECT_TRUE(rc::check([](std::uint64_t value) {
    const std::string text = Text<Uid>::format(Uid{value});
    RC_ASSERT(text.size() == 16u);
    RC_ASSERT(*Text<Uid>::parse(text) == Uid{value});
  }));
  for (const char* text : {"", "1", "00000000000000000", "000000000000000g", "+000000000000001"}) {
    EXPECT_FALSE(Text<Uid>::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace penstock
