// What a contract allows a job: how many GPUs, of which models, where, and at which price.
#pragma once

#include "engine/state.h"

namespace penstock {

/// The contract that a job of `tenant` runs under: the one it names, or the tenant's only one.
Result<std::string> resolve_contract(const Facts& facts, std::string_view tenant, const std::string& named);

/// GPUs of the contract's ramp at `now`; nothing if it has none.
std::optional<MilliGpu> ramp_gpus(const ContractSpec& contract, Time now);
/// GPUs that may be held under the contract at `now`: those of its ramp, and the overage of then; nothing if it sets no limit.
std::optional<MilliGpu> contract_limit(const ContractSpec& contract, Time now);
/// When the contract ends, by the amendments that have begun at `now`; nothing if it does not.
std::optional<Time> contract_end(const ContractSpec& contract, Time now);
/// Whether its term includes `now`.
bool contract_active(const ContractSpec& contract, Time now);
/// GPUs of the ramp at an instant of the term; 0 outside of it.
std::int64_t reserved_at(const ContractSpec& contract, Time at);
/// Every date on which the ramp or the terms may change.
std::set<Time> term_dates(const ContractSpec& contract);

/// GPU models that the contract covers: its own, then its substitutes; none means every one.
std::vector<std::string> models_of(const ContractSpec& contract);

/// Whether `value` is in `list`, or the list is empty and so allows all.
bool allows(const std::vector<std::string>& list, std::string_view value);

/// Whether the contract of a tenant that is bound to `countries` covers the site.
bool covers_site(const std::vector<std::string>& countries, const ContractSpec& contract, const EstateSite& site);

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
  /// Whether the model is only a substitute for those that the contract names.
  bool substitute(const EstateType& type) const;

 private:
  const TenantSpec& tenant_;
  const ContractSpec& contract_;
  const JobSpec& job_;
  std::vector<std::string> models_;
};

}  // namespace penstock
