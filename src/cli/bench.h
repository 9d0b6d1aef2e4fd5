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

/// The documents of an estate: those of the files, or if there are none, sites of `site_nodes` nodes with 8 GPUs each on a 2N
/// network, the last one smaller. `bare` leaves out network, cooling and grid, so that no limit of them is checked.
Result<std::vector<Document>> bench_estate(const std::vector<std::string>& files, std::int64_t gpus, std::int64_t site_nodes,
                                           bool bare);

/// Adds tenant `bench` with project `bench/work` and contracts `bench/main` (reserved) and `bench/spot` for the GPU
/// models; none means every one.
void add_bench_tenancy(std::vector<Document>& documents, const std::vector<std::string>& models);

void add_bench_placement(CLI::App& bench, Cli& cli);
void add_bench_queue(CLI::App& bench, Cli& cli);

}  // namespace penstock
