// What the benchmarks of the engine share: estates to run them on, and who runs there.
#pragma once

#include "cli/cli.h"
#include "base/schema.h"
#include "engine/engine.h"

namespace penstock {

/// Gangs that are alike.
struct BenchShape {
  std::int32_t tasks = 1;
  std::int64_t milli = 8000;
  std::int64_t weight = 1;

  static constexpr auto schema() {
    return object("Shape", "Gangs that are alike.", field("tasks", &BenchShape::tasks, required, "tasks of the gang"),
                  field("milliGpus", &BenchShape::milli, required, "thousandths of a GPU for each"));
  }
};

/// `TASKSxGPUS` or `TASKSxGPUS:WEIGHT`, such as 64x8 or 1x0.5:20. `flag` is named in errors.
Result<std::vector<BenchShape>> read_shapes(std::string_view flag, const std::vector<std::string>& texts);
std::int64_t weight_of(const std::vector<BenchShape>& mix);
/// The shape that a number below weight_of() stands for.
std::size_t pick_shape(const std::vector<BenchShape>& mix, std::uint64_t chance);

/// Peak of what the process has had in memory.
std::int64_t most_resident_mib();
std::string micros_text(std::int64_t ns);

/// On which estate a benchmark of the engine runs, and how full it is.
struct BenchGround {
  std::vector<std::string> files;
  std::int64_t gpus = 250'000;
  std::int64_t site_nodes = 1000;
  std::string fill = "90%";
  std::vector<std::string> models;
  std::uint64_t seed = 1;
  bool no_limits = false;
};
void add_ground_options(CLI::App& verb, BenchGround& ground);
/// Part of the GPUs in use; refuses what is no part.
Result<Ppm> fill_of(const BenchGround& ground);
/// The documents of the estate and of who runs there: those of the files, or if there are none, sites of `site_nodes` nodes
/// with 8 GPUs each on a 2N network, the last one smaller. With `no_limits` without network, cooling and grid, so that no
/// limit of them is checked. Tenant `bench` has project `bench/work` and contracts `bench/main` (reserved) and `bench/spot`
/// for the GPU models; none means every one.
Result<std::vector<Document>> bench_documents(const BenchGround& ground);

/// The deterministic dice of the benchmarks.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : chance_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t n) {
    chance_ = chance_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return (chance_ >> 33) % n;
  }

 private:
  std::uint64_t chance_;
};

/// Prints a report as the user wants it, or its error; the exit code.
template <class Report, class Print>
int show_report(const Result<Report>& report, Format format, Print print) {
  if (!report.ok()) return fail(report.error(), kUsage);
  if (format == Format::kTable) {
    print(*report);
  } else {
    print_json(to_json(*report), format);
  }
  return 0;
}

void add_bench_placement(CLI::App& bench, Cli& cli);
void add_bench_queue(CLI::App& bench, Cli& cli);

}  // namespace penstock
