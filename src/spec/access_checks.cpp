// What principals and grants must satisfy by themselves.
#include <algorithm>

#include "spec/access.h"
#include "spec/checks.h"

namespace penstock {
namespace {

constexpr std::size_t kMostText = 255;  // OpenID Connect Core 1.0, section 2: a `sub` has no more

void check_text(Problems& problems, std::string_view field, std::string_view text) {
  const bool printable = std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' ' && c != 127; });
  if (!text.empty() && text.size() <= kMostText && printable) return;
  problems.add(fmt::format("expected 1 to {} characters without control characters", kMostText), field);
}

void check_texts(Problems& problems, std::string_view field, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) check_text(problems, fmt::format("{}[{}]", field, i), texts[i]);
}

}  // namespace

void PrincipalSpec::check(Problems& problems) const {
  check_texts(problems, "groups", groups);
  if (subject.empty()) return;
  check_text(problems, "subject", subject);
  if (type != PrincipalType::kUser) problems.add("expected none: a service-account acts by tokens and does not log in", "subject");
}

void GrantSpec::check(Problems& problems) const {
  check_labels(problems, "principals", principals);
  check_texts(problems, "groups", groups);
  check_texts(problems, "claims", claims);
  if (principals.empty() && groups.empty() && claims.empty()) {
    problems.add("expected someone to grant it to: principals, groups or claims", "principals");
  }
  if (role == Role::kNode) problems.add("expected a role of people and programs: nodes get theirs when they register", "role");
  if (project.empty()) return;
  check_label(problems, "project", project);
  if (role != Role::kMember && role != Role::kViewer) {
    problems.add(fmt::format("expected none: a {} is not bound to a project", name_of(role)), "project");
  }
}

}  // namespace penstock
