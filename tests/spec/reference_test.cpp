// The reference in docs/spec.md is what the reader goes by. PENSTOCK_UPDATE_DOCS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "spec/document.h"

namespace penstock {
namespace {

TEST(Reference, StandsInTheDocs) {
  const std::string path = fmt::format("{}/docs/spec.md", PENSTOCK_SOURCE_DIR);
  std::ostringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string text = read.str();
  const std::string begin = "<!-- reference: generated, see tests/spec/reference_test.cpp -->\n";
  const std::string end = "<!-- end of reference -->\n";
  const std::size_t from = text.find(begin);
  const std::size_t until = text.find(end);
  ASSERT_TRUE(from != std::string::npos && until != std::string::npos) << path;
  const std::string head = text.substr(0, from + begin.size());
  const std::string expected = head + "\n" + spec_reference() + text.substr(until);
  if (std::getenv("PENSTOCK_UPDATE_DOCS") != nullptr) std::ofstream(path) << expected;
  EXPECT_TRUE(text == expected || std::getenv("PENSTOCK_UPDATE_DOCS") != nullptr)
      << "docs/spec.md is not up to date; run spec_test with PENSTOCK_UPDATE_DOCS=1";
}

TEST(Reference, NamesEveryFieldOfTheSchema) {
  const std::string reference = spec_reference();
  const json::object schema = document_schema();
  for (const auto& definition : schema.at("$defs").as_object()) {
    EXPECT_NE(reference.find("### " + std::string(definition.key()) + "\n"), std::string::npos) << definition.key();
    for (const auto& property : definition.value().at("properties").as_object()) {
      EXPECT_NE(reference.find("| `" + std::string(property.key()) + "` |"), std::string::npos) << property.key();
    }
  }
}

}  // namespace
}  // namespace penstock
