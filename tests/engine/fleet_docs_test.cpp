// The tables in docs/fleet.md are those that the engine goes by. PENSTOCK_UPDATE_DOCS=1 writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/fleet/lifecycle.h"

namespace penstock {
namespace {

std::string names(NodeState from, Mover by) {
  std::string out;
  for (const Transition& row : transitions()) {
    const bool may = by == Mover::kRules ? row.rules : row.operators;
    if (row.from == from && may) out += fmt::format("{}`{}`", out.empty() ? "" : " ", name_of(row.to));
  }
  return out;
}

std::string life_table() {
  std::string out = "| state | work | at most | the rules move it to | a person moves it to |\n|---|---|---|---|---|\n";
  for (const auto& [state, name] : enum_names(NodeState{})) {
    const auto limit = limit_of(FleetSpec{}, state);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", name, takes_work(state) ? "yes" : "", limit ? Text<Duration>::format(*limit) : "",
                       names(state, Mover::kRules), names(state, Mover::kOperator));
  }
  return out;
}

std::string meaning_table() {
  std::string out = "| check | code | what follows | first remedy |\n|---|---|---|---|\n";
  for (const MeaningRow& row : meanings()) {
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", name_of(row.check), row.code ? std::to_string(*row.code) : "others", name_of(row.meaning.health),
                       row.meaning.remedy ? fmt::format("`{}`", name_of(*row.meaning.remedy)) : "a person");
  }
  return out;
}

void stands_in_the_docs(const std::string& what, const std::string& table) {
  const std::string path = fmt::format("{}/docs/fleet.md", PENSTOCK_SOURCE_DIR);
  std::ostringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string text = read.str();
  const std::string begin = fmt::format("<!-- {}: generated, see tests/engine/fleet_docs_test.cpp -->\n", what);
  const std::string end = fmt::format("<!-- end of {} -->\n", what);
  const std::size_t from = text.find(begin);
  const std::size_t until = text.find(end);
  ASSERT_TRUE(from != std::string::npos && until != std::string::npos) << path << " has no " << begin;
  const std::string expected = text.substr(0, from + begin.size()) + "\n" + table + "\n" + text.substr(until);
  if (std::getenv("PENSTOCK_UPDATE_DOCS") != nullptr) std::ofstream(path) << expected;
  EXPECT_TRUE(text == expected || std::getenv("PENSTOCK_UPDATE_DOCS") != nullptr)
      << "docs/fleet.md is not up to date; run engine_test with PENSTOCK_UPDATE_DOCS=1";
}

TEST(FleetDocs, TellTheLifeOfANode) { stands_in_the_docs("life", life_table()); }

TEST(FleetDocs, TellWhatFindingsMean) { stands_in_the_docs("meanings", meaning_table()); }

}  // namespace
}  // namespace penstock
