// Why a job waits: every reason of the closed vocabulary, with its numbers; and nothing for what may start.
#include "world.h"

#include "engine/queue/gang.h"

namespace penstock {
namespace {

class Waiting : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  // The only cause that keeps `spec` waiting, in the form `reason needed/available: message`.
  std::string why(const JobSpec& spec, const std::string& name = "acme/llm/w") {
    world_.start(name, spec);
    EXPECT_EQ(world_.phase(name), "pending");
    const auto causes = world_.why(name);
    EXPECT_EQ(causes.size(), 1u) << world_.reasons(name);
    return causes.empty() ? "" : text(causes.front());
  }
  static std::string text(const WaitCause& cause) {
    return fmt::format("{} {}/{}: {}", name_of(cause.reason), Text<MilliGpu>::format(cause.needed),
                       Text<MilliGpu>::format(cause.available), cause.message);
  }
  JobSpec southern(std::int32_t replicas, std::int64_t milli) {
    JobSpec spec = gang(replicas, milli);
    spec.sites = {"south"};
    return spec;
  }

  World world_;
};

TEST_F(Waiting, NothingKeepsBackWhatMayStart) {
  world_.submit("acme/llm/w", gang(4, 8000));
  EXPECT_EQ(world_.reasons("acme/llm/w"), "");
}

TEST_F(Waiting, ForTheTermOfItsContract) {
  ContractSpec term = contract();
  term.from = world_.now + hours(1);
  world_.apply("acme/main", term);
  EXPECT_EQ(why(gang(1, 500)), "contract 0.5/0: contract acme/main begins 2026-06-01T01:00:00Z");
  term.from.reset();
  term.until = world_.now;
  world_.apply("acme/main", term);
  EXPECT_EQ(text(world_.why("acme/llm/w").at(0)), "contract 0.5/0: contract acme/main ended 2026-06-01T00:00:00Z");
}

TEST_F(Waiting, ForGpusOfItsContract) {
  ContractSpec ramping = contract();
  ramping.ramp = {{world_.now, 10}};
  world_.apply("acme/main", ramping);
  world_.start("acme/llm/a", gang(1, 8000));
  EXPECT_EQ(why(gang(3, 1000)), "contract 3/2: contract acme/main gives 10 GPUs now and 8 are in use; the job needs 3");
  ramping.ramp[0].gpus = 4;  // less than is held: none are left, not fewer
  world_.apply("acme/main", ramping);
  EXPECT_EQ(text(world_.why("acme/llm/w").at(0)),
            "contract 3/0: contract acme/main gives 4 GPUs now and 8 are in use; the job needs 3");
}

TEST_F(Waiting, ForTheQuotaOfItsProject) {
  world_.apply("acme/llm", ProjectSpec{{}, QuotaSpec{MilliGpu(10'500), {}}});
  world_.start("acme/llm/a", gang(1, 8000));
  EXPECT_EQ(why(gang(3, 1000)), "quota 3/2.5: project acme/llm may hold 10.5 GPUs and holds 8; the job needs 3");
}

TEST_F(Waiting, ForEveryLimitAtOnce) {
  ContractSpec ramping = contract();
  ramping.ramp = {{world_.now, 8}};
  world_.apply({document("acme/main", ramping), document("acme/llm", ProjectSpec{{}, QuotaSpec{MilliGpu(8000), {}}})});
  world_.start("acme/llm/a", gang(1, 8000));
  world_.start("acme/llm/w", gang(1, 1000));
  EXPECT_EQ(world_.reasons("acme/llm/w"), "contract quota");
}

TEST_F(Waiting, ForAGpuModelThatIsNotThere) {
  JobSpec spec = gang(1, 1000);
  spec.gpu_models = {"b200"};
  EXPECT_EQ(why(spec), "gpu-model 1/0: no node of a model, type and site that contract and job allow exists");
}

TEST_F(Waiting, ForACountryItMayRunIn) {
  JobSpec spec = gang(1, 1000);
  spec.jurisdictions = {"SE"};
  EXPECT_EQ(why(spec), "jurisdiction 1/0: nodes that would do stand only in countries that tenant, contract or job exclude");
}

TEST_F(Waiting, ForLabels) {
  JobSpec spec = gang(1, 1000);
  spec.node_labels = {{"pool", "train"}};
  EXPECT_EQ(why(spec), "labels 1/0: no allowed node carries all labels that the job asks for");
}

TEST_F(Waiting, ForNodesThatCanRunImages) {
  world_.enrol("south/h1/r1/n1");
  world_.enrol("south/h1/r1/n2");
  JobSpec boxed = southern(2, 4000);
  boxed.groups[0].image = "train:1";
  EXPECT_EQ(why(boxed), "capability 8/0: no allowed node can run OCI images: podman is not installed on them");
  world_.enrol("south/h1/r1/n2", true);
  EXPECT_EQ(text(world_.why("acme/llm/w").at(0)),
            "capability 8/4: 1 of 2 allowed nodes can run OCI images, with 4 GPUs at the best site");
}

TEST_F(Waiting, ForALargerSite) {
  EXPECT_EQ(why(gang(33, 1000)),
            "too-large 33/32: the gang is larger than any one site that it may use could hold if all its nodes were empty");
  EXPECT_EQ(world_.reasons("acme/llm/w"), "too-large");
  world_.start("acme/llm/v", gang(1, 9000));
  EXPECT_EQ(world_.reasons("acme/llm/v"), "too-large");
}

TEST_F(Waiting, ForNodesToBeReady) {
  EXPECT_EQ(why(southern(2, 4000)), "health 8/0: 0 of 2 allowed nodes are ready, with 0 GPUs at the best site");
  world_.enrol("south/h1/r1/n1");
  EXPECT_EQ(text(world_.why("acme/llm/w").at(0)), "health 8/4: 1 of 2 allowed nodes are ready, with 4 GPUs at the best site");
  JobSpec boxed = southern(1, 1000);
  boxed.groups[0].image = "train:1";
  boxed.sites = {"south"};
  world_.good(CancelJob{"acme/llm/w", {}});
  EXPECT_EQ(why(boxed, "acme/llm/v"), "health 1/0: 0 of 1 allowed nodes are ready, with 0 GPUs at the best site");
}

TEST_F(Waiting, ForGpusToBecomeFree) {
  world_.start("acme/llm/a", gang(3, 8000));
  world_.start("acme/llm/b", gang(1, 500));
  EXPECT_EQ(why(gang(1, 8000)), "gpus-busy 8/7.5: 7.5 GPUs are free at the best site; the job needs 8 at once");
}

TEST_F(Waiting, ForGpusToBecomeFreeTogether) {
  world_.start("acme/llm/a", gang(4, 5000));
  EXPECT_EQ(why(gang(1, 4000)),
            "fragmented 4/12: 12 GPUs are free at the best site, but not as whole tasks with their cores and memory");
}

TEST_F(Waiting, ForItsBackOff) {
  JobSpec spec = gang(1, 1000);
  spec.max_restarts = 1;
  world_.start("acme/llm/w", spec);
  world_.report({world_.exited("acme/llm/w", 0, 1)});
  ASSERT_EQ(world_.why("acme/llm/w").size(), 1u);
  EXPECT_EQ(text(world_.why("acme/llm/w")[0]), "back-off 1/0: attempt 2 may start from 2026-06-01T00:00:05Z");
  world_.now = world_.now + kFirstBackOff;
  EXPECT_EQ(world_.reasons("acme/llm/w"), "");
}

TEST_F(Waiting, ForAJobThatStandsBeforeIt) {
  world_.start("acme/llm/a", gang(1, 8000));
  world_.start("acme/llm/high", gang(4, 8000, 5));
  EXPECT_EQ(why(gang(1, 1000)), "ahead-in-queue 1/0: acme/llm/high starts when its nodes become free, and its 32 GPUs and their watts are kept for it");
  world_.start("acme/llm/v", gang(4, 8000));
  EXPECT_EQ(world_.reasons("acme/llm/v"), "gpus-busy");
  EXPECT_EQ(world_.reasons("acme/llm/high"), "gpus-busy");
}

TEST_F(Waiting, NotForAJobThatIsHeldBackItself) {
  world_.apply("acme/small", ProjectSpec{{}, QuotaSpec{MilliGpu(8000), {}}});
  world_.start("acme/small/a", gang(1, 8000));
  world_.start("acme/small/limited", gang(1, 8000, 9));
  world_.start("acme/llm/huge", gang(5, 8000, 9));
  world_.start("acme/llm/rest", gang(3, 8000));
  EXPECT_EQ(world_.phase("acme/llm/rest"), "starting");
  EXPECT_EQ(why(gang(1, 8000)), "gpus-busy 8/0: 0 GPUs are free at the best site; the job needs 8 at once");
}

}  // namespace
}  // namespace penstock
