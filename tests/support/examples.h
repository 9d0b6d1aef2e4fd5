// The estates under examples/, as documents.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "spec/document.h"

namespace penstock {

inline const std::filesystem::path kExamples = std::filesystem::path(PENSTOCK_SOURCE_DIR) / "examples";

/// Stands in for what `penstock agent --probe` prints on the machine of examples/workstation.
constexpr std::string_view kThisMachine = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: this-machine}
spec: {devices: {vendor: cpu, model: cores, count: 2}, cpu: 2, memory: 4GiB, power: {idle: 50W, max: 200W}}
)";

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// What an example's own script prints.
inline std::string output_of(const std::filesystem::path& script) {
  std::string text;
  FILE* out = popen(("'" + script.string() + "'").c_str(), "r");
  EXPECT_NE(out, nullptr) << script;
  if (out == nullptr) return text;
  std::array<char, 4096> block;
  for (std::size_t n = 0; (n = fread(block.data(), 1, block.size(), out)) > 0;) text.append(block.data(), n);
  EXPECT_EQ(pclose(out), 0) << script;
  return text;
}

/// A text that stands in a document, and what it is to be instead, everywhere.
using Edits = std::vector<std::pair<std::string, std::string>>;

/// The documents of an example. Every edit must find its text.
inline std::vector<Document> documents_of(const std::string& name, const Edits& edits = {}) {
  const std::filesystem::path directory = kExamples / name;
  std::vector<SourceText> sources;
  if (name == "workstation") sources.push_back({"this-machine.yaml", std::string(kThisMachine)});
  if (std::filesystem::exists(directory / "generate")) {
    sources.push_back({name + "/generate", output_of(directory / "generate")});
  } else {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.path().extension() == ".yaml") sources.push_back({entry.path().string(), text_of(entry.path())});
    }
  }
  for (const auto& [from, to] : edits) {
    bool found = false;
    for (SourceText& source : sources) {
      for (std::size_t at = 0; (at = source.text.find(from, at)) != std::string::npos; at += to.size()) {
        source.text.replace(at, from.size(), to);
        found = true;
      }
    }
    EXPECT_TRUE(found) << name << " has no '" << from << "'";
  }
  auto documents = read_documents(sources);
  EXPECT_TRUE(documents.ok()) << to_string(documents.error());
  return documents.ok() ? std::move(*documents) : std::vector<Document>{};
}

}  // namespace penstock
