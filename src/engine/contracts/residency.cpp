// Countries of bindings and of the store.
#include "engine/contracts/residency.h"

#include "engine/contracts/contracts.h"

namespace penstock {

Status check_store(const std::vector<std::string>& countries, const std::string& store) {
  if (store.empty() || allows(countries, store)) return ok_status();
  return make_error(Code::kFailedPrecondition,
                    fmt::format("it is bound to {}, and its records would lie in {}, where this server's log and archives are",
                                fmt::join(countries, ", "), store),
                    "spec.jurisdictions");
}

Status check_store(const Facts& facts, const std::string& store) {
  std::vector<std::string> outside;
  const auto look = [&](std::string_view kind, const auto& objects) {
    for (const auto& [name, object] : objects) {
      if (check_store(object.spec.jurisdictions, store).ok()) continue;
      outside.push_back(fmt::format("{} {} (bound to {})", kind, name, fmt::join(object.spec.jurisdictions, ", ")));
    }
  };
  look("tenant", facts.tenants);
  look("contract", facts.contracts);
  if (outside.empty()) return ok_status();
  return make_error(Code::kFailedPrecondition,
                    fmt::format("the log and archives are said to lie in {}, which contradicts {}", store, fmt::join(outside, "; ")),
                    "store-country");
}

}  // namespace penstock
