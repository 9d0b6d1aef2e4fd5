// Names, ranges and substitution.
#include "base/name.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace penstock {
namespace {

std::vector<std::string> names_of(std::string_view pattern) {
  std::vector<std::string> names;
  const auto expanded = expand_range(pattern);
  for (const RangeName& name : *expanded) names.push_back(name.name);
  return names;
}

TEST(Name, Labels) {
  EXPECT_TRUE(is_label("a"));
  EXPECT_TRUE(is_label("r07-a"));
  EXPECT_TRUE(is_label(std::string(63, 'a')));
  for (const std::string text : {"", "-a", "a-", "A", "a_b", "a.b", "a/b", "é"}) EXPECT_FALSE(is_label(text)) << text;
  EXPECT_FALSE(is_label(std::string(64, 'a')));
}

TEST(Name, Paths) {
  EXPECT_TRUE(check_path("acme/llm/train-7", 3, 3, "Job").ok());
  EXPECT_FALSE(check_path("acme/llm", 3, 3, "Job").ok());
  EXPECT_FALSE(check_path("acme//train", 3, 3, "Job").ok());
  EXPECT_EQ(check_path("a/B", 2, 2, "Project").error().message,
            "'a/B' is no Project name: expected scope/name, each part 1-63 of a-z, 0-9 and '-' between");
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(leaf_of("a/b/c"), "c");
  EXPECT_EQ(parent_of("a"), "");
  EXPECT_EQ(leaf_of("a"), "a");
  EXPECT_EQ(split_path("a/b//c"), (std::vector<std::string_view>{"a", "b", "", "c"}));
}

TEST(Range, LeftmostIsSlowest) {
  EXPECT_EQ(names_of("r[1-2]n[01-02]"), (std::vector<std::string>{"r1n01", "r1n02", "r2n01", "r2n02"}));
  EXPECT_EQ(names_of("h[a,c-d]"), (std::vector<std::string>{"ha", "hc", "hd"}));
  EXPECT_EQ(names_of("plain"), std::vector<std::string>{"plain"});
  EXPECT_EQ(names_of("k[8-11]"), (std::vector<std::string>{"k8", "k9", "k10", "k11"}));
}

TEST(Range, KeepsWhatStoodInTheBrackets) {
  const auto names = *expand_range("bw-[1-2]-[a,b]");
  ASSERT_EQ(names.size(), 4u);
  EXPECT_EQ(names[1].name, "bw-1-b");
  EXPECT_EQ(names[1].captures, (std::vector<std::string>{"1", "b"}));
}

TEST(Range, RefusesWhatIsNone) {
  for (const char* pattern : {"a[", "a]", "a[]", "a[1", "a[2-1]", "a[b-a]", "a[1-b]", "a[aa-bb]", "a[1,,2]", "a[A-C]",
                              "a[1-]", "a[-1]", "a[1-1000000000]"}) {
    const auto names = expand_range(pattern);
    ASSERT_FALSE(names.ok()) << pattern;
    EXPECT_NE(names.error().message.find(pattern), std::string::npos) << names.error().message;
    EXPECT_FALSE(check_range(pattern).ok()) << pattern;
  }
}

TEST(Range, RefusesMoreThanTheLimit) {
  EXPECT_TRUE(expand_range("n[1-10]", 10).ok());
  EXPECT_FALSE(expand_range("n[1-11]", 10).ok());
  EXPECT_FALSE(expand_range("n[1-4][1-4]", 10).ok());
  EXPECT_FALSE(expand_range("n[1-999999999][1-999999999][1-999999999]").ok());
}

TEST(Range, CheckAgreesWithExpansion) {
  const auto piece = rc::gen::element<std::string>("a", "-", "r", "_", "", "[1-3]", "[a,c]", "[09-11]", "[x-z,7]",
                                                   "[_]", "[1-12]", "B", std::string(30, 'q'));
  EXPECT_TRUE(rc::check([&] {
    std::string pattern;
    for (const std::string& part : *rc::gen::resize(8, rc::gen::container<std::vector<std::string>>(piece))) {
      pattern += part;
    }
    const auto names = expand_range(pattern, 1'000'000);
    RC_PRE(names.ok());
    bool labels = true;
    for (const RangeName& name : *names) labels = labels && is_label(name.name);
    RC_ASSERT(check_range(pattern).ok() == labels);
  }));
}

TEST(Substitute, ReplacesKnownKeysOnly) {
  EXPECT_EQ(*substitute("bw-{hall}-{1}", {{"hall", "h1"}, {"1", "a"}}), "bw-h1-a");
  EXPECT_EQ(*substitute("none", {}), "none");
  EXPECT_EQ(substitute("x{2}", {{"1", "a"}}).error().message, "'2' is not known here; expected one of {1}");
  EXPECT_FALSE(substitute("x{1", {{"1", "a"}}).ok());
}

}  // namespace
}  // namespace penstock
