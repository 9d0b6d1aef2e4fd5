// What tenants, projects and contracts must satisfy by themselves.
#include "spec/checks.h"
#include "spec/tenancy.h"

namespace penstock {
namespace {

constexpr std::size_t kMostAlerts = 10;
constexpr Ppm kMostAlert{10'000'000};
constexpr std::size_t kMostRows = 1'000;

void check_shed(Problems& problems, const std::string& field, const ShedSpec& shed) {
  check_between(problems, field + ".to", shed.to, Ppm{0}, kWhole);
  if (shed.rebate) check_between(problems, field + ".rebate", *shed.rebate, Ppm{0}, kWhole);
}

void check_overage(Problems& problems, const std::string& field, const OverageSpec& overage) {
  check_between<std::int64_t>(problems, field + ".gpus", overage.gpus, 1, kMostContractGpus);
  check_price(problems, field + ".pricePerGpuHour", overage.price_per_gpu_hour);
}

void check_sla(Problems& problems, const std::string& field, const SlaSpec& sla) {
  check_between(problems, field + ".availability", sla.availability, Ppm{1}, kWhole);
  if (sla.replacement) check_between(problems, field + ".replacement", *sla.replacement, Duration{0}, hours(24 * 31));
  for (std::size_t i = 0; i < sla.credits.size(); ++i) {
    const std::string place = fmt::format("{}.credits[{}]", field, i);
    check_between(problems, place + ".below", sla.credits[i].below, Ppm{1}, kWhole);
    check_between(problems, place + ".credit", sla.credits[i].credit, Ppm{1}, kWhole);
    if (i > 0 && sla.credits[i].below >= sla.credits[i - 1].below) {
      problems.add("expected a mark below the one before it", place + ".below");
    }
  }
}

void check_rows(Problems& problems, std::string_view field, std::size_t rows) {
  if (rows > kMostRows) problems.add(fmt::format("expected at most {} rows, found {}", kMostRows, rows), field);
}

}  // namespace

void TenantSpec::check(Problems& problems) const {
  check_countries(problems, "jurisdictions", jurisdictions);
  if (tax) {
    if (tax->name.empty() || tax->name.size() > 100) problems.add("expected a name of 1 to 100 characters", "tax.name");
    check_between(problems, "tax.rate", tax->rate, Ppm{0}, kWhole);
  }
  if (share) {
    Problems::Step at_share(problems, "share");
    share->check(problems);
  }
}

void ProjectSpec::check(Problems& problems) const {
  if (share) {
    Problems::Step at_share(problems, "share");
    share->check(problems);
  }
  if (budget) {
    Problems::Step at_budget(problems, "budget");
    budget->check(problems);
  }
}

void BudgetSpec::check(Problems& problems) const {
  check_sum(problems, "perMonth", per_month);
  if (alerts.size() > kMostAlerts) problems.add(fmt::format("expected at most {} alerts, found {}", kMostAlerts, alerts.size()), "alerts");
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    const std::string place = fmt::format("alerts[{}]", i);
    check_between(problems, place, alerts[i], Ppm{1}, kMostAlert);
    if (i > 0 && alerts[i] <= alerts[i - 1]) problems.add("expected a part above the one before it", place);
  }
}

