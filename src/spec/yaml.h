// YAML text as JSON values that remember where they stood, within limits that hold while the text is being parsed.
#pragma once

#include "spec/document.h"

namespace penstock {

/// Where a value stands in its text, both from 1. The place of a member is its key's; an alias has nothing below.
struct Place {
  int line = 1;
  int column = 1;            ///< counted in bytes
  std::vector<Place> below;  ///< of members or elements, in their order
};

/// One document of a text.
struct YamlDocument {
  json::value value;
  Place place;
};

/// What may still be read, over all texts of one call.
struct ReadBudget {
  std::size_t documents;
  std::size_t nodes;
  std::size_t alias_bytes;  ///< text that aliases may repeat
};

/// Reads the documents of one text under YAML's core schema; empty ones are left out. Faults go to `problems` with
/// their line and column; what was read before the first one that ends the text is returned all the same.
std::vector<YamlDocument> read_yaml(const SourceText& source, const ReadLimits& limits, ReadBudget& budget,
                                    Problems& problems);

/// The place of `path` (`spec.halls[0].name`) in a document, or of the nearest thing above it that is there.
const Place& place_of(const YamlDocument& document, std::string_view path);

}  // namespace penstock
