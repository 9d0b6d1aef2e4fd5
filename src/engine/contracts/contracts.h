// What a contract allows a job: how many GPUs, of which models, where, and at which price.
#pragma once

#include "engine/state.h"

namespace penstock {

/// The contract that a job of `tenant` runs under: the one it names, or the tenant's only one.
Result<std::string> resolve_contract(const Facts& facts, std::string_view tenant, const std::string& named);

/// GPUs that the contract gives at `now`; nothing if it sets no limit.
std::optional<MilliGpu> contract_limit(const ContractSpec& contract, Time now);
/// Whether its term includes `now`.
bool contract_active(const ContractSpec& contract, Time now);

/// Whether `value` is in `list`, or the list is empty and so allows all.
bool allows(const std::vector<std::string>& list, std::string_view value);

/// Everything that binds one job to places and hardware, looked up once. Refers to the facts; keep it short-lived.
class Bounds {
 public:
  Bounds(const Facts& facts, const Job& job);
  /// Whether tenant, contract and job all allow the site's country.
  bool country(const EstateSite& site) const;
  /// Whether contract and job allow the site.
  bool site(const EstateSite& site) const;
  /// Whether contract and job allow the GPU model, and the job the node type and its lowest power limit.
  bool type(const EstateType& type) const;

 private:
  const TenantSpec& tenant_;
  const ContractSpec& contract_;
  const JobSpec& job_;
};

}  // namespace penstock
