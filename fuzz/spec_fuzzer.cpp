// Any bytes as a document: what is read must survive JSON and YAML, and its sites must compile or be refused.
#include "estate/estate.h"

using namespace penstock;

namespace {

void must_survive(const Document& document) {
  const std::string text = document_json(document);
  const auto value = parse_json(text);
  PENSTOCK_CHECK(value.ok());
  const auto from_body = read_document(*value);
  PENSTOCK_CHECK(from_body.ok());
  PENSTOCK_CHECK(document_json(*from_body) == text);
  const auto from_yaml = read_documents({{"yaml", to_yaml(*value)}});
  PENSTOCK_CHECK(from_yaml.ok() && from_yaml->size() == 1);
  PENSTOCK_CHECK(document_json(from_yaml->front()) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto documents = read_documents({{"fuzz", std::string(reinterpret_cast<const char*>(data), size)}});
  if (!documents.ok()) {
    PENSTOCK_CHECK(!to_string(documents.error()).empty());
    return 0;
  }
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  for (const Document& document : *documents) {
    must_survive(document);
    if (const auto* type = std::get_if<NodeTypeSpec>(&document.spec)) types[document.metadata.name] = *type;
    if (const auto* site = std::get_if<SiteSpec>(&document.spec)) sites[document.metadata.name] = *site;
    if (const auto* job = std::get_if<JobSpec>(&document.spec)) {
      PENSTOCK_CHECK(task_count(*job) >= 1 && total_gpus(*job) > MilliGpu{0});
    }
  }
  const auto estate = Estate::compile(types, sites);
  if (!estate.ok()) return 0;
  for (NodeIndex i = 0; i < estate->nodes().size(); ++i)
    PENSTOCK_CHECK(estate->find_node(estate->nodes()[i].name) == i);
  for (const EstateRack& rack : estate->racks()) {
    Ppm sum;
    for (const EstateFeed& feed : rack.feeds) sum += feed.share;
    PENSTOCK_CHECK(rack.feeds.empty() || sum == Ppm{1'000'000});
  }
  return 0;
}
