// Estates and mixes for the benchmarks of the engine.
#include <sys/resource.h>

#include <CLI/CLI.hpp>

#include "cli/bench.h"

#include "spec/yaml.h"

namespace penstock {
namespace {

constexpr std::int64_t kNodesOfRack = 5;
constexpr std::int64_t kRacksOfRow = 20;
constexpr std::int64_t kRowsOfHall = 5;

constexpr std::string_view kNodeType = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: box}
spec: {devices: {model: b1, count: 8}, cpu: 128, memory: 2TiB, disk: 30TB, power: {idle: 2kW, max: 10kW}}
)";

// One site whose racks hang on two sides, each of which carries all of it alone.
std::string site(std::int64_t number, std::int64_t nodes) {
  const std::int64_t racks = (nodes + kNodesOfRack - 1) / kNodesOfRack;
  const std::int64_t rows = (racks + kRacksOfRow - 1) / kRacksOfRow;
  const std::int64_t halls = (rows + kRowsOfHall - 1) / kRowsOfHall;
  const std::int64_t power = racks * 60;  // kW
  std::string text = fmt::format(R"(---
apiVersion: penstock/v1
kind: Site
metadata: {{name: s{:02}}}
spec:
  country: NO
  runtime: simulated
  grid: {{contracted: {}kW}}
  fabric:
    nvlinkDomain: node
    tiers: [{{name: leaf, group: rack}}, {{name: pod, group: row}}, {{name: spine, group: site}}]
  network:
    elements:
    - {{name: grid, kind: grid, rating: {}kW}}
    - {{name: "main-[a,b]", kind: transformer, rating: {}kW, feeds: [{{from: grid}}]}}
)", number, power, power, power);
  for (std::int64_t h = 0; h < halls; ++h) {
    const std::int64_t here = std::min(kRowsOfHall, rows - h * kRowsOfHall);
    text += fmt::format(R"(    - {{name: "hall-h{0}-[a,b]", kind: switchboard, rating: 6MW, feeds: [{{from: "main-{{1}}"}}]}}
    - {{name: "tx-h{0}-r[1-{1}]-[a,b]", kind: transformer, rating: 1250kW, feeds: [{{from: "hall-h{0}-{{2}}"}}]}}
    - {{name: "ups-h{0}-r[1-{1}]-[a,b]", kind: ups, rating: 1250kW, feeds: [{{from: "tx-h{0}-r{{1}}-{{2}}"}}]}}
    - {{name: "busway-h{0}-r[1-{1}]-[a,b]", kind: busway, rating: 1250kW, feeds: [{{from: "ups-h{0}-r{{1}}-{{2}}"}}]}}
)", h + 1, here);
  }
  text += "  halls:\n";
  for (std::int64_t h = 0; h < halls; ++h) {
    text += fmt::format("  - name: h{}\n    rows:\n", h + 1);
    for (std::int64_t r = 0; r < std::min(kRowsOfHall, rows - h * kRowsOfHall); ++r) {
      const std::int64_t row = h * kRowsOfHall + r;
      text += fmt::format(R"(    - name: r{0}
      racks:
      - name: "{{row}}k[01-{1:02}]"
        nodes: [{{name: "n[1-{2}]", type: box}}]
        feeds: [{{from: "busway-{{hall}}-{{row}}-a"}}, {{from: "busway-{{hall}}-{{row}}-b"}}]
        redundancy: 2n
)", r + 1, std::min(kRacksOfRow, racks - row * kRacksOfRow), kNodesOfRack);
    }
  }
  return text;
}

void strip(SiteSpec& site) {
  site.network.reset();
  site.cooling.reset();
  site.grid.reset();
  site.contingencies.reset();
  for (HallSpec& hall : site.halls) {
    for (RowSpec& row : hall.rows) {
      for (RackSpec& rack : row.racks) {
        rack.feeds.clear();
        rack.loops.clear();
        rack.redundancy = Redundancy::kNone;
      }
    }
  }
  for (RackExceptionSpec& exception : site.exceptions) {
    exception.feeds.clear();
    exception.loops.clear();
    exception.redundancy.reset();
  }
}

