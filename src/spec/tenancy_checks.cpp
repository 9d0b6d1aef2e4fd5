// What tenants, projects and contracts must satisfy by themselves.
#include "spec/checks.h"
#include "spec/tenancy.h"

namespace penstock {

void TenantSpec::check(Problems& problems) const {
  check_countries(problems, "jurisdictions", jurisdictions);
  if (share) {
    Problems::Step at_share(problems, "share");
    share->check(problems);
  }
}

void ProjectSpec::check(Problems& problems) const {
  if (!share) return;
  Problems::Step at_share(problems, "share");
  share->check(problems);
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
  if (shed) {
    check_between(problems, "shed.to", shed->to, Ppm{0}, kWhole);
    if (shed->rebate) check_between(problems, "shed.rebate", *shed->rebate, Ppm{0}, kWhole);
  }
  if (reclaim) {
    check_between(problems, "reclaim", *reclaim, seconds(1), hours(24));
    if (service_class != ServiceClass::kReserved) problems.add("expected none: only reserved GPUs are lent", "reclaim");
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

}  // namespace penstock
