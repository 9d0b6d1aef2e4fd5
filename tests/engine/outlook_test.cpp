// What people are told of a site's limits: the tree, what is stranded and why, losses, shed sets, maintenance.
#include "engine/power/outlook.h"

#include "engine/queue/queue.h"
#include "power_hall.h"

namespace penstock {
namespace {

class Outlook : public Power {
 protected:
  SitePower power(const WhatIf& what = {}) { return site_power(world.state(), 0, what, world.facts().now); }
  LossOutlook loss(const std::vector<std::string>& parts) {
    WhatIf what;
    what.lost = *world.state().estate().find_parts(0, parts);
    return loss_outlook(world.state(), 0, what, world.facts().now);
  }
  const ElementPower& element(const SitePower& view, const std::string& name) {
    for (const ElementPower& one : view.elements) {
      if (one.name == "p/" + name) return one;
    }
    ADD_FAILURE() << name;
    return view.elements.front();
  }
  std::string stranded(const SitePower& view) {
    std::string text;
    for (const StrandedWatts& part : view.stranded) {
      text += fmt::format("{} {}{}\n", name_of(part.cause), Text<Watts>::format(part.watts), part.row.empty() ? "" : " " + part.row);
    }
    return text;
  }
};

TEST_F(Outlook, TheTreeShowsLoadsWorstLossesAndHeadroom) {
  settle();
  start("j1", job("firm"));
  start("j2", job("half"));
  // Four nodes idle at 1.6 kW; each job adds 1.6 kW, of which the second keeps 0.6 kW after a loss.
  const SitePower view = power();
  EXPECT_EQ(view.import, Watts(4'800));
  EXPECT_EQ(view.held, Watts(4'800));
  EXPECT_EQ(view.max, Watts(8'000));
  EXPECT_EQ(element(view, "grid").load, Watts(4'800));
  const ElementPower& ups = element(view, "ups-a");
  EXPECT_EQ(ups.state, PartState::kLive);
  EXPECT_EQ(ups.feeds, std::vector<std::string>{"p/grid"});
  EXPECT_EQ(ups.usable, Watts(6'000));
  EXPECT_EQ(ups.load, Watts(2'400));
  ASSERT_TRUE(ups.worst);
  EXPECT_EQ(ups.worst->contingency, "p/ups-b");
  EXPECT_EQ(ups.worst->load, 3'800) << "firm, of 6 kW for hours, is nearer than 4.8 kW of the 9 kW that are borne";
  EXPECT_EQ(ups.headroom, Watts(2'200));
  EXPECT_EQ(view.worst.front().row.substr(0, 6), "p/ups-");
}

TEST_F(Outlook, WhatIsStrandedAddsUpByCause) {
  settle(with(kHall, "{contracted: 100kW}", "{contracted: 100kW, phases: [{from: 2020-01-01, energised: 40kW}]}"));
  start("j1", job("firm"));
  // A side bears 6 kW: 3.2 kW are held, 2.8 kW more fit, and the last 2 kW of the nodes' 8 kW do not.
  const SitePower view = power();
  EXPECT_EQ(view.room, Watts(2'800));
  const std::string text = stranded(view);
  EXPECT_NE(text.find("phase 60kW\n"), std::string::npos) << text;
  EXPECT_NE(text.find("pair 2kW p/ups-"), std::string::npos) << text;
  EXPECT_NE(text.find("space 32kW\n"), std::string::npos) << text;
  Watts sum;
  for (const StrandedWatts& part : view.stranded) sum += part.watts;
  EXPECT_EQ(*view.contracted, view.import + view.room + sum);
}

TEST_F(Outlook, ALossNamesRacksOverloadsShedSetAndTenants) {
  settle();
  for (const char* name : {"j1", "j2", "j3", "j4"}) start(name, job("half"));
  const LossOutlook view = loss({"ups-a"});
  EXPECT_EQ(view.lost, std::vector<std::string>{"p/ups-a"});
  EXPECT_EQ(view.degraded, (std::vector<std::string>{"p/h/k1", "p/h/k2"}));
  EXPECT_EQ(view.racks_live, 0);
  EXPECT_TRUE(view.dark.empty());
  ASSERT_EQ(view.overloads.size(), 1u);
  EXPECT_EQ(view.overloads[0].row, "p/ups-b");
  EXPECT_EQ(view.overloads[0].load, 8'000);
  EXPECT_EQ(view.overloads[0].borne, seconds(10));
  // The same two that a real failure sheds.
  ASSERT_EQ(view.shed.size(), 2u);
  EXPECT_EQ(view.shed[0].job, "acme/llm/j4");
  EXPECT_EQ(view.shed[1].job, "acme/llm/j3");
  EXPECT_TRUE(view.left.empty());
  EXPECT_EQ(view.tenants.size(), 1u);
  EXPECT_EQ(view.tenants[0].jobs, 2);
  const std::uint64_t before = world.state().hash();
  loss({"ups-a"});
  EXPECT_EQ(world.state().hash(), before) << "a question changes nothing";
  restrict("ups-a-failed", restriction(RestrictionCause::kFailure, {"ups-a"}));
  EXPECT_TRUE(world.job("acme/llm/j4").shed && world.job("acme/llm/j3").shed && !world.job("acme/llm/j2").shed);
}

TEST_F(Outlook, ADarkRackStopsItsJobs) {
  settle();
  start("j1", job("firm"));
  const LossOutlook view = loss({"ups-[a,b]"});
  EXPECT_EQ(view.dark, (std::vector<std::string>{"p/h/k1", "p/h/k2"}));
  EXPECT_EQ(view.stopped, std::vector<std::string>{"acme/llm/j1"});
  EXPECT_TRUE(view.degraded.empty());
}

TEST_F(Outlook, EveryContingencyHasItsNamedShedSet) {
  settle();
  for (const char* name : {"j1", "j2", "j3", "j4"}) start(name, job("half"));
  const ContingencyList list = contingency_outlook(world.state(), 0);
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_EQ(list.items[0].contingency, "p/grid");
  EXPECT_EQ(list.items[0].dark, 2);
  for (std::size_t i : {1u, 2u}) {
    EXPECT_EQ(list.items[i].shed, (std::vector<std::string>{"acme/llm/j4", "acme/llm/j3"}));
    EXPECT_EQ(list.items[i].freed, Watts(2'000));
    EXPECT_EQ(list.items[i].left, 0);
  }
}

TEST_F(Outlook, AMaintenancePlanIsWhatTheCatalogWouldSay) {
  settle(with(with(kHall, "name: grid,", "name: \"grid-[a,b]\","), "{from: grid}", "{from: \"grid-{1}\"}"));
  JobSpec brief = job("firm", 2);
  brief.time_limit = hours(2);
  start("j1", brief);
  RestrictionSpec window = restriction(RestrictionCause::kMaintenance, {"ups-a"});
  window.from = world.facts().now + hours(1);
  window.until = *window.from + hours(1);
  const MaintenancePlan fine = maintenance_plan(world.state(), 0, window, world.facts().now);
  EXPECT_TRUE(fine.possible) << fine.message;
  EXPECT_EQ(fine.exposed, 2) << "one side is left to both racks";
  RestrictionSpec both = window;
  both.parts = {"ups-[a,b]"};
  const MaintenancePlan poor = maintenance_plan(world.state(), 0, both, world.facts().now);
  EXPECT_FALSE(poor.possible);
  EXPECT_NE(poor.message.find("no live feed would reach p/h/k"), std::string::npos) << poor.message;
  ASSERT_TRUE(poor.earliest) << "when the job has ended";
  EXPECT_EQ(*poor.earliest, *world.job("acme/llm/j1").allocation->until);
  world.bad(ApplyDocuments{{document("p/both", both)}});
  restrict("one", window);
}

TEST_F(Outlook, AWaitingJobIsToldWhatWouldLetItStart) {
  settle();
  start("j1", job("firm", 2));
  start("j2", job("firm", 2));
  EXPECT_EQ(phase("j2"), "pending");
  // 1.2 kW are left on a side: one whole task does not fit, and two weaker ones do.
  const std::vector<std::string> changes = alternatives(world.engine().scratch_state(), world.job("acme/llm/j2"), world.facts().now);
  ASSERT_EQ(changes.size(), 1u) << fmt::format("{}", fmt::join(changes, "; "));
  EXPECT_EQ(changes[0], "with gpuPower 150W it would start now");
}

}  // namespace
}  // namespace penstock
