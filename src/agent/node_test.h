// The test of a node, run on it as a task like any other: burns in processor, memory and disk, and looks at clock and devices.
#pragma once

#include <functional>
#include <span>

#include "agent/devices/devices.h"
#include "base/json.h"

namespace penstock {

struct NodeTestOptions {
  Duration time = seconds(60);  ///< of the processor's burn-in; memory, disk and script take theirs beside
  std::optional<Bytes> memory;  ///< written and read back; absent: half of what this process may have
  Bytes disk = Bytes(256 << 20);
  std::string directory = ".";      ///< where the file for the disk's test is made
  std::string script;               ///< run with `sh -c`; its exit status and the last JSON line that it prints count
  Duration script_limit = hours(1);
  std::string nvml_library = kNvmlLibrary;
  std::string sysfs = kSysfs;
};

/// How one part of the test went.
struct TestCheck {
  std::string name;
  bool pass = false;
  std::string value;
  std::string detail;

  static constexpr auto schema() {
    return object("TestCheck", "How one part of a node's test went.", field("name", &TestCheck::name, required, "cpu, memory, disk, clock, gpu, script or a name of its own"),
                  field("pass", &TestCheck::pass, required, "whether it passed"), field("value", &TestCheck::value, optional, "what was measured"),
                  field("detail", &TestCheck::detail, optional, "what was wrong, in a sentence"));
  }
  bool operator==(const TestCheck&) const = default;
};

enum class Verdict { kFail, kPass };
constexpr auto enum_names(Verdict) { return std::array{EnumName<Verdict>{Verdict::kFail, "fail"}, EnumName<Verdict>{Verdict::kPass, "pass"}}; }

/// What a test prints as its last line.
struct NodeTestVerdict {
  Verdict verdict = Verdict::kFail;
  std::vector<TestCheck> checks;

  static constexpr auto schema() {
    return object("NodeTestVerdict", "What a node's test found.", field("verdict", &NodeTestVerdict::verdict, required, "pass or fail"),
                  field("checks", &NodeTestVerdict::checks, optional, "its parts"));
  }
};

/// Runs the whole test; `progress` hears of each part as it ends. Passed if every part is.
NodeTestVerdict test_node(const NodeTestOptions& options, const std::function<void(const TestCheck&)>& progress);

/// Fills memory with numbers that follow from `seed` and their places, and finds the first that is another one; -1 if there is none.
void fill_pattern(std::span<std::uint64_t> words, std::uint64_t seed);
std::int64_t first_wrong(std::span<const std::uint64_t> words, std::uint64_t seed);

/// The last line of a test's output that is a verdict, as it was printed; nothing if there is none.
std::optional<std::string> verdict_line(std::string_view output);
/// The same verdict in `most` bytes: without the parts that passed, and without those that then still find no room.
std::string shortened(const std::string& verdict, std::size_t most);

/// A task with this variable set to 1 is a test: its verdict goes into its report.
inline constexpr const char* kNodeTestMark = "PENSTOCK_NODE_TEST";

}  // namespace penstock
