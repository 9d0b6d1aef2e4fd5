// node-test: the burn-in of the node that it runs on.
#include <CLI/CLI.hpp>

#include "agent/node_test.h"
#include "cli/cli.h"

namespace penstock {
namespace {

struct NodeTestFlags {
  std::int64_t seconds = 60;
  std::string memory, disk = "256MiB";
  NodeTestOptions options;
};

int run_node_test(NodeTestFlags& flags) {
  flags.options.time = seconds(flags.seconds);
  auto disk = Text<Bytes>::parse(flags.disk);
  if (!disk.ok()) return fail(disk.error(), kUsage);
  flags.options.disk = *disk;
  if (!flags.memory.empty()) {
    auto memory = Text<Bytes>::parse(flags.memory);
    if (!memory.ok()) return fail(memory.error(), kUsage);
    flags.options.memory = *memory;
  }
  const NodeTestVerdict verdict = test_node(flags.options, [](const TestCheck& check) {
    fmt::print("{}  {}: {}{}{}\n", check.pass ? "pass" : "FAIL", check.name, check.value, check.detail.empty() ? "" : " - ", check.detail);
    std::fflush(stdout);
  });
  fmt::print("{}\n", to_json(verdict));
  return verdict.verdict == Verdict::kPass ? 0 : 1;
}

}  // namespace

void add_node_test_verb(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<NodeTestFlags>();
  auto* verb = app.add_subcommand("node-test", "Burn in the node that this runs on: processor, memory, disk, clock and devices; the last line is the verdict as JSON");
  verb->add_option("--seconds", flags->seconds, "how long the processor computes")->check(CLI::Range(1, 7 * 24 * 3600))->capture_default_str();
  verb->add_option("--memory", flags->memory, "how much memory is written and read back, e.g. 64GiB; half of what there is unless told");
  verb->add_option("--disk", flags->disk, "how much is written, synced and read back")->capture_default_str();
  verb->add_option("--directory", flags->options.directory, "where")->capture_default_str();
  verb->add_option("--script", flags->options.script, "shell command of your own: its exit status counts, and the last JSON line like ours that it prints");
  verb->callback([&cli, flags] { cli.exit_code = run_node_test(*flags); });
}

}  // namespace penstock
