// Where the log and its archives lie, against the countries that tenants and contracts are bound to.
#pragma once

#include "engine/facts.h"

namespace penstock {

/// Whether a tenant or contract that is bound to `countries` may be kept in a store that lies in `store`; the refusal names
/// both. Nothing is known to contradict it if either is empty.
Status check_store(const std::vector<std::string>& countries, const std::string& store);

/// Whether all that is stored already may lie in `store`; the refusal names every tenant and contract that may not.
Status check_store(const Facts& facts, const std::string& store);

}  // namespace penstock
