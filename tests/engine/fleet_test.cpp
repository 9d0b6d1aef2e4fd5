// Nodes with agents: who may take one on, how long work may go unseen, and what is lost with a node.
#include "world.h"

namespace penstock {
namespace {

const std::string kNode = "south/h1/r1/n1";
const std::string kOther = "south/h1/r1/n2";
constexpr Duration kPatience = kNodeLease + kLeaseMargin;

class Fleet : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  // A gang of whole south nodes.
  void start(std::int32_t nodes, std::int32_t restarts = 0) {
    JobSpec spec = gang(nodes, 4000);
    spec.sites = {"south"};
    spec.max_restarts = restarts;
    world_.start("acme/llm/a", spec);
    ASSERT_EQ(phase(), "starting");
    world_.said();
  }
  std::string phase() const { return world_.phase("acme/llm/a"); }
  TaskReport running(std::int32_t rank) const { return world_.running("acme/llm/a", rank); }
  TaskReport exited(std::int32_t rank, std::int32_t code = 0) const { return world_.exited("acme/llm/a", rank, code); }
  Error refuse(const AgentHello& hello, const std::string& token = "t") {
    TokenRecord record;
    record.id = token;
    record.hash = "00";
    return world_.bad(RegisterNode{hello, record});
  }

  World world_;
};

TEST_F(Fleet, RegistersANodeThatIsWhatItsTypeSays) {
  const Uid registration = world_.enrol(kNode);
  const NodeFacts& node = world_.facts().nodes.at(kNode);
  EXPECT_EQ(node.registration, registration);
  EXPECT_EQ(node.registered, world_.now);
  EXPECT_TRUE(world_.facts().tokens.contains(node.token_id));
  EXPECT_TRUE(world_.state().loads().ready(world_.state().estate().find_node(kNode)));
  EXPECT_FALSE(world_.state().loads().ready(world_.state().estate().find_node(kOther)));
  EXPECT_EQ(world_.said(), "node.registered");
}

TEST_F(Fleet, RefusesANodeThatIsNot) {
  const auto with = [&](const auto& change) {
    AgentHello wrong = hello(world_.state().estate(), kNode);
    change(wrong);
    return refuse(wrong);
  };
  const Error model = with([](AgentHello& h) { h.device_model = "h100"; });
  EXPECT_EQ(model.code, Code::kFailedPrecondition);
  EXPECT_EQ(model.path, "deviceModel");
  EXPECT_EQ(model.message,
            "node 'south/h1/r1/n1' should be of type 'a100' with nvidia a100, but the agent found nvidia h100");
  EXPECT_EQ(with([](AgentHello& h) { h.device_vendor = "amd"; }).path, "deviceModel");
  EXPECT_EQ(with([](AgentHello& h) { h.device_count = 3; }).path, "deviceCount");
  EXPECT_EQ(with([](AgentHello& h) { h.cpu = MilliCpu(31'999); }).path, "cpu");
  EXPECT_EQ(with([](AgentHello& h) { h.memory = Bytes((256LL << 30) - 1); }).path, "memory");
  EXPECT_EQ(with([](AgentHello& h) { h.node = "south/h1/r1/n3"; }).code, Code::kNotFound);
  EXPECT_EQ(with([](AgentHello& h) { h.node = "north/h1/r1/n1"; }).code, Code::kFailedPrecondition);
  AgentHello more = hello(world_.state().estate(), kNode);
  more.device_count = 8;
  TokenRecord token;
  token.id = "t";
  token.hash = "00";
  world_.good(RegisterNode{more, token});
}

TEST_F(Fleet, ANodesTokenTakesNoOthersPlace) {
  TokenRecord token;
  token.id = "boss";
  token.hash = "00";
  token.role = Role::kOperator;
  world_.good(IssueToken{token});
  EXPECT_EQ(refuse(hello(world_.state().estate(), kNode), "boss").code, Code::kAlreadyExists);
  EXPECT_EQ(world_.facts().tokens.at("boss").role, Role::kOperator);
}

TEST_F(Fleet, ALaterRegistrationEndsTheEarlier) {
  const Uid first = world_.enrol(kNode);
  const std::string token = world_.facts().nodes.at(kNode).token_id;
  const Uid second = world_.enrol(kNode);
  EXPECT_LT(first, second);
  EXPECT_FALSE(world_.facts().tokens.contains(token));
  const Error error = world_.bad(SyncNode{kNode, first, 0, {}});
  EXPECT_EQ(error.code, Code::kUnauthenticated);
  world_.good(SyncNode{kNode, second, 0, {}});
  EXPECT_EQ(world_.bad(SyncNode{kOther, second, 0, {}}).code, Code::kUnauthenticated);
}

TEST_F(Fleet, WorkSurvivesANewRegistration) {
  world_.enrol(kNode);
  start(1);
  world_.sync(kNode, {running(0)});
  world_.enrol(kNode);
  world_.sync(kNode, {running(0)});
  EXPECT_EQ(phase(), "running");
}

TEST_F(Fleet, ANodeSpeaksOnlyForItsOwnTasks) {
  world_.enrol(kNode);
  world_.enrol(kOther);
  start(2);
  ASSERT_EQ(world_.nodes("acme/llm/a"), "r1/n1 r1/n2");
  world_.sync(kNode, {exited(1, 1)});
  EXPECT_EQ(world_.said(), "");
  EXPECT_EQ(phase(), "starting");
  world_.sync(kOther, {exited(1, 1)});
  EXPECT_EQ(phase(), "stopping(task-failed)");
}

TEST_F(Fleet, ALeaseIsRenewedByEverySync) {
  world_.enrol(kNode);
  start(1);
  for (int i = 0; i < 4; ++i) {
    world_.wait(kPatience - nanoseconds(1));
    world_.sync(kNode);
  }
  EXPECT_EQ(world_.engine().next_due(), world_.now + kPatience);
  EXPECT_EQ(world_.said(), "");
}

TEST_F(Fleet, ANodeThatIsSilentTooLongIsLostWithItsWork) {
  world_.enrol(kNode);
  world_.enrol(kOther);
  start(2);
  world_.sync(kNode, {running(0)});
  world_.sync(kOther, {running(1)});
  world_.said();
  world_.now = world_.now + kNodeLease;
  world_.sync(kOther, {running(1)});
  world_.wait(kLeaseMargin - nanoseconds(1));
  EXPECT_EQ(world_.said(), "");
  world_.wait(nanoseconds(1));
  EXPECT_EQ(world_.said(), "node.lost task.changed job.stopping incident.opened incident.changed");
  EXPECT_EQ(phase(), "stopping(node-lost)");
  EXPECT_EQ(world_.job("acme/llm/a").message, "task 0 on south/h1/r1/n1: lost: the node's lease ran out");
  EXPECT_TRUE(world_.facts().nodes.at(kNode).lost);
  world_.sync(kOther, {world_.ended("acme/llm/a", 1, TaskEnd::kStopped)});
  EXPECT_EQ(phase(), "failed(node-lost)");
}

TEST_F(Fleet, LostWorkIsStartedElsewhere) {
  world_.enrol(kNode);
  start(1, 1);
  world_.wait(minutes(1));
  world_.enrol(kOther);
  world_.wait(kPatience - minutes(1));
  EXPECT_EQ(phase(), "starting");  // at once: it has done nothing wrong
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n2");
}

TEST_F(Fleet, ALostNodeTakesWorkAgainWhenItSyncs) {
  world_.enrol(kNode);
  start(1);
  const TaskReport old = running(0);
  world_.wait(kPatience);
  EXPECT_EQ(phase(), "failed(node-lost)");
  world_.said();
  world_.sync(kNode, {old});  // of an allocation that has ended
  EXPECT_EQ(world_.said(), "node.returned incident.closed");
  EXPECT_FALSE(world_.facts().nodes.at(kNode).lost);
  start(1);
  EXPECT_EQ(world_.nodes("acme/llm/a"), "r1/n1");
}

TEST_F(Fleet, ARunningTaskThatItsNodeDoesNotKnowIsLost) {
  world_.enrol(kNode);
  start(1);
  world_.sync(kNode);  // not launched yet
  EXPECT_EQ(phase(), "starting");
  world_.sync(kNode, {running(0)});
  EXPECT_EQ(phase(), "running");
  world_.sync(kNode);
  EXPECT_EQ(phase(), "failed(node-lost)");
  EXPECT_EQ(world_.job("acme/llm/a").message, "task 0 on south/h1/r1/n1: lost: the node no longer knows of it");
}

TEST_F(Fleet, ANewLeaderGrantsFreshLeases) {
  world_.enrol(kNode);
  start(1);
  world_.now = world_.now + kNodeLease;
  world_.restart();
  world_.good(TakeLeadership{1, "1.0"});
  world_.wait(kPatience - nanoseconds(1));
  EXPECT_EQ(phase(), "starting");
  world_.wait(nanoseconds(1));
  EXPECT_EQ(phase(), "failed(node-lost)");
}

TEST_F(Fleet, OrdersHaveARevisionThatChangesWithThem) {
  world_.enrol(kNode);
  std::uint64_t revision = world_.state().revision(kNode);
  const auto changed = [&] {
    const std::uint64_t before = std::exchange(revision, world_.state().revision(kNode));
    return before != revision;
  };
  start(1);
  EXPECT_TRUE(changed());
  world_.sync(kNode, {running(0)});
  EXPECT_FALSE(changed());
  world_.good(CancelJob{"acme/llm/a", {}});
  EXPECT_TRUE(changed());
  world_.sync(kNode, {world_.ended("acme/llm/a", 0, TaskEnd::kStopped)});
  EXPECT_TRUE(changed());
}

TEST_F(Fleet, ANodeWhoseTypeGrewTakesNoWorkUntilItRegistersAgain) {
  world_.enrol(kNode);
  world_.apply("a100", node_type("a100", 8));
  const NodeIndex index = world_.state().estate().find_node(kNode);
  EXPECT_FALSE(world_.state().loads().ready(index));
  world_.wait(kPatience);
  world_.sync(kNode);
  EXPECT_EQ(world_.said(), "node.registered object.applied node.lost incident.opened node.returned incident.closed");
  EXPECT_FALSE(world_.state().loads().ready(index));
  world_.enrol(kNode);
  EXPECT_TRUE(world_.state().loads().ready(index));
}

TEST_F(Fleet, AnAgentOfASiteThatIsSimulatedNowHasNoSay) {
  world_.enrol(kNode);
  world_.apply("south", site("GB", "a100", "r1", "n[1-2]"));
  start(1);
  const Uid registration = world_.facts().nodes.at(kNode).registration;
  EXPECT_EQ(world_.bad(SyncNode{kNode, registration, 0, {}}).code, Code::kFailedPrecondition);
  world_.begin("acme/llm/a");
  world_.wait(kPatience);
  EXPECT_TRUE(world_.facts().nodes.at(kNode).lost);
  EXPECT_EQ(phase(), "running");
  EXPECT_TRUE(world_.state().loads().ready(world_.state().estate().find_node(kNode)));
}

TEST_F(Fleet, ASimulatedNodeThatIsLostTakesNoWorkUntilItIsGivenBack) {
  const std::string node = "north/h1/r1/n1";
  world_.start("acme/llm/a", gang(4, 8000));
  world_.begin("acme/llm/a");
  world_.said();
  world_.good(LoseNode{node, "a fault"});
  EXPECT_EQ(world_.said().substr(0, 25), "node.lost task.changed jo");
  EXPECT_FALSE(world_.state().loads().ready(world_.state().estate().find_node(node)));
  world_.good(LoseNode{node, "a fault"});  // it is lost already
  EXPECT_EQ(world_.said(), "");
  world_.restart();
  EXPECT_FALSE(world_.state().loads().ready(world_.state().estate().find_node(node)));
  world_.start("acme/llm/b", gang(4, 8000));
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  world_.good(GiveBackNode{node});
  world_.good(GiveBackNode{node});
  EXPECT_TRUE(world_.facts().nodes.empty());
  EXPECT_TRUE(world_.state().loads().ready(world_.state().estate().find_node(node)));
  EXPECT_EQ(world_.bad(LoseNode{kNode, "a fault"}).code, Code::kFailedPrecondition);
  EXPECT_EQ(world_.bad(LoseNode{"north/h1/r1/n9", "a fault"}).code, Code::kNotFound);
}

TEST_F(Fleet, AnAgentOfANodeThatIsGoneHasNoSay) {
  world_.enrol(kOther);
  world_.apply("south", site("GB", "a100", "r1", "n1", RuntimeKind::kAgent));
  const Uid registration = world_.facts().nodes.at(kOther).registration;
  EXPECT_EQ(world_.bad(SyncNode{kOther, registration, 0, {}}).code, Code::kNotFound);
  world_.wait(kPatience);
  EXPECT_TRUE(world_.facts().nodes.at(kOther).lost);
}

}  // namespace
}  // namespace penstock
