// Documents: apiVersion, kind, metadata, spec; read from YAML or JSON text, with file, line and path of every fault.
#pragma once

#include "spec/access.h"
#include "spec/estate.h"
#include "spec/tenancy.h"
#include "spec/workload.h"

namespace penstock {

inline constexpr std::string_view kApiVersion = "penstock/v1";

enum class Kind { kNodeType, kSite, kTenant, kProject, kContract, kRestriction, kPrincipal, kGrant, kJob };
constexpr auto enum_names(Kind) {
  return std::array{EnumName<Kind>{Kind::kNodeType, "NodeType"}, EnumName<Kind>{Kind::kSite, "Site"},
                    EnumName<Kind>{Kind::kTenant, "Tenant"},     EnumName<Kind>{Kind::kProject, "Project"},
                    EnumName<Kind>{Kind::kContract, "Contract"}, EnumName<Kind>{Kind::kRestriction, "Restriction"},
                    EnumName<Kind>{Kind::kPrincipal, "Principal"}, EnumName<Kind>{Kind::kGrant, "Grant"},
                    EnumName<Kind>{Kind::kJob, "Job"}};
}

struct Metadata {
  std::string name;
  std::map<std::string, std::string> labels;
  std::optional<std::uint64_t> version;

  static constexpr auto schema() {
    return object("Metadata", "Name and labels of an object.",
                  field("name", &Metadata::name, required, "DNS labels joined by '/': scope first"),
                  field("labels", &Metadata::labels, optional, "free labels"),
                  field("version", &Metadata::version, optional,
                        "if given, the change is refused unless the object still has this version"));
  }
  bool operator==(const Metadata&) const = default;
};

using AnySpec = std::variant<NodeTypeSpec, SiteSpec, TenantSpec, ProjectSpec, ContractSpec, RestrictionSpec, PrincipalSpec, GrantSpec, JobSpec>;

/// Where a document came from, for faults that are found after reading (dangling names).
struct Origin {
  std::string file;
  int line = 0;
};

struct Document {
  Kind kind = Kind::kSite;
  Metadata metadata;
  AnySpec spec;
  Origin origin;
};

/// One text with the name that faults should cite.
struct SourceText {
  std::string file;
  std::string text;

  static constexpr auto schema() {
    return object("Source", "A file of documents.", field("file", &SourceText::file, required, "name cited in errors"),
                  field("text", &SourceText::text, required, "YAML or JSON, several documents divided by ---"));
  }
};

/// Limits on what is read, so that no text costs without bound.
struct ReadLimits {
  std::size_t bytes = 8 << 20;
  std::size_t depth = 32;
  std::size_t documents = 10'000;
  std::size_t nodes = 1'000'000;  ///< values after aliases are followed
};

/// Reads all documents of all texts. On failure the error holds every fault found (up to Problems::kMost).
/// Aliases and anchors are allowed; unknown fields, duplicate keys and custom tags are not. A source whose name ends in
/// .csv holds no documents: where a document names it by `file`, its rows become the points of that series.
Result<std::vector<Document>> read_documents(const std::vector<SourceText>& sources, const ReadLimits& limits = {});

/// Reads one document out of JSON that has been parsed already (an API body). It cannot name files.
Result<Document> read_document(const json::value& value);

/// The document as canonical JSON.
std::string document_json(const Document& document);

/// JSON as YAML, keys in the order given.
std::string to_yaml(const json::value& value);

/// The JSON Schema of a document of any kind (draft 2020-12), from the same descriptions as the reader.
json::object document_schema();

/// The reference of the language as Markdown, one table an object, from the same descriptions as the reader.
std::string spec_reference();

/// Labels in a name of this kind: Site 1, Restriction 2 (site/label), Job 3. Principals and grants of the provider have one
/// less: they stand in no scope.
int name_depth(Kind kind);
constexpr bool may_be_plain(Kind kind) { return kind == Kind::kPrincipal || kind == Kind::kGrant; }

/// Checks that do not depend on other objects: names, ranges, values.
Status check_name(Kind kind, std::string_view name);

}  // namespace penstock
