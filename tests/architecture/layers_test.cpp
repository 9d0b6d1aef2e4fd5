// The house rules that a compiler does not see: layers include downwards only, and the engine decides by itself alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <vector>

namespace {

namespace fs = std::filesystem;

using Layers = std::set<std::string>;

// What each layer may include, besides itself. A new folder in src/ needs a place here.
const std::map<std::string, Layers> kBelow = {
    {"base", {}},
    {"spec", {"base"}},
    {"estate", {"base", "spec"}},
    {"verify", {"base", "spec"}},
    {"engine", {"base", "spec", "estate"}},
    {"journal", {"base"}},
    {"client", {"base"}},
    {"exchange", {"base", "spec", "estate", "client"}},
    {"runtime", {"base", "spec", "estate", "engine"}},
    {"redfish", {"base", "spec", "estate", "engine", "client", "runtime"}},
    {"server", {"base", "spec", "estate", "engine", "journal", "client", "exchange", "runtime"}},
    {"agent", {"base", "spec", "estate", "engine", "runtime", "client"}},
    {"sim", {"base", "spec", "estate", "engine", "runtime"}},
    {"cli", {"base", "spec", "estate", "engine", "journal", "client", "exchange", "runtime", "redfish", "server", "agent", "verify",
             "sim"}},
};

// Clocks, chance, threads and files: the engine must give the same events for the same commands, always.
const std::vector<std::string> kNotInTheEngine = {
    "<chrono>", "<thread>",  "<mutex>",   "<atomic>",  "<future>",    "<random>",      "<fstream>",     "<iostream>",
    "<ctime>",  "<cstdio>",  "<time.h>",  "<unistd.h>", "<filesystem>", "system_clock", "steady_clock", "std::thread",
    "std::rand", "random_device", "mt19937", "getenv", "fopen", "clock_gettime", "gettimeofday", "std::time(",
};

// Those above may read clocks and files; those here get what they need as arguments.
const Layers kWithoutFilesAndClocks = {"spec", "estate", "engine", "runtime"};
const std::set<std::string> kFilesAndClocks = {"base/files.h", "base/clock.h"};

const fs::path kSource = fs::path(PENSTOCK_SOURCE_DIR) / "src";

std::vector<fs::path> sources(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string kind = entry.path().extension().string();
    if (entry.is_regular_file() && (kind == ".h" || kind == ".cpp")) out.push_back(entry.path());
  }
  return out;
}

std::vector<std::string> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string layer_of(const fs::path& file) { return fs::relative(file, kSource).begin()->string(); }

// The file that `#include "…"` names, or nothing.
std::string included(const std::string& line) {
  std::size_t at = line.find_first_not_of(" \t");
  if (at == std::string::npos || line[at] != '#') return {};
  at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string::npos || line.compare(at, 7, "include") != 0) return {};
  const std::size_t open = line.find('"', at);
  const std::size_t close = open == std::string::npos ? open : line.find('"', open + 1);
  return close == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

TEST(Architecture, EveryFolderIsALayer) {
  std::size_t found = 0;
  for (const auto& entry : fs::directory_iterator(kSource)) {
    if (!entry.is_directory()) continue;
    ++found;
    EXPECT_TRUE(kBelow.contains(entry.path().filename().string())) << entry.path() << " has no place in the table";
  }
  EXPECT_GT(found, 3u);
}

TEST(Architecture, LayersIncludeDownwardsOnly) {
  std::size_t checked = 0;
  for (const fs::path& file : sources(kSource)) {
    const std::string layer = layer_of(file);
    const auto below = kBelow.find(layer);
    if (below == kBelow.end()) continue;
    for (const std::string& line : lines(file)) {
      const std::string name = included(line);
      if (name.empty()) continue;
      ++checked;
      const std::string other = name.substr(0, name.find('/'));
      EXPECT_TRUE(other == layer || below->second.contains(other)) << file << " includes " << name;
      EXPECT_TRUE(fs::exists(kSource / name)) << file << " includes " << name << ", which is no path from src/";
    }
  }
  EXPECT_GT(checked, 50u);
}

TEST(Architecture, TheTableHasNoCircle) {
  for (const auto& [layer, below] : kBelow) {
    for (const std::string& other : below) {
      ASSERT_TRUE(kBelow.contains(other)) << other;
      EXPECT_FALSE(kBelow.at(other).contains(layer)) << layer << " and " << other << " are above each other";
      for (const std::string& deeper : kBelow.at(other)) {
        EXPECT_TRUE(below.contains(deeper)) << layer << " uses " << other << " but may not use its " << deeper;
      }
    }
  }
}

TEST(Architecture, TheEngineHasNoClockNoChanceNoFiles) {
  for (const fs::path& file : sources(kSource / "engine")) {
    for (const std::string& line : lines(file)) {
      if (line.find("//") == line.find_first_not_of(' ')) continue;
      for (const std::string& word : kNotInTheEngine) {
        EXPECT_EQ(line.find(word), std::string::npos) << file << ": " << line;
      }
    }
  }
}

TEST(Architecture, WhatDecidesReachesForNoFileOrClock) {
  for (const std::string& name : kFilesAndClocks) EXPECT_TRUE(fs::exists(kSource / name)) << name;
  for (const fs::path& file : sources(kSource)) {
    const std::string layer = layer_of(file);
    const fs::path own = fs::relative(file, kSource).replace_extension(".h");
    if (!kWithoutFilesAndClocks.contains(layer) && (layer != "base" || kFilesAndClocks.contains(own.string()))) continue;
    for (const std::string& line : lines(file)) {
      EXPECT_FALSE(kFilesAndClocks.contains(included(line))) << file << ": " << line;
    }
  }
}

TEST(Architecture, EveryFileSaysFirstWhatItIsFor) {
  for (const fs::path& file : sources(kSource)) {
    const std::vector<std::string> text = lines(file);
    ASSERT_FALSE(text.empty()) << file;
    EXPECT_EQ(text[0].rfind("// ", 0), 0u) << file;
    EXPECT_GT(text[0].size(), 15u) << file;
  }
}

}  // namespace
