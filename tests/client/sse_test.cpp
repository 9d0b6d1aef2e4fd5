// The event-stream parser: every field, every line end, every way of cutting the bytes.
#include "client/sse.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

std::vector<SseEvent> all(SseParser& parser, std::string_view bytes) {
  auto events = parser.feed(bytes);
  EXPECT_TRUE(events.ok());
  return events.ok() ? *events : std::vector<SseEvent>{};
}

TEST(Sse, ReadsFieldsAndSkipsComments) {
  SseParser parser;
  const auto events = all(parser,
                          "\xEF\xBB\xBF: hello\nid: 7\nevent: change\ndata: one\ndata:two\nretry: 5\nnonsense\n\n"
                          ": ping\n\n"
                          "data\n\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0], (SseEvent{"7", "change", "one\ntwo"}));
  EXPECT_EQ(events[1], (SseEvent{"7", "", ""})) << "an id lasts until the next one";
}

TEST(Sse, AnyCutGivesTheSameEvents) {
  const std::string text = "id: 1\r\ndata: a\r\n\r\nid: 2\rdata: b\r\rid: 3\ndata: c\ndata: d\n\n";
  const std::vector<SseEvent> expected{{"1", "", "a"}, {"2", "", "b"}, {"3", "", "c\nd"}};
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      SseParser parser;
      std::vector<SseEvent> events;
      for (const auto& part : {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        for (auto& event : all(parser, part)) events.push_back(event);
      }
      ASSERT_EQ(events, expected) << "cut at " << first << " and " << second;
    }
  }
}

TEST(Sse, AnUnfinishedEventIsNotGiven) {
  SseParser parser;
  EXPECT_TRUE(all(parser, "data: half\n").empty());
  EXPECT_EQ(all(parser, "\n").size(), 1u);
}

TEST(Sse, AnEventHasALimit) {
  SseParser parser(64);
  EXPECT_TRUE(parser.feed("data: " + std::string(40, 'x') + "\n").ok());
  auto over = parser.feed("data: " + std::string(40, 'x') + "\n");
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace penstock
