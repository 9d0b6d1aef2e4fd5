// Steps of ramps, options and amendments by date.
#include "engine/contracts/sale.h"

#include <algorithm>

#include "engine/contracts/contracts.h"

namespace penstock {
namespace {

// Rows that have begun stand as they are, and none begins in the past.
template <class Row>
Status check_rows(const std::vector<Row>& before, const std::vector<Row>& after, Time now, std::string_view field) {
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const Row* was = i < before.size() ? &before[i] : nullptr;
    const Row* is = i < after.size() ? &after[i] : nullptr;
    const bool begun = was != nullptr && was->from < now;
    if (begun && (is == nullptr || !(*is == *was))) {
      return make_error(Code::kFailedPrecondition,
                        fmt::format("what holds since {} cannot be changed or taken away; add a row with a later date",
                                    Text<Time>::format(was->from)),
                        fmt::format("spec.{}[{}]", field, i));
    }
    if (!begun && is != nullptr && is->from < now) {
      return make_error(Code::kFailedPrecondition,
                        fmt::format("expected a time from now on, found {}; what was before stays as it was", Text<Time>::format(is->from)),
                        fmt::format("spec.{}[{}].from", field, i));
    }
  }
  return ok_status();
}

}  // namespace

bool is_sold(const ContractSpec& contract) {
  return contract.service_class == ServiceClass::kReserved && !contract.ramp.empty();
}

std::int64_t sold_at(const ContractSpec& contract, Time t, Time as_of) {
  if (!contract_active(contract, t)) return 0;
  std::int64_t gpus = reserved_at(contract, t);
  for (const OptionSpec& option : contract.options) {
    if (option.from <= t && as_of < option.lapses) gpus += option.gpus;
  }
  return gpus;
}

std::vector<Time> sale_dates(const ContractSpec& contract) {
  std::set<Time> dates = term_dates(contract);
  for (const OptionSpec& option : contract.options) dates.insert(option.from);
  return {dates.begin(), dates.end()};
}

bool sells_more(const ContractSpec* before, const ContractSpec& after, Time as_of) {
  if (!is_sold(after)) return false;
  if (before == nullptr || !is_sold(*before) || (before->oversold && !after.oversold)) return true;
  if (before->gpu_models != after.gpu_models || before->substitutes != after.substitutes || before->sites != after.sites ||
      before->jurisdictions != after.jurisdictions) {
    return true;
  }
  std::set<Time> dates{as_of};
  for (const ContractSpec* contract : std::array{before, &after}) {
    for (const Time date : sale_dates(*contract)) {
      if (as_of < date) dates.insert(date);
    }
  }
  return std::any_of(dates.begin(), dates.end(), [&](Time date) {
    if (sold_at(*before, date, as_of) < sold_at(after, date, as_of)) return true;
    const ContractSpec was = terms_at(*before, date);
    const ContractSpec is = terms_at(after, date);
    return was.shed != is.shed || was.sla != is.sla;
  });
}

Status check_begun(const ContractSpec& before, const ContractSpec& after, Time now) {
  if (before.from && *before.from < now && after.from != before.from) {
    return make_error(Code::kFailedPrecondition, fmt::format("it began at {}, and that cannot be changed", Text<Time>::format(*before.from)),
                      "spec.from");
  }
  PENSTOCK_RETURN_IF_ERROR(check_rows(before.ramp, after.ramp, now, "ramp"));
  return check_rows(before.amendments, after.amendments, now, "amendments");
}

ContractSpec shifted(ContractSpec contract, Duration by) {
  const auto shift = [by](std::optional<Time>& date) {
    if (date) date = *date + by;
  };
  shift(contract.from);
  shift(contract.until);
  for (RampStepSpec& step : contract.ramp) step.from = step.from + by;
  for (OptionSpec& option : contract.options) {
    option.from = option.from + by;
    option.lapses = option.lapses + by;
  }
  for (AmendmentSpec& row : contract.amendments) {
    row.from = row.from + by;
    shift(row.until);
  }
  return contract;
}

ContractSpec capped(ContractSpec contract, std::int64_t gpus) {
  for (RampStepSpec& step : contract.ramp) step.gpus = std::min(step.gpus, gpus);
  return contract;
}

}  // namespace penstock
