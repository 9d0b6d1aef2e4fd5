// Instants and durations as text.
#include "base/time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace penstock {
namespace {

TEST(TimeText, SurvivesWritingAndReading) {
  EXPECT_TRUE(rc::check([] {
    const Time time{*rc::gen::inRange<std::int64_t>(0, 9'214'646'400'000'000'000)};  // up to 2261-12-31
    const auto back = Text<Time>::parse(Text<Time>::format(time));
    RC_ASSERT(back.ok());
    RC_ASSERT(*back == time);
  }));
}

TEST(TimeText, TextOrderIsTimeOrderWithinOnePrecision) {
  EXPECT_TRUE(rc::check([] {
    const auto second = [] { return Time{*rc::gen::inRange<std::int64_t>(0, 9'000'000'000) * 1'000'000'000}; };
    const Time a = second();
    const Time b = second();
    RC_ASSERT((a < b) == (Text<Time>::format(a) < Text<Time>::format(b)));
  }));
}

TEST(TimeText, ReadsOffsetsFractionsAndDates) {
  EXPECT_EQ(Text<Time>::parse("1970-01-01")->ns, 0);
  EXPECT_EQ(*Text<Time>::parse("2026-06-01T02:00:00+02:00"), *Text<Time>::parse("2026-06-01T00:00:00Z"));
  EXPECT_EQ(*Text<Time>::parse("2026-06-01t00:00:00z"), *Text<Time>::parse("2026-06-01"));
  EXPECT_EQ(Text<Time>::parse("1970-01-01T00:00:00.000000001Z")->ns, 1);
  EXPECT_EQ(Text<Time>::format(*Text<Time>::parse("2024-02-29T23:59:59.5Z")), "2024-02-29T23:59:59.5Z");
}

TEST(TimeText, RefusesWhatIsNoInstant) {
  for (const char* text : {"", "2026", "2026-13-01", "2025-02-29", "2026-06-01T00:00:00", "2026-06-01T24:00:00Z",
                           "2026-06-01T00:00:60Z", "2026-06-01T00:00:00.Z", "2026-06-01T00:00:00.1234567890Z",
                           "2026-06-01T00:00:00+25:00", "2026-06-01T00:00:00Zx", "1969-12-31", "2262-01-01"}) {
    EXPECT_FALSE(Text<Time>::parse(text).ok()) << text;
  }
}

TEST(DurationText, ReadsAndWrites) {
  EXPECT_EQ(*Text<Duration>::parse("PT3H"), hours(3));
  EXPECT_EQ(*Text<Duration>::parse("P1DT12H"), hours(36));
  EXPECT_EQ(*Text<Duration>::parse("PT0.5S"), milliseconds(500));
  EXPECT_EQ(*Text<Duration>::parse("PT90M"), minutes(90));
  EXPECT_EQ(Text<Duration>::format(minutes(90)), "PT1H30M");
  EXPECT_EQ(Text<Duration>::format(Duration{}), "PT0S");
  EXPECT_EQ(Text<Duration>::format(hours(48)), "P2D");
}

TEST(DurationText, RefusesWhatHasNoFixedLength) {
  for (const char* text : {"", "P", "PT", "P1DT", "P1M", "P1Y", "P1W", "PT1H1H", "PT1S1H", "PT-1S", "1h", "PT0.5H",
                           "PT1", "PT9223372037S"}) {
    EXPECT_FALSE(Text<Duration>::parse(text).ok()) << text;
  }
}

TEST(Time, ArithmeticIsExact) {
  const Time start = *Text<Time>::parse("2026-06-01");
  EXPECT_EQ(start + hours(24) - start, hours(24));
  EXPECT_EQ(start - seconds(1) + seconds(1), start);
  EXPECT_DEATH(static_cast<void>(Time{std::numeric_limits<std::int64_t>::max()} + nanoseconds(1)), "broken invariant");
}

}  // namespace
}  // namespace penstock