void ShareSpec::check(Problems& problems) const {
  check_between<std::int64_t>(problems, "weight", weight, 1, 1000);
  if (guaranteed) check_between(problems, "guaranteed", *guaranteed, MilliGpu{0}, MilliGpu{kMostContractGpus * 1'000});
}

void QuotaSpec::check(Problems& problems) const {
  if (gpus) check_between(problems, "gpus", *gpus, MilliGpu{0}, MilliGpu{kMostContractGpus * 1'000});
  if (pending) check_between<std::int64_t>(problems, "pending", *pending, 0, 1'000'000);
}

void ContractSpec::check(Problems& problems) const {
  check_labels(problems, "gpuModels", gpu_models);
  check_labels(problems, "sites", sites);
  check_countries(problems, "jurisdictions", jurisdictions);
  check_price(problems, "pricePerGpuHour", price_per_gpu_hour);
  if (shed) check_shed(problems, "shed", *shed);
  check_labels(problems, "substitutes", substitutes);
  if (!substitutes.empty() && gpu_models.empty()) {
    problems.add("expected none: with no gpuModels every model is covered", "substitutes");
  }
  const bool capacity = billing == Billing::kCapacity;
  if (capacity && (service_class != ServiceClass::kReserved || ramp.empty())) {
    problems.add("expected usage: only a contract of class reserved with a ramp is paid for by capacity", "billing");
  }
  if (per_month) {
    check_sum(problems, "perMonth", *per_month);
    if (!capacity) problems.add("expected none, or billing: capacity", "perMonth");
  }
  if (minimum_per_month) check_sum(problems, "minimumPerMonth", *minimum_per_month);
  if (prepaid) check_sum(problems, "prepaid", *prepaid);
  if (overage) {
    check_overage(problems, "overage", *overage);
    if (ramp.empty()) problems.add("expected none: without a ramp nothing is beyond it", "overage");
  }
  if (sla) {
    check_sla(problems, "sla", *sla);
    if (service_class != ServiceClass::kReserved || ramp.empty()) {
      problems.add("expected none: only GPUs of a contract of class reserved with a ramp are promised", "sla");
    }
  }
  check_rows(problems, "options", options.size());
  for (std::size_t i = 0; i < options.size(); ++i) {
    const std::string place = fmt::format("options[{}]", i);
    check_between<std::int64_t>(problems, place + ".gpus", options[i].gpus, 1, kMostContractGpus);
    if (service_class != ServiceClass::kReserved) problems.add("expected none: only reserved GPUs are kept", place);
  }
  check_rows(problems, "amendments", amendments.size());
  for (std::size_t i = 0; i < amendments.size(); ++i) {
    const AmendmentSpec& row = amendments[i];
    const std::string place = fmt::format("amendments[{}]", i);
    if (i > 0 && row.from <= amendments[i - 1].from) {
      problems.add(fmt::format("expected a time after the row before it ({}), found {}",
                               Text<Time>::format(amendments[i - 1].from), Text<Time>::format(row.from)),
                   place + ".from");
    }
    if (row.price_per_gpu_hour) check_price(problems, place + ".pricePerGpuHour", *row.price_per_gpu_hour);
    if (row.per_month) check_sum(problems, place + ".perMonth", *row.per_month);
    if (row.per_month && !capacity) problems.add("expected none, or billing: capacity", place + ".perMonth");
    if (row.minimum_per_month) check_sum(problems, place + ".minimumPerMonth", *row.minimum_per_month);
    if (row.overage) check_overage(problems, place + ".overage", *row.overage);
    if (row.shed) check_shed(problems, place + ".shed", *row.shed);
    if (row.sla) check_sla(problems, place + ".sla", *row.sla);
    if (row.until && *row.until <= row.from) problems.add("expected a time after from", place + ".until");
  }
  const auto same_currency = [&](const std::optional<Money>& other, std::string_view field) {
    if (other && other->currency != price_per_gpu_hour.currency && !price_per_gpu_hour.currency.empty()) {
      problems.add(fmt::format("expected {}, the currency of pricePerGpuHour, found {}", price_per_gpu_hour.currency,
                               other->currency),
                   field);
    }
  };
  same_currency(per_month, "perMonth");
  same_currency(minimum_per_month, "minimumPerMonth");
  same_currency(prepaid, "prepaid");
  if (overage) same_currency(overage->price_per_gpu_hour, "overage.pricePerGpuHour");
  for (std::size_t i = 0; i < amendments.size(); ++i) {
    const std::string place = fmt::format("amendments[{}].", i);
    same_currency(amendments[i].price_per_gpu_hour, place + "pricePerGpuHour");
    same_currency(amendments[i].per_month, place + "perMonth");
    same_currency(amendments[i].minimum_per_month, place + "minimumPerMonth");
    if (amendments[i].overage) same_currency(amendments[i].overage->price_per_gpu_hour, place + "overage.pricePerGpuHour");
  }
  if (reclaim) {
    check_between(problems, "reclaim", *reclaim, seconds(1), hours(24));
    if (service_class != ServiceClass::kReserved) problems.add("expected none: only reserved GPUs are lent", "reclaim");
  }
  if (oversold && (service_class != ServiceClass::kReserved || ramp.empty())) {
    problems.add("expected false: only a contract of class reserved with a ramp is held to what is there", "oversold");
  }
  if (from && until && *from >= *until) {
    problems.add(
        fmt::format("expected a time after from ({}), found {}", Text<Time>::format(*from), Text<Time>::format(*until)),
        "until");
  }
  for (std::size_t i = 0; i < ramp.size(); ++i) {
    check_between<std::int64_t>(problems, fmt::format("ramp[{}].gpus", i), ramp[i].gpus, 0, kMostContractGpus);
    if (i > 0 && ramp[i].from <= ramp[i - 1].from) {
      problems.add(fmt::format("expected a time after the step before it ({}), found {}",
                               Text<Time>::format(ramp[i - 1].from), Text<Time>::format(ramp[i].from)),
                   fmt::format("ramp[{}].from", i));
    }
  }
}

ContractSpec terms_at(const ContractSpec& contract, Time at) {
  ContractSpec terms = contract;
  for (const AmendmentSpec& row : contract.amendments) {
    if (row.from > at) break;
    const auto take = [](const auto& from, auto& to) {
      if (from) to = *from;
    };
    take(row.price_per_gpu_hour, terms.price_per_gpu_hour);
    take(row.per_month, terms.per_month);
    take(row.minimum_per_month, terms.minimum_per_month);
    take(row.energy, terms.energy);
    take(row.overage, terms.overage);
    take(row.shed, terms.shed);
    take(row.sla, terms.sla);
    take(row.until, terms.until);
  }
  terms.amendments.clear();
  return terms;
}

}  // namespace penstock
