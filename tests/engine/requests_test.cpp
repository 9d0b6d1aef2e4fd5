// Requests that are repeated, tokens, and who leads.
#include "world.h"

namespace penstock {
namespace {

class Requests : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  SubmitJobs submission(const std::string& name) { return {{{Metadata{name, {}, {}}, gang(1, 1000)}}}; }

  World world_;
};

TEST_F(Requests, TheSameKeyGivesTheSameAnswerAndNothingElse) {
  auto first = world_.run(submission("acme/llm/a"), "key", 7);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->repeated);
  EXPECT_EQ(world_.said(), "job.submitted reply.recorded");
  world_.tick();
  world_.said();

  auto again = world_.run(submission("acme/llm/a"), "key", 7);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->repeated);
  again->repeated = false;
  EXPECT_EQ(*again, *first);
  EXPECT_EQ(world_.said(), "");
}

TEST_F(Requests, TheSameKeyWithAnotherRequestIsAConflict) {
  ASSERT_TRUE(world_.run(submission("acme/llm/a"), "key", 7).ok());
  auto other = world_.run(submission("acme/llm/b"), "key", 8);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, Code::kConflict);
  EXPECT_EQ(world_.state().find_job("acme/llm/b"), nullptr);
}

TEST_F(Requests, AKeyBelongsToItsPrincipal) {
  ASSERT_TRUE(world_.run(submission("acme/llm/a"), "key", 7).ok());
  world_.principal = "token:other";
  auto other = world_.run(submission("acme/llm/b"), "key", 8);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->repeated);
}

TEST_F(Requests, ARefusalIsNotKept) {
  ASSERT_FALSE(world_.run(CancelJob{"acme/llm/a", {}}, "key", 7).ok());
  world_.submit("acme/llm/a", gang(1, 1000));
  EXPECT_TRUE(world_.run(CancelJob{"acme/llm/a", {}}, "key", 7).ok());
}

TEST_F(Requests, AnswersSurviveARestart) {
  ASSERT_TRUE(world_.run(submission("acme/llm/a"), "key", 7).ok());
  world_.restart();
  auto again = world_.run(submission("acme/llm/a"), "key", 7);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->repeated);
}

TEST_F(Requests, AnswersAreKeptForADay) {
  ASSERT_TRUE(world_.run(submission("acme/llm/a"), "old", 1).ok());
  world_.now = world_.now + kReplyAge;
  ASSERT_TRUE(world_.run(submission("acme/llm/b"), "young", 2).ok());
  EXPECT_NE(world_.state().find_reply(world_.principal, "old"), nullptr);
  world_.now = world_.now + nanoseconds(1);
  ASSERT_TRUE(world_.run(submission("acme/llm/c"), "younger", 3).ok());
  EXPECT_EQ(world_.state().find_reply(world_.principal, "old"), nullptr);
  EXPECT_EQ(world_.facts().replies.size(), 2u);
  EXPECT_TRUE(world_.run(CancelJob{"acme/llm/a", {}}, "old", 4).ok());
}

TEST_F(Requests, OnlySoManyAnswersAreKept) {
  world_.watchful = false;
  for (std::size_t i = 0; i <= kMostReplies; ++i) {
    ASSERT_TRUE(world_.run(ApplyDocuments{}, fmt::format("key{}", i), 1).ok());
  }
  EXPECT_EQ(world_.facts().replies.size(), kMostReplies);
  EXPECT_EQ(world_.state().find_reply(world_.principal, "key0"), nullptr);
  EXPECT_NE(world_.state().find_reply(world_.principal, "key1"), nullptr);
}

TEST_F(Requests, AKeyThatNoLogCouldHoldIsRefused) {
  auto reply = world_.run(Tick{}, "k\xff", 1);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, Code::kInvalid);
  EXPECT_FALSE(world_.run(Tick{}, "k\n", 1).ok());
}

TEST_F(Requests, TokensAreIssuedOnceAndRevoked) {
  TokenRecord token;
  token.id = "t1";
  token.hash = "00";
  token.role = Role::kMember;
  token.tenant = "zeta";
  EXPECT_EQ(world_.bad(IssueToken{token}).code, Code::kNotFound);
  token.tenant = "acme";
  const Reply issued = world_.good(IssueToken{token});
  ASSERT_EQ(issued.changes.size(), 1u);
  EXPECT_EQ(issued.changes[0].kind, "Token");
  EXPECT_EQ(world_.facts().tokens.at("t1"), token);
  EXPECT_EQ(world_.bad(IssueToken{token}).code, Code::kAlreadyExists);
  world_.good(RevokeToken{"t1"});
  EXPECT_TRUE(world_.facts().tokens.empty());
  EXPECT_EQ(world_.bad(RevokeToken{"t1"}).code, Code::kNotFound);
  EXPECT_EQ(world_.said(), "token.issued token.revoked");
}

TEST_F(Requests, EpochsOnlyRise) {
  world_.good(TakeLeadership{3, "1.0"});
  EXPECT_EQ(world_.events().back().epoch, 3u);
  EXPECT_EQ(world_.bad(TakeLeadership{3, "1.0"}).code, Code::kConflict);
  EXPECT_EQ(world_.bad(TakeLeadership{2, "1.0"}).code, Code::kConflict);
  world_.submit("acme/llm/a", gang(1, 1000));
  EXPECT_EQ(world_.events().back().epoch, 3u);
  EXPECT_EQ(world_.events().back().by, "token:test");
}

TEST_F(Requests, TimeDoesNotRunBackwardsInTheLog) {
  const Time before = world_.now;
  world_.now = before - hours(1);
  world_.submit("acme/llm/a", gang(1, 1000));
  EXPECT_EQ(world_.events().back().at, before);
}

}  // namespace
}  // namespace penstock
