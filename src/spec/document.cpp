// Documents out of text and JSON and back, with the place of every fault; their schema.
#include "spec/document.h"

#include <algorithm>

#include "base/name.h"
#include "spec/series.h"
#include "spec/yaml.h"

namespace penstock {
namespace {

// The alternatives of AnySpec stand in the order of Kind.
template <std::size_t I>
using SpecOf = std::variant_alternative_t<I, AnySpec>;

// Calls `visit` with the index of every kind as a compile-time constant.
template <class Visit>
void for_each_kind(const Visit& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit(std::integral_constant<std::size_t, I>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<AnySpec>>{});
}

std::string kind_list() {
  std::string list;
  for (const auto& entry : enum_names(Kind{})) list += (list.empty() ? "" : ", ") + std::string(entry.name);
  return list;
}

std::optional<Kind> read_kind(const json::object& object, Problems& problems) {
  const json::value* version = object.if_contains("apiVersion");
  if (version == nullptr) {
    problems.add(fmt::format("'apiVersion' is missing: expected {}", kApiVersion), "apiVersion");
  } else if (!version->is_string() || version->get_string() != kApiVersion) {
    problems.add(wrong_kind(kApiVersion, *version), "apiVersion");
  }
  const json::value* kind = object.if_contains("kind");
  if (kind == nullptr) {
    problems.add(fmt::format("'kind' is missing: expected one of {}", kind_list()), "kind");
    return std::nullopt;
  }
  std::optional<Kind> found;
  if (kind->is_string()) found = enum_from_name<Kind>(std::string_view(kind->get_string()));
  if (!found) problems.add(wrong_kind("one of " + kind_list(), *kind), "kind");
  return found;
}

// Reads what can be read; the document is good if nothing was added to `problems`.
Document read_into(const json::value& value, Problems& problems) {
  Document document;
  const json::object* object = value.if_object();
  if (object == nullptr) {
    problems.add(wrong_kind("a document: a mapping of apiVersion, kind, metadata and spec", value));
    return document;
  }
  const std::optional<Kind> kind = read_kind(*object, problems);
  document.kind = kind.value_or(Kind::kSite);
  for (const auto& member : *object) {
    const std::string_view key = member.key();
    if (key != "apiVersion" && key != "kind" && key != "metadata" && key != "spec") {
      problems.add(fmt::format("unknown field '{}'; a document has: apiVersion, kind, metadata, spec", key), key);
    }
  }
  if (const json::value* metadata = object->if_contains("metadata")) {
    Problems::Step step(problems, "metadata");
    read_json(*metadata, document.metadata, problems);
    if (kind && !document.metadata.name.empty()) {
      Status named = check_name(*kind, document.metadata.name);
      if (!named.ok()) problems.add(named.error().message, "name");
    } else if (kind && metadata->is_object()) {
      problems.add("the name is empty", "name");
    }
  } else {
    problems.add("'metadata' is missing: name and labels", "metadata");
  }
  const json::value* spec = object->if_contains("spec");
  if (spec == nullptr) problems.add("'spec' is missing: what the object should be", "spec");
  if (spec == nullptr || !kind) return document;
  for_each_kind([&](auto index) {
    if (static_cast<std::size_t>(*kind) != index) return;
    Problems::Step step(problems, "spec");
    read_json(*spec, document.spec.emplace<index>(), problems);
  });
  return document;
}

bool before(const Error& a, const Error& b) {
  return std::pair(a.line, a.column) < std::pair(b.line, b.column);
}

// All that `problems` holds, in the order found.
std::vector<Error> take_all(Problems& problems) {
  if (problems.empty()) return {};
  Error first = problems.take();
  std::vector<Error> all = std::move(first.also);
  first.also.clear();
  all.insert(all.begin(), std::move(first));
  return all;
}

}  // namespace

Result<std::vector<Document>> read_documents(const std::vector<SourceText>& sources, const ReadLimits& limits) {
  Problems problems;
  std::vector<Document> documents;
  std::map<std::pair<Kind, std::string>, Origin> given;
  ReadBudget budget{limits.documents, limits.nodes, limits.bytes};
  SeriesFiles series(sources);
  std::size_t bytes = 0;
  for (const SourceText& source : sources) {
    bytes += source.text.size();
    if (bytes > limits.bytes) {
      Error error = make_error(Code::kTooLarge, fmt::format("more than {} bytes at once", limits.bytes));
      error.file = source.file;
      problems.add(std::move(error));
      break;
    }
    if (is_data_file(source.file)) continue;
    Problems in_source;
    for (const YamlDocument& text : read_yaml(source, limits, budget, in_source)) {
      Problems in_document;
      Document document = read_into(text.value, in_document);
      document.origin = {source.file, text.place.line};
      if (in_document.empty()) series.resolve(document.spec, source.file, in_document, problems);
      if (in_document.empty()) {
        const auto [first, fresh] = given.try_emplace({document.kind, document.metadata.name}, document.origin);
        if (!fresh) {
          in_document.add(fmt::format("{} '{}' is given twice; first at {}:{}", name_of(document.kind),
                                      document.metadata.name, first->second.file, first->second.line),
                          "metadata.name", Code::kAlreadyExists);
        }
      }
      for (Error& error : take_all(in_document)) {
        const Place& place = place_of(text, error.path);
        error.file = source.file;
        error.line = place.line;
        error.column = place.column;
        in_source.add(std::move(error));
      }
      documents.push_back(std::move(document));
    }
    std::vector<Error> errors = take_all(in_source);
    std::stable_sort(errors.begin(), errors.end(), before);
    for (Error& error : errors) problems.add(std::move(error));
  }
  if (!problems.empty()) return problems.take();
  return documents;
}

Result<Document> read_document(const json::value& value) {
  Problems problems;
  Document document = read_into(value, problems);
  Problems none;
  if (problems.empty()) SeriesFiles({}).resolve(document.spec, "", problems, none);
  if (!problems.empty()) return problems.take();
  return document;
}

std::string document_json(const Document& document) {
  std::string out =
      fmt::format("{{\"apiVersion\":\"{}\",\"kind\":\"{}\",\"metadata\":", kApiVersion, name_of(document.kind));
  write_json(out, document.metadata);
  out += ",\"spec\":";
  std::visit([&](const auto& spec) { write_json(out, spec); }, document.spec);
  out += '}';
  return out;
}

json::object document_schema() {
  SchemaWriter writer("#/$defs/");
  json::array kinds;
  for_each_kind([&](auto index) {
    const json::object metadata = writer.of<Metadata>();
    const json::object spec = writer.of<SpecOf<index>>();
    kinds.push_back(json::object{
        {"type", "object"},
        {"title", name_of(static_cast<Kind>(index.value))},
        {"properties", json::object{{"apiVersion", json::object{{"const", kApiVersion}}},
                                    {"kind", json::object{{"const", name_of(static_cast<Kind>(index.value))}}},
                                    {"metadata", metadata},
                                    {"spec", spec}}},
        {"required", json::array{"apiVersion", "kind", "metadata", "spec"}},
        {"additionalProperties", false}});
  });
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "Penstock document"},
          {"oneOf", std::move(kinds)},
          {"$defs", writer.definitions()}};
}

int name_depth(Kind kind) {
  switch (kind) {
    case Kind::kNodeType:
    case Kind::kSite:
    case Kind::kTenant:
      return 1;
    case Kind::kProject:
    case Kind::kContract:
    case Kind::kRestriction:
    case Kind::kPrincipal:
    case Kind::kGrant:
      return 2;
    case Kind::kJob:
      return 3;
  }
  return 1;
}

Status check_name(Kind kind, std::string_view name) {
  return check_path(name, may_be_plain(kind) ? 1 : name_depth(kind), name_depth(kind), name_of(kind));
}

}  // namespace penstock
