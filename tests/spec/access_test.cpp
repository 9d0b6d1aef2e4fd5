// What principals and grants are refused for by themselves.
#include <gtest/gtest.h>

#include "spec/document.h"

namespace penstock {
namespace {

std::string fault_of(const std::string& kind, const std::string& name, const std::string& spec) {
  const auto read = read_documents({{"f", fmt::format("apiVersion: penstock/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n", kind, name, spec)}});
  return read.ok() ? "" : fmt::format("{}: {}", read.error().path, read.error().message);
}

TEST(AccessSpecs, AreNamedInAScopeOrPlainly) {
  for (const std::string kind : {"Principal", "Grant"}) {
    const std::string spec = kind == "Principal" ? "{type: user}" : "{role: viewer, groups: [g]}";
    EXPECT_EQ(fault_of(kind, "acme/ann", spec), "");
    EXPECT_EQ(fault_of(kind, "ann", spec), "");
    EXPECT_NE(fault_of(kind, "acme/llm/ann", spec), "");
    EXPECT_NE(fault_of(kind, "Ann", spec), "");
  }
}

TEST(AccessSpecs, SayWhatCannotBeMeant) {
  const auto starts = [](const std::string& fault, const std::string& with) { EXPECT_TRUE(fault.starts_with(with)) << fault; };
  starts(fault_of("Principal", "a", "{type: service-account, subject: s}"), "spec.subject: expected none: a service-account");
  starts(fault_of("Principal", "a", "{type: user, subject: \"a\\tb\"}"), "spec.subject: expected 1 to 255 characters");
  starts(fault_of("Principal", "a", "{type: user, groups: ['']}"), "spec.groups[0]: expected 1 to 255");
  starts(fault_of("Principal", "a", "{type: robot}"), "spec.type: ");
  starts(fault_of("Grant", "a/b", "{role: viewer}"), "spec.principals: expected someone");
  starts(fault_of("Grant", "a/b", "{role: viewer, principals: [a/ann]}"), "spec.principals[0]: expected a name");
  starts(fault_of("Grant", "a/b", "{role: node, claims: [c]}"), "spec.role: expected a role of people");
  starts(fault_of("Grant", "a/b", "{role: tenant-admin, project: llm, claims: [c]}"), "spec.project: expected none: a tenant-admin");
  EXPECT_EQ(fault_of("Grant", "a/b", "{role: member, project: llm, claims: [c]}"), "");
}

}  // namespace
}  // namespace penstock
