// Questions to a contract.
#include "engine/contracts/contracts.h"

#include <algorithm>

#include "base/name.h"

namespace penstock {

Result<std::string> resolve_contract(const Facts& facts, std::string_view tenant, const std::string& named) {
  if (!named.empty()) {
    if (tenant_of(named) != tenant || !facts.contracts.contains(named)) {
      return make_error(Code::kNotFound, fmt::format("tenant '{}' has no contract '{}'", tenant, named), "spec.contract");
    }
    return named;
  }
  std::vector<std::string> own;
  const std::string prefix = std::string(tenant) + "/";
  for (auto at = facts.contracts.lower_bound(prefix); at != facts.contracts.end() && at->first.starts_with(prefix); ++at) {
    own.push_back(at->first);
  }
  if (own.size() == 1) return own.front();
  return make_error(Code::kInvalid,
                    own.empty() ? fmt::format("tenant '{}' has no contract; apply a Contract first", tenant)
                                : fmt::format("tenant '{}' has {} contracts; name one of: {}", tenant, own.size(),
                                              fmt::join(own, ", ")),
                    "spec.contract");
}

std::optional<MilliGpu> ramp_gpus(const ContractSpec& contract, Time now) {
  if (contract.ramp.empty()) return std::nullopt;
  std::int64_t gpus = 0;
  for (const RampStepSpec& step : contract.ramp) {
    if (step.from <= now) gpus = step.gpus;
  }
  return MilliGpu(gpus * 1000);
}

// Asked for every waiting job: the amendments are read here, where terms_at would copy the whole contract.
std::optional<MilliGpu> contract_limit(const ContractSpec& contract, Time now) {
  const auto ramp = ramp_gpus(contract, now);
  if (!ramp) return std::nullopt;
  const OverageSpec* overage = contract.overage ? &*contract.overage : nullptr;
  for (const AmendmentSpec& row : contract.amendments) {
    if (row.from <= now && row.overage) overage = &*row.overage;
  }
  return overage == nullptr ? ramp : std::optional(*ramp + MilliGpu(overage->gpus * 1000));
}

std::optional<Time> contract_end(const ContractSpec& contract, Time now) {
  std::optional<Time> end = contract.until;
  for (const AmendmentSpec& row : contract.amendments) {
    if (row.from <= now && row.until) end = row.until;
  }
  return end;
}

bool contract_active(const ContractSpec& contract, Time now) {
  const auto end = contract_end(contract, now);
  return (!contract.from || *contract.from <= now) && (!end || now < *end);
}

std::vector<std::string> models_of(const ContractSpec& contract) {
  std::vector<std::string> models = contract.gpu_models;
  models.insert(models.end(), contract.substitutes.begin(), contract.substitutes.end());
  return models;
}

std::int64_t reserved_at(const ContractSpec& contract, Time at) {
  return contract_active(contract, at) ? ramp_gpus(contract, at).value_or(MilliGpu()).count() / 1000 : 0;
}

std::set<Time> term_dates(const ContractSpec& contract) {
  std::set<Time> dates;
  const auto add = [&](const std::optional<Time>& date) {
    if (date) dates.insert(*date);
  };
  add(contract.from);
  add(contract.until);
  for (const RampStepSpec& step : contract.ramp) add(step.from);
  for (const AmendmentSpec& row : contract.amendments) {
    add(row.from);
    add(row.until);
  }
  return dates;
}

bool covers_site(const std::vector<std::string>& countries, const ContractSpec& contract, const EstateSite& site) {
  return allows(contract.sites, site.name) && allows(contract.jurisdictions, site.country) && allows(countries, site.country);
}

bool allows(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

Bounds::Bounds(const Facts& facts, const Job& job)
    : tenant_(facts.tenants.at(std::string(tenant_of(job.name))).spec),
      contract_(facts.contracts.at(job.contract).spec),
      job_(job.spec),
      models_(models_of(contract_)) {}

bool Bounds::country(const EstateSite& site) const {
  return allows(tenant_.jurisdictions, site.country) && allows(contract_.jurisdictions, site.country) &&
         allows(job_.jurisdictions, site.country);
}

bool Bounds::site(const EstateSite& site) const {
  return allows(contract_.sites, site.name) && allows(job_.sites, site.name);
}

bool Bounds::type(const EstateType& type) const {
  return allows(models_, type.spec.devices.model) && allows(job_.gpu_models, type.spec.devices.model) &&
         allows(job_.node_types, type.name) &&
         (!job_.gpu_power || type.spec.devices.power_limit_min.value_or(Watts()) <= *job_.gpu_power);
}

bool Bounds::substitute(const EstateType& type) const {
  return !contract_.substitutes.empty() && !allows(contract_.gpu_models, type.spec.devices.model);
}

}  // namespace penstock
