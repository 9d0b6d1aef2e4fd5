// Scenarios out of YAML, with the place of every fault.
#include "sim/scenario.h"

#include "base/json.h"
#include "base/name.h"
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

// `spec` stays where it stands in the text, so that faults are found there.
ScenarioSpec read_spec(const json::value& spec, Problems& problems) {
  ScenarioSpec out;
  Problems::Step step(problems, "spec");
  read_json(spec, out, problems);
  return out;
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

}  // namespace

void LoadSpec::check(Problems& problems) const {
  if (trace.has_value() == synthetic.has_value()) problems.add("expected either trace or synthetic");
  if (trace && trace->speed && *trace->speed <= Ppm(0)) problems.add("expected more than 0%", "trace.speed");
  if (!synthetic) return;
  if (synthetic->per_hour < 1) problems.add("expected at least 1", "synthetic.perHour");
  if (synthetic->projects < 1 || synthetic->projects > 10'000) problems.add("expected 1 to 10000", "synthetic.projects");
  if (synthetic->mix.empty()) problems.add("expected at least one kind of job", "synthetic.mix");
  for (std::size_t i = 0; i < synthetic->mix.size(); ++i) {
    if (synthetic->mix[i].weight < 1) problems.add("expected at least 1", fmt::format("synthetic.mix[{}].weight", i));
    if (synthetic->mix[i].median <= Duration(0)) problems.add("expected more than no time", fmt::format("synthetic.mix[{}].median", i));
  }
}

void ScenarioSpec::check(Problems& problems) const {
  if (estate.empty() == !plain_estate.has_value()) problems.add("expected either estate or plainEstate", "estate");
  if (plain_estate && plain_estate->node_list.empty() == (plain_estate->nodes == 0)) {
    problems.add("expected either nodeList or nodes", "plainEstate");
  }
  if (loads.empty()) problems.add("expected at least one", "loads");
  if (seeds < 1 || seeds > kMostRuns) problems.add(fmt::format("expected 1 to {}", kMostRuns), "seeds");
  const bool endless = std::any_of(loads.begin(), loads.end(), [](const LoadSpec& load) { return load.synthetic.has_value(); });
  if (endless && !length) problems.add("expected how long it runs: synthetic loads have no end", "for");
  if (length && *length <= Duration(0)) problems.add("expected more than no time", "for");
}

Result<std::vector<Scenario>> read_scenario(const SourceText& source) {
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
  const ScenarioSpec plain = read_spec(head.spec, problems);
  if (!problems.empty()) return placed_all(problems, source, document);

  std::vector<VariantSpec> variants = plain.variants;
  if (variants.empty()) variants.emplace_back();
  std::vector<Scenario> out;
  for (std::size_t v = 0; v < variants.size(); ++v) {
    ScenarioSpec spec = plain;
    if (!variants[v].set.is_null()) {
      json::value changed = head.spec;
      merge(changed, variants[v].set);
      spec = read_spec(changed, problems);
      if (!problems.empty()) {
        Error error = problems.take();
        error.message = fmt::format("with variant {}: {}: {}", variants[v].name, error.path, error.message);
        error.path = fmt::format("spec.variants[{}].set", v);
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
      out.back().spec.seed = plain.seed + static_cast<std::uint64_t>(i);
    }
  }
  return out;
}

}  // namespace penstock
