// Scenarios out of YAML, with the place of every fault.
#include "sim/scenario.h"

#include "base/json.h"
#include "base/name.h"
#include "spec/checks.h"
#include "spec/yaml.h"

namespace penstock {
namespace {

constexpr std::int64_t kMostRuns = 1000;

struct Head {
  std::string api_version;
  std::string kind;
  Metadata metadata;
  json::value spec;

  static constexpr auto schema() {
    return object("Scenario", "A scenario.", field("apiVersion", &Head::api_version, required, "penstock/v1"),
                  field("kind", &Head::kind, required, "Scenario"), field("metadata", &Head::metadata, required, "its name"),
                  field("spec", &Head::spec, required, "what it runs"));
  }
};

// RFC 7396.
void merge(json::value& into, const json::value& patch) {
  if (!patch.is_object()) {
    into = patch;
    return;
  }
  if (!into.is_object()) into.emplace_object();
  for (const auto& member : patch.get_object()) {
    if (member.value().is_null()) {
      into.get_object().erase(member.key());
    } else {
      merge(into.get_object()[member.key()], member.value());
    }
  }
}

// What a scenario must say that stands alone.
void check_alone(const ScenarioSpec& spec, Problems& problems) {
  if (spec.estate.empty() == !spec.plain_estate.has_value()) problems.add("expected either estate or plainEstate", "estate");
  if (spec.loads.empty()) problems.add("expected at least one", "loads");
  const bool endless = std::any_of(spec.loads.begin(), spec.loads.end(), [](const LoadSpec& load) { return load.synthetic.has_value(); });
  if (endless && !spec.length) problems.add("expected how long it runs: synthetic loads have no end", "for");
}

void take_ground(ScenarioSpec& spec, const ForkGround& ground, Problems& problems) {
  if (!spec.estate.empty()) problems.add("a fork has the estate of its server", "estate");
  if (spec.plain_estate) problems.add("a fork has the estate of its server", "plainEstate");
  if (spec.from) problems.add("a fork begins where it is taken; --at says where", "from");
  spec.from = ground.from;
  if (ground.length) spec.length = ground.length;
  if (!spec.length) problems.add("expected how long it runs, here or as --for", "for");
}

// `spec` stays where it stands in the text, so that faults are found there.
ScenarioSpec read_spec(const json::value& spec, const ForkGround* ground, Problems& problems) {
  ScenarioSpec out;
  Problems::Step step(problems, "spec");
  read_json(spec, out, problems);
  if (ground == nullptr) {
    check_alone(out, problems);
  } else {
    take_ground(out, *ground, problems);
  }
  return out;
}

// Before what the scenario wants to know stands what would come without its events.
std::vector<VariantSpec> beside_as_it_is(std::vector<VariantSpec> variants) {
  if (variants.empty()) variants.push_back({"with events", json::object{}});
  variants.insert(variants.begin(), {"as it is", json::object{{"events", nullptr}}});
  return variants;
}

Error placed(Error error, const SourceText& source, const YamlDocument& document) {
  const Place& place = place_of(document, error.path);
  error.file = source.file;
  error.line = place.line;
  error.column = place.column;
  return error;
}

Error placed_all(Problems& problems, const SourceText& source, const YamlDocument& document) {
  Error first = problems.take();
  std::vector<Error> also = std::move(first.also);
  first = placed(std::move(first), source, document);
  for (Error& error : also) first.also.push_back(placed(std::move(error), source, document));
  return first;
}

constexpr Duration kLongest = hours(24 * 365 * 10);

Result<std::vector<Scenario>> read(const SourceText& source, const ForkGround* ground) {
  const ReadLimits limits;
  ReadBudget budget{limits.documents, limits.nodes, limits.bytes};
  Problems problems;
  const std::vector<YamlDocument> documents = read_yaml(source, limits, budget, problems);
  if (!problems.empty()) {
    Error error = problems.take();
    error.file = source.file;
    return error;
  }
  if (documents.size() != 1) {
    return make_error(Code::kInvalid, fmt::format("{}: expected one document of the kind Scenario, found {}", source.file, documents.size()));
  }
  const YamlDocument& document = documents.front();
  Head head;
  read_json(document.value, head, problems);
  if (problems.empty() && head.api_version != kApiVersion) problems.add(fmt::format("expected {}, found '{}'", kApiVersion, head.api_version), "apiVersion");
  if (problems.empty() && head.kind != "Scenario") problems.add(fmt::format("expected Scenario, found '{}'", head.kind), "kind");
  if (problems.empty() && !is_label(head.metadata.name)) problems.add("expected a name of letters, digits and dashes", "metadata.name");
  if (!problems.empty()) return placed_all(problems, source, document);
  const ScenarioSpec plain = read_spec(head.spec, ground, problems);
  if (!problems.empty()) return placed_all(problems, source, document);

  std::vector<VariantSpec> variants = ground == nullptr ? plain.variants : beside_as_it_is(plain.variants);
  if (variants.empty()) variants.emplace_back();
  std::vector<Scenario> out;
  for (std::size_t v = 0; v < variants.size(); ++v) {
    ScenarioSpec spec = plain;
    if (!variants[v].set.is_null()) {
      json::value changed = head.spec;
      merge(changed, variants[v].set);
      spec = read_spec(changed, ground, problems);
      if (!problems.empty()) {
        Error error = problems.take();
        error.message = fmt::format("with variant {}: {}: {}", variants[v].name, error.path, error.message);
        error.path = fmt::format("spec.variants[{}].set", ground == nullptr ? v : v - 1);
        error.also.clear();
        return placed(std::move(error), source, document);
      }
    }
    spec.variants.clear();
    const std::int32_t seeds = std::exchange(spec.seeds, 1);
    if (out.size() + static_cast<std::size_t>(seeds) > kMostRuns) {
      return make_error(Code::kLimitExceeded, fmt::format("{}: these are more than {} runs", source.file, kMostRuns), "spec.seeds");
    }
    for (std::int32_t i = 0; i < seeds; ++i) {
      out.push_back({head.metadata.name, variants[v].name, spec});
      out.back().spec.seed = spec.seed + static_cast<std::uint64_t>(i);
    }
  }
  return out;
}

}  // namespace

void PlainEstateSpec::check(Problems& problems) const {
  if (node_list.empty() == (nodes == 0)) problems.add("expected either nodeList or nodes");
  check_between<std::int64_t>(problems, "nodes", nodes, 0, 100'000);
  check_between(problems, "gpusPerNode", gpus_per_node, 1, 64);
  if (!is_label(model)) problems.add("expected a name of small letters, digits and dashes", "model");
}

void TraceLoadSpec::check(Problems& problems) const {
  check_between(problems, "gpusPerTask", gpus_per_task, 0, 64);
  if (time_limit) check_between(problems, "timeLimit", *time_limit, Ppm(10'000), Ppm(1'000'000'000));
  if (speed) check_between(problems, "speed", *speed, Ppm(10'000), Ppm(10'000'000'000));
  if (sample) check_between(problems, "sample", *sample, Ppm(10'000), Ppm(100'000'000));
  if (checkpoint) check_between(problems, "checkpoint", *checkpoint, seconds(1), kLongest);
}

void MixSpec::check(Problems& problems) const {
  check_between<std::int64_t>(problems, "weight", weight, 1, 1'000'000'000);
  check_between(problems, "median", median, seconds(1), kLongest);
  if (spread) check_between(problems, "spread", *spread, Ppm(0), Ppm(10'000'000));
  // What such a job would be refused for is told here.
  JobSpec job;
  TaskGroupSpec group;
  group.name = "main";
  group.replicas = tasks;
  group.gpus = gpus;
  group.cpu = cpu;
  group.memory = memory;
  group.command = {"true"};
  group.check(problems);
  job.groups = {std::move(group)};
  job.gpu_models = gpu_models;
  if (checkpoint) job.checkpoint = CheckpointSpec{checkpoint, false};
  job.max_restarts = restarts;
  job.check(problems);
}

void SyntheticLoadSpec::check(Problems& problems) const {
  check_between<std::int64_t>(problems, "perHour", per_hour, 1, 1'000'000);
  if (swing) check_between(problems, "swing", *swing, Ppm(0), kWhole);
  check_between(problems, "projects", projects, 1, 10'000);
  if (time_limit) check_between(problems, "timeLimit", *time_limit, Ppm(10'000), Ppm(1'000'000'000));
  if (mix.empty()) problems.add("expected at least one kind of job", "mix");
}

namespace {

void check_kind(Problems& problems, const std::string& place, const FaultKindSpec& kind) {
  check_between<std::int64_t>(problems, place + ".weight", kind.weight, 0, 1'000'000);
  if (kind.hides) check_between(problems, place + ".hides", *kind.hides, Ppm(0), kWhole);
  if (kind.passes) check_between(problems, place + ".passes", *kind.passes, seconds(1), kLongest);
}

}  // namespace

void FaultSpec::check(Problems& problems) const {
  check_between<std::int64_t>(problems, "perMillionNodeDays", per_million_node_days, 0, 100'000'000);
  if (lemons) check_between(problems, "lemons", *lemons, Ppm(0), kWhole);
  check_between(problems, "lemonFactor", lemon_factor, 1, 10'000);
  if (whole_domain) check_between(problems, "wholeDomain", *whole_domain, Ppm(0), kWhole);
  if (quick) check_between(problems, "quick", *quick, Ppm(0), kWhole);
  check_between(problems, "repair", repair, seconds(1), kLongest);
  check_between(problems, "quickRepair", quick_repair, seconds(1), kLongest);
  std::int64_t weights = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    check_kind(problems, fmt::format("kinds[{}]", i), kinds[i]);
    weights += kinds[i].weight;
  }
  if (!kinds.empty() && weights == 0) problems.add("expected a weight above 0 in one of them", "kinds");
}

std::optional<std::pair<Kind, std::string>> named_object(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const auto kind = enum_from_name<Kind>(text.substr(0, blank));
  if (!kind || blank == std::string_view::npos) return std::nullopt;
  return std::pair(*kind, std::string(text.substr(blank + 1)));
}

void DatedSpec::check(Problems& problems) const {
  if (const auto* after = std::get_if<Duration>(&at.when)) check_between(problems, "at", *after, Duration(0), kLongest);
  for (std::size_t i = 0; i < apply.size(); ++i) {
    const auto document = read_document(apply[i]);
    if (!document.ok()) problems.add(fmt::format("{}: {}", document.error().path, document.error().message), fmt::format("apply[{}]", i));
  }
  for (std::size_t i = 0; i < remove.size(); ++i) {
    if (!named_object(remove[i])) {
      problems.add(fmt::format("expected KIND NAME such as `Restriction loughton/ups-b3`, found '{}'", remove[i]), fmt::format("remove[{}]", i));
    }
  }
  const auto check_nodes = [&](const std::string& field, const std::vector<std::string>& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (const auto names = expand_range(nodes[i]); !names.ok()) problems.add(names.error().message, fmt::format("{}[{}]", field, i));
    }
  };
  check_nodes("lose", lose);
  check_nodes("giveBack", give_back);
  for (std::size_t i = 0; i < strike.size(); ++i) {
    check_nodes(fmt::format("strike[{}].nodes", i), strike[i].nodes);
    check_kind(problems, fmt::format("strike[{}].fault", i), strike[i].fault);
  }
}

void LoadSpec::check(Problems& problems) const {
  if (trace.has_value() == synthetic.has_value()) problems.add("expected either trace or synthetic");
}

void ScenarioSpec::check(Problems& problems) const {
  if (seeds < 1 || seeds > kMostRuns) problems.add(fmt::format("expected 1 to {}", kMostRuns), "seeds");
  if (length) check_between(problems, "for", *length, seconds(1), kLongest);
  check_between<Time>(problems, "from", from.value_or(Time{0}), Time{0}, *Text<Time>::parse("2200-01-01T00:00:00Z"));
}

Result<Moment> Text<Moment>::parse(std::string_view text) {
  if (text.starts_with('P')) {
    PENSTOCK_TRY(after, Text<Duration>::parse(text));
    return Moment{after};
  }
  PENSTOCK_TRY(at, Text<Time>::parse(text));
  return Moment{at};
}

std::string Text<Moment>::format(const Moment& value) {
  const auto* after = std::get_if<Duration>(&value.when);
  return after != nullptr ? Text<Duration>::format(*after) : Text<Time>::format(std::get<Time>(value.when));
}

Result<std::vector<Scenario>> read_scenario(const SourceText& source) { return read(source, nullptr); }

Result<std::vector<Scenario>> read_scenario(const SourceText& source, const ForkGround& ground) { return read(source, &ground); }

}  // namespace penstock