Result<BenchShape> read_shape(std::string_view flag, std::string_view text) {
  BenchShape shape;
  std::string_view rest = text;
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    shape.weight = std::atoll(std::string(rest.substr(colon + 1)).c_str());
    rest = rest.substr(0, colon);
  }
  const auto cross = rest.find('x');
  if (cross != std::string_view::npos) {
    shape.tasks = std::atoi(std::string(rest.substr(0, cross)).c_str());
    if (const auto gpus = Text<MilliGpu>::parse(rest.substr(cross + 1)); gpus.ok()) shape.milli = gpus->count();
  }
  const bool good = cross != std::string_view::npos && shape.tasks >= 1 && shape.tasks <= 65'536 && shape.milli >= 1 &&
                    (shape.milli < 1000 || shape.milli % 1000 == 0) && shape.milli <= 64'000 && shape.weight >= 1;
  if (good) return shape;
  return make_error(Code::kInvalid,
                    fmt::format("expected TASKSxGPUS or TASKSxGPUS:WEIGHT such as 64x8 or 1x0.5:20, found '{}'", text), std::string(flag));
}

}  // namespace

Result<std::vector<BenchShape>> read_shapes(std::string_view flag, const std::vector<std::string>& texts) {
  std::vector<BenchShape> shapes;
  for (const std::string& text : texts) {
    PENSTOCK_TRY(shape, read_shape(flag, text));
    shapes.push_back(shape);
  }
  return shapes;
}

std::int64_t weight_of(const std::vector<BenchShape>& mix) {
  std::int64_t weight = 0;
  for (const BenchShape& shape : mix) weight += shape.weight;
  return weight;
}

std::size_t pick_shape(const std::vector<BenchShape>& mix, std::uint64_t chance) {
  auto left = static_cast<std::int64_t>(chance);
  std::size_t i = 0;
  while (left >= mix[i].weight) left -= mix[i++].weight;
  return i;
}

std::int64_t most_resident_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

std::string micros_text(std::int64_t ns) { return fmt::format("{}.{:02} µs", ns / 1000, ns % 1000 / 10); }

void add_ground_options(CLI::App& verb, BenchGround& ground) {
  verb.add_option("-f,--file", ground.files, "estate: files, directories, - for standard input; else one is made");
  verb.add_option("--gpus", ground.gpus, "GPUs of the estate that is made, 8 a node")->capture_default_str()->check(CLI::Range(40, 1'000'000));
  verb.add_option("--site-nodes", ground.site_nodes, "nodes of each of its sites")->capture_default_str()->check(CLI::Range(5, 100'000));
  verb.add_option("--fill", ground.fill, "part of the GPUs in use while it is measured")->capture_default_str();
  verb.add_option("--models", ground.models, "GPU models they may use; all if absent")->delimiter(',');
  verb.add_option("--seed", ground.seed, "seed of the mix and of what ends")->capture_default_str();
  verb.add_flag("--no-limits", ground.no_limits, "leave out network, cooling and grid, to see their price");
}

Result<Ppm> fill_of(const BenchGround& ground) {
  PENSTOCK_TRY(fill, Text<Ppm>::parse(ground.fill));
  if (fill <= Ppm(0) || fill > Ppm(1'000'000)) return make_error(Code::kInvalid, "expected above 0% to 100%", "--fill");
  return fill;
}

Result<std::vector<Document>> bench_documents(const BenchGround& ground) {
  std::vector<SourceText> sources;
  if (ground.files.empty()) {
    std::string text(kNodeType);
    std::int64_t left = (ground.gpus + 7) / 8;
    for (std::int64_t number = 1; left > 0; ++number, left -= ground.site_nodes) text += site(number, std::min(left, ground.site_nodes));
    sources.push_back({"made.yaml", std::move(text)});
  } else {
    PENSTOCK_TRY(read, read_sources(ground.files));
    sources = std::move(read);
  }
  PENSTOCK_TRY(documents, read_documents(sources));
  std::erase_if(documents, [](const Document& d) { return d.kind != Kind::kSite && d.kind != Kind::kNodeType; });
  for (Document& document : documents) {
    if (auto* spec = std::get_if<SiteSpec>(&document.spec); spec != nullptr && ground.no_limits) strip(*spec);
  }
  const auto add = [&](const std::string& name, AnySpec spec) {
    Document document;
    document.kind = static_cast<Kind>(spec.index());
    document.metadata.name = name;
    document.spec = std::move(spec);
    documents.push_back(std::move(document));
  };
  ContractSpec main;
  main.service_class = ServiceClass::kReserved;
  main.gpu_models = ground.models;
  main.price_per_gpu_hour = {2'000'000, "USD"};
  ContractSpec spot = main;
  spot.service_class = ServiceClass::kSpot;
  add("bench", TenantSpec{});
  add("bench/work", ProjectSpec{});
  add("bench/main", main);
  add("bench/spot", spot);
  return documents;
}

}  // namespace penstock
