// NetBox's objects as documents of ours: NodeTypes and Sites, and an account of all that could not be said.
#pragma once

#include "exchange/netbox/ledger.h"
#include "exchange/netbox/objects.h"
#include "spec/document.h"

namespace penstock {

/// How many supplies of a node must work where NetBox does not say (custom field psu_needed of the device type).
enum class SuppliesNeeded { kAll, kHalf };
constexpr auto enum_names(SuppliesNeeded) {
  return std::array{EnumName<SuppliesNeeded>{SuppliesNeeded::kAll, "all"},
                    EnumName<SuppliesNeeded>{SuppliesNeeded::kHalf, "half"}};
}

struct NetboxOptions {
  std::vector<std::string> sites;  ///< names or slugs; empty: all
  std::string country;             ///< of sites of which NetBox tells none
  Ppm idle_share{250'000};         ///< idle draw as a part of the maximum, where NetBox does not say
  SuppliesNeeded supplies_needed = SuppliesNeeded::kAll;
  std::map<std::string, NodeTypeSpec> types;  ///< taken as they are for the device types of these names
};

struct NetboxImport {
  std::vector<Document> documents;
  ImportReport report;
};

/// Maps everything. What is mapped can be applied: it has been read back and compiled. Fails if a site that was asked
/// for does not exist. The rules stand in docs/operator.md.
Result<NetboxImport> import_netbox(const NetboxData& data, const NetboxOptions& options);

/// Documents as one YAML text.
std::string documents_yaml(const std::vector<Document>& documents);

}  // namespace penstock
